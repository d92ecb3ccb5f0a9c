"""Graphs by the names of their inputs and outputs: what is fed to them, and which outputs are read."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..datasets.errors import InputError
from .neural import Arrays
from .outputs import Output, Reading, assembled, columns

KINDS = {
    "tensor(float)": np.float32, "tensor(float16)": np.float16, "tensor(double)": np.float64,
    "tensor(int64)": np.int64, "tensor(int32)": np.int32, "tensor(int8)": np.int8, "tensor(int16)": np.int16,
    "tensor(uint8)": np.uint8, "tensor(bool)": np.bool_,
}  # fmt: skip
"""Types of a graph's inputs that rows can be given as."""
KIND_NAMES = {np.dtype(kind).name: name for name, kind in KINDS.items()}
"""The same types in the words of onnxruntime by those of NumPy and torch."""


class GraphReader(ABC):
    """A runtime of a graph, whose outputs have names and types.

    Attributes
    ----------
    path : Path
    given : list of Output
        Its outputs; types in the words of onnxruntime.
    reading : Reading or None
        Which of them are read, and as what; None: one as scores.
    place : int
        Of that one.
    """

    path: Path
    given: list[Output]
    reading: Reading | None = None
    place: int = 0

    @abstractmethod
    def everything(self, arrays: Arrays) -> list[Any]:
        """All outputs for a batch, in the order of `given`."""

    def __call__(self, arrays: Arrays) -> NDArray[np.float32]:
        """Run the model on a batch: scores, then the label that it gives where both are read."""
        rows, where = len(next(iter(arrays.values()))), f"model.path: {self.path}"
        if self.reading is None:
            return columns(self.everything(arrays)[self.place], (), rows, where)
        scores, label = self.read(arrays, [self.reading.scores, self.reading.label])
        return assembled(self.reading, scores, label, rows, where)

    def read(self, arrays: Arrays, names: Sequence[str | None]) -> list[Any]:
        """Outputs by name for a batch, None for no name."""
        found = self.everything(arrays)
        place = {output.name: i for i, output in enumerate(self.given)}
        return [None if name is None else found[place[name]] for name in names]

    def outputs_told(self) -> dict[str, str]:
        """Which outputs are read as scores and as the label, for the report."""
        if self.reading is None:
            return {}
        told = {"scores": self.reading.scores, "label": self.reading.label}
        return {name: of for name, of in told.items() if of is not None}


def by_input(arrays: Mapping[str, Any], wanted: Collection[str], path: Path) -> dict[str, Any]:
    """The arrays that a graph takes, by the names of its inputs; a single one has whatever name."""
    given = dict(arrays)
    if len(wanted) == 1 and len(given) == 1:
        given = {next(iter(wanted)): next(iter(given.values()))}
    lacking = [name for name in wanted if name not in given]
    if lacking:
        raise InputError(
            f"model.path: {path} wants the inputs {', '.join(lacking)}, which the rows do not give"
        )
    return {name: given[name] for name in wanted}


def named_apart(names: Sequence[str]) -> list[str]:
    """Names of outputs; of several, those without a name of their own are called by their place."""
    if len(names) == 1:
        return list(names)
    return [n if n and list(names).count(n) == 1 else str(i) for i, n in enumerate(names)]


def in_pieces(run: Callable[[Arrays], list[Any]], feed: Arrays, size: int) -> list[Any]:
    """All outputs of a graph that takes so many rows, piece by piece; any number where that is 0.

    The last piece is filled up with its last row.
    """
    if not size:
        return run(feed)
    rows = len(next(iter(feed.values())))
    parts = []
    for start in range(0, rows, size):
        place = np.minimum(np.arange(start, start + size), rows - 1)
        found = run({name: values[place] for name, values in feed.items()})
        kept = min(size, rows - start)
        parts.append([part[:kept] if np.ndim(part) or isinstance(part, list) else part for part in found])
    return [joined_batches(pieces) for pieces in zip(*parts, strict=True)]


def joined_batches(pieces: Sequence[Any]) -> Any:
    """An output of several batches as one."""
    if isinstance(pieces[0], list):
        return [row for piece in pieces for row in piece]
    return np.concatenate(pieces) if np.ndim(pieces[0]) else pieces[0]


def fitted(values: NDArray[Any], wanted: str, shape: Sequence[Any], where: str) -> NDArray[Any]:
    """Values in the type of an input, where they have its shape.

    Parameters
    ----------
    wanted : str
        The type in the words of onnxruntime.
    shape : sequence
        Its sizes; a name or -1 is any.
    where : str
        What the input is called.

    Raises
    ------
    InputError
        They have another shape, or would be changed by the type.
    """
    check_shape(values, shape, where)
    return _as(values, wanted, where)


def check_shape(values: NDArray[Any], shape: Sequence[Any], where: str) -> None:
    """InputError where values have another shape than an input, as of `fitted`."""
    if shape and not _fits(values.shape[1:], shape[1:]):
        told = ", ".join(str(size) if isinstance(size, int) and size > 0 else "any" for size in shape)
        have = "".join(f", {size}" for size in values.shape[1:])
        raise InputError(
            f"{where} has the shape ({told}), the rows give (any{have}); see model.features and model.shape"
        )


def _fits(have: Sequence[int], wanted: Sequence[Any]) -> bool:
    """Whether the axes behind the rows are those that an input wants; a name or -1 wants any."""
    free = [not isinstance(size, int) or size < 1 for size in wanted]
    return len(have) == len(wanted) and all(
        any_size or size == given for any_size, size, given in zip(free, wanted, have, strict=True)
    )


def fixed_batch(wanted: Mapping[str, Any]) -> int:
    """Rows of a batch where a graph was exported for one size alone; else 0."""
    first = {i.shape[0] for i in wanted.values() if i.shape}
    sizes = {size for size in first if isinstance(size, int) and size > 0}
    return sizes.pop() if len(sizes) == 1 else 0


def _as(values: NDArray[Any], wanted: str, where: str) -> NDArray[Any]:
    """Values in the type of an input; InputError where that would change them or cannot be."""
    if wanted == "tensor(string)":
        return np.asarray(values, object)
    if wanted not in KINDS:
        raise InputError(f"{where} takes a {wanted}, which rows of a table cannot give")
    if values.dtype == object:
        raise InputError(f"{where} takes a {wanted}, the rows give text")
    kind = np.dtype(KINDS[wanted])
    made = values.astype(kind, copy=False)
    if kind.kind in "iub" and values.dtype.kind == "f" and (made != values).any():
        pixels = "; of images see model.pixels.divide_by" if values.ndim > 2 else ""
        raise InputError(
            f"{where} takes whole numbers ({wanted}), the rows give others, such as "
            f"{values[made != values][0]:g}{pixels}"
        )
    return made
