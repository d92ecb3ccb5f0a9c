"""What runs on a merge server: the action's steps on a sample repository, the templates under their linters.

The steps of ``action.yml`` are run as GitHub's runner runs them: each script under bash with the step's
environment, inputs filled in, and a real HTTP server in the place of the comments API.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import threading
import venv
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fairweigh.datasets.synthetic import lending, lending_truth
from ruamel.yaml import YAML

ROOT = Path(__file__).parents[1]
BIN = Path(sys.executable).parent
PATH, PYTHONPATH = f"{BIN}:/usr/bin:/bin", os.environ.get("PYTHONPATH", "")
CONFIG = """\
audit: lending <model> | 1
data: {path: loans.parquet, label: repaid, positive: 1, sensitive: [sex, ethnicity], id: id}
slices: {by: [sex, ethnicity], intersections: 1}
model: {decision: approved, positive: 'yes'}
metrics: [selection_rate, true_positive_rate]
report: {charts: false}
gates:
  - {id: opportunity, metric: true_positive_rate, by: sex, compare: difference, limit: "<= 0.1"}
"""


def load(path: Path) -> Any:
    return YAML(typ="safe").load(path.read_text(encoding="utf-8"))


# --- the API of comments -----------------------------------------------------------------------------


@dataclass
class Api:
    """The comments of one pull request, as the API keeps them."""

    url: str = ""
    comments: list[dict[str, Any]] = field(default_factory=list)
    calls: list[tuple[str, str]] = field(default_factory=list)
    may_comment: bool = True


@pytest.fixture
def api() -> Iterator[Api]:
    found = Api()

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *args: Any) -> None:
            pass

        def _answer(self, code: int, content: Any) -> None:
            text = json.dumps(content).encode()
            self.send_response(code)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def _body(self) -> str:
            return json.loads(self.rfile.read(int(self.headers["Content-Length"])))["body"]

        def do_GET(self) -> None:
            url = urlsplit(self.path)
            if url.path == "/user":
                # The token of a workflow is that of an installation, which has no user.
                self._answer(403, {"message": "Resource not accessible by integration"})
                return
            assert self.headers["Authorization"] == "Bearer secret"
            assert url.path == "/repos/o/r/issues/7/comments"
            page, size = (int(parse_qs(url.query)[key][0]) for key in ("page", "per_page"))
            self._answer(200, found.comments[(page - 1) * size : page * size])

        def do_POST(self) -> None:
            self._written("POST", 201)

        def do_PATCH(self) -> None:
            self._written("PATCH", 200)

        def _written(self, method: str, code: int) -> None:
            found.calls.append((method, self.path))
            body = self._body()
            if not found.may_comment:
                self._answer(403, {"message": "Resource not accessible by integration"})
            elif method == "POST":
                assert self.path == "/repos/o/r/issues/7/comments"
                user = {"login": "github-actions[bot]", "type": "Bot"}
                found.comments.append({"id": 1000 + len(found.comments), "user": user, "body": body})
                self._answer(code, found.comments[-1])
            else:
                number = int(self.path.removeprefix("/repos/o/r/issues/comments/"))
                (comment,) = [c for c in found.comments if c["id"] == number]
                comment["body"] = body
                self._answer(code, comment)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield found
    server.shutdown()
    thread.join()
    server.server_close()


# --- the runner --------------------------------------------------------------------------------------


@dataclass
class Ran:
    """A job: its log, whether it failed, what its steps put out and uploaded."""

    log: str
    failed: bool
    outputs: dict[str, str]
    uploads: list[list[str]]
    summary: str

    @property
    def annotations(self) -> list[str]:
        return [line for line in self.log.splitlines() if re.match(r"::(error|warning|notice) ", line)]


class Runner:
    """GitHub's runner as far as a composite action needs it."""

    def __init__(self, work: Path, temp: Path, api: Api, action: Path = ROOT) -> None:
        self.work, self.temp, self.api, self.action = work, temp, api, action
        temp.mkdir()

    def run(self, event: str = "pull_request", **given: str) -> Ran:
        spec = load(self.action / "action.yml")
        inputs = {name: str(value["default"]) for name, value in spec["inputs"].items()}
        assert set(given) <= {name.replace("-", "_") for name in inputs}
        inputs |= {"token": "secret", "python": sys.executable, "install": "false"}
        inputs |= {name.replace("_", "-"): value for name, value in given.items()}
        pull = {"number": 7, "head": {"sha": "0123456789abcdef0123"}}
        self.contexts: dict[str, Any] = {
            "inputs": inputs,
            "github": {
                "event_name": event,
                "event": {"pull_request": pull if event == "pull_request" else {}},
            },
            "steps": {},
        }
        log, failed, uploads = "", False, []
        for step in spec["runs"]["steps"]:
            if failed or not self._holds(step.get("if", "true")):
                continue
            if "uses" in step:
                uploads.append(self._filled(step["with"]["path"]).split())
                continue
            told, code = self._step(step)
            log, failed = log + told, code != 0
        outputs = {name: self._filled(value["value"]) for name, value in spec["outputs"].items()}
        return Ran(log, failed, outputs, uploads, self._read("summary"))

    def _step(self, step: dict[str, Any]) -> tuple[str, int]:
        assert step["shell"] == "bash"
        for name in ("output", "step.sh"):
            (self.temp / name).write_text(step["run"] if name == "step.sh" else "")
        env = {
            "PATH": PATH, "HOME": str(self.temp), "PYTHONPATH": PYTHONPATH,
            "OMP_NUM_THREADS": "1", "LANG": "C.UTF-8", "CI": "true", "GITHUB_ACTIONS": "true",
            "GITHUB_ACTION_PATH": str(self.action), "GITHUB_WORKSPACE": str(self.work),
            "GITHUB_OUTPUT": str(self.temp / "output"), "GITHUB_STEP_SUMMARY": str(self.temp / "summary"),
            "GITHUB_API_URL": self.api.url, "GITHUB_SERVER_URL": "https://github.example",
            "GITHUB_REPOSITORY": "o/r", "GITHUB_RUN_ID": "42", "RUNNER_TEMP": str(self.temp),
        }  # fmt: skip
        env |= {key: value for key, value in os.environ.items() if key.startswith("PIP_")}
        env |= {key: self._filled(value) for key, value in step.get("env", {}).items()}
        ended = subprocess.run(
            ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", str(self.temp / "step.sh")],
            cwd=self.work, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
        )  # fmt: skip
        if "id" in step:
            self.contexts["steps"][step["id"]] = {"outputs": self._put_out()}
        return ended.stdout, ended.returncode

    def _put_out(self) -> dict[str, str]:
        """``NAME<<END``, lines, ``END``."""
        lines, found = iter(self._read("output").splitlines()), {}
        for line in lines:
            name, end = line.split("<<")
            value = []
            for line in lines:
                if line == end:
                    break
                value.append(line)
            found[name] = "\n".join(value)
        return found

    def _read(self, name: str) -> str:
        path = self.temp / name
        return path.read_text() if path.exists() else ""

    def _value(self, path: str) -> str:
        at: Any = self.contexts
        for key in path.split("."):
            at = at.get(key, {}) if isinstance(at, dict) else {}
        return "" if at == {} else str(at)

    def _filled(self, text: str) -> str:
        return re.sub(r"\$\{\{ ([\w.-]+) \}\}", lambda m: self._value(m[1]), text)

    def _holds(self, condition: str) -> bool:
        """A conjunction of comparisons of a context with a string."""
        parts = [re.fullmatch(r"([\w.-]+) (==|!=) '(.*)'", part) for part in condition.split(" && ")]
        if condition == "true":
            return True
        return all((self._value(p[1]) == p[3]) == (p[2] == "==") for p in parts)


