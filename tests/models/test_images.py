"""Images as files or bytes: the same scores, and what cannot be read is counted and named in one line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from fairweigh.datasets.errors import InputError
from fairweigh.datasets.synthetic_images import pictures
from fairweigh.models.images import ImageInputs, Processor, processor_from
from fairweigh.models.texts import tokenizer_from
from numpy.typing import NDArray


class AsTheyAre:
    """Stands for a processor of transformers: pixels as they are."""

    def __call__(self, images: list[Any], return_tensors: str) -> dict[str, np.ndarray[Any, Any]]:
        return {"pixel_values": np.stack([np.asarray(one, float).transpose(2, 0, 1) for one in images])}


def collated(values: list[Any], ids: Any = None) -> NDArray[Any]:
    batch = pa.record_batch({"photo": values})
    encoded = ImageInputs(Processor(AsTheyAre()), "photo").encode(
        batch, None if ids is None else pa.array(ids)
    )
    return encoded.collate(np.arange(batch.num_rows))["pixel_values"]


@pytest.fixture
def written(here: Path) -> Any:
    held = pictures(6, seed=1)["image"].to_pylist()
    for number, data in enumerate(held):
        Path(f"{number}.png").write_bytes(data)
    return held


def test_files_bytes_and_both_at_once_are_the_same_pixels(written: Any) -> None:
    paths = [f"{number}.png" for number in range(6)]
    expected = collated(written)
    assert expected.shape == (6, 3, 24, 24)
    np.testing.assert_array_equal(collated(paths), expected)
    np.testing.assert_array_equal(collated([{"bytes": one, "path": None} for one in written]), expected)
    np.testing.assert_array_equal(collated([{"bytes": None, "path": one} for one in paths]), expected)


def test_missing_and_broken_images_are_counted_and_named_in_one_line(written: Any) -> None:
    cut = written[1][: len(written[1]) // 2]
    Path("cut.png").write_bytes(cut)
    Path("text.png").write_text("no picture", encoding="utf-8")
    values = ["0.png", "cut.png", "nowhere.png", "text.png", None, "5.png"]
    with pytest.raises(InputError) as refused:
        collated(values, ids=list("abcdef"))
    said = str(refused.value)
    assert said.startswith(
        "image column 'photo': expected images that can be read, as files or bytes; 4 of 6 rows hold none: "
        "'cut.png': "
    )
    assert "; no file 'nowhere.png' (id c); 'text.png': no image that can be read" in said
    assert said.endswith("(id d); and 1 more")
    assert "\n" not in said
    with pytest.raises(InputError, match=r"1 of 2 rows holds none: its bytes: no image that can be read$"):
        collated([written[0], b"no picture"])


def test_a_picture_of_a_size_that_no_photograph_has_is_refused(
    written: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from PIL import Image

    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 500)
    with (
        pytest.raises(InputError, match=r"'0.png' has 24 x 24 pixels"),
        pytest.warns(Image.DecompressionBombWarning),
    ):
        collated(["0.png"])


VIT, BIT, NEXT = "ViTImageProcessor", "BitImageProcessor", "ConvNextImageProcessor"
MOST = "expected images of at most 67,108,864 numbers"


@pytest.mark.parametrize(
    ("kind", "sizes", "said"),
    [
        (VIT, {"size": {"height": 100_000, "width": 100_000}}, f"size: {MOST}"),
        (VIT, {"size": 100_000}, f"size: {MOST}"),
        (BIT, {"size": {"shortest_edge": 100_000}}, f"size: {MOST}"),
        (BIT, {"crop_size": [100_000, 100_000]}, f"crop_size: {MOST}"),
        (BIT, {"size": {"shortest_edge": 8, "longest_edge": 10**6}}, f"size: {MOST}"),
        (NEXT, {"size": {"shortest_edge": 224}, "crop_pct": 1e-3}, f"size: {MOST}.*over crop_pct 0.001"),
        (NEXT, {"crop_pct": 0}, "crop_pct: expected a number above 0"),
        (VIT, {"size": {"height": 2.5, "width": 8}}, r"size: expected pixels, whole numbers.*got 2\.5"),
        (VIT, {"size": {"height": -3, "width": 8}}, "size: expected pixels, whole numbers.*got -3"),
        (BIT, {"size": {"shortest_edge": "big"}}, "size: expected pixels, whole numbers.*got 'big'"),
        (VIT, {"size": "big"}, "no image processor that can be read"),
        (VIT, {"size": {"height": True, "width": 8}}, "size: expected pixels, whole numbers.*got True"),
    ],
)  # fmt: skip
def test_a_processor_of_sizes_that_no_image_has_is_one_line(
    kind: str, sizes: dict[str, Any], said: str, tmp_path: Path
) -> None:
    told = json.dumps({"image_processor_type": kind, **sizes})
    (tmp_path / "preprocessor_config.json").write_text(told, encoding="utf-8")
    with pytest.raises(InputError, match=f"^model.processor: .*{said}"):
        processor_from(str(tmp_path), "model.processor")


def test_a_thin_image_does_not_grow_beyond_the_memory_in_a_processor(tmp_path: Path) -> None:
    from PIL import Image

    told = json.dumps({"image_processor_type": BIT, "size": {"shortest_edge": 256}, "crop_size": 224})
    (tmp_path / "preprocessor_config.json").write_text(told, encoding="utf-8")
    made = Processor(processor_from(str(tmp_path)))
    assert made([Image.new("RGB", (30, 40))]).shape == (1, 3, 224, 224)
    with pytest.raises(ValueError, match="1 x 900,000 pixels become 256 x 230,400,000"):
        made([Image.new("RGB", (1, 900_000))])


@pytest.mark.parametrize(
    ("key", "load"), [("model.processor", processor_from), ("model.tokenizer", tokenizer_from)]
)
def test_a_folder_that_is_not_there_is_told_by_its_key(key: str, load: Any, here: Path) -> None:
    with pytest.raises(InputError, match=rf"^{key}: no folder \./nope$"):
        load("./nope", key)
