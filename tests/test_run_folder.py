"""A run's folder: whole, reproducible, and anything changed in it is found and named."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import fairweigh
import jsonschema
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fairweigh._version import __version__
from fairweigh.audit.result import AuditResult
from fairweigh.audit.store.folder import checksum, manifest_text, read_manifest, replace

if TYPE_CHECKING:
    from .conftest import Ended


GATES = [
    {"metric": "accuracy", "limit": ">= 0.1"},
    {"id": "parity", "metric": "selection_rate", "by": "sex", "compare": "difference", "limit": "<= 0.9"},
]


@pytest.fixture
def run(
    cli: Callable[..., Ended],
    write: Callable[..., None],
    make_config: Callable[..., dict[str, Any]],
    make_people: Callable[..., pa.Table],
    here: Path,
) -> Path:
    """A finished run whose data and configuration are gone."""
    write(make_people(), make_config(gates=GATES, slices={"intersections": 2}))
    assert cli("audit", "a.yaml", "-q").code == 0
    Path("d.parquet").unlink()
    Path("a.yaml").unlink()
    return here / "runs" / "t"


def _rewrite(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def _bless(run: Path, name: str) -> None:
    """Write the changed file's checksum into the manifest, as one who covers his tracks would."""
    manifest = json.loads((run / "MANIFEST.json").read_text(encoding="utf-8"))
    manifest["files"][name] = hashlib.sha256((run / name).read_bytes()).hexdigest()
    (run / "MANIFEST.json").write_text(manifest_text(manifest), encoding="utf-8")


def test_a_fresh_run_is_verified_without_data_or_model(run: Path, cli: Callable[..., Ended]) -> None:
    ended = cli("verify", str(run))
    assert ended.code == 0
    assert "every figure follows from the predictions" in ended.out
    assert cli("verify", str(run), "-q").out == ""


def test_the_manifest_lists_every_file_with_its_checksum(run: Path) -> None:
    manifest = json.loads((run / "MANIFEST.json").read_text(encoding="utf-8"))
    there = {p.relative_to(run).as_posix() for p in run.rglob("*") if p.is_file()} - {"MANIFEST.json"}
    assert set(manifest["files"]) == there
    assert there >= {
        "audit.json", "report.html", "junit.xml", "summary.md", "predictions/original.parquet",
    }  # fmt: skip
    for name, expected in manifest["files"].items():
        assert hashlib.sha256((run / name).read_bytes()).hexdigest() == expected
    assert manifest["seed"] == 0
    assert manifest["versions"]["fairweigh"] == fairweigh.__version__
    assert re.fullmatch("[0-9a-f]{64}", manifest["data_sha256"])
    assert re.fullmatch("[0-9a-f]{64}", manifest["configuration_sha256"])


def _flip_a_decision(path: Path, column: str = "y_pred", row: int = 0) -> None:
    table = pq.read_table(path)
    values = table[column].to_pylist()
    values[row] = 1 - values[row]
    position = table.column_names.index(column)
    pq.write_table(table.set_column(position, column, pa.array(values, table[column].type)), path)


def test_verify_names_the_figures_after_one_decision_was_changed(
    run: Path, cli: Callable[..., Ended]
) -> None:
    name = "predictions/original.parquet"
    _flip_a_decision(run / name)
    ended = cli("verify", str(run))
    assert ended.code == 1
    assert f"{name}: changed since the run was written" in ended.out
    assert "variants.original.overall.selection_rate.value: " in ended.out
    assert re.search(r"slices\[sex=\w+\].metrics.selection_rate.value: ", ended.out)
    _bless(run, name)
    ended = cli("verify", str(run), "-q")
    assert ended.code == 1
    assert "changed since" not in ended.out
    assert "variants.original.overall.accuracy.value: " in ended.out


def test_verify_finds_rows_that_share_an_id_where_all_else_fits(run: Path, cli: Callable[..., Ended]) -> None:
    name = "predictions/original.parquet"
    table = pq.read_table(run / name)
    ids = pa.array([table["id"][0].as_py()] * len(table), table["id"].type)
    pq.write_table(table.set_column(table.column_names.index("id"), "id", ids), run / name)
    _bless(run, name)
    ended = cli("verify", str(run))
    assert ended.code == 1
    assert "occurs more than once" in ended.out


