"""What cannot be used ends with exit code 2, one line that says why, and nothing left behind."""

from __future__ import annotations

import datetime
import io
import json
import os
import pickle
import re
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as csv
import pyarrow.parquet as pq
import pytest
from fairweigh.audit.config import Config, Data, Gate, read
from fairweigh.datasets.errors import InputError
from fairweigh.metrics.limit import Limit
from hypothesis import given, settings
from hypothesis import strategies as st

if TYPE_CHECKING:
    from .conftest import Ended


LOGISTIC = "sklearn.linear_model.LogisticRegression"


def names(folder: str | Path = ".") -> list[str]:
    return sorted(entry.name for entry in Path(folder).iterdir())


# --- the configuration -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("parts", "told"),
    [
        ({"metric": ["accuracy"]}, ["a.yaml: metric:", "did you mean 'metrics'?"]),
        ({"data": {"lable": "y"}}, ["data.lable", "did you mean 'label'?"]),
        ({"int": 3}, ["int: 'int' is no known key"]),
        ({"a[b": 3}, ["a[b"]),
        (
            {"gates": [{"metrc": "accuracy", "metric": "accuracy", "limit": ">= 0"}]},
            ["gates[0].metrc", "did you mean 'metric'?"],
        ),
        ({"gates": [{"metric": "accuracy"}]}, ["gates[0].limit", "required"]),
        ({"metrics": ["acuracy"]}, ["metrics", "'acuracy'", "did you mean 'accuracy'?"]),
        (
            {"gates": [{"metric": "selection_rat", "limit": ">= 0"}]},
            ["gates[0]", "did you mean 'selection_rate'?"],
        ),
        (
            {"report": {"reasons": {"acuracy": "Why not."}}},
            ["report.reasons", "'acuracy'", "did you mean 'accuracy'?"],
        ),
        ({"confidence": 95}, ["confidence", "less than 1", "got 95"]),
        ({"slices": {"min_size": 0}}, ["slices.min_size", "got 0"]),
        ({"data": {"sensitive": "sex"}}, ["data.sensitive", "list", "'sex'"]),
        ({"data": {"sensitive": []}}, ["data.sensitive", "at least one"]),
        ({"data": {"sensitive": ["sex", "sex"]}}, ["data.sensitive", "twice"]),
        ({"data": {"name": "adult"}}, ["data", "either name", "or path"]),
        ({"model": {"score": "score", "threshold": float("nan")}}, ["model.threshold", "valid number"]),
        ({"model": {"score": "score", "function": "a:b"}}, ["model", "callable has no score"]),
        ({"model": {"kind": "tensorflow", "path": "m"}}, ["model.kind", "'tensorflow'"]),
        ({"slices": {"reference": {"sex": "Other"}}}, ["slices.reference.sex", "'Other'", "Female, Male"]),
        (
            {"slices": {"reference": {"sex": None}}},
            ["slices.reference.sex", "expected one value", "got None"],
        ),
        ({"data": {"positive": {"a": 1}}}, ["data.positive", "expected one value", "got {'a': 1}"]),
        ({"slices": {"by": ["job"]}}, ["slices.by", "'job'"]),
        ({"data": {"selection": {"share": 0.3}}}, ["data.selection", "there are none"]),
        ({"data": {"selection": {"split": "val"}}}, ["data: selection.split", "got 'val' beside None"]),
        (
            {"data": {"counterfactual": {"group": ["job"], "feature": "sexx"}}},
            ["data.counterfactual.feature", "'sexx'", "sex, race"],
        ),
        (
            {"data": {"counterfactual": {"group": ["jobb"], "feature": "sex"}}},
            ["data.counterfactual.group", "'jobb'", "did you mean 'job'?"],
        ),
    ],
)
def test_a_wrong_key_or_value_is_named_with_its_path(
    parts: dict[str, Any],
    told: list[Any],
    make_config: Callable[..., dict[str, Any]],
    make_people: Callable[..., pa.Table],
    write: Callable[..., None],
    refused: Callable[..., str],
) -> None:
    write(make_people(), make_config(**parts))
    line = refused()
    for words in told:
        assert words in line


@pytest.mark.parametrize(
    "limit",
    [
        "0.8",
        "about 0.8",
        ">= ",
        "== 0.8",
        ">= 0.8.1",
        "<= nan",
        "<= inf",
        "<= 1e999",
        ">= 0,8",
        "=> 0.8",
        ".",
    ],
)
def test_a_limit_that_does_not_parse_is_refused(
    limit: str,
    make_config: Callable[..., dict[str, Any]],
    make_people: Callable[..., pa.Table],
    write: Callable[..., None],
    refused: Callable[..., str],
) -> None:
    write(make_people(), make_config(gates=[{"metric": "accuracy", "limit": limit}]))
    assert "expected a limit such as '<= 0.1'" in refused()


@pytest.mark.parametrize(
    "gate",
    [
        {"metric": "accuracy", "by": "sex", "compare": "difference", "limit": ">= 0.1"},
        {"metric": "accuracy", "by": "sex", "compare": "difference", "limit": "<= -0.1"},
        {"metric": "accuracy", "by": "sex", "compare": "ratio", "limit": "<= 0.8"},
        {"metric": "accuracy", "by": "sex", "compare": "ratio", "limit": ">= 80"},
        {"metric": "demographic_parity_difference", "by": "sex", "limit": ">= 0.1"},
        {"metric": "demographic_parity_ratio", "by": "sex", "limit": "<= 0.8"},
    ],
)
def test_a_limit_on_the_wrong_side_is_refused_as_it_would_bless_a_disparity(
    gate: dict[str, Any],
    make_config: Callable[..., dict[str, Any]],
    make_people: Callable[..., pa.Table],
    write: Callable[..., None],
    refused: Callable[..., str],
) -> None:
    write(make_people(), make_config(gates=[gate]))
    assert "gates[0]: limit: a " in refused()


