"""Folders of transformers models whose weights another quantiser has packed, loaded as they are served."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ..datasets.errors import InputError
from ..datasets.read import sha256_file
from ..told import tell
from .extras import optional, quiet
from .folder import CONFIG, MOST_CONFIG, NAMES_CODE, ModelFolder, local_folder, offline, shapes_of, weights_of
from .foreign import foreign, one_line
from .sizes import check_module, check_numbers
from .sources import AUTO, config_of, refuse_other_heads
from .torch_runtime import TorchRuntime

KEY = "quantization_config"
PACKAGES = {
    "torchao": ("torchao", "torchao"),
    "bitsandbytes": ("bitsandbytes", "bitsandbytes"),
    "compressed-tensors": ("compressed_tensors", "compressed-tensors"),
    "gptq": ("gptqmodel", "gptqmodel optimum"),
    "awq": ("gptqmodel", "gptqmodel"),
    "quanto": ("optimum.quanto", "optimum-quanto optimum"),
    "hqq": ("hqq", "hqq"),
    "aqlm": ("aqlm", "aqlm[cpu]"),
    "auto-round": ("auto_round", "auto-round"),
    "bitnet": ("accelerate", "accelerate"),
    "eetq": ("kernels", "kernels"),
    "fbgemm_fp8": ("fbgemm_gpu", "fbgemm-gpu-genai"),
    "fouroversix": ("fouroversix", "fouroversix --no-build-isolation"),
    "fp8": ("accelerate", "accelerate"),
    "fp_quant": ("fp_quant", "fp_quant"),
    "gemma": ("accelerate", "accelerate"),
    "gguf": ("gguf", "gguf"),
    "higgs": ("flute", "flute-kernel fast_hadamard_transform"),
    "metal": ("kernels", "kernels"),
    "mxfp4": ("kernels", "kernels"),
    "mxfp8": ("accelerate", "accelerate"),
    "nvfp4": ("kernels", "kernels"),
    "quark": ("quark", "amd-quark"),
    "sinq": ("sinq", "sinq"),
    "spqr": ("spqr_quant", "spqr_quant[gpu]"),
    "vptq": ("vptq", "vptq"),
}
"""The module that each of transformers' methods loads weights with, and what pip calls it."""
OF_ACTIVATIONS = {"quanto": (".input_scale", ".output_scale")}
"""Names that a method looks for in a file and need not find: they are of activations, and no weights."""
PLAIN = frozenset(("f64", "f32", "f16", "bf16", "i64", "bool"))
"""Types of tensors that are not packed."""
MOST_WORD = 500
"""Characters of a word in what a method says of itself."""


class QuantisedRuntime(TorchRuntime):
    """A module of packed weights; one batch at a time, as such layers write to themselves while they run.

    Attributes
    ----------
    parameters : int
        Weights of the same model before they were packed; tied ones once.
    stored : set of str
        Types of the tensors in its files.
    """

    parameters: int = 0
    stored: frozenset[str] = frozenset()

    @property
    def shared_threads(self) -> int:
        """One."""
        return 1

    def describe(self) -> dict[str, Any]:
        """Return what any module says, and whether its weights are not served as they are stored."""
        told = super().describe()
        if turned := _turned(self.module, self.stored):
            told["notes"] = [turned]
        return told


@dataclass(frozen=True)
class Served:
    """A module as it is served.

    Attributes
    ----------
    module : torch.nn.Module
    sha256 : str
        Of all that it was made from.
    files : list of Path
        That hold its weights.
    about : dict
        What the report says of how it is stored.
    parameters : int, optional
        Of packed weights.
    stored : set of str
        Types of the tensors in its files.
    """

    module: Any
    sha256: str
    files: list[Path]
    about: dict[str, Any]
    parameters: int = 0
    stored: frozenset[str] = frozenset()


