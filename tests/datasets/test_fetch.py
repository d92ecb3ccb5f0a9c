"""Where files come from: the data folder, the cache, a server; and what is never left behind."""

from __future__ import annotations

import gzip
import hashlib
import http.server
import threading
from collections.abc import Iterator, Sequence
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from fairweigh.datasets import card as cards
from fairweigh.datasets.card import Card, DataFile, card
from fairweigh.datasets.errors import InputError
from fairweigh.datasets.fetch import cache_folder, fetch, locate
from fairweigh.datasets.read import read_table

PLAIN = b'id,name,score,score\n1,Ada L,3,3\n2,"Hopper, G",4,4\n'
STRIPPED = b"id,score,score\r\n1,3,3\r\n2,4,4\r\n"
"""As RFC 4180 has it."""


def digest(content: Any) -> Any:
    return hashlib.sha256(content).hexdigest()


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ThreadingHTTPServer]:
    """Serve ``pages``: path to content; ``/broken`` promises more than it sends."""
    pages: dict[Any, Any] = {}

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.server.asked.append(self.path)  # type: ignore[attr-defined]
            content = pages.get(self.path)
            if content is None:
                self.send_error(404)
                return
            self.send_response(200)
            self.send_header("Content-Length", str(len(content) + (1000 if self.path == "/broken" else 0)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *args: Any) -> None:
            pass

    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    running: Any
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        running.asked = []
        running.pages = pages
        running.address = f"http://127.0.0.1:{running.server_port}"
        thread = threading.Thread(target=running.serve_forever, daemon=True)
        thread.start()
        yield running
        running.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("FAIRWEIGH_DATA", raising=False)
    return cache_folder("toy")


def toy(url: str, *digests: Any, name: str = "toy.csv", drop: Sequence[str] = ()) -> cards.Card:
    return Card(
        name="toy",
        title="A toy",
        task="binary-classification",
        description="Two rows.",
        homepage="none",
        licence="CC0",
        citation="none",
        files={"all": DataFile(name=name, url=url, sha256=list(digests))},
        drop=list(drop),
        label="score",
        positive=3,
        sensitive=[],
        warnings=["Handle with care."],
    )


def left_in(cache: Path) -> Any:
    return sorted(path.name for path in cache.rglob("*")) if cache.exists() else []


def test_fetched_file_is_cached_and_announced_with_licence_and_warnings(
    server: Any, cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server.pages["/toy.csv"] = PLAIN
    toys = toy(server.address + "/toy.csv", digest(PLAIN))
    path = fetch(toys)[0]
    assert path == cache / "toy.csv"
    assert path.read_bytes() == PLAIN
    said = capsys.readouterr()
    assert said.out == ""
    assert "Licence: CC0" in said.err
    assert "Warning: Handle with care." in said.err
    assert fetch(toys) == [path]
    assert server.asked == ["/toy.csv"]
    assert left_in(cache) == ["toy.csv"]


@pytest.mark.parametrize("sent", [PLAIN, gzip.compress(PLAIN)], ids=["plain", "gzip"])
def test_what_arrives_is_compressed_as_the_card_names_it(server: Any, cache: Path, sent: Any) -> None:
    server.pages["/t"] = sent
    path = fetch(toy(server.address + "/t", digest(PLAIN), name="toy.csv.gz"))[0]
    assert gzip.decompress(path.read_bytes()) == PLAIN


@pytest.mark.parametrize("listed", [(), (digest(STRIPPED),)])
def test_personal_columns_never_reach_the_cache(server: Any, cache: Path, listed: tuple[Any]) -> None:
    server.pages["/toy.csv"] = PLAIN
    toys = toy(server.address + "/toy.csv", digest(PLAIN), *listed, name="toy.csv.gz", drop=["name", "dob"])
    path = fetch(toys)[0]
    assert gzip.decompress(path.read_bytes()) == STRIPPED
    assert fetch(toys) == [path]
    assert server.asked == ["/toy.csv"]
    for file in cache.iterdir():
        assert b"Ada" not in file.read_bytes()


def test_a_cell_with_a_lone_carriage_return_stays_one_cell(server: Any, cache: Path) -> None:
    content = b'id,name,note\n1,Ada,"a\rb"\n2,Grace,plain\n'
    server.pages["/cr.csv"] = content
    path = locate(
        cr := toy(server.address + "/cr.csv", digest(content), name="cr.csv", drop=["name"]), cr.files["all"]
    )
    table = read_table(path)
    assert (table.column_names, table["note"].to_pylist()) == (["id", "note"], ["a\rb", "plain"])


def test_cached_copy_without_personal_columns_is_still_checked(server: Any, cache: Path) -> None:
    server.pages["/toy.csv"] = PLAIN
    toys = toy(server.address + "/toy.csv", digest(PLAIN), drop=["name"])
    path = fetch(toys)[0]
    path.write_bytes(STRIPPED + b"3,5,5\n")
    with pytest.raises(InputError, match="expected content of sha256"):
        fetch(toys)


def test_wrong_checksum_names_file_expected_and_got_and_leaves_nothing(server: Any, cache: Path) -> None:
    server.pages["/toy.csv"] = PLAIN + b"3,Eve,1,1\n"
    with pytest.raises(InputError) as caught:
        fetch(toy(server.address + "/toy.csv", digest(PLAIN)))
    message = str(caught.value)
    assert "/toy.csv" in message
    assert digest(PLAIN) in message
    assert digest(server.pages["/toy.csv"]) in message
    assert "\n" not in message
    assert left_in(cache) == []


def test_broken_connection_leaves_nothing_half_written(server: Any, cache: Path) -> None:
    server.pages["/broken"] = PLAIN
    with pytest.raises(InputError, match=r"the connection broke.*put it at .*toy\.csv"):
        fetch(toy(server.address + "/broken", digest(PLAIN)))
    assert left_in(cache) == []


def test_offline_says_which_file_goes_where(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    toys = toy("http://127.0.0.1:1/toy.csv", digest(PLAIN))
    with pytest.raises(InputError) as caught:
        fetch(toys)
    assert f"put it at {cache / 'toy.csv'}" in str(caught.value)
    assert "no connection" in str(caught.value)
    monkeypatch.setenv("FAIRWEIGH_DATA", str(tmp_path / "data"))
    with pytest.raises(InputError, match=r"put it at .*data/toy/toy\.csv"):
        fetch(toys)


def test_page_not_found_is_one_line(server: Any, cache: Path) -> None:
    with pytest.raises(InputError, match="the server answered 404"):
        fetch(toy(server.address + "/gone.csv", digest(PLAIN)))
    assert left_in(cache) == []


def test_data_folder_comes_first_and_is_checked_too(
    server: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "data" / "toy"
    folder.mkdir(parents=True)
    (folder / "toy.csv").write_bytes(PLAIN)
    monkeypatch.setenv("FAIRWEIGH_DATA", str(tmp_path / "data"))
    toys = toy(server.address + "/toy.csv", digest(PLAIN))
    assert locate(toys, toys.files["all"]) == folder / "toy.csv"
    (folder / "toy.csv").write_bytes(STRIPPED)
    with pytest.raises(InputError, match=f"toy.csv: expected content .* got {digest(STRIPPED)}"):
        locate(toys, toys.files["all"])
    assert server.asked == []


def test_checksum_is_of_the_content_not_of_its_compression(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "toy"
    folder.mkdir()
    monkeypatch.setenv("FAIRWEIGH_DATA", str(tmp_path))
    toys = toy("http://127.0.0.1:1/", digest(STRIPPED.replace(b"score,score", b"a,b")), name="toy.csv.gz")
    for level in (1, 9):
        (folder / "toy.csv.gz").write_bytes(gzip.compress(STRIPPED.replace(b"score,score", b"a,b"), level))
        assert read_table(fetch(toys)[0]).column_names == ["id", "a", "b"]


def test_generated_data_has_nothing_to_fetch() -> None:
    assert fetch(card("synthetic_lending")) == []


def test_personal_columns_of_a_given_file_are_dropped_on_load(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "toy"
    folder.mkdir()
    content = PLAIN.replace(b"score,score", b"score,rank")
    (folder / "toy.csv").write_bytes(content)
    monkeypatch.setenv("FAIRWEIGH_DATA", str(tmp_path))
    toys = toy("http://127.0.0.1:1/", digest(content), drop=["name", "dob"])
    monkeypatch.setattr(cards, "card", lambda name: toys)
    assert cards.load("toy").column_names == ["id", "score", "rank", "split"]
