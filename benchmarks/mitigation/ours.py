"""What fairweigh does: every mitigation for scikit-learn models, as an audit makes it."""

from __future__ import annotations

import tempfile
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from fairweigh.audit.making.artefacts import make
from fairweigh.models.rules import ChanceRule
from fairweigh.models.steps import StepRule
from settings import DP, EO, ITERATIONS, LIMIT, Bools, Decider, Floats, Part, Setting

TRAINED = ("reweighing", "resampling", "correlation-remover", "exponentiated-gradient", "grid-search")


def planned(by: list[str]) -> dict[str, tuple[str, dict[str, Any], str | None]]:
    """Every mitigation of fairweigh for scikit-learn models: recipe, parameters, disparity that it limits."""
    # Slices of less than 30 rows cannot have a threshold of their own where features are crossed.
    sliced = {"by": by, "unseen": "common" if len(by) > 1 else "error"}
    limit = {"limit": f"<= {LIMIT}"}
    return {
        "reweighing": ("reweighing", {"by": by}, None),
        "resampling": ("resampling", {"by": by}, None),
        "correlation remover": ("correlation-remover", {"by": by}, None),
        "exponentiated gradient, EO": (
            "exponentiated-gradient", {"by": by, "constraint": EO, "max_iter": ITERATIONS}, EO),
        "grid search, EO": ("grid-search", {"by": by, "constraint": EO}, EO),
        "thresholds, EO ≤ 5": ("threshold", {**sliced, **limit, "constraint": EO}, EO),
        "thresholds, DP ≤ 5": ("threshold", {**sliced, **limit, "constraint": DP}, DP),
        "one threshold, EO ≤ 5": ("threshold", {**sliced, **limit, "constraint": EO, "common": True}, EO),
        "reject option, DP ≤ 5": ("reject-option", {**sliced, **limit}, DP),
        "threshold optimizer, EO": ("threshold-optimizer", {**sliced, "constraint": EO}, EO),
        "threshold optimizer, DP": ("threshold-optimizer", {**sliced, "constraint": DP}, DP),
        "calibration by slice": ("calibration", sliced, None),
    }  # fmt: skip


def own(setting: Setting, recipe: str, params: dict[str, Any]) -> Decider:
    """Make a variant: the model loaded from its artefact."""
    with tempfile.TemporaryDirectory() as folder:
        made = make(setting.model, [(recipe, params)], setting.context, Path(folder) / "artefact")
    known = params.get("unseen") != "common"
    return Decider(partial(decided, made.model), partial(_chance, made.model) if known else None)


def decided(model: Any, part: Part) -> Bools:
    return np.asarray(model.score(part.rows.batch, part.rows.ids).decision)


def _chance(model: Any, part: Part) -> Floats:
    """Chance of selection by a rule, or by what decides without one."""
    scored = model.score(part.rows.batch, part.rows.ids)
    rule = getattr(model, "rule", None)
    if isinstance(rule, StepRule):
        return rule.chance(rule.groups.codes(part.rows.batch), scored.score)
    return np.asarray(scored.score if isinstance(rule, ChanceRule) else scored.decision, float)