def quantisation_of(config: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return what a configuration says of packed weights; None where they are plain."""
    found = config.get(KEY)
    return found if isinstance(found, dict) and found else None


def quantised_module(path: str, config: dict[str, Any], task: str) -> Served:
    """Load a folder of packed weights through transformers and the package of their method.

    Parameters
    ----------
    path : str
    config : dict
        Of its ``config.json``.
    task : str

    Raises
    ------
    InputError
        The method is not known or its package is not here, or the folder holds what no model folder may.
    """
    transformers = optional("transformers", "a transformers model")
    where = f"model.path: {path}"
    how = quantisation_of(config)
    assert how is not None
    method = _method(how, where)
    folder = local_folder(path)
    files = weights_of(folder, where)
    plain = _without_code({key: value for key, value in config.items() if key != KEY})
    _refuse_code(how, where)
    read = ModelFolder(folder, plain, files, shapes_of(files, where), "auto_map" in config)
    refuse_other_heads(read, path, task)
    kind = getattr(transformers, AUTO[task])
    with foreign(f"{where} cannot be read as a transformers model"), offline(), quiet():
        check_numbers(plain, read.shapes, f"{where}: {CONFIG}", whole=False)
        made = config_of(read, path)
        place = f"{where}: {CONFIG}"
        check_module(lambda: kind.from_config(made, trust_remote_code=False), read.shapes, None, place)
        parameters = _parameters(lambda: kind.from_config(made, trust_remote_code=False))
        made.quantization_config = _without_code(how)
        module, loading = kind.from_pretrained(
            str(folder), config=made, use_safetensors=True, trust_remote_code=False,
            output_loading_info=True, local_files_only=True,
            **({"device_map": "cpu"} if method == "bitsandbytes" else {}),
        )  # fmt: skip
    without = OF_ACTIVATIONS.get(method, ())
    if missing := sorted(key for key in loading["missing_keys"] if not key.endswith(without)):
        raise InputError(
            f"{where} lacks {len(missing)} of the weights of a model for {task}, such as {missing[0]!r}"
        )
    about: dict[str, Any] = {"quantisation": _words(method, how, read)}
    stored = frozenset(kind for file in files for kind in _types(file))
    return Served(module, checksum_of([folder / CONFIG, *files]), files, about, parameters, stored)


def _turned(module: Any, stored: Collection[str]) -> str:
    """What is told of weights that a library unpacks on loading, or packs then."""
    import torch

    wide = (torch.float64, torch.float32, torch.float16, torch.bfloat16)
    # Scales and shapes have one axis; positions of tokens are buffers in 64 bits.
    parameters = [
        type(p) is torch.nn.Parameter and p.dtype in wide for p in module.parameters() if p.ndim > 1
    ]
    buffers = [b.dtype in (*wide, torch.int64, torch.bool) for b in module.buffers() if b.ndim > 1]
    rounds = any(type(part).__module__.startswith("optimum.quanto") for part in module.modules())
    packed, packs = rounds or not all((*parameters, *buffers)), set(stored) - PLAIN
    if packed and not packs:
        return tell("Its weights are packed on loading: its files hold plain numbers.")
    if packs and not packed:
        types = sorted({str(p.dtype).removeprefix("torch.") for p in module.parameters() if p.ndim > 1})
        return tell("Its weights are unpacked on loading: scored in {dtype}.", dtype=" and ".join(types))
    return ""


def _parameters(build: Callable[[], Any]) -> int:
    """How many weights a module has; tied ones are one."""
    import torch

    with torch.device("meta"):
        return sum(p.numel() for p in build().parameters())


def _method(how: Mapping[str, Any], where: str) -> str:
    method = how.get("quant_method")
    if method not in PACKAGES:
        raise InputError(
            f"{where}: its weights are quantised by {str(method)[:40]!r}; expected one of "
            f"{', '.join(PACKAGES)}"
        )
    module, named = PACKAGES[str(method)]
    try:
        there = find_spec(module) is not None
    except ModuleNotFoundError:
        # The package around it is not here either.
        there = False
    if not there:
        raise InputError(
            f"{where}: its weights are quantised by {method}, which needs the package {named.split()[0]}: "
            f"pip install {named}"
        )
    return str(method)


def _without_code(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_code(part) for key, part in value.items() if key not in NAMES_CODE}
    return [_without_code(part) for part in value] if isinstance(value, list) else value


def _refuse_code(value: Any, where: str) -> None:
    """InputError for a word that a library could take for a file of code, or a pattern that may not end."""
    if isinstance(value, dict):
        value = [*value, *value.values()]
    for part in value if isinstance(value, list) else ():
        _refuse_code(part, where)
    if isinstance(value, str) and (
        len(value) > MOST_WORD or ".py" in value or re.search(r"[*+?}]\)?[*+{]|\)[*+{]", value)
    ):
        raise InputError(f"{where}: {KEY} holds {value[:60]!r}; expected names of modules and plain settings")


def _words(method: str, how: Mapping[str, Any], folder: ModelFolder) -> str:
    """Its method, and the types of its tensors as their files hold them: ``torchao, 26 int8, 40 float32``."""
    kinds = Counter(kind for file in folder.files if file.suffix == ".safetensors" for kind in _types(file))
    named = [f"{n} {kind}" for kind, n in kinds.most_common()]
    bits = how.get("bits") or (4 if how.get("load_in_4bit") else 8 if how.get("load_in_8bit") else None)
    return ", ".join([f"{method} {bits} bit" if bits else method, *named])


def _types(file: Path) -> list[str]:
    opened = optional("safetensors", "a torch model").safe_open
    with opened(str(file), framework="numpy") as held:
        return [str(held.get_slice(name).get_dtype()).lower() for name in held.keys()]  # noqa: SIM118


def checksum_of(files: list[Path], *more: str) -> str:
    """One checksum of files, in order, and of the checksums of others."""
    return hashlib.sha256("".join([*map(sha256_file, files), *more]).encode()).hexdigest()


def told_config(path: Path, where: str) -> dict[str, Any]:
    """Read a folder's JSON configuration as it is.

    Raises
    ------
    InputError
        It is not there, or no mapping.
    """
    from ..plain import read_json

    try:
        config = read_json(path, MOST_CONFIG)
    except OSError as error:
        raise InputError(f"{where}: {path.name}: {error.strerror}") from None
    except ValueError as error:
        raise InputError(f"{where}: {path.name}: {one_line(error)}") from None
    if not isinstance(config, dict):
        raise InputError(f"{where}: {path.name}: expected a mapping")
    return config
