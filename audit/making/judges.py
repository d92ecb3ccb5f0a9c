"""The judges of an audit: made, and audited on labelled answers before they judge."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from ...bands import UNKNOWN
from ...datasets.columns import no_column
from ...datasets.errors import InputError, number_of
from ...datasets.evaluation import EvaluationSet
from ...datasets.read import column_names, read_table, sha256_file
from ...models.answers import ANSWERED, POSITIVE
from ...models.judging import AskedJudge, Judge, ModelJudge, Reading
from ...models.language.judging import LanguageJudge
from ...models.language.judging import Rubric as Asked
from ...tasks import BINARY
from ...tasks.judges import Audited, Counts
from ..config import Config, Data
from ..config.judges import JudgeSpec, Labelled
from ..progress import Progress
from ..result import JudgeInfo, LabelledInfo
from .inputs import load_model, refusals_of
from .judging import Judging

TEXT = "text"
"""What the column of answers is called where the judge's model names none."""
NOTHING = "rows"
"""A sensitive feature of rows that have none: an evaluation set wants one."""


def judging(config: Config, data: EvaluationSet, progress: Progress) -> Judging | None:
    """Make the judges of a configuration and audit them; None for a task without any.

    Raises
    ------
    InputError
        A judge cannot be made, cannot be audited, or tells nothing.
    """
    if config.of_task.form != "generation":
        return None
    made: list[Judge | None] = []
    told: list[JudgeInfo] = []
    audited: list[Audited] = []
    for place, spec in enumerate(config.all_judges):
        name = spec.name or (f"judge {place + 1}" if config.judges else "judge")
        progress(f"auditing {name}" if spec.audited_on else f"loading {name}", 0, None)
        labelled = None if spec.audited_on is None else _labelled(spec, config, data)
        judge = None if spec.model is None else _judge(name, spec, config, labelled)
        made.append(judge)
        found = None if labelled is None else _audited(name, spec, config, labelled, judge)
        # The first corrects: without its audit there is nothing to carry.
        audited += [found] if found is not None and (place == 0 or audited) else []
        told.append(_info(name, spec, judge, labelled))
    first, second = (*made, None, None)[:2]
    return Judging(Reading(refusals_of(config), first, second), told, audited)


def _column(spec: JudgeSpec) -> str:
    """What the column of texts is called in the rows that a judge's model reads."""
    features = getattr(spec.model, "features", None) or []
    if len(features) > 1:
        raise InputError(f"judge.model.features: a judge reads one column of text, got {', '.join(features)}")
    return getattr(spec.model, "text", None) or (features[0] if features else TEXT)


def _labelled(spec: JudgeSpec, config: Config, data: EvaluationSet) -> EvaluationSet:
    """The labelled rows, with the sensitive features that they share with the audit."""
    rows = spec.audited_on
    assert rows is not None
    path, form = Path(rows.path), rows.form("judge.audited_on")
    names = column_names(path, text=form)
    sensitive = (
        [name for name in data.sensitive if name in names] if rows.sensitive is None else rows.sensitive
    )
    for name in sensitive:
        if name not in data.sensitive:
            known = ", ".join(data.sensitive)
            raise InputError(
                f"judge.audited_on.sensitive: {name!r} is no sensitive feature of the audit; there are "
                f"{known}"
            )
    said = {"text": rows.text, "label": rows.label, "decision": rows.decision, "score": rows.score}
    wanted = {key: name for key, name in said.items() if name is not None}
    for key, name in [*wanted.items(), *(("sensitive", name) for name in sensitive)]:
        if name not in names:
            raise no_column(name, names, str(path), f"judge.audited_on.{key}")
    bins = {name: edges for name, edges in data.bins.items() if name in sensitive}
    worded = [
        rows.label,
        *([rows.decision] if rows.decision else []),
        *(n for n in sensitive if n not in bins),
    ]
    table = read_table(
        path, columns=list(dict.fromkeys([*wanted.values(), *sensitive])), categorical=worded,
        verbatim=[rows.text] if rows.text else [], text=form,
    )  # fmt: skip
    if rows.text is not None:
        table = table.append_column("\x1ftext", table.column(rows.text))
        column = _column(spec)
        table = table.drop_columns([column]) if column in table.column_names else table
        table = table.rename_columns([column if n == "\x1ftext" else n for n in table.column_names])
    if not sensitive:
        table = table.append_column(NOTHING, pa.array([NOTHING] * len(table)).dictionary_encode())
    merge = {name: data.merge[name] for name in sensitive if name in data.merge}
    return EvaluationSet(
        table, sensitive or [NOTHING], label=rows.label, positive=rows.positive, negative=rows.negative,
        name=path.name, file=path, bins=bins, merge=merge, missing=data.words,
    )  # fmt: skip


def _alone(spec: JudgeSpec) -> EvaluationSet:
    """A table of no rows with the column that a judge reads, for one that is not audited."""
    table = pa.table({_column(spec): pa.array([], pa.string()), NOTHING: pa.array([], pa.string())})
    return EvaluationSet(table, [NOTHING], name="answers")


