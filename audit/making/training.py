"""The rows that a model and the steps that change it may learn from, and those that rules are fitted on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from ...datasets.amounts import row_weights
from ...datasets.card import card
from ...datasets.columns import Sensitive, no_column, words
from ...datasets.dialect import TextForm
from ...datasets.errors import InputError
from ...datasets.evaluation import EvaluationSet
from ...datasets.missing import Missing
from ...datasets.numbers import CellError
from ...datasets.outcomes import Outcome, Roles, outcome_of
from ...datasets.read import found_in, place_of, read_table, sha256_file
from ...datasets.roles import as_words, merged_words
from ...datasets.spelling import as_ids, word
from ...datasets.training import VALIDATION, TrainingRows, hashed_share
from ...models.base import Model
from ...told import tell
from ..config import Config, Data, TrainData, TransformersSpec, is_language
from .opening import evaluation_set, opened
from .scoring import Twins, kept_together
from .texts import texts_of

SHARE = 0.2
"""Share of the training rows that decision rules are fitted on, where the configuration does not say."""

Rows = Callable[[], TrainingRows]


def learned(config: Config, features: Sequence[str], notes: list[str]) -> TrainingRows:
    """The rows that a model is trained on here: those of ``model.train`` without any set aside for rules.

    How their file is written goes to ``notes``, where that was found by looking at it.
    """
    train = config.model.learns_from if config.model else None
    assert train is not None
    rows = _of_set(config, train, features)
    notes += _how_written(train, config.data)
    return _parted(config, train, rows)[0]


def learning(
    config: Config, model: Model, table: pa.Table | None = None, notes: list[str] | None = None
) -> tuple[Rows | None, Rows | None]:
    """What steps may learn from, and what rules are fitted on; each is read when it is asked for.

    Neither ever gives a row that is audited.

    Parameters
    ----------
    table : pyarrow.Table, optional
        Rows from Python in place of ``data.path``.
    notes : list of str, optional
        Gets how the training file is written, where it is read and that was found by looking at it.
    """
    train = config.model.learns_from if config.model else None
    kept: dict[str, Any] = {}

    def parts() -> tuple[TrainingRows, TrainingRows | None]:
        assert train is not None
        if not kept:
            if is_language(config.model):
                kept["parts"] = texts_of(config, train, model.columns, table), None
            else:
                trained_here = train.name is not None or not _comes_trained(config)
                read = _of_set if trained_here else _of_file
                kept["parts"] = _parted(config, train, read(config, train, model.columns))
            if notes is not None:
                notes.extend(_how_written(train, config.data))
        found: tuple[TrainingRows, TrainingRows | None] = kept["parts"]
        return found

    def fitted_on() -> TrainingRows:
        if "aside" not in kept:
            kept["aside"] = _set_aside(config, model, table)
        found: TrainingRows = kept["aside"]
        return found

    def second() -> TrainingRows:
        found = parts()[1]
        assert found is not None
        return found

    if train is not None:
        refuse_evaluation_rows(train, config.data)
    else:
        _refuse_overlapping_splits(TrainData(), config.data)
    rows = (lambda: parts()[0]) if train is not None else None
    if config.data.validation is not None:
        return rows, fitted_on
    return rows, second if train is not None and _share(config, train) else None


def _share(config: Config, train: TrainData) -> float | None:
    """Share of the training rows that is set aside for rules."""
    if train.validation is not None:
        return train.validation
    return SHARE if config.fits_rules and config.data.validation is None else None


def _parted(config: Config, train: TrainData, rows: TrainingRows) -> tuple[TrainingRows, TrainingRows | None]:
    """The rows to learn from, and those set aside for rules."""
    share = _share(config, train)
    if share is None:
        return rows, None
    keys, what = _keys(rows)
    inside = hashed_share(keys, share, VALIDATION)
    if not 0 < inside.sum() < len(rows):
        raise InputError(
            f"model.train.validation: a share of {share:g} parts {len(rows)} training rows into "
            f"{len(rows) - int(inside.sum())} and {int(inside.sum())}; expected rows on both sides"
        )
    parts = rows.parted(inside, _share_words(share, what))
    if not _comes_trained(config):
        return parts
    about = tell("{what}, from which the model, that came trained, may have learned", what=parts[1].about)
    return parts[0], replace(parts[1], about=about)


def _comes_trained(config: Config) -> bool:
    return config.model is None or config.model.comes_trained


def _share_words(share: float, what: str) -> Callable[[int, str], str]:
    """Tell so many rows of others, drawn by a hash of what they are known by."""

    def words(n: int, whole: str) -> str:
        return tell(
            "a share of {share} drawn by a hash of the {what}, {n} of {what_whole}",
            share=f"{share:g}", what=what, n=f"{n:,}", what_whole=whole,
        )  # fmt: skip

    return words


def _keys(rows: TrainingRows) -> tuple[Iterable[Any], str]:
    """What decides on which side of a share a row falls, and what it is called."""
    if rows.keys is not None:
        return rows.keys.to_pylist(), tell("cluster or group of twins")
    if rows.ids is None:
        return range(len(rows)), tell("row's number")
    return rows.ids.to_pylist(), tell("id")


def _set_aside(config: Config, model: Model, table: pa.Table | None) -> TrainingRows:
    """The rows of the data that are set aside for rules."""
    data, wanted = config.data, config.data.validation
    assert wanted is not None
    if wanted.split is not None:
        return rows_of(
            opened(
                data, config.slices.by, data.name, wanted.split, data.path, table, task=config.of_task.form
            ),
            model.columns,
        )
    twins = Twins(data.counterfactual.group) if data.counterfactual else None
    rows = rows_of(evaluation_set(config, table), model.columns, twins)
    assert wanted.share is not None
    keys, what = _keys(rows)
    inside = hashed_share(keys, wanted.share, VALIDATION)
    if not 0 < inside.sum() < len(rows):
        raise InputError(
            f"data.validation: a share of {wanted.share:g} sets aside {int(inside.sum())} of {len(rows)} rows"
        )
    aside = rows.parted(inside, _share_words(wanted.share, what))[1]
    return replace(aside, origin=aside.origin | {"share": wanted.share})


def refuse_evaluation_rows(train: TrainData, data: Data) -> None:
    """InputError: a model audited on the rows it was trained on looks better than it is."""
    if (train.name is None) == (train.path is None):
        raise InputError("model.train: expected either name (a dataset card) or path (a file)")
    same_file = train.path is not None and data.path is not None and _same_file(train.path, data.path)
    _refuse_overlapping_splits(train, data)
    whole = (None, "all")
    same_card = train.name is not None and train.name == data.name
    overlap = train.split == data.split or train.split in whole or data.split in whole
    if train.path is not None and train.split is not None and data.split_column is None:
        raise InputError("model.train.split: a split of a file needs data.split_column")
    if (same_file or same_card) and overlap:
        raise InputError("model.train: expected other rows than the evaluation data, got the same ones")
    for key, part in (("selection", data.selection), ("validation", data.validation)):
        split = part.split if part else None
        if (same_file or same_card) and split is not None and train.split == split:
            raise InputError(
                f"model.train: expected other rows than those of data.{key}, got split {split!r} for both"
            )


def _refuse_overlapping_splits(train: TrainData, data: Data) -> None:
    """Some cards have splits that hold largely the same rows: one cannot stand apart from another."""
    parts = [("model.train.split", train.split if train.name == data.name else None)]
    parts += [
        (f"data.{key}.split", part.split)
        for key, part in (("selection", data.selection), ("validation", data.validation))
        if part is not None
    ]
    for key, split in parts:
        if split is not None and data.name is not None and card(data.name).default_split is not None:
            raise InputError(
                f"{key}: the splits of {data.name} hold largely the same rows, {split!r} is not apart from "
                f"{data.split!r}; set a share instead"
            )


def _same_file(one: str, other: str) -> bool:
    try:
        if Path(one).samefile(other):
            return True
        # A copy under another name is the same rows.
        return Path(one).stat().st_size == Path(other).stat().st_size and sha256_file(
            Path(one)
        ) == sha256_file(Path(other))
    except OSError:
        return one == other


def _written(train: TrainData, data: Data) -> TextForm | None:
    """How the file of training rows is written: as the data's, unless it says something of its own."""
    return train.form("model.train") or data.form("data")


