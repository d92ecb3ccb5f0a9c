"""Every mitigation by every tool that has it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from ours import TRAINED, decided, own, planned
from settings import DP, EO, Decider, Setting
from theirs import (
    MOST_SLICES,
    aif360_reweighing,
    fairlearn_optimizer,
    fairlearn_reduction,
    fairlearn_remover,
    oxonfair_thresholds,
)


@dataclass(frozen=True)
class Arm:
    """One tool that does one mitigation.

    Attributes
    ----------
    fit : callable
        Gives what decides rows.
    limited : str or None
        The disparity that is held down where the arm is fitted.
    rule : bool
        Whether it is fitted on the validation rows, else on the training rows.
    """

    mitigation: str
    tool: str
    fit: Callable[[], Decider]
    limited: str | None = None
    rule: bool = False


def arms(setting: Setting) -> Iterator[Arm]:
    """Every mitigation by every tool that has it; those of one mitigation follow each other."""
    others: dict[str, list[tuple[str, Callable[[], Decider]]]] = {
        "reweighing": [("AIF360", partial(aif360_reweighing, setting))],
        "correlation remover": [("fairlearn", partial(fairlearn_remover, setting))],
        "exponentiated gradient, EO": [("fairlearn", partial(fairlearn_reduction, setting, "gradient"))],
        "grid search, EO": [("fairlearn", partial(fairlearn_reduction, setting, "grid"))],
        "threshold optimizer, EO": [("fairlearn", partial(fairlearn_optimizer, setting, EO))],
        "threshold optimizer, DP": [("fairlearn", partial(fairlearn_optimizer, setting, DP))],
    }
    if len(set(setting.validation.groups)) <= MOST_SLICES:
        others["thresholds, EO ≤ 5"] = [("OxonFair", partial(oxonfair_thresholds, setting, EO))]
        others["thresholds, DP ≤ 5"] = [("OxonFair", partial(oxonfair_thresholds, setting, DP))]
    yield Arm("none", "", lambda: Decider(partial(decided, setting.model)))
    for name, (recipe, params, limited) in planned(setting.by).items():
        if len(setting.by) > 1 and recipe in ("exponentiated-gradient", "grid-search"):
            continue
        rule = recipe not in TRAINED
        yield Arm(name, "fairweigh", partial(own, setting, recipe, params), limited, rule)
        for tool, fit in others.get(name, []):
            yield Arm(name, tool, fit, limited, rule)
