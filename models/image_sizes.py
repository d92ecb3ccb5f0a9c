"""How large images may become on their way into a model: a file that says so is anybody's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..datasets.errors import InputError

MOST = 2**26
"""Most numbers of one image."""
CHANNELS = 3
LONGEST = int((MOST / CHANNELS) ** 0.5)
"""Pixels of the longest side that a square image may have."""


def check_sizes(told: Mapping[str, Any], where: str) -> None:
    """Hold what an image processor says of its sizes to `MOST` numbers of an image.

    Parameters
    ----------
    told : mapping
        A processor's configuration: its ``size``, ``crop_size`` and the like, at any depth.
    where : str
        Where it stands, for a message.

    Raises
    ------
    InputError
        A size is no positive whole number, or too large.
    """
    part = told.get("crop_pct")
    if part is not None and not (_is_number(part) and 0 < part <= 1):
        raise InputError(f"{where}: crop_pct: expected a number above 0 and up to 1, got {_short(part)}")
    for key, value in told.items():
        if (key == "size" or (key.endswith("_size") and not key.startswith("do_"))) and value is not None:
            # Processors resize to more than is cut out: to the size over this part of it.
            _check_size(value, f"{where}: {key}", 1 if part is None else part)
        elif isinstance(value, Mapping):
            check_sizes(value, where)


def _check_size(value: Any, where: str, part: float) -> None:
    """One size: a number, height and width in a list, or each by name."""
    named = dict(value) if isinstance(value, Mapping) else {}
    sides = [side for side in named.values() if side is not None]
    if not isinstance(value, Mapping):
        sides = list(value) if isinstance(value, (list, tuple)) else [value]
    for side in sides:
        if isinstance(side, bool) or not isinstance(side, int) or side < 1:
            raise InputError(f"{where}: expected pixels, whole numbers from 1 on, got {_short(side)}")
    if not sides or any(key.endswith("pixels") for key in named):
        # A number of pixels in all, and not of a side.
        numbers = CHANNELS * max(sides, default=0)
    elif len(sides) == 2 and not any(key.endswith("edge") for key in named):
        numbers = CHANNELS * sides[0] * sides[1]
    else:
        numbers = CHANNELS * max(sides) ** 2
    if numbers > MOST * part**2:
        raise InputError(
            f"{where}: expected images of at most {MOST:,} numbers ({LONGEST:,} x {LONGEST:,} pixels), got "
            f"{_short(value)}{'' if part == 1 else f' over crop_pct {part:g}'}"
        )


def check_grown(told: Mapping[str, Any], wide: int, high: int) -> None:
    """ValueError for an image so thin that it would be beyond `MOST` with its shorter side as is told."""
    size = told.get("size")
    edge = size.get("shortest_edge") if isinstance(size, Mapping) else None
    if edge is None or size.get("longest_edge") is not None or not told.get("do_resize", True):  # type: ignore[union-attr]
        return
    side = edge / (told.get("crop_pct") or 1)
    grown = side * max(wide, high) / min(wide, high)
    if CHANNELS * side * grown > MOST:
        raise ValueError(f"{wide:,} x {high:,} pixels become {side:,.0f} x {grown:,.0f}")


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _short(value: Any) -> str:
    return f"{value!r}"[:100]
