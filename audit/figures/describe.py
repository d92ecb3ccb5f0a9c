"""What the result says beside the figures: environment, data, definitions, what was not measured."""

from __future__ import annotations

import importlib.metadata
import platform
import sys
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any, Literal

from ..._version import __version__
from ...datasets.binary import Binary
from ...datasets.classes import counted
from ...datasets.columns import listed
from ...datasets.evaluation import EvaluationSet
from ...datasets.multiclass import Classes
from ...datasets.roles import as_words
from ...tasks.task import needed
from ...told import tell, tell_n, term, told_both, told_list
from ..config import Config
from ..config.named import guests_of
from ..result import DataInfo, Environment, Guest, NotMeasured
from .measure import Measurement
from .never_said import never_said
from .plan import Plan
from .processor import processor
from .status import FEW_CLUSTERS

ALWAYS = ("numpy", "scipy", "pyarrow", "pandas", "scikit-learn", "skops", "pydantic")
NEEDS = {
    "label": tell("label"),
    "decision": tell("decision"),
    "score": tell("score"),
    "probability": tell("probability"),
    "prediction": tell("prediction"),
    "rank": tell("rank"),
    "unrelated": tell("score of an unrelated sentence"),
    "relevance": tell("relevance"),
    "judge's decision": tell("judge's decision"),
    "judge's score": tell("judge's score"),
    "judge audited on labelled answers": tell("judge that was audited on labelled answers"),
    "second judge": tell("second judge"),
}
"""What metrics need of the rows, in words."""
WHEN_USED = {
    "torch": "torch", "transformers": "transformers", "tokenizers": "tokenizers", "torchao": "torchao",
    "torch_pruning": "torch-pruning", "onnx": "onnx", "onnxruntime": "onnxruntime", "skl2onnx": "skl2onnx",
}  # fmt: skip
"""Packages of the extras by their modules: told where the run has imported them."""


DRAWN_WITH = ("altair", "vl-convert-python", "jinja2")
"""Packages that the bytes of a page depend on, where they are installed."""


def versions() -> dict[str, str]:
    """Return the versions of the packages that figures, scores and pages depend on."""
    used = [package for module, package in WHEN_USED.items() if module in sys.modules]
    drawn = [name for name in DRAWN_WITH if _version(name)]
    return {name: str(_version(name)) for name in (*ALWAYS, *drawn, *used)}


@cache
def _version(name: str) -> str | None:
    """The version of a package, which a process asks once; None where it is not installed."""
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def environment(seed: int, command: str) -> Environment:
    """Return where and with what the run is made."""
    name, instructions = processor()
    return Environment(
        fairweigh=__version__,
        python=platform.python_version(),
        platform=platform.platform(terse=True),
        processor=name,
        instructions=instructions,
        packages=versions(),
        seed=seed,
        command=command,
    )


def guests(config: Config) -> list[Guest]:
    """Return the guests that add what a configuration names."""
    return [
        Guest(name=guest.name, version=guest.version, adds=adds) for guest, adds in guests_of(config).items()
    ]


def data_info(
    data: EvaluationSet,
    measured: Measurement,
    decisions: Binary | None = None,
    of_variants: Sequence[str] = (),
) -> DataInfo:
    """Return what the result says of the data: roles, checksum, and what the card tells.

    ``decisions`` is the column of decisions, where they stand in one; ``of_variants`` are warnings of what
    other variants decide.
    """
    card = data.card
    positive, negative = data.binary.classes if data.binary else ([], [])
    from_card: dict[str, Any] = (
        {
            "licence": card.licence, "citation": card.citation, "homepage": card.homepage,
            "defects": card.defects, "synthetic": card.synthetic,
        }
        if card
        else {}
    )  # fmt: skip
    warnings = list(card.warnings) if card else []
    known = len(warnings)
    warnings += dict.fromkeys(data.notes)
    warnings += _class_warnings(data, measured, decisions)
    warnings += [*never_said(measured), *of_variants]
    if data.dropped:
        warnings.append(
            tell_n(
                "{n} row with a missing value was left out (data.drop_missing).",
                "{n} rows with a missing value were left out (data.drop_missing).",
                data.dropped,
                n=f"{data.dropped:,}",
            )
        )
    warnings += _weightless(measured)
    heavy = measured.weights.rare_heavy()
    if heavy is not None:
        warnings.append(
            tell(
                "Weights: {rows} of the rows hold {weight} of the weight, so that all rows count as "
                "{effective} of equal weight. A small slice that happens to hold none of them looks surer "
                "than it is.",
                rows=f"{heavy.rows:.1%}", weight=f"{heavy.weight:.0%}", effective=f"{heavy.effective:,.0f}",
            )
        )  # fmt: skip
    clusters = measured.slices(()).clusters
    if clusters is not None and clusters[0] < FEW_CLUSTERS:
        warnings.append(
            tell_n(
                "There is {n} cluster ({column}), fewer than {least}: limits speak of this one and of others "
                "like it, as far as so few show.",
                "There are {n} clusters ({column}), fewer than {least}: limits speak of these and of others "
                "like them, as far as so few show.",
                clusters[0], n=clusters[0], least=FEW_CLUSTERS,
                column=data.cluster or data.query or data.prompt,
            )
        )  # fmt: skip
    return DataInfo(
        name=data.name or "table",
        title=card.title if card else data.where,
        rows=measured.rows,
        sha256=data.sha256(),
        kind="counts" if data.count else "rows",
        source=tell("dataset card {name}", name=data.name) if card else data.where,
        label=data.label,
        positive=positive,
        positive_is=meant(data.favourable, data.positive_is),
        negative=negative,
        sensitive=list(data.sensitive),
        unknown=unknown_rows(measured),
        bins={k: list(v) for k, v in data.bins.items()},
        merge=data.merged,
        id=data.id,
        weight=data.weight,
        cluster=data.cluster or data.prompt,
        split=data.split,
        warnings=warnings,
        found=len(warnings) - known,
        **from_card,
    )


