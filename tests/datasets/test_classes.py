"""Labels and decisions: two classes, named by value; what else a column holds is said in words."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fairweigh.datasets.binary import Binary
from fairweigh.datasets.columns import meant
from fairweigh.datasets.errors import InputError
from fairweigh.datasets.evaluation import EvaluationSet

if TYPE_CHECKING:
    from ..conftest import Ended


def read(
    values: list[Any], role: Any = "label", positive: Sequence[Any] = (), negative: Sequence[Any] = ()
) -> tuple[Binary, Any]:
    outcome = Binary("y", role, positive, negative)
    return outcome, outcome.read(pa.array(values)).tolist()


@pytest.mark.parametrize(
    ("values", "positive", "negative", "told"),
    [
        (
            ["<30", ">30", "NO", "NO"], ["<30"], [],
            "label column 'y': which values are negative is unclear: beside positive '<30' it holds "
            "'NO' (2 rows), '>30' (1 row); name those that are negative in data.negative (a list is fine), "
            "or the others in data.positive",
        ),
        (["Y", "N", "N"], ["ja"], [], "'ja' (data.positive) occurs in none of 3 rows, which hold 'N'"),
        (["Y", "N", "Z"], [], ["nein"], "'nein' (data.negative) occurs in none of 3 rows, which hold"),
        (["yes ", "no"], ["yes"], [], "'yes ' (1 row) differs from the positive 'yes' in its spelling"),
        (["Yes", "Yes"], ["yes"], [], "'Yes' (2 rows) differs from the positive 'yes' in its spelling alone"),
        (["ｙes", "no"], ["yes"], [], "differs from the positive 'yes' in its spelling alone"),
        (["a", "b", "c"], [], [], "set task: multiclass to audit every class, or say which value is posi"),
        (["a", "b", "c"], ["a"], ["b"], "expected positive 'a' and negative 'b', got 'c' (1"),
        ([0.5, 1.5, 2.25, 3.0], [], [], "4 different numbers from 0.5 to 3, as a regression predicts them"),
        ([0.5, 1.5, 2.25, 3.0], ["3"], [], "set task: regression, or audit two classes by a column"),
        (list(range(50)), ["3"], [], "50 different numbers from 0 to 49, as a regression predicts them"),
        (["O", "B-PER", "I-PER"], [], [], "tags of the words of a text (named entities): set task: ner, and"),
        (["O O B-LOC", "O", "O B-PER"], [], [], "tags of the words of a text"),
        (["['a']", "[]"], [], [], "a list in each row (several labels): set task: multilabel"),
    ],
)  # fmt: skip
def test_what_is_no_pair_of_classes_is_said(values: Any, positive: Any, negative: Any, told: str) -> None:
    with pytest.raises(InputError) as refused:
        read(values, positive=positive, negative=negative)
    assert told in str(refused.value)


def test_several_negative_values_are_one_class() -> None:
    """Of the diabetes readmissions, '<30' against both others."""
    outcome, held = read(["<30", ">30", "NO"], positive=["<30"], negative=[">30", "NO"])
    assert held == [True, False, False]
    assert outcome.classes == (["<30"], [">30", "NO"])


def test_named_negatives_leave_the_one_other_value_positive() -> None:
    assert read(["<30", ">30", "NO"], negative=[">30", "NO"])[1] == [True, False, False]


def test_a_value_of_both_classes_is_refused() -> None:
    with pytest.raises(InputError, match=r"data.positive: 'a' is named as negative too"):
        Binary("y", "label", ["a"], ["a", "b"])


def test_decisions_name_the_keys_of_the_model() -> None:
    with pytest.raises(
        InputError, match=r"decision column 'y'.* in model.negative \(a list is fine\), or .*model"
    ):
        read(["approve", "deny", "refer"], role="decision", positive=["approve"])


def test_a_value_that_comes_with_a_later_batch_is_of_its_class() -> None:
    outcome = Binary("y", "label", ["yes"])
    assert outcome.read(pa.array(["no", "no"])).tolist() == [False, False]
    assert outcome.read(pa.array(["yes", "no"])).tolist() == [True, False]
    assert outcome.never == {}


@pytest.mark.parametrize(
    ("given", "known", "found"),
    [
        (True, ["True", "False"], "True"),
        (True, ["true", "false"], "true"),
        (1, ["1.0", "2.0"], "1.0"),
        (0.5, ["0.50", "1.00"], "0.50"),
        ("2020-01-01", ["2020-01-01 00:00:00", "2020-01-02 00:00:00"], "2020-01-01 00:00:00"),
        (1, ["1", "1.0"], "1"),
        (1.5, ["1.50", "1.500"], "1.5"),
        (1, ["01", "02"], "1"),
        ("a", ["A"], "a"),
    ],
)
def test_a_value_of_a_configuration_means_the_slice_of_the_same_value(
    given: float | str, known: list[Any], found: str
) -> None:
    assert meant(given, known) == found


@pytest.mark.parametrize(
    ("label", "roles", "side"),
    [([1], {}, "positive"), ([0], {}, "negative"), (["no"], {"positive": "yes"}, "negative")],
)
def test_one_class_is_audited_and_said(
    audited: Callable[..., Any],
    cli: Callable[..., Ended],
    make_people: Callable[..., pa.Table],
    make_config: Callable[..., dict[str, Any]],
    label: list[Any],
    roles: dict[str, Any],
    side: str,
) -> None:
    """Selection rates need no label; a gate on what is undefined is an error, not the end of the audit."""
    gates = [
        {"metric": "auc", "limit": ">= 0.1"},
        {"metric": "selection_rate", "by": "sex", "compare": "difference", "limit": "<= 1"},
    ]
    config = make_config(data=roles, gates=gates, metrics=None)
    result = audited(config, make_people(y=np.array(label * 200)))
    assert [gate["verdict"] for gate in result["gates"]] == ["error", "pass"]
    warning = result["data"]["warnings"][0]
    assert warning.startswith(f"Every label is {side} (y: {label[0]}, all 200 rows)")
    assert warning in cli("gate", "runs/t").out
    assert cli("verify", "runs/t").code == 0
    page = Path("runs/t/annex.html").read_text(encoding="utf-8")
    assert ("Every row has it" if side == "positive" else "No row has it") in page
    never = [text for text in result["data"]["warnings"] if "never occurs" in text]
    assert never == (
        ["'yes' (data.positive) never occurs in the column y, which holds 'no' (200 rows)."] if roles else []
    )


def test_decisions_take_several_negatives_and_never_is_said(
    audited: Callable[..., Any],
    make_people: Callable[..., pa.Table],
    make_config: Callable[..., dict[str, Any]],
) -> None:
    table = make_people(approved=["approve", "deny", "refer", "deny"] * 50)
    model = {"decision": "approved", "positive": ["approve", "grant"], "negative": ["deny", "refer"]}
    result = audited(make_config(model=model), table)
    assert result["variants"][0]["overall"]["selection_rate"]["value"] == 0.25
    assert result["data"]["warnings"] == [
        "'grant' (model.positive) never occurs in the column approved, which holds 'deny' (100 rows), "
        "'approve' (50 rows), 'refer' (50 rows)."
    ]


def test_a_list_in_each_row_is_no_label(
    refused: Callable[..., str],
    write: Callable[..., None],
    make_people: Callable[..., pa.Table],
    make_config: Callable[..., dict[str, Any]],
) -> None:
    write(make_people(y=[["warm", "dry"]] * 200), make_config())
    assert (
        "label column 'y': expected one value per row, got list<element: string>; of several labels in a row "
        "set task: multilabel" in refused()
    )


@pytest.mark.parametrize(
    ("table", "value", "text"),
    [
        ([True, False], True, "true"),
        ([1, 2], 1, "1"),
        ([0.5, 0.25], 0.5, "0.5"),
        (["2020-01-01", "2021-06-30"], "2020-01-01", "2020-01-01"),
        (["True", "False"], True, "true"),
        (["0.50", "0.25"], 0.5, "0.50"),
    ],
)
def test_values_that_are_no_text_name_slices_everywhere(
    audited: Callable[..., Any],
    make_people: Callable[..., pa.Table],
    make_config: Callable[..., dict[str, Any]],
    table: list[Any],
    value: float | str,
    text: str,
) -> None:
    """reference, a gate's slice and its reference; a day is written without quotes in YAML."""
    gates = [
        {"metric": "accuracy", "slice": {"race": value}, "limit": ">= 0"},
        {"metric": "accuracy", "by": "race", "compare": "difference", "limit": "<= 1", "reference": value},
        {
            "metric": "accuracy",
            "by": "race",
            "compare": "difference",
            "limit": "<= 1",
            "reference": {"race": value},
        },
    ]
    config = make_config(slices={"reference": {"race": value}, "intersections": 1}, gates=gates)
    Path("a.yaml").write_text(json.dumps(config).replace('"2020-01-01"', "2020-01-01"), encoding="utf-8")
    import pyarrow.parquet as pq

    pq.write_table(make_people(race=table * 100), "d.parquet")
    from fairweigh.api import run

    result = run("a.yaml", "out")
    assert result.gates[0].slices[0].slice == {"race": text}
    assert [gate.slices[0].reference for gate in result.gates[1:]] == [{"race": text}] * 2
    references = {
        d.reference["race"] for d in result.variants[0].disparities if d.reference and d.by == ["race"]
    }
    assert text in references


