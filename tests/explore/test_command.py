"""The command: what it writes, and what it refuses in one line."""

from __future__ import annotations

import json
import shutil
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fairweigh.audit.store.folder import manifest

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


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ({"task": "regression", "model": {"prediction": "score"}, "data": {"label": "w"}}, "got regression"),
        ({"model": None}, "decides nothing"),
    ],
)
def test_a_run_without_decisions_is_refused(made: Made, cli: Cli, parts: dict[str, Any], said: str) -> None:
    refused(cli("explore", str(made(**parts, gates=[])), "--export", "e.html"), said)


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
