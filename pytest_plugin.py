"""The pytest plugin: the ``fairness`` fixture. It imports nothing of an audit until a test uses it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .testing import Fairness


def pytest_addoption(parser: pytest.Parser) -> None:
    """Register ``--fairness-out`` and the setting of the same name."""
    about = "copy the run folders of audits in tests to this folder"
    parser.getgroup("fairweigh", "fairness audits").addoption("--fairness-out", metavar="DIR", help=about)
    parser.addini("fairness_out", f"{about} (relative to the root folder)", default="")


@pytest.fixture(scope="session")
def fairness(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Fairness:
    """Audits that are run once in a session, ``fairness.audit``, and ``fairness.assert_gate``."""
    from .testing import Fairness

    own = tmp_path_factory.mktemp("fairness", numbered=False)
    # A worker of pytest-xdist has its own folder inside that of the session.
    shared = own if not hasattr(request.config, "workerinput") else own.parent.parent / "fairness"
    shared.mkdir(exist_ok=True)
    return Fairness(shared, own, _out(request.config))


def _out(config: pytest.Config) -> Path | None:
    option = config.getoption("fairness_out")
    if option:
        return config.invocation_params.dir / str(option)
    setting = config.getini("fairness_out")
    return config.rootpath / str(setting) if setting else None
