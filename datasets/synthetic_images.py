"""Synthetic pictures with planted bias: every confusion of every group is known in closed form.

They are drawn, not photographed: a disc on noise, brighter the higher its grade, and no picture of anybody.
Within a group ``g`` (the device that took the picture), of grade ``k`` (none, mild, severe),

    latent  z | k ~ Normal(m[k, g], 1)     with m[k, g] = MU[k] + bias * SHIFT[g][k]

and the mean of the disc lies ``CONTRAST * z`` grey levels above that of its surround. A reader who sees
nothing else cuts z at ``CUTS``, so that, with Phi the standard normal distribution function,

    P(read j | grade k, g) = Phi(CUTS[j + 1] - m[k, g]) - Phi(CUTS[j] - m[k, g])

A patient has `PICTURES` pictures whose latents share a part `SHARED` of their variance.
"""

from __future__ import annotations

import struct
import zlib

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy.special import ndtr

from .errors import InputError

Floats = NDArray[np.float64]

GRADES = ("none", "mild", "severe")
SHARES = (0.6, 0.25, 0.15)
"""Shares of the grades, in every group."""
MU = (-1.0, 1.0, 3.0)
"""Mean of the latent of each grade."""
CUTS = (-np.inf, 0.0, 2.0, np.inf)
"""Where the reader cuts the latent: below the first number nothing is seen."""
DEVICES = {"device A": 0.7, "device B": 0.3}
"""Shares of the devices; a patient has one."""
SHIFT = {"device A": (0.0, 0.0, 0.0), "device B": (0.2, -0.5, -0.8)}
"""What `bias` = 1 adds to the latent mean of each grade: pictures of device B show less."""
MAX_BIAS = 3.0
PICTURES = 2
SHARED = 0.3
SIDE = 24
"""Pixels of a side."""
CONTRAST, NOISE, GREY = 12.0, 8.0, 128.0
"""Grey levels of the disc for a latent of one, of the noise (standard deviation), and of the background."""


def pictures(n: int = 2_000, seed: int = 0, *, bias: float = 1.0) -> pa.Table:
    """Draw pictures with a reader's grade of each.

    Parameters
    ----------
    n
        Number of pictures, at least 1.
    seed
        Seed of the generator; the same n, seed and bias give the same table.
    bias
        Size of the planted differences, from 0 (none) to 3; see `confusion_truth` for what it comes to.

    Returns
    -------
    pyarrow.Table
        ``id`` and ``patient`` (two pictures each); the sensitive ``device`` and ``sex`` (of no influence);
        ``image``, a greyscale PNG as bytes; the labels ``grade`` (none, mild, severe) and ``finding`` (1
        where there is one, else 0); the reader's ``read`` (a grade) and ``z``, which the picture shows.

    Raises
    ------
    InputError
        `n` or `bias` is out of range.
    """
    if n < 1:
        raise InputError(f"n must be at least 1, got {n}")
    rng = np.random.default_rng(seed)
    patient = np.arange(n) // PICTURES
    patients = int(patient[-1]) + 1
    device = rng.choice(len(DEVICES), patients, p=list(DEVICES.values()))[patient]
    sex = rng.choice(["Female", "Male"], patients)[patient]
    grade = rng.choice(len(GRADES), n, p=SHARES)
    own, shared = rng.standard_normal(n), rng.standard_normal(patients)[patient]
    z = _means(bias)[device, grade] + np.sqrt(1 - SHARED) * own + np.sqrt(SHARED) * shared
    names = np.array(GRADES)
    width = len(str(n - 1))
    return pa.table(
        {
            "id": [f"picture-{row:0{width}d}" for row in range(n)],
            "patient": patient,
            "device": np.array(list(DEVICES))[device],
            "sex": sex,
            "image": pa.array([_png(_drawn(latent, rng)) for latent in z], pa.binary()),
            "grade": names[grade],
            "finding": (grade > 0).astype(np.int64),
            "read": names[np.digitize(z, CUTS[1:-1])],
            "z": z,
        }
    )


def confusion_truth(bias: float = 1.0) -> dict[str, Floats]:
    """Return what the reader makes of each grade, in closed form.

    Returns
    -------
    dict
        By device: float array of shape (grades, grades), row k the probabilities that a picture of grade k
        is read as each grade. Devices differ by `bias` alone.
    """
    ends = np.array(CUTS)
    mean = _means(bias)[:, :, None]
    chance = ndtr(ends[1:] - mean) - ndtr(ends[:-1] - mean)
    return dict(zip(DEVICES, chance, strict=True))


def _means(bias: float) -> Floats:
    """Return the latent mean of each grade, shape (devices, grades)."""
    if not 0 <= bias <= MAX_BIAS:
        raise InputError(f"bias must be in [0, {MAX_BIAS:g}], got {bias:g}")
    return np.array([[m + bias * s for m, s in zip(MU, SHIFT[name], strict=True)] for name in DEVICES])


def _disc() -> NDArray[np.bool_]:
    place = np.arange(SIDE) - (SIDE - 1) / 2
    return np.asarray(place[:, None] ** 2 + place[None, :] ** 2 <= (SIDE / 4) ** 2)


def _drawn(z: float, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Noise with a disc whose mean lies ``CONTRAST * z`` above that of the rest."""
    disc = _disc()
    pixels = rng.normal(0.0, NOISE, (SIDE, SIDE))
    for part, level in ((disc, CONTRAST * z / 2), (~disc, -CONTRAST * z / 2)):
        pixels[part] += GREY + level - pixels[part].mean()
    return np.clip(np.rint(pixels), 0, 255).astype(np.uint8)


def _png(pixels: NDArray[np.uint8]) -> bytes:
    """Write a greyscale PNG (ISO/IEC 15948): signature, header, one compressed stream of rows, end."""
    height, width = pixels.shape
    rows = np.hstack([np.zeros((height, 1), np.uint8), pixels])
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows.tobytes(), 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in chunks)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
