"""A table of predictions: in place or joined by id, in any row order and id type, never by position."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fairweigh.datasets.errors import InputError
from fairweigh.datasets.evaluation import EvaluationSet
from fairweigh.models.table import PredictionTable
from hypothesis import given, settings
from hypothesis import strategies as st


def variants(result):
    return result["variants"][0]["overall"], result["variants"][0]["slices"], result["gates"]


@pytest.mark.parametrize("text", [False, True])
@pytest.mark.parametrize("other_text", [False, True])
def test_a_join_by_id_equals_the_column_in_place(
    text, other_text, audited, write, make_config, make_people, here
):
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
def test_ids_of_any_plain_type_join(kind, audited, write, make_config, make_people, here):
    def ids(order):
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


def test_a_csv_of_predictions_joins_text_ids_with_leading_zeros(audited, make_config, make_people, here):
    """Ids that read as numbers in a CSV ('007') keep their zeros: they are not the number 7."""
    lines = [f"{i:03d},{i / 200}" for i in range(100)]
    (here / "p.csv").write_text("id,score\n" + "\n".join(reversed(lines)) + "\n", encoding="utf-8")
    table = make_people(100, score=None, id=[f"{i:03d}" for i in range(100)])
    audited(make_config(model={"path": "p.csv", "score": "score"}), table)
    scored = pq.read_table("runs/t/predictions/original.parquet")
    assert scored["score"].to_pylist() == [i / 200 for i in range(100)]


def test_a_decision_column_needs_no_score_and_a_score_gets_the_threshold(
    audited, make_config, make_people, here
):
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


def test_a_rank_score_without_threshold_decides_nothing(audited, make_config, make_people):
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
def test_a_join_takes_each_rows_own_prediction_or_names_what_is_missing(data, other, tmp_path_factory):
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
        with pytest.raises(InputError, match=f"{missing} rows of the data have no prediction"):
            model.score(batch, batch.column("id"))
