"""Models behind an address: scored as the same model here is, whatever the server makes of its answers."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import fairweigh
import joblib
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from fairweigh.audit.again.finished import read_result
from fairweigh.audit.again.verify import check_figures
from fairweigh.audit.config import Config
from fairweigh.datasets.errors import InputError
from fairweigh.result import Result
from pydantic import ValidationError
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from .. import tiny
from ..serving import serving, tensor, tensors

FEATURES = ["a", "b", "word"]
V2 = {"protocol": "open-inference"}
MLFLOW = {"protocol": "mlflow"}


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    r = np.random.default_rng(5)
    n = 700
    table = pd.DataFrame(
        {"id": range(n), "sex": r.choice(["F", "M"], n), "a": r.normal(size=n), "b": r.integers(0, 9, n),
         "word": r.choice(["x", "y y", 'é"z'], n)}
    )  # fmt: skip
    table["y"] = (table.a + (table.word == "x") + r.normal(size=n) > 0).astype(int)
    return table


@pytest.fixture(scope="module")
def logistic(rows: pd.DataFrame) -> Any:
    columns = make_column_transformer(("passthrough", ["a", "b"]), (OneHotEncoder(), ["word"]))
    return make_pipeline(columns, LogisticRegression()).fit(rows[FEATURES], rows.y)


def audited(
    model: dict[str, Any], rows: pd.DataFrame, folder: Path, variants: Sequence[Any] = (), **more: Any
) -> Result:
    config = {
        "audit": "served", "data": {"label": "y", "sensitive": ["sex"], "id": "id"},
        "report": {"charts": False},
        "gates": [{"metric": "accuracy", "limit": ">= 0.5"}], "variants": list(variants), **more,
    }  # fmt: skip
    if isinstance(model, dict):
        return fairweigh.run(config | {"model": model}, folder, data=rows)
    return fairweigh.run(config | {"model": {"features": FEATURES}}, folder, data=rows, model=model)


def predicted(folder: Path, name: str = "original") -> Any:
    return pq.read_table(folder / "predictions" / f"{name}.parquet").to_pandas()


def framed(content: Any) -> pd.DataFrame:
    sent = json.loads(content)["dataframe_split"]
    return pd.DataFrame(sent["data"], columns=sent["columns"])


def mlflow_like(say: Callable[..., Any]) -> Callable[..., Any]:
    """MLflow's protocol over a real model: ``say`` makes predictions of a frame."""

    def answer(method: Any, path: Any, content: Any, headers: Any) -> tuple[int, Any, Any]:
        if path == "/version":
            return 200, {}, b"3.17.2"
        return 200, {}, {"predictions": say(framed(content))}

    return answer


SERVE = """if True:
    import sys, joblib, mlflow.sklearn, mlflow.pyfunc, uvicorn
    from mlflow.pyfunc.scoring_server import init
    model, place, port = joblib.load(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    mlflow.sklearn.save_model(
        model, place, pyfunc_predict_fn="predict_proba", pip_requirements=[],
        serialization_format="cloudpickle",
    )
    uvicorn.run(init(mlflow.pyfunc.load_model(place)), host="127.0.0.1", port=port, log_level="error")
"""
"""What ``mlflow models serve`` runs, without a second process that imports all of it once more."""


def answers(url: Any, server: subprocess.Popen[Any], log: Path) -> None:
    """Wait until a server that was started says that it is there."""
    for _ in range(900):
        try:
            urllib.request.urlopen(url, timeout=1).close()
        except OSError:
            assert server.poll() is None, log.read_text()
            time.sleep(0.1)
        else:
            return


@contextmanager
def started(command: list[Any], url: Any, place: Path, **more: Any) -> Iterator[None]:
    log = place / "log"
    with log.open("wb") as file:
        server = subprocess.Popen(
            command, stdout=file, stderr=file, start_new_session=True,
            env={**os.environ, "PYTHONPATH": "", "MLFLOW_DISABLE_TELEMETRY": "true"}, **more,
        )  # fmt: skip
    try:
        answers(url, server, log)
        yield
    finally:
        os.killpg(server.pid, 15)
        server.wait(20)


