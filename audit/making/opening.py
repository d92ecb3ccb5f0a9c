"""The rows of a configuration, opened with the roles of their columns."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from ...datasets.card import card
from ...datasets.dialect import TextForm
from ...datasets.errors import InputError
from ...datasets.evaluation import EvaluationSet
from ...datasets.filled import filled, templates_of
from ...datasets.suite import located
from ...datasets.suites import SUITES, Suite
from ...told import tell
from ..config import Config, Data, Filled, Written


def evaluation_set(config: Config, table: pa.Table | None = None) -> EvaluationSet:
    """Open the data of a configuration, with the sensitive features that are to be sliced by."""
    data = config.data
    if config.suite is not None:
        if table is not None:
            raise InputError(f"suite: {config.suite} is read from its file (data.path); got rows from Python")
        return of_suite(config, SUITES[config.suite])
    return opened(data, config.slices.by, data.name, data.split, data.path, table, task=config.of_task.form)


def of_suite(config: Config, suite: Suite) -> EvaluationSet:
    """Open the items of a suite: their columns are known, and it says what is amiss in its data."""
    given = Path(str(config.data.path))
    path = located(given, suite.name)
    items = suite.read(path)
    table = items.table if config.data.items is None else spread(items.table, suite, config.data.items)
    sliced = config.slices.by or config.data.sensitive or list(items.slices)
    for name in sliced:
        if name not in suite.columns:
            known = ", ".join(suite.columns)
            raise InputError(
                f"data.sensitive: {name!r} is no column to slice {suite.name} by; there are {known}"
            )
    roles: dict[str, Any] = dict(suite.roles)
    found = EvaluationSet(
        table, sliced, **roles, task=suite.task, name=given.name,
        file=path if path.is_file() else None,
        # What a suite's answers are called is no word for a value that is not known: "Unknown" is one.
        missing={"only": []},
    )  # fmt: skip
    # It is told as it is given: a run is read again without the data.
    found.where = str(given)
    found.notes += items.notes
    if table.num_rows < items.table.num_rows:
        found.notes.append(
            tell(
                "{n} of {of} items are asked (data.items), spread over what varies as one.",
                n=f"{table.num_rows:,}", of=f"{items.table.num_rows:,}",
            )
        )  # fmt: skip
    return found


def spread(table: pa.Table, suite: Suite, most: int) -> pa.Table:
    """At most so many items: one of each cluster, then another one; which ones a hash of their ids says."""
    ids = [str(name) for name in table.column(suite.roles["id"]).to_pylist()]
    clusters = table.column(suite.roles["cluster"]).to_pylist() if "cluster" in suite.roles else ids
    order = sorted(range(len(ids)), key=lambda place: hashlib.sha256(ids[place].encode()).digest())
    turn: Counter[str] = Counter()
    ranked = []
    for place in order:
        ranked.append((turn[clusters[place]], place))
        turn[clusters[place]] += 1
    # Within a turn the hash's order stands.
    chosen = sorted(place for _, place in sorted(ranked, key=lambda one: one[0])[:most])
    return table.take(pa.array(chosen, pa.int64()))


def opened(
    data: Data,
    by: list[str] | None,
    name: str | None,
    split: str | None,
    path: str | None,
    table: pa.Table | None = None,
    text: TextForm | None = None,
    *,
    task: str = "binary",
) -> EvaluationSet:
    """Open rows of a card or a file, with the roles and sensitive features of the evaluation data.

    ``text`` says how the file is written where that is not the file of the evaluation data.
    """
    roles_apart = {
        "last_rank",
        "name",
        "split",
        "path",
        "sensitive",
        "counterfactual",
        "selection",
        "validation",
        "filled",
    }
    given = data.model_dump(exclude_none=True, exclude=roles_apart | set(Written.model_fields))
    given["text"] = data.form("data") if text is None else text
    given["task"], given["of_text"] = task, data.text
    known = data.sensitive
    if by and known is not None:
        for feature in by:
            if feature not in known:
                raise InputError(f"slices.by: {feature!r} is not one of data.sensitive")
    sensitive = by or data.sensitive
    attributes = data.entity_attributes or {}
    given["entity_attributes"] = {f: column for f, column in attributes.items() if f in (sensitive or ())}
    given["bins"] = _bins(data, sensitive, name)
    if by and data.merge:
        # What is said of a feature that is not sliced by now is no fault.
        apart = set(data.sensitive or ()) - set(by)
        given["merge"] = {feature: groups for feature, groups in data.merge.items() if feature not in apart}
    if name is not None:
        if table is not None:
            raise InputError(
                "data.name: rows given from Python take the place of data.path, "
                f"got the dataset card {name!r}"
            )
        if sensitive is not None:
            given["sensitive"] = sensitive
        del given["text"]
        return EvaluationSet.from_card(name, split, **given)
    if data.filled is not None and table is None:
        table = _of_names(data.filled, data)
    source = table if table is not None else Path(str(path))
    if split is None:
        given.pop("split_column", None)
    name = Path(str(path)).name
    return EvaluationSet(source, sensitive=sensitive or [], name=name, split=split, **given)


def _of_names(wanted: Filled, data: Data) -> pa.Table:
    """The sentences of names in templates."""
    templates = wanted.templates
    lines = templates_of(Path(templates)) if isinstance(templates, str) else templates
    return filled(
        Path(wanted.names), wanted.name, wanted.by, lines, wanted.type, data.scheme or "iob2", wanted.where
    )


def _bins(data: Data, audited: Sequence[str] | None, name: str | None) -> dict[str, list[float]]:
    """Edges of the audited features; those of sensitive features that slices.by leaves out are not needed."""
    bins = data.bins or {}
    of_card = card(name) if name is not None else None
    features = audited if audited is not None else of_card.sensitive if of_card else ()
    for feature in bins:
        if feature not in {*features, *(data.sensitive or ()), *(of_card.sensitive if of_card else ())}:
            raise InputError(f"data.bins.{feature}: '{feature}' is not a sensitive feature")
    if data.bins is None and of_card is not None:
        bins = of_card.bins
    return {feature: list(edges) for feature, edges in bins.items() if feature in features}


def other_splits(config: Config) -> list[EvaluationSet]:
    """The other splits of a card that the audit reads; those of a file stand in the file itself."""
    data = config.data
    splits = [part.split for part in (data.selection, data.validation) if part and part.split]
    return [
        opened(data, config.slices.by, data.name, split, None, task=config.of_task.form)
        for split in splits
        if data.name
    ]
