"""Optional packages: imported where they are needed, with one line that says how to get them."""

from __future__ import annotations

import importlib
import logging
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ..datasets.errors import InputError


def optional(module: str, feature: str, extra: str = "torch") -> Any:
    """Import ``module``; InputError with the install command where it is missing."""
    # Asked for at every small step: to be quiet about an import costs more than the import.
    if (known := sys.modules.get(module)) is not None:
        return known
    try:
        with quiet():
            return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != module.partition(".")[0]:
            raise
        raise InputError(
            f'{feature} needs the package {module.partition(".")[0]}: pip install "fairweigh[{extra}]"'
        ) from None


@contextmanager
def quiet() -> Iterator[None]:
    """Keep loading bars, advice and deprecation notes of the model libraries off the terminal.

    A loop of short calls that are quiet themselves is quiet as a whole: a logger's level costs too much to
    set for each (it clears what every logger knows), and inside it nothing is left to set.
    """
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "true")
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    if "transformers" in sys.modules:
        # Somebody may have imported it before the variables above were set.
        importlib.import_module("transformers.utils.logging").disable_progress_bar()
    # torchao tells through the root logger which of its CUDA libraries this machine cannot load.
    loggers = [logging.getLogger(name) for name in (None, "torch", "torchao", "transformers", "onnxscript")]
    levels: dict[logging.Logger, int] = {}
    for logger in loggers:
        # One without a level of its own follows the first.
        if logger.getEffectiveLevel() < logging.CRITICAL:
            levels[logger] = logger.level
            logger.setLevel(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in levels.items():
            logger.setLevel(level)
