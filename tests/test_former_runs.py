"""Runs of an earlier state of this version, which told less: read as whole, still held to their figures."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import fairweigh
import pytest
from fairweigh.audit.again.finished import read_result
from fairweigh.audit.again.former import ADDED, in_former_words
from fairweigh.reports.words.language import writing
from fairweigh.reports.words.spoken import title_of
from fairweigh.verification import verify

from .conftest import configured, people
from .test_verification import bless

if TYPE_CHECKING:
    from .conftest import Ended


GATES = [{"metric": "accuracy", "limit": ">= 0.9"}]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run as it is written now."""
    folder = tmp_path_factory.mktemp("made") / "run"
    fairweigh.run(configured(gates=GATES), folder, data=people())
    return folder


def edited(run: Path, change: Callable[..., Any]) -> None:
    """Change what audit.json says, keep its form, and rewrite the manifest."""
    content = json.loads((run / "audit.json").read_text())
    change(content)
    (run / "audit.json").write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n")
    bless(run)


def untold(content: Any) -> None:
    """Take out what texts were told from and what is seen first, which no earlier state said."""
    del content["told"], content["front"]


def without_task(content: Any) -> None:
    """Take out the task too, which the states before told no more."""
    untold(content)
    del content["task"]


def told_less(content: Any) -> None:
    """Take out what the earliest state did not tell."""
    without_task(content)
    del content["priorities"]
    for definition in content["definitions"].values():
        for key in ADDED:
            del definition[key]


@pytest.fixture(params=[told_less, without_task, untold])
def former(made: Path, tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """The run as an earlier state wrote it."""
    run = Path(shutil.copytree(made, tmp_path / "former"))
    edited(run, request.param)
    return run


def test_a_run_of_an_earlier_state_is_read_as_the_same_run_of_this_one(former: Path, made: Path) -> None:
    assert read_result(former) == read_result(made).model_copy(update={"told": []})


def test_the_texts_of_a_run_that_did_not_say_what_they_were_told_from_stay_in_english(
    former: Path, made: Path
) -> None:
    whole, result = read_result(made), read_result(former)
    assert whole.told
    assert whole.as_told().told == whole.told
    assert result.as_told().told == []
    with writing("zh"):
        # What is word for word a message of ours is known without its parts.
        assert title_of("accuracy", result.definitions) == "准确率"


def test_a_run_of_an_earlier_state_is_verified_judged_rendered_and_compared(
    former: Path, made: Path, cli: Callable[..., Ended]
) -> None:
    found = verify(former)
    # Its pages had another form, which is told.
    assert (found.files, found.figures, found.pages, found.rendered) == ([], [], [], False)
    assert any("written by an earlier state of this version" in line for line in found.unproven)
    ended = cli("gate", str(former))
    assert (ended.code, ended.err) == (1, "")
    page = (former / "report.html").read_bytes()
    ended = cli("report", str(former), "-q")
    assert (ended.code, ended.err) == (0, "")
    assert (former / "report.html").read_bytes() == page
    ended = cli("compare", str(former), str(made), "-o", "both", "-q")
    assert ended.code in (0, 1, 3), ended
    assert cli("verify", "both").code == 0


def test_pages_in_another_language_of_an_earlier_state_are_not_called_forged(tmp_path: Path) -> None:
    """It found the sentences by their English, which is no longer done."""
    run = tmp_path / "run"
    fairweigh.run(configured(gates=GATES, report={"language": "zh"}), run, data=people())
    edited(run, untold)
    found = verify(run)
    assert (found.files, found.figures, found.pages) == ([], [], [])
    assert any("written by an earlier state of this version" in line for line in found.unproven)


def _accurate(content: Any) -> None:
    content["variants"][0]["overall"]["accuracy"]["value"] = 0.999


def _another_meaning(content: Any) -> None:
    content["definitions"]["accuracy"]["meaning"] = "How good it is."


def _half_told(content: Any) -> None:
    content["definitions"]["accuracy"]["needs"] = ["label"]


def _a_default_left_out(content: Any) -> None:
    del content["variants"][0]["overall"]["accuracy"]["why"]


@pytest.mark.parametrize(
    ("forged", "place"),
    [
        (_accurate, "variants.original.overall.accuracy.value"),
        (_another_meaning, "definitions.accuracy.meaning"),
        (lambda c: c["definitions"].pop("accuracy"), "definitions.accuracy"),
        (_half_told, "definitions.accuracy.needs"),
        (_a_default_left_out, "audit.json"),
    ],
)
def test_what_is_edited_in_a_file_of_the_earlier_form_is_found(
    forged: Callable[..., Any], place: str, former: Path, cli: Callable[..., Ended]
) -> None:
    edited(former, forged)
    assert place in [line.split(":")[0] for line in verify(former).figures]
    assert cli("verify", str(former)).code == 1
    assert cli("report", str(former), "-q").code == 2
    assert cli("compare", str(former), str(former), "-o", "both", "-q").code == 2


@pytest.mark.parametrize(
    "taken",
    [
        lambda c: c.pop("priorities"),
        lambda c: [d.pop("mirror") for d in c["definitions"].values()],
        lambda c: (told_less(c), c.update(priorities={"key": [], "leading": [], "performance": []})),  # type: ignore[func-returns-value]
    ],
)
def test_a_file_that_lacks_some_of_the_later_keys_alone_is_of_no_state(
    taken: Callable[..., Any], made: Path, tmp_path: Path
) -> None:
    run = Path(shutil.copytree(made, tmp_path / "run"))
    edited(run, taken)
    assert verify(run).figures


def test_a_run_without_any_gap_in_words_is_of_this_state() -> None:
    new = b'{\n "front": 1,\n "worst_gap_what": "",'
    assert not in_former_words(new)
    assert in_former_words(new.replace(b'""', b'"positive rate, g=a against g=b"'))
