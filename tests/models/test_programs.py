"""Exported programs are given what their inputs take, or refuse what the rows give in one line."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from fairweigh.datasets.errors import InputError
from fairweigh.models.pixels import image_inputs
from fairweigh.models.sources import exported
from fairweigh.models.torch_runtime import TorchRuntime, ports_of


class Levels(torch.nn.Module):
    """Takes pixels as whole numbers from 0 to 255."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layers = torch.nn.Sequential(
            torch.nn.Conv2d(3, 4, 3), torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(), torch.nn.Linear(4, 2)
        )

    def forward(self, x: Any) -> Any:
        return self.layers(x.float() / 255)


def of_levels(path: Path) -> Path:
    x = torch.zeros(2, 3, 16, 16, dtype=torch.uint8)
    program = torch.export.export(Levels().eval(), (x,), dynamic_shapes=({0: torch.export.Dim("n")},))
    torch.export.save(program, path)
    return path


def test_a_program_of_whole_numbers_is_given_these_or_refuses(tmp_path: Path) -> None:
    runtime = TorchRuntime(exported(of_levels(tmp_path / "u8.pt2")), "cpu", by_name=False)
    levels = np.random.default_rng(0).integers(0, 256, (3, 3, 16, 16)).astype(np.float32)
    with torch.no_grad():
        expected = Levels().eval()(torch.from_numpy(levels)).numpy()
    np.testing.assert_allclose(runtime({"x": levels}), expected, atol=1e-6)
    with pytest.raises(
        InputError, match=r"takes whole numbers \(tensor\(uint8\)\).*model\.pixels\.divide_by"
    ):
        runtime({"x": levels / 255})
    with pytest.raises(InputError, match=r"has the shape \(any, 3, 16, 16\), the rows give .*model\.shape"):
        runtime({"x": levels.transpose(0, 2, 3, 1)})


def test_a_program_of_whole_features_refuses_others(tmp_path: Path) -> None:
    class Codes(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.table = torch.nn.Embedding(9, 2)

        def forward(self, x: Any) -> Any:
            return self.table(x).sum(1)

    n = {0: torch.export.Dim("n")}
    program = torch.export.export(Codes(), (torch.zeros(2, 3, dtype=torch.long),), dynamic_shapes=(n,))
    torch.export.save(program, tmp_path / "codes.pt2")
    runtime = TorchRuntime(exported(tmp_path / "codes.pt2"), "cpu", by_name=False)
    assert runtime({"x": np.ones((4, 3), np.float32)}).shape == (4, 2)
    with pytest.raises(
        InputError, match=r"whole numbers \(tensor\(int64\)\), the rows give others, such as 0.5$"
    ):
        runtime({"x": np.full((4, 3), 0.5, np.float32)})


def test_wrong_axes_of_a_module_name_the_key() -> None:
    runtime = TorchRuntime(Levels(), "cpu", by_name=False)
    with pytest.raises(InputError, match=r"cannot score rows of the shape \[16, 16, 3\] \(model\.shape\): "):
        runtime({"x": np.zeros((2, 16, 16, 3), np.float32)})


def test_the_size_of_images_is_that_of_the_program(tmp_path: Path) -> None:
    ports = ports_of(exported(of_levels(tmp_path / "u8.pt2")))
    spec = SimpleNamespace(processor=None, shape=None, pixels=None, image="file")
    assert image_inputs(spec, ports[0].shape).reader.describe()["shape"] == [3, 16, 16]
