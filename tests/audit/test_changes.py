"""A comparison finds what was planted, sizes it, and names the slice that pays."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fairweigh.audit.figures.changes import compared, methods_used
from fairweigh.audit.figures.pairs import Paired, pair
from fairweigh.audit.result import Comparison
from fairweigh.datasets.errors import InputError
from fairweigh.metrics.figures import METHODS
from fairweigh.metrics.table import DEFAULT
from scipy import stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint

from ..melded import melded_ratio
from .paired_rows import batch, pair_of, plan, planted


def by_slice(parts: Any, **slices: Any) -> Any:
    return next(p for p in parts if p.slice == slices)


@pytest.fixture(scope="module")
def found() -> Comparison:
    return compared(pair_of(*planted()), plan(*DEFAULT, reference={"g": "a"}), "original", "light")


def test_a_planted_compression_is_found_sized_and_attributed(found: Comparison) -> None:
    """Eight percent of slice b's decisions were turned over, and none elsewhere."""
    hit = by_slice(found.flips, g="b")
    assert hit.low < 0.08 < hit.high
    assert hit.p_adjusted < 1e-6
    assert hit.spoiled > hit.mended
    assert hit.excess_loss > 0.02
    for other in ("a", "c"):
        spared = by_slice(found.flips, g=other)
        assert (spared.flips, spared.rate) == (0, 0)
        assert spared.ratio == 0
        assert spared.high < 0.005
        assert spared.excess_loss < 0
    change = by_slice([c for c in found.changes if c.metric == "accuracy"], g="b")
    # The model is right in 84 % of the rows, so that 8 % flips cost 0.08 (0.84 - 0.16).
    assert change.low < -0.08 * 0.68 < change.high
    assert change.p_adjusted < 1e-6
    assert by_slice([c for c in found.changes if c.metric == "accuracy"], g="a").value == 0
    gap = by_slice([c for c in found.gap_changes if c.metric == "true_positive_rate"], g="b")
    assert gap.low < gap.value < gap.high < 0
    assert gap.worse > 0.02
    assert gap.value == pytest.approx(gap.after - gap.before)
    assert gap.worse == pytest.approx(abs(gap.after) - abs(gap.before))


def test_a_variant_that_is_the_original_shows_no_change() -> None:
    before, _ = planted(3000)
    found = compared(pair_of(before, before), plan(*DEFAULT), "original", "copy")
    assert found.agreement == 1
    assert {f.flips for f in [found.overall, *found.flips]} == {0}
    assert {c.value for c in found.changes} == {0}
    assert {c.p for c in found.changes if c.p is not None} == {1}
    assert {g.value for g in found.gap_changes} == {0}
    assert {g.worse for g in found.gap_changes} == {0}
    assert {f.kl for f in found.flips} == {0}
    assert {f.score_shift for f in found.flips} == {0}
    # No change seen is not no change proven.
    for change in found.changes:
        if change.method != "none":
            assert change.low < 0 < change.high


def test_flips_are_those_of_plain_recounting(found: Comparison) -> None:
    before, after = (b.to_pandas() for b in planted())
    apart = before.y_pred != after.y_pred
    assert found.overall.flips == apart.sum()
    assert found.rows == len(before)
    assert found.agreement == pytest.approx(1 - apart.mean())
    for flips in found.flips:
        mine = before.g == flips.slice["g"]
        one, other = before[mine], after[mine]
        assert flips.n == mine.sum()
        assert flips.gained == ((one.y_pred == 0) & (other.y_pred == 1)).sum()
        assert flips.lost == ((one.y_pred == 1) & (other.y_pred == 0)).sum()
        right = one.y_pred == one.y_true, other.y_pred == other.y_true
        assert flips.spoiled == (right[0] & ~right[1]).sum()
        assert flips.mended == (~right[0] & right[1]).sum()
        x, n = int(apart[mine].sum()), int(mine.sum())
        y, m = int(apart[~mine].sum()), int((~mine).sum())
        low, high = proportion_confint(x, n, method="beta")
        assert (flips.low, flips.high) == pytest.approx((np.nan_to_num(low), high), rel=1e-6)
        low, high = melded_ratio((x, n), (y, m), 0.025)
        assert flips.ratio_low == pytest.approx(low, rel=1e-5, abs=1e-6)
        if np.isfinite(high):
            assert flips.ratio_high == pytest.approx(high, rel=1e-5)
        sides = [stats.fisher_exact([[x, n - x], [y, m - y]], a).pvalue for a in ("less", "greater")]
        assert flips.p == pytest.approx(min(1, 2 * min(sides)), rel=1e-5, abs=1e-14)
        loss = right[0].mean() - right[1].mean()
        whole = (before.y_pred == before.y_true).mean() - (after.y_pred == after.y_true).mean()
        assert flips.excess_loss == pytest.approx(loss - whole)
        assert flips.score_shift == pytest.approx((other.score - one.score).mean())


