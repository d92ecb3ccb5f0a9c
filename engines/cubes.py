"""The cube of rows, from the cells that an engine gives."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from ..metrics.cube import NO_NAMES, Cube, cluster_names
from .engine import Engine, Rows


def counted(
    engine: Engine[Rows],
    rows: Rows,
    axes: Sequence[str],
    weight: str | None = None,
    count: str | None = None,
    cluster: str | None = None,
    slices: tuple[Sequence[str], Sequence[tuple[str, ...]]] | None = None,
) -> Cube:
    """Count rows per distinct combination of the columns ``axes``.

    Parameters
    ----------
    engine : Engine
    rows
        Of that engine. Nulls are counted under ``(unknown)``.
    axes : sequence of str
    weight, cluster : str, optional
        Columns of the rows' weights, and of their clusters, rows of which depend on each other.
    count : str, optional
        A column of counts, of rows that hold one cell each already.
    slices : (columns, keys), optional
        Said where the first axis holds positions in ``keys``, one value per slice column each.

    Returns
    -------
    Cube
    """
    sums = [[] if count is None else [count], *([[weight], [weight, weight]] if weight is not None else [])]
    cells = engine.cells(rows, [*axes, *([cluster] if cluster is not None else [])], sums)
    columns = list(cells.columns[: len(axes)])
    if slices is not None:
        by, keys = slices
        axes = [*by, *axes[1:]]
        columns = [*_apart(columns[0], len(by), keys), *columns[1:]]
    added = [np.asarray(column.to_numpy()) for column in cells.columns[-len(sums) :]]
    weights, squares = (None, None) if weight is None else added[1:]
    clusters = None if cluster is None else cluster_names(cells.column(len(cells.columns) - len(sums) - 1))
    return Cube.from_counts(
        columns, axes, added[0], weights, squares,
        None if clusters is None else clusters.indices.to_numpy().astype(np.int64),
        NO_NAMES if clusters is None else clusters.dictionary,
    )  # fmt: skip


def _apart(column: pa.ChunkedArray, width: int, keys: Sequence[tuple[str, ...]]) -> list[pa.Array]:
    """The values of each slice column, of positions in ``keys``."""
    place, found = column.to_numpy(), []
    for i in range(width):
        values = {value: k for k, value in enumerate(dict.fromkeys(key[i] for key in keys))}
        codes = np.array([values[key[i]] for key in keys], np.int32)[place]
        found.append(pa.DictionaryArray.from_arrays(codes, pa.array(list(values), pa.string()), safe=False))
    return found
