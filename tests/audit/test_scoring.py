"""Which rows go where, and in what pieces."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from fairweigh.audit.making.scoring import Job, Twins, in_share
from fairweigh.datasets.read import resized


def rows(n: int = 3000, **columns: Any) -> Any:
    return pa.record_batch({"id": np.arange(n), **columns})


def test_the_share_of_the_choice_is_drawn_by_the_id_alone(tmp_path: Path) -> None:
    job = Job(tmp_path / "p", share=0.3)
    found = in_share(rows(), rows(), job)
    # Three standard deviations of a binomial share.
    assert found.mean() == pytest.approx(0.3, abs=3 * np.sqrt(0.3 * 0.7 / 3000))
    order = np.random.default_rng(0).permutation(3000)
    shuffled = rows().take(pa.array(order))
    np.testing.assert_array_equal(in_share(shuffled, shuffled, job), found[order])


def test_rows_of_one_cluster_stand_on_one_side(tmp_path: Path) -> None:
    cluster = np.arange(3000) // 4
    batch = rows(cluster=cluster)
    found = in_share(batch, batch, Job(tmp_path / "p", share=0.5))
    sides = np.bincount(cluster, found)
    assert set(sides.tolist()) == {0.0, 4.0}


def test_twins_stand_on_one_side_and_rows_without_a_twin_go_by_their_id(tmp_path: Path) -> None:
    template = [None if i >= 2000 else f"t{i // 2}" for i in range(3000)]
    raw = pa.record_batch({"template": template})
    found = in_share(rows(), raw, Job(tmp_path / "p", share=0.5, twins=Twins(["template"])))
    np.testing.assert_array_equal(found[:2000:2], found[1:2000:2])
    assert 0.4 < found[2000:].mean() < 0.6


@pytest.mark.parametrize("size", [1, 7, 100, 5000])
def test_batches_are_cut_anew_without_losing_a_row_or_a_word(size: int) -> None:
    words = np.array(["a", "b", "c"])
    batches = [
        pa.record_batch(
            {"id": np.arange(s, s + n), "w": pa.array(words[np.arange(n) % 3]).dictionary_encode()}
        )
        for s, n in ((0, 13), (13, 1), (14, 250))
    ]
    found = list(resized(iter(batches), size))
    assert [b.num_rows for b in found[:-1]] == [size] * (len(found) - 1)
    whole = pa.Table.from_batches(found).unify_dictionaries()
    assert whole["id"].to_pylist() == list(range(264))
    expected = pa.Table.from_batches(batches).unify_dictionaries()["w"].to_pylist()
    assert whole["w"].to_pylist() == expected
