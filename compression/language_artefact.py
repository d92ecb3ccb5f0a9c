"""Language models as artefacts: a module or the folder of a runtime, a tokenizer, and how they are asked."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from ..models.extras import quiet
from ..models.language.saved import adapter_of, engine_settings, settings_of, spec_of
from ..models.texts import tokenizer_from
from .files import SERVED, TOKENIZER


class Exported(NamedTuple):
    """A folder that a step has made of a language model, and that is served in its place.

    Attributes
    ----------
    kind : str
        ``genai`` (onnxruntime-genai) or ``packed`` (weights of another quantiser).
    folder : Path
    settings : dict
        How its engine reads prompts.
    """

    kind: str
    folder: Path
    settings: dict[str, Any]


def write(model: Any, folder: Path) -> dict[str, Any]:
    """Write what is no weight of a torch module; returns what the description says of it."""
    engine = model.engine
    spec = {"family": "language", "asked": settings_of(model)}
    made: Exported | None = getattr(engine, "exported", None)
    if made is not None:
        shutil.copytree(made.folder, folder / SERVED)
        return {**spec, "source": None, "engine": made.settings, "runtime": {"kind": made.kind}}
    with quiet():
        engine.tokenizer.save_pretrained(folder / TOKENIZER)
    return {**spec, "source": engine.source.spec(), "engine": engine_settings(engine)}


def read(spec: Mapping[str, Any], folder: Path, module: Any, source: Any, sha256: str, device: str) -> Any:
    """Make the model that a description tells of, around its module where it has one."""
    from ..models.language import load

    said = spec["engine"]
    if spec["runtime"]["kind"] != "torch":
        engine: Any = load.engine_of(spec_of(said, folder / SERVED, device), 0)
        engine.exported = Exported(spec["runtime"]["kind"], folder / SERVED, said)
    else:
        how = spec_of(said, folder, device)
        if getattr(module, "generation_config", None) is not None and said["ends"]:
            # What a folder says of writing is no part of the configuration that a module is built of.
            module.generation_config.eos_token_id = said["ends"]
        engine = load.of_module(module, tokenizer_from(str(folder / TOKENIZER)), source, sha256, how)
    return adapter_of(spec["asked"], engine, folder)