@pytest.fixture
def sample(tmp_path: Path) -> Path:
    """A repository with an audit of a lender whose decisions treat every slice alike."""
    work = tmp_path / "sample"
    work.mkdir()
    (work / "audit.yaml").write_text(CONFIG)
    commit(work, 0.0)
    return work


def commit(work: Path, bias: float, year: str = "") -> None:
    """Commit the lender's decisions with a planted gap of known size, under ids of a year of their own."""
    table = lending(12_000, seed=3, bias=bias).drop_columns(["split", "score"])
    ids = pa.array([f"{name}{year}" for name in table.column("id").to_pylist()])
    pq.write_table(table.set_column(table.column_names.index("id"), "id", ids), work / "loans.parquet")
    git = ["git", "-c", "user.name=A", "-c", "user.email=a@example.org", "-C", str(work)]
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", f"bias {bias}"]):
        subprocess.run([*git, *command], check=True)


def planted(bias: float) -> float:
    """The gap of the true positive rate between women and men, in closed form."""
    truth = lending_truth(bias)["sex"]
    return abs(truth["Female"]["true_positive_rate"] - truth["Male"]["true_positive_rate"])


# --- the check of a pull request ---------------------------------------------------------------------


def test_a_pull_request_with_a_planted_gap_goes_red_and_one_without_green(
    sample: Path, tmp_path: Path, api: Api
) -> None:
    assert planted(0.0) < 1e-9
    assert planted(3.0) - 0.1 > 0.1
    green = Runner(sample, tmp_path / "one", api).run()
    assert not green.failed, green.log
    assert green.outputs["verdict"] == "pass"
    assert green.annotations == []
    assert [method for method, _ in api.calls] == ["POST"]
    assert "✓ pass" in api.comments[0]["body"]
    assert "[Commit 0123456789ab](https://github.example/o/r/actions/runs/42)" in api.comments[0]["body"]

    shutil.rmtree(sample / "fairweigh-run")
    commit(sample, 3.0)
    red = Runner(sample, tmp_path / "two", api).run()
    assert red.failed
    assert red.outputs["verdict"] == "fail"
    (told,) = red.annotations
    assert told.startswith("::error title=fairweigh%3A opportunity fail (original),file=audit.yaml,line=8::")
    assert "sex=Female against sex=Male" in told
    assert [method for method, _ in api.calls] == ["POST", "PATCH"]
    assert len(api.comments) == 1
    assert "✕ fail" in api.comments[0]["body"]
    assert "&#60;model&#62; &#124; 1" in api.comments[0]["body"]
    assert "<model>" not in api.comments[0]["body"]
    assert "✕ fail" in red.summary
    assert json.loads(Path(red.outputs["sarif"]).read_text())["runs"][0]["results"]
    assert Path(red.outputs["junit"]).exists()


