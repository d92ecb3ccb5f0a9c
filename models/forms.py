"""What models say of a row, by task: what other files ask for, so that none asks for a task by its name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Form:
    """What a model of a task says of a row.

    Attributes
    ----------
    cut : bool
        A decision is a score at or above a number.
    classes : bool
        It decides for one of several classes, each with a probability.
    number : bool
        It predicts a number.
    lists : bool
        It orders rows: what it says of one depends on the others of its list.
    spans : bool
        It marks entities in a row.
    """

    cut: bool = False
    classes: bool = False
    number: bool = False
    lists: bool = False
    spans: bool = False


TWO = Form(cut=True)
FORMS = {
    "binary": TWO,
    "multiclass": Form(classes=True),
    "multilabel": Form(cut=True),
    "regression": Form(number=True),
    "ranking": Form(lists=True),
    "choice": Form(),
    "pairs": Form(),
    "ner": Form(spans=True),
    "generation": Form(),
}
"""By task."""
TASK_OF_LISTS = next(task for task, form in FORMS.items() if form.lists)


def form_of(model: Any) -> Form:
    """The form of a model; of one that names no task, that of two classes."""
    return FORMS[model.task] if hasattr(model, "task") else TWO
