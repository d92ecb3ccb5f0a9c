"""Whether a run's files are as they were written: against the manifest, and that against its signature."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ...datasets.errors import InputError
from ...datasets.json_text import read_object
from ...datasets.read import sha256_file
from ...plain import shown
from .folder import AUDIT, MANIFEST, RENDERED, SIGNATURE, checksum, manifest_text, read_manifest, walked
from .signature import check_signature

_OF_DATA = ("data_sha256", "model_sha256")
"""Of a comparison these are two each, and ``audit.json`` holds one."""


_MISSING, _CHANGED = "missing", "changed since the run was written"
_PAGES = (".html", ".csv", ".md", ".xml")


def check_files(run: Path) -> list[str]:
    """Return what differs between a run's files, its manifest and its signature, one line each.

    Raises
    ------
    InputError
        No run, one without a readable manifest, or a file that cannot be read.
    """
    content = read_manifest(run)
    said: dict[str, str] = content["files"]
    regular, odd = walked(run)
    there = set(regular) - {MANIFEST, SIGNATURE}
    out = [f"{name}: {told}" for name, told in odd.items()]
    if MANIFEST not in regular:
        return out
    out += [f"{name}: {_MISSING}" for name in said if name not in there and name not in odd]
    out += [f"{name}: not in the manifest" for name in sorted(there - set(said))]
    changed = [name for name in said if name in there and _sha256(run / name) != said[name]]
    out += [f"{name}: {_CHANGED}" for name in changed]
    if AUDIT in there and AUDIT not in changed:
        out += _check_manifest(run, content)
    return out + (check_signature(run) if SIGNATURE in regular else [])


def refuse_changed_figures(run: Path, changed: Iterable[str]) -> None:
    """InputError for what rendering the pages again would not make right: pages alone may differ."""
    for line in changed:
        name, _, told = line.partition(": ")
        if Path(name).suffix not in _PAGES or told not in (_MISSING, _CHANGED):
            raise InputError(f"{run}: {line}")


def _sha256(path: Path) -> str:
    try:
        return sha256_file(path)
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None


def _check_manifest(run: Path, content: dict[str, Any]) -> list[str]:
    """Return where the manifest is not in its own form, or differs from the run's audit.json."""
    if (run / MANIFEST).read_bytes() != manifest_text(content).encode():
        return [f"{MANIFEST}: {_CHANGED}"]
    try:
        told = _told(read_object(run / AUDIT))
    except (InputError, LookupError, TypeError, AttributeError):
        # Not an audit.json at all; whoever reads it says so.
        return []
    differing = [key for key, value in told.items() if key not in content or content[key] != value]
    if differing:
        return [f"{MANIFEST}: {', '.join(differing)}: not what {AUDIT} says"]
    unknown = [shown(key) for key in content if key not in {*told, *_OF_DATA, RENDERED, "files"}]
    return [f"{MANIFEST}: {', '.join(unknown)}: no key of a manifest"] if unknown else []


def given_origins(variants: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Checksum of each variant that was given as a model, and where it came from, by its name."""
    return {
        v["name"]: {key: v["model"].get(key) for key in ("given", "sha256")}
        for v in variants
        if v["model"].get("given") is not None
    }


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
    if guests := result.get("guests"):
        told["guests"] = {guest["name"]: guest["version"] for guest in guests}
    if sum(v["kind"] == "original" for v in variants) == 1:
        model = variants[0]["model"]
        told["data_sha256"] = result["data"]["sha256"]
        told["model_sha256"] = model.get("sha256") or model.get("training_sha256")
        if given := given_origins(variants):
            told["given"] = given
    return told
