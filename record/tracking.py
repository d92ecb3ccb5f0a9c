"""What trackers are told of a run: its figures by name, its verdicts and checksums, its reports."""

from __future__ import annotations

import importlib
import logging
import os
import re
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from ..audit.masked import masked
from ..audit.result import AuditResult, Variant
from ..datasets.errors import InputError
from ..metrics.limit import Limit
from .history import release_name, run_row

TRACKERS = ("mlflow", "tensorboard", "wandb")
FILES = ("report.html", "annex.html", "summary.md", "audit.json")
"""Files of a run that are kept as artefacts; its predictions are rows of people and are not."""
LONGEST = 250
"""Of a name."""
ENVIRONMENT = {
    # A server that is down must not hold a finished audit for half an hour.
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
    # What was measured goes where the user sends it, and to nobody else.
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "WANDB_ERROR_REPORTING": "false",
}
"""Settings of the clients, unless the user has set them."""


@dataclass(frozen=True)
class Logged:
    """A run as it is told to a tracker.

    Attributes
    ----------
    audit, release, created
        What the run is called, and when it was made (UTC, ISO 8601).
    figures
        Numbers by name, such as ``original/overall/accuracy`` and ``original/gate/parity/measured``. Figures
        that are undefined are left out.
    tags
        Texts: verdicts, checksums, versions.
    summary
        The gates in Markdown.
    files
        Reports to keep.
    """

    audit: str
    release: str
    created: str
    figures: dict[str, float]
    tags: dict[str, str]
    summary: str
    files: tuple[Path, ...]


Tracker = Callable[[Logged], None]


def trackers(names: Sequence[str]) -> dict[str, Tracker]:
    """Return what logs to each tracker.

    Raises
    ------
    InputError
        The package of one is not installed.
    """
    for name in names:
        # The packages take seconds to import, so they are only looked for here.
        if find_spec(name) is None:
            raise InputError(f'track: {name} needs the package {name}: pip install "fairweigh[{name}]"')
    return {name: _late(name) for name in dict.fromkeys(names)}


def _late(name: str) -> Tracker:
    def log(run: Logged) -> None:
        with _quiet():
            importlib.import_module(f".to_{name}", __package__).log(run)

    return log


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep what the clients say of their own work off the terminal, and let them give up in time."""
    before = logging.root.manager.disable
    unset = [name for name in ENVIRONMENT if name not in os.environ]
    os.environ.update({name: ENVIRONMENT[name] for name in unset})
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)
        for name in unset:
            os.environ.pop(name, None)


def track(run: Path, result: AuditResult, wanted: dict[str, Tracker]) -> list[str]:
    """Tell every tracker of a finished run; returns a line for each that failed."""
    told = logged(run, result)
    out = []
    for name, log in wanted.items():
        try:
            log(told)
        # Whatever a client raises, the run is written and the next tracker is still told.
        except Exception as error:
            lines = [line.strip() for line in str(error).splitlines() if line.strip()]
            why = masked(lines[0])[:300] if lines else ""
            out.append(
                f"{name}: not tracked: {type(error).__name__}{f': {why}' if why else ''}; {run} is whole"
            )
    return out


def logged(run: Path, result: AuditResult) -> Logged:
    """Collect what is told of a run."""
    return Logged(
        audit=result.audit,
        release=release_name(result),
        created=result.created,
        figures=_figures(result),
        tags=_tags(run, result),
        summary=(run / "summary.md").read_text(encoding="utf-8"),
        files=tuple(run / name for name in FILES),
    )


def _figures(result: AuditResult) -> dict[str, float]:
    every: list[tuple[tuple[str, ...], float | None]] = []
    for variant in result.variants:
        every += _of_variant(variant)
    for gate in result.gates:
        place = (gate.variant, "gate", gate.id)
        every += [
            ((*place, "measured"), gate.measured),
            ((*place, "low"), gate.low),
            ((*place, "high"), gate.high),
        ]
        every.append(((*place, "limit"), _limit(gate.limit)))
    out: dict[str, float] = {}
    for parts, value in every:
        if value is not None:
            out[_free(figure_name(parts), out)] = value
    return out


def _of_variant(variant: Variant) -> Iterator[tuple[tuple[str, ...], float | None]]:
    for name, estimate in variant.overall.items():
        yield (variant.name, "overall", name), estimate.value
        yield (variant.name, "overall", name, "low"), estimate.low
        yield (variant.name, "overall", name, "high"), estimate.high
    for d in variant.disparities:
        if d.scope == "reference":
            # A figure per slice: those are in the artefact.
            continue
        place: tuple[str, ...] = (variant.name, "disparity", d.name)
        place += (" and ".join(d.by),) if d.by else ()
        yield place, d.value
        yield (*place, "low"), d.low
        yield (*place, "high"), d.high
    if variant.cost is not None:
        for name in ("storage", "compute", "memory", "stored_bytes", "parameters", "flops_per_row"):
            yield (variant.name, "cost", name), getattr(variant.cost, name)


def _limit(text: str) -> float | None:
    try:
        return Limit.parse(text).value
    except ValueError:
        return None


def figure_name(parts: Sequence[str]) -> str:
    """Return a name that every tracker takes: letters, digits, ``_ . : -`` and blanks between slashes."""
    clean = [re.sub(r"[^\w.: -]", "_", part) for part in parts]
    return "/".join("_" if part.strip(".") == "" else part for part in clean)[:LONGEST]


def _free(name: str, taken: dict[str, float]) -> str:
    """A name of its own, where two differed only in letters that names may not have."""
    number = 2
    free = name
    while free in taken:
        free = f"{name[: LONGEST - 6]}-{number}"
        number += 1
    return free


def _tags(run: Path, result: AuditResult) -> dict[str, str]:
    row = run_row(run, result)
    tags = {
        "audit": result.audit,
        "release": release_name(result),
        "created": result.created,
        "verdict": result.verdict,
        "fairweigh": result.environment.fairweigh,
        "data": result.data.name,
        "rows": str(result.data.rows),
        "run_sha256": row["sha256"],
        "data_sha256": row["data_sha256"],
        "model_sha256": row["model_sha256"] or "",
        "configuration_sha256": row["configuration_sha256"] or "",
    }
    if row["recommended"]:
        tags["recommended"] = row["recommended"]
    for gate in result.gates:
        tags[figure_name(("verdict", gate.variant, gate.id))] = gate.verdict
    return {name: text for name, text in tags.items() if text}
