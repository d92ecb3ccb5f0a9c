"""Roles of an evaluation table's columns: which there are, and what they may not share."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..bands import UNKNOWN
from .card import Card
from .columns import Scalar, no_column
from .dialect import NAMELESS
from .errors import InputError
from .outcomes import Roles
from .spelling import word

if TYPE_CHECKING:
    from .evaluation import EvaluationSet

NO_SENSITIVE = "data.sensitive: name at least one sensitive feature, got none"
RESERVED = ("id", "y_true", "y_pred", "y_after", "score", "weight", "cluster", "count", "twin")
"""Columns of the predictions of every task; a task may have more."""


_MAY_SLICE = ("cluster", "query", "document", "prompt")
"""Roles of columns that may be sensitive features too: rows of a cluster may be a slice."""


def as_words(values: Scalar | Sequence[Scalar] | None) -> list[str]:
    """Return one value or several as the words they are in a table."""
    if values is None:
        return []
    if isinstance(values, str) or not isinstance(values, Sequence):
        return [word(values)]
    return [word(v) for v in values]


def merged_words(where: str, groups: Mapping[str, Sequence[Scalar]]) -> dict[str, list[str]]:
    """Return merged values as the words they are in a table; InputError for a value in two slices."""
    merged = {word(name): as_words(values) for name, values in groups.items()}
    twice = [v for v, n in Counter(v for values in merged.values() for v in set(values)).items() if n > 1]
    if twice:
        raise InputError(f"{where}: {twice[0]!r} is merged into more than one slice")
    moved = [name for name in merged if any(name in vs for other, vs in merged.items() if other != name)]
    if moved:
        raise InputError(f"{where}: {moved[0]!r} names a slice and is merged into another one")
    if UNKNOWN in merged:
        raise InputError(
            f"{where}: {UNKNOWN!r} is what a missing value is called; list values that are not known under "
            "data.missing, or give the slice another name"
        )
    return merged


def require(name: str | None, names: Sequence[str], where: str, key: str) -> None:
    """InputError where a column that has a role is not there."""
    if name is not None and name not in names:
        raise no_column(name, names, where, key)


def truth_roles(data: EvaluationSet) -> Roles:
    """Return the columns and values that say what the true outcome is, as words."""
    words = {
        key: tuple(as_words(getattr(data, key))) for key in ("positive", "negative", "classes", "favourable")
    }
    return Roles(
        data.label,
        tuple(data.labels),
        query=data.query,
        item=data.item,
        relevance=data.relevance,
        weight=data.weight,
        cluster=data.cluster,
        tags=data.tags,
        tokens=data.tokens,
        scheme=data.scheme,
        matching=data.matching,
        document=data.document,
        spans=data.spans,
        text=data.of_text,
        entity_attributes=tuple(data.entity_attributes),
        prompt=data.prompt,
        sample=data.sample,
        id=data.id,
        **words,
    )


def check_roles(data: EvaluationSet) -> None:
    """InputError for a column that is missing or has two roles."""
    if not data.sensitive:
        raise InputError(NO_SENSITIVE)
    roles = {
        "label": data.label, "id": data.id, "weight": data.weight, "cluster": data.cluster,
        "query": data.query, "item": data.item, "relevance": data.relevance,
        "tags": data.tags, "tokens": data.tokens, "spans": data.spans, "text": data.of_text,
        "prompt": data.prompt, "sample": data.sample,
    }  # fmt: skip
    if data.document:
        roles["document"] = roles.pop("cluster")
    for key, name in {**roles, "count": data.count, "split_column": data.split_column}.items():
        require(name, data.names, data.where, f"data.{key}")
    for name in data.labels:
        require(name, data.names, data.where, "data.labels")
    for name in data.categorical:
        require(name, data.names, data.where, "data.categorical")
    for name in data.sensitive:
        if name in data.entity_attributes:
            _check_attribute(name, data)
            continue
        require(name, data.names, data.where, "data.sensitive")
        taken = [key for key, other in roles.items() if other == name and key not in _MAY_SLICE]
        taken += ["labels"] if name in data.labels else []
        if taken:
            raise InputError(f"data.sensitive: column '{name}' is data.{taken[0]} already")
        if _is_reserved(name, data):
            raise InputError(f"data.sensitive: the name '{name}' is reserved; rename the column")
    if len(set(data.sensitive)) < len(data.sensitive):
        raise InputError(f"data.sensitive: a column is named twice in {', '.join(data.sensitive)}")
    _check_cuts(data)
    if data.count and (data.id or data.weight or data.cluster):
        raise InputError("data.count: aggregated counts have no id, weight or cluster")


def _check_attribute(name: str, data: EvaluationSet) -> None:
    """InputError for an attribute of entities whose column is not there, or whose name is taken."""
    key = f"data.entity_attributes.{name}"
    if _is_reserved(name, data):
        raise InputError(f"{key}: the name '{name}' is reserved; choose another one")
    if not data.cluster:
        raise InputError(f"{key}: entities of a row depend on each other; expected data.document, or data.id")
    if data.spans is None:
        require(data.entity_attributes[name], data.names, data.where, key)


def _is_reserved(name: str, data: EvaluationSet) -> bool:
    """Whether predictions have a column of this name, or one of each class or label that begins with it."""
    of_task = data.outcome.reserved if data.outcome else ()
    begins = name.startswith(tuple(f"{known}:" for known in ("y_true", *of_task))) if of_task else False
    return name in (*RESERVED, *of_task) or begins


def _check_cuts(data: EvaluationSet) -> None:
    for name, edges in data.bins.items():
        if name not in data.sensitive:
            raise InputError(f"data.bins.{name}: '{name}' is not a sensitive feature")
        if not edges or list(edges) != sorted(set(edges)):
            raise InputError(f"data.bins.{name}: expected ascending edges, got {list(edges)}")
    for name in data.merge:
        if name not in data.sensitive:
            raise InputError(f"data.merge.{name}: '{name}' is not a sensitive feature")
        if name in data.bins:
            raise InputError(f"data.merge.{name}: a number that data.bins cuts has no values to merge")


def features_of(data: EvaluationSet) -> list[str]:
    """Return the columns that a model may see: those named, else all without another role."""
    if data.features is not None:
        for name in data.features:
            require(name, data.names, data.where, "data.features")
        return list(data.features)
    roles = {data.id, data.weight, data.cluster, data.count, data.split_column, *data.truths}
    excluded = {*roles, "split", *data.sensitive}
    if data.card is not None:
        excluded |= {*data.card.exclude, data.card.label, data.card.id}
    # A column without a name is the row's number that pandas or R wrote.
    return [n for n in data.names if n not in excluded and not _is_index(n)]


def _is_index(name: str) -> bool:
    return bool(re.fullmatch(rf"{NAMELESS}\d+|__index_level_\d+__", name))


def of_card(found: Card, overrides: Mapping[str, Any]) -> dict[str, Any]:
    """Return the roles of a card's columns, with ``overrides`` in place of its own."""
    known = {
        "sensitive": found.sensitive,
        "label": found.label,
        "positive": found.positive,
        "negative": found.negative,
        "id": found.id,
        "weight": found.weight,
        "bins": found.bins,
        "merge": {},
    }
    roles = {**known, **overrides}
    if roles.get("labels") or roles.get("relevance"):
        roles["label"] = overrides.get("label")
    # Edges that the card suggests are for the features that are audited, and no others.
    roles["bins"] = {k: v for k, v in roles["bins"].items() if k in roles["sensitive"]}
    if roles.get("task", "binary") != "binary" or roles["label"] != found.label:
        # What a card says of its two classes holds for no other column, and for no other task.
        roles |= {key: overrides.get(key) for key in ("positive", "negative")}
    if "positive" in overrides and "negative" not in overrides:
        # What the card calls negative is so beside its own positive class.
        roles["negative"] = None
    if roles["label"] == found.label and as_words(roles["positive"]) == as_words(found.positive):
        roles.setdefault("positive_is", found.positive_is)
    return roles
