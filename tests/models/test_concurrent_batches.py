"""Batches side by side: the same scores, nothing shared between threads, and the threads given back."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from fairweigh.models.concurrent_batches import side_by_side
from fairweigh.models.torch_runtime import TorchRuntime

from ..tiny import batch, load, texts


@pytest.fixture
def two_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    assert torch.get_num_threads() == 2
    torch.set_num_threads(before)


class Writing(torch.nn.Module):
    """Keeps what it is given in itself until another thread has done the same."""

    def __init__(self, meeting: threading.Barrier) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.eye(2), requires_grad=False)
        self.register_buffer("seen", torch.zeros(1, 2))
        inner: Any = torch.nn.Module()
        inner.meeting = meeting
        self.inner: Any = inner

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.seen, self.inner.kept = x, x
        self.inner.meeting.wait(timeout=20)
        assert self.seen is self.inner.kept
        return self.seen @ self.weight


def test_a_module_that_writes_to_itself_serves_two_threads(two_threads: Any) -> None:
    """The barrier breaks where the two batches do not run at the same time."""
    runtime = TorchRuntime(Writing(threading.Barrier(2)), "cpu", by_name=True)
    batches = [{"x": np.full((1, 2), k, np.float32)} for k in range(8)]
    found = list(side_by_side(runtime, batches, lambda own, arrays: own(arrays)))
    np.testing.assert_array_equal(np.concatenate(found)[:, 0], np.arange(8))
    assert runtime.module.seen.sum() == 0


def test_scores_are_those_of_one_batch_after_the_other(bert: Path, two_threads: Any) -> None:
    table = texts(150, seed=3)
    model = load("transformers", table, text="text", path=str(bert), batch_rows=16)
    rows = batch(table, model)
    assert model.runtime.shared_threads == 2
    aside = model.logits(rows)
    torch.set_num_threads(1)
    assert model.runtime.shared_threads == 1
    np.testing.assert_allclose(aside, model.logits(rows), atol=1e-6)
    torch.set_num_threads(2)
    np.testing.assert_array_equal(aside, model.logits(rows))


def test_siblings_have_the_same_tensors_and_modules_of_their_own(bert: Path) -> None:
    runtime = load("transformers", texts(4), text="text", path=str(bert)).runtime
    own = runtime.sibling()
    ours, theirs = (dict(r.module.named_parameters()) for r in (runtime, own))
    assert list(ours) == list(theirs)
    assert all(ours[name] is theirs[name] for name in ours)
    modules = (set(map(id, r.module.modules())) for r in (runtime, own))
    assert not set.intersection(*modules)


def test_what_breaks_in_a_thread_is_raised_and_the_threads_are_given_back(two_threads: Any) -> None:
    runtime = TorchRuntime(torch.nn.Linear(2, 2), "cpu", by_name=True)

    def run(own: Any, number: Any) -> Any:
        assert torch.get_num_threads() == 1
        if number == 3:
            raise MemoryError("the third")
        return number

    with pytest.raises(MemoryError, match="the third"):
        list(side_by_side(runtime, range(6), run))


def test_compiled_modules_tables_and_single_batches_have_all_threads(two_threads: Any) -> None:
    table = TorchRuntime(torch.nn.Linear(2, 2), "cpu", by_name=False)
    compiled = TorchRuntime(torch.nn.Linear(2, 2), "cpu", by_name=True, compiled=True)
    assert table.shared_threads == compiled.shared_threads == 1
    texts_of = TorchRuntime(torch.nn.Linear(2, 2), "cpu", by_name=True)
    assert list(side_by_side(texts_of, [0], lambda own, _: (own, torch.get_num_threads()))) == [(texts_of, 2)]
