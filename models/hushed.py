"""Boosting libraries that print their training log to standard output, told not to."""

from __future__ import annotations

from typing import Any

_HUSHED: dict[str, list[tuple[str, Any, tuple[str, ...]]]] = {
    "lightgbm": [("verbose", -1, ("verbose", "verbosity"))],
    "catboost": [
        ("verbose", False, ("verbose", "verbose_eval", "silent", "logging_level")),
        # Else it writes a folder catboost_info where the audit was started.
        (
            "allow_writing_files",
            False,
            ("allow_writing_files", "train_dir", "save_snapshot", "snapshot_file"),
        ),
    ],
}
"""By library: a parameter, its value, and the parameters with which somebody has said otherwise."""


def hushed(estimator: Any) -> Any:
    """Return an unfitted estimator that prints no log, nor do those inside it, unless somebody told it to.

    XGBoost is not among them: by default it tells warnings alone, through Python's own.
    """
    for part in (estimator, *estimator.get_params(deep=True).values()):
        if isinstance(part, type) or not hasattr(part, "set_params"):
            continue
        given = {name for name, value in part.get_params(deep=False).items() if value is not None}
        for name, value, said in _wishes(part):
            if given.isdisjoint(said):
                part.set_params(**{name: value})
    return estimator


def _wishes(estimator: Any) -> list[tuple[str, Any, tuple[str, ...]]]:
    """What to tell an estimator of one of the libraries, or of a class derived from one."""
    families = {kind.__module__.partition(".")[0] for kind in type(estimator).__mro__}
    return [wish for family in families & set(_HUSHED) for wish in _HUSHED[family]]
