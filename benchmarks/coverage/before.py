"""Rules that verdicts and tables had before: measured for comparison, and used nowhere else."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from fairweigh.metrics.intervals import normal_quantile


def sidak_quantile(confidence: float, comparisons: int) -> float:
    """Two-sided normal quantile that holds for several comparisons together.

    Valid for correlated normal comparisons too, such as several slices against one reference
    (Z. Sidak 1967, JASA 62:626-633).
    """
    return normal_quantile(confidence ** (1 / max(comparisons, 1)))


def _score_z(theta: np.ndarray, x1: np.ndarray, n1: np.ndarray, x2: np.ndarray, n2: np.ndarray) -> np.ndarray:
    """Miettinen-Nurminen's signed score of the hypothesis p1 = theta * p2; falls with theta."""
    a = (n1 + n2) * theta
    b = -(n1 * theta + x1 + n2 + x2 * theta)
    c = x1 + x2
    p2 = 2 * c / (-b + np.sqrt(np.maximum(b * b - 4 * a * c, 0)))
    p1 = np.minimum(theta * p2, 1)
    variance = (p1 * (1 - p1) / n1 + theta**2 * p2 * (1 - p2) / n2) * (n1 + n2) / (n1 + n2 - 1)
    return np.asarray((x1 / n1 - theta * x2 / n2) / np.sqrt(np.maximum(variance, 1e-300)))


def score_ratio(
    x1: np.ndarray, n1: np.ndarray, x2: np.ndarray, n2: np.ndarray, z: float
) -> tuple[np.ndarray, np.ndarray]:
    """Score limits of the ratio of two independent proportions ``(x1/n1) / (x2/n2)``.

    O. Miettinen, M. Nurminen 1985, Stat. Med. 4:213-226, solved on the logarithm of the ratio. nan
    where a denominator or both numerators are 0; the upper limit is inf where ``x2`` is 0.
    """
    x1, n1, x2, n2 = np.broadcast_arrays(*(np.asarray(v, float) for v in (x1, n1, x2, n2)))
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        centre = np.log((x1 + 0.5) / (n1 + 0.5)) - np.log((x2 + 0.5) / (n2 + 0.5))
        reach = 1 + 2 * z * np.sqrt(1 / (x1 + 0.5) + 1 / (x2 + 0.5))

        def solve(target: float) -> np.ndarray:
            def above(log_ratio: np.ndarray) -> np.ndarray:
                return _score_z(np.exp(log_ratio), x1, n1, x2, n2) - target

            return np.exp(_falling_root(above, centre - reach, centre + reach))

        undefined = (n1 <= 0) | (n2 <= 0) | ((x1 == 0) & (x2 == 0))
        low = np.where(x1 == 0, 0.0, solve(z))
        high = np.where(x2 == 0, np.inf, solve(-z))
    return np.where(undefined, np.nan, low), np.where(undefined, np.nan, high)


def _falling_root(f: Callable[[np.ndarray], np.ndarray], low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Root of a falling function, elementwise: the Illinois variant of the false position.

    A bracket that does not hold the root is widened first. M. Dowell, P. Jarratt 1971, BIT 11:168-174.
    """
    f_low, f_high = f(low), f(high)
    for _ in range(8):
        width = high - low
        low, high = np.where(f_low < 0, low - width, low), np.where(f_high > 0, high + width, high)
        if not (np.any(f_low < 0) or np.any(f_high > 0)):
            break
        f_low, f_high = f(low), f(high)
    side = np.zeros(np.shape(low))
    for _ in range(60):
        middle = np.clip((low * f_high - high * f_low) / (f_high - f_low), low, high)
        middle = np.where(np.isnan(middle), (low + high) / 2, middle)
        value = f(middle)
        up = value > 0
        # Halving the kept end's value when the same end moves twice is what keeps this superlinear.
        f_high = np.where(up & (side > 0), f_high / 2, np.where(up, f_high, value))
        f_low = np.where(~up & (side < 0), f_low / 2, np.where(up, value, f_low))
        low, high = np.where(up, middle, low), np.where(up, high, middle)
        side = np.where(up, 1, -1)
        if np.all((np.abs(value) < 1e-12) | (high - low < 1e-13) | np.isnan(value)):
            break
    return np.where(np.abs(f_low) < np.abs(f_high), low, high)
