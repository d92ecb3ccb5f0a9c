"""Texts from a table as YAML scalars and within comments."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_WORDS = {"true", "false", "null", "yes", "no", "on", "off", "y", "n", "nan", "inf"}
_HIDDEN = re.compile(
    "[^\x20-\x7e\xa1-\u1fff\u2010-\u2027\u2030-\u205e\u2070-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]|[\u0590-\u08ff]"
)
"""What is not shown, or reorders what is shown, is written as an escape."""


def scalar(text: str) -> str:
    """Return a YAML scalar that is this text: plain where that is safe to every reader, else quoted."""
    if _PLAIN.fullmatch(text) and text.lower() not in _WORDS:
        return text
    quoted = json.dumps(text, ensure_ascii=False)
    return _HIDDEN.sub(lambda found: _escape(found.group()), quoted)


def flow(texts: Iterable[str]) -> str:
    """Return a YAML sequence on one line."""
    return "[" + ", ".join(map(scalar, texts)) + "]"


def comment(text: str, most: int = 160) -> str:
    """Return text for a comment: one line, shown as it is, cut to a length."""
    shown = _HIDDEN.sub(lambda found: _escape(found.group()), " ".join(text.split()))
    return shown if len(shown) <= most else shown[: most - 3] + "..."


def _escape(char: str) -> str:
    return f"\\u{ord(char):04x}" if ord(char) < 0x10000 else f"\\U{ord(char):08x}"
