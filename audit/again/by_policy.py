"""A finished run judged by a policy, from its predictions; nothing of its folder is changed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from ...datasets.errors import InputError
from ...told import tell
from ..config import Config
from ..figures.measure import Measurement
from ..figures.pairs import Paired
from ..figures.unpaired import Unpaired
from ..result import AuditResult, DataInfo, NotMeasured, PolicyInfo
from ..store.folder import PREDICTIONS
from ..verdict.front import finished
from ..verdict.judge import Judgement, judge, value_order
from ..verdict.policy import GivenPolicy, Policy, Source, read_policy
from ..verdict.result_parts import entries_of, judged_parts
from .baseline import Baseline
from .finished import Finished, checked, configuration_of, opened
from .recomputed import as_configured, as_counted, check_run, recomputed, recomputing


def judge_run(
    run: str | Path, policy: Source | GivenPolicy | None = None, baseline: str | Path | None = None
) -> AuditResult:
    """Judge a finished run by a policy in place of its own gates; without one, read its own verdict again.

    Every figure is computed anew from the run's predictions, at the policy's confidence and with its
    ``min_size``. The targets of the run's ``objective`` are its own and are not asked; the reference of a
    gate that names none is the run's.

    Parameters
    ----------
    run : path
        The run folder of one model.
    policy : path, mapping or GivenPolicy, optional
        A policy file, its content, or one that has been read.
    baseline : path, optional
        The run folder of an earlier release on data of the same kind. Gates with ``compare: change`` and no
        ``on`` are judged against its model: the one it recommended, else its original.

    Returns
    -------
    AuditResult
        The run's result with the policy's gates, verdict, figures and choice among the variants; ``policy``
        and ``baseline`` say what it was judged by. A gate that names a metric, feature, slice, variant or
        baseline that is not there is an error, never a pass.

    Raises
    ------
    InputError
        Not a run of one model or one whose files were changed, a bad policy, a baseline with other classes
        or sensitive features, or one without a policy.
    """
    if policy is None:
        if baseline is not None:
            raise InputError(
                f"{baseline}: a baseline needs a policy whose gates ask for the change from it; the gates of "
                "a run's own configuration do not"
            )
        return believed(Path(run))
    given = policy if isinstance(policy, GivenPolicy) else read_policy(policy)
    finished = opened(Path(run))
    config = _judged_config(finished.result, given.policy)
    data = as_configured(finished.result.data, config)
    order = value_order(data.bins)
    with recomputing():
        check_run(finished.path, finished.result, data, config)
        before = None if baseline is None else _released(Path(baseline))
        asked = {wanted.metric for wanted in given.policy.gates}
        earlier = None if before is None else Baseline(before, finished, order, asked)
        release = _Release(earlier if given.policy.asks_baseline else None)
        found = judge(
            config, data.sensitive, order, entries_of(finished.result), finished.path / PREDICTIONS,
            release=release,
        )  # fmt: skip
        result = _result(finished.result, data, found, given, release)
        if earlier is None:
            return result
        info = earlier.info(str(baseline), given.policy.asks_baseline)
    return result.model_copy(update={"baseline": info})


def believed(run: Path) -> AuditResult:
    """Read a finished run, whose files must be as they were written, with every figure computed anew.

    Raises
    ------
    InputError
        As `checked`, or its figures cannot be computed from what it holds.
    """
    return _anew(run, checked(run))


def _anew(run: Path, result: AuditResult) -> AuditResult:
    try:
        return recomputed(run, result)[0]
    except InputError as error:
        raise InputError(f"{run}: cannot be recomputed from the predictions: {error}") from None


def _released(run: Path) -> Finished:
    """Open an earlier run; which of its variants it would release is computed anew too."""
    finished = opened(run)
    return replace(finished, result=_anew(run, finished.result))


class _Release:
    """The variants of a run beside the baseline, and which changes were looked at."""

    def __init__(self, earlier: Baseline | None) -> None:
        self._earlier = earlier
        self.compared: list[Paired | Unpaired] = []

    def since(self, predictions: Path, measured: Measurement) -> Paired | Unpaired | None:
        if self._earlier is None:
            return None
        self.compared.append(self._earlier.since(predictions, measured))
        return self.compared[-1]


def _judged_config(result: AuditResult, policy: Policy) -> Config:
    """The run's configuration with what the policy asks.

    The run's own gates are not looked at; nor are the policy's held against the run's configuration, as
    they may speak of variants that it does not make.
    """
    config = configuration_of(result, gates=[])
    return config.model_copy(
        update={
            "gates": policy.gates,
            "confidence": policy.confidence,
            "slices": config.slices.model_copy(update={"min_size": policy.min_size}),
            "objective": config.objective.model_copy(
                update={"targets": {}, "require_selection": policy.require_selection}
            ),
        }
    )


def _result(
    result: AuditResult, data: DataInfo, found: Judgement, given: GivenPolicy, release: _Release
) -> AuditResult:
    policy = given.policy
    told = []
    if result.gates:
        what = tell("The gates and targets of the run's own configuration")
        told.append(NotMeasured(what=what, why=tell("the policy's gates stand in their place")))
    made = result.model_copy(
        update={
            **judged_parts(found, policy.confidence, {}, _change_methods(found, release.compared)),
            "data": as_counted(data, found.measured),
            "not_measured": [*told, *result.not_measured],
            "policy": PolicyInfo(
                name=policy.policy,
                file=given.file,
                sha256=given.sha256,
                confidence=policy.confidence,
                min_size=policy.min_size,
                gates=[gate.model_dump(mode="json") for gate in policy.gates],
            ),
        }
    )
    return finished(made)


def _change_methods(found: Judgement, compared: list[Paired | Unpaired]) -> Iterable[str]:
    """The interval methods of the changes from the baseline, as keys of ``METHODS``."""
    for gate in found.gates:
        if gate.against is None or gate.verdict == "error":
            continue
        for one in compared:
            by = tuple(f for f in one.measured_after.features if f in gate.by)
            one = one if gate.view is None else one.view(gate.view)
            method = one.figure(gate.metric, by).method
            yield method
            if gate.by and any(s.reference for s in gate.slices):
                yield "mover-paired" if isinstance(one, Paired) else "mover"
