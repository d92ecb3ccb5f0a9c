"""What verify proves of a run of any kind, what it finds, and what it says that nothing can prove."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import fairweigh
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fairweigh.audit.again.by_policy import judge_run
from fairweigh.audit.again.finished import read_result
from fairweigh.audit.again.verify import check_files
from fairweigh.audit.regimes.files import read_regimes
from fairweigh.audit.result import AuditResult
from fairweigh.audit.store.checksums import _told
from fairweigh.audit.store.folder import files, manifest_text, replace
from fairweigh.datasets.errors import InputError
from fairweigh.reports import render
from fairweigh.testing import assert_gate
from fairweigh.verification import verify

from .conftest import configured, people

if TYPE_CHECKING:
    from .conftest import Ended


N = 240
GATES = [
    {"id": "accurate", "metric": "accuracy", "limit": ">= 0.99"},
    {"id": "parity", "metric": "selection_rate", "by": "sex", "compare": "difference", "limit": "<= 0.9"},
]
CELLS = pa.table({"sex": ["f", "f", "m", "m"], "sel": [1, 0, 1, 0], "n": [40, 60, 70, 30]})
COUNTED = {"path": "c.csv", "label": None, "id": None, "count": "n", "sensitive": ["sex"]}
REPAIRED = {
    "data": {"validation": {"share": 0.3}, "selection": {"share": 0.3}},
    "mitigations": [{"name": "fair", "recipe": {"threshold": {"by": ["sex"]}}}],
    "gates": [*GATES, {**GATES[1], "id": "repaired", "on": "mitigated"}],
    "metrics": ["accuracy", "selection_rate"],
}
RESTORING = {"name": "fair", "recipe": {"threshold": {"by": ["sex"], "restore": "selection_rate"}}}
KINDS: dict[str, dict[str, Any]] = {
    "plain": {"gates": GATES, "slices": {"intersections": 2}},
    "drawn": {"gates": GATES, "report": {"charts": True, "language": "zh"}},
    "aggregated": {"data": COUNTED, "model": {"decision": "sel"}, "metrics": None},
    "clustered": {"gates": GATES, "data": {"cluster": "house"}},
    "weighted": {"gates": GATES, "data": {"weight": "w", "sensitive": ["sex", "age"], "bins": {"age": [40]}}},
    "ranked": {"model": {"score": "score", "scale": "rank", "threshold": 0.3}, "metrics": None},
    "labels": {"model": None, "metrics": ["base_rate"]},
    "twins": {"data": {"counterfactual": {"group": ["house"], "feature": "sex"}}},
    "repaired": REPAIRED,
    "restored": {**REPAIRED, "mitigations": [RESTORING]},
    "ruled": {"gates": GATES, "report": {"charts": False, "regimes": ["four-fifths"]}},
}


def rows(seed: int = 0) -> Any:
    return people(N, seed).append_column("house", pa.array(np.arange(N) // 3))


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("verified")


@pytest.fixture(scope="module")
def made(home: Path) -> Callable[..., Path]:
    """A run of a kind, made once."""

    def do(kind: str) -> Path:
        if not (home / kind).exists():
            fairweigh.run(
                configured(**KINDS[kind]), home / kind, data=CELLS if kind == "aggregated" else rows()
            )
        return home / kind

    return do


@pytest.fixture
def copied(made: Callable[..., Path], tmp_path: Path) -> Callable[..., Path]:
    """A copy of a run of a kind, to be tampered with."""

    def do(kind: str) -> Path:
        return Path(shutil.copytree(made(kind), tmp_path / kind))

    return do


def bless(run: Path) -> None:
    """Rewrite the manifest as one would who covers his tracks: every checksum, and all that it repeats."""
    manifest = json.loads((run / "MANIFEST.json").read_text())
    told = _told(json.loads((run / "audit.json").read_text()))
    manifest |= {key: value for key, value in told.items() if key in manifest}
    manifest["files"] = {name: hashlib.sha256((run / name).read_bytes()).hexdigest() for name in files(run)}
    (run / "MANIFEST.json").write_text(manifest_text(manifest))


def rewrite(run: Path, change: Callable[..., Any]) -> None:
    """Change what audit.json says, in its own form, render every page from that, and cover the tracks."""
    content = json.loads((run / "audit.json").read_text())
    change(content)
    result = AuditResult.model_validate(content)
    (run / "audit.json").write_text(result.model_dump_json(indent=1) + "\n")
    for name, text in render(result, charts=False).items():
        (run / name).write_text(text)
    bless(run)


def wrong(run: Path) -> list[Any]:
    found = verify(run)
    return [*found.files, *found.figures, *found.pages]


@pytest.mark.parametrize("kind", KINDS)
def test_a_run_of_every_kind_is_verified_as_it_was_written(kind: str, made: Callable[..., Path]) -> None:
    found = verify(made(kind))
    assert (found.files, found.figures, found.pages, found.rendered) == ([], [], [], True)
    assert any("the configuration itself" in line for line in found.unproven)


def test_a_comparison_is_verified_and_its_edited_figures_are_found(
    made: Callable[..., Path], home: Path, tmp_path: Path
) -> None:
    fairweigh.run(configured(model={"decision": "approved"}), home / "other", data=rows())
    fairweigh.compare(made("plain"), home / "other", home / "both")
    assert wrong(home / "both") == []
    assert judge_run(home / "both").comparisons[0].rows == N
    run = Path(shutil.copytree(home / "both", tmp_path / "both"))
    rewrite(run, lambda c: c["comparisons"][0]["overall"].update(flips=0))
    assert [line.split(":")[0] for line in wrong(run)] == ["comparisons[0].overall.flips"]


def test_pages_rendered_again_in_another_language_or_without_charts_are_those_of_the_figures(
    copied: Callable[..., Path], cli: Callable[..., Ended]
) -> None:
    run = copied("drawn")
    assert cli("report", str(run), "-q", "--language", "en", "--no-charts").code == 0
    assert wrong(run) == []


PAGES = ["report.html", "figures.csv", "summary.md", "junit.xml", "regimes/four-fifths.html"]


def test_every_edited_page_and_every_added_or_lost_file_is_named_whatever_the_manifest_says(
    copied: Callable[..., Path],
) -> None:
    run = copied("ruled")
    for name in PAGES:
        content = bytearray((run / name).read_bytes())
        content[len(content) // 2] ^= 1
        (run / name).write_bytes(content)
    (run / "evil.html").write_text("<h1>approved</h1>")
    pq.write_table(pa.table({"id": [1]}), run / "predictions" / "more.parquet")
    bless(run)
    found = verify(run)
    assert (found.files, found.figures) == ([], [])
    told = {line.split(":")[0]: line for line in found.pages}
    assert set(told) == {*PAGES, "evil.html", "predictions/more.parquet"}
    assert "not a file that this run has" in told["evil.html"]
    (run / "figures.csv").unlink()
    bless(run)
    assert "figures.csv: not what its figures are rendered to" in verify(run).pages


def leaves(value: Any, path: tuple[Any, ...] = ()) -> Iterator[Any]:
    if isinstance(value, (dict, list)) and value:
        for key, one in value.items() if isinstance(value, dict) else enumerate(value):
            yield from leaves(one, (*path, key))
    else:
        yield path, value


def flipped(value: Any) -> Any:
    if isinstance(value, bool):
        return not value
    if isinstance(value, (int, float)):
        return value + 1 if isinstance(value, int) else value * 1.001 + 1e-6
    return 0.5 if value is None else f"{value}x"


FREE = (
    "audit", "verdict", "confidence", "coverage", "comparisons", "identified", "counterfactuals", "gates",
    "gates_together", "frontier", "definitions", "methods", "not_measured", "title", "policy",
)  # fmt: skip
"""Parts of audit.json that nothing is computed from."""
FIGURES = ("overall", "counts", "slices", "disparities", "scores", "findings")


def test_one_flipped_value_in_each_place_of_every_computed_part_is_found(copied: Callable[..., Path]) -> None:
    """Of each field that a run with everything has, one value is changed, all in one file."""
    run = copied("repaired")
    content = json.loads((run / "audit.json").read_text())
    chosen: dict[Any, Any] = {}
    for path, value in leaves(content):
        computed = path[0] in FREE or (path[0] == "variants" and path[2] in FIGURES)
        if computed and value not in ([], {}):
            shape = tuple("*" if isinstance(key, int) else key for key in path)
            chosen.setdefault(shape, (path, value))
    assert len(chosen) > 200
    text = []
    for path, value in chosen.values():
        place = content
        for key in path[:-1]:
            place = place[key]
        place[path[-1]] = flipped(value)
        text.append(path)
    # Words of a closed list cannot be flipped: the whole file is refused then, so they are left as they are.
    for error in _invalid(content):
        place, old = content, dict(chosen.values())[error]
        for key in error[:-1]:
            place = place[key]
        place[error[-1]] = old
        text.remove(error)
    (run / "audit.json").write_text(AuditResult.model_validate(content).model_dump_json(indent=1) + "\n")
    bless(run)
    found = verify(run).figures
    assert len(found) >= len(text)
    for path in text:
        assert any(str(path[-1]) in line.split(": ")[0] or path[0] in line for line in found), path


def _invalid(content: Any) -> Any:
    try:
        AuditResult.model_validate(content)
    except ValueError as error:
        return [problem["loc"] for problem in error.errors()]  # type: ignore[attr-defined]
    return []


@pytest.mark.parametrize(
    ("change", "place"),
    [
        (lambda c: c["data"].update(rows=N + 1), "data.rows"),
        (lambda c: c["data"].update(label="z"), "data.label"),
        (lambda c: c["data"].update(unknown={"sex": 3}), "data.unknown.sex"),
        (lambda c: c["variants"][0]["model"].update(threshold=0.6), "variants.original.model.threshold"),
        (lambda c: c.update(definitions={}), "definitions.accuracy"),
        (lambda c: c.update(methods={}), "methods.clopper-pearson"),
        (lambda c: c.update(gates=[], verdict="pass"), "gates"),
        (lambda c: c.update(title="Another"), "title"),
        (lambda c: c.update(audit="another"), "audit"),
        (lambda c: c.update(verdict="pass"), "verdict"),
        (lambda c: c["environment"].update(seed=3), "environment.seed"),
        (lambda c: c["configuration"].pop("seed"), "configuration.seed"),
        (lambda c: c["configuration"].update(configuration_sha256="0" * 64), "figures"),
    ],
)
def test_what_a_result_says_beside_its_figures_is_held_against_what_they_come_from(
    change: Callable[..., Any], place: str, copied: Callable[..., Path]
) -> None:
    run = copied("plain")
    rewrite(run, change)
    assert place in [line.split(":")[0] for line in wrong(run)]


@pytest.mark.parametrize(
    ("change", "place"),
    [
        (lambda v: v[1].update(kind="compressed"), "variants.fair.kind"),
        (lambda v: v[1].update(parent=None), "variants.fair.parent"),
        (lambda v: v[0].update(parent="fair"), "variants.original.parent"),
        (lambda v: v[1]["recipe"]["steps"].clear(), "variants.fair.recipe.steps"),
        (lambda v: v[1]["recipe"]["steps"][0].update(room="compression"), "variants.fair.recipe.steps"),
        (lambda v: v[1]["recipe"].update(sha256="0" * 64), "variants.fair.recipe.sha256"),
        (lambda v: v[1]["recipe"].update(artefact="../elsewhere"), "variants.fair.recipe.artefact"),
        (lambda v: v.pop(), "variants"),
    ],
)
def test_how_a_variant_was_made_is_held_against_the_configuration_and_its_artefact(
    change: Callable[..., Any], place: str, copied: Callable[..., Path]
) -> None:
    run = copied("repaired")
    content = json.loads((run / "audit.json").read_text())
    change(content["variants"])
    (run / "audit.json").write_text(AuditResult.model_validate(content).model_dump_json(indent=1) + "\n")
    bless(run)
    assert place in [line.split(":")[0] for line in wrong(run)]


def _entry(content: Any, start: str) -> Any:
    return next(one for one in content["told"] if one["message"].startswith(start))


def _said_apart(content: Any) -> None:
    """The same English, cut elsewhere."""
    one = _entry(content, "{n} rows drawn from the evaluation data")
    one["message"] = one["message"].replace("evaluation data", "{what}")
    one["parts"]["what"] = "evaluation data"


@pytest.mark.parametrize(
    "change",
    [
        lambda c: _entry(c, "{n} rows drawn from")["parts"].update(n="7"),
        lambda c: _entry(c, "{what}, which restore")["parts"].update(what="no thresholds"),
        lambda c: _entry(c, "{what}, which restore")["parts"]["what"]["parts"]["what"]["parts"].update(n="9"),
        lambda c: _entry(c, "{sentence} {next}")["parts"].update(
            sentence={"message": "Nothing may be released."}
        ),
        lambda c: c["told"].append({"message": "{n} rows pass.", "parts": {"n": "all"}}),
        lambda c: c["told"].remove(_entry(c, "{n} rows drawn from")),
        lambda c: c.update(told=[]),
        _said_apart,
    ],
)
def test_a_text_that_says_another_thing_in_another_language_is_found(
    change: Callable[..., Any], copied: Callable[..., Path]
) -> None:
    """Also where the text itself is not computed from predictions, such as how a variant was made."""
    run = copied("restored")
    content = json.loads((run / "audit.json").read_text())
    change(content)
    (run / "audit.json").write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n")
    bless(run)
    assert [line for line in verify(run).figures if line.startswith("told")]


def test_what_a_text_was_told_from_cannot_grow_on_reading(copied: Callable[..., Path]) -> None:
    run = copied("plain")
    content = json.loads((run / "audit.json").read_text())
    text: Any = "x" * 100
    for _ in range(30):
        text = {"message": "{a}{a}", "parts": {"a": text}}
    content["told"].append(text)
    (run / "audit.json").write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n")
    bless(run)
    assert [line for line in verify(run).figures if line.startswith("told")]


@pytest.mark.parametrize(
    "one",
    [{"message": "{n} rows", "parts": {"m": "3"}}, {"message": "x", "parts": {"n": "3"}}, {"parts": {}}, 3],
)
def test_what_no_text_is_told_from_is_refused_by_its_place(
    one: dict[str, Any] | int, copied: Callable[..., Path]
) -> None:
    run = copied("plain")
    content = json.loads((run / "audit.json").read_text())
    content["told"].append(one)
    (run / "audit.json").write_text(json.dumps(content))
    with pytest.raises(InputError, match=r"audit.json: not a result of schema 1.0: told\.\d+"):
        read_result(run)


def test_derived_rows_and_regimes_are_recomputed(copied: Callable[..., Path]) -> None:
    run = copied("repaired")
    table = pq.read_table(run / "identified.parquet")
    pq.write_table(table.slice(1), run / "identified.parquet")
    bless(run)
    assert "identified.parquet: not the rows that the predictions give" in wrong(run)
    run = copied("ruled")
    path = run / "regimes" / "four-fifths.json"
    content = json.loads(path.read_text())
    group = content["figures"]["features"][0]["groups"] if "features" in content["figures"] else None
    assert group is not None or content["figures"]
    path.write_text(path.read_text().replace('"n": ', '"n": 1', 1))
    bless(run)
    assert any(line.startswith("regimes") for line in wrong(run))


def test_a_run_of_another_version_is_not_called_forged_and_its_figures_are_recomputed(
    copied: Callable[..., Path], cli: Callable[..., Ended]
) -> None:
    run = copied("plain")

    def older(content: Any) -> None:
        content["environment"]["fairweigh"] = "0.0.9"
        content["definitions"]["accuracy"]["meaning"] = "As it was worded then."

    rewrite(run, older)
    (run / "report.html").write_text("<p>as it was rendered then</p>")
    bless(run)
    ended = cli("verify", str(run))
    assert ended.code == 0, ended
    assert "written by fairweigh 0.0.9" in ended.out
    assert "every figure follows from the predictions, the pages were not rendered again" in ended.out
    rewrite(run, lambda c: c.update(verdict="pass"))
    assert wrong(run) == ["verdict: 'pass' in the file, 'fail' from the predictions"]


def _limit(content: Any) -> None:
    content["gates"][0]["limit"] = content["gates"][0]["limit"].replace("0", "9", 1)


def _slices(content: Any) -> None:
    for one in content["variants"][0]["slices"]:
        one["slice"] = {feature: f"not {value}" for feature, value in one["slice"].items()}


@pytest.mark.parametrize("change", [_limit, _slices])
def test_what_is_judged_of_whom_is_no_wording_of_another_version(
    change: Any, copied: Callable[..., Path], cli: Callable[..., Ended]
) -> None:
    run = copied("plain")

    def older(content: Any) -> None:
        content["environment"]["fairweigh"] = "0.0.1"
        change(content)

    rewrite(run, older)
    assert cli("verify", str(run)).code == 1
    assert cli("report", str(run), "-q").code == 2


def test_a_report_whose_charts_could_not_be_drawn_is_that_of_its_figures(copied: Callable[..., Path]) -> None:
    run = copied("drawn")
    content = read_result(run)
    language = content.configuration["report"]["language"]
    page = render(content, charts=True, language=language, regimes=read_regimes(run), drawn=False)
    (run / "report.html").write_text(page["report.html"])
    bless(run)
    assert wrong(run) == []


def test_verify_says_what_it_cannot_prove(made: Callable[..., Path], cli: Callable[..., Ended]) -> None:
    ended = cli("verify", str(made("repaired")))
    assert ended.code == 0
    said = ended.out.partition("not proven by anything here: ")[2]
    for words in ("the configuration itself", "predictions are those of the model", "what the variants cost"):
        assert words in said


@pytest.mark.parametrize(
    "change",
    [
        lambda c: c.update(verdict="pass"),
        lambda c: c.update(verdict="pass", gates=[]),
        lambda c: (c.update(verdict="pass"), c["gates"][0].update(verdict="pass", measured=0.995, low=0.99)),
        lambda c: c["variants"][0]["overall"]["accuracy"].update(value=0.999),
    ],
)
def test_gate_believes_no_figure_of_a_file_whose_manifest_was_rewritten(
    change: Callable[..., Any], copied: Callable[..., Path], cli: Callable[..., Ended]
) -> None:
    run = copied("plain")
    rewrite(run, change)
    assert check_files(run) == []
    ended = cli("gate", str(run))
    assert ended.code == 1
    assert ended.out.startswith("✕ fail")
    assert judge_run(run).verdict == "fail"
    assert fairweigh.load_result(run).gate().verdict == "fail"


def _of_task(path: Path, task: str | None) -> None:
    """Let a file of predictions say another task, or none as those of earlier states."""
    table = pq.read_table(path)
    pq.write_table(table.replace_schema_metadata({} if task is None else {"fairweigh.task": task}), path)


@pytest.mark.parametrize("folder", ["predictions", "predictions/selection"])
def test_predictions_say_their_task_and_are_held_to_it(folder: str, copied: Callable[..., Path]) -> None:
    run = copied("repaired")
    paths = sorted((run / folder).glob("*.parquet"))
    assert [path.stem for path in paths] == ["fair", "original"]
    assert {pq.read_schema(path).metadata[b"fairweigh.task"] for path in paths} == {b"binary"}
    for path in paths:
        _of_task(path, None)
    bless(run)
    assert wrong(run) == []
    _of_task(paths[0], "regression")
    bless(run)
    (line,) = wrong(run)
    assert line.endswith(
        f"{folder}/fair.parquet: expected predictions of the task binary, got those of the task 'regression'"
    )


def test_gate_never_passes_a_run_whose_predictions_are_gone_or_garbage(
    copied: Callable[..., Path], cli: Callable[..., Ended]
) -> None:
    run = copied("plain")
    rewrite(run, lambda c: c.update(verdict="pass", gates=[]))
    path = run / "predictions" / "original.parquet"
    for content in (b"", b"PAR1 nothing PAR1", None):
        if content is None:
            path.unlink()
        else:
            path.write_bytes(content)
        bless(run)
        ended = cli("gate", str(run))
        assert (ended.code, len(ended.lines)) == (2, 1), ended
        assert ("predictions: an empty folder" if content is None else "cannot be recomputed") in ended.err
    path.parent.mkdir(exist_ok=True)
    pq.write_table(pa.table({"sex": [1.5], "race": [None], "y_true": ["x"], "y_pred": [None]}), path)
    bless(run)
    ended = cli("gate", str(run))
    assert (ended.code, len(ended.lines)) == (2, 1), ended


def test_a_gate_of_a_metric_that_this_version_does_not_know_is_one_line_and_a_policy_needs_none(
    copied: Callable[..., Path], cli: Callable[..., Ended]
) -> None:
    run = copied("plain")
    rewrite(run, lambda c: c["configuration"]["gates"][0].update(metric="fairness_of_2031"))
    for command in ("gate", "verify"):
        ended = cli(command, str(run))
        assert ended.code == (2 if command == "gate" else 1)
        assert "'fairness_of_2031'" in ended.err + ended.out
        assert "Traceback" not in ended.err
    Path("p.yaml").write_text(json.dumps({"gates": [GATES[1]]}))
    ended = cli("gate", str(run), "--policy", "p.yaml")
    assert ended.code in (0, 3)


def test_the_variant_that_a_baseline_would_release_is_computed_anew(
    copied: Callable[..., Path], made: Callable[..., Path]
) -> None:
    run = copied("repaired")
    policy = {"gates": [{"metric": "accuracy", "compare": "change", "limit": ">= -1"}]}
    told = judge_run(made("plain"), policy, made("repaired")).baseline.variant
    other = "fair" if told == "original" else "original"
    rewrite(run, lambda c: c["frontier"].update(recommended=other))
    assert judge_run(made("plain"), policy, run).baseline.variant == told


# --- what lies in the folder ---------------------------------------------------------------------------


def _linked_folder(run: Any, elsewhere: Any) -> str:
    (elsewhere / "evil").mkdir()
    (elsewhere / "evil" / "x.html").write_text("x")
    (run / "regimes").symlink_to(elsewhere / "evil")
    return "regimes: expected regular files alone, got a link"


def _lock(run: Any, elsewhere: Any) -> str:
    (run / ".lock").write_text("anything")
    return ".lock: not in the manifest"


def _linked_file(run: Any, elsewhere: Any) -> str:
    shutil.copy(run / "report.html", elsewhere / "r.html")
    (run / "report.html").unlink()
    (run / "report.html").symlink_to(elsewhere / "r.html")
    return "report.html: expected regular files alone, got a link"


def _linked_manifest(run: Any, elsewhere: Any) -> str:
    (run / "MANIFEST.json").rename(elsewhere / "m.json")
    (run / "MANIFEST.json").symlink_to(elsewhere / "m.json")
    return "MANIFEST.json: expected regular files alone, got a link"


def _linked_predictions(run: Any, elsewhere: Any) -> str:
    (run / "predictions").rename(elsewhere / "p")
    (run / "predictions").symlink_to(elsewhere / "p")
    return "predictions: expected regular files alone, got a link"


def _pipe(run: Any, elsewhere: Any) -> str:
    (run / "figures.csv").unlink()
    os.mkfifo(run / "figures.csv")
    return "figures.csv: expected regular files alone, got a named pipe"


def _more_pipe(run: Any, elsewhere: Any) -> str:
    os.mkfifo(run / "predictions" / "more")
    return "predictions/more: expected regular files alone, got a named pipe"


def _socket(run: Any, elsewhere: Any) -> str:
    with socket.socket(socket.AF_UNIX) as listening:
        os.chdir(run)
        listening.bind("s")
    return "s: expected regular files alone, got a socket"


def _empty_folder(run: Any, elsewhere: Any) -> str:
    (run / "artefacts" / "a").mkdir(parents=True)
    return "artefacts/a: an empty folder, which no run has"


def _dangling(run: Any, elsewhere: Any) -> str:
    (run / "MANIFEST.sig").symlink_to("nowhere")
    return "MANIFEST.sig: expected regular files alone, got a link"


def _added(run: Any, elsewhere: Any) -> str:
    (run / "artefacts").mkdir()
    (run / "artefacts" / "weights").write_text("x")
    return "artefacts/weights: not in the manifest"


ODD = [
    _linked_folder, _lock, _linked_file, _linked_manifest, _linked_predictions, _pipe, _more_pipe, _socket,
    _empty_folder, _dangling, _added,
]  # fmt: skip


@pytest.mark.parametrize("add", ODD, ids=lambda f: f.__name__.strip("_"))
def test_what_is_no_regular_file_of_the_manifest_is_an_error(
    add: Any,
    copied: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    cli: Callable[..., Ended],
) -> None:
    run = copied("plain")
    monkeypatch.chdir(tmp_path)
    told = add(run, tmp_path)
    monkeypatch.chdir(tmp_path)
    ended = cli("verify", str(run))
    assert ended.code == 1
    assert told in ended.out.splitlines()
    ended = cli("gate", str(run))
    assert (ended.code, len(ended.lines)) == (2, 1)
    assert told in ended.err


def test_a_hard_link_is_a_regular_file(copied: Callable[..., Path], tmp_path: Path) -> None:
    run = copied("plain")
    (tmp_path / "same").hardlink_to(run / "report.html")
    assert wrong(run) == []


@pytest.mark.parametrize(
    "name",
    ["/etc/passwd", "../audit.json", "a/../audit.json", "./audit.json", "a//b", "", "a\\b", "a\x00b", "C:x",
     "REPORT.html", "MANIFEST.json", "MANIFEST.sig", "a\nb"],
)  # fmt: skip
def test_a_name_in_the_manifest_that_is_no_plain_path_in_the_run_is_refused(
    name: str, copied: Callable[..., Path], cli: Callable[..., Ended]
) -> None:
    run = copied("plain")
    manifest = json.loads((run / "MANIFEST.json").read_text())
    manifest["files"][name] = "0" * 64
    (run / "MANIFEST.json").write_text(manifest_text(manifest))
    for command in ("verify", "gate"):
        ended = cli(command, str(run))
        assert (ended.code, len(ended.lines)) == (2, 1), ended
        assert "MANIFEST.json: files: " in ended.err


DEEP = 100_000
BOMBS: dict[str, Any] = {
    "deep list": "[" * DEEP + "]" * DEEP,
    "deep object": '{"a":' * DEEP + "1" + "}" * DEEP,
    "digits": '{"files": ' + "9" * 1_000_000 + "}",
    "NaN": '{"files": NaN}',
    "twice": '{"files": {}, "files": {}}',
    "UTF-16": "{}".encode("utf-16"),
    "empty": "",
    "list": "[]",
    "text": '"files"',
    "keys missing": "{}",
}


@pytest.mark.parametrize("bomb", BOMBS)
@pytest.mark.parametrize("name", ["MANIFEST.json", "audit.json", "MANIFEST.sig"])
def test_a_json_file_of_a_run_that_is_none_is_one_line(
    name: str, bomb: Any, copied: Callable[..., Path], cli: Callable[..., Ended]
) -> None:
    run = copied("labels")
    content = BOMBS[bomb]
    (run / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    if name == "audit.json":
        manifest = json.loads((run / "MANIFEST.json").read_text())
        manifest["files"][name] = hashlib.sha256((run / name).read_bytes()).hexdigest()
        (run / "MANIFEST.json").write_text(manifest_text(manifest))
    for command in ("gate", "report", "verify"):
        if (name, command) == ("MANIFEST.sig", "report"):
            continue
        ended = cli(command, str(run))
        assert ended.code == (1 if (name, command) == ("MANIFEST.sig", "verify") else 2), (command, ended)
        assert name in ended.err + ended.out
        assert len(ended.err.splitlines()) <= 1
        assert len(ended.err) < 600


@pytest.mark.parametrize("version", [None, "2.0", "9.0", "one", 1.0, 1, "1.0 ", True, [], "x" * 10_000])
def test_a_result_of_another_schema_or_of_none_is_refused(
    version: Any, copied: Callable[..., Path], cli: Callable[..., Ended]
) -> None:
    run = copied("labels")
    content = json.loads((run / "audit.json").read_text())
    content["schema_version"] = version
    if version is None:
        del content["schema_version"]
    (run / "audit.json").write_text(json.dumps(content))
    manifest = json.loads((run / "MANIFEST.json").read_text())
    manifest["files"]["audit.json"] = hashlib.sha256((run / "audit.json").read_bytes()).hexdigest()
    (run / "MANIFEST.json").write_text(manifest_text(manifest))
    with pytest.raises(InputError, match=r"reads schema 1\.x") as told:
        fairweigh.load_result(run)
    assert len(str(told.value)) < 400
    assert cli("gate", str(run)).code == 2


@pytest.mark.parametrize(
    "change",
    [
        lambda v: v.clear(),
        lambda v: v[0].update(name="../../elsewhere"),
        lambda v: v[0].update(kind="compressed"),
        lambda v: v.append(dict(v[0])),
    ],
)
def test_variants_that_no_audit_could_have_are_refused(
    change: Callable[..., Any], copied: Callable[..., Path]
) -> None:
    run = copied("labels")
    content = json.loads((run / "audit.json").read_text())
    change(content["variants"])
    (run / "audit.json").write_text(json.dumps(content))
    with pytest.raises(InputError, match="variants: expected"):
        fairweigh.load_result(run)


def test_gate_and_verify_write_nothing_and_need_no_leave_to(
    copied: Callable[..., Path], cli: Callable[..., Ended]
) -> None:
    run = copied("labels")
    before = {path: path.stat().st_mtime_ns for path in [run, *run.rglob("*")]}
    assert cli("gate", str(run)).code == 0
    assert cli("verify", str(run)).code == 0
    assert before == {path: path.stat().st_mtime_ns for path in [run, *run.rglob("*")]}


def test_a_folder_that_is_being_written_is_no_run_yet(cli: Callable[..., Ended], here: Path) -> None:
    (here / ".t.partial").mkdir()
    (here / ".t.partial" / ".lock").touch()
    for command in ("gate", "verify"):
        ended = cli(command, ".t.partial")
        assert (ended.code, len(ended.lines)) == (2, 1)
        assert "not a run folder (no MANIFEST.json)" in ended.err


@pytest.mark.parametrize("command", [["report"], ["record", "--db", "sqlite:///h.db"]])
def test_a_forged_result_is_neither_rendered_nor_recorded(
    command: list[Any], copied: Callable[..., Path], cli: Callable[..., Ended], here: Path
) -> None:
    run = copied("labels")
    rewrite(run, lambda c: c["variants"][0]["overall"]["base_rate"].update(value=0.999))
    ended = cli(command[0], str(run), *command[1:])
    assert (ended.code, len(ended.lines)) == (2, 1), ended
    assert (
        "audit.json is not what the predictions give: variants.original.overall.base_rate.value" in ended.err
    )
    assert not (here / "h.db").exists()


def test_an_assertion_believes_no_figure_and_no_confidence_of_a_file(copied: Callable[..., Path]) -> None:
    run = copied("plain")

    def forged(content: Any) -> None:
        content["confidence"] = 0.5
        content["gates"][0].update(verdict="pass")

    rewrite(run, forged)
    with pytest.raises(AssertionError, match=r"99"):
        assert_gate(run, metric="accuracy", limit=">= 0.99")


def test_where_one_page_cannot_be_written_none_is_replaced_and_a_signature_stays(
    copied: Callable[..., Path],
) -> None:
    run = copied("labels")
    (run / "MANIFEST.sig").write_text("{}")
    (run / ".summary.md.new").mkdir()
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    with pytest.raises(InputError, match="cannot be written: Is a directory"):
        replace(run, {"report.html": "new", "summary.md": "new"}, unsign=True)
    assert before == {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}


def column(name: str, values: list[Any] | Callable[..., Any] | None) -> Callable[..., Any]:
    """Put other values into a column of predictions; None drops it."""

    def do(table: Any) -> Any:
        place = table.schema.get_field_index(name)
        if values is None:
            return table.remove_column(place)
        made = values(table.column(place)) if callable(values) else pa.array(values * table.num_rows)
        return table.set_column(place, name, made)

    return do


def first(value: float | None) -> Callable[..., Any]:
    """Another value in the first row."""
    return lambda old: pa.array([value, *old.to_pylist()[1:]], old.type)


MOST = "1e+50"
NUMBERS = {
    "task": "regression",
    "data": {"label": "score", "id": "id", "weight": "w", "cluster": "house"},
    "model": {"prediction": "w"},
    "metrics": None,
    "gates": [{"metric": "mean_absolute_error", "limit": "<= 0.1"}],
}
RANKS = {
    "task": "ranking",
    "data": {"label": None, "id": None, "query": "house", "item": "id", "relevance": "approved"},
    "model": {"score": "score", "scale": "rank"},
    "metrics": None,
    "gates": [{"metric": "ndcg", "limit": ">= 0.1"}],
}
KINDS_HELD = {**KINDS, "numbers": NUMBERS, "ranks": RANKS}
UNWRITTEN = [
    ("numbers", column("y_true", [1e308]), f"y_true: expected numbers up to {MOST} in every row, got 1e+308"),
    (
        "numbers",
        column("y_pred", first(-1e51)),
        f"expected numbers up to {MOST} in every row, got -1e+51 in row 1",
    ),
    ("numbers", column("y_pred", first(float("nan"))), "in every row, got nan in row 1"),
    ("numbers", column("y_pred", first(float("inf"))), "in every row, got inf in row 1"),
    ("numbers", column("y_pred", first(None)), "in every row, got none in row 1"),
    ("numbers", column("y_pred", ["a"]), "in every row, got string"),
    ("numbers", column("y_pred", None), "expected the column 'y_pred', got none"),
    (
        "numbers",
        column("weight", first(1e-60)),
        "column weight: expected 0, or numbers from 1e-50 up to 1e+50",
    ),
    ("numbers", column("weight", [0.0]), "expected weights that are not all 0, got 0 in every row"),
    ("numbers", column("weight", None), "expected the column 'weight', got none"),
    ("numbers", column("cluster", None), "expected the column 'cluster', got none"),
    ("numbers", column("cluster", [[1]]), "column cluster: expected words or whole numbers, got list<"),
    ("numbers", column("id", [[1]]), "column id: expected words or whole numbers in every row, got list<"),
    ("numbers", column("id", [7]), "1 id of column 'id' occurs more than once, such as '7'"),
    ("numbers", column("id", None), "expected the column 'id', got none"),
    ("numbers", column("sex", [True]), "expected the column 'sex' with words, got bool"),
    (
        "plain",
        column("score", first(1.5)),
        "column score: expected probabilities in [0, 1] in every row, got 1.5",
    ),
    ("plain", column("score", None), "expected the column 'score', got none"),
    ("plain", column("y_true", first(2)), "column y_true: expected 0 or 1 in every row, got 2 in row 1"),
    (
        "ranked",
        column("score", first(1e200)),
        f"column score: expected numbers up to {MOST} in every row, got 1e+200",
    ),
    (
        "aggregated",
        column("count", first(2**41)),
        "expected whole numbers from 0 to 1,099,511,627,776 in every row",
    ),
    ("aggregated", column("count", None), "expected the column 'count', got none"),
    ("twins", column("twin", None), "expected the column 'twin', got none"),
    ("twins", column("twin", first(-1)), "column twin: expected whole numbers from 0, got -1 in row 1"),
    ("labels", lambda table: table.append_column("weight", pa.array([1.0] * N)), "got also 'weight'"),
    ("ranks", column("query", None), "expected the column 'query', got none"),
    ("ranks", column("item", None), "expected the column 'item', got none"),
    ("ranks", column("item", ["a"]), "expected every item once for a query, got '0 / a' again in row 2"),
    ("ranks", column("item", [""]), "column item: expected words in every row, got none in row 1"),
    ("ranks", column("score", None), "expected the column 'score', got none"),
    ("ranks", column("score", [-1.0]), "column rank: expected ranks that follow from the column score"),
    (
        "ranks",
        column("rank", first(0)),
        "expected whole numbers from 1 to 9,007,199,254,740,992 in every row",
    ),
    ("ranks", column("rank", [1]), "expected another rank for each item of a query, got 1 again in row 2"),
    ("ranks", column("rank", lambda old: pa.array(np.asarray(old) + 1)), "that follow from the column score"),
    (
        "ranks",
        column("y_true", first(-1.0)),
        f"column y_true: expected numbers from 0 up to {MOST} in every row",
    ),
]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(("kind", "change", "told"), UNWRITTEN)
def test_what_no_audit_writes_is_one_line_of_verify_and_of_gate(
    kind: str, change: Any, told: Any, copied: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such a run once passed, failed beside warnings of numpy, or ended in the name of an exception."""
    monkeypatch.setitem(KINDS, kind, KINDS_HELD[kind])
    run = copied(kind)
    path = run / "predictions" / "original.parquet"
    pq.write_table(change(pq.read_table(path)), path)
    bless(run)
    (line,) = verify(run).figures
    assert told in line
    assert str(path) in line
    assert "Error" not in line
    with pytest.raises(InputError) as refused:
        judge_run(run)
    assert told in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("kind", ["numbers", "ranks"])
def test_runs_of_numbers_and_of_ranks_are_verified_as_they_were_written(
    kind: str, made: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(KINDS, kind, KINDS_HELD[kind])
    assert wrong(made(kind)) == []
