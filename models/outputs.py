"""What a model's outputs are: logits, probabilities, margins or labels, and which of them are read.

An output is told by what makes it, by its name and type, and by its values on rows that are audited; where
that leaves two ways to read it, the configuration is asked.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ..datasets.columns import listed, word
from ..datasets.errors import InputError
from .graphs import Ending
from .heads.base import MULTIPLE, SINGLE

Means = Literal["logits", "probabilities", "margins", "label", "numbers"]
"""Margins are scores of whatever scale beside which the model says its label; numbers stand as they are."""

KEYS = "model.output: logits | probabilities | label"
SUM = 1e-3
"""Probabilities of a row may miss one by so much: half precision keeps three digits."""
PROBABLY = re.compile(r"prob|softmax|sigmoid", re.I)
LOGIT = re.compile(r"logit", re.I)
FIGURE = re.compile(r"-?\d*\.\d+(e[+-]?\d+)?%?", re.I)
"""A score that is written as a word; no class is called so."""
TO_ONE = ("softmax", "_softmax", "sigmoid", "hardsigmoid")
LINEAR = ("gemm", "matmul", "addmm", "linear", "mm", "conv")
LOGS = ("log", "logsoftmax", "_log_softmax", "logsigmoid", "log_sigmoid_forward", "log_sigmoid", "neg")
"""Operators that make logarithms of probabilities; some graphs write a sigmoid's as -softplus."""
ONE_SIDED = (*LOGS, "", "mul", "div", "relu", "softplus", "exp", "abs", "pow", "clip", "clamp")
"""Operators behind which scores may all lie on one side of 0 whatever the row: percentages, say. Of what a
server answers the operator is not known."""
REGRESSORS = ("linearregressor", "treeensembleregressor", "treeensemble", "svmregressor")
"""Operators of ai.onnx.ml that estimate a number: of a label of 0 and 1 it is no logit."""


@dataclass(frozen=True)
class Reading:
    """How the outputs of an ONNX graph are read.

    Attributes
    ----------
    means : Means
        What the scores are; ``label`` where there are none.
    scores, label : str, optional
        Names of the outputs with scores, and with the model's own label.
    classes : tuple of str
        The labels, where one is read, in the order of the scores' columns.
    of_label : bool
        The score is the probability of the row's own label, as pipelines of texts give it.
    """

    means: Means
    scores: str | None
    label: str | None = None
    classes: tuple[str, ...] = ()
    of_label: bool = False


@dataclass(frozen=True)
class Output:
    """An output of a graph: its name, and onnxruntime's words for its type."""

    name: str
    type: str

    @property
    def is_label(self) -> bool:
        """Whether it holds whole numbers, words or flags."""
        return bool(re.fullmatch(r"tensor\((u?int\d+|string|bool)\)", self.type))

    @property
    def is_scores(self) -> bool:
        """Whether it holds numbers, or a number for each class by its name."""
        return bool(
            re.fullmatch(r"tensor\((float|float16|double|bfloat16)\)", self.type)
            or re.fullmatch(r"seq\(map\((int64|string),tensor\(float\)\)\)", self.type)
        )


def pick(
    outputs: Sequence[Output], named: str | None, means: str | None, where: str
) -> tuple[str | None, str | None]:
    """Choose the outputs with scores and with the label, either of which may be None.

    Parameters
    ----------
    named, means : str, optional
        ``model.output_name`` and ``model.output``.

    Raises
    ------
    InputError
        There is no output that can be read, or several, and nothing says which.
    """
    told = ", ".join(f"{o.name} ({o.type})" for o in outputs) or "none"
    if not any(o.is_label or o.is_scores for o in outputs):
        raise InputError(f"{where}: expected an output of scores or labels, it has {told}")
    labels = [o for o in outputs if o.is_label]
    scores = [o for o in outputs if o.is_scores]
    if named is not None:
        found = [o for o in outputs if o.name == named]
        if not found:
            raise InputError(f"model.output_name: {where} has no output {named!r}; it has {told}")
        if not (found[0].is_label or found[0].is_scores):
            raise InputError(f"model.output_name: {named!r} is a {found[0].type}, expected scores or labels")
        if found[0].is_label:
            return (None, named) if means in (None, "label") else _no_scores(named, means)
        return named, labels[0].name if len(labels) == 1 and len(scores) == 1 and means is None else None
    if means == "label":
        if len(labels) == 1:
            return None, labels[0].name
        if not labels and len(scores) == 1:
            return scores[0].name, None
        raise InputError(f"model.output_name: which output of {where} holds labels? It has {told}")
    if not scores:
        if means is not None:
            _no_scores(labels[0].name, means)
        if len(labels) > 1:
            raise InputError(f"model.output_name: which output of {where} holds labels? It has {told}")
        return None, labels[0].name
    chosen = _most_likely(scores, means)
    if chosen is None:
        raise InputError(
            f"model.output_name: {where} has several outputs, whose names do not say which are scores; "
            f"expected one of {told}"
        )
    beside = labels[0].name if len(labels) == 1 and means is None else None
    return chosen.name, beside


