"""fairweigh: weigh a model for fairness before it is released, and again after it has lost weight.

>>> import fairweigh
>>> result = fairweigh.run("audit.yaml")  # doctest: +SKIP
>>> result.verdict  # doctest: +SKIP
'pass'
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._version import __version__
from .regimes import enter_all as _enter_regimes

if TYPE_CHECKING:
    from .api import compare, load_result, load_variant, run
    from .audit.result import AuditResult
    from .datasets.errors import InputError
    from .datasets.evaluation import EvaluationSet
    from .keywords import Audit
    from .planner import Planned, plan
    from .result import Result

__all__ = [
    "Audit",
    "AuditResult",
    "EvaluationSet",
    "InputError",
    "Planned",
    "Result",
    "__version__",
    "compare",
    "load_result",
    "load_variant",
    "plan",
    "run",
]

_PLACES = {
    "Audit": "keywords",
    "Result": "result",
    "run": "api",
    "compare": "api",
    "load_result": "api",
    "load_variant": "api",
    "plan": "planner",
    "Planned": "planner",
    "AuditResult": "audit.result",
    "EvaluationSet": "datasets.evaluation",
    "InputError": "datasets.errors",
}

# Whoever looks a regime up has imported this module; the regimes themselves are imported by that.
_enter_regimes()


def __getattr__(name: str) -> Any:
    # Names are imported when they are used: 'fairweigh --help' needs none of them.
    if name not in _PLACES:
        raise AttributeError(f"module 'fairweigh' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"fairweigh.{_PLACES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
