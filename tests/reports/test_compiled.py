"""Templates that stay compiled between processes."""

from __future__ import annotations

from pathlib import Path

import pytest
from fairweigh.reports.page.compiled import Compiled
from jinja2 import FileSystemLoader


def environment(folder: Path, doubled: str) -> Compiled:
    made = Compiled(folder, loader=FileSystemLoader(folder), autoescape=True)
    made.filters["double"] = lambda text: doubled
    return made


@pytest.fixture
def templates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("sys.dont_write_bytecode", False)
    monkeypatch.setattr("sys.pycache_prefix", None)
    (tmp_path / "page.j2").write_text("a constant: {{ 'b' | double }} {{ 1 < 2 }}")
    return tmp_path


def test_compiled_templates_are_kept_and_hold_nothing_of_a_filter(templates: Path) -> None:
    assert environment(templates, "<bb>").get_template("page.j2").render() == "a constant: &lt;bb&gt; True"
    (kept,) = (templates / "__pycache__").iterdir()
    before = kept.stat().st_mtime_ns
    assert environment(templates, "zwei").get_template("page.j2").render() == "a constant: zwei True"
    assert kept.stat().st_mtime_ns == before


def test_a_changed_template_is_compiled_again(templates: Path) -> None:
    environment(templates, "bb").get_template("page.j2").render()
    (templates / "page.j2").write_text("another")
    assert environment(templates, "bb").get_template("page.j2").render() == "another"


def test_where_nothing_can_be_kept_pages_are_written_all_the_same(
    templates: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (templates / "__pycache__").write_text("in the way")
    assert environment(templates, "bb").get_template("page.j2").render() == "a constant: bb True"
    (templates / "__pycache__").unlink()
    monkeypatch.setattr("sys.dont_write_bytecode", True)
    assert environment(templates, "bb").get_template("page.j2").render() == "a constant: bb True"
    assert not (templates / "__pycache__").exists()