def _judge(name: str, spec: JudgeSpec, config: Config, labelled: EvaluationSet | None) -> Judge:
    if spec.rubric is not None:
        from ...models.language.load import engine_of

        asked = Asked(spec.rubric.question, spec.rubric.positive, spec.rubric.negative)
        return AskedJudge(name, LanguageJudge(engine_of(spec.model, config.seed), asked))
    data, asked_for = labelled or _alone(spec), spec.model
    assert asked_for is not None
    if "features" in type(asked_for).model_fields and getattr(asked_for, "text", None) is None:
        asked_for = asked_for.model_copy(update={"features": [_column(spec)]})
    try:
        model = load_model(_as_binary(config, asked_for, data), data, None, lambda *_: None)
    except InputError as error:
        raise InputError(f"{name}: {error}") from None
    assert model is not None
    return ModelJudge(name, model, _column(spec))


def _as_binary(config: Config, model: Any, data: EvaluationSet) -> Config:
    """The configuration of an audit of the judge itself."""
    roles = Data(path=str(data.at or "answers"), label=data.label, sensitive=list(data.sensitive))
    apart: dict[str, Any] = dict.fromkeys(("suite", "judge", "judges", "refusals", "metrics"))
    return config.model_copy(
        update={"task": BINARY.name, "data": roles, "model": model, "gates": [], "variants": [], **apart}
    )


def _audited(
    name: str, spec: JudgeSpec, config: Config, labelled: EvaluationSet, judge: Judge | None
) -> Audited:
    """How a judge decides labelled rows, by their slices."""
    features = tuple(feature for feature in labelled.sensitive if feature != NOTHING)
    cells: dict[tuple[str, ...], np.ndarray[Any, Any]] = {}
    for keys, label, decision in _decided(name, spec, config, labelled, judge):
        for key, true, found in zip(keys, label.tolist(), decision.tolist(), strict=True):
            cell = cells.setdefault(key[: len(features)], np.zeros(4, np.int64))
            cell += (true and found, true, not true and found, not true)
    counts: dict[tuple[str, ...], Counts] = {key: tuple(cell.tolist()) for key, cell in cells.items()}
    found, positives, false, negatives = np.sum(list(counts.values()) or [(0, 0, 0, 0)], axis=0).tolist()
    where = f"{name}: audited on {number_of(positives + negatives, 'labelled row')} of {labelled.where}"
    if not positives or not negatives:
        kind = "positive" if not positives else "negative"
        raise InputError(f"{where}, of which none is {kind}; expected labels of both kinds")
    if found / positives <= false / negatives:
        raise InputError(
            f"{where} it finds {found / positives:.1%} of the positive and {false / negatives:.1%} of the "
            "others positive, and so tells nothing; expected another judge, positive or threshold"
        )
    return Audited(name, features, counts)


def _decided(
    name: str, spec: JudgeSpec, config: Config, labelled: EvaluationSet, judge: Judge | None
) -> Iterator[tuple[list[tuple[str, ...]], Any, Any]]:
    """Slices, labels and decisions of the labelled rows, batch by batch."""
    named = _column(spec) if judge is not None else None
    table = None if judge is not None else _columns(spec, config, labelled)
    extra = [named] if named else list(table.columns) if table is not None else []
    for batch in labelled.batches(extra, verbatim=[named] if named else []):
        rows = labelled.read(batch)
        values = [
            [UNKNOWN if one is None else str(one) for one in rows[feature].to_pylist()]
            for feature in labelled.sensitive
        ]
        label = rows["y_true"].to_numpy().astype(bool)
        if judge is not None:
            texts = ["" if t is None else t for t in batch.column(named).cast(pa.string()).to_pylist()]
            verdicts = judge(texts)[0]
            # A row without a verdict tells of no error.
            kept = np.flatnonzero(verdicts != ANSWERED)
            label, decision = label[kept], verdicts[kept] == POSITIVE
            values = [[column[place] for place in kept] for column in values]
        else:
            assert table is not None
            said = table.score(batch, rows["id"]).decision
            if said is None:
                raise InputError(
                    f"{name}: audited_on.score: scores alone decide nothing; set model.threshold"
                )
            decision = np.asarray(said, bool)
        yield list(zip(*values, strict=True)), label, decision


def _columns(spec: JudgeSpec, config: Config, labelled: EvaluationSet) -> Any:
    """The judge's decisions on labelled rows, where they stand in columns."""
    rows = spec.audited_on
    assert rows is not None
    assert config.model is not None
    apart = dict.fromkeys(("answer", "refused", "second", "path"))
    model = config.model.model_copy(update={**apart, "decision": rows.decision, "score": rows.score})
    return load_model(_as_binary(config, model, labelled), labelled, None, lambda *_: None)


def _info(name: str, spec: JudgeSpec, judge: Judge | None, labelled: EvaluationSet | None) -> JudgeInfo:
    rows: Labelled | None = spec.audited_on
    about = None
    if labelled is not None and rows is not None:
        chosen = labelled.binary.classes[0] if labelled.binary is not None else []
        about = LabelledInfo(
            path=rows.path, sha256=sha256_file(Path(rows.path)), rows=labelled.rows, label=rows.label,
            positive=list(chosen), sensitive=[s for s in labelled.sensitive if s != NOTHING],
        )  # fmt: skip
    return JudgeInfo(name=name, model={} if judge is None else judge.describe(), audited_on=about)
