"""The real language model of the tests: one set of weights in three forms."""

from __future__ import annotations

import json
from pathlib import Path

from ..smollm import PARAMETERS


def test_dequantised_weights_are_a_whole_float32_model(smollm_folder: Path) -> None:
    import transformers

    model = transformers.AutoModelForCausalLM.from_pretrained(smollm_folder)
    assert model.num_parameters() == PARAMETERS
    assert "quantization_config" not in json.loads((smollm_folder / "config.json").read_text())
    assert "<|im_start|>" in (smollm_folder / "chat_template.jinja").read_text()


def test_int4_is_a_sixth_of_the_bytes(smollm_folder: Path, smollm_int4: Path) -> None:
    whole, small = (sum(f.stat().st_size for f in d.iterdir()) for d in (smollm_folder, smollm_int4))
    # Measured apart from this package: 86 of 538 MB are weights.
    assert 0.14 < small / whole < 0.18
