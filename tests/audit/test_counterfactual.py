"""Twins: a model that looks at the feature is found, one that does not is not."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as csv
import pytest
from fairweigh.audit.figures.counterfactual import twin_rows, twins
from fairweigh.audit.making.scoring import Twins
from numpy.typing import NDArray
from scipy import stats

from .paired_rows import plan

if TYPE_CHECKING:
    from ..conftest import Ended


def table(
    twin: list[Any] | NDArray[Any],
    g: list[Any] | NDArray[Any],
    score: list[Any] | NDArray[Any] | None = None,
    decision: Any = None,
) -> pa.Table:
    columns = {"twin": pa.array(twin, pa.int32()), "g": pa.array(g, pa.string()).dictionary_encode()}
    if score is not None:
        columns["score"] = np.asarray(score, float)
    if decision is not None:
        columns["y_pred"] = np.asarray(decision, np.int8)
    return pa.table(columns)


def sentences(
    bias: float = 0.1, groups: int = 200, seed: int = 0
) -> tuple[NDArray[Any], NDArray[Any], NDArray[np.float64]]:
    """Groups of one template: one sentence of each of two names."""
    r = np.random.default_rng(seed)
    base, g = r.normal(0.5, 0.1, groups), np.tile(["f", "m"], groups)
    score = np.repeat(base, 2) + np.where(g == "m", bias, 0) + r.normal(0, 0.03, 2 * groups)
    return np.repeat(np.arange(groups), 2), g, score


def test_a_gap_between_twins_is_the_t_interval_with_two_more_groups() -> None:
    twin, g, score = sentences()
    (found,) = twins(table(twin, g, score, score >= 0.55), "g", plan(), "original")
    assert (found.one, found.other) == ("f", "m")
    gaps = score[g == "f"] - score[g == "m"]
    plain = stats.ttest_rel(score[g == "f"], score[g == "m"]).confidence_interval(0.95)
    more = np.append(gaps, [np.abs(gaps).max(), -np.abs(gaps).max()])
    wide = stats.ttest_1samp(more, 0).confidence_interval(0.95)
    expected = min(plain.low, wide.low), max(plain.high, wide.high)
    assert (found.score_gap.low, found.score_gap.high) == pytest.approx(expected)
    assert found.score_gap.low < -0.1 < found.score_gap.high
    assert found.largest_gap == pytest.approx(np.abs(score[g == "f"] - score[g == "m"]).max())
    assert (found.groups, found.pairs) == (200, 200)
    yes = score >= 0.55
    assert found.favour_other == (~yes[g == "f"] & yes[g == "m"]).sum()
    assert found.favour_one == (yes[g == "f"] & ~yes[g == "m"]).sum()
    assert found.flips.value == pytest.approx((found.favour_one + found.favour_other) / 200)
    assert found.flips.low < found.flips.value < found.flips.high


def test_a_model_that_sees_no_feature_has_no_gap() -> None:
    twin, g, score = sentences(0.0)
    (found,) = twins(table(twin, g, score), "g", plan(), "original")
    assert found.score_gap.low < 0 < found.score_gap.high
    assert found.flips.status == "undefined"


def test_pairs_within_a_group_are_counted_by_hand() -> None:
    """Group 1: f f m m with decisions 1 0 0 0: two of four pairs favour f. Group 2 has one value only."""
    found = twins(
        table([1, 1, 1, 1, 2, 2, None], ["f", "f", "m", "m", "f", "f", "m"],
              [0.9, 0.4, 0.2, 0.2, 0.5, 0.5, 0.9], [1, 0, 0, 0, 1, 1, 1]),
        "g", plan(), "v",
    )  # fmt: skip
    (one,) = found
    assert (one.groups, one.pairs, one.favour_one, one.favour_other) == (1, 4, 2, 0)
    assert one.flips.value == 0.5
    assert one.score_gap.value == pytest.approx(0.65 - 0.2)
    # One group shows no spread: one more could have a gap of 1 either way (0.975 of the way, two-sided 95 %).
    assert one.score_gap.low == pytest.approx(0.45 - 0.975 * 1.45)
    assert one.score_gap.high == pytest.approx(0.45 + 0.975 * 0.55)
    assert one.score_gap.status == "small"


def test_many_rows_of_few_groups_count_as_groups() -> None:
    """Ten templates with twenty names each: the limits are those of ten groups, not of 4000 pairs."""
    r = np.random.default_rng(3)
    twin = np.repeat(np.arange(10), 40)
    g = np.tile(np.repeat(["f", "m"], 20), 10)
    apart = np.repeat(r.random(10) < 0.5, 40)
    decision = np.where(g == "m", 1, np.where(apart, 0, 1))
    (found,) = twins(table(twin, g, decision * 1.0, decision), "g", plan(), "v")
    assert found.pairs == 4000
    assert found.flips.effective_n < 12
    assert found.flips.high - found.flips.low > 0.4
    assert found.flips.status == "small"


@pytest.mark.parametrize(("values", "pairs"), [(4, 6), (10, 45), (14, 13)])
def test_many_values_are_compared_with_the_most_frequent(values: int, pairs: int) -> None:
    twin = np.repeat(np.arange(50), values)
    g = np.tile([f"v{i:02}" for i in range(values)], 50)
    more, again = np.append(twin, 49), np.append(g, "v03")
    found = twins(table(more, again, np.zeros(len(more)) + 0.5), "g", plan(), "v")
    assert len(found) == pairs
    if pairs == 13:
        assert {f.other for f in found} == {"v03"}


def test_missing_values_and_lonely_rows_are_no_twins() -> None:
    assert twins(table([1, 1, 2], ["f", None, "m"], [0.1, 0.2, 0.3]), "g", plan(), "v") == []
    assert twins(table([None, None], ["f", "m"], [0.1, 0.2]), "g", plan(), "v") == []


def test_no_gap_seen_in_few_groups_is_no_proof_of_none() -> None:
    """Of 30 groups without a gap: Clopper and Pearson's limit of 0 in 30; of ranks times their range."""
    twin, g = np.repeat(np.arange(30), 2), ["f", "m"] * 30
    score = np.repeat(np.linspace(0.2, 0.6, 30), 2)
    (found,) = twins(table(twin, g, score), "g", plan(), "v")
    limit = stats.beta.ppf(0.975, 1, 30)
    assert (found.score_gap.low, found.score_gap.high) == pytest.approx((-limit, limit))
    (ranks,) = twins(table(twin, g, 100 * score), "g", plan(), "v")
    assert ranks.score_gap.high == pytest.approx(40 * limit)
    (equal,) = twins(table(twin, g, np.full(60, 7.0)), "g", plan(), "v")
    assert (equal.score_gap.value, equal.score_gap.low) == (0, None)


