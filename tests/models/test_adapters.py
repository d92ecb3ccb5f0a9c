"""LoRA adapters, merged into the model that they belong to; what peft itself gives is the outside answer."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest

from .. import tiny


@pytest.mark.parametrize("bias", ["none", "lora_only", "all"])
def test_a_merged_adapter_gives_what_peft_gives_with_every_kind_of_bias(bias: str, tmp_path: Path) -> None:
    peft = pytest.importorskip("peft")
    import torch
    import transformers
    from fairweigh.models.adapters import adapted_module
    from fairweigh.models.extras import quiet

    bert = tiny.save_bert(tmp_path / "bert", num_hidden_layers=1)
    with quiet(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = transformers.AutoModelForSequenceClassification.from_pretrained(bert)
        asked = peft.LoraConfig(r=4, target_modules=["query", "value"], task_type="SEQ_CLS", bias=bias)
        wrapped = peft.get_peft_model(model, asked).eval()
        torch.manual_seed(1)
        for name, tensor in wrapped.named_parameters():
            if "lora_B" in name or (tensor.requires_grad and name.endswith("bias")):
                tensor.data.normal_(0, 0.2)
        wrapped.save_pretrained(tmp_path / "lora")
    tiny.edit_json(tmp_path / "lora" / "adapter_config.json", base_model_name_or_path=str(bert))
    merged = adapted_module(str(tmp_path / "lora"), None, "text-classification", 0)[0].module.eval()
    tokens = torch.randint(5, 20, (8, 12), generator=torch.Generator().manual_seed(2))
    with torch.inference_mode():
        expected, found = wrapped(input_ids=tokens).logits, merged(input_ids=tokens).logits
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)
