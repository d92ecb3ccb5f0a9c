"""The command line's manners: exit codes, what is printed where, and the same from Python."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

import fairweigh
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

if TYPE_CHECKING:
    from .conftest import Ended


PASS = {"metric": "accuracy", "limit": ">= 0"}
FAIL = {"metric": "accuracy", "limit": ">= 1"}
OPEN = {"metric": "accuracy", "limit": ">= 0.5", "decide": "proven"}


@pytest.mark.parametrize(
    ("gates", "code"),
    [([], 0), ([PASS], 0), ([PASS, FAIL], 1), ([PASS, OPEN], 3), ([OPEN, FAIL], 1)],
)
def test_the_exit_code_is_the_verdicts(
    gates: Any,
    code: int,
    cli: Callable[..., Ended],
    write: Callable[..., None],
    make_config: Callable[..., dict[str, Any]],
    make_people: Callable[..., pa.Table],
) -> None:
    write(
        make_people(y=[0, 1] * 100, approved=[0, 0, 1, 1] * 50),
        make_config(model={"decision": "approved"}, gates=gates),
    )
    ended = cli("audit", "a.yaml", "-q")
    assert ended.code == code, ended
    assert ended.out == ended.err == ""
    assert cli("gate", "runs/t", "-q").code == code
    lenient = cli("gate", "runs/t", "--allow-inconclusive")
    assert lenient.code == (0 if code == 3 else code)
    assert cli("audit", "a.yaml", "-q", "-o", "b", "--allow-inconclusive").code == (0 if code == 3 else code)


SMALL = {"sex": ["Female"] * 28 + ["Male"] * 20}


@pytest.mark.parametrize("metric", ["error_rate", "selection_rate", "precision"])
@pytest.mark.parametrize("decided", [None, 0])
def test_gates_over_slices_that_are_all_small_are_errors_of_a_report_that_is_there(
    metric: str,
    decided: int | None,
    cli: Callable[..., Ended],
    write: Callable[..., None],
    make_config: Callable[..., dict[str, Any]],
    make_people: Callable[..., pa.Table],
) -> None:
    """28 and 20 of 48 rows are both below min_size: a ratio has nothing to judge, as a difference has not."""
    gate = {"metric": metric, "by": "sex"}
    forms = [{"compare": "ratio", "limit": ">= 0.8"}, {"compare": "difference", "limit": "<= 0.1"}]
    gates = [{**gate, **form, "reference": to} for form in forms for to in ("largest", "highest", "lowest")]
    gates += [{**gate, **form, "decide": "point"} for form in forms]
    columns = SMALL if decided is None else {**SMALL, "approved": [decided] * 48}
    table, model = make_people(48, **columns), {"decision": "approved"}
    write(table, make_config(model=model, data={"sensitive": ["sex"]}, metrics=None, gates=gates))
    assert cli("audit", "a.yaml", "-q").code == 2
    result = fairweigh.load_result("runs/t")
    assert {gate.verdict for gate in result.gates} == {"error"}
    assert {gate.why.partition(":")[0] for gate in result.gates} <= {"No slice is left to judge"}
    assert Path("runs/t/report.html").exists()
    assert cli("verify", "runs/t", "-q").code == 0


def test_a_gate_whose_metric_is_undefined_is_an_error_never_a_pass(
    cli: Callable[..., Ended],
    write: Callable[..., None],
    make_config: Callable[..., dict[str, Any]],
    make_people: Callable[..., pa.Table],
) -> None:
    gate = {"metric": "precision", "limit": ">= 0.1"}
    write(make_people(approved=[0] * 200), make_config(model={"decision": "approved"}, gates=[gate]))
    ended = cli("audit", "a.yaml", "-q", "--allow-inconclusive")
    assert ended.code == 2
    result = fairweigh.load_result("runs/t")
    assert result.verdict == "error"
    assert "the denominator" in result.gates[0].why


def test_an_audit_prints_its_verdict_and_where_the_report_is(
    cli: Callable[..., Ended],
    write: Callable[..., None],
    make_config: Callable[..., dict[str, Any]],
    make_people: Callable[..., pa.Table],
) -> None:
    write(make_people(), make_config(gates=[FAIL]))
    ended = cli("audit", "a.yaml", "-o", "out/run")
    assert ended.code == 1
    assert "fail" in ended.out
    assert "report: out/run/report.html" in ended.out
    assert all(line.startswith("fairweigh: ") for line in ended.lines)


@pytest.mark.parametrize(
    "args", [["audit"], ["audit", "a", "b"], ["audit", "--no-such"], ["nothing"], ["schema", "x"], ["gate"]]
)
def test_bad_usage_is_one_line_and_exit_code_two(args: list[Any], cli: Callable[..., Ended]) -> None:
    ended = cli(*args)
    assert ended.code == 2
    assert len(ended.lines) == 1
    assert ended.err.startswith("fairweigh: ")


def test_help_and_version_are_no_errors(cli: Callable[..., Ended]) -> None:
    assert "audit" in cli("--help").out
    assert cli("--version").out == f"fairweigh {fairweigh.__version__}\n"
    assert cli("audit", "--help").code == 0


def test_a_limit_of_either_side_is_set_as_it_is_written(
    cli: Callable[..., Ended],
    write: Callable[..., None],
    make_config: Callable[..., dict[str, Any]],
    make_people: Callable[..., pa.Table],
) -> None:
    write(
        make_people(y=[0, 1] * 100, approved=[0, 1] * 100),
        make_config(model={"decision": "approved"}, gates=[PASS]),
    )
    for setting, code in (
        ("gates.0.limit=>= 1", 0),
        ("gates.0.limit=<= 0.5", 1),
        ("gates.0.limit=> 99 %", 0),
    ):
        assert cli("audit", "a.yaml", "-q", "--set", setting, "-o", f"r{code}{len(setting)}").code == code
    inside = cli("audit", "a.yaml", "-q", "-o", "r018/again")
    assert inside.code == 2
    assert "stays as it was written" in inside.err


def test_the_command_of_a_run_can_be_pasted_into_a_shell(
    cli: Callable[..., Ended],
    write: Callable[..., None],
    make_config: Callable[..., dict[str, Any]],
    make_people: Callable[..., pa.Table],
) -> None:
    write(make_people(), make_config())
    assert cli("audit", "a.yaml", "-q", "--set", "report={charts: false, title: 'a b'}").code == 0
    result = fairweigh.load_result("runs/t")
    assert result.title == "a b"
    words = subprocess.run(
        ["/bin/sh", "-c", f'for w in {result.environment.command}; do echo "$w"; done'],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    assert words == ["fairweigh", "audit", "a.yaml", "--set", "report={charts: false, title: 'a b'}"]


def test_a_verdict_is_printed_where_the_terminal_knows_no_such_letters(
    write: Callable[..., None],
    make_config: Callable[..., dict[str, Any]],
    make_people: Callable[..., pa.Table],
    here: Path,
) -> None:
    gate = {**FAIL, "by": "sex", "decide": "point"}
    write(make_people(sex=["Ж😀", "m"] * 100), make_config(gates=[gate]))
    ended = subprocess.run(
        [sys.executable, "-m", "fairweigh", "audit", "a.yaml"],
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
        cwd=here,
        capture_output=True,
        check=False,
    )
    assert ended.returncode == 1, ended.stderr
    assert b"Traceback" not in ended.stderr
    assert b"fail" in ended.stdout


# --- from Python -----------------------------------------------------------------------------------------


def test_python_audits_a_table_and_a_callable(
    make_config: Callable[..., dict[str, Any]], make_people: Callable[..., pa.Table], here: Path
) -> None:
    seen = []

    def model(rows: Any) -> Any:
        seen.append(list(rows.columns))
        return rows["x"].to_numpy() > 0

    config = make_config(model=None, gates=[PASS])
    result = fairweigh.run(config, "out", data=make_people(), model=model)
    assert result.verdict == "pass"
    assert result.data.rows == 200
    assert seen == [["age", "x", "job", "score", "approved", "w"]]
    assert fairweigh.load_result("out") == result
    expected = np.mean((make_people()["x"].to_numpy() > 0) == make_people()["y"].to_numpy())
    assert result.variants[0].overall["accuracy"].value == pytest.approx(expected)


def test_python_raises_one_error_for_bad_input(
    make_config: Callable[..., dict[str, Any]], make_people: Callable[..., pa.Table], here: Path
) -> None:
    with pytest.raises(fairweigh.InputError, match="no column 'Y'"):
        fairweigh.run(make_config(data={"label": "Y"}), data=make_people())
    with pytest.raises(fairweigh.InputError, match="expected a pandas, polars or pyarrow table, got list"):
        fairweigh.run(make_config(), data=make_people().to_pylist())
    config = make_config()
    config["data"] = {"name": "synthetic_lending"}
    with pytest.raises(fairweigh.InputError, match="got the dataset card 'synthetic_lending'"):
        fairweigh.run(config, data=make_people())
    with pytest.raises(fairweigh.InputError, match="no rows to audit"):
        fairweigh.run(make_config(), data=make_people(0))
    assert list(here.iterdir()) == []


def test_python_joins_predictions_to_an_empty_table_without_a_traceback(
    make_config: Callable[..., dict[str, Any]], make_people: Callable[..., pa.Table], here: Path
) -> None:
    pq.write_table(make_people(), "p.parquet")
    with pytest.raises(fairweigh.InputError, match="no rows to audit"):
        fairweigh.run(make_config(model={"path": "p.parquet", "score": "score"}), data=make_people(0))


def test_python_takes_a_table_of_many_chunks(
    make_config: Callable[..., dict[str, Any]], make_people: Callable[..., pa.Table], here: Path
) -> None:
    whole = make_people()
    chunked = pa.concat_tables([whole.slice(0, 50), whole.slice(50, 1), whole.slice(51)])
    one = fairweigh.run(make_config(), "one", data=whole)
    two = fairweigh.run(make_config(), "two", data=chunked)
    assert one.variants == two.variants


# --- hostile names ---------------------------------------------------------------------------------------

HOSTILE = [
    "<script>alert(1)</script>",
    "</title><img src=x onerror=alert(1)>",
    "\"quoted\" & 'single'",
    "two\nlines",
    "tab\there",
    "a|b|c",
    "`code` **bold** [link](javascript:alert(1)) <!-- x",
    "😀👩‍👩‍👧",
    "שלום ‮desrever‬",
    "{{ 7 * 7 }}{% raw %}",
    "]]>",
    "bell\x07 and escape \x1b[31m",
    "x" * 300,
    " ",
    "=cmd()",
    "null",
    "\\u0041\\",
]


class Page(HTMLParser):
    """What a browser makes of a page: its tags, and the text outside scripts and styles."""

    def __init__(self, text: Any) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[Any] = []
        self.text: list[Any] = []
        self._open: list[Any] = []
        self.feed(text)

    def handle_starttag(self, tag: Any, attrs: Any) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag in ("script", "style"):
            self._open.append(tag)

    def handle_endtag(self, tag: Any) -> None:
        if self._open and self._open[-1] == tag:
            self._open.pop()

    def handle_data(self, data: Any) -> None:
        if not self._open:
            self.text.append(data)


@pytest.fixture
def hostile_run(
    cli: Callable[..., Ended],
    write: Callable[..., None],
    make_config: Callable[..., dict[str, Any]],
    make_people: Callable[..., pa.Table],
) -> Callable[..., Path]:
    def do(column: str, values: list[Any], charts: bool) -> Path:
        n = 40 * len(values)
        table = make_people(n)
        table = table.append_column(column, pa.array(list(values) * 40))
        gates = [
            {"id": column, "metric": "accuracy", "by": column, "limit": ">= 0.9", "decide": "point"},
            {"metric": "selection_rate", "by": column, "compare": "ratio", "limit": ">= 0.8"},
        ]
        config = make_config(
            data={"sensitive": [column, "sex"], "missing": {"keep": ["null"]}},
            gates=gates,
            report={"title": values[0], "charts": charts},
            slices={"intersections": 2},
        )
        write(table, config)
        ended = cli("audit", "a.yaml")
        assert ended.code == 1, ended
        assert "Traceback" not in ended.err
        assert cli("verify", "runs/t").code == 0
        return Path("runs/t")

    return do


@pytest.mark.parametrize("charts", [False, True])
def test_hostile_slice_names_are_text_in_every_report(charts: bool, hostile_run: Callable[..., Path]) -> None:
    run = hostile_run("who", HOSTILE, charts)
    _is_harmless(run, HOSTILE)


@pytest.mark.parametrize("column", HOSTILE)
def test_a_hostile_column_name_is_text_in_every_report(column: str, hostile_run: Callable[..., Path]) -> None:
    run = hostile_run(column, ["a", "b"], False)
    _is_harmless(run, [column])


def _is_harmless(run: Path, names: list[Any]) -> None:
    page = Page((run / "report.html").read_text(encoding="utf-8"))
    for tag, attributes in page.tags:
        assert tag not in ("img", "iframe", "object") or attributes.get("src") != "x"
        assert not any(name.startswith("on") for name in attributes)
        assert not (attributes.get("href") or "").startswith("javascript:")
    text = " ".join("".join(page.text).split())
    assert "alert(1)" not in "".join(t for t, _ in page.tags)
    for name in names:
        shown = " ".join(name.replace("\n", "␊").replace("\t", "␉").split())
        if len(shown) < 60 and "bell" not in name and "desrever" not in name and "\u200d" not in name:
            assert shown in text, name
    root = ElementTree.fromstring((run / "junit.xml").read_text(encoding="utf-8"))
    assert root.tag in ("testsuites", "testsuite")
    assert not list(root.iter("script"))
    summary = (run / "summary.md").read_text(encoding="utf-8")
    assert "<script" not in summary
    assert "<img" not in summary
    assert "](javascript:" not in summary.replace("\\]", "").replace("\\(", "") or "\\[" in summary
    for line in summary.splitlines():
        if line.startswith("|"):
            assert line.rstrip().endswith("|")