@pytest.mark.parametrize(
    ("weight", "told"),
    [
        (
            1e200,
            "squares can be summed (0, or from 1e-50 to 1e+50), got 1e+200 in row 4 of d.parquet",
        ),
        (5e-324, "squares can be summed (0, or from 1e-50 to 1e+50), got 5e-324"),
        (1e-160, "got 1e-160"),
        (float("inf"), "finite numbers of at least 0"),
        (float("nan"), "weight column 'w' is missing in 1 row, first in row 4 of d.parquet"),
        (-1.0, "finite numbers of at least 0, got -1.0 in row 4 of d.parquet"),
        (None, "weight column 'w' is missing in 1 row, first in row 4 of d.parquet"),
    ],
)
def test_a_weight_that_cannot_be_summed_is_named_with_its_row(
    refused: Callable[..., str],
    write: Callable[..., None],
    make_people: Callable[..., pa.Table],
    make_config: Callable[..., dict[str, Any]],
    weight: Any,
    told: str,
) -> None:
    """Squares that overflow gave half-empty figures with a pass."""
    write(make_people(w=[1.0, 0.0, 2.5, weight] + [1.0] * 196), make_config(data={"weight": "w"}))
    assert told in refused()


@pytest.mark.parametrize("scale", [1e-40, 1.0, 1e40])
def test_figures_do_not_depend_on_the_scale_of_the_weights(
    audited: Callable[..., Any],
    make_people: Callable[..., pa.Table],
    make_config: Callable[..., dict[str, Any]],
    scale: float,
) -> None:
    w = np.random.default_rng(1).random(200) + 0.5
    config = make_config(data={"weight": "w"}, metrics=None)
    result = audited(config, make_people(w=w * scale))
    e = result["variants"][0]["overall"]["accuracy"]
    y, d = (np.asarray(make_people()[c]) for c in ("y", "score"))
    assert e["value"] == pytest.approx(w[(d >= 0.5) == y].sum() / w.sum())
    assert e["effective_n"] == pytest.approx(w.sum() ** 2 / (w**2).sum())
    assert all(s["metrics"]["accuracy"]["low"] is not None for s in result["variants"][0]["slices"])