def _no_scores(name: str, means: str) -> Any:
    raise InputError(f"model.output: {name!r} holds labels, expected {means}; set model.output: label")


def _most_likely(scores: Sequence[Output], means: str | None) -> Output | None:
    """The one output of scores, or the one that is called so; of logits and probabilities the logits."""
    if len(scores) == 1:
        return scores[0]
    order = [PROBABLY, LOGIT] if means == "probabilities" else [LOGIT, PROBABLY]
    for name in order:
        found = [o for o in scores if name.search(o.name)]
        if len(found) == 1:
            return found[0]
        if found:
            return None
    return None


def meaning(
    values: NDArray[np.float32],
    ending: Ending,
    name: str,
    *,
    beside_label: bool,
    given: str | None,
    where: str,
) -> tuple[Means, str | None]:
    """Say what scores are, and whether they show that the columns of a row exclude each other.

    Parameters
    ----------
    values : float array of shape (rows, outputs)
        Of rows that are audited.
    ending : Ending
        What makes them.
    name : str
        What the output is called; may be empty.
    beside_label : bool
        The model gives its label too.
    given : str, optional
        ``model.output``.

    Returns
    -------
    means, problem
        As `Found` has them.

    Raises
    ------
    InputError
        Two ways to read them are left, or they cannot be what the configuration says.
    """
    values = values[np.isfinite(values).all(axis=1)]
    low, high = float(values.min(initial=np.inf)), float(values.max(initial=-np.inf))
    inside = low >= 0 and high <= 1 + SUM
    sums = np.abs(values.sum(axis=1) - 1)
    to_one = values.shape[1] > 1 and bool(inside) and bool((sums <= SUM).all())
    told = f"{where}: its output{f' {name!r}' if name else ''}"
    if given == "probabilities" and not inside:
        raise InputError(
            f"model.output: probabilities, but {told.removeprefix('model.path: ')} goes from {low:.4g} to "
            f"{high:.4g}"
        )
    if given == "logits":
        return "logits", None
    if given == "probabilities":
        return "probabilities", SINGLE if to_one else MULTIPLE
    operator = ending.operator.lower()
    made = operator in TO_ONE or ending.transform in ("LOGISTIC", "SOFTMAX")
    if inside and (made or to_one):
        return "probabilities", SINGLE if to_one else MULTIPLE
    if beside_label and not inside:
        return "margins", None
    if inside and PROBABLY.search(name) and operator not in LINEAR:
        return "probabilities", MULTIPLE
    if inside:
        raise InputError(
            f"{told} lies between {low:.3g} and {high:.3g} on {len(values):,} rows: probabilities or logits? "
            f"Set {KEYS}"
        )
    if operator in REGRESSORS or (operator in ONE_SIDED and _one_sided(values, operator)):
        made_by = f", made by {operator}" if operator else ""
        raise InputError(
            f"{told} lies between {low:.3g} and {high:.3g} on {len(values):,} rows{made_by}: "
            "neither probabilities nor logits; let the model end in one of them (or, where these are logits, "
            "set model.output: logits)"
        )
    return "logits", None


def _one_sided(values: NDArray[np.float32], operator: str) -> bool:
    """Whether scores lie on one side of 0 for what makes them: logarithms below, percentages above.

    Logarithms of all classes' probabilities, which add up to one, are logits as good as any.
    """
    if not len(values):
        return False
    if operator in LOGS and values.max() <= 0:
        every = values.shape[1] > 1 and np.abs(np.exp(values).sum(axis=1) - 1).max() <= SUM
        return not every
    return values.shape[1] == 1 and bool(values.min() >= 0)