def test_p_values_are_adjusted_by_holm_over_the_features_slices(found: Comparison) -> None:
    for parts in (found.flips, [c for c in found.changes if c.metric == "selection_rate" and c.slice]):
        expected = multipletests([c.p for c in parts], method="holm")[1]
        assert [c.p_adjusted for c in parts] == pytest.approx(list(expected))


def test_before_and_after_are_the_variants_own_figures(found: Comparison) -> None:
    paired = pair_of(*planted())
    for change in found.changes:
        if not change.slice:
            assert change.before == paired.measured_before.figure(change.metric, ()).value[0]
            assert change.after == paired.measured_after.figure(change.metric, ()).value[0]
        if change.value is not None:
            assert change.value == pytest.approx(change.after - change.before, abs=1e-9)
    assert "base_rate" not in {c.metric for c in found.changes}


def test_a_comparison_survives_its_file(found: Comparison) -> None:
    assert Comparison.model_validate_json(found.model_dump_json()) == found
    assert methods_used(found) <= set(METHODS)


def test_small_undefined_and_unknown_slices_say_so() -> None:
    g = ["a"] * 60 + ["tiny"] * 8 + [None] * 40
    label = np.array([0, 1] * 30 + [0] * 8 + [0, 1] * 20)
    one = batch(label, label, g=g)
    other = batch(np.where(np.arange(108) % 9 == 0, 1 - label, label), label, g=g)
    found = compared(pair_of(one, other), plan("true_positive_rate", "accuracy"), "original", "light")
    tiny = by_slice([c for c in found.changes if c.metric == "true_positive_rate"], g="tiny")
    assert (tiny.status, tiny.value) == ("undefined", None)
    assert "denominator" in tiny.why
    small = by_slice([c for c in found.changes if c.metric == "accuracy"], g="tiny")
    assert small.status == "small"
    assert by_slice(found.flips, g="tiny").status == "small"
    unknown = by_slice([c for c in found.changes if c.metric == "accuracy"], g="(unknown)")
    assert unknown.p is not None
    assert unknown.p_adjusted is None
    gap = by_slice([c for c in found.gap_changes if c.metric == "true_positive_rate"], g="tiny")
    assert (gap.status, gap.value, gap.worse) == ("undefined", None, None)
    assert "g=tiny" in gap.why


def test_without_labels_or_scores_the_rest_remains() -> None:
    one, other = batch([1, 0, 1] * 40, g=["a", "b", "b"] * 40), batch([1, 1, 1] * 40, g=["a", "b", "b"] * 40)
    found = compared(pair_of(one, other), plan("selection_rate"), "original", "light")
    assert found.overall.gained == 40
    assert found.overall.spoiled is None
    assert found.overall.excess_loss is None
    assert found.overall.kl is None
    assert {c.metric for c in found.changes} == {"selection_rate"}


def test_intersections_are_compared_up_to_the_plans_depth() -> None:
    r = np.random.default_rng(0)
    g, h = r.choice(["a", "b"], 900).tolist(), r.choice(["x", "y"], 900).tolist()
    one, other = (batch(r.integers(0, 2, 900), g=g, h=h) for _ in range(2))
    paired = pair_of(one, other, ("g", "h"))
    for depth, most in ((1, 1), (2, 2)):
        found = compared(paired, plan("selection_rate", depth=depth), "original", "light")
        assert max(len(c.slice) for c in found.changes) == most
        assert max(len(f.slice) for f in found.flips) == most


