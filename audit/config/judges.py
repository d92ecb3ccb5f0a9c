"""What judges sampled answers, and the labelled answers that the judge is audited on."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import AfterValidator, Field, model_validator

from ...datasets.suites import SUITES
from .data import Written
from .language import is_language
from .model import AnySpec
from .section import Section, Values, absent

if TYPE_CHECKING:
    from .whole import Config

READERS = (
    "sklearn", "transformers", "torch", "onnx", "openvino", "litert", "callable", "endpoint", "variant",
)  # fmt: skip
"""Kinds of models that can judge texts."""
UNASKED = ("score", "prompt", "system", "samples", "temperature", "top_p")
"""Keys of a language model that say how it is asked, which its rubric says of a judge."""


def _patterns(given: list[str] | None) -> list[str] | None:
    for place, pattern in enumerate(given or []):
        try:
            re.compile(pattern)
        except re.error as error:
            raise ValueError(f"[{place}]: expected a regular expression, got {pattern!r} ({error})") from None
    return given


Refusals = Annotated[
    list[str] | None,
    AfterValidator(_patterns),
    Field(
        exclude_if=lambda value: value is None,
        description="Regular expressions of which one in the beginning of a sampled answer makes it a "
        "refusal; default phrases in English (docs/generation.md). An empty list: none is.",
    ),
]


class Labelled(Written):
    """Labelled answers, or texts like them, on which a judge is audited before it judges."""

    path: str = Field(description="CSV, Parquet, Feather or JSON lines; or the file of a suite.")
    suite: str | None = Field(
        None, exclude_if=absent,
        description="A suite of labelled texts (hatecheck, eec): it says text, label, positive and cluster.",
    )  # fmt: skip
    text: str | None = Field(None, exclude_if=absent, description="Column of the text that the judge reads.")
    label: str | None = Field(None, exclude_if=absent, description="Column of the true class.")
    cluster: str | None = Field(
        None,
        exclude_if=absent,
        description="Column that groups dependent rows, such as those of one template.",
    )
    positive: Values | None = Field(
        None, exclude_if=absent, description="Label value(s) that the judge should find positive."
    )
    negative: Values | None = Field(
        None, exclude_if=absent, description="Label value(s) that it should not find positive."
    )
    sensitive: list[str] | None = Field(
        None, exclude_if=lambda value: value is None,
        description="Sensitive features of the audit that these rows have too: the judge's errors are then "
        "those of each slice. Default those that the file has; [] for the errors of all rows together.",
    )  # fmt: skip
    decision: str | None = Field(
        None, exclude_if=absent,
        description="Column of the judge's decision, where the judge is no model but columns of predictions.",
    )  # fmt: skip
    score: str | None = Field(None, exclude_if=absent, description="Column of its score likewise.")

    @model_validator(mode="after")
    def _told(self) -> Labelled:
        known = [name for name, suite in SUITES.items() if suite.text and suite.roles.get("positive")]
        if self.suite is None:
            if self.label is None:
                raise ValueError("label: expected the column of the true class")
            if self.text == self.label:
                raise ValueError(f"text: column {self.text!r} is the label, which the judge is not to read")
            return self
        if self.suite not in known:
            raise ValueError(
                f"suite: expected one of labelled texts ({', '.join(known)}), got {self.suite!r}"
            )
        said = [key for key in ("text", "label", "positive", "negative", "cluster") if getattr(self, key)]
        if said:
            raise ValueError(f"{said[0]}: the suite {self.suite} knows it; leave it out")
        return self


class Rubric(Section):
    """What a language model is asked of each answer."""

    question: str = Field(description="A question about the text, with one of two words for an answer.")
    positive: str = Field("yes", description="The word that means positive.")
    negative: str = Field("no", description="The word that does not.")


class JudgeSpec(Section):
    """A judge: a model of texts, or nothing where columns of predictions hold what it has decided."""

    name: str | None = Field(None, exclude_if=absent, min_length=1, description="Default judge 1, judge 2.")
    model: AnySpec | None = Field(
        None, exclude_if=absent, description="The model, with keys as in model; its text is the answers'."
    )
    rubric: Rubric | None = Field(
        None, exclude_if=absent, description="What it is asked, where it is a language model."
    )
    audited_on: Labelled | None = Field(
        None, exclude_if=absent,
        description="Labelled answers that its errors are measured on; they enter the corrected rate.",
    )  # fmt: skip

    @model_validator(mode="after")
    def _as_one(self) -> JudgeSpec:
        if self.rubric is not None and (self.model is None or not is_language(self.model)):
            raise ValueError("rubric: is asked of a language model; expected one as model")
        if self.rubric is not None:
            self._check_asked()
        if self.model is not None and self.rubric is None and is_language(self.model):
            raise ValueError("rubric: expected what a language model is asked of each answer")
        if self.model is not None and self.rubric is None and self.model.resolved not in READERS:
            raise ValueError(
                f"model: expected a model of texts ({', '.join(READERS)}), got one of kind "
                f"{self.model.resolved}"
            )
        if self.audited_on is None:
            return self
        columns = [key for key in ("decision", "score") if getattr(self.audited_on, key) is not None]
        if self.model is None and not columns:
            raise ValueError(
                "audited_on: expected decision or score, the columns of what the judge said of the labelled "
                "rows, or model, the judge itself"
            )
        if self.model is not None and columns:
            raise ValueError(
                f"audited_on.{columns[0]}: the judge is a model, which decides itself; leave it out"
            )
        if self.model is not None and self.audited_on.text is None and self.audited_on.suite is None:
            raise ValueError("audited_on.text: expected the column of the text that the judge reads")
        return self

    def _check_asked(self) -> None:
        """ValueError for keys of a language model that do nothing beside a rubric."""
        assert self.model is not None
        # What stands before each prompt an address puts there itself.
        apart = ("system",) if self.model.resolved == "endpoint" else ()
        why = "a language model judges by its rubric alone, at temperature 0; leave it out"
        for key in UNASKED:
            known = type(self.model).model_fields.get(key)
            # What a run keeps of a configuration says defaults, too.
            if known and getattr(self.model, key) not in (None, known.default) and key not in apart:
                raise ValueError(f"model.{key}: {why}")


def check_judges(config: Config) -> None:
    """ValueError for judges of another task, or of answers without text."""
    said = [key for key in ("judge", "judges", "refusals") if getattr(config, key) is not None]
    if said and config.of_task.form != "generation":
        raise ValueError(f"{said[0]}: belongs to task: generation, the task is {config.of_task.name}")
    if config.judge is not None and config.judges is not None:
        raise ValueError("judges: judge names one already; leave one of them out")
    for place, (key, judge) in enumerate(_named(config)):
        if judge.model is None:
            _check_columns(config, key, place)
        else:
            _check_text(config, key, place)


def _named(config: Config) -> Sequence[tuple[str, JudgeSpec]]:
    many = config.judges is not None
    return [(f"judges[{i}]" if many else "judge", one) for i, one in enumerate(config.all_judges)]


def _check_columns(config: Config, key: str, place: int) -> None:
    """ValueError where no column of predictions holds what a judge that is no model has decided."""
    wanted = ("second",) if place else ("decision", "score")
    if not any(_said(config.model, name) for name in wanted):
        names = " or ".join(f"model.{name}" for name in wanted)
        raise ValueError(
            f"{key}.model: expected the judge, or {names}, columns of predictions with what it decided"
        )


def _check_text(config: Config, key: str, place: int) -> None:
    """ValueError where a judge has nothing to read, or its answers are judged already."""
    if config.model is None or config.model.resolved != "predictions":
        return
    if _said(config.model, "answer") is None:
        raise ValueError(f"{key}: a judge reads the text of answers; expected model.answer, its column")
    taken = [name for name in (("second",) if place else ("decision", "score")) if _said(config.model, name)]
    if taken:
        raise ValueError(f"{key}.model: model.{taken[0]} says already what is decided; leave one of them out")


def _said(model: Any, key: str) -> Any:
    return getattr(model, key, None)
