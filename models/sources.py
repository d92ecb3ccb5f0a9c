"""Where a torch module comes from, and how one of the same shape is built again without its weights."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..datasets.errors import InputError
from ..datasets.read import sha256_file
from .budget import bounded_memory
from .extras import optional, quiet
from .folder import CONFIG, ModelFolder, model_folder, offline, plain_config
from .foreign import STOPS, foreign, one_line
from .function import imported
from .pt2 import refuse_code
from .sizes import Shape, check_module, check_numbers

AUTO = {
    "text-classification": "AutoModelForSequenceClassification",
    "image-classification": "AutoModelForImageClassification",
    "token-classification": "AutoModelForTokenClassification",
    "causal-lm": "AutoModelForCausalLM",
    "seq2seq": "AutoModelForSeq2SeqLM",
    "masked-lm": "AutoModelForMaskedLM",
}
SUPPORTED = "text-classification and image-classification, and for token-classification under task: ner"
TAGS_TOKENS = "ForTokenClassification"
TOKENS = "token-classification"
OTHER_HEADS = {
    "ForSequenceClassification": "classifies whole texts",
    "ForImageClassification": "classifies images",
    TAGS_TOKENS: "tags the words of a text",
    "ForQuestionAnswering": "finds the place of an answer",
    "ForMultipleChoice": "chooses between texts",
    "ForNextSentencePrediction": "tells whether one text follows another",
    "ForCausalLM": "writes texts", "LMHeadModel": "writes texts", "ForConditionalGeneration": "writes texts",
    "ForSeq2SeqLM": "writes texts", "ForMaskedLM": "fills gaps in a text",
    "ForObjectDetection": "finds things in an image", "Segmentation": "parts an image",
    "ForAudioClassification": "hears", "ForCTC": "writes down speech",
}  # fmt: skip
"""What models of other heads do, by the end of their class's name."""
OWN_HEADS = {
    TOKENS: (TAGS_TOKENS,),
    "causal-lm": ("ForCausalLM", "LMHeadModel"),
    "seq2seq": ("ForConditionalGeneration", "ForSeq2SeqLM"),
    "masked-lm": ("ForMaskedLM",),
}
CLASSES = ("ForSequenceClassification", "ForImageClassification")
LANGUAGE = {
    "ForCausalLM": "causal-lm", "LMHeadModel": "causal-lm", "ForConditionalGeneration": "seq2seq",
    "ForSeq2SeqLM": "seq2seq", "ForMaskedLM": "masked-lm",
}  # fmt: skip
"""Kinds of language models, by the end of their class's name."""


