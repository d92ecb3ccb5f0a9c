"""The address of a served model: which ones may stand in a configuration, and what is called there."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

EXPECTED = {
    "open-inference": "http(s)://HOST/v2/models/NAME, or with /versions/VERSION behind it",
    "mlflow": "http(s)://HOST/invocations",
    "openai": "http(s)://HOST, mostly with /v1 behind it, without /chat/completions",
}
_PATHS = {
    "open-inference": re.compile(r"(/[^/]+)*/v2/models/[^/]+(/versions/[^/]+)?"),
    "mlflow": re.compile(r"(/[^/]+)*/invocations"),
    "openai": re.compile(r"(/[^/]+)*(?<!/completions)"),
}
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def without_secrets(text: str) -> str:
    """Return an address; ValueError, without the text, where it holds what nobody may see."""
    if "@" in text or "?" in text or "#" in text:
        raise ValueError(
            "expected an address without a login, a query or a fragment; a key comes from the "
            "environment alone (key_env: the variable's name)"
        )
    return text


def served_at(text: str, protocol: str) -> str:
    """Return the address of a model, without what the protocol itself puts behind it.

    Raises
    ------
    ValueError
        It is none of http or https, or does not name a model of this protocol.
    """
    expected = f"endpoint: expected {EXPECTED[protocol]}, got {text[:80]!r}"
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise ValueError(expected) from None
    path = parts.path.rstrip("/")
    path = path.removesuffix("/infer") if protocol == "open-inference" else path
    plain = text.isascii() and text.isprintable() and " " not in text
    if not plain or not host or parts.scheme not in ("http", "https") or not _PATHS[protocol].fullmatch(path):
        raise ValueError(expected)
    return f"{parts.scheme}://{parts.netloc}{path}"


def variable(name: str) -> str:
    """Return the name of an environment variable; ValueError, without the text, for anything else."""
    if not _NAME.fullmatch(name):
        # Whoever put the key itself here does not want it shown.
        raise ValueError(
            "expected the name of an environment variable that holds the key, such as SERVER_KEY"
        )
    return name