@pytest.mark.parametrize("count", [1e19, 2.0**63, 2**41, float("inf")])
def test_a_count_beyond_what_can_be_added_is_one_line(
    refused: Callable[..., str],
    write: Callable[..., None],
    make_config: Callable[..., dict[str, Any]],
    count: Any,
) -> None:
    table = pa.table({"sex": ["a", "b"], "race": ["x", "y"], "d": [1, 0], "n": pa.array([3.0, float(count)])})
    write(
        table,
        make_config(data={"count": "n", "id": None, "label": None}, model={"decision": "d"}, metrics=None),
    )
    assert "count column 'n': expected whole numbers of at least 0 and at most" in refused()


def test_rows_without_a_value_are_left_out_and_counted_from_every_format(
    audited: Callable[..., Any],
    make_people: Callable[..., pa.Table],
    make_config: Callable[..., dict[str, Any]],
) -> None:
    """NaN and empty text are missing as null is: NaN in a label was told to set data.drop_missing."""
    table = make_people(y=[1.0, 0.0, float("nan"), None] * 50, job=["clerk", "", "nurse", "smith"] * 50)
    result = audited(make_config(data={"drop_missing": True}), table)
    assert result["data"]["rows"] == 50
    assert "150 rows with a missing value were left out (data.drop_missing)." in result["data"]["warnings"]


