"""The recipes that are fairlearn's: the same chances and decisions as fairlearn gives by itself."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from fairlearn.postprocessing import ThresholdOptimizer
from fairweigh.audit.making.training import rows_of
from fairweigh.compression.registry import Context, Done
from fairweigh.datasets.errors import InputError
from fairweigh.datasets.evaluation import EvaluationSet
from fairweigh.datasets.training import TrainingRows
from fairweigh.mitigation.fitting import column_scores
from fairweigh.mitigation.recipes import find
from fairweigh.models.base import Scored
from fairweigh.models.estimator import EstimatorModel
from fairweigh.models.frames import frame
from fairweigh.models.mixture import Mixture

from .conftest import FEATURES, biased, model_of, rows


def scored(score: np.ndarray, label: np.ndarray, group: np.ndarray) -> tuple[Any, TrainingRows]:
    """A table's scores as a model, and its rows."""
    table = pa.table({"s": score, "y": label.astype(int), "group": group})
    learned = rows_of(EvaluationSet(table, sensitive=["group"], label="y", name="rows"), ["s"])

    def read(batch: Any, ids: Any) -> Scored:
        found = batch["s"].to_numpy()
        return Scored(found >= 0.5, found)

    model = SimpleNamespace(columns=["s"], whole=False, probability=True, threshold=0.5, score=read)
    return model, learned


def rule_of(model: Any, learned: Any, **params: Any) -> Any:
    step = find("threshold-optimizer", "scores")
    given = step.params.model_validate({"by": ["group"], **params})
    context = Context(
        0, learned.batch.slice(0, 4), None, lambda: learned, original=model, sensitive=("group",)
    )
    return step.apply(model, given, context)


def same_as_fairlearn(
    score: np.ndarray,
    label: np.ndarray,
    group: np.ndarray,
    constraint: Any,
    objective: str = "accuracy_score",
    **more: Any,
) -> Any:
    """Fit both on the same rows; compare the chance of every row, and decisions under the same draws."""
    model, learned = scored(score, label, group)
    done = rule_of(model, learned, constraint=constraint, objective=objective, **more)
    own = ThresholdOptimizer(
        estimator=column_scores(), prefit=True, predict_method="predict", constraints=constraint,
        objective=objective, **more,
    ).fit(score[:, None], label.astype(int), sensitive_features=group)  # fmt: skip
    wanted = own._pmf_predict(score[:, None], sensitive_features=group)[:, 1]
    found = done.rule.chance(done.rule.groups.codes(learned.batch), score)
    np.testing.assert_allclose(found, wanted, atol=1e-12)
    draws = np.random.RandomState(11).rand(len(score))
    np.testing.assert_array_equal(
        found >= draws, own.predict(score[:, None], sensitive_features=group, random_state=11) == 1
    )
    return done


CONSTRAINTS = [
    ("demographic_parity", "accuracy_score"),
    ("demographic_parity", "balanced_accuracy_score"),
    ("true_positive_rate_parity", "accuracy_score"),
    ("false_positive_rate_parity", "accuracy_score"),
    ("equalized_odds", "accuracy_score"),
]


