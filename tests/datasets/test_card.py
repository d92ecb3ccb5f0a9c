"""Cards: all of them valid, codes as words, and the figures that DATASET.md and the literature state."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
import pytest
from fairweigh.datasets.card import Card, card, load, names, show, summary
from fairweigh.datasets.errors import InputError
from pydantic import ValidationError

DATA = os.environ.get("FAIRWEIGH_DATA")


def needs(name: str) -> pytest.MarkDecorator:
    there = bool(DATA) and (Path(DATA) / name).is_dir()
    return pytest.mark.skipif(not there, reason=f"needs $FAIRWEIGH_DATA/{name}")


def real(name: str) -> pytest.ParameterSet:
    return pytest.param(name, marks=needs(name) if card(name).files else ())


REAL = [real(name) for name in names()]


def rate(table: Any, label: str, positive: str, **where: Any) -> Any:
    for column, value in where.items():
        table = table.filter(pc.equal(table[column], value))
    return table[label].to_pylist().count(positive) / table.num_rows


def test_the_nine_cards_are_there() -> None:
    assert names() == [
        "acs_income",
        "adult",
        "bank_marketing",
        "communities_crime",
        "compas",
        "credit_card_default",
        "german_credit",
        "law_school",
        "synthetic_lending",
    ]


@pytest.mark.parametrize("name", names())
def test_card_is_named_like_its_file_and_shows_what_matters(name: Any) -> None:
    found = card(name)
    text = show(name)
    assert found.name == name
    assert summary(name).startswith(name)
    for fact in (found.title, found.licence.split()[0], found.label, *found.sensitive, *found.splits):
        assert fact in text
    for file in found.files.values():
        assert file.url.startswith("https://raw.githubusercontent.com/")
        assert all(len(digest) == 64 for digest in file.sha256)
        assert file.sha256[0] in text


def test_unknown_card_is_one_line_with_the_nearest_name() -> None:
    with pytest.raises(InputError, match="no dataset card 'adlut'; did you mean 'adult'"):
        card("adlut")


def test_unknown_key_and_wrong_type_on_a_card_are_refused() -> None:
    facts = card("synthetic_lending").model_dump()
    with pytest.raises(ValidationError, match="licens"):
        Card.model_validate(facts | {"licens": "MIT"})
    with pytest.raises(ValidationError, match="synthetic"):
        Card.model_validate(facts | {"synthetic": "yes"})


@pytest.mark.parametrize("name", REAL)
def test_table_has_every_column_the_card_speaks_of_and_unique_ids(name: Any) -> None:
    found, table = card(name), load(name)
    spoken = {found.label, found.id, *found.sensitive, *found.bins, *found.columns, *found.derive}
    assert spoken <= set(table.column_names)
    assert set(found.exclude) <= {*table.column_names, "split"}
    assert pc.count_distinct(table[found.id]).as_py() == table.num_rows
    labels = set(table[found.label].to_pylist())
    assert labels == {found.positive, found.negative}
    assert not set(found.drop) & set(table.column_names)


@pytest.mark.parametrize("name", REAL)
def test_every_code_is_a_word_and_every_number_has_a_bin(name: Any) -> None:
    found, table = card(name), load(name)
    for column, meaning in found.columns.items():
        if meaning.values and column != "income":
            assert set(table[column].to_pylist()) <= set(meaning.values.values())
    for column, edges in found.bins.items():
        assert edges == sorted(edges)
        # Edges that leave a bin empty would show a slice of nobody.
        assert pc.min(table[column]).as_py() < edges[0]
        assert edges[-1] <= pc.max(table[column]).as_py()


@pytest.mark.parametrize(
    ("name", "splits"),
    [
        pytest.param(name, splits, marks=needs(name))
        for name, splits in [
            ("adult", {"train": 32_561, "test": 16_281}),
            ("compas", {"two-years": 7_214, "violent": 4_743}),
            ("acs_income", {"AL": 22_268, "CT": 19_785, "GA": 50_915, "SC": 24_879}),
        ]
    ],
)
def test_splits_have_the_rows_of_their_files(name: str, splits: Any) -> None:
    assert {split: load(name, split).num_rows for split in card(name).splits} == splits


@pytest.mark.parametrize(
    ("name", "rows"),
    [
        pytest.param(name, rows, marks=needs(name))
        for name, rows in [
            ("german_credit", 1_000),
            ("bank_marketing", 40_004),
            ("law_school", 20_798),
            ("credit_card_default", 30_000),
            ("communities_crime", 1_994),
        ]
    ],
)
def test_single_files_are_divided_into_train_and_test_by_id(name: str, rows: Any) -> None:
    both, train, test = load(name), load(name, "train"), load(name, "test")
    assert both.num_rows == rows == train.num_rows + test.num_rows
    assert not set(train["id"].to_pylist()) & set(test["id"].to_pylist())
    assert test.num_rows / rows == pytest.approx(0.4, abs=0.03)
    assert set(both["split"].to_pylist()) == {"train", "test"}
    assert "split" not in train.column_names


@needs("adult")
def test_adult_rates_are_the_known_ones() -> None:
    # The data set's notes: 0.3057 of the men and 0.1095 of the women of the training file.
    train = load("adult", "train")
    assert rate(train, "income", ">50K", sex="Male") == pytest.approx(0.3057, abs=5e-5)
    assert rate(train, "income", ">50K", sex="Female") == pytest.approx(0.1095, abs=5e-5)
    assert rate(train, "income", ">50K", race="Black") == pytest.approx(0.1239, abs=5e-5)
    assert train["workclass"].null_count == 1_836
    assert set(load("adult", "test")["income"].to_pylist()) == {"<=50K", ">50K"}
    assert load("adult", "test")["id"][0].as_py() == "test-0"


@needs("compas")
def test_compas_gives_the_counts_propublica_published() -> None:
    # Angwin et al. 2016: false positive rate 44.85 % (African-American) and 23.45 % (Caucasian).
    table = load("compas")
    risky = pc.greater_equal(table["decile_score"], 5)
    assert pc.all(pc.equal(risky, pc.not_equal(table["score_text"], "Low"))).as_py()
    for race, counts in {
        "African-American": (990, 805, 532, 1369),
        "Caucasian": (1139, 349, 461, 505),
    }.items():
        member = pc.equal(table["race"], race)
        cells = []
        for y in (0, 1):
            for d in (False, True):
                cell = pc.and_(pc.and_(member, pc.equal(table["two_year_recid"], y)), pc.equal(risky, d))
                cells.append(pc.sum(cell).as_py())
        assert tuple(cells) == counts


@needs("compas")
@pytest.mark.parametrize("split", ["two-years", "violent"])
def test_compas_holds_no_personal_column_and_no_repeated_one(split: str) -> None:
    columns = load("compas", split).column_names
    personal = {"name", "first", "last", "dob", "c_case_number", "r_case_number", "vr_case_number"}
    assert not personal & set(columns)
    assert not [column for column in columns if column.endswith(".1")]


@needs("compas")
def test_overlapping_splits_cannot_be_joined() -> None:
    assert load("compas").num_rows == 7_214
    with pytest.raises(InputError, match="choose one of two-years, violent"):
        load("compas", "all")


@needs("law_school")
def test_law_school_pass_rates_are_the_known_ones() -> None:
    table = load("law_school")
    counts = table.group_by(["race", "pass_bar"]).aggregate([([], "count_all")]).to_pylist()
    passed = {row["race"]: row["count_all"] for row in counts if row["pass_bar"] == "passed"}
    failed = {row["race"]: row["count_all"] for row in counts if row["pass_bar"] == "failed"}
    assert passed == {"White": 16_114, "Non-White": 2_391}
    assert failed == {"White": 17_491 - 16_114, "Non-White": 3_307 - 2_391}


@needs("german_credit")
def test_german_sex_comes_from_personal_status() -> None:
    # UCI: 310 rows are A92 (female), 690 are A91, A93 or A94 (male); 700 of 1,000 are good risks.
    table = load("german_credit")
    assert table["sex"].to_pylist().count("Female") == 310
    assert table["sex"].to_pylist().count("Male") == 690
    assert table["personal_status"].to_pylist().count("male: single") == 548
    assert table["credit"].to_pylist().count("good") == 700


@needs("credit_card_default")
def test_undocumented_codes_are_called_so() -> None:
    words = load("credit_card_default")["EDUCATION"].to_pylist()
    assert words.count("undocumented 5") == 280
    assert words.count("university") == 14_030


@needs("adult")
def test_columns_are_selected_and_a_wrong_one_is_named() -> None:
    assert load("adult", "test", columns=["sex", "income"]).column_names == ["sex", "income"]
    with pytest.raises(InputError, match="dataset 'adult': no column 'sexx'; did you mean 'sex'"):
        load("adult", columns=["sexx"])


def test_unknown_split_lists_the_known_ones() -> None:
    with pytest.raises(InputError, match="expected a split of train, test or all, got 'dev'"):
        load("synthetic_lending", "dev")


def test_synthetic_lending_needs_no_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("FAIRWEIGH_DATA", raising=False)
    train, test = load("synthetic_lending", "train"), load("synthetic_lending", "test")
    assert train.num_rows + test.num_rows == load("synthetic_lending").num_rows == 20_000
    assert card("synthetic_lending").synthetic
