"""Whether a run's files are as they were written: against the manifest, and that against its signature."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ..datasets.read import sha256_file
from .folder import AUDIT, MANIFEST, files, manifest_text, read_manifest
from .runner import checksum
from .signature import check_signature


def check_files(run: Path) -> list[str]:
    """Return what differs between a run's files, its manifest and its signature, one line each."""
    content = read_manifest(run)
    said: dict[str, str] = content["files"]
    there = set(files(run))
    out = [f"{name}: missing" for name in said if name not in there]
    out += [f"{name}: not in the manifest" for name in sorted(there - set(said))]
    changed = [name for name in said if name in there and sha256_file(run / name) != said[name]]
    out += [f"{name}: changed since the run was written" for name in changed]
    if AUDIT in there and AUDIT not in changed:
        out += _check_manifest(run, content)
    return out + check_signature(run)


def _check_manifest(run: Path, content: dict[str, Any]) -> list[str]:
    """Return where the manifest is not in its own form, or differs from the run's audit.json."""
    if (run / MANIFEST).read_bytes() != manifest_text(content).encode():
        return [f"{MANIFEST}: changed since the run was written"]
    try:
        told = _told(json.loads((run / AUDIT).read_text(encoding="utf-8")))
    except (ValueError, LookupError, TypeError, AttributeError):
        # Not an audit.json at all; whoever reads it says so.
        return []
    differing = [key for key, value in told.items() if key not in content or content[key] != value]
    return [f"{MANIFEST}: {', '.join(differing)}: not what {AUDIT} says"] if differing else []


def _told(result: dict[str, Any]) -> dict[str, Any]:
    """What the manifest repeats of an audit.json (the data and models of a comparison are two each)."""
    variants, environment = result["variants"], result["environment"]
    told = {
        "schema_version": result["schema_version"],
        "audit": result["audit"],
        "created": result["created"],
        "configuration_sha256": checksum(result["configuration"]),
        "versions": {"fairweigh": environment["fairweigh"], **environment["packages"]},
        "seed": environment["seed"],
    }
    if sum(v["kind"] == "original" for v in variants) == 1:
        model = variants[0]["model"]
        told["data_sha256"] = result["data"]["sha256"]
        told["model_sha256"] = model.get("sha256") or model.get("training_sha256")
    return told
