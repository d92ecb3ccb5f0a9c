"""What a variant saves: of storage and of time, in words."""

from __future__ import annotations

from ...audit.result import Cost, Timing
from ..words.formats import figure, interval
from ..words.language import Sentence, say
from ..words.lookup import audit_timing


def costs_otherwise(cost: Cost) -> bool:
    """Whether a variant costs more or less than the original; what only decides otherwise costs the same."""
    timing = audit_timing(cost)
    return cost.storage not in (None, 1) or (
        timing is not None and (timing.saving or timing.ratio_low > timing.null_high)
    )


def saving_words(cost: Cost) -> Sentence:
    """Say what a variant needs of the original's storage and time."""
    timing = audit_timing(cost)
    if cost.storage is None:
        return _time_alone(timing)
    storage = figure(cost.storage, "percent")
    if timing is None:
        return say("It needs {storage} of the storage.", storage=storage)
    time = figure(timing.ratio, "percent")
    if timing.saving:
        spread = interval(timing.ratio_low, timing.ratio_high, "percent")
        return say(
            "It needs {storage} of the storage and {time} of the time ({spread}).",
            storage=storage, time=time, spread=spread,
        )  # fmt: skip
    if timing.ratio_low > timing.null_high:
        return say(
            "It needs {storage} of the storage, but {time} of the time: it is slower.",
            storage=storage, time=time,
        )  # fmt: skip
    return say("It needs {storage} of the storage, and saves no time beyond the noise.", storage=storage)


def _time_alone(timing: Timing | None) -> Sentence:
    """What a variant saves where nobody knows what it takes to store: it is served elsewhere."""
    if timing is None:
        return say("What it saves was not measured.")
    time = figure(timing.ratio, "percent")
    if timing.saving:
        spread = interval(timing.ratio_low, timing.ratio_high, "percent")
        return say("It needs {time} of the time ({spread}).", time=time, spread=spread)
    if timing.ratio_low > timing.null_high:
        return say("It needs {time} of the time: it is slower.", time=time)
    return say("It saves no time beyond the noise.")