def test_every_row_left_out_is_counted_for_one_reason() -> None:
    found = twin_rows(
        table([1, 1, 1, 2, 2, None, None, 3], ["f", "m", None, "f", "f", "m", None, "m"], decision=[0] * 8),
        "g", ["template", "word"],
    )  # fmt: skip
    assert found.model_dump() == {
        "feature": "g", "group": ["template", "word"], "rows": 8,
        "compared": 2, "groups": 1, "no_group": 2, "no_value": 1, "alone": 3,
    }  # fmt: skip


def test_aggregated_cells_are_as_many_twins_as_they_count() -> None:
    """30 f all selected and 40 m none: 1,200 pairs, all decided apart."""
    cells = table([1, 1], ["f", "m"], decision=[1, 0]).append_column("count", pa.array([30, 40]))
    (one,) = twins(cells, "g", plan(), "v")
    assert (one.groups, one.pairs, one.favour_one, one.favour_other) == (1, 1200, 1200, 0)
    assert twin_rows(cells, "g", ["t"]).rows == 70


def test_twins_with_a_blank_in_one_column_are_twins(
    audited: Callable[..., Any], cli: Callable[..., Ended]
) -> None:
    """Eight pairs; in the four whose word is blank the second of each loses .8 and the decision."""
    template = np.repeat([f"t{k}" for k in range(8)], 2)
    word = np.where(np.arange(16) < 8, "", np.char.add("w", template))
    score = np.where((np.arange(16) < 8) & (np.arange(16) % 2 == 1), 0.1, 0.9)
    rows = pa.table({"id": np.arange(16), "t": template, "w": word, "g": ["f", "m"] * 8, "s": score})
    result = audited(
        {
            "audit": "t",
            "data": {"path": "d.parquet", "id": "id", "sensitive": ["g"],
                     "counterfactual": {"group": ["t", "w"], "feature": "g"}},
            "model": {"score": "s"},
            "report": {"charts": False},
        },
        rows,
    )  # fmt: skip
    (found,) = result["counterfactuals"]
    assert (found["groups"], found["pairs"], found["favour_one"]) == (8, 8, 4)
    assert found["score_gap"]["value"] == pytest.approx(0.4)
    assert result["twins"]["compared"] == 16
    assert cli("verify", "runs/t").code == 0


def test_every_group_of_the_equity_evaluation_corpus_is_found(
    audited: Callable[..., Any], data_folder: Path
) -> None:
    """S. Kiritchenko and S. Mohammad 2018: 144 pairs of template and word; the neutral four have no word."""
    with gzip.open(data_folder / "eec" / "Equity-Evaluation-Corpus.csv.gz") as file:
        rows = csv.read_csv(file, convert_options=csv.ConvertOptions(column_types={"ID": pa.string()}))
    rows = rows.append_column("score", pa.array(np.linspace(0, 1, len(rows))))
    config = {
        "audit": "t",
        "data": {"path": "d.parquet", "id": "ID", "sensitive": ["Race", "Gender"],
                 "counterfactual": {"group": ["Template", "Emotion word"], "feature": "Race"}},
        "slices": {"intersections": 1},
        "model": {"score": "score"},
        "report": {"charts": False},
    }  # fmt: skip
    result = audited(config, rows)
    assert [c["groups"] for c in result["counterfactuals"]] == [144]
    assert result["twins"] | {"feature": "", "group": []} == {
        "feature": "", "group": [], "rows": 8640,
        "compared": 5760, "groups": 144, "no_group": 0, "no_value": 2880, "alone": 0,
    }  # fmt: skip
    page = Path("runs/t/annex.html").read_text(encoding="utf-8")
    assert "144 groups of twins were compared: 5,760 of 8,640 rows. Left out: 2,880 have no" in page


def test_values_that_hold_the_sign_between_columns_are_told_apart() -> None:
    """Joined by the sign alone, ('a<sign>b', 'c') and ('a', 'b<sign>c') would be one key, and blanks too."""
    one = ["a\x1fb", "a", "\x1e0", None, "", None]
    other = ["c", "b\x1fc", "c", "c", "c", None]
    codes = Twins(["t", "u"]).read(pa.record_batch({"t": one, "u": other})).to_pylist()
    assert codes == [0, 1, 2, 3, 3, None]


def test_the_feature_of_twins_does_not_group_them(
    refused: Callable[..., str],
    write: Callable[..., None],
    make_people: Callable[..., pa.Table],
    make_config: Callable[..., dict[str, Any]],
) -> None:
    write(make_people(), make_config(data={"counterfactual": {"group": ["job", "sex"], "feature": "sex"}}))
    assert "data.counterfactual: group: 'sex' is the feature in which twins differ" in refused()
