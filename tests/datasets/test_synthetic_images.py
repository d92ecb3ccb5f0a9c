"""Synthetic pictures: what they show is what was planted, and other readers of PNG see it too."""

from __future__ import annotations

import io
import math
from typing import Any

import numpy as np
import pytest
from fairweigh.datasets.errors import InputError
from fairweigh.datasets.synthetic_images import CONTRAST, GRADES, confusion_truth, pictures
from numpy.typing import NDArray
from PIL import Image

N = 6_000


def seen(table: Any) -> NDArray[Any]:
    """Pixels of all pictures as Pillow reads them."""
    return np.stack(
        [np.asarray(Image.open(io.BytesIO(value)), float) for value in table["image"].to_pylist()]
    )


def test_a_picture_shows_its_latent_to_whoever_opens_it() -> None:
    table = pictures(200, seed=1)
    pixels = seen(table)
    assert pixels.shape == (200, 24, 24)
    y, x = np.mgrid[:24, :24] - 11.5
    disc = x**2 + y**2 <= 36
    contrast = pixels[:, disc].mean(axis=1) - pixels[:, ~disc].mean(axis=1)
    np.testing.assert_allclose(contrast / CONTRAST, table["z"].to_numpy(), atol=0.02)


@pytest.mark.parametrize("bias", [0.0, 1.0, 2.0])
def test_readings_of_a_large_draw_are_those_of_the_closed_form(bias: float) -> None:
    """Pictures of a patient share 30 % of their variance: at most 1.3 times the variance of single ones."""
    table = pictures(N, seed=3, bias=bias)
    columns = {name: np.array(table[name].to_pylist()) for name in ("device", "grade", "read")}
    for device, truth in confusion_truth(bias).items():
        np.testing.assert_allclose(truth.sum(axis=1), 1)
        for grade, chances in zip(GRADES, truth, strict=True):
            mine = columns["read"][(columns["device"] == device) & (columns["grade"] == grade)]
            for read, p in zip(GRADES, chances, strict=True):
                assert abs((mine == read).mean() - p) <= 4 * math.sqrt(1.3 * p * (1 - p) / len(mine)) + 1e-12


def test_devices_differ_by_the_bias_alone() -> None:
    fair = confusion_truth(0.0)
    np.testing.assert_array_equal(fair["device A"], fair["device B"])
    biased = confusion_truth(1.0)
    np.testing.assert_array_equal(biased["device A"], fair["device A"])
    assert biased["device B"][2, 2] < fair["device B"][2, 2] - 0.2


def test_the_same_seed_gives_the_same_pictures() -> None:
    assert pictures(20, seed=5).equals(pictures(20, seed=5))
    assert not pictures(20, seed=5)["image"].equals(pictures(20, seed=6)["image"])


@pytest.mark.parametrize(
    ("n", "bias", "told"), [(0, 1.0, "n must be at least 1"), (5, 4.0, "bias must be in")]
)
def test_what_cannot_be_drawn_is_refused(n: int, bias: float, told: str) -> None:
    with pytest.raises(InputError, match=told):
        pictures(n, bias=bias)
