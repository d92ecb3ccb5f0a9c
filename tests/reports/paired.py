"""Figures before and after of counts whose flips are known."""

from __future__ import annotations

import math
from typing import Any

from fairweigh.audit.result import Change, Comparison, Flips, GapChange
from scipy.stats import fisher_exact
from statsmodels.stats.proportion import proportion_confint

from .conftest import RATES, Cell

Joint = tuple[int, int, int, int]
"""Flips of one cell: tp to fn, fp to tn, fn to tp, tn to fp."""

Cells = dict[tuple[str, ...], Cell]
Joints = dict[tuple[str, ...], Joint]

METRICS = ("selection_rate", "true_positive_rate", "false_positive_rate", "accuracy")


def after(cells: Cells, planted: Joints) -> Cells:
    """The counts of the variant."""
    moved = {}
    for key, (tp, fp, fn, tn) in cells.items():
        a, b, c, d = planted[key]
        moved[key] = (tp - a + c, fp - b + d, fn + a - c, tn + b - d)
    return moved


def _parts(cells: Cells) -> list[dict[str, str]]:
    """All rows, every race, every sex, every intersection."""
    races = dict.fromkeys(race for race, _ in cells)
    sexes = dict.fromkeys(sex for _, sex in cells)
    crossed = [{"race": race, "sex": sex} for race, sex in cells]
    return [{}, *({"race": r} for r in races), *({"sex": s} for s in sexes), *crossed]


def _within(part: dict[str, str], values: dict[tuple[str, ...], Joint]) -> Joint:
    wanted = set(part.values())
    rows = [value for key, value in values.items() if wanted <= set(key)]
    return tuple(map(sum, zip(*rows, strict=True)))  # type: ignore[return-value]


def _flips(part: dict[str, str], cells: Cells, planted: Joints) -> Flips:
    whole, cell = _within({}, cells), _within(part, cells)
    moved, all_moved = _within(part, planted), _within({}, planted)
    n, flips = sum(cell), sum(moved)
    low, high = proportion_confint(flips, n, method="wilson")
    spoiled, mended = moved[0] + moved[3], moved[1] + moved[2]
    loss = (spoiled - mended) / n
    overall = (all_moved[0] + all_moved[3] - all_moved[1] - all_moved[2]) / sum(whole)
    found: dict[str, Any] = {}
    if part:
        rest_n, rest = sum(whole) - n, sum(all_moved) - flips
        if flips and rest:
            ratio = (flips / n) / (rest / rest_n)
            spread = 1.96 * math.sqrt(1 / flips - 1 / n + 1 / rest - 1 / rest_n)
            found |= {
                "ratio": ratio,
                "ratio_low": ratio * math.exp(-spread),
                "ratio_high": ratio * math.exp(spread),
            }
        p = float(fisher_exact([[flips, n - flips], [rest, rest_n - rest]])[1])
        found |= {"p": p, "p_adjusted": min(1.0, 6 * p), "excess_loss": loss - overall}
    return Flips(
        slice=part,
        n=n,
        flips=flips,
        rate=flips / n,
        low=low,
        high=high,
        gained=moved[2] + moved[3],
        lost=moved[0] + moved[1],
        spoiled=spoiled,
        mended=mended,
        score_shift=-0.004 + 0.05 * (moved[2] + moved[3] - moved[0] - moved[1]) / n,
        calibration_shift=0.003,
        kl=0.0021 + 0.1 * flips / n,
        status="ok" if n >= 30 else "small",
        **found,
    )


def _moved(name: str, cell: Cell, moved: Joint) -> tuple[float, float, float] | None:
    """Change of a rate whose denominator stays, with a paired Wald interval."""
    up, down, n = {
        "selection_rate": (moved[2] + moved[3], moved[0] + moved[1], sum(cell)),
        "true_positive_rate": (moved[2], moved[0], cell[0] + cell[2]),
        "false_positive_rate": (moved[3], moved[1], cell[1] + cell[3]),
        "accuracy": (moved[1] + moved[2], moved[0] + moved[3], sum(cell)),
    }[name]
    if not n:
        return None
    value = (up - down) / n
    spread = 1.96 * math.sqrt(max(up + down + 0.5 - (up - down) ** 2 / n, 0.5)) / n
    return value, value - spread, value + spread


def _rate(name: str, cell: Cell) -> float | None:
    k, n = RATES[name][1](cell)
    return k / n if n else None


def _change(name: str, part: dict[str, str], cells: Cells, planted: Joints) -> Change:
    before, moved = _within(part, cells), _within(part, planted)
    changed = _moved(name, before, moved)
    n = RATES[name][1](before)[1]
    if changed is None:
        return Change(metric=name, slice=part, n=0, before=None, after=None, value=None, status="undefined",
                      why=f"No row in the denominator {RATES[name][0]}.")  # fmt: skip
    value, low, high = changed
    start = _rate(name, before)
    p = 0.0004 if low > 0 or high < 0 else 0.41
    return Change(
        metric=name, slice=part, n=n, before=start, after=start + value, value=value, low=low, high=high, p=p,
        p_adjusted=min(1.0, 6 * p) if part else None, method="tango", status="ok" if n >= 30 else "small",
    )  # fmt: skip


def _reference(part: dict[str, str], cells: Cells) -> dict[str, str]:
    """The largest slice of the same features."""
    same = [other for other in _parts(cells) if list(other) == list(part)]
    return max(same, key=lambda other: sum(_within(other, cells)))


def _gap_change(name: str, part: dict[str, str], cells: Cells, changes: list[Change]) -> GapChange:
    reference = _reference(part, cells)
    mine, other = (
        next(c for c in changes if c.metric == name and c.slice == wanted) for wanted in (part, reference)
    )
    shared: dict[str, Any] = {"metric": name, "by": list(part), "slice": part, "reference": reference}
    if mine.value is None or other.value is None:
        why = "The rate of the slice is not defined."
        return GapChange(**shared, before=None, after=None, status="undefined", why=why)
    value, gap = mine.value - other.value, mine.before - other.before
    left = math.hypot(mine.value - mine.low, other.high - other.value)
    right = math.hypot(mine.high - mine.value, other.value - other.low)
    worse = abs(gap + value) - abs(gap)
    down, up = (left, right) if gap + value > 0 else (right, left)
    return GapChange(
        **shared, before=gap, after=gap + value, value=value, low=value - left, high=value + right,
        worse=worse, worse_low=worse - down, worse_high=worse + up, method="mover", status=mine.status,
    )  # fmt: skip


def comparison(name: str, cells: Cells, planted: Joints, before: str = "original") -> Comparison:
    """Everything before and after, from the joint counts."""
    parts = _parts(cells)
    flips = [_flips(part, cells, planted) for part in parts]
    changes = [_change(metric, part, cells, planted) for metric in METRICS for part in parts]
    gaps = [
        _gap_change(metric, part, cells, changes)
        for metric in METRICS
        for part in parts
        if part and part != _reference(part, cells)
    ]
    return Comparison(
        before=before,
        after=name,
        rows=flips[0].n,
        agreement=1 - flips[0].rate,
        overall=flips[0],
        flips=flips[1:],
        changes=changes,
        gap_changes=gaps,
    )
