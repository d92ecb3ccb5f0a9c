"""A configuration or a policy, told apart and validated."""

from __future__ import annotations

from pathlib import Path

from ..datasets.errors import InputError
from ..datasets.roles import NO_SENSITIVE
from .config import load_yaml, read
from .figures.crossings import check_crossings
from .verdict.policy import read_policy


def check_file(path: Path) -> str:
    """Validate ``audit.yaml``, known by the key audit, data or model, or a policy; say which it is.

    Raises
    ------
    InputError
        One line with the file, the key's path, what was expected and what came.
    """
    content = load_yaml(path, "audit, data, model, gates, or policy, gates")
    if {"audit", "data", "model"} & set(content):
        config = read(path)
        if config.suite is None and config.data.path is not None and not config.data.sensitive:
            raise InputError(f"{path}: {NO_SENSITIVE}")
        named = config.slices.by or config.data.sensitive
        if named:
            check_crossings(len(named), config.slices)
        # What values the data have, and so whether a name is another slice's, only an audit knows.
        unread = (
            "; whether report.labels fit the values of the data, audit says" if config.report.labels else ""
        )
        return f"a valid configuration with {_count(len(config.gates))}{unread}"
    return f"a valid policy with {_count(len(read_policy(path).policy.gates))}"


def _count(gates: int) -> str:
    return f"{gates} gate{'' if gates == 1 else 's'}"
