"""A table of one model and feature, and a whole audit that gives the same figures."""

from __future__ import annotations

import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import fairweigh
import numpy as np
from arms import arms
from fairweigh.audit.result import AuditResult
from fairweigh.datasets.errors import InputError
from figures import Figures, figures, percent, read_off
from ours import planned
from settings import DP, EO, LIMIT, Bools, Decider, Setting, Task


@dataclass
class Row:
    """A row of a table, which tools that decide alike share."""

    mitigation: str
    tool: str
    cells: list[str]
    decider: Decider | None = None
    decision: Bools | None = None
    fitted: Figures | None = None

    def __str__(self) -> str:
        return f"| {' | '.join([self.mitigation, self.tool, *self.cells])} |"


def table_of(task: Task, model: str, setting: Setting) -> dict[str, Figures]:
    """Print the table of one model and feature; returns the figures of fairweigh's own variants."""
    part, share = setting.held_out, setting.held_out.label.mean()
    print(
        f"\n### {task.title}, {model}, by {' and '.join(setting.by)}\n\n"
        f"{len(part.label):,} held-out rows, {len(setting.training.label):,} to train on, "
        f"{len(setting.validation.label):,} for rules; deciding all alike would be right for "
        f"{100 * max(share, 1 - share):.1f} %.\n\n"
        "| mitigation | by | accuracy, % | EO gap | DP gap | limited gap, at accuracy, where fitted |\n"
        "|---|---|--:|--:|--:|--:|"
    )
    rows: list[Row] = []
    found: dict[str, Figures] = {}
    apart: dict[str, float] = {}
    for arm in arms(setting):
        print(f"{time.strftime('%H:%M:%S')} {arm.mitigation} {arm.tool}", file=sys.stderr)
        try:
            decider = arm.fit()
            decision = decider.decide(part)
        except (InputError, ValueError) as error:
            why = "; ".join(str(error).splitlines()[0].split("; ")[:2])
            rows.append(Row(arm.mitigation, arm.tool, [f"not possible: {why}", "", "", ""]))
            continue
        before = next((row for row in rows if row.decider and row.mitigation == arm.mitigation), None)
        if before and before.decision is not None and np.array_equal(before.decision, decision):
            before.tool += f" = {arm.tool}"
            continue
        if before and before.decider and before.decider.chance and decider.chance:
            apart[arm.mitigation] = float(np.abs(before.decider.chance(part) - decider.chance(part)).max())
        told = figures(setting, part, decision)
        fitted = setting.validation if arm.rule else setting.training
        where, there = "", None
        if arm.limited:
            there = figures(setting, fitted, decider.decide(fitted))
            accuracy, gap = there.accuracy.value, there.gaps[arm.limited].value
            assert accuracy is not None
            assert gap is not None
            where = f"{100 * gap:.1f} at {100 * accuracy:.1f}"
            if arm.tool == "OxonFair" and before and before.fitted and gap <= LIMIT:
                assert before.fitted.accuracy.value is not None
                assert before.fitted.accuracy.value >= accuracy, "the exact search is beaten"
        cells = [percent(told.accuracy), percent(told.gaps[EO]), percent(told.gaps[DP]), where]
        rows.append(Row(arm.mitigation, arm.tool, cells, decider, decision, there))
        if arm.tool in ("", "fairweigh"):
            found[arm.mitigation] = told
    print("\n".join(map(str, rows)))
    if apart:
        told_apart = "; ".join(f"{name}: {most:.1e}" for name, most in apart.items())
        print(
            f"\nMost that a row's chance by fairweigh's rule differs from that by fairlearn's: {told_apart}."
        )
        assert max(apart.values()) < 1e-6, apart
    sys.stdout.flush()
    return found


def check_whole_audit(setting: Setting, found: dict[str, Figures]) -> None:
    """Assert that a whole audit of the same variants gives the same figures."""
    plan = planned(setting.by)
    names = {name: f"v{i}" for i, name in enumerate(plan)}
    mitigations = [
        {"name": names[name], "recipe": {recipe: params}} for name, (recipe, params, _) in plan.items()
    ]
    with tempfile.TemporaryDirectory() as folder:
        result: AuditResult = fairweigh.run(
            {**setting.config, "mitigations": mitigations, "report": {"charts": False}}, Path(folder) / "run"
        )
    variants = {v.name: read_off(v, setting.by) for v in result.variants}
    # What no thresholds can do fails there as it does here.
    assert {v.name for v in result.failed} == {names[name] for name in plan if name not in found}
    for name, figure in found.items():
        assert variants[names.get(name, "original")] == figure, name
    print("\nA whole audit gave the same figures and limits in every row of fairweigh's.")
