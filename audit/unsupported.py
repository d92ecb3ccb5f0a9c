"""Metrics under the names that other tools have for them, or of tasks that cannot be audited yet."""

from __future__ import annotations

import re

_ELSEWHERE = {
    "a text that a model writes": "bertscore bleu chrf meteor perplexity rouge rouge_l rouge1 rouge2 wer cer",
}
_TASK_OF = {name: task for task, names in _ELSEWHERE.items() for name in names.split()}


def metric_of_another_name(name: str) -> str | None:
    """Say what a metric is called here, or which task it is of that cannot be audited; None for others.

    Parameters
    ----------
    name : str
        As it was written: case, dashes and a depth such as ``@10`` do not matter.
    """
    # What is no name of a metric is told seldom, and the command line starts without the tasks.
    from ..tasks import METRICS
    from ..tasks.attention import INDICES

    known = list(METRICS.values())
    meant = {metric.name: metric for metric in known}
    for metric in known:
        for alias in (*metric.elsewhere, metric.fairlearn, metric.aif360, metric.aequitas):
            # A name that is one of the metrics' own, or of several, is that of the first.
            meant.setdefault(str(alias), metric)
    # scikit-learn calls a loss so that more of it is better.
    plain = re.sub(r"[^a-z0-9]+", "_", name.strip().lower()).strip("_").removeprefix("neg_")
    cut = re.sub(r"_(at_)?(k|\d+)$", "", plain)
    if (found := meant.get(plain) or meant.get(cut)) is not None:
        depth = f" with {found.depth}" if found.depth else ""
        return f"{name!r} is no known metric; did you mean {found.name!r}{depth}?"
    if any(plain == index.name for index in INDICES):
        return f"{name!r} is a figure of rankings, which are always told it; it is no metric of a gate"
    task = _TASK_OF.get(plain) or _TASK_OF.get(cut)
    return None if task is None else f"{name!r} is a metric of {task}, which cannot be audited yet"
