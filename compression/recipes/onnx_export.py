"""Export to ONNX and dynamic quantisation there: the main int8 path on a CPU."""

from __future__ import annotations

import copy
import shutil
import tempfile
import weakref
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from pydantic import Field

from ...datasets.errors import InputError
from ...models.extras import optional, quiet
from ...models.foreign import one_line
from ...models.onnx_runtime import OnnxRuntime
from ...told import tell
from ..fallback import Fallback, left_alone, nodes_of
from ..recount import in_int8, scales
from ..registry import Context, Done, Params, in_float32, is_packed, plural, recipe

OPSET = 18
TOLERANCE = 1e-3
"""How far the outputs of an exported graph may lie from the module's, as a share of the largest output."""


GRAPHS: weakref.WeakKeyDictionary[Any, Path] = weakref.WeakKeyDictionary()
"""Float graphs of modules that nothing has changed, by the original's module: an export takes longer than all
else, and four recipes begin with the same one."""


class Exported(NamedTuple):
    """What a graph was made of: the module, and the file of its float graph."""

    module: Any
    path: Path


class OnnxInt8(Fallback):
    """int8 in onnxruntime."""

    per_channel: bool = Field(True, description="One scale per output channel rather than per layer.")
    embeddings: bool = Field(True, description="Embedding tables in int8 too.")


@recipe("onnx-int8", OnnxInt8)
def onnx_int8(model: Any, params: OnnxInt8, context: Context) -> Done:
    """Export the module to ONNX and quantise its weights with onnxruntime."""
    quantization = optional("onnxruntime.quantization", "onnx-int8")
    in_float32(model, "onnx-int8")
    left, notes = left_alone(model, params, context, "onnx-int8")
    folder = workshop(model)
    plain, made = folder / "float.onnx", folder / "int8.onnx"
    export(model, context, plain, "onnx-int8")
    kinds = ["MatMul", "Gemm", "Conv", "Attention", *(["Gather"] if params.embeddings else [])]
    with quiet():
        try:
            quantization.quantize_dynamic(
                str(plain), str(made), weight_type=quantization.QuantType.QInt8,
                per_channel=params.per_channel, op_types_to_quantize=kinds,
                extra_options={"MatMulConstBOnly": True},
                nodes_to_exclude=nodes_of(plain, model.runtime.module, left, "onnx-int8"),
            )  # fmt: skip
        except Exception as error:
            # The quantiser walks an arbitrary graph and raises whatever breaks on the way.
            raise InputError(
                f"onnx-int8: onnxruntime cannot quantise this model: {one_line(error)}"
            ) from None
    if not scales(made):
        raise InputError("onnx-int8: onnxruntime found no weight that it could quantise")
    module = model.runtime.module
    model.runtime = OnnxRuntime(made, "cpu")
    model.runtime.exported = Exported(module, plain)
    return Done(
        recount=lambda loaded: tell("{what}, served by onnxruntime", what=in_int8(loaded.runtime.path)),
        notes=[
            *notes,
            tell(
                "Activations are quantised with one scale per batch, "
                "so that a row's score depends on its batch."
            ),
        ],
    )


@recipe("onnx")
def onnx(model: Any, params: Params, context: Context) -> Done:
    """Export the module to ONNX, weights unchanged."""
    path = workshop(model) / "float.onnx"
    export(model, context, path, "onnx")
    module = model.runtime.module
    model.runtime = OnnxRuntime(path, "cpu")
    model.runtime.exported = Exported(module, path)
    return Done(tell("served by onnxruntime, weights unchanged"))


def workshop(model: Any) -> Path:
    """A folder for the export that lives as long as the model that was made in it."""
    folder = tempfile.mkdtemp(prefix="fairweigh-")
    weakref.finalize(model, shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)


def export(model: Any, context: Context, path: Path, name: str) -> None:
    """Write a torch module as ONNX with free batch size and length."""
    torch = optional("torch", name)
    optional("onnxscript", name)
    in_float32(model, name)
    if is_packed(model):
        raise InputError(f"{name}: torch's quantised layers cannot be exported; leave int8-dynamic out")
    original = context.original.runtime.module if context.untouched else None
    if original in GRAPHS:
        shutil.copyfile(GRAPHS[original], path)
        return
    encoded = model.inputs.encode(context.sample, None)
    arrays = encoded.collate(np.arange(min(2, context.sample.num_rows)))
    if context.sample.num_rows < 2:
        arrays = {key: np.concatenate([value, value]) for key, value in arrays.items()}
    tensors = {key: torch.from_numpy(value) for key, value in arrays.items()}
    free_size = torch.export.Dim.DYNAMIC
    axes = (0, 1) if "input_ids" in tensors else (0,)
    free = {key: dict.fromkeys(axes, free_size) for key in tensors}
    module = _positional(model.runtime.module.cpu(), list(tensors), model.runtime.by_name)
    with quiet(), torch.no_grad():
        try:
            torch.onnx.export(
                module, tuple(tensors.values()), str(path), dynamic_shapes={"values": tuple(free.values())},
                dynamo=True, opset_version=OPSET, external_data=False, input_names=list(tensors),
                output_names=["logits"], verbose=False,
            )  # fmt: skip
        except Exception as error:
            # The exporter traces arbitrary modules and raises whatever breaks on the way, behind advice.
            why = one_line(error.__cause__ or error)
            raise InputError(f"{name}: torch cannot export this model: {why}") from None
    _without_traces(path)
    _same_outputs(model, context, path, name)
    if original is not None:
        GRAPHS[original] = workshop(context.original) / "float.onnx"
        shutil.copyfile(path, GRAPHS[original])


def _same_outputs(model: Any, context: Context, path: Path, name: str) -> None:
    """InputError where a graph gives other outputs on the sample rows than the module it was made of."""
    before, after = copy.copy(model), copy.copy(model)
    before.runtime, after.runtime = copy.copy(model.runtime), OnnxRuntime(path, "cpu")
    # The module as it was exported: in float32, on the CPU.
    before.runtime.device, before.runtime.autocast, before.runtime.compiled = "cpu", False, False
    before.runtime._call = None
    expected, got = before.outputs(context.sample), after.outputs(context.sample)
    largest, apart = float(np.abs(expected).max()), float(np.abs(expected - got).max())
    if apart > TOLERANCE * largest:
        rows = plural(len(expected), "{n} row", "{n} rows")
        raise InputError(
            f"{name}: the exported graph is not the model: on {rows} its outputs differ by up to "
            f"{apart:.3g}, the largest output being {largest:.3g} (allowed: {TOLERANCE:.1%} of that)"
        )


def _without_traces(path: Path) -> None:
    """Take out what the exporter notes of the code it went through: paths of this machine, mostly."""
    library = optional("onnx", "onnx-int8")
    model = library.load(str(path))
    for part in (*model.graph.node, *model.graph.value_info, *model.graph.initializer, model.graph):
        del part.metadata_props[:]
    for function in model.functions:
        for node in function.node:
            del node.metadata_props[:]
    library.save(model, str(path))


def _positional(module: Any, names: list[str], by_name: bool) -> Any:
    """A module that takes its inputs one after the other and returns logits alone."""
    import torch

    class Positional(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.module = module

        def forward(self, *values: Any) -> Any:
            out = module(**dict(zip(names, values, strict=True))) if by_name else module(*values)
            return getattr(out, "logits", out)

    return Positional().eval()
