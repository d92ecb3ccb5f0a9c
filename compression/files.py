"""The files of an artefact that hold its numbers."""

from __future__ import annotations

from pathlib import Path

from ..datasets.errors import InputError

WEIGHTS, ONNX, SKOPS = "model.safetensors", "model.onnx", "model.skops"
IR = ("model.xml", "model.bin")
"""OpenVINO's graph, and its weights."""


def weights_file(folder: Path) -> Path:
    """The file of an artefact that holds its weights."""
    for name in (ONNX, WEIGHTS, SKOPS, IR[1]):
        if (folder / name).is_file():
            return folder / name
    raise InputError(f"{folder}: not an artefact: expected one of {ONNX}, {WEIGHTS}, {SKOPS}, {IR[0]}")
