"""Fine-tuning: a model learns the labels of training rows on, after a step that hurt it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..datasets.errors import InputError
from ..datasets.training import TrainingRows
from ..models.extras import optional
from ..models.language.changeable import NO_LABEL, is_language, next_words
from ..told import tell, told_series
from .loop import train
from .registry import Context, Done, Finetune


def fine_tune(
    model: Any, params: Finetune, context: Context, masks: Sequence[tuple[Any, Any]], name: str
) -> tuple[str, str]:
    """Train a model on the labels of the training rows, in place.

    Parameters
    ----------
    masks : sequence of (parameter, bool tensor)
        Weights that are held at zero where the mask is false.

    Returns
    -------
    trained_on, told : str
    """
    rows = context.rows(name)
    steps = train(model, _loss(model, rows, name), rows, params, context, name, masks)
    return rows.about, tell("fine-tuned for {steps} steps of {batch} rows", steps=steps, batch=params.batch)


def _loss(model: Any, rows: TrainingRows, name: str) -> Callable[[Any, NDArray[np.intp]], Any]:
    """What training makes small: the loss of labels, of a language model that of the next words."""
    if is_language(model):
        return next_word_loss(model, rows, f"{name}.finetune")
    target = targets(model, rows, name)

    def loss(logits: Any, picked: NDArray[np.intp]) -> Any:
        return label_loss(model, logits, target[picked])

    return loss


def next_word_loss(model: Any, rows: TrainingRows, name: str) -> Callable[[Any, NDArray[np.intp]], Any]:
    """Mean cross-entropy of the word that comes next, over all places of some texts."""
    torch = optional("torch", "training")
    if model.engine.kind == "masked-lm":
        raise InputError(
            f"{name}: a masked language model learns by filling gaps and not by the next word; leave it out"
        )
    encoded = model.inputs.encode(rows.batch, None)

    def loss(logits: Any, picked: NDArray[np.intp]) -> Any:
        wanted = torch.from_numpy(next_words(encoded.collate(picked))).to(logits.device)
        return torch.nn.functional.cross_entropy(
            logits.float().flatten(0, 1), wanted.flatten(), ignore_index=NO_LABEL
        )

    return loss


def then_tune(
    model: Any,
    params: Finetune | None,
    context: Context,
    done: Done,
    layers: Sequence[tuple[Any, str]],
    name: str,
) -> None:
    """Fine-tune after a step where that is asked for, and tell it.

    Parameters
    ----------
    layers : sequence of (module, name of its weight)
        What of their weights is zero stays zero.
    """
    if params is None:
        return
    masks = [(getattr(m, n), getattr(m, n) != 0) for m, n in layers]
    done.trained_on, told = fine_tune(model, params, context, masks, name)
    done.changed = told_series([done.changed, told])


def targets(model: Any, rows: TrainingRows, name: str) -> NDArray[Any]:
    """What each training row should give; InputError for rows without usable labels."""
    if rows.labels is None:
        raise InputError(f"{name}: the training rows have no label to learn from")
    found: NDArray[Any] = model.head.targets(rows.labels, rows.classes, name)
    return found


def label_loss(
    model: Any, logits: Any, target: NDArray[Any], weights: NDArray[np.float64] | None = None
) -> Any:
    """Mean loss of logits against labels, each row's times its weight where rows carry some."""
    import torch

    losses = model.head.losses(logits, torch.from_numpy(target).to(logits.device))
    if weights is not None:
        losses = losses * torch.from_numpy(weights).to(losses)
    return losses.mean()
