"""Metrics under the names that other tools have for them, or of tasks that cannot be audited yet."""

from __future__ import annotations

import re
from collections.abc import Mapping

_ALIASES: Mapping[str, tuple[str, ...]] = {
    "ndcg": ("ndcg_score", "normalized_discounted_cumulative_gain", "dcg", "dcg_score"),
    "mean_exposure": ("exposure", "exposure_ratio"),
    "mean_absolute_error": ("mae", "mape", "median_absolute_error", "mean_absolute_percentage_error"),
    "root_mean_squared_error": ("rmse", "mse", "mean_squared_error", "rmsle", "msle"),
    "r_squared": ("r2", "r2_score", "explained_variance"),
    "macro_f1": ("f1_macro",),
    "micro_f1": ("f1_micro",),
    "exact_match": ("subset_accuracy",),
    "cohen_kappa": ("kappa", "quadratic_weighted_kappa"),
}
"""What a metric is called elsewhere, or what stands nearest to it here."""
_ELSEWHERE = {
    "tags of words (named entities)": (
        "chunk_f1 entity_accuracy entity_f1 entity_precision entity_recall ner_f1 seqeval span_f1 "
        "span_precision span_recall tag_accuracy token_accuracy token_f1"
    ),
    "a text that a model writes": "bertscore bleu chrf meteor perplexity rouge rouge_l rouge1 rouge2 wer cer",
}
_MEANT = {alias: name for name, aliases in _ALIASES.items() for alias in (name, *aliases)}
_TASK_OF = {name: task for task, names in _ELSEWHERE.items() for name in names.split()}


def metric_of_another_name(name: str) -> str | None:
    """Say what a metric is called here, or which task it is of that cannot be audited; None for others.

    Parameters
    ----------
    name : str
        As it was written: case, dashes and a depth such as ``@10`` do not matter.
    """
    plain = re.sub(r"[^a-z0-9]+", "_", name.strip().lower()).strip("_")
    cut = re.sub(r"_(at_)?(k|\d+)$", "", plain)
    if (meant := _MEANT.get(plain) or _MEANT.get(cut)) is not None:
        depth = " with data.last_rank" if meant == "ndcg" else ""
        return f"{name!r} is no known metric; did you mean {meant!r}{depth}?"
    task = _TASK_OF.get(plain) or _TASK_OF.get(cut)
    return None if task is None else f"{name!r} is a metric of {task}, which cannot be audited yet"
