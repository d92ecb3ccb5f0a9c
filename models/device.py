"""Where torch runs, and how it repeats itself."""

from __future__ import annotations

import os

from ..datasets.errors import InputError, number_of
from .extras import optional


def device_for(wanted: str) -> str:
    """Resolve ``auto``, and refuse a device that this machine has not."""
    torch = optional("torch", "a torch model")
    if wanted == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if wanted.startswith("cuda") and not torch.cuda.is_available():
        raise InputError(f"model.device: {wanted!r}, but this machine has no CUDA device")
    try:
        torch.device(wanted)
    except RuntimeError:
        raise InputError(f"model.device: expected auto, cpu, cuda or cuda:N, got {wanted!r}") from None
    if wanted.startswith("cuda:") and int(wanted.partition(":")[2]) >= torch.cuda.device_count():
        count = torch.cuda.device_count()
        raise InputError(f"model.device: {wanted!r}, but this machine has {number_of(count, 'CUDA device')}")
    return wanted


def seeded(seed: int) -> None:
    """Make torch repeat itself: one seed, and deterministic kernels where there are some."""
    torch = optional("torch", "a torch model")
    torch.manual_seed(seed)
    # cuBLAS only repeats itself with a workspace of fixed size.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    # What is named for it says the same to torch's compiler, and takes a second to import that.
    torch.set_deterministic_debug_mode("warn")
