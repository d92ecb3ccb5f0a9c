"""Ed25519 keys as people keep them: PEM or OpenSSH files, private ones perhaps under a passphrase."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...datasets.errors import InputError
from ...models.extras import optional

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

TYPE = b"ssh-ed25519"
LONGEST_COMMENT = 200
LONGEST_FILE = 1 << 16
"""Bytes of a key's file."""


@dataclass(frozen=True)
class PublicKey:
    """An Ed25519 public key.

    Attributes
    ----------
    raw : bytes
        The key's 32 bytes.
    comment : str
        What its file calls it, such as ``name@host``; nobody has vouched for that.
    """

    raw: bytes
    comment: str = ""

    @property
    def fingerprint(self) -> str:
        """The key's fingerprint as ``ssh-keygen -l`` prints it."""
        digest = hashlib.sha256(_wire(self.raw)).digest()
        return "SHA256:" + base64.b64encode(digest).decode().rstrip("=")

    @property
    def line(self) -> str:
        """The key as a line of OpenSSH, without its comment."""
        return f"{TYPE.decode()} {base64.b64encode(_wire(self.raw)).decode()}"

    def signed(self, message: bytes, signature: bytes) -> bool:
        """Whether this key's owner signed the message (RFC 8032, Ed25519)."""
        from cryptography.exceptions import InvalidSignature

        key = _ed25519().Ed25519PublicKey.from_public_bytes(self.raw)
        try:
            key.verify(signature, message)
        except InvalidSignature:
            return False
        return True


@dataclass(frozen=True)
class PrivateKey:
    """An Ed25519 private key, and its public part."""

    _key: Ed25519PrivateKey
    public: PublicKey

    def sign(self, message: bytes) -> bytes:
        """Return the 64 bytes of the message's signature."""
        return self._key.sign(message)


def _wire(raw: bytes) -> bytes:
    """The key as OpenSSH writes it (RFC 8709, section 4): two strings behind their lengths."""
    return b"".join(len(part).to_bytes(4, "big") + part for part in (TYPE, raw))


def public_key_of_line(line: str) -> PublicKey:
    """Read ``ssh-ed25519 BASE64 [COMMENT]``; ValueError where it is something else."""
    kind, _, rest = line.strip().partition(" ")
    text, _, comment = rest.strip().partition(" ")
    wire = base64.b64decode(text, validate=True)
    raw = wire[-32:]
    if kind.encode() != TYPE or wire != _wire(raw):
        raise ValueError("not an Ed25519 key")
    return PublicKey(raw, one_line(comment))


def one_line(comment: str) -> str:
    """A comment fit for a line: printable characters, and not too many."""
    shown = "".join(c if c.isprintable() else " " for c in comment)
    return " ".join(shown.split())[:LONGEST_COMMENT]


def read_public_key(path: Path) -> PublicKey:
    """Read a public key from a PEM file (SubjectPublicKeyInfo) or an OpenSSH one (``id_ed25519.pub``).

    Raises
    ------
    InputError
        The file cannot be read, holds something else than one public key, or another kind of key.
    """
    serialization = _serialization("the public key")
    content = _content(path)
    if b"PRIVATE KEY-----" in content:
        raise InputError(f"{path}: expected a public key, got a private one")
    if b"-----BEGIN" in content:
        key = _loaded(path, "a public key", lambda: serialization.load_pem_public_key(content))
        return PublicKey(_of_ed25519(path, key).public_bytes_raw())
    lines = [line for line in content.splitlines() if line.strip() and not line.startswith(b"#")]
    if len(lines) != 1:
        raise InputError(
            f"{path}: expected one public key, in PEM or as a line of OpenSSH, got {len(lines)} lines"
        )
    key = _loaded(path, "a public key", lambda: serialization.load_ssh_public_key(lines[0]))
    return PublicKey(_of_ed25519(path, key).public_bytes_raw(), _comment(lines[0]))


def _comment(line: bytes) -> str:
    return one_line(b" ".join(line.split()[2:]).decode("utf-8", "replace"))


def read_private_key(path: Path, passphrase: Callable[[], str]) -> PrivateKey:
    """Read a private key from a PEM file (PKCS #8) or an OpenSSH one.

    Its comment is that of ``PATH.pub`` where that is its public part: OpenSSH's own is inside the
    encrypted part of the file.

    Parameters
    ----------
    passphrase : callable
        Asked for the passphrase where the key is encrypted.

    Raises
    ------
    InputError
        The file cannot be read, holds no private key or another kind of key; a wrong passphrase.
    """
    serialization = _serialization("signing")
    content = _content(path)
    openssh = b"BEGIN OPENSSH PRIVATE KEY" in content
    load = serialization.load_ssh_private_key if openssh else serialization.load_pem_private_key
    if b"-----BEGIN" in content and b"PRIVATE KEY-----" not in content:
        raise InputError(f"{path}: expected a private key, got something else in PEM")
    try:
        key = _loaded(path, "a private key", lambda: load(content, None))
    except TypeError:
        # What the library says when a key is encrypted and no passphrase came.
        secret = passphrase().encode()
        if not secret:
            raise InputError(f"{path}: the key is encrypted: expected its passphrase, got none") from None
        key = _loaded(path, "a private key with this passphrase", lambda: load(content, secret))
    private = _of_ed25519(path, key)
    return PrivateKey(private, _with_comment(path, private.public_key().public_bytes_raw()))


def _with_comment(path: Path, raw: bytes) -> PublicKey:
    beside = path.with_name(f"{path.name}.pub")
    try:
        found = public_key_of_line(beside.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return PublicKey(raw)
    return found if found.raw == raw else PublicKey(raw)


def _content(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            # A pipe is fine, as a shell makes one of <(command); what never ends is not.
            content = file.read(LONGEST_FILE + 1)
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None
    if len(content) > LONGEST_FILE:
        raise InputError(f"{path}: expected a key of at most {LONGEST_FILE:,} bytes, got more")
    return content


def _loaded(path: Path, what: str, load: Callable[[], Any]) -> Any:
    from cryptography.exceptions import UnsupportedAlgorithm

    try:
        return load()
    except (ValueError, UnsupportedAlgorithm) as error:
        raise InputError(f"{path}: cannot be read as {what}: {_first_sentence(error)}") from None


def _first_sentence(error: Exception) -> str:
    return str(error).partition(". ")[0].rstrip(".")


def _of_ed25519(path: Path, key: Any) -> Any:
    if not isinstance(key, (_ed25519().Ed25519PublicKey, _ed25519().Ed25519PrivateKey)):
        kind = type(key).__name__.removesuffix("PublicKey").removesuffix("PrivateKey")
        raise InputError(f"{path}: expected an Ed25519 key, got one of {kind}")
    return key


def _serialization(feature: str) -> Any:
    return optional("cryptography.hazmat.primitives.serialization", feature, "sign")


def _ed25519() -> Any:
    return optional("cryptography.hazmat.primitives.asymmetric.ed25519", "a signature", "sign")
