"""Runs recorded in a database, and read from it again release by release."""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..audit.result import AuditResult, GateResult, Variant
from ..datasets.errors import InputError
from ..datasets.json_text import read_object
from ..metrics.limit import Limit
from .database import NotRecordedError, answering, check_tables, file_of, make_tables, shown, table

if TYPE_CHECKING:
    from sqlalchemy import Engine, Row

MANIFEST, AUDIT = "MANIFEST.json", "audit.json"


@dataclass(frozen=True)
class Recorded:
    """A figure or a gate's measurement of one release, as the database holds it.

    ``part`` is ``overall``, ``disparity``, ``cost`` or ``gate``. ``name`` is that of the metric, the
    disparity, the cost or the gate; ``limit``, ``limit_value``, ``verdict`` and ``binding`` are a gate's.
    """

    part: str
    variant: str
    name: str
    metric: str
    by: tuple[str, ...]
    compare: str
    scope: str
    slice: dict[str, str]
    reference: dict[str, str] | None
    value: float | None
    low: float | None
    high: float | None
    limit: str = ""
    limit_value: float | None = None
    verdict: str = ""
    binding: bool = False


@dataclass(frozen=True)
class Release:
    """A recorded run: what it is called, its verdict, its figures and gates.

    ``sha256`` is that of its ``audit.json``, by which its folder is known.
    """

    name: str
    created: str
    verdict: str
    rows: int
    data_sha256: str
    model_sha256: str | None
    figures: tuple[Recorded, ...] = field(repr=False)
    gates: tuple[Recorded, ...] = field(repr=False)
    sha256: str = ""


def release_name(result: AuditResult) -> str:
    """Return what a run's release is called: ``release`` of its configuration, else its day."""
    return str(result.configuration.get("release") or result.created[:10])


def record(made: Engine, run: Path, result: AuditResult) -> bool:
    """Record a finished run, all of it or nothing.

    Returns
    -------
    bool
        False where it was recorded before.

    Raises
    ------
    DatabaseError
        The database is down, or refuses.
    """
    from sqlalchemy import select
    from sqlalchemy.exc import IntegrityError

    make_tables(made)
    row = run_row(run, result)
    runs = table("runs")
    with answering(made):
        try:
            with made.begin() as connection:
                key = connection.execute(runs.insert().values(row)).inserted_primary_key
                assert key is not None
                for name, rows in (("figures", _figures(result)), ("gates", _gates(result))):
                    filled = [{"run": key[0], **one} for one in rows]
                    if filled:
                        connection.execute(table(name).insert(), filled)
        except IntegrityError:
            # The unique sha256: this run is there, or another process has just brought it.
            with made.connect() as connection:
                found = connection.execute(select(runs.c.id).where(runs.c.sha256 == row["sha256"])).first()
            if found is None:
                raise
            return False
    return True


def run_row(run: Path, result: AuditResult) -> dict[str, Any]:
    """Return what tells one run from another: names, checksums, verdict, versions."""
    try:
        manifest = read_object(run / MANIFEST)
        sha256 = hashlib.sha256((run / AUDIT).read_bytes()).hexdigest()
    except (OSError, ValueError) as error:
        raise InputError(f"{run}: cannot be read: {error}") from None
    model = result.variants[0].model
    return {
        "sha256": sha256,
        "audit": result.audit,
        "title": result.title,
        "release": release_name(result),
        "created": result.created,
        "verdict": result.verdict,
        "recommended": result.frontier.recommended if result.frontier else None,
        "rows": result.data.rows,
        "data_sha256": result.data.sha256,
        "model_sha256": model.sha256 or model.training_sha256,
        "configuration_sha256": manifest.get("configuration_sha256"),
        "schema_version": result.schema_version,
        "versions": {"fairweigh": result.environment.fairweigh, **result.environment.packages},
    }


def _figures(result: AuditResult) -> Iterator[dict[str, Any]]:
    for variant in result.variants:
        for row in (*_overall(variant), *_disparities(variant), *_costs(variant)):
            yield {"variant": variant.name, "kind": variant.kind, **row}


def _overall(variant: Variant) -> Iterator[dict[str, Any]]:
    for name, e in variant.overall.items():
        yield {
            "part": "overall", "name": name, "metric": name, "by": [], "compare": "value", "scope": "",
            "slice": {}, "reference": None, "value": e.value, "low": e.low, "high": e.high,
            "confidence": e.confidence, "n": e.n, "status": e.status,
        }  # fmt: skip


