"""Histories: a database holds what audit.json says, and one that fails loses no run."""

from __future__ import annotations

import json
import os
import re
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import fairweigh
import pytest
from fairweigh.record.show import history

from .conftest import FILE, GATES, PASSWORD, decided, free_port

if TYPE_CHECKING:
    import pyarrow as pa

    from ..conftest import Ended
    from .conftest import Server


def rows(statement: str) -> Any:
    with closing(sqlite3.connect("fairness.db")) as connection:
        return connection.execute(statement).fetchall()


# --- what is recorded ---------------------------------------------------------------------------------


def test_sqlite_holds_the_figures_of_audit_json(released: Callable[..., Ended]) -> None:
    released("1.0")
    told = json.loads(Path("runs/1.0/audit.json").read_text(encoding="utf-8"))
    run = rows('SELECT audit, "release", created, verdict, rows, data_sha256 FROM fairweigh_runs')
    data = told["data"]
    assert run == [("t", "1.0", told["created"], "pass", data["rows"], data["sha256"])]
    variant = told["variants"][0]
    overall = rows("SELECT name, value, low, high FROM fairweigh_figures WHERE part = 'overall'")
    assert overall == [(n, e["value"], e["low"], e["high"]) for n, e in variant["overall"].items()]
    held = rows(
        "SELECT name, scope, \"by\", value, low, high FROM fairweigh_figures WHERE part = 'disparity'"
    )
    assert [(n, s, json.loads(by), *rest) for n, s, by, *rest in held] == [
        (d["name"], d["scope"], d["by"], d["value"], d["low"], d["high"]) for d in variant["disparities"]
    ]
    gates = rows('SELECT gate, verdict, value, low, high, "limit", limit_value, upper FROM fairweigh_gates')
    assert gates == [
        (g["id"], g["verdict"], g["measured"], g["low"], g["high"], g["limit"], limit, 0)
        for g, limit in zip(told["gates"], (0.8, 0.1), strict=True)
    ]


def test_a_real_postgresql_server_holds_them_and_its_password_is_nowhere(
    released: Callable[..., Ended], postgresql: Server, cli: Callable[..., Ended], here: Path
) -> None:
    for name, share in (("1.0", 0.9), ("1.1", 0.7)):
        ended = released(name, share, url=postgresql.url)
        assert PASSWORD not in ended.out + ended.err
    told = [json.loads(Path(f"runs/{r}/audit.json").read_text(encoding="utf-8")) for r in ("1.0", "1.1")]
    held = postgresql.ask(
        "SELECT r.release, f.name, f.value FROM fairweigh_figures f JOIN fairweigh_runs r ON f.run = r.id "
        "WHERE f.part = 'overall' ORDER BY f.id"
    )
    assert [(r, name, float(value)) for r, name, value in held] == [
        (t["configuration"]["release"], name, e["value"])
        for t in told
        for name, e in t["variants"][0]["overall"].items()
    ]
    for path in (p for p in (here / "runs").rglob("*") if p.is_file()):
        assert PASSWORD.encode() not in path.read_bytes(), path
    assert told[0]["configuration"]["history"]["url"] == postgresql.url.replace(PASSWORD, "***")
    assert cli("verify", "runs/1.1", "-q").code == 0
    ended = cli("history", "t", "--db", postgresql.url, "--html", "h.html")
    assert ended.code == 0, ended
    assert "first release that broke a limit: 1.1" in ended.out
    assert PASSWORD not in ended.out + Path("h.html").read_text(encoding="utf-8")
    ended = cli("record", "runs/1.0")
    assert ended.code == 2
    assert "the password" in ended.err
    assert "is hidden" in ended.err
    assert "was recorded before" in cli("record", "runs/1.0", "--db", postgresql.url).out


def test_a_user_that_may_be_a_token_is_in_no_message_of_the_database(
    postgresql: Server,
    cli: Callable[..., Ended],
    write: Callable[..., None],
    make_config: Callable[..., dict[str, Any]],
    make_people: Callable[..., pa.Table],
) -> None:
    write(make_people(), make_config())
    assert cli("audit", "a.yaml", "-q").code == 0
    token = "npg_8xKq2LmZ7vTd1RwY"
    place = postgresql.url.partition("@")[2]
    ended = cli("record", "runs/t", "--db", f"postgresql+psycopg://{token}@{place}")
    assert (ended.code, len(ended.lines)) == (2, 1)
    assert f"postgresql+psycopg://***@{place}: " in ended.err
    assert token not in ended.err


