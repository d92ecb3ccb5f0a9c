"""Entities given as spans, by tokens or by characters: the same figures as their tags; what is none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from fairweigh.datasets.errors import InputError
from fairweigh.datasets.tags import entities
from fairweigh.verification import verify

from .runs import audited
from .test_ner import DATA, MODEL, rows

SPANS = {"spans": "spans", "sensitive": ["group"], "id": "id"}


def spans(tags: list[str], offsets: list[int] | None = None, key: str = "type") -> list[dict[str, Any]]:
    """Entities of tags; with ``offsets``, where each token begins in a text of tokens of two characters."""
    found = entities(tags, "iob2", "strict")[0]
    if offsets is None:
        return [{"start": one.start, "end": one.end, key: one.type} for one in found]
    return [{"start": offsets[o.start], "end": offsets[o.end - 1] + 2, key: o.type} for o in found]


def told() -> pd.DataFrame:
    data = rows(60)
    for name, column in (("spans", "tags"), ("said", "said")):
        data[name] = pd.Series([spans(tags) for tags in data[column]])
    return data


@pytest.fixture(scope="module")
def tagged(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return audited(tmp_path_factory.mktemp("tags"), rows(60), data=DATA, model=MODEL)["variants"][0]


def test_spans_by_tokens_have_the_figures_of_their_tags(tmp_path: Path, tagged: Any) -> None:
    run = audited(tmp_path, told(), data={**SPANS, "tokens": "tokens"}, model={"spans": "said"})
    assert run["task"] == "ner"
    for key in ("overall", "overall_views", "overall_view_counts", "slices"):
        assert run["variants"][0][key] == tagged[key]
    assert verify(tmp_path / "run").figures == []


def test_spans_by_characters_may_stand_as_json_under_label(tmp_path: Path, tagged: Any) -> None:
    data = rows(60)
    data["text"] = [" ".join(tokens) for tokens in data.tokens]
    offsets = [3 * place for place in range(9)]
    for name, column in (("spans", "tags"), ("said", "said")):
        data[name] = [json.dumps(spans(tags, offsets, "label")) for tags in data[column]]
    run = audited(tmp_path, data, data={**SPANS, "text": "text"}, model={"spans": "said"})
    assert run["variants"][0]["slices"] == tagged["slices"]


def test_what_a_run_has_written_is_read_too(tmp_path: Path, tagged: Any) -> None:
    data = told()
    data["said"] = [
        "; ".join(f"{o['start']}:{o['end']} {o['type']}" for o in one) or "O" for one in data.said
    ]
    run = audited(tmp_path, data, data=SPANS, model={"spans": "said"})
    assert run["variants"][0]["slices"] == tagged["slices"]


def one(**keys: Any) -> list[dict[str, Any]]:
    return [{"start": 1, "end": 3, "type": "PER", **keys}]


@pytest.mark.parametrize(
    ("column", "value", "expected"),
    [
        ("spans", one() + one(start=2, end=4, type="LOC"), "row 8: the entities 1:3 PER and 2:4 LOC overlap"),
        ("spans", one() + one(start=0, end=9), "keep the outer one of nested entities, or the inner one"),
        ("spans", one() * 2, "row 8: the entity 1:3 PER stands there twice"),
        ("said", one() + one(start=2, end=4), "predicted spans column 'said': the row of id 7: the entities"),
        (
            "spans",
            one(end=12),
            "within the 9 tokens of tokens column 'tokens', got one that ends at 12 in row 8",
        ),
        ("said", one(end=12), "predicted spans column 'said': expected entities within the 9 tokens"),
        ("spans", one(start=3), "row 8: expected an entity that ends behind its start, got 3:3"),
        ("spans", one(start=-1), "got -1:3"),
        ("spans", one(type="A;B"), "expected a type such as PER, without ';'"),
        ("spans", [{"start": 1, "type": "PER"}], "without end"),
        ("spans", [{"start": 1, "end": 2}], "without type"),
        ("spans", one(type="each"), "no class or label may be called 'each'"),
        ("spans", None, "row 8: expected a list of entities such as"),
    ],
)
def test_spans_that_are_none_are_told_with_their_row(
    tmp_path: Path, column: str, value: Any, expected: str
) -> None:
    data = told()
    data[column] = [value if place == 7 else old for place, old in enumerate(data[column])]
    with pytest.raises(InputError, match=expected):
        audited(tmp_path, data, data={**SPANS, "tokens": "tokens"}, model={"spans": "said"})


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("[1", "expected a list of entities"),
        ("3", "expected a list of entities"),
        ('{"start": 1}', "list"),
        ("[[1, 2]]", "without start"),
        ('[{"start": 1.5, "end": 2, "type": "PER"}]', "without start"),
        ('[{"start": true, "end": 2, "type": "PER"}]', "without start"),
    ],
)
def test_texts_that_are_no_spans_are_told(tmp_path: Path, value: str, expected: str) -> None:
    data = told()
    data["spans"] = [value if place == 7 else json.dumps(old) for place, old in enumerate(data.spans)]
    with pytest.raises(InputError, match=f"row 8: .*{expected}"):
        audited(tmp_path, data, data=SPANS, model={"spans": "said"})


@pytest.mark.parametrize(
    ("more", "model", "expected"),
    [
        ({"tags": "tags"}, {"spans": "said"}, "got both"),
        ({"scheme": "io"}, {"spans": "said"}, "data.scheme: says how tags are read; spans have none"),
        ({"text": "id", "tokens": "tokens"}, {"spans": "said"}, "leave data.tokens out"),
        ({"text": "id"}, {"spans": "said"}, "text column 'id': expected text, got int64"),
        ({"spans": "id"}, {"spans": "said"}, "expected a list of entities for each row, got int64"),
        ({"spans": "span"}, {"spans": "said"}, "data.spans: no column 'span'"),
        ({}, {"tags": "light"}, "the true entities are told by data.spans; expected model.spans"),
        ({"spans": None, "tags": "tags"}, {"spans": "said"}, "told by data.tags; expected model.tags"),
    ],
)
def test_keys_of_spans_and_tags_that_do_not_go_together_are_told(
    tmp_path: Path, more: dict[str, Any], model: dict[str, Any], expected: str
) -> None:
    data = told()
    with pytest.raises(InputError, match=expected):
        audited(tmp_path, data, task="ner", data={**SPANS, **more}, model=model)


def test_rows_without_tokens_are_counted_and_told(tmp_path: Path) -> None:
    data = rows(60)
    bare = pd.DataFrame([{"id": 100 + i, "text": 99, "group": "ab"[i], "tokens": [], "tags": [], "said": []}
                         for i in range(2)])  # fmt: skip
    data = pd.concat([data, bare])
    run = audited(tmp_path, data, data=DATA, model=MODEL)
    assert run["data"]["rows"] == 62
    assert any("2 rows have no token (the first is row 61)" in text for text in run["data"]["warnings"])
    assert verify(tmp_path / "run").figures == []
    data["tags"] = [tags or None for tags in data.tags]
    with pytest.raises(
        InputError, match="tags column 'tags': expected a list in every row, got none in row 61"
    ):
        audited(tmp_path, data, data=DATA, model=MODEL)


def test_types_of_predictions_are_those_of_the_data(tmp_path: Path, tagged: Any) -> None:
    data = rows(60)
    data["said"] = [
        [tag.replace("PER", "PERSON").replace("LOC", "GPE") for tag in tags] for tags in data.said
    ]
    whole = audited(
        tmp_path, data, data=DATA, model={**MODEL, "types": {"PERSON": "PER", "GPE": "LOC"}},
        variants=[{"name": "persons", "tags": "said", "types": {"PERSON": "PER"}}],
    )  # fmt: skip
    assert whole["variants"][0]["slices"] == tagged["slices"]
    persons = whole["variants"][1]["overall_view_counts"]
    assert persons["PER"] == tagged["overall_view_counts"]["PER"]
    assert persons["LOC"]["tp"] == 0
    assert any("were left out: GPE" in text for text in whole["data"]["warnings"])
