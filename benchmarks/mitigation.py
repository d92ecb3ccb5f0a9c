"""Mitigation: fairweigh beside fairlearn, AIF360 and OxonFair on the same rows, and the speed of its search.

Run as ``python benchmarks/mitigation.py`` with $FAIRWEIGH_DATA set. Every tool gets the same training rows,
the same validation rows (a fifth of the training rows, where rules are fitted), the same encoded features and
the same fitted model. The decisions of all of them on the held-out rows are audited as a table of predictions
by `fairweigh.run`, so that each figure and each interval comes from one code. Variants of fairweigh are made
by `compression.make`, as an audit makes them; that a whole audit gives the same figures is asserted once.
"""

from __future__ import annotations

import logging
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import fairweigh
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from fairlearn import reductions
from fairlearn.postprocessing import ThresholdOptimizer
from fairlearn.preprocessing import CorrelationRemover
from fairweigh.audit.config import read
from fairweigh.audit.inputs import load_model
from fairweigh.audit.opening import evaluation_set
from fairweigh.audit.progress import silent
from fairweigh.audit.result import AuditResult, Disparity, Estimate, Variant
from fairweigh.audit.training import learning, rows_of
from fairweigh.compression.estimators import parts
from fairweigh.compression.make import make
from fairweigh.compression.recipes import Context
from fairweigh.datasets import card as cards
from fairweigh.datasets.errors import InputError
from fairweigh.datasets.training import TrainingRows, hashed_share
from fairweigh.metrics.constraint import Constraint
from fairweigh.metrics.cuts import Candidates, candidates
from fairweigh.metrics.table import DISPARITIES, METRICS
from fairweigh.metrics.thresholds import curve, search
from fairweigh.mitigation.fitting import column_scores
from fairweigh.mitigation.reweighing import cell_weights
from fairweigh.models.frames import frame
from fairweigh.models.rules import ChanceRule
from fairweigh.models.steps import StepRule
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.preprocessing import OneHotEncoder
from threadpoolctl import threadpool_limits

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]

LIMIT = 0.05
SHARE = 0.2
"""Of the training rows, for rules."""
HELD_OUT = 0.4
"""Of the rows of COMPAS; the other two data sets have a split of their own."""
ITERATIONS = 20
"""Of exponentiated gradient."""
ROUNDS = 7
MOST_SLICES = 5
"""Of OxonFair's grid: 31 ** 5 choices take 8.5 GiB, and 6 ** 10 for ten slices more than twice as much."""
EO, DP = "equalized_odds", "demographic_parity"
MODELS: dict[str, tuple[str, dict[str, Any]]] = {
    # The solver that is fast for many rows of few features; the optimum is that of the default.
    "logistic regression": ("sklearn.linear_model.LogisticRegression", {"solver": "newton-cholesky"}),
    "gradient boosting": ("sklearn.ensemble.HistGradientBoostingClassifier", {"random_state": 0}),
}
CELLS = {"privileged, favourable": 0.7931578640, "privileged, unfavourable": 1.0940092975,
         "unprivileged, favourable": 2.1821852220, "unprivileged, unfavourable": 0.8485285479}  # fmt: skip
"""Reweighing by sex on the 45,222 rows of Adult that AIF360 keeps."""


@dataclass(frozen=True)
class Task:
    """A data set, and by which features it is repaired."""

    title: str
    data: dict[str, Any]
    train: dict[str, Any]
    sensitive: list[str]
    by: list[list[str]]
    features: list[str] | None = None


@dataclass(frozen=True)
class Part:
    """Rows in the forms that the tools take: as they are, encoded, and the slice of each."""

    rows: TrainingRows
    x: Floats
    groups: NDArray[np.str_]

    @property
    def label(self) -> NDArray[np.int_]:
        """The label as 0 and 1."""
        return self.rows.known_labels("the benchmark").astype(int)


