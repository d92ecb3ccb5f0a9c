"""The audit: data and model to predictions, variants, figures, gates and the typed result."""

from __future__ import annotations

import errno
import gc
import re
import shutil
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import replace
from datetime import UTC, datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from .._version import __version__
from ..datasets.binary import Binary
from ..datasets.columns import no_column
from ..datasets.errors import InputError
from ..datasets.evaluation import EvaluationSet
from ..metrics.figures import METHODS
from ..models.base import Model
from ..models.neural import NeuralModel
from ..models.rules import unruled
from ..models.table import PredictionTable
from ..told import tell
from . import describe, gate
from .changes import methods_of
from .config import Config, GivenVariant
from .coverage import coverage
from .crossings import check_crossings, check_slices
from .folder import ARTEFACTS, AUDIT, PREDICTIONS, OpenRun, checksum
from .inputs import given_model, load_model
from .intact import given_origins
from .judge import SELECTION, Entry, Judgement, judge, make_plan, value_order
from .measure import Measurement
from .opening import evaluation_set
from .progress import Progress, silent
from .regimes import files as regimes
from .result import AuditResult, Comparison, Failed, SelfFlips
from .scoring import Job, Shards, Twins, sample, score
from .training import learning

if TYPE_CHECKING:
    from ..compression.fresh import FreshProcesses
    from .given import Variants
    from .variants import Workshop

ORIGINAL = "original"
TURNED_ROUND = 0.9
"""Share of changed decisions from which a given variant is asked about its labels."""


@contextmanager
def _collecting() -> Iterator[Callable[[], object]]:
    """Give what collects the garbage of a variant, looking at what came since the last one alone.

    The libraries' own objects, a million of them, and those that recipes bring take most of a second.
    """
    if gc.get_freeze_count():
        # Whoever froze what there was before knows when that ends.
        yield gc.collect
        return

    def collect() -> None:
        gc.collect()
        gc.freeze()

    gc.freeze()
    try:
        yield collect
    finally:
        gc.unfreeze()


def audit(
    config: Config,
    folder: OpenRun,
    *,
    table: pa.Table | None = None,
    given: Any = None,
    variants: Mapping[str, Any] = MappingProxyType({}),
    dtypes: Mapping[str, Any] | None = None,
    command: str = "",
    progress: Progress = silent,
) -> AuditResult:
    """Run an audit into an open run folder: predictions, artefacts and ``audit.json``.

    Parameters
    ----------
    table
        Rows from Python in place of ``data.path``.
    given
        A model from Python; the configuration's ``model`` says what it is.
    variants
        Given variants from Python, by name.
    dtypes
        The pandas types of ``table`` as it was given, which a model from Python reads.
    command : str
        The command to reproduce the run, for its report.
    """
    with _beside(config) as fresh:
        return _audit(config, folder, fresh, table, given, variants, dtypes, command, progress)


def _beside(config: Config) -> AbstractContextManager[FreshProcesses | None]:
    """The processes that will load artefacts: they import a model's libraries while it is loaded here."""
    model = config.model
    if model is None or not config.planned or config.family == "scores":
        return nullcontext()
    from ..compression.fresh import FreshProcesses

    return FreshProcesses("transformers" if model.resolved == "transformers" else config.family, model.device)


