"""Rows on which variants disagree with the original: which, in what order, and who they are."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from fairweigh.audit.figures.identified import identify
from fairweigh.datasets.errors import InputError

from .paired_rows import batch


def predictions(score: Any, ids: Any = None) -> pa.Table:
    score = np.asarray(score, float)
    g = ["a", "a", "b", "b", None, "b"]
    return pa.table(batch(score >= 0.5, score=score, ids=ids, g=g))


ORIGINAL = predictions([0.9, 0.6, 0.5, 0.1, 0.4, 0.7])
OTHERS = {
    "int8": predictions([0.9, 0.4, 0.45, 0.1, 0.4, 0.7]),
    "pruned": predictions([0.9, 0.1, 0.6, 0.1, 0.6, 0.7]),
}


def test_rows_are_ranked_by_share_then_score_change() -> None:
    rows, found = identify(ORIGINAL, OTHERS.items(), ["g"], 0.5)
    assert rows.column_names == ["id", "variants", "share", "margin", "score_change"]
    assert rows.column("id").to_pylist() == [1, 4, 2]
    assert rows.column("variants").to_pylist() == [2, 1, 1]
    assert rows.column("share").to_pylist() == [1, 0.5, 0.5]
    assert rows.column("margin").to_pylist() == pytest.approx([0.1, 0.1, 0.0])
    assert rows.column("score_change").to_pylist() == pytest.approx([0.5, 0.2, 0.1])
    assert found.rows == 3


def test_the_composition_compares_each_slice_with_the_whole() -> None:
    _, found = identify(ORIGINAL, OTHERS.items(), ["g"], 0.5, "flipped.parquet")
    assert found.file == "flipped.parquet"
    told = {c["slice"]["g"]: c for c in found.composition}
    assert {k: (c["n"], c["identified"]) for k, c in told.items()} == {
        "a": (2, 1), "b": (3, 1), "(unknown)": (1, 1)
    }  # fmt: skip
    assert told["b"]["share"] == pytest.approx(1 / 3)
    assert told["b"]["ratio"] == pytest.approx((1 / 3) / (3 / 6))


def test_no_disagreement_is_an_empty_table() -> None:
    rows, found = identify(ORIGINAL, [("copy", ORIGINAL)], ["g"], 0.5)
    assert (len(rows), found.rows) == (0, 0)
    assert {c["ratio"] for c in found.composition} == {None}


def test_without_scores_there_is_no_margin() -> None:
    bare = {name: t.drop_columns(["score"]) for name, t in {"o": ORIGINAL, **OTHERS}.items()}
    rows, _ = identify(bare["o"], [("int8", bare["int8"])], ["g"])
    assert rows.column("margin").to_pylist() == [None, None]
    assert rows.column("score_change").to_pylist() == [None, None]


def test_variants_are_matched_by_id() -> None:
    order = [3, 5, 1, 0, 4, 2]
    rows, _ = identify(ORIGINAL, [(k, t.take(order)) for k, t in OTHERS.items()], ["g"], 0.5)
    assert rows.column("id").to_pylist() == [1, 4, 2]
    with pytest.raises(InputError, match="1 of its ids are not in int8, such as '5'"):
        identify(ORIGINAL, [("int8", OTHERS["int8"].slice(0, 5))], ["g"])
