"""Language models as an artefact holds them: how they are asked, and how their engine is made again."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from ...datasets.errors import InputError
from ..answers import Refusals
from .asked import AskedModel
from .chooser import Chooser
from .engine import Engine, Sampling
from .preferring import Preferring
from .writer import Writer

MOST_PATTERN = 500
NESTED = re.compile(r"[*+}]\)+[*+{]")
"""An expression that repeats what repeats may search without end."""


@dataclass
class NoRows:
    """Stands where an adapter keeps the data that it was made for: an artefact has none."""

    names: list[str]
    where: str
    notes: list[str] = field(default_factory=list)


def _of_chooser(model: Chooser) -> dict[str, Any]:
    return {"way": model.way, "form": model.form, **asdict(model.sampling)}


def _chooser(engine: Engine, said: Mapping[str, Any], common: Mapping[str, Any]) -> AskedModel:
    sampling = Sampling(said["max_new_tokens"], said["temperature"], said["top_p"])
    return Chooser(engine=engine, **common, way=said["way"], form=said["form"], sampling=sampling)


def _of_preferring(model: Preferring) -> dict[str, Any]:
    return {"mean": model.mean}


def _preferring(engine: Engine, said: Mapping[str, Any], common: Mapping[str, Any]) -> AskedModel:
    return Preferring(engine=engine, **common, mean=said["mean"])


def _of_writer(model: Writer) -> dict[str, Any]:
    return {
        "prompts": model.prompts, "named": list(model.named), "form": model.form,
        "refusals": list(model.refusals.patterns), **asdict(model.sampling),
    }  # fmt: skip


def _writer(engine: Engine, said: Mapping[str, Any], common: Mapping[str, Any]) -> AskedModel:
    for pattern in said["refusals"]:
        if len(pattern) > MOST_PATTERN or NESTED.search(pattern):
            raise InputError(
                f"asked.refusals: expected plain phrases, got {pattern[:60]!r}, which may not end"
            )
    sampling = Sampling(said["max_new_tokens"], said["temperature"], said["top_p"])
    return Writer(
        engine=engine, **common, prompts=said["prompts"], named=said["named"], form=said["form"],
        sampling=sampling,
        refusals=Refusals(tuple(said["refusals"])),
    )  # fmt: skip


_Make = Callable[[Engine, Mapping[str, Any], Mapping[str, Any]], AskedModel]
SAVED: dict[str, tuple[type[AskedModel], Callable[[Any], dict[str, Any]], _Make]] = {
    "choice": (Chooser, _of_chooser, _chooser),
    "pairs": (Preferring, _of_preferring, _preferring),
    "generation": (Writer, _of_writer, _writer),
}
"""By task: the adapter, what is written of it, and how it is made again."""


def settings_of(model: Any) -> dict[str, Any]:
    """How a language model is asked, as an artefact writes it; JSON values only."""
    if model.task not in SAVED:
        raise InputError(f"compressions: a language model of the task {model.task} cannot be saved")
    common = {"task": model.task, "columns": list(model.columns), "seed": model.seed, "system": model.system}
    return {**common, **SAVED[model.task][1](model)}


def adapter_of(said: Mapping[str, Any], engine: Engine, where: Path) -> AskedModel:
    """The adapter that `settings_of` told of, over an engine."""
    columns = list(said["columns"])
    common = {
        "data": NoRows(columns, str(where)), "columns": columns, "seed": said["seed"],
        "system": said["system"],
    }  # fmt: skip
    return SAVED[said["task"]][2](engine, said, common)


def engine_settings(engine: Any) -> dict[str, Any]:
    """How an engine over a transformers module reads prompts, as an artefact writes it."""
    return {
        "kind": engine.kind,
        "chat": bool(engine.chat),
        "context": engine.words.context,
        "batch_tokens": engine.batch_tokens,
        "ends": sorted(engine.ends),
    }


def spec_of(said: Mapping[str, Any], path: Path | str, device: str) -> Any:
    """What ``model:`` would say of an engine."""
    chat = "on" if said["chat"] else "off"
    return SimpleNamespace(
        path=str(path), kind=said["kind"], resolved=said["kind"], chat=chat, context=said["context"],
        batch_tokens=said["batch_tokens"], device=device, dtype=None, system=None, prompt=None,
        max_new_tokens=None, temperature=None, top_p=None, samples=None, score="generate",
    )  # fmt: skip
