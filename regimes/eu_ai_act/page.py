"""The page for the fairness part of a technical documentation under the EU's Artificial Intelligence Act."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ...audit.regimes.result import RegimeResult
from ...audit.result import AuditResult
from ...reports.regimes.pages import page
from ...reports.regimes.tables import documented, said
from ...reports.words.language import later, tr

PRESUMED = 1e25
"""Operations of training above which high-impact capabilities are presumed (Article 51(2))."""
APPLIES = "2025-08-02"
"""When the obligations of Chapter V began to apply (Article 113(b))."""
HERE = Path(__file__).parent
TITLE = later("EU AI Act, Annex IV: the fairness part of the technical documentation")


def pages(regime: RegimeResult, result: AuditResult) -> dict[str, str]:
    """Render the page."""
    told = {key: said(_word(value)) for key, value in regime.inputs.items()}
    given = regime.inputs
    compute = given.get("training_compute")
    return page(
        HERE, regime, result, tr(TITLE), doc=documented(result, regime.variant), told=told,
        general=bool(given.get("general_purpose")), systemic=given.get("systemic_risk"),
        presumed=compute is not None and float(compute) > PRESUMED, open=bool(given.get("open_licence")),
        early=bool(given.get("placed_on_market")) and str(given["placed_on_market"]) < APPLIES,
    )  # fmt: skip


def _word(value: Any) -> str | None:
    """An input as it is shown."""
    if isinstance(value, bool):
        return tr("yes") if value else tr("no")
    return _power(value) if isinstance(value, float) else value


def _power(value: float) -> str:
    """A number of operations, such as 4.2 × 10²³."""
    digits, _, exponent = f"{value:.2e}".partition("e")
    raised = str(int(exponent)).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
    return f"{float(digits):g} × 10{raised}"
