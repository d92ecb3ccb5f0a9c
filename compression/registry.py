"""The recipes: a small registry, and what a recipe is given and gives back.

A recipe changes a copy of a model in place and says what it did. What it needs to be undone to its
shape again, when the artefact is loaded, it puts into its record; weights are stored apart from that.

The registry has what was entered. Those of a room are once its package `recipes` is imported; guests enter
theirs, as one variant may have steps of several.
"""

from __future__ import annotations

import difflib
import importlib
import pkgutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

import pyarrow as pa
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from ..datasets.errors import InputError
from ..datasets.training import TrainingRows
from ..models.base import Family
from ..models.forms import FORMS
from ..models.rules import Rule
from ..told import tell_n, told_series
from . import weights

FIXED: dict[Family, str] = {
    "scores": "which a table of predictions or a callable is not",
    "onnx": "and an ONNX model is compiled already: give the torch model that it was made of",
}
"""Why the recipes that change a model are not for some."""
LEARNING = ("finetune", "sensitivity")
"""Parameters by which a recipe that learns nothing by itself does."""
Room = Literal["compression", "mitigation"]
CHANGES: Mapping[Room, tuple[str, ...]] = {
    "compression": ("binary", "multiclass", "multilabel", "regression"), "mitigation": ("binary",)
}  # fmt: skip
"""The tasks whose models the recipes of each room can change, where a recipe does not say others."""
UNTAUGHT = (*CHANGES["compression"], *(task for task, form in FORMS.items() if form.spans))
"""Those of recipes that learn nothing from rows: what marks entities is not trained here."""


class Params(BaseModel):
    """Base of the recipes' parameters: strict about unknown keys and types, as a configuration is."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    def suits(self, task: str, favourable: bool) -> None:
        """ValueError where values that the recipe takes mean nothing for a task.

        ``favourable`` tells whether some of several classes are (`data.favourable`).
        """
        if FORMS[task].spans and (key := next((k for k in LEARNING if getattr(self, k, None)), None)):
            raise ValueError(
                f"{key}: learns from rows, and a model that marks entities does not; leave it out"
            )


By = Annotated[list[str] | None, AfterValidator(lambda by: by if by is None else _distinct(by))]
"""Sensitive features, each once; None: all that are audited."""


def _distinct(by: list[str]) -> list[str]:
    if not by or len(set(by)) < len(by):
        raise ValueError(f"expected one or more different features, got {by}")
    return by


class Finetune(Params):
    """A short training after a step that hurts, on training rows only."""

    steps: int = Field(200, ge=1, description="Most optimiser steps.")
    lr: float = Field(3e-5, gt=0)
    batch: int = Field(32, ge=1)


@dataclass(frozen=True)
class Context:
    """What a step may use besides the model.

    Attributes
    ----------
    seed : int
    training : callable or None
        Gives the training rows; None where the configuration names none.
    validation : callable or None
        Gives the rows that decision rules are fitted on, which no step trains on.
    original : model or None
        The model that the variants are made from.
    untouched : bool
        Whether the step is given a copy of the original as it is, which no step before has changed.
    sensitive : tuple of str
        The audited sensitive features.
    bins : mapping
        Edges of numeric ones.
    merge : mapping
        By feature: the name of a slice, and the values that are one with it.
    row_id : str or None
        Column that names a row.
    favourable : tuple of str
        Of several classes those that are an advantage to the person.
    min_size : int
        Slices of fewer rows are small.
    sample : pyarrow.RecordBatch
        Some rows to trace or export a model with; nothing is fitted on them.
    progress : callable
        Called with a stage, the steps done and their total.
    """

    seed: int
    sample: pa.RecordBatch
    training: Callable[[], TrainingRows] | None = None
    validation: Callable[[], TrainingRows] | None = None
    original: Any = None
    untouched: bool = False
    sensitive: tuple[str, ...] = ()
    bins: Mapping[str, Sequence[float]] = field(default_factory=dict)
    merge: Mapping[str, Mapping[str, Sequence[str]]] = field(default_factory=dict)
    row_id: str | None = None
    favourable: tuple[str, ...] = ()
    min_size: int = 30
    progress: Callable[[str, int, int | None], None] = lambda stage, done, total: None

    def rows(self, recipe: str) -> TrainingRows:
        """Training rows; InputError where there are none."""
        if self.training is None:
            raise InputError(
                f"{recipe}: needs rows to learn from; set model.train (never the evaluation rows)"
            )
        return self.training()

    def fitting_rows(self, recipe: str) -> TrainingRows:
        """Rows that a decision rule may be fitted on; InputError where there are none."""
        if self.validation is None:
            raise InputError(
                f"{recipe}: needs rows to fit a rule on; set model.train or data.validation "
                "(never the evaluation rows)"
            )
        return self.validation()


@dataclass
class Done:
    """What a step did.

    Attributes
    ----------
    changed : str
        In words, such as '24 Linear layers to int8'; with a ``recount``, what comes after its words.
    record : dict
        What `Recipe.rebuild` needs; JSON values only.
    notes : list of str
        What a reader must know, such as that a type is slow on this machine.
    trained_on : str, optional
        The rows that the step learned from.
    rule : Rule, optional
        What is to stand behind the model's scores from now on.
    told : dict
        More fields of the result's ``Recipe``: ``weights``, ``rules``, ``needs``.
    recount : callable (model) -> str, optional
        Counts again, in a model as it was loaded from its artefact, what the step claims to have done.
    """

    changed: str = ""
    record: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    trained_on: str | None = None
    rule: Rule | None = None
    told: dict[str, Any] = field(default_factory=dict)
    recount: Callable[[Any], str] | None = None

    def words(self, model: Any) -> str:
        """What the step did, counted in a model."""
        return self.changed if self.recount is None else told_series([self.recount(model), self.changed])


@dataclass(frozen=True)
class Recipe:
    """One row of the registry.

    Attributes
    ----------
    apply : callable (model, params, context) -> Done
        Changes the model in place; InputError where it cannot.
    rebuild : callable (module, record) -> None, or None
        Brings a fresh module to the shape and classes that the stored weights fit.
    room : {"compression", "mitigation"}
    rule : bool
        Whether it fits a rule behind the model's scores and leaves the model as it is.
    tasks : tuple of str
        The tasks that it is for.
    language : bool
        Whether it can change a language model, whatever is asked of that.
    """

    name: str
    family: Family
    room: Room
    params: type[Params]
    apply: Callable[[Any, Any, Context], Done]
    rebuild: Callable[[Any, Mapping[str, Any]], None] | None = None
    rule: bool = False
    tasks: tuple[str, ...] = ("binary",)
    language: bool = False


_RECIPES: dict[tuple[Family, str], Recipe] = {}


def recipe(
    name: str,
    params: type[Params] = Params,
    *,
    family: Family | Sequence[Family] = "torch",
    room: Room = "compression",
    rebuild: Callable[[Any, Mapping[str, Any]], None] | None = None,
    rule: bool = False,
    tasks: tuple[str, ...] | None = None,
    language: bool = False,
) -> Callable[[Callable[[Any, Any, Context], Done]], Callable[[Any, Any, Context], Done]]:
    """Enter a step into the registry.

    ``tasks`` are those that it is for, by default those of its room; ``language`` says that it changes
    language models, which no task is named for.
    """

    def enter(apply: Callable[[Any, Any, Context], Done]) -> Callable[[Any, Any, Context], Done]:
        families: Sequence[Any] = [family] if isinstance(family, str) else family
        for each in families:
            _RECIPES[each, name] = Recipe(
                name, each, room, params, apply, rebuild, rule,
                CHANGES[room] if tasks is None else tasks, language,
            )  # fmt: skip
        return apply

    return enter


def enter_all(package: str, folders: Iterable[str]) -> None:
    """Import every file of a room's package of recipes: each enters its own."""
    for found in pkgutil.iter_modules(folders):
        importlib.import_module(f"{package}.{found.name}")


