"""``variant.json``, the description of an artefact: what each of its values may be, checked on loading.

An artefact is untrusted input. A threshold that is NaN selects nobody and a text for a number fails only when
somebody is decided, so nothing is taken that is not of its type and in its range.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter, ValidationError, model_validator

from ..datasets.errors import InputError, told_of
from ..models.foreign import one_line
from ..models.forms import FORMS
from ..models.written import Positive, Written, WrittenRule
from ..plain import DISTRIBUTION, VERSION, read_json, shown
from .written_heads import OneHead
from .written_language import EngineOf, OneAsked, OnServed

FORMAT = 2
SPEC = "variant.json"
PROGRAM = "program.pt2"
MOST_RULES = 16
MOST_STEPS = 100
MOST_BYTES = 64 << 20

Shape = Annotated[list[Annotated[int, Field(ge=0, le=1 << 40)]], Field(max_length=16)]


class Record(Written):
    """What a step of compression did to the shape of a module."""

    restart: bool = False
    folded: bool = False
    per_channel: bool | None = None
    embeddings: bool | None = None
    kept: dict[str, Annotated[list[Annotated[int, Field(ge=0)]], Field(min_length=1)]] = Field({})
    settings: dict[str, Positive | list[str | int]] = Field({})
    shapes: dict[str, Shape] = Field({})
    attributes: dict[str, dict[str, Positive | list[Positive]]] = Field({})
    codebooks: dict[str, Positive] = Field({})
    turned: list[str] = Field([])
    recurrent: list[str] = Field([])
    unbiased: list[str] = Field([])
    tied: dict[str, str] = Field({})
    spared: list[str] = Field([])


class Step(Written):
    """A recipe that was applied."""

    recipe: str
    record: Record


class FittedOn(Written):
    """The rows that decision rules were fitted on."""

    name: str | None = None
    split: str | None = None
    sha256: str | None = None
    share: float | None = Field(None, gt=0, lt=1)


class Transformers(Written):
    """A module built from a configuration of transformers."""

    kind: Literal["transformers"]
    task: Literal[
        "text-classification", "image-classification", "token-classification", "causal-lm", "seq2seq",
        "masked-lm",
    ]  # fmt: skip
    config: dict[str, Any]


class Factory(Written):
    """A module that a function builds."""

    kind: Literal["factory"]
    factory: str


class Exported(Written):
    """A program that lies beside the description."""

    kind: Literal["exported"]
    path: Literal["program.pt2"]


class Text(Written):
    """Texts through the tokenizer beside the description."""

    kind: Literal["text"]
    text: str
    pair: str | None
    max_length: Positive | None
    width: Positive = 0
    side: Literal["left", "right"] | None = None


class Tokens(Written):
    """Tokens of sentences, cut by the tokenizer beside the description."""

    kind: Literal["tokens"]
    tokens: str
    limit: Positive | None


class PixelsOf(Written):
    """How images become numbers."""

    shape: Shape
    divide_by: float = Field(gt=0, allow_inf_nan=False)
    mean: list[float] = Field(min_length=1)
    std: list[Annotated[float, Field(gt=0)]] = Field(min_length=1)
    shorter_side: Positive | None = None
    resample: Literal["nearest", "bilinear", "bicubic", "lanczos"]


class Image(Written):
    """Images as pixels, or through the processor beside the description."""

    kind: Literal["image"]
    image: str
    pixels: PixelsOf | None = None


class Table(Written):
    """Features of a table."""

    kind: Literal["table"]
    features: list[str]
    shape: list[Positive] | None


class Columns(Written):
    """Columns of a table, each an input of its own."""

    kind: Literal["columns"]
    inputs: dict[str, str] = Field(min_length=1)


class BatchingOf(Written):
    """How rows are put into batches."""

    rows: Positive
    tokens: Positive


class OnTorch(Written):
    """A torch module."""

    kind: Literal["torch"]
    dtype: Literal["float32", "float64", "bfloat16", "float16"]
    autocast: bool
    compiled: bool
    output: str | None = None


class ReadingOf(Written):
    """Which outputs of a graph are read, and as what."""

    means: Literal["logits", "probabilities", "margins", "label", "numbers"]
    scores: str | None
    label: str | None = None
    classes: list[str] = Field([])
    of_label: bool = False

    @model_validator(mode="after")
    def _something(self) -> ReadingOf:
        if self.scores is None and self.label is None:
            raise ValueError("scores, label: expected at least one of them")
        return self


class OnOnnx(Written):
    """An ONNX file beside the description."""

    kind: Literal["onnx"]
    reading: ReadingOf | None = None


class OnOpenVino(Written):
    """An OpenVINO model beside the description."""

    kind: Literal["openvino"]


class Tensors(Written):
    """Tensors that share another's storage, and what torchao says of its own."""

    tied: dict[str, str]
    torchao: dict[str, str] | None = None


