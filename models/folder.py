"""The folder of a transformers model, looked through before the library opens it.

What its files say is a stranger's: names of other files, of code on the model hub, and sizes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..datasets.errors import InputError
from ..datasets.read import sha256_file
from ..plain import read_json
from .extras import optional, quiet
from .foreign import foreign, one_line
from .inside import inside
from .sizes import Shape

WEIGHTS, INDEX, CONFIG = "model.safetensors", "model.safetensors.index.json", "config.json"
# What is fetched of a model on the hub.
READ = ["*.json", "*.safetensors", "*.txt", "*.model", "*.jinja"]
MOST_CONFIG = 16 << 20
NAMES_CODE = frozenset(
    {
        "auto_map", "attn_implementation", "_attn_implementation", "_attn_implementation_internal",
        "experts_implementation", "_experts_implementation", "_experts_implementation_internal",
        "custom_pipelines", "custom_pipeline", "use_kernels", "kernel_config", "fusion_config",
        "transformers_weights", "_commit_hash", "_name_or_path", "name_or_path", "use_pretrained_backbone",
        "trust_remote_code",
    }
)  # fmt: skip
"""Keys of a configuration that name code, kernels or files elsewhere: without them a model is what it is."""
QUANTISED = ("quantization_config", "compression_config")
ADAPTERS = ("adapter_config.json", "adapter_model.safetensors", "adapter_model.bin")


@dataclass(frozen=True)
class ModelFolder:
    """What a folder holds, as it is loaded.

    Attributes
    ----------
    path : Path
    config : dict
        Of ``config.json``, without what `NAMES_CODE`.
    files : list of Path
        The weights' files, the index first where there is one.
    shapes : dict of str to tuple of int
        Of every tensor in them.
    needs_code : bool
        Whether it names classes of its own.
    """

    path: Path
    config: dict[str, Any]
    files: list[Path]
    shapes: dict[str, Shape]
    needs_code: bool

    @property
    def sha256(self) -> str:
        """Checksum of the one file of weights, or of the checksums of all of them, in order."""
        sums = [sha256_file(file) for file in self.files]
        return sums[0] if len(sums) == 1 else hashlib.sha256("".join(sums).encode()).hexdigest()


def model_folder(given: str) -> ModelFolder:
    """Look through a model's folder, or that of a name on the model hub.

    Raises
    ------
    InputError
        There is none, or it holds adapters, pickles, quantised weights, or names of files outside it.
    """
    path = local_folder(given)
    where = f"model.path: {given}"
    found = next((name for name in ADAPTERS if (path / name).exists()), None)
    if found is not None:
        raise InputError(
            f"{where} holds adapter weights ({found}), which belong to another model; merge them into it "
            "(merge_and_unload of peft) and save the whole"
        )
    files = weights_of(path, where)
    damaged = f"{where} cannot be read as a transformers model: {CONFIG}"
    try:
        config = read_json(path / CONFIG, MOST_CONFIG)
        if not isinstance(config, dict):
            raise ValueError("expected a mapping")
    except OSError as error:
        raise InputError(f"{damaged}: {error.strerror}") from None
    except ValueError as error:
        raise InputError(f"{damaged}: {one_line(error)}") from None
    plain = plain_config(config, where)
    return ModelFolder(path, plain, files, shapes_of(files, where), "auto_map" in config)


def plain_config(config: Mapping[str, Any], where: str) -> dict[str, Any]:
    """A configuration without the keys that `NAMES_CODE`, at any depth.

    Raises
    ------
    InputError
        It is that of quantised weights: who reads these is code of its own.
    """
    for key in QUANTISED:
        if config.get(key):
            told = config[key].get("quant_method") if isinstance(config[key], dict) else config[key]
            raise InputError(
                f"{where} is quantised ({key}: {str(told)[:40]}); expected weights in float32, bfloat16 or "
                "float16, which the recipes of compressions quantise"
            )
    return {key: _plain(value, where) for key, value in config.items() if key not in NAMES_CODE}


def _plain(value: Any, where: str) -> Any:
    if isinstance(value, dict):
        return plain_config(value, where)
    return [_plain(part, where) for part in value] if isinstance(value, list) else value


@contextmanager
def offline() -> Iterator[None]:
    """Let the libraries look for files on this machine alone: what a folder lacks is not on the hub."""
    constants = optional("huggingface_hub.constants", "a transformers model")
    before = constants.HF_HUB_OFFLINE
    constants.HF_HUB_OFFLINE = True
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = before


def local_folder(given: str, key: str = "model.path") -> Path:
    """Return the folder, fetched from the model hub where it is a name there.

    Parameters
    ----------
    key : str
        The key of the configuration that names it, for messages.

    Raises
    ------
    InputError
        There is none, or a link of it leads elsewhere: what is loaded is what is there.
    """
    path = Path(given)
    if not path.is_dir():
        if path.exists() or path.is_absolute() or given.startswith(".") or given.count("/") > 1:
            raise InputError(f"{key}: no folder {given}")
        path = _fetched(given, key)
    for entry in sorted(path.iterdir()):
        if not entry.is_symlink() and not entry.is_file() and not entry.is_dir():
            raise InputError(f"{key}: {given}: {entry.name[:100]} is no regular file")
        if entry.is_symlink() and inside(path, entry.name) is None:
            raise InputError(f"{key}: {given}: {entry.name[:100]} is a link that leads out of the folder")
    return path


def _fetched(given: str, key: str) -> Path:
    hub = optional("huggingface_hub", "a transformers model")
    try:
        with quiet():
            return Path(hub.snapshot_download(given, allow_patterns=READ))
    except Exception as error:
        # The library's errors differ by version and network.
        raise InputError(f"{key}: {_why_not_there(given, error)}") from None


def _why_not_there(given: str, error: Exception) -> str:
    kind = type(error).__name__
    if kind in ("HFValidationError", "RepositoryNotFoundError", "GatedRepoError"):
        return f"no folder {given}, and no model of that name on the hub"
    return f"{given} is no local folder, and the model hub cannot be reached; expected a folder of a model"


def weights_of(path: Path, where: str) -> list[Path]:
    """The files that hold the weights: one, as the library prefers it, or those that an index names."""
    if (path / WEIGHTS).is_file():
        return [path / WEIGHTS]
    if (path / INDEX).is_file():
        return [path / INDEX, *_shards(path, where)]
    pickled = sorted(p.name for p in path.iterdir() if p.suffix in (".bin", ".pt", ".pth"))
    raise InputError(
        f"{where} holds its weights as a pickle ({pickled[0]}), which can run any code when loaded; save "
        "them as safetensors (save_pretrained does)"
        if pickled
        else f"{where} holds no weights: expected a file {WEIGHTS}"
    )


def _shards(path: Path, where: str) -> list[Path]:
    try:
        index = read_json(path / INDEX)
        names = sorted(set(index["weight_map"].values()))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{where}: {INDEX} is no index of weights: {one_line(error)}") from None
    found = []
    for name in names:
        file = inside(path, name) if isinstance(name, str) and name.endswith(".safetensors") else None
        if file is None or file.parent != path:
            raise InputError(
                f"{where}: {INDEX} names {str(name)[:100]!r}, expected a .safetensors file in the folder"
            )
        found.append(file)
    if not found:
        raise InputError(f"{where}: {INDEX} names no weights")
    return found


def shapes_of(files: list[Path], where: str) -> dict[str, Shape]:
    """Shapes of the tensors in all of a model's files, by name."""
    shapes: dict[str, Shape] = {}
    for file in files:
        if file.suffix == ".safetensors":
            with foreign(f"{where} cannot be read as a transformers model: {file.name}"):
                shapes |= shapes_in(file)
    return shapes


def shapes_in(file: Path) -> dict[str, Shape]:
    """Shapes of the tensors in a safetensors file, by name, from its header alone."""
    opened = optional("safetensors", "a torch model").safe_open
    with opened(str(file), framework="numpy") as held:
        return {name: tuple(held.get_slice(name).get_shape()) for name in held.keys()}  # noqa: SIM118
