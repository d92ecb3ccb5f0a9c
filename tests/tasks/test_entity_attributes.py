"""Slices by what is known of single entities: what is found, invented and missed adds up to the same."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import fairweigh
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from fairweigh.datasets.errors import InputError
from fairweigh.spans import read
from fairweigh.verification import verify

from .runs import audited, gap, slice_of

DATA = {"tags": "tags", "id": "id", "sensitive": ["group"], "entity_attributes": {"origin": "origin"}}
MODEL = {"tags": "said"}
TAGS = ["B-PER", "I-PER", "O", "B-PER", "O", "B-LOC", "O"]


def rows(n: int = 120, seed: int = 0) -> pd.DataFrame:
    """Sentences of two persons and a place: of persons of the south a third is missed, planted here."""
    draw = np.random.default_rng(seed)
    out = []
    for place in range(n):
        said, first, second = list(TAGS), *draw.choice(["north", "south"], 2)
        if first == "south" and draw.random() < 1 / 3:
            said[0:2] = ["O", "O"]
        if second == "south" and draw.random() < 1 / 3:
            # Marked as another type: it is missed, and what is marked there is invented.
            said[3] = "B-LOC"
        if draw.random() < 0.2:
            said[6] = "B-PER"
        light = list(said)
        if second == "north" and draw.random() < 0.2:
            light[3] = "O"
        out.append((f"s{place}", "ab"[place % 2], TAGS, said, light, [first, second, None]))
    return pd.DataFrame(out, columns=["id", "group", "tags", "said", "light", "origin"])


GATES = [
    {"metric": "entity_recall", "class": "PER", "by": "origin", "compare": "difference", "limit": "<= 0.1"},
    {"metric": "entity_recall", "class": "PER", "by": "origin", "compare": "change", "limit": "<= 0.05",
     "on": "light"},
]  # fmt: skip


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> tuple[pd.DataFrame, Any, Path]:
    data, folder = rows(), tmp_path_factory.mktemp("run")
    result = audited(
        folder, data, data=DATA, model=MODEL, variants=[{"name": "light", "tags": "light"}], gates=GATES
    )
    return data, result, folder


def test_recall_is_that_of_entities_of_the_value_and_all_counts_add_up(found: Any) -> None:
    data, result, _ = found
    whole = result["variants"][0]
    plain = {"PER": [0, 0, 0], "LOC": [0, 0, 0]}
    each: dict[str, list[int]] = {"north": [0, 0], "south": [0, 0]}
    for origin, said in zip(data.origin, data.said, strict=True):
        persons = [said[0:2] == ["B-PER", "I-PER"], said[3] == "B-PER"]
        for value, right in zip(origin[:2], persons, strict=True):
            each[value][0] += right
            each[value][1] += 1
        plain["PER"][0] += sum(persons)
        plain["PER"][1] += said[6] == "B-PER"
        plain["PER"][2] += 2 - sum(persons)
        plain["LOC"][0] += 1
        plain["LOC"][1] += said[3] == "B-LOC"
    counts = whole["overall_view_counts"]
    assert {kind: [c[key] for key in ("tp", "fp", "fn")] for kind, c in counts.items()} == plain
    for value, (right, every) in each.items():
        own = slice_of(whole, origin=value)
        assert own["views"]["PER"]["entity_recall"]["value"] == pytest.approx(right / every)
        # What is marked as a place on a person of this value is invented there; what stands alone is not.
        assert own["view_counts"]["PER"]["fp"] == 0
    wrong = [s for s in (slice_of(whole, origin=value) for value in each) if s["view_counts"]["LOC"]["fp"]]
    assert [s["slice"]["origin"] for s in wrong] == ["south"]
    rest = slice_of(whole, origin="(unknown)")
    assert rest["view_counts"]["LOC"]["tp"] == len(data)
    assert rest["view_counts"]["PER"]["fp"] == plain["PER"][1]
    assert any(
        "are of single entities: 120 rows are counted in" in text for text in result["data"]["warnings"]
    )


def test_slices_by_the_sentence_are_those_without_attributes(found: Any, tmp_path: Path) -> None:
    data, result, _ = found
    plain = {key: value for key, value in DATA.items() if key != "entity_attributes"}
    alone = audited(tmp_path, data, data=plain, model=MODEL)
    for group in "ab":
        one, other = (slice_of(run["variants"][0], group=group) for run in (result, alone))
        assert one["view_counts"] == other["view_counts"]
        # The parts of a sentence are one cluster: limits are those of sentences.
        for name, figure in one["metrics"].items():
            if name != "sentence_match":
                assert figure["value"] == pytest.approx(other["metrics"][name]["value"])
                assert figure["low"] == pytest.approx(other["metrics"][name]["low"], abs=0.02)
    crossed = slice_of(result["variants"][0], group="a", origin="south")
    assert crossed["view_counts"]["PER"]["tp"] > 0


def test_the_planted_bias_fails_and_changes_are_of_the_same_entities(found: Any) -> None:
    data, result, folder = found
    gates = [(g["variant"], g["verdict"]) for g in result["gates"]]
    assert gates[0] == ("original", "fail")
    other = gap(result["variants"][0], "entity_recall", "PER", origin="north")
    assert (other["reference"], other["value"] > 0.2) == ({"origin": "south"}, True)
    change = next(g for g in result["gates"] if g["compare"] == "change")
    # The lighter model loses persons of the north alone: the gap is smaller, which is no harm.
    assert change["verdict"] == "pass"
    assert change["measured"] < -0.05
    kept = pq.read_table(folder / "run" / "predictions" / "original.parquet")
    light = pq.read_table(folder / "run" / "predictions" / "light.parquet")
    assert kept["id"].to_pylist() == light["id"].to_pylist()
    assert kept["id"][0].as_py() == "s0#0"
    assert {*kept["cluster"].to_pylist()} == {*data.id}
    sides = zip(kept["y_true"].to_pylist(), light["y_pred"].to_pylist(), strict=True)
    assert all(isinstance(read(one) + read(other), tuple) for one, other in sides)
    assert verify(folder / "run").figures == []


def test_values_stand_for_each_token_or_in_each_span_too(found: Any, tmp_path: Path) -> None:
    data, result, _ = found
    tokens = data.assign(origin=[[a, a, None, b, "O", "", "_"] for a, b, _ in data.origin])
    expected = result["variants"][0]["slices"]
    assert audited(tmp_path, tokens, data=DATA, model=MODEL)["variants"][0]["slices"] == expected
    places = [(0, 2, "PER"), (3, 4, "PER"), (5, 6, "LOC")]
    spans = [
        [{"start": s, "end": e, "type": t, "of": v} for (s, e, t), v in zip(places, origin, strict=True)]
        for origin in data.origin
    ]

    def marked(tags: list[str]) -> list[dict[str, Any]]:
        from fairweigh.datasets.tags import entities

        return [one._asdict() for one in entities(tags, "iob2", "strict")[0]]

    told = pd.DataFrame({"id": data.id, "group": data.group, "spans": spans, "said": map(marked, data.said)})
    given = {"spans": "spans", "id": "id", "sensitive": ["group"], "entity_attributes": {"origin": "of"}}
    run = audited(tmp_path, told, data=given, model={"spans": "said"})
    assert run["variants"][0]["slices"] == expected


def test_numbers_are_cut_and_values_merged(tmp_path: Path) -> None:
    data = rows(60)
    data["age"] = [[20, 50, None]] * 60
    more = {"entity_attributes": {"age": "age", "origin": "origin"}, "bins": {"age": [30]},
            "merge": {"origin": {"anywhere": ["north", "south"]}}, "sensitive": []}  # fmt: skip
    run = audited(tmp_path, data, data={**DATA, **more}, model=MODEL)
    assert slice_of(run["variants"][0], age="under 30")["n"] == 60
    assert slice_of(run["variants"][0], origin="anywhere", age="30 and over")["n"] == 60
    told = audited(tmp_path, data, data={**DATA, **more}, model=MODEL, slices={"by": ["age"]})
    assert told["data"]["sensitive"] == ["age"]


@pytest.mark.parametrize(
    ("column", "value", "more", "told"),
    [
        (
            "origin",
            ["north"],
            {},
            "of id 's7': expected a value for each of 3 entities, or for each of 7 tokens",
        ),
        ("origin", ["a", "b", None, None, None, None, None], {}, "one value for the tokens of 0:2 PER"),
        ("id", "s7", {"id": None}, "expected data.document, or data.id"),
        ("id", "s7", {"entity_attributes": {"y_pred": "origin"}}, "the name 'y_pred' is reserved"),
        ("id", "s7", {"entity_attributes": {"origin": "from"}}, "origin: no column 'from'"),
        ("id", "s7", {"entity_attributes": {"origin": "group"}}, "or for each of 7 tokens, got 1"),
        ("id", "s6", {}, "1 id of column 'id' occurs more than once, such as 's6'|s6;"),
    ],
)
def test_attributes_that_are_none_are_told(
    tmp_path: Path, column: str, value: Any, more: dict[str, Any], told: str
) -> None:
    data = rows(40)
    data[column] = [value if place == 7 else old for place, old in enumerate(data[column])]
    with pytest.raises(InputError, match=told):
        audited(tmp_path, data, data={**DATA, **more}, model=MODEL)


def test_attributes_belong_to_entities_alone(tmp_path: Path) -> None:
    data = pd.DataFrame({"y": [0, 1] * 20, "p": [0, 1] * 20, "g": ["a", "b"] * 20, "id": range(40)})
    with pytest.raises(InputError, match=r"data.entity_attributes: belongs to task: ner"):
        fairweigh.run(
            {"audit": "x", "task": "binary", "model": {"decision": "p"},
             "data": {"path": "in memory", "label": "y", "id": "id", "entity_attributes": {"g": "g"}}},
            tmp_path / "run", data=data,
        )  # fmt: skip


def test_a_file_of_tokens_has_values_in_a_column(tmp_path: Path) -> None:
    """A CoNLL file with tags, predictions and the origin of each person in columns."""
    lines = ["Ada B-PER B-PER north", "met O O O", "Bo B-PER O south", ""] * 40
    (tmp_path / "x.conll").write_text("\n".join(lines))
    result = fairweigh.run(
        {
            "audit": "x", "task": "ner", "report": {"charts": False},
            "data": {"path": str(tmp_path / "x.conll"), "tokens": "1", "tags": "2", "id": "sentence",
                     "entity_attributes": {"origin": "4"}},
            "model": {"tags": "3"},
        },
        tmp_path / "run",
    )  # fmt: skip
    told = json.loads((tmp_path / "run" / "audit.json").read_text())
    assert told["configuration"]["data"]["sensitive"] == ["origin"]
    recall = {s.slice["origin"]: s.views["PER"]["entity_recall"].value for s in result.variants[0].slices}
    assert {name: recall[name] for name in ("north", "south")} == {"north": 1, "south": 0}
    assert verify(tmp_path / "run").figures == []