@pytest.mark.parametrize(
    ("gate", "told"),
    [
        ({"by": "sex", "slice": {"sex": "Other"}}, ["gates[0].slice", "Other", "sex=Female, sex=Male"]),
        ({"by": "job"}, ["gates[0].by", "'job' is not an audited sensitive feature", "sex, race"]),
        (
            {"by": "sex", "reference": "Other", "compare": "difference", "limit": "<= 1"},
            ["reference", "Other"],
        ),
        ({"compare": "difference", "limit": "<= 1"}, ["gates[0]", "needs by"]),
        ({"metric": "auc_gap_difference", "limit": "<= 1"}, ["gates[0]", "needs by"]),
        ({"slice": {"sex": "Female"}, "by": "race"}, ["slice", "each feature of by"]),
    ],
)
def test_a_gate_on_what_is_not_there_is_refused(
    gate: dict[str, Any],
    told: list[Any],
    make_config: Callable[..., dict[str, Any]],
    make_people: Callable[..., pa.Table],
    write: Callable[..., None],
    refused: Callable[..., str],
) -> None:
    write(make_people(), make_config(gates=[{"metric": "accuracy", "limit": ">= 0.1", **gate}]))
    line = refused()
    for words in told:
        assert words in line


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("audit: a\naudit: b\n", "duplicate key"),
        ("audit: [", "not valid YAML in line"),
        ("audit: a: b", "not valid YAML in line 1"),
        ("a\tb: 1", "not valid YAML in line 1"),
        ("- 1", "expected a mapping"),
        ("", "expected a mapping"),
        ("audit: 2024-13-45", "2024-13-45 is no day that exists"),
        ("audit: !!int x", "not valid YAML"),
        ("!!python/object:os.system {}", "could not determine a constructor"),
        ("[" * 2000, "not valid YAML"),
        ("--- 1\n--- 2", "another document"),
        ('audit: "\\ud800"', "unicode"),
    ],
)
def test_what_is_not_yaml_is_refused(text: Any, told: str, here: Path, refused: Callable[..., str]) -> None:
    Path("a.yaml").write_text(text, encoding="utf-8")
    line = refused()
    assert line.startswith("fairweigh: a.yaml: ")
    assert told in line


def test_a_configuration_that_is_missing_or_not_text_is_named(
    here: Path, refused: Callable[..., str]
) -> None:
    assert "a.yaml: cannot be read: No such file" in refused()
    Path("a.yaml").write_bytes(b"audit: \xff\n")
    assert "a.yaml: not UTF-8 text (byte 7)" in refused()
    Path("a.yaml").unlink()
    Path("a.yaml").mkdir()
    assert "a.yaml: cannot be read: Is a directory" in refused()


@pytest.mark.parametrize(
    ("setting", "told"),
    [
        ("seed", "expected key.path=value"),
        ("=1", "expected key.path=value"),
        ("a..b=1", "expected key.path=value"),
        ("audit=[", "not valid YAML"),
        ("audit=2024-13-45", "2024-13-45 is no day that exists"),
        ("audit.x=1", "no place 'audit.x'"),
        ("data.sensitive.7=age", "no place 'data.sensitive.7'"),
        ("data.lable=y", "did you mean 'label'?"),
        ("seed=one", "seed"),
    ],
)
def test_a_bad_setting_is_refused(
    setting: str,
    told: str,
    make_config: Callable[..., dict[str, Any]],
    make_people: Callable[..., pa.Table],
    write: Callable[..., None],
    refused: Callable[..., str],
) -> None:
    write(make_people(), make_config())
    assert told in refused("--set", setting)


def test_overrides_leave_the_callers_mapping_alone(make_config: Callable[..., dict[str, Any]]) -> None:
    content = make_config()
    before = json.dumps(content)
    assert read(content, ["data.label=other", "model.threshold=0.3"]).data.label == "other"
    assert json.dumps(content) == before


_SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
_KEYS = st.sampled_from(
    [*Config.model_fields, *Data.model_fields, *Gate.model_fields, "int", "str", "float"]
) | st.text(max_size=5)
_ANYTHING = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=150, deadline=None)
@given(content=st.dictionaries(_KEYS, _ANYTHING, max_size=6))
def test_any_configuration_is_read_or_refused_in_one_line(content: Any) -> None:
    try:
        read({"audit": "t", "data": {"path": "d.parquet"}, **content})
    except InputError as error:
        told = str(error)
    else:
        told = ""
    assert "\n" not in told


@settings(max_examples=200, deadline=None)
@given(text=st.text(alphabet="<>=≤≥ 0123456789.eE+-%naif", max_size=10))
def test_any_limit_parses_to_a_finite_number_or_is_refused(text: Any) -> None:
    try:
        told, value = "", Limit.parse(text).value
    except ValueError as error:
        told, value = str(error), 0.0
    assert np.isfinite(value)
    assert not told or "expected a limit" in told


