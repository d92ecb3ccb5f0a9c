"""Several labels at once, against scikit-learn."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from fairweigh.datasets.errors import InputError
from fairweigh.verification import verify
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sklearn import metrics as theirs

from .runs import audited, slice_of, values

LABELS = ["edema", "mass", "scar"]
DATA = {"labels": LABELS, "sensitive": ["group"], "id": "id"}
MODEL = {"probabilities": {name: f"p_{name}" for name in LABELS}}


def rows(n: int = 1200, seed: int = 0) -> pd.DataFrame:
    """Three findings of one row each, the first missed more often in group b."""
    draw = np.random.default_rng(seed)
    group = draw.choice(["a", "b"], n)
    ill = draw.normal(0, 1, n)
    truth = np.stack([ill + draw.normal(0, 1, n) > t for t in (0.3, 0.8, 1.2)], axis=1)
    logits = 2 * truth - 1 + draw.normal(0, 0.8, (n, 3))
    logits[(group == "b"), 0] -= 0.8
    frame = pd.DataFrame({"id": range(n), "group": group})
    for i, name in enumerate(LABELS):
        frame[name] = truth[:, i].astype(int)
        frame[f"p_{name}"] = 1 / (1 + np.exp(-logits[:, i]))
        frame[f"q_{name}"] = frame[f"p_{name}"].where(frame.index % 7 != i, 1 - frame[f"p_{name}"])
    return frame


def decided(frame: Any, prefix: str = "p") -> Any:
    return (frame[[f"{prefix}_{name}" for name in LABELS]] >= 0.5).to_numpy()


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> tuple[pd.DataFrame, Any]:
    data = rows()
    return data, audited(
        tmp_path_factory.mktemp("run"), data, data=DATA, model=MODEL,
        variants=[
            {"name": "same", **MODEL},
            {"name": "light", "probabilities": {name: f"q_{name}" for name in LABELS}},
        ],
        gates=[{"metric": "true_positive_rate", "class": "each", "by": "group", "compare": "difference",
                "limit": "<= 0.05"}],
    )  # fmt: skip


def test_figures_of_all_labels_are_those_of_scikit_learn(found: Any) -> None:
    data, result = found
    assert (result["task"], result["classes"]) == ("multilabel", LABELS)
    for part, own in (
        (data, result["variants"][0]["overall"]),
        *((d, slice_of(result["variants"][0], group=g)["metrics"]) for g, d in data.groupby("group")),
    ):
        y, d = part[LABELS].to_numpy(), decided(part)
        expected = {"exact_match": theirs.accuracy_score(y, d), "hamming_loss": theirs.hamming_loss(y, d)}
        for average in ("micro", "macro"):
            of = theirs.precision_recall_fscore_support(y, d, average=average)
            expected |= dict(zip([f"{average}_{m}" for m in ("precision", "recall", "f1")], of, strict=False))
        assert values(own) == pytest.approx(expected, abs=1e-12)


BITS = st.tuples(st.sampled_from("ab"), *[st.integers(0, 1)] * 6)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(BITS, min_size=5, max_size=60))
def test_any_table_has_the_figures_of_scikit_learn(tmp_path: Path, cells: Any) -> None:
    said = [f"d_{name}" for name in LABELS]
    data: Any = pd.DataFrame(cells, columns=["group", *LABELS, *said])
    pooled = ["micro_precision", "micro_recall", "micro_f1"]
    result = audited(
        tmp_path, data, task="multilabel", data={"labels": LABELS, "sensitive": ["group"]},
        model={"decisions": dict(zip(LABELS, said, strict=True))},
        metrics=[*pooled, "exact_match", "hamming_loss"],
    )  # fmt: skip
    for part, own in (
        (data, result["variants"][0]["overall"]),
        *((d, slice_of(result["variants"][0], group=g)["metrics"]) for g, d in data.groupby("group")),
    ):
        y, d = part[LABELS].to_numpy(), part[said].to_numpy()
        of = theirs.precision_recall_fscore_support(y, d, average="micro", zero_division=np.nan)
        expected = {
            "exact_match": theirs.accuracy_score(y, d), "hamming_loss": theirs.hamming_loss(y, d),
            **{name: None if np.isnan(v) else v for name, v in zip(pooled, of, strict=False)},
        }  # fmt: skip
        assert values(own) == pytest.approx(expected, abs=1e-12)


def test_a_label_is_a_view_of_two_classes(found: Any) -> None:
    data, result = found
    d = decided(data)
    for i, name in enumerate(LABELS):
        own = values(result["variants"][0]["overall_views"][name])
        assert own["true_positive_rate"] == pytest.approx(theirs.recall_score(data[name], d[:, i]))
        assert own["auc"] == pytest.approx(theirs.roc_auc_score(data[name], data[f"p_{name}"]))


def test_a_label_that_a_group_misses_is_found(found: Any) -> None:
    _, result = found
    gate = result["gates"][0]
    assert (gate["verdict"], gate["view"]) == ("fail", "edema")


def test_rows_of_which_some_label_changes_flip(found: Any) -> None:
    data, result = found
    whole = next(c for c in result["comparisons"] if c["after"] == "light")["overall"]
    before, after, truth = decided(data), decided(data, "q"), data[LABELS].to_numpy().astype(bool)
    assert whole["flips"] == int((before != after).any(1).sum())
    right = [(some == truth).all(1) for some in (before, after)]
    assert (whole["spoiled"], whole["mended"]) == (
        int((right[0] & ~right[1]).sum()),
        int((~right[0] & right[1]).sum()),
    )
    same = next(c for c in result["comparisons"] if c["after"] == "same")
    assert {c["value"] for c in same["changes"]} == {0.0}


def test_labels_of_a_row_depend_on_each_other(tmp_path: Path) -> None:
    """Three labels that are always the same count as one row, not as three."""
    data = rows(600)
    for name in LABELS[1:]:
        data[[name, f"p_{name}"]] = data[["edema", "p_edema"]].to_numpy()
    data[LABELS] = data[LABELS].astype(int)
    one = audited(tmp_path, data, data=DATA, model=MODEL)["variants"][0]
    micro, alone = one["overall"]["micro_recall"], one["overall_views"]["edema"]["true_positive_rate"]
    assert micro["value"] == pytest.approx(alone["value"])
    assert micro["high"] - micro["low"] == pytest.approx(alone["high"] - alone["low"], rel=0.05)


def test_a_run_of_labels_is_verified(tmp_path: Path) -> None:
    audited(tmp_path, rows(200), data={**DATA, "cluster": "id"} | {"id": "id"}, model=MODEL)
    assert verify(tmp_path / "run").figures == []


def test_a_label_of_rows_that_is_never_decided_for_is_told(tmp_path: Path) -> None:
    data = rows(200)
    given_up = data.assign(p_scar=0.4)
    (told,) = [
        text
        for text in audited(tmp_path, given_up, data=DATA, model=MODEL)["data"]["warnings"]
        if text.startswith("Never decided for")
    ]
    assert f"the label: 'scar' ({data.scar.sum()} rows). The true positive rate is 0" in told
    assert verify(tmp_path / "run").pages == []
    variants = [{"name": "light", "probabilities": {**MODEL["probabilities"], "scar": "zero"}}]
    result = audited(tmp_path, data.assign(zero=0.1), data=DATA, model=MODEL, variants=variants)
    (told,) = [text for text in result["data"]["warnings"] if text.startswith("Never decided for")]
    assert told.startswith("Never decided for by the variant light, though rows have the label and the ")
    assert f"decides for it: 'scar' ({data.scar.sum()} rows). The true" in told
    for model in ({"model": MODEL}, {}):
        warnings = audited(tmp_path, data, task="multilabel", data=DATA, **model)["data"]["warnings"]
        assert not any(text.startswith("Never decided for") for text in warnings)


def test_scores_on_another_scale_order_the_rows_of_a_label(tmp_path: Path) -> None:
    """They were taken for probabilities: scores below 0 ended in a ValueError of the histogram."""
    r = np.random.default_rng(0)
    frame = pd.DataFrame({"id": range(400), "sex": r.choice(["F", "M"], 400), "a": r.integers(0, 2, 400)})
    frame = frame.assign(b=r.integers(0, 2, 400), at=frame.a + r.normal(size=400))
    frame["bt"] = frame.b - 3 + r.normal(size=400)
    scored = {"probabilities": {"a": "at", "b": "bt"}, "scale": "rank", "threshold": 0.0}
    result = audited(
        tmp_path, frame, task="multilabel", data={"labels": ["a", "b"], "id": "id", "sensitive": ["sex"]},
        model=scored, variants=[{"name": "same", **scored}],
    )  # fmt: skip
    for label, score in (("a", "at"), ("b", "bt")):
        own = values(result["variants"][0]["overall_views"][label])
        assert own["auc"] == pytest.approx(theirs.roc_auc_score(frame[label], frame[score]), abs=1e-12)
        assert "brier_score" not in own
    assert result["comparisons"][0]["overall"]["flips"] == 0
    assert verify(tmp_path / "run").figures == []


def counted(n: int = 500) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rows with the decisions of two models, in the order of their joint cells, and these cells.

    In that order, since sums over rows that depend on each other end in other last digits in another.
    """
    data = rows(n)
    for before, after in (("p", "d"), ("q", "e")):
        for name in LABELS:
            data[f"{after}_{name}"] = (data[f"{before}_{name}"] >= 0.5).astype(int)
    told = [f"{side}{name}" for side in ("", "d_", "e_") for name in LABELS]
    cells = data.groupby(["group", *told]).size().rename("n").reset_index()
    assert len(cells) < n / 2
    again = cells.loc[cells.index.repeat(cells.n)].drop(columns="n").reset_index(drop=True)
    again["id"] = range(n)
    return again, pd.concat([cells, cells[:1].assign(group="empty", n=0)])


