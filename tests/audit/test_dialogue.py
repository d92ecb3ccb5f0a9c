"""The dialogue of ``fairweigh init``, the options that answer it, and the gates of each purpose."""

from __future__ import annotations

import html
import os
import pty
import select
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import fairweigh
import numpy as np
import pandas as pd
import pytest
from fairweigh.audit.config import read
from fairweigh.audit.config.gate import Gate
from fairweigh.audit.start.dialogue import answered, confirmed
from fairweigh.audit.start.looked import look
from fairweigh.audit.start.purposes import purposes
from fairweigh.audit.start.write import text_of
from fairweigh.tasks import TASKS, refusal
from ruamel.yaml import YAML

if TYPE_CHECKING:
    from ..conftest import Ended

N = 1200


def table() -> pd.DataFrame:
    """People with a score, whose sex is written in several ways."""
    draw = np.random.default_rng(3)
    good = draw.integers(0, 2, N)
    return pd.DataFrame(
        {
            "id": [f"A{i}" for i in range(N)],
            "sex": draw.choice(["Female", "female ", "F", "Male"], N, p=[0.3, 0.1, 0.1, 0.5]),
            "age": draw.integers(18, 80, N),
            "zip": draw.integers(10_000, 99_999, N),
            "p": np.clip(0.3 + 0.4 * good + draw.normal(0, 0.2, N), 0, 1).round(3),
            "outcome": np.where(good == 1, "good", "bad"),
        }
    )


@pytest.fixture
def people(here: Path) -> Path:
    table().to_csv("d.csv", index=False)
    return here / "d.csv"


def parsed(text: str) -> dict[str, Any]:
    return dict(YAML(typ="safe", pure=True).load(text))


class Person:
    """Somebody who gives these answers, and then leaves."""

    def __init__(self, *answers: str) -> None:
        self.answers = list(answers)
        self.heard: list[str] = []

    def say(self, line: str) -> None:
        self.heard.append(line)

    def ask(self, prompt: str) -> str:
        self.heard.append(prompt)
        if not self.answers:
            raise EOFError
        return self.answers.pop(0)


class Agreeing(Person):
    """Somebody who accepts every proposal but where an answer is given, by a word of the question."""

    def __init__(self, **by_word: str) -> None:
        super().__init__()
        self.by_word = by_word

    def ask(self, prompt: str) -> str:
        self.heard.append(prompt)
        key = next((word for word in self.by_word if prompt.startswith(word)), None)
        return "" if key is None else self.by_word.pop(key)


def config_of(path: Path, person: Any = None, **options: Sequence[str]) -> dict[str, Any]:
    """The configuration after a dialogue, which is valid."""
    text = text_of(answered(look(path), options, person))
    config = parsed(text)
    read(config)
    return config


# --- a real terminal -------------------------------------------------------------------------------------

CONTROL_C, END = "\x03", "\x04"
SECONDS = 120
LAST = "Control-C at the question whether to run the audit"


OWN_TERMINAL = (
    "import fcntl, os, sys, termios\n"
    "fcntl.ioctl(0, termios.TIOCSCTTY, 0)\n"
    "os.execv(sys.executable, sys.argv[1:])"
)
"""Takes the terminal for its own, so that Ctrl-C interrupts, and becomes the command."""


def typed(folder: Path, answers: Sequence[str], *options: str) -> tuple[int, str]:
    """Run ``fairweigh init d.csv`` on a pseudo-terminal; its exit code and what the terminal showed."""
    place = os.pathsep.join(
        filter(None, [str(Path(fairweigh.__file__).parents[1]), os.environ.get("PYTHONPATH")])
    )
    terminal, inside = pty.openpty()
    command = [sys.executable, "-m", "fairweigh", "init", "d.csv", *options]
    process = subprocess.Popen(
        [sys.executable, "-c", OWN_TERMINAL, *command], cwd=folder, start_new_session=True,
        stdin=inside, stdout=inside, stderr=inside,
        env={**os.environ, "PYTHONPATH": place, "COLUMNS": "120", "TERM": "dumb"},
    )  # fmt: skip
    os.close(inside)
    shown, left = b"", list(answers)
    while new := _read(terminal, process, shown):
        shown += new
        # Questions are not indented, and what is told before them is: a cut within a line is no question.
        line = shown.rpartition(b"\n")[2]
        if left and line.endswith(b": ") and not line.startswith(b" "):
            answer = left.pop(0)
            if LAST in left and b"Run the audit" in line:
                answer = CONTROL_C
            if answer == CONTROL_C:
                # Between a prompt and the read behind it Python notes a signal and still waits for a line;
                # nobody's hand is that quick.
                time.sleep(0.5)
            os.write(terminal, (answer if answer in (CONTROL_C, END) else f"{answer}\n").encode())
    os.close(terminal)
    return process.wait(SECONDS), shown.decode().replace("\r\n", "\n")


