"""Names that a configuration gives to slices and rows: which there may be, and what they are names of."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from ...bands import UNKNOWN
from ..unknown import unknown

LONGEST = 100
"""Characters of a name: it stands in sentences, charts and the heads of tables."""

_JOINERS = "\u200c\u200d"
"""Characters without a form of their own that scripts and signs need."""


@dataclass(frozen=True)
class Label:
    """What the people of a slice are called; ``key`` is how the configuration writes the slice."""

    key: str
    feature: str
    value: str
    name: str


def check_name(name: str) -> None:
    """ValueError for a name that is blank, too long, or holds what breaks or turns round a line."""
    if not name.strip():
        raise ValueError("expected a name, got a blank")
    if len(name) > LONGEST:
        raise ValueError(f"expected a name of at most {LONGEST} characters, got {len(name):,}")
    for character in name:
        hidden = unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp", "Co", "Cn")
        if hidden and character not in _JOINERS:
            raise ValueError(f"expected a name in one line, without U+{ord(character):04X}, got {name!r}")


def check_written(given: Mapping[str, str]) -> None:
    """ValueError for a label that is not ``feature=value: name``."""
    for key, name in given.items():
        feature, equals, value = key.partition("=")
        if not (feature and equals and value):
            raise ValueError(f"{key!r}: expected feature=value, such as sex=Female")
        try:
            check_name(name)
        except ValueError as error:
            raise ValueError(f"{key!r}: {error}") from None


def labels_of(given: Mapping[str, str], features: Sequence[str]) -> list[Label]:
    """Read the labels of some sensitive features.

    Raises
    ------
    ValueError
        A label of none of them, two slices of one feature with the same name, or a slice called what another
        one is called in the data.
    """
    found = [_label(key, name, features) for key, name in given.items()]
    for _, mine in by_feature(found):
        check_apart(mine, (label.value for label in mine))
    return found


def _label(key: str, name: str, features: Sequence[str]) -> Label:
    # A feature's own name may hold an equals sign.
    named = [feature for feature in features if key.startswith(f"{feature}=")]
    if not named:
        told = unknown(key.partition("=")[0], features, "sensitive feature")
        raise ValueError(f"report.labels: {key!r}: {told}")
    if len(named) > 1:
        raise ValueError(
            f"report.labels: {key!r}: may be of {named[0]!r} or of {named[1]!r}; rename a column"
        )
    return Label(key, named[0], key.removeprefix(f"{named[0]}="), name)


def check_apart(labels: Sequence[Label], values: Iterable[str]) -> None:
    """ValueError where labels of one feature make two of its slices look the same.

    Parameters
    ----------
    labels
        Of one feature.
    values
        Of its slices, as the data call them.
    """
    own = {label.value: label for label in labels}
    seen: dict[str, Label] = {}
    called = {_alike(value): value for value in (*values, UNKNOWN)}
    for label in labels:
        other = seen.setdefault(_alike(label.name), label)
        if other is not label:
            raise ValueError(
                f"report.labels: {other.key!r} and {label.key!r} are both called {label.name!r}; give each a "
                "name of its own, or make them one slice by data.merge"
            )
        value = called.get(_alike(label.name), label.value)
        if _alike(value) != _alike(label.value):
            told = f", which is called {own[value].name!r}" if value in own else ""
            raise ValueError(
                f"report.labels: {label.key!r} is called {label.name!r}, as is the slice "
                f"{f'{label.feature}={value}'!r} of the data{told}: a reader would take one for the other"
            )


def _alike(text: str) -> str:
    """What is left of a name where letters' case, width and spaces are not looked at."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def by_feature(labels: Iterable[Label]) -> Iterator[tuple[str, list[Label]]]:
    """Sort labels by their features."""
    found: dict[str, list[Label]] = {}
    for label in labels:
        found.setdefault(label.feature, []).append(label)
    yield from found.items()
