"""How questions share a batch of a causal model without a change of what it says of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ...datasets.errors import InputError
from ..extras import optional
from .packed import Row, packed

if TYPE_CHECKING:
    from .causal import Causal

WAYS = ("packed", "padded", "alike")
"""From the fastest on. ``packed``: the answers of a question stand behind one prompt, and what all prompts
begin with is read once. ``padded``: each answer has a prompt of its own. ``alike``: so, and only rows of one
length share a batch, for models that notice padding."""
APART, APART_HALF = 1e-3, 0.1
"""How far a log-likelihood may lie, for each token, from what it is alone: float32, and shorter types."""
BEGINNING = 16
PROBE = ((3, (1, 3, 2)), (5, (2, 2)), (4, (3, 1)))
"""Prompts, by their tokens behind a common beginning and those of their answers, that ways are tried with."""
BEGUN = 2
"""Tokens that all answers begin with."""
LEAST_CONTEXT = 2 * BEGINNING


def weighing(model: Causal) -> str:
    """The first way in which answers are as likely as alone."""
    if model.words.context is not None and model.words.context < LEAST_CONTEXT:
        return WAYS[-1]
    rows = _rows(model)
    tokens = np.array([BEGUN + len(answer) for row in rows for answer in row.answers])
    alone = model.weighed(rows, len(tokens), WAYS[-1])
    for way in WAYS[:-1]:
        try:
            found = model.weighed(rows, len(tokens), way)
        except InputError:
            # What such a model throws at masks that it was not made for, it does not at plain rows.
            continue
        if bool((np.abs(found - alone) <= _near(model) * tokens).all()):
            return way
    return WAYS[-1]


def writing(model: Causal, first: str) -> str:
    """The first way, from one on, in which a next token is as likely as where all is read at once.

    Raises
    ------
    InputError
        In none it is.
    """
    if model.words.context is not None and model.words.context < LEAST_CONTEXT:
        return WAYS[-1]
    rows = [row.alone()[0] for row in _rows(model)]
    alone = [_at_once(model, row) for row in rows]
    for way in WAYS[WAYS.index(first) :]:
        try:
            found = _step_by_step(model, rows, way)
        except InputError:
            continue
        if all(float((a - b).abs().mean()) <= _near(model) for a, b in zip(alone, found, strict=True)):
            return way
    raise InputError(
        "model: token by token it says other than of a whole text, so that it cannot write; expected score: "
        "likelihood or choice"
    )


def _rows(model: Causal) -> list[Row]:
    """Prompts and answers that are the same for every model of a vocabulary."""
    draw, place, rows = np.random.default_rng(0), 0, []
    beginning = draw.integers(model.vocabulary, size=BEGINNING).tolist()
    for more, lengths in PROBE:
        prompt = [*beginning, *draw.integers(model.vocabulary, size=more).tolist()]
        answers = tuple(draw.integers(model.vocabulary, size=n).tolist() for n in lengths)
        rows.append(Row(prompt, answers, tuple(range(place, place + len(answers))), BEGUN))
        place += len(answers)
    return rows


def _near(model: Causal) -> float:
    return APART if str(model.module.dtype) == "torch.float32" else APART_HALF


NEXT = (0, 1)
"""Tokens that are read one by one behind the prompts."""


def _at_once(model: Causal, row: Row) -> Any:
    with model.running():
        ids = np.array([[*row.prompt, *NEXT]])
        return model.forward(input_ids=ids, keep=1).logits[0, -1].float().log_softmax(-1)


def _step_by_step(model: Causal, rows: list[Row], way: str) -> list[Any]:
    torch = optional("torch", "a language model")
    found = []
    with model.running():
        before, rest, cache = model.shared(rows) if way == "packed" else (0, rows, None)
        for batch in [rest] if way != "alike" else [[row] for row in rest]:
            plain = [Row(row.prompt, ([0],), (0,)) for row in batch]
            going = model.continued(packed(plain, before, model.pad), before, cache, way)
            for token in NEXT:
                going.go(torch.full((len(batch),), token, device=model.device))
            # Ended rows are dropped as texts are written: here all are kept.
            going.keep(torch.arange(len(batch), device=model.device))
            found += list(going.logits.float().log_softmax(-1))
    return found