@dataclass(frozen=True)
class Setting:
    """A model, fitted, and the parts of the rows, for one choice of features to repair by."""

    config: dict[str, Any]
    model: Any
    context: Context
    by: list[str]
    training: Part
    validation: Part
    held_out: Part

    @property
    def classifier(self) -> Any:
        """The fitted classifier, which reads encoded features."""
        return parts(self.model.fitted)[1]


@dataclass(frozen=True)
class Decider:
    """What decides rows and, where it draws lots, the chance of each row."""

    decide: Callable[[Part], Bools]
    chance: Callable[[Part], Floats] | None = None


@dataclass(frozen=True)
class Arm:
    """One tool that does one mitigation.

    Attributes
    ----------
    fit : callable
        Gives what decides rows.
    limited : str or None
        The disparity that is held down where the arm is fitted.
    rule : bool
        Whether it is fitted on the validation rows, else on the training rows.
    """

    mitigation: str
    tool: str
    fit: Callable[[], Decider]
    limited: str | None = None
    rule: bool = False


@dataclass(frozen=True)
class Figures:
    """Accuracy and gaps of some decisions."""

    accuracy: Estimate
    gaps: dict[str, Disparity]


# --- Tasks and settings ---


def tasks(folder: Path) -> list[Task]:
    """The data sets; rows of COMPAS are written to a temporary folder with their part."""
    compas = cards.load("compas", "two-years")
    # 32 and 18 rows of two races are no slices to learn a rule from.
    kept = pa.compute.is_in(compas["race"], pa.array(["African-American", "Caucasian", "Hispanic", "Other"]))
    compas = compas.filter(kept)
    inside = hashed_share(compas["id"].to_pylist(), HELD_OUT, "held out")
    file = folder / "compas.parquet"
    pq.write_table(compas.append_column("part", pa.array(np.where(inside, "test", "train"))), file)
    part = {"path": str(file), "split_column": "part", "label": "two_year_recid", "positive": 1, "id": "id"}
    return [
        Task(
            "Adult",
            {"name": "adult", "split": "test"}, {"name": "adult", "split": "train"},
            ["sex", "race"], [["sex"], ["race"], ["sex", "race"]],
        ),
        Task(
            "COMPAS",
            {**part, "split": "test", "sensitive": ["race"]}, {"path": str(file), "split": "train"},
            ["race"], [["race"]],
            ["age", "priors_count", "c_charge_degree", "juv_fel_count", "juv_misd_count", "juv_other_count"],
        ),
        Task(
            "Law school",
            {"name": "law_school", "split": "test"}, {"name": "law_school", "split": "train"},
            ["race"], [["race"]],
            ["decile1b", "decile3", "lsat", "ugpa", "zfygpa", "zgpa", "fulltime", "fam_inc", "tier"],
        ),
    ]  # fmt: skip


def settings(task: Task, estimator: str, params: dict[str, Any]) -> Iterator[Setting]:
    """Train a model as an audit does, and give the rows to all tools."""
    config = {
        "audit": "benchmark", "data": task.data, "slices": {"by": task.sensitive},
        "model": {"estimator": estimator, "params": params, "features": task.features,
                  "train": {**task.train, "validation": SHARE}},
    }  # fmt: skip
    made = read(config)
    data = evaluation_set(made)
    model: Any = load_model(made, data, None, silent)
    training, validation = (rows() for rows in learning(made, model) if rows)
    held_out = rows_of(data, model.columns)
    ids = [rows.ids.to_pylist() for rows in (training, validation, held_out) if rows.ids is not None]
    assert sum(map(len, ids)) == len(set().union(*ids)), "a row is in two parts"
    context = Context(
        seed=0, sample=held_out.batch.slice(0, 32), training=lambda: training, validation=lambda: validation,
        original=model, sensitive=tuple(task.sensitive), row_id=data.id,
    )  # fmt: skip
    encoder, _ = parts(model.fitted)
    encoded = [encoder.transform(_frame(model, rows)) for rows in (training, validation, held_out)]
    for by in task.by:
        pieces = [
            Part(rows, x, _groups(rows, by))
            for rows, x in zip((training, validation, held_out), encoded, strict=True)
        ]
        yield Setting(config, model, context, by, *pieces)