def test_the_artifact_holds_the_report_and_no_rows_of_people(sample: Path, tmp_path: Path, api: Api) -> None:
    ran = Runner(sample, tmp_path / "one", api).run()
    ((whole, *left_out),) = ran.uploads
    folder = sample / whole
    kept = {p for p in folder.rglob("*") if p.is_file()}
    for pattern in left_out:
        assert pattern.startswith(f"!{whole}/")
        below = sample / pattern.removeprefix("!").removesuffix("/**")
        kept = {p for p in kept if not p.match(str(below)) and below not in p.parents}
    names = {p.name for p in kept}
    assert {"report.html", "audit.json", "junit.xml", "summary.md", "MANIFEST.json"} <= names
    assert not any(name.endswith(".parquet") for name in names)
    assert b"loan-0" in (folder / "predictions" / "original.parquet").read_bytes()
    assert [p.name for p in kept if re.search(rb"loan-\d", p.read_bytes())] == []


def test_a_policy_and_an_earlier_release_judge_in_the_audits_place(
    sample: Path, tmp_path: Path, api: Api
) -> None:
    Runner(sample, tmp_path / "old", api).run(event="push", out="released")
    assert api.calls == []
    (sample / "policy.yaml").write_text(
        "gates: [{metric: true_positive_rate, by: sex, compare: change, limit: '<= 0.05'}]"
    )
    commit(sample, 3.0, "-of-this-year")
    judged = {"policy": "policy.yaml", "baseline": "released"}
    red = Runner(sample, tmp_path / "one", api).run(**judged)
    assert (red.failed, red.outputs["verdict"]) == (True, "fail")
    assert "since the baseline" in red.annotations[0]
    assert "row by row" not in api.comments[0]["body"]
    assert "as two independent samples, unpaired" in api.comments[0]["body"]
    shutil.rmtree(sample / "fairweigh-run")
    commit(sample, 0.0)
    green = Runner(sample, tmp_path / "two", api).run(**judged, set="slices.intersections=1\nseed=3")
    assert not green.failed, green.log
    assert "row by row, paired" in api.comments[0]["body"]


