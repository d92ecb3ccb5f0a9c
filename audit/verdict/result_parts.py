"""The result of an audit, put together: of its judgement, its configuration and its data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from ...datasets.binary import Binary
from ...datasets.evaluation import EvaluationSet
from ...datasets.suite import about
from ...datasets.suites import SUITES
from ...metrics.figures import METHODS
from ..config import Config
from ..figures import definitions, describe
from ..figures.changes import methods_of
from ..figures.coverage import coverage
from ..figures.judges import judge_rates
from ..result import AuditResult, DataInfo, Failed, JudgeInfo
from ..store.folder import checksum
from . import gate
from .front import finished
from .judge import Entry, Judgement


def entries_of(result: AuditResult) -> list[Entry]:
    """Return the variants of a finished run, with what their predictions do not tell."""
    return [
        Entry(v.name, v.model.told, v.kind, v.recipe, v.cost, v.self_flips, v.parent) for v in result.variants
    ]


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
        "definitions": definitions.definitions(found.plan, found.measured, found.gates, reasons),
        "priorities": definitions.priorities(found.measured.task),
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
        "judge_rates": judge_rates(found.measured, found.plan),
        "not_measured": describe.not_measured(config, cluster, found.measured, found.plan),
    }


def _data_info(config: Config, info: DataInfo) -> DataInfo:
    """What a result says of its data, with what is known of a suite."""
    return info if config.suite is None else info.model_copy(update=about(SUITES[config.suite]))


def result_of(
    config: Config,
    data: EvaluationSet,
    found: Judgement,
    failed: list[Failed],
    command: str,
    decisions: Binary | None,
    judges: Sequence[JudgeInfo] = (),
) -> AuditResult:
    """Put the result of a run together."""
    made = AuditResult(
        title=config.report.title or (data.card.title if data.card else config.audit),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        environment=describe.environment(config.seed, command),
        data=_data_info(config, describe.data_info(data, found.measured, decisions, found.warnings)),
        failed=failed,
        judges=list(judges),
        **derived(config, found, data.cluster or data.prompt),
    )
    return finished(made)