def _frame(model: Any, rows: TrainingRows) -> Any:
    return frame(pa.table(rows.batch), model.columns)


def _groups(rows: TrainingRows, by: list[str]) -> NDArray[np.str_]:
    codes, keys = rows.slices(by, "the benchmark")
    return np.array([" & ".join(key) for key in keys])[codes]


# --- What fairweigh does ---


def planned(by: list[str]) -> dict[str, tuple[str, dict[str, Any], str | None]]:
    """Every mitigation of fairweigh for scikit-learn models: recipe, parameters, disparity that it limits."""
    # Slices of less than 30 rows cannot have a threshold of their own where features are crossed.
    sliced = {"by": by, "unseen": "common" if len(by) > 1 else "error"}
    limit = {"limit": f"<= {LIMIT}"}
    return {
        "reweighing": ("reweighing", {"by": by}, None),
        "resampling": ("resampling", {"by": by}, None),
        "correlation remover": ("correlation-remover", {"by": by}, None),
        "exponentiated gradient, EO": (
            "exponentiated-gradient", {"by": by, "constraint": EO, "max_iter": ITERATIONS}, EO),
        "grid search, EO": ("grid-search", {"by": by, "constraint": EO}, EO),
        "thresholds, EO ≤ 5": ("threshold", {**sliced, **limit, "constraint": EO}, EO),
        "thresholds, DP ≤ 5": ("threshold", {**sliced, **limit, "constraint": DP}, DP),
        "one threshold, EO ≤ 5": ("threshold", {**sliced, **limit, "constraint": EO, "common": True}, EO),
        "reject option, DP ≤ 5": ("reject-option", {**sliced, **limit}, DP),
        "threshold optimizer, EO": ("threshold-optimizer", {**sliced, "constraint": EO}, EO),
        "threshold optimizer, DP": ("threshold-optimizer", {**sliced, "constraint": DP}, DP),
        "calibration by slice": ("calibration", sliced, None),
    }  # fmt: skip


TRAINED = ("reweighing", "resampling", "correlation-remover", "exponentiated-gradient", "grid-search")


def own(setting: Setting, recipe: str, params: dict[str, Any]) -> Decider:
    """Make a variant: the model loaded from its artefact."""
    with tempfile.TemporaryDirectory() as folder:
        made = make(setting.model, [(recipe, params)], setting.context, Path(folder) / "artefact")
    known = params.get("unseen") != "common"
    return Decider(partial(_decided, made.model), partial(_chance, made.model) if known else None)


def _decided(model: Any, part: Part) -> Bools:
    return np.asarray(model.score(part.rows.batch, part.rows.ids).decision)


def _chance(model: Any, part: Part) -> Floats:
    """Chance of selection by a rule, or by what decides without one."""
    scored = model.score(part.rows.batch, part.rows.ids)
    rule = getattr(model, "rule", None)
    if isinstance(rule, StepRule):
        return rule.chance(rule.groups.codes(part.rows.batch), scored.score)
    return np.asarray(scored.score if isinstance(rule, ChanceRule) else scored.decision, float)


# --- What the others do ---


def aif360_reweighing(setting: Setting) -> Decider:
    """The same classifier with AIF360's weights."""
    import pandas as pd
    from aif360.sklearn.preprocessing import Reweighing

    part = setting.training
    index = pd.Index(part.groups, name="slice")
    rows = pd.DataFrame({"x": np.zeros(len(index))}, index=index)
    _, weights = Reweighing("slice").fit_transform(rows, pd.Series(part.label, index=index))
    fitted = clone(setting.classifier).fit(part.x, part.label, sample_weight=np.asarray(weights))
    return Decider(lambda part: np.asarray(fitted.predict(part.x) == 1))


