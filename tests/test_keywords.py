"""Audits from Python: keyword arguments, tables and models in memory, beside the libraries' own answers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import fairweigh
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from fairlearn.metrics import MetricFrame, selection_rate, true_positive_rate
from fairweigh import Audit
from fairweigh.datasets.memory import as_table
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.metrics import accuracy_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from .tiny import FEATURES, numbers, save_bert, texts

ROLES = {"label": "y", "sensitive": ["sex"], "id": "id", "report": {"charts": False}}


@pytest.fixture
def frame() -> pd.DataFrame:
    return numbers(400).to_pandas()


def by_sex(result: fairweigh.Result, metric: str) -> dict[str, float]:
    figures = result.to_pandas("figures")
    of_sex = figures[(figures["by"] == "sex") & (figures["metric"] == metric)]
    return {str(sex): value for sex, value in of_sex.set_index("sex")["value"].items()}


def test_fitted_classifier_decides_as_its_own_predict_does(frame: pd.DataFrame, here: Path) -> None:
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(frame[FEATURES], frame["y"])
    result = Audit("hiring", frame, model, **ROLES).run()
    # fairlearn 0.15 computes the same rates from the classifier's own predictions.
    told = MetricFrame(
        metrics={"selection_rate": selection_rate, "true_positive_rate": true_positive_rate},
        y_true=frame["y"], y_pred=model.predict(frame[FEATURES]), sensitive_features=frame["sex"],
    )  # fmt: skip
    for metric in ("selection_rate", "true_positive_rate"):
        assert by_sex(result, metric) == pytest.approx(told.by_group[metric].to_dict())
    expected = accuracy_score(frame["y"], model.predict(frame[FEATURES]))
    assert result.variants[0].overall["accuracy"].value == pytest.approx(expected)
    assert result.variants[0].model.told["features"] == FEATURES
    assert result.folder == here / "runs" / "hiring"
    assert fairweigh.load_result("runs/hiring") == result


def test_classifier_without_probabilities_or_names_is_taken_too(frame: pd.DataFrame, here: Path) -> None:
    model = RidgeClassifier().fit(frame[FEATURES].to_numpy(), frame["y"])
    result = Audit("t", frame, model, features=FEATURES, **ROLES).run()
    expected = accuracy_score(frame["y"], model.predict(frame[FEATURES].to_numpy()))
    assert result.variants[0].overall["accuracy"].value == pytest.approx(expected)


def test_one_table_gives_one_result_whichever_library_holds_it(frame: pd.DataFrame, here: Path) -> None:
    tables = {
        "pandas": frame, "indexed": frame.set_index(pd.Index(range(400, 800))),
        "polars": pl.from_pandas(frame), "arrow": pa.Table.from_pandas(frame),
        "batch": pa.RecordBatch.from_pandas(frame),
    }  # fmt: skip
    results = [
        Audit("t", table, lambda rows: rows["a"] > 0, **ROLES).run(name) for name, table in tables.items()
    ]
    for result in results[1:]:
        assert result.variants[0].overall == results[0].variants[0].overall
        assert result.variants[0].slices == results[0].variants[0].slices
        assert result.variants[0].model.told["features"] == [*FEATURES, "race"]


def test_categories_and_large_text_come_in_one_form() -> None:
    rows = {"s": ["a", "b", None], "n": [1, 2, 3]}
    framed = pd.DataFrame(rows).assign(c=pd.Categorical(["u", "v", "u"]))
    other = pl.DataFrame(rows).with_columns(pl.Series("c", ["u", "v", "u"], dtype=pl.Categorical))
    expected = pa.schema(
        [("s", pa.string()), ("n", pa.int64()), ("c", pa.dictionary(pa.int32(), pa.string()))]
    )
    assert as_table(framed).schema == expected
    assert as_table(framed) == as_table(other)
    assert as_table(framed).to_pylist()[2] == {"s": None, "n": 3, "c": "u"}


def test_torch_module_in_memory_scores_as_itself_and_is_left_as_it_was(
    frame: pd.DataFrame, here: Path
) -> None:
    torch = pytest.importorskip("torch")
    module = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.Dropout(0.5), torch.nn.Linear(8, 2)).train()
    result = Audit("t", frame, module, features=FEATURES, **ROLES).run()
    assert module.training
    rows = torch.tensor(frame[FEATURES].to_numpy(), dtype=torch.float32)
    with torch.no_grad():
        decided = module.eval()(rows).argmax(1).numpy()
    assert result.variants[0].overall["accuracy"].value == pytest.approx((decided == frame["y"]).mean())


def test_transformers_pipeline_in_memory_is_audited_and_compressed(tmp_path: Path, here: Path) -> None:
    transformers = pytest.importorskip("transformers")
    folder = save_bert(tmp_path / "bert")
    table = texts(120)
    pipeline = transformers.pipeline("text-classification", str(folder))
    audit = Audit("t", table, pipeline, text="text", compressions=["fp16"], **ROLES)
    result = audit.run()
    # The library's own pipeline answers with the label that has the larger probability.
    told = [answer["label"] == "LABEL_1" for answer in pipeline(table["text"].to_pylist(), max_length=64)]
    right = np.mean(np.array(told) == table["y"].to_numpy())
    assert result.variants[0].overall["accuracy"].value == pytest.approx(right)
    assert [v.name for v in result.variants] == ["original", "fp16"]


def test_fitted_classifier_in_memory_can_be_mitigated(frame: pd.DataFrame, here: Path) -> None:
    model = LogisticRegression().fit(frame[FEATURES], frame["y"])
    rule = {"threshold": {"constraint": "selection_rate", "limit": "<= 0.05"}}
    result = Audit("t", frame, model, validation={"share": 0.4}, mitigations=[rule], **ROLES).run()
    assert [v.kind for v in result.variants] == ["original", "mitigated"]
    loaded = fairweigh.load_variant(here / "runs" / "t" / "artefacts" / result.variants[1].name)
    assert len(loaded.predict(as_table(frame))) == 400


def test_run_takes_the_same_models_and_keeps_what_applies(frame: pd.DataFrame, here: Path) -> None:
    model = LogisticRegression().fit(frame[FEATURES], frame["y"])
    config = {
        "audit": "t", "data": {"label": "y", "sensitive": ["sex"]}, "report": {"charts": False},
        "model": {"estimator": "sklearn.svm.SVC", "train": {"path": "none.csv"}, "threshold": 0.7},
    }  # fmt: skip
    result = fairweigh.run(config, data=frame, model=model)
    decided = model.predict_proba(frame[FEATURES])[:, 1] >= 0.7
    assert result.variants[0].overall["selection_rate"].value == pytest.approx(decided.mean())
    assert result.configuration["model"]["estimator"] is None
    assert result.configuration["model"]["path"] == result.configuration["data"]["path"] == "in memory"


def test_predictions_that_stand_in_the_table_need_no_model(frame: pd.DataFrame, here: Path) -> None:
    scored = frame.assign(p=(frame["a"] > 0).astype(int))
    result = Audit("t", scored, decision="p", **ROLES).run()
    assert result.variants[0].overall["selection_rate"].value == pytest.approx(scored["p"].mean())


def test_a_file_and_a_mapping_are_data_too(frame: pd.DataFrame, here: Path) -> None:
    frame.to_parquet("d.parquet")
    roles = {key: ROLES[key] for key in ("label", "sensitive", "id")}
    one = Audit("one", "d.parquet", lambda rows: rows["a"] > 0, **ROLES).run()
    two = Audit("two", {"path": "d.parquet", **roles}, lambda rows: rows["a"] > 0, report={"charts": False})
    assert two.run().variants[0].slices == one.variants[0].slices
    assert (Path("runs") / "two" / "MANIFEST.json").is_file()


def fitted(frame: pd.DataFrame) -> Any:
    return LogisticRegression().fit(frame[FEATURES], frame["y"])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"lable": "y"}, "Audit: 'lable' is no known key; did you mean 'label'?"),
        ({"model": LogisticRegression()}, "expected a fitted classifier .* got LogisticRegression"),
        ({"model": LogisticRegression}, "got the class LogisticRegression"),
        ({"model": 3}, "model: expected a callable, .* got int"),
        ({"text": "a"}, "a model of kind sklearn has no text"),
        ({"features": ["a", "y"]}, "'y' is the label, which a model may not see"),
        ({"features": ["a", "e"]}, "no column 'e'"),
        ({"features": ["a"]}, "model: it cannot score the table"),
        ({"data": [1, 2]}, "data: expected a pandas, polars or pyarrow table, got list"),
        ({"data": {"label": "y"}}, "'label' is given twice, by itself and in data"),
        ({"data": pd.DataFrame({"y": [0, 1], 3: [0, 1]})}, "expected column names that are text, got 3"),
        ({"data": pd.DataFrame({"y": [0, "x"]})}, "Conversion failed for column y"),
        ({"data": pa.table([[1], [2]], names=["y", "y"])}, "more than one column 'y'"),
        ({"split": "test", "split_column": "b", "data": {}}, "data: expected either name"),
        ({"weight": "a"}, "weight column 'a': expected finite numbers of at least 0"),
        ({"gates": [{"metric": "accuracy"}]}, r"gates\[0\].limit: this key is required"),
    ],
)  # fmt: skip
def test_bad_input_is_one_line_and_leaves_nothing(
    frame: pd.DataFrame, here: Path, change: dict[str, Any], message: str
) -> None:
    given = {"audit": "t", "data": frame, "model": fitted(frame), **ROLES, **change}
    if isinstance(change.get("data"), dict) and "label" not in change["data"]:
        given.pop("label")
    with pytest.raises(fairweigh.InputError, match=message) as raised:
        Audit(**given).run()
    assert "\n" not in str(raised.value)
    assert list(here.iterdir()) == []


def test_bare_module_of_a_transformers_model_asks_for_its_tokenizer(tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    module = transformers.AutoModelForSequenceClassification.from_pretrained(save_bert(tmp_path / "bert"))
    with pytest.raises(fairweigh.InputError, match="expected the pipeline of both, got BertForSequence"):
        Audit("t", texts(40), module, text="text", **ROLES)


def test_torch_module_in_memory_is_not_compressed_and_says_why(frame: pd.DataFrame, here: Path) -> None:
    torch = pytest.importorskip("torch")
    module = torch.nn.Linear(4, 2)
    with pytest.raises(fairweigh.InputError, match="cannot be built again in a fresh process; name the func"):
        Audit("t", frame, module, features=FEATURES, compressions=["fp16"], **ROLES).run()
    assert list(here.iterdir()) == []


def test_audit_says_what_it_is(frame: pd.DataFrame) -> None:
    made = Audit("hiring", frame, decision="y", sensitive=["sex"])
    assert repr(made) == "Audit('hiring', 400 rows, 0 gates)"


WORDS = {"sex": ["f", "m"] * 50, "y": ["yes", "no", "no", "yes"] * 25, "d": ["grant", "deny"] * 50}


def told(**keywords: Any) -> Any:
    with pytest.raises(fairweigh.InputError) as caught:
        Audit("words", pd.DataFrame(WORDS), sensitive=["sex"], report={"charts": False}, **keywords).run()
    return str(caught.value)


def test_what_an_error_names_in_python_mends_it(here: Path) -> None:
    """The keyword of the data did not help a decision, which the error asked for in the file's words."""
    known = {"label": "y"}
    assert "say which value is positive (positive=)" in told(**known)
    known["positive"] = "yes"
    message = told(**known, decision="d")
    assert "decision column 'd'" in message
    assert "(model={'positive': ...})" in message
    table = pd.DataFrame(WORDS)
    result = Audit(
        "words",
        table,
        {"positive": "grant"},
        sensitive=["sex"],
        decision="d",
        report={"charts": False},
        **known,
    ).run()
    assert by_sex(result, "selection_rate") == {"f": 1.0, "m": 0.0}


