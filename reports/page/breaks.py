"""Where a name of the data may go on in the next line: behind an underscore or hyphen, not in a word."""

from __future__ import annotations

import re
from itertools import pairwise

FITS = 12
"""A name of so many characters fits every column."""
MOST = 24
"""A word longer than this is broken as a last resort: on paper no column can be scrolled."""
_JOINT = re.compile(
    r"(?<=[^\W_])_+(?=[^\W_])"  # equal_opportunity
    r"|(?<=[^\W\d_])-+(?=\w)"  # prune-0.95, and not 18-24, which stays whole
    r"|(?<=\w)[./](?=[^\W\d_])"  # encoder.layer, and no decimal
    r"|(?<=\w)=(?=\w)"
    rf"|\w{{{MOST}}}(?=\w)"
)


def pieces(text: str) -> list[str]:
    """Cut a name into the pieces between which it may be broken; one that is short is one piece."""
    if len(text) <= FITS:
        return [text]
    ends = [0, *(found.end() for found in _JOINT.finditer(text)), len(text)]
    return [text[start:end] for start, end in pairwise(ends)]
