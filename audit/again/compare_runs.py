"""Two finished runs on the same rows, compared into a run of its own."""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from ..._version import __version__
from ...datasets.errors import InputError
from ...told import tell, term, told_list
from ..config import Config
from ..figures import describe
from ..regimes.base import listed as listed_regimes
from ..result import AuditResult, NotMeasured
from ..store.folder import AUDIT, OpenRun, checksum
from ..verdict.front import finished
from ..verdict.gate import gate_id
from ..verdict.gate_words import GROUPS
from .comparison import Figures, derived_comparison, figures
from .differences import differences
from .finished import Finished, check_same_data, configuration_of, opened
from .verify import refuse_forged


def compare_runs(before: Path, after: Path, folder: OpenRun, command: str = "") -> AuditResult:
    """Compare the models of two runs on the same rows, into an open run folder.

    The gates are those of the second run's configuration that speak of its model or of a change; they are
    judged on the second run's model.

    Parameters
    ----------
    before, after : Path
        Run folders; their rows are matched by id.
    folder : OpenRun
    command : str
        The command to reproduce the comparison, for its report.

    Raises
    ------
    InputError
        Not a run, a run whose files were changed, one of another schema, or two runs on different data.
    """
    runs = [_opened(path) for path in (before, after)]
    check_same_data(*runs)
    names = _names(runs)
    paths = []
    for run, name in zip(runs, names, strict=True):
        paths.append(folder.predictions(name))
        shutil.copyfile(run.predictions(run.original.name), paths[-1])
    config, told = _configuration(runs, names)
    models = [(name, run.original.model.told) for run, name in zip(runs, names, strict=True)]
    found = figures(config, runs[1].result.data, models, paths)
    if found.rows is not None and found.identified is not None:
        pq.write_table(found.rows, folder.folder / found.identified.file)
    result = _result(runs, config, found, told, command)
    folder.write(AUDIT, result.model_dump_json(indent=1) + "\n")
    folder.provenance = _provenance(runs, result)
    return result


def _opened(path: Path) -> Finished:
    run = opened(path)
    if run.result.data.kind == "counts":
        raise InputError(f"{path}: aggregated counts hold no rows that could be paired")
    # What is taken over from either run, its title, roles and gates too, must be what its predictions give.
    refuse_forged(path, run.result)
    return run


def _names(runs: Sequence[Finished]) -> list[str]:
    """The variants are called as the runs' folders, made distinct and fit for a file name."""
    names = [re.sub(r"[^\w.+=-]+", "-", run.path.resolve().name).strip("-.") or "run" for run in runs]
    if names[0].casefold() == names[1].casefold():
        return [f"{names[0]}-before", f"{names[1]}-after"]
    return names


def _configuration(runs: Sequence[Finished], names: Sequence[str]) -> tuple[Config, list[NotMeasured]]:
    """The second run's configuration, with the metrics of both and the gates that can be judged."""
    one, other = runs
    missing = []
    content = dict(other.result.configuration)
    config = configuration_of(other.result)
    metrics = config.of_task.metrics
    shared = [m for m in other.original.overall if m in one.original.overall and m in metrics]
    scales = [run.original.model.scale for run in runs]
    if scales[0] != scales[1]:
        shared = [m for m in shared if metrics[m].estimator.scale_free]
    dropped = sorted({*one.original.overall, *other.original.overall} - set(shared))
    if dropped:
        titles = told_list(term(metrics[m].title) for m in dropped if m in metrics)
        missing.append(NotMeasured(what=titles, why=tell("not measured alike by both runs")))
    kept = []
    for k, gate in enumerate(config.gates):
        name = gate_id(gate, k)
        if gate.on == "original" or (gate.on in GROUPS and gate.compare == "change"):
            kept.append(gate.model_copy(update={"id": name}).model_dump(mode="json"))
        else:
            why = tell(
                "it is on {variant}, and a comparison of two runs has {before} and {after} alone",
                variant=gate.on, before=names[0], after=names[1],
            )  # fmt: skip
            missing.append(NotMeasured(what=tell("Gate {name}", name=name), why=why))
    for wanted in listed_regimes(config.report.regimes):
        why = tell("a page of one model; fairweigh report RUN --regime writes it, with the input variant")
        missing.append(NotMeasured(what=tell("Regime {name}", name=wanted.regime.name), why=why))
    of_class = [{m for of in run.original.overall_views.values() for m in of} for run in runs]
    shared += sorted(of_class[0] & of_class[1])
    content |= {"audit": f"{names[0]} to {names[1]}", "metrics": shared, "gates": kept}
    content["report"] = {**content.get("report", {}), "regimes": []}
    return Config.model_validate(content), missing


def _result(
    runs: Sequence[Finished], config: Config, found: Figures, told: list[NotMeasured], command: str
) -> AuditResult:
    before, after = (v.name for v in found.variants)
    limits = [NotMeasured(what=what, why=why) for what, why in describe.LIMITS]
    made = AuditResult(
        title=tell(
            "{title}: {before} and {after} on the same rows",
            title=runs[1].result.title,
            before=before,
            after=after,
        ),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        environment=describe.environment(config.seed, command),
        data=runs[1].result.data,
        differences=differences(*runs),
        not_measured=[*told, *limits],
        **derived_comparison(config, found),
    )
    return finished(made)


def _provenance(runs: Sequence[Finished], result: AuditResult) -> dict[str, Any]:
    return {
        "schema_version": result.schema_version,
        "audit": result.audit,
        "created": result.created,
        "data_sha256": [run.result.data.sha256 for run in runs],
        "model_sha256": [run.original.model.sha256 for run in runs],
        "configuration_sha256": checksum(result.configuration),
        "versions": {"fairweigh": __version__, **result.environment.packages},
        **({"guests": result.guest_versions} if result.guests else {}),
        "seed": result.environment.seed,
    }
