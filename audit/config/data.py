"""Where the rows are, what their columns mean, and how they are sliced."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import (
    Field,
    FiniteFloat,
    field_validator,
    model_validator,
)

from ...datasets.dialect import TextForm
from ...datasets.encoding import known_encoding
from ...datasets.tags import Matching, Scheme
from .entities import Filled, listed, or_names, with_attributes, with_names
from .section import Section, Value, Values, Word, absent

THOUSANDS = ("", ",", ".", " ", "'", "’", "\u00a0", "\u202f")
"""Marks between groups of three digits."""


class Twins(Section):
    """Counterfactual rows: those alike in ``group`` differ in the sensitive ``feature`` only."""

    group: list[str] = Field(
        min_length=1,
        description="Columns whose values are the same for twins. A blank is a value of its own; a row that "
        "is blank in all of them is left out.",
    )
    feature: str = Field(description="The sensitive feature in which twins differ.")

    @model_validator(mode="after")
    def _apart(self) -> Twins:
        if self.feature in self.group:
            raise ValueError(f"group: {self.feature!r} is the feature in which twins differ; leave it out")
        return self


class Selection(Section):
    """A part of the data, apart from the evaluation rows: a split, or a share drawn by a hash of the id."""

    split: Word | None = None
    share: float | None = Field(None, gt=0, lt=1)

    @model_validator(mode="after")
    def _one_way(self) -> Selection:
        if (self.split is None) == (self.share is None):
            raise ValueError("expected either split (of the data) or share (a number between 0 and 1)")
        return self


class Written(Section):
    """How a text file is written; what is not said is found by looking at the file."""

    separator: str | None = Field(None, description="Between values: one character, such as ';' or '\\t'.")
    decimal: Literal[".", ","] | None = Field(None, description="Mark before decimals.")
    thousands: str | None = Field(None, description="Mark between groups of three digits; '' for none.")
    encoding: str | None = Field(None, description="Such as latin-1, cp1252, utf-16 or gb18030.")
    skip: int | None = Field(None, ge=0, le=1000, description="Lines that stand before the header.")

    @field_validator("separator")
    @classmethod
    def _one_mark(cls, given: str | None) -> str | None:
        if given is not None and (
            len(given) != 1 or not given.isascii() or given in '\r\n\0"' or given.isalnum()
        ):
            raise ValueError(
                f"expected one character that is no letter or digit, such as ';' or '\\t', got {given[:20]!r}"
            )
        return given

    @field_validator("thousands")
    @classmethod
    def _group_mark(cls, given: str | None) -> str | None:
        if given is not None and given not in THOUSANDS:
            raise ValueError(f"expected one of {', '.join(map(repr, THOUSANDS))}, got {given[:20]!r}")
        return given

    @field_validator("encoding")
    @classmethod
    def _can_be_read(cls, given: str | None) -> str | None:
        return given if given is None else known_encoding(given)

    @model_validator(mode="after")
    def _two_marks(self) -> Written:
        if self.thousands and self.thousands == (self.decimal or "."):
            raise ValueError(
                f"thousands: expected another mark than that before decimals, {self.decimal or '.'!r}, "
                f"got {self.thousands!r}"
            )
        return self

    def form(self, key: str) -> TextForm | None:
        """What is said of the file, or None where nothing is; ``key`` is where that stands."""
        said = {name: getattr(self, name) for name in Written.model_fields}
        known = {name: value for name, value in said.items() if value is not None}
        return TextForm(**known, key=key) if known else None


class MissingWords(Section):
    """Words for a value that is not known, where a list to add is not enough."""

    add: list[str] | None = Field(None, description="Missing besides empty cells and the usual words.")
    keep: list[str] | dict[str, list[str]] | None = Field(
        None, description="Words such as NA that are values in text: everywhere, or by column."
    )
    only: list[str] | None = Field(None, description="Nothing but these and empty cells is missing.")

    @model_validator(mode="after")
    def _one_list(self) -> MissingWords:
        if self.only is not None and (self.add is not None or self.keep is not None):
            raise ValueError("only: says all that is missing; leave add and keep out")
        # By column, a word may be a value in one and missing in all others.
        both = [word for word in self.add or () if isinstance(self.keep, list) and word in self.keep]
        if both:
            raise ValueError(f"keep: {both[0]!r} is missing by add")
        return self


class Data(Written):
    """The evaluation data: a dataset card (``name``) or a file (``path``), and its columns' roles."""

    name: str | None = Field(None, description="A dataset card; see 'fairweigh datasets list'.")
    split: Word | None = Field(None, description="Split of the card ('all' for every row), or of the file.")
    split_column: str | None = Field(None, description="Column of the file that says each row's split.")
    path: str | None = Field(None, description="CSV, Parquet, Feather or JSON lines, also .gz.")
    label: str | None = Field(None, description="Column of the true class; optional.")
    positive: Values | None = Field(None, description="Label value(s) that count as positive.")
    negative: Values | None = Field(
        None, description="Label value(s) that count as negative; needed where more than one is not positive."
    )
    positive_is: Literal["benefit", "burden"] | None = Field(
        None,
        description="What a positive decision is to the person it falls on: a benefit (a loan, a job) or a "
        "burden (a risk rating, an investigation). Default what the card says. Where it is not said, no "
        "sentence calls a decision favourable or anyone worse off, and the highest rate is the one that "
        "impact ratios compare with; for a burden it is the lowest.",
    )
    classes: list[Value] | None = Field(
        None, exclude_if=absent,
        description="Classes of the label in the order in which they are shown, and in which a model's "
        "outputs without names stand; default those that occur, by name.",
    )  # fmt: skip
    labels: list[str] | None = Field(
        None, exclude_if=absent,
        description="Several labels at once: their columns, each of two classes.",
    )  # fmt: skip
    query: str | None = Field(None, exclude_if=absent, description="A ranking's column of the query.")
    item: str | None = Field(None, exclude_if=absent, description="A ranking's column of the item.")
    relevance: str | None = Field(
        None, exclude_if=absent, description="A ranking's column of an item's relevance to its query."
    )
    last_rank: int | None = Field(
        None, ge=1, exclude_if=absent, description="A ranking's last rank that counts; default all do."
    )
    tags: Word | None = Field(
        None, exclude_if=absent,
        description="Column of the true tags of each row's tokens, such as B-PER and O: lists, or text with "
        "spaces between; of a CoNLL file the place of the column, such as 2.",
    )  # fmt: skip
    tokens: Word | None = Field(
        None, exclude_if=absent, description="Column of the tokens, of which there are as many as tags."
    )
    spans: str | None = Field(
        None, exclude_if=absent,
        description="Column of the true entities themselves, in place of tags: in each row a list of "
        "{start, end, type}, by tokens, or by characters of text; end is the place behind the last one.",
    )  # fmt: skip
    text: str | None = Field(
        None, exclude_if=absent, description="Column of the text whose characters spans are counted by."
    )
    entity_attributes: dict[str, Word] | None = Field(
        None, exclude_if=absent,
        description="Features of single entities to slice by: by name, the column of their values (a list "
        "with one for each entity, or for each token), or the key of each of spans.",
    )  # fmt: skip
    scheme: Scheme | None = Field(
        None, exclude_if=absent,
        description="What tags there are: iob2 (the default; B- begins every entity), iob1 or io.",
    )  # fmt: skip
    matching: Matching | None = Field(
        None, exclude_if=absent,
        description="How tags are read that the scheme does not allow: strict (the default; they are in no "
        "entity) or conll (they begin one, as in conlleval).",
    )  # fmt: skip
    document: Word | None = Field(
        None, exclude_if=absent,
        description="Column of the document that a sentence is of; sentences of one depend on each other.",
    )  # fmt: skip
    prompt: str | None = Field(
        None, exclude_if=absent,
        description="Generation: column of the prompt that an answer is to; answers to one prompt depend on "
        "each other, and where no cluster is named a prompt is one.",
    )  # fmt: skip
    sample: str | None = Field(
        None, exclude_if=absent,
        description="Generation: column of the number of the answer among those sampled for its prompt.",
    )  # fmt: skip
    favourable: Values | None = Field(
        None, exclude_if=absent, description="Classes that are an advantage to the person, of several."
    )
    sensitive: list[str] | None = Field(None, description="Sensitive features.")
    id: str | None = Field(None, description="Column of unique row ids.")
    weight: str | None = Field(None, description="Column of row weights.")
    cluster: str | None = Field(None, description="Column that groups dependent rows.")
    count: str | None = Field(None, description="Column of counts: the table holds aggregated cells.")
    bins: dict[str, list[FiniteFloat]] | None = Field(
        None, description="Edges for numeric sensitive features."
    )
    merge: dict[str, dict[Word, Annotated[list[Value], Field(min_length=1)]]] | None = Field(
        None,
        description="By sensitive feature: values that are one slice, by its name: "
        "{sex: {Female: [F, female]}}. Models see the values as they are.",
    )
    missing: list[str] | MissingWords | None = Field(
        None,
        description="Words that mean 'not known', besides empty cells and, among numbers, the usual ones; or "
        "{add, keep, only}.",
    )
    categorical: list[str] | None = Field(
        None, description="Columns that hold categories, whatever their values look like."
    )
    where: dict[str, Annotated[list[Word], Field(min_length=1)]] | None = Field(
        None, exclude_if=absent,
        description="Items of a suite that are taken: by column, the values that they have.",
    )  # fmt: skip
    items: int | None = Field(
        None, ge=1, exclude_if=absent,
        description="Most items of a suite, spread over what varies as one, such as templates; default all.",
    )  # fmt: skip
    drop_missing: bool = Field(False, description="Leave out rows with a missing value in any column.")
    counterfactual: Twins | None = Field(
        None,
        description="Rows that differ in one sensitive feature only; or, of entities, names that are filled "
        "into templates: {names, name, by, templates, type, where}.",
        json_schema_extra=or_names,
    )
    filled: Filled | None = Field(
        None, exclude_if=absent, description="What counterfactual says of names, as a run keeps it."
    )
    selection: Selection | None = Field(
        None, description="Rows on which the variant to release is chosen; the others certify it."
    )
    validation: Selection | None = Field(
        None,
        description="Rows on which decision rules are fitted; they are not audited. Default a share of the "
        "training rows.",
    )

    @property
    def sensitive_features(self) -> list[str]:
        """The sensitive features that are named, or those of the dataset card, if there is such a card."""
        from ...datasets.card import card, names

        if self.sensitive is None and self.name in names():
            return card(str(self.name)).sensitive
        return self.sensitive or []

    @model_validator(mode="before")
    @classmethod
    def _of_entities(cls, given: Any) -> Any:
        return with_names(with_attributes(given))

    @field_validator("where", mode="before", json_schema_input_type=dict[str, list[Word] | Word])
    @classmethod
    def _one_value(cls, given: Any) -> Any:
        return listed(given)

    @model_validator(mode="after")
    def _one_source(self) -> Data:
        if (self.name is None) == (self.path is None):
            raise ValueError("expected either name (a dataset card) or path (a file)")
        if self.name is not None and self.split_column is not None:
            raise ValueError("split_column belongs to a file (path); a dataset card knows its splits")
        if self.favourable is not None and self.positive_is == "burden":
            raise ValueError(
                "positive_is: classes that are favourable are a benefit, got burden; leave it out"
            )
        said = [key for key in Written.model_fields if getattr(self, key) is not None]
        if self.name is not None and said:
            raise ValueError(
                f"{said[0]} belongs to a file (path); a dataset card knows how its files are written"
            )
        chosen_on = self.selection.split if self.selection else None
        if chosen_on is not None and (self.split in (None, "all") or chosen_on in (self.split, "all")):
            raise ValueError(
                "selection.split: expected another split than data.split, which must be set, and "
                f"neither 'all'; got {chosen_on!r} beside {self.split!r}"
            )
        fitted_on = self.validation.split if self.validation else None
        if fitted_on is not None and (
            self.split in (None, "all") or fitted_on in (self.split, chosen_on, "all")
        ):
            raise ValueError(
                "validation.split: expected another split than data.split, which must be set, and than "
                f"data.selection, and not 'all'; got {fitted_on!r} beside {self.split!r}"
            )
        if self.name is None and (self.split is None) != (self.split_column is None):
            raise ValueError("split and split_column belong together: the value, and the column it is in")
        return self