def _read(terminal: int, process: subprocess.Popen[bytes], shown: bytes) -> bytes:
    """What came next; nothing where the process has ended. One that waits for ever is killed and told."""
    if not select.select([terminal], [], [], SECONDS)[0]:
        process.kill()
        process.wait()
        os.close(terminal)
        pytest.fail(f"nothing came for {SECONDS} seconds after:\n{shown.decode(errors='replace')}")
    try:
        return os.read(terminal, 65_536)
    except OSError:
        return b""  # What Linux says where the other side has gone.


def test_a_whole_dialogue_on_a_terminal_and_the_audit_at_once(people: Path) -> None:
    answers = [
        "maybe", "", "outcom", "outcome", "good", "-", "5", "probability", "2", "0.45", "benefit",
        "age, sex", "45,30", "30, 45", "maybe", "y", "", "hiring", "9", "1, equal-opportunity", "y",
    ]  # fmt: skip
    code, shown = typed(people.parent, answers)
    config = parsed(Path("audit.yaml").read_text())
    assert config["data"]["sensitive"] == ["age", "sex"]
    assert config["data"]["bins"] == {"age": [30, 45]}
    assert config["data"]["merge"] == {"sex": {"Female": ["female ", "F"]}}
    assert (config["data"]["label"], config["data"]["positive"]) == ("outcome", "good")
    assert config["data"]["positive_is"] == "benefit"
    assert config["model"] == {"kind": "predictions", "score": "p", "threshold": 0.45}
    asked = [(g["metric"], g["by"]) for g in config["gates"]]
    assert asked == [(m, f) for m in ("selection_rate", "true_positive_rate") for f in ("age", "sex")]
    # Each wrong answer was told what is expected, and asked for again.
    for told in (
        "expected one of binary, multiclass", "did you mean 'outcome'?", "expected a probability",
        "expected ascending edges", "expected y or n", "expected one of four-fifths",
    ):  # fmt: skip
        assert told in shown, shown
    # All columns with their roles, the values that look alike, and the sources.
    assert "4  zip      not used" in shown
    assert "'female ' (" in shown
    assert "29 CFR 1607.4(D)" in shown
    assert "Hardt, Price, Srebro 2016" in shown
    assert "29 CFR 1607.4(D)" in Path("audit.yaml").read_text()
    result = fairweigh.load_result("runs/d")
    assert len(result.gates) == 4
    assert code == {"pass": 0, "fail": 1, "inconclusive": 3}[result.verdict]
    assert "report: runs/d/report.html" in shown


@pytest.mark.parametrize(
    ("answers", "told"),
    [
        ([CONTROL_C], "interrupted; no configuration was written"),
        ([*[""] * 40, LAST], "interrupted; no configuration was written"),
        ([*[""] * 9, END], "the input ended before the last answer; no configuration was written"),
    ],
)
def test_an_interrupt_or_the_end_of_the_input_writes_nothing(
    people: Path, answers: list[str], told: str
) -> None:
    code, shown = typed(people.parent, answers)
    assert code == 2
    assert shown.splitlines()[-1] == f"fairweigh: {told}"
    assert [p.name for p in people.parent.iterdir()] == ["d.csv"]


def test_on_a_terminal_yes_asks_nothing(people: Path) -> None:
    code, shown = typed(people.parent, [], "--yes")
    assert (code, shown.splitlines()) == (
        0,
        ["audit.yaml: look through it, then run: fairweigh audit audit.yaml"],
    )


# --- the dialogue ----------------------------------------------------------------------------------------


def test_who_accepts_every_proposal_has_what_is_written_without_a_dialogue(people: Path) -> None:
    assert config_of(people, Agreeing()) == config_of(people)
    text = text_of(answered(look(people), {}, Agreeing()))
    marked = [line for line in text.splitlines() if "CHECK" in line and not line.startswith("#")]
    assert not marked, "what somebody has looked at need not be checked again"


