"""The space between Chinese and Latin letters or figures, which Chinese typography wants and English lacks.

A part that is put into a sentence may be Chinese or not, so its neighbours cannot know: one space stands
between Chinese and Latin letters or figures, none between Chinese and Chinese.
"""

from __future__ import annotations

from collections.abc import Iterable

from .given import Given

SIGNS = frozenset("%+−≤≥<>★")


def spaced(pieces: Iterable[str]) -> tuple[str, ...]:
    """Set the space at every seam of a sentence in pieces; text that was given stays as it is."""
    out: list[str] = []
    for piece in pieces:
        if out and piece:
            out[-1], piece = _seam(out[-1], piece)
        out.append(piece)
    return tuple(filter(None, out))


def _seam(left: str, right: str) -> tuple[str, str]:
    before, after = left.rstrip(" ")[-1:], right.lstrip(" ")[:1]
    if _chinese(before) and _chinese(after):
        between = ""
    elif (_chinese(before) and _latin(after)) or (_latin(before) and _chinese(after)):
        between = " "
    else:
        return left, right
    if not isinstance(left, Given):
        left = left.rstrip(" ") + (between if isinstance(right, Given) else "")
    if not isinstance(right, Given):
        right = between + right.lstrip(" ")
    return left, right


def _chinese(letter: str) -> bool:
    return "\u4e00" <= letter <= "\u9fff"


def _latin(letter: str) -> bool:
    return letter in SIGNS or (letter.isascii() and letter.isalnum())
