"""The recipes that make a lighter model: whoever imports this has them in the registry."""

from __future__ import annotations

from . import (
    aware,
    distil,
    estimator_recipes,
    half,
    heads,
    int8_dynamic,
    onnx_export,
    openvino_ir,
    prune,
    round_arrays,
    share,
    shrink,
    static,
    structured,
    torchao_formats,
)
from .recipes import find as find
from .recipes import names as names

FILES = (
    aware,
    distil,
    estimator_recipes,
    half,
    heads,
    int8_dynamic,
    onnx_export,
    openvino_ir,
    prune,
    round_arrays,
    share,
    shrink,
    static,
    structured,
    torchao_formats,
)
"""Each enters its recipes when it is imported; none imports the libraries that they work with."""
