"""Kinds of transformers, built from their configurations: folders with weights and a tokenizer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fairweigh.models.extras import quiet

from ..tiny import WORDS
from . import rows
from .kind import Kind

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
ROBERTA = ["[CLS]", "[PAD]", "[SEP]", "[UNK]", "[MASK]"]
"""RoBERTa pads with token 1, and counts positions from there."""
VOCABULARY = len(SPECIAL) + len(WORDS)


def save_tokenizer(folder: Path, special: list[str] = SPECIAL, inputs: tuple[str, ...] = ()) -> None:
    """A tokenizer of whole words, which opens texts with [CLS] and ends them with [SEP]."""
    import tokenizers
    import transformers
    from tokenizers import models, pre_tokenizers, processors

    known = {word: i for i, word in enumerate([*special, *WORDS])}
    made = tokenizers.Tokenizer(models.WordLevel(known, unk_token="[UNK]"))
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    ends = [(token, known[token]) for token in ("[CLS]", "[SEP]")]
    made.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=ends
    )
    fast = transformers.PreTrainedTokenizerFast(
        tokenizer_object=made, model_max_length=64, pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]",
        sep_token="[SEP]", mask_token="[MASK]", model_input_names=["input_ids", *inputs, "attention_mask"],
    )  # fmt: skip
    fast.save_pretrained(folder)


def _text(
    name: str,
    model: str,
    *,
    special: list[str] = SPECIAL,
    inputs: tuple[str, ...] = (),
    seed: int = 0,
    spread: float = 1.0,
    hard: tuple[str, ...] = (),
    layers: int | None = 2,
    heads: int = 4,
    tied: bool = False,
    labels: dict[int, str] | None = None,
    **settings: Any,
) -> Kind:
    """A text classifier of transformers, ``model`` without Config and ForSequenceClassification."""

    def build(folder: Path) -> dict[str, Any]:
        import torch
        import transformers

        with quiet():
            made = getattr(transformers, f"{model}Config")(
                vocab_size=VOCABULARY, pad_token_id=special.index("[PAD]"), **settings
            )
            if labels is not None:
                made.id2label, made.label2id = labels, {v: k for k, v in labels.items()}
            torch.manual_seed(seed)
            module = getattr(transformers, f"{model}ForSequenceClassification")(made)
            with torch.no_grad():
                for parameter in module.parameters():
                    parameter.mul_(spread if parameter.dim() > 1 else 1)
            module.save_pretrained(folder)
            save_tokenizer(folder, special, inputs)
        said = {"positive": "positive"} if "positive" in (labels or {}).values() else {}
        return {"kind": "transformers", "path": str(folder), "text": "text", **said}

    return Kind(name, "torch", build, rows.texts, layers, heads, tied, hard)


SMALL: dict[str, Any] = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 64,
}
WIDE: dict[str, Any] = {"initializer_range": 0.3}
PLACES: dict[str, Any] = {"max_position_embeddings": 64}
SEGMENTS = ("token_type_ids",)

TEXTS = [
    _text(
        "BERT", "Bert", inputs=SEGMENTS, hard=("int8-dynamic", "prune-heads", "drop-layers"), seed=1,
        **SMALL, **WIDE, **PLACES,
    ),
    _text(
        "RoBERTa", "Roberta", special=ROBERTA, hard=("prune-heads", "distill"),
        bos_token_id=0, eos_token_id=2, type_vocab_size=1, max_position_embeddings=66, seed=4,
        **SMALL, **WIDE,
    ),
    _text(
        "DistilBERT", "DistilBert", hard=("distill", "drop-layers"),
        dim=32, n_layers=2, n_heads=4, hidden_dim=64, **WIDE, **PLACES,
    ),
    _text(
        "DeBERTa-v2", "DebertaV2", inputs=SEGMENTS, hard=("bf16", "int8-dynamic", "prune-magnitude"),
        type_vocab_size=0, relative_attention=True, max_relative_positions=16, position_buckets=8,
        pos_att_type=["p2c", "c2p"], norm_rel_ebd="layer_norm", share_att_key=True,
        position_biased_input=False,
        **SMALL, **WIDE, **PLACES,
    ),
    _text(
        "ALBERT", "Albert", inputs=SEGMENTS, hard=("drop-layers", "distill", "prune-magnitude"),
        embedding_size=16, **SMALL, **WIDE, **PLACES, layers=None, seed=1,
    ),
    _text(
        "ModernBERT", "ModernBert", hard=("drop-layers", "prune-structured", "distill"),
        hidden_size=32, num_hidden_layers=4, num_attention_heads=4, intermediate_size=48,
        global_attn_every_n_layers=2, local_attention=8, cls_token_id=2, sep_token_id=3, bos_token_id=2,
        eos_token_id=3, spread=12, layers=4, seed=3, **PLACES,
    ),
    _text(
        "ELECTRA", "Electra", inputs=SEGMENTS, hard=("int8-dynamic", "prune-structured"),
        embedding_size=16, **SMALL, **WIDE, **PLACES,
    ),
    _text(
        "GPT-2", "GPT2", hard=("prune-magnitude", "int8-dynamic", "drop-layers"),
        n_embd=32, n_layer=4, n_head=4, n_positions=64, bos_token_id=2, eos_token_id=3, layers=4, seed=2,
        **WIDE,
    ),
    _text(
        "Gemma", "Gemma", hard=("distill", "drop-layers", "bf16"),
        num_key_value_heads=2, head_dim=8, bos_token_id=2, eos_token_id=3, **SMALL, **WIDE, **PLACES,
    ),
    _text(
        "T5", "T5", hard=("int8-dynamic", "drop-layers", "prune-structured"),
        d_model=32, d_kv=8, d_ff=64, num_layers=2, num_heads=4, eos_token_id=3, decoder_start_token_id=0,
        classifier_dropout=0.0, tied=True, spread=1.5, seed=5,
    ),
]  # fmt: skip


def _labelled(name: str, labels: dict[int, str] | None, *, seed: int = 1, **settings: Any) -> Kind:
    given: Any = {"num_labels": len(labels)} if labels is not None else {}
    return _text(
        f"BERT, {name}", "Bert", inputs=SEGMENTS, labels=labels, hard=("int8-dynamic",), seed=seed,
        **SMALL, **WIDE, **PLACES, **given, **settings,
    )  # fmt: skip


LABELS = [
    _labelled("one logit", None, seed=5, num_labels=1, problem_type="multi_label_classification"),
    _labelled("three classes", {0: "negative", 1: "neutral", 2: "positive"}, seed=8),
    _labelled("labels swapped", {0: "positive", 1: "negative"}),
    _labelled("labels named", {0: "negative", 1: "positive"}),
]
"""Heads and label maps; BERT itself has none of its own (LABEL_0, LABEL_1)."""


def _image(
    name: str,
    model: str,
    layers: int | None,
    heads: int,
    hard: tuple[str, ...],
    *,
    seed: int = 0,
    spread: float = 1.0,
    **settings: Any,
) -> Kind:
    def build(folder: Path) -> dict[str, Any]:
        import torch
        import transformers

        with quiet():
            torch.manual_seed(seed)
            config = getattr(transformers, f"{model}Config")(**settings)
            module = getattr(transformers, f"{model}ForImageClassification")(config)
            with torch.no_grad():
                for parameter in module.parameters():
                    parameter.mul_(spread if parameter.dim() > 1 else 1)
            module.save_pretrained(folder)
            size = {"height": 32, "width": 32}
            transformers.ViTImageProcessor(size=size).save_pretrained(folder)
        return {
            "kind": "transformers", "path": str(folder), "task": "image-classification", "image": "image",
        }  # fmt: skip

    return Kind(name, "torch", build, rows.images, layers, heads, False, hard)


IMAGES = [
    _image(
        "ViT", "ViT", 2, 4, ("prune-heads", "drop-layers", "int8-dynamic"),
        image_size=32, patch_size=8, **SMALL, **WIDE,
    ),
    _image(
        "ConvNeXt", "ConvNext", None, 0, ("prune-structured", "onnx-int8"), seed=1,
        image_size=32, hidden_sizes=[16, 32], depths=[1, 1], num_stages=2, layer_scale_init_value=1.0, **WIDE,
    ),
    _image(
        "ResNet", "ResNet", None, 0, ("prune-structured", "prune-magnitude"), seed=3,
        embedding_size=16, hidden_sizes=[16, 32], depths=[1, 1], layer_type="basic",
    ),
]  # fmt: skip
