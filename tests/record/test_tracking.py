"""Trackers: what was logged is read back with each client's own reader, and is what audit.json says."""

from __future__ import annotations

import json
import os
import shutil
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fairweigh.record.tracking import figure_name

from ..conftest import Ended, configured, people
from .conftest import free_port

LOGGED = {"audit.json", "report.html", "annex.html", "summary.md"}
HOSTILE = "<b>a & b</b> \"c\" 'd' ../.. ä😀"
GATES = [
    {"id": HOSTILE, "metric": "selection_rate", "by": "sex", "compare": "difference", "limit": "<= 0.9"},
    {"id": "right", "metric": "accuracy", "limit": ">= 99 %"},
]


def environment(folder: Path) -> Any:
    """The clients keep to this folder, and no setting of the machine reaches them."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("MLFLOW", "WANDB"))}
    return kept | {f"WANDB_{name}_DIR": str(folder / name) for name in ("DATA", "CACHE", "CONFIG")}


def audit(folder: Path, **variables: Any) -> Ended:
    done = subprocess.run(
        [sys.executable, "-m", "fairweigh", "audit", "a.yaml", "-q"],
        cwd=folder, env=environment(folder) | variables, capture_output=True, text=True, check=False,
    )  # fmt: skip
    return Ended(done.returncode, done.stdout, done.stderr)


@pytest.fixture(scope="module")
def tracked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run that all three were told of; a compressed variant has costs."""
    folder = tmp_path_factory.mktemp("tracked")
    for name, seed in (("d.parquet", 0), ("e.parquet", 1)):
        pq.write_table(people(seed=seed), folder / name)
    model = {"estimator": "sklearn.linear_model.LogisticRegression", "train": {"path": "e.parquet"}}
    config = configured(
        model=model, compressions=["float16"], gates=GATES, release="1.0 <b>", metrics=["accuracy", "f1"],
        track=["mlflow", "tensorboard", "wandb"],
    )  # fmt: skip
    (folder / "a.yaml").write_text(json.dumps(config, ensure_ascii=False), encoding="utf-8")
    ended = audit(folder)
    assert ended.code == 1, ended
    assert ended.out == ended.err == ""
    return folder


@pytest.fixture(scope="module")
def told(tracked: Path) -> Any:
    return json.loads((tracked / "runs/t/audit.json").read_text(encoding="utf-8"))


def expected(told: Any) -> Any:
    """The figures by name, from audit.json alone."""
    out: dict[Any, Any] = {}
    for variant in told["variants"]:
        place = variant["name"]
        for name, e in variant["overall"].items():
            out |= {f"{place}/overall/{name}": e["value"], f"{place}/overall/{name}/low": e["low"],
                    f"{place}/overall/{name}/high": e["high"]}  # fmt: skip
        for d in variant["disparities"]:
            if d["scope"] != "reference":
                name = f"{place}/disparity/{d['name']}" + (f"/{' and '.join(d['by'])}" if d["by"] else "")
                out |= {name: d["value"], f"{name}/low": d["low"], f"{name}/high": d["high"]}
        for name in ("storage", "compute", "memory", "stored_bytes", "parameters", "flops_per_row"):
            out[f"{place}/cost/{name}"] = variant["cost"][name]
    for gate, limit in zip(told["gates"], (0.9, 0.99) * 2, strict=False):
        name = f"{gate['variant']}/gate/{'right' if gate['id'] == 'right' else CLEAN}"
        out |= {f"{name}/{part}": gate[part] for part in ("measured", "low", "high")}
        out[f"{name}/limit"] = limit
    return {name: value for name, value in out.items() if value is not None}


CLEAN = "_b_a _ b__b_ _c_ _d_ .._.. ä_"


def test_mlflow_gives_back_figures_tags_and_reports(
    tracked: Path, told: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    monkeypatch.chdir(tracked)
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", READ_MLFLOW], capture_output=True, text=True, check=True,
        env=environment(tracked) | {"MLFLOW_DISABLE_TELEMETRY": "true"},
    )  # fmt: skip
    read = json.loads(done.stdout.splitlines()[-1])
    assert read["metrics"] == expected(told)
    assert read["name"] == "1.0 <b>"
    assert read["status"] == "FINISHED"
    tags = read["tags"]
    assert tags["fairweigh.verdict"] == told["verdict"] == "fail"
    assert tags["fairweigh.data_sha256"] == told["data"]["sha256"]
    manifest = json.loads(Path("runs/t/MANIFEST.json").read_text(encoding="utf-8"))
    assert tags["fairweigh.configuration_sha256"] == manifest["configuration_sha256"]
    assert tags["fairweigh.model_sha256"] == manifest["model_sha256"]
    assert tags["fairweigh.run_sha256"] == manifest["files"]["audit.json"]
    assert tags["fairweigh.verdict/original/right"] == "fail"
    assert read["files"] == {name: manifest["files"][name] for name in LOGGED}


