"""What is printed of a suite: its slices, what varies, what is amiss in its data, where its file is."""

from __future__ import annotations

import textwrap

from .suite import Suite

WIDTH, INDENT = 96, 14
SAID = {
    "choice": "answer: the column of each answer's text; or a language model",
    "pairs": "more, less (and unrelated): columns of scores; or a language model",
    "binary": "any classifier of texts; or score, decision: columns of predictions",
    "generation": "a language model; or answer, and score or decision of a judge: columns of predictions",
}
"""By task: what a configuration's ``model:`` is for a suite."""


def summary(suite: Suite) -> str:
    """The one line of a suite in ``fairweigh datasets list``."""
    return f"{suite.name:<22}suite: {suite.title}"


def show(suite: Suite) -> str:
    """A suite as text: what ``fairweigh datasets show`` prints."""
    facts = {
        "Task": suite.task,
        "Model": SAID[suite.task],
        "Slices": ", ".join(suite.columns),
        "Clusters": " or ".join(f"{column} ({many})" for column, many in suite.units.items()),
        "Licence": suite.licence,
        "Citation": suite.source,
    }
    lines = [suite.title, "=" * len(suite.title), ""]
    lines += [_hanging(f"{key + ':':<{INDENT}}", value) for key, value in facts.items()]
    if suite.twins:
        group, feature = ", ".join(suite.twins["group"]), suite.twins["feature"]
        lines.append(_hanging(f"{'Twins:':<{INDENT}}", f"of one {group}, which differ in {feature}"))
    if suite.defects:
        lines += ["", "Known defects", *(_hanging("- ", one) for one in suite.defects)]
    place = f"    looked for as it is given, then in $FAIRWEIGH_DATA/{suite.folder}/"
    lines += ["", "File", f"- data.path: {suite.file}", place]
    return "\n".join(lines) + "\n"


def _hanging(head: str, body: str) -> str:
    return textwrap.fill(head + body, WIDTH, subsequent_indent=" " * len(head), break_long_words=False)
