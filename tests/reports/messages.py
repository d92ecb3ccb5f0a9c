"""The messages of the reports, as babel.cfg says and as the tables of metrics and methods hold them.

``python tests/reports/messages.py`` lists the ones that no Chinese catalogue has, and those that nothing
says any more.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from babel.messages.pofile import read_po

ROOT = Path(__file__).parents[2]
LOCALES = ROOT / "reports" / "locale"
KEYWORDS = {
    **dict.fromkeys(("say", "tr", "later", "tell", "_", "gettext")),
    **dict.fromkeys(("say_n", "tr_n", "later_n", "tell_n", "ngettext"), (1, 2)),
    "plural": (2, 3),
}

Key = str | tuple[str, ...]


def extracted() -> dict[Key, list[str]]:
    """Return every message and the places where it stands."""
    with (ROOT / "reports" / "babel.cfg").open() as file:
        methods, options = parse_mapping_cfg(file)
    found: dict[Key, list[str]] = {}
    for name, line, message, _, _ in extract_from_dir(
        ROOT, methods, options, KEYWORDS, strip_comment_tags=True
    ):
        if message:
            found.setdefault(message, []).append(f"{name}:{line}")
    for message in tables():
        found.setdefault(message, []).append("tables")
    return found


def tables() -> Iterator[str]:
    """The words of the tables that the result copies: metrics, why undefined, disparities, methods."""
    from fairweigh.metrics.estimators import messages
    from fairweigh.metrics.figures import METHODS
    from fairweigh.metrics.table import DISPARITIES, METRICS

    for metric in METRICS.values():
        yield from (metric.title, metric.meaning, metric.shows)
        words = metric.name.replace("_", " ")
        if words.casefold() != metric.title.casefold():
            # A reason may name the metric as the configuration does.
            yield words
        if any(word.isalpha() and word.islower() and len(word) > 2 for word in metric.formula.split()):
            yield metric.formula
    for row in DISPARITIES:
        yield from (row.title, row.shows)
    yield from messages([metric.estimator for metric in METRICS.values()])
    yield from METHODS.values()


def catalogues(language: str) -> dict[str, Catalog]:
    """Read a language's catalogues by file name."""
    out = {}
    for path in sorted((LOCALES / language).glob("*.po")):
        with path.open("rb") as file:
            out[path.name] = read_po(file, locale=language, abort_invalid=True)
    return out


def entries(language: str) -> list[tuple[str, Message]]:
    """List the entries of a language's catalogues with the file that each stands in."""
    return [(name, entry) for name, found in catalogues(language).items() for entry in found if entry.id]


def key(entry: Message) -> Key:
    """Name an entry as ``extracted`` names its message."""
    return entry.id if isinstance(entry.id, str) else tuple(entry.id)


if __name__ == "__main__":
    there = {key(entry) for _, entry in entries("zh")}
    said = extracted()
    for message in [message for message in said if message not in there]:
        print("missing ", repr(message), said[message][0])
    for message in there - set(said):
        print("obsolete", repr(message))
    sys.exit(bool(there ^ set(said)))
