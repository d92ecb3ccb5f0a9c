"""What compression did to each weight tensor: shape, zeros, quantisation error, encoding."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..models.extras import optional
from ..models.torch_runtime import copy_of
from ..told import tell
from . import ir, weights
from .recount import Counted, counted, scales

EXPORTED = "module."
"""What an exported module's names begin with in its graph."""
HISTOGRAM_BINS = 30
HISTOGRAMS = 6
"""Layers of largest error whose histograms are kept; the figures of the others stand in the table."""

OTHERS = tell("biases, norms and buffers")
"""Name of the row of the tensors that are no matrices."""

Dense = dict[str, NDArray[np.float32]]


def layers(
    before: Any,
    after: Any,
    steps: Sequence[tuple[str, Mapping[str, Any]]],
    spec: Mapping[str, Any],
    folder: Path,
) -> tuple[list[dict[str, Any]], list[Counted]]:
    """Compare the weights of two runtimes, tensor by tensor; each tensor once, whatever shares it.

    Parameters
    ----------
    before, after : TorchRuntime or OnnxRuntime
        An ``OnnxRuntime`` that was made here knows what it was exported from.
    steps : sequence of (recipe, record)
    spec : mapping
        ``variant.json`` of the artefact, for how its tensors are stored.
    folder : Path
        The artefact, for the bytes that each takes there.

    Returns
    -------
    rows : list of dict
        One per weight of two or more dimensions: name, type, shape_before, shape_after, sparsity,
        sqnr_db, encoding, stored_bytes, and for the most changed ones the histograms of both. One more for
        all other tensors together, so that the bytes of all are those of the file without its header.
    changed : list of Counted
        What became of each weight of ``before``; empty for a student, which has none of them.
    """
    exported = getattr(after, "exported", None)
    module = exported.module if exported is not None else after.module
    first = _plain(before.module)
    old, new = _weights(first), _weights(module)
    types = {**weights.holder_types(first), **weights.holder_types(module)}
    held = weights.formats(module)
    if exported is not None and after.path.suffix == ".xml":
        sizes, total = _of_ir(after.path, exported.path, held, new)
    elif exported is not None:
        sizes, total = sizes_of_graph(after.path, exported.path, _weights(module))
        for name, brought in _quantised(new, exported.path, after.path):
            held[name] = (
                tell("int8, one scale per tensor")
                if brought.scales == 1
                else tell("int8, one scale per channel")
            )
            new[name] = brought.back
        for own, count in scales(after.path).items():
            # A norm that the exporter folds into a weight changes its numbers and leaves its name.
            name = own.removeprefix(EXPORTED)
            if held.get(name) == "float32":
                held[name] = (
                    tell("int8, one scale per tensor") if count == 1 else tell("int8, one scale per channel")
                )
    else:
        sizes, total = sizes_of_tensors(folder, new)
    names = _names_before(new, steps)
    turned = {f"{name}.weight" for _, record in steps for name in record.get("turned", ())}
    plain, kinds = weights.formats(first), weights.holder_types(first)
    found, changed = [], []
    for name, values in new.items():
        source = old.get(names.get(name, "")) if names else None
        if source is not None and name in turned:
            source = np.ascontiguousarray(source.T)
        row = _layer(name, types.get(name, ""), source, values, _encoding(name, held, spec))
        found.append(row | {"stored_bytes": sizes.get(name)})
        if source is not None:
            was = names[name]
            retyped = held.get(name) != plain.get(was)
            changed.append(counted(kinds.get(was, ""), source, values, retyped=retyped))
    gone = [name for name in old if name not in set(names.values())] if names else []
    for name in gone:
        row = _layer(name, types.get(name, ""), old[name], None, tell("removed"))
        found.append(row | {"stored_bytes": 0})
        changed.append(counted(kinds.get(name, ""), old[name], None, retyped=False))
    rest = total - sum(row["stored_bytes"] or 0 for row in found)
    others = [_vectors(first), _vectors(module)]
    if rest or others[1].size:
        row = _layer(OTHERS, "", others[0] if names else None, others[1], "")
        found.append(row | {"stored_bytes": rest, "sparsity": None})
    if names and others[0].size:
        changed.append(counted("", *others, retyped=False))
    return _with_histograms(found), changed


def _plain(module: Any) -> Any:
    """A module whose weights are plain ones; a copy where some are computed."""
    if not weights.computed(module):
        return module
    copied = copy_of(module)
    weights.fold(copied)
    return copied


def _weights(module: Any) -> Dense:
    return {n: t.numpy() for n, t in weights.parameters(module).items() if t.ndim > 1}


def _vectors(module: Any) -> NDArray[np.float32]:
    """All that is learned and is no matrix, in one row."""
    found = [t.numpy().ravel() for t in weights.parameters(module).values() if t.ndim < 2]
    return np.concatenate(found) if found else np.zeros(0, np.float32)