def test_a_verdict_that_is_open_fails_the_check_unless_it_may_not(
    sample: Path, tmp_path: Path, api: Api
) -> None:
    (sample / "policy.yaml").write_text(
        "gates: [{metric: selection_rate, by: sex, compare: difference, limit: '<= 0.0001'}]"
    )
    strict = Runner(sample, tmp_path / "one", api).run(policy="policy.yaml")
    assert (strict.failed, strict.outputs["verdict"]) == (True, "inconclusive")
    assert [line.split(" ")[0] for line in strict.annotations] == ["::warning"]
    shutil.rmtree(sample / "fairweigh-run")
    lenient = Runner(sample, tmp_path / "two", api).run(policy="policy.yaml", allow_inconclusive="true")
    assert (lenient.failed, lenient.outputs["verdict"]) == (False, "inconclusive")


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda work: (work / "audit.yaml").write_text("audit: t\nlable: y\n"), "lable"),
        (lambda work: (work / "loans.parquet").unlink(), "loans.parquet"),
    ],
)
def test_what_cannot_be_audited_is_red_and_says_why(
    spoil: Callable[..., Any], told: str, sample: Path, tmp_path: Path, api: Api
) -> None:
    spoil(sample)
    ran = Runner(sample, tmp_path / "one", api).run()
    assert (ran.failed, ran.outputs["verdict"]) == (True, "error")
    (line,) = ran.annotations
    assert line.startswith("::error title=fairweigh::")
    assert told in line
    assert api.calls == []
    assert ran.uploads == []


def test_an_earlier_run_is_not_judged_in_place_of_this_one(sample: Path, tmp_path: Path, api: Api) -> None:
    Runner(sample, tmp_path / "one", api).run()
    commit(sample, 3.0)
    again = Runner(sample, tmp_path / "two", api).run()
    assert again.failed
    assert "fairweigh-run: exists already" in again.log


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"config": "--help"}, "config: expected a file, got '--help'"),
        ({"config": ""}, "config: expected a file, got ''"),
        ({"config": "."}, "config: expected a file, got '.'"),
        ({"config": "none\n::error::x"}, "config: expected a file, got 'none%0A::error::x'"),
        ({"policy": "--help"}, "policy: expected a file, got '--help'"),
        ({"baseline": "audit.yaml"}, "baseline: expected a run folder, got 'audit.yaml'"),
        (
            {"out": "--help"},
            "out: expected the name of a new folder, without signs of a pattern, got '--help'",
        ),
        ({"out": "a\nverdict=pass"}, "out: expected the name of a new folder"),
        ({"out": "run*"}, "out: expected the name of a new folder"),
        ({"out": "run "}, "out: expected the name of a new folder"),
        ({"out": ""}, "out: expected the name of a new folder"),
        ({"out": "dangling"}, "out: dangling: exists already"),
        ({"allow_inconclusive": "yes"}, "allow-inconclusive: expected 'true' or 'false', got 'yes'"),
        ({"set": "--help"}, "--set: expected key.path=value, got '--help'"),
        ({"python": "/bin/true"}, "no run was written: the audit ended with exit code 0"),
        ({"python": "/bin/false"}, "no run was written: the audit ended with exit code 1"),
        ({"python": "no-python"}, "no run was written: the audit ended with exit code 127"),
    ],
)
def test_what_is_asked_wrongly_is_an_error_and_never_green(
    given: dict[str, Any], told: str, sample: Path, tmp_path: Path, api: Api
) -> None:
    (sample / "dangling").symlink_to("nowhere")
    ran = Runner(sample, tmp_path / "one", api).run(**given)
    assert ran.failed
    assert (ran.outputs["verdict"], ran.outputs["junit"], ran.uploads, api.calls) == ("error", "", [], [])
    (line,) = ran.annotations
    assert line.startswith(f"::error title=fairweigh::{told}")


