"""Baselines of every task: matched rows, outcomes that must agree, changes on the rows in common."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import fairweigh
import numpy as np
import pandas as pd
import pytest
from fairweigh.audit.again.by_policy import judge_run
from fairweigh.audit.again.compare_runs import compare_runs
from fairweigh.audit.result.whole import AuditResult
from fairweigh.audit.store.folder import open_run
from fairweigh.datasets.errors import InputError
from scipy import stats
from sklearn.metrics import ndcg_score

N = 400
CLASSES = ("a", "b", "c")


def people(seed: int = 0) -> pd.DataFrame:
    """Rows with an outcome for every task, and what a model says of each."""
    r, drawn = np.random.default_rng(0), np.random.default_rng(seed + 1)
    frame = pd.DataFrame(
        {
            "id": [f"r{i}" for i in range(N)],
            "sex": r.choice(["F", "M"], N),
            "kind": r.choice(CLASSES, N),
            "value": r.normal(0, 1, N),
            "one": r.integers(0, 2, N),
            "two": r.integers(0, 2, N),
        }
    )
    frame["said"] = np.where(drawn.random(N) < 0.3, drawn.choice(CLASSES, N), frame.kind)
    frame["guess"] = frame.value + drawn.normal(0.1, 0.3, N)
    for name in ("one", "two"):
        frame[f"p_{name}"] = np.clip(0.25 + 0.5 * frame[name] + drawn.normal(0, 0.3, N), 0, 1)
    return frame


def films(seed: int = 0) -> pd.DataFrame:
    """Lists of 12 films for 50 users, ranked by a score."""
    r, drawn = np.random.default_rng(0), np.random.default_rng(seed + 1)
    users, items = (part.ravel() for part in np.meshgrid(range(50), range(12), indexing="ij"))
    frame = pd.DataFrame({"user": [f"u{u}" for u in users], "film": [f"f{i}" for i in items]})
    frame["sex"] = np.where(users % 2, "F", "M")
    frame["liked"] = (r.random(len(frame)) < 0.3).astype(int)
    frame["s"] = drawn.normal(0, 1, len(frame)) + frame.liked
    return frame


MULTICLASS = {"label": "kind", "id": "id"}, {"decision": "said"}
MULTILABEL = {"labels": ["one", "two"], "id": "id"}, {"probabilities": {"one": "p_one", "two": "p_two"}}
REGRESSION = {"label": "value", "id": "id"}, {"prediction": "guess"}
RANKING = {"query": "user", "item": "film", "relevance": "liked"}, {"score": "s", "scale": "rank"}
TASKS: dict[str, Any] = {
    "multiclass": (people, *MULTICLASS, "accuracy"),
    "multilabel": (people, *MULTILABEL, "exact_match"),
    "regression": (people, *REGRESSION, "mean_absolute_error"),
    "ranking": (films, *RANKING, "ndcg"),
}
GATES: dict[str, Any] = {
    "multiclass": [
        {"metric": "accuracy", "limit": ">= -0.2"},
        {"metric": "macro_f1", "by": "sex", "limit": "<= 0.3"},
        {"metric": "true_positive_rate", "class": "each", "limit": ">= -0.3"},
        {"metric": "selection_rate", "class": "b", "by": "sex", "limit": "<= 0.3"},
    ],
    "multilabel": [
        {"metric": "exact_match", "limit": ">= -0.2"},
        {"metric": "hamming_loss", "by": "sex", "limit": "<= 0.3"},
        {"metric": "true_positive_rate", "class": "each", "limit": ">= -0.3"},
        {"metric": "macro_f1", "slice": {"sex": "F"}, "limit": ">= -0.3"},
    ],
    "regression": [
        {"metric": "mean_absolute_error", "limit": "<= 0.2"},
        {"metric": "mean_prediction", "by": "sex", "limit": "<= 0.3"},
        {"metric": "r_squared", "slice": {"sex": "F"}, "limit": ">= -0.4"},
    ],
    "ranking": [
        {"metric": "ndcg", "limit": ">= -0.2"},
        {"metric": "mean_exposure", "by": "sex", "limit": "<= 0.3"},
        {"metric": "exposure_per_relevance", "slice": {"sex": "F"}, "limit": ">= -0.5"},
    ],
}


def audit(
    folder: Path,
    task: str,
    frame: pd.DataFrame,
    data: dict[str, Any] | None = None,
    model: Any = None,
    **parts: Any,
) -> Path:
    _, has, says, _ = TASKS[task]
    content = {
        "audit": folder.name, "task": task, "report": {"charts": False},
        "data": {"path": "rows", "sensitive": ["sex"], **has, **(data or {})},
        "model": {**says, **(model or {})}, **parts,
    }  # fmt: skip
    fairweigh.run(content, folder, data=frame)
    return folder


def judged(run: Path, before: Any, *gates: Any) -> AuditResult:
    return judge_run(run, {"gates": [{"compare": "change", **gate} for gate in gates]}, before)


def rows_of(task: str, seed: int = 0) -> pd.DataFrame:
    return TASKS[task][0](seed)


NEXT = dict(zip(CLASSES, CLASSES[1:] + CLASSES[:1], strict=True))
TURNED: dict[str, Any] = {
    "multiclass": ("kind", NEXT.get),
    "multilabel": ("one", lambda bit: 1 - bit),
    "regression": ("value", lambda value: value + 1),
    "ranking": ("liked", lambda bit: 1 - bit),
}


def turned(task: str, frame: pd.DataFrame, rows: int) -> pd.DataFrame:
    """The outcome of the first rows turned over, of the first label alone where there are several."""
    column, other = TURNED[task]
    values = [other(v) if i < rows else v for i, v in enumerate(frame[column])]
    return frame.assign(**{column: values})


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Of each task an earlier and a later run on the same rows."""
    place = tmp_path_factory.mktemp("runs")
    return {
        task: tuple(
            audit(place / f"{task}-{k}", task, rows_of(task, seed)) for k, seed in (("old", 0), ("new", 7))
        )
        for task in TASKS
    }


