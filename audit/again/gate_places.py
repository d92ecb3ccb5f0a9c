"""Where each gate of a result stands: the file it was written in, and its line where that can be told."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from ...plain import MOST_YAML_BYTES, from_yaml, read_bounded
from ..result import AuditResult

DEFAULT = "audit.yaml"


def gate_places(result: AuditResult) -> dict[str, tuple[str, int | None]]:
    """Return file and line of each gate, by its id.

    The lines are those of the file as it is now; where it has another number of gates than were judged, or
    cannot be read, they are None.
    """
    gates = result.policy.gates if result.policy else result.configuration.get("gates", [])
    file = (result.policy.file or "policy.yaml") if result.policy else _audited(result.environment.command)
    lines = _lines(Path(file))
    known = len(lines) == len(gates)
    names = [str(gate.get("id") or f"gate-{k + 1}") for k, gate in enumerate(gates)]
    shown = _beside(file)
    places = {name: (shown, lines[k] if known else None) for k, name in enumerate(names)}
    # Targets of an objective and the result that nothing may be released stand in no line of gates.
    return places | {gate.id: (shown, None) for gate in result.gates if gate.id not in places}


def _audited(command: str) -> str:
    """The configuration that a run's command names."""
    try:
        words = shlex.split(command)
    except ValueError:
        return DEFAULT
    return words[2] if words[:2] == ["fairweigh", "audit"] and len(words) > 2 else DEFAULT


def _lines(path: Path) -> list[int]:
    try:
        text = read_bounded(path, MOST_YAML_BYTES).decode()
        # What is beyond reason is not read a second time with its lines.
        from_yaml(text)
        gates: Any = YAML(typ="rt", pure=True).load(text).get("gates")
        return [gates.lc.item(k)[0] + 1 for k in range(len(gates))]
    except (OSError, ValueError, YAMLError, AttributeError, TypeError, KeyError, RecursionError):
        return []


def _beside(file: str) -> str:
    """A path as seen from here, where the repository is checked out; one elsewhere stays as it is."""
    path = Path(file)
    if not path.is_absolute():
        return path.as_posix()
    here = Path.cwd()
    return path.relative_to(here).as_posix() if path.is_relative_to(here) else path.as_posix()
