"""Folders of language models that another quantiser has packed, and adapters with their models."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..adapters import adapted_module, is_adapter
from ..folder import CONFIG, local_folder, weights_of
from ..quantised import Served, quantisation_of, quantised_module, told_config
from ..texts import tokenizer_from

GENAI = "genai_config.json"
"""What a folder of onnxruntime-genai holds and no other."""


def packed_or_adapted(spec: Any, base: str | None, seed: int) -> tuple[Served, Any] | None:
    """The module of a folder of packed weights, or of an adapter, and its tokenizer; None for a plain one.

    Parameters
    ----------
    spec
        What ``model:`` would say of it.
    base : str or None
        Path of the audited original, which an adapter's own words may name.

    Raises
    ------
    InputError
        It cannot be read, the package of its method is not here, or an adapter's model is not.
    """
    path = str(spec.path)
    if not (Path(path).is_dir() or base is not None):
        return None
    folder, where = local_folder(path), f"model.path: {path}"
    if is_adapter(folder):
        served, _ = adapted_module(path, base, spec.resolved, seed)
        # An adapter's folder may have come without the tokenizer that it shares with its model.
        own = (folder / "tokenizer.json").is_file() or (folder / "tokenizer_config.json").is_file()
        return served, tokenizer_from(path if own else served.about["adapter_of"])
    config = told_config(folder / CONFIG, where)
    if quantisation_of(config) is None:
        return None
    return quantised_module(path, config, spec.resolved), tokenizer_from(path)


def files_of_language(model: Any, place: str | None) -> list[Path]:
    """The files that hold the weights of a language model; none where it is served elsewhere."""
    own = getattr(model.engine, "files", None)
    if own:
        return list(own)
    path = Path(str(place))
    if path.is_file():
        return [path]
    if (path / GENAI).is_file():
        return sorted(one for one in path.glob("*.onnx*") if one.is_file())
    if not hasattr(model.engine, "module"):
        return []
    return weights_of(local_folder(str(place)), f"model.path: {place}")
