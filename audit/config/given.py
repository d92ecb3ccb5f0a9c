"""Variants that were made elsewhere, beside the model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import (
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

from .data import Written
from .model import KEYS, KINDS_BY_ENDING, ORIGIN_KEYS, SHARED_KEYS, TEXT_RUNTIMES, Kind, ModelSpec

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
        return self.predicted

    def as_model(self, model: ModelSpec, kind: Kind) -> ModelSpec:
        """What ``model:`` would say of it: its own keys, and those of the model that its kind has too."""
        own = {key: getattr(self, key) for key in self.model_fields_set - {"name"}}
        apart = ORIGIN_KEYS - {"task"} | {"train", "dtype", *Written.model_fields}
        if kind == "predictions":
            # Of the same values as the model's, in columns of its own.
            apart = apart | {"score", "decision", "probabilities", "decisions", "prediction", "rank", "id"}
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
