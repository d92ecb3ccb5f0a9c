"""The page for the fairness part of a technical documentation under the EU's Artificial Intelligence Act."""

from __future__ import annotations

from pathlib import Path

from ...audit.regimes.result import RegimeResult
from ...audit.result import AuditResult
from ...reports.regimes.pages import page
from ...reports.regimes.tables import documented, said
from ...reports.words.language import later, tr

HERE = Path(__file__).parent
TITLE = later("EU AI Act, Annex IV: the fairness part of the technical documentation")


def pages(regime: RegimeResult, result: AuditResult) -> dict[str, str]:
    """Render the page."""
    told = {key: said(value) for key, value in regime.inputs.items()}
    return page(HERE, regime, result, tr(TITLE), doc=documented(result, regime.variant), told=told)