def sizes_of_tensors(folder: Path, names: Collection[str]) -> tuple[dict[str, int], int]:
    """Bytes that each of some weights takes in an artefact's file of tensors, and those of all tensors.

    A weight in codes is several tensors: its numbers and their scales, its mask and the values left.
    """
    with (folder / "model.safetensors").open("rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
    sizes: dict[str, int] = {}
    total = 0
    inside = {_in_torchao(name): name for name in names}
    for key, told in header.items():
        if key == "__metadata__":
            continue
        start, end = told["data_offsets"]
        total += end - start
        whole = key.partition("#")[0]
        whole = next((name for parts, name in inside.items() if key.startswith(parts)), whole)
        sizes[whole] = sizes.get(whole, 0) + end - start
    return {name: sizes[name] for name in names if name in sizes}, total


def _in_torchao(name: str) -> str:
    """How torchao begins the names of the parts of a tensor."""
    parent, dot, own = name.rpartition(".")
    return f"{parent}{dot}_{own}_"


def sizes_of_graph(made: Path, plain: Path, module: Dense) -> tuple[dict[str, int], int]:
    """The same of an ONNX file, by the names of the module that it was exported from."""
    numbers, graph = initialisers(made), initialisers(plain)
    sources = {full: _source(full, graph) for full in numbers}
    found = owners(module, {own: graph[own] for own in sources.values() if own is not None})
    sizes: dict[str, int] = {}
    for full, source in sources.items():
        _shared_out(numbers[full].nbytes, [name for name, _ in found.get(source or "", [])], sizes)
    return sizes, sum(values.nbytes for values in numbers.values())


def _source(full: str, graph: Collection[str]) -> str | None:
    """What a tensor of a quantised graph is called in the float graph that it was made of."""
    base = full
    for ending in ("_scale", "_zero_point", "_quantized"):
        base = base.removesuffix(ending)
    return next((own for own in (full, base, base.removesuffix("_Transposed")) if own in graph), None)


def _shared_out(nbytes: int, names: Sequence[str], sizes: dict[str, int]) -> None:
    """Add the bytes of one tensor to the weights that it holds: equal ones may be stored once."""
    for place, name in enumerate(names):
        part = nbytes // len(names) + (place < nbytes % len(names))
        sizes[name] = sizes.get(name, 0) + part


def _of_ir(path: Path, plain: Path, held: dict[str, str], new: Dense) -> tuple[dict[str, int], int]:
    """The same of an OpenVINO model; what it holds in few bits is put into ``held`` and ``new``."""
    graph, constants = initialisers(plain), ir.constants(path)
    found = owners(new, {own: graph[own] for own in constants if own in graph})
    sizes: dict[str, int] = {}
    for own, one in constants.items():
        names, source = found.get(own, []), graph.get(own)
        if not names:
            # A norm that the exporter folds into a weight changes its numbers and leaves its name.
            name, source = own.removeprefix(EXPORTED), None
            if name not in new or new[name].size != one.values.size:
                continue
            names = [(name, False)]
        _shared_out(one.nbytes, [name for name, _ in names], sizes)
        for name, turned in names if one.scales else []:
            held[name] = tell("{type}, {n} scales", type=one.kind, n=one.scales)
            if source is not None:
                # NNCF keeps products' weights the other way round than ONNX has them.
                back = one.values.reshape(source.shape) if one.values.shape == source.shape else one.values.T
                new[name] = np.ascontiguousarray(back.T if turned else back)
    return sizes, sum(one.nbytes for one in constants.values())


def _names_before(after: Dense, steps: Sequence[tuple[str, Mapping[str, Any]]]) -> dict[str, str]:
    """What each weight was called before: dropped layers move those behind them; a student has no before."""
    names = {name: name for name in after}
    for _, record in reversed(steps):
        if record.get("restart"):
            return {}
        for place, kept in record.get("kept", {}).items():
            for name, now in list(names.items()):
                if now.startswith(f"{place}."):
                    position, _, rest = now.removeprefix(f"{place}.").partition(".")
                    names[name] = f"{place}.{kept[int(position)]}.{rest}"
    return names


def _encoding(name: str, held: Mapping[str, str], spec: Mapping[str, Any]) -> str:
    """How a weight is stored: its type, and whether by codes or sparsely."""
    encodings = spec.get("encodings", {})
    how = encodings.get(name) or encodings.get(f"{name}{weights.QUANTISED}")
    kind = held.get(name, "")
    if how is None:
        return kind
    if how["as"] == "codebook":
        return tell("codebook, {bits} bit", bits=how["bits"])
    return tell("{type}, bit mask and values", type=kind)


def _layer(
    name: str,
    kind: str,
    before: NDArray[np.float32] | None,
    after: NDArray[np.float32] | None,
    encoding: str,
) -> dict[str, Any]:
    same = before is not None and after is not None and before.shape == after.shape
    return {
        "name": name,
        "type": kind,
        "shape_before": [] if before is None else list(before.shape),
        "shape_after": [] if after is None else list(after.shape),
        "sparsity": None if after is None else float((after == 0).mean()),
        "sqnr_db": sqnr(before, after) if same and before is not None and after is not None else None,
        "encoding": encoding,
        "_before": before,
        "_after": after,
    }


def sqnr(before: NDArray[np.float32], after: NDArray[np.float32]) -> float | None:
    """Signal to quantisation noise ratio in decibels, 10 log10(sum w^2 / sum (w - w')^2); None if equal."""
    noise = float(np.square(before.astype(np.float64) - after).sum())
    signal = float(np.square(before.astype(np.float64)).sum())
    return 10 * math.log10(signal / noise) if noise > 0 and signal > 0 else None


def _with_histograms(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    changed = [x for x in found if x["sqnr_db"] is not None and x["name"] != OTHERS]
    for layer in sorted(changed, key=lambda item: item["sqnr_db"])[:HISTOGRAMS]:
        both = np.concatenate([layer["_before"].ravel(), layer["_after"].ravel()])
        edges = np.linspace(float(both.min()), float(both.max()), HISTOGRAM_BINS + 1)
        layer["histogram_edges"] = edges.tolist()
        layer["histogram_before"] = np.histogram(layer["_before"], edges)[0].tolist()
        layer["histogram_after"] = np.histogram(layer["_after"], edges)[0].tolist()
    return [{k: v for k, v in layer.items() if not k.startswith("_")} for layer in found]


class _Back(NamedTuple):
    """A quantised tensor brought back to real numbers, and how many scales it has."""

    back: NDArray[np.float32]
    scales: int


def _quantised(module: Dense, plain: Path, made: Path) -> Iterator[tuple[str, _Back]]:
    """The weights of a module that a quantised graph holds in int8, under the module's own names.

    The exporter renames and transposes tensors, so that those of the float graph are recognised by their
    content; the quantiser adds suffixes to the names of that graph.
    """
    graph, numbers = initialisers(plain), initialisers(made)
    bases = [full.removesuffix("_quantized") for full in numbers if full.endswith("_quantized")]
    sources = {base: _source(base, graph) for base in bases if f"{base}_scale" in numbers}
    found = owners(module, {own: graph[own] for own in sources.values() if own is not None})
    for base, source in sources.items():
        scale, zero = numbers[f"{base}_scale"], numbers[f"{base}_zero_point"]
        whole = _dequantised(numbers[f"{base}_quantized"], scale, zero)
        for name, transposed in found.get(source or "", []):
            back = whole.T if transposed != (base.endswith("_Transposed") and source != base) else whole
            yield name, _Back(np.ascontiguousarray(back), scale.size)


def owners(module: Dense, graph: Dense) -> dict[str, list[tuple[str, bool]]]:
    """Which weights of a module each tensor of its exported graph holds, and whether transposed.

    Told by the numbers, since the exporter renames and transposes. Fresh layers that are copies of each other
    hold equal numbers: of these the names decide where the exporter has left them, then the order; a tensor
    may hold several, where the exporter stores equal ones once.
    """
    lying: dict[bytes, list[str]] = {}
    turned: dict[bytes, list[str]] = {}
    for name, values in module.items():
        lying.setdefault(digest(values), []).append(name)
        turned.setdefault(digest(values.T), []).append(name)
    equal: dict[tuple[str, ...], list[tuple[str, bool]]] = {}
    for own, values in graph.items():
        key = digest(values)
        same = lying.get(key) or turned.get(key)
        if same:
            equal.setdefault(tuple(same), []).append((own, key not in lying))
    found: dict[str, list[tuple[str, bool]]] = {}
    for names, tensors in equal.items():
        called = {
            own: own.removeprefix(EXPORTED) for own, _ in tensors if own.removeprefix(EXPORTED) in names
        }
        found |= {own: [(called[own], other)] for own, other in tensors if own in called}
        free = [name for name in names if name not in called.values()]
        rest = [tensor for tensor in tensors if tensor[0] not in called]
        # As many as there are of both, each its own; what is left over goes round among the others.
        for place in range(max(len(free), len(rest)) if free or rest else 0):
            own, other = (rest or tensors)[place % len(rest or tensors)]
            name = (free or names)[place % len(free or names)]
            if (name, other) not in found.setdefault(own, []):
                found[own].append((name, other))
    return found


def digest(values: NDArray[Any]) -> bytes:
    """What tells an array's numbers from others."""
    return hashlib.sha256(np.ascontiguousarray(values).tobytes()).digest()


def _dequantised(values: NDArray[Any], scale: NDArray[Any], zero: NDArray[Any]) -> NDArray[np.float32]:
    """Real numbers of int8 ones; several scales lie along the last axis that has as many entries."""
    if scale.size > 1:
        axis = max(i for i, size in enumerate(values.shape) if size == scale.size)
        shape = [scale.size if i == axis else 1 for i in range(values.ndim)]
        scale, zero = scale.reshape(shape), zero.reshape(shape)
    return np.asarray((values.astype(np.float32) - zero.astype(np.float32)) * scale, np.float32)


def initialisers(path: Path) -> dict[str, NDArray[Any]]:
    """The weights that an ONNX file holds, by name."""
    library = optional("onnx", "an ONNX model", "onnx")
    return {t.name: library.numpy_helper.to_array(t) for t in library.load(str(path)).graph.initializer}