def fairlearn_remover(setting: Setting) -> Decider:
    """The classifier on features from which fairlearn has removed the slice's linear correlation."""
    part = setting.training
    known = OneHotEncoder(sparse_output=False, drop="first").fit(_sensitive(part, setting.by))

    def joined(part: Part) -> Floats:
        return np.hstack([known.transform(_sensitive(part, setting.by)), part.x])

    width = joined(part).shape[1] - part.x.shape[1]
    remover = CorrelationRemover(sensitive_feature_ids=list(range(width))).fit(joined(part))
    fitted = clone(setting.classifier).fit(remover.transform(joined(part)), part.label)
    return Decider(lambda part: np.asarray(fitted.predict(remover.transform(joined(part))) == 1))


def _sensitive(part: Part, by: list[str]) -> NDArray[Any]:
    return np.stack([part.rows.batch.column(f).to_numpy(zero_copy_only=False) for f in by], axis=1)


def fairlearn_reduction(setting: Setting, kind: str) -> Decider:
    """Training under equalized odds by fairlearn alone."""
    base, moment, part = clone(setting.classifier), reductions.EqualizedOdds(), setting.training
    made: Any = reductions.GridSearch(base, moment)
    if kind == "gradient":
        made = reductions.ExponentiatedGradient(base, moment, max_iter=ITERATIONS)
    made.fit(part.x, part.label, sensitive_features=part.groups)
    if kind != "gradient":
        return Decider(lambda part: np.asarray(made.predict(part.x) == 1))
    return Decider(
        lambda part: np.asarray(made.predict(part.x, random_state=0) == 1),
        lambda part: np.asarray(made._pmf_predict(part.x)[:, 1]),
    )


def fairlearn_optimizer(setting: Setting, constraint: str) -> Decider:
    """The ThresholdOptimizer of fairlearn, of the fitted classifier by itself."""
    made = ThresholdOptimizer(
        estimator=setting.classifier, prefit=True, predict_method="predict_proba", constraints=constraint
    )
    part = setting.validation
    made.fit(part.x, part.label, sensitive_features=part.groups)
    return Decider(
        lambda part: np.asarray(made.predict(part.x, sensitive_features=part.groups, random_state=0) == 1),
        lambda part: np.asarray(made._pmf_predict(part.x, sensitive_features=part.groups)[:, 1]),
    )


def oxonfair_thresholds(setting: Setting, constraint: str) -> Decider:
    """OxonFair's search of the fitted classifier's thresholds, with the gap that fairweigh limits."""
    from oxonfair import FairPredictor, group_metrics

    gap = {EO: group_metrics.equalized_odds_max, DP: group_metrics.pos_pred_rate.max_diff}[constraint]

    def given(part: Part) -> dict[str, Any]:
        return {"data": part.x, "target": part.label, "groups": part.groups}

    made = FairPredictor(setting.classifier, given(setting.validation))
    made.fit(group_metrics.accuracy, gap, LIMIT)
    return Decider(lambda part: np.asarray(made.predict(given(part)) == 1))


def arms(setting: Setting) -> Iterator[Arm]:
    """Every mitigation by every tool that has it; those of one mitigation follow each other."""
    others: dict[str, list[tuple[str, Callable[[], Decider]]]] = {
        "reweighing": [("AIF360", partial(aif360_reweighing, setting))],
        "correlation remover": [("fairlearn", partial(fairlearn_remover, setting))],
        "exponentiated gradient, EO": [("fairlearn", partial(fairlearn_reduction, setting, "gradient"))],
        "grid search, EO": [("fairlearn", partial(fairlearn_reduction, setting, "grid"))],
        "threshold optimizer, EO": [("fairlearn", partial(fairlearn_optimizer, setting, EO))],
        "threshold optimizer, DP": [("fairlearn", partial(fairlearn_optimizer, setting, DP))],
    }
    if len(set(setting.validation.groups)) <= MOST_SLICES:
        others["thresholds, EO ≤ 5"] = [("OxonFair", partial(oxonfair_thresholds, setting, EO))]
        others["thresholds, DP ≤ 5"] = [("OxonFair", partial(oxonfair_thresholds, setting, DP))]
    yield Arm("none", "", lambda: Decider(partial(_decided, setting.model)))
    for name, (recipe, params, limited) in planned(setting.by).items():
        if len(setting.by) > 1 and recipe in ("exponentiated-gradient", "grid-search"):
            continue
        rule = recipe not in TRAINED
        yield Arm(name, "fairweigh", partial(own, setting, recipe, params), limited, rule)
        for tool, fit in others.get(name, []):
            yield Arm(name, tool, fit, limited, rule)


