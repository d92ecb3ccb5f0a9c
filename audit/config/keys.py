"""Keys that several kinds of models have, in groups: what each is called, means and may be."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import AfterValidator, BeforeValidator, Field, field_validator, model_validator

from ...datasets.classes import MOST_CLASSES
from ...models.address import variable, without_secrets
from .data import TrainData
from .section import Section, Values, Word, absent

Features = Annotated[
    list[str] | None, Field(description="Columns the model sees; default all without another role.")
]


Trusted = Annotated[
    list[str], Field(description="Types allowed in a skops file, also in that of an artefact.")
]


Scale = Annotated[
    Literal["probability", "rank"],
    Field(description="What scores are: probabilities, or numbers whose order alone counts."),
]


Finite = Annotated[float, Field(allow_inf_nan=False)]


def _listed(given: Any) -> Any:
    """One number is one for all channels."""
    return given if isinstance(given, list) else [given]


_Number = TypeVar("_Number")
ByChannel = Annotated[list[_Number], BeforeValidator(_listed, json_schema_input_type=float | list[float])]


Function = Annotated[str, Field(description="package.module:function of the rows.")]


Factory = Annotated[str, Field(description="package.module:function that returns a torch module.")]


class Trainable(Section):
    """Of models that learn here, or that steps of compression and mitigation teach."""

    train: TrainData | None = Field(None, description="Rows to learn from; never the evaluation rows.")

    @property
    def learns_from(self) -> TrainData | None:
        """The rows that the model, or a step, learns from."""
        return self.train


def _few(given: dict[str, str]) -> dict[str, str]:
    if len(given) > MOST_CLASSES:
        raise ValueError(
            f"expected the columns of at most {MOST_CLASSES} classes or labels, got {len(given):,}"
        )
    return given


ColumnsByName = Annotated[dict[str, str], AfterValidator(_few)]


Types = Annotated[
    dict[str, str] | None,
    Field(
        exclude_if=absent,
        description="By the model's type of an entity: that of the data; others are left out. Default the "
        "same.",
    ),
]


class Predicted(Section):
    """Columns of predictions."""

    score: str | None = Field(None, description="Score column of a predictions table.")
    decision: str | None = Field(None, description="Decision column of a predictions table.")
    probabilities: ColumnsByName | None = Field(
        None, exclude_if=absent,
        description="Columns of a predictions table with the probability of each class or label, by name.",
    )  # fmt: skip
    decisions: ColumnsByName | None = Field(
        None, exclude_if=absent,
        description="Columns of a predictions table with the decision for each of several labels, by name.",
    )  # fmt: skip
    prediction: str | None = Field(
        None, exclude_if=absent, description="Column of a predictions table with the predicted number."
    )
    rank: str | None = Field(
        None, exclude_if=absent, description="Column of a predictions table with the rank of an item, from 1."
    )
    answer: str | None = Field(
        None, exclude_if=absent, description="Column of a predictions table with the text of each answer."
    )
    more: str | None = Field(
        None, exclude_if=absent,
        description="Column of a predictions table with the score of the sentence of a pair's stereotype.",
    )  # fmt: skip
    less: str | None = Field(
        None, exclude_if=absent,
        description="Column of a predictions table with the score of a pair's other sentence.",
    )  # fmt: skip
    unrelated: str | None = Field(
        None, exclude_if=absent,
        description="Column of a predictions table with the score of an unrelated sentence.",
    )  # fmt: skip
    tags: Word | None = Field(
        None, exclude_if=absent,
        description="Column of a predictions table with the predicted tags of each row's tokens.",
    )  # fmt: skip
    spans: str | None = Field(
        None, exclude_if=absent,
        description="Column of a predictions table with the predicted entities of each row, as data.spans.",
    )  # fmt: skip
    refused: str | None = Field(
        None, exclude_if=absent,
        description="Column of a predictions table that says whether an answer is a refusal: 1/0 or "
        "true/false; default what refusals finds in its text.",
    )  # fmt: skip
    second: str | None = Field(
        None, exclude_if=absent,
        description="Column of a predictions table with what a second judge decides of an answer.",
    )  # fmt: skip
    negative: Values | None = Field(
        None,
        description="Value(s) of the decision column that count as negative; needed where more than one is "
        "not positive.",
    )
    id: str | None = Field(None, description="Id column of a separate predictions table.")

    @property
    def predicted(self) -> bool:
        """Whether columns of predictions are named."""
        return any(getattr(self, key) for key in COLUMNS)


COLUMNS = (
    "score", "decision", "probabilities", "decisions", "prediction", "rank", "answer", "more", "less",
    "unrelated", "tags", "spans", "refused", "second",
)  # fmt: skip
"""Keys that name columns of predictions."""


class Served(Section):
    """Where a model answers that is served elsewhere."""

    endpoint: str | None = Field(
        None,
        description="Address of a model that is served elsewhere: http(s)://HOST/v2/models/NAME, or "
        "http(s)://HOST/invocations of MLflow. Nothing else is called.",
    )
    protocol: Literal["open-inference", "mlflow", "openai"] | None = Field(
        None,
        description="What the server speaks: the Open Inference Protocol (v2, REST), MLflow's scoring, or "
        "OpenAI's of language models.",
    )
    key_env: str | None = Field(
        None,
        description="Name of the environment variable with the server's key, sent as a bearer token and kept "
        "nowhere.",
    )

    @field_validator("key_env")
    @classmethod
    def _a_name(cls, given: str | None) -> str | None:
        return given if given is None else variable(given)

    @field_validator("endpoint")
    @classmethod
    def _no_secret(cls, given: str | None) -> str | None:
        return given if given is None else without_secrets(given)


class Texts(Section):
    """Texts that a model reads."""

    text: str | None = Field(None, description="Column of the text.")
    text_pair: str | None = Field(None, description="Column of the second text of a pair.")
    max_length: int | None = Field(None, ge=2, description="Tokens per text; default the model's limit.")


class Tokenized(Texts):
    """Texts of a model whose file holds no tokenizer."""

    tokenizer: str | None = Field(None, description="Folder of the tokenizer of an ONNX or served model.")


class Images(Section):
    """Images that a model reads."""

    image: str | None = Field(None, description="Column of image files or bytes.")


class Pixels(Section):
    """How images become numbers for a model without an image processor."""

    divide_by: float = Field(
        255.0, gt=0, allow_inf_nan=False,
        description="What levels from 0 to 255 are divided by; 1 leaves them as they are.",
    )  # fmt: skip
    mean: ByChannel[Finite] = Field(
        [0.0], min_length=1, description="Subtracted then; one number, or one for each channel."
    )
    std: ByChannel[Annotated[Finite, Field(gt=0)]] = Field(
        [1.0], min_length=1, description="What that is divided by; one number, or one for each channel."
    )
    shorter_side: int | None = Field(
        None, ge=1,
        description="Pixels that the shorter side is resized to before the middle is cut out; default the "
        "whole image is resized.",
    )  # fmt: skip
    resample: Literal["nearest", "bilinear", "bicubic", "lanczos"] = Field(
        "bilinear", description="Filter by which images are resized."
    )


class Piped(Section):
    """What is left out of a spaCy pipeline."""

    disable: list[str] | None = Field(
        None, exclude_if=absent, description="Components of a spaCy pipeline that are left out."
    )


class Hugging(Texts, Images):
    """What a transformers model is for, and what it reads."""

    types: Types = None

    task: Literal["text-classification", "image-classification", "token-classification"] = (
        "text-classification"
    )
    train_text: str | None = Field(
        None, description="Column of the text in model.train; default the same as text."
    )


class Tensors(Images):
    """Numbers that a model takes, of features or images, and gives."""

    features: Features = None
    shape: list[Annotated[int, Field(ge=1)]] | None = Field(
        None,
        min_length=1,
        description="Shape of one row's tensor, where features is a column or images are read.",
    )
    processor: str | None = Field(
        None, exclude_if=absent,
        description="Folder of the image processor of a torch, ONNX or served model.",
    )  # fmt: skip
    pixels: Pixels | None = Field(
        None, exclude_if=absent, description="How images become numbers, where no image processor says so."
    )
    output: Literal["logits", "probabilities", "label"] | None = Field(
        None,
        description="What the outputs of a torch, ONNX or served model are; default what makes them, their "
        "names and their values say.",
    )
    output_name: str | None = Field(
        None, description="Name of the output that is read, where a torch, ONNX or served model has several."
    )


class Pictured(Tensors):
    """The same of a model whose columns are all told: one form of rows, and what belongs to it."""

    @model_validator(mode="after")
    def _of_one_form(self) -> Self:
        made = [key for key in ("processor", "pixels") if getattr(self, key) is not None]
        if self.image is None:
            if made:
                raise ValueError(f"{made[0]}: expected image, the column of the images, beside it")
            return self
        for key in ("features", "text"):
            if getattr(self, key, None) is not None:
                raise ValueError(
                    f"{key}: a model of images reads the column of image alone; leave one of them out"
                )
        if self.processor is not None and (self.pixels or self.shape):
            key = "pixels" if self.pixels else "shape"
            raise ValueError(f"{key}: the processor says how images become numbers; leave one of them out")
        return self


class Batches(Section):
    """How rows go through a model, and which of its labels is positive."""

    positive: Values | None = Field(
        None, description="The model's label(s) that mean a positive decision, by name or place."
    )
    batch_rows: int = Field(64, ge=1, description="Most rows in a batch.")
    batch_tokens: int = Field(2048, ge=1, description="Most tokens in a batch, padding included.")


class Computed(Section):
    """Where and in which numbers a neural model is computed."""

    device: str = Field("auto", description="cpu, cuda or cuda:N; auto takes CUDA when it is there.")
    dtype: Literal["float32", "bfloat16", "float16"] | None = Field(
        None,
        description="Type that the weights are cast to; default the one that they are stored in, of a "
        "transformers folder the one that its config.json names.",
    )
    compile: bool = Field(False, description="Serve the module through torch.compile.")


KEPT: dict[str, Any] = {
    "separator": None, "decimal": None, "thousands": None, "encoding": None, "skip": None, "kind": None,
    "estimator": None, "params": {}, "train": None, "features": None, "path": None, "trusted": [],
    "trust_pickle": False, "score": None, "decision": None, "probabilities": None, "decisions": None,
    "prediction": None, "rank": None, "answer": None, "more": None, "less": None, "unrelated": None,
    "positive": None, "negative": None, "id": None,
    "function": None, "threshold": None, "scale": "probability", "task": "text-classification", "text": None,
    "text_pair": None, "train_text": None, "image": None, "endpoint": None, "protocol": None,
    "key_env": None, "tokenizer": None, "max_length": None, "factory": None, "shape": None, "output": None,
    "output_name": None, "device": "auto", "dtype": None, "compile": False, "batch_rows": 64,
    "batch_tokens": 2048, "processor": None, "pixels": None, "tags": None, "spans": None, "types": None,
    "disable": None, "refused": None, "second": None,
    "chat": None, "system": None, "prompt": None, "context": None, "max_new_tokens": None,
    "temperature": None, "top_p": None, "samples": None, "served_model": None, "concurrency": None,
    "requests_per_minute": None, "timeout": None, "cache": None,
}  # fmt: skip
"""Every key of every kind with the value that says nothing, in the order in which a run keeps them.

A run's configuration has them all, whichever kind its model is of; a key of another kind is read with this
value alone.
"""


LATER = (
    "probabilities", "decisions", "prediction", "rank", "answer", "more", "less", "unrelated", "processor",
    "pixels", "tags", "spans", "types", "disable", "refused", "second",
    "chat", "system", "prompt", "context", "max_new_tokens",
    "temperature", "top_p", "samples", "served_model", "concurrency", "requests_per_minute", "timeout",
    "cache",
)  # fmt: skip
"""Keys that a run keeps only where they are said."""


FORMER = {"dtype": "float32"}
"""Defaults that were: a finished run's configuration says them of models of every kind."""


def says_nothing(key: str, value: Any) -> bool:
    """Whether a key with this value may stand in a model of a kind that has no such key."""
    return key in KEPT and any(
        type(value) is type(nothing) and value == nothing for nothing in (KEPT[key], FORMER.get(key))
    )
