"""A chart never costs a run: the engine ends in a process of its own, and the report says so."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from fairweigh.reports.drawing.engine import ENGINE, Engine, UndrawableError

if TYPE_CHECKING:
    import pyarrow as pa

    from ..conftest import Ended


SPEC = {
    "data": {"values": [{"a": 1, "b": 2}]}, "mark": "point",
    "encoding": {"x": {"field": "a", "type": "quantitative"}, "y": {"field": "b", "type": "quantitative"}},
}  # fmt: skip
SENTENCE = "The charts could not be drawn on this machine; the tables hold the same figures."
ADDRESSES = 3_000_000 * 1024
"""Bytes, as ``ulimit -v 3000000`` sets them: the engine reserves more, all else needs less."""


def test_the_engine_draws_the_same_twice_and_goes_on_after_a_fault() -> None:
    once = ENGINE.svg(SPEC)
    assert once.startswith("<svg")
    with pytest.raises(UndrawableError):
        ENGINE.svg({"mark": 7})
    assert ENGINE.svg(SPEC) == once


def test_an_engine_that_is_gone_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Engine()
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(
        UndrawableError, match=r"the chart engine does not work here: (it ended|\[Errno 32\])"
    ):
        engine.svg(SPEC)
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with pytest.raises(UndrawableError, match="No such file"):
        engine.svg(SPEC)


def test_an_engine_that_hangs_is_ended(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("fairweigh.reports.drawing.engine.SECONDS", 0.3)
    script = tmp_path / "hangs"
    script.write_text("#!/bin/sh\nexec sleep 60\n")
    script.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(script))
    with pytest.raises(UndrawableError, match="it ended with code -9"):
        Engine().svg(SPEC)


def test_an_audit_with_few_addresses_keeps_its_run_and_says_that_it_has_no_charts(
    write: Callable[..., None],
    make_people: Callable[..., pa.Table],
    make_config: Callable[..., dict[str, Any]],
    here: Path,
) -> None:
    """Of batch clusters: in the process of the run the engine ended it with code 133, and all was lost."""
    gates = [{"metric": "selection_rate", "by": "sex", "compare": "difference", "limit": "<= 0.9"}]
    write(make_people(), make_config(report={"charts": True}, gates=gates))
    done = subprocess.run(
        [sys.executable, "-m", "fairweigh", "audit", "a.yaml", "-q"],
        capture_output=True, text=True, check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (ADDRESSES, ADDRESSES)),
    )  # fmt: skip
    assert done.returncode == 0, done
    assert done.stderr.startswith(
        "fairweigh: the report has no charts: the chart engine does not work here: "
    )
    assert len(done.stderr.splitlines()) == 1
    page = Path("runs/t/annex.html").read_text(encoding="utf-8")
    assert SENTENCE in page
    assert "<svg" not in page
    assert json.loads(Path("runs/t/audit.json").read_text())["verdict"] == "pass"


def test_the_report_without_an_engine_can_be_rendered_again_anywhere(
    write: Callable[..., None],
    make_people: Callable[..., pa.Table],
    make_config: Callable[..., dict[str, Any]],
    audited: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from fairweigh.api import load_result
    from fairweigh.reports.page.html import render_annex

    audited(make_config(), make_people())
    result = load_result("runs/t")
    told: list[str] = []

    def gone(spec: Any) -> None:
        raise UndrawableError("gone")

    monkeypatch.setattr(ENGINE, "svg", gone)
    page = render_annex(result, tell=told.append)
    assert told == ["the report has no charts: gone"]
    assert page == render_annex(result, drawn=False)
    assert SENTENCE in page
    assert SENTENCE not in render_annex(result, charts=False)
    assert "这台机器上无法绘制图表" in render_annex(result, language="zh", drawn=False)


def test_a_comparison_says_on_the_terminal_that_it_has_no_charts(
    write: Callable[..., None],
    make_people: Callable[..., pa.Table],
    make_config: Callable[..., dict[str, Any]],
    cli: Callable[..., Ended],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    write(make_people(), make_config(report={"charts": True}))
    for name in ("one", "two"):
        assert cli("audit", "a.yaml", "-q", "-o", name, "--set", "report.charts=false").code == 0
    assert cli("audit", "a.yaml", "-q", "-o", "drawn").code == 0

    def gone(spec: Any) -> None:
        raise UndrawableError("gone")

    monkeypatch.setattr(ENGINE, "svg", gone)
    ended = cli("compare", "one", "drawn", "-o", "both", "-q")
    assert (ended.code, ended.lines) == (0, ["fairweigh: the report has no charts: gone"])
    assert SENTENCE in Path("both/annex.html").read_text(encoding="utf-8")
    assert cli("compare", "one", "two", "-o", "neither", "-q").lines == []
