"""The audit: data and model to predictions, variants, figures, gates and the typed result."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from .._version import __version__
from ..told import tell
from .config import Config
from .config.ladder import ORIGINAL
from .config.language import FOLDERS
from .figures.crossings import check_slices
from .figures.measure import Measurement
from .making.inputs import load_model
from .making.judges import judging
from .making.others import others
from .making.scorer import Scorer, described
from .progress import Progress, silent
from .regimes import files as regimes
from .result import AuditResult, Comparison, Failed
from .store.checksums import given_origins
from .store.folder import AUDIT, PREDICTIONS, OpenRun, checksum
from .verdict import gate
from .verdict.called import check_labels
from .verdict.judge import Entry, judge, make_plan
from .verdict.result_parts import result_of

if TYPE_CHECKING:
    from ..compression.fresh import FreshProcesses

TURNED_ROUND = 0.9
"""Share of changed decisions from which a given variant is asked about its labels."""


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
    from .making.fresh import PROGRAM

    device = getattr(model, "device", "auto")
    family = "transformers" if model.resolved in ("transformers", *FOLDERS) else config.family
    return FreshProcesses(family, device, PROGRAM)


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
    scorer = Scorer(config, folder, table, progress)
    # What the card says stands in the run's configuration: a run is read again without its card.
    update: dict[str, Any] = {"positive_is": scorer.data.positive_is}
    if config.suite is not None:
        # So do the slices of a suite, which may be those that vary in its file.
        update["sensitive"] = list(scorer.data.sensitive)
    said = config.data.model_copy(update=update)
    config = config.model_copy(update={"data": said})
    # What a judge is not good for is told before the model is asked.
    scorer.judging = judging(config, scorer.data, progress)
    model = load_model(config, scorer.data, given, progress, dtypes)
    if config.planned:
        from ..compression.artefact import family_of

        # A model that cannot be changed is refused before it is scored.
        family_of(model)
    judged = scorer.judging is not None and scorer.judging.reading.first is not None
    probability = judged or model is None or model.probability
    measured = Measurement(tuple(scorer.data.sensitive), probability, scorer.order, config.of_task)
    truncated = scorer.score(ORIGINAL, model, measured)
    entries = [Entry(ORIGINAL, described(model, truncated), self_flips=scorer.self_flips(model))]
    failed: list[Failed] = []
    check_slices(measured, config.slices)
    unused = check_labels(config.report.labels, config.data.sensitive_features, measured)
    regimes.check(config, measured)
    if config.planned or config.variants:
        assert model is not None
        # What a gate or the plan asks and the data lack is told before hours of work on variants.
        gate.check(config.gates, measured, make_plan(config, measured))
        entries, failed = others(scorer, model, entries[0], variants, dtypes, fresh)
    progress("computing figures", measured.rows, measured.rows)
    found = judge(config, scorer.data.sensitive, scorer.order, entries, folder.folder / PREDICTIONS, measured)
    if found.rows is not None and found.identified is not None:
        pq.write_table(found.rows, folder.folder / found.identified.file)
    decisions = getattr(model, "outcome", None)
    scorer.data.notes += [*unused, *_unsteady(entries[0])]
    scorer.data.notes += scorer.judging.reading.notes() if scorer.judging is not None else []
    scorer.data.notes += _turned_round(found.comparisons, {variant.name for variant in config.variants})
    judges = scorer.judging.told if scorer.judging is not None else []
    result = result_of(config, scorer.data, found, failed, command, decisions, judges)
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


def _unsteady(original: Entry) -> list[str]:
    """Say where the model decides a row by its neighbours too, or otherwise when it is asked again."""
    found = original.self_flips
    if found is None or not found.flips:
        return []
    if original.model.get("temperature"):
        return [
            tell(
                "{n} of {rows} answers of the model turn out otherwise when they are drawn anew: the floor "
                "under every flip rate.",
                n=f"{found.flips:,}", rows=f"{found.rows:,}",
            )
        ]  # fmt: skip
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


def folder_name(audit_name: str) -> str:
    """Return a folder name for an audit: letters, digits, dot, dash and underscore."""
    return re.sub(r"[^\w.-]+", "-", audit_name).strip("-.") or "audit"
