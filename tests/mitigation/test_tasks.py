"""Recipes for several classes and for numbers: weights by hand, scikit-learn and fairlearn by themselves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from fairweigh.audit.making.training import rows_of
from fairweigh.compression.registry import Done
from fairweigh.datasets.errors import InputError
from fairweigh.datasets.evaluation import EvaluationSet
from fairweigh.datasets.training import TrainingRows
from fairweigh.mitigation.bounded import ScaledLoss, bounded, noise
from fairweigh.mitigation.recipes.balancing import slice_weights
from fairweigh.mitigation.recipes.calibration import inverse_temperature, log_loss
from fairweigh.mitigation.recipes.reweighing import cell_weights
from fairweigh.mitigation.retraining import same_classes
from fairweigh.models.base import Scored
from fairweigh.models.estimator import EstimatorModel
from fairweigh.models.rules import rule_of
from fairweigh.models.temperature import scaled
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.linear_model import LinearRegression
from sklearn.utils.class_weight import compute_sample_weight

from .conftest import model_of, rates
from .samples import CLASSES, graded, paid


def learned(table: pa.Table, task: str) -> TrainingRows:
    data = EvaluationSet(table, sensitive=["group"], label="y", name="the rows", task=task)
    return rows_of(data, ["x1", "x2", "group"])


def inside(model: EstimatorModel, rows: Any) -> tuple[Any, Any]:
    """The encoded rows, and the estimator behind the encoding."""
    return model.fitted[:-1].transform(model.frame(rows.batch)), model.fitted.steps[-1][1]


# --- several classes ----------------------------------------


def test_weights_of_three_classes_are_those_of_the_formula() -> None:
    """P(slice) P(class) / P(slice, class), counted by hand: 8 rows, 5 of slice 0; classes 4, 2, 2."""
    codes, labels = np.array([0, 0, 0, 0, 0, 1, 1, 1]), np.array([0, 0, 0, 1, 2, 0, 1, 2])
    weights, counts = cell_weights(codes, labels, classes=3)
    assert counts.tolist() == [[3, 1, 1], [1, 1, 1]]
    by_hand = [[5 * 4 / 8 / 3, 5 * 2 / 8, 5 * 2 / 8], [3 * 4 / 8, 3 * 2 / 8, 3 * 2 / 8]]
    np.testing.assert_allclose(weights, by_hand)
    each = weights[codes, labels]
    for name in range(3):
        shares = [np.average(labels[codes == s] == name, weights=each[codes == s]) for s in (0, 1)]
        assert shares[0] == pytest.approx(shares[1]) == pytest.approx(np.mean(labels == name))


def test_a_model_of_classes_is_what_scikit_learn_trains_with_these_weights(
    applied: Callable[..., tuple[Any, Done]],
) -> None:
    rows = learned(graded(900, 1), "multiclass")
    model = model_of(rows)
    changed, done = applied(model, "reweighing", {}, rows, rows)
    x, estimator = inside(model, rows)
    place = np.array([CLASSES.index(name) for name in rows.labels])
    codes, _ = rows.slices(["group"], "test")
    weights, _ = cell_weights(codes, place, classes=3)
    own = clone(estimator).fit(x, place, sample_weight=weights[codes, place])
    np.testing.assert_array_equal(changed.score(rows.batch, None).score, own.predict_proba(x))
    assert changed.classes == CLASSES
    told = {(cell["slice"]["group"], cell["label"]): cell["weight"] for cell in done.told["weights"]}
    assert told["b", "high"] == pytest.approx(weights[1, CLASSES.index("high")])


def test_what_was_planted_in_a_class_of_one_group_shrinks(applied: Callable[..., tuple[Any, Done]]) -> None:
    """In group b much of what is high was recorded as mid; on rows without that the gap halves at least."""
    rows, fresh = learned(graded(6000, 2), "multiclass"), graded(8000, 3, harm=0)
    model = model_of(rows)
    changed, _ = applied(model, "reweighing", {}, rows, rows)
    batch, high = learned(fresh, "multiclass").batch, CLASSES.index("high")
    before, after = (rates(m.score(batch, None).decision == high, fresh) for m in (model, changed))
    assert before["a"] - before["b"] > 0.1
    assert abs(after["a"] - after["b"]) < (before["a"] - before["b"]) / 2


def test_resampling_brings_every_cell_of_class_and_slice_to_one_size(
    applied: Callable[..., tuple[Any, Done]], monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = learned(graded(600, 4), "multiclass")
    seen: dict[str, Any] = {}
    monkeypatch.setattr(
        "fairweigh.mitigation.recipes.reweighing.retrained", lambda model, rows, *more: seen.update(rows=rows)
    )
    applied(model_of(rows), "resampling", {"method": "under"}, rows, rows)

    def cells(found: Any) -> NDArray[Any]:
        codes, _ = found.slices(["group"], "test")
        return np.unique([f"{c} {y}" for c, y in zip(codes, found.labels, strict=True)], return_counts=True)[
            1
        ]

    assert set(cells(seen["rows"])) == {cells(rows).min()}
    assert len(cells(seen["rows"])) == 6


def test_a_class_that_was_not_drawn_is_named() -> None:
    model = SimpleNamespace(fitted=SimpleNamespace(classes_=np.array(["high", "low", "mid"])))
    with pytest.raises(InputError, match="none of the model's classes 'mid'"):
        same_classes(model, SimpleNamespace(classes_=np.array(["high", "low"])), "resampling")


def test_the_temperature_is_scikit_learns_and_changes_no_decision(
    applied: Callable[..., tuple[Any, Done]],
) -> None:
    rows = learned(graded(1500, 5), "multiclass")
    model = model_of(rows, "naive_bayes.GaussianNB")
    changed, done = applied(model, "calibration", {"by": ["group"]}, rows, rows)
    before, after = model.score(rows.batch, None), changed.score(rows.batch, None)
    np.testing.assert_array_equal(before.decision, after.decision)
    np.testing.assert_allclose(after.score.sum(axis=1), 1)
    assert rule_of(changed.rule.spec()).inverse == changed.rule.inverse  # type: ignore[attr-defined]
    place = np.array([CLASSES.index(name) for name in rows.labels])
    codes, keys = rows.slices(["group"], "test")
    (told,) = done.told["rules"]
    for code, (key, found) in enumerate(zip(keys, told["slices"], strict=True)):
        from sklearn.metrics import log_loss as of_sklearn

        mine = codes == code
        assert found["slice"] == {"group": key[0]}
        assert found["loss_after"] <= found["loss_before"]
        assert found["loss_after"] == pytest.approx(of_sklearn(place[mine], after.score[mine]), rel=1e-6)
        temperature = pytest.importorskip("sklearn.calibration").__dict__.get("_TemperatureScaling")
        if temperature is not None:  # scikit-learn 1.8 and later
            wanted = temperature().fit(before.score[mine], place[mine]).beta_
            assert 1 / found["temperature"] == pytest.approx(float(wanted), rel=1e-4)


def test_probabilities_that_were_sharpened_threefold_are_found_out() -> None:
    """Labels drawn from known probabilities: the temperature is 3, within four standard errors or so."""
    r = np.random.default_rng(1)
    logits = r.normal(size=(20_000, 4))
    true = scaled(np.exp(logits), 1.0)
    place = (r.random(20_000)[:, None] > true.cumsum(axis=1)).sum(axis=1)
    found = inverse_temperature(scaled(true, 3.0), place, np.ones(20_000))
    assert 1 / found == pytest.approx(3, rel=0.05)
    weighted = inverse_temperature(scaled(true, 3.0), place, np.full(20_000, 0.1))
    assert weighted == pytest.approx(found)
    assert log_loss(np.array([[0.25, 0.75]]), np.array([0]), np.ones(1)) == pytest.approx(np.log(4))


def test_thresholds_of_favourable_classes_are_those_of_their_probability_by_hand(
    applied: Callable[..., tuple[Any, Done]],
) -> None:
    """By the search of two classes on the sum of two probabilities; the likeliest of each side is decided."""
    rows = learned(graded(2500, 8), "multiclass")
    model = model_of(rows)
    params = {"by": ["group"], "constraint": "demographic_parity", "limit": "<= 0.02"}
    changed, done = applied(model, "threshold", params, rows, rows, favourable=("high", "mid"))
    chances = model.score(rows.batch, None).score
    good = np.array([CLASSES.index("high"), CLASSES.index("mid")])
    view = replace(rows, labels=np.isin(rows.labels, ["high", "mid"]), task="binary", classes=())
    two = SimpleNamespace(
        columns=model.columns, whole=False, probability=True, threshold=0.5,
        score=lambda batch, ids: Scored(chances[:, good].sum(1) >= 0.5, chances[:, good].sum(1)),
    )  # fmt: skip
    _, alone = applied(two, "threshold", params, view, view)
    rule, steps = done.rule, alone.rule
    assert [s.tolist() for s in rule.steps.starts] == [s.tolist() for s in steps.starts]  # type: ignore[attr-defined]
    yes = steps.decide(rows.batch, chances[:, good].sum(1))[0]
    low = CLASSES.index("low")
    wanted = np.where(yes, good[chances[:, good].argmax(1)], low)
    after = changed.score(rows.batch, None)
    np.testing.assert_array_equal(after.decision, wanted)
    np.testing.assert_array_equal(after.score, chances)
    np.testing.assert_array_equal(rule_of(rule.spec()).decide(rows.batch, chances)[0], wanted)
    found = rates(after.decision != low, pa.table(rows.batch))
    assert abs(found["a"] - found["b"]) <= 0.02 + 1e-9
    with pytest.raises(InputError, match="expected some, not all, of the model's classes"):
        applied(model, "threshold", params, rows, rows, favourable=CLASSES)


# --- numbers ------------------------------------------------


def test_slices_of_equal_weight_are_scikit_learns_balanced_ones(
    applied: Callable[..., tuple[Any, Done]],
) -> None:
    rows = learned(paid(700, 1), "regression")
    model = model_of(rows, "linear_model.LinearRegression")
    codes, _ = rows.slices(["group"], "test")
    balanced = compute_sample_weight("balanced", codes)
    np.testing.assert_allclose(slice_weights(codes)[codes], balanced)
    changed, done = applied(model, "slice-balancing", {}, rows, rows)
    x, _ = inside(model, rows)
    own = LinearRegression().fit(x, rows.labels, sample_weight=balanced)
    np.testing.assert_allclose(changed.score(rows.batch, None).score, own.predict(x), rtol=1e-10)
    assert {cell["label"] for cell in done.told["weights"]} == {None}
    own_weights = np.where(codes == 0, 3.0, 1.0)
    each = slice_weights(codes, own_weights)[codes] * own_weights
    assert each[codes == 0].sum() == pytest.approx(each[codes == 1].sum())


def losses(predicted: np.ndarray, rows: TrainingRows) -> list[float]:
    codes, _ = rows.slices(["group"], "test")
    return [float(np.mean((predicted - rows.labels)[codes == code] ** 2)) for code in (0, 1)]


@pytest.mark.filterwarnings("ignore:Setting a")
def test_bounded_group_loss_is_fairlearns(applied: Callable[..., tuple[Any, Done]]) -> None:
    """On labels from 0 to 1 the scaled loss is fairlearn's own: the same mixture, here its mean."""
    from fairlearn.reductions import BoundedGroupLoss, ExponentiatedGradient, SquareLoss

    table = paid(500, 2)
    y = np.asarray(table["y"])
    unit = (y - y.min()) / np.ptp(y)
    rows = learned(table.set_column(table.column_names.index("y"), "y", pa.array(unit)), "regression")
    model = model_of(rows, "linear_model.LinearRegression")
    before = losses(model.score(rows.batch, None).score, rows)
    bound = 0.8 * max(before)
    changed, done = applied(
        model, "exponentiated-gradient", {"bound": bound, "constraint": "bounded_group_loss"}, rows, rows
    )
    x, _ = inside(model, rows)
    codes, _ = rows.slices(["group"], "test")
    nu = noise(ScaledLoss("square", rows.labels), rows.labels, model.score(rows.batch, None).score)
    own = ExponentiatedGradient(
        LinearRegression(), BoundedGroupLoss(SquareLoss(-np.inf, np.inf), upper_bound=bound), nu=nu
    ).fit(x, rows.labels, sensitive_features=codes.astype(str))
    mean = sum(w * own.predictors_[i].predict(x) for i, w in own.weights_.items())
    after = changed.score(rows.batch, None).score
    np.testing.assert_allclose(after, mean, atol=1e-9)
    assert max(losses(after, rows)) <= bound * (1 + 1e-6)
    drawn = sum(
        w * np.array(losses(own.predictors_[i].predict(x), rows)) for i, w in own.weights_.items() if w > 0
    )
    assert (np.array(losses(after, rows)) <= drawn + 1e-12).all()
    assert "the mean of" in done.changed
    assert "bound" in done.notes[-1]


