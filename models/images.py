"""Images as a neural model takes them: files or bytes, through its image processor or as plain pixels."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..datasets.errors import InputError, number_of
from .extras import optional, quiet
from .folder import local_folder, offline
from .foreign import STOPS, foreign, one_line
from .image_depth import is_deep
from .image_sizes import check_grown, check_sizes
from .neural import Arrays, Encoded

NAMED = 3
"""Images that cannot be read, named in a message."""


class ImageReader(Protocol):
    """What makes numbers of opened images."""

    def __call__(self, images: Sequence[Any]) -> NDArray[np.float32]:
        """Return the numbers of images in colour, the images first."""
        ...

    def describe(self) -> dict[str, Any]:
        """Return what a report tells of it."""
        ...

    def keys(self) -> dict[str, Any]:
        """Return the keys of ``model:`` that say the same."""
        ...

    def save(self, folder: Path) -> dict[str, Any]:
        """Write what it needs; returns what `load_inputs` needs beside that."""
        ...


@dataclass(frozen=True)
class Processor:
    """An image processor of transformers.

    Attributes
    ----------
    made : transformers image processor
    place : str, optional
        The folder that it was read from.
    """

    made: Any
    place: str | None = None

    def __call__(self, images: Sequence[Any]) -> NDArray[np.float32]:
        """Return what it makes of the images."""
        told = self.made.to_dict() if hasattr(self.made, "to_dict") else {}
        for image in images:
            check_grown(told, *image.size)
        return np.asarray(self.made(images=list(images), return_tensors="np")["pixel_values"], np.float32)

    def describe(self) -> dict[str, Any]:
        """Return nothing: it is the model's own."""
        return {}

    def keys(self) -> dict[str, Any]:
        """Return its folder."""
        return {"processor": self.place}

    def save(self, folder: Path) -> dict[str, Any]:
        """Write it beside the model."""
        with quiet():
            self.made.save_pretrained(folder / "processor")
        return {}


class ImageInputs:
    """Images, as files or bytes, through what makes numbers of them.

    Parameters
    ----------
    reader : ImageReader
    image : str
        Column of paths, bytes, or structs of ``bytes`` and ``path``.
    """

    def __init__(self, reader: ImageReader, image: str) -> None:
        self.reader = reader
        self.image = image
        self.columns = [image]

    def encode(self, batch: pa.RecordBatch, ids: pa.Array | None) -> Encoded:
        """Keep the references; images are opened batch by batch, as all of them rarely fit into memory."""
        known = None if ids is None else ids.to_pylist()
        return _Images(self.reader, batch.column(self.image).to_pylist(), known, self.image)

    def describe(self) -> dict[str, Any]:
        """Return the column of the images, and how they become numbers."""
        return {"image": self.image, **self.reader.describe()}

    def identity(self) -> None:
        """Return None: the table may name files, whose contents it does not tell."""
        return

    def save(self, folder: Path) -> dict[str, Any]:
        """Write what reads the images; returns what `load_inputs` needs to read it again."""
        return {"kind": "image", "image": self.image, **self.reader.save(folder)}


@dataclass(frozen=True)
class _Images:
    reader: ImageReader
    values: list[Any]
    ids: list[Any] | None
    name: str
    truncated = 0

    @property
    def lengths(self) -> NDArray[np.int64]:
        return np.ones(len(self.values), np.int64)

    def collate(self, rows: NDArray[np.intp]) -> Arrays:
        try:
            opened = [_opened(self.values[row]) for row in rows.tolist()]
        except _UnreadableError:
            # One is enough to stop; who is to mend the data wants to know of all.
            raise _broken(self.values, self.ids, self.name) from None
        with foreign(f"image column '{self.name}': they cannot be made what the model takes"), quiet():
            return {"pixel_values": self.reader(opened)}


class _UnreadableError(Exception):
    """An image that cannot be read; the text says why."""


def _opened(value: Any) -> Any:
    """Return an image in colour, upright; _UnreadableError for what is none."""
    image = optional("PIL.Image", "an image model")
    upright = optional("PIL.ImageOps", "an image model").exif_transpose
    if isinstance(value, dict):
        value = value.get("bytes") or value.get("path")
    if value is None or value == "":
        raise _UnreadableError("missing")
    if isinstance(value, str) and not Path(value).is_file():
        raise _UnreadableError(f"no file {value!r}")
    told = repr(value) if isinstance(value, str) else f"its {type(value).__name__}"
    try:
        with image.open(io.BytesIO(value) if isinstance(value, bytes) else value) as opened:
            if opened.width * opened.height > (image.MAX_IMAGE_PIXELS or opened.width * opened.height):
                raise _UnreadableError(f"{told} has {opened.width} x {opened.height} pixels")
            if is_deep(opened):
                # Grey is cut off above 255, an X-ray would be a white sheet; of colours pillow leaves out the
                # lower bits without a word.
                raise _UnreadableError(f"{told} has levels of more than 8 bits (mode {opened.mode})")
            # A camera held upright says so in the file, as pipelines of transformers know too.
            return upright(opened).convert("RGB")
    except (*STOPS, _UnreadableError):
        raise
    except optional("PIL", "an image model").UnidentifiedImageError:
        # What pillow says names the object in memory by its address, another one in each run.
        raise _UnreadableError(f"{told}: no image that can be read") from None
    except BaseException as error:
        # Each format has a decoder of its own, which throws what it likes.
        raise _UnreadableError(f"{told}: {one_line(error)}") from None


def _broken(values: Sequence[Any], ids: Sequence[Any] | None, name: str) -> InputError:
    """Return the error that counts the images which cannot be read, and names the first few."""
    bad: list[tuple[int, str]] = []
    for row, value in enumerate(values):
        try:
            _opened(value)
        except _UnreadableError as error:
            bad.append((row, str(error)))
    named = "; ".join(why if ids is None else f"{why} (id {ids[row]})" for row, why in bad[:NAMED])
    more = f"; and {len(bad) - NAMED:,} more" if len(bad) > NAMED else ""
    rows = number_of(len(values), "row")
    return InputError(
        f"image column '{name}': expected images that can be read, as files or bytes; {len(bad):,} of {rows} "
        f"{'holds' if len(bad) == 1 else 'hold'} none: {named}{more}"
    )


def processor_from(path: str, key: str = "model.path") -> Any:
    """Load an image processor from a folder or hub name; InputError where there is none."""
    transformers = optional("transformers", "an image model")
    optional("PIL", "an image model")
    folder = local_folder(path, key)
    # A folder may hold anything; what the library says of it differs by file and version.
    with foreign(f"{key}: {path} has no image processor that can be read"), offline(), quiet():
        made = transformers.AutoImageProcessor.from_pretrained(
            str(folder), trust_remote_code=False, local_files_only=True
        )
        told = made.to_dict()
    check_sizes(told, f"{key}: {path}: its image processor")
    return made
