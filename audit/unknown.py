"""A name that is not known, with the one that is meant."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from .unsupported import metric_of_another_name


def unknown(name: str, known: Sequence[str], what: str) -> str:
    """Return '<name> is no known <what>; did you mean ...'."""
    if what == "metric" and (told := metric_of_another_name(name)):
        return told
    # Names of metrics are many and long: some are always a little alike.
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.65 if what == "metric" else 0.4)
    hint = f"did you mean {close[0]!r}?" if close else f"there are {', '.join(known)}"
    return f"{name!r} is no known {what}; {hint}"
