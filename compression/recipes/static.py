"""Calibrated int8 in onnxruntime: the ranges of activations are those that training rows give."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import redirect_stdout
from io import StringIO
from typing import Any, Literal

import numpy as np
from pydantic import Field

from ...datasets.errors import InputError
from ...models.extras import optional, quiet
from ...models.foreign import one_line
from ...models.onnx_runtime import OnnxRuntime
from ...told import tell
from ..fallback import Fallback, left_alone, nodes_of
from ..recount import in_int8, scales
from ..registry import Context, Done, in_float32, recipe
from .onnx_export import Exported, export, workshop

NAME = "onnx-int8-static"
METHODS = {"minmax": "MinMax", "entropy": "Entropy", "percentile": "Percentile"}


class OnnxStatic(Fallback):
    """Calibrated int8 in onnxruntime."""

    method: Literal["minmax", "entropy", "percentile"] = Field("minmax", description="How ranges are found.")
    rows: int = Field(128, ge=1, description="Training rows to calibrate on.")
    per_channel: bool = Field(True, description="One scale per output channel rather than per layer.")
    embeddings: bool = Field(True, description="Embedding tables in int8 too.")


@recipe(NAME, OnnxStatic)
def onnx_int8_static(model: Any, params: OnnxStatic, context: Context) -> Done:
    """Export to ONNX and quantise weights and activations, with ranges from training rows."""
    quantization = optional("onnxruntime.quantization", NAME)
    calibrate = optional("onnxruntime.quantization.calibrate", NAME)
    in_float32(model, NAME)
    rows = context.rows(NAME)
    left, notes = left_alone(model, params, context, NAME)
    folder = workshop(model)
    plain, made = folder / "float.onnx", folder / "int8.onnx"
    export(model, context, plain, NAME)
    count = min(params.rows, len(rows))
    picked = np.sort(np.random.default_rng(context.seed).choice(len(rows), count, replace=False))
    kinds = ["MatMul", "Gemm", "Conv", *(["Gather"] if params.embeddings else [])]
    # The calibrators print what they do.
    with quiet(), redirect_stdout(StringIO()):
        try:
            quantization.quantize_static(
                str(plain), str(made), _reader(calibrate, model, rows.batch.take(picked), plain),
                quant_format=quantization.QuantFormat.QDQ, op_types_to_quantize=kinds,
                per_channel=params.per_channel, weight_type=quantization.QuantType.QInt8,
                activation_type=quantization.QuantType.QUInt8,
                calibrate_method=getattr(quantization.CalibrationMethod, METHODS[params.method]),
                nodes_to_exclude=nodes_of(plain, model.runtime.module, left, NAME),
                extra_options={"MatMulConstBOnly": True},
            )  # fmt: skip
        except Exception as error:
            # The quantiser walks an arbitrary graph and raises whatever breaks on the way.
            raise InputError(f"{NAME}: onnxruntime cannot quantise this model: {one_line(error)}") from None
    if not scales(made):
        raise InputError(f"{NAME}: onnxruntime found no weight that it could quantise")
    module = model.runtime.module
    model.runtime = OnnxRuntime(made, "cpu")
    model.runtime.exported = Exported(module, plain)
    return Done(
        recount=lambda loaded: tell(
            "{what}, activations calibrated ({method}) on {n} training rows, served by onnxruntime",
            what=in_int8(loaded.runtime.path),
            method=params.method,
            n=f"{count:,}",
        ),
        notes=notes,
        trained_on=rows.about,
    )


def _reader(calibrate: Any, model: Any, batch: Any, plain: Any) -> Any:
    """The rows as onnxruntime takes them: batch by batch, the arrays that the graph wants."""
    wanted = OnnxRuntime(plain, "cpu").wanted
    encoded = model.inputs.encode(batch, None)
    order = np.argsort(-encoded.lengths, kind="stable")

    def feeds() -> Iterator[Mapping[str, Any]]:
        for part in model.batching.cut(encoded.lengths[order]):
            arrays = encoded.collate(order[part])
            yield {name: values for name, values in arrays.items() if name in wanted}

    class Reader(calibrate.CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            self.feeds = feeds()

        def get_next(self) -> Any:
            return next(self.feeds, None)

    return Reader()