@dataclass(frozen=True)
class TransformersSource:
    """A transformers model: its task and configuration are enough to build it."""

    task: str
    config: dict[str, Any]
    by_name = True

    def skeleton(self) -> Any:
        """Build the module with weights still to be loaded."""
        with quiet():
            return self._module()

    def check(self, shapes: Mapping[str, Shape], where: str) -> None:
        """InputError where the module would be beyond all proportion to the tensors that are to fill it."""
        check_numbers(self.config, shapes, where, whole=False)
        with foreign(f"{where}: no configuration of transformers"), quiet():
            check_module(self._module, shapes, None, where)

    def _module(self) -> Any:
        transformers = optional("transformers", "a transformers model")
        config = plain_config(self.config, "the model's configuration")
        made = transformers.AutoConfig.for_model(config["model_type"], **_without_type(config))
        return getattr(transformers, AUTO[self.task]).from_config(made, trust_remote_code=False)

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
        lazy = [n for n, p in module.named_parameters() if isinstance(p, torch.nn.UninitializedParameter)]
        if lazy:
            raise InputError(
                f"model.factory: {self.factory} returns a module whose {lazy[0]} has no size yet; let the "
                "function run it once"
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


def transformers_module(
    path: str, task: str, seed: int, dtype: str | None = None
) -> tuple[Any, TransformersSource, str]:
    """Load a transformers model from a folder or hub name, weights from safetensors alone.

    Parameters
    ----------
    dtype : str, optional
        Type that the weights are read into; default the one that the configuration names, whatever they are
        stored in, and where it names none that of the weights. What a module computes of its configuration
        has then as many digits as the library gives it, which a later cast would not.

    Returns
    -------
    module, source, sha256
        The checksum is that of the weights' file, or of all of them where there are several.
    """
    transformers = optional("transformers", "a transformers model")
    folder = model_folder(path)
    where = f"model.path: {path} cannot be read as a transformers model"
    kind = getattr(transformers, AUTO[task])
    refuse_other_heads(folder, path, task)
    with foreign(where), offline(), quiet():
        check_numbers(folder.config, folder.shapes, f"model.path: {path}: {CONFIG}", whole=True)
        config = config_of(folder, path)
        check_module(
            lambda: kind.from_config(config, trust_remote_code=False), folder.shapes, folder.config,
            f"model.path: {path}: {CONFIG}",
        )  # fmt: skip
        module, loading = kind.from_pretrained(
            str(folder.path), config=config, use_safetensors=True, trust_remote_code=False,
            output_loading_info=True, local_files_only=True, dtype=dtype or "auto",
        )  # fmt: skip
    missing = sorted(loading["missing_keys"])
    if missing:
        raise InputError(
            f"model.path: {path} lacks {len(missing)} of the weights of a model for {task}, such "
            f"as {missing[0]!r}; "
            "it is not fine-tuned for this task"
        )
    _refuse_left_layers(module, loading["unexpected_keys"], path)
    return module, source_of(module.config, task), folder.sha256


def _refuse_left_layers(module: Any, unexpected: Iterable[str], path: str) -> None:
    """InputError where the weights hold more layers than are loaded: another model would be audited."""
    torch = optional("torch", "a transformers model")
    lists = {name for name, part in module.named_modules() if isinstance(part, torch.nn.ModuleList)}
    for name in sorted(unexpected):
        parts = name.split(".")
        if any(part.isdigit() and ".".join(parts[:i]) in lists for i, part in enumerate(parts)):
            raise InputError(
                f"model.path: {path}: {CONFIG} asks for fewer layers than its weights have, such as "
                f"{name[:100]!r}"
            )


def config_of(folder: ModelFolder, path: str) -> Any:
    """The configuration of a model's folder as the library has it."""
    known = optional("transformers", "a transformers model").CONFIG_MAPPING
    kind = folder.config.get("model_type")
    if not isinstance(kind, str) or kind not in known:
        if folder.needs_code:
            raise InputError(
                f"model.path: {path} needs code of its own (trust_remote_code), which is refused: a model is "
                "untrusted input"
            )
        raise ValueError(
            f"{CONFIG}: expected a model_type that this transformers knows, got {str(kind)[:60]!r}"
        )
    return known[kind].from_dict(folder.config)


def refuse_other_heads(folder: ModelFolder, path: str, task: str) -> None:
    """InputError for a model that was made for something else than its task."""
    named = folder.config.get("architectures")
    own = OWN_HEADS.get(task, CLASSES)
    for name in named if isinstance(named, list) else []:
        for ending, does in OTHER_HEADS.items():
            if isinstance(name, str) and name.endswith(ending) and ending not in own:
                raise InputError(
                    f"model.path: {path} is a {name[:60]}, which {does}; {_wanted(task, ending)}"
                )


def _wanted(task: str, ending: str) -> str:
    """What is said of the model that a task needs."""
    if task not in LANGUAGE.values():
        return f"supported are models for {SUPPORTED}"
    named = " or ".join(OWN_HEADS[task])
    kind = f", or kind: {LANGUAGE[ending]}" if ending in LANGUAGE else ""
    return f"expected a model of kind {task} ({named}){kind}"


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


def not_safetensors(path: Path) -> str:
    """What is told of a file of weights in another format."""
    return (
        f"model.path: expected a .safetensors or .pt2 file, got {path}; other formats are pickles, which can "
        "run any code when loaded"
    )


def load_weights(module: Any, path: Path) -> None:
    """Load a safetensors file into a module whose tensors must be the same ones."""
    safetensors = optional("safetensors.torch", "a torch model")
    with foreign(f"model.path: {path} is no safetensors file that can be read"):
        tensors = safetensors.load_file(str(path))
    try:
        module.load_state_dict(tensors)
    except RuntimeError as error:
        raise InputError(
            f"model.path: {path} does not fit the module of model.factory: {one_line(error)}"
        ) from None
