"""What the report says of each task: one entry per task, chosen by its name."""

from __future__ import annotations

from ...audit.result import AuditResult
from .base import Part, Telling
from .binary import BINARY
from .choice import CHOICE
from .generation import GENERATION
from .multiclass import MULTICLASS
from .multilabel import MULTILABEL
from .ner import NER
from .pairs import PAIRS
from .ranking import RANKING
from .regression import REGRESSION

TELLINGS: dict[str, Telling] = {
    "binary": BINARY,
    "choice": CHOICE,
    "generation": GENERATION,
    "multiclass": MULTICLASS,
    "multilabel": MULTILABEL,
    "pairs": PAIRS,
    "ner": NER,
    "ranking": RANKING,
    "regression": REGRESSION,
}


def telling(result: AuditResult) -> Telling:
    """Choose the words and sections of a result's task; one without any has those that need none."""
    return TELLINGS.get(result.task, Telling())


__all__ = ["TELLINGS", "Part", "Telling", "telling"]