@pytest.mark.parametrize(
    "recipe", [("exponentiated-gradient", {"bound": 45.0}), ("grid-search", {"constraint_weight": 1.0})]
)
def test_the_loss_of_the_slice_that_was_badly_predicted_falls_on_other_rows(
    recipe: tuple[str, Any], applied: Callable[..., tuple[Any, Done]]
) -> None:
    rows, fresh = (learned(paid(n, seed), "regression") for n, seed in ((1500, 3), (3000, 4)))
    model = model_of(rows, "linear_model.LinearRegression")
    changed, _ = applied(model, *recipe, rows, rows)
    before, after = (losses(m.score(fresh.batch, None).score, fresh) for m in (model, changed))
    assert before[1] > 2 * before[0]
    assert after[1] < 0.9 * before[1]


@pytest.mark.filterwarnings("ignore:Setting a")
def test_grid_search_keeps_the_regressor_that_fairlearn_keeps(
    applied: Callable[..., tuple[Any, Done]],
) -> None:
    from fairlearn.reductions import BoundedGroupLoss, GridSearch, SquareLoss

    rows = learned(paid(500, 5), "regression")
    model = model_of(rows, "linear_model.LinearRegression")
    changed, _ = applied(model, "grid-search", {}, rows, rows)
    x, _ = inside(model, rows)
    codes, _ = rows.slices(["group"], "test")
    own = GridSearch(LinearRegression(), BoundedGroupLoss(SquareLoss(-np.inf, np.inf)), grid_size=10)
    own.fit(x, rows.labels, sensitive_features=codes.astype(str))
    np.testing.assert_allclose(changed.score(rows.batch, None).score, own.predict(x), rtol=1e-8)


