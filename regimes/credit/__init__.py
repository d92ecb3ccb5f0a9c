"""Credit: adverse impact ratio and standardised mean difference, against limits that the user sets."""

from __future__ import annotations

from ...audit.regimes.base import Regime
from .figures import figures_of
from .inputs import CreditInputs
from .page import TITLE, pages
from .types import Credit

REGIME = Regime(
    name="credit",
    title="Credit: adverse impact ratio and standardised mean difference",
    source="15 U.S.C. 1691, 12 CFR part 1002; the figures are the field's",
    inputs=CreditInputs,
    heading=TITLE,
    pages=pages,
    figures=figures_of,
    figures_type=Credit,
)