@pytest.mark.parametrize(("labels", "positive"), [("y", "yes"), ("d", ["yes", "grant"])])
def test_what_an_error_says_of_a_classifier_mends_it(
    here: Path, labels: str, positive: str | list[Any]
) -> None:
    """Its own words for the labels are listed beside them."""
    table = pd.DataFrame(WORDS | {"x": np.tile([3, 0, 1, 2], 25)})
    model = LogisticRegression().fit(table[["x"]], table[labels])

    def audit(**given: Any) -> Audit:
        return Audit("words", table, model, label="y", sensitive=["sex"], report={"charts": False}, **given)

    with pytest.raises(fairweigh.InputError, match=r"positive=\)$"):
        audit(**({} if labels == "y" else {"positive": "yes"})).run()
    selected = by_sex(audit(positive=positive).run(), "selection_rate")
    table["p"] = model.predict(table[["x"]]) == (positive if labels == "y" else "grant")
    assert selected == table.groupby("sex")["p"].mean().to_dict()


def test_run_names_the_keys_of_the_mapping_that_it_was_given(here: Path) -> None:
    config = {"audit": "words", "data": {"label": "y", "sensitive": ["sex"]}}
    with pytest.raises(fairweigh.InputError, match=r"data[.]positive"):
        fairweigh.run(config, data=pd.DataFrame(WORDS))


def test_other_words_of_an_error_stand_as_they_are(here: Path) -> None:
    assert "no column 'nope'" in told(label="nope")
    assert told(label="nope").startswith("label: ")
    assert "bins.sex" in told(label="y", positive="yes", bins={"sex": [3]})
