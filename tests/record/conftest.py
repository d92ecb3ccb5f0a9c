"""What the tests of records share: releases of known ratios, a real PostgreSQL server with a password."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    import pyarrow as pa

    from ..conftest import Ended

PASSWORD = "s3cret-pass-4711"
FILE = "sqlite:///fairness.db"
GATES = [
    {"id": "parity", "metric": "selection_rate", "by": "sex", "compare": "ratio", "limit": ">= 0.8",
     "decide": "point"},
    {"id": "right", "metric": "accuracy", "limit": ">= 0.1"},
]  # fmt: skip


def decided(share: float, n: int = 200) -> dict[str, list[Any]]:
    """People of whom every man and exactly ``share`` of the women is approved: the ratio is known."""
    half = n // 2
    women = round(share * half)
    return {
        "sex": ["Male"] * half + ["Female"] * half,
        "approved": [1] * half + [1] * women + [0] * (half - women),
    }


@dataclass(frozen=True)
class Server:
    """A running server: where it listens, and its programs."""

    programs: Path
    port: int

    @property
    def url(self) -> str:
        return f"postgresql+psycopg://audit:{PASSWORD}@127.0.0.1:{self.port}/postgres"

    def ask(self, statement: str) -> list[list[str]]:
        """What psql answers: rows of texts."""
        done = subprocess.run(
            [self.programs / "psql", "-h", "127.0.0.1", "-p", str(self.port), "-U", "audit", "-AtF", "\t",
             "-c", statement, "postgres"],
            env={**os.environ, "PGPASSWORD": PASSWORD}, capture_output=True, text=True, check=True,
        )  # fmt: skip
        return [line.split("\t") for line in done.stdout.splitlines()]


def _programs() -> Path | None:
    # Debian keeps them out of the path.
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    found = debian[-1] if debian else shutil.which("initdb")
    return Path(found).resolve().parent if found else None


def _as_owner(*command: str | Path) -> list[str]:
    """A server refuses to run as root: Debian's package brings a user for it."""
    words = [str(word) for word in command]
    return ["runuser", "-u", "postgres", "--", *words] if os.getuid() == 0 else words


def free_port() -> int:
    with closing(socket.socket()) as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    programs = _programs()
    if programs is None:
        pytest.skip("PostgreSQL is not installed")
    folder = Path(tempfile.mkdtemp(prefix="fairweigh-pg-"))
    try:
        secret = folder / "secret"
        secret.write_text(PASSWORD)
        if os.getuid() == 0:
            for path in (folder, secret):
                shutil.chown(path, "postgres", "postgres")
        made = Server(programs, free_port())
        data = folder / "data"
        _run(
            programs / "initdb",
            "-D",
            data,
            "-U",
            "audit",
            f"--pwfile={secret}",
            "-A",
            "scram-sha-256",
            cwd=folder,
        )
        options = f"-p {made.port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off"
        _run(programs / "pg_ctl", "-w", "-D", data, "-l", folder / "log", "-o", options, "start", cwd=folder)
        try:
            yield made
        finally:
            _run(programs / "pg_ctl", "-D", data, "-m", "immediate", "stop", cwd=folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _run(*command: str | Path, cwd: Path) -> None:
    # The server inherits the output: to wait for a pipe's end would be to wait for the server's.
    done = subprocess.run(
        _as_owner(*command), cwd=cwd, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE if "initdb" in
        str(command[0]) else subprocess.DEVNULL, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


@pytest.fixture
def postgresql(server: Server) -> Server:
    """The server, without a history."""
    for name in ("figures", "gates", "runs"):
        server.ask(f"DROP TABLE IF EXISTS fairweigh_{name}")
    return server


@pytest.fixture
def released(
    cli: Callable[..., Ended],
    write: Callable[..., None],
    make_config: Callable[..., dict[str, Any]],
    make_people: Callable[..., pa.Table],
) -> Callable[..., Ended]:
    """Audit a release in which ``share`` of the women and every man is approved."""

    def do(
        name: str, share: float = 0.9, url: dict[str, Any] | str = FILE, code: int | None = None, **parts: Any
    ) -> Ended:
        told = {"history": url, "release": name, **parts}
        config = make_config(model={"decision": "approved"}, gates=GATES, **told)
        write(make_people(**decided(share)), config)
        ended = cli("audit", "a.yaml", "-o", f"runs/{name}", "-q")
        expected = code if code is not None else (0 if share >= 0.8 else 1)
        assert ended.code == expected, ended
        return ended

    return do


@pytest.fixture
def releases(released: Callable[..., Ended]) -> None:
    """Ratios known by construction: 0.95, 0.85, 0.75 (the first below 0.8), 0.9, 0.6."""
    for name, share in (("1.0", 0.95), ("1.1", 0.85), ("1.2", 0.75), ("1.3", 0.9), ("2.0", 0.6)):
        released(name, share)
