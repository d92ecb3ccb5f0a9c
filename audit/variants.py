"""The variants of a model: made, saved, loaded again, checked in a fresh process, measured."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from ..compression import artefact, cost
from ..compression.fresh import Asked, FreshProcesses
from ..compression.given_cost import given_cost, is_served, of_served
from ..compression.make import Made, allowed, apart, counted, make
from ..compression.recipes import Context, find
from ..datasets.errors import InputError
from ..datasets.evaluation import EvaluationSet
from ..datasets.roles import as_words
from ..metrics.exact import clopper_pearson
from ..models.base import Model
from ..models.compiled import forget_compiled
from ..models.extras import quiet
from ..models.foreign import one_line
from ..models.neural import NeuralModel
from ..models.rules import unruled
from ..models.table import PredictionTable
from ..told import tell
from .config import Config, Planned
from .folder import ARTEFACTS
from .given import Loaded
from .progress import Progress
from .result import CellWeight, Cost, Failed, Layer, Recipe, Rule, SelfFlips, Step, Timing
from .training import Rows

SAMPLE_ROWS = 1024
"""Rows of the self-flip floor, spread over the data."""
FRESH_ROWS = 256
"""Rows that a fresh process scores."""
TRACE_ROWS = 32
STEADY_ROWS = 256
"""Rows of the original's self-flip floor where no variants are made."""
PIECE_ROWS = 64


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
    original : Model
    rows : pyarrow.RecordBatch
        Evaluation rows, without their labels, on which variants are traced, timed and checked.
    learning : (callable or None, callable or None)
        Give the rows that steps may learn from, and those that rules are fitted on.
    data : EvaluationSet
        Says which features are sensitive and how they are cut; no row of it is read here.
    folder : Path
        The run's; artefacts are written into it.
    collect : callable
        Collects the garbage of a variant.
    fresh : FreshProcesses, optional
        That load what is made; needed where anything is.
    files : sequence of Path
        That hold the original, where it is of files.

    Attributes
    ----------
    unpriced : str
        Why the original's cost, and so everybody's, is not measured; empty where it is.
    """

    config: Config
    original: Any
    rows: pa.RecordBatch
    learning: tuple[Rows | None, Rows | None]
    data: EvaluationSet
    folder: Path
    progress: Progress
    collect: Callable[[], object]
    fresh: FreshProcesses | None = None
    files: Sequence[Path] = ()

    def __enter__(self) -> Workshop:
        self._closing = ExitStack()
        self._stored: dict[str, Any] = {}
        self._recipes: dict[str, Recipe] = {}
        self._trusted: dict[str, list[str]] = {}
        try:
            place = self._closing.enter_context(tempfile.TemporaryDirectory(prefix="fairweigh-"))
            self._place = Path(place)
            self._open()
        except BaseException:
            self._closing.close()
            raise
        return self

    def __exit__(self, *how: Any) -> None:
        self._closing.__exit__(*how)

    def _open(self) -> None:
        """Save the original and load it again: the second copy is the null arm of every timing."""
        self._costs = False
        self.unpriced = ""
        try:
            if is_served(self.original):
                # There is nothing to save; asked a second time it is its own null arm.
                self._copy = self.original
                self._batches = cost.Batches.of(unruled(self.original), self.rows)
                self._costs = True
                return
            self._family = artefact.family_of(self.original)
            # Scores that stand in a table cost nothing to store or to run.
            if self._family == "scores":
                return
            self.progress("saving the original", 0, None)
            artefact.save(self.original, [], self._place / "original")
            self._copy = artefact.load(
                self._place / "original", *artefact.how_to_load(self.original),
                trusted=artefact.trusted_by(self.original),
            )  # fmt: skip
        except Exception as error:
            # Whatever a library makes of a stranger's model when it is to be written: beside given variants
            # nothing is made of the original, and they are audited without costs.
            if self.config.planned or isinstance(error, OSError):
                raise
            self.unpriced = str(error) if isinstance(error, InputError) else one_line(error)
            return
        self._batches = cost.Batches.of(self.original, self.rows)
        self._costs = True

    def original_cost(self) -> tuple[Cost | None, SelfFlips | None]:
        """What the original costs itself: the yardstick of the others."""
        if not self._costs:
            scored = isinstance(unruled(self.original), PredictionTable)
            again = self.config.competes and not self.config.planned and not scored
            return None, self_flips(self.original, self.rows, self.config) if again else None
        self.progress("measuring the original", 0, None)
        place = self._place / "original"
        asked = self._asked(self.original, place) if self.config.planned else None
        served = is_served(self.original)
        found = self._stored = of_served() if served else self._sizes(self.original, place, None)
        if self.files and not self.config.planned:
            # Beside models that are priced by their files it is priced by its own.
            found["stored_bytes"] = sum(path.stat().st_size for path in self.files)
        flips = self_flips(self.original, self.rows, self.config)
        found |= self._checked(self.original, asked) if asked is not None else {"reload": ""}
        found |= self._timed(None, found["notes"])
        return _cost(found, found), flips

    def given(self, loaded: Loaded, rows: pa.RecordBatch) -> tuple[Cost | None, SelfFlips | None]:
        """What a variant that was made elsewhere costs beside the original, and how far it is itself."""
        if isinstance(unruled(loaded.model), PredictionTable):
            return None, None
        floor = self_flips(loaded.model, rows, self.config)
        if not (self._costs and (loaded.files or is_served(loaded.model))):
            return None, floor
        found = given_cost(self.original, self._copy, loaded.model, loaded.files, rows, self.config.seed)
        return _cost(found, self._stored), floor

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
        if not self._costs:
            return Begun(wanted.name, made.model, recipe)
        asked = self._asked(made.model, target)
        return Begun(wanted.name, made.model, recipe, self._sizes(made.model, target, made), asked)

    def _measured(self, begun: Begun) -> Ready:
        assert begun.found is not None
        assert begun.asked is not None
        flips = self_flips(begun.model, self.rows, self.config)
        found = begun.found | self._checked(begun.model, begun.asked)
        found |= self._timed(begun.model, found["notes"])
        recipe = begun.recipe.model_copy(update={"reload": found["reload"]})
        self._recipes[begun.name] = recipe
        return Ready(begun.name, begun.model, recipe, _cost(found, self._stored), flips)

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
        return Step.model_validate({**told, "room": find(told["recipe"], self._family).room})

    def _start(self, wanted: Planned) -> tuple[Any, list[tuple[str, Any]], Recipe]:
        """What a variant is made from: the original, or a variant with the steps and recipe that made it."""
        if wanted.on == "original":
            return self.original, [], Recipe(steps=[])
        folder = self.folder / ARTEFACTS / wanted.on
        if not folder.is_dir():
            raise InputError(f"{wanted.on}, which it starts from, could not be made")
        model = artefact.load(folder, *artefact.how_to_load(self.original), trusted=self._trusted[wanted.on])
        return model, artefact.steps_of(folder), self._recipes[wanted.on]

    def _sizes(self, model: Any, folder: Path, made: Made | None) -> dict[str, Any]:
        # A rule costs a table of numbers; of a network it is not timed, as it is nothing beside it.
        base = unruled(model)
        found: dict[str, Any] = {"notes": [], **cost.storage(base, folder)}
        operations = made.flops if made else counted(self.original, self.rows.slice(0, TRACE_ROWS))
        if operations is not None:
            found["flops_per_row"], found["flops_method"] = operations
        else:
            found["flops_method"] = tell(
                "not counted: only layers of torch modules have operations that can be"
            )
        return found

    def _timed(self, model: Any, notes: Sequence[str]) -> dict[str, Any]:
        """Time a variant, or the original where that is None; a timer that fails is a note and no more."""
        base = unruled(model)
        # Of a network a rule is not timed, as it is nothing beside it.
        timed = base if isinstance(base, NeuralModel) else model
        copy = self._copy if model is None or self.config.decides_by_time else None
        known = self._stored.get("timings", ())
        if not known and model is not None:
            why = tell("Time: not measured, as that of the original was not.")
            return {"timings": [], "notes": [*notes, why]}
        try:
            found = cost.timings(self.original, copy, timed, self._batches, self.config.seed, known)
        except OSError:
            raise
        except Exception as error:
            # What can be scored is audited, whether or not it lets itself be timed.
            why = f"{type(error).__name__}: {one_line(error)}"
            return {"timings": [], "notes": [*notes, tell("Time: not measured: {why}", why=why)]}
        return {"timings": found}

    def _asked(self, model: Any, folder: Path) -> Asked:
        """Have a fresh process load an artefact while its figures are computed here."""
        runtime = getattr(unruled(model), "runtime", None)
        # What a runtime runs is of the library that runs it: torch's module, OpenVINO's compiled model.
        parts = [getattr(runtime, name, None) for name in ("module", "compiled")] + _readers(model)
        assert self.fresh is not None
        return self.fresh.start(
            folder, self.rows.slice(0, FRESH_ROWS), *artefact.how_to_load(model),
            trusted=artefact.trusted_by(model),
            modules=[type(part).__module__ for part in parts if part is not None],
        )  # fmt: skip

    def _checked(self, model: Any, asked: Asked) -> dict[str, Any]:
        """What a fresh process has found: the same decisions there, and the memory it takes."""
        rows = self.rows.slice(0, FRESH_ROWS)
        here = model.score(rows, None)
        assert self.fresh is not None
        there = self.fresh.collect(asked)
        if not np.array_equal(here.decision, there["decision"]):
            others = int((np.asarray(here.decision) != there["decision"]).sum())
            raise InputError(
                f"loaded in a fresh process the artefact decides {others} of {rows.num_rows} rows otherwise"
            )
        most = 0.0 if here.score is None else apart(here, there["score"])
        if most > allowed(model):
            raise InputError(f"loaded in a fresh process the artefact's scores differ, by up to {most:.2g}")
        return {
            "process_bytes": max(0, there["process_bytes"]),
            "peak_bytes": there["peak_bytes"],
            "device_bytes": there.get("device_bytes"),
            "reload": tell(
                "{n} rows scored after loading in a fresh process: every decision equal, scores to {most}",
                n=f"{rows.num_rows:,}",
                most=f"{most:.1g}",
            )
            if most
            else tell(
                "{n} rows scored after loading in a fresh process: every score and decision equal to the "
                "last bit",
                n=f"{rows.num_rows:,}",
            ),
        }


def failed(wanted: Planned, error: Exception, config: Config) -> Failed:
    """What the report says of a variant that could not be made."""
    why = str(error) if isinstance(error, InputError) else f"{type(error).__name__}: {one_line(error)}"
    steps = [
        Step(recipe=name, params=params, room=find(name, config.family).room) for name, params in wanted.named
    ]
    return Failed(name=wanted.name, steps=steps, why=why)


def _readers(model: Any) -> list[Any]:
    """What reads a model's rows: its tokenizer or image processor."""
    inputs = getattr(unruled(model), "inputs", None)
    return [getattr(inputs, name, None) for name in ("tokenizer", "processor")]


