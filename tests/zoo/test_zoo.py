"""The zoo itself: each of its models decides, for some and against some, as its own library does."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from .transformer_kinds import TEXTS
from .zoo import ZOO, needs, ready

SERVED = [name for name in ZOO if name.endswith(", ONNX")]
"""An export takes seconds: that they decide is seen where they are audited (make zoo)."""
MOST_LIKE = {"sigmoid at the end"}
"""Whose outputs are probabilities already."""


@pytest.mark.parametrize("name", [n for n in ZOO if n not in SERVED and n not in MOST_LIKE])
def test_a_model_decides_for_some_and_against_some(name: str) -> None:
    if lacking := needs(ZOO[name]):
        pytest.skip(f"{lacking} is not installed")
    found = ready(name)
    share = found.model.score(found.rows, None).decision.mean()
    assert 0.05 < share < 0.95


@pytest.mark.parametrize("name", ["ModernBERT", "LSTM", "depthwise CNN"])
def test_models_and_rows_are_the_same_every_time(name: str, tmp_path: Path) -> None:
    kind = ZOO[name]
    assert kind.rows(9, 3).equals(kind.rows(9, 3))
    for place in ("one", "two"):
        kind.build(tmp_path / place)
    one, two = ([f.read_bytes() for f in sorted((tmp_path / p).iterdir())] for p in ("one", "two"))
    assert one == two


@pytest.mark.parametrize("name", [kind.name for kind in TEXTS])
def test_scores_are_those_of_transformers_alone_and_row_by_row(name: str) -> None:
    """Batches are padded; the library itself, given one text at a time, pads none."""
    import torch
    import transformers

    found = ready(name)
    module = transformers.AutoModelForSequenceClassification.from_pretrained(found.spec["path"]).eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(found.spec["path"])
    rows = found.rows.slice(0, 24)
    with torch.inference_mode():
        alone = [module(**tokenizer(t, return_tensors="pt")).logits[0] for t in rows["text"].to_pylist()]
    expected = torch.stack(alone).softmax(1)[:, 1].numpy()
    np.testing.assert_allclose(found.model.score(rows, None).score, expected, atol=1e-5)
