"""What a variant costs, as a ratio to the original: what cost gates and targets are judged on."""

from __future__ import annotations

from ..result import Cost

Ratio = tuple[float, float | None, float | None]
"""Value with its lower and upper quantile where it was timed, else without."""


def cost_ratio(name: str, cost: Cost | None, original: Cost | None) -> Ratio | None:
    """A cost of a variant over the original's; None where it was not measured.

    Parameters
    ----------
    name : {"storage", "compute", "memory", "latency", "flops"}
        ``compute`` is the latency at the audit's batch, 1 where it saves nothing beyond the null's spread;
        ``latency`` is as timed at the smallest batch, likewise.
    cost, original : Cost or None
    """
    if cost is None:
        return None
    if name == "storage":
        return None if cost.storage is None else (cost.storage, None, None)
    if name == "compute":
        return (cost.compute, None, None) if cost.timings else None
    if name == "memory":
        return None if cost.memory is None else (cost.memory, None, None)
    if name == "latency":
        first = min(cost.timings, key=lambda t: t.batch, default=None)
        if first is None:
            return None
        # What two equal models differ by as well is no difference.
        noise = first.null_low <= first.ratio <= first.null_high
        return (1.0 if noise else first.ratio), first.ratio_low, first.ratio_high
    if name != "flops":
        raise ValueError(f"name must be storage, compute, memory, latency or flops, got {name!r}")
    if cost.flops_per_row is None or original is None or not original.flops_per_row:
        return None
    return cost.flops_per_row / original.flops_per_row, None, None