def test_a_bound_holds_in_any_unit_and_one_that_cannot_be_kept_is_told(
    applied: Callable[..., tuple[Any, Done]],
) -> None:
    rows = learned(paid(400, 6), "regression")
    model = model_of(rows, "linear_model.LinearRegression")
    worst = max(losses(model.score(rows.batch, None).score, rows))
    _, done = applied(model, "exponentiated-gradient", {"bound": worst / 100, "max_iter": 6}, rows, rows)
    assert "is not kept" in done.notes[-1]
    loss = ScaledLoss("absolute", rows.labels * 1000)
    assert bounded(loss, 500.0).upper_bound == pytest.approx(0.5 / np.ptp(rows.labels))
    flat = replace(rows, labels=np.full(len(rows), 7.0))
    with pytest.raises(InputError, match="all have the label 7; expected several"):
        applied(model, "grid-search", {}, flat, flat)


def test_predictions_lose_their_linear_correlation_with_the_group(
    applied: Callable[..., tuple[Any, Done]],
) -> None:
    rows = learned(paid(2000, 7), "regression")
    model = model_of(rows, "linear_model.LinearRegression")
    changed, _ = applied(model, "correlation-remover", {}, rows, rows)
    codes, _ = rows.slices(["group"], "test")
    before, after = (abs(np.corrcoef(codes, m.score(rows.batch, None).score)[0, 1]) for m in (model, changed))
    assert before > 0.2
    assert after < 1e-6