def test_the_address_of_the_environment_wins_over_one_without_its_password(
    cli: Callable[..., Ended],
    write: Callable[..., None],
    make_config: Callable[..., dict[str, Any]],
    make_people: Callable[..., pa.Table],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    write(make_people(), make_config())
    hidden = f"postgresql://audit:{PASSWORD}@127.0.0.1:{free_port()}/nowhere"
    assert cli("audit", "a.yaml", "-q", "--set", f"history={hidden}").code == 0
    ended = cli("record", "runs/t")
    assert (ended.code, len(ended.lines)) == (2, 1)
    assert "is hidden" in ended.err
    monkeypatch.setenv("FAIRWEIGH_HISTORY", "sqlite:///mine.db")
    assert "recorded" in cli("record", "runs/t").out
    assert cli("history", "t").code == 0


def test_a_password_given_with_set_is_kept_nowhere(
    cli: Callable[..., Ended],
    write: Callable[..., None],
    make_config: Callable[..., dict[str, Any]],
    make_people: Callable[..., pa.Table],
    here: Path,
) -> None:
    write(make_people(), make_config())
    url = f"postgresql://audit:{PASSWORD}@127.0.0.1:{free_port()}/nowhere"
    ended = cli("audit", "a.yaml", "--set", f"history={url}", "--set", "release=r@1")
    assert ended.code == 0, ended
    assert PASSWORD not in ended.out + ended.err
    for path in (p for p in (here / "runs").rglob("*") if p.is_file()):
        assert PASSWORD.encode() not in path.read_bytes(), path
    command = fairweigh.load_result("runs/t").environment.command
    assert command.endswith(
        "'history=postgresql://audit:***@127.0.0.1:" + url.split(":")[-1] + "' --set release=r@1"
    )


def test_a_run_is_recorded_once(released: Callable[..., Ended], cli: Callable[..., Ended]) -> None:
    released("1.0")
    assert cli("report", "runs/1.0", "--charts", "-q").code == 0
    assert "was recorded before" in cli("record", "runs/1.0").out
    assert rows("SELECT count(*) FROM fairweigh_runs") == [(1,)]
    figures = rows("SELECT count(*) FROM fairweigh_figures")
    assert cli("record", "runs/1.0", "--db", FILE, "-q").out == ""
    assert rows("SELECT count(*) FROM fairweigh_figures") == figures


def test_a_release_without_a_name_is_called_by_its_day(
    released: Callable[..., Ended], cli: Callable[..., Ended]
) -> None:
    released("x", release=None)
    created = json.loads(Path("runs/x/audit.json").read_text(encoding="utf-8"))["created"]
    assert rows('SELECT "release" FROM fairweigh_runs') == [(created[:10],)]


WRITER = """
import sys
from pathlib import Path
import fairweigh
from fairweigh.record.database import engine
from fairweigh.record.history import record

address, *runs = sys.argv[1:]
loaded = [(Path(run), fairweigh.load_result(run)) for run in runs]
print("ready", flush=True)
sys.stdin.readline()
print(sum(record(engine(address), run, result) for run, result in loaded))
"""


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_writers_at_once_record_every_run_once(
    kind: str, released: Callable[..., Ended], request: pytest.FixtureRequest, cli: Callable[..., Ended]
) -> None:
    address = FILE if kind == "sqlite" else request.getfixturevalue("postgresql").url
    for name in "abc":
        released(name, history=None)
    runs = [f"runs/{name}" for name in "abc"]
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, address, *order], stdin=subprocess.PIPE,
                         stdout=subprocess.PIPE, text=True)
        for order in (runs, runs[::-1], runs)
    ]  # fmt: skip
    assert [w.stdout.readline() for w in writers] == ["ready\n"] * 3
    for writer in writers:
        writer.stdin.write("go\n")
        writer.stdin.flush()
    recorded = [int(w.communicate(timeout=120)[0]) for w in writers]
    assert [w.returncode for w in writers] == [0, 0, 0]
    assert sum(recorded) == 3
    found = history("t", address)
    assert sorted(r.name for r in found.releases) == ["a", "b", "c"]
    assert len({len(r.figures) for r in found.releases}) == 1


# --- a database that fails ----------------------------------------------------------------------------


