"""The variants of a model: made, saved, loaded again, and measured beside the original."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from ...compression import artefact
from ...compression.fresh import Asked
from ...compression.registry import Context
from ...datasets.errors import InputError
from ...datasets.evaluation import EvaluationSet
from ...datasets.roles import as_words
from ...models.compiled import forget_compiled
from ...models.foreign import one_line
from ..config import Config, Planned
from ..recipes import find
from ..result import CellWeight, Cost, Failed, Layer, Recipe, Rule, SelfFlips, Step
from ..store.folder import ARTEFACTS
from .artefacts import make
from .prices import TRACE_ROWS, Prices
from .self_flips import self_flips
from .training import Rows


@dataclass(frozen=True)
class Begun:
    """A variant that can be scored while a fresh process loads it."""

    name: str
    model: Any
    recipe: Recipe
    found: dict[str, Any] | None = None
    asked: Asked | None = None


@dataclass(frozen=True)
class Ready:
    """A variant that can be scored, and all that its predictions do not tell."""

    name: str
    model: Any
    recipe: Recipe
    cost: Cost | None
    self_flips: SelfFlips | None


@dataclass
class Workshop:
    """Makes the variants of one original, one after the other.

    Parameters
    ----------
    prices : Prices
        What the variants cost beside the original, on whose rows they are traced too.
    learning : (callable or None, callable or None)
        Give the rows that steps may learn from, and those that rules are fitted on.
    data : EvaluationSet
        Says which features are sensitive and how they are cut; no row of it is read here.
    folder : Path
        The run's; artefacts are written into it.
    collect : callable
        Collects the garbage of a variant.
    """

    prices: Prices
    learning: tuple[Rows | None, Rows | None]
    data: EvaluationSet
    folder: Path
    collect: Callable[[], object]

    def __post_init__(self) -> None:
        self.config, self.original, self.rows = self.prices.config, self.prices.original, self.prices.rows
        self.progress = self.prices.progress
        self._recipes: dict[str, Recipe] = {}
        self._trusted: dict[str, list[str]] = {}

    def variants(self) -> Iterator[Begun | Failed]:
        """Make each variant of the configuration; one that cannot be made is told and the others go on.

        Each is to be given to `finished` once it is scored.
        """
        planned = self.config.planned
        for number, wanted in enumerate(planned):
            self.progress(f"making: {wanted.name}", number, len(planned))
            made = self._tried(wanted, partial(self._begun, wanted))
            yield made
            # Modules hold themselves in circles, and the command line has switched the collector off.
            del made
            self.collect()
            forget_compiled()

    def finished(self, begun: Begun) -> Ready | Failed:
        """Measure a variant: what the fresh process says of it; then, at rest, its time."""
        if begun.asked is None:
            return Ready(begun.name, begun.model, begun.recipe, None, None)
        wanted = next(p for p in self.config.planned if p.name == begun.name)
        self.progress(f"measuring: {begun.name}", 0, None)
        made: Ready | Failed = self._tried(wanted, partial(self._measured, begun))
        return made

    def _tried(self, wanted: Planned, work: Callable[[], Any]) -> Any:
        try:
            return work()
        except OSError:
            # A full disk is not the recipe's fault, and would be the next one's too.
            raise
        except Exception as error:
            # A step hands an arbitrary model to a library of its own: whatever breaks there is its row.
            shutil.rmtree(self.folder / ARTEFACTS / wanted.name, ignore_errors=True)
            return failed(wanted, error, self.config)

    def _begun(self, wanted: Planned) -> Begun:
        target = self.folder / ARTEFACTS / wanted.name
        start, before, parent = self._start(wanted)
        made = make(start, wanted.named, self._context(), target, before)
        self._trusted[wanted.name] = artefact.trusted_by(made.model)
        recipe = Recipe(
            steps=[*parent.steps, *(self._step(step) for step in made.steps)],
            layers=[Layer.model_validate(layer) for layer in made.layers],
            artefact=f"{ARTEFACTS}/{wanted.name}",
            sha256=made.sha256,
            trained_on=made.trained_on or parent.trained_on,
            needs=list(dict.fromkeys([*parent.needs, *made.told["needs"]])),
            weights=[*parent.weights, *map(CellWeight.model_validate, made.told["weights"])],
            rules=[*parent.rules, *map(Rule.model_validate, made.told["rules"])],
        )
        if not self.prices.measured:
            return Begun(wanted.name, made.model, recipe)
        return Begun(wanted.name, made.model, recipe, *self.prices.begun(made.model, target, made))

    def _measured(self, begun: Begun) -> Ready:
        assert begun.found is not None
        assert begun.asked is not None
        flips = self_flips(begun.model, self.rows, self.config, self.prices.judged)
        cost, reload = self.prices.finished(begun.model, begun.found, begun.asked)
        recipe = begun.recipe.model_copy(update={"reload": reload})
        self._recipes[begun.name] = recipe
        return Ready(begun.name, begun.model, recipe, cost, flips)

    def _context(self) -> Context:
        return Context(
            seed=self.config.seed,
            sample=self.rows.slice(0, TRACE_ROWS),
            training=self.learning[0],
            validation=self.learning[1],
            original=self.original,
            sensitive=tuple(self.data.sensitive),
            bins=self.data.bins,
            merge=self.data.merged,
            row_id=self.data.id,
            favourable=tuple(as_words(self.data.favourable)),
            min_size=self.config.slices.min_size,
            progress=self.progress,
        )

    def _step(self, told: dict[str, Any]) -> Step:
        family = artefact.family_of(self.original)
        return Step.model_validate({**told, "room": find(told["recipe"], family).room})

    def _start(self, wanted: Planned) -> tuple[Any, list[tuple[str, Any]], Recipe]:
        """What a variant is made from: the original, or a variant with the steps and recipe that made it."""
        if wanted.on == "original":
            return self.original, [], Recipe(steps=[])
        folder = self.folder / ARTEFACTS / wanted.on
        if not folder.is_dir():
            raise InputError(f"{wanted.on}, which it starts from, could not be made")
        model = artefact.load(folder, *artefact.how_to_load(self.original), trusted=self._trusted[wanted.on])
        return model, artefact.steps_of(folder), self._recipes[wanted.on]


def failed(wanted: Planned, error: Exception, config: Config) -> Failed:
    """What the report says of a variant that could not be made."""
    why = str(error) if isinstance(error, InputError) else f"{type(error).__name__}: {one_line(error)}"
    steps = [
        Step(recipe=name, params=params, room=find(name, config.family).room) for name, params in wanted.named
    ]
    return Failed(name=wanted.name, steps=steps, why=why)