def _how_written(train: TrainData, data: Data) -> list[str]:
    return found_in(train.path, _written(train, data)) if train.path is not None else []


def _of_set(config: Config, train: TrainData, columns: Sequence[str]) -> TrainingRows:
    """Training rows of the same columns and roles as the evaluation rows."""
    refuse_evaluation_rows(train, config.data)
    text = _written(train, config.data)
    rows = opened(
        config.data, config.slices.by, train.name, train.split, train.path, text=text,
        task=config.of_task.form,
    )  # fmt: skip
    for column in columns:
        if column not in rows.names:
            raise InputError(f"model.train: {rows.where} lacks the feature {column!r}")
    return rows_of(rows, columns)


def rows_of(rows: EvaluationSet, columns: Sequence[str], twins: Twins | None = None) -> TrainingRows:
    """All rows of a set, with the columns that a model and its rules read."""
    named = twins.columns if twins else ()
    wanted = list(dict.fromkeys([*columns, *rows.sensitive, *named, *([rows.id] if rows.id else [])]))
    texts = [name for name in named if name not in columns]
    batches = list(rows.batches(wanted, texts=texts, whole=True))
    read = [rows.read(batch) for batch in batches]
    rows.check_whole()
    if rows.outcome is not None:
        rows.outcome.check_learnable()
    whole, roles = batches[0], read[0]
    apart = "cluster" in roles or twins is not None
    keys = pa.array([str(k) for k in kept_together(roles, whole, twins)]) if apart else None
    return TrainingRows(
        whole.select(wanted),
        rows.outcome.learned(roles) if rows.outcome is not None else None,
        roles["weight"].to_numpy() if "weight" in roles else None,
        _rows_words(whole.num_rows, rows.name if rows.split else rows.where, rows.split),
        {name: roles[name] for name in rows.sensitive},
        roles.get("id"),
        {"name": rows.name or rows.where, "split": rows.split, "sha256": rows.sha256()},
        keys,
        rows.place_of,
        rows.task,
        rows.class_names(),
        roles.get("query") if rows.task == "ranking" else None,
    )


