"""torch.compile: every variant is compiled by itself, and nothing of it is left for the next one."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import fairweigh
import numpy as np
import pyarrow.parquet as pq
import pytest
from fairweigh.compression.flops import flops
from fairweigh.models.compiled import forget_compiled
from fairweigh.models.torch_runtime import TorchRuntime

from ..tiny import FEATURES, mlp, numbers, write_mlp

if TYPE_CHECKING:
    from torch.nn import Sequential


pytestmark = pytest.mark.skipif(shutil.which("g++") is None, reason="torch.compile needs a compiler of C++")


@pytest.fixture(autouse=True)
def apart() -> Iterator[None]:
    """Nothing compiled before, and nothing left for other tests."""
    import torch

    torch.compiler.reset()
    yield
    torch.compiler.reset()


def entries() -> int:
    """What torch holds of all compiled modules: they share the code object that is called."""
    from torch._dynamo.eval_frame import _get_total_cache_entry_count
    from torch._dynamo.external_utils import wrap_inline

    return _get_total_cache_entry_count(wrap_inline(len).__code__)


def unlike(number: int) -> Sequential:
    """Modules of which none can be served by what was compiled for another."""
    import torch

    layers = [torch.nn.Linear(4, 4), *[torch.nn.ReLU() for _ in range(number)], torch.nn.Linear(4, 2)]
    return torch.nn.Sequential(*layers).requires_grad_(False)


SIZES = (1, 3, 8)


@pytest.fixture
def graphs_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """torch.compile without what makes code of graphs, for seconds each: entries are of what finds them."""
    import torch

    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend="eager"))


@pytest.mark.usefixtures("graphs_alone")
def test_the_fifth_compiled_module_is_still_compiled() -> None:
    """torch's own limit, of eight entries in all, ends the loop below that shares them."""
    import torch
    from torch._dynamo.exc import FailOnRecompileLimitHit

    with torch._dynamo.config.patch(fail_on_recompile_limit_hit=True):
        runtimes = [TorchRuntime(unlike(k), "cpu", by_name=False, compiled=True) for k in range(6)]
        for k, runtime in enumerate(runtimes):
            before = entries()
            for size in SIZES:
                x = np.random.default_rng(size).normal(size=(size, 4)).astype(np.float32)
                plain = runtime.module(torch.from_numpy(x)).numpy()
                np.testing.assert_allclose(runtime({"x": x}), plain, rtol=1e-5, atol=1e-6)
            assert entries() > before, k
        torch.compiler.reset()
        shared = [torch.compile(unlike(k), dynamic=True) for k in range(6)]
        with pytest.raises(FailOnRecompileLimitHit):
            _ = [module(torch.zeros(size, 4)) for module in shared for size in SIZES]


@pytest.mark.usefixtures("graphs_alone")
def test_a_released_module_leaves_nothing_and_others_go_on() -> None:
    one, two = (TorchRuntime(mlp(seed), "cpu", by_name=False, compiled=True) for seed in (1, 2))
    x = np.random.default_rng(0).normal(size=(5, 4)).astype(np.float32)
    first, second = one({"x": x}), two({"x": x})
    assert not np.array_equal(first, second)
    one.release()
    assert entries() == 0
    np.testing.assert_array_equal(two({"x": x}), second)
    assert entries() > 0
    np.testing.assert_array_equal(one({"x": x}), first)
    forget_compiled()
    assert entries() == 0


def test_what_others_have_compiled_is_left_alone_where_nothing_is_ours() -> None:
    import torch

    forget_compiled()
    theirs = torch.compile(mlp(), dynamic=True, backend="eager")
    theirs(torch.zeros(3, 4))
    before = entries()
    forget_compiled()
    assert entries() == before > 0


def test_operations_are_counted_without_compiling() -> None:
    compiled, plain = (TorchRuntime(mlp(), "cpu", by_name=False, compiled=c) for c in (True, False))
    arrays = {"x": np.zeros((3, 4), np.float32)}
    assert flops(compiled, arrays) == flops(plain, arrays)
    assert entries() == 0


def test_two_compiled_variants_of_one_audit_decide_as_each_does_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    factory = write_mlp(tmp_path, "factory_of_compiled")
    rows = numbers(200)
    pq.write_table(rows, "d.parquet")
    config = {
        "audit": "t",
        "metrics": ["accuracy"],
        "report": {"charts": False},
        "data": {"path": "d.parquet", "label": "y", "id": "id", "sensitive": ["sex"]},
        "model": {"factory": factory, "features": FEATURES},
        "compressions": [{"sweep": {name: {"compile": [True]}}} for name in ("int8-torchao", "int8-weight")],
    }
    result = fairweigh.run(config, "run")
    assert result.failed == []
    assert entries() == 0
    assert [v.kind for v in result.variants] == ["original", "compressed", "compressed"]
    scored = []
    for variant in result.variants[1:]:
        assert variant.model.told["compile"] is True
        assert variant.recipe.steps[0].notes == []
        loaded = fairweigh.load_variant(Path("run") / variant.recipe.artefact, factory=factory)
        kept = pq.read_table(f"run/predictions/{variant.name}.parquet")
        np.testing.assert_array_equal(loaded.predict(rows), kept["y_pred"].to_numpy() == 1)
        scored.append(loaded.score(rows))
        np.testing.assert_allclose(scored[-1], kept["score"].to_numpy(), atol=1e-5)
        assert entries() > 0
        forget_compiled()
    assert np.abs(scored[0] - scored[1]).max() > 1e-5


def test_without_a_compiler_it_says_so_on_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch
    from fairweigh.datasets.errors import InputError

    runtime = TorchRuntime(unlike(9), "cpu", by_name=False, compiled=True)
    missing = {"cpp.cxx": ("no-such-compiler",), "force_disable_caches": True}
    with torch._inductor.config.patch(missing), pytest.raises(InputError) as told:
        runtime({"x": np.zeros((3, 4), np.float32)})
    assert "\n" not in str(told.value)
    assert "no-such-compiler" in str(told.value)
