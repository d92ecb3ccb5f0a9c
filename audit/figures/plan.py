"""What is computed of a variant."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Plan:
    """What is computed of a variant.

    Attributes
    ----------
    metrics : sequence of str
        Metrics shown for every slice and compared with the reference.
    classes : tuple of str
        Classes or labels of the task, in order.
    class_metrics : sequence of str
        Metrics of each view.
    views : tuple of str
        The views of rows that are told of: the classes, and those that are favourable together.
    depth, min_size, confidence, reference
        From the configuration.
    positive_is : {'benefit', 'burden'} or None
        What a positive decision is to the person it falls on; None where nobody said.
    """

    metrics: Sequence[str]
    depth: int
    min_size: int
    confidence: float
    reference: Mapping[str, str]
    positive_is: Literal["benefit", "burden"] | None = None
    classes: tuple[str, ...] = ()
    class_metrics: Sequence[str] = ()
    views: tuple[str, ...] = ()
