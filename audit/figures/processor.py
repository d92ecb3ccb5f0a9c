"""The processor that a run was made on, and those of its instructions that decide how it computes.

Products of int8 and of bfloat16 go other ways where a processor has instructions for them, and round
otherwise: the same artefact can decide a row otherwise on another machine.
"""

from __future__ import annotations

import functools
import platform
from collections.abc import Mapping
from pathlib import Path

INSTRUCTIONS: Mapping[str, str] = {
    "avx2": "AVX2",
    "avx512f": "AVX-512",
    "avx_vnni": "AVX-VNNI",
    "avx512_vnni": "AVX512-VNNI",
    "avx512_bf16": "AVX512-BF16",
    "avx512_fp16": "AVX512-FP16",
    "amx_int8": "AMX-INT8",
    "amx_bf16": "AMX-BF16",
    "asimddp": "ASIMD dot product",
    "i8mm": "I8MM",
    "bf16": "BF16",
    "sve": "SVE",
}
"""By the names that Linux gives them, of x86 and Arm; what is not told is not there, or not known."""


@functools.cache
def processor(told: Path = Path("/proc/cpuinfo")) -> tuple[str, list[str]]:
    """Return the processor's name, and which of `INSTRUCTIONS` it has.

    Parameters
    ----------
    told : Path
        What the system tells of its processors; elsewhere than on Linux there is no such file, and Python
        knows the name alone.
    """
    try:
        lines = told.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return platform.processor() or platform.machine(), []
    found: dict[str, str] = {}
    for line in lines:
        key, _, value = line.partition(":")
        found.setdefault(key.strip().casefold(), value.strip())
    flags = set((found.get("flags") or found.get("features") or "").split())
    name = found.get("model name") or platform.processor() or platform.machine()
    return name, [word for flag, word in INSTRUCTIONS.items() if flag in flags]