def registry() -> dict[tuple[Family, str], Recipe]:
    """Return all recipes that were entered, by family and name."""
    return _RECIPES


def names(family: Family, room: Room | None = None) -> list[str]:
    """Return the names of a family's recipes, of all rooms or of one."""
    return sorted(n for (f, n), r in registry().items() if f == family and room in (None, r.room))


def find(name: str, family: Family) -> Recipe:
    """Return a recipe; ValueError with the nearest name where there is none."""
    found = registry().get((family, name))
    if found is None:
        known = names(family)
        other = [f for f, n in registry() if n == name]
        if other and family in FIXED:
            raise ValueError(
                f"{name!r} changes the model itself, {FIXED[family]}; for its scores there are "
                f"{', '.join(known)}"
            )
        if other:
            raise ValueError(
                f"{name!r} is a recipe for {other[0]} models; for this one there are {', '.join(known)}"
            )
        close = difflib.get_close_matches(name, known, n=1, cutoff=0.4)
        hint = f"did you mean {close[0]!r}?" if close else f"there are {', '.join(known)}"
        raise ValueError(f"{name!r} is no known recipe; {hint}")
    return found


def for_task(step: Recipe, task: str, *, language: bool = False) -> None:
    """InputError for a step that is not made for a task, or for a language model, with those that are."""
    if step.language if language else task in step.tasks:
        return
    rows = [r for r in registry().values() if (r.family, r.room) == (step.family, step.room)]
    if language:
        known = sorted(r.name for r in rows if r.language)
        others = f"are {', '.join(known)}" if known else f"is no recipe of {step.room}"
        raise InputError(f"{step.name}: is not made for language models; for these there {others}")
    if not step.tasks:
        raise InputError(f"{step.name}: is made for language models, and for no others")
    those = sorted(r.name for r in rows if task in r.tasks)
    raise InputError(
        f"{step.name}: is made for the task {' or '.join(step.tasks)}, the model's is {task}; for that there "
        + (f"are {', '.join(those)}" if those else f"is no recipe of {step.room}")
    )


def plural(count: int, one: str, many: str) -> str:
    """Write a number of things, such as ``plural(3, "{n} layer", "{n} layers")``."""
    return tell_n(one, many, count, n=f"{count:,}")


def listed_layers(found: Sequence[Any], what: str, recipe_name: str) -> None:
    """InputError where a model has none of the layers that a step works on."""
    if not found:
        raise InputError(f"{recipe_name}: the model has no {what} that it could change")


def in_float32(model: Any, recipe_name: str) -> None:
    """InputError for a model that an earlier step has exported, or that is not in float32."""
    if getattr(model.runtime, "module", None) is None:
        raise InputError(f"{recipe_name}: the model was exported by the step before; put that step last")
    if model.runtime.dtype != "float32":
        raise InputError(
            f"{recipe_name}: expected a model in float32, got {model.runtime.dtype}; put the step that casts "
            "last, or set model.dtype: float32 where the model is stored so"
        )


def is_packed(model: Any) -> bool:
    """Whether a step before has put torch's quantised layers, which hold packed weights, into a model."""
    return any(weights.is_packed(part) for part in model.runtime.module.modules())


def unpacked(model: Any, recipe_name: str) -> None:
    """InputError where a step before has quantised the weights that a step works on."""
    module = model.runtime.module
    if is_packed(model) or any(kind.startswith("torchao") for kind in weights.formats(module).values()):
        raise InputError(f"{recipe_name}: the weights are quantised already; put it before that step")
