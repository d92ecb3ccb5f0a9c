"""The configuration ``audit.yaml``: read, overridden, validated, one clear line when it is wrong."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from copy import deepcopy
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    FiniteFloat,
    PlainSerializer,
    SerializerFunctionWrapHandler,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_serializer,
    model_validator,
)
from ruamel.yaml.error import YAMLError

from ..datasets.columns import word
from ..datasets.dialect import TextForm
from ..datasets.encoding import known_encoding
from ..datasets.errors import InputError, told_of
from ..datasets.memory import PLACE
from ..metrics.limit import Limit
from ..metrics.table import DISPARITIES, METRICS
from ..models.address import served_at, variable, without_secrets
from ..plain import MOST_YAML_BYTES, from_yaml, read_bounded, shown
from .ladder import check_names, ladder
from .masked import masked
from .unsupported import metric_of_another_task

if TYPE_CHECKING:
    from ..compression.recipes import Family, Recipe


def _dated(given: Any) -> Any:
    """A day or a time that YAML read is the text that a table's slice of it is called."""
    return word(given) if isinstance(given, date) else given


Value = Annotated[bool | int | float | str, BeforeValidator(_dated)]
Values = Value | list[Value]
Confidence = Annotated[float, Field(gt=0.5, lt=1)]

THOUSANDS = ("", ",", ".", " ", "'", "’", "\u00a0", "\u202f")
"""Marks between groups of three digits."""

AGGREGATES = {f"{row.name}_{form}": row for row in DISPARITIES for form in row.forms}
"""Named disparities over all slices of a feature, such as demographic_parity_difference."""


