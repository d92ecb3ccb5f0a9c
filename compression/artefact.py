"""The artefact of a variant: a folder that loads again to the same decisions, and holds no pickle.

``variant.json`` says how the module is built, which steps brought it to its shape, how its inputs are
made and how its outputs become decisions; weights are safetensors, ONNX, OpenVINO's or skops.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ..datasets.errors import InputError
from ..datasets.read import sha256_file
from ..guests import need, used
from ..models.base import Family
from ..models.budget import bounded_memory
from ..models.device import device_for
from ..models.extras import optional
from ..models.foreign import foreign, one_line
from ..models.forms import FORMS
from ..models.function import FunctionModel
from ..models.heads import HEADS, TaskHead, Wanted
from ..models.inputs import load_inputs
from ..models.language.changeable import is_language
from ..models.neural import Batching, NeuralModel
from ..models.onnx_runtime import OnnxRuntime
from ..models.openvino import OpenVinoRuntime
from ..models.outputs import Reading
from ..models.rules import behind, rule_of, unruled
from ..models.score_column import ScoreColumn
from ..models.sources import ExportedSource, FactorySource, Source, TransformersSource, load_source
from ..models.token_classes import TokenModel
from ..models.torch_runtime import TorchRuntime, type_of
from . import codec, language_artefact, weights
from .description import FORMAT, PROGRAM, SPEC, read_description
from .estimators import read, write
from .files import IR, ONNX, WEIGHTS, weights_file, weights_files

ALIGNED = 64
"""Bytes at multiples of which torch puts tensors on a CPU."""

Step = tuple[str, dict[str, Any]]
"""Name of a recipe that was applied, and its record."""


def family_of(model: Any) -> Family:
    """Which recipes a model can be given to; InputError for a model that cannot be compressed."""
    base = unruled(model)
    family: Family | None = getattr(base, "family", None)
    if family is None:
        raise InputError(
            "compressions: expected a model that can be changed (scikit-learn, torch or transformers), got "
            f"{type(base).__name__}"
        )
    if base.unchangeable:
        raise InputError(f"compressions: {base.unchangeable}")
    return family


def save(model: Any, steps: Sequence[Step], folder: Path, fitted_on: Mapping[str, Any] | None = None) -> str:
    """Write a model as an artefact; returns the sha256 of its weights, or of its rule where it has none.

    Parameters
    ----------
    steps : sequence of (recipe, record)
        In the order in which they were applied.
    fitted_on : mapping, optional
        Checksum, split and share of the data that its rules were fitted on, so that an audit of the
        artefact can leave these rows out.
    """
    folder.mkdir(parents=True)
    base = unruled(model)
    spec: dict[str, Any] = {"format": FORMAT, "threshold": base.threshold}
    spec["steps"] = [{"recipe": name, "record": record} for name, record in steps]
    if guests := used(("recipe", name) for name, _ in steps):
        spec["guests"] = {guest.name: guest.version for guest in guests}
    if model.rules:
        spec |= {"rules": [rule.spec() for rule in model.rules], "fitted_on": dict(fitted_on or {})}
    if base.family == "sklearn":
        spec |= write(base, folder)
    elif base.family == "scores":
        spec |= _write_scores(model)
    elif is_language(base):
        spec |= language_artefact.write(base, folder)
        spec |= _write_module(base.runtime, steps, folder) if "runtime" not in spec else {}
    else:
        spec |= _write_neural(base, steps, folder)
    (folder / SPEC).write_text(json.dumps(spec, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    # Where scores come from outside the artefact is a rule and nothing else.
    return sha256_file(folder / SPEC) if spec["family"] == "scores" else checksum(folder)


def _write_scores(model: Any) -> dict[str, Any]:
    """Where a rule finds scores that are not the artefact's to give: their column, or the callable."""
    base = unruled(model)
    spec: dict[str, Any] = {"family": "scores", "probability": base.probability}
    if not base.called:
        return spec | {"column": base.score_column}
    column = "score"
    while column in model.columns:
        column = f"model_{column}"
    return spec | {"column": column, "callable": {"name": base.name, "features": base.columns}}


def checksum(folder: Path) -> str:
    """The sha256 of an artefact's weights, and of the graph where that is a file of its own."""
    held = weights_files(folder)
    if not held:
        weights = weights_file(folder)
        if weights.name != IR[1]:
            return sha256_file(weights)
        held = [folder / name for name in IR]
    each = "".join(map(sha256_file, held))
    return hashlib.sha256(each.encode()).hexdigest()


