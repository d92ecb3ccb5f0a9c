"""The zoo itself: each of its models is one that decides, the same every time, as its own library does."""

from __future__ import annotations

import numpy as np
import pytest

from .zoo import ZOO, needs, ready

QUICK = [name for name, kind in ZOO.items() if not name.endswith(", ONNX") and needs(kind) is None]


@pytest.mark.parametrize("name", QUICK)
def test_a_model_decides_for_some_and_against_some(name):
    found = ready(name)
    decided = found.model.score(found.rows, None).decision
    assert 0.1 < decided.mean() < 0.9


def test_rows_and_models_are_the_same_every_time(tmp_path):
    for name in ("ModernBERT", "LSTM", "RandomForestClassifier"):
        kind = ZOO[name]
        assert kind.rows(9, 3).equals(kind.rows(9, 3))
        files = [[f.read_bytes() for f in sorted((tmp_path / w).iterdir())] for w in ("a", "b") if kind.build(tmp_path / w)]
        if name != "RandomForestClassifier":
            assert files[0] == files[1]


@pytest.mark.parametrize("name", [n for n in QUICK if ZOO[n].group == "text"])
def test_scores_are_those_of_transformers_one_row_at_a_time(name):
    import torch
    import transformers

    found = ready(name)
    spec = found.spec
    module = transformers.AutoModelForSequenceClassification.from_pretrained(spec["path"]).eval()
