"""One table through every format and from every library: the same slices, references, ids and figures."""

from __future__ import annotations

import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import fairweigh
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.csv
import pyarrow.feather
import pyarrow.parquet as pq
import pytest
from fairweigh.audit.again.by_policy import judge_run
from fairweigh.audit.config import read
from fairweigh.audit.runner import audit
from fairweigh.audit.store.folder import open_run
from fairweigh.datasets.memory import as_table
from fairweigh.datasets.numbers import numbers, row_of
from fairweigh.models.frames import frame as features_of

ROWS = 60
FIRST = 18_000_000_000_000_000_000
"""Beyond 64 bits with a sign: as floats, ids from here on would be multiples of 2048."""
ROLES = {
    "label": "repaid", "sensitive": ["flag", "size", "day", "at", "moment", "band", "code"], "id": "id",
    "weight": "w", "cluster": "visit",
}  # fmt: skip
SLICES = {
    "flag": ["false", "true"],
    "size": ["0.5", "1", "2"],
    "day": ["2026-01-31", "2026-02-01"],
    "at": ["2026-01-31 09:00:00Z", "2026-01-31 23:30:00Z"],
    "moment": ["2026-01-31", "2026-01-31 10:00:00"],
    "band": ["(0, 30]", "(30, 60]"],
    "code": ["007", "2e1", "7"],
}


@pytest.fixture(scope="module")
def frame() -> pd.DataFrame:
    r = np.random.default_rng(0)
    moments = pd.to_datetime(["2026-01-31 00:00:00", "2026-01-31 10:00:00"])
    zoned = pd.to_datetime(["2026-01-31 10:00:00", "2026-02-01 00:30:00"]).tz_localize("Europe/Berlin")
    days = [datetime.date(2026, 1, 31), datetime.date(2026, 2, 1)]
    draw = [r.integers(0, 2, ROWS) for _ in range(6)]
    return pd.DataFrame(
        {
            "id": np.array([FIRST + i for i in range(ROWS)], np.uint64),
            "flag": draw[0].astype(bool),
            "size": r.choice([0.5, 1.0, 2.0], ROWS),
            "day": pd.Series([days[i] for i in draw[1]], dtype=object),
            "at": zoned[draw[2]],
            "moment": moments[draw[3]],
            "band": pd.cut(r.integers(1, 60, ROWS), [0, 30, 60]),
            "code": r.choice(["007", "7", "2e1"], ROWS),
            "repaid": draw[4].astype(bool),
            "w": [Decimal(int(v)) / 4 for v in r.integers(1, 9, ROWS)],
            "visit": r.integers(1, 20, ROWS).astype(float),
            "score": np.round(r.random(ROWS), 3),
            "approved": draw[5].astype(bool),
        }
    )


def typed(frame: pd.DataFrame) -> pa.Table:
    table = pa.Table.from_pandas(frame.assign(band=frame["band"].astype(str)), preserve_index=False)
    return table.replace_schema_metadata(None)


def records(frame: pd.DataFrame, path: str) -> None:
    words: dict[str, Any] = {"band": frame["band"].astype(str), "w": frame["w"].astype(float)}
    made = frame.assign(**words, day=frame["day"].astype(str))
    made.to_json(path, orient="records", lines=True, date_format="iso")


FILES = {
    "pandas.csv": lambda f, p: f.to_csv(p, index=False),
    "pandas.csv.gz": lambda f, p: f.to_csv(p, index=False),
    "pandas.tsv": lambda f, p: f.to_csv(p, index=False, sep="\t"),
    "arrow.csv": lambda f, p: pyarrow.csv.write_csv(typed(f), p),
    "polars.csv": lambda f, p: pl.DataFrame(pl.from_arrow(typed(f))).write_csv(p),
    "pandas.jsonl": records,
    "polars.ndjson": lambda f, p: (
        pl.DataFrame(pl.from_arrow(typed(f))).with_columns(pl.col("w").cast(float)).write_ndjson(p)
    ),
    "arrow.parquet": lambda f, p: pq.write_table(typed(f), p),
    "pandas.parquet": lambda f, p: f.assign(band=pd.arrays.IntervalArray(f["band"])).to_parquet(p),
    "arrow.feather": lambda f, p: pyarrow.feather.write_feather(typed(f), p),
    "pandas.arrow": lambda f, p: write_ipc(
        pa.Table.from_pandas(f.assign(band=pd.arrays.IntervalArray(f["band"]))), p
    ),
}
MEMORY = {
    "pandas": lambda f: f,
    "pandas strings": lambda f: f.astype({"code": "category", "id": object, "flag": "boolean"}),
    "arrow": typed,
    "arrow dictionaries": lambda f: pa.table({n: encoded(c) for n, c in zip(*split(typed(f)), strict=True)}),
    "arrow views": lambda f: typed(f).cast(viewed(typed(f).schema)),
    "polars": lambda f: pl.from_arrow(typed(f)),
    "polars categories": lambda f: pl.DataFrame(pl.from_arrow(typed(f))).with_columns(
        pl.col("code", "band").cast(pl.Categorical)
    ),
    "dict": lambda f: {name: column.to_pylist() for name, column in zip(*split(typed(f)), strict=True)},
    "numpy": lambda f: (
        {n: c.to_numpy() for n, c in zip(*split(typed(f)), strict=True)} | {"at": typed(f)["at"]}
    ),
}


