"""Decisions of the model itself that depend on the rows beside: told with and without variants."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ..tiny import FEATURES, numbers, write_mlp

WORDS = "decisions of the model changed when the same rows were batched otherwise"
BY_BATCH = """
import torch


class Beside(torch.nn.Module):
    def forward(self, x):
        z = x[:, :1] - x[:, :1].mean(dim=0)
        return torch.cat([-z, z], dim=1)


def make():
    return Beside()
"""


@pytest.mark.parametrize("compressions", [[], ["bf16"]])
def test_a_model_that_decides_a_row_by_its_neighbours_is_told(
    compressions: Any, audited: Callable[..., Any], make_config: Callable[..., dict[str, Any]], here: Path
) -> None:
    Path("beside_in_a_batch.py").write_text(BY_BATCH)
    spec = {"kind": "torch", "features": FEATURES, "batch_rows": 16, "factory": "beside_in_a_batch:make"}
    result = audited(make_config(model=spec, compressions=compressions), numbers(200))
    flips = result["variants"][0]["self_flips"]["flips"]
    assert flips > 5
    assert [w for w in result["data"]["warnings"] if w.startswith(f"{flips} of 200 {WORDS}")]


def test_nothing_is_told_of_a_model_that_decides_each_row_alone(
    audited: Callable[..., Any], make_config: Callable[..., dict[str, Any]], here: Path
) -> None:
    spec = {"kind": "torch", "features": FEATURES, "factory": write_mlp(here, "mlp_beside_none")}
    result = audited(make_config(model=spec), numbers(200))
    assert result["variants"][0]["self_flips"]["flips"] == 0
    assert not [w for w in result["data"]["warnings"] if WORDS in w]