# --- the table -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("parts", "told"),
    [
        ({"data": {"label": "Y1"}}, "data.label: no column 'Y1'"),
        ({"data": {"label": "Approved"}}, "did you mean 'approved'?"),
        ({"data": {"sensitive": ["gender"]}}, "data.sensitive: no column 'gender'"),
        ({"data": {"id": "uid"}}, "data.id: no column 'uid'"),
        ({"data": {"weight": "weights"}}, "data.weight: no column 'weights'"),
        ({"data": {"cluster": "person"}}, "data.cluster: no column 'person'"),
        (
            {"model": {"score": "scores"}},
            "model.score: no column 'scores' in d.parquet; did you mean 'score'?",
        ),
        ({"model": {"decision": "decided"}}, "model.decision: no column 'decided'"),
        ({"model": {"score": "score", "path": "p.parquet", "id": "uid"}}, "model.id: no column 'uid'"),
    ],
)
def test_a_missing_column_is_named_with_its_key(
    parts: dict[str, Any],
    told: str,
    make_config: Callable[..., dict[str, Any]],
    make_people: Callable[..., pa.Table],
    write: Callable[..., None],
    refused: Callable[..., str],
) -> None:
    write(make_people(), make_config(**parts))
    write(make_people(), name="p.parquet")
    line = refused()
    assert told in line
    assert ".parquet" in line


def _with(column: str, position: int, value: object, table: pa.Table) -> pa.Table:
    values = table[column].to_pylist()
    values[position] = value
    return table.set_column(table.column_names.index(column), column, pa.array(values))


@pytest.mark.parametrize(
    ("columns", "parts", "told"),
    [
        ({"y": ["yes", "no"] * 99 + ["maybe", "no"]}, {"data": {"positive": "yes"}}, "'maybe' (1 row)"),
        ({"y": ["yes", "no"] * 100}, {}, "say which value is positive"),
        (
            {"y": ["yes", "no"] * 99 + ["n/a", "no"]},
            {"data": {"positive": "yes", "negative": "no"}},
            "'n/a' (1 row): not known, or a value? Say data.missing",
        ),
        ({"y": [1, None] * 100}, {}, "label column 'y' is missing in 100 rows"),
        (
            {"approved": [1, None] * 100},
            {"model": {"decision": "approved"}},
            "decision column 'approved' is missing",
        ),
        ({"approved": ["a", "b"] * 100}, {"model": {"decision": "approved"}}, "(model.positive)"),
        (
            {"score": [0.5, float("nan")] * 100},
            {},
            "is missing in 100 rows, first in row 2 of",
        ),
        (
            {"score": [0.5, float("inf")] * 100},
            {},
            "got inf in row 2 of d.parquet (and 99 more such rows)",
        ),
        ({"score": [0.5, None] * 100}, {}, "is missing in 100 rows, first in row 2 of"),
        ({"score": [0.5, 1.5] * 100}, {}, "expected probabilities in [0, 1], got 1.5"),
        ({"score": [0.5, -1.5] * 100}, {}, "expected probabilities in [0, 1], got -1.5"),
        (
            {"score": ["0.5", "high"] * 100},
            {},
            "expected numbers, got string 'high' in row 2 of d.parquet",
        ),
        (
            {"w": [1.0, -1.0] * 100},
            {"data": {"weight": "w"}},
            "got -1.0 in row 2 of d.parquet (and 99 more such rows)",
        ),
        ({"w": [1.0, float("nan")] * 100}, {"data": {"weight": "w"}}, "is missing in"),
        ({"w": ["1", "one"] * 100}, {"data": {"weight": "w"}}, "weight column 'w': expected numbers"),
        ({"w": [0.0] * 200}, {"data": {"weight": "w"}}, "every weight in column 'w' is 0"),
        ({"id": [1, 2] * 100}, {}, "2 ids of column 'id' occur more than once, such as '1', '2'"),
        ({"id": [1, None] * 100}, {}, "id column 'id' is missing in 100 rows"),
        ({"id": [[i] for i in range(200)]}, {}, "column 'id': expected one value per row, got list"),
        ({"y": [[i % 2] for i in range(200)]}, {}, "column 'y': expected one value per row, got list"),
        ({"sex": [f"name {i}" for i in range(200)]}, {}, "'sex' has more than 100 distinct values"),
        ({"sex": np.arange(200.0)}, {}, "a number can be cut with data.bins"),
        ({}, {"data": {"sensitive": ["y"]}}, "column 'y' is data.label already"),
        ({}, {"data": {"sensitive": ["id"]}}, "column 'id' is data.id already"),
        ({}, {"data": {"sensitive": ["age"], "bins": {"age": [40, 30]}}}, "expected ascending edges"),
        ({}, {"data": {"sensitive": ["age"], "bins": {"age": [30, 30]}}}, "expected ascending edges"),
        ({}, {"data": {"sensitive": ["age"], "bins": {"age": []}}}, "expected ascending edges"),
        ({}, {"data": {"sensitive": ["age"], "bins": {"age": [float("nan")]}}}, "data.bins.age"),
        ({}, {"data": {"bins": {"age": [30]}}}, "'age' is not a sensitive feature"),
        ({}, {"data": {"bins": {"sex": [30]}}}, "data.bins.sex: expected a column of numbers, got string"),
        (
            {"born": [datetime.date(1990, 1, 1)] * 200},
            {"data": {"sensitive": ["born"], "bins": {"born": [30]}}},
            "data.bins.born: expected a column of numbers, got date32",
        ),
        ({}, {"model": {"decision": "approved"}, "metrics": ["auc"]}, "metrics: auc needs a score"),
        (
            {},
            {"model": {"decision": "approved"}, "gates": [{"metric": "brier_score", "limit": "<= 0.2"}]},
            "gates[0].metric: brier_score needs a probability",
        ),
        ({}, {"data": {"label": None}, "metrics": ["accuracy"]}, "metrics: accuracy needs a label"),
        ({}, {"data": {"label": None}, "model": None}, "without a model the labels are audited"),
        ({}, {"model": {"kind": "predictions"}}, "needs model.score or model.decision"),
    ],
)
def test_a_value_that_cannot_be_used_is_named_with_its_column(
    columns: dict[str, Any],
    parts: dict[str, Any],
    told: str,
    make_config: Callable[..., dict[str, Any]],
    make_people: Callable[..., pa.Table],
    write: Callable[..., None],
    refused: Callable[..., str],
) -> None:
    write(make_people(**columns), make_config(**parts))
    assert told in refused()