def test_verify_names_a_figure_that_was_changed_in_audit_json(run: Path, cli: Callable[..., Ended]) -> None:
    content = json.loads((run / "audit.json").read_text(encoding="utf-8"))
    content["variants"][0]["slices"][0]["metrics"]["accuracy"]["value"] += 1e-6
    content["gates"][1]["measured"] = 0.0
    (run / "audit.json").write_text(json.dumps(content), encoding="utf-8")
    _bless(run, "audit.json")
    ended = cli("verify", str(run))
    assert ended.code == 1
    assert re.search(r"variants.original.slices\[sex=Female\].metrics.accuracy.value: ", ended.out)
    assert "gates.parity.measured: 0.0 in the file" in ended.out
    assert "0 files and 2 figures differ" in ended.out


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda c: c.update(verdict="fail"), "verdict: 'fail' in the file, 'pass' from the predictions"),
        (lambda c: c["gates"].pop(), "gates: 1 in the file, 2 from the predictions"),
        (lambda c: c["gates"][0].update(verdict="fail"), "gates.gate-1.verdict: 'fail'"),
        (lambda c: c["configuration"].update(confidence=0.9), "configuration: not the one of the manifest"),
        (lambda c: c["configuration"].update(confidence=9), "figures: cannot be recomputed"),
        (lambda c: c["configuration"]["gates"].clear(), "gates: 2 in the file, 0 from the predictions"),
        (lambda c: c["variants"][0]["disparities"].pop(), "variants.original.disparities: "),
        (
            lambda c: c["data"].update(sensitive=["job", "x"]),
            "data.sensitive[0]: 'job' in the file",
        ),
        (lambda c: c["data"].update(rows=199), "data.rows: 199 in the file, 200 from the predictions"),
    ],
)
def test_verify_finds_what_was_rewritten_in_audit_json(
    change: Callable[..., Any], told: str, run: Path, cli: Callable[..., Ended]
) -> None:
    content = json.loads((run / "audit.json").read_text(encoding="utf-8"))
    change(content)
    (run / "audit.json").write_text(json.dumps(content), encoding="utf-8")
    _bless(run, "audit.json")
    ended = cli("verify", str(run))
    assert ended.code == 1
    assert told in ended.out
    assert "Traceback" not in ended.err


