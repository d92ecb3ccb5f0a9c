"""The user's names for slices: which are refused, which are told, and where they are used."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import fairweigh
import pandas as pd
import pytest
from fairweigh.audit.config import Config
from fairweigh.datasets.errors import InputError
from fairweigh.reports.plain.annotations import render_annotations
from fairweigh.reports.plain.text import render_text
from fairweigh.reports.words.language import Called, writing
from fairweigh.reports.words.translated import translated
from fairweigh.told import tell
from pydantic import ValidationError

ROWS = pd.DataFrame(
    {
        "sex": ["F"] * 60 + ["M"] * 60,
        "a=b": ["x", "y"] * 60,
        "y": [i % 3 == 0 for i in range(120)],
        "yes": [i % 2 == 0 if i < 60 else i % 3 > 0 for i in range(120)],
    }
)
GATE = {"metric": "selection_rate", "by": "sex", "compare": "difference", "limit": "<= 0.1"}


def configured(labels: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "audit": "named",
        "data": {"path": "rows.csv", "label": "y", "sensitive": ["sex", "a=b"]},
        "model": {"decision": "yes"},
        "gates": [GATE],
        "report": {"labels": dict(labels)},
        **more,
    }


@pytest.mark.parametrize(
    ("labels", "told"),
    [
        ({"sex=F": "people", "sex=M": "people"}, "'sex=F' and 'sex=M' are both called 'people'"),
        ({"sex=F": "people", "sex=M": "People "}, "'sex=F' and 'sex=M' are both called 'People '"),
        ({"sex=F": "M", "sex=M": "F"}, "'sex=F' is called 'M', as is the slice 'sex=M' of the data"),
        ({"sex=F": "(unknown)"}, "'sex=F' is called '(unknown)', as is the slice 'sex=(unknown)'"),
        ({"gender=F": "women"}, "'gender=F': 'gender' is no known sensitive feature"),
        ({"sex=F": ""}, "'sex=F': expected a name, got a blank"),
        ({"sex=F": " \u00a0"}, "'sex=F': expected a name, got a blank"),
        ({"sex=F": "x" * 101}, "'sex=F': expected a name of at most 100 characters, got 101"),
        ({"sex=F": "wo\nmen"}, r"'sex=F': expected a name in one line, without U+000A, got 'wo\nmen'"),
        ({"sex=F": "\u202ewomen"}, "expected a name in one line, without U+202E"),
        ({"sex": "women"}, "'sex': expected feature=value, such as sex=Female"),
    ],
)
def test_a_name_that_misleads_is_refused_before_anything_is_read(labels: dict[str, str], told: str) -> None:
    with pytest.raises(ValidationError, match=re.escape(told)):
        Config.model_validate(configured(labels))


def test_a_name_is_text(here: Path, cli: Callable[..., Any]) -> None:
    Path("audit.yaml").write_text(
        "audit: n\ndata: {path: rows.csv, label: y, sensitive: [sex]}\nmodel: {decision: yes}\n"
        "report: {labels: {sex=F: 5}}\n",
        encoding="utf-8",
    )
    ended = cli("audit", "audit.yaml")
    assert ended.code == 2
    (line,) = ended.err.strip().splitlines()
    assert "report.labels.sex=F: input should be a valid string, got 5" in line


def test_a_feature_of_a_card_is_known_before_its_data_are() -> None:
    found = {"audit": "n", "data": {"name": "adult"}, "model": {"decision": "yes"}}
    Config.model_validate({**found, "report": {"labels": {"sex=Female": "women"}}})
    with pytest.raises(ValidationError, match="'gender' is no known sensitive feature; did you mean"):
        Config.model_validate({**found, "report": {"labels": {"gender=Female": "women"}}})


@pytest.mark.parametrize("unit", ["", "x" * 101, "people\nand"])
def test_a_unit_is_a_name_too(unit: str) -> None:
    with pytest.raises(ValidationError, match=r"report\.unit"):
        Config.model_validate(configured({}) | {"report": {"unit": unit}})


@pytest.mark.parametrize("title", ["", " \t"])
def test_a_blank_title_is_refused(title: str) -> None:
    with pytest.raises(ValidationError, match=r"report\.title\s.*expected a title, got a blank"):
        Config.model_validate(configured({}) | {"report": {"title": title}})


def test_check_says_that_it_has_not_seen_the_values(here: Path, cli: Callable[..., Any]) -> None:
    told = "whether report.labels fit the values of the data, audit says"
    for labels, expected in (("{}", False), ("{sex=F: M}", True)):
        Path("audit.yaml").write_text(
            "audit: n\ndata: {path: rows.csv, label: y, sensitive: [sex]}\nmodel: {decision: yes}\n"
            f"report: {{labels: {labels}}}\n",
            encoding="utf-8",
        )
        ended = cli("check", "audit.yaml")
        assert ended.code == 0
        assert (told in ended.out) == expected


def test_the_name_of_another_slice_is_refused_where_the_data_have_it(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="'sex=F' is called 'M', as is the slice 'sex=M' of the data"):
        fairweigh.run(configured({"sex=F": "M"}), tmp_path / "run", data=ROWS)
    # A name that is the value itself misleads nobody.
    fairweigh.run(configured({"sex=F": "F", "sex=M": "men"}), tmp_path / "run", data=ROWS)


def test_a_name_of_no_slice_is_a_note(tmp_path: Path) -> None:
    labels = {"sex=F": "women", "sex=X": "others", "sex=f ": "girls", "a=b=x": "the x"}
    found = fairweigh.run(configured(labels), tmp_path / "run", data=ROWS)
    said = [text for text in found.data.warnings if "report.labels" in text]
    assert said == ["report.labels names sex=X, and no row has this value.",
                    "report.labels names sex=f , and no row has this value."]  # fmt: skip
    page = (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    assert "report.labels names" in page
    assert "report.labels names" in (tmp_path / "run" / "summary.md").read_text(encoding="utf-8").replace(
        "&#46;", "."
    )
    assert "the x" in page, "a feature's name may hold an equals sign"


def test_a_value_that_is_nearly_one_of_the_data_is_asked_about(tmp_path: Path) -> None:
    rows = ROWS.replace({"F": "Female", "M": "Male"})
    found = fairweigh.run(configured({"sex=female": "women"}), tmp_path / "run", data=rows)
    told = "report.labels names sex=female, and no row has this value; was sex=Female meant?"
    assert told in found.data.warnings


def test_names_stand_wherever_a_slice_is_named(tmp_path: Path) -> None:
    rows = ROWS.assign(score=ROWS["yes"] * 0.5 + 0.25, other=ROWS["yes"][::-1].to_numpy())
    config = configured({"sex=F": "<b>w*men</b>", "sex=M": "men"}, model={"score": "score"}) | {
        "variants": [{"name": "later", "decision": "other"}],
    }
    found = fairweigh.run(config, tmp_path / "run", data=rows)
    run = tmp_path / "run"
    for name in ("report.html", "annex.html"):
        text = (run / name).read_text(encoding="utf-8")
        assert "<b>w*men" not in text, f"{name}: it is text, no markup"
        told = re.sub(r"<pre>.*?</pre>", "", text, flags=re.S)
        assert "sex=F" not in re.sub(r'(data-[a-z]+|value)="[^"]*"', "", told), name
    summary = (run / "summary.md").read_text(encoding="utf-8")
    assert "&#60;b&#62;w&#42;men" in summary
    assert "sex=F" not in summary
    assert "sex=F" not in render_text(found)
    assert "sex=F" not in render_annotations(found, {})


def test_a_text_of_the_audit_calls_a_slice_by_its_name() -> None:
    text = tell("the reference {slice} is 0", slice="sex=F & a=b")
    with writing("en", Called({"sex=F": "women"})):
        assert "".join(translated(text)) == "the reference women & a=b is 0"
        assert "".join(translated(tell("{n} rows", n=3))) == "3 rows"
    with writing("en"):
        assert "".join(translated(text)) == "the reference sex=F & a=b is 0"