def _weightless(measured: Measurement) -> Iterator[str]:
    """Name the slices whose rows all have the weight 0: no figure speaks of them."""
    for feature in measured.features:
        slices, weights = measured.slices((feature,)), measured.tally((feature,)).weights
        none = [] if weights is None else [i for i in slices.shown if slices.n[i] and not weights.n[i]]
        if none:
            yield tell(
                "All weights are 0 in {slices}: no figure speaks of these rows.",
                slices=told_list(
                    tell("{slice} (n = {n})", slice=slices.words(i), n=int(slices.n[i])) for i in none
                ),
            )


def _class_warnings(data: EvaluationSet, measured: Measurement, decisions: Binary | None) -> Iterator[str]:
    """Labels of one class alone, and values that the configuration names and no row holds."""
    of_card = data.card is not None and as_words(data.positive) == as_words(data.card.positive)
    label = data.binary
    positives = measured.tally(()).counts.positives
    if label is not None and positives is not None and int(positives.sum()) in (0, measured.rows):
        positive, negative = label.classes
        parts = {"column": label.column, "rows": f"{measured.rows:,}"}
        if positives.any():
            yield tell(
                "Every label is positive ({column}: {values}, all {rows} rows). Selection rates are "
                "measured; what needs negative labels has no value, and a gate on it is an error.",
                values=", ".join(positive), **parts,
            )  # fmt: skip
        else:
            yield tell(
                "Every label is negative ({column}: {values}, all {rows} rows). Selection rates are "
                "measured; what needs positive labels has no value, and a gate on it is an error.",
                values=", ".join(negative), **parts,
            )  # fmt: skip
    # A card's values are those of all its splits.
    named = data.outcome if isinstance(data.outcome, Binary | Classes) else None
    outcomes = (None if of_card else named, decisions)
    for outcome in (one for one in outcomes if one is not None):
        for key, absent in outcome.never.items():
            yield tell(
                "{values} ({key}) never occurs in the column {column}, which holds {held}.",
                values=listed(absent), key=key, column=outcome.column, held=counted(outcome.seen),
            )  # fmt: skip


def unknown_rows(measured: Measurement) -> dict[str, int]:
    """Rows whose value of a feature is missing, by feature."""
    rows = {}
    for feature in measured.features:
        slices = measured.slices((feature,))
        rows[feature] = int(slices.n[slices.unknown].sum())
    return {feature: count for feature, count in rows.items() if count}


LIMITS = (
    (
        tell("Whether the labels are right"),
        tell("Labels are taken as true; bias in how they came about stays unseen."),
    ),
    (
        tell("Whether the rows stand for the people concerned"),
        tell(
            "Figures hold for the population that these rows were drawn from; "
            "the data card says what is known."
        ),
    ),
    (
        tell("Causes"),
        tell("A difference between slices is described, not explained; no causal claim is made."),
    ),
    (
        tell("Similar treatment of similar people"),
        tell("Only slices are compared, not single rows with each other."),
    ),
)


COST_LIMITS = (
    (
        tell("Time and memory on other machines"),
        tell(
            "Ratios of time are those of this machine under the load it had; the null arm says how far two "
            "equal models lie apart on it. Other processors have other kernels."
        ),
    ),
    (
        tell("Tokenising and preparing inputs"),
        tell("Times are those of the model on batches that are ready to run."),
    ),
)


def not_measured(config: Config, cluster: str | None, measured: Measurement, plan: Plan) -> list[NotMeasured]:
    """Return what a reader may expect and does not find, and why; ``cluster`` is the column of clusters."""
    out = []
    if config.metrics is None:
        reasons: dict[str, list[str]] = {}
        for name in measured.task.default:
            lacking = measured.lacks(name)
            if lacking:
                what = told_both(NEEDS[need] for need in needed(measured.task, lacking))
                reasons.setdefault(what, []).append(measured.metric(name).title)
        for need, titles in reasons.items():
            why = tell("needs a {what}, which the data do not carry", what=need)
            out.append(NotMeasured(what=told_list(map(term, titles)), why=why))
    if "score" in measured.gives:
        rounding = measured.scored(()).ranking.rounding if measured.scores.label is not None else 0.0
        if rounding:
            out.append(
                NotMeasured(
                    what=tell("Scores to their last digit"),
                    why=tell(
                        "so many rows are counted in bins of the score; no AUC moves by more than {most}",
                        most=f"{rounding:.2g}",
                    ),
                )
            )
    if cluster:
        out.append(
            NotMeasured(
                what=tell("Dependence between slices within a cluster"),
                why=tell("differences treat slices as independent, which is conservative for alike rows"),
            )
        )
    if config.competes:
        out += [NotMeasured(what=what, why=why) for what, why in COST_LIMITS]
    return out + [NotMeasured(what=what, why=why) for what, why in LIMITS]


def meant(
    favourable: object, positive_is: Literal["benefit", "burden"] | None
) -> Literal["benefit", "burden"] | None:
    """What a positive decision is to the person: of favourable classes a benefit, else what was said."""
    return positive_is if favourable is None else "benefit"