def _rows_words(n: int, where: str | None, split: str | None) -> str:
    if split:
        return tell("{n} rows of {where}, split {split}", n=f"{n:,}", where=where, split=split)
    return tell("{n} rows of {where}", n=f"{n:,}", where=where)


def _of_file(config: Config, train: TrainData, columns: Sequence[str]) -> TrainingRows:
    """Training rows of a file, which need not have the sensitive features of the evaluation rows."""
    path = Path(str(train.path))
    try:
        return _read_file(path, config, train, columns)
    except CellError as error:
        place = place_of(path, error.column, error.value, _written(train, config.data))
        raise error.at(place or str(path)) from None


def _read_file(path: Path, config: Config, train: TrainData, columns: Sequence[str]) -> TrainingRows:
    data, spec = config.data, config.model
    by = config.slices.by or data.sensitive or []
    missing = data.model_dump(include={"missing"})["missing"]
    outcome = _outcome(config, train)
    texts, names = (outcome.texts, outcome.ids) if outcome is not None else ((), ())
    words_of = [f for f in by if f not in (data.bins or {})] + (data.categorical or [])
    table = read_table(
        path,
        missing=Missing.of(missing),
        categorical=[*words_of, *texts, *([data.split_column] if data.split_column else [])],
        verbatim=[*names, *([data.id] if data.id and data.id not in columns else [])],
        text=_written(train, data),
    )
    if train.split is not None and data.split_column is not None:
        wanted = pc.equal(words(table.column(data.split_column)).cast(pa.string()), word(train.split))
        table = table.filter(wanted)
    named = {}
    if isinstance(spec, TransformersSpec) and spec.train_text:
        named = {spec.text: spec.train_text}
    for name in [*(named.get(c, c) for c in columns), *(outcome.columns if outcome is not None else [])]:
        if name not in table.column_names:
            raise no_column(name, table.column_names, str(path), "model.train")
    if not len(table):
        raise InputError(f"model.train: no rows in {path}")
    weights = None
    if data.weight in table.column_names:
        weights = row_weights(_whole(table.column(data.weight)), str(data.weight)).to_numpy()
    truth = _truth(outcome, table, path) if outcome is not None else {}
    there = [name for name in by if name in table.column_names]
    sensitive = {name: _slicer(data, name).read(_whole(table.column(name))) for name in there}
    extra = [
        n for n in dict.fromkeys([*there, data.id]) if n and n in table.column_names and n not in columns
    ]
    batch = pa.record_batch(
        [_whole(table.column(named.get(c, c))) for c in [*columns, *extra]], names=[*columns, *extra]
    )
    ids = as_ids(batch.column(data.id)) if data.id in batch.schema.names else None
    origin = {"name": path.name, "split": train.split, "sha256": sha256_file(path)}
    about = _rows_words(len(table), path.name, None)
    return TrainingRows(
        batch,
        outcome.learned(truth) if outcome is not None else None,
        weights,
        about,
        sensitive,
        ids,
        origin,
        place_of=partial(place_of, path, text=_written(train, data)),
        task=config.of_task.name,
        classes=outcome.names if outcome is not None else (),
        query=truth.get("query"),
    )


