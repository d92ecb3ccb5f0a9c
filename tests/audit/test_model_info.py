"""What a run tells of a model has types, and stands in its file as it was told."""

from __future__ import annotations

import json
from typing import Any

import pytest
from fairweigh.audit.result import ModelInfo, Variant
from pydantic import ValidationError

TOLD = {"given": "m.onnx", "sha256": "ab", "kind": "onnx", "mlflow": "3.1", "threshold": 1, "path": None}


def test_what_is_told_keeps_its_order_and_says_nothing_more() -> None:
    info = ModelInfo.model_validate(TOLD)
    assert info.model_dump_json() == json.dumps(TOLD, separators=(",", ":"))
    assert list(info.told) == list(TOLD)
    assert info.told == TOLD
    assert ModelInfo.model_validate_json(info.model_dump_json()) == info
    assert info.model_dump(exclude={"sha256"}) == {key: TOLD[key] for key in TOLD if key != "sha256"}


def test_what_every_kind_tells_has_a_type() -> None:
    info: Any = ModelInfo.model_validate(TOLD)
    assert (info.kind, info.threshold, info.features) == ("onnx", 1, None)
    assert type(info.threshold) is int
    for wrong in ({"features": "age"}, {"sha256": 3}, {"threshold": "high"}, {"training_rows": 1.5}):
        with pytest.raises(ValidationError, match=next(iter(wrong))):
            ModelInfo.model_validate(wrong)
    with pytest.raises(ValidationError, match="frozen"):
        info.kind = "torch"


def test_the_schema_of_a_result_names_it() -> None:
    model = Variant.model_json_schema()["properties"]["model"]
    assert model["$ref"] == "#/$defs/ModelInfo"
