"""The gates as SARIF 2.1.0, the form in which code scanning takes findings."""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import quote

from ...audit.result import AuditResult, GateResult, Verdict
from ..slices.gate_tables import GateRow, gate_rows
from ..words.gates_together import gates_together
from ..words.judged_by import judged_by
from ..words.severity import worst
from ..words.spoken import plain, verdict_reason, visible
from .annotations import Places, finding

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
MOST_RESULTS = 5_000
"""Results of a run that GitHub's code scanning keeps; it refuses a file with more than 25,000 rules."""
_LEVELS: dict[Verdict, str] = {"error": "error", "fail": "error", "inconclusive": "warning"}


def render_sarif(result: AuditResult, places: Places) -> str:
    """Render one rule per gate and one result per gate that does not pass.

    A gate that fails or could not be evaluated is an ``error``, one that the data cannot decide a
    ``warning``: SARIF's kind ``open`` would fit it in words, but no viewer shows results of that kind. A
    gate of a variant that is not to be released is a ``note``. Of more results than code scanning keeps, the
    worst are written, and ``omittedResults`` counts the others; rules are then those of the written ones.

    Parameters
    ----------
    places : mapping
        File and line of each gate, by its id.
    """
    found = [gate for gate in result.gates if gate.verdict != "pass"]
    kept = [found[k] for k in worst(found, MOST_RESULTS)]
    ruled = result.gates if len(kept) == len(found) else kept
    first = {gate.id: gate for gate in reversed(ruled)}
    ids = {name: k for k, name in enumerate(dict.fromkeys(gate.id for gate in ruled))}
    rules = gate_rows([first[name] for name in ids], result)
    run = {
        "tool": {
            "driver": {
                "name": "fairweigh",
                "version": result.environment.fairweigh,
                "rules": [_rule(row) for row in rules],
            }
        },
        "automationDetails": {"id": f"fairweigh/{_slug(result.audit)}/"},
        "properties": {
            "verdict": result.verdict,
            "reason": verdict_reason(result),
            "judgedBy": [plain(line) for line in judged_by(result)],
            "gatesTogether": plain(gates_together(result)),
            "data": {"title": visible(result.data.title), "sha256": result.data.sha256},
            "omittedResults": len(found) - len(kept),
        },
        "results": [
            _result(result, gate, row, ids[gate.id], places)
            for gate, row in zip(kept, gate_rows(kept, result), strict=True)
        ],
    }
    log = {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}
    return json.dumps(log, indent=1, ensure_ascii=False) + "\n"


def _rule(row: GateRow) -> dict[str, Any]:
    asked = f"{plain(row.title)}: {plain(row.limit)}"
    return {
        "id": visible(row.id),
        "shortDescription": {"text": message(asked)},
        "fullDescription": {"text": message(f"{asked} ({row.decide}).")},
        "properties": {"tags": ["fairness"]},
    }


def _result(
    result: AuditResult, gate: GateResult, row: GateRow, index: int, places: Places
) -> dict[str, Any]:
    file, line = places.get(gate.id, ("audit.yaml", None))
    place: dict[str, Any] = {
        "artifactLocation": {"uri": quote(file, errors="replace")},
        "region": {"startLine": line or 1},
    }
    return {
        "ruleId": visible(gate.id),
        "ruleIndex": index,
        "level": _LEVELS[gate.verdict] if gate.binding else "note",
        "message": {"text": message(f"{visible(gate.variant)}: {finding(gate, row)}")},
        "locations": [{"physicalLocation": place}],
        "partialFingerprints": {
            "fairweighGate/v1": f"{visible(result.audit)}/{visible(gate.id)}/{visible(gate.variant)}"
        },
        "properties": {"verdict": gate.verdict, "binding": gate.binding},
    }


def message(text: str) -> str:
    """Escape a message string: brackets make links of it and braces placeholders (SARIF 2.1.0, 3.11)."""
    return re.sub(r"([\\\[\]])", r"\\\1", text).replace("{", "{{").replace("}", "}}")


def _slug(name: str) -> str:
    return re.sub(r"[^\w.-]+", "-", name).strip("-.") or "audit"