def _cost(found: dict[str, Any], original: dict[str, Any]) -> Cost:
    known = {key: value for key, value in found.items() if key in Cost.model_fields}
    known["timings"] = [Timing.model_validate(timing) for timing in found["timings"]]
    ratios = cost.ratios(found, original)
    if found is original and found["timings"]:
        ratios["compute"] = 1.0
    return Cost.model_validate({**known, **ratios})


def self_flips(model: Model, rows: pa.RecordBatch, config: Config) -> SelfFlips | None:
    """Score some rows as the audit does, and again shuffled and in pieces of other sizes.

    What flips then flips for no reason of the model's own: the floor under every flip rate. None of a model
    that decides nothing.
    """
    draw = np.random.default_rng(config.seed)
    before = model.score(rows, None)
    if before.decision is None:
        return None
    order = draw.permutation(rows.num_rows)
    decision = np.empty_like(before.decision)
    score = None if before.score is None else np.empty_like(before.score)
    start = 0
    # What people wrote themselves may say what it likes.
    with quiet() if isinstance(unruled(model), NeuralModel) else nullcontext():
        while start < len(order):
            piece = order[start : start + int(draw.integers(1, PIECE_ROWS + 1))]
            again = model.score(rows.take(pa.array(piece)), None)
            decision[piece] = again.decision
            if score is not None:
                score[piece] = again.score
            start += len(piece)
    flips = int((decision != before.decision).reshape(rows.num_rows, -1).any(axis=1).sum())
    low, high = clopper_pearson(flips, rows.num_rows, (1 - config.confidence) / 2)
    return SelfFlips(
        rows=rows.num_rows,
        flips=flips,
        rate=flips / rows.num_rows,
        low=float(low),
        high=float(high),
        largest_score_change=None
        if score is None or before.score is None
        else float(np.abs(score - before.score).max()),
        batching=tell("shuffled, in batches of 1 to {n} rows", n=PIECE_ROWS),
    )
