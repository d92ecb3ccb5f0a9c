"""What a configuration names that may be a guest's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...guests import Guest, Kind, used
from ..regimes.base import named

if TYPE_CHECKING:
    from .whole import Config


def figures(config: Config) -> set[str]:
    """Metrics and named disparities that are asked for by name."""
    objective = config.objective
    return {
        *(config.metrics or ()),
        *(gate.metric for gate in config.gates if gate.cost is None),
        *filter(None, [objective.performance]),
        *(objective.gaps or ()),
        *objective.targets,
        *config.report.reasons,
    }


def guests_of(config: Config) -> dict[Guest, list[str]]:
    """The guests without which the configuration means nothing, with what of each it names."""
    parts: list[tuple[Kind, str]] = [] if config.task is None else [("task", config.task)]
    parts += [("metric", name) for name in sorted(figures(config))]
    parts += [("recipe", name) for planned in config.planned for name, _ in planned.named]
    parts += [("section", name) for name in config.report.sections]
    parts += [("regime", name) for name in named(config.report.regimes)]
    return used(parts)
