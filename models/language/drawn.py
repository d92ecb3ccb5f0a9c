"""The next token of a text, in NumPy: likeliest, or drawn with the noise that `writing` draws with.

Runtimes without torch draw here. Key, step and token give the same noise as there, so that an original in
torch and its export to another runtime draw the same token wherever they can.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...datasets.errors import InputError
from .engine import Floats, Sampling

Bits = NDArray[np.uint64]


def next_token(logits: NDArray[np.floating], sampling: Sampling, key: int, step: int) -> int:
    """The likeliest token, or one drawn.

    Parameters
    ----------
    logits : array of shape (vocabulary,)
    key : int
        Of 64 bits, of the text.

    Raises
    ------
    InputError
        A logit is NaN, or the largest is infinite.
    """
    if not np.isfinite(logits.max()):
        raise InputError("model: expected finite logits, got NaN or infinity")
    if not sampling.temperature:
        return int(logits.argmax())
    scores = logits.astype(np.float64) / sampling.temperature
    if sampling.top_p < 1:
        scores = _nucleus(scores, sampling.top_p)
    return int((scores + gumbel(key, step, len(logits))).argmax())


def log_softmax(logits: NDArray[np.floating]) -> Floats:
    """Log-probabilities along the last axis, in float64.

    Raises
    ------
    InputError
        A logit is NaN, or the largest is infinite.
    """
    values = logits.astype(np.float64)
    largest = values.max(-1, keepdims=True)
    if not np.isfinite(largest).all():
        raise InputError("model: expected finite logits, got NaN or infinity")
    values -= largest
    found: Floats = values - np.log(np.exp(values).sum(-1, keepdims=True))
    return found


def _nucleus(scores: Floats, top_p: float) -> Floats:
    """The likeliest tokens that together have a share; all others at -inf (Holtzman et al. 2020)."""
    order = np.argsort(-scores, kind="stable")
    chances = np.exp(log_softmax(scores[order]))
    beyond = np.cumsum(chances) - chances >= top_p
    kept = scores.copy()
    kept[order[beyond]] = -np.inf
    return kept


def gumbel(key: int, step: int, size: int) -> Floats:
    """Gumbel noise by key, step and place; see `writing.gumbel`."""
    with np.errstate(over="ignore"):
        own = _mixed(_mixed(np.array([key], np.int64).view(np.uint64)) + np.uint64(step))
        bits = _mixed(own ^ _mixed(np.arange(size, dtype=np.uint64)))
    # 53 bits of a number within (0, 1), its ends left out.
    uniform = ((bits >> np.uint64(11)).astype(np.float64) + 0.5) * 2.0**-53
    found: Floats = -np.log(-np.log(uniform))
    return found


def _mixed(x: Bits) -> Bits:
    """A hash of 64 bits: the finaliser of SplitMix64 (Steele, Lea and Flood 2014); products wrap around."""
    x = x + np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))