def unusable(address: str) -> Any:
    Path("text.db").write_text("no database " * 100)
    Path("folder.db").mkdir(exist_ok=True)
    return address.format(port=free_port())


@pytest.mark.parametrize(
    "address",
    ["postgresql://audit:" + PASSWORD + "@127.0.0.1:{port}/x", "sqlite:///no/such/folder/f.db",
     "sqlite:///text.db", "sqlite:///folder.db"],
)  # fmt: skip
@pytest.mark.parametrize(("share", "code"), [(0.9, 0), (0.5, 1)])
def test_a_database_that_fails_leaves_run_and_exit_code_as_they_are(
    address: str, share: float, code: int, released: Callable[..., Ended], cli: Callable[..., Ended]
) -> None:
    ended = released("1.0", share, url=unusable(address), code=code)
    assert len(ended.lines) == 1
    assert ended.lines[0].startswith("fairweigh: history: not recorded: ")
    assert "'fairweigh record runs/1.0' records it later" in ended.lines[0]
    assert PASSWORD not in ended.err
    assert cli("verify", "runs/1.0", "-q").code == 0
    assert "runs/1.0: recorded" in cli("record", "runs/1.0", "--db", FILE).out


def test_a_required_history_that_fails_ends_with_two_and_the_run_is_whole(
    released: Callable[..., Ended], cli: Callable[..., Ended]
) -> None:
    url = {"url": unusable("postgresql://127.0.0.1:{port}/x"), "required": True}
    ended = released("1.0", url=url, code=2)
    assert len(ended.lines) == 1
    assert "history: not recorded" in ended.err
    assert "runs/1.0 is whole" in ended.err
    assert cli("verify", "runs/1.0", "-q").code == 0
    assert cli("gate", "runs/1.0", "-q").code == 0


def test_from_python_a_failing_history_is_a_warning(
    make_config: Callable[..., dict[str, Any]], make_people: Callable[..., pa.Table], here: Path
) -> None:
    config = make_config(history="sqlite:///no/such/folder/f.db")
    with pytest.warns(UserWarning, match="history: not recorded") as told:
        result = fairweigh.run(config, "out", data=make_people())
    assert told[0].filename == __file__
    assert fairweigh.load_result("out").verdict == result.verdict
    config["history"] = {"url": config["history"], "required": True}
    with pytest.raises(fairweigh.InputError, match="second is whole"):
        fairweigh.run(config, "second", data=make_people())


@pytest.mark.parametrize(
    ("history", "told"),
    [
        ("fairness.db", "expected a database address such as sqlite:///fairness.db"),
        ("", "expected a database address"),
        ("oracle9://h/x", "no database is called 'oracle9'"),
        ("mysql+pymysql://u:pw4711@h/x", 'mysql+pymysql://u:***@h/x needs the package pymysql: pip install'),
        ("sqlite://", "keeps nothing"),
        ("sqlite:///:memory:", "keeps nothing"),
        ("postgresql://u:***@h/x", "password of postgresql://u:***@h/x is hidden"),
        ("postgresql://***@h/x", "user of postgresql://***@h/x is hidden"),
        ("postgresql+asyncpg://u:pw4711@h/x", "asyncpg"),
        ({"uri": "x"}, "'uri' is no known key; did you mean 'url'?"),
        ({"url": "postgresql://u:pw4711@h/x", "require": True}, "'require' is no known key"),
        (["postgresql://u:pw4711@h/x"], "history"),
        ({"url": ["postgresql://u:pw4711@h/x"]}, "history.url"),
        (True, "history"),
    ],
)  # fmt: skip
def test_an_address_that_can_never_work_is_refused_before_the_audit(
    history: Any,
    told: str,
    write: Callable[..., None],
    make_config: Callable[..., dict[str, Any]],
    make_people: Callable[..., pa.Table],
    refused: Callable[..., str],
) -> None:
    write(make_people(), make_config(history=history))
    line = refused()
    assert "history" in line
    assert told in line
    assert "pw4711" not in line


@pytest.mark.parametrize("release", [1.10, 3, True, "", ["a"]])
def test_a_release_is_text(
    release: float | str | list[Any],
    write: Callable[..., None],
    make_config: Callable[..., dict[str, Any]],
    make_people: Callable[..., pa.Table],
    refused: Callable[..., str],
) -> None:
    write(make_people(), make_config(release=release))
    line = refused()
    assert "release: " in line
    if isinstance(release, float):
        assert "put it in quotes" in line


