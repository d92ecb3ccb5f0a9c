"""Temperature scaling: probabilities of several classes made sharper or flatter, by slice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..told import tell
from .groups import Groups

Floats = NDArray[np.float64]
LEAST = 1e-12
"""Added to a probability before its logarithm is taken, as in scikit-learn."""


@dataclass(frozen=True)
class TemperatureRule:
    """Log-probabilities are divided by the temperature of the row's slice; what is decided stays as it is.

    One number per slice keeps the order of the classes of every row: the likeliest stays the likeliest.

    Attributes
    ----------
    inverse : tuple of float
        1 / temperature per slice of ``groups.keys``, then (where other slices get one) the common one: above
        1 probabilities become sharper, below 1 flatter.

    References
    ----------
    C. Guo, G. Pleiss, Y. Sun, K. Q. Weinberger 2017, ICML 34 (On Calibration of Modern Neural Networks).
    """

    groups: Groups
    inverse: tuple[float, ...]

    def __post_init__(self) -> None:
        wanted = len(self.groups.keys) + (self.groups.unseen == "common")
        if len(self.inverse) != wanted:
            raise ValueError(f"expected {wanted} temperatures, got {len(self.inverse)}")
        if not all(np.isfinite(beta) and beta > 0 for beta in self.inverse):
            raise ValueError("expected temperatures that are finite and above 0")

    @property
    def columns(self) -> list[str]:
        """Columns that the rule reads beside the probabilities."""
        return list(self.groups.features)

    def decide(self, batch: pa.RecordBatch, score: Floats) -> tuple[None, Floats]:
        """Return scaled probabilities of the rows of a batch, float array of shape (rows, classes)."""
        each = np.asarray(self.inverse)[self.groups.codes(batch)]
        return None, scaled(score, each[:, None])

    def words(self) -> str:
        """The rule in a few words."""
        if self.groups.features:
            return tell(
                "the class that the model itself decides for; its probabilities scaled by the temperature of "
                "the row's slice ({features})",
                features=", ".join(self.groups.features),
            )
        return tell("the class that the model itself decides for; its probabilities scaled by a temperature")

    def spec(self) -> dict[str, Any]:
        """As JSON values."""
        return {"kind": "temperature", "groups": self.groups.spec(), "inverse": list(self.inverse)}


def scaled(chances: Floats, inverse: Floats | float) -> Floats:
    """Probabilities to the power of 1 / temperature, brought to a sum of 1 again.

    Parameters
    ----------
    chances : float array of shape (rows, classes)
    inverse : float, or float array of shape (rows, 1)
    """
    logits = inverse * np.log(chances + LEAST)
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))
