"""Kinds of plain torch modules, as a factory with weights, as exported programs and in ONNX."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
from fairweigh.models.extras import quiet

from ..tiny import FEATURES
from . import rows, zoo_modules
from .kind import Kind, Rows

# A factory is imported by its name, also in other processes.
if str(Path(__file__).parent) not in sys.path:
    sys.path.append(str(Path(__file__).parent))

READS: dict[Rows, dict[str, Any]] = {
    rows.numbers: {"features": FEATURES},
    rows.codes: {"features": [f"c{i}" for i in range(len(zoo_modules.CODES))]},
    rows.series: {"features": ["series"], "shape": rows.SERIES},
    rows.pixels: {"features": ["pixels"], "shape": rows.PIXELS},
}


def _module(
    name: str,
    factory: str,
    table: Rows,
    hard: tuple[str, ...] = (),
    *,
    tied: bool = False,
    heads: int = 0,
    **more: Any,
) -> Kind:
    def build(folder: Path) -> dict[str, Any]:
        import safetensors.torch

        folder.mkdir(parents=True, exist_ok=True)
        path = folder / "weights.safetensors"
        safetensors.torch.save_model(getattr(zoo_modules, factory)(), str(path))
        said = {**READS[table], **more, "kind": "torch", "factory": f"zoo_modules:{factory}"}
        # A file of weights names those that are tied once only, a module twice.
        return said if tied else {**said, "path": str(path)}

    return Kind(name, "torch", build, table, heads=heads, tied=tied, hard=hard)


MODULES = [
    _module("LSTM", "lstm", rows.series, ("int8-dynamic", "prune-magnitude", "onnx")),
    _module("GRU", "gru", rows.series, ("int8-dynamic", "prune-magnitude")),
    _module(
        "MultiheadAttention", "multihead_attention", rows.series, ("prune-magnitude", "int8-dynamic"), heads=4
    ),
    _module("GroupNorm CNN", "group_norm", rows.pixels, ("prune-structured", "prune-magnitude")),
    _module("BatchNorm CNN without affine", "batch_norm_without_affine", rows.pixels, ("prune-structured",)),
    _module("grouped CNN", "grouped", rows.pixels, ("prune-structured", "onnx-int8")),
    _module("depthwise CNN", "depthwise", rows.pixels, ("onnx-int8", "prune-structured")),
    _module("depthwise Conv1d", "depthwise_series", rows.series, ("onnx-int8", "prune-structured")),
    _module("weight_norm", "weight_norm", rows.numbers, ("prune-magnitude", "int8-dynamic", "share-weights")),
    _module("tabular embeddings", "coded", rows.codes, ("bf16", "fp16", "prune-magnitude")),
    _module("tied layers", "tied", rows.numbers, ("prune-magnitude", "int8-dynamic"), tied=True),
]
RECURRENT = [
    _module("LSTM without bias", "lstm_without_bias", rows.series, ("int8-dynamic", "qat")),
    _module("RNN", "rnn", rows.series, ("int8-dynamic",)),
]
HEADS = [
    _module("one logit", "one_logit", rows.numbers, ("int8-dynamic",)),
    _module("two logits", "two_logits", rows.numbers, ("int8-dynamic",)),
    _module("three classes", "three_classes", rows.numbers, ("int8-dynamic",), positive="2"),
    _module("sigmoid at the end", "sigmoid", rows.numbers, ("int8-dynamic",)),
    _module("softmax at the end", "softmax", rows.numbers, ("int8-dynamic",)),
]


def _tensor(kind_rows: Rows, n: int = 3) -> Any:
    """Some rows as the module of a kind takes them."""
    import torch

    table, reads = kind_rows(n), READS[kind_rows]
    columns = [np.asarray(table[name].to_pylist(), np.float32) for name in reads["features"]]
    if "shape" in reads:
        return torch.from_numpy(columns[0].reshape(n, *reads["shape"]))
    return torch.from_numpy(np.stack(columns, 1))


def _exported(name: str, factory: str, table: Rows, hard: tuple[str, ...]) -> Kind:
    """The same as an exported program, whose graph is all that is left of the module."""

    def build(folder: Path) -> dict[str, Any]:
        import torch

        folder.mkdir(parents=True, exist_ok=True)
        path = folder / "model.pt2"
        free = ({0: torch.export.Dim.DYNAMIC},)
        with quiet():
            program = torch.export.export(
                getattr(zoo_modules, factory)(), (_tensor(table),), dynamic_shapes=free
            )
            torch.export.save(program, str(path))
        return {"kind": "torch", "path": str(path), **READS[table]}

    return Kind(f"{name}, .pt2", "torch", build, table, hard=hard)


EXPORTED = [
    _exported("two logits", "two_logits", rows.numbers, ("prune-magnitude", "onnx", "int8-dynamic")),
    _exported("grouped CNN", "grouped", rows.pixels, ("prune-magnitude", "onnx-int8")),
    _exported("tabular embeddings", "coded", rows.codes, ("prune-magnitude", "bf16")),
    _exported("MultiheadAttention", "multihead_attention", rows.series, ("prune-magnitude",)),
]


def _served(kind: Kind, factory: str, table: Rows) -> Kind:
    """A module of a factory as an ONNX file, by torch's own exporter."""

    def build(folder: Path) -> dict[str, Any]:
        import torch

        folder.mkdir(parents=True, exist_ok=True)
        path = folder / "model.onnx"
        with quiet(), torch.no_grad():
            torch.onnx.export(
                getattr(zoo_modules, factory)(), (_tensor(table),), str(path), dynamo=True, verbose=False,
                dynamic_shapes=({0: torch.export.Dim.DYNAMIC},), external_data=False, opset_version=18,
                input_names=["x"], output_names=["output"],
            )  # fmt: skip
        more = {"positive": "2"} if factory == "three_classes" else {}
        return {"kind": "onnx", "path": str(path), **READS[table], **more}

    return Kind(f"{kind.name}, ONNX", "onnx", build, table)


