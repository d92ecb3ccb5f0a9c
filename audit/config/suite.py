"""What a configuration may say beside a suite, which knows its own columns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...datasets.suites import SUITES, Suite
from .language import LANGUAGE, is_language
from .model import SPECS, PredictionsSpec
from .model_base import kind_of

if TYPE_CHECKING:
    from ...tasks import Task
    from .whole import Config

SAID = {"path", "sensitive", "cluster", "drop_missing", "positive_is", "where", "items"}
"""Keys of ``data:`` that stand beside a suite."""
OF_SUITES = ("where", "items")
"""Those that belong to one."""
SAVED = (".skops", ".pkl", ".pickle", ".joblib")
"""Files that hold a model of scikit-learn, which no folder is."""


def with_suite(given: Any) -> Any:
    """A configuration as it is written, with what its suite says of texts and of what differs in them."""
    suite = SUITES.get(str(given.get("suite"))) if isinstance(given, Mapping) else None
    if suite is None:
        return given
    data, model = given.get("data"), given.get("model")
    if not suite.text:
        kind = kind_of(model) if isinstance(model, Mapping) else None
        # Before what a kind lacks is told, that it is no kind for the suite is.
        if kind in SPECS and kind not in ("predictions", "endpoint", "variant", *LANGUAGE):
            raise ValueError(_no_kind(suite, kind))
        return given
    said = dict(given)
    if isinstance(data, Mapping) and "counterfactual" not in data and _audited(given, data, suite):
        said["data"] = {**data, "counterfactual": dict(suite.twins)}
    if isinstance(model, Mapping) and _reads_texts(model):
        said["model"] = {"text": suite.text, **model}
    slices = given.get("slices") or {}
    if suite.intersections is not None and isinstance(slices, Mapping):
        said["slices"] = {"intersections": suite.intersections, **slices}
    return said


def _audited(given: Mapping[str, Any], data: Mapping[str, Any], suite: Suite) -> bool:
    """Whether the feature in which a suite's twins differ is one of those that are audited."""
    slices = given.get("slices")
    named = (slices.get("by") if isinstance(slices, Mapping) else None) or data.get("sensitive")
    return bool(suite.twins) and (not named or suite.twins["feature"] in named)


def _reads_texts(model: Mapping[str, Any]) -> bool:
    """Whether a model of these keys reads a text, and none is named."""
    kind = kind_of(model)
    if kind == "sklearn" and model.get("kind") is None and model.get("estimator") is None:
        # A folder of transformers is told by its text.
        return "path" in model and Path(str(model["path"])).suffix not in SAVED
    return kind in SPECS and "text" in SPECS[kind].model_fields and not model.get("text")


def check_suite(config: Config) -> None:
    """ValueError for keys that a suite says itself, or a model that it cannot ask."""
    if config.suite is None:
        names = [suite.name for suite in SUITES.values() if suite.alone and suite.task == config.task]
        if names:
            raise ValueError(f"task: {config.task} is that of a suite; expected suite: {' or '.join(names)}")
        stray = next((key for key in OF_SUITES if getattr(config.data, key) is not None), None)
        if stray is not None:
            raise ValueError(f"data.{stray}: belongs to a suite; leave it out")
    suite = None if config.suite is None else SUITES[config.suite]
    prompts = suite is not None and "prompt" in suite.roles
    if not prompts and isinstance(config.model, PredictionsSpec) and config.model.samples:
        raise ValueError("model.samples: belongs to predictions of a suite of prompts; set data.sample")
    if suite is None:
        return
    if config.task not in (None, suite.task):
        raise ValueError(f"task: the suite {suite.name} is of the task {suite.task}, got {config.task}")
    if config.data.path is None:
        raise ValueError(f"data.path: expected the file of {suite.name}, got none")
    known = {*SAID, *(["counterfactual"] if suite.twins else [])}
    said = sorted(name for name in config.data.model_fields_set - known if getattr(config.data, name))
    if said:
        raise ValueError(f"data.{said[0]}: the suite {suite.name} knows its columns; leave it out")
    if config.data.cluster is not None and config.data.cluster not in suite.units:
        raise ValueError(
            f"data.cluster: expected one of {', '.join(suite.units)}, which may vary in {suite.name}, got "
            f"{config.data.cluster}"
        )
    kind = None if config.model is None else config.model.resolved
    mine = ("predictions", "variant")
    asked = config.model is not None and (suite.text or kind in mine or is_language(config.model))
    if not asked:
        raise ValueError(_no_kind(suite, kind))


def _no_kind(suite: Suite, kind: str | None) -> str:
    who = "any model of texts" if suite.text else "a language model"
    more = ("variant (an artefact of one)", *LANGUAGE)
    kinds = "" if suite.text else f", {', '.join(more)}, or endpoint with protocol: openai"
    return (
        f"model: the suite {suite.name} is scored from predictions, or by {who}; expected kind: "
        f"predictions{kinds}, got {kind or 'none'}"
    )


def in_units(task: Task, config: Config) -> Task:
    """The task with what the clusters of a suite are called, for rows that a gate needs."""
    if config.suite is None:
        return task
    units = SUITES[config.suite].units
    return replace(task, unit=units[config.data.cluster or next(iter(units))])
