"""What the model is: a kind, and the keys that belong to it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import (
    Field,
    field_validator,
    model_validator,
)

from ...datasets.trec import is_run
from ...models.address import served_at, variable, without_secrets
from .data import TrainData, Written
from .section import Values, absent

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
        "probabilities",
        "decisions",
        "prediction",
        "rank",
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


FORMER = {"dtype": "float32"}
"""Defaults that were: a finished run's configuration says them of models of every kind."""


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
    probabilities: dict[str, str] | None = Field(
        None, exclude_if=absent,
        description="Columns of a predictions table with the probability of each class or label, by name.",
    )  # fmt: skip
    decisions: dict[str, str] | None = Field(
        None, exclude_if=absent,
        description="Columns of a predictions table with the decision for each of several labels, by name.",
    )  # fmt: skip
    prediction: str | None = Field(
        None, exclude_if=absent, description="Column of a predictions table with the predicted number."
    )
    rank: str | None = Field(
        None, exclude_if=absent, description="Column of a predictions table with the rank of an item, from 1."
    )
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
        None,
        description="Type that the weights are cast to; default the one that they are stored in, of a "
        "transformers folder the one that its config.json names.",
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
        said = self.model_fields_set - allowed
        extra = sorted(n for n in said if getattr(self, n) not in (defaults[n], FORMER.get(n, defaults[n])))
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
        return "predictions" if self.predicted else "sklearn"

    @property
    def predicted(self) -> bool:
        """Whether predictions are given: columns of them are named, or the path is that of a run."""
        named = (self.score, self.decision, self.probabilities, self.decisions, self.prediction, self.rank)
        return any(named) or is_run(self.path)


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
    kept = (KEYS[model["kind"]] | SHARED_KEYS) - ORIGIN_KEYS
    if model["kind"] == "callable":
        kept = kept - {"train"}
    stays = configured.items() if isinstance(configured, Mapping) else ()
    return {key: value for key, value in stays if key in kept} | dict(model)
