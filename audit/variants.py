"""The compressed variants of a model: made, saved, loaded again, checked in a fresh process, measured."""

from __future__ import annotations

import gc
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from ..compression import artefact, cost
from ..compression.fresh import FreshProcesses
from ..compression.make import Compressible, Made, allowed, counted, make
from ..compression.recipes import Context, TrainingRows
from ..datasets.errors import InputError
from ..metrics.intervals import normal_quantile, wilson
from ..models.base import Model
from ..models.estimator import one_line
from .config import Compression, Config
from .inputs import Progress
from .result import Cost, Failed, Layer, Recipe, SelfFlips, Step, Timing

ARTEFACTS = "artefacts"
SAMPLE_ROWS = 1024
"""Rows of the self-flip floor, spread over the data."""
FRESH_ROWS = 256
"""Rows that a fresh process scores."""
TRACE_ROWS = 32
PIECE_ROWS = 64


@dataclass(frozen=True)
class Ready:
    """A variant that can be scored, and all that its predictions do not tell."""

    name: str
    model: Compressible
    recipe: Recipe
    cost: Cost
    self_flips: SelfFlips


@dataclass
class Workshop:
    """Makes the variants of one original, one after the other.

    Parameters
    ----------
    original : Model
    rows : pyarrow.RecordBatch
        Evaluation rows, without their labels, on which variants are traced, timed and checked.
    training : callable or None
        Gives the rows that steps may learn from.
    folder : Path
        The run's; artefacts are written into it.
    """

    config: Config
    original: Compressible
    rows: pa.RecordBatch
    training: Any
    folder: Path
    progress: Progress

    def __enter__(self) -> Workshop:
        self._closing = ExitStack()
        try:
            place = self._closing.enter_context(tempfile.TemporaryDirectory(prefix="fairweigh-"))
            self._place = Path(place)
            self.progress("saving the original", 0, None)
            artefact.save(self.original, [], self._place / "original")
            self._copy = artefact.load(self._place / "original", *artefact.how_to_load(self.original))
            self._fresh = self._closing.enter_context(FreshProcesses(artefact.libraries_of(self.original)))
            self._batches = cost.Batches.of(self.original, self.rows)
            self._stored: dict[str, Any] = {}
        except BaseException:
            self._closing.close()
            raise
        return self

    def __exit__(self, *how: Any) -> None:
        self._closing.__exit__(*how)

    def original_cost(self) -> tuple[Cost, SelfFlips]:
        """What the original costs itself: the yardstick of the others."""
        self.progress("measuring the original", 0, None)
        found = self._measured(self.original, self._place / "original", None)
        self._stored = found
        return _cost(found, found), self_flips(self.original, self.rows, self.config)

    def variants(self) -> Iterator[Ready | Failed]:
        """Make each variant of the configuration; one that cannot be made is told and the others go on."""
        for number, wanted in enumerate(self.config.compressions):
            self.progress(f"compressing: {wanted.name}", number, len(self.config.compressions))
            target = self.folder / ARTEFACTS / wanted.name
            try:
                made: Ready | Failed = self._ready(wanted, target)
            except OSError:
                # A full disk is not the recipe's fault, and would be the next one's too.
                raise
            except Exception as error:
                # A step hands an arbitrary model to a library of its own: whatever breaks there is its row.
                made = failed(wanted, error)
            if isinstance(made, Failed):
                shutil.rmtree(target, ignore_errors=True)
            yield made
            # Modules hold themselves in circles, and the command line has switched the collector off.
            del made
            gc.collect()

    def _ready(self, wanted: Compression, target: Path) -> Ready:
        rows = self._training_rows if self.training is not None else None
        context = Context(self.config.seed, self.rows.slice(0, TRACE_ROWS), rows, self.progress)
        made = make(self.original, wanted.named, context, target)
        self.progress(f"measuring: {wanted.name}", 0, None)
        found = self._measured(made.model, target, made)
        return Ready(
            name=wanted.name,
            model=made.model,
            recipe=Recipe(
                steps=[Step.model_validate(step) for step in made.steps],
                layers=[Layer.model_validate(layer) for layer in made.layers],
                artefact=f"{ARTEFACTS}/{wanted.name}",
                sha256=made.sha256,
                trained_on=made.trained_on,
                reload=found["reload"],
            ),
            cost=_cost(found, self._stored),
            self_flips=self_flips(made.model, self.rows, self.config),
        )

    def _training_rows(self) -> TrainingRows:
        if not hasattr(self, "_learned"):
            self._learned: TrainingRows = self.training()
        return self._learned

    def _measured(self, model: Compressible, folder: Path, made: Made | None) -> dict[str, Any]:
        found: dict[str, Any] = {"notes": [], **cost.storage(model, folder)}
        found |= self._checked(model, folder)
        operations = made.flops if made else counted(self.original, self.rows.slice(0, TRACE_ROWS))
        if operations is not None:
            found["flops_per_row"], found["flops_method"] = operations
        else:
            found["flops_method"] = "not counted: only layers of torch modules have operations that can be"
        found["timings"] = cost.timings(self.original, self._copy, model, self._batches, self.config.seed)
        return found

    def _checked(self, model: Compressible, folder: Path) -> dict[str, Any]:
        """Load the artefact in a fresh process: the same decisions there, and the memory it takes."""
        rows = self.rows.slice(0, FRESH_ROWS)
        here = model.score(rows, None)
        there = self._fresh.score(folder, rows, *artefact.how_to_load(model))
        if not np.array_equal(here.decision, there["decision"]):  # type: ignore[arg-type]
            apart = int((np.asarray(here.decision) != there["decision"]).sum())
            raise InputError(
                f"loaded in a fresh process the artefact decides {apart} of {rows.num_rows} rows otherwise"
            )
        most = 0.0 if here.score is None else float(np.abs(here.score - there["score"]).max())
        if most > allowed(model):
            raise InputError(f"loaded in a fresh process the artefact's scores differ, by up to {most:.2g}")
        return {
            "process_bytes": max(0, there["process_bytes"]),
            "peak_bytes": there["peak_bytes"],
            "reload": f"{rows.num_rows:,} rows scored after loading in a fresh process: every "
            + (
                "score and decision equal to the last bit"
                if not most
                else f"decision equal, scores to {most:.1g}"
            ),
        }


