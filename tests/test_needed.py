"""What draws and what translates is no part of the base install: audits without it, what is said of it."""

from __future__ import annotations

import configparser
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import fairweigh
import pytest
from fairweigh.datasets.errors import InputError
from fairweigh.needed import DRAWING, WRITING
from fairweigh.verification import verify

from .conftest import configured, people

ROOT = Path(__file__).parent.parent
ABSENT = (*DRAWING, *WRITING)
# `None` is how Python itself says that a module is not to be found.
WITHOUT = f"import sys; sys.modules.update(dict.fromkeys({ABSENT!r})); from fairweigh.cli import main; main()"


def run_without(folder: Path, *args: Any) -> subprocess.CompletedProcess[Any]:
    command = [sys.executable, "-c", WITHOUT, *args]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    import pyarrow.parquet as pq

    pq.write_table(people(), tmp_path / "d.parquet")
    for name, report in (
        ("plain", {"charts": False}),
        ("drawn", {}),
        ("zh", {"charts": False, "language": "zh"}),
    ):
        (tmp_path / f"{name}.yaml").write_text(json.dumps(configured(report=report)))
    return tmp_path


def test_an_audit_without_charts_needs_none_of_them(folder: Path) -> None:
    done = run_without(folder, "audit", "plain.yaml", "-q", "-o", "run")
    assert (done.returncode, done.stderr) == (0, "")
    for args in (["verify", "run"], ["report", "run"], ["gate", "run", "-q"]):
        again = run_without(folder, *args)
        assert "Traceback" not in again.stderr
        assert "needs the package" not in again.stderr + again.stdout
    found = verify(folder / "run")
    assert [*found.files, *found.figures, *found.pages] == []
    assert found.rendered


@pytest.mark.parametrize(
    ("name", "told"),
    [
        (
            "drawn",
            'report: a report with charts needs the package altair: pip install "fairweigh[charts]", or set '
            "report.charts: false",
        ),
        (
            "zh",
            'report: a report in zh needs the package babel: pip install "fairweigh[chinese]", or set '
            "report.language: en",
        ),
    ],
)
def test_what_a_report_lacks_is_one_line_before_anything_is_computed(
    folder: Path, name: str, told: str
) -> None:
    done = run_without(folder, "audit", f"{name}.yaml", "-o", "run")
    assert done.returncode == 2
    assert done.stderr.strip() == f"fairweigh: {told}"
    assert not (folder / "run").exists()


def test_pages_that_cannot_be_rendered_again_are_no_accusation(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fairweigh.run(configured(report={"charts": True}), folder / "run", data=people())
    monkeypatch.setitem(sys.modules, "altair", None)
    found = verify(folder / "run")
    assert [*found.files, *found.figures, *found.pages] == []
    assert not found.rendered
    assert any(
        "the pages, which cannot be rendered again here: a report with charts" in n for n in found.unproven
    )
    with pytest.raises(InputError, match=r"report\.charts: false"):
        fairweigh.load_result(folder / "run").to_html()
    assert "<svg" not in fairweigh.load_result(folder / "run").to_html(charts=False, annex=True)


def test_the_base_install_has_none_of_them_and_each_extra_says_so() -> None:
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    packages = {"altair": "altair", "vl_convert": "vl-convert-python", "babel": "Babel"}
    assert set(packages) == set(ABSENT)
    for module, extra in (DRAWING | WRITING).items():
        assert packages[module] not in setup["options"]["install_requires"]
        assert packages[module] in setup["options.extras_require"][extra]
        assert packages[module] in setup["options.extras_require"]["dev"]