@pytest.mark.parametrize("ending", ["parquet", "csv", "jsonl"])
def test_a_table_without_rows_is_refused(
    ending: str,
    make_config: Callable[..., dict[str, Any]],
    make_people: Callable[..., pa.Table],
    write: Callable[..., None],
    refused: Callable[..., str],
) -> None:
    empty = make_people().schema.empty_table()
    name = f"d.{ending}"
    if ending == "parquet":
        pq.write_table(empty, name)
    elif ending == "csv":
        csv.write_csv(empty, name)
    else:
        Path(name).write_text("", encoding="utf-8")
    write(config=make_config(data={"path": name}))
    assert re.search("no rows|is empty", refused())


def test_text_that_is_not_utf8_is_refused_wherever_it_stands(
    make_config: Callable[..., dict[str, Any]],
    make_people: Callable[..., pa.Table],
    write: Callable[..., None],
    refused: Callable[..., str],
) -> None:
    offsets = pa.py_buffer(np.arange(201, dtype="int32").tobytes())
    bad = pa.Array.from_buffers(pa.string(), 200, [None, offsets, pa.py_buffer(b"\xff" * 200)])
    for column in ("sex", "y", "id"):
        write(make_people(**{column: bad}), make_config())
        assert f"column '{column}': expected UTF-8 text" in refused()
    text = io.BytesIO()
    csv.write_csv(make_people(sex=["женский", "Male"] * 100), text)
    Path("d.csv").write_bytes(text.getvalue().decode().encode("cp1251"))
    write(config=make_config(data={"path": "d.csv"}))
    assert "d.csv: expected UTF-8 text" in refused()


