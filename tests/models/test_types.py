"""What a trained model takes its columns for, what one from Python is given, and which types are trusted."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import fairweigh
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier

if TYPE_CHECKING:
    from fairweigh.result import Result


LOGISTIC = "sklearn.linear_model.LogisticRegression"
FEATURES = ["x", "job"]


def people(n: int, seed: int) -> pd.DataFrame:
    """The label follows x and job exactly, so that a model that reads them is nearly always right."""
    r = np.random.default_rng(seed)
    x, job = np.round(r.normal(size=n), 3), r.choice(["clerk", "nurse", "smith"], n)
    return pd.DataFrame(
        {"id": np.arange(n), "sex": r.choice(["f", "m"], n), "x": x, "job": job, "y": (x > 0).astype(int)}
    )


def configured(**parts: Any) -> Any:
    data = {"label": "y", "sensitive": ["sex"], "id": "id", **parts.pop("data", {})}
    model = {"estimator": LOGISTIC, "train": {"path": "train.csv"}, **parts.pop("model", {})}
    return {
        "audit": "t",
        "data": data,
        "model": model,
        "metrics": ["accuracy"],
        "report": {"charts": False},
    } | parts


def run(path: str, **parts: Any) -> Result:
    data = {"path": path, **parts.pop("data", {})}
    return fairweigh.run(configured(data=data, **parts), "run")


@pytest.fixture
def tables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[pd.DataFrame, pd.DataFrame]:
    monkeypatch.chdir(tmp_path)
    train, test = people(400, 0), people(200, 1)
    train.to_csv("train.csv", index=False)
    test.to_csv("test.csv", index=False)
    return train, test


def with_word(frame: pd.DataFrame, row: int, word: str) -> pd.DataFrame:
    changed = frame.astype({"x": object})
    changed.loc[row, "x"] = word
    return changed


@pytest.mark.parametrize("word", ["?", "-", "n.v.", "12-34", "ten"])
def test_a_word_among_numbers_is_told_with_its_row(
    word: str, tables: tuple[pd.DataFrame, pd.DataFrame]
) -> None:
    train, test = tables
    with_word(test, 5, word).to_csv("odd.csv", index=False)
    with pytest.raises(fairweigh.InputError, match=r"'x': expected numbers.* in row 6 of odd\.csv"):
        run("odd.csv")
    with_word(train, 7, word).to_csv("train.csv", index=False)
    with pytest.raises(fairweigh.InputError, match=r"'x': expected numbers.* in row 8 of train\.csv"):
        run("test.csv")
    assert sorted(p.name for p in Path().iterdir()) == ["odd.csv", "test.csv", "train.csv"]


@pytest.mark.parametrize("word", ["NA", "N/A", "#N/A", "1,234.5"])
def test_what_programs_write_among_numbers_leaves_numbers(
    word: str, tables: tuple[pd.DataFrame, pd.DataFrame]
) -> None:
    """Missing words of programs are missing; marks between thousands are read."""
    train, test = tables
    if word != "1,234.5":  # one such number would be all that a scaled model sees
        with_word(train, 7, word).to_csv("train.csv", index=False)
    with_word(test, 5, word).to_csv("test.csv", index=False)
    assert run("test.csv").variants[0].overall["accuracy"].value > 0.95


def test_the_word_declared_missing_leaves_numbers(tables: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    train, test = tables
    with_word(train, 7, "?").to_csv("train.csv", index=False)
    kept = run("test.csv", data={"missing": ["?"]}).variants[0].overall["accuracy"].value
    assert kept > 0.95
    # In a typed file the column is text, which data.missing reads too.
    with_word(train, 7, "?").astype({"x": str}).to_parquet("train.parquet")
    with_word(test, 3, "?").astype({"x": str}).to_parquet("test.parquet")
    parts = {
        "data": {"path": "test.parquet", "missing": ["?"]},
        "model": {"train": {"path": "train.parquet"}},
    }
    result = fairweigh.run(configured(**parts), "typed")
    assert result.variants[0].overall["accuracy"].value > 0.95
    assert "Column x is text, all of it numbers" in result.variants[0].model.told["warnings"][0]


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_declared_codes_are_categories_in_training_and_after(
    suffix: str, tables: tuple[pd.DataFrame, pd.DataFrame]
) -> None:
    """The test file holds no letter, so that its column alone would be numbers."""
    train, test = tables
    r = np.random.default_rng(2)
    train["code"], test["code"] = r.choice(["1", "2", "A"], 400), r.choice([1, 2], 200)
    for frame, name in ((train, "train"), (test, "test")):
        frame["y"] = (frame["code"].astype(str) == "1").astype(int)
        getattr(frame, f"to_{suffix}")(f"{name}.{suffix}", index=False)
    model = {"train": {"path": f"train.{suffix}"}, "features": ["code"]}
    with pytest.raises(fairweigh.InputError, match=r"list it in data\.categorical"):
        run(f"test.{suffix}", model=model)
    result = run(f"test.{suffix}", data={"categorical": ["code"]}, model=model)
    assert result.variants[0].overall["accuracy"].value == 1


def decimals(values: Any, kind: Any) -> pa.Array:
    return pa.array([Decimal(str(v)) for v in values], kind)


KINDS = {
    "decimal32": lambda x: decimals(x, pa.decimal32(7, 3)),
    "decimal128": lambda x: decimals(x, pa.decimal128(20, 3)),
    "decimal256": lambda x: decimals(x, pa.decimal256(50, 3)),
    "decimals in a dictionary": lambda x: decimals(x, pa.decimal128(20, 3)).dictionary_encode(),
    "numbers in a dictionary": lambda x: pa.array(x).dictionary_encode(),
    "flags in a dictionary": lambda x: pa.array(x > 0).dictionary_encode(),
    "flags with blanks": lambda x: pa.array([bool(v > 0) if i % 50 else None for i, v in enumerate(x)]),
    "text view": lambda x: pa.array(np.where(x > 0, "p", "n").tolist(), pa.string_view()),
    "dates": lambda x: pa.array((x > 0).astype(np.int32)).cast(pa.date32()),
    "bytes": lambda x: pa.array([b"p" if v > 0 else b"n" for v in x]),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_feature_of_any_type_is_learned_from(kind: Any, tables: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    for name, frame in zip(("train", "test"), tables, strict=True):
        table = pa.Table.from_pandas(frame, preserve_index=False)
        changed = KINDS[kind](frame["x"].to_numpy())
        pq.write_table(table.set_column(table.column_names.index("x"), "x", changed), f"{name}.parquet")
    result = run("test.parquet", model={"train": {"path": "train.parquet"}, "features": ["x"]})
    assert result.variants[0].overall["accuracy"].value > 0.9


def test_new_categories_and_empty_columns_are_said(tables: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    train, test = tables
    test["job"] = np.where(np.arange(200) < 3, "pilot", test["job"])
    train.assign(blank=None).to_csv("train.csv", index=False)
    test.assign(blank=1).to_csv("test.csv", index=False)
    model = run("test.csv").variants[0].model.told
    assert model["features"] == FEATURES
    assert sorted(model["warnings"]) == [
        "Column blank is empty in every training row: the model does not read it.",
        "Column job: 3 rows hold values that no training row has ('pilot'); the model has learned nothing of "
        "them.",
    ]


def test_a_list_column_is_refused_as_a_feature(tables: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    train, test = tables
    train.assign(x=[[v] for v in train["x"]]).to_parquet("train.parquet")  # type: ignore[misc]
    test.assign(x=[[v] for v in test["x"]]).to_parquet("test.parquet")  # type: ignore[misc]
    with pytest.raises(
        fairweigh.InputError, match="feature column 'x': expected one value per row, got list"
    ):
        run("test.parquet", model={"train": {"path": "train.parquet"}})


def test_an_index_without_a_name_does_not_stop_training(tables: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    for name, frame in zip(("train", "test"), tables, strict=True):
        frame.sample(frac=1, random_state=0).to_csv(f"{name}.csv")
        frame.sample(frac=1, random_state=0).to_parquet(f"{name}.parquet")
    assert run("test.csv").variants[0].overall["accuracy"].value > 0.9
    parts = {"data": {"path": "test.parquet"}, "model": {"train": {"path": "train.parquet"}}}
    assert fairweigh.run(configured(**parts), "typed").variants[0].overall["accuracy"].value > 0.9


# --- models from Python ------------------------------------------------------------------------------


def boosted(name: str) -> Any:
    """An unfitted classifier that wants columns of type category."""
    if name == "lightgbm":
        return pytest.importorskip("lightgbm").LGBMClassifier(n_estimators=5, verbose=-1, n_jobs=1)
    if name == "xgboost":
        return pytest.importorskip("xgboost").XGBClassifier(n_estimators=5, enable_categorical=True, n_jobs=1)
    return HistGradientBoostingClassifier(categorical_features="from_dtype", max_iter=5, random_state=0)


def categorised(frame: pd.DataFrame) -> pd.DataFrame:
    frame = frame.assign(y=((frame["x"] > 0) ^ (frame["job"] == "clerk")).astype(int))
    return frame.astype({"job": pd.CategoricalDtype(["smith", "nurse", "clerk"])})


BOOSTED = ["scikit-learn", "lightgbm", "xgboost"]


@pytest.mark.parametrize("name", BOOSTED)
def test_categories_reach_a_model_as_the_caller_has_them(name: str, tmp_path: Path) -> None:
    train, test = categorised(people(400, 0)), categorised(people(100, 1))
    fitted = boosted(name).fit(train[FEATURES], train["y"])
    direct = fitted.predict_proba(test[FEATURES])[:, 1].astype(float)
    polar = pl.from_pandas(test).with_columns(pl.col("job").cast(pl.Enum(["smith", "nurse", "clerk"])))
    for place, data in (("pandas", test), ("polars", polar), ("arrow", pa.Table.from_pandas(test))):
        audit = fairweigh.Audit(
            "t",
            data,
            fitted,
            label="y",
            sensitive=["sex"],
            id="id",
            report={"charts": False},
            metrics=["accuracy"],
        )
        audit.run(tmp_path / place)
        kept = pq.read_table(tmp_path / place / "predictions" / "original.parquet")["score"].to_numpy()
        np.testing.assert_array_equal(kept, direct)


def test_a_callable_is_given_the_types_of_the_frame(tmp_path: Path) -> None:
    frame = people(60, 0).assign(
        whole=pd.array([1, None] * 30, "Int64"), flag=pd.array([True, None] * 30, "boolean"),
        band=pd.cut(np.arange(60), [-1, 30, 60]), small=np.arange(60, dtype=np.int8),
        half=np.arange(60, dtype=np.float32), when=pd.Timestamp("2026-01-31", tz="Europe/Berlin"),
        level=pd.Categorical([2, 1] * 30, [2, 1, 3], ordered=True),
        odd=pd.Series(["a", None] * 30, dtype=object),
    )  # fmt: skip
    seen = []

    def model(given: pd.DataFrame) -> pd.Series[Any]:
        seen.append(given)
        return given["half"] / 60

    features = [c for c in frame if c not in ("id", "sex", "y")]
    fairweigh.run(
        {"audit": "t", "data": {"label": "y", "sensitive": ["sex"], "id": "id"},
         "model": {"features": features}, "report": {"charts": False}},
        tmp_path / "run", data=frame, model=model,
    )  # fmt: skip
    pd.testing.assert_frame_equal(seen[0], frame[features])


@pytest.mark.parametrize("name", BOOSTED)
def test_a_model_with_categories_can_be_repaired_and_loads_again(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    train, test = categorised(people(600, 0)), categorised(people(200, 1))
    train.to_csv("train.csv", index=False)
    fitted = boosted(name).fit(train[FEATURES], train["y"])
    result = fairweigh.Audit(
        "t", test, fitted, label="y", sensitive=["sex"], id="id", report={"charts": False},
        metrics=["accuracy"], train={"path": "train.csv", "validation": 0.3},
        mitigations=[{"threshold": {"by": ["sex"]}}],
    ).run("run")  # fmt: skip
    assert result.failed == []
    trusted = result.variants[1].model.told["trusted_types"]
    loaded = fairweigh.load_variant("run/artefacts/threshold", trusted=trusted)
    kept = pq.read_table("run/predictions/threshold.parquet")["y_pred"].to_numpy() == 1
    np.testing.assert_array_equal(loaded.predict(test), kept)
    np.testing.assert_array_equal(loaded.predict(test.astype({"job": object})), kept)


@pytest.mark.parametrize("estimator", ["lightgbm.LGBMClassifier", "xgboost.XGBClassifier"])
def test_what_was_trained_here_is_trusted_here_and_nowhere_else(
    estimator: str, tables: tuple[pd.DataFrame, pd.DataFrame]
) -> None:
    pytest.importorskip(estimator.partition(".")[0])
    model = {
        "estimator": estimator, "params": {"n_estimators": 5, "n_jobs": 1},
        "train": {"path": "train.csv"},
    }  # fmt: skip
    result = run(
        "test.csv",
        model=model,
        mitigations=["reweighing"],
        compressions=[{"distill": {"estimator": LOGISTIC}}],
    )
    assert result.failed == []
    made = next(v for v in result.variants if v.name == "reweighing")
    types = json.loads(Path("run/artefacts/reweighing/variant.json").read_text())["types"]
    assert made.model.told["trusted_types"] == types
    assert any(t.endswith("Classifier") for t in types)
    with pytest.raises(fairweigh.InputError, match=r"types that are not trusted.*model\.trusted"):
        fairweigh.load_variant("run/artefacts/reweighing")
    again = {"kind": "variant", "path": "run/artefacts/reweighing", "trusted": types}
    config = configured(data={"path": "test.csv"}) | {"model": again}
    found = fairweigh.run(config, "again").variants[0]
    assert found.overall["accuracy"].value == made.overall["accuracy"].value
    assert found.model.told["trusted_types"] == types
