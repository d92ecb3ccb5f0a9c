"""What every task asks of a model's outputs: which class each is, what they say of a row, what it learns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from ...datasets.columns import listed
from ...datasets.errors import InputError
from ..base import Scored

NOTHING = "model: it gives labels and no probabilities, so that nothing can learn from it"
Floats = NDArray[np.float64]
SINGLE, MULTIPLE = "single_label_classification", "multi_label_classification"
"""What transformers calls classes that exclude each other, and labels each by itself."""


@dataclass(frozen=True)
class Found:
    """What the outputs of a model have been found to be.

    Attributes
    ----------
    names : tuple of str
        Names of the outputs as the model has them; may be empty.
    outputs : int
        How many there are.
    means : str
        ``logits``, ``probabilities``, ``margins``, ``label`` (one column for each, which says whether it is
        the row's) or ``numbers``, as they stand.
    problem : str, optional
        ``regression``, `SINGLE` or `MULTIPLE`, as the model says of itself or its probabilities show.
    own : bool
        As many columns more say which label the model gives a row.
    """

    names: tuple[str, ...]
    outputs: int
    means: str = "logits"
    problem: str | None = None
    own: bool = False


@dataclass(frozen=True)
class Wanted:
    """What the configuration and the data say of the outputs.

    Attributes
    ----------
    task : str
    classes : tuple of str
        Classes or labels of the data, in their order; empty where the data do not say.
    complete : bool
        Whether the configuration names them: all, in the order of outputs that have no names. Those that
        occur may lack some.
    positive : tuple of str
        ``model.positive``: names, or positions, of the outputs that mean a yes.
    of_data : tuple of str
        Words of the data's positive label.
    """

    task: str = "binary"
    classes: tuple[str, ...] = ()
    complete: bool = False
    positive: tuple[str, ...] = ()
    of_data: tuple[str, ...] = ()


class TaskHead(Protocol):
    """How outputs become what a model says of a row, and what training compares; each task has its own.

    Attributes
    ----------
    task : str
    numbers : bool
        Whether outputs are read as they stand, so that nobody asks whether they are logits.
    """

    task: ClassVar[str]
    numbers: ClassVar[bool]

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of the outputs; empty where these are no labels."""
        ...

    @property
    def classes(self) -> tuple[str, ...]:
        """`Model.classes`: what the columns of scores and decisions are; empty where there is one."""
        ...

    @property
    def chosen(self) -> tuple[str, ...]:
        """Names of the outputs that mean a yes; empty where none does."""
        ...

    @property
    def width(self) -> int:
        """Columns of the outputs."""
        ...

    @property
    def probability(self) -> bool:
        """Whether scores are probabilities."""
        ...

    @classmethod
    def of(cls, found: Found, wanted: Wanted) -> TaskHead:
        """Read outputs for what is wanted; InputError where they are of another task, or of other classes."""
        ...

    @classmethod
    def one_hot(cls, wanted: Wanted) -> int:
        """How many labels whole numbers are told apart as; 0 where they are read as they stand."""
        ...

    def cut_at(self, asked: float | None) -> float | None:
        """The threshold on scores: the one asked for, else the model's own; None where it decides otherwise.

        InputError where one is asked for that nothing would be held against.
        """
        ...

    def read(self, outputs: NDArray[Any], threshold: float | None) -> Scored:
        """What is said of some rows, by outputs of shape (rows, width)."""
        ...

    def scores(self, outputs: NDArray[Any]) -> Floats:
        """Scores of some rows, float array of shape (rows,) or (rows, labels)."""
        ...

    def logits(self, outputs: Any) -> Any:
        """Outputs, a tensor, as what training and distillation work on."""
        ...

    def targets(self, labels: NDArray[Any], names: Sequence[str], step: str) -> NDArray[Any]:
        """Labels of training rows, whose columns are called so, as `losses` takes them.

        InputError where ``step`` cannot learn them.
        """
        ...

    def losses(self, logits: Any, target: Any) -> Any:
        """Loss of each row, tensor of shape (rows,), against a tensor of `targets`."""
        ...

    def distance(self, logits: Any, wanted: Any, temperature: float) -> Any:
        """Mean distance of a student's logits from its teacher's, which distillation makes small."""
        ...

    def moved(self, before: Scored, after: Scored) -> Floats:
        """How far what is said of each row has moved, float array of shape (rows,)."""
        ...

    def moved_words(self, change: float, **parts: str) -> str:
        """What ``layer`` alone in int8 does: to ``db`` decibels, and by ``change`` in ``slice``."""
        ...

    def like(self, other: TaskHead) -> TaskHead:
        """The same with the names of another head's outputs, in whose order its own are."""
        ...

    def spec(self) -> dict[str, Any]:
        """What an artefact writes; JSON values only."""
        ...

    def told(self) -> dict[str, Any]:
        """What the report says of the outputs."""
        ...

    def rule(self, threshold: float | None) -> dict[str, Any]:
        """What the report says of how outputs become decisions."""
        ...


def numbers_of(names: Sequence[str]) -> list[int]:
    """Numbers of classes that have no names but these, in whatever order; empty where one has another."""
    known = {name: i for i in range(len(names)) for name in (str(i), f"label_{i}")}
    if len(names) == 2:
        known |= {"false": 0, "true": 1}
    found = [known.get(name.casefold(), -1) for name in names]
    return found if sorted(found) == list(range(len(names))) else []


def named(found: Found, wanted: Wanted) -> tuple[str, ...]:
    """Names of a model's outputs, spelled as in the data; outputs without names have those of the data.

    Raises
    ------
    InputError
        The data have classes of which none of the outputs is, the outputs are more or fewer than all classes,
        or nothing says which output is which class.
    """
    names, classes = found.names, wanted.classes
    if wanted.positive:
        raise InputError(
            f"model.positive: in the task {wanted.task} no output is the positive one; leave positive out"
        )
    plain = names or tuple(str(i) for i in range(found.outputs))
    if len(set(plain)) < len(plain):
        raise InputError(f"model: two of its outputs have one name: {listed(plain)}")
    if wanted.complete and found.outputs != len(classes):
        mine = f" ({listed(names)})" if names else ""
        raise InputError(
            f"model: expected an output for each of the {len(classes)} classes of the data "
            f"({listed(classes)}), it has {found.outputs}{mine}"
        )
    respelled = _respelled(plain, classes)
    if set(classes) <= set(respelled):
        return respelled
    numbers = numbers_of(plain)
    if numbers and wanted.complete:
        return tuple(classes[number] for number in numbers)
    if numbers and set(classes) <= {str(number) for number in numbers}:
        return tuple(str(number) for number in numbers)
    if numbers:
        raise InputError(
            f"model: its {len(plain)} outputs have no names, and the classes of the data are "
            f"{listed(classes)}; name all classes in the order of the outputs (data.classes)"
        )
    raise InputError(
        f"model: its outputs are called {listed(names)}, the classes of the data {listed(classes)}; expected "
        "an output of that name for each class"
    )


def _respelled(names: tuple[str, ...], classes: Sequence[str]) -> tuple[str, ...]:
    """Names in the spelling of the classes, where case alone tells them apart."""
    folded = {name.casefold(): name for name in classes if name not in names}
    made = tuple(name if name in classes else folded.get(name.casefold(), name) for name in names)
    return made if len(set(made)) == len(names) else names


def renamed(mine: Sequence[str], theirs: Sequence[str]) -> tuple[str, ...]:
    """The names of another model's outputs, in whose order one's own are, in the order of one's own."""
    return tuple(theirs[number] for number in numbers_of(mine) or range(len(mine)))


def of_another(has: str, expected: str, task: str) -> InputError:
    """What is told of outputs that are those of another task."""
    return InputError(f"model: {has}; expected {expected} (task: {task})")


def softmax(logits: Floats) -> Floats:
    """Probabilities of exclusive classes, float array of the same shape (rows, classes)."""
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def sigmoid(logits: Floats) -> Floats:
    """Probabilities by their log-odds, float array of the same shape."""
    return np.asarray(1 / (1 + np.exp(-np.clip(logits, -700, 700))))


def distance_of_classes(logits: Any, wanted: Any, temperature: float) -> Any:
    """Divergence of the probabilities of exclusive classes (G. Hinton et al. 2015, arXiv:1503.02531)."""
    import torch.nn.functional as f

    soft = f.log_softmax(logits / temperature, dim=1)
    told = f.log_softmax(wanted / temperature, dim=1)
    return f.kl_div(soft, told, reduction="batchmean", log_target=True) * temperature**2


def distance_of_labels(logits: Any, wanted: Any, temperature: float) -> Any:
    """Cross entropy of the probabilities of labels that are each by themselves."""
    import torch.nn.functional as f

    return f.binary_cross_entropy_with_logits(logits / temperature, (wanted / temperature).sigmoid())
