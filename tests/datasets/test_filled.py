"""Names in templates: sentences that differ in the name alone, each name a cluster."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import fairweigh
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fairweigh.audit.config import read
from fairweigh.datasets.errors import InputError
from fairweigh.datasets.filled import filled, templates_of
from fairweigh.verification import verify

TEMPLATES = ["{name} called.", "We met Dr. {name}'s sister in Rome!"]
NAMES = "name,origin,kind\nAda,north,first\nBo Li,south,first\nCy,,first\nDo,south,last\n"


@pytest.fixture
def names(tmp_path: Path) -> Path:
    path = tmp_path / "names.csv"
    path.write_text(NAMES)
    return path


def test_every_name_stands_in_every_template(names: Path) -> None:
    table = filled(names, "name", ["origin"], TEMPLATES, "PER", where={"kind": ["first"]})
    rows = table.to_pylist()
    assert len(rows) == 6
    assert rows[2]["tokens"] == ["Bo", "Li", "called", "."]
    assert rows[2]["tags"] == ["B-PER", "I-PER", "O", "O"]
    assert rows[1]["tokens"] == ["We", "met", "Dr", ".", "Ada", "'s", "sister", "in", "Rome", "!"]
    assert rows[1]["tags"].index("B-PER") == 4
    assert [row["origin"] for row in rows[::2]] == ["north", "south", None]
    assert len({row["id"] for row in rows}) == 6
    assert (
        filled(names, "name", ["origin"], TEMPLATES, "PER", "io").to_pylist()[2]["tags"][:2] == ["I-PER"] * 2
    )


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"column": "nam"}, "data.counterfactual.name: no column 'nam'"),
        ({"by": ["region"]}, "data.counterfactual.by: no column 'region'"),
        ({"by": ["name"]}, "no column may be called 'name'"),
        ({"where": {"kind": ["middle"]}}, "no name of .* has kind: middle"),
        ({"where": {"sort": ["first"]}}, "data.counterfactual.where: no column 'sort'"),
        ({"templates": ["Nobody called."]}, "once in every template, got 0 in number 1, 'Nobody called.'"),
        ({"templates": ["{name}", "{name} and {name}"]}, "got 2 in number 2"),
    ],
)
def test_names_and_templates_that_do_not_fit_are_told(names: Path, more: Any, told: str) -> None:
    given: dict[str, Any] = {"column": "name", "by": ["origin"], "templates": TEMPLATES, "kind": "PER"}
    with pytest.raises(InputError, match=told):
        filled(names, **{**given, **more})


def test_templates_may_stand_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "t.txt").write_text("{name} called.\n\n  {name} left.\n")
    assert templates_of(tmp_path / "t.txt") == ["{name} called.", "{name} left."]
    with pytest.raises(InputError, match="expected a list, or a text file of lines"):
        templates_of(tmp_path / "none.txt")


def content(**more: Any) -> dict[str, Any]:
    swapped = {
        "names": "names.csv",
        "by": "origin",
        "where": {"kind": "first"},
        "templates": TEMPLATES,
        **more,
    }
    return {
        "audit": "names", "task": "ner", "report": {"charts": False}, "data": {"counterfactual": swapped},
        "model": {"path": "said.parquet", "tags": "said"}, "slices": {"min_size": 1},
    }  # fmt: skip


def test_an_audit_of_names_has_names_as_clusters(here: Path) -> None:
    """The model finds Ada alone: it is given as predictions, joined by the ids of the sentences."""
    Path("names.csv").write_text(NAMES)
    table = filled(Path("names.csv"), "name", ["origin"], TEMPLATES, "PER", where={"kind": ["first"]})
    said = [
        tags if name == "Ada" else ["O"] * len(tags)
        for name, tags in zip(table["name"].to_pylist(), table["tags"].to_pylist(), strict=True)
    ]
    pq.write_table(pa.table({"id": table["id"], "said": said}), "said.parquet")
    fairweigh.run(content(), "run")
    told = json.loads(Path("run/audit.json").read_text())
    assert (told["data"]["rows"], told["data"]["cluster"], told["data"]["sensitive"]) == (
        6,
        "name",
        ["origin"],
    )
    recall = {
        next(iter(s["slice"].values())): s["metrics"]["entity_recall"]["value"]
        for s in told["variants"][0]["slices"]
    }
    assert recall == {"north": 1, "south": 0, "(unknown)": 0}
    assert verify(Path("run")).figures == []
    # What a run keeps of its configuration is read as the same one.
    assert read(told["configuration"]).data.filled is not None


@pytest.mark.parametrize(
    ("data", "told"),
    [
        ({"path": "x.csv"}, "the sentences are made of names; leave path and name out"),
        ({"label": "origin"}, "data.label: belongs to task"),
    ],
)
def test_keys_that_names_leave_no_place_for_are_told(here: Path, data: Any, told: str) -> None:
    Path("names.csv").write_text(NAMES)
    made = content()
    made["data"] |= data
    with pytest.raises(InputError, match=told):
        fairweigh.run(made, "run")
