"""Files as people have them, through the command line: read, told, asked about; never half a run."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest
from fairweigh.datasets.errors import InputError
from fairweigh.datasets.evaluation import EvaluationSet

if TYPE_CHECKING:
    from .conftest import Ended


LOGISTIC = "sklearn.linear_model.LogisticRegression"


def german(table: pa.Table, encoding: str = "latin-1", name: str = "d.csv") -> None:
    """Write a table as Excel does in Germany."""
    columns = table.to_pydict()
    lines = [";".join(columns)]
    for row in zip(*columns.values(), strict=True):
        cells = [
            "" if v is None else str(v).replace(".", ",") if isinstance(v, float) else str(v) for v in row
        ]
        lines.append(";".join(cells))
    Path(name).write_bytes("\r\n".join(lines).encode(encoding))


def figures(result: Any) -> Any:
    return {
        "/".join(s["slice"].values()): {name: m["value"] for name, m in s["metrics"].items()}
        for s in result["variants"][0]["slices"]
    }


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16", "utf-16-le"])
def test_a_german_file_has_the_figures_of_the_table_and_says_how_it_was_read(
    make_config: Callable[..., dict[str, Any]],
    make_people: Callable[..., pa.Table],
    audited: Callable[..., Any],
    write: Callable[..., None],
    cli: Callable[..., Ended],
    encoding: str,
) -> None:
    people = make_people(sex=["männlich", "weiblich"] * 100)
    parts = make_config(data={"bins": {"age": [40]}, "sensitive": ["sex", "age"]})
    plain = audited(parts, people)
    Path("runs/t").rename("plain")
    german(people, encoding)
    parts["data"]["path"] = "d.csv"
    found = audited(parts)
    assert figures(found) == figures(plain)
    assert f"(encoding: {encoding}, separator: semicolon, decimal: comma)" in found["data"]["warnings"][0]
    by_hand = {"separator": ";", "decimal": ",", "thousands": "", "encoding": encoding}
    Path("runs/t").rename("found")
    said = audited(make_config(data={**parts["data"], **by_hand}))
    assert figures(said) == figures(plain)
    assert said["data"]["warnings"] == []


def test_lines_above_the_header_are_skipped_where_the_configuration_says_so(
    make_config: Callable[..., dict[str, Any]],
    make_people: Callable[..., pa.Table],
    audited: Callable[..., Any],
) -> None:
    text = make_people().to_pandas().to_csv(index=False)
    Path("plain.csv").write_text(text)
    Path("d.csv").write_text("Lending, all branches\nas of 2026-01-31\n" + text)
    plain = audited(make_config(data={"path": "plain.csv"}))
    Path("runs/t").rename("plain")
    found = audited(make_config(data={"path": "d.csv", "skip": 2}))
    assert figures(found) == figures(plain)
    assert found["data"]["rows"] == plain["data"]["rows"] == 200
    assert found["data"]["warnings"] == plain["data"]["warnings"]


def test_a_table_of_predictions_may_be_written_otherwise(
    make_config: Callable[..., dict[str, Any]],
    make_people: Callable[..., pa.Table],
    audited: Callable[..., Any],
) -> None:
    people = make_people()
    joined = make_config(model={"kind": "predictions", "path": "p.csv", "score": "score", "id": "id"})
    german(people.select(["id", "score"]), "utf-16", "p.csv")
    told = audited(joined, people.drop_columns(["score"]))
    assert "How p.csv is written was found" in told["data"]["warnings"][0]
    Path("runs/t").rename("found")
    assert figures(audited(make_config(), people)) == figures(told)
    Path("runs/t").rename("plain")
    joined["model"] |= {"separator": ";", "encoding": "utf-16", "decimal": ","}
    assert audited(joined, people.drop_columns(["score"]))["data"]["warnings"] == []


@pytest.mark.parametrize(
    "parts",
    [
        {"model": {"estimator": LOGISTIC, "train": {"path": "p.csv"}, "features": ["x"]}},
        {
            "model": {"estimator": LOGISTIC, "train": {"path": "p.csv"}, "features": ["x"]},
            "mitigations": [{"threshold": {"by": ["sex"], "constraint": "equal_opportunity"}}],
        },
        {"variants": [{"name": "given", "path": "p.csv", "score": "score"}]},
    ],
    ids=["training", "steps", "variant"],
)
def test_how_any_file_of_a_run_is_written_is_told(
    make_config: Callable[..., dict[str, Any]],
    make_people: Callable[..., pa.Table],
    audited: Callable[..., Any],
    parts: dict[str, Any],
) -> None:
    german(make_people(200 if "variants" in parts else 600, seed=1), name="p.csv")
    (told,) = audited(make_config(**parts), make_people())["data"]["warnings"]
    assert told.startswith(
        "How p.csv is written was found by looking at it (separator: semicolon, decimal: comma)"
    )


def test_init_reads_what_the_audit_reads(
    make_people: Callable[..., pa.Table], cli: Callable[..., Ended], here: Path
) -> None:
    german(make_people(sex=["männlich", "weiblich"] * 100))
    ended = cli("init", "d.csv", "-o", "a.yaml")
    assert ended.code == 0, ended
    assert "weiblich" in Path("a.yaml").read_text(encoding="utf-8")


def test_training_leaves_out_an_index_without_a_name(
    make_config: Callable[..., dict[str, Any]],
    make_people: Callable[..., pa.Table],
    audited: Callable[..., Any],
    here: Path,
) -> None:
    for name, seed in (("d.csv", 0), ("train.csv", 1)):
        frame = make_people(seed=seed).select(["sex", "race", "x", "y"]).to_pandas()
        frame.to_csv(name)
    train = {"estimator": LOGISTIC, "train": {"path": "train.csv"}}
    found = audited(make_config(data={"path": "d.csv", "id": None}, model=train))
    assert found["variants"][0]["model"]["features"] == ["x"]


@pytest.mark.parametrize(("ending", "word"), [("csv", "NA"), ("parquet", "None"), ("jsonl", "nan")])
def test_words_for_missing_values_in_a_sensitive_column_are_asked_about(
    make_config: Callable[..., dict[str, Any]],
    make_people: Callable[..., pa.Table],
    write: Callable[..., None],
    refused: Callable[..., str],
    audited: Callable[..., Any],
    ending: str,
    word: str,
) -> None:
    people = make_people(sex=["Female", word, "Male", word] * 50)
    if ending == "csv":
        people.to_pandas().to_csv("d.csv", index=False)
    elif ending == "jsonl":
        people.to_pandas().to_json("d.jsonl", orient="records", lines=True)
    write(people if ending == "parquet" else None, config := make_config(data={"path": f"d.{ending}"}))
    told = refused()
    assert f"sensitive column 'sex' holds '{word}' (100 rows)" in told
    assert f'data.missing: ["{word}"]' in told
    assert f'data.missing: {{keep: {{sex: ["{word}"]}}}}' in told
    config["data"]["missing"] = [word]
    missing = audited(config)
    assert missing["data"]["unknown"] == {"sex": 100}
    Path("runs/t").rename("missing")
    config["data"]["missing"] = {"keep": {"sex": [word]}}
    kept = audited(config)
    assert kept["data"]["unknown"] == {}
    assert word in {v for s in kept["variants"][0]["slices"] for v in s["slice"].values()}


@pytest.mark.parametrize(
    "word", ["N/A", "<NA>", "#N/A", "NaN", "null", "NULL", "n/a", "none", " NA ", "\\N", "NaT"]
)
def test_every_word_that_programs_write_is_asked_about(
    make_people: Callable[..., pa.Table], word: str
) -> None:
    data = EvaluationSet(make_people(sex=["Female", word] * 100), sensitive=["sex"])
    (batch,) = data.batches()
    with pytest.raises(InputError, match="not known, or a value"):
        data.read(batch)


def test_words_in_labels_are_asked_about_unless_they_are_named(
    make_config: Callable[..., dict[str, Any]],
    make_people: Callable[..., pa.Table],
    write: Callable[..., None],
    refused: Callable[..., str],
    audited: Callable[..., Any],
) -> None:
    people = make_people(y=["yes", "None"] * 100)
    write(people, make_config(data={"positive": "yes"}))
    assert "label column 'y' holds 'None' (100 rows)" in refused()
    named = audited(make_config(data={"positive": "yes", "negative": "None"}))
    assert named["data"]["negative"] == ["None"]


def test_words_among_numbers_and_blanks_beside_other_marks_are_missing(
    make_config: Callable[..., dict[str, Any]],
    make_people: Callable[..., pa.Table],
    audited: Callable[..., Any],
) -> None:
    words = ["", "?", "NA", "n/a", " ", "nan", "#N/A", "None"]
    people = make_people(age=[*words, *map(str, range(30, 222))])
    people.to_pandas().to_csv("d.csv", index=False)
    data = {"sensitive": ["sex", "age"], "bins": {"age": [100]}, "missing": ["?"]}
    for path in ("d.csv", "d.parquet"):
        found = audited(make_config(data={**data, "path": path}), people)
        assert found["data"]["unknown"] == {"age": 8}
        Path("runs/t").rename(path.replace(".", "-"))


def test_only_says_all_that_is_missing(
    make_config: Callable[..., dict[str, Any]],
    make_people: Callable[..., pa.Table],
    audited: Callable[..., Any],
) -> None:
    people = make_people(sex=["NA", "-"] * 100)
    found = audited(make_config(data={"missing": {"only": ["-"]}}), people)
    assert found["data"]["unknown"] == {"sex": 100}


@pytest.mark.parametrize(
    ("data", "told"),
    [
        ({"separator": "ab"}, "data.separator: expected one character"),
        ({"separator": "a"}, "data.separator: expected one character"),
        ({"decimal": "x"}, "data.decimal"),
        ({"thousands": ","}, None),
        ({"thousands": "."}, "thousands: expected another mark"),
        ({"encoding": "rot13"}, "data.encoding: expected a text encoding"),
        ({"encoding": "no-such"}, "data.encoding: expected a text encoding"),
        ({"skip": -1}, "data.skip"),
        ({"missing": {"add": ["a"], "only": ["b"]}}, "data.missing"),
        ({"missing": {"ad": ["a"]}}, "data.missing"),
        ({"missing": {"add": ["NA"], "keep": ["NA"]}}, "data.missing"),
    ],
)
def test_wrong_reading_keys_are_refused(
    make_config: Callable[..., dict[str, Any]],
    make_people: Callable[..., pa.Table],
    write: Callable[..., None],
    cli: Callable[..., Ended],
    data: dict[str, Any],
    told: str | None,
) -> None:
    write(make_people(), make_config(data=data))
    ended = cli("check", "a.yaml")
    assert (ended.code == 0) == (told is None)
    assert told is None or told in ended.err


def test_values_alike_are_told_in_both_languages_and_on_the_terminal(
    make_config: Callable[..., dict[str, Any]],
    make_people: Callable[..., pa.Table],
    write: Callable[..., None],
    cli: Callable[..., Ended],
) -> None:
    people = make_people(sex=["Female", "female ", "Male", "Ma\u00adle"] * 50)
    write(people, make_config(report={"charts": False, "language": "zh"}))
    ended = cli("audit", "a.yaml")
    assert "Column sex holds values that differ in case, spaces or Unicode form only" in ended.out
    page = Path("runs/t/report.html").read_text(encoding="utf-8")
    assert "中有些取值仅在大小写、空格或 Unicode 形式上不同" in page
    assert "Ma\\u00adle" in page


def test_totals_rows_of_counts_are_told_with_their_number(
    make_config: Callable[..., dict[str, Any]], audited: Callable[..., Any], here: Path
) -> None:
    Path("c.csv").write_text("sex,ok,n\nF,1,12\nF,0,13\nM,1,25\nM,0,10\nTotal,0,60\n")
    counts = {"path": "c.csv", "count": "n", "sensitive": ["sex"], "label": None, "id": None}
    config = make_config(
        data=counts, model={"kind": "predictions", "decision": "ok"}, metrics=["selection_rate"]
    )
    found = audited(config)["data"]["warnings"]
    assert "'Total', first in row 5 of the table" in found[0]
    assert "Row 5 of the table counts as much as all other rows together" in found[1]


def test_a_value_of_many_characters_is_no_slice(
    make_config: Callable[..., dict[str, Any]],
    make_people: Callable[..., pa.Table],
    write: Callable[..., None],
    refused: Callable[..., str],
) -> None:
    write(make_people(sex=["x" * 5_000, "y"] * 100), make_config())
    assert "sensitive column 'sex' holds a text of 5,000 characters; expected at most 1,000" in refused()


def test_brackets_in_a_column_that_nobody_uses_leave_nothing(
    make_config: Callable[..., dict[str, Any]],
    make_people: Callable[..., pa.Table],
    write: Callable[..., None],
    refused: Callable[..., str],
) -> None:
    rows = make_people().to_pylist()
    lines = [json.dumps(row) for row in rows]
    lines[7] = lines[7][:-1] + ', "extra": ' + "[" * 100_000 + "]" * 100_000 + "}"
    Path("d.jsonl").write_text("\n".join(lines))
    write(config=make_config(data={"path": "d.jsonl"}))
    assert "line 8 has 100,001 brackets within each other" in refused()


def test_an_array_of_objects_has_the_figures_of_the_table(
    make_config: Callable[..., dict[str, Any]],
    make_people: Callable[..., pa.Table],
    audited: Callable[..., Any],
) -> None:
    people = make_people()
    plain = figures(audited(make_config(), people))
    Path("runs/t").rename("plain")
    people.to_pandas().to_json("d.json", orient="records", indent=1)
    assert figures(audited(make_config(data={"path": "d.json"}))) == plain
    assert np.isfinite(plain["Female"]["accuracy"])
