"""Reweighing and resampling against published weights, closed forms and scikit-learn itself."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from fairweigh.compression.registry import Done
from fairweigh.datasets.errors import InputError
from fairweigh.datasets.evaluation import EvaluationSet
from fairweigh.mitigation.recipes.reweighing import cell_weights
from fairweigh.models.frames import frame
from hypothesis import given
from hypothesis import strategies as st

from .conftest import FEATURES, biased, model_of, rates, rows


def test_weights_of_adult_are_those_of_aif360(data_folder: Path) -> None:
    """AIF360 0.6.1, Reweighing on AdultDataset() (45,222 rows), privileged sex = Male."""
    data = EvaluationSet.from_card("adult", "all", sensitive=["sex"], drop_missing=True)
    read = next(data.read(b) for b in data.batches(whole=True))
    assert len(read["y_true"]) == 45_222
    male = np.array(read["sex"].to_pylist()) == "Male"
    label = read["y_true"].to_numpy().astype(bool)
    weights, counts = cell_weights(male.astype(np.intp), label)
    assert counts.sum() == 45_222
    found = [weights[1, 1], weights[1, 0], weights[0, 1], weights[0, 0]]
    np.testing.assert_allclose(found, [0.7931578640, 1.0940092975, 2.1821852220, 0.8485285479], rtol=1e-9)
    each = weights[male.astype(int), label.astype(int)]
    base = [np.average(label[male == s], weights=each[male == s]) for s in (False, True)]
    assert base[0] / base[1] == pytest.approx(1, abs=1e-12)


@given(st.lists(st.tuples(st.integers(0, 3), st.booleans(), st.floats(0.1, 5)), min_size=4, max_size=60))
def test_slice_and_label_are_independent_under_the_weights(drawn: Any) -> None:
    codes = np.array([c for c, _, _ in drawn], np.intp)
    label = np.array([y for _, y, _ in drawn])
    own = np.array([w for _, _, w in drawn])
    weights, _ = cell_weights(codes, label, own)
    each = weights[codes, label.astype(int)] * own
    held = {(c, y) for c, y in zip(codes.tolist(), label.tolist(), strict=True)}
    full = all((c, y) in held for c in set(codes.tolist()) for y in (True, False))
    if full:
        overall = np.average(label, weights=own)
        for code in set(codes.tolist()):
            mine = codes == code
            assert np.average(label[mine], weights=each[mine]) == pytest.approx(overall)
            assert each[mine].sum() == pytest.approx(own[mine].sum())
    else:
        # A cell without rows has no weight, and the others keep theirs: P(s) P(y) / P(s, y).
        for code, y in held:
            mine, same = codes == code, label == y
            wanted = own[mine].sum() * own[same].sum() / (own.sum() * own[mine & same].sum())
            assert weights[code, int(y)] == pytest.approx(wanted)


def test_the_model_is_what_scikit_learn_trains_with_these_weights(
    applied: Callable[..., tuple[Any, Done]],
) -> None:
    learned = rows(biased(1500, 1))
    model = model_of(learned)
    changed, done = applied(model, "reweighing", {"by": ["group", "sex"]}, learned, learned)
    codes, _ = learned.slices(["group", "sex"], "test")
    weights, _ = cell_weights(codes, learned.labels)
    from sklearn.base import clone

    own = clone(model.fitted)
    own.fit(
        frame(pa.table(learned.batch), FEATURES), learned.labels.astype(np.int8),
        model__sample_weight=weights[codes, learned.labels.astype(int)],
    )  # fmt: skip
    fresh = frame(pa.table(rows(biased(300, 2)).batch), FEATURES)
    np.testing.assert_array_equal(changed.fitted.predict_proba(fresh), own.predict_proba(fresh))
    assert len(done.told["weights"]) == 8
    assert sum(cell["n"] for cell in done.told["weights"]) == 1500
    assert "1,500" in done.trained_on


def test_planted_label_bias_goes_and_an_unbiased_table_stays_as_it_is(
    applied: Callable[..., tuple[Any, Done]],
) -> None:
    """The groups are alike but for what was recorded of one: on the population the model must be fair."""
    fresh = biased(20_000, 9, harm=0)
    for harm, biased_before in ((0.6, True), (0.0, False)):
        learned = rows(biased(12_000, 3, harm=harm))
        model = model_of(learned)
        changed, _ = applied(model, "reweighing", {"by": ["group"]}, learned, learned)
        batch = rows(fresh).batch
        before = rates(model.score(batch, None).decision, fresh)
        after = rates(changed.score(batch, None).decision, fresh)
        # Four standard errors of a difference of two rates of 8,000 and 12,000 rows.
        noise = 4 * np.sqrt(0.25 / 8000 + 0.25 / 12_000)
        assert (before["a"] - before["b"] > 0.15) == biased_before
        assert abs(after["a"] - after["b"]) < noise
        if not biased_before:
            flips = (model.score(batch, None).decision != changed.score(batch, None).decision).mean()
            assert flips < 0.01


def test_an_estimator_without_weights_learns_from_drawn_rows_and_says_so(
    applied: Callable[..., tuple[Any, Done]],
) -> None:
    learned = rows(biased(3000, 4, harm=0.8))
    model = model_of(learned, "neighbors.KNeighborsClassifier", n_neighbors=25)
    changed, done = applied(model, "reweighing", {"by": ["group"]}, learned, learned)
    assert "drawn by the weights, as a KNeighborsClassifier takes none" in done.changed
    fresh = biased(4000, 5, harm=0)
    batch = rows(fresh).batch
    before, after = (rates(m.score(batch, None).decision, fresh) for m in (model, changed))
    assert after["a"] - after["b"] < (before["a"] - before["b"]) / 2


@pytest.mark.parametrize(("method", "pick"), [("over", max), ("under", min)])
def test_resampling_brings_every_cell_to_one_size(
    method: str, pick: Any, applied: Callable[..., tuple[Any, Done]], monkeypatch: pytest.MonkeyPatch
) -> None:
    table = biased(1000, 6)
    learned = rows(table)
    seen: dict[Any, Any] = {}
    monkeypatch.setattr(
        "fairweigh.mitigation.recipes.reweighing.retrained",
        lambda model, rows, weights, seed, name: seen.update(rows=rows, weights=weights),
    )
    applied(model_of(learned), "resampling", {"method": method, "by": ["group"]}, learned, learned)
    drawn = seen["rows"]
    codes, _ = drawn.slices(["group"], "test")
    counts = np.bincount(codes * 2 + drawn.labels)
    codes, _ = learned.slices(["group"], "test")
    assert set(counts) == {pick(np.bincount(codes * 2 + learned.labels))}
    assert seen["weights"] is None
    # Every row that is drawn is one of the rows, with its own label.
    known = dict(zip(learned.batch["x1"].to_pylist(), learned.labels.tolist(), strict=True))
    assert all(
        known[x] == y for x, y in zip(drawn.batch["x1"].to_pylist(), drawn.labels.tolist(), strict=True)
    )


def test_what_training_rows_lack_is_one_line(applied: Callable[..., tuple[Any, Done]]) -> None:
    learned = rows(biased(300, 7), ("group",))
    model = model_of(learned)
    with pytest.raises(
        InputError, match=r"reweighing: 300 rows of the rows lack the sensitive feature 'sex'"
    ):
        applied(model, "reweighing", {"by": ["sex"]}, learned, learned)
    from dataclasses import replace

    with pytest.raises(InputError, match="have no label to learn from"):
        applied(model, "reweighing", {}, replace(learned, labels=None), learned)


def test_the_weighted_loss_is_torchs_own() -> None:
    torch = pytest.importorskip("torch")
    from types import SimpleNamespace

    from fairweigh.compression.finetune import label_loss
    from fairweigh.models.heads import Head

    logits = torch.tensor([[1.0, -1.0], [0.2, 0.1], [-2.0, 0.5]])
    target, weights = np.array([0, 1, 1]), np.array([0.5, 2.0, 1.0])
    model = SimpleNamespace(head=Head(("no", "yes"), (1,), "softmax"))
    each = torch.nn.functional.cross_entropy(logits, torch.tensor(target), reduction="none")
    wanted = float((each * torch.tensor(weights)).sum() / 3)
    assert float(label_loss(model, logits, target, weights)) == pytest.approx(wanted)
    assert float(label_loss(model, logits, target)) == pytest.approx(float(each.mean()))
