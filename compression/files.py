"""The files of an artefact that hold its numbers."""

from __future__ import annotations

from pathlib import Path

from ..datasets.errors import InputError

WEIGHTS, ONNX, SKOPS = "model.safetensors", "model.onnx", "model.skops"
IR = ("model.xml", "model.bin")
"""OpenVINO's graph, and its weights."""
TOKENIZER, SERVED = "tokenizer", "served"
"""Folders in a language model's artefact: its tokenizer, or all that another runtime or quantiser reads."""


def weights_file(folder: Path) -> Path:
    """The file of an artefact that holds its weights; of a runtime's folder the largest."""
    if held := weights_files(folder):
        return max(held, key=lambda path: path.stat().st_size)
    for name in (ONNX, WEIGHTS, SKOPS, IR[1]):
        if (folder / name).is_file():
            return folder / name
    raise InputError(f"{folder}: not an artefact: expected one of {ONNX}, {WEIGHTS}, {SKOPS}, {IR[0]}")


def weights_files(folder: Path) -> list[Path]:
    """Graph and weights in the folder of another runtime that an artefact holds; empty where it has none."""
    found = [path for form in ("*.onnx*", "*.safetensors") for path in (folder / SERVED).glob(form)]
    return sorted(path for path in found if path.is_file())
