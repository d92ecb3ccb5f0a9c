"""Rows of the zoo: each table holds an id, two sensitive features, a label that follows the inputs, and them."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pyarrow as pa

from ..tiny import FEATURES, WORDS
from .zoo_modules import CODES

SERIES, PIXELS = [12, 3], [3, 16, 16]


def _people(n: int, seed: int, y: np.ndarray, **columns: Any) -> pa.Table:
    r = np.random.default_rng(seed + 1000)
    return pa.table(
        {
            "id": [f"p{seed}-{i}" for i in range(n)],
            **columns,
            "sex": r.choice(["Female", "Male"], n),
            "race": r.choice(["a", "b"], n),
            "y": np.asarray(y).astype(int),
        }
    )


def _tensors(values: np.ndarray) -> pa.Array:
    flat = values.reshape(len(values), -1).astype(np.float32)
    return pa.FixedSizeListArray.from_arrays(pa.array(flat.ravel()), flat.shape[1]).cast(
        pa.list_(pa.float32())
    )


def texts(n: int, seed: int = 0) -> pa.Table:
    """Texts of 1 to 24 words; each word has a value, and the label is the sign of their sum."""
    r = np.random.default_rng(seed)
    value = np.random.default_rng(7).normal(size=len(WORDS))
    drawn = [r.integers(0, len(WORDS), int(r.integers(1, 25))) for _ in range(n)]
    said = [" ".join(WORDS[i] for i in words) for words in drawn]
    return _people(n, seed, np.array([value[words].sum() > 0 for words in drawn]), text=said)


def numbers(n: int, seed: int = 0) -> pa.Table:
    """Four numbers."""
    r = np.random.default_rng(seed)
    x = r.normal(size=(n, 4)).astype(np.float32)
    y = x[:, 0] + x[:, 1] + 0.3 * r.normal(size=n) > 0
    return _people(n, seed, y, **{name: x[:, i] for i, name in enumerate(FEATURES)})


def codes(n: int, seed: int = 0) -> pa.Table:
    """Three columns of integer codes."""
    r = np.random.default_rng(seed)
    x = np.stack([r.integers(0, size, n) for size in CODES], 1)
    return _people(n, seed, (x.sum(1) % 5) < 2, **{f"c{i}": x[:, i] for i in range(len(CODES))})


def series(n: int, seed: int = 0) -> pa.Table:
    """Series of 12 steps of three numbers, in a column of lists."""
    r = np.random.default_rng(seed)
    x = r.normal(size=(n, *SERIES)).cumsum(1) / 3
    return _people(n, seed, x[:, -1, 0] > 0, series=_tensors(x))


def pixels(n: int, seed: int = 0) -> pa.Table:
    """Pictures as tensors, in a column of lists."""
    r = np.random.default_rng(seed)
    x = r.normal(size=(n, *PIXELS)) + r.normal(size=(n, 3, 1, 1))
    return _people(n, seed, x.mean((1, 2, 3)) > 0, pixels=_tensors(x))


def images(n: int, seed: int = 0) -> pa.Table:
    """Pictures of 32 x 32 as the bytes of PNG files."""
    from PIL import Image

    r = np.random.default_rng(seed)
    colours = r.integers(0, 256, (n, 1, 1, 3))
    noise = r.integers(-60, 60, (n, 32, 32, 3))
    pictures = np.clip(colours + noise, 0, 255).astype(np.uint8)
    files = []
    for picture in pictures:
        file = io.BytesIO()
        Image.fromarray(picture).save(file, "PNG")
        files.append(file.getvalue())
    return _people(n, seed, colours[:, 0, 0, 0] > colours[:, 0, 0, 2], image=files)