def _outcome(config: Config, train: TrainData) -> Outcome | None:
    """How the outcomes of a training file are read: as the data's, unless it says something of its own."""
    data = config.data
    positive = train.positive if train.positive is not None else data.positive
    negative = train.negative if train.negative is not None or train.positive is not None else data.negative
    # Weights and clusters are those of the audited rows; a training file need not have them.
    said = {"positive": positive, "negative": negative, "classes": data.classes}
    words: dict[str, Any] = {key: tuple(as_words(values)) for key, values in said.items()}
    roles = Roles(
        train.label or data.label,
        tuple(data.labels or ()),
        query=data.query,
        item=data.item,
        relevance=data.relevance,
        **words,
    )
    return outcome_of(config.of_task.name, roles)


def _truth(outcome: Outcome, table: pa.Table, path: Path) -> dict[str, pa.Array]:
    """The outcomes of a training file; InputError where nothing can be learned from them."""
    try:
        return _learnable(outcome, table)
    except CellError:
        raise
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def _learnable(outcome: Outcome, table: pa.Table) -> dict[str, pa.Array]:
    columns = {name: _whole(table.column(name)) for name in outcome.columns}
    for name, column in columns.items():
        outcome.accept(column, name)
    batch = pa.record_batch(columns)
    if outcome.ahead:
        outcome.look(iter([batch]))
    truth = outcome.truth(batch)
    outcome.check_learnable()
    return truth


def _slicer(data: Data, feature: str) -> Sensitive:
    merge = merged_words(f"data.merge.{feature}", (data.merge or {}).get(feature, {}))
    return Sensitive(feature, tuple((data.bins or {}).get(feature, ())), merge)


def _whole(column: pa.ChunkedArray) -> pa.Array:
    made = column.combine_chunks()
    return pa.concat_arrays(made.chunks) if isinstance(made, pa.ChunkedArray) else made
