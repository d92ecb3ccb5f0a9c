"""Check a finished run's figures: against its predictions, its configuration and each other."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from ..._version import __version__
from ...datasets.errors import InputError
from ...guests import need, other_versions
from ...plain import shown
from ..regimes.files import guests_of_regimes, recompute_regimes
from ..result import SCHEMA_VERSION, AuditResult
from ..store.checksums import check_files as check_files
from ..store.folder import AUDIT, PREDICTIONS, read_manifest
from ..verdict.judge import IDENTIFIED
from .comparison import is_comparison
from .finished import configuration_of
from .former import forms
from .recomputed import BROKEN, recomputed, told
from .variants_told import check_variants

RELATIVE, ABSOLUTE = 1e-9, 1e-12
"""Floats that differ by no more are equal: other processors sum in another order."""


def written_here(result: AuditResult) -> bool:
    """Whether this very version of fairweigh, with the guests as they are here, wrote a result."""
    return result.environment.fairweigh == __version__ and not other_versions(result.guest_versions)


def check_figures(run: Path, result: AuditResult) -> list[str]:
    """Return what a result says and its predictions and configuration do not give, one line each.

    Of a run that another version wrote only figures and verdicts are compared that it knew: words change.

    Raises
    ------
    InputError
        The run needs a guest that is not installed.
    """
    need(guests_of_regimes(run) | result.guest_versions, run)
    strict = written_here(result)
    try:
        found, rows = recomputed(run, result)
        if strict and result.schema_version != SCHEMA_VERSION:
            wrote = f"fairweigh {__version__} writes {SCHEMA_VERSION}"
            return [f"schema_version: {result.schema_version!r} in the file, and {wrote}"]
        out = said_otherwise(result, found)
        out += _check_form(run, result) if strict and not out else []
        if read_manifest(run).get("configuration_sha256") != found.configuration_sha256 and strict:
            out.append("configuration: not the one of the manifest")
        out += _check_identified(run, result, rows)
        if not is_comparison(result):
            out += check_variants(run, result, configuration_of(result))
    except BROKEN as error:
        # Files that were tampered with may not be readable as what they claim to be.
        return [f"figures: cannot be recomputed from the predictions: {told(error)}"]
    return out + _check_regimes(run, result, strict)


def said_otherwise(result: AuditResult, found: AuditResult) -> list[str]:
    """Return what a file's result says and the recomputed one does not, one line each."""
    strict = written_here(result)
    # An earlier state of this version did not say what its texts were told from, another version has others.
    apart = None if strict and "told" in result.model_fields_set else {"told"}
    old, new = result.model_dump(exclude_unset=not strict, exclude=apart), found.model_dump(exclude=apart)
    return [*differences(old, new, "", texts=strict)]


def refuse_forged(run: Path, result: AuditResult) -> None:
    """InputError where a result says what its predictions and configuration do not give."""
    wrong = check_figures(run, result)
    if wrong:
        raise InputError(f"{run}: {not_given(wrong)}")


def not_given(wrong: list[str]) -> str:
    """Return one line of what a result says and its predictions do not give."""
    more = f" (and {len(wrong) - 1:,} more; see fairweigh verify)" if len(wrong) > 1 else ""
    return f"{AUDIT} is not what the predictions give: {wrong[0]}{more}"


def _check_form(run: Path, result: AuditResult) -> list[str]:
    """An ``audit.json`` has one form: a key left out, or a number as a text, is not what was written.

    That of an earlier state of this version is another; it lacks all keys that came since.
    """
    content = (run / AUDIT).read_bytes()
    written = any(content == text.encode() for text in forms(result))
    return [] if written else [f"{AUDIT}: not in the form that it is written in"]


def _check_identified(run: Path, result: AuditResult, rows: pa.Table | None) -> list[str]:
    if result.identified is None or rows is None:
        return []
    # Read from the place that the audit writes, whatever the file says.
    held = pq.read_table(run / IDENTIFIED)
    return [] if held.equals(rows) else [f"{IDENTIFIED}: not the rows that the predictions give"]


def _check_regimes(run: Path, result: AuditResult, strict: bool) -> list[str]:
    """The figures of regimes that their inputs and the predictions do not give."""
    try:
        out: list[str] = []
        for old, new in recompute_regimes(run, result, run / PREDICTIONS):
            where = f"regimes.{old.regime}"
            # With another version of a guest the figures are compared all the same.
            held = old.model_dump(exclude_unset=not strict, exclude={"guests"})
            out += differences(held, new.model_dump(exclude={"guests"}), where, texts=strict)
        return out
    except BROKEN as error:
        return [f"regimes: cannot be recomputed from the predictions: {told(error)}"]


def differences(old: Any, new: Any, path: str, *, texts: bool = True) -> Iterator[str]:
    """Yield a line for each place where what a file says is not what is recomputed.

    Parameters
    ----------
    texts : bool
        Compare words and keys that the file has not; else figures and verdicts alone.
    """
    if isinstance(old, dict) and isinstance(new, dict):
        for key in [*old, *(k for k in new if k not in old and texts)]:
            yield from differences(
                old.get(key), new.get(key), f"{path}.{key}" if path else key, texts=texts or key in _MEANING
            )
    elif isinstance(old, (list, tuple)) and isinstance(new, (list, tuple)):
        if len(old) != len(new):
            yield f"{path}: {len(old)} in the file, {len(new)} from the predictions"
        for i, (a, b) in enumerate(zip(old, new, strict=False)):
            yield from differences(a, b, f"{path}{_named(a, i)}", texts=texts)
    elif isinstance(old, float) and isinstance(new, float):
        if not (old == new or math.isclose(old, new, rel_tol=RELATIVE, abs_tol=ABSOLUTE)):
            yield f"{path}: {old!r} in the file, {new!r} from the predictions"
    elif old != new and (texts or not (isinstance(old, str) or isinstance(new, str))):
        yield f"{path}: {shown(old)} in the file, {shown(new)} from the predictions"


_MEANING = (
    "verdict", "status", "recommended", "slice", "slices", "reference", "by", "feature", "metric", "limit",
    "id", "name", "kind", "variant", "compare", "decide",
)  # fmt: skip
"""Texts that are no wording: what is judged of whom, and how. They are compared whoever wrote them."""


def _named(item: Any, position: int) -> str:
    """A list's item by its name or slice where it has one, so that a reader finds it."""
    if not isinstance(item, dict):
        return f"[{position}]"
    for key in ("id", "name"):
        if isinstance(item.get(key), str):
            return f".{item[key]}"
    if isinstance(item.get("slice"), dict) and item["slice"]:
        return "[" + " & ".join(f"{k}={v}" for k, v in item["slice"].items()) + "]"
    return f"[{position}]"