def class_names(
    ending: Ending,
    labels: Sequence[str],
    scores: NDArray[np.float32] | None,
    wanted: Sequence[str],
    where: str,
) -> tuple[str, ...]:
    """Names of the classes of a model that says labels, in the order of its scores' columns.

    Parameters
    ----------
    ending : Ending
        What makes the labels: a graph often names its classes.
    labels : sequence of str
        What it says of some rows.
    scores : float array of shape (rows, classes), optional
        What it says beside them.
    wanted : sequence of str
        Words of the positive label.

    Raises
    ------
    InputError
        The classes are not named, and the rows do not show them.
    """
    if ending.classes:
        return ending.classes
    seen = sorted(set(labels))
    count = None if scores is None else max(2, scores.shape[1])
    plain = tuple(str(i) for i in range(count or 2))
    if set(seen) <= set(plain):
        return plain
    if count is None:
        figures = [name for name in seen if FIGURE.fullmatch(name) and name not in wanted]
        if len(figures) > 1:
            raise InputError(
                f"{where}: expected labels or numbers, got numbers written as words, such as {figures[0]!r}"
            )
        return tuple(dict.fromkeys([*seen, *wanted]))
    assert scores is not None
    likeliest = scores.argmax(axis=1) if scores.shape[1] > 1 else None
    names = (
        None
        if likeliest is None
        else [{labels[int(r)] for r in np.flatnonzero(likeliest == c)} for c in range(count)]
    )
    if names is None or any(len(found) != 1 for found in names) or len(set.union(*names)) != count:
        raise InputError(
            f"{where}: it says the labels {listed(seen)} and names no classes, so that its scores cannot be "
            "told apart; set model.output: label"
        )
    return tuple(found.pop() for found in names)


def label_words(values: Any) -> list[str]:
    """Labels of rows as words, whatever the graph's type and shape."""
    flat = np.asarray(values).reshape(-1).tolist()
    return [word(int(v) if isinstance(v, bool) else v) for v in flat]


def assembled(
    reading: Reading, scores: Any, label: Any, rows: int, where: str, dtype: Any = np.float32
) -> NDArray[Any]:
    """Outputs as a head reads them: scores, then a column for each label that says whether it is the row's.

    Parameters
    ----------
    scores, label
        The outputs of that name, None where it is not read.
    """
    parts = []
    if scores is not None and reading.means == "label":
        label = scores
    elif scores is not None:
        parts.append(columns(scores, reading.classes, rows, where, dtype))
    if label is not None:
        words = np.asarray(label_words(label))
        if parts and reading.of_label:
            parts[0] = np.where((words == reading.classes[1])[:, None], parts[0], 1 - parts[0])
        if parts and parts[0].shape[1] == 1:
            parts[0] = of_two(parts[0], reading.means)
        parts.append(np.stack([words == name for name in reading.classes], axis=1).astype(dtype))
    return np.concatenate(parts, axis=1)


def of_own_label(scores: NDArray[Any], labels: Sequence[str]) -> bool:
    """Whether one score beside two labels is the probability of the label that the row has.

    One of the positive label would lie below a half where the other label is given.
    """
    sure = scores.shape[1] == 1 and len(set(labels)) == 2
    return sure and bool((scores >= 0.5).all() and (scores <= 1).all())


def columns(
    found: Any, classes: Sequence[str], rows: int, where: str, dtype: Any = np.float32
) -> NDArray[Any]:
    """An output of scores as a float array of shape (rows, outputs)."""
    if isinstance(found, list):
        names = list(classes) or [word(key) for key in (found[0] if found else {})]
        by_name: list[Mapping[str, float]] = [{word(k): v for k, v in row.items()} for row in found]
        if any(set(row) != set(names) for row in by_name):
            raise InputError(f"{where}: expected a score for each of {listed(names)} in every row")
        return np.asarray([[row[name] for name in names] for row in by_name], dtype).reshape(rows, -1)
    values = np.asarray(found, dtype)
    # A graph that squeezes its outputs leaves no axis to a row that comes alone.
    return squeezed(values.reshape(1) if rows == 1 and not values.ndim else values, where)


def squeezed(values: NDArray[Any], where: str) -> NDArray[Any]:
    """Values in rows and columns: further axes of length one are left out."""
    shape = values.shape
    kept = [axis for axis in range(1, values.ndim) if shape[axis] != 1]
    if values.ndim == 0 or len(kept) > 1:
        raise InputError(f"{where}: expected outputs of shape (rows, outputs), got {shape}")
    return values.reshape(shape[0], -1)


def of_two(values: NDArray[Any], means: Means) -> NDArray[Any]:
    """The one score of a model of two classes as a score of each."""
    first = (
        1 - values if means == "probabilities" else np.zeros_like(values) if means == "logits" else -values
    )
    return np.concatenate([first, values], axis=1)