class Slices(Section):
    """Which slices are audited."""

    by: list[str] | None = Field(None, description="Sensitive features to slice by; default all.")
    intersections: int = Field(2, ge=1, le=6, description="Up to how many features are crossed.")
    min_size: int = Field(
        30, ge=1, description="Slices with fewer effective rows in the metric's denominator are not gated."
    )
    reference: dict[str, Value] = Field(
        default_factory=dict, description="Reference value per feature; default the largest slice."
    )
    most_crossings: int = Field(
        300, ge=0, description="Sets of two or more features that may be crossed; more are refused at once."
    )
    most_slices: int = Field(
        20_000, ge=1, description="Slices that figures are computed for; more are refused once counted."
    )


class TrainData(Written):
    """Rows that a model, or a step of compression, learns from."""

    name: str | None = None
    split: Word | None = None
    path: str | None = None
    label: str | None = Field(None, description="Column of its label; default that of data.")
    text: str | None = Field(
        None, exclude_if=absent,
        description="Of a language model: the column of texts to learn from or to calibrate with. Without it "
        "the file is one of the suite's own, whose items are not audited.",
    )  # fmt: skip
    positive: Values | None = Field(None, description="Its positive label value(s); default those of data.")
    negative: Values | None = Field(None, description="Its negative label value(s); default those of data.")
    validation: float | None = Field(
        None, gt=0, lt=1,
        description="Share of the rows, drawn by a hash of their id, that no step trains on and decision "
        "rules are fitted on; default 0.2 where a rule is fitted and data.validation is not set.",
    )  # fmt: skip