READ_MLFLOW = """
import hashlib, json
from pathlib import Path
from mlflow import MlflowClient
client = MlflowClient(tracking_uri="sqlite:///mlflow.db")
[run] = client.search_runs([client.get_experiment_by_name("t").experiment_id])
run_id = run.info.run_id
paths = {f.path: Path(client.download_artifacts(run_id, f.path)) for f in client.list_artifacts(run_id)}
files = {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in paths.items()}
print(json.dumps({"metrics": run.data.metrics, "tags": run.data.tags, "files": files,
                  "name": run.info.run_name, "status": run.info.status}))
"""


def test_tensorboard_gives_back_figures_and_texts(tracked: Path, told: Any) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    from tensorboard.util import tensor_util

    [file] = (tracked / "tensorboard").rglob("events*")
    assert file.parent == tracked / "tensorboard" / "t" / "1.0-b"
    read = EventAccumulator(str(file.parent))
    read.Reload()
    values = {}
    for tag in read.Tags()["tensors"]:
        [event] = read.Tensors(tag)
        values[tag] = tensor_util.make_ndarray(event.tensor_proto)
    texts = {tag: values.pop(tag).item().decode() for tag in ("summary", "tags", "report")}
    want = expected(told)
    assert set(values) == set(want)
    # TensorBoard keeps single precision.
    assert all(values[name] == np.float32(want[name]) for name in want)
    assert texts["summary"] == (tracked / "runs/t/summary.md").read_text(encoding="utf-8")
    assert f"| data_sha256 | {told['data']['sha256']} |" in texts["tags"]
    assert str(tracked / "runs/t/report.html") in texts["report"]
    kinds = {read.SummaryMetadata(tag).plugin_data.plugin_name for tag in want}
    assert kinds == {"scalars"}


def records(path: Path) -> Iterator[Any]:
    """The records of an offline run: LevelDB's log format, read with wandb's own messages."""
    from wandb.proto import wandb_internal_pb2

    content = path.read_bytes()
    assert content[:4] == b":W&B"
    place, whole = 7, b""
    while place + 7 <= len(content):
        left = 32768 - place % 32768
        if left < 7:
            place += left
            continue
        _crc, length, kind = struct.unpack("<IHB", content[place : place + 7])
        if kind == 0:
            break
        whole += content[place + 7 : place + 7 + length]
        place += 7 + length
        if kind in (1, 4):
            record = wandb_internal_pb2.Record()  # type: ignore[attr-defined]
            record.ParseFromString(whole)
            yield record
            whole = b""


def test_wandb_gives_back_figures_configuration_and_artefact_offline(tracked: Path, told: Any) -> None:
    [file] = (tracked / "wandb").glob("offline-run-*/*.wandb")
    read: dict[Any, Any] = {}
    for record in records(file):
        read.setdefault(record.WhichOneof("record_type"), []).append(record)
    figures = {"/".join(i.nested_key) or i.key: json.loads(i.value_json)
               for record in read["history"] for i in record.history.item}  # fmt: skip
    assert {n: v for n, v in figures.items() if not n.startswith("_")} == expected(told)
    run = read["run"][0].run
    assert (run.project, run.run_group, run.display_name) == ("fairweigh", "t", "1.0 <b>")
    configuration = {u.key: json.loads(u.value_json) for u in run.config.update}
    assert configuration["verdict"] == "fail"
    assert configuration["data_sha256"] == told["data"]["sha256"]
    kept = [record.request.log_artifact.artifact for record in read.get("request", [])] or [
        record.artifact for record in read["artifact"]
    ]
    assert {e.path for a in kept for e in a.manifest.contents} == LOGGED
    assert read["exit"][0].exit.exit_code == 0


