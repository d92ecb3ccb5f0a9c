"""The signature of a run: one statement about its manifest, signed with an Ed25519 key.

``MANIFEST.sig`` holds the statement as it was signed, the public key, and the signature. The statement
names the sha256 of ``MANIFEST.json``, which names that of every other file; so one signature covers the
run. The key's name and the time are the signer's own words: the signature proves that the holder of the
key said so.
"""

from __future__ import annotations

import base64
import json
import os
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path

from ...datasets.errors import InputError
from ...datasets.json_text import parse_object, read_regular
from ...datasets.read import sha256_file
from .folder import MANIFEST, SIGNATURE, swap
from .keys import PrivateKey, PublicKey, one_line, public_key_of_line

ALGORITHM = "Ed25519"
MOST_SIGNATURE = 1 << 16
"""Bytes of MANIFEST.sig."""
_STATEMENT = """\
fairweigh signature of a run, version 1
manifest sha256: {manifest}
key: {key}
signed: {time}
comment: {comment}
"""
_PATTERN = re.compile(
    re.escape(_STATEMENT)
    .replace(r"\{manifest\}", "(?P<manifest>[0-9a-f]{64})")
    .replace(r"\{key\}", "(?P<key>SHA256:[A-Za-z0-9+/]{43})")
    .replace(r"\{time\}", r"(?P<time>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00)")
    .replace(r"\{comment\}", r"(?P<comment>[^\n]*)")
)


@dataclass(frozen=True)
class Signature:
    """What ``MANIFEST.sig`` says; nothing of it is checked yet.

    Attributes
    ----------
    key : PublicKey
        The key that is said to have signed, with the comment that the signer gave it.
    manifest : str
        sha256 of the signed MANIFEST.json.
    time : str
        When it was signed, by the signer's clock: UTC, ISO 8601.
    statement : bytes
        What was signed, to the byte; its lines are the fields above.
    signature : bytes
    """

    key: PublicKey
    manifest: str
    time: str
    statement: bytes
    signature: bytes

    @property
    def named(self) -> str:
        """The key for a line of text: its fingerprint, and what the signer calls it."""
        return f"{self.key.fingerprint}" + (f" ({self.key.comment!r})" if self.key.comment else "")


def sign(run: Path, key: PrivateKey, comment: str | None = None) -> Signature:
    """Sign a run's manifest into MANIFEST.sig.

    Parameters
    ----------
    comment : str, optional
        Whose key it is; default what ``KEY.pub`` calls it.

    Raises
    ------
    InputError
        The run is signed already, or cannot be written.
    """
    refuse_signed(run)
    path = run / SIGNATURE
    public = PublicKey(key.public.raw, key.public.comment if comment is None else one_line(comment))
    time = datetime.now(UTC).isoformat(timespec="seconds")
    manifest = sha256_file(run / MANIFEST)
    statement = _STATEMENT.format(
        manifest=manifest, key=public.fingerprint, time=time, comment=public.comment
    ).encode()
    made = Signature(public, manifest, time, statement, key.sign(statement))
    try:
        swap(path, _written(made))
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror}") from None
    return made


def refuse_signed(run: Path) -> None:
    """InputError where a run is signed already: a signature is never replaced unasked."""
    if os.path.lexists(run / SIGNATURE):
        raise InputError(f"{run / SIGNATURE}: the run is signed already; to sign it anew, remove this file")


def _written(made: Signature) -> str:
    content = {
        "algorithm": ALGORITHM,
        "public_key": made.key.line,
        "statement": made.statement.decode(),
        "signature": base64.b64encode(made.signature).decode(),
    }
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def read_signature(run: Path) -> Signature | None:
    """Read a run's signature; None where it is not signed, ValueError where the file is damaged."""
    path = run / SIGNATURE
    if not os.path.lexists(path):
        return None
    text = read_regular(path, MOST_SIGNATURE)
    content = parse_object(text, SIGNATURE)
    if not all(isinstance(v, str) for v in content.values()):
        raise ValueError("expected a mapping of texts")
    told = _PATTERN.fullmatch(content.get("statement", ""))
    if content.get("algorithm") != ALGORITHM or told is None:
        raise ValueError(f"expected a statement signed with {ALGORITHM}")
    key = public_key_of_line(content.get("public_key", ""))
    found = Signature(
        PublicKey(key.raw, told["comment"]),
        told["manifest"],
        told["time"],
        told[0].encode(),
        base64.b64decode(content.get("signature", ""), validate=True),
    )
    if told["key"] != key.fingerprint:
        raise ValueError(f"the statement names the key {told['key']}, the file {key.fingerprint}")
    if one_line(told["comment"]) != told["comment"] or text != _written(found).encode():
        raise ValueError("not as it was written")
    return found


def can_check() -> bool:
    """Whether the package that checks signatures is installed."""
    return find_spec("cryptography") is not None


def check_signature(run: Path) -> list[str]:
    """Return what is wrong with a run's signature, one line each; whose key it is is not checked here.

    A run without one has nothing wrong. Where ``cryptography`` is not installed the statement is held
    against the manifest and the signature itself is left to others (`can_check`).
    """
    try:
        found = read_signature(run)
    except ValueError as error:
        why = " ".join(str(error).split()).removeprefix(f"{SIGNATURE}: ")
        return [f"{SIGNATURE}: not a whole signature of a run: {why}"]
    if found is None:
        return []
    if can_check() and not found.key.signed(found.statement, found.signature):
        return [f"{SIGNATURE}: the signature is not one of the key {found.named} over this statement"]
    if sha256_file(run / MANIFEST) != found.manifest:
        return [f"{MANIFEST}: changed since it was signed with the key {found.named}"]
    return []


def check_signer(run: Path, expected: PublicKey, where: Path) -> list[str]:
    """Return why a run does not count as signed with a key (read from ``where``), one line each."""
    try:
        found = read_signature(run)
    except ValueError:
        # `check_signature` names the damage.
        return []
    if found is None:
        return [f"{SIGNATURE}: missing: the run is not signed; expected the key {_of(expected, where)}"]
    if found.key.raw != expected.raw:
        return [f"{SIGNATURE}: signed with another key: expected {_of(expected, where)}, found {found.named}"]
    return []


def _of(key: PublicKey, where: Path) -> str:
    return f"{key.fingerprint} of {where}"
