"""A table of predictions: in place or joined by id, in any row order and id type, never by position."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fairweigh.datasets.errors import InputError
from fairweigh.datasets.evaluation import EvaluationSet
from fairweigh.datasets.training import hashed_share
from fairweigh.models.table import PredictionTable
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray


def variants(result: Any) -> tuple[Any, Any, Any]:
    return result["variants"][0]["overall"], result["variants"][0]["slices"], result["gates"]


@pytest.mark.parametrize("text", [False, True])
@pytest.mark.parametrize("other_text", [False, True])
def test_a_join_by_id_equals_the_column_in_place(
    text: bool,
    other_text: bool,
    audited: Callable[..., Any],
    write: Callable[..., None],
    make_config: Callable[..., dict[str, Any]],
    make_people: Callable[..., pa.Table],
    here: Path,
) -> None:
    """Shuffled rows, and ids that are numbers on one side and text on the other."""
    table = make_people(500)
    words = pa.array([str(i) for i in range(500)])
    in_place = audited(make_config(model={"score": "score", "decision": "approved"}), table)
    (here / "runs").rename(here / "before")
    order = np.random.default_rng(5).permutation(500)
    scored = pa.table(
        {"uid": words if other_text else table["id"], "p": table["score"], "d": table["approved"]}
    ).take(order)
    write(scored, name="p.parquet")
    mine = make_people(500, score=None, approved=None, **({"id": words} if text else {}))
    model = {"path": "p.parquet", "id": "uid", "score": "p", "decision": "d"}
    joined = audited(make_config(model=model), mine)
    assert variants(joined) == variants(in_place)


@pytest.mark.parametrize(
    "kind",
    [
        pa.int8(),
        pa.int64(),
        pa.uint16(),
        pa.string(),
        pa.large_string(),
        pa.dictionary(pa.int32(), pa.string()),
    ],
)
def test_ids_of_any_plain_type_join(
    kind: Any,
    audited: Callable[..., Any],
    write: Callable[..., None],
    make_config: Callable[..., dict[str, Any]],
    make_people: Callable[..., pa.Table],
    here: Path,
) -> None:
    def ids(order: NDArray[Any]) -> Any:
        numbers = pa.array(order)
        if pa.types.is_integer(kind):
            return numbers.cast(kind)
        if pa.types.is_dictionary(kind):
            return numbers.cast(pa.string()).dictionary_encode()
        return numbers.cast(kind)

    table = make_people(100)
    order = np.random.default_rng(5).permutation(100)
    write(pa.table({"id": ids(order), "score": table["score"].take(order)}), name="p.parquet")
    audited(
        make_config(model={"path": "p.parquet", "score": "score"}), make_people(100, id=ids(np.arange(100)))
    )
    scored = pq.read_table("runs/t/predictions/original.parquet")
    assert scored["score"].to_pylist() == table["score"].to_pylist()


def test_a_csv_of_predictions_joins_text_ids_with_leading_zeros(
    audited: Callable[..., Any],
    make_config: Callable[..., dict[str, Any]],
    make_people: Callable[..., pa.Table],
    here: Path,
) -> None:
    """Ids that read as numbers in a CSV ('007') keep their zeros: they are not the number 7."""
    lines = [f"{i:03d},{i / 200}" for i in range(100)]
    (here / "p.csv").write_text("id,score\n" + "\n".join(reversed(lines)) + "\n", encoding="utf-8")
    table = make_people(100, score=None, id=[f"{i:03d}" for i in range(100)])
    audited(make_config(model={"path": "p.csv", "score": "score"}), table)
    scored = pq.read_table("runs/t/predictions/original.parquet")
    assert scored["score"].to_pylist() == [i / 200 for i in range(100)]


def test_a_decision_column_needs_no_score_and_a_score_gets_the_threshold(
    audited: Callable[..., Any],
    make_config: Callable[..., dict[str, Any]],
    make_people: Callable[..., pa.Table],
    here: Path,
) -> None:
    words = np.where(np.arange(200) % 3 == 0, "hire", "reject")
    model = {"decision": "approved", "positive": "hire"}
    result = audited(make_config(model=model), make_people(approved=words))
    assert result["variants"][0]["overall"]["selection_rate"]["value"] == pytest.approx(67 / 200)
    assert result["variants"][0]["model"]["positive"] == ["hire"]
    (here / "runs").rename(here / "before")
    table = make_people()
    result = audited(make_config(model={"score": "score", "threshold": 0.25}), table)
    expected = np.mean(table["score"].to_numpy() >= 0.25)
    assert result["variants"][0]["overall"]["selection_rate"]["value"] == pytest.approx(expected)


def test_a_rank_score_without_threshold_decides_nothing(
    audited: Callable[..., Any],
    make_config: Callable[..., dict[str, Any]],
    make_people: Callable[..., pa.Table],
) -> None:
    table = make_people(score=np.random.default_rng(0).integers(1, 11, 200))
    model = {"score": "score", "scale": "rank"}
    result = audited(make_config(model=model, metrics=None), table)
    assert "y_pred" not in pq.read_table("runs/t/predictions/original.parquet").column_names
    assert "auc" in result["variants"][0]["overall"]
    assert "selection_rate" not in result["variants"][0]["overall"]
    assert any("Selection rate" in n["what"] for n in result["not_measured"])


@settings(max_examples=40, deadline=None)
@given(
    data=st.lists(st.integers(0, 30), unique=True, min_size=1, max_size=20),
    other=st.lists(st.integers(0, 30), unique=True, min_size=1, max_size=20),
)
def test_a_join_takes_each_rows_own_prediction_or_names_what_is_missing(
    data: Any, other: Any, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("join") / "p.parquet"
    pq.write_table(pa.table({"id": other, "score": [i / 31 for i in other]}), path)
    n = len(data)
    rows = pa.table({"id": data, "s": ["a"] * n, "y": [0] * n})
    evaluation = EvaluationSet(rows, sensitive=["s"], id="id")
    model = PredictionTable(evaluation, "score", path=path)
    batch = next(evaluation.batches(whole=True))
    if set(data) == set(other):
        assert model.score(batch, batch.column("id")).score.tolist() == [i / 31 for i in data]
    else:
        missing = len(set(data) - set(other))
        with pytest.raises(InputError, match=rf"{missing} rows? of the data ha(s|ve) no prediction"):
            model.score(batch, batch.column("id"))


FAR = 18_000_000_000_000_000_000
FORMS = ("csv", "jsonl", "parquet")


def write_as(table: pa.Table, path: str) -> None:
    frame = table.to_pandas()
    if path.endswith(".csv"):
        frame.to_csv(path, index=False)
    elif path.endswith(".jsonl"):
        frame.to_json(path, orient="records", lines=True)
    else:
        pq.write_table(table, path)


@pytest.mark.parametrize("data", FORMS)
@pytest.mark.parametrize("other", FORMS)
def test_ids_beyond_64_bits_join_digit_by_digit(
    data: Any, other: Any, make_people: Callable[..., pa.Table], here: Path
) -> None:
    """As floats, an id and its successor by 7 would be one: joined, with the figures of other people."""
    ids = [FAR + 102_400 * i for i in range(50)]
    write_as(make_people(50, id=pa.array(ids, pa.uint64())), f"d.{data}")
    rows = EvaluationSet(f"d.{data}", sensitive=["sex"], label="y", id="id")
    batch = next(rows.batches(whole=True))
    for away in (0, 7):
        scored = pa.table(
            {"id": pa.array([i + away for i in ids], pa.uint64()), "p": [i / 50 for i in range(50)]}
        )
        write_as(scored.take(np.arange(50)[::-1]), f"p.{other}")
        model = PredictionTable(rows, "p", path=Path(f"p.{other}"))
        if away:
            with pytest.raises(InputError, match=r"50 rows of the data have no prediction \(such as '1800"):
                model.score(batch, None)
        else:
            assert model.score(batch, None).score.tolist() == [i / 50 for i in range(50)]


@pytest.mark.parametrize(
    "ids",
    [
        [str(10**19 + i) for i in range(20)],
        ["9" * 40 + str(i) for i in range(20)],
        [f"{i:05d}" for i in range(20)],
        [f"{i}e1" for i in range(20)],
        ["007", "07", "7", "7.0", "+7", "1", "01", "True", "true", "1.0", "1e0", " 1", "1 ", "-1"],
    ],
    ids=["twenty digits", "forty digits", "zeros", "exponents", "look-alikes"],
)
def test_ids_of_a_csv_are_written_as_they_came(
    ids: Any,
    audited: Callable[..., Any],
    make_config: Callable[..., dict[str, Any]],
    make_people: Callable[..., pa.Table],
    here: Path,
) -> None:
    table = make_people(len(ids), id=ids, y=[0, 1] * (len(ids) // 2))
    table.to_pandas().to_csv("d.csv", index=False)
    table.select(["id", "score"]).to_pandas()[::-1].to_csv("p.csv", index=False)
    audited(make_config(data={"path": "d.csv"}, model={"path": "p.csv", "score": "score"}))
    scored = pq.read_table("runs/t/predictions/original.parquet")
    assert scored["id"].to_pylist() == ids
    assert scored["score"].to_pylist() == table["score"].to_pylist()


def test_numbers_join_the_text_of_their_digits_and_nothing_else(
    make_people: Callable[..., pa.Table], here: Path
) -> None:
    def joined(ids: pa.Array, others: pa.Array) -> None:
        write_as(pa.table({"id": others, "p": [0.5] * len(others)}), "p.parquet")
        rows = EvaluationSet(make_people(len(ids), id=ids), sensitive=["sex"], id="id")
        PredictionTable(rows, "p", path=Path("p.parquet")).score(next(rows.batches(whole=True)), None)

    joined(pa.array([7, -8]), pa.array(["7", "-8"]))
    joined(pa.array([7.0, 8.0]), pa.array([7, 8]))
    joined(pa.array([7.0, 8.0]), pa.array(["7.0", "8.0"]))
    joined(pa.array(["7.0", "8.0"]), pa.array([7, 8]))
    joined(pa.array([Decimal("7.00")]), pa.array(["7"]))
    joined(pa.array([b"\x00" * 16], pa.binary(16)), pa.array(["00" * 16]))
    for other in ("007", "7.0.0", " 7", "7e0"):
        with pytest.raises(InputError, match="ids do not match"):
            joined(pa.array([7]), pa.array([other]))


def test_a_share_is_drawn_alike_whatever_type_the_ids_have(
    make_people: Callable[..., pa.Table], here: Path
) -> None:
    table = make_people(400)
    table.to_pandas().to_csv("d.csv", index=False)
    typed, text = (EvaluationSet(source, sensitive=["sex"], id="id") for source in (table, Path("d.csv")))
    drawn: list[Any] = [
        hashed_share(rows.read(next(rows.batches()))["id"].to_pylist(), 0.3, "selection")
        for rows in (typed, text)
    ]
    np.testing.assert_array_equal(*drawn)
    assert typed.order.strict
    assert text.order.strict


def test_a_word_in_a_joined_score_column_is_told_with_its_file(
    make_people: Callable[..., pa.Table], here: Path
) -> None:
    rows = EvaluationSet(make_people(3), sensitive=["sex"], id="id")
    Path("p.csv").write_text("id,p\n0,0.5\n1,high\n2,0.1\n")
    model = PredictionTable(rows, "p", path=Path("p.csv"))
    with pytest.raises(InputError, match=r"'p': expected numbers, got string 'high' in row 2 of p\.csv"):
        model.score(next(rows.batches(whole=True)), None)


@pytest.mark.parametrize("value", ["NA", "", "null", "#N/A"])
def test_a_word_for_not_known_in_a_joined_column_is_told_with_its_file(
    make_people: Callable[..., pa.Table], here: Path, value: str
) -> None:
    """The place was looked for in the data's own table, which has no such column."""
    rows = EvaluationSet(make_people(3), sensitive=["sex"], id="id")
    Path("p.csv").write_text(f"id,p\n0,0.5\n1,{value}\n2,0.1\n")
    model = PredictionTable(rows, "p", path=Path("p.csv"))
    with pytest.raises(InputError) as caught:
        model.score(next(rows.batches(whole=True)), None)
    assert str(caught.value) == (
        "score column 'p' is missing in 1 row, first in row 2 of p.csv (line 3); "
        "every row of the data needs a prediction"
    )


def test_a_probability_beyond_one_is_told_with_its_file(
    make_people: Callable[..., pa.Table], here: Path
) -> None:
    rows = EvaluationSet(make_people(3), sensitive=["sex"], id="id")
    Path("p.csv").write_text("id,p\n0,0.5\n1,1.50\n2,0.1\n")
    model = PredictionTable(rows, "p", path=Path("p.csv"))
    told = r"'p': expected probabilities in \[0, 1\], got 1.5 in row 2 of p.csv \(line 3\); for scores on"
    with pytest.raises(InputError, match=told):
        model.score(next(rows.batches(whole=True)), None)


def test_a_blank_id_of_a_prediction_is_told_with_its_row(
    make_people: Callable[..., pa.Table], here: Path
) -> None:
    rows = EvaluationSet(make_people(3), sensitive=["sex"], id="id")
    Path("p.csv").write_text("id,p\n0,0.5\n,0.2\n2,0.1\n")
    with pytest.raises(InputError, match=r"^id column 'id' is missing in 1 row, first in row 2 of p.csv"):
        PredictionTable(rows, "p", path=Path("p.csv"))
