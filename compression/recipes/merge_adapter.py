"""A LoRA adapter merged into its model, as it is served."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from pydantic import Field

from ...datasets.errors import InputError
from ...models.adapters import is_adapter, merged_into
from ...told import tell
from .. import weights
from ..registry import Context, Done, Params, in_float32, plural, recipe, unpacked

NAME = "merge-adapter"


class Merge(Params):
    """Which adapter."""

    path: str = Field(description="Folder of a LoRA adapter (PEFT) that belongs to the model.")


@recipe(NAME, Merge, tasks=(), language=True)
def merge_adapter(model: Any, params: Merge, context: Context) -> Done:
    """Add an adapter's low-rank products to the weights (E. Hu et al. 2022, ICLR); no layer is added."""
    in_float32(model, NAME)
    unpacked(model, NAME)
    if not is_adapter(Path(params.path)):
        raise InputError(
            f"{NAME}.path: expected the folder of an adapter (adapter_config.json), got {params.path}"
        )
    home, sha256 = str(model.engine.path), str(model.engine.sha256)
    before = _digests(model.runtime.module)
    model.runtime.module, rank = merged_into(
        model.runtime.module, params.path, home, sha256, f"{NAME}.path: {params.path}"
    )

    def recount(made: Any) -> str:
        after = _digests(made.runtime.module)
        changed = sum(after.get(name) != digest for name, digest in before.items())
        return tell(
            "a LoRA adapter of rank {rank} merged into {what} of {total}",
            rank=rank,
            what=plural(changed, "{n} tensor", "{n} tensors"),
            total=len(before),
        )

    return Done(recount=recount)


def _digests(module: Any) -> dict[str, bytes]:
    return {
        name: hashlib.sha256(tensor.numpy().tobytes()).digest()
        for name, tensor in weights.parameters(module).items()
    }
