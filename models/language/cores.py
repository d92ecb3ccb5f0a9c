"""How many threads a runtime computes with."""

from __future__ import annotations

import os


def threads() -> int:
    """As many as OpenMP's variable says, or as there are cores for this process."""
    told = os.environ.get("OMP_NUM_THREADS", "")
    if told.isdigit() and int(told):
        return int(told)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
