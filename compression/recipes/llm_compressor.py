"""Few bits by calibration, through llm-compressor: GPTQ and AWQ, stored as compressed-tensors."""

from __future__ import annotations

import shutil
import tempfile
import weakref
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import Field

from ...datasets.errors import InputError
from ...models.extras import optional, quiet
from ...models.foreign import one_line
from ...models.language.load import engine_of
from ...models.language.saved import engine_settings, spec_of
from ...told import tell
from ..language_artefact import Exported
from ..registry import Context, Done, Params, in_float32, plural, recipe, unpacked

PACKED = ".weight_packed"
"""How compressed-tensors calls weights in few bits."""


class Calibrated(Params):
    """Weights in few bits, rounded so that what the layers give for some texts moves least."""

    bits: Literal[4, 8] = 4
    group_size: int = Field(128, ge=8, le=1024, description="Weights that share a scale.")
    rows: int = Field(128, ge=1, description="Rows of model.train that it is calibrated with.")


@recipe("gptq", Calibrated, tasks=(), language=True)
def gptq(model: Any, params: Calibrated, context: Context) -> Done:
    """Round column by column, each error spread over the columns left (E. Frantar et al. 2023, ICLR)."""
    return _calibrated(model, params, context, "gptq", _gptq)


@recipe("awq", Calibrated, tasks=(), language=True)
def awq(model: Any, params: Calibrated, context: Context) -> Done:
    """Scale what large activations meet before rounding (J. Lin et al. 2024, MLSys)."""
    if model.runtime.device == "cpu":
        raise InputError("awq: llm-compressor's AWQ needs a CUDA device, this model is on cpu; take gptq")
    return _calibrated(model, params, context, "awq", _awq)


def _gptq(groups: dict[str, Any]) -> Any:
    made = optional("llmcompressor.modifiers.quantization", "gptq").GPTQModifier
    return made(config_groups=groups, ignore=["lm_head"])


def _awq(groups: dict[str, Any]) -> Any:
    return optional("llmcompressor.modifiers.awq", "awq").AWQModifier(
        config_groups=groups, ignore=["lm_head"]
    )


def _calibrated(
    model: Any, params: Calibrated, context: Context, name: str, way: Callable[[dict[str, Any]], Any]
) -> Done:
    in_float32(model, name)
    unpacked(model, name)
    engine = model.engine
    if engine.kind != "causal-lm":
        raise InputError(
            f"{name}: llm-compressor is for causal language models, got one of kind {engine.kind}"
        )
    if find_spec("llmcompressor") is None:
        raise InputError(f"{name}: needs the package llmcompressor: pip install llmcompressor")
    rows = context.rows(name)
    library = optional("llmcompressor", name)
    folder = Path(tempfile.mkdtemp(prefix="fairweigh-"))
    weakref.finalize(model, shutil.rmtree, folder, ignore_errors=True)
    weights = {
        "num_bits": params.bits, "type": "int", "symmetric": True, "strategy": "group",
        "group_size": params.group_size,
    }  # fmt: skip
    context.progress(f"calibrating: {name}", 0, None)
    with quiet():
        optional("loguru", name).logger.disable("llmcompressor")
        try:
            library.oneshot(
                model=engine.module, dataset=_texts(model, rows.batch.slice(0, params.rows)),
                recipe=[way({"group_0": {"targets": ["Linear"], "weights": weights}})],
                num_calibration_samples=min(params.rows, len(rows)), shuffle_calibration_samples=False,
            )  # fmt: skip
            engine.module.save_pretrained(folder / "made", save_compressed=True)
        except Exception as error:
            # It traces arbitrary modules and raises whatever breaks on the way.
            raise InputError(f"{name}: llm-compressor cannot do this here: {one_line(error)}") from None
        engine.tokenizer.save_pretrained(folder / "made")
    said = engine_settings(engine)
    made: Any = engine_of(spec_of(said, folder / "made", str(engine.device)), context.seed)
    made.exported = Exported("packed", folder / "made", said)
    model.engine = made
    return Done(
        recount=lambda loaded: _recount(loaded, name),
        trained_on=tell("{n} of {what}", n=f"{min(params.rows, len(rows)):,}", what=rows.about),
        notes=[
            tell(
                "Where no kernel takes packed weights, they are unpacked on loading: bytes fall, time does "
                "not."
            )
        ],
    )


def _texts(model: Any, rows: Any) -> Any:
    """Texts one by one, as the quantiser's own loaders give them."""
    torch = optional("torch", "gptq")
    encoded = model.inputs.encode(rows, None)
    each = [encoded.collate(np.array([place])) for place in range(rows.num_rows)]
    held = [{name: torch.from_numpy(values) for name, values in arrays.items()} for arrays in each]
    return torch.utils.data.DataLoader(held, batch_size=None)


def _recount(made: Any, name: str) -> str:
    """Matrices that the files of an artefact hold in few bits."""
    opened = optional("safetensors", name).safe_open
    count = 0
    for file in made.engine.files:
        with opened(str(file), framework="numpy") as held:
            count += sum(key.endswith(PACKED) for key in held.keys())  # noqa: SIM118
    how = made.engine.module.config.quantization_config
    groups = (how if isinstance(how, dict) else how.to_dict()).get("config_groups", {})
    bits = sorted({int(group["weights"]["num_bits"]) for group in groups.values() if group.get("weights")})
    return tell(
        "{what} in {bits} bits by {name}, stored as compressed-tensors",
        what=plural(count, "{n} matrix", "{n} matrices"),
        bits=", ".join(map(str, bits)),
        name=name.upper(),
    )
