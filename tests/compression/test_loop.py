"""The training loop: what accelerate is given is a plain torch loop, and nothing of it is left behind."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from fairweigh.compression.finetune import label_loss, targets
from fairweigh.compression.loop import train
from fairweigh.compression.registry import Context, Finetune
from fairweigh.datasets.errors import InputError
from fairweigh.models.neural import NeuralModel

from ..tiny import batch, numbers, texts
from .conftest import training_rows

PARAMS = Finetune(steps=12, lr=0.003, batch=16)


def trained(
    model: NeuralModel, table: pa.Table, seed: int = 3, progress: Callable[..., Any] | None = None
) -> Any:
    """A copy of a model that has learned the labels of a table."""
    other: Any = model.copied()
    rows = training_rows(other, table)
    target = targets(other, rows, "test")
    told: Any = {} if progress is None else {"progress": progress}
    context = Context(seed, rows.batch.slice(0, 2), **told)

    def loss(logits: Any, picked: Any) -> Any:
        return label_loss(other, logits, target[picked])

    assert train(other, loss, rows, PARAMS, context, "test") == PARAMS.steps
    return other.runtime.module


def by_hand(model: NeuralModel, table: pa.Table, seed: int = 3) -> Any:
    """The same in plain torch: AdamW, gradients cut at norm 1, 10 % of warm-up, then down to nothing."""
    import torch

    other: Any = model.copied()
    module = other.runtime.module.requires_grad_(True).train()
    encoded = other.inputs.encode(batch(table, other), None)
    labels = torch.from_numpy(table["y"].to_numpy().copy())
    optimiser = torch.optim.AdamW(module.parameters(), lr=PARAMS.lr)
    torch.manual_seed(seed)
    draw = np.random.default_rng(seed)
    order: list[int] = []
    step = 0
    while step < PARAMS.steps:
        order = order or draw.permutation(len(table)).tolist()
        picked, order = np.asarray(order[: PARAMS.batch]), order[PARAMS.batch :]
        for group in optimiser.param_groups:
            # One warm-up step of twelve; the step after it starts the way down.
            group["lr"] = PARAMS.lr * min(step + 1, (PARAMS.steps - step) / (PARAMS.steps - 1))
        tensors = {name: torch.from_numpy(values) for name, values in encoded.collate(picked).items()}
        out = module(**tensors).logits if other.runtime.by_name else module(*tensors.values())
        optimiser.zero_grad()
        torch.nn.functional.cross_entropy(out, labels[picked]).backward()
        torch.nn.utils.clip_grad_norm_(module.parameters(), 1.0)
        optimiser.step()
        step += 1
    return module.eval()


def assert_same_weights(one: Any, two: Any) -> None:
    other = two.state_dict()
    for name, value in one.state_dict().items():
        np.testing.assert_array_equal(value.detach().numpy(), other[name].detach().numpy(), err_msg=name)


@pytest.mark.parametrize("kind", ["texts with dropout", "numbers"])
def test_training_is_the_plain_torch_loop_to_the_last_bit(
    kind: str, shallow: NeuralModel, table_model: NeuralModel
) -> None:
    import torch

    model, table = (shallow, texts(50, 4)) if kind != "numbers" else (table_model, numbers(50, 4))
    seen = []
    found = trained(model, table, progress=lambda stage, done, total: seen.append((stage, done, total)))
    with torch.random.fork_rng():
        assert_same_weights(found, by_hand(model, table))
    before = next(model.runtime.module.parameters())  # type: ignore[attr-defined]
    assert not np.array_equal(next(found.parameters()).numpy(), before.detach().numpy())
    assert seen == [("training test", k + 1, PARAMS.steps) for k in range(PARAMS.steps)]
    assert not found.training
    assert not any(p.requires_grad for p in found.parameters())


def test_another_seed_trains_otherwise(table_model: NeuralModel) -> None:
    table = numbers(50, 4)
    one, two = (trained(table_model, table, seed) for seed in (3, 2**40 + 4))
    assert not np.array_equal(next(one.parameters()).numpy(), next(two.parameters()).numpy())


def test_training_leaves_no_state_behind(shallow: NeuralModel) -> None:
    """Those who draw, accelerate's singletons, its variables in the environment, its mark on the module."""
    import os

    import torch
    from accelerate.state import AcceleratorState, GradientState, PartialState

    def states() -> tuple[Any, ...]:
        return (
            random.getstate(),
            np.random.get_state(legacy=False)["state"]["key"].tolist(),
            torch.get_rng_state().tolist(),
            [dict(s._shared_state) for s in (PartialState, AcceleratorState, GradientState)],
            dict(os.environ),
        )

    random.seed(1), np.random.seed(2), torch.manual_seed(3)
    before = states()
    found = trained(shallow, texts(30, 4))
    assert states() == before
    assert not hasattr(found, "_is_accelerate_prepared")


def test_an_accelerator_of_the_calling_program_stays_as_it_was(table_model: NeuralModel) -> None:
    from accelerate import Accelerator
    from accelerate.state import AcceleratorState, GradientState

    AcceleratorState._reset_state(True)
    GradientState._reset_state()
    try:
        own = Accelerator(cpu=True, mixed_precision="bf16", gradient_accumulation_steps=4)
        found = trained(table_model, numbers(50, 4))
        assert own.mixed_precision == "bf16"
        assert own.gradient_accumulation_steps == 4
        assert str(own.device) == "cpu"
    finally:
        AcceleratorState._reset_state(True)
        GradientState._reset_state()
    # Nor is the variant trained by its settings.
    assert_same_weights(found, trained(table_model, numbers(50, 4)))


def test_what_a_launcher_put_into_the_environment_trains_nothing_otherwise(
    table_model: NeuralModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = trained(table_model, numbers(50, 4))
    for name, value in {
        "ACCELERATE_MIXED_PRECISION": "bf16",
        "ACCELERATE_TORCH_DEVICE": "meta",
        "ACCELERATE_DYNAMO_BACKEND": "INDUCTOR",
        "ACCELERATE_GRADIENT_ACCUMULATION_STEPS": "4",
        "LOCAL_RANK": "1",
        "WORLD_SIZE": "2",
    }.items():
        monkeypatch.setenv(name, value)
    found = trained(table_model, numbers(50, 4))
    assert_same_weights(plain, found)
    assert {p.device.type for p in found.parameters()} == {"cpu"}


def test_without_accelerate_training_says_what_to_install(
    table_model: NeuralModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "accelerate", None)
    with pytest.raises(
        InputError, match=r'test needs the package accelerate: pip install "fairweigh\[torch\]"'
    ):
        trained(table_model, numbers(50, 4))


def test_on_a_gpu_training_stays_there_and_repeats_itself(table_model: NeuralModel) -> None:
    import torch

    if not torch.cuda.is_available():
        pytest.skip("needs a CUDA device")
    from fairweigh.models.device import seeded
    from fairweigh.models.torch_runtime import TorchRuntime

    seeded(0)
    model: Any = table_model.copied()
    model.runtime = TorchRuntime(model.runtime.module, "cuda", by_name=False)
    one, two = (trained(model, numbers(50, 4)) for _ in range(2))
    assert {p.device.type for p in one.parameters()} == {"cuda"}
    assert_same_weights(one.cpu(), two.cpu())