# --- The tables ---


def figures(setting: Setting, part: Part, decision: Bools) -> Figures:
    """Audit decisions as a table of predictions."""
    columns = {f: part.rows.batch.column(f) for f in setting.by}
    table = pa.table({**columns, "label": part.label, "decision": decision.astype(np.int8)})
    config = {
        "audit": "decisions", "data": {"path": "decisions", "label": "label", "sensitive": setting.by},
        "slices": {"by": setting.by, "intersections": len(setting.by)},
        "model": {"kind": "predictions", "decision": "decision"},
        "metrics": ["accuracy", "selection_rate", "true_positive_rate", "false_positive_rate"],
        "report": {"charts": False},
    }  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        result = fairweigh.run(config, Path(folder) / "run", data=table)
    return read_off(result.variants[0], setting.by)


def read_off(variant: Variant, by: list[str]) -> Figures:
    """Accuracy and gaps of a variant of an audit."""
    # Where slices of less than 30 rows are compared as well, the gap without them comes last.
    gaps = {
        d.name.removesuffix("_difference"): d
        for d in variant.disparities
        if d.by == by and d.scope == "between" and d.name in (f"{EO}_difference", f"{DP}_difference")
    }
    return Figures(variant.overall["accuracy"], gaps)


def percent(found: Estimate | Disparity) -> str:
    """A figure with its limits, in hundredths."""
    if found.value is None or found.low is None or found.high is None:
        return "undefined"
    return f"{100 * found.value:.1f} ({100 * found.low:.1f}–{100 * found.high:.1f})"


@dataclass
class Row:
    """A row of a table, which tools that decide alike share."""

    mitigation: str
    tool: str
    cells: list[str]
    decider: Decider | None = None
    decision: Bools | None = None
    fitted: Figures | None = None

    def __str__(self) -> str:
        return f"| {' | '.join([self.mitigation, self.tool, *self.cells])} |"


def table_of(task: Task, model: str, setting: Setting) -> dict[str, Figures]:
    """Print the table of one model and feature; returns the figures of fairweigh's own variants."""
    part, share = setting.held_out, setting.held_out.label.mean()
    print(
        f"\n### {task.title}, {model}, by {' and '.join(setting.by)}\n\n"
        f"{len(part.label):,} held-out rows, {len(setting.training.label):,} to train on, "
        f"{len(setting.validation.label):,} for rules; deciding all alike would be right for "
        f"{100 * max(share, 1 - share):.1f} %.\n\n"
        "| mitigation | by | accuracy, % | EO gap | DP gap | limited gap, at accuracy, where fitted |\n"
        "|---|---|--:|--:|--:|--:|"
    )
    rows: list[Row] = []
    found: dict[str, Figures] = {}
    apart: dict[str, float] = {}
    for arm in arms(setting):
        print(f"{time.strftime('%H:%M:%S')} {arm.mitigation} {arm.tool}", file=sys.stderr)
        try:
            decider = arm.fit()
            decision = decider.decide(part)
        except (InputError, ValueError) as error:
            why = "; ".join(str(error).splitlines()[0].split("; ")[:2])
            rows.append(Row(arm.mitigation, arm.tool, [f"not possible: {why}", "", "", ""]))
            continue
        before = next((row for row in rows if row.decider and row.mitigation == arm.mitigation), None)
        if before and before.decision is not None and np.array_equal(before.decision, decision):
            before.tool += f" = {arm.tool}"
            continue
        if before and before.decider and before.decider.chance and decider.chance:
            apart[arm.mitigation] = float(np.abs(before.decider.chance(part) - decider.chance(part)).max())
        told = figures(setting, part, decision)
        fitted = setting.validation if arm.rule else setting.training
        where, there = "", None
        if arm.limited:
            there = figures(setting, fitted, decider.decide(fitted))
            accuracy, gap = there.accuracy.value, there.gaps[arm.limited].value
            assert accuracy is not None
            assert gap is not None
            where = f"{100 * gap:.1f} at {100 * accuracy:.1f}"
            if arm.tool == "OxonFair" and before and before.fitted and gap <= LIMIT:
                assert before.fitted.accuracy.value is not None
                assert before.fitted.accuracy.value >= accuracy, "the exact search is beaten"
        cells = [percent(told.accuracy), percent(told.gaps[EO]), percent(told.gaps[DP]), where]
        rows.append(Row(arm.mitigation, arm.tool, cells, decider, decision, there))
        if arm.tool in ("", "fairweigh"):
            found[arm.mitigation] = told
    print("\n".join(map(str, rows)))
    if apart:
        told_apart = "; ".join(f"{name}: {most:.1e}" for name, most in apart.items())
        print(
            f"\nMost that a row's chance by fairweigh's rule differs from that by fairlearn's: {told_apart}."
        )
        assert max(apart.values()) < 1e-6, apart
    sys.stdout.flush()
    return found


