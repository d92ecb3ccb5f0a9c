"""Images as plain pixels: what transformers' processor and torchvision's usual steps make of them."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from fairweigh.datasets.errors import InputError
from fairweigh.models.image_depth import is_deep
from fairweigh.models.images import ImageInputs
from fairweigh.models.inputs import load_inputs
from fairweigh.models.pixels import Pixels
from numpy.typing import NDArray
from PIL import Image, features

MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]


def picture(wide: int = 50, high: int = 30, seed: int = 0) -> Image.Image:
    levels = np.random.default_rng(seed).integers(0, 256, (high, wide, 3), np.uint8)
    return Image.fromarray(levels).resize((wide, high))


def read(values: list[Any], reader: Any) -> NDArray[Any]:
    batch = pa.record_batch({"photo": values})
    made = ImageInputs(reader, "photo").encode(batch, None).collate(np.arange(len(values)))["pixel_values"]
    return np.asarray(made)


def as_bytes(image: Image.Image, form: str = "PNG", **more: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, form, **more)
    return file.getvalue()


@pytest.mark.parametrize(("resample", "code"), [("bilinear", 2), ("bicubic", 3), ("nearest", 0)])
def test_a_whole_image_is_what_a_processor_of_transformers_makes(resample: str, code: int) -> None:
    import transformers

    images = [picture(), picture(20, 64, seed=1)]
    processor = transformers.ViTImageProcessor(
        size={"height": 32, "width": 24}, image_mean=MEAN, image_std=STD, resample=code
    )
    expected = processor(images=images, return_tensors="np")["pixel_values"]
    made = Pixels([3, 32, 24], mean=MEAN, std=STD, resample=resample)(images)
    np.testing.assert_allclose(made, expected, atol=1e-5)


def test_a_shorter_side_is_resized_and_the_middle_cut_out_by_the_rule_of_torchvision() -> None:
    # Resize(256) makes 300 x 200 pixels int(256 * 300 / 200) = 384 wide; CenterCrop(224) begins 80 and 16 in.
    image = picture(300, 200)
    cut = image.resize((384, 256), Image.Resampling.BILINEAR).crop((80, 16, 304, 240))
    expected = (np.asarray(cut, np.float32).transpose(2, 0, 1) / 255 - np.float32(0.5)) / np.float32(0.25)
    made = Pixels([3, 224, 224], mean=[0.5], std=[0.25], shorter_side=256)([image])
    np.testing.assert_allclose(made[0], expected, atol=1e-6)
    upright = Pixels([3, 224, 224], mean=[0.5], std=[0.25], shorter_side=256)(
        [image.transpose(Image.Transpose.ROTATE_90)]
    )
    assert upright.shape == made.shape


def test_axes_are_those_of_the_shape_and_one_channel_is_grey() -> None:
    image = picture()
    first = Pixels([3, 16, 12])([image])
    np.testing.assert_array_equal(Pixels([16, 12, 3])([image]), first.transpose(0, 2, 3, 1))
    grey = Pixels([1, 16, 12])([image])
    assert grey.shape == (1, 1, 16, 12)
    np.testing.assert_array_equal(Pixels([16, 12])([image]), grey[:, 0])
    np.testing.assert_array_equal(Pixels([16, 12, 1])([image]), grey.transpose(0, 2, 3, 1))
    levels = Pixels([16, 12], divide_by=1)([image])
    np.testing.assert_array_equal(levels[0], np.asarray(image.convert("L").resize((12, 16), 2)))


def test_a_photograph_is_read_upright_as_its_file_says() -> None:
    lying = picture(8, 4)
    told = Image.Exif()
    told[0x0112] = 6  # Orientation: turned by 90 degrees to the right to stand upright.
    found = read([as_bytes(lying, exif=told)], Pixels([3, 8, 4]))
    np.testing.assert_array_equal(found, Pixels([3, 8, 4])([lying.transpose(Image.Transpose.ROTATE_270)]))


@pytest.mark.parametrize("kind", [np.uint16, np.int32])
def test_levels_of_more_than_8_bits_are_not_cut_to_white(kind: Any) -> None:
    deep = Image.fromarray((np.arange(16, dtype=kind) * 4096).reshape(4, 4))
    with pytest.raises(InputError, match=r"its bytes has levels of more than 8 bits \(mode I"):
        read([as_bytes(deep, "TIFF")], Pixels([4, 4]))


def png(colour: int, channels: int, bits: int) -> bytes:
    """A PNG of 4 x 4 pixels as ISO/IEC 15948 lays it out; pillow writes none of 16 bits in colour."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    rows = (b"\0" + b"\x12\x34"[: bits // 8] * 4 * channels) * 4
    head = struct.pack(">IIBBBBB", 4, 4, bits, colour, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        chunk(name, data) for name, data in ((b"IHDR", head), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    )


@pytest.mark.parametrize(("colour", "channels"), [(0, 1), (2, 3), (4, 2), (6, 4)])
def test_a_png_of_16_bits_is_refused_in_colour_as_in_grey(colour: int, channels: int) -> None:
    assert read([png(colour, channels, 8)], Pixels([3, 4, 4])).shape == (1, 3, 4, 4)
    with pytest.raises(InputError, match="its bytes has levels of more than 8 bits"):
        read([png(colour, channels, 16)], Pixels([3, 4, 4]))


def changed(data: bytes, mark: bytes, place: int, value: int) -> bytes:
    """A file with one byte of its head set, counted from a mark."""
    at = data.index(mark) + place
    return data[:at] + bytes([value]) + data[at + 1 :]


def test_other_formats_say_their_depth_in_other_places() -> None:
    wide = b"P6 4 4 65535\n" + b"\x12\x34" * 48
    tiff = as_bytes(picture(4, 4), "TIFF")
    # Three of the bits of each channel stand beside one another.
    deep_tiff = tiff.replace(struct.pack("<3H", 8, 8, 8), struct.pack("<3H", 16, 16, 16))
    assert deep_tiff != tiff
    deep = [wide, deep_tiff]
    if features.check("jpg_2000"):
        plain = as_bytes(picture(16, 16), "JPEG2000")
        assert read([plain], Pixels([3, 4, 4])).size
        deep.append(changed(plain, b"\xff\x4f\xff\x51", 42, 15))
    for data in deep:
        with pytest.raises(InputError, match="its bytes has levels of more than 8 bits"):
            read([data], Pixels([3, 4, 4]))


def test_an_avif_of_10_bits_is_known_by_its_head() -> None:
    """Its decoder gives 8 bits; AV1's box of its configuration has a bit for more."""
    head = b"\0\0\0\x0cav1C\x81\x00"
    said = [
        is_deep(SimpleNamespace(mode="RGB", tile=[], format="AVIF", fp=io.BytesIO(head + bytes([flags, 0]))))
        for flags in (0x0C, 0x4C)
    ]
    assert said == [False, True]


def test_what_was_saved_reads_the_same(tmp_path: Path) -> None:
    inputs = ImageInputs(Pixels((3, 8, 8), mean=MEAN, std=STD, shorter_side=9, resample="lanczos"), "photo")
    again = load_inputs(inputs.save(tmp_path), tmp_path)
    assert again.columns == ["photo"]
    np.testing.assert_array_equal(again.reader([picture()]), inputs.reader([picture()]))
    assert again.describe() == inputs.describe()


@pytest.mark.parametrize(
    ("made", "said"),
    [
        ({"shape": [5, 16, 12]}, r"model\.shape: .*1 or 3 channels first or last.*; got 5 x 16 x 12"),
        ({"shape": [16]}, r"model\.shape: .*; got 16$"),
        ({"shape": [3, 8, 8], "mean": [0.1, 0.2]}, r"mean: expected one number, or one for each .*got 2"),
        ({"shape": [8, 8], "std": [1.0, 1.0, 1.0]}, r"std: .*one for each of 1 channels"),
        ({"shape": [3, 8, 9], "shorter_side": 8}, r"shorter_side: expected at least 9, as 8 x 9 .*, got 8"),
        ({"shape": [3, 1 << 20, 1 << 20]}, r"at most 67,108,864 numbers, got 3 x 1048576 x 1048576"),
    ],
)  # fmt: skip
def test_sizes_that_are_none_of_an_image_are_one_line(made: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        Pixels(**made)


def test_a_thin_image_does_not_grow_beyond_the_memory() -> None:
    with pytest.raises(InputError, match=r"column 'photo'.*1 x 900,000 pixels become 256 x 230,400,000"):
        read([as_bytes(Image.new("L", (1, 900_000)))], Pixels([3, 224, 224], shorter_side=256))
