"""A finished run's result as its configuration and predictions give it: no figure of the file is believed.

What neither of the two tells is taken from the file: what the model and its variants are and cost, where
the data came from, when and with what the run was made.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa

from ...datasets import card as cards
from ...datasets.errors import InputError
from ...datasets.suite import about as about_suite
from ...datasets.suites import SUITES
from ...tasks.task import Known
from ...told import tell
from ..config import Config
from ..figures import describe
from ..figures.measure import Measurement
from ..result import AuditResult, DataInfo, NotMeasured
from ..store.folder import PREDICTIONS
from ..verdict.front import finished
from ..verdict.judge import SELECTION, judge, value_order
from ..verdict.result_parts import derived, entries_of
from .comparison import derived_comparison, figures, is_comparison
from .finished import configuration_of
from .predicted import Wanted, check_predictions

_OF_CARD = ("licence", "citation", "homepage", "defects", "synthetic")
BROKEN = (
    pa.ArrowException, OSError, LookupError, ValueError, TypeError, AttributeError, ArithmeticError,
    AssertionError,
)  # fmt: skip
"""What figures of files that are not what they claim to be can end in: they may hold anything."""


def recomputed(run: Path, result: AuditResult) -> tuple[AuditResult, pa.Table | None]:
    """Compute a run's result again from what it holds.

    Parameters
    ----------
    run : Path
        The folder with ``predictions/``.
    result : AuditResult
        What its ``audit.json`` says.

    Returns
    -------
    AuditResult
        The same with every part that follows from configuration and predictions computed anew.
    pyarrow.Table or None
        The rows of ``identified.parquet``.

    Raises
    ------
    InputError
        The configuration is none that this version can read, or the predictions are not there or are not
        what an audit writes.
    """
    config = configuration_of(result)
    with recomputing():
        return _comparison(run, result, config) if is_comparison(result) else _audit(run, result, config)


@contextmanager
def recomputing() -> Iterator[None]:
    """Turn what a run's files end in where they are not what they claim to be into one `InputError`."""
    try:
        yield
    except InputError:
        raise
    except BROKEN as error:
        raise InputError(f"the files are not what an audit writes: {told(error)}") from None


def told(error: Exception) -> str:
    """An error in one line of sane length; what is no `InputError` with its type."""
    text = str(error) if isinstance(error, InputError) else f"{type(error).__name__}: {error}"
    line = " ".join(text.split())
    return line if len(line) <= 200 else f"{line[:197]}..."


def _audit(run: Path, result: AuditResult, config: Config) -> tuple[AuditResult, pa.Table | None]:
    data = as_configured(result.data, config)
    check_run(run, result, data, config)
    found = judge(config, data.sensitive, value_order(data.bins), entries_of(result), run / PREDICTIONS)
    title = config.report.title or (data.title if config.data.name else config.audit)
    parts = derived(config, found, data.cluster)
    return _with(result, config, data=as_counted(data, found.measured), title=title, **parts), found.rows


def _comparison(run: Path, result: AuditResult, config: Config) -> tuple[AuditResult, pa.Table | None]:
    data = as_configured(result.data, config)
    check_run(run, result, data, config)
    models = [(v.name, v.model.told) for v in result.variants]
    found = figures(config, data, models, [run / PREDICTIONS / f"{name}.parquet" for name, _ in models])
    limits = [NotMeasured(what=what, why=why) for what, why in describe.LIMITS]
    # Before them stands what the two runs do not share, which the comparison alone does not tell.
    missing = [*result.not_measured[: -len(limits)], *limits]
    data = as_counted(data, found.paired.measured_after)
    return _with(
        result, config, data=data, not_measured=missing, **derived_comparison(config, found)
    ), found.rows


def check_run(run: Path, result: AuditResult, data: DataInfo, config: Config) -> None:
    """InputError where some of a run's predictions are not what an audit writes."""
    folders = [run / PREDICTIONS]
    compared = is_comparison(result)
    if config.data.selection is not None and not compared:
        folders.append(run / PREDICTIONS / SELECTION)
    for folder in folders:
        for variant in result.variants:
            check_predictions(
                folder / f"{variant.name}.parquet", _wanted(variant.model.told, data, config, compared)
            )


def _wanted(model: dict[str, Any], data: DataInfo, config: Config, compared: bool) -> Wanted:
    """What the audit of a configuration writes of one of its models.

    Of two runs that are compared the configuration is the second one's: the first may have looked at twins.
    """
    given = config.data
    roles = {
        "count": given.count is not None, "id": given.count is None, "weight": data.weight is not None,
        "cluster": data.cluster is not None, "twin": given.counterfactual is not None,
    }  # fmt: skip
    labelled = data.label or given.labels or given.relevance or given.tags or given.spans
    # Ranks are those of whole lists, of which a share may stand in another file.
    parted = compared or (given.selection is not None and given.selection.share is not None)
    return Wanted(
        config.of_task,
        Known(
            tuple(given.labels or ()) if labelled else None,
            None if config.model is None else model,
            whole=not parted,
        ),
        data.sensitive,
        frozenset(name for name, written in roles.items() if written and not (compared and name == "twin")),
        frozenset(["twin"] if compared else []),
    )


def _with(result: AuditResult, config: Config, **parts: Any) -> AuditResult:
    environment = result.environment.model_copy(update={"seed": config.seed})
    made = {**parts, "environment": environment, "policy": None, "baseline": None}
    return finished(result.model_copy(update=made))


def as_counted(data: DataInfo, measured: Measurement) -> DataInfo:
    """What a result says of its data, with the rows as they are in the predictions."""
    return data.model_copy(
        update={
            "rows": measured.rows,
            "unknown": describe.unknown_rows(measured),
            "kind": "counts" if "count" in measured.columns else "rows",
        }
    )


def as_configured(data: DataInfo, config: Config) -> DataInfo:
    """What a result says of its data, with all that its configuration and the data set's card tell."""
    given = config.data
    card = cards.card(given.name) if given.name is not None else None
    known: dict[str, Any] = card.model_dump() if card else {}
    if config.suite is not None:
        known = dict(SUITES[config.suite].roles)
    roles = {key: getattr(given, key) or known.get(key) for key in ("label", "id", "weight", "cluster")}
    # What depends on each other where nobody names a cluster.
    roles["cluster"] = given.document or roles["cluster"] or given.prompt or known.get("prompt")
    sensitive = list(config.slices.by or given.sensitive or known.get("sensitive", []))
    bins = known.get("bins", {}) if given.bins is None else given.bins
    parts: dict[str, Any] = {
        **roles,
        "sensitive": sensitive,
        "bins": {feature: list(edges) for feature, edges in bins.items() if feature in sensitive},
        "split": given.split,
        "positive_is": describe.meant(given.favourable, given.positive_is),
    }
    if card is not None:
        source = tell("dataset card {name}", name=card.name)
        about = {key: known[key] for key in ("name", "title", *_OF_CARD)} | {"source": source}
    else:
        path = Path(str(given.path))
        # Rows in memory have a name and no place.
        source = data.source if data.source in (str(path), path.name) else str(path)
        fields = DataInfo.model_fields
        about = {key: fields[key].get_default(call_default_factory=True) for key in _OF_CARD}
        about |= {"name": path.name, "title": source, "source": source}
        about |= about_suite(SUITES[config.suite]) if config.suite is not None else {}
    return data.model_copy(update={**parts, **about})