class Section(BaseModel):
    """Base of the configuration's parts: strict about unknown keys and types."""

    model_config = ConfigDict(extra="forbid", frozen=True)


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

    split: str | None = None
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
    split: str | None = Field(None, description="Split of the card ('all' for every row), or of the file.")
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
    sensitive: list[str] | None = Field(None, description="Sensitive features.")
    id: str | None = Field(None, description="Column of unique row ids.")
    weight: str | None = Field(None, description="Column of row weights.")
    cluster: str | None = Field(None, description="Column that groups dependent rows.")
    count: str | None = Field(None, description="Column of counts: the table holds aggregated cells.")
    bins: dict[str, list[FiniteFloat]] | None = Field(
        None, description="Edges for numeric sensitive features."
    )
    merge: dict[str, dict[str, Annotated[list[Value], Field(min_length=1)]]] | None = Field(
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
    drop_missing: bool = Field(False, description="Leave out rows with a missing value in any column.")
    counterfactual: Twins | None = Field(None, description="Rows that differ in one sensitive feature only.")
    selection: Selection | None = Field(
        None, description="Rows on which the variant to release is chosen; the others certify it."
    )
    validation: Selection | None = Field(
        None,
        description="Rows on which decision rules are fitted; they are not audited. Default a share of the "
        "training rows.",
    )

    @model_validator(mode="after")
    def _one_source(self) -> Data:
        if (self.name is None) == (self.path is None):
            raise ValueError("expected either name (a dataset card) or path (a file)")
        if self.name is not None and self.split_column is not None:
            raise ValueError("split_column belongs to a file (path); a dataset card knows its splits")
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
    split: str | None = None
    path: str | None = None
    label: str | None = Field(None, description="Column of its label; default that of data.")
    positive: Values | None = Field(None, description="Its positive label value(s); default those of data.")
    negative: Values | None = Field(None, description="Its negative label value(s); default those of data.")
    validation: float | None = Field(
        None, gt=0, lt=1,
        description="Share of the rows, drawn by a hash of their id, that no step trains on and decision "
        "rules are fitted on; default 0.2 where a rule is fitted and data.validation is not set.",
    )  # fmt: skip


Kind = Literal[
    "sklearn", "predictions", "callable", "transformers", "torch", "onnx", "openvino", "litert", "endpoint",
    "variant",
]  # fmt: skip

SHARED_KEYS = {"kind", "threshold", "train"}
NEURAL_KEYS = {"path", "positive", "device", "dtype", "batch_rows", "batch_tokens", "compile"}
KEYS: dict[str, set[str]] = {
    "sklearn": {"estimator", "params", "features", "path", "trusted", "trust_pickle"},
    "predictions": {
        "path",
        "score",
        "decision",
        "positive",
        "negative",
        "id",
        "scale",
        *Written.model_fields,
    },
    "callable": {"function", "features", "scale"},
    "transformers": NEURAL_KEYS | {"task", "text", "text_pair", "image", "max_length", "train_text"},
    "torch": NEURAL_KEYS | {"factory", "features", "shape", "output", "output_name"},
    "onnx": NEURAL_KEYS
    | {"output", "output_name", "features", "shape", "text", "text_pair", "tokenizer", "max_length"},
    "endpoint": {
        "endpoint", "protocol", "key_env", "features", "shape", "text", "text_pair", "tokenizer",
        "max_length", "output", "output_name", "positive", "batch_rows", "batch_tokens",
    },
    "variant": {"path", "device", "factory", "function", "trusted"},
}  # fmt: skip
KEYS["openvino"] = KEYS["litert"] = KEYS["onnx"]
"""Keys of each kind of model, besides the shared ones."""
ORIGIN_KEYS = {
    "kind", "path", "estimator", "params", "trusted", "trust_pickle", "function", "factory", "task",
    "endpoint", "protocol", "key_env",
}  # fmt: skip
"""Keys that say where a model comes from."""
UNTRAINED = ("predictions", "callable", "endpoint", "variant")
KINDS_BY_ENDING: dict[str, Kind] = {".onnx": "onnx", ".xml": "openvino", ".tflite": "litert"}
"""Kinds that the name of a file tells."""
TEXT_RUNTIMES = ("onnx", "openvino", "litert")
"""Kinds of a file alone, which takes its tokenizer from a folder."""
SCORED = ("onnx", "predictions", "callable")
"""Kinds that no recipe changes; a rule can stand behind their scores."""


class ModelSpec(Written):
    """The model: trained here, saved, served (``endpoint``), a table of predictions, or a callable."""

    kind: Kind | None = None
    estimator: str | None = Field(None, description="Dotted path of a scikit-learn classifier.")
    params: dict[str, Any] = Field(default_factory=dict)
    train: TrainData | None = None
    features: list[str] | None = Field(
        None, description="Columns the model sees; default all without another role."
    )
    path: str | None = None
    trusted: list[str] = Field(
        default_factory=list, description="Types allowed in a skops file, also in that of an artefact."
    )
    trust_pickle: bool = False
    score: str | None = Field(None, description="Score column of a predictions table.")
    decision: str | None = Field(None, description="Decision column of a predictions table.")
    positive: Values | None = Field(
        None, description="Value(s) of the decision column that count as positive."
    )
    negative: Values | None = Field(
        None,
        description="Value(s) of the decision column that count as negative; needed where more than one is "
        "not positive.",
    )
    id: str | None = Field(None, description="Id column of a separate predictions table.")
    function: str | None = Field(None, description="package.module:function")
    threshold: float | None = Field(
        None, description="Scores at or above it are selected.", allow_inf_nan=False
    )
    scale: Literal["probability", "rank"] = "probability"
    task: Literal["text-classification", "image-classification"] = "text-classification"
    text: str | None = Field(None, description="Column of the text.")
    text_pair: str | None = Field(None, description="Column of the second text of a pair.")
    train_text: str | None = Field(
        None, description="Column of the text in model.train; default the same as text."
    )
    image: str | None = Field(None, description="Column of image files or bytes.")
    endpoint: str | None = Field(
        None,
        description="Address of a model that is served elsewhere: http(s)://HOST/v2/models/NAME, or "
        "http(s)://HOST/invocations of MLflow. Nothing else is called.",
    )
    protocol: Literal["open-inference", "mlflow"] | None = Field(
        None,
        description="What the server speaks: the Open Inference Protocol (v2, REST), or MLflow's scoring.",
    )
    key_env: str | None = Field(
        None,
        description="Name of the environment variable with the server's key, sent as a bearer token and kept "
        "nowhere.",
    )
    tokenizer: str | None = Field(None, description="Folder of the tokenizer of an ONNX or served model.")
    max_length: int | None = Field(None, ge=2, description="Tokens per text; default the model's limit.")
    factory: str | None = Field(None, description="package.module:function that returns a torch module.")
    shape: list[int] | None = Field(
        None, description="Shape of one row's tensor, where features is a column."
    )
    output: Literal["logits", "probabilities", "label"] | None = Field(
        None,
        description="What the outputs of a torch, ONNX or served model are; default what makes them, their "
        "names and their values say.",
    )
    output_name: str | None = Field(
        None, description="Name of the output that is read, where a torch, ONNX or served model has several."
    )
    device: str = Field("auto", description="cpu, cuda or cuda:N; auto takes CUDA when it is there.")
    dtype: Literal["float32", "bfloat16", "float16"] | None = Field(
        None, description="Type that the weights are cast to; default the one that they are stored in."
    )
    compile: bool = Field(False, description="Serve the module through torch.compile.")
    batch_rows: int = Field(64, ge=1, description="Most rows in a batch.")
    batch_tokens: int = Field(2048, ge=1, description="Most tokens in a batch, padding included.")

    @field_validator("key_env")
    @classmethod
    def _a_name(cls, given: str | None) -> str | None:
        return given if given is None else variable(given)

    @field_validator("endpoint")
    @classmethod
    def _no_secret(cls, given: str | None) -> str | None:
        return given if given is None else without_secrets(given)

    @model_validator(mode="after")
    def _of_one_kind(self) -> ModelSpec:
        kind = self.resolved
        allowed = KEYS[kind] | SHARED_KEYS
        defaults = {
            name: info.get_default(call_default_factory=True)
            for name, info in type(self).model_fields.items()
        }
        extra = sorted(n for n in self.model_fields_set - allowed if getattr(self, n) != defaults[n])
        if extra:
            raise ValueError(f"a model of kind {kind} has no {', '.join(extra)}")
        if self.decision is not None and self.threshold is not None:
            raise ValueError("threshold: the decision column decides already; leave one of them out")
        if kind == "sklearn":
            if (self.estimator is None) == (self.path is None):
                raise ValueError("expected either estimator (trained here) or path (a saved model)")
            if self.estimator and self.train is None:
                raise ValueError("train: expected the data to train the estimator on")
        if kind == "callable" and self.function is None:
            raise ValueError("function: expected package.module:function")
        if kind in ("transformers", *TEXT_RUNTIMES, "variant") and self.path is None:
            raise ValueError(f"path: a model of kind {kind} needs one")
        if kind == "transformers" and self.task == "text-classification" and self.text is None:
            raise ValueError("text: expected the column of the text")
        if kind == "transformers" and self.task == "image-classification" and self.image is None:
            raise ValueError("image: expected the column of the images")
        if kind == "torch" and self.path is None and self.factory is None:
            raise ValueError("expected path (a .pt2 or .safetensors file), factory, or both")
        if kind == "endpoint":
            if self.endpoint is None or self.protocol is None:
                raise ValueError(
                    "endpoint: expected its address"
                    if self.endpoint is None
                    else "protocol: expected open-inference or mlflow, which the server at endpoint speaks"
                )
            served_at(self.endpoint, self.protocol)
            if self.protocol == "mlflow" and (self.tokenizer or self.shape):
                key = "tokenizer" if self.tokenizer else "shape"
                raise ValueError(f"{key}: MLflow's protocol takes columns as they are, and no tensors")
        if self.train is not None and kind in UNTRAINED:
            raise ValueError(f"train: a model of kind {kind} cannot be trained")
        return self

    @property
    def resolved(self) -> Kind:
        """The kind, inferred from the keys where it is not written."""
        if self.kind is not None:
            return self.kind
        if self.function is not None:
            return "callable"
        if self.endpoint is not None:
            return "endpoint"
        if self.text is not None or self.image is not None:
            return "transformers"
        if self.factory is not None or str(self.path).endswith(".pt2"):
            return "torch"
        if (found := KINDS_BY_ENDING.get(Path(str(self.path)).suffix)) is not None:
            return found
        return "predictions" if self.score or self.decision else "sklearn"


ELSEWHERE = {
    ".mlpackage": "CoreML", ".mlmodel": "CoreML", ".engine": "TensorRT", ".plan": "TensorRT",
    ".trt": "TensorRT",
}  # fmt: skip
"""Files of runtimes that need another machine than the audit's, by their ending."""
ENDINGS: dict[str, Kind] = {
    ".skops": "sklearn", ".joblib": "sklearn", ".pkl": "sklearn", ".pickle": "sklearn", ".pt2": "torch",
    ".safetensors": "torch", ".csv": "predictions", ".parquet": "predictions", ".feather": "predictions",
    ".jsonl": "predictions", **KINDS_BY_ENDING,
}  # fmt: skip
"""What a given variant's file is, by its ending."""


class GivenVariant(ModelSpec):
    """A variant that was made elsewhere; what it does not say is as the model has it.

    Its predictions stand in further columns of the evaluation table (``score``, ``decision``) or in a file
    (with ``path``), or it is a model that is scored here.
    """

    name: str

    @model_validator(mode="after")
    def _of_one_kind(self) -> GivenVariant:
        origins = (self.path, self.function, self.factory, self.endpoint)
        if all(origin is None for origin in origins) and not self.in_columns:
            raise ValueError(
                "expected path (a file or folder), function, endpoint, or decision or score (or both), "
                "columns of its predictions"
            )
        if self.train is not None or self.estimator is not None:
            raise ValueError(
                f"{'train' if self.train is not None else 'estimator'}: a given variant comes trained; "
                "expected path, function or its predictions"
            )
        if self.decision is not None and self.threshold is not None:
            raise ValueError("threshold: the decision column decides already; leave one of them out")
        made_for = ELSEWHERE.get(Path(str(self.path)).suffix)
        if made_for is not None:
            raise ValueError(
                f"path: {self.path} runs in {made_for}, which is not here; score the rows where it runs and "
                "give its predictions: path to a table with data.id, and score or decision"
            )
        return self

    @model_serializer(mode="wrap")
    def _as_given(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """What was said and nothing else: what was not is as the model has it."""
        return {key: value for key, value in dump(self).items() if key in self.model_fields_set}

    @property
    def in_columns(self) -> bool:
        """Whether its predictions are given, and no model."""
        return self.score is not None or self.decision is not None

    def as_model(self, model: ModelSpec, kind: Kind) -> ModelSpec:
        """What ``model:`` would say of it: its own keys, and those of the model that its kind has too."""
        own = {key: getattr(self, key) for key in self.model_fields_set - {"name"}}
        apart = ORIGIN_KEYS - {"task"} | {"train", "dtype", *Written.model_fields}
        if kind == "predictions":
            # Of the same values as the model's, in columns of its own.
            apart = apart | {"score", "decision", "id"}
        if "decision" in own:
            apart = apart | {"threshold"}
        if kind == "sklearn":
            # A smaller one may read fewer columns, and names them.
            apart = apart | {"features"}
        if model.resolved == kind == "torch" and str(self.path).endswith(".safetensors"):
            apart = apart - {"factory"}
        if kind == "endpoint":
            # Whether a server takes texts or their tokens it does not inherit.
            apart = apart | {"tokenizer", "max_length", "shape"}
        kept = (KEYS[kind] | SHARED_KEYS) - apart
        shared = {key: getattr(model, key) for key in model.model_fields_set & kept}
        if kind in TEXT_RUNTIMES and model.resolved == "transformers" and model.text is not None:
            shared = {"tokenizer": model.path, **shared}
        if kind == "transformers" and model.resolved in TEXT_RUNTIMES:
            shared = {key: value for key, value in shared.items() if key != "tokenizer"}
        return ModelSpec.model_validate({**shared, **own, "kind": kind})


COSTS = Literal["storage", "compute", "memory", "latency", "flops"]


class Gate(Section):
    """A requirement: a metric, the slices it speaks of, how they are compared, a limit."""

    id: str | None = None
    metric: str = ""
    cost: COSTS | None = Field(None, description="A cost of compression, as a ratio to the original's.")
    on: str = Field(
        "original",
        description="'original', 'compressed', 'mitigated' (every such variant) or a variant's name.",
    )
    by: str | list[str] | None = Field(None, description="Feature(s) whose slices are compared.")
    slice: dict[str, Value] | None = Field(None, description="One slice only, by its values.")
    compare: Literal["value", "difference", "ratio", "change"] = Field(
        "value", description="change: after - before, of the metric or (with by) of its gap to the reference."
    )
    reference: Value | dict[str, Value] | None = Field(
        None, description="Reference slice; 'highest', 'lowest' or 'largest' also do."
    )
    limit: str
    decide: Literal["proven", "point"] | None = Field(
        None, description="Default: proven for gates over slices, point for one overall figure."
    )
    include_small: bool = Field(False, description="Gate slices below min_size too.")
    include_unknown: bool = Field(False, description="Gate slices of missing values too.")
    set_by: str | None = Field(None, description="Who set the limit, and where; the report quotes it.")
    reason: str | None = Field(None, description="Why this metric and this limit; the report quotes it.")

    @model_validator(mode="after")
    def _sensible(self) -> Gate:
        limit = Limit.parse(self.limit)
        if self.cost is not None:
            if self.metric or self.features or self.compare != "value" or self.decide == "proven":
                raise ValueError("a cost gate has cost, on and limit, and no metric, by, slice or compare")
            if self.on == "original":
                raise ValueError(
                    "on: the cost of the original is 1 by definition; expected 'compressed' or 'mitigated'"
                )
            return self
        if self.compare == "change" and not (limit.upper and limit.value >= 0) and self.by is not None:
            raise ValueError("limit: the growth of a gap is limited from above, such as '<= 0.02'")
        if self.metric not in METRICS and self.metric not in AGGREGATES:
            raise ValueError(f"metric: {unknown(self.metric, [*METRICS, *AGGREGATES], 'metric')}")
        if self.metric in AGGREGATES and (self.compare != "value" or not self.features or self.slice):
            raise ValueError(f"{self.metric} compares all slices of a feature: it needs by, and no compare")
        if self.compare in ("difference", "ratio") and not self.features:
            raise ValueError(f"compare: {self.compare} needs by, the feature whose slices are compared")
        form = self.metric.rpartition("_")[2] if self.metric in AGGREGATES else self.compare
        if form == "difference" and (not limit.upper or limit.value < 0):
            raise ValueError("limit: a difference is limited from above, such as '<= 0.1'")
        if form == "ratio" and (limit.upper or not 0 < limit.value <= 1):
            raise ValueError("limit: a ratio is limited from below by a number in (0, 1], such as '>= 0.8'")
        rows = AGGREGATES[self.metric].metrics if self.metric in AGGREGATES else (self.metric,)
        if form != "ratio" and abs(limit.value) > 1 and all(METRICS[name].percent for name in rows):
            raise ValueError(
                f"limit: {self.metric} lies between 0 and 1, so that {self.limit!r} never binds or never "
                f"holds; expected a share such as 0.1, or '{self.limit.strip()} %'"
            )
        if self.compare == "ratio" and self.metric in METRICS and not METRICS[self.metric].ratio:
            raise ValueError(f"compare: a ratio of {self.metric} means nothing, as it may be negative")
        if self.slice is not None and self.features and set(self.slice) != set(self.features):
            raise ValueError("slice: expected a value for each feature of by")
        return self

    @property
    def features(self) -> tuple[str, ...]:
        """The features whose slices the gate speaks of; empty for the whole set."""
        if self.by is not None:
            return (self.by,) if isinstance(self.by, str) else tuple(self.by)
        return tuple(self.slice) if self.slice else ()

    @property
    def rule(self) -> Literal["proven", "point"]:
        """How the gate decides, with the default filled in."""
        if self.cost is not None:
            return "point"
        return self.decide or ("proven" if self.features or self.compare == "change" else "point")


class Planned(Section):
    """A variant to make: its name, the steps of its recipe in order, and what it starts from."""

    name: str
    steps: list[dict[str, dict[str, Any]]]
    on: str = Field("original", description="'original', 'compressed' (each of them), or a variant's name.")

    @property
    def named(self) -> list[tuple[str, dict[str, Any]]]:
        """The steps as (recipe, parameters)."""
        return [(recipe, params) for step in self.steps for recipe, params in step.items()]


class Objective(Section):
    """What the choice among the variants is made by (DESIGN, section 6)."""

    weights: dict[str, Annotated[float, Field(ge=0)]] = Field(
        default_factory=lambda: {"compute": 1.0, "storage": 1.0}, description="Of the cost's two parts."
    )
    performance: str | None = Field(None, description="Metric of performance; default accuracy, else auc.")
    gaps: list[str] | None = Field(
        None, description="Metrics whose gaps are judged; default those of the gates over slices."
    )
    targets: dict[str, str] = Field(
        default_factory=dict,
        description="Limits by name: a metric, a cost ratio, or agreement (with the original's decisions).",
    )
    require_selection: bool = Field(
        False,
        description="The variant to release must be chosen on other rows than those that judge it "
        "(data.selection); a choice that is not is an error.",
    )

    @model_validator(mode="after")
    def _known(self) -> Objective:
        for name in [*([self.performance] if self.performance else []), *(self.gaps or [])]:
            if name not in METRICS:
                raise ValueError(f"{unknown(name, list(METRICS), 'metric')}")
        for name in self.weights:
            if name not in ("compute", "storage"):
                raise ValueError(f"weights: {unknown(name, ['compute', 'storage'], 'part of the cost')}")
        if not sum(self.weights.values()) > 0:
            raise ValueError("weights: expected at least one above 0")
        for name, limit in self.targets.items():
            if name not in (*METRICS, *get_args(COSTS), "agreement"):
                raise ValueError(
                    f"targets: {unknown(name, [*METRICS, *get_args(COSTS), 'agreement'], 'target')}"
                )
            Limit.parse(limit)
        return self


class ReportSpec(Section):
    """How the report is headed and drawn."""

    title: str | None = None
    charts: bool = True
    language: Literal["en", "zh"] = Field("en", description="Of the report: English or Simplified Chinese.")
    regimes: list[str | dict[str, dict[str, Any] | None]] = Field(
        default_factory=list,
        description="Rules to report under: a name, or {name: {input: value}}; see 'fairweigh regimes'.",
    )

    reasons: dict[str, str] = Field(
        default_factory=dict, description="Why each metric or disparity was chosen; the report quotes it."
    )

    @field_validator("reasons")
    @classmethod
    def _metrics_known(cls, given: dict[str, str]) -> dict[str, str]:
        for name in given:
            if name not in METRICS and name not in AGGREGATES:
                raise ValueError(unknown(name, [*METRICS, *AGGREGATES], "metric"))
        return given

    @field_validator("regimes")
    @classmethod
    def _regimes_known(cls, given: list[Any]) -> list[Any]:
        from .regimes.base import listed

        listed(given)
        return given


class History(Section):
    """The database in which each run is recorded."""

    url: Annotated[str, PlainSerializer(masked)] = Field(
        "sqlite:///fairness.db", description="Any SQLAlchemy address; kept and shown without its password."
    )
    required: bool = Field(False, description="A run that cannot be recorded ends with exit code 2.")


class Config(Section):
    """A whole audit."""

    audit: str = Field(description="Name of the audit; the run's folder is called so.", min_length=1)
    data: Data
    slices: Slices = Slices()
    model: ModelSpec | None = Field(None, description="Without a model the labels themselves are audited.")
    metrics: list[str] | None = Field(None, description="Default: the usual ones that the data allow.")
    variants: list[GivenVariant] = Field(
        default_factory=list,
        description="Variants made elsewhere, scored on the same rows: {name, path, function or endpoint} "
        "with keys as in model, or {name, score or decision} in further columns; of aggregated counts the "
        "cells are then joint ones.",
    )
    compressions: list[Planned] = Field(
        default_factory=list,
        description="Recipes: a name, {name: {param: value}}, a list of these as a chain, "
        "{name: ..., recipe: ...}, or {sweep: {name: {param: [values]}}}.",
    )
    mitigations: list[Planned] = Field(
        default_factory=list,
        description="The same for recipes that repair; {on: compressed, recipe: ...} starts from each "
        "compressed variant, {on: NAME, recipe: ...} from one of them.",
    )
    objective: Objective = Objective()
    gates: list[Gate] = Field(default_factory=list)
    confidence: Confidence = 0.95
    seed: int = Field(0, ge=0, lt=1 << 64)
    report: ReportSpec = ReportSpec()
    release: str | None = Field(
        None, description="Name of the release, for its history; default the day.", min_length=1
    )
    track: list[Literal["mlflow", "tensorboard", "wandb"]] = Field(
        default_factory=list, description="Trackers that are told of the run."
    )
    history: History | None = Field(None, description="A database address, or {url: ..., required: true}.")

    @field_validator("history", mode="before", json_schema_input_type=str | History | None)
    @classmethod
    def _history(cls, given: Any) -> Any:
        return {"url": given} if isinstance(given, str) else given

    @field_validator("release", mode="before")
    @classmethod
    def _release(cls, given: Any) -> Any:
        # YAML reads 1.10 as the number 1.1: the name would not be the one that was written.
        if isinstance(given, (bool, int, float, date)):
            raise ValueError(f"expected text, got {given!r} after YAML; put it in quotes")
        return given

    @field_validator("compressions", "mitigations", mode="before")
    @classmethod
    def _expanded(cls, given: Any, info: ValidationInfo) -> Any:
        return ladder(given, on=info.field_name == "mitigations") if given else []

    @property
    def planned(self) -> list[Planned]:
        """Every variant to make, each with one variant or the original to start from."""
        out = list(self.compressions)
        for wanted in self.mitigations:
            starts = [c.name for c in self.compressions] if wanted.on == "compressed" else [wanted.on]
            for start in starts:
                name = wanted.name if wanted.on != "compressed" else f"{start}+{wanted.name}"
                out.append(wanted.model_copy(update={"name": name, "on": start}))
        return out

    @property
    def decides_by_time(self) -> bool:
        """Whether a gate, a target or the choice among variants looks at how long they take."""
        timed = ("compute", "latency")
        asked = any(gate.cost in timed for gate in self.gates)
        return (
            asked
            or self.objective.weights.get("compute", 0) > 0
            or bool(set(timed) & set(self.objective.targets))
        )

    @property
    def competes(self) -> bool:
        """Whether there are variants among which one is chosen: of predictions alone nothing is released."""
        return bool(self.planned) or any(not given.in_columns for given in self.variants)

    @property
    def fits_rules(self) -> bool:
        """Whether some step fits a decision rule, and so needs rows that no step trains on."""
        return any(_finds(name, self.family).rule for p in self.planned for name, _ in p.named)

    @property
    def family(self) -> Family:
        """What recipes work on: a classifier, a module, an ONNX model's scores, or scores from outside."""
        kind = self.model.resolved if self.model else None
        families: dict[str | None, Family] = {
            "sklearn": "sklearn", "onnx": "onnx", "predictions": "scores", "callable": "scores",
        }  # fmt: skip
        return families.get(kind, "torch")

    @model_validator(mode="after")
    def _known(self) -> Config:
        for name in self.metrics or []:
            if name not in METRICS:
                raise ValueError(f"metrics: {unknown(name, list(METRICS), 'metric')}")
        ids = [g.id for g in self.gates if g.id]
        for name in ids:
            if ids.count(name) > 1:
                raise ValueError(f"gates: two gates have the id {name!r}")
        self._check_recipes()
        self._check_given()
        variants = [*(p.name for p in self.planned), *(v.name for v in self.variants)]
        known = ["original", "compressed", "mitigated", *variants]
        for i, gate in enumerate(self.gates):
            if gate.on not in known:
                raise ValueError(f"gates[{i}].on: {unknown(gate.on, known, 'variant')}")
            if gate.compare == "change" and gate.on == "original":
                raise ValueError(
                    f"gates[{i}].on: the original has not changed; expected 'compressed', 'mitigated' or a "
                    "variant's name (in a policy, such a gate compares with the baseline)"
                )
            for group, given in (("compressed", self.compressions), ("mitigated", self.mitigations)):
                if gate.on == group and not given and not (self.variants and group == "compressed"):
                    key = "compressions" if group == "compressed" else "mitigations"
                    raise ValueError(f"gates[{i}].on: {group}, but {key} names no recipe")
        self._check_regimes(["original", *variants])
        return self

    def _check_given(self) -> None:
        if not self.variants:
            return
        if self.model is None:
            raise ValueError("variants: stand beside a model, and there is none; expected model")
        try:
            check_names([*(p.name for p in self.planned), *(v.name for v in self.variants)])
        except ValueError as error:
            raise ValueError(f"variants: {error}") from None
        for i, given in enumerate(self.variants):
            if self.data.count is not None and (given.score is not None or not given.in_columns):
                what = "has no score" if given.in_columns else "cannot be scored by a model"
                raise ValueError(f"variants[{i}]: a cell of aggregated counts {what}; expected decision")
            if (kind := given_kind(given, self.model)) is not None:
                try:
                    given.as_model(self.model, kind)
                except ValidationError as error:
                    raise ValueError(f"variants[{i}]: {first_problem(error, ModelSpec)}") from None

    def _check_regimes(self, variants: Sequence[str]) -> None:
        from .regimes.base import listed

        for wanted in listed(self.report.regimes):
            name = wanted.inputs.variant
            if name is not None and name not in variants:
                raise ValueError(
                    f"report.regimes: {wanted.regime.name}: variant: {unknown(name, variants, 'variant')}"
                )

    def _check_recipes(self) -> None:
        planned = self.planned
        if self.objective.require_selection and self.competes and self.data.selection is None:
            raise ValueError(
                "objective.require_selection: the variant is to be chosen on rows of their own; "
                "expected data.selection, got none"
            )
        for i, wanted in enumerate(self.mitigations):
            if wanted.on == "compressed" and not self.compressions:
                raise ValueError(f"mitigations[{i}].on: compressed, but compressions names no recipe")
        if not planned:
            again = self.model is not None and self.model.resolved == "variant"
            for key, rows in (("selection", self.data.selection), ("validation", self.data.validation)):
                # An artefact's rule was fitted on rows that must be left out when it is audited again.
                if rows is None or (again and key == "validation"):
                    continue
                if key == "validation" or not self.competes:
                    more = ", or models given as variants" if key == "selection" else ""
                    raise ValueError(
                        f"data.{key}: used by compressions and mitigations{more} alone, and there are none"
                    )
            return
        for key, named in (("compressions", self.compressions), ("mitigations", planned)):
            try:
                check_names([p.name for p in named])
            except ValueError as error:
                raise ValueError(f"{key}: {error}") from None
        kind = self.model.resolved if self.model else None
        changed = ("sklearn", "transformers", "torch")
        if self.compressions and kind not in changed:
            raise ValueError(
                "compressions: expected a model that can be changed (sklearn, transformers or torch), got "
                + (f"one of kind {kind}" if kind else "none")
            )
        if kind not in (*changed, *SCORED):
            raise ValueError(
                "mitigations: expected a model that can be changed (sklearn, transformers or torch), or one "
                f"whose scores can be cut ({', '.join(SCORED[:-1])} or {SCORED[-1]}), got "
                + (f"one of kind {kind}" if kind else "none")
            )
        for key, given in (("compressions", self.compressions), ("mitigations", self.mitigations)):
            for i, wanted in enumerate(given):
                if not wanted.steps:
                    raise ValueError(f"{key}[{i}]: expected at least one recipe, got none")
                for name, params in wanted.named:
                    _check_step(f"{key}[{i}]", name, params, self.family)
        starts = ["original", "compressed", *(c.name for c in self.compressions)]
        for i, wanted in enumerate(self.mitigations):
            if wanted.on not in starts:
                raise ValueError(
                    f"mitigations[{i}].on: {unknown(wanted.on, starts, 'variant to start from')}"
                )
        self._check_rows_of_rules()

    def _check_rows_of_rules(self) -> None:
        """ValueError where a rule is wanted and there are no scores, or no rows to fit it on."""
        if not self.fits_rules:
            if self.data.validation is not None:
                raise ValueError("data.validation: no step fits a rule on it; leave it out")
            if self.model and self.model.train and self.model.train.validation:
                raise ValueError("model.train.validation: no step fits a rule on it; leave it out")
            return
        assert self.model is not None
        if self.model.resolved == "predictions" and self.model.score is None:
            raise ValueError(
                "mitigations: a decision rule cuts scores; model.decision gives none, so set model.score"
            )
        if self.data.validation is not None and self.model.train and self.model.train.validation:
            raise ValueError(
                "mitigations: rules are fitted on one set of rows; set data.validation or "
                "model.train.validation, not both"
            )
        if self.data.validation is None and self.model.train is None:
            train = "" if self.model.resolved in UNTRAINED else "model.train, or "
            raise ValueError(
                f"mitigations: a decision rule is fitted on rows that are not audited; set {train}"
                "data.validation (a split, or a share of the rows that is then left out of the audit)"
            )
        apart = self.data.validation or (self.model.train and self.model.train.validation)
        if not apart and self.model.estimator is None:
            raise ValueError(
                "mitigations: a model that comes trained may have learned from model.train; say which rows "
                "rules are fitted on: data.validation, or model.train.validation if it has not seen these"
            )
        if self.data.validation is not None and self.data.count:
            raise ValueError("data.validation: aggregated counts have no rows to set aside")


def given_kind(given: GivenVariant, model: ModelSpec) -> Kind | None:
    """The kind of a given variant by its keys and its file's name; None for a folder, which says itself."""
    if given.kind is not None:
        return given.kind
    if given.function is not None:
        return "callable"
    if given.endpoint is not None:
        return "endpoint"
    if given.in_columns:
        return "predictions"
    if given.path is None:
        return "torch"
    return ENDINGS.get(Path(given.path).suffix)


def _finds(name: str, family: Family) -> Recipe:
    from ..compression.recipes import find

    return find(name, family)


def _check_step(place: str, name: str, params: Mapping[str, Any], family: Family) -> None:
    """ValueError for a recipe that does not exist for this model, or parameters that it does not take."""
    try:
        found = _finds(name, family)
    except ValueError as error:
        raise ValueError(f"{place}: {error}") from None
    try:
        found.params.model_validate(params)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        key = ".".join(map(str, first["loc"]))
        if first["type"] == "extra_forbidden":
            known = list(found.params.model_fields)
            told = (
                unknown(key, known, "parameter") if known else f"the recipe takes no parameters, got {key!r}"
            )
        elif first["type"] == "missing":
            told = f"the parameter {key!r} is required"
        else:
            told = f"{key}: {told_of(first['type'], first['msg'])}, got {shown(first['input'])}"
        raise ValueError(f"{place}.{name}: {told}") from None


def unknown(name: str, known: Sequence[str], what: str) -> str:
    """Return '<name> is no known <what>; did you mean ...'."""
    if what == "metric" and (told := metric_of_another_task(name, ", ".join(METRICS))):
        return told
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.4)
    hint = f"did you mean {close[0]!r}?" if close else f"there are {', '.join(known)}"
    return f"{name!r} is no known {what}; {hint}"


def read(
    source: str | Path | Mapping[str, Any],
    overrides: Sequence[str] = (),
    *,
    rows_given: bool = False,
    model: Mapping[str, Any] | None = None,
    variants: Sequence[Mapping[str, Any]] = (),
    option: str = "overrides",
) -> Config:
    """Read and validate a configuration.

    Parameters
    ----------
    source : path or mapping
        An ``audit.yaml``, or its content.
    overrides : sequence of str
        ``key.path=value`` settings, applied on top; values are read as YAML.
    rows_given : bool
        Rows come from Python: ``data`` needs to name no file.
    model : mapping, optional
        What a model from Python is; it takes the place of what says where the configured one comes from.
    variants : sequence of mapping
        Variants from Python, behind those of the configuration.
    option : str
        What the overrides are called where they were given.

    Raises
    ------
    InputError
        One line with the file, the key's path, what was expected and what came.
    """
    where = "" if isinstance(source, Mapping) else f"{source}: "
    try:
        content = deepcopy(dict(source)) if isinstance(source, Mapping) else load_yaml(Path(source))
        for setting in overrides:
            override(content, setting, option)
        data = content.get("data")
        if rows_given and isinstance(data, Mapping) and not {"name", "path"} & set(data):
            content["data"] = {**data, "path": PLACE}
        if model is not None:
            content["model"] = _replaced(content.get("model"), model)
        if variants:
            content["variants"] = [*(content.get("variants") or []), *map(dict, variants)]
        return Config.model_validate(_paired(content))
    except UnicodeDecodeError as error:
        raise InputError(f"{where}expected valid unicode, got half of a character: {error.reason}") from None
    except ValidationError as error:
        raise InputError(where + masked(first_problem(error))) from None
    except RecursionError:
        raise InputError(f"{where}nested beyond reason, or inside itself") from None


def _paired(content: Any) -> Any:
    """Bring two escapes of JSON that are one character together, since YAML reads them as two.

    Raises
    ------
    UnicodeDecodeError
        One of them is alone.
    """
    if isinstance(content, str):
        return content.encode("utf-16", "surrogatepass").decode("utf-16")
    if isinstance(content, Mapping):
        return {_paired(key): _paired(value) for key, value in content.items()}
    return [_paired(value) for value in content] if isinstance(content, list) else content


def _replaced(configured: Any, model: Mapping[str, Any]) -> dict[str, Any]:
    """The configured model with another origin: what applies to that kind stays, such as its threshold.

    An artefact keeps its place where a callable is given: it may be what its rule takes its scores from.
    """
    if (
        model["kind"] == "callable"
        and isinstance(configured, Mapping)
        and configured.get("kind") == "variant"
    ):
        return dict(configured)
    kept = (KEYS[model["kind"]] | SHARED_KEYS) - ORIGIN_KEYS
    if model["kind"] == "callable":
        kept = kept - {"train"}
    stays = configured.items() if isinstance(configured, Mapping) else ()
    return {key: value for key, value in stays if key in kept} | dict(model)


def load_yaml(path: Path, keys: str = "audit, data, model, gates") -> dict[str, Any]:
    """Read a file that holds one mapping; InputError where it does not."""
    try:
        text = read_bounded(path, MOST_YAML_BYTES, regular=False).decode()
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not UTF-8 text (byte {error.start})") from None
    except ValueError as error:
        raise InputError(f"{path}: {error}") from None
    try:
        content = from_yaml(text)
    except YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f" in line {mark.line + 1}" if mark is not None else ""
        problem = getattr(error, "problem", None) or "cannot be parsed"
        raise InputError(f"{path}: not valid YAML{place}: {' '.join(str(problem).split())}") from None
    except ValueError as error:
        # A scalar that is no such date or number, or what is nested beyond all bounds.
        told = _no_such_day(text) or f"not valid YAML: {error}"
        raise InputError(f"{path}: {told}") from None
    if not isinstance(content, dict):
        raise InputError(f"{path}: expected a mapping with the keys {keys} ...")
    return content


def _no_such_day(text: str) -> str | None:
    """Name the first day or time of a YAML text that does not exist, such as 2026-02-30; None without one."""
    written = r"(?<![\w-])(\d{4})-(\d\d?)-(\d\d?)(?:[Tt ]+(\d\d?):(\d\d):(\d\d))?"
    for number, line in enumerate(text.splitlines(), start=1):
        for found in re.finditer(written, line):
            try:
                datetime(*(int(part) for part in found.groups() if part is not None))  # type: ignore[arg-type]
            except ValueError as error:
                place = f" in line {number}" if "\n" in text.strip() else ""
                return (
                    f"{found[0]}{place} is no day that exists ({error}); expected a date, or text in quotes"
                )
    return None


def override(content: dict[str, Any], setting: str, option: str) -> None:
    """Put ``key.path=value``, given to an option, into a content; the value is read as YAML."""
    key, sign, text = setting.partition("=")
    steps = key.strip().split(".")
    if not sign or not all(steps):
        raise InputError(f"{option}: expected key.path=value, got {masked(setting)!r}")
    try:
        value = from_yaml(text)
    except (YAMLError, ValueError):
        if told := _no_such_day(text):
            raise InputError(f"{option} {key}: {told}") from None
        raise InputError(f"{option} {key}: the value is not valid YAML: {masked(text)!r}") from None
    place: Any = content
    for i, step in enumerate(steps):
        last = i == len(steps) - 1
        try:
            if isinstance(place, list):
                index = int(step)
                place[index] = value if last else place[index]
                place = place[index]
            elif last:
                place[step] = value
            else:
                place = place.setdefault(step, {})
        except (ValueError, IndexError, AttributeError, TypeError):
            raise InputError(
                f"{option}: no place {'.'.join(steps[: i + 1])!r} in the configuration"
            ) from None


def first_problem(error: ValidationError, root: type[Section] | None = None) -> str:
    """Return the first problem on one line: key path, what was expected, what came.

    Parameters
    ----------
    root : type, optional
        What was read, for a hint at the keys that it knows; default `Config`.
    """
    problems = error.errors(include_url=False, include_context=False)
    # A union reports every branch that failed; the innermost named place tells the most.
    first = problems[0]
    if first["type"] == "missing":
        # A key that is missing may stand there under another name.
        first = next((p for p in problems if p["type"] == "extra_forbidden"), first)
    loc = list(first["loc"])
    if first["type"] != "extra_forbidden":
        loc = [part for part in loc if part not in ("bool", "int", "float", "str") and "[" not in str(part)]
    path = "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in loc).lstrip(".")
    if first["type"] == "extra_forbidden":
        known = _keys_at(loc[:-1], root or Config)
        hint = unknown(str(loc[-1]), known, "key") if known else f"unknown key {loc[-1]!r}"
        return " ".join(f"{path}: {hint}".split())
    message = first["msg"].removeprefix("Value error, ")
    if first["type"] == "missing":
        message = "this key is required"
    elif first["type"] != "value_error":
        message = f"{told_of(first['type'], message)}, got {shown(first['input'])}"
    return " ".join((f"{path}: {message}" if path else message).split())


def _keys_at(loc: Sequence[Any], root: type[Section]) -> list[str]:
    """The keys that the configuration knows at a place."""
    model: Any = root
    for part in loc:
        if isinstance(part, int):
            continue
        annotation = str(model.model_fields[part].annotation)
        model = next((s for s in _sections() if re.search(rf"\b{s.__name__}\b", annotation)), None)
        if model is None:
            return []
    return list(model.model_fields)


def _sections() -> list[type[Section]]:
    return [
        Data,
        Slices,
        ModelSpec,
        TrainData,
        Gate,
        ReportSpec,
        Objective,
        Twins,
        Selection,
        History,
        MissingWords,
    ]


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema of ``audit.yaml``."""
    return Config.model_json_schema()
