"""What a configuration may say beside a suite, which knows its own columns."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...datasets.suites import SUITES
from .language import LANGUAGE, is_language

if TYPE_CHECKING:
    from .whole import Config

SAID = {"path", "sensitive", "drop_missing", "positive_is", "items"}
"""Keys of ``data:`` that stand beside a suite."""


def check_suite(config: Config) -> None:
    """ValueError for keys that a suite says itself, or a model that it cannot ask."""
    if config.suite is None:
        if config.task is not None and any(config.task == suite.task for suite in SUITES.values()):
            names = [suite.name for suite in SUITES.values() if suite.task == config.task]
            raise ValueError(f"task: {config.task} is that of a suite; expected suite: {' or '.join(names)}")
        return
    suite = SUITES[config.suite]
    if config.task not in (None, suite.task):
        raise ValueError(f"task: the suite {suite.name} is of the task {suite.task}, got {config.task}")
    if config.data.path is None:
        raise ValueError(f"data.path: expected the file of {suite.name}, got none")
    said = sorted(name for name in config.data.model_fields_set - SAID if getattr(config.data, name))
    if said:
        raise ValueError(f"data.{said[0]}: the suite {suite.name} knows its columns; leave it out")
    kind = None if config.model is None else config.model.resolved
    if config.model is None or not (kind == "predictions" or is_language(config.model)):
        raise ValueError(
            f"model: the suite {suite.name} is scored from predictions, or by a language model; expected "
            f"kind: predictions, {', '.join(LANGUAGE)}, or endpoint with protocol: openai, got "
            f"{kind or 'none'}"
        )