def _audit(
    config: Config,
    folder: OpenRun,
    fresh: FreshProcesses | None,
    table: pa.Table | None,
    given: Any,
    variants: Mapping[str, Any],
    dtypes: Mapping[str, Any] | None,
    command: str,
    progress: Progress,
) -> AuditResult:
    progress("reading data", 0, None)
    run = _Audit(config, folder, table, progress)
    # What the card says stands in the run's configuration: a run is read again without its card.
    said = config.data.model_copy(update={"positive_is": run.data.positive_is})
    config = config.model_copy(update={"data": said})
    model = load_model(config, run.data, given, progress, dtypes)
    if config.planned:
        from ..compression.artefact import family_of

        # A model that cannot be changed is refused before it is scored.
        family_of(model)
    probability = model is None or model.probability
    measured = Measurement(tuple(run.data.sensitive), probability, run.order, config.of_task)
    truncated = run.score(ORIGINAL, model, measured)
    entries = [Entry(ORIGINAL, _described(model, truncated), self_flips=run.self_flips(model))]
    failed: list[Failed] = []
    check_slices(measured, config.slices)
    regimes.check(config, measured)
    if config.planned or config.variants:
        assert model is not None
        # What a gate or the plan asks and the data lack is told before hours of work on variants.
        gate.check(config.gates, measured, make_plan(config, measured))
        entries, failed = run.others(model, entries[0], variants, dtypes, fresh)
    progress("computing figures", measured.rows, measured.rows)
    found = judge(config, run.data.sensitive, run.order, entries, folder.folder / PREDICTIONS, measured)
    if found.rows is not None and found.identified is not None:
        pq.write_table(found.rows, folder.folder / found.identified.file)
    decisions = getattr(model, "outcome", None)
    run.data.notes += _unsteady(entries[0])
    run.data.notes += _turned_round(found.comparisons, {variant.name for variant in config.variants})
    result = _result(config, run.data, found, failed, command, decisions)
    folder.write(AUDIT, result.model_dump_json(indent=1) + "\n")
    regimes.write_configured(config, result, folder, folder.folder / PREDICTIONS, {ORIGINAL: measured})
    folder.provenance = {
        "schema_version": result.schema_version,
        "audit": result.audit,
        "created": result.created,
        "data_sha256": result.data.sha256,
        "model_sha256": entries[0].model.get("sha256") or entries[0].model.get("training_sha256"),
        **({"given": origins} if (origins := given_origins(v.model_dump() for v in result.variants)) else {}),
        "configuration_sha256": checksum(result.configuration),
        "versions": {"fairweigh": __version__, **result.environment.packages},
        **({"guests": result.guest_versions} if result.guests else {}),
        "seed": config.seed,
    }
    return result


def _described(model: Model | None, truncated: int) -> dict[str, Any]:
    """What the report says of a model, and how many of the texts it was given were cut."""
    if model is None:
        return {"kind": "labels only"}
    told = model.describe()
    return told | {"truncated": truncated} if "max_length" in told else told


def _unsteady(original: Entry) -> list[str]:
    """Say where the model decides a row by its neighbours too, or otherwise when it is asked again."""
    found = original.self_flips
    if found is None or not found.flips:
        return []
    if original.model.get("kind") == "endpoint":
        return [
            tell(
                "{n} of {rows} decisions of the served model changed when the same rows were asked again, in "
                "other batches: it does not decide a row the same each time.",
                n=f"{found.flips:,}", rows=f"{found.rows:,}",
            )
        ]  # fmt: skip
    return [
        tell(
            "{n} of {rows} decisions of the model changed when the same rows were batched otherwise: what it "
            "decides of a row depends on the rows beside it.",
            n=f"{found.flips:,}", rows=f"{found.rows:,}",
        )
    ]  # fmt: skip


def _turned_round(comparisons: Sequence[Comparison], given: Collection[str]) -> list[str]:
    """Say where a given variant decides nearly every row the other way."""
    return [
        tell(
            "Nearly every decision of {name} is the other one ({share}): are its outputs in another order, "
            "or is its other label the positive one?",
            name=one.after, share=f"{one.overall.rate:.1%}",
        )
        for one in comparisons
        if one.after in given and one.overall is not None and (one.overall.rate or 0) >= TURNED_ROUND
    ]  # fmt: skip


