"""The command: what it writes, and what it refuses in one line."""

from __future__ import annotations

import json
import os
import shutil
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fairweigh.audit.again.finished import checked
from fairweigh.audit.again.former import forms
from fairweigh.audit.store.folder import manifest

from ..test_former_runs import edited
from ..test_verification import bless
from .conftest import GATES

if TYPE_CHECKING:
    from ..conftest import Ended
    from .conftest import Made

Cli = Callable[..., "Ended"]


def refused(ended: Ended, *parts: str) -> None:
    assert ended.code == 2, ended
    assert len(ended.lines) == 1, ended.err
    assert ended.out == ""
    for part in parts:
        assert part in ended.err


def test_the_page_is_written_as_one_file_and_never_over_another(made: Made, cli: Cli, here: Path) -> None:
    run = made(gates=[])
    ended = cli("explore", str(run), "--export", "e.html", "--language", "zh")
    assert (ended.code, ended.out) == (0, "explorer: e.html\n")
    text = Path("e.html").read_text(encoding="utf-8")
    assert '<html lang="zh-Hans">' in text
    refused(cli("explore", str(run), "--export", "e.html"), "--export: e.html exists")
    refused(cli("explore", str(run), "--export", "no/e.html"), "no folder no")
    refused(cli("explore", str(run), "--export", str(run / "e.html")), "stays as it was written")
    refused(cli("explore", str(run), "--export", "f.html", "--language", "de"), "--language", "en, zh")
    assert sorted(path.name for path in here.iterdir()) == ["e.html"]


def test_no_row_and_no_id_is_in_it(made: Made, cli: Cli, here: Path) -> None:
    import base64
    import gzip
    import re

    from .conftest import people

    table = people()
    table = table.set_column(0, "id", pa.array([f"person-{i}" for i in range(table.num_rows)]))
    assert cli("explore", str(made(table, gates=[])), "--export", "e.html", "-q").code == 0
    text = Path("e.html").read_text(encoding="utf-8")
    packed = re.search(r'id="data">([^<]+)<', text)
    held = gzip.decompress(base64.b64decode(packed[1])).decode()
    assert '"rows":3000' in held
    assert "person-" not in text + held


def test_what_is_no_run_or_was_changed_is_refused(made: Made, cli: Cli, here: Path) -> None:
    refused(cli("explore", "nowhere", "--export", "e.html"), "nowhere")
    run = made(gates=[])
    shutil.copytree(run, "changed")
    predictions = Path("changed/predictions/original.parquet")
    table = pq.read_table(predictions)
    flipped = pa.array(1 - np.asarray(table["y_pred"]), table.schema.field("y_pred").type)
    place = table.schema.get_field_index("y_pred")
    pq.write_table(table.set_column(place, table.schema.field("y_pred"), flipped), predictions)
    refused(cli("explore", "changed", "--export", "e.html"), "predictions/original.parquet")
    # Nor with checksums that fit.
    told = json.loads(Path("changed/MANIFEST.json").read_text(encoding="utf-8"))
    provenance = {key: value for key, value in told.items() if key != "files"}
    Path("changed/MANIFEST.json").unlink()
    Path("changed/MANIFEST.json").write_text(manifest(Path("changed"), provenance), encoding="utf-8")
    refused(cli("explore", "changed", "--export", "e.html"), "is not what the predictions give")
    assert not Path("e.html").exists()


def test_a_port_that_is_taken_and_a_server_that_is_not_installed(
    made: Made, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = str(made(gates=[]))
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        refused(cli("explore", run, "--port", str(taken.getsockname()[1])), "--port: 127.0.0.1:", "in use")
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    refused(cli("explore", run), 'uvicorn: pip install "fairweigh[explore]"')
    # The file needs no server.
    assert cli("explore", run, "--export", "e.html", "-q").code == 0


def test_where_a_page_cannot_be_written(made: Made, cli: Cli, here: Path) -> None:
    run = str(made(gates=[]))
    Path("folder").mkdir()
    refused(cli("explore", run, "--export", "folder"), "--export: folder exists")
    Path("dangling").symlink_to("nowhere")
    refused(cli("explore", run, "--export", "dangling"), "--export: dangling exists")
    Path("file").write_text("kept")
    refused(cli("explore", run, "--export", "file/e.html"), "no folder file")
    refused(cli("explore", run, "--export", "x" * 300), "--export: ", "File name too long")
    if Path("/proc/self").exists():
        refused(cli("explore", run, "--export", "/proc/e.html"), "--export: /proc/e.html: cannot be written")
    assert Path("file").read_text() == "kept"
    assert sorted(path.name for path in here.iterdir()) == ["dangling", "file", "folder"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads and writes what is locked")
def test_locked_folders(made: Made, cli: Cli, here: Path) -> None:
    run = Path(shutil.copytree(made(gates=[]), "run"))
    Path("run/predictions").chmod(0)
    try:
        refused(cli("explore", run, "--export", "e.html"), "run")
    finally:
        Path("run/predictions").chmod(0o755)
    Path("locked").mkdir(mode=0o500)
    refused(cli("explore", run, "--export", "locked/e.html"), "--export: locked/e.html", "ermission denied")


@pytest.mark.parametrize(
    "gone", ["audit.json", "MANIFEST.json", "predictions/original.parquet", "predictions"]
)
def test_a_run_that_is_not_whole(made: Made, cli: Cli, here: Path, gone: str) -> None:
    run = Path(shutil.copytree(made(gates=[]), "run"))
    shutil.rmtree(run / gone) if (run / gone).is_dir() else (run / gone).unlink()
    refused(cli("explore", "run", "--export", "e.html"), "run")
    assert not Path("e.html").exists()


@pytest.mark.parametrize("state", [1, 2, 3, 4])
def test_a_run_of_an_earlier_state(made: Made, cli: Cli, here: Path, state: int) -> None:
    run = Path(shutil.copytree(made(gates=GATES[:3]), "run"))
    texts = list(forms(checked(run)))
    assert len(set(texts)) == 5
    (run / "audit.json").write_text(texts[state], encoding="utf-8")
    bless(run)
    assert cli("explore", "run", "--export", "e.html", "-q").code == 0
    assert "stays the record" in Path("e.html").read_text(encoding="utf-8")


def test_a_run_of_a_later_schema(made: Made, cli: Cli, here: Path) -> None:
    run = Path(shutil.copytree(made(gates=[]), "run"))
    edited(run, lambda content: content.update(schema_version="2.0"))
    refused(cli("explore", "run", "--export", "e.html"), "2.0")
