"""Fairness as a test: an assertion for any test runner, and what pytest's ``fairness`` fixture gives.

Nothing here needs pytest. The fixture itself is in ``fairweigh.pytest_plugin``, which pytest finds by itself.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .audit.config import Config
    from .audit.result import GateResult
    from .keywords import Audit
    from .result import Result

__all__ = ["Fairness", "assert_gate"]


def assert_gate(
    subject: Any,
    *,
    allow_inconclusive: bool = False,
    label: str | None = None,
    decision: str | None = None,
    score: str | None = None,
    roles: Mapping[str, Any] | None = None,
    **gate: Any,
) -> None:
    """Assert that one gate passes.

    Parameters
    ----------
    subject : Result, path or table
        A result; a finished run's folder; or predictions: a pandas, polars or pyarrow table with a row per
        person and the columns that are named here.
    allow_inconclusive : bool
        Let it pass when the data cannot decide. An error never passes.
    label, decision, score : str, optional
        Columns of a table of predictions: the true class, and the decision or the score.
    roles : mapping, optional
        Further keys of an `Audit` of that table: ``positive``, ``threshold``, ``weight``, ``cluster``,
        ``slices``, ``confidence`` ...
    **gate
        The gate as in ``audit.yaml``: ``metric``, ``by``, ``compare``, ``limit`` ...; ``on`` says of which
        variant, and without it of the original alone.

    Raises
    ------
    AssertionError
        It fails, cannot be decided, or could not be evaluated; the message has the slices, the figures, their
        intervals, and the rows that would decide.
    InputError
        No such gate, result or table.
    """
    __tracebackhide__ = True
    from .datasets.errors import InputError

    columns = {"label": label, "decision": decision, "score": score}
    try:
        told = _judged(subject, gate, {k: v for k, v in columns.items() if v is not None}, roles)
        problem = _problem(*told, allow_inconclusive)
    except InputError as error:
        # Raised anew, so that a failing test shows its own line and not ours.
        raise InputError(str(error)) from None
    if problem is not None:
        raise AssertionError(problem)


def _judged(
    subject: Any, gate: Mapping[str, Any], columns: Mapping[str, str], roles: Mapping[str, Any] | None
) -> tuple[Result, list[GateResult]]:
    """The result under this gate alone, and what the gate found on the variants that it is on."""
    from .api import load_result
    from .datasets.errors import InputError
    from .result import Result

    if isinstance(subject, (str, Path)):
        subject = load_result(subject)
    if not isinstance(subject, Result):
        return _judged_table(subject, gate, {**columns, **(roles or {})})
    if columns or roles:
        names = ", ".join([*columns, *(["roles"] if roles else [])])
        raise InputError(f"assert_gate: {names} belong to a table of predictions; got a result")
    slices = subject.configuration.get("slices") or {}
    policy = {
        "gates": [dict(gate)], "confidence": _confidence(subject), "min_size": slices.get("min_size", 30),
    }  # fmt: skip
    result = subject.gate(policy)
    on = gate.get("on", "original")
    # A gate on the original is judged on every variant, for the choice among them.
    gates = [g for g in result.gates if on != "original" or g.variant == result.variants[0].name]
    return result, gates


def _confidence(result: Result) -> float:
    """The confidence of a policy that judged it, else that of its configuration, which figures follow."""
    return result.confidence if result.policy else float(result.configuration.get("confidence", 0.95))


def _judged_table(
    table: Any, gate: Mapping[str, Any], settings: Mapping[str, Any]
) -> tuple[Result, list[GateResult]]:
    from .audit.config import AGGREGATES
    from .datasets.errors import InputError
    from .keywords import Audit

    by = gate.get("by") or list(gate.get("slice") or {})
    features = [by] if isinstance(by, str) else list(by)
    if not features:
        raise InputError("assert_gate: predictions need by or slice, the sensitive feature that is spoken of")
    name = str(gate.get("metric", ""))
    metrics = list(AGGREGATES[name].metrics) if name in AGGREGATES else [name]
    usual = {
        "metrics": metrics, "sensitive": features, "report": {"charts": False},
        "slices": {"intersections": len(features)},
    }  # fmt: skip
    asked = Audit("predictions", table, **{**usual, **settings, "gates": [dict(gate)]})
    with tempfile.TemporaryDirectory() as place, _unwarned():
        result = asked.run(Path(place) / "run")
    return type(result).of(result), list(result.gates)


def _problem(result: Result, gates: Sequence[GateResult], allow_inconclusive: bool) -> str | None:
    """What is wrong, as the failure tells it."""
    from .reports.plain.assertion import render_assertion

    fine = ("pass", "inconclusive") if allow_inconclusive else ("pass",)
    bad = [gate for gate in gates if gate.verdict not in fine]
    if not bad:
        return None
    return render_assertion(result, bad, str(result.folder) if result.folder else None)


class Fairness:
    """What the ``fairness`` fixture gives: audits that are run once in a session, and the assertion.

    Parameters
    ----------
    shared : Path
        A folder of this session that all its workers see: audits by name alone are run once for all of them.
    own : Path
        A folder of this worker: audits of tables and models in memory.
    out : Path, optional
        Where finished run folders are copied to, for people to read.
    """

    assert_gate = staticmethod(assert_gate)

    def __init__(self, shared: Path, own: Path, out: Path | None = None) -> None:
        self._shared, self._own, self._out = shared, own, out
        self._done: dict[tuple[Any, ...], tuple[Result, Any]] = {}

    def audit(
        self,
        config: str | Path | Mapping[str, Any] | Audit,
        *,
        overrides: Sequence[str] = (),
        data: Any = None,
        model: Any = None,
    ) -> Result:
        """Run an audit, or give back the result of the same one in this session.

        The same one has the same configuration, in the same working directory, with the files of ``data`` and
        ``model`` as they were; or the same objects in memory.

        Parameters
        ----------
        config : path, mapping or Audit
            ``audit.yaml``, its content, or a `fairweigh.Audit`.
        overrides, data, model
            As `fairweigh.run` takes them.

        Raises
        ------
        InputError
            Bad configuration, data or model.
        """
        __tracebackhide__ = True
        from .datasets.errors import InputError

        try:
            with _unwarned():
                return self._audited(config, overrides, data, model)
        except InputError as error:
            # Raised anew, so that a failing test shows its own line and not ours.
            raise InputError(str(error)) from None

    def _audited(self, config: Any, overrides: Sequence[str], data: Any, model: Any) -> Result:
        from .api import load_result, run_settings
        from .audit.config import read
        from .audit.runner import folder_name
        from .datasets.errors import InputError
        from .keywords import Audit
        from .models.memory import spec_of

        if isinstance(config, Audit):
            if overrides or data is not None or model is not None:
                raise InputError("fairness.audit: an Audit has its configuration, data and model already")
            settings, data, model = config.config, config.table, config.model
        else:
            given = spec_of(model) if model is not None else None
            settings = read(config, overrides, rows_given=data is not None, model=given)
        key = (_checksum(settings), id(data), id(model))
        if key in self._done:
            return self._done[key][0]
        name = folder_name(settings.audit)
        if data is None and model is None:
            target = self._shared / f"{name}-{key[0][:12]}"
            with _locked(target.with_name(f"{target.name}.lock")):
                result = load_result(target) if target.exists() else run_settings(settings, target)
        else:
            target = self._own / f"{name}-{len(self._done)}"
            result = run_settings(settings, target, data=data, model=model)
        if self._out is not None:
            self._publish(target, name)
        # The objects are kept, so that no other one can get their id.
        self._done[key] = result, (data, model)
        return result

    def _publish(self, run: Path, name: str) -> None:
        """Copy a run to where people look for it; audits of one name get a number."""
        from .audit.store.folder import MANIFEST
        from .datasets.errors import InputError

        assert self._out is not None
        taken = self._shared / "out"
        taken.mkdir(exist_ok=True)
        with _locked(self._shared / "out.lock"):
            for number in count(1):
                mark = taken / (name if number == 1 else f"{name}-{number}")
                if not mark.exists():
                    break
                if mark.read_text(encoding="utf-8") == str(run):
                    return
            target, beside = self._out / mark.name, self._out / f".{mark.name}.partial"
            if target.exists() and not (target / MANIFEST).is_file():
                raise InputError(f"{target}: expected a run folder or nothing there, got something else")
            try:
                self._out.mkdir(parents=True, exist_ok=True)
                shutil.rmtree(beside, ignore_errors=True)
                shutil.copytree(run, beside)
                shutil.rmtree(target, ignore_errors=True)
                beside.rename(target)
            except OSError as error:
                raise InputError(f"{target}: cannot be written: {error.strerror}") from None
            mark.write_text(str(run), encoding="utf-8")


def _checksum(settings: Config) -> str:
    """What tells one audit from another, objects in memory apart."""
    named = [settings.data.path, settings.model.place if settings.model else None]
    files: list[list[int] | None] = []
    for path in named:
        try:
            found = Path(str(path)).stat()
        except OSError:
            files.append(None)
        else:
            files.append([found.st_size, found.st_mtime_ns])
    content = [settings.model_dump(mode="json"), str(Path.cwd()), files]
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Wait until no other process holds this file; the lock falls with the process, however it ends."""
    import fcntl

    with path.open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextmanager
def _unwarned() -> Iterator[None]:
    """Let a strict test session not fail over libraries that probe for others when first imported."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ImportWarning)
        yield