def _write_neural(model: NeuralModel, steps: Sequence[Step], folder: Path) -> dict[str, Any]:
    spec = {
        "family": "torch",
        "source": None if model.source is None else model.source.spec(),
        "inputs": model.inputs.save(folder),
        "head": model.head.spec(),
        "batching": asdict(model.batching),
    }  # type: dict[str, Any]
    if isinstance(model.runtime, OnnxRuntime):
        _copy_graph(model.runtime.path, folder / ONNX)
        reading = model.runtime.reading
        read = {} if reading is None else {"reading": asdict(reading)}
        return spec | {"runtime": {"kind": "onnx", **read}}
    if isinstance(model.runtime, OpenVinoRuntime):
        for source, name in zip(model.runtime.files, IR, strict=True):
            _copy(source, folder / name)
        return spec | {"runtime": {"kind": "openvino"}}
    assert isinstance(model.runtime, TorchRuntime)
    if isinstance(model.source, ExportedSource):
        _copy(model.source.path, folder / PROGRAM)
    return spec | _write_module(model.runtime, steps, folder)


def _write_module(held: TorchRuntime, steps: Sequence[Step], folder: Path) -> dict[str, Any]:
    """Write the weights of a torch module, and tell how they are put back."""
    tensors, told = weights.stored(held.module)
    books = {name: size for _, record in steps for name, size in record.get("codebooks", {}).items()}
    encoded, encodings = codec.encode(tensors, {n: k for n, k in books.items() if n in tensors})
    _save_tensors(encoded, folder / WEIGHTS)
    runtime = {
        "kind": "torch", "dtype": held.dtype, "autocast": held.autocast, "compiled": held.compiled,
    }  # fmt: skip
    if held.output is not None:
        runtime["output"] = held.output
    return {"runtime": runtime, "tensors": told, "encodings": encodings}


def how_to_load(model: Any) -> tuple[str, tuple[str, ...]]:
    """Return the device of a model, and the factory that its own artefact may call."""
    model = unruled(model)
    source = getattr(model, "source", None)
    factories = (source.factory,) if isinstance(source, FactorySource) else ()
    return str(getattr(getattr(model, "runtime", None), "device", "cpu")), factories


def trusted_by(model: Any) -> list[str]:
    """Return the types that skops may load from a model's own artefact: this process holds them already."""
    return list(getattr(unruled(model), "trusted", ()))


def load(
    folder: Path,
    device: str = "cpu",
    factories: Collection[str] = (),
    function: Callable[[Any], Any] | None = None,
    trusted: Sequence[str] = (),
) -> Any:
    """Load an artefact: the model, with its decision rules behind it where it has some.

    Parameters
    ----------
    factories : collection of str
        Functions that may be imported and called to build its module. An artefact is untrusted input:
        it cannot name code that is run for it.
    function : callable, optional
        Gives the scores of an artefact that holds a callable's rule alone; without it they are read from
        a column of the table.
    trusted : sequence of str
        Types that its skops file may hold besides those known to be harmless.

    Raises
    ------
    InputError
        It is no artefact, was made by a newer version, holds types that are not trusted, its weights do not
        fit, it wants a factory that is not among those allowed, a guest made it that is not installed, or it
        scores by itself and a callable was given.
    """
    path = folder / SPEC
    spec = read_description(folder)
    need(spec.get("guests", {}), folder)
    # What fits its types may still not fit the module that it is about.
    with foreign(f"{path}: not the description of an artefact"), bounded_memory():
        model: Any
        if function is not None and "callable" not in spec:
            raise InputError(f"{folder}: not the rule of a callable, so no callable can score for it")
        if spec["family"] == "scores":
            model = _read_scores(spec, function)
        elif spec["family"] == "sklearn":
            model = read(spec, folder, trusted)
        elif spec["family"] == "language":
            model = _read_language(spec, folder, device)
        else:
            model = _read_neural(spec, folder, device, factories)
        return behind(model, [rule_of(rule) for rule in spec.get("rules", [])])


def _read_scores(spec: dict[str, Any], function: Callable[[Any], Any] | None) -> ScoreColumn | FunctionModel:
    called = spec.get("callable")
    if called and function is not None:
        return FunctionModel(
            function, called["features"], spec["threshold"], probability=spec["probability"],
            name=called["name"],
        )  # fmt: skip
    return ScoreColumn(
        spec["column"], spec["probability"], spec["threshold"], function=called["name"] if called else None
    )


def _read_neural(spec: dict[str, Any], folder: Path, device: str, factories: Collection[str]) -> NeuralModel:
    inputs = load_inputs(spec["inputs"], folder)
    found = _read_head(spec["head"])
    source = None if spec["source"] is None else load_source(spec["source"], folder)
    if isinstance(source, FactorySource) and source.factory not in factories:
        raise InputError(
            f"{folder}: its module is built by {source.factory}, code that is run when it is loaded; "
            f"set model.factory: {source.factory} if you trust it"
        )
    about = {"kind": "variant", "path": str(folder), "sha256": checksum(folder)}
    how = spec["runtime"]
    runtime: OnnxRuntime | OpenVinoRuntime | TorchRuntime
    if how["kind"] == "onnx":
        runtime = OnnxRuntime(folder / ONNX, device, _reading(how.get("reading")))
    elif how["kind"] == "openvino":
        runtime = OpenVinoRuntime(folder / IR[0], device)
    else:
        assert source is not None
        device = device_for(device)
        module = _read_module(spec, folder, source)
        runtime = TorchRuntime(
            module, device, by_name=source.by_name, autocast=how["autocast"], compiled=how["compiled"],
            output=how.get("output"),
        )  # fmt: skip
        runtime.one_hot = found.one_hot(Wanted(found.task, found.classes))
    batching = Batching(**spec["batching"])
    kind = TokenModel if FORMS[found.task].spans else NeuralModel
    return kind(inputs, runtime, found, batching, spec["threshold"], about, source)


