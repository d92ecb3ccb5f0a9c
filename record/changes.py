"""What is different in the last of two runs: their gates, limits, data and model."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..reports.words.language import Sentence, say
from .history import Recorded, Release
from .numbers import places, printed
from .series import Series
from .titles import figure_called, kind_of, limit_called, word_of


def changed(before: Release, last: Release, gates: Sequence[Series]) -> list[Sentence]:
    """Tell what changed from one run to the next; ``gates`` end with these two."""
    told = [sentence for series in gates for sentence in _gate(series)]
    if not told and gates:
        told.append(say("No gate changed its verdict or its limit."))
    if before.data_sha256 != last.data_sha256:
        told.append(say("The evaluation data changed: a figure may differ for that alone."))
    if before.model_sha256 != last.model_sha256:
        told.append(say("The model changed."))
    return told


def _gate(series: Series) -> Iterator[Sentence]:
    old, new = series.points[-2].found, series.points[-1].found
    if old is None and new is not None:
        yield say("{gate}: was not asked before.", gate=figure_called(new))
    elif old is not None and new is None:
        yield say("{gate}: is asked no more.", gate=figure_called(old))
    elif old is not None and new is not None:
        yield from _both(series, old, new)


def _both(series: Series, old: Recorded, new: Recorded) -> Iterator[Sentence]:
    decimals = places(series)
    if old.limit != new.limit:
        yield say(
            "{gate}: the limit was {old}, it is {new}.",
            gate=figure_called(new), old=limit_called(old), new=limit_called(new),
        )  # fmt: skip
    if old.verdict != new.verdict:
        yield say(
            "{gate}: {before} before, now {after} ({old}, now {new}).",
            gate=figure_called(new), before=word_of(old.verdict), after=word_of(new.verdict),
            old=printed(old.value, decimals, kind_of(old)), new=printed(new.value, decimals, kind_of(new)),
        )  # fmt: skip