def test_what_is_logged_leaves_the_run_as_it_was(tracked: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "fairweigh", "verify", "runs/t", "-q"], cwd=tracked, check=False
    )
    assert done.returncode == 0
    # Rows of people are in the run alone.
    outside = [p for p in tracked.rglob("*.parquet") if p.parent not in (tracked, tracked / "runs/t")]
    assert {p.parent for p in outside} == {tracked / "runs/t/predictions"}


def test_tensorboard_brings_no_torch_into_a_tabular_audit(
    make_people: Callable[..., pa.Table],
    make_config: Callable[..., dict[str, Any]],
    write: Callable[..., None],
    here: Path,
) -> None:
    write(make_people(), make_config(track=["tensorboard"]))
    code = (
        "import fairweigh, sys; fairweigh.run('a.yaml');"
        "print(sorted({'torch', 'tensorflow', 'mlflow', 'wandb'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_a_server_that_is_down_is_one_line_and_the_others_are_told(
    write: Callable[..., None],
    make_config: Callable[..., dict[str, Any]],
    make_people: Callable[..., pa.Table],
    here: Path,
) -> None:
    write(make_people(), make_config(track=["mlflow", "tensorboard"], history="sqlite:///fairness.db"))
    ended = audit(here, MLFLOW_TRACKING_URI=f"http://user:pw4711@127.0.0.1:{free_port()}")
    assert ended.code == 0, ended
    assert len(ended.lines) == 1
    assert ended.err.startswith("fairweigh: mlflow: not tracked: ")
    assert "runs/t is whole" in ended.err
    assert "pw4711" not in ended.err
    assert list(Path("tensorboard").rglob("events*"))
    assert Path("fairness.db").exists()
    shutil.rmtree("tensorboard")
    again = subprocess.run(
        [sys.executable, "-m", "fairweigh", "record", "runs/t", "--track", "tensorboard"], check=False
    )
    assert again.returncode == 0
    assert list(Path("tensorboard").rglob("events*"))


def test_a_folder_that_cannot_be_written_is_one_line(
    write: Callable[..., None],
    make_config: Callable[..., dict[str, Any]],
    make_people: Callable[..., pa.Table],
    here: Path,
) -> None:
    write(make_people(), make_config(track=["tensorboard"]))
    Path("tensorboard").write_text("a file")
    ended = audit(here)
    assert ended.code == 0
    assert len(ended.lines) == 1
    assert "tensorboard: not tracked: " in ended.err
    assert "Traceback" not in ended.err


@pytest.mark.parametrize("name", ["mlflow", "tensorboard", "wandb"])
def test_a_missing_package_is_told_before_the_audit(
    name: str,
    write: Callable[..., None],
    make_config: Callable[..., dict[str, Any]],
    make_people: Callable[..., pa.Table],
    refused: Callable[..., str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, name, None)
    write(make_people(), make_config(track=[name]))
    assert refused().endswith(f'track: {name} needs the package {name}: pip install "fairweigh[{name}]"')


@pytest.mark.parametrize(
    ("track", "told"), [(["mlfow"], "mlfow"), ("mlflow", "list"), ([1], "1"), ({}, "list")]
)
def test_an_unknown_tracker_is_refused(
    track: list[Any] | str | dict[str, Any],
    told: str,
    write: Callable[..., None],
    make_config: Callable[..., dict[str, Any]],
    make_people: Callable[..., pa.Table],
    refused: Callable[..., str],
) -> None:
    write(make_people(), make_config(track=track))
    line = refused()
    assert "track" in line
    assert told in line


def test_recording_names_an_unknown_tracker(
    cli: Callable[..., Ended],
    write: Callable[..., None],
    make_config: Callable[..., dict[str, Any]],
    make_people: Callable[..., pa.Table],
) -> None:
    write(make_people(), make_config())
    assert cli("audit", "a.yaml", "-q").code == 0
    ended = cli("record", "runs/t", "--track", "comet")
    assert ended.code == 2
    assert "--track: expected one of mlflow, tensorboard, wandb, got 'comet'" in ended.err


@pytest.mark.parametrize(
    ("parts", "name"),
    [
        (("original", "overall", "f1"), "original/overall/f1"),
        (("a/b", "..", "."), "a_b/_/_"),
        (("", "x=y & z"), "_/x_y _ z"),
        (("x" * 400,), "x" * 250),
    ],
)
def test_names_are_such_as_every_tracker_takes(parts: tuple[Any, ...], name: Any) -> None:
    from mlflow.utils.validation import _validate_metric_name

    assert figure_name(parts) == name
    _validate_metric_name(figure_name(parts))
