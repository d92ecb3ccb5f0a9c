"""The page for the MEASURE function of NIST's AI Risk Management Framework."""

from __future__ import annotations

from pathlib import Path

from ...audit.regimes.result import RegimeResult
from ...audit.result import AuditResult
from ...reports.regimes.pages import page
from ...reports.regimes.tables import documented, said
from ...reports.words.language import later, tr

HERE = Path(__file__).parent
TITLE = later("NIST AI Risk Management Framework: MEASURE 2.11, 1.1 and 2.1")


def pages(regime: RegimeResult, result: AuditResult) -> dict[str, str]:
    """Render the page."""
    told = {key: said(value) for key, value in regime.inputs.items()}
    return page(HERE, regime, result, tr(TITLE), doc=documented(result, regime.variant), told=told)
