"""Draw the tables of examples/multiclass.yaml, multilabel.yaml, ranking.yaml and pictures.yaml.

Everything is synthetic, with a bias that is planted and whose size is known: see synthetic_tasks.py and
synthetic_images.py in fairweigh.datasets. No row describes a person. ``pictures`` also trains a small
classifier of images, with transformers. Run it from the root of the repository, a few seconds:

python examples/tasks/draw.py
"""

from __future__ import annotations

import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from fairweigh.datasets.synthetic_images import GRADES, SIDE, pictures
from fairweigh.datasets.synthetic_tasks import findings, lists, opinions

BUILD = Path("examples/tasks/build")
TRAINED, EPOCHS, BATCH, SEED = 3_000, 6, 64, 1


def classifier(table: pa.Table, folder: Path) -> None:
    """Train a small vision transformer on pictures that no audit sees, and save it with its processor."""
    import torch
    import transformers

    torch.manual_seed(SEED)
    config = transformers.ViTConfig(
        hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64, image_size=SIDE,
        patch_size=6, label2id={name: place for place, name in enumerate(GRADES)},
        id2label=dict(enumerate(GRADES)),
    )  # fmt: skip
    module = transformers.ViTForImageClassification(config)
    processor = transformers.ViTImageProcessor(size={"height": SIDE, "width": SIDE})
    images = [as_image(data) for data in table["image"].to_pylist()]
    x = processor(images, return_tensors="pt")["pixel_values"]
    y = torch.tensor([GRADES.index(name) for name in table["grade"].to_pylist()])
    optimiser = torch.optim.AdamW(module.parameters(), lr=3e-3)
    for _ in range(EPOCHS):
        for rows in torch.randperm(len(x)).split(BATCH):
            loss = torch.nn.functional.cross_entropy(module(x[rows]).logits, y[rows])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
    module.save_pretrained(folder)
    processor.save_pretrained(folder)


def as_image(data: bytes) -> object:
    """Open a picture in colours, which processors ask for."""
    import io

    from PIL import Image

    return Image.open(io.BytesIO(data)).convert("RGB")


def main(wanted: list[str]) -> None:
    """Write the tables asked for; all of them without a name."""
    BUILD.mkdir(parents=True, exist_ok=True)
    drawn = {"opinions": opinions, "findings": findings, "lists": lists, "pictures": pictures}
    for name in wanted or drawn:
        pq.write_table(drawn[name](), BUILD / f"{name}.parquet")
        if name == "pictures":
            classifier(pictures(TRAINED, SEED), BUILD / "classifier")
        print(f"{BUILD / name}.parquet: written")


if __name__ == "__main__":
    main(sys.argv[1:])
