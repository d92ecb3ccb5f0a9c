"""The file of a tokenizer, looked through before any text goes through it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..plain import read_json

MOST_TIMES = 1_000
MOST_TABLES = 4
MOST_ID = 1 << 24
"""Of a token; the library keeps a place for every number up to the largest."""


def check_tokenizer(folder: Path) -> None:
    """Refuse normalizers that double a text again and again, and tokens with numbers beyond all vocabularies.

    Raises
    ------
    ValueError
        A text can become more than `MOST_TIMES` times as long, or a token has a number above `MOST_ID`.
    """
    path = folder / "tokenizer.json"
    if not path.is_file():
        return
    content = read_json(path)
    if not isinstance(content, dict):
        raise ValueError("tokenizer.json: expected a mapping")
    largest = max(_ids(content), default=0)
    if largest > MOST_ID:
        raise ValueError(f"a token of it has the number {largest:,}, expected at most {MOST_ID:,}")
    times, tables = 1.0, 0
    for part in _parts(content.get("normalizer")):
        times *= _times(part)
        # A table of its own for each character, in a form of its own.
        tables += part.get("type") == "Precompiled"
    if times > MOST_TIMES or tables > MOST_TABLES:
        raise ValueError(f"its normalizers can make a text more than {MOST_TIMES:,} times as long")


def _ids(content: dict[str, Any]) -> Iterator[int]:
    model = content.get("model")
    vocabulary = model.get("vocab") if isinstance(model, dict) else None
    added = content.get("added_tokens")
    yield from (v for v in vocabulary.values() if isinstance(v, int)) if isinstance(vocabulary, dict) else ()
    for token in added if isinstance(added, list) else ():
        if isinstance(token, dict) and isinstance(token.get("id"), int):
            yield token["id"]


def _parts(normalizer: Any) -> Iterator[dict[str, Any]]:
    if isinstance(normalizer, dict):
        yield normalizer
        for part in normalizer.get("normalizers") or ():
            yield from _parts(part)


def _times(part: dict[str, Any]) -> float:
    content, pattern = part.get("content"), part.get("pattern")
    if part.get("type") != "Replace" or not isinstance(content, str) or not isinstance(pattern, dict):
        return 1.0
    plain = pattern.get("String")
    if isinstance(plain, str) and plain:
        return max(1.0, len(content) / len(plain))
    # An expression may match nothing at every place.
    return 1.0 + len(content)