def _read_language(spec: dict[str, Any], folder: Path, device: str) -> Any:
    module = source = None
    if spec["runtime"]["kind"] == "torch":
        source = load_source(spec["source"], folder)
        module = _read_module(spec, folder, source)
    return language_artefact.read(spec, folder, module, source, checksum(folder), device)


def _read_module(spec: dict[str, Any], folder: Path, source: Source) -> Any:
    """Build a module of the shape that the steps gave it, and put the weights into it."""
    how = spec["runtime"]
    tensors = _tensors(folder)
    if isinstance(source, TransformersSource):
        shapes = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
        shapes |= {name: tuple(how["shape"]) for name, how in spec.get("encodings", {}).items()}
        source.check(shapes, f"{folder / SPEC}: source.config")
    module = source.skeleton()
    # One that is made in its type holds what it computes of its configuration with more digits.
    if how["dtype"] not in ("float32", type_of(module)):
        module = module.to(getattr(optional("torch", "an artefact"), how["dtype"]))
    # With the recipes comes what they import, which an artefact of another family has no need of.
    from .recipes import find

    for step in _since_restart(spec["steps"]):
        if step["record"].get("folded"):
            weights.fold(module)
        rebuild = find(step["recipe"], "torch").rebuild
        if rebuild is not None:
            module = rebuild(module, step["record"]) or module
    weights.restore(module, codec.decode(tensors, spec.get("encodings", {})), spec["tensors"])
    return module


def _read_head(told: Mapping[str, Any]) -> TaskHead:
    """The head that `TaskHead.spec` wrote; one that names no task is of two classes."""
    parts = {key: tuple(value) if isinstance(value, list) else value for key, value in told.items()}
    kind: Any = HEADS[str(parts.pop("task", "binary"))]
    found: TaskHead = kind(**parts)
    return found


def _reading(told: Mapping[str, Any] | None) -> Reading | None:
    return None if told is None else Reading(**{**told, "classes": tuple(told.get("classes", ()))})


def fitted_on(folder: Path) -> dict[str, Any]:
    """Return what `save` was told of the rows that an artefact's rules were fitted on."""
    return dict(read_description(folder).get("fitted_on", {}))


def steps_of(folder: Path) -> list[Step]:
    """Return the steps that made an artefact, with their records."""
    spec = read_description(folder)
    return [(step["recipe"], step["record"]) for step in spec["steps"]]


def _copy_graph(source: Path, target: Path) -> None:
    """Copy an ONNX file; weights that it keeps in files beside it come into the one copy."""
    library = optional("onnx", "an artefact", "onnx")
    graph = library.load(str(source), load_external_data=False).graph
    if not any(library.external_data_helper.uses_external_data(t) for t in graph.initializer):
        _copy(source, target)
        return
    try:
        library.save(library.load(str(source)), str(target))
    except ValueError as error:
        raise InputError(
            f"{source}: its weights, which lie beside it, do not fit into one ONNX file: {one_line(error)}"
        ) from None


def _copy(source: Path, target: Path) -> None:
    try:
        shutil.copyfile(source, target)
    except OSError as error:
        # The library names the file that it read, whichever of the two it was about.
        raise OSError(error.errno, error.strerror, str(target)) from None


def _save_tensors(tensors: dict[str, Any], path: Path) -> None:
    try:
        optional("safetensors.torch", "an artefact").save_file(tensors, str(path))
    except Exception as error:
        # The library has an error of its own for a full disk.
        if os.strerror(errno.ENOSPC) in str(error):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path)) from None
        raise


def _tensors(folder: Path) -> dict[str, Any]:
    safetensors = optional("safetensors.torch", "an artefact")
    # A damaged or hostile file makes the reader throw whatever it likes.
    with foreign(f"{folder / WEIGHTS}: no safetensors file that can be read"):
        found: dict[str, Any] = safetensors.load_file(str(folder / WEIGHTS))
    # In the file they begin anywhere; a library may sum up in another order than where torch puts them.
    return {n: t if t.data_ptr() % ALIGNED == 0 else t.clone() for n, t in found.items()}


def _since_restart(steps: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The steps after the last one that put a new module in the place of the old one."""
    last = max((i for i, step in enumerate(steps) if step["record"].get("restart")), default=-1)
    return steps[last + 1 :]
