"""One of several classes, against scikit-learn and against a bias that was planted."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import fairweigh
import numpy as np
import pandas as pd
import pytest
from fairweigh.datasets.errors import InputError
from fairweigh.verification import verify
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sklearn import metrics as theirs

from .runs import audited, gap, slice_of, values

if TYPE_CHECKING:
    from ..conftest import Ended


CLASSES = ["bad", "good", "meh"]


def rows(n: int = 1500, seed: int = 0, noise: float = 1.0) -> pd.DataFrame:
    """Labels, decisions and probabilities of three classes; group c is taken for bad more often."""
    draw = np.random.default_rng(seed)
    group = draw.choice(["a", "b", "c"], n, p=[0.4, 0.3, 0.3])
    truth = draw.choice(3, n, p=[0.5, 0.3, 0.2])
    logits = np.eye(3)[truth] * 1.5 + draw.normal(0, noise, (n, 3))
    logits[group == "c", 0] += 0.8
    p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    frame = pd.DataFrame({"id": range(n), "group": group, "y": np.array(CLASSES)[truth]})
    frame["d"] = np.array(CLASSES)[p.argmax(1)]
    return frame.assign(**{f"p_{c}": p[:, i] for i, c in enumerate(CLASSES)})


APART = {"by": "group", "compare": "difference"}
PROBABLE = {"probabilities": {c: f"p_{c}" for c in CLASSES}}
DATA = {"label": "y", "sensitive": ["group"], "id": "id"}


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> tuple[pd.DataFrame, Any]:
    data = rows()
    data["light"] = np.where(np.arange(len(data)) % 10 == 0, "meh", data["d"])
    return data, audited(
        tmp_path_factory.mktemp("run"), data, data=DATA, model=PROBABLE,
        variants=[{"name": "same", **PROBABLE}, {"name": "light", "decision": "light"}],
        gates=[
            {"metric": "true_positive_rate", "class": "each", **APART, "limit": "<= 0.3"},
            {"metric": "equalized_odds_difference", "class": "bad", "by": "group", "limit": "<= 0.05"},
        ],
    )  # fmt: skip


def test_figures_of_all_classes_are_those_of_scikit_learn(found: Any) -> None:
    data, result = found
    for part, own in (
        (data, result["variants"][0]["overall"]),
        *((d, slice_of(result["variants"][0], group=g)["metrics"]) for g, d in data.groupby("group")),
    ):
        p = part[[f"p_{c}" for c in CLASSES]].to_numpy()
        expected = {
            "accuracy": theirs.accuracy_score(part.y, part.d),
            "balanced_accuracy": theirs.balanced_accuracy_score(part.y, part.d),
            "macro_precision": theirs.precision_score(part.y, part.d, average="macro"),
            "macro_f1": theirs.f1_score(part.y, part.d, average="macro"),
            "log_loss": theirs.log_loss(part.y, p, labels=CLASSES),
            "brier_score": theirs.brier_score_loss(part.y, p, labels=CLASSES),
        }
        assert {name: values(own)[name] for name in expected} == pytest.approx(expected, abs=1e-12)


def test_figures_of_a_class_are_those_of_two_classes(found: Any) -> None:
    data, result = found
    for c in CLASSES:
        own = values(result["variants"][0]["overall_views"][c])
        y, d, p = data.y == c, data.d == c, data[f"p_{c}"]
        expected = {
            "selection_rate": d.mean(), "true_positive_rate": theirs.recall_score(y, d),
            "precision": theirs.precision_score(y, d), "f1": theirs.f1_score(y, d),
            "auc": theirs.roc_auc_score(y, p),
        }  # fmt: skip
        assert {name: own[name] for name in expected} == pytest.approx(expected, abs=1e-12)


def test_the_confusion_matrix_and_that_of_changes_count_rows(found: Any) -> None:
    data, result = found
    original = result["variants"][0]
    assert result["classes"] == CLASSES
    assert original["confusion"] == theirs.confusion_matrix(data.y, data.d, labels=CLASSES).tolist()
    whole = next(c for c in result["comparisons"] if c["after"] == "light")["overall"]
    assert whole["matrix"] == theirs.confusion_matrix(data.d, data.light, labels=CLASSES).tolist()
    assert whole["spoiled"] == int(((data.d == data.y) & (data.light != data.y)).sum())
    assert (whole["gained"], whole["lost"]) == (None, None)


def test_a_bias_that_was_planted_is_found_in_its_class_and_has_its_size(found: Any) -> None:
    data, result = found
    original = result["variants"][0]
    told = [(f["metric"], f["view"], f["slice"]) for f in original["findings"]["found"] if "view" in f]
    assert ("true_positive_rate", "bad", {"group": "c"}) in told
    one = gap(original, "selection_rate", "bad", group="c")
    chosen = data.d == "bad"
    by = data.group
    assert one["value"] == pytest.approx(chosen[by == "c"].mean() - chosen[by == "a"].mean(), abs=1e-12)
    assert one["low"] > 0
    assert result["gates"][1]["verdict"] == "fail"


def test_a_variant_that_is_the_original_shows_no_change(found: Any) -> None:
    _, result = found
    same = next(c for c in result["comparisons"] if c["after"] == "same")
    assert same["agreement"] == 1
    assert {c["value"] for c in same["changes"] if c["value"] is not None} == {0.0}


def test_limits_of_each_class_hold_for_all_of_them_together(found: Any) -> None:
    _, result = found
    gate = result["gates"][0]
    assert gate["claims"] == 6
    assert sorted({one["view"] for one in gate["slices"]}) == CLASSES
    # Each class alone has wider room: fewer claims stand together, so that no limit is farther out.
    one = min(gate["slices"], key=lambda s: s["p"])
    assert one["p_adjusted"] == pytest.approx(min(1, 6 * one["p"]))


def test_a_run_of_classes_is_verified_and_a_changed_class_is_found(tmp_path: Path) -> None:
    audited(tmp_path, rows(300), data=DATA, model=PROBABLE)
    assert verify(tmp_path / "run").figures == []
    content = (tmp_path / "run" / "audit.json").read_text()
    (tmp_path / "run" / "audit.json").write_text(content.replace('"meh"', '"mea"'))
    assert verify(tmp_path / "run").files


def test_favourable_classes_say_who_gains_and_loses(tmp_path: Path) -> None:
    data = rows(600)
    data["light"] = np.where((data.group == "a") & (data.d == "good"), "bad", data["d"])
    result = audited(
        tmp_path, data, data={**DATA, "favourable": ["good", "meh"]}, model={"decision": "d"},
        variants=[{"name": "light", "decision": "light"}],
        gates=[{"metric": "selection_rate", "class": "favourable", **APART, "limit": "<= 0.5"}],
    )  # fmt: skip
    own = values(result["variants"][0]["overall_views"]["favourable"])
    assert own["selection_rate"] == pytest.approx((data.d != "bad").mean())
    whole = result["comparisons"][0]["overall"]
    assert whole["lost"] == int(((data.d == "good") & (data.group == "a")).sum())
    assert whole["gained"] == 0


ROW = st.tuples(st.sampled_from("ab"), st.sampled_from("xyz"), st.sampled_from("xyzw"))
DECIDED = {"task": "multiclass", "model": {"decision": "d"}}


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(ROW, min_size=5, max_size=60))
def test_any_table_has_the_figures_of_scikit_learn(tmp_path: Path, cells: Any) -> None:
    data: Any = pd.DataFrame(cells, columns=["group", "y", "d"])
    result = audited(
        tmp_path, data, **DECIDED, data={"label": "y", "sensitive": ["group"]},
        metrics=["accuracy", "balanced_accuracy", "macro_precision", "macro_recall", "macro_f1"],
    )  # fmt: skip
    whole = {"zero_division": 0, "average": "macro"}
    for part, own in (
        (data, result["variants"][0]["overall"]),
        *((d, slice_of(result["variants"][0], group=g)["metrics"]) for g, d in data.groupby("group")),
    ):
        expected = {
            "accuracy": theirs.accuracy_score(part.y, part.d),
            "macro_precision": theirs.precision_score(part.y, part.d, **whole),
            "macro_recall": theirs.recall_score(part.y, part.d, **whole),
            "macro_f1": theirs.f1_score(part.y, part.d, **whole),
        }
        assert {name: values(own)[name] for name in expected} == pytest.approx(expected, abs=1e-12)


def test_aggregated_cells_are_the_rows_that_they_count(tmp_path: Path) -> None:
    data = rows(400)
    cells = data.groupby(["group", "y", "d"]).size().rename("n").reset_index()
    roles = {"label": "y", "sensitive": ["group"]}
    one = audited(tmp_path, data, **DECIDED, data=roles)
    other = audited(tmp_path, cells, **DECIDED, data={**roles, "count": "n"})
    for key in ("overall", "overall_views", "confusion", "slices", "disparities"):
        assert one["variants"][0][key] == other["variants"][0][key]


def test_a_cell_of_counts_has_no_probabilities(tmp_path: Path) -> None:
    """Losses were those of the cells, each taken for one row."""
    cells = rows(40).assign(n=3)
    roles = {"label": "y", "sensitive": ["group"], "count": "n"}
    told = "a cell of aggregated counts has no score; expected "
    for line, asked in (
        (f"model.probabilities: {told}model.decision", {"model": PROBABLE}),
        (f"variants[0]: {told}decision", {**DECIDED, "variants": [{"name": "x", **PROBABLE}]}),
    ):
        with pytest.raises(InputError) as refused:
            audited(tmp_path, cells, **asked, data=roles)
        assert str(refused.value) == line


def test_joint_cells_are_the_rows_of_both_models_that_they_count(tmp_path: Path) -> None:
    """Label, decision before, decision after and a count: also changes, flips and gates on them."""
    data = rows(600)
    draw = np.random.default_rng(8)
    moved = draw.random(len(data)) < 0.1 + 0.1 * (data.group == "c")
    data["light"] = np.where(moved, draw.choice(CLASSES, len(data)), data.d)
    cells = data.groupby(["group", "y", "d", "light"]).size().rename("n").reset_index()
    assert len(cells) < len(data) / 5
    roles = {"label": "y", "sensitive": ["group"], "favourable": ["good"]}
    asked: Any = {
        "variants": [{"name": "light", "decision": "light"}],
        "gates": [
            {"metric": "true_positive_rate", "class": "each", **APART, "limit": "<= 0.3", "on": "light"},
            {"metric": "accuracy", "compare": "change", "limit": ">= -0.05", "on": "light"},
            {"metric": "selection_rate", "class": "bad", "by": "group", "compare": "change",
             "limit": "<= 0.2", "on": "light"},
        ],
    }  # fmt: skip
    one = audited(tmp_path, data, **DECIDED, **asked, data={**roles, "id": "id"})
    other = audited(tmp_path, cells, **DECIDED, **asked, data={**roles, "count": "n"})
    assert (one["data"]["rows"], other["data"]["rows"]) == (len(data), len(data))
    for of_rows, of_cells in zip(one["variants"], other["variants"], strict=True):
        for key in ("overall", "overall_views", "confusion", "slices", "disparities"):
            assert of_rows[key] == of_cells[key], key
    assert other["comparisons"] == one["comparisons"]
    assert other["gates"] == one["gates"]
    [changes] = other["comparisons"]
    assert (changes["before"], changes["after"], changes["rows"]) == ("original", "light", len(data))
    assert changes["overall"]["matrix"] == theirs.confusion_matrix(data.d, data.light).tolist()
    assert verify(tmp_path / "run").figures == []


def test_classes_stand_in_the_order_that_is_given_and_others_behind_them(tmp_path: Path) -> None:
    data = rows(300)
    order = ["meh", "bad", "good"]
    result = audited(tmp_path, data, **DECIDED, data={"label": "y", "sensitive": ["group"], "classes": order})
    assert result["classes"] == order
    assert (
        result["variants"][0]["confusion"] == theirs.confusion_matrix(data.y, data.d, labels=order).tolist()
    )
    numbers = data.assign(
        y=data.y.map({"bad": 10, "good": 9, "meh": 2}), d=data.d.map({"bad": 10, "good": 9, "meh": 2})
    )
    assert audited(tmp_path, numbers, **DECIDED, data={"label": "y", "sensitive": ["group"]})["classes"] == [
        "2", "9", "10",
    ]  # fmt: skip


def test_favourable_classes_are_the_words_that_the_table_holds(tmp_path: Path) -> None:
    data = rows(300)
    data = data.assign(y=(data.y == "bad") * 1.0 + 1, d=(data.d == "bad") * 1.0 + 1)
    result = audited(
        tmp_path, data, **DECIDED, data={"label": "y", "sensitive": ["group"], "favourable": [2.0]}
    )
    own = values(result["variants"][0]["overall_views"]["favourable"])
    assert own["selection_rate"] == pytest.approx((data.d == 2).mean())


def test_a_run_with_favourable_classes_is_verified(tmp_path: Path) -> None:
    data = {**DATA, "favourable": ["good"]}
    result = audited(tmp_path, rows(300), data=data, model=PROBABLE)
    assert result["data"]["positive_is"] == "benefit"
    assert verify(tmp_path / "run").figures == []


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({"data": {**DATA, "favourable": ["good"], "positive_is": "burden"}}, "favourable are a benefit"),
        ({"data": {**DATA, "favourable": ["good", "good"]}}, "data.favourable: 'good' is named twice"),
        ({"data": {**DATA, "favourable": ["bad", "good", "meh"]}}, "expected some of the classes, got all 3"),
        ({"model": {**PROBABLE, "threshold": 0.4}}, "model.threshold: belongs to task: binary or multilabel"),
        ({"model": {**PROBABLE, "scale": "rank"}}, "model.scale: several classes are told by their"),
    ],
)
def test_what_several_classes_have_nothing_of_is_refused(
    tmp_path: Path, said: dict[str, Any], told: str
) -> None:
    with pytest.raises(InputError) as refused:
        audited(tmp_path, rows(60), **{"data": DATA, "model": PROBABLE, **said})
    assert told in str(refused.value)
    assert "\n" not in str(refused.value)


def test_favourable_classes_that_never_occur_are_told(tmp_path: Path) -> None:
    data = {**DATA, "favourable": ["goood"]}
    warnings = audited(tmp_path, rows(60), data=data, model=PROBABLE)["data"]["warnings"]
    assert any(text.startswith("'goood' (data.favourable) never occurs in the column y") for text in warnings)


def _given_up(result: dict[str, Any]) -> list[str]:
    return [text for text in result["data"]["warnings"] if text.startswith("Never decided for")]


def test_a_class_of_rows_that_is_never_predicted_is_told(tmp_path: Path) -> None:
    data = rows(60)
    given_up = data.assign(d=data.d.where(data.d != "meh", "bad"))
    roles = {**DATA, "classes": [*CLASSES, "never"]}
    assert _given_up(audited(tmp_path, given_up, **DECIDED, data=roles)) == [
        f"Never decided for, though rows have the label: 'meh' ({(data.y == 'meh').sum()} rows). "
        "The true positive rate is 0 there, and the precision has no value."
    ]
    page = (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    assert "Never decided for, though rows have the label" in page
    assert _given_up(audited(tmp_path, data, **DECIDED, data=DATA)) == []
    assert _given_up(audited(tmp_path, data, task="multiclass", data=DATA)) == []


def test_a_class_that_a_variant_gave_up_is_told_of_it(tmp_path: Path) -> None:
    """Not of one that the original never decides for either, and not of a variant that decides for all."""
    data = rows(80)
    data["small"] = data.d.where(data.d != "meh", "bad")
    data["least"] = "bad"
    variants = [{"name": name, "decision": name} for name in ("small", "least")]
    told = (
        "Never decided for by the variant {}, though rows have the label and the original decides for it: "
        "{}. The true positive rate is 0 there, and the precision has no value."
    )
    good, meh = (f"'{name}' ({(data.y == name).sum()} rows)" for name in ("good", "meh"))
    run = audited(
        tmp_path, data, **DECIDED, data=DATA, variants=[{"name": "same", "decision": "d"}, *variants]
    )
    assert _given_up(run) == [told.format("small", meh), told.format("least", f"{meh}, {good}")]
    assert "Never decided for by the variant" in (tmp_path / "run" / "report.html").read_text(
        encoding="utf-8"
    )
    assert (verify(tmp_path / "run").figures, verify(tmp_path / "run").pages) == ([], [])
    run = audited(
        tmp_path, data, task="multiclass", model={"decision": "small"}, data=DATA, variants=variants
    )
    assert _given_up(run)[1:] == [told.format("least", good)]


def test_names_of_classes_may_look_like_markup_or_like_words_of_gates(tmp_path: Path) -> None:
    odd = {"bad": "<script>alert(1)</script>", "good": 'each "one"\nof | two', "meh": "favourable ones"}
    data = rows(300)
    data = data.assign(y=data.y.map(odd), d=data.d.map(odd))
    each = {"metric": "true_positive_rate", "class": "each", **APART, "limit": "<= 0.5"}
    result = audited(tmp_path, data, **DECIDED, data={"label": "y", "sensitive": ["group"]}, gates=[each])
    assert sorted(result["classes"]) == sorted(odd.values())
    assert "<script>alert(1)" not in (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    assert verify(tmp_path / "run").figures == []
    with pytest.raises(InputError, match="no class has a NUL character"):
        audited(
            tmp_path,
            data.assign(y=[name + "\0" for name in data.y]),
            **DECIDED,
            data={"label": "y", "sensitive": ["group"]},
        )


def test_a_rule_for_two_classes_is_refused_before_its_inputs_are_asked_for(
    tmp_path: Path, cli: Callable[..., Ended]
) -> None:
    table = pd.DataFrame({"y": list("abc") * 20, "d": list("abb") * 20, "g": ["x", "y"] * 30})
    data = {"label": "y", "sensitive": ["g"]}
    audited(tmp_path, table, task="multiclass", data=data, model={"decision": "d"})
    ended = cli("report", str(tmp_path / "run"), "--regime", "nyc-ll144")
    assert (ended.code, len(ended.lines)) == (2, 1)
    assert "nyc-ll144: expected an audit of the task binary, got multiclass" in ended.err


def test_no_more_classes_are_told_apart_than_labels_may_have(tmp_path: Path) -> None:
    """By labels and predictions together, and by a model that knows many more than occur."""
    data = rows(300).assign(y=[f"k{i % 60}" for i in range(300)], d=[f"k{i % 60 + 50}" for i in range(300)])
    with pytest.raises(
        InputError, match=r"with the labels, what is predicted tells 110 classes apart.* 100$"
    ):
        audited(tmp_path, data, task="multiclass", data=DATA, model={"decision": "d"})

    from sklearn.tree import DecisionTreeClassifier

    many = DecisionTreeClassifier().fit(
        pd.DataFrame({"p_bad": range(303)}), [f"k{i % 101}" for i in range(303)]
    )
    with pytest.raises(InputError, match="model: it tells 101 classes apart, expected at most 100"):
        fairweigh.run(
            {"audit": "many", "task": "multiclass", "data": DATA, "model": {"features": ["p_bad"]}},
            tmp_path / "many", data=data, model=many,
        )  # fmt: skip


@pytest.mark.parametrize("named", [{}, {"classes": CLASSES}])
def test_classes_that_a_variant_alone_decides_for_are_told(tmp_path: Path, named: dict[str, Any]) -> None:
    data = rows(300)
    data["light"] = np.where(np.arange(len(data)) % 100 == 0, "zzz", data["d"])
    result = audited(
        tmp_path, data, data={**DATA, **named}, **DECIDED,
        variants=[{"name": "same", "decision": "d"}, {"name": "light", "decision": "light"}],
    )  # fmt: skip
    assert result["classes"] == [*CLASSES, "zzz"]
    told = [text for text in result["data"]["warnings"] if "no label has" in text]
    assert told == [
        "Variant light: Predictions hold classes that no label has: 'zzz' (3 rows). They are counted as "
        "classes of their own."
    ]


def _categories(frame: pd.DataFrame, column: str) -> pd.DataFrame:
    return frame.assign(**{column: pd.Categorical(frame[column], categories=[*CLASSES, "zzz"])})


def test_classes_of_rows_that_are_not_audited_and_unused_categories_do_not_count(tmp_path: Path) -> None:
    data = rows(300)
    data = data.assign(split=np.where(np.arange(300) % 3, "test", "train"))
    audited_rows = data[data.split == "test"]
    expected = audited(tmp_path, audited_rows, data=DATA, **DECIDED)
    other = data.assign(d=np.where((data.split == "train") & (data.index < 9), "zzz", data.d))
    of_split = {**DATA, "split": "test", "split_column": "split"}
    beside = tmp_path / "said.csv"
    other[["id", "d"]].to_csv(beside, index=False)
    joined = {"task": "multiclass", "model": {"path": str(beside), "decision": "d"}}
    for frame, roles, how in (
        (other, of_split, DECIDED),
        (other, of_split, joined),
        (_categories(audited_rows, "d"), DATA, DECIDED),
        (_categories(audited_rows, "y"), DATA, DECIDED),
    ):
        found = audited(tmp_path, frame, data=roles, **how)
        assert found["classes"] == CLASSES
        assert values(found["variants"][0]["overall"]) == values(expected["variants"][0]["overall"])
        assert verify(tmp_path / "run").figures == []


def test_a_class_whose_rows_have_no_weight_is_not_said_to_be_given_up(tmp_path: Path) -> None:
    """Its true positive rate has no value rather than 0."""
    data = rows(300)
    data["d"] = data.d.where(data.d != "meh", "good")
    for weight, told in ((1.0, 1), (0.0, 0)):
        weighed = data.assign(w=np.where(data.y == "meh", weight, 1.0))
        result = audited(tmp_path, weighed, **DECIDED, data={**DATA, "weight": "w"})
        assert sum("Never decided for" in text for text in result["data"]["warnings"]) == told
