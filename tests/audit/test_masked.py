"""What of an address is shown and kept: whatever may be a key is not."""

from __future__ import annotations

import pytest
from fairweigh.audit.masked import masked


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("postgresql://user@host/db", "postgresql://user@host/db"),
        (
            "postgresql://user:pass@host/db?sslpassword=x&a=1",
            "postgresql://user:***@host/db?sslpassword=***&a=1",
        ),
        ("https://token@host/db", "https://***@host/db"),
        ("https://user:p@ss@host/", "https://***@host/"),
        ("https://host/p?api_key=a&page=1", "https://host/p?api_key=***&page=1"),
        ("https://host/p?X-Amz-Signature=a&sig=b", "https://host/p?X-Amz-Signature=***&sig=***"),
        ("sqlite:///runs/history.db", "sqlite:///runs/history.db"),
        ("https://host/p?monkey=1", "https://host/p?monkey=1"),
    ],
)
def test_what_may_be_a_key_is_hidden(address, shown):
    assert masked(address) == shown
    assert masked(f"--set history.url={address}") == f"--set history.url={shown}"
