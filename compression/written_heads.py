"""Heads as an artefact writes them: which outputs a model has, and how they become what it says."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag, model_validator

from ..models.written import Written


class HeadOf(Written):
    """How outputs become scores of two classes; the first of its kind, which names no task."""

    task: Literal["binary"] = "binary"

    labels: list[str] = Field(min_length=1)
    positive: list[int] = Field(min_length=1)
    kind: Literal["softmax", "sigmoid", "probabilities", "chances", "margins", "label"]
    own: bool = False

    @model_validator(mode="after")
    def _among_the_outputs(self) -> HeadOf:
        if not set(self.positive) < set(range(max(2, len(self.labels)))):
            raise ValueError(f"no outputs {self.positive} among {len(self.labels)}")
        if len(set(self.positive)) < len(self.positive) or (
            self.kind in ("sigmoid", "chances") and len(self.positive) > 1
        ):
            raise ValueError(f"expected different outputs, one for a sigmoid, got {self.positive}")
        return self


class ClassesOf(Written):
    """How outputs become classes."""

    task: Literal["multiclass"]
    labels: list[str] = Field(min_length=2)
    kind: Literal["softmax", "probabilities", "margins", "label"]
    own: bool = False


class LabelsOf(Written):
    """How outputs become labels each by itself."""

    task: Literal["multilabel"]
    labels: list[str] = Field(min_length=1)
    kind: Literal["sigmoid", "chances", "label"]


class NumberOf(Written):
    """An output that is a number."""

    task: Literal["regression"]


class TagsOf(Written):
    """Outputs that are tags of tokens."""

    task: Literal["ner"]
    labels: list[str] = Field(min_length=1)
    matching: Literal["strict", "conll"]
    types: dict[str, str]


def _task_of(head: Any) -> Any:
    return head.get("task", "binary") if isinstance(head, dict) else None


OneHead = Annotated[
    Annotated[HeadOf, Tag("binary")]
    | Annotated[ClassesOf, Tag("multiclass")]
    | Annotated[LabelsOf, Tag("multilabel")]
    | Annotated[NumberOf, Tag("regression")]
    | Annotated[TagsOf, Tag("ner")],
    Discriminator(_task_of),
]
