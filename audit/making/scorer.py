"""The data of an audit and where its predictions go: every variant is scored the same way."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pyarrow as pa

from ...datasets.columns import no_column
from ...datasets.errors import InputError
from ...datasets.evaluation import EvaluationSet
from ...models.base import Model, Scored
from ...models.rules import unruled
from ..config import Config
from ..config.ladder import ORIGINAL
from ..figures import describe
from ..figures.crossings import check_crossings
from ..figures.measure import Measurement
from ..progress import Progress
from ..result import SelfFlips
from ..store.folder import ARTEFACTS, OpenRun, checksum
from ..verdict.judge import SELECTION, value_order
from .judging import Judging
from .opening import evaluation_set
from .scoring import Job, Shards, Twins, sample, score
from .self_flips import STEADY_ROWS, as_said, self_flips


class Scorer:
    """The data of an audit and where its predictions go; every variant is scored the same way."""

    def __init__(self, config: Config, folder: OpenRun, table: pa.Table | None, progress: Progress) -> None:
        self.config, self.folder, self.progress = config, folder, progress
        self.table = table
        self.data = self.open()
        check_crossings(len(self.data.sensitive), config.slices)
        twins = config.data.counterfactual
        if twins is not None:
            if twins.feature not in self.data.sensitive:
                known = ", ".join(self.data.sensitive)
                raise InputError(
                    f"data.counterfactual.feature: {twins.feature!r} is not an audited sensitive feature; "
                    f"there are {known}"
                )
            for name in twins.group:
                if name not in self.data.names:
                    raise no_column(name, self.data.names, self.data.where, "data.counterfactual.group")
        self.order = value_order(self.data.bins)
        self._data_sha256: str | None = None
        self.judging: Judging | None = None
        """Set before anything is scored, where answers are judged."""

    def open(self, split: str | None = None) -> EvaluationSet:
        """The evaluation rows anew, or the rows of another split."""
        config = self.config
        if split is not None:
            data = config.data.model_copy(update={"split": split})
            config = config.model_copy(update={"data": data})
        return evaluation_set(config, self.table)

    def score(self, name: str, model: Model | None, measured: Measurement | None = None) -> int:
        """Score a variant on the evaluation rows, and on the selection rows where there are some.

        Returns
        -------
        int
            How many texts were cut at the model's limit.
        """
        selection, validation = self.config.data.selection, self.config.data.validation
        aside = self.folder.predictions(name).parent / SELECTION / f"{name}.parquet"
        columns = self.config.data.counterfactual.group if self.config.data.counterfactual else None
        job = Job(
            path=self.folder.predictions(name),
            stage="scoring" if name == ORIGINAL else f"scoring: {name}",
            shards=self._shards(name, model),
            twins=Twins(columns) if columns else None,
            share=selection.share if selection else None,
            aside=aside if selection and selection.share else None,
            held_out=validation.share if validation else None,
            task=self.config.of_task,
            judging=self.judging,
        )
        data = self.data if name == ORIGINAL else self.open()
        truncated = score(data, model, job, measured, self.progress)
        if selection and selection.split is not None:
            other = self.open(selection.split)
            there = replace(job, path=aside, held_out=None, shards=self._shards(f"{name}-{SELECTION}", model))
            truncated += score(other, model, there, None, self.progress)
        return truncated

    def self_flips(self, model: Model | None) -> SelfFlips | None:
        """How many decisions of a neural model another batching changes; with costs it is told there."""
        if self.config.planned or model is None or not unruled(model).batched:
            return None
        columns = [*model.columns, *([self.data.id] if self.data.id else [])]
        return self_flips(model, sample(self.open(), columns, STEADY_ROWS), self.config, self.judged)

    @property
    def judged(self) -> Callable[[Scored], Scored]:
        """What makes decisions of answers in words; what a model says, as it is, where none are judged."""
        return as_said if self.judging is None else self.judging.reading.judged

    def _shards(self, name: str, model: Model | None) -> Shards | None:
        """Where a neural model's scores are kept on the way: a folder of their own for the same work."""
        base = unruled(model)
        same = None if base is None else base.identity()
        if same is None:
            return None
        if self._data_sha256 is None:
            self._data_sha256 = self.data.sha256()
        key = {
            "model": same, "data": self._data_sha256, "roles": self.config.data.model_dump(mode="json"),
            "seed": self.config.seed, "versions": describe.versions(), "name": name,
        }  # fmt: skip
        return Shards(self.folder.scored / f"{name}-{checksum(key)[:16]}", base.threshold)

    def forget(self, name: str) -> None:
        """Take out what a variant that cannot be scored has written."""
        shutil.rmtree(self.folder.folder / ARTEFACTS / name, ignore_errors=True)
        path = self.folder.predictions(name)
        for file in (path, path.parent / SELECTION / path.name):
            file.unlink(missing_ok=True)


def described(model: Model | None, truncated: int) -> dict[str, Any]:
    """What the report says of a model, and how many of the texts it was given were cut."""
    if model is None:
        return {"kind": "labels only"}
    told = model.describe()
    return told | {"truncated": truncated} if "max_length" in told else told