def test_the_end_of_the_input_ends_every_question(people: Path) -> None:
    for given in range(40):
        person = Person(*[""] * given)
        try:
            answered(look(people), {}, person)
        except EOFError:
            continue
        assert given >= 10
        return
    pytest.fail("the dialogue has no end")


def test_groups_of_values_are_accepted_or_refused_one_by_one(here: Path) -> None:
    frame = table()
    frame["race"] = np.resize(["White", "white", "Black", "black "], N)
    frame.to_csv("d.csv", index=False)
    person = Agreeing(**{"Count them as one slice, 'Black'": "n", "Count them as one slice, 'Female'": "no"})
    merge = config_of(here / "d.csv", person)["data"]["merge"]
    assert merge == {"race": {"White": ["white"]}}


def test_a_column_that_is_said_to_be_something_else_loses_its_role(people: Path) -> None:
    config = config_of(people, Agreeing(Label="zip", Positive="1"), label=["-"], score=["p"])
    assert "label" not in config["data"]
    config = config_of(people, label=["sex"], positive=["F"], score=["p"])
    assert config["data"]["label"] == "sex"
    assert config["data"]["sensitive"] == ["age"]


def test_a_number_may_be_cut_by_request_and_left_as_it_is(here: Path) -> None:
    frame = table()
    frame["years"] = np.resize([1, 2, 3, 4], N)
    frame.to_csv("d.csv", index=False)
    config = config_of(here / "d.csv", sensitive=["years", "age"], bins=["years=3", "age=-"])
    assert config["data"]["bins"] == {"years": [3]}


def test_ranks_without_a_threshold_have_no_decisions_and_gates_of_decisions_stay_comments(
    people: Path,
) -> None:
    options = {"score": ["p"], "scale": ["rank"], "threshold": ["-"], "purpose": ["medicine"]}
    text = text_of(answered(look(people), options, None))
    assert [gate["metric"] for gate in parsed(text)["gates"]] == ["auc"] * 2
    assert "CHECK: needs decision, which this table does not have" in text
    assert "needs probability" in text
    assert '# - {id: "underdiagnosis: sex"' in text
    read(parsed(text))


def test_what_a_yes_is_contradicts_a_purpose(people: Path) -> None:
    person = Agreeing(**{"What a yes": "burden", "What the decisions": "hiring"})
    text = text_of(answered(look(people), {"score": ["p"]}, person))
    assert any("a yes is a benefit; you said another" in line for line in person.heard)
    assert "CHECK: these gates are for decisions of which a yes is a benefit" in text


def test_labels_alone_leave_the_gates_of_decisions_for_later(people: Path) -> None:
    text = text_of(answered(look(people), {"score": ["-"], "purpose": ["credit"]}, None))
    assert "gates" not in parsed(text)
    assert '# - {id: "equalized-odds: sex"' in text


def test_without_a_label_and_predictions_there_is_nothing_to_audit(people: Path) -> None:
    person = Agreeing(Label="-", Decision="-", Score="-")
    config = config_of(people, person)
    assert any("there is nothing to audit" in line for line in person.heard)
    assert config["model"]["score"] == "p", "asked again, and the proposal accepted"


def test_an_audit_at_once_is_asked_for_until_the_answer_is_one() -> None:
    person = Person("perhaps", "Y")
    assert confirmed(person, "Run?")
    assert "expected y or n, got 'perhaps'" in person.heard[1]
    assert not confirmed(Person(""), "Run?")


def test_wide_tables_are_listed_in_part_and_hostile_names_are_shown_escaped(here: Path) -> None:
    frame = pd.DataFrame({f"c{i}": np.arange(40) for i in range(100)})
    frame["\x1b[2Jsex"] = ["m", "f"] * 20
    frame["y"] = [0, 1] * 20
    frame = frame[["\x1b[2Jsex", "y", *frame.columns[:100]]]
    frame.to_parquet("d.parquet")
    person = Agreeing()
    config = config_of(here / "d.parquet", person)
    assert config["data"]["sensitive"] == ["\x1b[2Jsex"]
    assert "and 42 more, which the file lists" in person.heard
    assert not any("\x1b" in line for line in person.heard)


# --- options ---------------------------------------------------------------------------------------------

