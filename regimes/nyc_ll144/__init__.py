"""New York City's Local Law 144 of 2021, in the form of the rule (6 RCNY 5-301)."""

from __future__ import annotations

from ...audit.regimes.base import Regime
from .figures import figures_of
from .inputs import NycInputs
from .page import TITLE, pages
from .types import NycLL144

REGIME = Regime(
    name="nyc-ll144",
    title="New York City Local Law 144, bias audit of an automated employment decision tool",
    source="6 RCNY 5-300 to 5-304",
    inputs=NycInputs,
    heading=TITLE,
    pages=pages,
    figures=figures_of,
    figures_type=NycLL144,
)