@pytest.mark.parametrize("task", TASKS)
def test_changes_on_common_rows_are_those_of_runs_on_exactly_these_rows(
    task: str, runs: Any, tmp_path: Path
) -> None:
    new = rows_of(task, 7)
    part = audit(tmp_path / "part", task, new.iloc[3:].sample(frac=1, random_state=0))
    less = audit(tmp_path / "less", task, rows_of(task).iloc[:-2])
    common = slice(3, len(new) - 2)
    exact = [audit(tmp_path / f"exact{s}", task, rows_of(task, s).iloc[common]) for s in (0, 7)]
    told = judged(part, less, *GATES[task])
    assert told.baseline.paired
    assert told.baseline.common == len(new) - 5
    alone = judged(exact[1], exact[0], *GATES[task])
    assert alone.baseline.how.startswith(f"row by row, paired: all {len(new) - 5:,} rows matched by")
    for found, expected in zip(told.gates, alone.gates, strict=True):
        assert found.verdict in ("pass", "inconclusive")
        assert (found.verdict, found.view, found.why) == (expected.verdict, expected.view, expected.why)
        assert (found.measured, found.low, found.high) == pytest.approx(
            (expected.measured, expected.low, expected.high), abs=1e-12
        )


@pytest.mark.parametrize("task", TASKS)
def test_outcomes_that_were_turned_over_are_refused(task: str, runs: Any, tmp_path: Path) -> None:
    new = runs[task][1]
    frame = rows_of(task)
    n = len(frame)
    what = {"multilabel": "label 'one'", "regression": "outcome", "ranking": "relevance"}.get(task, "label")
    key = "pair of query and item" if task == "ranking" else "id"
    run = audit(tmp_path / "turned", task, turned(task, frame, n))
    told = rf"of {n:,} rows with the same {key} differ {n:,} in their {what} \(100.0%\); at most 5% may"
    with pytest.raises(InputError, match=told):
        judged(new, run, *GATES[task])
    with (
        pytest.raises(InputError, match=f"{n} rows differ in the {what}, such as {key}"),
        open_run(tmp_path / "both") as folder,
    ):
        compare_runs(run, new, folder)
    few = judged(new, audit(tmp_path / "few", task, turned(task, frame, 10)), *GATES[task]).baseline
    assert (few.common, few.differing) == (n - 10, {what: 10})