def test_a_file_that_is_not_what_it_says_is_refused(
    make_config: Callable[..., dict[str, Any]],
    make_people: Callable[..., pa.Table],
    write: Callable[..., None],
    refused: Callable[..., str],
) -> None:
    write(make_people(), make_config())
    whole = Path("d.parquet").read_bytes()
    csv.write_csv(make_people(), "d.parquet")
    assert "d.parquet: expected a Parquet file" in refused()
    Path("d.parquet").write_bytes(whole[: len(whole) // 2])
    assert "d.parquet: expected readable Parquet, but it is truncated or damaged" in refused()
    Path("d.parquet").write_bytes(whole[:-1])
    assert "truncated or damaged" in refused()
    Path("d.parquet").write_bytes(b"")
    assert "d.parquet: the file is empty" in refused()
    Path("d.parquet").unlink()
    assert "d.parquet: no such file" in refused()
    Path("d.parquet").mkdir()
    assert "expected a file, got a directory" in refused()
    write(config=make_config(data={"path": "d.xlsx"}))
    assert "expected a file ending in .csv" in refused()
    write(config=make_config(data={"path": "d" * 300 + ".parquet"}))
    assert "ddd.parquet: cannot be used: File name too long" in refused()


@pytest.mark.parametrize("position", [10, 500, 4000, -200])
def test_damage_in_the_middle_of_a_parquet_file_leaves_nothing(
    position: int,
    make_config: Callable[..., dict[str, Any]],
    make_people: Callable[..., pa.Table],
    write: Callable[..., None],
    cli: Callable[..., Ended],
) -> None:
    write(make_people(2000), make_config())
    content = bytearray(Path("d.parquet").read_bytes())
    content[position : position + 40] = os.urandom(40)
    Path("d.parquet").write_bytes(content)
    before = names()
    ended = cli("audit", "a.yaml", "-q")
    if ended.code == 2:  # Damage to the values of a column may go unseen, to the file's structure not.
        assert len(ended.lines) == 1
        assert names() == before


# --- aggregated counts -----------------------------------------------------------------------------------


def _cells(n: list[object]) -> pa.Table:
    return pa.table(
        {
            "sex": ["Female", "Female", "Male", "Male"] * 2,
            "race": ["a", "b"] * 4,
            "y": [0, 0, 0, 0, 1, 1, 1, 1],
            "approved": [0, 1] * 4,
            "score": [0.1, 0.9] * 4,
            "n": n,
        }
    )


@pytest.mark.parametrize(
    ("n", "told"),
    [
        ([-1, 2, 3, 4, 5, 6, 7, 8], "count column 'n': expected whole numbers of at least 0, got -1"),
        ([1.5, 2, 3, 4, 5, 6, 7, 8], "got 1.5"),
        ([None, 2, 3, 4, 5, 6, 7, 8], "is missing in"),
        (
            ["1", "2", "many", "4", "5", "6", "7", "8"],
            "count column 'n': expected numbers, got string 'many' in row 3 of d.parquet",
        ),
        ([0] * 8, "every count in column 'n' is 0"),
    ],
)
def test_counts_that_are_no_counts_are_refused(
    n: list[object],
    told: str,
    make_config: Callable[..., dict[str, Any]],
    write: Callable[..., None],
    refused: Callable[..., str],
) -> None:
    write(_cells(n), make_config(data={"id": None, "count": "n"}, model={"decision": "approved"}))
    assert told in refused()


def test_what_aggregated_counts_cannot_give_is_refused(
    make_config: Callable[..., dict[str, Any]], write: Callable[..., None], refused: Callable[..., str]
) -> None:
    cells = _cells([1, 2, 3, 4, 5, 6, 7, 8])
    counted = {"id": None, "count": "n"}
    write(cells, make_config(data=counted, model={"score": "score"}))
    assert "model.score: a cell of aggregated counts has no score" in refused()
    write(cells, make_config(data=counted, model={"estimator": LOGISTIC, "train": {"path": "e.parquet"}}))
    assert "data.count: aggregated counts cannot be scored by a model of kind sklearn" in refused()
    write(cells, make_config(data={**counted, "weight": "n"}, model={"decision": "approved"}))
    assert "data.count: aggregated counts have no id, weight or cluster" in refused()


@pytest.mark.parametrize(
    ("task", "data", "model"),
    [
        ("regression", {"label": "score"}, {"prediction": "score"}),
        ("ranking", {"label": None, "query": "race", "relevance": "y"}, {"score": "score"}),
        ("ranking", {"label": None, "query": "race", "relevance": "y"}, None),
    ],
)
def test_tasks_without_classes_have_no_aggregated_counts(
    task: str,
    data: dict[str, Any],
    model: dict[str, Any] | None,
    make_config: Callable[..., dict[str, Any]],
    write: Callable[..., None],
    refused: Callable[..., str],
) -> None:
    parts: dict[str, Any] = {"task": task, "model": model, "metrics": None}
    cells = _cells([1, 2, 3, 4, 5, 6, 7, 8])
    write(cells, make_config(data={"id": None, "count": "n", **data}, **parts))
    assert (
        f"data.count: the task {task} needs rows; cells of counts tell classes and labels alone" in refused()
    )


# --- predictions joined by id ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rows", "ids", "told"),
    [
        (200, None, None),
        (199, None, "1 row of the data has no prediction (such as '199'), 0 predictions have no row"),
        (203, None, "0 rows of the data have no prediction (none), 3 predictions have no row (such as '200'"),
        (200, np.arange(200) + 1, "1 row of the data has no prediction (such as '0'), 1 prediction"),
        (200, [0, 0, *range(2, 200)], "1 id of column 'id' occurs more than once, such as '0'"),
        (200, [None, *range(1, 200)], "id column 'id' is missing in 1 row, first in row 1 of p."),
        (200, [[i] for i in range(200)], "column 'id': expected one value per row"),
    ],
)
def test_ids_that_do_not_match_are_counted_and_named(
    rows: int,
    ids: Any,
    told: str | None,
    make_config: Callable[..., dict[str, Any]],
    make_people: Callable[..., pa.Table],
    write: Callable[..., None],
    refused: Callable[..., str],
    cli: Callable[..., Ended],
) -> None:
    model = {"path": "p.parquet", "score": "score"}
    write(make_people(), make_config(model=model))
    write(make_people(rows, **({} if ids is None else {"id": ids})), name="p.parquet")
    if told is None:
        assert cli("audit", "a.yaml", "-q").code == 0
    else:
        line = refused()
        assert "p.parquet" in line or "column 'id'" in line
        assert told in line


def test_predictions_are_never_joined_by_position(
    make_config: Callable[..., dict[str, Any]],
    make_people: Callable[..., pa.Table],
    write: Callable[..., None],
    refused: Callable[..., str],
) -> None:
    write(make_people(), make_config(data={"id": None}, model={"path": "p.parquet", "score": "score"}))
    write(make_people(), name="p.parquet")
    assert "joined by id; set data.id" in refused()


# --- models ----------------------------------------------------------------------------------------------


class Loud:
    """A pickle that would run code."""

    def __reduce__(self) -> Any:
        return (Path("touched").touch, ())


@pytest.mark.parametrize("name", ["model.pkl", "model.skops", "model.joblib"])
def test_a_pickle_is_refused_and_never_run(
    name: str,
    make_config: Callable[..., dict[str, Any]],
    make_people: Callable[..., pa.Table],
    write: Callable[..., None],
    refused: Callable[..., str],
) -> None:
    Path(name).write_bytes(pickle.dumps(Loud()))
    write(make_people(), make_config(model={"path": name}))
    line = refused()
    assert f"{name} is not a skops file; pickles can run any code" in line
    assert not Path("touched").exists()


def test_a_trusted_pickle_that_is_none_is_refused(
    make_config: Callable[..., dict[str, Any]],
    make_people: Callable[..., pa.Table],
    write: Callable[..., None],
    refused: Callable[..., str],
) -> None:
    for content in (b"", b"nonsense", pickle.dumps({"a": 1})[:-3], b"\x80\x05cnowhere\nnothing\n."):
        Path("m.pkl").write_bytes(content)
        write(make_people(), make_config(model={"path": "m.pkl", "trust_pickle": True}))
        assert "model.path: m.pkl is not a pickle that can be read" in refused()
    Path("m.pkl").write_bytes(pickle.dumps({"a": 1}))
    assert "expected a fitted classifier (one that has classes_), got dict" in refused()


def doubled(x: Any) -> Any:
    return x


def test_a_skops_file_with_types_that_are_not_trusted_is_refused(
    make_config: Callable[..., dict[str, Any]],
    make_people: Callable[..., pa.Table],
    write: Callable[..., None],
    refused: Callable[..., str],
) -> None:
    import skops.io
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer

    table = make_people()
    fitted = make_pipeline(FunctionTransformer(doubled), LogisticRegression())
    fitted.fit(table.select(["x", "age"]).to_pandas(), table["y"].to_numpy())
    Path("m.skops").write_bytes(skops.io.dumps(fitted))
    write(table, make_config(model={"path": "m.skops"}))
    line = refused()
    assert "m.skops holds types that are not trusted" in line
    assert "doubled" in line


def test_a_damaged_or_hostile_skops_file_is_refused(
    make_config: Callable[..., dict[str, Any]],
    make_people: Callable[..., pa.Table],
    write: Callable[..., None],
    refused: Callable[..., str],
) -> None:
    import skops.io
    from sklearn.linear_model import LogisticRegression

    table = make_people()
    write(table, make_config(model={"path": "m.skops"}))
    fitted = LogisticRegression().fit(table.select(["x"]).to_pandas(), table["y"].to_numpy())
    whole = skops.io.dumps(fitted)
    Path("m.skops").write_bytes(whole[: len(whole) // 2])
    assert "m.skops is not a skops file that can be read" in refused()
    for schema in (None, "", "[]", "{}", "3", '{"__class__": "x"}', '{"__loader__": "nothing"}'):
        with zipfile.ZipFile("m.skops", "w") as file:
            file.writestr("other.json" if schema is None else "schema.json", schema or "")
        assert "m.skops is not a skops file that can be read" in refused()
    Path("m.skops").unlink()
    assert "model.path: no file m.skops" in refused()


def test_a_model_of_other_columns_or_classes_is_refused(
    make_config: Callable[..., dict[str, Any]],
    make_people: Callable[..., pa.Table],
    write: Callable[..., None],
    refused: Callable[..., str],
) -> None:
    import skops.io
    from sklearn.linear_model import LinearRegression, LogisticRegression

    table = make_people()
    rows = table.select(["x", "age"]).to_pandas()
    write(table.drop_columns(["age"]), make_config(model={"path": "m.skops"}))
    Path("m.skops").write_bytes(skops.io.dumps(LogisticRegression().fit(rows, table["y"].to_numpy())))
    assert "the model wants a feature 'age' that d.parquet lacks" in refused()
    write(table)
    Path("m.skops").write_bytes(skops.io.dumps(LogisticRegression().fit(rows, table["job"].to_pylist())))
    line = refused()
    assert "a classifier of two classes" in line
    assert "'clerk', 'nurse', 'smith'" in line
    Path("m.skops").write_bytes(skops.io.dumps(LogisticRegression()))
    assert "expected a fitted classifier" in refused()
    Path("m.skops").write_bytes(skops.io.dumps(LinearRegression().fit(rows, table["y"].to_numpy())))
    assert "expected a fitted classifier (one that has classes_), got LinearRegression" in refused()


@pytest.mark.parametrize(
    ("model", "told"),
    [
        ({"estimator": "sklearn.linear_model.LogisticRegresion"}, "has no attribute 'LogisticRegresion'"),
        ({"estimator": "nowhere.Model"}, "No module named 'nowhere'"),
        ({"estimator": "LogisticRegression"}, "expected a dotted path"),
        ({"estimator": "..models.Model"}, "expected a dotted path"),
        ({"estimator": ""}, "expected a dotted path"),
        ({"estimator": "os.path.join"}, "not a scikit-learn estimator class"),
        ({"estimator": "sklearn.linear_model.LinearRegression"}, "expected a fitted classifier"),
        ({"estimator": "sklearn.ensemble.IsolationForest"}, "expected a fitted classifier"),
        ({"estimator": "sklearn.cluster.KMeans"}, "expected a fitted classifier"),
        ({"estimator": "sklearn.preprocessing.StandardScaler"}, "expected a fitted classifier"),
        ({"params": {"c": 1}}, "model.params"),
        ({"params": {"C": -1}}, "cannot be trained: The 'C' parameter"),
        ({"features": ["x", "height"]}, "model.features: no column 'height'"),
        ({"features": ["x", "y"]}, "model.features: 'y' is the label"),
        ({"features": []}, "cannot be trained: Found array with 0 feature(s)"),
        ({"train": {"path": "nowhere.parquet"}}, "nowhere.parquet: no such file"),
        ({"train": {}}, "model.train: expected either name (a dataset card) or path"),
        ({"train": {"path": "short.parquet"}}, "short.parquet lacks the feature 'x'"),
        ({"train": {"path": "unlabelled.parquet"}}, "no column 'y' in unlabelled.parquet"),
        ({"train": {"path": "none.parquet"}}, "none.parquet: no rows"),
        ({"train": {"path": "same.parquet"}}, "one class only"),
        ({"train": {"path": "d.parquet"}}, "expected other rows than the evaluation data"),
        ({"train": {"path": "./d.parquet"}}, "expected other rows than the evaluation data"),
        ({"train": {"path": "link.parquet"}}, "expected other rows than the evaluation data"),
    ],
)
def test_a_model_that_cannot_be_trained_is_refused(
    model: dict[str, Any],
    told: str,
    make_config: Callable[..., dict[str, Any]],
    make_people: Callable[..., pa.Table],
    write: Callable[..., None],
    refused: Callable[..., str],
) -> None:
    write(make_people(), make_config(model={"estimator": LOGISTIC, "train": {"path": "e.parquet"}, **model}))
    write(make_people(seed=1), name="e.parquet")
    write(make_people(x=None), name="short.parquet")
    write(make_people(y=None), name="unlabelled.parquet")
    write(make_people(0), name="none.parquet")
    write(make_people(y=[1] * 200), name="same.parquet")
    Path("link.parquet").symlink_to("d.parquet")
    assert told in refused()


def test_training_on_the_evaluation_rows_of_a_card_is_refused(
    make_config: Callable[..., dict[str, Any]], write: Callable[..., None], refused: Callable[..., str]
) -> None:
    for split, train in (("test", "test"), ("all", "train"), ("test", None), (None, "train")):
        data = {"name": "synthetic_lending", **({"split": split} if split else {})}
        model = {
            "estimator": LOGISTIC,
            "train": {"name": "synthetic_lending", **({"split": train} if train else {})},
        }
        config = make_config(model=model)
        config["data"] = data
        write(config=config)
        assert "model.train: expected other rows than the evaluation data" in refused()


FUNCTIONS = """
import numpy as np
import sys

def raises(rows): raise RuntimeError("out of\\nluck")
def leaves(rows): sys.exit(0)
def short(rows): return np.zeros(3)
def square(rows): return np.zeros((len(rows), 2))
def nothing(rows): return None
def nan(rows): return np.full(len(rows), np.nan)
def high(rows): return np.full(len(rows), 2.0)
def text(rows): return np.array(["yes"] * len(rows))
def complex_(rows): return np.full(len(rows), 1j)
def masked(rows): return np.ma.masked_array(np.zeros(len(rows)), mask=rows.index < 3)
value = 3
"""


@pytest.mark.parametrize(
    ("function", "told"),
    [
        ("raises", "raised RuntimeError: out of luck"),
        ("leaves", "raised SystemExit"),
        ("short", "must return one value per row (200), got shape (3,)"),
        ("square", "got shape (200, 2)"),
        ("nothing", "got shape ()"),
        ("nan", "must return finite probabilities"),
        ("high", "got from 2 to 2"),
        ("text", "must return numbers"),
        ("complex_", "must return numbers"),
        ("masked", "must return a value for every row, got an array of which 3 are masked"),
        ("value", "is not callable"),
        ("lacking", "has no attribute 'lacking'"),
    ],
)
def test_a_callable_that_does_not_score_is_refused(
    function: str,
    told: str,
    make_config: Callable[..., dict[str, Any]],
    make_people: Callable[..., pa.Table],
    write: Callable[..., None],
    refused: Callable[..., str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.syspath_prepend(str(Path.cwd()))
    monkeypatch.delitem(sys.modules, "hostile", raising=False)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    Path("hostile.py").write_text(FUNCTIONS, encoding="utf-8")
    write(make_people(), make_config(model={"function": f"hostile:{function}"}))
    assert told in refused()


@pytest.mark.parametrize("source", ["1/0", "def f(:", "raise SystemExit(0)", "import nowhere"])
def test_a_module_that_does_not_import_is_refused(
    source: str,
    make_config: Callable[..., dict[str, Any]],
    make_people: Callable[..., pa.Table],
    write: Callable[..., None],
    refused: Callable[..., str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.syspath_prepend(str(Path.cwd()))
    monkeypatch.delitem(sys.modules, "broken", raising=False)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    Path("broken.py").write_text(source, encoding="utf-8")
    write(make_people(), make_config(model={"function": "broken:f"}))
    assert "model.function: expected package.module:function, got 'broken:f'" in refused()


# --- the run folder and signals --------------------------------------------------------------------------


def test_a_run_folder_that_exists_is_refused_and_kept(
    make_config: Callable[..., dict[str, Any]],
    make_people: Callable[..., pa.Table],
    write: Callable[..., None],
    refused: Callable[..., str],
    here: Path,
) -> None:
    write(make_people(), make_config())
    kept = here / "runs" / "t"
    kept.mkdir(parents=True)
    (kept / "mine").write_text("x")
    assert "runs/t: the run folder exists; choose another with -o" in refused()
    assert (kept / "mine").read_text() == "x"
    dangling = here / "dangling"
    dangling.symlink_to("nowhere")
    assert "dangling: the run folder exists" in refused("-o", "dangling")


@pytest.mark.parametrize("out", ["file/run", "file/deep/run", "/proc/nowhere/run", "/sys/run", "x" * 300])
def test_a_folder_that_cannot_be_written_is_refused(
    out: Any,
    make_config: Callable[..., dict[str, Any]],
    make_people: Callable[..., pa.Table],
    write: Callable[..., None],
    refused: Callable[..., str],
) -> None:
    write(make_people(), make_config())
    Path("file").write_text("x")
    line = refused("-o", out)
    assert out[:100] in line
    assert ": cannot be written: " in line


@pytest.fixture
def small_disk(here: Path) -> Iterator[Path]:
    """A file system of 64 KiB."""
    folder = here.parent / "disk"
    folder.mkdir()
    if (
        shutil.which("mount") is None
        or subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=64k", "none", str(folder)], capture_output=True, check=False
        ).returncode
    ):
        pytest.skip("mounting a small file system is not permitted")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.parametrize("rows", [200, 20_000])
def test_a_full_disk_ends_in_one_line_and_leaves_nothing(
    rows: int,
    small_disk: Path,
    make_config: Callable[..., dict[str, Any]],
    make_people: Callable[..., pa.Table],
    write: Callable[..., None],
    refused: Callable[..., str],
) -> None:
    write(make_people(rows), make_config())
    out = str(small_disk / "deep" / "run")
    line = refused("-o", out)
    assert out[:100] in line
    assert ": cannot be written: " in line
    assert "No space left on device" in line
    assert not list(small_disk.iterdir())


def test_a_read_only_disk_is_refused(
    small_disk: Path,
    make_config: Callable[..., dict[str, Any]],
    make_people: Callable[..., pa.Table],
    write: Callable[..., None],
    refused: Callable[..., str],
) -> None:
    write(make_people(), make_config())
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    out = str(small_disk / "run")
    assert f"{out}: cannot be written: Read-only file system" in refused("-o", out)


def _fairweigh(*args: str, **options: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "fairweigh", *args],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # Started in the background, a shell's tests hand on a SIGINT that is ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        **options,
    )  # type: ignore[call-overload]


SLOW = """
import pathlib, time
import numpy as np

def slow(rows):
    pathlib.Path("started").touch()
    for _ in range(600):
        time.sleep(0.05)
    return np.zeros(len(rows))

def quick(rows):
    return np.zeros(len(rows))
"""


def _started(process: subprocess.Popen[str]) -> None:
    until = time.monotonic() + 60
    while not Path("started").exists():
        assert time.monotonic() < until
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_an_audit_that_is_stopped_leaves_no_run(
    sent: signal.Signals,
    make_config: Callable[..., dict[str, Any]],
    make_people: Callable[..., pa.Table],
    write: Callable[..., None],
    here: Path,
    cli: Callable[..., Ended],
) -> None:
    Path("slow.py").write_text(SLOW, encoding="utf-8")
    write(make_people(), make_config(model={"function": "slow:slow"}))
    before = sorted([*names(here), "started"])
    process = _fairweigh(
        "audit", "a.yaml", "-q", cwd=here, env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    )
    _started(process)
    assert Path("runs/.t.partial").is_dir()
    process.send_signal(sent)
    out, err = process.communicate(timeout=60)
    assert out == ""
    if sent == signal.SIGKILL:
        assert not Path("runs/t").exists()
    else:
        assert process.returncode == 2
        assert err == "fairweigh: interrupted; no run was written\n"
        assert names(here) == before
    sys.modules.pop("slow", None)
    ended = cli("audit", "a.yaml", "-q", "--set", "model.function=slow:quick")
    assert ended.code == 0, ended
    assert names("runs") == ["t"]


def test_the_installed_command_refuses_in_one_line(
    make_config: Callable[..., dict[str, Any]],
    make_people: Callable[..., pa.Table],
    write: Callable[..., None],
    here: Path,
) -> None:
    write(make_people(), make_config(data={"label": "Y"}))
    process = _fairweigh("audit", "a.yaml", cwd=here)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 2
    assert out == ""
    assert "Traceback" not in err
    assert err.splitlines()[-1].startswith("fairweigh: data.label: no column 'Y'")
    assert names(here) == ["a.yaml", "d.parquet"]


def test_a_character_in_two_escapes_is_one_and_half_of_one_is_refused(
    cli: Callable[..., Ended],
    write: Callable[..., None],
    make_config: Callable[..., dict[str, Any]],
    make_people: Callable[..., pa.Table],
) -> None:
    write(make_people())
    content = json.dumps(make_config(report={"charts": False, "title": "\U0001f600"}))
    assert "\\ud83d\\ude00" in content
    Path("a.yaml").write_text(content, encoding="utf-8")
    assert cli("audit", "a.yaml", "-q").code == 0
    assert json.loads(Path("runs/t/audit.json").read_text(encoding="utf-8"))["title"] == "\U0001f600"
    Path("a.yaml").write_text(content.replace("\\ude00", ""), encoding="utf-8")
    ended = cli("audit", "a.yaml", "-q", "-o", "other")
    assert (ended.code, len(ended.lines)) == (2, 1)
    assert "a.yaml: expected valid unicode, got half of a character" in ended.err
    assert not Path("other").exists()


def test_a_message_moves_no_cursor_and_turns_no_text(
    refused: Callable[..., str],
    write: Callable[..., None],
    make_people: Callable[..., pa.Table],
    make_config: Callable[..., dict[str, Any]],
) -> None:
    name = "y\x1b[2J\u202ey\u061c\x07"
    write(make_people(), make_config(data={"label": name}))
    line = refused()
    assert not re.search("[\x00-\x1f\u202e\u061c]", line)
    assert "⟨U+202E⟩" in line
