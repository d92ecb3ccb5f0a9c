"""Where a torch module comes from, and how one of the same shape is built again without its weights."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..datasets.errors import InputError
from ..datasets.read import sha256_file
from .budget import bounded_memory
from .extras import optional, quiet
from .foreign import STOPS, foreign, one_line
from .function import imported
from .pt2 import refuse_code

AUTO = {
    "text-classification": "AutoModelForSequenceClassification",
    "image-classification": "AutoModelForImageClassification",
}


@dataclass(frozen=True)
class TransformersSource:
    """A transformers model: its task and configuration are enough to build it."""

    task: str
    config: dict[str, Any]
    by_name = True

    def skeleton(self) -> Any:
        """Build the module with weights still to be loaded."""
        transformers = optional("transformers", "a transformers model")
        with quiet():
            config = transformers.AutoConfig.for_model(
                self.config["model_type"], **_without_type(self.config)
            )
            return getattr(transformers, AUTO[self.task]).from_config(config, trust_remote_code=False)

    def with_config(self, **changes: Any) -> TransformersSource:
        """The same model with other settings, such as fewer layers."""
        return replace(self, config={**self.config, **changes})

    def identity(self) -> dict[str, Any]:
        """Return what tells this source from others, weights apart."""
        return self.spec()

    def spec(self) -> dict[str, Any]:
        """Return what `load_source` needs."""
        return {"kind": "transformers", "task": self.task, "config": self.config}


def _without_type(config: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in config.items() if key not in ("model_type", "transformers_version")}


@dataclass(frozen=True)
class FactorySource:
    """A function that returns the module, ``package.module:function``."""

    factory: str
    by_name = False

    def skeleton(self) -> Any:
        """Call the function."""
        torch = optional("torch", "a torch model")
        make: Callable[..., Any] = imported(self.factory, "model.factory")
        try:
            module = make()
        except STOPS:
            raise
        except BaseException as error:
            # The factory is the user's own code.
            raise InputError(
                f"model.factory: {self.factory} raised {type(error).__name__}: {one_line(error)}"
            ) from error
        if not isinstance(module, torch.nn.Module):
            raise InputError(
                f"model.factory: {self.factory} must return a torch.nn.Module, got {type(module).__name__}"
            )
        return module

    def identity(self) -> dict[str, Any]:
        """Return what tells this source from others: the function's name, and the file that it is in."""
        file = getattr(sys.modules.get(imported(self.factory).__module__), "__file__", None)
        return self.spec() | {"code": sha256_file(Path(file)) if file else None}

    def spec(self) -> dict[str, Any]:
        """Return what `load_source` needs."""
        return {"kind": "factory", "factory": self.factory}


@dataclass(frozen=True)
class ExportedSource:
    """An exported program, ``model.pt2``; its graph is fixed, so that only weights can change."""

    path: Path
    by_name = False

    def skeleton(self) -> Any:
        """Load the program's module."""
        return exported(self.path)

    def identity(self) -> dict[str, Any]:
        """Return what tells this source from others: the program itself."""
        return {"program": sha256_file(self.path)}

    def spec(self) -> dict[str, Any]:
        """Return what `load_source` needs; the graph is copied into the artefact beside it."""
        return {"kind": "exported", "path": "program.pt2"}


Source = TransformersSource | FactorySource | ExportedSource


def load_source(spec: dict[str, Any], folder: Path) -> Source:
    """Read a source that an artefact names."""
    if spec["kind"] == "transformers":
        return TransformersSource(spec["task"], spec["config"])
    if spec["kind"] == "factory":
        return FactorySource(spec["factory"])
    return ExportedSource(folder / spec["path"])


def exported(path: Path) -> Any:
    """Load an exported program; one that holds anything but a graph and plain tensors is refused."""
    torch = optional("torch", "a torch model")
    refuse_code(path)
    # A damaged or hostile archive makes the reader throw whatever it likes.
    with foreign(f"model.path: {path} is no exported program that can be read"), bounded_memory(), quiet():
        # Guards are source code, which only the check of them compiles.
        return torch.export.load(str(path)).module(check_guards=False)


