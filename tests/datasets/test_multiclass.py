"""Labels of several classes: all values are counted, in one order, and what cannot be classes is named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from fairweigh.datasets.errors import InputError
from fairweigh.datasets.evaluation import EvaluationSet
from fairweigh.datasets.multiclass import Classes


def rows_of(values: list[Any], **roles: Any) -> Any:
    table = pa.table({"y": values, "s": ["a", "b"] * (len(values) // 2) + ["a"] * (len(values) % 2)})
    return EvaluationSet(table, sensitive=["s"], label="y", task="multiclass", **roles)


def read(data: EvaluationSet) -> Any:
    held = [data.read(batch)["y_true"] for batch in data.batches()]
    data.check_whole()
    return [value for column in held for value in column.to_pylist()]


@pytest.mark.parametrize(
    ("values", "names", "words"),
    [
        (["up", "down", "flat"], ("down", "flat", "up"), ["up", "down", "flat"]),
        ([10, 2, 1], ("1", "2", "10"), ["10", "2", "1"]),
        ([1.0, 2.0, 0.0], ("0", "1", "2"), ["1", "2", "0"]),
        (pa.array(["b", "a", "c"]).dictionary_encode(), ("a", "b", "c"), ["b", "a", "c"]),
        ([True, False, True], ("false", "true"), ["true", "false", "true"]),
        (["01", "02", "1"], ("01", "1", "02"), ["01", "02", "1"]),
    ],
)
def test_every_value_is_a_class_in_one_order(values: Any, names: tuple[Any, ...], words: list[Any]) -> None:
    data = rows_of(values)
    assert data.class_names() == names
    assert read(data) == words
    column = data.read(next(data.batches()))["y_true"]
    assert column.type == pa.dictionary(pa.int32(), pa.string())


def test_named_classes_keep_their_order_and_those_never_seen() -> None:
    data = rows_of(["low", "high", "low"], classes=["low", "middle", "high"], favourable="low")
    assert data.class_names() == ("low", "middle", "high")
    assert read(data) == ["low", "high", "low"]
    assert data.outcome.never == {"data.classes": ["middle"]}


def test_codes_of_a_csv_keep_their_zeros(here: Path) -> None:
    pd.DataFrame({"y": ["01", "1", "007"], "s": ["a", "b", "a"]}).to_csv("d.csv", index=False)
    data = EvaluationSet("d.csv", sensitive=["s"], label="y", task="multiclass")
    assert read(data) == ["01", "1", "007"]


@pytest.mark.parametrize(
    ("values", "roles", "told"),
    [
        (["a", None, "b"], {}, "label column 'y' is missing in 1 row, first in row 2 of the table"),
        ([f"u{i}" for i in range(10_000)], {}, "holds 10,000 different values, expected at most 100 classes; "
         "so many look like an id or text"),
        (list(range(101)), {}, "holds 101 different values, expected at most 100 classes; so many look "
         "like a number that is predicted (task: regression), or an id"),
        (["a", "b", "c"], {"classes": ["a", "b"]}, "holds 'c' (1 row), which data.classes ('a', 'b') does"),
        (["Yes", "no"], {"classes": ["yes", "no"]}, "'Yes' (1 row) differs from the class 'yes' in its"),
        (["a", "b"], {"classes": ["a", "b"], "favourable": "c"}, "data.favourable: 'c' is none of"),
        (["a", "b"], {"classes": ["a", "b"], "favourable": ["b", "a"]}, "data.favourable: expected some"),
        (["a", "b"], {"classes": ["a", "a"]}, "data.classes: 'a' is named twice"),
        (["a", "b"], {"classes": ["a"]}, "data.classes: expected two or more names, got 'a' alone"),
        (["O", "B-PER", "I-PER"], {}, "holds tags of the words of a text (named entities): set task: ner"),
        ([["a"], ["b"]], {}, "expected one value per row, got list<item: string>; of several labels in a row "
         "set task: multilabel"),
        (["a", "b"], {"positive": "a"}, "data.positive: belongs to task: binary or multilabel, and the task"),
    ],
)  # fmt: skip
def test_what_are_no_classes_is_said_in_one_line(values: Any, roles: dict[str, Any], told: str) -> None:
    with pytest.raises(InputError) as refused:
        read(rows_of(values, **roles))
    assert told in str(refused.value)
    assert "\n" not in str(refused.value)


def test_so_many_classes_are_refused_before_a_row_is_read_or_scored() -> None:
    """The number is that of all rows, not of the first batch."""
    table = pa.Table.from_batches(
        [pa.record_batch({"y": [f"{k}-{i}" for i in range(60)], "s": ["a"] * 60}) for k in range(5)]
    )
    data = EvaluationSet(table, sensitive=["s"], label="y", task="multiclass")
    with pytest.raises(InputError, match="holds 300 different values"):
        data.class_names()


def test_look_alikes_mixed_kinds_and_one_class_are_told() -> None:
    data = rows_of(["good", "Good ", "bad"])
    read(data)
    assert "'Good ', 'good'" in data.notes[0]
    data = rows_of(["1", "2", "positive", "2"])
    assert read(data) == ["1", "2", "positive", "2"]
    assert data.notes == [
        "Column y holds numbers ('1', '2') beside words ('positive') as classes; each is counted as a class "
        "of its own."
    ]
    data = rows_of(["a"] * 4)
    read(data)
    assert data.notes == [
        "Every row has the label a (y, all 4 rows): figures that need another class have no value."
    ]
    with pytest.raises(InputError, match="holds one class only: 4 rows are all 'a'; expected two or more"):
        data.outcome.check_learnable()


def test_blank_words_are_asked_about_unless_they_are_named() -> None:
    with pytest.raises(InputError, match=r"label column 'y' holds 'None' \(2 rows\): not known, or a value"):
        read(rows_of(["a", "b", "None", "None"]))
    named = rows_of(["a", "b", "None", "None"], classes=["a", "b", "None"])
    assert read(named) == ["a", "b", "None", "None"]


def test_rows_left_out_are_counted_once_though_they_are_read_twice() -> None:
    data = rows_of(["a", "b", None, "c"], drop_missing=True)
    assert data.class_names() == ("a", "b", "c")
    assert read(data) == ["a", "b", "c"]
    assert data.dropped == 1


def test_a_model_learns_the_words() -> None:
    outcome = Classes("y")
    truth = outcome.truth(pa.record_batch({"y": pa.array(["b", "a", "b"])}))
    np.testing.assert_array_equal(outcome.learned(truth), np.array(["b", "a", "b"], dtype=object))


def test_a_task_that_is_none_is_refused_with_those_there_are() -> None:
    with pytest.raises(
        InputError, match=r"task: expected one of binary, multiclass, .*did you mean 'multiclass'"
    ):
        EvaluationSet(pa.table({"s": ["a"]}), sensitive=["s"], task="multi-class")


def test_names_of_prediction_columns_are_reserved_where_the_task_has_them() -> None:
    table = pa.table({"y": ["a", "b"], "score:a": ["x", "y"], "rank": ["x", "y"]})
    EvaluationSet(table, sensitive=["rank"], label="y", task="multiclass")
    with pytest.raises(InputError, match="the name 'score:a' is reserved"):
        EvaluationSet(table, sensitive=["score:a"], label="y", task="multiclass")