def check_whole_audit(setting: Setting, found: dict[str, Figures]) -> None:
    """Assert that a whole audit of the same variants gives the same figures."""
    plan = planned(setting.by)
    names = {name: f"v{i}" for i, name in enumerate(plan)}
    mitigations = [
        {"name": names[name], "recipe": {recipe: params}} for name, (recipe, params, _) in plan.items()
    ]
    with tempfile.TemporaryDirectory() as folder:
        result: AuditResult = fairweigh.run(
            {**setting.config, "mitigations": mitigations, "report": {"charts": False}}, Path(folder) / "run"
        )
    variants = {v.name: read_off(v, setting.by) for v in result.variants}
    # What no thresholds can do fails there as it does here.
    assert {v.name for v in result.failed} == {names[name] for name in plan if name not in found}
    for name, figure in found.items():
        assert variants[names.get(name, "original")] == figure, name
    print("\nA whole audit gave the same figures and limits in every row of fairweigh's.")


# --- Checks and speed ---


def check_weights() -> None:
    """Assert that AIF360 gives the cell weights that fairweigh gives, on Adult as AIF360 loads it."""
    from aif360.algorithms.preprocessing import Reweighing
    from aif360.datasets import StandardDataset

    rows = cards.load("adult", "all").drop_columns(["id", "split"])
    texts = ["workclass", "education", "marital-status", "occupation", "relationship", "native-country"]
    # As aif360.datasets.AdultDataset calls it; that class cannot read these files.
    theirs = StandardDataset(
        rows.to_pandas(), label_name="income", favorable_classes=[">50K"],
        protected_attribute_names=["race", "sex"], privileged_classes=[["White"], ["Male"]],
        categorical_features=texts, features_to_drop=["fnlwgt"],
    )  # fmt: skip
    fitted = Reweighing([{"sex": 0.0}], [{"sex": 1.0}]).fit(theirs)
    given = [fitted.w_p_fav, fitted.w_p_unfav, fitted.w_up_fav, fitted.w_up_unfav]
    whole = rows.drop_columns(["fnlwgt"]).drop_null()
    assert len(theirs.labels) == len(whole) == 45_222
    men = pa.compute.equal(whole["sex"], "Male").to_numpy()
    label = pa.compute.equal(whole["income"], ">50K").to_numpy()
    ours, _ = cell_weights(men.astype(np.intp), label)
    np.testing.assert_allclose(ours[[1, 1, 0, 0], [1, 0, 1, 0]], given, rtol=1e-12)
    np.testing.assert_allclose(given, list(CELLS.values()), atol=5e-11)
    print(f"Weights of reweighing by sex on the {len(whole):,} rows of Adult that AIF360 keeps, of both:\n")
    print("| cell | fairweigh | AIF360 |\n|---|--:|--:|")
    for name, (i, j), other in zip(CELLS, [(1, 1), (1, 0), (0, 1), (0, 0)], given, strict=True):
        print(f"| {name} | {ours[i, j]:.10f} | {other:.10f} |")
    print(flush=True)


