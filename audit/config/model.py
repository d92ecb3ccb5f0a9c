"""What the model is: a type for each kind, with the keys that belong to it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, get_args

from pydantic import (
    Discriminator,
    Field,
    Tag,
    TypeAdapter,
    model_validator,
)

from ...datasets.trec import ENDINGS
from ...models.address import served_at
from .data import Written
from .keys import (
    COLUMNS,
    Batches,
    Computed,
    Factory,
    Features,
    Function,
    Hugging,
    Pictured,
    Piped,
    Predicted,
    Scale,
    Served,
    Tokenized,
    Trainable,
    Trusted,
    Types,
)
from .language import Asked, Called, CausalSpec, GenaiSpec, GgufSpec, MaskedSpec, Seq2SeqSpec, Way
from .model_base import KINDS_BY_ENDING, ModelSpec, ends, kind_of, schema_of
from .section import Values, absent

TEXT_RUNTIMES = ("onnx", "openvino", "litert")
"""Kinds of a file alone, which takes its tokenizer from a folder."""


SCORED = ("onnx", "predictions", "callable")
"""Kinds that no recipe changes; a rule can stand behind their scores."""


ORIGIN_KEYS = {
    "kind", "path", "estimator", "params", "trusted", "trust_pickle", "function", "factory", "task",
    "endpoint", "protocol", "key_env",
}  # fmt: skip
"""Keys that say where a model comes from."""


_RUNS = tuple(f"{ending}{packed}" for ending in ENDINGS for packed in ("", r"\.gz"))
_TOLD_APART = (".pt2", *KINDS_BY_ENDING)


class SklearnSpec(Trainable, ModelSpec):
    """A scikit-learn model: an estimator that is trained here, or a saved one."""

    model_config = schema_of({"not": ends(*_TOLD_APART, *_RUNS)})
    resolved: ClassVar[Literal["sklearn"]] = "sklearn"

    kind: Literal["sklearn"] | None = None
    estimator: str | None = Field(None, description="Dotted path of a scikit-learn estimator, trained here.")
    params: dict[str, Any] = Field(default_factory=dict, description="What the estimator is made with.")
    features: Features = None
    path: str | None = Field(None, description="A saved model: a skops file, or a pickle that is trusted.")
    trusted: Trusted = Field(default_factory=list)
    trust_pickle: bool = Field(False, description="Load a pickle, which can run any code.")

    @model_validator(mode="after")
    def _one_origin(self) -> SklearnSpec:
        if (self.estimator is None) == (self.path is None):
            raise ValueError("expected either estimator (trained here) or path (a saved model)")
        if self.estimator and self.train is None:
            raise ValueError("train: expected the data to train the estimator on")
        return self

    @property
    def comes_trained(self) -> bool:
        """Whether it is no estimator that is trained here."""
        return self.estimator is None


class PredictionsSpec(Written, Predicted, ModelSpec):
    """Predictions in columns of the evaluation table, or in a table of their own."""

    model_config = schema_of(
        {
            "anyOf": [
                *({"required": [key]} for key in COLUMNS),
                ends(*_RUNS),
            ],
            "not": ends(*_TOLD_APART),
        }
    )
    resolved: ClassVar[Literal["predictions"]] = "predictions"

    kind: Literal["predictions"] | None = None
    path: str | None = Field(None, description="A table of its own, joined by the id; default the data's.")
    positive: Values | None = Field(
        None, description="Value(s) of the decision column that count as positive."
    )
    scale: Scale = "probability"
    samples: Annotated[int, Field(ge=1, le=1000)] | None = Field(
        None, exclude_if=absent,
        description="Of a suite of prompts: answers to each, with ids ID#0, ID#1 and so on.",
    )  # fmt: skip
    types: Types = None

    @model_validator(mode="after")
    def _decided_once(self) -> PredictionsSpec:
        if self.decision is not None and self.threshold is not None:
            raise ValueError("threshold: the decision column decides already; leave one of them out")
        return self


class CallableSpec(ModelSpec):
    """A function of the rows."""

    model_config = schema_of({})
    resolved: ClassVar[Literal["callable"]] = "callable"

    kind: Literal["callable"] | None = None
    function: Function
    features: Features = None
    scale: Scale = "probability"


class TransformersSpec(Trainable, Hugging, Batches, Computed, ModelSpec):
    """A transformers model that classifies texts or images."""

    model_config = schema_of(
        {
            "anyOf": [
                *({"required": [key]} for key in ("text", "image")),
                {"properties": {"task": {"const": "token-classification"}}, "required": ["task"]},
            ],
            "not": ends(*_TOLD_APART),
        }
    )
    resolved: ClassVar[Literal["transformers"]] = "transformers"

    kind: Literal["transformers"] | None = None
    path: str = Field(description="Folder of the model, or its name on the hub.")

    @model_validator(mode="after")
    def _its_column(self) -> TransformersSpec:
        if self.task == "text-classification" and self.text is None:
            raise ValueError("text: expected the column of the text")
        if self.task == "image-classification" and self.image is None:
            raise ValueError("image: expected the column of the images")
        if self.task == "token-classification":
            if read := next((key for key in ("text", "text_pair", "image") if getattr(self, key)), None):
                raise ValueError(f"{read}: a model for token-classification reads data.tokens; leave it out")
            return self
        if self.types:
            raise ValueError("types: belongs to token-classification, which marks entities; leave it out")
        other = ("image",) if self.task == "text-classification" else ("text", "text_pair", "train_text")
        if (key := next((key for key in other if getattr(self, key) is not None), None)) is not None:
            raise ValueError(f"{key}: a model for {self.task} does not read it; leave it out, or set task")
        return self


class TorchSpec(Trainable, Pictured, Batches, Computed, ModelSpec):
    """A torch module: an exported program, or what a function returns, with saved weights or its own."""

    model_config = schema_of({"required": ["factory"]}, ends(".pt2"))
    resolved: ClassVar[Literal["torch"]] = "torch"

    kind: Literal["torch"] | None = None
    path: str | None = Field(None, description="A .pt2 file, or a .safetensors file with the weights.")
    factory: Factory | None = None

    @model_validator(mode="after")
    def _some_origin(self) -> TorchSpec:
        if self.path is None and self.factory is None:
            raise ValueError("expected path (a .pt2 or .safetensors file), factory, or both")
        return self


class GraphSpec(Trainable, Tokenized, Pictured, Batches, Computed, ModelSpec):
    """A graph in a file, of numbers, texts or images."""

    path: str = Field(description="File of the graph.")


class OnnxSpec(GraphSpec):
    """An ONNX graph."""

    model_config = schema_of(ends(".onnx"))
    resolved: ClassVar[Literal["onnx"]] = "onnx"
    kind: Literal["onnx"] | None = None


class OpenvinoSpec(GraphSpec):
    """A model of OpenVINO."""

    model_config = schema_of(ends(".xml"))
    resolved: ClassVar[Literal["openvino"]] = "openvino"
    kind: Literal["openvino"] | None = None


class LitertSpec(GraphSpec):
    """A model of LiteRT."""

    model_config = schema_of(ends(".tflite"))
    resolved: ClassVar[Literal["litert"]] = "litert"
    kind: Literal["litert"] | None = None


class EndpointSpec(Served, Called, Asked, Tokenized, Pictured, Batches, ModelSpec):
    """A model that is served elsewhere."""

    model_config = schema_of({})
    resolved: ClassVar[Literal["endpoint"]] = "endpoint"

    kind: Literal["endpoint"] | None = None
    endpoint: str = Field(
        description="Its address, http(s)://HOST/v2/models/NAME, http(s)://HOST/invocations of MLflow, or "
        "http(s)://HOST/v1 of a language model."
    )
    protocol: Literal["open-inference", "mlflow", "openai"] = Field(
        description="open-inference (the Open Inference Protocol, v2, REST), mlflow (MLflow's scoring) or "
        "openai (a language model: vLLM, llama.cpp, TGI or a vendor)."
    )
    score: Way | None = Field(
        None, exclude_if=absent, description="How a language model's answer is had; default generate."
    )

    @model_validator(mode="after")
    def _reached(self) -> EndpointSpec:
        served_at(self.endpoint, self.protocol)
        tensors = [key for key in ("tokenizer", "image", "shape") if getattr(self, key)]
        if self.protocol == "openai":
            if tensors or self.text:
                raise ValueError(f"{(*tensors, 'text')[0]}: a language model reads prompts; leave it out")
            return self
        words = [
            key
            for key in (*Asked.model_fields, *Called.model_fields, "score")
            if getattr(self, key) is not None
        ]
        if words:
            raise ValueError(f"{words[0]}: belongs to protocol: openai, a language model; leave it out")
        if self.protocol == "mlflow" and tensors:
            key = tensors[0]
            raise ValueError(f"{key}: MLflow's protocol takes columns as they are, and no tensors")
        return self


class SpacySpec(Piped, ModelSpec):
    """A spaCy pipeline that marks entities in given tokens."""

    model_config = schema_of()
    resolved: ClassVar[Literal["spacy"]] = "spacy"

    kind: Literal["spacy"] | None = None
    path: str = Field(description="Folder of the pipeline, or the package that it is installed as.")
    types: Types = None


class VariantSpec(ModelSpec):
    """An artefact of an earlier run: a compressed or mitigated model."""

    resolved: ClassVar[Literal["variant"]] = "variant"

    kind: Literal["variant"]
    path: str = Field(description="Folder of the artefact: runs/NAME/artefacts/VARIANT.")
    device: str = "auto"
    factory: Factory | None = None
    function: Function | None = None
    trusted: Trusted = Field(default_factory=list)


AnySpec = Annotated[
    Annotated[SklearnSpec, Tag("sklearn")]
    | Annotated[PredictionsSpec, Tag("predictions")]
    | Annotated[CallableSpec, Tag("callable")]
    | Annotated[TransformersSpec, Tag("transformers")]
    | Annotated[TorchSpec, Tag("torch")]
    | Annotated[OnnxSpec, Tag("onnx")]
    | Annotated[OpenvinoSpec, Tag("openvino")]
    | Annotated[LitertSpec, Tag("litert")]
    | Annotated[EndpointSpec, Tag("endpoint")]
    | Annotated[SpacySpec, Tag("spacy")]
    | Annotated[VariantSpec, Tag("variant")]
    | Annotated[CausalSpec, Tag("causal-lm")]
    | Annotated[Seq2SeqSpec, Tag("seq2seq")]
    | Annotated[MaskedSpec, Tag("masked-lm")]
    | Annotated[GgufSpec, Tag("gguf")]
    | Annotated[GenaiSpec, Tag("genai")],
    Discriminator(kind_of),
]
"""The model: trained here, saved, served (``endpoint``), a table of predictions, or a callable."""


SPECS: dict[str, type[ModelSpec]] = {
    get_args(one)[1].tag: get_args(one)[0] for one in get_args(get_args(AnySpec)[0])
}
"""The type of each kind of model."""


UNTRAINED = tuple(kind for kind, spec in SPECS.items() if "train" not in spec.model_fields)


_ANY: TypeAdapter[AnySpec] = TypeAdapter(AnySpec)


def model_spec(content: Mapping[str, Any]) -> AnySpec:
    """Read what ``model:`` says.

    Raises
    ------
    pydantic.ValidationError
        It is no model of its kind.
    """
    return _ANY.validate_python(content)


def replaced(configured: Any, model: Mapping[str, Any]) -> dict[str, Any]:
    """The configured model with another origin: what applies to that kind stays, such as its threshold.

    An artefact keeps its place where a callable is given: it may be what its rule takes its scores from.
    """
    if (
        model["kind"] == "callable"
        and isinstance(configured, Mapping)
        and configured.get("kind") == "variant"
    ):
        return dict(configured)
    kept = set(SPECS[model["kind"]].model_fields) - ORIGIN_KEYS
    stays = configured.items() if isinstance(configured, Mapping) else ()
    return {key: value for key, value in stays if key in kept} | dict(model)
