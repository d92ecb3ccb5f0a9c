"""The judges of an audit: made, and audited on labelled answers before they judge."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from ...bands import UNKNOWN
from ...datasets.errors import InputError, number_of
from ...datasets.evaluation import EvaluationSet
from ...datasets.read import sha256_file
from ...models.answers import ANSWERED, POSITIVE
from ...models.judging import AskedJudge, Judge, ModelJudge, Reading
from ...models.language.judging import LanguageJudge
from ...models.language.judging import Rubric as Asked
from ...tasks import BINARY
from ...tasks.judges import Audited, Cell
from ..config import Config, Data
from ..config.judges import JudgeSpec, Labelled
from ..progress import Progress
from ..result import JudgeInfo, LabelledInfo
from .inputs import load_model, refusals_of
from .judging import Judging
from .labelled import NOTHING, features_of, labelled_rows

TEXT = "text"
"""What the column of answers is called where the judge's model names none."""
MOST_TOKENS = 16
"""In which a verdict is written, where nobody says; a judge that thinks first wants more."""
FIRST = "Hello."
"""A text that is judged for nobody."""


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
        rows = None if spec.audited_on is None else labelled_rows(spec.audited_on, data, _column(spec))
        judge = None if spec.model is None else _judge(name, spec, config, rows)
        made.append(judge)
        found = None if rows is None else _audited(name, spec, config, rows, judge)
        # The first corrects: without its audit there is nothing to carry.
        audited += [found] if found is not None and (place == 0 or audited) else []
        told.append(_info(name, spec, judge, rows))
    first, second = (*made, None, None)[:2]
    return Judging(Reading(refusals_of(config), first, second), told, audited)


def _column(spec: JudgeSpec) -> str:
    """What the column of texts is called in the rows that a judge's model reads."""
    features = getattr(spec.model, "features", None) or []
    if len(features) > 1:
        raise InputError(f"judge.model.features: a judge reads one column of text, got {', '.join(features)}")
    return getattr(spec.model, "text", None) or (features[0] if features else TEXT)


def _alone(spec: JudgeSpec) -> EvaluationSet:
    """A row with a text, for a judge that is not audited: its model may look at one when it is made."""
    table = pa.table({_column(spec): [FIRST], NOTHING: [NOTHING]})
    return EvaluationSet(table, [NOTHING], name="answers")


def _judge(name: str, spec: JudgeSpec, config: Config, labelled: EvaluationSet | None) -> Judge:
    if spec.rubric is not None:
        from ...models.language.load import engine_of

        asked = Asked(spec.rubric.question, spec.rubric.positive, spec.rubric.negative)
        engine = engine_of(spec.model, config.seed)
        most = getattr(spec.model, "max_new_tokens", None) or MOST_TOKENS
        return AskedJudge(name, LanguageJudge(engine, asked, most))
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
    """How a judge decides labelled rows, by their slices and clusters."""
    features = features_of(labelled)
    cells: dict[tuple[tuple[str, ...], int], np.ndarray[Any, Any]] = {}
    for keys, cluster, label, decision in _decided(name, spec, config, labelled, judge):
        for key, of, true, found in zip(keys, cluster, label.tolist(), decision.tolist(), strict=True):
            cell = cells.setdefault((key[: len(features)], of), np.zeros(4, np.int64))
            cell += (true and found, true, not true and found, not true)
    held = [Cell(key, of, tuple(cell.tolist())) for (key, of), cell in cells.items()]
    found, positives, false, negatives = np.sum(
        [cell.counts for cell in held] or [(0, 0, 0, 0)], axis=0
    ).tolist()
    where = f"{name}: audited on {number_of(positives + negatives, 'labelled row')} of {labelled.where}"
    if labelled.rows and not positives + negatives:
        raise InputError(
            f"{name}: it gives no verdict on any of {number_of(labelled.rows, 'labelled row')} of "
            f"{labelled.where}; expected a judge that answers with one of its two words"
        )
    if not positives or not negatives:
        kind = "positive" if not positives else "negative"
        raise InputError(f"{where}, of which none is {kind}; expected labels of both kinds")
    if found / positives <= false / negatives:
        raise InputError(
            f"{where} it finds {found / positives:.1%} of the positive and {false / negatives:.1%} of the "
            "others positive, and so tells nothing; expected another judge, positive or threshold"
        )
    return Audited(name, features, held, labelled.cluster is not None)


def _decided(
    name: str, spec: JudgeSpec, config: Config, labelled: EvaluationSet, judge: Judge | None
) -> Iterator[tuple[list[tuple[str, ...]], list[int], Any, Any]]:
    """Slices, clusters, labels and decisions of the labelled rows, batch by batch."""
    number: dict[Any, int] = {}
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
        cluster = _numbered(rows, number)
        if judge is not None:
            texts = ["" if t is None else t for t in batch.column(named).cast(pa.string()).to_pylist()]
            verdicts = judge(texts)[0]
            # A row without a verdict tells of no error.
            kept = np.flatnonzero(verdicts != ANSWERED)
            label, decision = label[kept], verdicts[kept] == POSITIVE
            values = [[column[place] for place in kept] for column in values]
            cluster = [cluster[place] for place in kept]
        else:
            assert table is not None
            said = table.score(batch, rows["id"]).decision
            if said is None:
                raise InputError(
                    f"{name}: audited_on.score: scores alone decide nothing; set model.threshold"
                )
            decision = np.asarray(said, bool)
        yield list(zip(*values, strict=True)), cluster, label, decision


def _numbered(rows: Mapping[str, pa.Array], number: dict[Any, int]) -> list[int]:
    """A number of each row's cluster, the same where they have none; one that is not known is its own."""
    if "cluster" not in rows:
        return [0] * len(rows["y_true"])
    names = rows["cluster"].to_pylist()
    return [number.setdefault(len(number) if name is None else str(name), len(number)) for name in names]


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
            path=rows.path, sha256=sha256_file(Path(str(labelled.at))), rows=labelled.rows,
            label=str(labelled.label), positive=list(chosen), sensitive=list(features_of(labelled)),
        )  # fmt: skip
    return JudgeInfo(name=name, model={} if judge is None else judge.describe(), audited_on=about)
