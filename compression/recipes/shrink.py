"""Fewer parts: layers and attention heads."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from ...told import tell, told_series
from ..finetune import then_tune
from ..registry import UNTAUGHT, Context, Done, Finetune, Params, in_float32, recipe
from ..reshape import reshape
from ..stacks import Kept, chosen, counting, shorten


class DropLayers(Params):
    """Whole layers go."""

    keep: int = Field(ge=1, description="Layers that stay, spread evenly from the first to the last.")
    finetune: Finetune | None = None


@recipe("drop-layers", DropLayers, rebuild=reshape, language=True, tasks=UNTAUGHT)
def drop_layers(model: Any, params: DropLayers, context: Context) -> Done:
    """Keep some of the layers; of an encoder and a decoder, some of each."""
    in_float32(model, "drop-layers")
    kept = chosen(model, context, params.keep, "drop-layers.keep")
    module = model.runtime.module
    totals = {name: len(module.get_submodule(name)) for name in kept}
    settings = counting(model, kept, "drop-layers")
    shorten(module, kept, settings)
    done = Done(_told(kept, totals), {"kept": kept, "settings": settings})
    then_tune(model, params.finetune, context, done, [], "drop-layers")
    return done


def _told(kept: Kept, totals: dict[str, int]) -> str:
    """Which layers stay, of each stack by its name where there are several."""
    texts = []
    for name, places in kept.items():
        layers = ", ".join(str(i + 1) for i in places)
        if len(kept) == 1:
            texts.append(tell("layers {layers} of {total} kept", layers=layers, total=totals[name]))
        else:
            texts.append(
                tell(
                    "layers {layers} of {total} of {name} kept", layers=layers, total=totals[name], name=name
                )
            )
    return told_series(texts)
