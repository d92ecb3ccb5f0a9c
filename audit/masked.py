"""Addresses: a history's where none is named, and those with a password or token as they may be shown."""

from __future__ import annotations

import re

DEFAULT_HISTORY = "sqlite:///fairness.db"
"""The database of a history where nobody names another."""

HIDDEN = "***"

_LOGIN = re.compile(r"(://[^:/@]*:).*@", re.S)
_WEB_LOGIN = re.compile(r"(https?://)[^/?#@\s]+@", re.I)
"""Of an address of the web a name alone may be a token."""
_TOKEN = re.compile(r"(://)(?=[^:/?#@\s]*\d)(?=[^:/?#@\s]*[a-z])[^:/?#@\s]{16,}@", re.I)
"""So may one of a database that is long and has letters and digits, as no person is called."""
_SECRET = r"[\w.-]*(?:passw(?:or)?d|passphrase|pwd|secret|token|api[-_]?key|signature|credential)[\w.-]*"
_QUERY = re.compile(rf"([?&;](?:{_SECRET}|odbc_connect|auth|key|sig)=)[^&;\s'\"]*", re.I)


def masked(text: str) -> str:
    """Replace passwords of addresses (``scheme://user:password@host?password=...``) in a text by ``***``.

    So is a user without a password that may be a token.
    """
    text = _LOGIN.sub(rf"\1{HIDDEN}@", text)
    for token in (_WEB_LOGIN, _TOKEN):
        text = token.sub(rf"\1{HIDDEN}@", text)
    return _QUERY.sub(rf"\1{HIDDEN}", text)