@pytest.mark.parametrize("task", TASKS)
def test_runs_of_other_rows_are_compared_as_they_may_be(task: str, runs: Any, tmp_path: Path) -> None:
    new = runs[task][1]
    less = audit(tmp_path / "less", task, rows_of(task).iloc[:-1])
    named = "pairs of query and item" if task == "ranking" else "ids"
    with (
        pytest.raises(InputError, match=f"1 of its {named} are not in less, such as"),
        open_run(tmp_path / "both") as folder,
    ):
        compare_runs(less, new, folder)
    tenth = audit(tmp_path / "tenth", task, rows_of(task).iloc[: len(rows_of(task)) // 4])
    told = judged(new, tenth, GATES[task][0])
    assert "as two independent samples" in told.baseline.how
    assert told.gates[0].verdict != "error"


def test_a_paired_change_of_errors_is_that_of_scipy(tmp_path: Path) -> None:
    """Student's interval of the mean difference of absolute errors, on the common rows alone."""
    old, new = people(0), people(7)
    before = audit(tmp_path / "old", "regression", old.iloc[:-9])
    found = judged(audit(tmp_path / "new", "regression", new), before, GATES["regression"][0]).gates[0]
    apart = ((new.guess - new.value).abs() - (old.guess - old.value).abs())[:-9]
    exact = stats.ttest_1samp(apart, 0).confidence_interval(0.9)
    assert (found.measured, found.low, found.high) == pytest.approx((apart.mean(), *exact), abs=1e-12)


def test_changes_of_classes_are_those_of_pandas(runs: Any, tmp_path: Path) -> None:
    old, new = people(0).iloc[4:], people(7).iloc[4:]
    before = audit(tmp_path / "old", "multiclass", old)
    gates = judged(runs["multiclass"][1], before, *GATES["multiclass"][::2]).gates
    right = (new.said == new.kind).astype(int) - (old.said == old.kind).astype(int)
    assert gates[0].measured == pytest.approx(right.mean(), abs=1e-12)
    of_class = right.groupby(old.kind).mean()
    assert gates[1].measured == pytest.approx(of_class[gates[1].view], abs=1e-12)


def test_a_paired_change_of_gains_is_that_of_lists_without_the_other_items(runs: Any, tmp_path: Path) -> None:
    """NDCG of scikit-learn of both orders of the items that both runs hold."""
    left = films(0).drop(index=[0, 5, 40, 300])
    before = audit(tmp_path / "old", "ranking", left)
    found = judged(runs["ranking"][1], before, GATES["ranking"][0]).gates[0]
    later = films(7).loc[left.index]

    def gains(frame: pd.DataFrame) -> Any:
        return {u: ndcg_score([f.liked], [f.s]) for u, f in frame.groupby("user") if f.liked.any()}

    old, new = gains(left), gains(later)
    apart = np.array([new[u] - old[u] for u in old])
    assert found.measured == pytest.approx(apart.mean(), abs=1e-12)
    assert found.common_rows == len(left)


def test_given_ranks_with_gaps_keep_them_in_lists_that_both_hold_whole(tmp_path: Path) -> None:
    """Items in places 2, 4, 6, ... of a longer list; of one list an item is missing in the baseline."""
    later = films(7).assign(place=lambda f: 2 * f.groupby("user").s.rank(ascending=False).astype(int))
    earlier = films(0).assign(place=lambda f: 2 * f.groupby("user").s.rank(ascending=False).astype(int))
    gate = {"metric": "mean_exposure", "slice": {"sex": "M"}, "limit": ">= -0.5"}

    def run(name: str, frame: pd.DataFrame) -> Path:
        data, _ = RANKING
        content = {"audit": name, "task": "ranking", "data": {"path": "rows", "sensitive": ["sex"], **data},
                   "model": {"rank": "place"}, "report": {"charts": False}}  # fmt: skip
        fairweigh.run(content, tmp_path / name, data=frame)
        return tmp_path / name

    less = earlier.drop(index=0)
    found = judged(run("new", later), run("old", less), gate).gates[0]

    def exposure(frame: pd.DataFrame) -> Any:
        torn = frame.user == "u0"
        anew = frame.groupby("user").place.rank().astype(int)
        return (1 / np.log2(1 + np.where(torn, anew, frame.place)))[frame.sex == "M"].mean()

    assert found.measured == pytest.approx(exposure(later.drop(index=0)) - exposure(less), abs=1e-12)


def test_rankings_are_matched_by_query_and_item_whatever_their_ids(runs: Any, tmp_path: Path) -> None:
    old = films(0)
    numbered = audit(tmp_path / "ids", "ranking", old.assign(id=range(len(old))[::-1]), {"id": "id"})
    told = judged(runs["ranking"][1], numbered, GATES["ranking"][0])
    assert told.baseline.how == "row by row, paired: all 600 rows matched by query and item"
    assert told.gates == judged(runs["ranking"][1], runs["ranking"][0], GATES["ranking"][0]).gates
    with open_run(tmp_path / "both") as folder:
        assert compare_runs(numbered, runs["ranking"][1], folder).comparisons[0].rows == 600


@pytest.mark.parametrize(
    ("task", "parts", "told"),
    [
        ("multiclass", {"favourable": ["a"]}, "data.favourable: 'a' in .*none in"),
        ("multilabel", {"labels": ["one", "six"]}, "data.labels: 'one', 'six' in .*'one', 'two' in"),
        ("ranking", {"last_rank": 5}, "data.last_rank: '5' in .*none in"),
    ],
)
def test_figures_of_other_things_are_refused(
    task: str, parts: dict[str, Any], told: str, runs: Any, tmp_path: Path
) -> None:
    frame, model = rows_of(task), None
    if task == "multilabel":
        frame, model = frame.assign(six=frame.two), {"probabilities": {"one": "p_one", "six": "p_two"}}
    other = audit(tmp_path / "other", task, frame, parts, model)
    with pytest.raises(InputError, match=told):
        judged(runs[task][1], other, GATES[task][0])


def test_other_tasks_are_refused(runs: Any) -> None:
    with pytest.raises(InputError, match=r"data\.task: 'multilabel' in .*'multiclass' in"):
        judged(runs["multiclass"][1], runs["multilabel"][0], GATES["multiclass"][0])


def test_a_class_that_the_baseline_lacks_has_no_change_of_its_rows_found(runs: Any, tmp_path: Path) -> None:
    frame = people(7)
    frame.loc[:7, "kind"] = frame.loc[:40, "said"] = "d"
    new = audit(tmp_path / "new", "multiclass", frame)
    selected = {"metric": "selection_rate", "class": "d", "limit": "<= 0.3"}
    found = {"metric": "true_positive_rate", "class": "d", "limit": ">= -0.3"}
    told = judged(new, runs["multiclass"][0], selected, found)
    assert [gate.verdict for gate in told.gates] == ["pass", "error"]
    assert told.gates[0].measured == pytest.approx((frame.said[8:] == "d").mean(), abs=1e-12)


@pytest.mark.parametrize("task", TASKS)
def test_weights_and_clusters_are_held_together_on_common_rows(task: str, tmp_path: Path) -> None:
    r = np.random.default_rng(3)
    frames = [rows_of(task, seed) for seed in (0, 7)]
    group = frames[0].user.str[:2] if task == "ranking" else pd.Series(r.integers(0, 60, N)).astype(str)
    weight = group.map({g: r.uniform(0.5, 2) for g in group.unique()})
    frames = [f.assign(w=weight, g=group) for f in frames]
    roles = {"weight": "w", "cluster": "g"}
    new = audit(tmp_path / "new", task, frames[1], roles)
    less = audit(tmp_path / "less", task, frames[0].iloc[:-1], roles)
    exact = audit(tmp_path / "exact", task, frames[1].iloc[:-1], roles)
    found, alone = (judged(run, less, *GATES[task]) for run in (new, exact))
    assert found.baseline.common == len(frames[0]) - 1
    for one, other in zip(found.gates, alone.gates, strict=True):
        assert (one.measured, one.low, one.high) == pytest.approx((other.measured, other.low, other.high))
    for column in ("w", "g"):
        moved = frames[0].assign(**{column: frames[0][column] * 2})
        another = audit(tmp_path / f"moved-{column}", task, moved, roles)
        kind = {"w": "weight", "g": "cluster"}[column]
        with pytest.raises(InputError, match=rf"in their {kind} \(100\.0%\)"):
            judged(new, another, *GATES[task])


@pytest.mark.parametrize("task", TASKS)
def test_a_baseline_without_a_model_is_told_by_the_gate(task: str, runs: Any, tmp_path: Path) -> None:
    _, has, _, metric = TASKS[task]
    content = {"audit": "x", "task": task, "data": {"path": "rows", "sensitive": ["sex"], **has}}
    fairweigh.run({**content, "report": {"charts": False}}, tmp_path / "x", data=rows_of(task).iloc[:-1])
    told = judged(runs[task][1], tmp_path / "x", GATES[task][0]).gates[0]
    assert told.verdict == "error"
    assert f"{metric} needs a" in told.why
    assert "which the model before has not" in told.why


def test_growing_gaps_of_numbers_are_decided(runs: Any, tmp_path: Path) -> None:
    """Limits so far out that one less their tail is one were not known: no growth of a gap was decided."""
    old, new = runs["regression"]
    gate = {"metric": "mean_error", "by": "sex", "limit": "<= 0.2"}
    assert judged(new, old, gate).gates[0].verdict == "pass"
    frame = people(7)
    worse = audit(tmp_path / "worse", "regression", frame.assign(guess=frame.guess + (frame.sex == "F")))
    found = judged(worse, old, gate).gates[0]
    assert found.verdict == "fail"
    gaps = [(f.guess - f.value).groupby(f.sex).mean().diff().iloc[-1] for f in (people(0), frame)]
    assert found.measured == pytest.approx(abs(gaps[1] - 1) - abs(gaps[0]), abs=1e-12)


def test_errors_that_rounding_holds_apart_warn_of_nothing(tmp_path: Path) -> None:
    frame = people()
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        audit(tmp_path / "run", "regression", frame.assign(guess=frame.value + 0.1))