WRONG = {
    "--task guess": "--task: expected one of binary",
    "--label nosuch": "--label: no column 'nosuch'",
    "--label zip": "--label: expected two classes",
    "--positive fine": "--positive: expected some of 'good', 'bad'",
    "--positive good --positive bad": "and not all",
    "--label - --positive good": "--positive: there is no label",
    "--decision outcome --label outcome": "--decision: column 'outcome' is the label already",
    "--positive-decision yes": "--positive-decision: there is no decision",
    "--score sex": "--score: expected numbers",
    "--scale rank --score -": "--scale: there is no score",
    "--score age --scale probability": "--scale: expected rank",
    "--score p --threshold high": "--threshold: expected a number",
    "--score p --threshold nan": "--threshold: expected a finite number",
    "--positive-is good": "--positive-is: expected one of benefit, burden, unsaid",
    "--sensitive -": "--sensitive: expected at least one column",
    "--sensitive id": "--sensitive: the name 'id' is reserved",
    "--sensitive sex --sensitive sex": "--sensitive: expected each column once",
    "--bins age": "--bins: expected NAME=EDGE,EDGE",
    "--bins age=a": "--bins: expected a number",
    "--bins age=200": "--bins: expected edges above 18",
    "--bins sex=1": "--bins: 'sex' is no sensitive feature of numbers",
    "--bins nosuch=1": "--bins: no column 'nosuch'",
    "--purpose war": "--purpose: expected one of hiring, credit, medicine, moderation, none",
    "--gate four-fifths": "--gate: expected --purpose too",
    "--purpose hiring --gate nosuch": "--gate: expected one of four-fifths",
    "--prediction p": "--prediction: belongs to task: regression, and the task is binary",
    "--task ranking": "--query: expected a column: the task ranking needs its query",
    "--task multilabel": "--label: expected a column",
    "--task multilabel --label outcome": "--label: expected two or more columns",
    "--task multilabel --label outcome --label sex --decision age": "--decision: expected",
    "--task regression --positive-is benefit": "--positive-is: belongs to task: binary",
    "--favourable good": "--favourable: belongs to task: multiclass",
    "--id sex": "--id: expected a value of its own in each row",
    "--weight sex": "--weight: expected numbers",
}  # fmt: skip


@pytest.mark.parametrize("options", WRONG)
def test_a_wrong_option_is_one_line_and_nothing_is_written(
    options: str, people: Path, cli: Callable[..., Ended]
) -> None:
    ended = cli("init", "d.csv", *options.split())
    assert ended.code == 2, ended
    assert len(ended.lines) == 1
    assert WRONG[options] in ended.err
    assert [p.name for p in people.parent.iterdir()] == ["d.csv"]


def test_every_answer_is_an_option(people: Path, cli: Callable[..., Ended]) -> None:
    options = (
        "--task binary --label outcome --positive bad --decision - --score p --scale probability "
        "--threshold 0.6 --positive-is burden --sensitive sex --sensitive age --bins age=30,50 --no-merge "
        "--id - --weight zip --purpose moderation --gate wrong-flags --gate missed-harm --yes"
    )
    assert cli("init", "d.csv", *options.split()).code == 0
    assert cli("audit", "audit.yaml", "-q", "--set", "report.charts=false").code in (0, 1, 3)
    config = parsed(Path("audit.yaml").read_text())
    assert config["data"] | {"path": ""} == {
        "path": "", "label": "outcome", "positive": "bad", "positive_is": "burden",
        "sensitive": ["sex", "age"], "bins": {"age": [30, 50]}, "weight": "zip",
    }  # fmt: skip
    assert "stay apart, as said" in Path("audit.yaml").read_text()
    assert [gate.id for gate in fairweigh.load_result("runs/d").gates] == [
        f"{name}: {by}" for name in ("wrong-flags", "missed-harm") for by in ("sex", "age")
    ]


def test_run_audits_what_was_written(
    people: Path, cli: Callable[..., Ended], monkeypatch: pytest.MonkeyPatch
) -> None:
    def seen(config: Any, target: Path, **more: Any) -> None:
        raise fairweigh.InputError(f"{config.audit} to {target}, as {more['command']}")

    monkeypatch.setattr("fairweigh.api.run_settings", seen)
    ended = cli("init", "d.csv", "--run")
    assert (ended.code, ended.out) == (2, "audit.yaml: written\n")
    assert ended.err == "fairweigh: d to runs/d, as fairweigh audit audit.yaml\n"


