"""Runs in TREC form beside a table of pairs, against sums by hand and trec_eval."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import ir_measures
import numpy as np
import pandas as pd
import pytest
from fairweigh.datasets.errors import InputError
from fairweigh.verification import verify
from sklearn.metrics import ndcg_score

from .runs import audited, gap, slice_of, values

DATA = {
    "query": "topic", "item": "doc", "relevance": "grade", "last_rank": 10, "sensitive": ["dialect", "outlet"]
}  # fmt: skip


def judged(topics: int = 90, seed: int = 3) -> pd.DataFrame:
    """Graded pairs; queries in dialect B and items of small outlets are served worse."""
    draw = np.random.default_rng(seed)
    rows = []
    for topic in range(topics):
        dialect = draw.choice(["A", "B"])
        for doc in draw.choice(300, 25, replace=False):
            grade, outlet = (
                int(draw.choice([0, 1, 2], p=[0.7, 0.2, 0.1])),
                "small" if doc % 3 == 0 else "large",
            )
            score = draw.normal() + grade * (1.2 if dialect == "A" else 0.4) - 0.5 * (outlet == "small")
            rows.append((f"{topic:03d}", f"WSJ-{doc}", grade, dialect, outlet, round(score, 4)))
    return pd.DataFrame(rows, columns=["topic", "doc", "grade", "dialect", "outlet", "score"])


def run_of(frame: pd.DataFrame, score: str = "score", first: int = 1) -> Any:
    """The lines of a run, as trec_eval reads them, in an order of their own."""
    placed = frame.assign(
        rank=frame.groupby("topic")[score].rank(ascending=False, method="first").astype(int)
    )
    return [
        f"{row.topic} Q0 {row.doc}\t{row['rank'] - 1 + first}  {row[score]!r} bm25\n"
        for _, row in placed.sample(frac=1, random_state=0).iterrows()
    ]


def write(path: Path, lines: Any) -> Any:
    path.write_text("".join(lines), encoding="utf-8")
    return str(path)


def gains(frame: Any, score: str = "score") -> Any:
    return {
        topic: ndcg_score([one.grade], [one[score]], k=10)
        for topic, one in frame.groupby("topic")
        if one.grade.any()
    }


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> tuple[pd.DataFrame, Path, Any]:
    frame, folder = judged(), tmp_path_factory.mktemp("trec")
    frame["light"] = (frame.score * 4).round() / 4 + 1e-6 * np.arange(len(frame))
    light = folder / "light.trec.gz"
    light.write_bytes(gzip.compress("".join(run_of(frame, "light", first=0)).encode()))
    return frame, folder, audited(
        folder, frame.drop(columns=["score", "light"]), data=DATA,
        model={"kind": "predictions", "path": write(folder / "bm25.trec", run_of(frame))},
        variants=[{"name": "light", "path": str(light)}],
        gates=[{"metric": "ndcg", "by": "dialect", "compare": "difference", "limit": "<= 0.02"}],
    )  # fmt: skip


def test_ndcg_of_a_run_is_that_of_scikit_learn(found: Any) -> None:
    frame, folder, result = found
    original = result["variants"][0]
    assert original["overall"]["ndcg"]["value"] == pytest.approx(np.mean([*gains(frame).values()]), abs=1e-12)
    for dialect, part in frame.groupby("dialect"):
        own = slice_of(original, dialect=dialect)["metrics"]["ndcg"]
        assert own["value"] == pytest.approx(np.mean([*gains(part).values()]), abs=1e-12)
    assert gap(original, "ndcg", dialect="B")["value"] < -0.1
    assert result["gates"][0]["verdict"] == "fail"
    assert verify(folder / "run").figures == []


def test_ndcg_of_a_run_is_that_of_trec_eval(found: Any) -> None:
    frame, folder, result = found
    relevant = frame[frame.groupby("topic").grade.transform("max") > 0]
    pairs = relevant.rename(columns={"topic": "query_id", "doc": "doc_id", "grade": "relevance"}).astype(
        {"query_id": str, "doc_id": str}
    )
    run = ir_measures.read_trec_run(str(folder / "bm25.trec"))
    mine = result["variants"][0]["overall"]["ndcg"]["value"]
    theirs = ir_measures.calc_aggregate([ir_measures.nDCG @ 10], pairs, run)
    assert theirs[ir_measures.nDCG @ 10] == pytest.approx(mine, abs=1e-12)


def test_a_variant_is_another_run_of_the_same_pairs(found: Any) -> None:
    frame, _, result = found
    step = [b - a for a, b in zip(gains(frame).values(), gains(frame, "light").values(), strict=True)]
    changes = result["comparisons"][0]["changes"]
    change = next(c for c in changes if c["metric"] == "ndcg" and not c["slice"])
    assert change["value"] == pytest.approx(np.mean(step), abs=1e-12)


def test_the_same_scores_in_a_column_have_the_same_figures(tmp_path: Path, found: Any) -> None:
    frame, _, result = found
    other = audited(tmp_path, frame, data=DATA, model={"score": "score", "scale": "rank"})
    assert values(other["variants"][0]["overall"]) == values(result["variants"][0]["overall"])


def test_a_table_without_ids_is_joined_by_query_and_item(tmp_path: Path, found: Any) -> None:
    frame, _, result = found
    frame.sample(frac=1, random_state=1)[["doc", "topic", "score"]].to_csv(tmp_path / "s.csv", index=False)
    model = {"path": str(tmp_path / "s.csv"), "score": "score", "scale": "rank"}
    other = audited(tmp_path, frame.drop(columns="score"), data=DATA, model=model)
    assert values(other["variants"][0]["overall"]) == values(result["variants"][0]["overall"])


def said(tmp_path: Path, lines: list[Any], data: dict[str, Any] | None = None, **model: Any) -> Any:
    path = write(tmp_path / "some.run", lines)
    rows = pd.DataFrame(
        {"topic": ["1", "1", "1", "2"], "doc": list("abca"), "grade": [1, 0, 2, 1], "outlet": list("xyxy")}
    )
    roles = {"query": "topic", "item": "doc", "relevance": "grade", "sensitive": ["outlet"]}
    return audited(tmp_path, rows, data=data or roles, model={"path": path, **model})


GOOD = ["1 Q0 a 1 9 t\n", "1 Q0 b 2 8 t\n", "1 Q0 c 3 7 t\n", "2 Q0 a 1 5 t\n"]


def test_the_score_decides_where_the_rank_says_otherwise_and_that_is_told(tmp_path: Path) -> None:
    """As in trec_eval, which reads no ranks; equal scores stand in the order of theirs."""
    result = said(tmp_path, ["1 Q0 a 1 5 t\n", "1 Q0 b 3 8 t\n", "1 Q0 c 2 8 t\n", "2 Q0 a 0 5 t\n"])
    notes = " ".join(result["data"]["warnings"])
    assert "2 rows share their score with another one of their query: the ranks in the run decide." in notes
    assert "The ranks of 3 rows in the run are not those of their scores: the scores decide" in notes
    # c before b before a, of grades 2, 0, 1; the other query has one item.
    first = (2 + 1 / np.log2(4)) / (2 + 1 / np.log2(3))
    assert result["variants"][0]["overall"]["ndcg"]["value"] == pytest.approx((first + 1) / 2, abs=1e-12)


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        (GOOD[:3], r"its pairs of query and item do not match in memory: 1 row of the data has no prediction "
         r"\(such as '2 / a'\), 0 predictions have no row \(none\)"),
        ([*GOOD, "2 Q0 z 2 1 t\n", "3 Q0 a 1 1 t\n"], r"0 rows of the data have no prediction \(none\), 2 "
         r"predictions have no row \(such as '2 / z', '3 / a'\)"),
        ([*GOOD, "1 Q0 c 4 1 t\n"], r"1 pair of query and item \(query, item\) occurs more than once, such "
         r"as '1 / c'"),
        ([*GOOD[:3], "2 a 1 5 t\n"], r"expected the six columns of a run in TREC form \(query Q0 item rank "
         r"score tag\), got 5 in line 4"),
        ([*GOOD[:3], "\n", "2 Q0 a 1 5 t u\n"], r"got 7 in line 5"),
        ([*GOOD[:3], "2 Q0 a first 5 t\n"], r"rank: expected a whole number, got 'first' in line 4 of"),
        ([*GOOD[:3], "2 Q0 a 1 nan t\n"], r"score: expected a finite number, got 'nan' in line 4 of"),
        ([""], "the file is empty"),
    ],
)  # fmt: skip
def test_what_is_no_run_of_these_pairs_is_one_line(tmp_path: Path, lines: Any, told: str) -> None:
    with pytest.raises(InputError, match=told) as refused:
        said(tmp_path, lines)
    assert "\n" not in str(refused.value)


def test_a_run_says_its_columns_itself_and_is_of_rankings_alone(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="whose columns are known; leave out rank, score, id"):
        said(tmp_path, GOOD, score="s")
    with pytest.raises(
        InputError, match="a run in TREC form, which belongs to task: ranking, the task is binary"
    ):
        said(tmp_path, GOOD, data={"label": "grade", "positive": [1, 2], "sensitive": ["outlet"]})
