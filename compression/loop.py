"""The one training loop, on Hugging Face accelerate: of fine-tuning, of reweighing and of students."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..datasets.errors import InputError
from ..datasets.training import TrainingRows
from ..models.extras import optional, quiet
from .registry import Context, Finetune

WARM_SHARE = 0.1
CLIP = 1.0
LAUNCHER = ("RANK", "LOCAL_RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE", "PMI_SIZE", "OMPI_COMM_WORLD_SIZE")
"""What a launcher of several processes sets; a variant is trained by one."""


def train(
    model: Any,
    loss: Any,
    rows: TrainingRows,
    params: Finetune,
    context: Context,
    name: str,
    masks: Sequence[tuple[Any, Any]] = (),
    stop: Any = None,
    only: Callable[[str], bool] | None = None,
) -> int:
    """Run AdamW with a warm-up and a linear decay, on the model's own device; returns the steps taken.

    Two calls alike give the same weights: order, dropout and whatever else is drawn come from the seed.

    Parameters
    ----------
    loss : callable (logits, positions of the rows) -> scalar tensor
    masks : sequence of (parameter, bool tensor)
        Weights that are held at zero where the mask is false.
    stop : callable (step) -> bool, optional
        Asked after every step; true ends the training.
    only : callable (name of a parameter) -> bool, optional
        Which parameters learn; default all.
    """
    torch = optional("torch", name)
    module, device = model.runtime.module, model.runtime.device
    if type(module).__name__ == "GraphModule":
        raise InputError(
            f"{name}: an exported program cannot be trained; give the module that it was made of"
        )
    for own, parameter in module.named_parameters():
        parameter.requires_grad_(parameter.is_floating_point() and (only is None or only(own)))
    learned = [p for p in module.parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW(learned, lr=params.lr)
    warm = max(1, int(params.steps * WARM_SHARE))
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda k: min((k + 1) / warm, max(0.0, (params.steps - k) / max(1, params.steps - warm)))
    )
    step = 0
    try:
        with quiet(), _accelerator(device, name) as accelerator, _seeded(context.seed, device):
            loader = _loader(model, rows, params, context.seed)
            module, optimiser, loader, schedule = accelerator.prepare(module, optimiser, loader, schedule)
            module.train()
            with torch.enable_grad():
                for tensors, picked in loader:
                    value = loss(model.head.logits(model.runtime.forward(tensors)), picked)
                    optimiser.zero_grad()
                    accelerator.backward(value)
                    accelerator.clip_grad_norm_(learned, CLIP)
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
        # accelerate's own mark on what it has prepared would travel with every copy.
        vars(module).pop("_is_accelerate_prepared", None)
    return step


def _loader(model: Any, rows: TrainingRows, params: Finetune, seed: int) -> Any:
    """Batches of the rows, as many as there are steps: tensors by name, and the positions of their rows."""
    import torch

    encoded = model.inputs.encode(rows.batch, None)

    def collate(positions: list[int]) -> tuple[dict[str, Any], NDArray[np.intp]]:
        picked = np.asarray(positions, np.intp)
        return {name: torch.from_numpy(values) for name, values in encoded.collate(picked).items()}, picked

    batches = [order.tolist() for order in islice(_epochs(rows, params.batch, seed), params.steps)]
    # Collated in this process, where the inputs are; a generator of its own leaves dropout's draws alone.
    positions: Any = range(rows.batch.num_rows)
    return torch.utils.data.DataLoader(
        positions,
        batch_sampler=batches,
        collate_fn=collate,
        num_workers=0,
        generator=torch.Generator(),
    )


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


@contextmanager
def _accelerator(device: str, name: str) -> Iterator[Any]:
    """An accelerator of one process on a device, which leaves nothing of itself behind.

    accelerate keeps its state in singletons and takes what it was not told from the environment. A program
    that runs an audit may use it itself, so its state is put back; and what a variant is must not depend
    on a shell's variables, so they are not seen.
    """
    optional("accelerate", name)
    from accelerate import Accelerator
    from accelerate.state import AcceleratorState, GradientState, PartialState
    from accelerate.utils import GradientAccumulationPlugin, patch_environment

    states = (PartialState, AcceleratorState, GradientState)
    kept = [dict(state._shared_state) for state in states]
    hidden = {k: os.environ.pop(k) for k in list(os.environ) if k.startswith("ACCELERATE_") or k in LAUNCHER}
    for state in states:
        state._reset_state()
    try:
        with patch_environment(accelerate_torch_device=device):
            accelerator = Accelerator(
                cpu=device == "cpu",
                mixed_precision="no",
                dynamo_backend="no",
                gradient_accumulation_plugin=GradientAccumulationPlugin(num_steps=1),
            )
        yield accelerator
    finally:
        os.environ.update(hidden)
        for state, before in zip(states, kept, strict=True):
            state._reset_state()
            state._shared_state.update(before)


@contextmanager
def _seeded(seed: int, device: str) -> Iterator[None]:
    """Draw from a seed, in Python, NumPy and torch; their own states are put back afterwards."""
    import torch
    from accelerate.utils import set_seed

    python, arrays = random.getstate(), np.random.get_state()
    with torch.random.fork_rng(devices=[device] if device.startswith("cuda") else []):
        # NumPy's old generator takes 32 bits.
        set_seed(seed % 2**32)
        try:
            yield
        finally:
            random.setstate(python)
            np.random.set_state(arrays)
