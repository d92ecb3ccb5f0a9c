"""Several labels of a row: a column for each, or lists in the forms in which files hold them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fairweigh.datasets.errors import InputError
from fairweigh.datasets.evaluation import EvaluationSet
from sklearn.preprocessing import MultiLabelBinarizer

FINDINGS = [["Edema", "Mass"], [], ["Mass"], ["Nodule", "Edema", "Mass"]]


def read(source: str | pa.Table, **roles: Any) -> Any:
    given: Any = {"label": "tags"} if "labels" not in roles else {}
    data = EvaluationSet(source, sensitive=["s"], task="multilabel", **given, **roles)
    held = [data.read(batch) for batch in data.batches()]
    data.check_whole()
    names = data.class_names()
    matrix = np.column_stack([np.concatenate([one[f"y_true:{n}"].to_numpy() for one in held]) for n in names])
    return data, names, matrix


def as_parquet(path: Any) -> None:
    pq.write_table(pa.table({"tags": FINDINGS, "s": list("abab")}), path)


def as_lines(path: Any) -> None:
    rows = [{"tags": tags, "s": s} for tags, s in zip(FINDINGS, "abab", strict=True)]
    Path(path).write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")


def as_json_text(path: Any) -> None:
    pd.DataFrame({"tags": [json.dumps(tags) for tags in FINDINGS], "s": list("abab")}).to_csv(
        path, index=False
    )


def as_python_text(path: Any) -> None:
    pd.DataFrame({"tags": [str(tags) for tags in FINDINGS], "s": list("abab")}).to_csv(path, index=False)


def as_marked_text(path: str) -> None:
    texts = ["|".join(tags) or "[]" for tags in FINDINGS]
    pd.DataFrame({"tags": texts, "s": list("abab")}).to_csv(path, index=False)


@pytest.mark.parametrize(
    ("write", "path"),
    [
        (as_parquet, "d.parquet"),
        (as_lines, "d.jsonl"),
        (as_json_text, "d.csv"),
        (as_python_text, "d.csv"),
        (as_marked_text, "d.csv"),
    ],
)
def test_lists_of_every_file_are_one_matrix(write: Callable[..., Any], path: str, here: Path) -> None:
    """Against scikit-learn's binarizer."""
    write(path)
    _, names, matrix = read(path)
    expected = MultiLabelBinarizer()
    np.testing.assert_array_equal(matrix, expected.fit_transform(FINDINGS))
    assert names == tuple(expected.classes_)


def test_what_was_taken_to_part_labels_is_told(here: Path) -> None:
    as_marked_text("d.csv")
    data, _, _ = read("d.csv")
    assert data.notes == ["Column tags: the labels of a row were taken to be parted by '|'."]


def test_a_column_for_each_label() -> None:
    table = pa.table(
        {"s": ["a", "b", "a"], "one": [1, 0, 1], "two": [True, False, False], "three": [1.0, 1.0, 0.0]}
    )
    data, names, matrix = read(table, labels=["two", "one", "three"])
    assert names == ("two", "one", "three")
    assert matrix.tolist() == [[1, 1, 1], [0, 0, 1], [0, 1, 0]]
    assert data.feature_names() == []
    assert data.outcome.seen == {"two": 1, "one": 2, "three": 2}
    words = pa.table({"s": ["a", "b"], "one": ["yes", "no"], "two": ["no", "no"]})
    data, _, matrix = read(words, labels=["one", "two"], positive="yes")
    assert matrix.tolist() == [[1, 0], [0, 0]]
    assert data.notes == [
        "two stands in 0 of 2 rows: figures of this label that need both kinds of rows have no value."
    ]


def test_named_labels_have_their_order_and_those_never_seen() -> None:
    table = pa.table({"tags": [["b"], ["a", "b"]], "s": ["x", "y"]})
    data, names, matrix = read(table, classes=["c", "b", "a"])
    assert names == ("c", "b", "a")
    assert matrix.tolist() == [[0, 1, 0], [0, 1, 1]]
    assert data.outcome.never == {"data.classes": ["c"]}


@pytest.mark.parametrize(
    ("values", "roles", "told"),
    [
        (
            ["a|b", "c;d"],
            {},
            "what parts the labels of a row is unclear, it holds '|' ('a|b') and ';' ('c;d')",
        ),
        (
            [["a"], None],
            {},
            "label column 'tags' is missing in 1 row, first in row 2 of the table; a row without",
        ),
        ([["a"], [None]], {}, "label column 'tags': 1 list holds a blank label"),
        (["['a'", "['b']"], {"classes": ["a", "b"]}, "holds \"['a'\" (1 row), which data.classes ('a', 'b')"),
        (["[f(1)]", "[]"], {}, 'expected a list of labels such as ["a", "b"], got \'[f(1)]\''),
        (["[[1]]", "[]"], {}, 'expected a list of labels such as ["a", "b"], got \'[[1]]\''),
        (
            [[["a"]], [["b"]]],
            {},
            "expected the list of each row's labels, got list<item: list<item: string>>",
        ),
        ([1, 0], {}, "expected the list of each row's labels, got int64; a column per label is named in"),
        (
            [["a"], ["c"]],
            {"classes": ["a", "b"]},
            "holds 'c' (1 row), which data.classes ('a', 'b') does not",
        ),
        ([[f"t{i}" for i in range(101)], []], {}, "holds 101 different labels, expected at most 100"),
        ([[], []], {}, "label column 'tags': no row has a label; name the labels in data.classes"),
    ],
)
def test_what_are_no_lists_of_labels_is_one_line(values: list[Any], roles: dict[str, Any], told: str) -> None:
    kind = pa.list_(pa.string()) if values == [[], []] else None
    with pytest.raises(InputError) as refused:
        read(pa.table({"tags": pa.array(values, kind), "s": ["a", "b"]}), **roles)
    assert told in str(refused.value)


def test_a_column_of_a_label_holds_two_values() -> None:
    table = pa.table({"s": ["a", "b", "c"], "one": ["x", "y", "z"], "two": [0, 1, 1]})
    with pytest.raises(InputError) as refused:
        read(table, labels=["one", "two"])
    assert "label column 'one' holds 'x' (1 row), 'y' (1 row), 'z' (1 row): say which value is" in str(
        refused.value
    )
    assert "multiclass" not in str(refused.value)
    with pytest.raises(InputError, match=r"got data\.label \(one\) too"):
        EvaluationSet(table, sensitive=["s"], label="one", labels=["one", "two"], task="multilabel")