def _disparities(variant: Variant) -> Iterator[dict[str, Any]]:
    for d in variant.disparities:
        yield {
            "part": "disparity", "name": d.name, "metric": d.metric, "by": d.by, "compare": d.compare,
            "scope": d.scope, "slice": d.slice or {}, "reference": d.reference, "value": d.value,
            "low": d.low, "high": d.high, "confidence": d.confidence, "n": None, "status": d.status,
        }  # fmt: skip


def _costs(variant: Variant) -> Iterator[dict[str, Any]]:
    if variant.cost is None:
        return
    for name in ("storage", "compute", "memory"):
        yield {
            "part": "cost", "name": name, "metric": name, "by": [], "compare": "cost", "scope": "",
            "slice": {}, "reference": None, "value": getattr(variant.cost, name), "low": None, "high": None,
            "confidence": None, "n": None, "status": "ok",
        }  # fmt: skip


def _gates(result: AuditResult) -> Iterator[dict[str, Any]]:
    for gate in result.gates:
        value, upper = _limit(gate)
        yield {
            "gate": gate.id, "variant": gate.variant, "metric": gate.metric, "by": gate.by,
            "compare": gate.compare, "slice": gate.slice, "reference": gate.reference,
            "value": gate.measured, "low": gate.low, "high": gate.high, "limit": gate.limit,
            "limit_value": value, "upper": upper, "decide": gate.decide, "binding": gate.binding,
            "verdict": gate.verdict, "why": gate.why,
        }  # fmt: skip


def _limit(gate: GateResult) -> tuple[float | None, bool | None]:
    try:
        limit = Limit.parse(gate.limit)
    except ValueError:
        return None, None
    return limit.value, limit.upper


def releases(made: Engine, audit: str) -> list[Release]:
    """Read the recorded runs of an audit, the oldest first.

    Raises
    ------
    NotRecordedError
        There is no such audit, or no database.
    InputError
        The database is no history.
    """
    from sqlalchemy import select

    file = file_of(made)
    if file is not None and not file.exists():
        # Connecting would make an empty one.
        raise NotRecordedError(f"{shown(made)}: there is no file {file}")
    check_tables(made)
    runs = table("runs")
    with answering(made), made.connect() as connection:
        wanted = select(runs).where(runs.c.audit == audit).order_by(runs.c.created, runs.c.id)
        found = connection.execute(wanted).all()
        if not found:
            known = connection.execute(select(runs.c.audit).distinct().order_by(runs.c.audit)).scalars().all()
            raise NotRecordedError(_nothing_of(audit, list(known), shown(made)))
        parts: dict[str, dict[int, list[Recorded]]] = {}
        for name in ("figures", "gates"):
            part = table(name)
            of_audit = select(part).join(runs, part.c.run == runs.c.id).where(runs.c.audit == audit)
            rows = parts[name] = {}
            for row in connection.execute(of_audit.order_by(part.c.id)):
                rows.setdefault(row.run, []).append(_recorded(row))
    return [
        Release(
            row.release, row.created, row.verdict, row.rows, row.data_sha256, row.model_sha256,
            tuple(parts["figures"].get(row.id, ())), tuple(parts["gates"].get(row.id, ())), row.sha256,
        )
        for row in found
    ]  # fmt: skip


def _recorded(row: Row[Any]) -> Recorded:
    told = row._mapping
    gate = "gate" in told
    return Recorded(
        part="gate" if gate else told["part"],
        name=told["gate"] if gate else told["name"],
        scope="" if gate else told["scope"],
        by=tuple(told["by"]),
        limit=told["limit"] if gate else "",
        limit_value=told["limit_value"] if gate else None,
        verdict=told["verdict"] if gate else "",
        binding=bool(gate and told["binding"]),
        **{
            k: told[k] for k in ("variant", "metric", "compare", "slice", "reference", "value", "low", "high")
        },
    )


def _nothing_of(audit: str, known: list[str], where: str) -> str:
    if not known:
        return f"{where}: no run is recorded yet"
    close = difflib.get_close_matches(audit, known, n=1, cutoff=0.4)
    hint = f"did you mean {close[0]!r}?" if close else f"there are {', '.join(known[:20])}"
    return f"{where}: no run of the audit {audit!r} is recorded; {hint}"