def _served_text(kind: Kind) -> Kind:
    """A text or image model of transformers as an ONNX file beside its tokenizer."""

    def build(folder: Path) -> dict[str, Any]:
        import torch
        import transformers

        spec = kind.build(folder / "module")
        path = folder / "model.onnx"
        with quiet(), torch.no_grad():
            module = transformers.AutoModelForSequenceClassification.from_pretrained(spec["path"]).eval()
            tokens = transformers.AutoTokenizer.from_pretrained(spec["path"])(
                kind.rows(2)["text"].to_pylist(), padding=True, return_tensors="pt"
            )
            free = {name: {0: torch.export.Dim.DYNAMIC, 1: torch.export.Dim.DYNAMIC} for name in tokens}
            torch.onnx.export(
                module, kwargs=dict(tokens), f=str(path), dynamo=True, verbose=False, dynamic_shapes=free,
                external_data=False, opset_version=18, output_names=["logits"],
            )  # fmt: skip
        return {"kind": "onnx", "path": str(path), "text": "text", "tokenizer": spec["path"]}

    return Kind(f"{kind.name}, ONNX", "onnx", build, kind.rows)


def served(kinds: list[Kind], texts: list[Kind]) -> list[Kind]:
    """ONNX files of modules (by the names of their factories) and of text models."""
    factories = {
        "LSTM": "lstm", "GRU": "gru", "MultiheadAttention": "multihead_attention",
        "GroupNorm CNN": "group_norm", "BatchNorm CNN without affine": "batch_norm_without_affine",
        "grouped CNN": "grouped", "depthwise CNN": "depthwise", "depthwise Conv1d": "depthwise_series",
        "weight_norm": "weight_norm", "tabular embeddings": "coded", "tied layers": "tied",
        "one logit": "one_logit", "two logits": "two_logits", "three classes": "three_classes",
        "sigmoid at the end": "sigmoid", "softmax at the end": "softmax",
    }  # fmt: skip
    return [
        *(_served(kind, factories[kind.name], kind.rows) for kind in kinds),
        *(_served_text(kind) for kind in texts),
    ]
