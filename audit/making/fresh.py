"""The program of the fresh processes of an audit: artefacts whose steps are of any room load in them.

Run as ``python -m fairweigh.audit.making.fresh``.
"""

from __future__ import annotations

from ...compression.fresh import main
from .artefacts import ROOMS as ROOMS

PROGRAM = "fairweigh.audit.making.fresh"

if __name__ == "__main__":
    main(PROGRAM)
