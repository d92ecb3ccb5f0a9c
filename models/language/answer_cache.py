"""Answers of a server that were paid for, kept on disk: a run that was killed goes on where it was."""

from __future__ import annotations

import hashlib
import json
import sqlite3
import threading
import weakref
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ...datasets.errors import InputError
from ...datasets.fetch import cache_folder
from ...plain import from_json

NAME = "answers.sqlite"
PATIENCE = 60.0
"""Seconds for which another run may be writing."""
_MADE = "create table if not exists answers (key text primary key, answer text not null) without rowid"


def key_of(asked: Mapping[str, Any]) -> str:
    """Return the key of a request: a hash of all that its answer depends on."""
    text = json.dumps(asked, sort_keys=True, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


class AnswerCache:
    """A file with an answer for each request, each written for itself; any number of runs may share it.

    It holds no prompt and no key: a request is known by its hash.

    Parameters
    ----------
    folder : path, optional
        Where the file lies; default the user's cache.

    Attributes
    ----------
    path : Path
    close : callable
        Closes the file, as the end of the cache does.
    """

    def __init__(self, folder: str | Path | None = None) -> None:
        self.path = (cache_folder("endpoints") if folder is None else Path(folder)) / NAME
        self._lock = threading.Lock()
        with self._told():
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            # Texts that a model wrote may be anything: they are their user's alone.
            self.path.touch(mode=0o600)
            self._base = sqlite3.connect(
                self.path, timeout=PATIENCE, isolation_level=None, check_same_thread=False
            )
            self.close = weakref.finalize(self, self._base.close)
            try:
                self._base.execute(_MADE)
            except sqlite3.Error:
                self.close()
                raise

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.DatabaseError as error:
            damaged = not isinstance(error, sqlite3.OperationalError)
            hint = "; remove it, and its answers are asked for again" if damaged else ""
            raise InputError(f"model.cache: {self.path}: {error}{hint}") from None
        except OSError as error:
            raise InputError(f"model.cache: {self.path}: {error.strerror}") from None

    def get(self, key: str) -> Any:
        """Return the answer of a request; None where there is none yet."""
        with self._told(), self._lock:
            found = self._base.execute("select answer from answers where key = ?", (key,)).fetchone()
        if found is None:
            return None
        try:
            return from_json(found[0])
        except (TypeError, ValueError):
            raise InputError(
                f"model.cache: {self.path}: an answer in it is no JSON; remove it, and its answers are asked "
                "for again"
            ) from None

    def put(self, key: str, answer: Any) -> None:
        """Keep an answer: it is on disk, whole, when this returns."""
        text = json.dumps(answer, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
        with self._told(), self._lock:
            self._base.execute("insert or replace into answers values (?, ?)", (key, text))