def test_verify_names_a_report_of_which_one_byte_was_changed(run: Path, cli: Callable[..., Ended]) -> None:
    content = bytearray((run / "report.html").read_bytes())
    content[len(content) // 2] ^= 1
    (run / "report.html").write_bytes(content)
    ended = cli("verify", str(run))
    assert ended.code == 1
    assert ended.out.splitlines()[0] == "report.html: changed since the run was written"
    (run / "report.html").unlink()
    (run / "extra.txt").write_text("x")
    ended = cli("verify", str(run))
    assert "report.html: missing" in ended.out
    assert "extra.txt: not in the manifest" in ended.out


@pytest.mark.parametrize("damage", [b"", b"PAR1 nothing", None])
def test_verify_says_so_when_the_predictions_cannot_be_read(
    damage: bytes | None, run: Path, cli: Callable[..., Ended]
) -> None:
    path = run / "predictions" / "original.parquet"
    if damage is None:
        pq.write_table(pa.table({"other": [1, 2]}), path)
    else:
        path.write_bytes(damage)
    ended = cli("verify", str(run))
    assert ended.code == 1
    assert "predictions/original.parquet: changed" in ended.out
    assert "figures: cannot be recomputed from the predictions" in ended.out
    assert "Traceback" not in ended.err


def test_report_renders_the_same_bytes_without_data_or_model(run: Path, cli: Callable[..., Ended]) -> None:
    before = {p: p.read_bytes() for p in run.rglob("*") if p.is_file()}
    (run / "report.html").unlink()
    assert cli("report", str(run), "-q").code == 0
    assert {p: p.read_bytes() for p in run.rglob("*") if p.is_file()} == before
    assert cli("verify", str(run), "-q").code == 0


def test_report_with_charts_renders_the_same_bytes(
    cli: Callable[..., Ended],
    write: Callable[..., None],
    make_config: Callable[..., dict[str, Any]],
    make_people: Callable[..., pa.Table],
    here: Path,
) -> None:
    write(make_people(), make_config(report={"charts": True}))
    assert cli("audit", "a.yaml", "-q").code == 0
    page = here / "runs" / "t" / "report.html"
    before = page.read_bytes()
    assert cli("report", "runs/t").code == 0
    assert page.read_bytes() == before


def test_report_does_not_bless_a_changed_figure(run: Path, cli: Callable[..., Ended]) -> None:
    """Rendering again writes the manifest: that must not turn a changed run into a clean one."""
    content = json.loads((run / "audit.json").read_text(encoding="utf-8"))
    content["verdict"] = "fail"
    (run / "audit.json").write_text(json.dumps(content), encoding="utf-8")
    ended = cli("report", str(run))
    assert ended.code == 2
    assert ended.lines == [f"fairweigh: {run}: audit.json: changed since the run was written"]


def test_report_does_not_bless_changed_predictions(run: Path, cli: Callable[..., Ended]) -> None:
    _flip_a_decision(run / "predictions" / "original.parquet")
    ended = cli("report", str(run), "-q")
    assert ended.code == 2
    assert ended.lines == [
        f"fairweigh: {run}: predictions/original.parquet: changed since the run was written"
    ]
    assert "predictions/original.parquet: changed" in cli("verify", str(run)).out
    assert cli("gate", str(run)).code == 2


def test_report_does_not_bless_an_edited_verdict_beside_a_changed_page(
    run: Path, cli: Callable[..., Ended]
) -> None:
    """A manifest rewritten for the edited file, and a page that differs: neither may hide the other."""
    _rewrite(run / "audit.json", '"verdict": "pass"', '"verdict": "fail"')
    _bless(run, "audit.json")
    with (run / "report.html").open("ab") as file:
        file.write(b"\n")
    ended = cli("report", str(run), "-q")
    assert ended.code == 2
    assert ended.lines[0].startswith(f"fairweigh: {run}: audit.json is not what the predictions give: ")


@pytest.mark.parametrize("name", ["audit.json", "report.html", "predictions/original.parquet"])
def test_gate_refuses_a_changed_run(name: str, run: Path, cli: Callable[..., Ended]) -> None:
    assert cli("gate", str(run), "-q").code == 0
    with (run / name).open("ab") as file:
        file.write(b"\n")
    ended = cli("gate", str(run))
    assert ended.code == 2
    assert ended.lines == [f"fairweigh: {run}: {name}: changed since the run was written"]


@pytest.mark.parametrize("command", ["gate", "verify"])
@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace('"seed": 0', '"seed": 1'),
        lambda text: text.replace('"created": "2', '"created": "3'),
        lambda text: text.replace('"data_sha256": "', '"data_sha256": "0', 1),
        lambda text: text.replace("\n", " \n", 1),
        lambda text: text + "\n",
    ],
)
def test_a_changed_manifest_is_named(
    change: Callable[..., Any], command: str, run: Path, cli: Callable[..., Ended]
) -> None:
    text = (run / "MANIFEST.json").read_text(encoding="utf-8")
    changed = change(text)
    assert changed != text
    (run / "MANIFEST.json").write_text(changed, encoding="utf-8")
    ended = cli(command, str(run))
    assert ended.code == (2 if command == "gate" else 1)
    assert "MANIFEST.json: " in ended.out + ended.err
    assert "Traceback" not in ended.err


