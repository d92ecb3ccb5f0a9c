"""Small real models built on the spot, seeded: BERT and ViT from their configurations, and an MLP."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from fairweigh.audit.config import model_spec
from fairweigh.datasets.evaluation import EvaluationSet
from fairweigh.models.extras import quiet
from fairweigh.models.load import neural

WORDS = [
    f"{a}{b}" for a in ("ba", "de", "fi", "go", "lu", "ma", "no", "pe") for b in ("la", "mi", "ru", "so")
]
FEATURES = ["a", "b", "c", "d"]


def sentences(n: int, seed: int = 0, longest: int = 30) -> list[str]:
    """Texts of 1 to ``longest`` words."""
    r = np.random.default_rng(seed)
    return [" ".join(r.choice(WORDS, size=int(r.integers(1, longest + 1)))) for _ in range(n)]


def texts(n: int = 200, seed: int = 0, **columns: Any) -> pa.Table:
    """Texts with a label that follows one word, and two sensitive features."""
    r = np.random.default_rng(seed + 1000)
    told = sentences(n, seed)
    drawn: dict[str, Any] = {
        "id": [f"t{i}" for i in range(n)],
        "text": told,
        "second": sentences(n, seed + 1, 12),
        "sex": r.choice(["Female", "Male"], n),
        "race": r.choice(["a", "b"], n),
        "y": [int("bala" in t.split()) for t in told],
    }
    drawn.update(columns)
    return pa.table(drawn)


def numbers(n: int = 300, seed: int = 0, **columns: Any) -> pa.Table:
    """Four features, a label that follows two of them, and two sensitive features."""
    r = np.random.default_rng(seed)
    x = r.normal(size=(n, 4)).astype(np.float32)
    drawn: dict[str, Any] = {
        "id": [f"p{i}" for i in range(n)],
        **{name: x[:, i] for i, name in enumerate(FEATURES)},
        "sex": r.choice(["Female", "Male"], n),
        "race": r.choice(["a", "b"], n),
        "y": (x[:, 0] + x[:, 1] + 0.3 * r.normal(size=n) > 0).astype(int),
    }
    drawn.update(columns)
    return pa.table(drawn)


def save_tokenizer(folder: Path, longest: int = 64) -> None:
    """A WordPiece tokenizer over `WORDS`, for texts of up to ``longest`` tokens."""
    import transformers

    folder.mkdir(parents=True, exist_ok=True)
    vocabulary = folder / "vocab.txt"
    vocabulary.write_text("\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS]) + "\n")
    with quiet():
        made = transformers.BertTokenizerFast(vocab=str(vocabulary), model_max_length=longest)  # type: ignore[attr-defined]
        made.save_pretrained(folder)


def save_bert(folder: Path, seed: int = 0, **settings: Any) -> Path:
    """A BERT classifier of four layers in ``folder``, its weights large enough to decide."""
    import torch
    import transformers

    save_tokenizer(folder, settings.get("max_position_embeddings", 64))
    config = transformers.BertConfig(
        **{
            "vocab_size": 5 + len(WORDS), "hidden_size": 48, "num_hidden_layers": 4, "num_attention_heads": 4,
            "intermediate_size": 96, "max_position_embeddings": 64, "initializer_range": 0.3, **settings,
        }
    )  # fmt: skip
    torch.manual_seed(seed)
    with quiet():
        transformers.BertForSequenceClassification(config).save_pretrained(folder)
    return folder


def save_vit(folder: Path, seed: int = 0, **settings: Any) -> Path:
    """A ViT classifier of images of 32 x 32, with its processor."""
    import torch
    import transformers

    config = transformers.ViTConfig(
        hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64, image_size=32,
        patch_size=8, initializer_range=0.3, **settings,
    )  # fmt: skip
    torch.manual_seed(seed)
    with quiet():
        transformers.ViTForImageClassification(config).save_pretrained(folder)
        processor = transformers.ViTImageProcessor(size={"height": 32, "width": 32})
        processor.save_pretrained(folder)
    return folder


MLP = """
import torch


def make():
    torch.manual_seed({seed})
    return torch.nn.Sequential(
        torch.nn.Linear(4, 32), torch.nn.ReLU(), torch.nn.Linear(32, 32), torch.nn.ReLU(),
        torch.nn.Linear(32, {outputs}),
    )
"""


def write_mlp(folder: Path, name: str, seed: int = 0, outputs: int = 2) -> str:
    """Write a module with a factory of an MLP; returns ``module:function``."""
    (folder / f"{name}.py").write_text(MLP.format(seed=seed, outputs=outputs), encoding="utf-8")
    return f"{name}:make"


def mlp(seed: int = 0, outputs: int = 2) -> Any:
    """The module that `write_mlp`'s factory makes."""
    space: dict[str, Any] = {}
    exec(MLP.format(seed=seed, outputs=outputs), space)
    return space["make"]().eval()


def trained_mlp(table: pa.Table, seed: int = 0) -> Any:
    """An MLP that has learned the label of `numbers`."""
    import torch

    module = mlp(seed)
    x = torch.from_numpy(np.stack([table[c].to_numpy() for c in FEATURES], 1))
    y = torch.from_numpy(table["y"].to_numpy().copy())
    optimiser = torch.optim.Adam(module.parameters(), lr=0.01)
    for _ in range(150):
        optimiser.zero_grad()
        torch.nn.functional.cross_entropy(module(x), y).backward()
        optimiser.step()
    return module.requires_grad_(False)


def load(
    kind: str, table: pa.Table, label: str | None = "y", roles: Mapping[str, Any] | None = None, **spec: Any
) -> Any:
    """Load a model as an audit does; ``roles`` are more of the data's, such as their task."""
    data = EvaluationSet(table, sensitive=["sex", "race"], label=label, id="id", **(roles or {}))
    return neural(kind, model_spec({"kind": kind, **spec}), data, 0)


def batch(table: pa.Table, model: Any) -> pa.RecordBatch:
    """The columns that a model reads, as one batch."""
    return table.select(model.columns).combine_chunks().to_batches()[0]


def edit_json(path: Path, **changes: Any) -> None:
    """Change keys of a JSON file; a value of None takes the key out."""
    content = json.loads(path.read_text(encoding="utf-8"))
    content.update(changes)
    kept = {key: value for key, value in content.items() if value is not None}
    path.write_text(json.dumps(kept), encoding="utf-8")
