"""The rows of a configuration, opened with the roles of their columns."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from ...datasets.card import card
from ...datasets.dialect import TextForm
from ...datasets.errors import InputError
from ...datasets.evaluation import EvaluationSet
from ...datasets.filled import filled, templates_of
from ...datasets.generation import SAMPLE, SAMPLE_MARK, sampled
from ...datasets.read import iter_batches
from ...datasets.suite import located, taken
from ...datasets.suites import SUITES, Suite
from ..config import Config, Data, Filled, Written


def evaluation_set(config: Config, table: pa.Table | None = None) -> EvaluationSet:
    """Open the data of a configuration, with the sensitive features that are to be sliced by."""
    data = config.data
    if config.suite is not None:
        if table is not None:
            raise InputError(f"suite: {config.suite} is read from its file (data.path); got rows from Python")
        return of_suite(config, SUITES[config.suite])
    samples = _samples(config)
    if samples == 1:
        return opened(
            data, config.slices.by, data.name, data.split, data.path, table, task=config.of_task.form
        )
    file = None if table is not None else Path(str(data.path))
    table = sampled(table if table is not None else _read_whole(data, str(data.path)), samples, data.id)
    data = data.model_copy(update={"sample": SAMPLE, "id": data.id or "id"})
    found = opened(
        data, config.slices.by, None, data.split, data.path, table, task=config.of_task.form, file=file
    )
    if file is not None:
        found.where = str(file)
    return found


def _samples(config: Config) -> int:
    """How many texts are written to each prompt."""
    samples = getattr(config.model, "samples", None) or 1
    if samples > 1 and config.of_task.form != "generation":
        raise InputError(
            f"model.samples: belongs to task: generation, the task is {config.of_task.name}; leave it out"
        )
    return samples


def _read_whole(data: Data, path: str) -> pa.Table:
    """All rows of a file, with ids, prompts and slices as they are written."""
    words = [*(data.sensitive or []), *([data.cluster] if data.cluster else [])]
    kept = [name for name in (data.id, data.prompt) if name]
    batches = iter_batches(path, categorical=words, verbatim=kept, text=data.form("data"))
    return pa.Table.from_batches(list(batches))


def of_suite(config: Config, suite: Suite) -> EvaluationSet:
    """Open the items of a suite: their columns are known, and it says what is amiss in its data."""
    given = Path(str(config.data.path))
    path = located(given, suite.name)
    data = config.data
    cluster = data.cluster or suite.roles["cluster"]
    items = taken(suite.read(path), data.where or {}, data.items, cluster)
    sliced = config.slices.by or config.data.sensitive or list(items.slices)
    for name in sliced:
        if name not in suite.columns:
            known = ", ".join(suite.columns)
            raise InputError(
                f"data.sensitive: {name!r} is no column to slice {suite.name} by; there are {known}"
            )
    roles: dict[str, Any] = {**suite.roles, "cluster": cluster}
    if suite.text:
        # A model sees the text, and nothing of what is known of it.
        roles |= {"features": [suite.text], "positive_is": data.positive_is}
    table = items.table
    if (samples := _samples(config)) > 1:
        table, roles["sample"] = sampled(table, samples, roles["id"]), SAMPLE
    found = EvaluationSet(
        table, sliced, **roles, task=suite.task, name=given.name,
        file=path if path.is_file() else None,
        # What a suite's answers are called is no word for a value that is not known: "Unknown" is one.
        missing={"only": []},
    )  # fmt: skip
    # It is told as it is given: a run is read again without the data.
    found.where = str(given)
    found.notes += items.notes
    numbers = [f"{SAMPLE_MARK}{k}" for k in range(samples)] if samples > 1 else [""]
    found.aside = [f"{name}{number}" for name in items.aside for number in numbers]
    return found


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
    file: Path | None = None,
) -> EvaluationSet:
    """Open rows of a card or a file, with the roles and sensitive features of the evaluation data.

    ``text`` says how the file is written where that is not the file of the evaluation data, ``file`` which
    one a table was read from.
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
    return EvaluationSet(source, sensitive=sensitive or [], name=name, split=split, file=file, **given)


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


def other_rows(config: Config, opened_data: EvaluationSet) -> list[EvaluationSet]:
    """Rows that are not audited and of which there may be predictions.

    They are the other splits of a card that the audit reads (those of a file stand in the file itself), and
    items of a suite that are left out.
    """
    if opened_data.aside:
        left = pa.table({"id": opened_data.aside, "suite": [config.suite] * len(opened_data.aside)})
        return [EvaluationSet(left, ["suite"], id="id")]
    data = config.data
    splits = [part.split for part in (data.selection, data.validation) if part and part.split]
    return [
        opened(data, config.slices.by, data.name, split, None, task=config.of_task.form)
        for split in splits
        if data.name
    ]
