"""How a model's outputs are read: a head for each task, which nothing else asks for its task."""

from __future__ import annotations

from .base import Found, TaskHead, Wanted
from .binary import Head
from .multiclass import ClassesHead
from .multilabel import LabelsHead
from .regression import NumberHead
from .tags import TagsHead

__all__ = [
    "HEADS",
    "ClassesHead",
    "Found",
    "Head",
    "LabelsHead",
    "NumberHead",
    "TagsHead",
    "TaskHead",
    "Wanted",
    "head_of",
]

HEADS: dict[str, type[Head | ClassesHead | LabelsHead | NumberHead | TagsHead]] = {
    kind.task: kind for kind in (Head, ClassesHead, LabelsHead, NumberHead, TagsHead)
}
"""The head of each task."""


def head_of(found: Found, wanted: Wanted) -> TaskHead:
    """Read outputs for what is wanted.

    Raises
    ------
    InputError
        They are those of another task or of other classes.
    """
    return HEADS[wanted.task].of(found, wanted)