class Masked(Written):
    """A tensor written as a bit mask and its values that are not zero."""

    as_: Literal["mask"] = Field(alias="as")
    shape: Shape


class Coded(Written):
    """A tensor written as codes of a codebook."""

    as_: Literal["codebook"] = Field(alias="as")
    shape: Shape
    bits: int = Field(ge=1, le=16)


class OnScikit(Written):
    """How a scikit-learn classifier is written."""

    kind: Literal["sklearn", "rounded", "mixture", "onnx"]


class Callee(Written):
    """The callable whose scores a rule cuts."""

    name: str
    features: list[str]


class Described(Written):
    """What every artefact says."""

    format: int = Field(ge=FORMAT, le=FORMAT)
    threshold: float | None
    steps: list[Step] = Field(max_length=MOST_STEPS)
    rules: list[WrittenRule] = Field(default=[], max_length=MOST_RULES)
    fitted_on: FittedOn = FittedOn()
    guests: dict[Annotated[str, Field(pattern=DISTRIBUTION)], Annotated[str, Field(pattern=VERSION)]] = Field(
        {}, description="Packages whose recipes made it."
    )


class OfTorch(Described):
    """A neural model."""

    family: Literal["torch"]
    threshold: float | None
    source: Annotated[Transformers | Factory | Exported, Field(discriminator="kind")] | None
    inputs: Annotated[Text | Tokens | Image | Table | Columns, Field(discriminator="kind")]
    head: OneHead
    batching: BatchingOf
    runtime: Annotated[OnTorch | OnOnnx | OnOpenVino, Field(discriminator="kind")]
    tensors: Tensors | None = None
    encodings: dict[str, Annotated[Masked | Coded, Field(discriminator="as_")]] = Field({})

    @model_validator(mode="after")
    def _whole(self) -> OfTorch:
        if self.runtime.kind == "torch" and (self.source is None or self.tensors is None):
            raise ValueError("source, tensors: both are needed by a torch module")
        return self


class OfLanguage(Described):
    """A language model."""

    family: Literal["language"]
    source: Transformers | None
    asked: OneAsked
    engine: EngineOf
    runtime: Annotated[OnTorch | OnServed, Field(discriminator="kind")]
    tensors: Tensors | None = None
    encodings: dict[str, Annotated[Masked | Coded, Field(discriminator="as_")]] = Field({})

    @model_validator(mode="after")
    def _whole(self) -> OfLanguage:
        if self.runtime.kind == "torch" and (self.source is None or self.tensors is None):
            raise ValueError("source, tensors: both are needed by a torch module")
        if (self.runtime.kind == "genai") != (self.engine.kind == "genai"):
            raise ValueError("engine.kind: genai is that of the runtime genai")
        return self


