"""Two finished runs on the same rows, compared into a run of its own."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from pydantic import ValidationError

from .._version import __version__
from ..datasets.columns import listed
from ..datasets.errors import InputError
from ..metrics.figures import METHODS
from ..metrics.table import METRICS
from ..told import tell
from . import describe
from .changes import methods_used
from .comparison import Figures, figures, is_comparison
from .config import Config
from .folder import AUDIT, PREDICTIONS, OpenRun
from .gate import GROUPS, gate_id, worst
from .intact import check_files
from .regimes.base import listed as listed_regimes
from .result import SCHEMA_VERSION, AuditResult, NotMeasured, Variant
from .runner import checksum


@dataclass(frozen=True)
class _Run:
    """A finished run: where it lies, what it says, its model before any change."""

    path: Path
    result: AuditResult
    original: Variant


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
    _check_same_data(*runs)
    names = _names(runs)
    paths = []
    for run, name in zip(runs, names, strict=True):
        paths.append(folder.predictions(name))
        shutil.copyfile(run.path / PREDICTIONS / f"{run.original.name}.parquet", paths[-1])
    config, told = _configuration(runs, names)
    models = [(name, run.original.model) for run, name in zip(runs, names, strict=True)]
    found = figures(config, runs[1].result.data, models, paths)
    pq.write_table(found.rows, folder.folder / found.identified.file)
    result = _result(runs, config, found, told, command)
    folder.write(AUDIT, result.model_dump_json(indent=1) + "\n")
    folder.provenance = _provenance(runs, result)
    return result


def _opened(path: Path) -> _Run:
    changed = check_files(path)
    if changed:
        raise InputError(f"{path}: {'; '.join(changed)}")
    where = path / AUDIT
    try:
        content = json.loads(where.read_text(encoding="utf-8"))
        schema = content.get("schema_version") if isinstance(content, dict) else None
        if schema != SCHEMA_VERSION:
            raise InputError(f"{where}: schema {schema}, expected {SCHEMA_VERSION}")
        result = AuditResult.model_validate(content)
    except OSError as error:
        raise InputError(f"{where}: cannot be read: {error.strerror}") from None
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise InputError(f"{where}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from None
    except ValueError as error:
        raise InputError(f"{where}: not JSON: {error}") from None
    if is_comparison(result):
        raise InputError(f"{path}: compares two runs itself; expected the run of one model")
    if result.data.kind == "counts":
        raise InputError(f"{path}: aggregated counts hold no rows that could be paired")
    return _Run(path, result, next(v for v in result.variants if v.kind == "original"))


def _check_same_data(one: _Run, other: _Run) -> None:
    """Different columns or classes make figures of different things."""
    a, b = one.result.data, other.result.data
    parts: list[tuple[str, Any, Any]] = [
        ("label", a.label, b.label),
        ("positive", sorted(a.positive), sorted(b.positive)),
        ("sensitive", sorted(a.sensitive), sorted(b.sensitive)),
        ("bins", a.bins, b.bins),
        ("weight", a.weight, b.weight),
        ("cluster", a.cluster, b.cluster),
    ]
    if a.id is None and b.id is None:
        # Without ids rows are numbered, and a number names the same row in the same data only.
        parts += [("sha256 (the data have no id)", a.sha256, b.sha256), ("split", a.split, b.split)]
    for what, mine, theirs in parts:
        if mine != theirs:
            raise InputError(
                f"data.{what}: {_words(mine)} in {one.path}, {_words(theirs)} in {other.path}; "
                "expected two runs on the same data"
            )


def _words(value: Any) -> str:
    if isinstance(value, list):
        return listed([str(v) for v in value]) or "none"
    return "none" if value in (None, {}) else repr(value)


def _names(runs: Sequence[_Run]) -> list[str]:
    """The variants are called as the runs' folders, made distinct and fit for a file name."""
    names = [re.sub(r"[^\w.+=-]+", "-", run.path.resolve().name).strip("-.") or "run" for run in runs]
    if names[0].casefold() == names[1].casefold():
        return [f"{names[0]}-before", f"{names[1]}-after"]
    return names


def _configuration(runs: Sequence[_Run], names: Sequence[str]) -> tuple[Config, list[NotMeasured]]:
    """The second run's configuration, with the metrics of both and the gates that can be judged."""
    one, other = runs
    missing = []
    content = dict(other.result.configuration)
    shared = [m for m in other.original.overall if m in one.original.overall]
    scales = [run.original.model.get("scale") for run in runs]
    if scales[0] != scales[1]:
        shared = [m for m in shared if m == "auc" or not {"score", "probability"} & set(METRICS[m].needs)]
    dropped = sorted({*one.original.overall, *other.original.overall} - set(shared))
    if dropped:
        titles = ", ".join(METRICS[m].title for m in dropped if m in METRICS)
        missing.append(NotMeasured(what=titles, why=tell("not measured alike by both runs")))
    config = Config.model_validate(content)
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
    content |= {"audit": f"{names[0]} to {names[1]}", "metrics": shared, "gates": kept}
    content["report"] = {**content.get("report", {}), "regimes": []}
    return Config.model_validate(content), missing


def _result(
    runs: Sequence[_Run], config: Config, found: Figures, told: list[NotMeasured], command: str
) -> AuditResult:
    used = {e.method for v in found.variants for s in v.slices for e in s.metrics.values()}
    used |= {d.method for v in found.variants for d in v.disparities}
    used |= {"sidak"} | ({"hedges"} if found.variants[0].scores else set()) | methods_used(found.comparison)
    measured = found.paired.measured_after
    before, after = (v.name for v in found.variants)
    limits = [NotMeasured(what=what, why=why) for what, why in describe.LIMITS]
    return AuditResult(
        audit=config.audit,
        title=tell(
            "{title}: {before} and {after} on the same rows",
            title=runs[1].result.title,
            before=before,
            after=after,
        ),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        verdict=worst([g.verdict for g in found.gates]),
        confidence=config.confidence,
        environment=describe.environment(config.seed, command),
        configuration=config.model_dump(mode="json"),
        data=runs[1].result.data,
        variants=found.variants,
        comparisons=[found.comparison],
        identified=found.identified,
        gates=found.gates,
        definitions=describe.definitions(found.plan, measured, found.gates),
        methods={name: text for name, text in METHODS.items() if name in used},
        not_measured=[*told, *limits],
    )


def _provenance(runs: Sequence[_Run], result: AuditResult) -> dict[str, Any]:
    return {
        "schema_version": result.schema_version,
        "audit": result.audit,
        "created": result.created,
        "data_sha256": [run.result.data.sha256 for run in runs],
        "model_sha256": [run.original.model.get("sha256") for run in runs],
        "configuration_sha256": checksum(result.configuration),
        "versions": {"fairweigh": __version__, **result.environment.packages},
        "seed": result.environment.seed,
    }