def transformers_module(path: str, task: str, seed: int) -> tuple[Any, TransformersSource, str]:
    """Load a transformers model from a folder or hub name, weights from safetensors alone.

    Returns
    -------
    module, source, sha256
        The checksum is that of the weights' file, or of the weights where several files or a hub hold them.
    """
    transformers = optional("transformers", "a transformers model")
    folder = Path(path)
    weights = sorted(folder.glob("*.safetensors"))
    if folder.is_dir() and not weights:
        pickled = sorted(p.name for p in [*folder.glob("*.bin"), *folder.glob("*.pt"), *folder.glob("*.pth")])
        raise InputError(
            f"model.path: {path} holds its weights as a pickle ({pickled[0]}), which can run any "
            "code when loaded; "
            "save them as safetensors (save_pretrained does)"
            if pickled
            else f"model.path: {path} holds no weights: expected a file model.safetensors"
        )
    if not folder.exists() and (folder.is_absolute() or path.startswith(".") or path.count("/") > 1):
        raise InputError(f"model.path: no folder {path}")
    try:
        with quiet():
            config = transformers.AutoConfig.from_pretrained(path, trust_remote_code=False)
            module, loading = getattr(transformers, AUTO[task]).from_pretrained(
                path, config=config, use_safetensors=True, trust_remote_code=False, output_loading_info=True
            )
    except Exception as error:
        # The library's errors differ by file, version and network.
        raise InputError(f"model.path: {_why_not(path, error)}") from None
    missing = sorted(loading["missing_keys"])
    if missing:
        raise InputError(
            f"model.path: {path} lacks {len(missing)} of the weights of a model for {task}, such "
            f"as {missing[0]!r}; "
            "it is not fine-tuned for this task"
        )
    sha = sha256_file(weights[0]) if len(weights) == 1 else sha256_of(module)
    return module, source_of(config, task), sha


def source_of(config: Any, task: str) -> TransformersSource:
    """The source of a transformers model with this configuration."""
    told = {**config.to_dict(), "model_type": config.model_type}
    return TransformersSource(task, json.loads(json.dumps(told, default=str)))


def sha256_of(module: Any) -> str:
    """Checksum of a module's weights, where no single file holds them."""
    torch = optional("torch", "a torch model")
    digest = hashlib.sha256()
    for name, tensor in sorted(module.state_dict().items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy())
    return digest.hexdigest()


def _why_not(path: str, error: Exception) -> str:
    text, whole = one_line(error), str(error)
    if "trust_remote_code" in whole:
        return (
            f"{path} needs code of its own (trust_remote_code), which is refused: a model is untrusted input"
        )
    if "couldn't connect" in whole or "offline" in whole.lower() or "Name or service" in whole:
        return f"{path} is no local folder, and the model hub cannot be reached; expected a folder of a model"
    if isinstance(error, OSError) and ("not a valid model identifier" in whole or "Repo id" in whole):
        return f"no folder {path}, and no model of that name on the hub"
    return f"{path} cannot be read as a transformers model: {text}"


def not_safetensors(path: Path) -> str:
    """What is told of a file of weights in another format."""
    return (
        f"model.path: expected a .safetensors or .pt2 file, got {path}; other formats are pickles, which can "
        "run any code when loaded"
    )


def load_weights(module: Any, path: Path) -> None:
    """Load a safetensors file into a module whose tensors must be the same ones."""
    safetensors = optional("safetensors.torch", "a torch model")
    try:
        tensors = safetensors.load_file(str(path))
    except Exception as error:
        raise InputError(
            f"model.path: {path} is no safetensors file that can be read: {one_line(error)}"
        ) from None
    try:
        module.load_state_dict(tensors)
    except RuntimeError as error:
        raise InputError(
            f"model.path: {path} does not fit the module of model.factory: {one_line(error)}"
        ) from None
