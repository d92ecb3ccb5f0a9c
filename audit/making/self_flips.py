"""How many decisions of a model another batching changes: the floor under every flip rate."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext

import numpy as np
import pyarrow as pa

from ...metrics.exact import clopper_pearson
from ...models.base import Model, Scored
from ...models.extras import quiet
from ...models.rules import unruled
from ...told import tell
from ..config import Config
from ..result import SelfFlips

SAMPLE_ROWS = 1024
"""Rows of the floor, spread over the data, on which variants are traced, timed and checked too."""
STEADY_ROWS = 256
"""Rows of the original's floor where no variants are made."""
PIECE_ROWS = 64


def as_said(scored: Scored) -> Scored:
    """What a model says, as it is: nobody judges it."""
    return scored


def self_flips(
    model: Model, rows: pa.RecordBatch, config: Config, judged: Callable[[Scored], Scored] = as_said
) -> SelfFlips | None:
    """Score some rows as the audit does, and again shuffled and in pieces of other sizes.

    What flips then flips for no reason of the model's own: the floor under every flip rate. Texts that are
    drawn are drawn anew, with another seed. None of a model that decides nothing. ``judged`` makes decisions
    of answers in words.
    """
    draw = np.random.default_rng(config.seed)
    most = unruled(model).most_again
    if most is not None and rows.num_rows > most:
        rows = rows.take(pa.array(np.linspace(0, rows.num_rows - 1, most).astype(np.int64)))
    before = judged(model.score(rows, None))
    if before.decision is None:
        return None
    other = unruled(model).drawn_again()
    drawn = other is not unruled(model)
    order = draw.permutation(rows.num_rows)
    decision = np.empty_like(before.decision)
    score = None if before.score is None else np.empty_like(before.score)
    start = 0
    # What people wrote themselves may say what it likes.
    with quiet() if unruled(model).batched else nullcontext():
        while start < len(order):
            piece = order[start : start + int(draw.integers(1, PIECE_ROWS + 1))]
            again = judged((other if drawn else model).score(rows.take(pa.array(piece)), None))
            decision[piece] = again.decision
            if score is not None:
                score[piece] = again.score
            start += len(piece)
    flips = int((decision != before.decision).reshape(rows.num_rows, -1).any(axis=1).sum())
    low, high = clopper_pearson(flips, rows.num_rows, (1 - config.confidence) / 2)
    return SelfFlips(
        rows=rows.num_rows,
        flips=flips,
        rate=flips / rows.num_rows,
        low=float(low),
        high=float(high),
        largest_score_change=None
        if score is None or before.score is None
        else float(np.abs(score - before.score).max()),
        batching=tell("other draws, in batches of 1 to {n} rows", n=PIECE_ROWS)
        if drawn
        else tell("shuffled, in batches of 1 to {n} rows", n=PIECE_ROWS),
    )
