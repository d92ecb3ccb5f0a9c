"""Named entities: what a model finds, misses and invents in sentences, of all types and of each."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ..metrics import table
from ..metrics.entry import DisparityRow, Metric
from .binary import BINARY
from .entity_cases import EntityCases, EntityPairs, amiss, columns, kind, types_in
from .label_cases import EXACT, POOLED
from .multiclass import BOTH, F1_SCORE, PRECISION
from .task import Task
from .views import Macro, OfView

CONLL = "E. F. Tjong Kim Sang, F. De Meulder 2003, CoNLL-2003: 142-147"
MISSED = "Sensitive to entities that the model passes over, or marks with other tokens or as another type"

OF_TYPE = {
    metric.name: metric
    for metric in (
        Metric(
            "entity_precision", "Entity precision", "TP / (TP + FP) over entities",
            "Of the entities that the model marks, the share that is right: the same tokens and the same "
            "type.",
            PRECISION, better="higher", ideal=1.0, among="selected", says="positive", source=CONLL,
            shows="Sensitive to entities that the model invents; blind to those that it passes over.",
            elsewhere=("span_precision", "ner_precision", "ents_p"),
        ),
        Metric(
            "entity_recall", "Entity recall", "TP / (TP + FN) over entities",
            "Of the true entities, the share that the model marks: the same tokens and the same type.",
            table.TRUE_POSITIVE, better="higher", ideal=1.0, among="positives", says="right", source=CONLL,
            shows=f"{MISSED}; blind to those that it invents.",
            elsewhere=("span_recall", "ner_recall", "ents_r"),
        ),
        Metric(
            "entity_f1", "Entity F1 score", "2 TP / (2 TP + FP + FN) over entities",
            "Harmonic mean of entity precision and entity recall.",
            F1_SCORE, better="higher", ideal=1.0, source=CONLL,
            shows="Sensitive to entities that are missed and to those that are invented; blind to which.",
            elsewhere=(
                "span_f1", "ner_f1", "chunk_f1", "seqeval", "ents_f", "entity_accuracy", "tag_accuracy",
                "token_accuracy", "token_f1",
            ),
        ),
    )
}  # fmt: skip
"""Figures of the entities of a type, and of all together: there are no true negatives among entities."""


def _macro(metric: Metric, meaning: str) -> Metric:
    """The mean over types of a figure of each."""
    share = metric.estimator
    return replace(
        metric, name=f"macro_{metric.name}", title=f"Macro {metric.title[:1].lower()}{metric.title[1:]}",
        formula=f"mean over types of {metric.formula}", meaning=meaning,
        estimator=Macro(share, "either"), among=None, says=None,  # type: ignore[arg-type]
        shows="Sensitive to errors in every type, each weighing the same; moves with how frequent types are.",
        elsewhere=(),
    )  # fmt: skip


METRICS = {
    **{name: replace(one, estimator=OfView(POOLED, one.estimator, BOTH)) for name, one in OF_TYPE.items()},
    **{
        one.name: one
        for one in (
            _macro(
                OF_TYPE["entity_precision"],
                "Mean over the types that are true or marked of the share of what is marked that is right.",
            ),
            _macro(
                OF_TYPE["entity_recall"],
                "Mean over the types that are true or marked of the share of their entities found.",
            ),
            _macro(
                OF_TYPE["entity_f1"], "Mean over the types that are true or marked of the entity F1 score."
            ),
        )
    },
    "sentence_match": Metric(
        "sentence_match", "Sentence match", "rows of which every entity is right / n",
        "Share of rows in which the model marks every true entity, and no other.",
        OfView(EXACT, table.SELECTED, BOTH), better="higher", ideal=1.0, source=CONLL,
        shows="Sensitive to any error in a row; higher where rows have few entities.",
    ),
}  # fmt: skip

DISPARITIES = (
    DisparityRow(
        "entity_recall_gap", "Entity recall gap", ("entity_recall",), forms=("difference",), source=CONLL,
        shows="Asks that as large a share of the true entities is found in every slice.",
    ),
    DisparityRow(
        "entity_f1_gap", "Entity F1 gap", ("entity_f1",), forms=("difference",), source=CONLL,
        shows="Asks that entities are found, and not invented, equally well in every slice.",
    ),
)  # fmt: skip

TYPE = replace(
    BINARY, name="entity type", title="Entities of one type", metrics=OF_TYPE, disparities=(), default=(),
    key=("entity_recall", "entity_precision", "entity_f1"), leading=("entity_recall", "entity_f1"),
    performance=(), gaps=(), excess_loss=None, calibration_shift=None, standardised=None, entropy=None,
    negatives=False,
)  # fmt: skip


def _told_by(data: Any, model: Any) -> bool:
    """A column of tags or spans is named."""
    return any(getattr(one, key, None) is not None for one in (data, model) for key in ("tags", "spans"))


NER = Task(
    name="ner",
    title="Named entities",
    cases=EntityCases,
    pairs=EntityPairs,
    columns=columns,
    kind=kind,
    amiss=amiss,
    metrics=METRICS,
    disparities=DISPARITIES,
    default=tuple(METRICS),
    key=("entity_recall", "entity_precision", "entity_f1", "macro_entity_f1"),
    leading=("entity_recall", "entity_f1"),
    performance=("entity_f1", "macro_entity_f1"),
    gaps=(("entity_recall", "entity_f1"),),
    excess_loss="sentence_match",
    told_by=_told_by,
    settled=("scheme", "matching"),
    classes_in=types_in,
    models=("predictions", "transformers", "spacy", "variant"),
    tallied=POOLED,
    negatives=False,
    of_class=TYPE,
    class_default=tuple(OF_TYPE),
)
