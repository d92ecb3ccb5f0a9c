"""A second run from Python: numbered folders, or overwrite=True; its messages name what Python has."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import fairweigh
import pytest
from fairweigh.datasets.errors import InputError

if TYPE_CHECKING:
    import pyarrow as pa
    from fairweigh.result import Result

    from .conftest import Ended


@pytest.fixture
def run(
    here: Path, make_people: Callable[..., pa.Table], make_config: Callable[..., dict[str, Any]]
) -> Callable[..., Result]:
    def do(*args: str, seed: int = 0, **more: Any) -> Result:
        return fairweigh.run(make_config(), *args, data=make_people(seed=seed), **more)

    return do


def test_runs_of_one_name_get_numbers(run: Callable[..., Result]) -> None:
    assert [run().folder.name for _ in range(3)] == ["t", "t-2", "t-3"]
    assert fairweigh.compare("runs/t", "runs/t-2").folder.name == "t-to-t-2"
    assert fairweigh.compare("runs/t", "runs/t-2").folder.name == "t-to-t-2-2"


def test_a_link_that_leads_nowhere_is_taken_too(run: Callable[..., Result]) -> None:
    Path("runs").mkdir()
    Path("runs/t").symlink_to("nowhere")
    assert run().folder.name == "t-2"


def test_overwrite_replaces_a_finished_run_and_only_once_the_new_one_is_whole(
    run: Callable[..., Result],
    make_config: Callable[..., dict[str, Any]],
    make_people: Callable[..., pa.Table],
) -> None:
    before = run().data.sha256
    with pytest.raises(InputError, match="selection_rat"):
        fairweigh.run(make_config(metrics=["selection_rat"]), data=make_people(), overwrite=True)
    with pytest.raises(InputError, match="no column"):
        fairweigh.run(make_config(), data=make_people(y=None), overwrite=True)
    assert fairweigh.load_result("runs/t").data.sha256 == before
    after = run(seed=1, overwrite=True)
    assert after.folder.name == "t"
    assert after.data.sha256 != before
    assert fairweigh.load_result("runs/t").data.sha256 == after.data.sha256
    assert sorted(p.name for p in Path("runs").iterdir()) == ["t"]


def test_the_message_of_a_folder_that_exists_names_what_python_has(
    run: Callable[..., Result],
    make_config: Callable[..., dict[str, Any]],
    make_people: Callable[..., pa.Table],
) -> None:
    run("out")
    for again in (
        lambda: run("out"),
        lambda: fairweigh.Audit("t", make_people(), label="y", sensitive=["sex"], score="score").run("out"),
        lambda: fairweigh.compare("out", "out", "out"),
    ):
        with pytest.raises(InputError, match="overwrite=True") as error:
            again()
        assert "-o" not in str(error.value)


def test_the_command_line_names_its_own_option(
    cli: Callable[..., Ended],
    write: Callable[..., None],
    make_people: Callable[..., pa.Table],
    make_config: Callable[..., dict[str, Any]],
) -> None:
    write(make_people(), make_config())
    assert cli("audit", "a.yaml", "-q").code == 0
    ended = cli("audit", "a.yaml", "-q")
    assert (ended.code, len(ended.lines)) == (2, 1)
    assert "choose another with -o" in ended.err
    assert "overwrite" not in ended.err


@pytest.mark.parametrize("there", ["data", "file", "link"])
def test_what_is_no_run_is_never_overwritten(run: Callable[..., Result], there: str) -> None:
    target = Path("runs/t")
    target.parent.mkdir()
    if there == "data":
        target.mkdir()
        (target / "thesis.txt").write_text("years")
    elif there == "file":
        target.write_text("years")
    else:
        Path("elsewhere").mkdir()
        target.symlink_to(Path("elsewhere").absolute())
    with pytest.raises(InputError, match="expected a finished run there"):
        run(overwrite=True)
    assert target.is_symlink() or target.is_file() or (target / "thesis.txt").read_text() == "years"


def test_a_signed_run_is_never_overwritten(run: Callable[..., Result]) -> None:
    run()
    Path("runs/t/MANIFEST.sig").write_text("{}")
    with pytest.raises(InputError, match="signed"):
        run(overwrite=True)


def test_overrides_are_called_so_in_python_and_set_on_the_command_line(
    run: Callable[..., Result],
    cli: Callable[..., Ended],
    write: Callable[..., None],
    make_people: Callable[..., pa.Table],
    make_config: Callable[..., dict[str, Any]],
) -> None:
    for wrong in ("slices", "=1", "slices.min_size={", "data.sensitive.x=1"):
        with pytest.raises(InputError, match=r"^overrides") as error:
            run(overrides=[wrong])
        assert "--" not in str(error.value)
    write(make_people(), make_config())
    assert re.match("fairweigh: --set: ", cli("audit", "a.yaml", "-q", "--set", "slices").err)
