"""What variants cost beside the original: stored, loaded in a fresh process, timed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from ...compression import artefact, cost
from ...compression.fresh import Asked, FreshProcesses
from ...compression.given_cost import given_cost, of_files, of_served, paid, untimed
from ...compression.language_cost import kv_bytes_per_token, written
from ...compression.make import Made, allowed, apart, counted
from ...datasets.errors import InputError
from ...models.base import Scored
from ...models.foreign import one_line
from ...models.language.changeable import is_language
from ...models.rules import unruled
from ...told import tell
from ..config import Config
from ..progress import Progress
from ..result import Cost, Generation, SelfFlips, Timing
from .given import Loaded
from .self_flips import as_said, self_flips

FRESH_ROWS, FRESH_TEXTS = 256, 32
"""Rows that a fresh process scores, and those of a language model."""
TRACE_ROWS = 32
"""Rows that a model is traced with."""


@dataclass
class Prices:
    """Measures what the variants of one original cost, each beside it.

    Parameters
    ----------
    original : Model
    rows : pyarrow.RecordBatch
        Evaluation rows, without their labels, on which variants are timed and checked.
    place : Path
        A folder for a copy of the original.
    fresh : FreshProcesses, optional
        That load what is made; needed where anything is.
    files : sequence of Path
        That hold the original, where it is of files.
    judged : callable
        Makes decisions of answers in words.

    Attributes
    ----------
    unpriced : str
        Why the original's cost, and so everybody's, is not measured; empty where it is.
    measured : bool
        Whether costs are measured at all.
    """

    config: Config
    original: Any
    rows: pa.RecordBatch
    place: Path
    progress: Progress
    fresh: FreshProcesses | None = None
    files: Sequence[Path] = ()
    judged: Callable[[Scored], Scored] = as_said

    def __post_init__(self) -> None:
        self.measured = False
        self.unpriced = ""
        self._stored: dict[str, Any] = {}
        self._open()

    def _open(self) -> None:
        """Save the original and load it again: the second copy is the null arm of every timing."""
        try:
            if self._stands:
                # There is nothing to save; asked a second time it is its own null arm.
                self._copy = self.original
                self._batches = cost.Batches.of(unruled(self.original), self.rows)
                self.measured = True
                return
            family = artefact.family_of(self.original)
            # Scores that stand in a table cost nothing to store or to run.
            if family == "scores":
                return
            self.progress("saving the original", 0, None)
            artefact.save(self.original, [], self.place / "original")
            self._copy = artefact.load(
                self.place / "original", *artefact.how_to_load(self.original),
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
        self.measured = True

    @property
    def _stands(self) -> bool:
        """Whether the original is served as it stands: elsewhere, or by a runtime with files of its own."""
        base = unruled(self.original)
        return base.served or (is_language(base) and base.family is None)

    def original_cost(self) -> tuple[Cost | None, SelfFlips | None]:
        """What the original costs itself: the yardstick of the others."""
        if not self.measured:
            scored = not unruled(self.original).bound
            again = self.config.competes and not self.config.planned and scored
            return None, self_flips(self.original, self.rows, self.config, self.judged) if again else None
        self.progress("measuring the original", 0, None)
        place = self.place / "original"
        asked = self._asked(self.original, place) if self.config.planned else None
        if unruled(self.original).served:
            found = of_served(unruled(self.original))
        elif self._stands:
            found = of_files(unruled(self.original), self.files, self.rows)
        else:
            found = self._sizes(self.original, place, None)
        self._stored = found
        if self.files and not self.config.planned:
            # Beside models that are priced by their files it is priced by its own.
            found["stored_bytes"] = sum(path.stat().st_size for path in self.files)
        # Where each request may cost, the floor that was found when it was scored is enough.
        again = not paid(unruled(self.original))
        flips = self_flips(self.original, self.rows, self.config, self.judged) if again else None
        found |= self._checked(self.original, asked) if asked is not None else {"reload": ""}
        found |= self._timed(None, found["notes"])
        return _cost(found, found), flips

    def given(self, loaded: Loaded, rows: pa.RecordBatch) -> tuple[Cost | None, SelfFlips | None]:
        """What a variant that was made elsewhere costs beside the original, and how far it is itself."""
        base = unruled(loaded.model)
        if base.bound:
            return None, None
        floor = self_flips(loaded.model, rows, self.config, self.judged)
        if not (self.measured and (loaded.files or base.served)):
            return None, floor
        found = given_cost(self.original, self._copy, loaded.model, loaded.files, rows, self.config.seed)
        return _cost(found, self._stored), floor

    def begun(self, model: Any, folder: Path, made: Made) -> tuple[dict[str, Any], Asked]:
        """The sizes of an artefact, which a fresh process has begun to load."""
        asked = self._asked(model, folder)
        return self._sizes(model, folder, made), asked

    def finished(self, model: Any, found: dict[str, Any], asked: Asked) -> tuple[Cost, str]:
        """The cost of an artefact, and what its fresh process says of it."""
        found = found | self._checked(model, asked)
        found |= self._timed(model, found["notes"])
        return _cost(found, self._stored), found["reload"]

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
        if is_language(base):
            found["kv_bytes_per_token"] = kv_bytes_per_token(base)
        return found

    def _timed(self, model: Any, notes: Sequence[str]) -> dict[str, Any]:
        """Time a variant, or the original where that is None; a timer that fails is a note and no more."""
        base = unruled(model)
        # Of a network a rule is not timed, as it is nothing beside it.
        timed = base if model is not None and base.batched else model
        copy = self._copy if model is None or self.config.decides_by_time else None
        known = self._stored.get("timings", ())
        if not known and model is not None:
            why = tell("Time: not measured, as that of the original was not.")
            return {"timings": [], "notes": [*notes, why]}
        if paid(unruled(self.original)):
            return {"timings": [], "notes": [*notes, untimed()]}
        try:
            found = cost.timings(self.original, copy, timed, self._batches, self.config.seed, known)
        except OSError:
            raise
        except Exception as error:
            # What can be scored is audited, whether or not it lets itself be timed.
            why = f"{type(error).__name__}: {one_line(error)}"
            return {"timings": [], "notes": [*notes, tell("Time: not measured: {why}", why=why)]}
        if not is_language(unruled(self.original)):
            return {"timings": found}
        arms = (self.original, copy, timed)
        return {"timings": found, **written(arms, self.rows, self.config.seed, self._stored, notes)}

    @property
    def _few(self) -> pa.RecordBatch:
        """Rows that an artefact scores in a fresh process."""
        return self.rows.slice(0, FRESH_TEXTS if is_language(unruled(self.original)) else FRESH_ROWS)

    def _asked(self, model: Any, folder: Path) -> Asked:
        """Have a fresh process load an artefact while its figures are computed here."""
        runtime = getattr(unruled(model), "runtime", None)
        # What a runtime runs is of the library that runs it: torch's module, OpenVINO's compiled model.
        parts = [getattr(runtime, name, None) for name in ("module", "compiled")] + _readers(model)
        assert self.fresh is not None
        return self.fresh.start(
            folder, self._few, *artefact.how_to_load(model),
            trusted=artefact.trusted_by(model),
            modules=[type(part).__module__ for part in parts if part is not None],
        )  # fmt: skip

    def _checked(self, model: Any, asked: Asked) -> dict[str, Any]:
        """What a fresh process has found: the same decisions there, and the memory it takes."""
        rows = self._few
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


def _readers(model: Any) -> list[Any]:
    """What reads a model's rows: its tokenizer or image processor."""
    inputs = getattr(unruled(model), "inputs", None)
    return [getattr(inputs, name, None) for name in ("tokenizer", "processor")]


def _cost(found: dict[str, Any], original: dict[str, Any]) -> Cost:
    known = {key: value for key, value in found.items() if key in Cost.model_fields}
    known["timings"] = [Timing.model_validate(timing) for timing in found["timings"]]
    if known.get("generation") is not None:
        known["generation"] = Generation.model_validate(known["generation"])
    ratios = cost.ratios(found, original)
    if found is original and found["timings"]:
        ratios["compute"] = 1.0
    return Cost.model_validate({**known, **ratios})