DECIDED = {"decisions": {name: f"d_{name}" for name in LABELS}}
LIGHT = {"name": "light", "decisions": {name: f"e_{name}" for name in LABELS}}
ROLES = {"labels": LABELS, "sensitive": ["group"]}


def test_joint_cells_of_labels_are_the_rows_of_both_models_that_they_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from fairweigh.tasks import cases as kept

    data, cells = counted()
    gate = {"metric": "micro_recall", "by": "group", "compare": "difference", "limit": "<= 0.1"}
    change = {"metric": "exact_match", "compare": "change", "limit": ">= -0.1", "on": "light"}
    asked: Any = {"task": "multilabel", "model": DECIDED, "variants": [LIGHT], "gates": [gate, change]}
    one = audited(tmp_path, data, **asked, data={**ROLES, "id": "id"})
    # Several batches of single rows, of which cells are cut in two.
    monkeypatch.setattr(kept, "EACH", 64)
    other = audited(tmp_path, cells, **asked, data={**ROLES, "count": "n"})
    assert (one["data"]["rows"], other["data"]["rows"]) == (len(data), len(data))
    for of_rows, of_cells in zip(one["variants"], other["variants"], strict=True):
        for key in ("overall", "overall_views", "slices", "disparities"):
            assert of_rows[key] == of_cells[key], key
    assert other["comparisons"] == one["comparisons"]
    assert other["gates"] == one["gates"]
    found = verify(tmp_path / "run")
    assert (found.figures, found.pages) == ([], [])