def test_batches_make_no_difference() -> None:
    before, after = planted(900)
    paired = Paired(("g",))
    for start in range(0, 900, 200):
        paired.add(before.slice(start, 200), after.slice(start, 200))
    assert compared(paired, plan(*DEFAULT), "o", "v") == compared(
        pair_of(before, after), plan(*DEFAULT), "o", "v"
    )


def write(folder: Path, name: str, one: Any) -> Path:
    pq.write_table(pa.table(one), folder / name)
    return folder / name


def test_files_in_another_order_are_matched_by_id(tmp_path: Path) -> None:
    before, after = planted(900)
    shuffled = after.take(pa.array(np.random.default_rng(1).permutation(900)))
    found = pair(write(tmp_path, "b", before), write(tmp_path, "a", shuffled), ("g",))
    assert compared(found, plan(), "o", "v") == compared(pair_of(before, after), plan(), "o", "v")


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda b: b.set_column(0, "id", pa.array([0, 0, *range(2, 90)])), "1 id occurs more than once"),
        (
            lambda b: b.set_column(0, "id", pa.array(range(1, 91))),
            "1 of its ids are not in after, such as '0'",
        ),
        (lambda b: b.slice(0, 88), "2 of its ids are not in after, such as '88', '89'"),
        (lambda b: b.set_column(1, "y_true", pa.array([1] * 90, pa.int8())), "rows differ in the label"),
        (
            lambda b: b.set_column(4, "g", pa.array(["a"] * 90).dictionary_encode()),
            "rows differ in the value of 'g'",
        ),
        (lambda b: b.remove_column(1), "before alone has a label"),
    ],
    ids=["twice", "other", "fewer", "label", "slice", "unlabelled"],
)
def test_rows_that_are_not_the_same_are_refused(
    spoil: Callable[..., Any], message: str, tmp_path: Path
) -> None:
    before, after = planted(90)
    pq.write_table(spoil(pa.table(after)), tmp_path / "a")
    with pytest.raises(InputError, match=message):
        pair(write(tmp_path, "b", before), tmp_path / "a", ("g",))


def test_batches_in_another_order_are_refused() -> None:
    before, after = planted(90)
    with pytest.raises(InputError, match="90 ids stand in another order"):
        pair_of(before, after.take(pa.array(np.arange(90)[::-1])))


def test_files_of_other_row_groups_are_paired_batch_by_batch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fairweigh.audit.figures.pairs.BATCH_ROWS", 70)
    r = np.random.default_rng(1)
    n = 500
    before, after, sex = r.integers(0, 2, n), r.integers(0, 2, n), r.choice(list("FM"), n)
    one, two = (
        batch(d, label=before, ids=np.arange(n), score=d * 0.5 + 0.2, sex=sex) for d in (before, after)
    )
    pq.write_table(pa.Table.from_batches([one]), tmp_path / "one.parquet", row_group_size=64)
    pq.write_table(pa.Table.from_batches([two]), tmp_path / "two.parquet", row_group_size=113)
    # Ids in another order cannot be taken batch by batch: they are matched as a whole.
    moved = pa.Table.from_batches([two]).take(r.permutation(n))
    pq.write_table(moved, tmp_path / "moved.parquet")
    streamed, matched = (
        pair(tmp_path / "one.parquet", tmp_path / f"{name}.parquet", ("sex",)) for name in ("two", "moved")
    )
    assert streamed.rows == matched.rows == n
    np.testing.assert_array_equal(streamed.tally(("sex",)).counts, matched.tally(("sex",)).counts)
    for name in ("accuracy", "auc", "mean_score"):
        figures = [p.figure(name, ("sex",)) for p in (streamed, matched)]
        np.testing.assert_allclose(figures[0].value, figures[1].value)
        np.testing.assert_allclose(figures[0].limits(1.96, 1.0), figures[1].limits(1.96, 1.0))