@pytest.mark.parametrize("command", ["gate", "report", "verify"])
@pytest.mark.parametrize("bit", [1, 128])
def test_one_bit_in_the_middle_of_audit_json_is_found(
    bit: int, command: str, run: Path, cli: Callable[..., Ended]
) -> None:
    content = bytearray((run / "audit.json").read_bytes())
    content[len(content) // 2] ^= bit
    (run / "audit.json").write_bytes(content)
    ended = cli(command, str(run))
    assert ended.code == (1 if command == "verify" else 2)
    assert "audit.json: changed since the run was written" in ended.out + ended.err
    assert "Traceback" not in ended.err


@pytest.mark.parametrize("command", ["gate", "report", "verify"])
def test_what_is_no_run_folder_is_refused_in_one_line(
    command: str, cli: Callable[..., Ended], here: Path
) -> None:
    (here / "empty").mkdir()
    for name, told in (("nowhere", "not a run folder"), ("empty", "not a run folder")):
        ended = cli(command, name)
        assert ended.code == 2
        assert len(ended.lines) == 1
        assert told in ended.err
    for manifest in ("", "[]", "{}", '{"files": 3}', "\\"):
        (here / "empty" / "MANIFEST.json").write_text(manifest)
        ended = cli(command, "empty")
        assert ended.code == 2
        assert len(ended.lines) == 1
    (here / "empty" / "MANIFEST.json").write_text('{"files": {}}')
    (here / "empty" / "audit.json").write_text("{}")
    ended = cli(command, "empty")
    assert ended.code == 2
    assert len(ended.lines) == 1


def test_audit_json_keeps_to_its_published_schema_and_round_trips(
    run: Path, cli: Callable[..., Ended]
) -> None:
    schema = json.loads(cli("schema", "--result").out)
    text = (run / "audit.json").read_text(encoding="utf-8")
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.Draft202012Validator(schema).validate(json.loads(text))
    assert next(iter(json.loads(text))) == "schema_version"
    result = AuditResult.model_validate_json(text)
    assert result.model_dump_json(indent=1) + "\n" == text
    assert fairweigh.load_result(run).model_dump() == result.model_dump()


def test_a_configuration_keeps_to_its_published_schema(
    cli: Callable[..., Ended], make_config: Callable[..., dict[str, Any]]
) -> None:
    schema = json.loads(cli("schema").out)
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.Draft202012Validator(schema).validate(make_config(gates=GATES))
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft202012Validator(schema).validate({**make_config(), "metric": []})


def _told(path: Path) -> Any:
    content = json.loads(path.read_text(encoding="utf-8"))
    content.pop("created")
    content["environment"].pop("command")
    return content


def test_the_same_audit_gives_the_same_result_again(
    cli: Callable[..., Ended],
    write: Callable[..., None],
    make_config: Callable[..., dict[str, Any]],
    make_people: Callable[..., pa.Table],
) -> None:
    trained = {"estimator": "sklearn.ensemble.RandomForestClassifier", "params": {"n_estimators": 5}}
    write(make_people(seed=1), name="e.parquet")
    metrics = ["f1", "auc", "selection_rate"]
    write(make_people(), make_config(model={**trained, "train": {"path": "e.parquet"}}, metrics=metrics))
    for out in ("one", "two"):
        assert cli("audit", "a.yaml", "-q", "-o", out).code == 0
    assert _told(Path("one/audit.json")) == _told(Path("two/audit.json"))
    assert Path("one/predictions/original.parquet").read_bytes() == (
        Path("two/predictions/original.parquet").read_bytes()
    )
    assert cli("audit", "a.yaml", "-q", "-o", "three", "--set", "seed=1").code == 0
    assert _told(Path("three/audit.json")) != _told(Path("one/audit.json"))


SLOW = """
import pathlib, time
import numpy as np

def slow(rows):
    pathlib.Path("started").touch()
    until = time.monotonic() + 60
    while not pathlib.Path("go").exists() and time.monotonic() < until:
        time.sleep(0.02)
    return np.zeros(len(rows))
"""


def test_of_two_audits_of_one_folder_one_is_refused(
    cli: Callable[..., Ended],
    write: Callable[..., None],
    make_config: Callable[..., dict[str, Any]],
    make_people: Callable[..., pa.Table],
    here: Path,
) -> None:
    Path("waits.py").write_text(SLOW, encoding="utf-8")
    write(make_people(), make_config(model={"function": "waits:slow"}))
    env = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    first = subprocess.Popen([sys.executable, "-m", "fairweigh", "audit", "a.yaml", "-q"], cwd=here, env=env)
    until = time.monotonic() + 60
    while not Path("started").exists():
        assert time.monotonic() < until
        assert first.poll() is None
        time.sleep(0.02)
    ended = cli("audit", "a.yaml", "-q")
    Path("go").touch()
    assert ended.code == 2
    assert ended.lines == ["fairweigh: runs/t: another audit is writing this run"]
    assert first.wait(timeout=60) == 0
    assert cli("verify", "runs/t", "-q").code == 0


def test_what_a_killed_run_left_is_cleared_away(
    cli: Callable[..., Ended],
    write: Callable[..., None],
    make_config: Callable[..., dict[str, Any]],
    make_people: Callable[..., pa.Table],
    here: Path,
) -> None:
    left = here / "runs" / ".t.partial"
    (left / "predictions").mkdir(parents=True)
    (left / "predictions" / "old.parquet").write_text("half")
    (left / ".lock").touch()
    write(make_people(), make_config())
    assert cli("audit", "a.yaml", "-q").code == 0
    assert [p.name for p in (here / "runs").iterdir()] == ["t"]
    assert cli("verify", "runs/t", "-q").code == 0


def test_an_error_keeps_what_was_in_the_folder_above(
    refused: Callable[..., str],
    write: Callable[..., None],
    make_config: Callable[..., dict[str, Any]],
    make_people: Callable[..., pa.Table],
    here: Path,
) -> None:
    (here / "runs").mkdir()
    (here / "runs" / "other").mkdir()
    write(make_people(score=[2.0] * 200), make_config())
    refused()
    assert [p.name for p in (here / "runs").iterdir()] == ["other"]


def test_weights_clusters_bins_and_missing_values_are_verified_too(
    cli: Callable[..., Ended],
    write: Callable[..., None],
    make_config: Callable[..., dict[str, Any]],
    make_people: Callable[..., pa.Table],
) -> None:
    data = {"weight": "w", "cluster": "job", "sensitive": ["sex", "age"], "bins": {"age": [30, 50]}}
    sex = [None, "Female", "Male", "Male"] * 50
    metrics = ["accuracy", "auc", "f1"]
    write(make_people(sex=sex), make_config(data=data, metrics=metrics, slices={"intersections": 2}))
    assert cli("audit", "a.yaml", "-q").code == 0
    result = fairweigh.load_result("runs/t")
    assert result.data.unknown == {"sex": 50}
    assert [s.unknown for s in result.variants[0].slices if set(s.slice) == {"sex"}].count(True) == 1
    assert cli("verify", "runs/t").code == 0


@pytest.mark.parametrize("command", ["report", "gate", "verify"])
def test_a_run_of_a_newer_schema_is_named_as_one(
    command: str,
    cli: Callable[..., Ended],
    write: Callable[..., None],
    make_config: Callable[..., dict[str, Any]],
    make_people: Callable[..., pa.Table],
) -> None:
    write(make_people(), make_config())
    assert cli("audit", "a.yaml", "-q").code == 0
    run = Path("runs/t")
    newer = {**json.loads((run / "audit.json").read_text()), "schema_version": "9.0", "something_new": []}
    replace(run, {"audit.json": json.dumps(newer)})
    manifest = {**read_manifest(run), "schema_version": "9.0"}
    (run / "MANIFEST.json").write_text(manifest_text(manifest), encoding="utf-8")
    ended = cli(command, "runs/t")
    assert (ended.code, ended.out) == (2, "")
    assert ended.lines == [
        "fairweigh: runs/t/audit.json: written by a fairweigh of schema '9.0'; this one reads schema 1.x"
    ]


def _of_a_later_schema(run: Path, by: str = "0.9.0", version: str = "1.3", **more: Any) -> None:
    """A run as a later minor version would have written it: keys that this one does not know."""
    content = json.loads((run / "audit.json").read_text())
    content |= {"schema_version": version, "carbon": {"grams": 3}, **more}
    content["environment"]["fairweigh"] = by
    content["variants"][0]["colour"] = "green"
    replace(run, {"audit.json": json.dumps(content)})
    manifest = read_manifest(run)
    manifest |= {"schema_version": version, "configuration_sha256": checksum(content["configuration"])}
    manifest["versions"]["fairweigh"] = by
    (run / "MANIFEST.json").write_text(manifest_text(manifest), encoding="utf-8")


@pytest.fixture
def later(
    cli: Callable[..., Ended],
    write: Callable[..., None],
    make_config: Callable[..., dict[str, Any]],
    make_people: Callable[..., pa.Table],
) -> Path:
    write(make_people(), make_config(gates=[{"metric": "accuracy", "limit": ">= 0.1"}]))
    assert cli("audit", "a.yaml", "-q").code == 0
    return Path("runs/t")


def test_a_run_of_a_later_minor_schema_is_read_judged_and_verified(
    later: Path, cli: Callable[..., Ended]
) -> None:
    _of_a_later_schema(later)
    assert cli("gate", "runs/t", "-q").code == 0
    ended = cli("verify", "runs/t")
    assert ended.code == 0
    assert "what schema 1.3 has and this fairweigh does not know: " in ended.out
    assert "'carbon'" in ended.out
    assert "'variants.0.colour'" in ended.out
    assert "the pages, which cannot be rendered again here" in ended.out
    assert cli("report", "runs/t", "-q").code == 0


def test_no_figure_of_a_later_minor_schema_is_believed(later: Path, cli: Callable[..., Ended]) -> None:
    content = json.loads((later / "audit.json").read_text())
    content["variants"][0]["overall"]["accuracy"]["value"] = 0.999
    _of_a_later_schema(later, variants=content["variants"])
    ended = cli("verify", "runs/t")
    assert ended.code == 1
    assert "variants.original.overall.accuracy.value: 0.999 in the file" in ended.out


def test_what_a_later_minor_schema_asks_for_is_not_passed_over(
    later: Path, cli: Callable[..., Ended]
) -> None:
    """A gate of a kind that is not known here is no gate that passes."""
    content = json.loads((later / "audit.json").read_text())
    content["configuration"]["gates"][0]["each_week"] = True
    _of_a_later_schema(later, configuration=content["configuration"])
    for command, code in (("gate", 2), ("verify", 1)):
        ended = cli(command, "runs/t")
        assert ended.code == code
        assert "(written by fairweigh '0.9.0', this is" in ended.out + ended.err
        assert "each_week" in ended.out + ended.err


def test_this_version_writes_no_later_schema(later: Path, cli: Callable[..., Ended]) -> None:
    _of_a_later_schema(later, by=__version__)
    ended = cli("verify", "runs/t")
    assert ended.code == 1
    assert f"schema_version: '1.3' in the file, and fairweigh {__version__} writes 1.0" in ended.out
    _of_a_later_schema(later, version="1.0")
    assert "extra inputs are not permitted" in cli("gate", "runs/t").err


def test_a_run_of_which_no_variant_could_be_made_is_verified(
    cli: Callable[..., Ended], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import pandas as pd
    import skops.io
    from sklearn.ensemble import RandomForestClassifier

    monkeypatch.chdir(tmp_path)
    rows = pd.DataFrame({"a": range(80), "b": [i % 7 for i in range(80)], "g": ["x", "y"] * 40})
    rows["y"] = (rows["a"] + 9 * rows["b"] > 60).astype(int)
    rows.to_csv("rows.csv", index=False)
    forest = RandomForestClassifier(2, max_depth=2, random_state=0)
    skops.io.dump(forest.fit(rows[["a", "b"]], rows["y"]), "m.skops")
    Path("a.yaml").write_text(
        "{audit: t, data: {path: rows.csv, label: y, sensitive: [g]}, model: {path: m.skops, "
        "trusted: [sklearn.tree._tree.Tree]}, "
        "compressions: [float16], gates: [{metric: accuracy, limit: '>= 0.1'}]}"
    )
    done = cli("audit", "a.yaml", "-o", "run", "-q")
    assert done.code in (0, 1), done.err
    assert [f["name"] for f in json.loads(Path("run/audit.json").read_text())["failed"]]
    assert cli("verify", "run").code == 0


def test_gate_names_what_a_rewritten_manifest_hides(run: Path, cli: Callable[..., Ended]) -> None:
    """The exit code is that of the predictions; who reads the file is told that it says otherwise."""
    _rewrite(run / "audit.json", '"verdict": "pass"', '"verdict": "fail"')
    _bless(run, "audit.json")
    ended = cli("gate", str(run), "-q")
    assert ended.code == 0
    assert len(ended.lines) == 1
    assert ended.lines[0].startswith(f"fairweigh: {run}: audit.json is not what the predictions give: ")
    assert "'fail' in the file, 'pass' from the predictions" in ended.lines[0]