def speed(task: Task) -> None:
    """Print how long the exact search takes beside fairlearn's fit, on the same scores."""
    heads = ("model", "constraint", "fairlearn", "own search", "own, with its curve")
    print(f"| {' | '.join(heads)} | fairlearn / own search (at least 20) |")
    print("|---|---|--:|--:|--:|--:|")
    for name, (estimator, params) in MODELS.items():
        # No rows need to be set aside to time a search: all 32,561 are scored.
        model = {"estimator": estimator, "params": params, "train": task.train}
        config = read({"audit": "speed", "data": task.data, "slices": {"by": task.sensitive}, "model": model})
        fitted: Any = load_model(config, evaluation_set(config), None, silent)
        get = learning(config, fitted)[0]
        assert get is not None
        rows = get()
        codes, _ = rows.slices(["sex", "race"], "speed")
        score, label = fitted.score(rows.batch, rows.ids).score, rows.known_labels("speed")
        for constraint in (DP, EO):
            best = fastest(searches(score, label, codes, constraint))
            cells = " | ".join(f"{1000 * best[arm]:.1f} ms" for arm in ("fairlearn", "own", "curve"))
            ratio = best["fairlearn"] / best["own"]
            print(f"| {name} | {constraint.replace('_', ' ')} | {cells} | {ratio:.1f} |", flush=True)


def searches(
    score: Floats, label: Bools, codes: NDArray[np.intp], constraint: str
) -> dict[str, Callable[[], object]]:
    """What is timed, from scores, labels and slices to thresholds."""
    metrics = next(row.metrics for row in DISPARITIES if row.name == constraint)
    limit, accuracy = Constraint(metrics, "difference", LIMIT, True), METRICS["accuracy"]
    optimizer = ThresholdOptimizer(
        estimator=column_scores(), prefit=True, predict_method="predict", constraints=constraint
    )
    whole, names = label.astype(int), codes.astype(str)

    def cuts() -> list[Candidates]:
        rows = [np.flatnonzero(codes == code) for code in range(codes.max() + 1)]
        return [candidates(score[of], label[of]) for of in rows]

    def with_curve() -> object:
        every = cuts()
        return search(every, accuracy, limit), curve(every, accuracy, limit)

    return {
        "fairlearn": lambda: optimizer.fit(score[:, None], whole, sensitive_features=names),
        "own": lambda: search(cuts(), accuracy, limit),
        "curve": with_curve,
    }


def fastest(calls: dict[str, Callable[[], object]]) -> dict[str, float]:
    """The least seconds of each call over some rounds in which they take turns.

    Processor time, of one thread: other work on the machine counts for less.
    """
    best = dict.fromkeys(calls, np.inf)
    for _ in range(ROUNDS):
        for name, call in calls.items():
            start = time.process_time()
            call()
            best[name] = min(best[name], time.process_time() - start)
    return best


def main() -> None:
    """Run the benchmark; ``--speed`` prints the times alone."""
    warnings.simplefilter("ignore")
    # AIF360 tells on import what it could do with more packages.
    logging.disable(logging.WARNING)
    # On cores that are shared, threads that wait for each other take ten times as long as one.
    with threadpool_limits(1), tempfile.TemporaryDirectory() as folder:
        every = tasks(Path(folder))
        speed(every[0])
        if "--speed" in sys.argv[1:]:
            return
        check_weights()
        for task in every:
            for name, (estimator, params) in MODELS.items():
                for setting in settings(task, estimator, params):
                    found = table_of(task, name, setting)
                    if task.title == "COMPAS":
                        check_whole_audit(setting, found)


if __name__ == "__main__":
    main()