def test_cells_without_a_value_are_left_out_with_all_their_rows(
    audited: Callable[..., Any], make_config: Callable[..., dict[str, Any]]
) -> None:
    table = pa.table({
        "sex": ["a", "b", "a", None], "race": ["x", "y", "x", "y"], "d": [1, 0, 0, 1], "n": [40, 60, 50, 24],
    })  # fmt: skip
    data = {"count": "n", "id": None, "label": None, "drop_missing": True}
    result = audited(make_config(data=data, model={"decision": "d"}, metrics=None), table)
    assert result["data"]["rows"] == 150
    assert "24 rows with a missing value were left out (data.drop_missing)." in result["data"]["warnings"]


def test_bins_of_a_feature_that_is_not_sliced_are_no_fault(
    audited: Callable[..., Any],
    refused: Callable[..., str],
    write: Callable[..., None],
    make_people: Callable[..., pa.Table],
    make_config: Callable[..., dict[str, Any]],
) -> None:
    config = make_config(
        data={"sensitive": ["sex", "age"], "bins": {"age": [30, 50]}},
        slices={"by": ["sex"], "reference": {"age": "under 30", "sex": "Male"}},
    )
    assert audited(config, make_people())["data"]["sensitive"] == ["sex"]
    Path("runs").rename("before")
    config["data"]["bins"] = {"aeg": [30]}
    write(config=config)
    assert "data.bins.aeg: 'aeg' is not a sensitive feature" in refused()
    config["data"] |= {"bins": {"age": [30]}, "sensitive": ["sex", "age"]}
    config["slices"]["reference"] = {"job": "clerk"}
    write(config=config)
    assert "slices.reference: 'job' is not an audited sensitive feature" in refused()


@pytest.mark.parametrize(
    ("parts", "told"),
    [
        ({"metrics": ["NDCG@10"]}, "'NDCG@10' is no known metric; did you mean 'ndcg' with data.last_rank?"),
        ({"gates": [{"metric": "mae", "limit": "<= 1"}]}, "did you mean 'mean_absolute_error'?"),
        ({"metrics": ["entity_f1"]}, "entity_f1 is no metric of the task binary but of ner"),
        ({"metrics": ["seqeval"]}, "'seqeval' is no known metric; did you mean 'entity_f1'?"),
        ({"metrics": ["rouge-l"]}, "'rouge-l' is a metric of a text that a model writes, which cannot be"),
        ({"metrics": ["macro-f1"]}, "'macro-f1' is no known metric; did you mean 'macro_f1'?"),
        ({"objective": {"performance": "r2"}}, "'r2' is no known metric; did you mean 'r_squared'?"),
        ({"metrics": ["recall"]}, "'recall' is no known metric; did you mean 'true_positive_rate'?"),
        ({"metrics": ["roc_auc_score"]}, "did you mean 'auc'?"),
        ({"metrics": ["MCC"]}, "did you mean 'matthews_correlation'?"),
        ({"metrics": ["fpr"]}, "did you mean 'false_positive_rate'?"),
        ({"metrics": ["precision_macro"]}, "did you mean 'macro_precision'?"),
        ({"metrics": ["recall_macro"]}, "did you mean 'macro_recall'?"),
        ({"metrics": ["neg_mean_squared_error"]}, "did you mean 'root_mean_squared_error'?"),
        ({"metrics": ["ndkl"]}, "'ndkl' is a figure of rankings, which are always told it"),
        ({"metrics": ["mrrr"]}, "'mrrr' is no known metric; there are selection_rate"),
        (
            {"metrics": ["macro_f1"]},
            "macro_f1 is no metric of the task binary but of multiclass",
        ),
    ],
)
def test_a_metric_of_another_name_or_task_says_which_is_meant(
    refused: Callable[..., str],
    write: Callable[..., None],
    make_people: Callable[..., pa.Table],
    make_config: Callable[..., dict[str, Any]],
    parts: dict[str, Any],
    told: str,
) -> None:
    write(make_people(), make_config(**parts))
    assert told in refused()


