"""Images as plain pixels: resized to what a model takes, in its axes, scaled, for one without a processor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..datasets.errors import InputError
from .extras import optional
from .image_sizes import MOST
from .images import ImageInputs, ImageReader, Processor, processor_from

COLOURS = {1: "L", 3: "RGB"}
"""Modes of pillow by the number of channels."""


@dataclass(frozen=True)
class Pixels:
    """How an image becomes numbers: ``(resized / divide_by - mean) / std``, in the axes of a shape.

    Attributes
    ----------
    shape : sequence of int
        Of one image: channels (1 for grey or 3) first or last, or none where it has two axes.
    divide_by : float
        What the levels from 0 to 255 are divided by.
    mean, std : sequence of float
        One number, or one for each channel.
    shorter_side : int, optional
        Pixels that the shorter side is resized to before the middle is cut out; default the whole image is
        resized, whatever its proportions.
    resample : str
        Filter of pillow, by which images that grow smaller are smoothed too.
    """

    shape: Sequence[int]
    divide_by: float = 255.0
    mean: Sequence[float] = (0.0,)
    std: Sequence[float] = (1.0,)
    shorter_side: int | None = None
    resample: str = "bilinear"

    def __post_init__(self) -> None:
        """Hold the numbers to the shape."""
        channels = self._axes[0]
        for key in ("mean", "std"):
            if len(getattr(self, key)) not in (1, channels):
                raise InputError(
                    f"model.pixels.{key}: expected one number, or one for each of {channels} channels "
                    f"(model.shape: {list(self.shape)}), got {len(getattr(self, key))}"
                )
        _, height, width = self._axes
        if self.shorter_side is not None and self.shorter_side < max(height, width):
            raise InputError(
                f"model.pixels.shorter_side: expected at least {max(height, width)}, as {height} x {width} "
                f"pixels are cut out, got {self.shorter_side}"
            )
        side = max(self.shorter_side or 0, height, width)
        if channels * side * side > MOST:
            raise InputError(
                f"model.shape: expected images of at most {MOST:,} numbers, got {listed_shape(self.shape)}"
            )

    @property
    def _axes(self) -> tuple[int, int, int]:
        """Channels, height and width."""
        if len(self.shape) == 2:
            return (1, self.shape[0], self.shape[1])
        if len(self.shape) == 3 and self.shape[0] in COLOURS:
            return (self.shape[0], self.shape[1], self.shape[2])
        if len(self.shape) == 3 and self.shape[-1] in COLOURS:
            return (self.shape[2], self.shape[0], self.shape[1])
        raise InputError(
            "model.shape: expected that of an image, 1 or 3 channels first or last, such as [3, 224, 224]; "
            f"got {listed_shape(self.shape)}"
        )

    def __call__(self, images: Sequence[Any]) -> NDArray[np.float32]:
        """Return the numbers of images in colour, float array of shape (images, *shape)."""
        channels = self._axes[0]
        resized = np.stack([self._resized(image.convert(COLOURS[channels])) for image in images])
        levels = resized.reshape(*resized.shape[:3], channels).astype(np.float32) / np.float32(self.divide_by)
        made = (levels - np.asarray(self.mean, np.float32)) / np.asarray(self.std, np.float32)
        if tuple(self.shape) == self._axes:
            made = made.transpose(0, 3, 1, 2)
        return np.ascontiguousarray(made, np.float32).reshape(-1, *self.shape)

    def _resized(self, image: Any) -> NDArray[np.uint8]:
        """The pixels of an image in the wanted size."""
        by = optional("PIL.Image", "an image model").Resampling[self.resample.upper()]
        channels, height, width = self._axes
        if self.shorter_side is None:
            return np.asarray(image.resize((width, height), by))
        # Rounded as torchvision's Resize and CenterCrop round, since models are trained behind these.
        short, wide, high = min(image.size), image.width, image.height
        size = [
            self.shorter_side if one == short else self.shorter_side * one // short for one in (wide, high)
        ]
        if channels * size[0] * size[1] > MOST:
            raise ValueError(f"{wide:,} x {high:,} pixels become {size[0]:,} x {size[1]:,}")
        left, top = round((size[0] - width) / 2), round((size[1] - height) / 2)
        return np.asarray(image.resize(tuple(size), by).crop((left, top, left + width, top + height)))

    def describe(self) -> dict[str, Any]:
        """Return what makes numbers of the pixels."""
        return {"shape": list(self.shape), "pixels": self._said()}

    def keys(self) -> dict[str, Any]:
        """Return the shape, and what else is said of the pixels."""
        return {"shape": list(self.shape), "pixels": self._said()}

    def save(self, folder: Path) -> dict[str, Any]:
        """Return all of it: there is nothing to write."""
        return {"pixels": {"shape": list(self.shape), **self._said()}}

    def _said(self) -> dict[str, Any]:
        told = {key: value for key, value in asdict(self).items() if key != "shape" and value is not None}
        return {key: list(value) if isinstance(value, tuple) else value for key, value in told.items()}


def listed_shape(shape: Sequence[int]) -> str:
    """A shape as it is written."""
    return " x ".join(map(str, shape)) or "none"


def image_inputs(spec: Any, taken: Sequence[Any] = ()) -> ImageInputs:
    """Images for a model that says nothing of how they become numbers.

    Parameters
    ----------
    spec
        The configuration's ``model``: ``image``, and ``processor``, or ``shape`` and ``pixels``.
    taken : sequence
        Shape of the model's input, rows first, where its file tells; sizes that are no positive number are
        any.

    Raises
    ------
    InputError
        Nothing tells the size, or the processor cannot be read.
    """
    if spec.processor is not None:
        reader: ImageReader = Processor(processor_from(spec.processor, "model.processor"), spec.processor)
        return ImageInputs(reader, spec.image)
    said = [size for size in taken[1:] if isinstance(size, int) and size > 0]
    shape = spec.shape or (said if len(said) == len(taken) - 1 and said else None)
    if shape is None:
        raise InputError(
            "model.shape: a model of images needs that of one, such as [3, 224, 224], or the folder of an "
            "image processor (model.processor)"
        )
    more = {} if spec.pixels is None else spec.pixels.model_dump()
    return ImageInputs(Pixels(tuple(shape), **more), spec.image)