def failed(wanted: Compression, error: Exception) -> Failed:
    """What the report says of a variant that could not be made."""
    why = str(error) if isinstance(error, InputError) else f"{type(error).__name__}: {one_line(error)}"
    steps = [Step(recipe=name, params=params) for name, params in wanted.named]
    return Failed(name=wanted.name, steps=steps, why=why)


def _cost(found: dict[str, Any], original: dict[str, Any]) -> Cost:
    known = {key: value for key, value in found.items() if key in Cost.model_fields}
    known["timings"] = [Timing.model_validate(timing) for timing in found["timings"]]
    ratios = cost.ratios(found, original)
    if found is original:
        ratios["compute"] = 1.0
    return Cost.model_validate({**known, **ratios})


def self_flips(model: Model, rows: pa.RecordBatch, config: Config) -> SelfFlips:
    """Score some rows as the audit does, and again shuffled and in pieces of other sizes.

    What flips then flips for no reason of the model's own: the floor under every flip rate.
    """
    draw = np.random.default_rng(config.seed)
    before = model.score(rows, None)
    order = draw.permutation(rows.num_rows)
    decision = np.empty(rows.num_rows, bool)
    score = None if before.score is None else np.empty(rows.num_rows)
    start = 0
    while start < len(order):
        piece = order[start : start + int(draw.integers(1, PIECE_ROWS + 1))]
        again = model.score(rows.take(pa.array(piece)), None)
        decision[piece] = again.decision
        if score is not None:
            score[piece] = again.score
        start += len(piece)
    flips = int((decision != before.decision).sum())
    low, high = wilson(flips, rows.num_rows, normal_quantile(config.confidence))
    return SelfFlips(
        rows=rows.num_rows,
        flips=flips,
        rate=flips / rows.num_rows,
        low=float(low),
        high=float(high),
        largest_score_change=None if score is None else float(np.abs(score - before.score).max()),
        batching=f"shuffled, in batches of 1 to {PIECE_ROWS} rows",
    )