def test_another_use_in_the_same_job_reports_files_of_its_own(sample: Path, tmp_path: Path, api: Api) -> None:
    """The runner keeps its folder for the whole job."""
    runner = Runner(sample, tmp_path / "one", api)
    first = runner.run()
    assert first.outputs["verdict"] == "pass"
    second = runner.run(out="second", config="none.yaml")
    assert second.failed
    assert (second.outputs["verdict"], second.outputs["junit"], second.outputs["sarif"]) == ("error", "", "")
    assert (len(api.calls), second.uploads) == (1, [])
    third = runner.run(out="third")
    assert not third.failed
    assert Path(third.outputs["junit"]).parent != Path(first.outputs["junit"]).parent


GATE_DIES = """\
#!/bin/sh
case $3 in
gate)
    for word in "$@"; do case $word in --*=/*) echo half >"${word#*=}" ;; esac; done
    kill -KILL $$ ;;
esac
exec PYTHON "$@"
"""
NO_GATE = GATE_DIES.replace("    kill -KILL $$ ;;", "    exit 1 ;;").replace("echo half", ": ")


@pytest.mark.parametrize(("script", "code"), [(GATE_DIES, 137), (NO_GATE, 1)])
def test_a_gate_that_dies_gives_no_verdict(
    script: Any, code: int, sample: Path, tmp_path: Path, api: Api
) -> None:
    python = tmp_path / "python"
    python.write_text(script.replace("PYTHON", sys.executable))
    python.chmod(0o755)
    ran = Runner(sample, tmp_path / "one", api).run(python=str(python))
    assert ran.failed
    assert (ran.outputs["verdict"], ran.uploads, api.calls) == ("error", [], [])
    assert ran.annotations == [
        f"::error title=fairweigh::no verdict was written: the gate ended with exit code {code}"
    ]


def test_names_are_never_commands_and_modules_of_the_checkout_never_fairweigh(
    sample: Path, tmp_path: Path, api: Api
) -> None:
    name = "-x $(touch pwned) `touch pwned` ;touch pwned.yaml"
    (sample / "audit.yaml").rename(sample / name)
    (sample / "fairweigh").mkdir()
    for module in ("fairweigh/__init__.py", "fairweigh/__main__.py", "numpy.py", "json.py", "github.py"):
        (sample / module).write_text("open('pwned', 'w')")
    ran = Runner(sample, tmp_path / "one", api).run(
        config=name, out="a $(touch pwned) run", set=" \r\n\nseed=3\r\n"
    )
    assert not ran.failed, ran.log
    assert ran.outputs["run"] == "a $(touch pwned) run"
    assert not list(sample.glob("pwned*"))


def ends(command: str, **env: str) -> int:
    script: list[Any] = ["bash", ROOT / "ci" / "action.sh", command]
    return subprocess.run(script, env={"PATH": PATH, **env}, capture_output=True, check=False).returncode


def test_only_a_failing_verdict_ends_with_1() -> None:
    codes = ("0", "1", "2", "3", "", "137", "x", "01")
    assert [ends("verdict", CODE=code) for code in codes] == [0, 1, 2, 3, 2, 2, 2, 2]


def test_the_scripts_own_faults_do_not_end_with_1() -> None:
    assert {ends(command) for command in ("audit", "install", "verdict", "", "--help")} == {2}


def test_only_our_own_comment_is_written_anew(sample: Path, tmp_path: Path, api: Api) -> None:
    """Others' comments stay, on however many pages, even one that begins with our marker."""
    from fairweigh.reports.plain.markdown import marker

    forged = f"{marker(load(sample / 'audit.yaml')['audit'])}\n## ✓ pass"
    users = [{"login": f"u{k}", "type": "User"} for k in range(150)]
    api.comments += [{"id": k, "user": user, "body": forged} for k, user in enumerate(users)]
    Runner(sample, tmp_path / "one", api).run()
    shutil.rmtree(sample / "fairweigh-run")
    Runner(sample, tmp_path / "two", api).run()
    assert [method for method, _ in api.calls] == ["POST", "PATCH"]
    assert [c["body"] for c in api.comments[:150]] == [forged] * 150


