"""Training after compression, and of students: on training rows only, seeded, with progress."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..datasets.errors import InputError
from ..datasets.training import TrainingRows
from ..models.extras import optional, quiet
from ..told import tell
from .recipes import Context, Done, Finetune

WARM_SHARE = 0.1
CLIP = 1.0


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
    target = targets(model, rows, name)

    def loss(logits: Any, picked: NDArray[np.intp]) -> Any:
        return label_loss(model, logits, target[picked])

    steps = train(model, loss, rows, params, context, name, masks)
    return rows.about, tell("fine-tuned for {steps} steps of {batch} rows", steps=steps, batch=params.batch)


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
    done.changed += f"; {told}"


def targets(model: Any, rows: TrainingRows, name: str) -> NDArray[np.int64]:
    """The output that each training row should give; InputError for rows without usable labels."""
    if rows.labels is None:
        raise InputError(f"{name}: the training rows have no label to learn from")
    if model.head.kind == "sigmoid":
        return rows.labels.astype(np.int64)
    if len(model.head.labels) != 2 or len(model.head.positive) != 1:
        raise InputError(
            f"{name}: fine-tuning knows two classes, the model has {len(model.head.labels)} outputs"
        )
    yes = model.head.positive[0]
    return np.asarray(np.where(rows.labels, yes, 1 - yes), np.int64)


def label_loss(
    model: Any, logits: Any, target: NDArray[np.int64], weights: NDArray[np.float64] | None = None
) -> Any:
    """Mean cross entropy of logits and labels, each row's times its weight where rows carry some."""
    import torch

    wanted = torch.from_numpy(target).to(logits.device)
    if model.head.kind == "sigmoid":
        chosen = logits[:, model.head.positive[0]]
        losses = torch.nn.functional.binary_cross_entropy_with_logits(
            chosen, wanted.to(chosen.dtype), reduction="none"
        )
    else:
        losses = torch.nn.functional.cross_entropy(logits, wanted, reduction="none")
    if weights is not None:
        losses = losses * torch.from_numpy(weights).to(losses)
    return losses.mean()


def train(
    model: Any,
    loss: Any,
    rows: TrainingRows,
    params: Finetune,
    context: Context,
    name: str,
    masks: Sequence[tuple[Any, Any]] = (),
    stop: Any = None,
) -> int:
    """Run AdamW with a warm-up and a linear decay; returns the steps taken.

    Parameters
    ----------
    loss : callable (logits, positions of the rows) -> scalar tensor
    stop : callable (step) -> bool, optional
        Asked after every step; true ends the training.
    """
    torch = optional("torch", name)
    module = model.runtime.module
    if type(module).__name__ == "GraphModule":
        raise InputError(
            f"{name}: an exported program cannot be trained; give the module that it was made of"
        )
    torch.manual_seed(context.seed)
    for parameter in module.parameters():
        parameter.requires_grad_(parameter.is_floating_point())
    learned = [p for p in module.parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW(learned, lr=params.lr)
    warm = max(1, int(params.steps * WARM_SHARE))
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda k: min((k + 1) / warm, max(0.0, (params.steps - k) / max(1, params.steps - warm)))
    )
    encoded = model.inputs.encode(rows.batch, None)
    module.train()
    step = 0
    try:
        with torch.enable_grad(), quiet():
            for picked in _epochs(rows, params.batch, context.seed):
                if step == params.steps:
                    break
                value = loss(model.runtime.outputs(encoded.collate(picked)), picked)
                optimiser.zero_grad()
                value.backward()
                torch.nn.utils.clip_grad_norm_(learned, CLIP)
                optimiser.step()
                schedule.step()
                with torch.no_grad():
                    for parameter, mask in masks:
                        parameter.masked_fill_(~mask, 0.0)
                step += 1
                context.progress(f"training {name}", step, params.steps)
                if not torch.isfinite(value):
                    raise InputError(
                        f"{name}: the training diverged at step {step} (loss {float(value)}); lower lr"
                    )
                if stop is not None and stop(step):
                    break
    finally:
        module.eval()
        for parameter in module.parameters():
            parameter.requires_grad_(False)
    return step


def _epochs(rows: TrainingRows, size: int, seed: int) -> Iterator[NDArray[np.intp]]:
    """Batches of row positions without end: shuffled epochs, or draws by weight where rows carry some."""
    draw = np.random.default_rng(seed)
    count = rows.batch.num_rows
    while True:
        if rows.weights is not None:
            order = draw.choice(count, count, p=rows.weights / rows.weights.sum())
        else:
            order = draw.permutation(count)
        for start in range(0, count, size):
            yield order[start : start + size]