class _Audit:
    """The data of an audit and where its predictions go; every variant is scored the same way."""

    def __init__(self, config: Config, folder: OpenRun, table: pa.Table | None, progress: Progress) -> None:
        self.config, self.folder, self.progress = config, folder, progress
        self._table = table
        self.data = self._open()
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

    def _open(self, split: str | None = None) -> EvaluationSet:
        config = self.config
        if split is not None:
            data = config.data.model_copy(update={"split": split})
            config = config.model_copy(update={"data": data})
        return evaluation_set(config, self._table)

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
        )
        data = self.data if name == ORIGINAL else self._open()
        truncated = score(data, model, job, measured, self.progress)
        if selection and selection.split is not None:
            other = self._open(selection.split)
            there = replace(job, path=aside, held_out=None, shards=self._shards(f"{name}-{SELECTION}", model))
            truncated += score(other, model, there, None, self.progress)
        return truncated

    def self_flips(self, model: Model | None) -> SelfFlips | None:
        """How many decisions of a neural model another batching changes; with costs it is told there."""
        if self.config.planned or not isinstance(unruled(model), NeuralModel):
            return None
        from .variants import STEADY_ROWS, self_flips

        assert model is not None
        columns = [*model.columns, *([self.data.id] if self.data.id else [])]
        return self_flips(model, sample(self._open(), columns, STEADY_ROWS), self.config)

    def _shards(self, name: str, model: Model | None) -> Shards | None:
        """Where a neural model's scores are kept on the way: a folder of their own for the same work."""
        model = unruled(model)
        same = model.identity() if isinstance(model, NeuralModel) else None
        if not isinstance(model, NeuralModel) or same is None:
            return None
        if self._data_sha256 is None:
            self._data_sha256 = self.data.sha256()
        key = {
            "model": same, "data": self._data_sha256, "roles": self.config.data.model_dump(mode="json"),
            "seed": self.config.seed, "versions": describe.versions(), "name": name,
        }  # fmt: skip
        return Shards(self.folder.scored / f"{name}-{checksum(key)[:16]}", model.threshold)

    def others(
        self,
        model: Model,
        original: Entry,
        variants: Mapping[str, Any],
        dtypes: Mapping[str, Any] | None,
        fresh: FreshProcesses | None,
    ) -> tuple[list[Entry], list[Failed]]:
        """Make or load, score and describe every variant; the original comes first, with its cost."""
        columns = self._columns_given()
        self._check_features()
        if not self.config.competes:
            # All of them are predictions, in columns of the table or in tables of their own.
            told_of = [self._predicted(wanted) for wanted in self.config.variants]
            unread = [entry for entry in told_of if isinstance(entry, Failed)]
            return [original, *(entry for entry in told_of if isinstance(entry, Entry))], unread
        # These bring the libraries of models with them.
        from .given import Variants, failed_given, files_of, unpriced
        from .variants import SAMPLE_ROWS, Workshop

        given = Variants(variants, dtypes)
        # A variant may decide by the sensitive features, or draw by the id, where the original does not.
        read = [*model.columns, *self.data.sensitive, *([self.data.id] if self.data.id else [])]
        rows = sample(self._open(), read, SAMPLE_ROWS)
        planned, notes = self.config.planned, self.data.notes
        learned = learning(self.config, model, self._table, notes) if planned else (None, None)
        files = files_of(model, self.config.model) if self.config.model else []
        with ExitStack() as closing:
            collect = closing.enter_context(_collecting())
            shop = closing.enter_context(
                Workshop(
                    self.config, model, rows, learned, self.data, self.folder.folder, self.progress, collect,
                    fresh, files,
                )
            )  # fmt: skip
            cost, flips = shop.original_cost()
            told = original.model | ({"cost": unpriced(shop.unpriced)} if shop.unpriced else {})
            entries = [replace(original, model=told, cost=cost, self_flips=flips)]
            made, broken = self._made(shop)
            entries += made
            for wanted in self.config.variants:
                if wanted in columns:
                    entry = self._predicted(wanted)
                    if isinstance(entry, Failed):
                        broken.append(entry)
                    else:
                        entries.append(entry)
                    continue
                self.progress(f"loading: {wanted.name}", 0, None)
                try:
                    entries.append(self._given(wanted, model, shop, given))
                except OSError as error:
                    # A full disk is no fault of the variant, and would be the next one's too.
                    if error.errno in (errno.ENOSPC, errno.EDQUOT):
                        raise
                    broken.append(failed_given(wanted, error))
                    self._forget(wanted.name)
                except Exception as error:
                    # A stranger's model goes through libraries of its own: whatever breaks there is its row.
                    broken.append(failed_given(wanted, error))
                    self._forget(wanted.name)
                collect()
        return entries, broken

    def _made(self, shop: Workshop) -> tuple[list[Entry], list[Failed]]:
        """The variants that are made here."""
        from .variants import failed

        wanted = {p.name: p for p in self.config.planned}
        entries: list[Entry] = []
        broken: list[Failed] = []
        for made in shop.variants():
            if isinstance(made, Failed):
                broken.append(made)
                continue
            try:
                truncated = self.score(made.name, made.model)
            except InputError as error:
                broken.append(failed(wanted[made.name], error, self.config))
                self._forget(made.name)
                continue
            # Its fresh process has worked while it was scored, and it is timed when both are done.
            done = shop.finished(made)
            if isinstance(done, Failed):
                broken.append(done)
                self._forget(made.name)
                continue
            told = {**_described(done.model, truncated), "path": done.recipe.artefact}
            kind = "mitigated" if "mitigated" in done.recipe.groups else "compressed"
            start = wanted[done.name].on
            parent = ORIGINAL if start == "original" else start
            entries.append(
                Entry(done.name, told, kind, done.recipe, done.cost, done.self_flips, parent)  # type: ignore[arg-type]
            )
            del made, done
        if self.config.mitigations and not any(e.kind == "mitigated" for e in entries):
            names = {p.name for p in self.config.planned} - {c.name for c in self.config.compressions}
            first = next(f for f in broken if f.name in names)
            raise InputError(f"mitigations: none could be made; {first.name}: {first.why}")
        return entries, broken

    def _columns_given(self) -> list[GivenVariant]:
        """Variants whose predictions stand in the evaluation table itself; InputError where they do not."""
        found = [v for v in self.config.variants if v.in_columns and v.path is None]
        for wanted in found:
            given_model(self.config, self.data, wanted)
        return found

    def _predicted(self, wanted: GivenVariant) -> Entry | Failed:
        """A variant whose predictions are given; why there is none, where they cannot be read."""
        from .given import Loaded, failed_given, origin

        data = self._open()
        try:
            model = given_model(self.config, data, wanted)
            truncated = self.score(wanted.name, model)
        except InputError as error:
            self._forget(wanted.name)
            return failed_given(wanted, error)
        # What was found of its own table; what the data themselves say is there already.
        self.data.notes += data.notes
        told = _described(model, truncated) | (origin(wanted, Loaded(model)) if wanted.path else {})
        return Entry(wanted.name, told, "compressed", parent=ORIGINAL)

    def _given(self, wanted: GivenVariant, original: Model, shop: Workshop, given: Variants) -> Entry:
        """A variant that was made elsewhere, loaded, held to the original's task, measured and scored."""
        from .given import check_same_task, load_given, origin
        from .variants import SAMPLE_ROWS

        data = self._open()
        held = given.models.get(wanted.name)
        loaded = load_given(self.config, data, wanted, original, held, given.dtypes, self.progress)
        # A table of predictions that is joined by id is read whole.
        joined = isinstance(loaded.model, PredictionTable)
        read = list(dict.fromkeys([*original.columns, *loaded.model.columns]))
        rows = None if joined else sample(self._open(), [c for c in read if c in data.names], SAMPLE_ROWS)
        check_same_task(original, loaded.model, rows)
        self.progress(f"measuring: {wanted.name}", 0, None)
        cost, flips = (None, None) if rows is None else shop.given(loaded, rows)
        truncated = self.score(wanted.name, loaded.model)
        self.data.notes += data.notes
        told = _described(loaded.model, truncated) | origin(wanted, loaded)
        return Entry(wanted.name, told, "compressed", None, cost, flips, ORIGINAL)

    def _check_features(self) -> None:
        """InputError for a step by a feature that is not audited, before any work on variants."""
        for planned in self.config.planned:
            for name, params in planned.named:
                for feature in params.get("by") or []:
                    if feature not in self.data.sensitive:
                        known = ", ".join(self.data.sensitive)
                        raise InputError(
                            f"mitigations: {name}.by: {feature!r} is not an audited sensitive feature; there "
                            f"are {known}"
                        )

    def _forget(self, name: str) -> None:
        """Take out what a variant that cannot be scored has written."""
        shutil.rmtree(self.folder.folder / ARTEFACTS / name, ignore_errors=True)
        path = self.folder.predictions(name)
        for file in (path, path.parent / SELECTION / path.name):
            file.unlink(missing_ok=True)


