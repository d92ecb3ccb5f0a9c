"""The suites that a configuration may name: one entry each."""

from __future__ import annotations

from .bbq import BBQ
from .bold import BOLD
from .crows_pairs import CROWS_PAIRS
from .eec import EEC
from .hatecheck import HATECHECK
from .holistic_bias import HOLISTIC_BIAS
from .stereoset import STEREOSET
from .suite import Suite
from .winobias import WINOBIAS

SUITES: dict[str, Suite] = {
    suite.name: suite
    for suite in (BBQ, STEREOSET, CROWS_PAIRS, WINOBIAS, HATECHECK, EEC, BOLD, HOLISTIC_BIAS)
}

__all__ = ["SUITES", "Suite"]
