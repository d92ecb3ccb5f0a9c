"""How many bits the levels of an image have, whatever its format and mode."""

from __future__ import annotations

import re
from typing import Any

HEAD = 1 << 16
"""Bytes of a file in which its format says how deep its levels are."""

# What pillow reads 16 bits of each channel from; without the last letter it is 16 bits for a whole pixel.
_WIDE = re.compile(r";16[BLN]")


def is_deep(image: Any) -> bool:
    """Whether the levels of an opened image, not yet loaded, have more than the 8 bits of this pipeline."""
    if image.mode.startswith(("I", "F")):
        return True
    return any(_wide(*tile) for tile in image.tile) or _says_so(image)


def _wide(codec: str, extents: Any, offset: int, arguments: Any = None) -> bool:
    """Whether a decoder is to read wider levels: pillow keeps the upper 8 bits of these."""
    known = arguments if isinstance(arguments, tuple) else (arguments,)
    if codec == "ppm":
        return any(isinstance(most, int) and most > 255 for most in known)
    return codec == "SGI16" or any(isinstance(one, str) and _WIDE.search(one) for one in known)


def _says_so(image: Any) -> bool:
    """Whether a format says it whose decoder is not told."""
    if image.format == "TIFF":
        return max(image.tag_v2.get(258) or (1,)) > 8
    if image.format not in ("JPEG2000", "AVIF"):
        return False
    head = _head(image)
    if image.format == "AVIF":
        place = head.find(b"av1C")
        return place >= 0 and len(head) > place + 6 and bool(head[place + 6] & 0x40)
    place = head.find(b"\xff\x4f\xff\x51")
    if place < 0 or len(head) < place + 42:
        return False
    channels = int.from_bytes(head[place + 40 : place + 42], "big")
    depths = head[place + 42 : place + 42 + 3 * channels : 3]
    return any((depth & 0x7F) + 1 > 8 for depth in depths)


def _head(image: Any) -> bytes:
    """The first bytes of the file, which is left where it stood."""
    file = image.fp
    if file is None:
        return b""
    place = file.tell()
    file.seek(0)
    head: bytes = file.read(HEAD)
    file.seek(place)
    return head