def test_without_the_package_one_line_says_how_to_get_it(
    write: Callable[..., None],
    make_config: Callable[..., dict[str, Any]],
    make_people: Callable[..., pa.Table],
    refused: Callable[..., str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    write(make_people(), make_config(history=FILE))
    for name in [n for n in sys.modules if n.partition(".")[0] == "sqlalchemy"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "sqlalchemy", None)
    assert 'a history needs the package sqlalchemy: pip install "fairweigh[history]"' in refused()


# --- what is shown ------------------------------------------------------------------------------------


def test_the_first_release_that_broke_a_limit_is_marked(releases: Any, cli: Callable[..., Ended]) -> None:
    ended = cli("history", "t")
    assert ended.code == 0, ended
    assert "first release that broke a limit: 1.2 (gate parity: selection_rate by sex, ratio)" in ended.out
    marked = [line for line in ended.out.splitlines() if "first to break the limit" in line]
    assert len(marked) == 1
    assert re.match(r"\s+1\.2\s+0\.750 ", marked[0])
    block = ended.out.split("gate parity")[2].split("gate right")[0].splitlines()[1:6]
    told = [(line.split()[0], float(line.split()[1]), "fail" in line.split()) for line in block]
    assert told == [("1.0", 0.95, False), ("1.1", 0.85, False), ("1.2", 0.75, True), ("1.3", 0.9, False),
                    ("2.0", 0.6, True)]  # fmt: skip
    assert all("│" in line and "●" in line for line in block)
    # The dot stands on the side of the limit that the verdict says.
    assert [line.index("●") < line.index("│") if "●" in line else None for line in block] == [
        False, False, True, False, True
    ]  # fmt: skip


def test_figures_that_no_gate_names_are_shown_on_a_line_each(
    releases: Any, cli: Callable[..., Ended]
) -> None:
    out = cli("history", "t").out
    line = next(line for line in out.splitlines() if line.startswith("  selection_rate"))
    # Half are men, all approved: (1 + share) / 2.
    assert line.split()[2:] == ["0.975", "->", "0.800", "0.800", "to", "0.975"]
    assert line.split()[1] == "█▆▄▇▁"


def test_one_metric_shows_its_gate_its_figure_and_its_disparities(
    releases: Any, cli: Callable[..., Ended]
) -> None:
    out = cli("history", "t", "--metric", "selection_rate").out
    assert "gate parity" in out
    assert "gate right" not in out
    assert "\nselection_rate (original)" in out
    assert "\ndemographic_parity_ratio by sex (original)" in out
    out = cli("history", "t", "--metric", "demographic_parity_difference").out
    assert "demographic_parity_difference by sex" in out
    assert "demographic_parity_ratio" not in out


def test_a_terminal_of_few_letters_gets_plain_ones(releases: Any, here: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "fairweigh", "history", "t"],
        env={**os.environ, "PYTHONIOENCODING": "ascii"}, capture_output=True, check=True,
    )  # fmt: skip
    assert b"\\u" not in done.stdout
    assert b"first to break the limit" in done.stdout
    assert b"|" in done.stdout


def test_a_changed_limit_and_changed_data_are_told(
    released: Callable[..., Ended],
    cli: Callable[..., Ended],
    write: Callable[..., None],
    make_config: Callable[..., dict[str, Any]],
    make_people: Callable[..., pa.Table],
) -> None:
    released("1", 0.9)
    gates = [{**GATES[0], "limit": ">= 0.95"}]
    config = make_config(model={"decision": "approved"}, gates=gates, history=FILE, release="2")
    write(make_people(**decided(0.9, 400), n=400), config)
    assert cli("audit", "a.yaml", "-o", "runs/2", "-q").code == 1
    out = cli("history", "t").out
    assert re.search(r"2  .*400  \w{8} \(changed\)", out)
    block = out.split("gate parity")[2].splitlines()
    assert ">= 0.8" in block[1]
    assert ">= 0.95" in block[2]
    assert "first release that broke a limit: 2" in out
    # Release 2 has no gate "right".
    assert re.search(r"\n  2 +-\n", out)


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (["tt"], "no run of the audit 'tt' is recorded; did you mean 't'?"),
        (["t", "--metric", "acuracy"], "--metric: no release has 'acuracy'; did you mean 'accuracy'?"),
        (["t", "--variant", "int8"], "--variant: no release has 'int8'"),
        (["t", "--db", "sqlite:///none.db"], "there is no file none.db"),
        (["t", "--db", "sqlite:///other.db"], "holds no history"),
        (["t", "--db", "sqlite:///old.db"], "made by another version of fairweigh"),
        (["t", "--db", "sqlite:///text.db"], "not a database"),
        (["t", "--db", "nonsense"], "--db: expected a database address"),
        (["t", "--html", "no/such/h.html"], "no/such/h.html: cannot be written"),
        (["t", "--html", "h.html", "--language", "fr"], "--language: expected one of en, zh, got 'fr'"),
        (["t", "--html", "h.html", "--runs", "none"], "--runs: none: there is no such folder"),
        (["t", "--language", "zh"], "--runs and --language are of the page; expected --html with them"),
    ],
)
def test_what_cannot_be_shown_is_one_line(
    args: list[Any], told: str, released: Callable[..., Ended], cli: Callable[..., Ended], here: Path
) -> None:
    released("1.0")
    Path("text.db").write_text("no database " * 100)
    for name, statement in (
        ("other.db", "CREATE TABLE x (y)"),
        ("old.db", "CREATE TABLE fairweigh_runs (id)"),
    ):
        with closing(sqlite3.connect(name)) as connection:
            connection.execute(statement)
    before = sorted(here.iterdir())
    ended = cli("history", *args)
    assert ended.code == 2, ended
    assert len(ended.lines) == 1
    assert told in ended.err
    assert ended.out == ""
    assert sorted(here.iterdir()) == before


