"""What of an address is shown and kept: whatever may be a key is not."""

from __future__ import annotations

import pytest
from fairweigh.audit.masked import masked


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("postgresql://u:p@h/d", "postgresql://u:***@h/d"),
        (
            "postgresql+psycopg://u:p%40:/x@h:5432/d?sslmode=require",
            "postgresql+psycopg://u:***@h:5432/d?sslmode=require",
        ),
        ("postgresql://u:p@ss@h/d", "postgresql://u:***@h/d"),
        ("postgresql://:p@h/d", "postgresql://:***@h/d"),
        ("postgresql://a user:p w@h/d", "postgresql://a user:***@h/d"),
        ("postgresql://h/d?user=u&password=p&x=1", "postgresql://h/d?user=u&password=***&x=1"),
        ("mssql:///?odbc_connect=DRIVER%3Dx%3BPWD%3Dp", "mssql:///?odbc_connect=***"),
        ("postgresql://u@h:5432/d", "postgresql://u@h:5432/d"),
        ("postgresql://maintainers_of_audits@h/d", "postgresql://maintainers_of_audits@h/d"),
        ("postgresql://npg_8xKq2LmZ7vTd1RwY@h:5432/d", "postgresql://***@h:5432/d"),
        ("mysql+pymysql://0123456789abcdef@h/d", "mysql+pymysql://***@h/d"),
        ("postgresql://h0123456789.eu-west-1.example/d@e", "postgresql://h0123456789.eu-west-1.example/d@e"),
        ("sqlite:///fairness.db", "sqlite:///fairness.db"),
        ("https://token@host/db", "https://***@host/db"),
        ("https://user:p@ss@host/", "https://***@host/"),
        ("https://host/p?api_key=a&page=1", "https://host/p?api_key=***&page=1"),
        ("https://host/p?X-Amz-Signature=a&sig=b", "https://host/p?X-Amz-Signature=***&sig=***"),
        ("https://host/p?monkey=1", "https://host/p?monkey=1"),
    ],
)
def test_what_may_be_a_key_is_hidden(address: str, shown: str) -> None:
    assert masked(address) == masked(shown) == shown
    assert masked(f"--set history.url={address}") == f"--set history.url={shown}"
