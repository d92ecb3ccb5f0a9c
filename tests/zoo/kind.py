"""What a kind of model in the zoo is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa

Build = Callable[[Path], dict[str, Any]]
Rows = Callable[..., pa.Table]


@dataclass(frozen=True)
class Kind:
    """One architecture: how a small model of it is written, and what must be known of it.

    Attributes
    ----------
    family : {"torch", "onnx", "sklearn"}
        Which recipes are for it.
    build : callable (folder) -> dict
        Writes the model; returns the ``model`` part of a configuration. The same bytes every time.
    rows : callable (n, seed) -> table
        Rows with ``id``, ``sex``, ``race``, ``y`` and what the model reads.
    layers : int, optional
        Layers in a row that are all alike, of which some can be left out.
    heads : int
        Attention heads of each; 0 where there are none.
    tied : bool
        Whether two layers share a weight.
    hard : tuple of str
        Recipes that its kind makes hard.
    """

    name: str
    family: Literal["torch", "onnx", "sklearn"]
    build: Build
    rows: Rows
    layers: int | None = None
    heads: int = 0
    tied: bool = False
    hard: tuple[str, ...] = ()
