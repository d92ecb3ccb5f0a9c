"""A finished run, opened: its files as they were written, its result readable, its kind of figures known."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from ..._version import __version__
from ...datasets.columns import listed
from ...datasets.errors import InputError
from ...datasets.roles import as_words
from ...guests import need, other_versions
from ...plain import shown
from ...tasks.task import ID
from ..config import Config, first_problem
from ..result import SCHEMA_VERSION, AuditResult, Variant
from ..store.checksums import check_files
from ..store.folder import AUDIT, PREDICTIONS
from ..store.schema import read_as
from .comparison import is_comparison
from .former import completed


@dataclass(frozen=True)
class Finished:
    """A finished run: where it lies, what it says, its model before any change."""

    path: Path
    result: AuditResult
    original: Variant

    @property
    def released(self) -> Variant:
        """The model that the run would release: the recommended variant, else the original."""
        named = self.result.frontier.recommended if self.result.frontier else None
        return next((v for v in self.result.variants if v.name == named), self.original)

    def predictions(self, variant: str) -> Path:
        """Return the file of a variant's predictions."""
        return self.path / PREDICTIONS / f"{variant}.parquet"


def checked(path: Path) -> AuditResult:
    """Read the result of a run, whose files must be as they were written.

    Raises
    ------
    InputError
        Not a run, a run whose files were changed, one of another schema, or one that needs a guest which is
        not installed.
    """
    changed = check_files(path)
    if changed:
        raise InputError(f"{path}: {'; '.join(changed)}")
    result = read_result(path)
    need(result.guest_versions, path)
    return result


def read_result(run: Path) -> AuditResult:
    """Read the ``audit.json`` of a run.

    Raises
    ------
    InputError
        It is missing, no result of an audit, or one of another schema.
    """
    return _read(run)[0]


def added_keys(run: Path) -> list[str]:
    """Return what the ``audit.json`` of a run holds that only a later schema knows, by its places."""
    return _read(run)[1]


def _read(run: Path) -> tuple[AuditResult, list[str]]:
    path = run / AUDIT
    result, added = read_as(AuditResult, path, SCHEMA_VERSION, "a result")
    _check_variants(result, path)
    return completed(result), added


def _check_variants(result: AuditResult, path: Path) -> None:
    """InputError where the variants of a result are none that an audit or a comparison could have."""
    kinds = [variant.kind for variant in result.variants]
    if kinds[:1] != ["original"] or kinds[1:].count("original") > (len(kinds) == 2):
        raise InputError(f"{path}: variants: expected the original first, got {shown(kinds)}")
    names = [variant.name for variant in result.variants]
    # A name is that of a file in the run: one with a slash would be read elsewhere.
    if len(set(names)) < len(names) or any("/" in name or "\0" in name for name in names):
        raise InputError(f"{path}: variants: expected distinct names of files, got {shown(names)}")


def configuration_of(result: AuditResult, **instead: Any) -> Config:
    """Read a run's configuration.

    Parameters
    ----------
    instead
        Parts that are put in place of the run's own before they are looked at.

    Raises
    ------
    InputError
        It is none of this version, such as one with a metric that was added later.
    """
    try:
        return Config.model_validate({**result.configuration, **instead})
    except ValidationError as error:
        by = result.environment.fairweigh
        written = [] if by == __version__ else [f"written by fairweigh {shown(by)}, this is {__version__}"]
        written += other_versions(result.guest_versions)
        told = f" ({'; '.join(written)})" if written else ""
        raise InputError(f"configuration: cannot be used{told}: {first_problem(error, Config)}") from None


def opened(path: Path) -> Finished:
    """Open the run of one model.

    Raises
    ------
    InputError
        As `checked`; or it is a comparison of two runs.
    """
    result = checked(path)
    if is_comparison(result):
        raise InputError(f"{path}: compares two runs itself; expected the run of one model")
    return Finished(path, result, next(v for v in result.variants if v.kind == "original"))


def check_same_kind(one: Finished, other: Finished) -> None:
    """InputError where other columns or classes make the figures of two runs figures of different things."""
    a, b = one.result.data, other.result.data
    _check_equal("task", one.result.task, other.result.task, one, other)
    for what, mine, theirs in (
        ("label", a.label, b.label),
        ("positive", sorted(a.positive), sorted(b.positive)),
        ("sensitive", sorted(a.sensitive), sorted(b.sensitive)),
        ("bins", a.bins, b.bins),
        ("merge", a.merge, b.merge),
        ("weight", a.weight, b.weight),
        ("cluster", a.cluster, b.cluster),
        *_settled(one, other),
    ):
        _check_equal(what, mine, theirs, one, other)


def _settled(one: Finished, other: Finished) -> Iterator[tuple[str, Any, Any]]:
    """What the task of two runs says that they must agree in."""
    configured = [configuration_of(run.result, gates=[]) for run in (one, other)]
    task = configured[0].of_task
    for key in task.settled:
        mine, theirs = (sorted(as_words(getattr(config.data, key))) for config in configured)
        yield key, mine, theirs
    if task.columns_of_classes:
        yield "classes", sorted(one.result.classes), sorted(other.result.classes)


def check_same_data(one: Finished, other: Finished) -> None:
    """InputError where two runs cannot be of the same rows."""
    check_same_kind(one, other)
    a, b = one.result.data, other.result.data
    by_id = configuration_of(one.result, gates=[]).of_task.named_by == ID
    if by_id and a.id is None and b.id is None:
        # Without ids rows are numbered, and a number names the same row in the same data only.
        _check_equal("sha256 (the data have no id)", a.sha256, b.sha256, one, other)
        _check_equal("split", a.split, b.split, one, other)


def _check_equal(what: str, mine: Any, theirs: Any, one: Finished, other: Finished) -> None:
    if mine != theirs:
        raise InputError(
            f"data.{what}: {_words(mine)} in {one.path}, {_words(theirs)} in {other.path}; "
            "expected two runs on the same data"
        )


def _words(value: Any) -> str:
    if isinstance(value, list):
        return listed([str(v) for v in value]) or "none"
    return "none" if value in (None, {}) else repr(value)
