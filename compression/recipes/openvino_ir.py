"""OpenVINO: export to its intermediate representation, weights compressed with NNCF."""

from __future__ import annotations

import os
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from ...datasets.errors import InputError
from ...models.extras import optional, quiet
from ...models.foreign import one_line
from ...models.openvino import OpenVinoRuntime
from ...told import tell, told_series
from ..fallback import Fallback, left_alone, nodes_of
from ..ir import compressed
from ..registry import Context, Done, in_float32, plural, recipe
from .onnx_export import Exported, export, workshop

NAME = "openvino"
UNEVEN = "Failed to apply group-wise quantization"
"""What NNCF says of layers whose inputs are no multiple of the group."""


def _positive(size: int) -> int:
    if size != -1 and size < 1:
        raise ValueError(f"expected a number of weights, or -1 for an output channel, got {size}")
    return size


GroupSize = Annotated[int, AfterValidator(_positive)]


class OpenVino(Fallback):
    """OpenVINO on the CPU."""

    bits: Literal[4, 8, 32] = Field(8, description="Of the weights; 32 leaves them as they are.")
    symmetric: bool = Field(True, description="Scales without zero points.")
    ratio: float = Field(1.0, gt=0, le=1, description="Share of the weights in 4 bits; the others in 8.")
    group_size: GroupSize = Field(
        -1, description="Weights that share a scale (4 bits); -1: those of an output channel."
    )


@recipe(NAME, OpenVino)
def openvino(model: Any, params: OpenVino, context: Context) -> Done:
    """Export to OpenVINO's representation and compress its weights with NNCF; activations stay float32."""
    library = optional("openvino", NAME, "openvino")
    in_float32(model, NAME)
    if params.bits == 32 and (params.exclude or params.sensitivity):
        raise InputError(
            f"{NAME}: with bits: 32 every layer stays in float32; leave exclude and sensitivity out"
        )
    left, notes = left_alone(model, params, context, NAME)
    folder = workshop(model)
    plain, made = folder / "float.onnx", folder / "model.xml"
    export(model, context, plain, NAME)
    module = model.runtime.module
    excluded = nodes_of(plain, module, left, NAME)
    try:
        with quiet(), redirect_stdout(StringIO()), redirect_stderr(StringIO()):
            graph = library.Core().read_model(str(plain))
            if params.bits < 32:
                graph = _compressed(graph, params, excluded)
            library.save_model(graph, str(made), compress_to_fp16=False)
    except InputError:
        raise
    except Exception as error:
        # Both libraries walk an arbitrary graph and raise whatever breaks on the way.
        if UNEVEN in str(error):
            raise InputError(
                f"{NAME}: group_size {params.group_size} does not divide the inputs of every layer; take "
                "one that does, or -1, or leave such layers out with exclude"
            ) from None
        raise InputError(f"{NAME}: this model cannot be converted: {one_line(error)}") from None
    if params.bits < 32 and not compressed(made):
        raise InputError(f"{NAME}: NNCF found no weight that it could compress")
    model.runtime = OpenVinoRuntime(made)
    model.runtime.exported = Exported(module, plain)
    if params.bits == 32:
        return Done(tell("served by OpenVINO, weights unchanged"), notes=notes)
    return Done(recount=_told, notes=notes)


def _compressed(graph: Any, params: OpenVino, excluded: list[str]) -> Any:
    # NNCF tells its makers of every use; an audit tells nobody. It asks for this variable as it is imported.
    os.environ.setdefault("NNCF_CI", "1")
    nncf = optional("nncf", NAME, "openvino")
    kind = f"INT{params.bits}_{'SYM' if params.symmetric else 'ASYM'}"
    four: dict[str, Any] = {}
    if params.bits == 4:
        four = {"ratio": params.ratio, "group_size": params.group_size}
    names = {node.get_friendly_name() for node in graph.get_ops()}
    # A product with a bias may have become two nodes.
    ignored = [n for name in excluded for n in (name, f"{name}/WithoutBiases") if n in names]
    return nncf.compress_weights(
        graph, mode=getattr(nncf.CompressWeightsMode, kind), **four,
        ignored_scope=nncf.IgnoredScope(names=ignored, validate=False),
    )  # fmt: skip


def _told(model: Any) -> str:
    """What the loaded file holds in fewer bits, in words."""
    counts: dict[str, int] = {}
    for weight in compressed(model.runtime.path).values():
        counts[weight.kind] = counts.get(weight.kind, 0) + 1
    parts = told_series(
        tell(
            "{what} to {type}",
            what=plural(count, "{n} weight tensor", "{n} weight tensors"),
            type=kind,
        )
        for kind, count in sorted(counts.items())
    )
    return tell("{what}, served by OpenVINO", what=parts)