def test_history_without_a_database_says_how_to_name_one(cli: Callable[..., Ended], here: Path) -> None:
    ended = cli("history", "t")
    assert (ended.code, len(ended.lines), ended.out) == (2, 1, "")
    assert "there is no file" in ended.err
    assert "--db ADDRESS names another database, as FAIRWEIGH_HISTORY in the environment does" in ended.err
    assert list(here.iterdir()) == []


def test_the_address_is_taken_from_the_environment(
    released: Callable[..., Ended], cli: Callable[..., Ended], monkeypatch: pytest.MonkeyPatch
) -> None:
    released("1.0", url="sqlite:///mine.db")
    assert cli("history", "t").code == 2
    monkeypatch.setenv("FAIRWEIGH_HISTORY", "sqlite:///mine.db")
    assert cli("history", "t").code == 0


def test_a_changed_run_and_a_comparison_are_not_recorded(
    released: Callable[..., Ended], cli: Callable[..., Ended]
) -> None:
    released("1.0")
    released("1.1", 0.85)
    assert cli("compare", "runs/1.0", "runs/1.1", "-o", "both", "-q").code in (0, 1, 3)
    ended = cli("record", "both", "--db", FILE)
    assert ended.code == 2
    assert "compares two runs" in ended.err
    with Path("runs/1.0/report.html").open("a", encoding="utf-8") as file:
        file.write(" ")
    ended = cli("record", "runs/1.0", "--db", FILE)
    assert ended.code == 2
    assert "report.html: changed" in ended.err


def test_variants_have_a_history_each(
    cli: Callable[..., Ended],
    write: Callable[..., None],
    make_config: Callable[..., dict[str, Any]],
    make_people: Callable[..., pa.Table],
    here: Path,
) -> None:
    write(make_people(seed=1), name="e.parquet")
    model = {"estimator": "sklearn.linear_model.LogisticRegression", "train": {"path": "e.parquet"}}
    write(make_people(), make_config(model=model, compressions=["float16"], history=FILE))
    assert cli("audit", "a.yaml", "-q").code == 0
    told = json.loads(Path("runs/t/audit.json").read_text(encoding="utf-8"))
    names = [v["name"] for v in told["variants"]]
    assert len(names) == 2
    held = rows("SELECT DISTINCT variant, kind FROM fairweigh_figures ORDER BY kind DESC")
    assert held == [("original", "original"), (names[1], "compressed")]
    assert rows(f"SELECT value FROM fairweigh_figures WHERE variant = '{names[1]}' AND name = 'storage'") == [
        (told["variants"][1]["cost"]["storage"],)
    ]
    assert f"accuracy ({names[1]})" in cli("history", "t", "--variant", names[1], "--metric", "accuracy").out