def test_a_token_that_may_not_comment_is_a_warning(sample: Path, tmp_path: Path, api: Api) -> None:
    api.may_comment = False
    ran = Runner(sample, tmp_path / "one", api).run()
    assert not ran.failed, ran.log
    assert ran.annotations == [
        "::warning title=fairweigh::The comment could not be written: POST /repos/o/r/issues/7/comments: "
        "HTTP 403: Resource not accessible by integration"
    ]


def test_the_action_installs_itself_and_audits_with_that(
    sample: Path, tmp_path: Path, api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From a copy of the repository, as the runner has one, to a Python that has all but fairweigh."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    action = tmp_path / "action"
    for name in listed:
        if (ROOT / name).is_file() and not name.startswith("tests/"):
            (action / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, action / name)
    venv.create(tmp_path / "venv", with_pip=True, symlinks=True)
    monkeypatch.setenv("PIP_NO_DEPS", "1")
    # Packages without the file that makes this checkout importable from among them.
    monkeypatch.setitem(globals(), "PYTHONPATH", sysconfig.get_path("purelib"))
    python = str(tmp_path / "venv/bin/python")
    ran = Runner(sample, tmp_path / "one", api, action=action).run(install="true", python=python)
    assert not ran.failed, ran.log
    assert ran.outputs["verdict"] == "pass"
    (there,) = (tmp_path / "venv").glob("lib/*/site-packages/fairweigh/gate_commands.py")
    assert there.read_text() == (ROOT / "gate_commands.py").read_text()


# --- the templates -----------------------------------------------------------------------------------


def lint(*command: str) -> str:
    ended = subprocess.run(
        [BIN / command[0], *command[1:]], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout + ended.stderr


@pytest.mark.parametrize(
    ("schema", "file"),
    [
        ("github-actions", "action.yml"),
        ("github-workflows", "examples/ci/github-workflow.yml"),
        ("gitlab-ci", "ci/gitlab.yml"),
        ("gitlab-ci", "examples/ci/gitlab-ci.yml"),
    ],
)
def test_the_files_keep_to_the_schemas_of_their_servers(schema: str, file: str) -> None:
    lint("check-jsonschema", "--builtin-schema", f"vendor.{schema}", file)


def test_the_shell_and_the_workflows_are_clean() -> None:
    lint("shellcheck", "ci/action.sh")
    lint("zizmor", "--offline", "--no-progress", "action.yml", "examples/ci/github-workflow.yml")


def test_the_example_workflow_gives_the_action_what_it_takes() -> None:
    (step,) = [
        step
        for step in load(ROOT / "examples/ci/github-workflow.yml")["jobs"]["audit"]["steps"]
        if "fairweigh@" in step.get("uses", "")
    ]
    assert set(step["with"]) <= set(load(ROOT / "action.yml")["inputs"])


def test_the_pre_commit_hooks_are_valid_and_find_their_files(tmp_path: Path) -> None:
    env = {**os.environ, "PRE_COMMIT_HOME": str(tmp_path)}
    for command, file in (
        ("validate-manifest", ".pre-commit-hooks.yaml"),
        ("validate-config", "examples/ci/pre-commit-config.yaml"),
    ):
        subprocess.run([BIN / "pre-commit", command, ROOT / file], env=env, check=True)
    hooks = {hook["id"]: hook for hook in load(ROOT / ".pre-commit-hooks.yaml")}
    (used,) = load(ROOT / "examples/ci/pre-commit-config.yaml")["repos"]
    assert {hook["id"] for hook in used["hooks"]} == set(hooks)
    pattern = re.compile(hooks["fairweigh-check"]["files"])
    assert all(pattern.search(name) for name in ("audit.yaml", "a/policy.yml", "x/audit-income.yaml"))
    assert not any(pattern.search(name) for name in ("fairaudit.yaml", "policy.json", "audit/x.yaml"))


def test_the_job_of_gitlab_goes_red_and_green(sample: Path, tmp_path: Path) -> None:
    """Its script as a runner runs it: line by line, in a shell that stops at the first that fails."""
    job = load(ROOT / "ci" / "gitlab.yml")[".fairweigh"]
    own = load(ROOT / "examples/ci/gitlab-ci.yml")["fairness"]["variables"]
    assert set(own) <= set(job["variables"])

    def run(**variables: str) -> subprocess.CompletedProcess[str]:
        shutil.rmtree(sample / "fairweigh-run", ignore_errors=True)
        env = {
            "PATH": PATH,
            "PYTHONPATH": PYTHONPATH,
            **job["variables"],
            **variables,
        }
        return subprocess.run(
            ["bash", "-eo", "pipefail", "-c", "\n".join(job["script"])],
            cwd=sample, env=env, capture_output=True, text=True, check=False,
        )  # fmt: skip

    assert run().returncode == 0
    commit(sample, 3.0)
    red = run()
    assert red.returncode == 1
    junit = sample / job["artifacts"]["reports"]["junit"]
    assert junit.exists()
    (sample / "policy.yaml").write_text("gates: [{metric: accuracy, limit: '>= 0'}]")
    assert run(FAIRWEIGH_POLICY="policy.yaml").returncode == 0

    bare = tmp_path / "bare"
    bare.mkdir()
    (bare / "python").symlink_to(shutil.which("false"))
    (sample / "audit-run").mkdir()
    for wrong, told in (
        ({"FAIRWEIGH_CONFIG": "none.yaml"}, "FAIRWEIGH_CONFIG: expected a file, got 'none.yaml'"),
        ({"FAIRWEIGH_CONFIG": "--help"}, "FAIRWEIGH_CONFIG: expected a file, got '--help'"),
        ({"FAIRWEIGH_RUN": "audit-run"}, "FAIRWEIGH_RUN: expected the name of a new folder, got 'audit-run'"),
        ({"FAIRWEIGH_POLICY": "--help"}, "--help: cannot be read"),
        ({"PATH": f"{bare}:{PATH}"}, "no run was written: the audit ended with exit code 1"),
    ):
        ended = run(**wrong)
        assert ended.returncode == 2, (wrong, ended.stdout)
        assert told in ended.stderr
        assert "Traceback" not in ended.stderr
        assert not junit.exists()
    install = subprocess.run(
        ["bash", "-eo", "pipefail", "-c", "\n".join(job["before_script"])],
        env={"PATH": f"{bare}:{PATH}", **job["variables"]}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (install.returncode, install.stderr) == (2, "fairweigh: it could not be installed\n")


def test_the_hook_checks_a_strangers_files_in_one_line_each(sample: Path, tmp_path: Path) -> None:
    """As pre-commit calls it: the entry, its arguments, and the names that match."""
    (hook,) = [hook for hook in load(ROOT / ".pre-commit-hooks.yaml") if hook["id"] == "fairweigh-check"]
    folder = sample / "--help"
    folder.mkdir()
    (folder / "audit.yaml").write_text(CONFIG)
    (sample / "policy.yaml").write_bytes(b"\xff\xfe\x00")
    (sample / "audit-x.yaml").write_text("audit: [t")
    names = ["--help/audit.yaml", "audit.yaml", "policy.yaml", "audit-x.yaml"]
    assert all(re.search(hook["files"], name) for name in names)

    def run(*files: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", *hook["entry"].split(), *hook["args"], *files],
            cwd=sample, env={"PATH": PATH, "PYTHONPATH": PYTHONPATH},
            capture_output=True, text=True, check=False,
        )  # fmt: skip

    good = run(*names[:2])
    assert (good.returncode, good.stdout, good.stderr) == (0, "", "")
    bad = run(*names)
    assert (bad.returncode, bad.stdout) == (2, "")
    assert [line.split(": ")[:2] for line in bad.stderr.splitlines()] == [
        ["fairweigh", "policy.yaml"], ["fairweigh", "audit-x.yaml"],
    ]  # fmt: skip
