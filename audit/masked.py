"""Addresses with a password in them, as they may be shown and kept: without it."""

from __future__ import annotations

import re

HIDDEN = "***"

_LOGIN = re.compile(r"(://[^:/@]*:).*@", re.S)
_QUERY = re.compile(
    r"([?&](?:password|passwd|pwd|passphrase|secret|token|sslpassword|odbc_connect)=)[^&\s'\"]*", re.I
)


def masked(text: str) -> str:
    """Replace passwords of addresses (``scheme://user:password@host?password=...``) in a text by ``***``."""
    return _QUERY.sub(rf"\1{HIDDEN}", _LOGIN.sub(rf"\1{HIDDEN}@", text))
