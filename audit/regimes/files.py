"""The regimes of a run: computed from its predictions, kept in ``regimes/NAME.json``, computed again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path

from pydantic import BaseModel

from ...datasets.errors import InputError
from ...guests import need, owner
from ..again.finished import configuration_of
from ..config import Config
from ..figures.measure import Measurement
from ..result import AuditResult
from ..store.folder import OpenRun
from ..store.schema import read_as
from ..unknown import unknown
from ..verdict.judge import value_order
from .base import Basis, Wanted, check_fits, listed, wanted
from .result import REGIME_SCHEMA_VERSION, Guests, RegimeResult

FOLDER = "regimes"


def regime_file(name: str) -> str:
    """Where a regime's figures lie in a run."""
    return f"{FOLDER}/{name}.json"


def check(config: Config, measured: Measurement) -> None:
    """InputError where a configured regime cannot be computed, before the work on variants."""
    for chosen in listed(config.report.regimes):
        try:
            check_fits(chosen, measured.task.name, measured.sensitive)
            if chosen.regime.figures is not None:
                chosen.regime.figures(chosen.inputs, _basis(config, measured))
        except ValueError as error:
            raise InputError(f"report.regimes: {_named(chosen, error)}") from None


def write_configured(
    config: Config,
    result: AuditResult,
    folder: OpenRun,
    predictions: Path,
    measured: Mapping[str, Measurement],
) -> None:
    """Compute the configured regimes of a run into its open folder.

    Parameters
    ----------
    measured
        Counts and scores that are there already, by variant.
    """
    for found in compute(listed(config.report.regimes), result, predictions, measured):
        folder.write(regime_file(found.regime), text(found))


def compute(
    chosen: Iterable[Wanted],
    result: AuditResult,
    predictions: Path,
    measured: Mapping[str, Measurement] | None = None,
) -> list[RegimeResult]:
    """Apply regimes to a run.

    Parameters
    ----------
    predictions : Path
        Folder of the files ``VARIANT.parquet``.
    measured
        Counts and scores that are there already, by variant.

    Raises
    ------
    InputError
        The run lacks what a regime needs: a variant, a feature, decisions.
    """
    there = dict(measured or {})
    config = configuration_of(result)
    out = []
    for one in chosen:
        variant = one.inputs.variant or result.variants[0].name
        names = [v.name for v in result.variants]
        if variant not in names:
            raise InputError(f"{one.regime.name}: variant: {unknown(variant, names, 'variant')}")
        figures = None
        try:
            check_fits(one, result.task, result.data.sensitive)
            if one.regime.figures is not None:
                if variant not in there:
                    there[variant] = _measured(config, result, variant, predictions)
                figures = one.regime.figures(one.inputs, _basis(config, there[variant]))
        except ValueError as error:
            raise InputError(_named(one, error)) from None
        out.append(
            RegimeResult(
                regime=one.regime.name,
                title=one.regime.title,
                source=one.regime.source,
                guests=_guests(one.regime.name),
                variant=variant,
                inputs=one.inputs.model_dump(mode="json"),
                figures=figures,
            )
        )
    return out


def _guests(name: str) -> dict[str, str]:
    """The guest that has a regime, as name to version; nothing for one of fairweigh."""
    guest = owner("regime", name)
    return {} if guest is None else {guest.name: guest.version}


def _basis(config: Config, measured: Measurement) -> Basis:
    return Basis(measured, config.confidence, config.slices.min_size, config.data.positive_is)


def _named(one: Wanted, error: ValueError) -> str:
    """An error with the regime's name in front, once."""
    name = f"{one.regime.name}: "
    return name + str(error).removeprefix(name)


def _measured(config: Config, result: AuditResult, name: str, predictions: Path) -> Measurement:
    sensitive, order = tuple(result.data.sensitive), value_order(result.data.bins)
    model = next(v.model for v in result.variants if v.name == name)
    return Measurement.read(predictions / f"{name}.parquet", sensitive, model.told, order, config.of_task)


def text(found: RegimeResult) -> str:
    """The text of ``regimes/NAME.json``."""
    return found.model_dump_json(indent=1) + "\n"


def read_regimes(run: Path) -> list[RegimeResult]:
    """Read the regimes that a run holds, in the order of their names.

    Raises
    ------
    InputError
        A file that is not what it claims to be, one of another schema version, or one of a guest that is not
        installed.
    """
    return [_read(path) for path in _files(run)]


def guests_of_regimes(run: Path) -> dict[str, str]:
    """Return the guests that the regimes of a run are of: version by name."""
    found: dict[str, str] = {}
    for path in _files(run):
        # What is wrong with a file is told where its figures are read.
        with suppress(InputError):
            found |= _needed(path)
    return found


def _files(run: Path) -> list[Path]:
    return sorted((run / FOLDER).glob("*.json"))


class _Needed(BaseModel):
    """What a file of figures needs before they can be read."""

    guests: Guests = {}


def _needed(path: Path) -> dict[str, str]:
    return read_as(_Needed, path, REGIME_SCHEMA_VERSION, "a regime")[0].guests


def _read(path: Path) -> RegimeResult:
    need(_needed(path), path)
    found, _ = read_as(RegimeResult, path, REGIME_SCHEMA_VERSION, "a regime")
    if found.regime != path.stem:
        raise InputError(f"{path}: expected the regime {path.stem}, got {found.regime}")
    return found


def recompute_regimes(
    run: Path, result: AuditResult, predictions: Path
) -> list[tuple[RegimeResult, RegimeResult]]:
    """Every regime of a run as its file has it, and as its inputs and the predictions give it.

    Raises
    ------
    InputError
        A file cannot be read, its inputs are none, or a configured regime has no file.
    """
    held = read_regimes(run)
    config = configuration_of(result)
    for one in listed(config.report.regimes):
        if one.regime.name not in [found.regime for found in held]:
            raise InputError(f"{regime_file(one.regime.name)}: configured, and not in the run")
    try:
        chosen = [wanted(found.regime, found.inputs) for found in held]
    except ValueError as error:
        raise InputError(str(error)) from None
    return list(zip(held, compute(chosen, result, predictions), strict=True))
