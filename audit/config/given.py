"""Variants that were made elsewhere, beside the model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import (
    BeforeValidator,
    Field,
    SerializerFunctionWrapHandler,
    WithJsonSchema,
    model_serializer,
    model_validator,
)

from ...datasets.trec import is_run
from .data import Written
from .keys import (
    COLUMNS,
    KEPT,
    Batches,
    Computed,
    Factory,
    Function,
    Hugging,
    Piped,
    Predicted,
    Scale,
    Served,
    Tensors,
    Tokenized,
    Trusted,
)
from .language import LANGUAGE, Asked, Called
from .model import (
    ORIGIN_KEYS,
    SPECS,
    TEXT_RUNTIMES,
    AnySpec,
    TransformersSpec,
    model_spec,
)
from .model_base import KINDS_BY_ENDING, Kind
from .section import Values

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


def _comes_trained(given: Any) -> Any:
    if given is not None:
        raise ValueError("a given variant comes trained; expected path, function or its predictions")
    return given


Untrained = Annotated[None, BeforeValidator(_comes_trained), WithJsonSchema({"type": "null"})]


class GivenVariant(
    Written, Predicted, Served, Called, Asked, Tokenized, Hugging, Piped, Tensors, Batches, Computed
):
    """A variant that was made elsewhere; what it does not say is as the model has it.

    Its predictions stand in further columns of the evaluation table (``score``, ``decision``) or in a file
    (with ``path``), or it is a model that is scored here. It has keys of every kind, since its own may be
    told by its folder alone.
    """

    name: str
    kind: Kind | None = Field(None, description="Default what the other keys, its file or its folder tell.")
    path: str | None = Field(None, description="A file or folder: of a model, or of its predictions.")
    estimator: Untrained = None
    params: dict[str, Any] = Field(default_factory=dict)
    train: Untrained = None
    trusted: Trusted = Field(default_factory=list)
    trust_pickle: bool = Field(False, description="Load a pickle, which can run any code.")
    positive: Values | None = Field(
        None, description="Value(s) of the decision column, or label(s) of the model, that are positive."
    )
    function: Function | None = None
    factory: Factory | None = None
    threshold: float | None = Field(
        None, description="Scores at or above it are selected.", allow_inf_nan=False
    )
    scale: Scale = "probability"

    @model_validator(mode="after")
    def _of_one_origin(self) -> GivenVariant:
        origins = (self.path, self.function, self.factory, self.endpoint)
        if all(origin is None for origin in origins) and not self.in_columns:
            raise ValueError(
                "expected path (a file or folder), function, endpoint, or decision or score (or both), "
                "columns of its predictions"
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
        said = {key: value for key, value in dump(self).items() if key in self.model_fields_set}
        return {key: said[key] for key in (*KEPT, "name") if key in said}

    @property
    def in_columns(self) -> bool:
        """Whether its predictions are given, and no model."""
        if self.kind in LANGUAGE or self.protocol == "openai" or str(self.path).endswith(".gguf"):
            return False  # Its key ``score`` is the way in which it is asked.
        return self.predicted or is_run(self.path) or self.kind == "predictions"

    def as_model(self, model: AnySpec, kind: Kind) -> AnySpec:
        """What ``model:`` would say of it: its own keys, and those of the model that its kind has too."""
        own = {key: getattr(self, key) for key in self.model_fields_set - {"name"}}
        apart = ORIGIN_KEYS - {"task"} | {"train", "dtype", *Written.model_fields}
        if kind == "predictions":
            # Of the same values as the model's, in columns of its own.
            apart = apart | {*COLUMNS, "id"}
        if "decision" in own:
            apart = apart | {"threshold"}
        if kind == "sklearn":
            # A smaller one may read fewer columns, and names them.
            apart = apart | {"features"}
        if model.resolved == kind == "torch" and str(self.path).endswith(".safetensors"):
            apart = apart - {"factory"}
        if kind == "endpoint":
            # Whether a server takes texts or their tokens it does not inherit.
            apart = apart | {"tokenizer", "max_length"}
            apart = apart if getattr(model, "image", None) else apart | {"shape"}
        kept = set(SPECS[kind].model_fields) - apart
        shared = {key: getattr(model, key) for key in model.model_fields_set & kept}
        if isinstance(model, TransformersSpec):
            if kind in TEXT_RUNTIMES and model.text is not None:
                shared = {"tokenizer": model.path, **shared}
            if (
                kind in (*TEXT_RUNTIMES, "torch")
                and model.image is not None
                and not {"shape", "pixels"} & set(own)
            ):
                shared = {"processor": model.path, **shared}
        if kind == "transformers" and model.resolved in TEXT_RUNTIMES:
            shared = {key: value for key, value in shared.items() if key != "tokenizer"}
        return model_spec({**shared, **own, "kind": kind})


def given_kind(given: GivenVariant) -> Kind | None:
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
