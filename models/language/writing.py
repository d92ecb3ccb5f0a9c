"""Texts written token by token, each row with random numbers of its own."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ...datasets.errors import InputError
from .engine import Prompt, Sampling

Keys = NDArray[np.int64]


class Going(Protocol):
    """A batch of texts under way."""

    logits: Any
    """Of the next token, a tensor of shape (rows, vocabulary)."""

    def go(self, tokens: Any) -> None:
        """Read a token for each row."""
        ...

    def keep(self, rows: Any) -> None:
        """Go on with some of the rows alone."""
        ...


def keyed(prompts: Sequence[Prompt], seeds: Sequence[int]) -> Keys:
    """What each text's random numbers follow from: its seed and its prompt, and not the rows beside it."""
    told = (f"{s} {len(p.system)} {p.system}{p.text}" for p, s in zip(prompts, seeds, strict=True))
    digests = [hashlib.blake2b(text.encode(), digest_size=8).digest() for text in told]
    return np.frombuffer(b"".join(digests), np.int64).copy()


def write(going: Going, sampling: Sampling, keys: Keys, ends: frozenset[int]) -> list[tuple[list[int], bool]]:
    """Write until each text has ended or is as long as it may be.

    Returns
    -------
    list of (tokens, whole)
        Without the mark of an end; whether the text ended by itself.
    """
    import torch

    texts: list[list[int]] = [[] for _ in keys]
    whole = [False] * len(keys)
    rows = list(range(len(keys)))
    stop = torch.tensor(sorted(ends), dtype=torch.long, device=going.logits.device)
    noise = torch.from_numpy(keys).to(going.logits.device)
    for step in range(sampling.max_new_tokens):
        chosen = next_of(going.logits, sampling, noise, step)
        ended = torch.isin(chosen, stop).tolist()
        for row, token, end in zip(rows, chosen.tolist(), ended, strict=True):
            if row < 0 or whole[row]:
                continue
            if end:
                whole[row] = True
            else:
                texts[row].append(token)
        alive = [i for i, row in enumerate(rows) if not whole[row]]
        if not alive or step + 1 == sampling.max_new_tokens:
            break
        going.go(chosen)
        # Rows that have ended are carried along until they are half of all: to drop them copies the others.
        if 2 * len(alive) <= len(rows):
            index = torch.tensor(alive, device=noise.device)
            going.keep(index)
            noise, rows = noise[index], [rows[i] for i in alive]
    return list(zip(texts, whole, strict=True))


def next_of(logits: Any, sampling: Sampling, keys: Any, step: int) -> Any:
    """The next token of each row: the likeliest, or one drawn.

    A token is drawn as the largest of its logit and Gumbel noise that follows from key, step and token alone.
    Of two models that are much alike with the same noise, this draws the same token wherever it can: it
    differs with a probability of at most 2 d / (1 + d), d being the total variation between the two
    distributions. The inverse of a cumulated distribution would differ far more often.

    Parameters
    ----------
    logits : tensor of shape (rows, vocabulary)
    keys : int64 tensor of shape (rows,)
    step : int
    """
    import torch

    largest = logits.max(-1)
    if not bool(torch.isfinite(largest.values).all()):
        raise InputError("model: expected finite logits, got NaN or infinity")
    if not sampling.temperature:
        return largest.indices
    scores = logits.double() / sampling.temperature
    if sampling.top_p < 1:
        scores = _nucleus(scores, sampling.top_p)
    return (scores + gumbel(keys, step, logits.shape[-1])).argmax(-1)


def _nucleus(scores: Any, top_p: float) -> Any:
    """The likeliest tokens that together have a share; all others at -inf (Holtzman et al. 2020)."""
    ordered, order = scores.sort(dim=-1, descending=True, stable=True)
    chances = ordered.softmax(-1)
    beyond = chances.cumsum(-1) - chances >= top_p
    return scores.masked_fill(beyond.scatter(-1, order, beyond), float("-inf"))


def gumbel(keys: Any, step: int, size: int) -> Any:
    """Gumbel noise by key, step and place, from a hash: the same on every device and in every batch.

    Parameters
    ----------
    keys : int64 tensor of shape (rows,)

    Returns
    -------
    float64 tensor of shape (rows, size)
    """
    import torch

    places = torch.arange(size, device=keys.device)
    own = _mixed(_mixed(keys) + step)
    bits = _mixed(own[:, None] ^ _mixed(places)[None, :])
    # 53 bits of a number within (0, 1), its ends left out.
    uniform = (_shifted(bits, 11).double() + 0.5) * 2.0**-53
    return -torch.log(-torch.log(uniform))


def _mixed(x: Any) -> Any:
    """A hash of 64 bits: the finaliser of SplitMix64 (Steele, Lea and Flood 2014); products wrap around."""
    x = x + _signed(0x9E3779B97F4A7C15)
    x = (x ^ _shifted(x, 30)) * _signed(0xBF58476D1CE4E5B9)
    x = (x ^ _shifted(x, 27)) * _signed(0x94D049BB133111EB)
    return x ^ _shifted(x, 31)


def _signed(x: int) -> int:
    return x - (1 << 64) if x >= 1 << 63 else x


def _shifted(x: Any, by: int) -> Any:
    """Shift right, zeros coming in at the left."""
    return (x >> by) & ((1 << (64 - by)) - 1)