class OfScikit(Described):
    """A scikit-learn classifier."""

    family: Literal["sklearn"]
    threshold: float | None
    columns: list[str]
    as_words: list[str] = Field([])
    numbers: list[str] = Field([])
    categories: list[str] = Field([])
    dtypes: dict[str, Any] = Field({})
    types: list[str] = Field([])
    task: Literal["binary", "multiclass", "multilabel", "regression", "ranking"] = "binary"
    query: str | None = None
    classes: list[bool | int | float | str] = Field([])
    positive: int | None = Field(None, ge=0, le=1)
    names: list[str] = Field([])
    runtime: OnScikit

    @model_validator(mode="after")
    def _of_its_task(self) -> OfScikit:
        told = (len(self.classes), self.positive is None, len(self.names))
        fits = {
            "binary": told == (2, False, 0), "multiclass": told[0] >= 2 and told[1:] == (True, told[0]),
            "multilabel": told[:2] == (2, True) and told[2] > 0, "regression": told == (0, True, 0),
            "ranking": told == (0, True, 0),
        }  # fmt: skip
        if not fits[self.task]:
            raise ValueError(f"classes, positive, names: not those of the task {self.task}")
        if (self.query is None) == FORMS[self.task].lists:
            raise ValueError(
                f"query: the column of a ranking's query and of nothing else, got {self.query!r}"
            )
        return self


class OfScores(Described):
    """A rule alone; its scores come from elsewhere."""

    family: Literal["scores"]
    column: str
    probability: bool
    callable: Callee | None = None

    @model_validator(mode="after")
    def _whole(self) -> OfScores:
        if self.callable is not None and self.threshold is None:
            raise ValueError("threshold: the scores of a callable are judged by one")
        return self


_DESCRIBED: TypeAdapter[Any] = TypeAdapter(
    Annotated[OfTorch | OfLanguage | OfScikit | OfScores, Field(discriminator="family")]
)


def read_description(folder: Path) -> dict[str, Any]:
    """Read and check ``variant.json`` of an artefact's folder.

    Raises
    ------
    InputError
        One line: it cannot be read, a newer version wrote it, or a value of it cannot be.
    """
    path = folder / SPEC
    try:
        spec = read_json(path, MOST_BYTES)
        _refuse_other_formats(path, spec)
        _DESCRIBED.validate_python(spec)
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None
    except ValidationError as error:
        raise InputError(f"{path}: not the description of an artefact: {_first(error, spec)}") from None
    except ValueError as error:
        raise InputError(f"{path}: not the description of an artefact: {one_line(error)}") from None
    return dict(spec)


def _refuse_other_formats(path: Path, spec: Any) -> None:
    written = spec.get("format") if isinstance(spec, dict) else None
    if not isinstance(written, int) or isinstance(written, bool):
        return
    if written > FORMAT:
        raise InputError(f"{path}: written in format {written}, this version reads up to {FORMAT}")
    if 0 < written < FORMAT:
        raise InputError(
            f"{path}: written in format {written} by an earlier version, this one reads {FORMAT}; "
            "make the variant again"
        )


def _first(error: ValidationError, spec: Any) -> str:
    """The first problem on one line: key path, what was expected, what came."""
    first = error.errors(include_url=False, include_context=False)[0]
    told = first["msg"].removeprefix("Value error, ")
    if first["type"] == "missing":
        told = "this key is required"
    elif first["type"] != "value_error":
        told = f"{told_of(first['type'], told)}, got {shown(first['input'])}"
    path = _path(first["loc"], spec, missing=first["type"] == "missing")
    return " ".join(f"{path}: {told}".lstrip(": ").split())


def _path(loc: tuple[int | str, ...], value: Any, *, missing: bool) -> str:
    """Where a problem is, without the names of the kinds that were tried on the way."""
    parts = _steps(loc[:-1] if missing else loc, value) + ([loc[-1]] if missing else [])
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part[:60]}" for part in parts).lstrip(".")


def _steps(loc: tuple[int | str, ...], value: Any) -> list[int | str]:
    """The most parts of a place that lead into a value; a kind may be called as a key is."""
    if not loc:
        return []
    without = _steps(loc[1:], value)
    try:
        inside = value[loc[0]]
    except (KeyError, IndexError, TypeError):
        return without
    within = [loc[0], *_steps(loc[1:], inside)]
    return within if len(within) > len(without) else without
