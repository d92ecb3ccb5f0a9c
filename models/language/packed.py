"""Questions in batches: a question's answers stand behind one prompt, and see it and themselves alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

MOST_LOGITS = 1 << 26
"""Numbers that a batch's logits may be, of those positions that are looked at."""


@dataclass(frozen=True)
class Row:
    """A prompt with answers behind it.

    Attributes
    ----------
    prompt : list of int
        Without what stands in the cache, and with what all answers begin with.
    answers : tuple of list of int
    places : tuple of int
        Of each answer, where its sum belongs.
    begun : int
        How many tokens at the prompt's end all answers begin with.
    """

    prompt: list[int]
    answers: tuple[list[int], ...]
    places: tuple[int, ...]
    begun: int = 0

    @property
    def looked_at(self) -> int:
        """Positions at the end whose logits are looked at."""
        return self.begun + 1 + self.behind

    @property
    def behind(self) -> int:
        """Tokens behind the prompt; the last of each answer is only told, not read."""
        return sum(len(answer) - 1 for answer in self.answers)

    @property
    def width(self) -> int:
        """Tokens that are read."""
        return len(self.prompt) + self.behind

    @property
    def depth(self) -> int:
        """Tokens from the prompt's beginning to the longest answer's end."""
        return len(self.prompt) + max(len(answer) for answer in self.answers) - 1

    def alone(self) -> list[Row]:
        """Each answer behind a prompt of its own."""
        each = zip(self.answers, self.places, strict=True)
        return [Row(self.prompt, (answer,), (place,), self.begun) for answer, place in each]


@dataclass(frozen=True)
class Packed:
    """A batch of rows, padded on the left.

    Attributes
    ----------
    ids, positions : int array of shape (rows, width)
    branch : int array of shape (rows, width)
        0: the prompt; from 1 on: an answer; -1: padding.
    keep : int
        Positions at the end that are looked at.
    picked : tuple of int arrays of shape (tokens,)
        Of each token of an answer: its row, the position among those kept that tells it, and the token.
    places : int array of shape (tokens,)
        Of each token, where the sum of its answer belongs.
    """

    ids: NDArray[np.int64]
    positions: NDArray[np.int64]
    branch: NDArray[np.int64]
    keep: int
    picked: tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]
    places: NDArray[np.int64]

    @property
    def forked(self) -> bool:
        """Whether a row has several answers of several tokens, which must not see each other."""
        return bool(self.branch.max() > 1)


def batches(
    rows: Sequence[Row], batch_tokens: int, vocabulary: int, *, more: int = 0, most: int | None = None,
    alike: bool = False,
) -> Iterator[list[Row]]:  # fmt: skip
    """Rows of much the same width together, longest first.

    Parameters
    ----------
    batch_tokens : int
        Tokens of a batch, padding among them; a row that is longer stands alone.
    more : int
        Tokens that are to be written behind each row.
    most : int, optional
        Rows of a batch at most.
    alike : bool
        Rows of one width only, so that none is padded.
    """
    order = sorted(rows, key=lambda row: -row.width)
    start = 0
    while start < len(order):
        first, keep, size = order[start].width, order[start].looked_at, 1
        for row in order[start + 1 :]:
            keep = max(keep, row.looked_at)
            if (
                (size + 1) * (first + more) > batch_tokens
                or (size + 1) * keep * vocabulary > MOST_LOGITS
                or (most is not None and size >= most)
                or (alike and row.width != first)
            ):
                break
            size += 1
        yield order[start : start + size]
        start += size


def packed(rows: Sequence[Row], before: int = 0, pad: int = 0) -> Packed:
    """Lay rows out.

    Parameters
    ----------
    before : int
        Tokens that stand in the cache, in front of every prompt.
    """
    width, keep = max(row.width for row in rows), max(row.looked_at for row in rows)
    ids = np.full((len(rows), width), pad, np.int64)
    positions = np.zeros((len(rows), width), np.int64)
    branch = np.full((len(rows), width), -1, np.int64)
    which, where, tokens, places = [], [], [], []
    for i, row in enumerate(rows):
        at = width - row.width
        end = at + len(row.prompt)
        ids[i, at:end], branch[i, at:end] = row.prompt, 0
        positions[i, at:end] = before + np.arange(len(row.prompt))
        last = end - 1
        number = 0
        for answer, place in zip(row.answers, row.places, strict=True):
            read = len(answer) - 1
            number += read > 0
            ids[i, end : end + read], branch[i, end : end + read] = answer[:-1], number
            positions[i, end : end + read] = before + len(row.prompt) + np.arange(read)
            begun = row.prompt[len(row.prompt) - row.begun :]
            which += [i] * (row.begun + len(answer))
            where += [*range(last - row.begun, last + 1), *range(end, end + read)]
            tokens += [*begun, *answer]
            places += [place] * (row.begun + len(answer))
            end += read
    picked = (np.array(which), np.array(where) - (width - keep), np.array(tokens))
    return Packed(ids, positions, branch, keep, picked, np.array(places))


def seen(branch: Any, before: int) -> Any:
    """Which tokens see which: a boolean tensor of shape (rows, 1, width, before + width).

    Padding sees itself, since a softmax over nothing is no number.

    Parameters
    ----------
    branch : int tensor of shape (rows, width)
    before : int
        Tokens in the cache.
    """
    import torch

    width = branch.shape[1]
    ask, told = branch[:, :, None], branch[:, None, :]
    here = ((told == 0) | (told == ask)) & (told >= 0)
    here &= torch.ones(width, width, dtype=torch.bool, device=branch.device).tril()
    here |= torch.eye(width, dtype=torch.bool, device=branch.device)
    cached = (ask >= 0).expand(-1, -1, before)
    return torch.cat([cached, here], -1)[:, None]
