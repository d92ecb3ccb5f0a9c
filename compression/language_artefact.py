"""Language models as artefacts: the module or the folder of a runtime, the tokenizer, and how they are asked."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..models.extras import quiet
from ..models.language.saved import adapter_of, engine_settings, settings_of, spec_of
from ..models.texts import tokenizer_from
from .files import GENAI, TOKENIZER


def write(model: Any, folder: Path) -> dict[str, Any]:
    """Write what is no weight of a torch module; returns what the description says of it."""
    engine = model.engine
    spec = {"family": "language", "asked": settings_of(model)}
    exported = getattr(engine, "exported", None)
    if exported is not None:
        shutil.copytree(exported, folder / GENAI)
        return {**spec, "source": None, "engine": engine.saved, "runtime": {"kind": "genai"}}
    with quiet():
        engine.tokenizer.save_pretrained(folder / TOKENIZER)
    return {**spec, "source": engine.source.spec(), "engine": engine_settings(engine)}


def read(spec: Mapping[str, Any], folder: Path, module: Any, source: Any, sha256: str, device: str) -> Any:
    """Make the model that a description tells of, around its module where it has one."""
    from ..models.language import load

    said = spec["engine"]
    if spec["runtime"]["kind"] == "genai":
        engine = load.engine_of(spec_of(said, folder / GENAI, device), 0)
    else:
        how = spec_of(said, folder, device)
        if getattr(module, "generation_config", None) is not None and said["ends"]:
            # What a folder says of writing is no part of the configuration that a module is built of.
            module.generation_config.eos_token_id = said["ends"]
        engine = load.of_module(module, tokenizer_from(str(folder / TOKENIZER)), source, sha256, how)
    return adapter_of(spec["asked"], engine, folder)