@pytest.mark.parametrize("ending", ["parquet", "jsonl"])
@pytest.mark.parametrize("task", ["binary", "multiclass", "multilabel"])
def test_tags_of_words_in_lists_are_no_labels(tmp_path: Path, ending: str, task: str) -> None:
    """Lists of labels and of tags look alike, and each row's tags would be a set of labels."""
    path = tmp_path / f"d.{ending}"
    rows = [{"sex": "f", "y": ["O", "B-PER", "I-PER"]}, {"sex": "m", "y": ["O", "O", "B-LOC"]}] * 20
    if ending == "parquet":
        pq.write_table(pa.Table.from_pylist(rows), path)
    else:
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    data = EvaluationSet(path, ["sex"], "y", task=task)
    with pytest.raises(InputError) as refused:
        data.class_names() if task == "multilabel" else list(map(data.read, data.batches()))
    told = str(refused.value)
    if ending == "jsonl" and task != "multilabel":
        list_of = "expected one value per row, got list<item: string>"
        assert told.endswith(f"column 'y': {list_of}; several labels in a row are task: multilabel")
    else:
        assert "holds tags of the words of a text (named entities): set task: ner" in told


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.string_view()])
def test_a_word_that_may_mean_not_known_is_asked_about_whatever_the_text_is_stored_as(
    tmp_path: Path, kind: Any
) -> None:
    values = ["yes", "no", "NA"] * 10
    table = pa.table({"sex": pa.array(["f", "m", "NA"] * 10, kind), "y": pa.array(values, kind)})
    for column, roles in (("y", {"label": "y", "positive": "yes"}), ("sex", {})):
        data = EvaluationSet(table, ["sex"], **roles)  # type: ignore[arg-type]
        with pytest.raises(InputError, match=f"'{column}' holds 'NA' .10 rows.: not known, or a value"):
            list(map(data.read, data.batches()))


@pytest.mark.parametrize(
    "role",
    [
        {"counterfactual": {"group": ["several"], "feature": "sex"}},
        {"split_column": "several", "split": "a"},
        {"cluster": "several"},
        {"id": "several"},
        {"sensitive": ["several"]},
    ],
)
def test_a_list_in_each_row_is_refused_in_every_role(
    refused: Callable[..., str],
    write: Callable[..., None],
    make_people: Callable[..., pa.Table],
    make_config: Callable[..., dict[str, Any]],
    role: dict[str, Any],
) -> None:
    write(make_people(several=[[1, 2]] * 200), make_config(data=role))
    assert "column 'several': expected one value per row, got list<element: int64>" in refused()


def test_values_that_are_named_by_a_number_are_words(
    audited: Callable[..., Any],
    make_people: Callable[..., pa.Table],
    make_config: Callable[..., dict[str, Any]],
) -> None:
    """A fold, a class and a merged value of a typed column are numbers in the configuration too."""
    parts = {
        "data": {"split_column": "fold", "split": 1, "merge": {"race": {1: ["b"]}}},
        "gates": [{"metric": "accuracy", "slice": {"race": 1}, "limit": ">= 0"}],
    }
    people = make_people(fold=np.arange(200) % 2, race=["1", "b"] * 100)
    result = audited(make_config(**parts), people)
    assert result["data"]["rows"] == 100
    assert [one["slice"] for one in result["variants"][0]["slices"] if "race" in one["slice"]] == [
        {"race": "1"}
    ]


def test_rows_without_a_cluster_are_told(
    audited: Callable[..., Any],
    make_people: Callable[..., pa.Table],
    make_config: Callable[..., dict[str, Any]],
) -> None:
    people = make_people(c=[None] * 60 + list(range(140)))
    result = audited(make_config(data={"cluster": "c"}), people)
    told = "60 rows have no cluster (c); rows without one count as one cluster together."
    assert told in result["data"]["warnings"]