@pytest.mark.parametrize(
    ("change", "settings", "told"),
    [
        ({"n": 2**40}, {}, "cells may stand for at most 1,000,000 rows; these stand for "),
        ({"n": 0}, {}, "no rows to audit: every count in column 'n' is 0"),
        (
            {}, {"model": {"probabilities": DECIDED["decisions"]}},
            "model.probabilities: a cell of aggregated counts has no score; expected model.decisions",
        ),
        (
            {}, {"variants": [{"name": "x", "probabilities": DECIDED["decisions"]}]},
            "a cell of aggregated counts has no score; expected decisions",
        ),
    ],
)  # fmt: skip
def test_cells_of_labels_that_cannot_be_counted_are_one_line(
    change: dict[str, int], settings: dict[str, Any], told: str, tmp_path: Path
) -> None:
    _, cells = counted(300)
    asked: Any = {"task": "multilabel", "model": DECIDED, **settings}
    with pytest.raises(InputError) as refused:
        audited(tmp_path, cells.assign(**change), **asked, data={**ROLES, "count": "n"})
    assert told in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_column_that_a_variant_lacks_is_told_of_the_variant(tmp_path: Path) -> None:
    frame = pd.DataFrame({"g": ["m", "f"] * 20, "x": [0, 1] * 20, "z": [1, 0] * 20})
    told = r"^variants\.light\.decisions: expected a column for every label, none is named for 'z'"
    with pytest.raises(InputError, match=told):
        audited(
            tmp_path, frame.assign(a=frame.x, b=frame.z), data={"labels": ["x", "z"], "sensitive": ["g"]},
            model={"decisions": {"x": "a", "z": "b"}},
            variants=[{"name": "light", "decisions": {"x": "a"}}],
        )  # fmt: skip