def entries_of(result: AuditResult) -> list[Entry]:
    """Return the variants of a finished run, with what their predictions do not tell."""
    return [Entry(v.name, v.model, v.kind, v.recipe, v.cost, v.self_flips, v.parent) for v in result.variants]


def judged_parts(
    found: Judgement, confidence: float, reasons: Mapping[str, str], methods: Iterable[str] = ()
) -> dict[str, Any]:
    """Return the parts of a result that a judgement gives, of a run or of a policy.

    ``methods`` are keys of ``METHODS`` that were used besides those of the judgement's own figures.
    """
    used = methods_of(found.variants, found.comparisons) | set(methods)
    used |= {e.method for c in found.counterfactuals for e in (c.score_gap, c.flips)}
    return {
        "verdict": found.verdict,
        "confidence": confidence,
        "variants": found.variants,
        "coverage": coverage(found.variants[0].slices),
        "comparisons": found.comparisons,
        "identified": found.identified,
        "counterfactuals": found.counterfactuals,
        "twins": found.twins,
        "gates": found.gates,
        "gates_together": gate.together(found.gates, confidence),
        "frontier": found.frontier,
        "definitions": describe.definitions(found.plan, found.measured, found.gates, reasons),
        "priorities": describe.priorities(found.measured.task),
        "task": found.measured.task.name,
        "classes": list(found.plan.classes),
        "methods": {name: text for name, text in METHODS.items() if name in used},
    }


def derived(config: Config, found: Judgement, cluster: str | None) -> dict[str, Any]:
    """Return the parts of a result that follow from a run's configuration and its predictions.

    ``cluster`` is the column of clusters, where the data have one.
    """
    configuration = config.model_dump(mode="json")
    return {
        **judged_parts(found, config.confidence, config.report.reasons),
        "audit": config.audit,
        "configuration": configuration,
        "configuration_sha256": checksum(configuration),
        "guests": describe.guests(config),
        "not_measured": describe.not_measured(config, cluster, found.measured, found.plan),
    }


def _result(
    config: Config,
    data: EvaluationSet,
    found: Judgement,
    failed: list[Failed],
    command: str,
    decisions: Binary | None,
) -> AuditResult:
    return AuditResult(
        title=config.report.title or (data.card.title if data.card else config.audit),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        environment=describe.environment(config.seed, command),
        data=describe.data_info(data, found.measured, decisions),
        failed=failed,
        **derived(config, found, data.cluster),
    ).as_told()


def folder_name(audit_name: str) -> str:
    """Return a folder name for an audit: letters, digits, dot, dash and underscore."""
    return re.sub(r"[^\w.-]+", "-", audit_name).strip("-.") or "audit"
