"""LoRA adapters: merged into the model that they belong to, as they are served."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..datasets.columns import listed
from ..datasets.errors import InputError
from .extras import optional, quiet
from .folder import ADAPTERS, local_folder, model_folder, shapes_in
from .foreign import foreign
from .inside import inside
from .quantised import Served, checksum_of, told_config
from .sizes import Shape, check_numbers
from .sources import TransformersSource, transformers_module

CONFIG, WEIGHTS, PICKLE = ADAPTERS
READ = {
    "r", "lora_alpha", "target_modules", "exclude_modules", "bias", "fan_in_fan_out", "modules_to_save",
    "use_rslora", "use_dora", "rank_pattern", "alpha_pattern", "layers_to_transform", "layers_pattern",
    "task_type", "lora_bias",
}  # fmt: skip
"""Settings that decide what an adapter adds to its model."""
UNUSED = {
    "peft_type", "base_model_name_or_path", "revision", "inference_mode", "auto_mapping", "lora_dropout",
    "init_lora_weights", "peft_version", "megatron_core", "loftq_config", "eva_config", "corda_config",
    "runtime_config", "qalora_group_size", "_custom_modules", "target_parameters", "lora_ga_config",
}  # fmt: skip
"""Settings of training, or that name code; nothing that the merged model is."""
_NAMES = re.compile(r"[\w.-]{1,200}")


def is_adapter(folder: Path) -> bool:
    """Return whether a folder holds an adapter and no model."""
    return any((folder / name).exists() for name in ADAPTERS)


def adapted_module(path: str, base: str | None, task: str, seed: int) -> tuple[Served, TransformersSource]:
    """Load an adapter's model, and merge the adapter into it.

    Parameters
    ----------
    path : str
        Folder of the adapter.
    base : str or None
        Path of the audited original, which an adapter's own words may name.
    task : str
    seed : int

    Raises
    ------
    InputError
        Its model is not here, it is no LoRA adapter, holds a pickle, or does not fit.
    """
    where = f"model.path: {path}"
    folder, config, weights = _read(path, where)
    home = _base(config, base, where)
    settings = _checked(config, weights, where)
    module, source, sha = transformers_module(home, task, seed)
    merged = _merged(module, settings, weights, where)
    files = [*_files_of(home), weights]
    about = {"adapter_of": home, "quantisation": f"LoRA, rank {settings['r']}, merged"}
    return Served(merged, checksum_of([folder / CONFIG, weights], sha), files, about), source


def merged_into(module: Any, path: str, home: str, sha256: str, where: str) -> tuple[Any, int]:
    """Merge an adapter into the module of the model that it belongs to; returns that, and the adapter's rank.

    Parameters
    ----------
    home, sha256 : str
        Folder of the module's model, and the checksum of its weights.

    Raises
    ------
    InputError
        It is no LoRA adapter, belongs to another model, or does not fit.
    """
    folder, config, weights = _read(path, where)
    named = config.get("base_model_name_or_path")
    if not isinstance(named, str) or not named:
        _base(config, home, where)
    if not _same_folder(str(named), home) and _sha256(str(named)) != sha256:
        raise InputError(
            f"{where}: the adapter {folder} belongs to {str(named)[:100]!r} (base_model_name_or_path), "
            f"expected one of the audited model {home!r}"
        )
    settings = _checked(config, weights, where)
    return _merged(module, settings, weights, where), int(settings["r"])


def _same_folder(one: str, other: str) -> bool:
    return one == other or (Path(one).is_dir() and Path(other).is_dir() and Path(one).samefile(other))


def _sha256(named: str) -> str | None:
    """Checksum of the weights of a folder; None where it is none that is here."""
    return model_folder(named).sha256 if Path(named).is_dir() else None


def _read(path: str, where: str) -> tuple[Path, dict[str, Any], Path]:
    """The folder of an adapter, what it says, and the file of its weights."""
    folder = local_folder(path)
    if not (folder / CONFIG).is_file():
        raise InputError(f"{where} holds adapter weights without {CONFIG}, which says what they belong to")
    config = told_config(folder / CONFIG, where)
    weights = inside(folder, WEIGHTS)
    if weights is None:
        told = (
            f"a pickle ({PICKLE}), which can run any code when loaded"
            if (folder / PICKLE).exists()
            else "none"
        )
        raise InputError(f"{where}: expected the adapter's weights in {WEIGHTS}, got {told}")
    return folder, config, weights


def _checked(config: Mapping[str, Any], weights: Path, where: str) -> dict[str, Any]:
    """What an adapter adds to its model, held against the shapes of its weights."""
    settings = _settings(config, where)
    with foreign(f"{where} holds no adapter that can be read"):
        shapes = shapes_in(weights)
    _check_ranks(settings, shapes, where)
    return settings


def _files_of(home: str) -> list[Path]:
    from .folder import weights_of

    return weights_of(local_folder(home), f"model.path: {home}")


def _base(config: Mapping[str, Any], original: str | None, where: str) -> str:
    """The folder of the model that an adapter belongs to."""
    named = config.get("base_model_name_or_path")
    if not isinstance(named, str) or not named:
        raise InputError(
            f"{where}: {CONFIG} names no model that it belongs to (base_model_name_or_path); expected a "
            "folder, or that of the audited model"
        )
    if named == original or Path(named).is_dir():
        return named
    beside = f" ({original!r})" if original else ""
    raise InputError(
        f"{where}: its model is {named[:100]!r}, which is no folder here and not the path of the audited "
        f"model{beside}; set base_model_name_or_path in {CONFIG} to the folder"
    )


def _settings(config: Mapping[str, Any], where: str) -> dict[str, Any]:
    """What is read of a configuration, plain names and numbers alone: a pattern may search without end."""
    kind = config.get("peft_type")
    if kind != "LORA":
        raise InputError(f"{where}: expected a LoRA adapter (peft_type: LORA), got {str(kind)[:40]!r}")
    odd = sorted(key for key in set(config) - READ - UNUSED if config[key] not in (None, False, {}, []))
    if odd or config.get("target_parameters"):
        raise InputError(
            f"{where}: {CONFIG} sets {listed(odd or ['target_parameters'])}, which cannot be merged here"
        )
    if not isinstance(config.get("init_lora_weights", True), (bool, type(None))) and config[
        "init_lora_weights"
    ] not in ("gaussian", "orthogonal", "eva"):
        raise InputError(
            f"{where}: init_lora_weights: {str(config['init_lora_weights'])[:40]!r} changes the model's "
            "own weights; save it as plain LoRA (path_initial_model_for_weight_conversion), or merged"
        )
    found = {key: config[key] for key in READ & set(config) if config[key] is not None}
    for key in ("target_modules", "exclude_modules", "modules_to_save", "layers_pattern"):
        names = found.get(key, [])
        every = [names] if isinstance(names, str) else names
        if not isinstance(every, list) or not all(isinstance(n, str) and _NAMES.fullmatch(n) for n in every):
            raise InputError(f"{where}: {key}: expected a list of names, got {str(names)[:100]!r}")
    for key in ("rank_pattern", "alpha_pattern"):
        if not all(isinstance(n, str) and _NAMES.fullmatch(n) for n in found.get(key, {})):
            raise InputError(f"{where}: {key}: expected names of modules")
    rank = found.get("r")
    if not isinstance(rank, int) or isinstance(rank, bool) or rank < 1:
        raise InputError(
            f"{where}: r: expected the adapter's rank, a whole number above 0, got {str(rank)[:40]!r}"
        )
    return found


def _check_ranks(settings: Mapping[str, Any], shapes: Mapping[str, Shape], where: str) -> None:
    """InputError where a rank is none that the weights have: it is memory before it is filled."""
    check_numbers(settings, shapes, f"{where}: {CONFIG}", whole=False)
    ranks = {size for name, shape in shapes.items() if "lora_" in name for size in shape}
    for rank in (settings["r"], *settings.get("rank_pattern", {}).values()):
        if rank not in ranks:
            raise InputError(
                f"{where}: {CONFIG}: a rank of {rank}, but no tensor of its weights has that size"
            )


def _merged(module: Any, settings: dict[str, Any], weights: Path, where: str) -> Any:
    peft = optional("peft", "a LoRA adapter", "lora")
    load = optional("safetensors.torch", "a LoRA adapter").load_file
    with foreign(f"{where}: the adapter does not fit its model"), quiet():
        wrapped = peft.get_peft_model(module, peft.LoraConfig(**settings))
        held = load(str(weights))
        found = peft.set_peft_model_state_dict(wrapped, held)
        lacking = [name for name in found.missing_keys if "lora_" in name or "modules_to_save" in name]
        odd = [name for name in found.unexpected_keys if not _said_twice(name, held)]
        if lacking or odd:
            raise ValueError(
                f"its weights lack {lacking[0]!r}" if lacking else f"the model has no place for {odd[0]!r}"
            )
        return wrapped.merge_and_unload()


def _said_twice(name: str, held: Mapping[str, Any]) -> bool:
    """Whether a tensor was taken under another name: ``bias: all`` writes that of a trained head twice."""
    torch = optional("torch", "a LoRA adapter", "lora")
    first = name.replace(".modules_to_save.", ".")
    return first != name and first in held and bool(torch.equal(held[first], held[name]))