def real(name: str, folder: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Scores, labels and groups of Adult (a logistic regression, sex) or COMPAS (its deciles, race)."""
    if name == "compas":
        data = EvaluationSet.from_card("compas", "two-years", sensitive=["race"])
        learned = rows_of(data, ["decile_score"])
        score = np.asarray(learned.batch["decile_score"].to_numpy(), float) / 10
        codes, keys = learned.slices(["race"], "test")
    else:
        data = EvaluationSet.from_card("adult", "train", sensitive=["sex"])
        learned = rows_of(data, ["age", "education-num", "hours-per-week"])
        from sklearn.linear_model import LogisticRegression

        x = np.stack([learned.batch[c].to_numpy() for c in ("age", "education-num", "hours-per-week")], 1)
        score = LogisticRegression(max_iter=500).fit(x, learned.labels).predict_proba(x)[:, 1]
        codes, keys = learned.slices(["sex"], "test")
    return score, learned.labels, np.array([key[0] for key in keys])[codes]


@pytest.mark.parametrize("name", ["adult", "compas"])
@pytest.mark.parametrize(("constraint", "objective"), CONSTRAINTS)
def test_real_data_give_fairlearns_rule(
    name: str, constraint: Any, objective: str, data_folder: Path
) -> None:
    score, label, group = real(name, data_folder)
    count = {g: int((group == g).sum()) for g in np.unique(group)}
    held = np.isin(group, [g for g, n in count.items() if n >= 30])
    same_as_fairlearn(score[held], label[held], group[held], constraint, objective)


@pytest.mark.parametrize(("constraint", "objective"), CONSTRAINTS)
@pytest.mark.parametrize("flip", [False, True])
def test_generated_rows_give_fairlearns_rule(constraint: Any, objective: str, flip: bool) -> None:
    r = np.random.default_rng(5)
    group = r.choice(["a", "b", "c"], 600)
    label = r.random(600) < 0.3 + 0.2 * (group == "b")
    score = np.round(np.clip(0.4 * label + r.normal(0.3, 0.2, 600) * np.where(group == "c", -1, 1), 0, 1), 2)
    done = same_as_fairlearn(score, label, group, constraint, objective, flip=flip)
    (told,) = done.told["rules"]
    # Exact parity by lot, as far as fairlearn's grid of 1,000 points goes.
    assert told["disparity"] < 0.01
    assert told["kind"] == ("randomised" if done.rule.randomised else "thresholds")
    if done.rule.randomised:
        assert told["seed"] == 0
        assert told["drawn_by"] == ["s"]
        assert "drawn by lot (seed 0)" in done.notes[0]


def test_what_fairlearn_refuses_is_one_line() -> None:
    r = np.random.default_rng(0)
    score, label = r.random(200), r.random(200) < 0.5
    model, learned = scored(score, label, r.choice(["a", "b"], 200))
    with pytest.raises(InputError, match=r"threshold-optimizer: .*equalized"):
        rule_of(model, learned, constraint="equalized_odds", objective="selection_rate")


def encoded(model: EstimatorModel, learned: TrainingRows) -> Any:
    return model.fitted[:-1].transform(frame(pa.table(learned.batch), FEATURES))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_mixture_is_the_one_of_exponentiated_gradient(applied: Callable[..., tuple[Any, Done]]) -> None:
    from fairlearn.reductions import DemographicParity, ExponentiatedGradient
    from sklearn.base import clone

    learned = rows(biased(800, 1))
    model = model_of(learned)
    params = {"by": ["group"], "constraint": "demographic_parity", "bound": 0.02, "max_iter": 15}
    changed, done = applied(model, "exponentiated-gradient", params, learned, learned)
    codes, _ = learned.slices(["group"], "test")
    own = ExponentiatedGradient(
        clone(model.fitted[-1]), DemographicParity(difference_bound=0.02), max_iter=15
    ).fit(encoded(model, learned), learned.labels.astype(int), sensitive_features=codes.astype(str))
    fresh = rows(biased(500, 2))
    wanted = own._pmf_predict(encoded(model, fresh))[:, 1]
    found = changed.score(fresh.batch, None)
    np.testing.assert_allclose(found.score, wanted, atol=1e-12)
    assert isinstance(changed.base.fitted, Mixture)
    # Each decision is drawn at its chance: the rate lies within 4 standard errors of the mean chance.
    error = np.sqrt((wanted * (1 - wanted)).sum()) / len(wanted)
    assert abs(found.decision.mean() - wanted.mean()) < 4 * error
    assert done.told["rules"][0]["kind"] == "randomised"
    still, _ = applied(model, "exponentiated-gradient", params | {"randomised": False}, learned, learned)
    np.testing.assert_array_equal(still.score(fresh.batch, None).decision, found.score >= 0.5)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_grid_search_keeps_the_predictor_that_fairlearn_keeps(
    applied: Callable[..., tuple[Any, Done]],
) -> None:
    from fairlearn.reductions import EqualizedOdds, GridSearch
    from sklearn.base import clone

    learned = rows(biased(800, 3))
    model = model_of(learned)
    changed, _ = applied(model, "grid-search", {"by": ["group"], "grid_size": 7}, learned, learned)
    codes, _ = learned.slices(["group"], "test")
    own = GridSearch(clone(model.fitted[-1]), EqualizedOdds(), grid_size=7)
    own.fit(encoded(model, learned), learned.labels.astype(int), sensitive_features=codes.astype(str))
    fresh = rows(biased(500, 4))
    wanted = own.predictors_[own.best_idx_].predict_proba(encoded(model, fresh))[:, 1]
    np.testing.assert_array_equal(changed.score(fresh.batch, None).score, wanted)


def test_no_linear_correlation_is_left_on_the_training_rows(applied: Callable[..., tuple[Any, Done]]) -> None:
    learned = rows(biased(1000, 5))
    model = model_of(learned)
    changed, done = applied(model, "correlation-remover", {"by": ["group"]}, learned, learned)
    x = frame(pa.table(learned.batch), changed.columns)
    left = changed.fitted[:-1].transform(x)
    codes, _ = learned.slices(["group"], "test")
    moving = left.std(0) > 1e-9
    correlation = [np.corrcoef(column, codes)[0, 1] for column in left[:, moving].T]
    np.testing.assert_allclose(correlation, 0, atol=1e-10)
    assert done.told["needs"] == ["group"]
    assert changed.columns == FEATURES


@pytest.mark.parametrize(
    "constraint", ["true_positive_rate_parity", "false_positive_rate_parity", "bounded_group_loss"]
)
def test_every_constraint_trains(constraint: str, applied: Callable[..., tuple[Any, Done]]) -> None:
    learned = rows(biased(400, 6))
    params = {"by": ["group"], "constraint": constraint, "max_iter": 5, "bound": 0.3}
    changed, done = applied(model_of(learned), "exponentiated-gradient", params, learned, learned)
    assert constraint in done.changed
    found = changed.score(learned.batch, None)
    assert (found.decision == learned.labels).mean() > 0.6


def test_all_sensitive_columns_are_removed_when_a_category_is_gone_from_the_training_rows(
    applied: Callable[..., tuple[Any, Done]],
) -> None:
    """A saved pipeline knows more categories than the rows it is trained on again."""
    table = biased(900, 7)
    kind = np.random.default_rng(0).choice(["p", "q", "r", "s"], 900)
    table = table.append_column("kind", pa.array(kind))
    columns = [*FEATURES, "kind"]
    data = EvaluationSet(table, sensitive=["group"], label="y", name="rows")
    from fairweigh.models.train import train

    learned = rows_of(data, columns)
    model = train("sklearn.linear_model.LogisticRegression", {}, learned, columns, None, 0)
    few = learned.take(np.flatnonzero(np.isin(kind, ["p", "q"])))
    changed, _ = applied(model, "correlation-remover", {"by": ["group"]}, few, few)
    x = frame(pa.table(few.batch), changed.columns, changed.as_words)
    left = changed.fitted[:-1].transform(x)
    codes, _ = few.slices(["group"], "test")
    moving = left.std(0) > 1e-9
    np.testing.assert_allclose([np.corrcoef(c, codes)[0, 1] for c in left[:, moving].T], 0, atol=1e-9)