def test_what_cannot_run_is_written_and_told(here: Path, cli: Callable[..., Ended]) -> None:
    pd.DataFrame({"colour": ["a", "b", "c"], "x": [1.5, 2.0, 3.5]}).to_csv("d.csv", index=False)
    ended = cli("init", "d.csv", "--run")
    assert ended.code == 2
    assert len(ended.lines) == 1
    assert "audit.yaml was written, and cannot be run yet" in ended.err


# --- other tasks -----------------------------------------------------------------------------------------


def several(task: str) -> tuple[pd.DataFrame, str]:
    """A table of a task, and the options that say its columns."""
    draw = np.random.default_rng(8)
    sex = draw.choice(["f", "m"], N)
    if task == "multiclass":
        truth = draw.choice(["low", "mid", "high"], N)
        said = np.where(draw.random(N) < 0.8, truth, "mid")
        frame = pd.DataFrame({"sex": sex, "label": truth, "predicted": said})
        return frame, "--label label --decision predicted --favourable high"
    if task == "multilabel":
        a, b = draw.integers(0, 2, N), draw.choice(["yes", "no"], N)
        frame = pd.DataFrame({"sex": sex, "a": a, "b": np.where(b == "yes", 1, 0), "pa": a, "pb": 1 - a})
        return frame, "--label a --label b --decision pa --decision pb"
    if task == "regression":
        pay = draw.normal(30, 5, N).round(2)
        return pd.DataFrame({"sex": sex, "target": pay, "predicted": pay + 1}), ""
    frame = pd.DataFrame({"user": np.repeat(np.arange(N // 12), 12), "film": np.tile(np.arange(12), N // 12)})
    frame["sex"], frame["grade"] = sex, draw.integers(0, 3, N)
    frame["rank"] = np.tile(np.arange(1, 13), N // 12)
    return frame, ""


@pytest.mark.parametrize("task", ["multiclass", "multilabel", "regression", "ranking"])
def test_other_tasks_are_written_and_run(task: str, here: Path, cli: Callable[..., Ended]) -> None:
    frame, options = several(task)
    frame.to_csv("d.csv", index=False)
    purpose = {"multiclass": "medicine", "multilabel": "moderation", "ranking": "hiring"}.get(task, "credit")
    words = ["--task", task, *options.split(), "--sensitive", "sex", "--purpose", purpose]
    assert cli("init", "d.csv", *words).code == 0
    assert cli("check", "audit.yaml").code == 0
    ended = cli("audit", "audit.yaml", "-q", "--set", "report.charts=false")
    assert ended.code in (0, 1, 3), ended
    result = fairweigh.load_result("runs/d")
    assert result.task == task
    assert len(result.gates) == len(purposes()[purpose].tasks.get(task, ()))


# --- purposes --------------------------------------------------------------------------------------------


def test_every_gate_of_a_purpose_is_one_of_its_task_and_says_its_source() -> None:
    assert list(purposes()) == ["hiring", "credit", "medicine", "moderation"]
    for purpose in purposes().values():
        assert len(purpose.tasks["binary"]) == 3
        for task, choices in purpose.tasks.items():
            assert len({choice.name for choice in choices}) == len(choices)
            for choice in choices:
                gate = Gate.model_validate({**choice.gate, "by": "sex"})
                assert refusal(TASKS[task], gate.metric, gate.of_class) is None
                assert choice.source
                ours = "convention of fairweigh" in choice.number
                assert ours or "29 CFR 1607.4(D)" in choice.number + choice.source


@pytest.mark.parametrize("purpose", ["hiring", "credit", "medicine", "moderation"])
def test_the_gates_of_a_purpose_decide_and_the_report_quotes_their_source(
    purpose: str, people: Path, cli: Callable[..., Ended]
) -> None:
    options = ["--score", "p", "--sensitive", "sex", "--purpose", purpose, "--positive-is", "benefit"]
    assert cli("init", "d.csv", *options).code == 0
    ended = cli("audit", "audit.yaml", "-q", "--set", "report.charts=false")
    assert ended.code in (0, 1, 3), ended
    gates = fairweigh.load_result("runs/d").gates
    assert [gate.id for gate in gates] == [f"{c.name}: sex" for c in purposes()[purpose].tasks["binary"]]
    assert {gate.verdict for gate in gates} <= {"pass", "fail", "inconclusive"}
    page = Path("runs/d/annex.html").read_text(encoding="utf-8")
    assert purposes()[purpose].tasks["binary"][0].source in html.unescape(page)