def split(table: pa.Table) -> tuple[list[str], list[pa.ChunkedArray]]:
    return table.column_names, table.columns


def encoded(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return column if pa.types.is_floating(column.type) else column.dictionary_encode()


def viewed(schema: pa.Schema) -> pa.Schema:
    wider = {pa.large_string(): pa.string_view(), pa.string(): pa.large_string(), pa.bool_(): pa.bool_()}
    return pa.schema([f.with_type(wider.get(f.type, f.type)) for f in schema])


def write_ipc(table: pa.Table, path: str) -> None:
    with pa.ipc.new_file(path, table.schema) as writer:
        writer.write_table(table)


def audited(data: object, out: str) -> tuple[Any, list[str]]:
    """Everything that is said of the slices, and the ids with their decisions."""
    given = {"path": data} if isinstance(data, str) else {}
    config = {
        "audit": "t", "data": {**ROLES, **given},
        "model": {"kind": "predictions", "decision": "approved"},
        "metrics": ["selection_rate", "accuracy"],
        "slices": {
            "intersections": 1, "min_size": 1,
            "reference": {"flag": True, "size": 1, "day": "2026-02-01", "band": "(30, 60]", "code": "007"},
        },
        "gates": [
            {"metric": "selection_rate", "slice": {"flag": False}, "limit": ">= 0"},
            {"metric": "selection_rate", "by": "at", "compare": "difference", "limit": "<= 1",
             "reference": "2026-01-31 09:00:00Z"},
        ],
        "report": {"charts": False},
    }  # fmt: skip
    with open_run(Path(out)) as folder:
        table = None if isinstance(data, str) else as_table(data)
        told = audit(read(config, rows_given=table is not None), folder, table=table).model_dump(mode="json")
    kept = {key: told[key] for key in ("variants", "gates", "verdict")}
    kept["variants"] = [{k: v for k, v in variant.items() if k != "model"} for variant in kept["variants"]]
    data_said = {key: told["data"][key] for key in ("positive", "negative", "rows", "unknown")}
    rows = pq.read_table(f"{out}/predictions/original.parquet").to_pydict()
    ids = [f"{i} {d}" for i, d in zip(rows["id"], rows["y_pred"], strict=True)]
    return rounded(kept | data_said), ids


def rounded(told: object) -> object:
    """Sums differ in their last digit where rows are added in another order."""
    if isinstance(told, dict):
        return {key: rounded(value) for key, value in told.items()}
    if isinstance(told, list):
        return [rounded(value) for value in told]
    return float(f"{told:.9g}") if isinstance(told, float) else told


@pytest.fixture(scope="module")
def expected(frame: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Any]:
    return audited(typed(frame), str(tmp_path_factory.mktemp("one") / "run"))


def test_values_are_spelled_as_the_documentation_says(expected: Any) -> None:
    found, ids = expected
    slices = [s["slice"] for s in found["variants"][0]["slices"]]
    for feature, values in SLICES.items():
        assert sorted(s[feature] for s in slices if list(s) == [feature]) == values
    assert [i.split()[0] for i in ids] == [str(FIRST + i) for i in range(ROWS)]
    assert (found["positive"], found["negative"]) == (["true"], ["false"])


@pytest.mark.parametrize("name", FILES)
def test_a_file_of_any_format_says_the_same(
    name: Any, frame: pd.DataFrame, expected: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    FILES[name](frame, name)
    assert audited(name, "run") == expected


@pytest.mark.parametrize("name", MEMORY)
def test_a_table_of_any_library_says_the_same(
    name: Any, frame: pd.DataFrame, expected: Any, tmp_path: Path
) -> None:
    assert audited(MEMORY[name](frame), str(tmp_path / "run")) == expected


def test_runs_from_two_formats_can_be_compared(
    frame: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Flags are True in a CSV of pandas and true in Parquet; ids are text in one, numbers in the other."""
    monkeypatch.chdir(tmp_path)
    rows = frame[["id", "flag", "repaid", "approved"]]
    rows.to_csv("d.csv", index=False)
    rows.to_parquet("d.parquet")
    config: dict[str, Any] = {
        "audit": "t", "data": {"label": "repaid", "sensitive": ["flag"], "id": "id"},
        "model": {"kind": "predictions", "decision": "approved"}, "report": {"charts": False},
        "gates": [{"metric": "accuracy", "limit": ">= 0"}],
    }  # fmt: skip
    for name in ("d.csv", "d.parquet"):
        fairweigh.run(config | {"data": {**config["data"], "path": name}}, name.replace(".", "-"))
    compared = fairweigh.compare("d-csv", "d-parquet", "both")
    assert (compared.comparisons[0].rows, compared.comparisons[0].agreement) == (ROWS, 1)


def test_a_run_from_parquet_is_gated_against_one_from_csv_and_the_other_way(
    frame: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    rows = frame[["id", "flag", "repaid", "approved"]]
    rows.to_csv("d.csv", index=False)
    rows.to_parquet("d.parquet")
    for name in ("d.csv", "d.parquet"):
        config = {
            "audit": "t", "data": {"path": name, "label": "repaid", "sensitive": ["flag"], "id": "id"},
            "model": {"kind": "predictions", "decision": "approved"}, "report": {"charts": False},
            "slices": {"min_size": 1},
        }  # fmt: skip
        fairweigh.run(config, name.replace(".", "-"))
    policy = {
        "gates": [
            {"metric": "accuracy", "slice": {"flag": True}, "compare": "change", "limit": ">= -0.01",
             "decide": "point"},
            {"metric": "selection_rate", "slice": {"flag": False}, "limit": "<= 0.01", "decide": "point"},
        ],
        "min_size": 1,
    }  # fmt: skip
    judged = [judge_run(run, policy, base) for run, base in (("d-csv", "d-parquet"), ("d-parquet", "d-csv"))]
    assert judged[0].gates == judged[1].gates
    for told in judged:
        assert [gate.verdict for gate in told.gates] == ["pass", "fail"]
        assert told.gates[0].measured == 0
        assert told.baseline is not None
        assert (told.baseline.paired, told.baseline.matched, told.baseline.rows) == (True, ROWS, ROWS)


def test_decimals_have_the_figures_of_floats_and_whole_numbers(frame: pd.DataFrame, tmp_path: Path) -> None:
    """Scores, labels, decisions and counts of the type that databases give."""
    plain = frame.astype({"repaid": int, "approved": int})[["id", "code", "repaid", "approved", "score"]]
    plain["n"] = np.arange(1, ROWS + 1)
    exactly: dict[str, Any] = {
        c: [Decimal(str(v)) for v in plain[c]] for c in ("repaid", "approved", "score", "n")
    }
    exact = plain.assign(**exactly)
    roles = {"label": "repaid", "sensitive": ["code"]}
    for number, (data, model) in enumerate((
        ({**roles, "id": "id"}, {"score": "score"}),
        ({**roles, "count": "n"}, {"decision": "approved"}),
    )):  # fmt: skip
        config = {"audit": "t", "data": data, "model": model, "slices": {"min_size": 1},
                  "report": {"charts": False}}  # fmt: skip
        told = []
        for name, rows in (("plain", plain), ("exact", exact), ("arrow", typed_decimals(exact))):
            found = fairweigh.run(config, tmp_path / f"{name}{number}", data=rows)
            told.append(
                [found.data.rows, found.data.positive, found.variants[0].model_dump(exclude={"model"})]
            )
        assert told[1] == told[0]
        assert told[2] == told[0]
        assert told[0][0] == (ROWS * (ROWS + 1) // 2 if "count" in data else ROWS)


@pytest.mark.parametrize("places", [3, 6, 10])
def test_a_decimal_on_a_threshold_is_not_below_it(places: int, tmp_path: Path) -> None:
    """Arrow's cast makes 0.034999999999999996 of 0.035 with six places, and 0.013000000000000001 of 0.013."""
    told = [Decimal(i) / 1000 for i in range(1001)]
    column = pa.array(told, pa.decimal128(20, places))
    np.testing.assert_array_equal(numbers(column, "score column 's'", "s"), [float(d) for d in told])
    assert row_of("0.035", "s", [pa.table({"s": column})]) == 36
    table = pa.table({"s": column, "y": [0, 1] * 500 + [0], "g": ["a"] * 1001})
    pd.testing.assert_series_equal(
        features_of(table, ["s"])["s"], pd.Series([float(d) for d in told], name="s")
    )
    found = fairweigh.run(
        {"audit": "t", "data": {"label": "y", "sensitive": ["g"]}, "report": {"charts": False},
         "model": {"score": "s", "threshold": 0.035}, "metrics": ["selection_rate"]},
        tmp_path / "run", data=table,
    )  # fmt: skip
    assert found.variants[0].overall["selection_rate"].value == pytest.approx(966 / 1001, abs=1e-12)


def typed_decimals(frame: pd.DataFrame) -> pa.Table:
    """Columns of decimals as a database declares them, with more places than are used."""
    table = pa.Table.from_pandas(frame, preserve_index=False)
    fields = [f.with_type(pa.decimal128(20, 6)) if pa.types.is_decimal(f.type) else f for f in table.schema]
    return table.cast(pa.schema(fields))
