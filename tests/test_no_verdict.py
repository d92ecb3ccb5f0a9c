"""A run without gates has no verdict, wherever a verdict is told: nothing was required, so nothing passed."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

import fairweigh
import pytest

if TYPE_CHECKING:
    import pyarrow as pa
    from fairweigh.result import Result

    from .conftest import Ended


SAID = "– no verdict"


@pytest.fixture
def run(
    here: Path, make_people: Callable[..., pa.Table], make_config: Callable[..., dict[str, Any]]
) -> Callable[..., Result]:
    def do(name: str = "run", **parts: Any) -> Result:
        return fairweigh.run(make_config(**parts), name, data=make_people())

    return do


def test_every_form_of_a_run_without_gates_says_no_verdict(run: Callable[..., Result]) -> None:
    result = run()
    assert result.verdict == "no verdict"
    assert str(result).startswith(SAID)
    assert SAID in result._repr_html_()
    assert SAID in result._repr_markdown_()
    assert json.loads(Path("run/audit.json").read_text())["verdict"] == "no verdict"
    assert f"\n## {SAID}: t\n" in Path("run/summary.md").read_text()
    page, annex = (Path("run", name).read_text() for name in ("report.html", "annex.html"))
    assert "The model: no verdict" in page
    assert "No gate was set: nothing was required, so nothing is proven." in page
    assert 'class="verdict no-verdict"' in page
    for text in (page, annex):
        assert 'class="verdict pass"' not in text
    suite = ElementTree.parse("run/junit.xml").getroot()
    assert (suite.get("tests"), suite.get("skipped"), suite.get("failures")) == ("1", "1", "0")
    assert suite.find("testcase").get("name") == "no verdict"
    assert "– 无判定" in result._repr_html_() or "无判定" in result.to_html(language="zh")


def test_the_commands_exit_with_0_and_say_so(run: Callable[..., Result], cli: Callable[..., Ended]) -> None:
    run()
    ended = cli("gate", "run", "--sarif", "s.json", "--markdown", "c.md")
    assert ended.code == 0
    assert ended.out.startswith(SAID)
    assert json.loads(Path("s.json").read_text())["runs"][0]["properties"]["verdict"] == "no verdict"
    assert cli("verify", "run", "-q").code == 0


def test_two_compared_runs_without_gates_have_no_verdict(run: Callable[..., Result]) -> None:
    run("one")
    run("two")
    assert fairweigh.compare("one", "two").verdict == "no verdict"


def test_a_history_tells_it(run: Callable[..., Result], cli: Callable[..., Ended]) -> None:
    pytest.importorskip("sqlalchemy")
    run(history="sqlite:///h.db")
    ended = cli("history", "t", "--db", "sqlite:///h.db")
    assert "no verdict" in ended.out
    assert " pass " not in ended.out


def test_gates_that_bind_nothing_give_no_verdict_either() -> None:
    from fairweigh.audit.verdict.gate import run_verdict

    class Found:
        verdict, binding = "fail", False

    assert run_verdict([Found()]) == "no verdict"  # type: ignore[list-item]


def test_with_a_gate_the_verdict_is_its_own(run: Callable[..., Result]) -> None:
    gate = {"metric": "accuracy", "limit": ">= 0"}
    assert run(gates=[gate]).verdict == "pass"


def test_labels_alone_speak_of_no_model(run: Callable[..., Result]) -> None:
    """No model and no decision: the tables show base rates: no sentence says that nothing was compared."""
    result = run(model=None, metrics=None)
    page, annex = (Path("run", name).read_text() for name in ("report.html", "annex.html"))
    assert "Base rate difference" in annex or "label statistical parity" in annex
    assert "the pages by feature show how many of each slice carry the positive label. Nothing here" in page
    assert re.sub("<[^>]+>", "", page).count("Base rate: points from the reference") >= 2, "and they do"
    for text in (page, annex):
        for wrong in ("was looked at", "of this model", "the model decides for"):
            assert wrong not in text
    assert "The data: no verdict." in str(result)
