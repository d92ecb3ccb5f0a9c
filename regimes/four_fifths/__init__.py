"""The four-fifths rule, 29 CFR 1607.4(D): selection rates of groups against the highest."""

from __future__ import annotations

from ...audit.regimes.base import Regime
from .figures import figures_of
from .inputs import FourFifthsInputs
from .page import TITLE, pages
from .types import FourFifths

REGIME = Regime(
    name="four-fifths",
    title="Four-fifths rule",
    source="29 CFR 1607.4(D)",
    inputs=FourFifthsInputs,
    heading=TITLE,
    pages=pages,
    figures=figures_of,
    figures_type=FourFifths,
)
