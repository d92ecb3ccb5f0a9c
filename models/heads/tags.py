"""Tags of tokens: what a model for token classification gives each sub-word."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ...datasets.columns import listed
from ...datasets.errors import InputError
from ...datasets.tags import Matching, Scheme, entities, faulty
from ...spans import Span
from ...told import tell
from ..base import Scored
from .base import Floats, Found, TaskHead, Wanted

UNTAUGHT = "a model that marks entities is not trained here"


@dataclass(frozen=True)
class TagsHead:
    """A tag for each token, and the entities that the tags of a sentence mark.

    Parameters
    ----------
    labels : tuple of str
        The tags, in the order of the outputs.
    matching : str
        What tags mean that follow each other otherwise than their scheme allows.
    types : mapping of str to str
        The data's type for the model's types; others are left out. Empty: they are the same.

    Raises
    ------
    InputError
        The classes are no tags.
    """

    labels: tuple[str, ...]
    matching: Matching = "strict"
    types: Mapping[str, str] = field(default_factory=dict)

    task: ClassVar[str] = "ner"
    numbers: ClassVar[bool] = False
    classes: ClassVar[tuple[str, ...]] = ()
    chosen: ClassVar[tuple[str, ...]] = ()
    probability: ClassVar[bool] = True

    def __post_init__(self) -> None:
        for name in self.labels:
            if (told := faulty(name, self.scheme)) is not None:
                raise InputError(f"model: its classes ({listed(list(self.labels))}) are no tags: {told}")

    @property
    def scheme(self) -> Scheme:
        """The scheme of the tags."""
        return "iob2" if any(name.startswith("B-") for name in self.labels) else "io"

    @property
    def width(self) -> int:
        """Outputs of each token."""
        return len(self.labels)

    @classmethod
    def of(cls, found: Found, wanted: Wanted) -> TagsHead:
        """Take the names of the outputs for tags; InputError where they are none."""
        return cls(found.names)

    @classmethod
    def one_hot(cls, wanted: Wanted) -> int:
        """None: no module gives tags as whole numbers."""
        return 0

    def cut_at(self, asked: float | None) -> float | None:
        """None: the likeliest tag decides."""
        if asked is not None:
            raise InputError("model.threshold: the likeliest tag of each token decides; leave threshold out")
        return None

    def marked(self, tags: Sequence[int]) -> list[Span]:
        """The entities of a sentence by the outputs chosen for its tokens; -1 is outside of any."""
        names = ["O" if tag < 0 else self.labels[tag] for tag in tags]
        return entities(names, self.scheme, self.matching)[0]

    def read(self, outputs: NDArray[Any], threshold: float | None) -> Scored:
        """Nothing: a row has tokens, whose outputs `TokenModel` puts together."""
        raise InputError("model: tags are of tokens, and no row has an output of its own")

    def scores(self, outputs: NDArray[Any]) -> Floats:
        """See `read`."""
        raise InputError("model: tags are of tokens, and no row has a score")

    def logits(self, outputs: Any) -> Any:
        """The outputs."""
        return outputs

    def targets(self, labels: NDArray[Any], names: Sequence[str], step: str) -> NDArray[Any]:
        """None: nothing is learned here."""
        raise InputError(f"{step}: {UNTAUGHT}")

    def losses(self, logits: Any, target: Any) -> Any:
        """None: nothing is learned here."""
        raise InputError(UNTAUGHT)

    def distance(self, logits: Any, wanted: Any, temperature: float) -> Any:
        """None: nothing is learned here."""
        raise InputError(UNTAUGHT)

    def moved(self, before: Scored, after: Scored) -> Floats:
        """Whether other entities are marked in each row."""
        return np.asarray(np.asarray(before.decision) != np.asarray(after.decision), np.float64)

    def moved_words(self, change: float, **parts: str) -> str:
        """In which slice entities change."""
        return tell("{layer} stays in float32: alone in int8 it brings the outputs to {db} dB.", **parts)

    def like(self, other: TaskHead) -> TaskHead:
        """The other's: its tags are in the same order."""
        return other

    def spec(self) -> dict[str, Any]:
        """What an artefact writes."""
        return {
            "task": self.task, "labels": list(self.labels), "matching": self.matching,
            "types": dict(self.types),
        }  # fmt: skip

    def told(self) -> dict[str, Any]:
        """The types, where they are not those of the data."""
        return {"types": dict(self.types)} if self.types else {}

    def rule(self, threshold: float | None) -> dict[str, Any]:
        """How outputs become entities."""
        return {"rule": tell("entities as the likeliest tag of each token marks them")}