def free_port() -> Any:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return held.getsockname()[1]


@pytest.fixture(scope="module")
def mlflow_server(logistic: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """MLflow's own scoring server with the logistic pipeline's probabilities."""
    place, port = tmp_path_factory.mktemp("mlflow"), free_port()
    joblib.dump(logistic, place / "logistic")
    command = [sys.executable, "-W", "ignore", "-c", SERVE, place / "logistic", place / "model", str(port)]
    url = f"http://127.0.0.1:{port}"
    with started(command, f"{url}/ping", place):
        yield url


def test_a_real_mlflow_server_decides_and_scores_as_the_model_here(
    mlflow_server: Any, logistic: Any, rows: pd.DataFrame, tmp_path: Path
) -> None:
    rows = rows[:200]
    served = {"name": "served", "endpoint": f"{mlflow_server}/invocations", **MLFLOW}
    wrong = {"name": "wrong", "endpoint": f"{mlflow_server}/model/invocations", **MLFLOW}
    lacking = {"name": "lacking", "endpoint": f"{mlflow_server}/invocations", **MLFLOW, "features": ["a"]}
    result = audited(logistic, rows, tmp_path / "run", [served, wrong, lacking])
    here, there = predicted(tmp_path / "run"), predicted(tmp_path / "run", "served")
    assert (here.y_pred == there.y_pred).all()
    # As doubles that were written in full and read again.
    assert (here.score == there.score).all()
    assert result.variants[1].model.told["mlflow"] == version("mlflow-skinny")
    failed = {f.name: f.why for f in result.failed}
    assert "nothing is served there (HTTP 404" in failed["wrong"]
    assert "HTTP 400: " in failed["lacking"]
    assert "\n" not in failed["lacking"]
    cost = result.variants[1].cost
    assert (cost.stored_bytes, cost.storage, cost.parameters) == (None, None, None)
    assert cost.timings[0].p50_ms > 0
    assert "served elsewhere" in cost.notes[0]


@pytest.mark.skipif(
    shutil.which("mlserver") is None, reason="mlserver and mlserver-sklearn are not on the path"
)
def test_a_real_mlserver_decides_and_scores_as_the_model_here(tmp_path: Path) -> None:
    """Its packages want others than the tested set: PATH names the environment that it is installed in."""
    make = """if True:
        import joblib, numpy as np, json
        from sklearn.ensemble import RandomForestClassifier
        x = np.random.default_rng(0).normal(size=(500, 2))
        y = (x[:, 0] + x[:, 1] ** 2 > .5).astype(int)
        model = RandomForestClassifier(10, max_depth=4, random_state=0).fit(x, y)
        joblib.dump(model, "model.joblib")
        told = np.column_stack([x, y, model.predict(x), model.predict_proba(x)[:, 1]])
        json.dump(told.tolist(), open("told.json", "w"))
    """
    python = Path(str(shutil.which("mlserver"))).resolve().with_name("python")
    subprocess.run([python, "-c", make], cwd=tmp_path, check=True)
    port, other, third = free_port(), free_port(), free_port()
    named = {"name": "forest", "implementation": "mlserver_sklearn.SKLearnModel"}
    settings = {
        "model-settings.json": {**named, "parameters": {"uri": "./model.joblib", "version": "v7"}},
        "settings.json": {
            "http_port": port, "grpc_port": other, "metrics_port": third, "host": "127.0.0.1",
            "parallel_workers": 0, "debug": False,
        },
    }  # fmt: skip
    for name, content in settings.items():
        (tmp_path / name).write_text(json.dumps(content))
    address = f"http://127.0.0.1:{port}/v2/models/forest"
    told = np.asarray(json.loads((tmp_path / "told.json").read_text()))
    rows = pd.DataFrame(told[:, :2], columns=["a", "b"])
    rows = rows.assign(id=range(500), y=told[:, 2].astype(int), sex=["F", "M"] * 250)
    model = {"endpoint": address, **V2, "features": ["a", "b"]}
    scored = {"name": "scored", "endpoint": address, **V2, "output_name": "predict_proba"}
    with started(["mlserver", "start", "."], f"{address}/ready", tmp_path, cwd=tmp_path):
        result = audited(model, rows, tmp_path / "run", [scored])
    assert (predicted(tmp_path / "run").y_pred == told[:, 3]).all()
    assert (predicted(tmp_path / "run", "scored").score == told[:, 4]).all()
    assert (result.variants[0].model.told["model"], result.variants[0].model.told["version"]) == (
        "forest",
        "v7",
    )


def test_a_graph_behind_the_open_inference_protocol_is_read_as_the_graph_here(
    logistic: Any, rows: pd.DataFrame, tmp_path: Path
) -> None:
    """The server's side is written here over a session of onnxruntime, as Triton and others run one."""
    import onnxruntime
    import skl2onnx
    from skl2onnx.common.data_types import FloatTensorType, Int64TensorType, StringTensorType

    kinds = [FloatTensorType([None, 1]), Int64TensorType([None, 1]), StringTensorType([None, 1])]
    made = skl2onnx.to_onnx(
        logistic, initial_types=list(zip(FEATURES, kinds, strict=True)), options={"zipmap": False}
    )
    (tmp_path / "m.onnx").write_bytes(made.SerializeToString())
    session = onnxruntime.InferenceSession(str(tmp_path / "m.onnx"), providers=["CPUExecutionProvider"])
    types = {"tensor(float)": "FP32", "tensor(int64)": "INT64", "tensor(string)": "BYTES"}
    declared = [{"name": i.name, "datatype": types[i.type], "shape": [-1, 1]} for i in session.get_inputs()]
    outputs = [o.name for o in session.get_outputs()]

    def answer(method: Any, path: Any, content: Any, headers: Any) -> tuple[int, Any, Any]:
        if method == "GET":
            return (
                200,
                {},
                {"name": "m", "versions": ["1"], "platform": "onnxruntime_onnx", "inputs": declared},
            )
        found = session.run(outputs, tensors(content))
        said = [tensor(*one) for one in zip(outputs, found, strict=True)]
        return 200, {}, {"model_name": "m", "model_version": "1", "outputs": said}

    with serving(answer) as url:
        model = {"endpoint": f"{url}/v2/models/m", **V2, "features": FEATURES}
        result = audited(model, rows, tmp_path / "run", [{"name": "file", "path": str(tmp_path / "m.onnx")}])
    assert not result.failed
    here, there = predicted(tmp_path / "run", "file"), predicted(tmp_path / "run")
    assert (here.y_pred == there.y_pred).all()
    assert (here.score - there.score).abs().max() < 1e-7
    told = result.variants[0].model.told
    assert (told["kind"], told["protocol"], told["model"]) == ("endpoint", "open-inference", "m")
    assert told["latency"].endswith("with the network; at most 4 requests at a time")
    assert result.comparisons[0].agreement == 1.0
    # The server is gone: what it said lies in the run.
    assert not check_figures(tmp_path / "run", read_result(tmp_path / "run"))


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.save_bert(tmp_path_factory.mktemp("bert"))


@pytest.mark.parametrize("tokens", [False, True], ids=["texts", "tokens"])
def test_a_text_model_is_sent_texts_or_their_tokens(bert: Path, tmp_path: Path, tokens: bool) -> None:
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    module = AutoModelForSequenceClassification.from_pretrained(bert).eval()
    tokenizer = AutoTokenizer.from_pretrained(bert)
    names = ["input_ids", "attention_mask"]
    declared = [{"name": name, "datatype": "INT64", "shape": [-1, -1]} for name in names]
    if not tokens:
        declared = [{"name": "TEXT", "datatype": "BYTES", "shape": [-1, 1]}]

    def answer(method: Any, path: Any, content: Any, headers: Any) -> tuple[int, Any, Any]:
        if method == "GET":
            return 200, {}, {"name": "bert", "versions": None, "platform": "pytorch", "inputs": declared}
        given = tensors(content)
        if tokens:
            fed = {name: torch.from_numpy(given[name]) for name in names}
        else:
            fed = tokenizer(given["TEXT"][:, 0].tolist(), padding=True, truncation=True, return_tensors="pt")
        with torch.no_grad():
            logits = module(**fed).logits.numpy()
        return 200, {}, {"outputs": [tensor("logits", logits)]}

    table = tiny.texts(150).to_pandas()
    model = {"path": str(bert), "text": "text"}
    with serving(answer) as url:
        served = {"name": "served", "endpoint": f"{url}/v2/models/bert", **V2}
        variants = [served | ({"tokenizer": str(bert)} if tokens else {})]
        result = audited(model, table, tmp_path / "run", variants, gates=[])
    assert not result.failed
    here, there = predicted(tmp_path / "run"), predicted(tmp_path / "run", "served")
    assert (here.y_pred == there.y_pred).all()
    # float32, in batches of other texts.
    assert np.abs(here.score - there.score).max() < 1e-5


def test_a_model_of_one_batch_size_is_asked_in_pieces(rows: pd.DataFrame, tmp_path: Path) -> None:
    sizes = set()

    def answer(method: Any, path: Any, content: Any, headers: Any) -> tuple[int, Any, Any]:
        if method == "GET":
            return 200, {}, {"name": "m", "inputs": [{"name": "x", "datatype": "FP32", "shape": [48, 2]}]}
        given = tensors(content)["x"]
        sizes.add(given.shape)
        return 200, {}, {"outputs": [tensor("logit", given[:, :1])]}

    with serving(answer) as url:
        model = {"endpoint": f"{url}/v2/models/m/infer", **V2, "features": ["a", "b"]}
        audited(model, rows, tmp_path / "run")
    assert sizes == {(48, 2)}
    assert (predicted(tmp_path / "run").y_pred == (rows.a.astype(np.float32) >= 0)).all()


def by_class(model: Any, frame: pd.DataFrame | None) -> Any:
    return [
        dict(zip(map(str, model.classes_), row, strict=True)) for row in model.predict_proba(frame).tolist()
    ]


def by_class_turned(model: Any, frame: pd.DataFrame | None) -> Any:
    """As `by_class`, in the other order and with numbers for names that have a decimal point."""
    return [{f"{name}.0": row[name] for name in ("1", "0")} for row in by_class(model, frame)]


def as_pipeline(model: Any, frame: Any) -> Any:
    labels, likely = model.predict(frame), model.predict_proba(frame).max(axis=1)
    return [{"label": f"c{a}", "score": b} for a, b in zip(labels.tolist(), likely.tolist(), strict=True)]


@pytest.mark.parametrize(
    ("say", "more", "scores"),
    [
        (lambda m, f: m.predict(f).tolist(), {}, False),
        (lambda m, f: m.predict(f).astype(bool).tolist(), {"positive": True}, False),
        (lambda m, f: np.where(m.predict(f) == 1, "yes", "no").tolist(), {"positive": "yes"}, False),
        (lambda m, f: m.predict(f).astype(float).tolist(), {"output": "label"}, False),
        (lambda m, f: m.predict_proba(f).tolist(), {"threshold": 0.5}, True),
        (lambda m, f: m.predict_proba(f)[:, 1].tolist(), {"output": "probabilities"}, True),
        (by_class, {}, True),
        (by_class_turned, {}, True),
        (by_class, {"output_name": "1", "output": "probabilities"}, True),
        (as_pipeline, {"positive": "c1"}, True),
        (
            lambda m, f: {"label": m.predict(f).tolist(), "probability": m.predict_proba(f)[:, 1].tolist()},
            {}, True,
        ),
    ],
    ids=[
        "labels", "flags", "words", "floats", "rows", "one", "classes", "turned", "one-class", "own-score",
        "columns",
    ],
)  # fmt: skip
def test_labels_probabilities_or_both_are_read_as_what_they_are(
    logistic: Any,
    rows: pd.DataFrame,
    tmp_path: Path,
    say: Callable[..., Any],
    more: dict[str, Any],
    scores: bool,
) -> None:
    with serving(mlflow_like(lambda frame: say(logistic, frame))) as url:
        model = {"endpoint": f"{url}/invocations", **MLFLOW, "features": FEATURES, **more}
        audited(model, rows, tmp_path / "run")
    found, likely = predicted(tmp_path / "run"), logistic.predict_proba(rows[FEATURES])[:, 1]
    assert (found.y_pred == logistic.predict(rows[FEATURES])).all()
    assert ("score" in found) == scores
    if scores:
        assert np.abs(found.score - likely).max() < 1e-15


def test_percentages_are_no_logits(logistic: Any, rows: pd.DataFrame, tmp_path: Path) -> None:
    def percent(frame: Any) -> Any:
        return (100 * logistic.predict_proba(frame)[:, 1]).tolist()

    with (
        serving(mlflow_like(percent)) as url,
        pytest.raises(InputError, match="rows: neither probabilities nor logits"),
    ):
        audited({"endpoint": f"{url}/invocations", **MLFLOW, "features": FEATURES}, rows, tmp_path / "run")


def test_labels_that_are_not_those_of_the_data_are_asked_about(rows: pd.DataFrame, tmp_path: Path) -> None:
    with (
        serving(mlflow_like(lambda frame: np.where(frame.a > 0, "yes", "no").tolist())) as url,
        pytest.raises(
            InputError,
            match="labels are 'no', 'yes'; none of them is named as positive; say which is positive",
        ),
    ):
        audited({"endpoint": f"{url}/invocations", **MLFLOW, "features": FEATURES}, rows, tmp_path / "run")


@pytest.mark.parametrize("wide", [False, True])
def test_scores_that_are_written_as_words_are_one_short_line(
    logistic: Any, rows: pd.DataFrame, tmp_path: Path, wide: bool
) -> None:
    def say(frame: Any) -> Any:
        found = [[f"{p:.4f}" for p in row] for row in logistic.predict_proba(frame)]
        return found if wide else [row[1] for row in found]

    with serving(mlflow_like(say)) as url, pytest.raises(InputError) as told:
        audited({"endpoint": f"{url}/invocations", **MLFLOW, "features": FEATURES}, rows, tmp_path / "run")
    assert "expected labels or numbers, got numbers written as words, such as '0." in str(told.value)
    assert len(str(told.value)) < 200


def test_a_variant_whose_classes_are_numbers_in_another_order_decides_as_its_original(
    logistic: Any, rows: pd.DataFrame, tmp_path: Path
) -> None:
    def answer(method: Any, path: Any, content: Any, headers: Any) -> tuple[int, Any, Any]:
        frame = framed(content) if content else None
        if path.startswith("/turned"):
            return 200, {}, {"predictions": by_class_turned(logistic, frame)}
        named = [{"no": row["0"], "yes": row["1"]} for row in by_class(logistic, frame)] if content else []
        return 200, {}, {"predictions": named}

    with serving(answer) as url:
        model = {"endpoint": f"{url}/named/invocations", **MLFLOW, "features": FEATURES, "positive": "yes"}
        variants = [{"name": "turned", "endpoint": f"{url}/turned/invocations", **MLFLOW}]
        result = audited(model, rows, tmp_path / "run", variants)
    assert result.failed == []
    assert result.comparisons[0].agreement == 1.0


def test_missing_values_arrive_as_such(rows: pd.DataFrame, tmp_path: Path) -> None:
    seen = []

    def say(frame: Any) -> Any:
        seen.append(frame)
        return (frame.a.fillna(5) > 0).astype(int).tolist()

    gaps = rows.assign(a=rows.a.where(rows.index % 7 > 0), word=rows.word.where(rows.index % 5 > 0))
    with serving(mlflow_like(say)) as url:
        audited({"endpoint": f"{url}/invocations", **MLFLOW, "features": FEATURES}, gaps, tmp_path / "run")
    sent = pd.concat(seen)
    assert sent.word.isna().any()
    assert sent.a.isna().any()
    assert (predicted(tmp_path / "run").y_pred == (gaps.a.fillna(5) > 0)).all()


def test_what_a_served_variant_does_wrong_is_its_row_and_the_others_go_on(
    logistic: Any, rows: pd.DataFrame, tmp_path: Path
) -> None:
    asked = {"version": 0}

    def answer(method: Any, path: Any, content: Any, headers: Any) -> tuple[Any, Any, Any]:
        if method == "GET":
            return (404, {}, b"") if path.endswith("/version") else (200, {}, {"name": "m", "inputs": []})
        if path.startswith("/v2"):
            asked["version"] += 1
            labels = np.zeros((len(next(iter(tensors(content).values()))), 1), np.int64)
            labels[::2] = 1
            return (
                200,
                {},
                {"model_version": str(asked["version"] // 3), "outputs": [tensor("label", labels)]},
            )
        frame, name = framed(content), path.split("/")[1]
        said = logistic.predict(frame).tolist()
        likely = logistic.predict_proba(frame)[:, 1].tolist()
        nothing = [None] * len(said)
        three = [f"c{i % 3}" for i in range(len(said))]
        predictions = {
            "short": said[1:], "null": [None, *said[1:]], "nan": nothing, "others": three,
            "good": said, "word": "fine", "rising": [0.5 + p for p in likely],
        }[name]  # fmt: skip
        return 200, {}, {"predictions": predictions}

    names = ["short", "null", "nan", "others", "word", "rising", "good"]
    with serving(answer) as url:
        variants = [{"name": n, "endpoint": f"{url}/{n}/invocations", **MLFLOW} for n in names]
        variants[3]["positive"] = "c1"
        variants[5]["output"] = "probabilities"
        variants.append({"name": "two", "endpoint": f"{url}/v2/models/m", **V2})
        result = audited(logistic, rows, tmp_path / "run", variants)
    failed = {f.name: f.why for f in result.failed}
    says = {
        "short": "expected 64 rows of predictions, as many as were asked, got 63",
        "null": "predictions is null for 1 row of 64",
        "nan": "the outputs of 64 rows are NaN or infinite",
        "others": "another model: expected the original's labels '0', '1', got 'c0', 'c1', 'c2'",
        "word": "expected an answer with predictions, a value for each row, got {'predictions': 'fine'}",
        "rising": "probabilities, but",
        "two": "the version '0' of the model for all rows, got '1'; name one in the address",
    }
    assert set(failed) == set(says)
    for name, text in says.items():
        assert text in failed[name]
        assert not failed[name].startswith("model.")
    assert [v.name for v in result.variants] == ["original", "good"]
    assert result.comparisons[0].agreement == 1.0


def test_a_server_that_changes_its_mind_is_told(rows: pd.DataFrame, tmp_path: Path) -> None:
    draw = np.random.default_rng(0)
    with serving(mlflow_like(lambda frame: draw.integers(0, 2, len(frame)).tolist())) as url:
        model = {"endpoint": f"{url}/invocations", **MLFLOW, "features": FEATURES}
        result = audited(model, rows, tmp_path / "run")
    assert 80 < result.variants[0].self_flips.flips < 180
    assert any("it does not decide a row the same each time" in text for text in result.data.warnings)


def test_the_key_is_in_no_file_of_the_run(
    rows: pd.DataFrame, logistic: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SERVER_KEY", "sk-3141592653")
    keys = set()

    def answer(method: Any, path: Any, content: Any, headers: Any) -> Any:
        keys.add(headers.get("Authorization"))
        if path.startswith("/bad"):
            return 400, {}, {"message": f"never with {headers['Authorization']}"}
        return mlflow_like(lambda frame: logistic.predict(frame).tolist())(method, path, content, headers)

    with serving(answer) as url:
        model = {"endpoint": f"{url}/invocations", **MLFLOW, "features": FEATURES, "key_env": "SERVER_KEY"}
        bad = {"name": "bad", "endpoint": f"{url}/bad/invocations", **MLFLOW, "key_env": "SERVER_KEY"}
        # A key belongs to one address: another one is not sent it.
        other = {"name": "other", "endpoint": f"{url}/other/invocations", **MLFLOW}
        result = audited(model, rows, tmp_path / "run", [bad, other])
    assert keys == {"Bearer sk-3141592653", None}
    assert "never with Bearer ***" in result.failed[0].why
    files = [path for path in (tmp_path / "run").rglob("*") if path.is_file()]
    assert files
    assert not [path for path in files if b"3141592653" in path.read_bytes()]


ADDRESS = {"endpoint": "http://h/v2/models/m", **V2}


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"endpoint": "http://joe:hunter2@h/v2/models/m"}, "without a login, a query or a fragment"),
        ({"endpoint": "http://hunter2@h/v2/models/m"}, "without a login, a query or a fragment"),
        ({"endpoint": "http://h/v2/models/m?api_key=hunter2"}, "without a login, a query or a fragment"),
        ({"key_env": "sk-hunter2"}, "the name of an environment variable that holds the key"),
        ({"endpoint": "ftp://h/v2/models/m"}, "expected http"),
        ({"endpoint": "h/v2/models/m"}, "expected http"),
        ({"endpoint": "http://h:x/v2/models/m"}, "expected http"),
        ({"endpoint": "http://[::1/v2/models/m"}, "expected http"),
        ({"endpoint": "http://h/"}, "expected http.*/v2/models/NAME"),
        ({"endpoint": "http://h/v2/models/m\r\nX: y"}, "expected http"),
        ({"protocol": "mlflow"}, "expected http.*/invocations"),
        (
            {"protocol": None},
            "model.protocol: a model of kind endpoint needs one: open-inference .* mlflow .* or openai",
        ),
        ({"path": "m.onnx"}, "a model of kind endpoint has no path"),
        ({"train": {"path": "x.csv"}}, "a model of kind endpoint has no train"),
        (
            {"protocol": "mlflow", "endpoint": "http://h/invocations", "tokenizer": "t"},
            "takes columns as they are",
        ),
    ],
)
def test_a_configuration_that_cannot_be_is_refused_without_its_secrets(
    more: dict[str, Any], says: str
) -> None:
    from fairweigh.audit.config import read

    config = {"audit": "a", "data": {"path": "x.csv"}, "model": ADDRESS | more}
    with pytest.raises(InputError, match=says) as told:
        read(config)
    assert "hunter2" not in str(told.value)
    assert "\n" not in str(told.value)


@pytest.mark.parametrize("key", ["compressions", "mitigations"])
def test_no_recipe_changes_what_is_served(key: str) -> None:
    config = {"audit": "a", "data": {"path": "x.csv"}, "model": ADDRESS, key: ["prune"]}
    with pytest.raises(
        ValidationError, match=f"{key}: expected a model that can be changed.*got one of kind endpoint"
    ):
        Config.model_validate(config)
