"""Fairness as a test: real pytest sessions over real audits, with the plugin as pytest loads it."""

from __future__ import annotations

import configparser
import math
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from fairweigh.datasets.errors import InputError
from fairweigh.testing import assert_gate
from statsmodels.stats.proportion import proportion_confint

from .melded import melded
from .test_house import HEAVY, ROOT, modules_after

pytest_plugins = ["pytester"]

# As a plugin of its own name, whether or not this tree's entry point is installed.
PLUGIN = ("-p", "no:fairweigh", "-p", "fairweigh.pytest_plugin", "-p", "no:cacheprovider", "-W", "error")

# (sex, label, decision, rows): of 100 positive women 60 are selected, of 100 positive men 90.
CELLS = [
    ("Female", 1, 1, 60), ("Female", 1, 0, 40), ("Female", 0, 1, 10), ("Female", 0, 0, 90),
    ("Male", 1, 1, 90), ("Male", 1, 0, 10), ("Male", 0, 1, 10), ("Male", 0, 0, 90),
]  # fmt: skip

CONFIG = """\
audit: hiring
data: {path: people.csv, label: y, sensitive: [sex, team]}
model: {function: "model:decide", features: [d]}
metrics: [true_positive_rate, accuracy]
report: {charts: false}
"""

MODEL = """\
import time
from pathlib import Path


def decide(rows):
    with Path("calls.txt").open("a") as file:
        file.write("called\\n")
    time.sleep(1)  # long enough for two workers to meet
    return rows["d"].to_numpy()
"""

GATE: dict[str, Any] = {"metric": "true_positive_rate", "by": "sex", "compare": "difference"}


def people() -> pd.DataFrame:
    rows = [(sex, y, d) for sex, y, d, n in CELLS for _ in range(n)]
    frame = pd.DataFrame(rows, columns=["sex", "y", "d"])
    return frame.assign(team=["a", "b"] * 200)


@pytest.fixture
def project(pytester: pytest.Pytester) -> pytest.Pytester:
    """A folder with data, a model and an audit.yaml, as a user has them."""
    people().to_csv("people.csv", index=False)
    Path("audit.yaml").write_text(CONFIG, encoding="utf-8")
    Path("model.py").write_text(MODEL, encoding="utf-8")
    return pytester


def test_failures_show_slices_figures_and_intervals_and_none_of_our_lines(project: pytest.Pytester) -> None:
    project.makepyfile(
        """
        GATE = {"metric": "true_positive_rate", "by": "sex", "compare": "difference"}


        def test_passes(fairness):
            result = fairness.audit("audit.yaml")
            fairness.assert_gate(result, **GATE, limit="<= 0.5")


        def test_fails(fairness):
            fairness.assert_gate(fairness.audit("audit.yaml"), **GATE, limit="<= 0.1")


        def test_is_open(fairness):
            fairness.assert_gate(fairness.audit("audit.yaml"), **GATE, limit="<= 0.25")


        def test_may_be_open(fairness):
            result = fairness.audit("audit.yaml")
            fairness.assert_gate(result, **GATE, limit="<= 0.25", allow_inconclusive=True)


        def test_is_an_error(fairness):
            gate = {**GATE, "by": "age", "limit": "<= 0.25"}
            fairness.assert_gate(fairness.audit("audit.yaml"), **gate, allow_inconclusive=True)


        def test_is_no_gate(fairness):
            fairness.assert_gate(fairness.audit("audit.yaml"), metric="tpr", limit="<= 0.1")


        def test_is_no_audit(fairness):
            fairness.audit("none.yaml")
        """
    )
    done = project.runpytest_subprocess(*PLUGIN)
    done.assert_outcomes(passed=2, failed=5)
    # One audit for all of them.
    assert Path("calls.txt").read_text(encoding="utf-8") == "called\n"
    text = done.stdout.str().replace("\u00a0", " ")
    low, high = melded((90, 100), (60, 100))
    limits = f"at least {math.floor(low * 1000) / 10} points, at most {math.ceil(high * 1000) / 10}"
    assert "AssertionError: ✕ fail: True positive rate by sex: absolute difference ≤ 10 points" in text
    assert f"✕ fail  sex=Male against sex=Female: +30.0 points; {limits}" in text
    for sex, selected in (("Female", 60), ("Male", 90)):
        low, high = proportion_confint(selected, 100, method="beta")
        assert f"sex={sex}: {selected:.1f} % ({low * 100:.1f} to {high * 100:.1f}), n = 100" in text
    assert (
        "AssertionError: ? inconclusive: True positive rate by sex: absolute difference ≤ 25 points" in text
    )
    assert f"+30.0 points; {limits}; rows needed: about " in text
    assert "AssertionError: ! error: True positive rate by age" in text
    assert "InputError: policy: gates[0]: metric: 'tpr' is no known metric" in text
    assert "InputError: none.yaml: cannot be read" in text
    # The traceback is the test's own line.
    for inside in ("testing.py", "api.py", "result.py", "gating.py", "config.py"):
        assert inside not in text


def test_two_workers_run_an_audit_once_and_its_folder_is_whole(project: pytest.Pytester) -> None:
    pytest.importorskip("xdist")
    project.makepyfile(
        """
        def test_one(fairness):
            result = fairness.audit("audit.yaml")
            assert result.variants[0].overall["accuracy"].value == 0.825
            assert (result.folder / "MANIFEST.json").is_file()


        def test_in_memory(fairness, worker_id):
            import pandas
            roles = {"label": "y", "sensitive": ["sex"]}
            result = fairness.audit(
                {"audit": "hiring", "data": roles, "report": {"charts": False}},
                data=pandas.read_csv("people.csv"), model=lambda rows: rows["d"] == 1,
            )
            assert worker_id in str(result.folder)
        """
    )
    # Each worker runs each test, at the same time.
    done = project.runpytest_subprocess(*PLUGIN, "-n", "2", "--dist", "each", "--fairness-out", "out")
    done.assert_outcomes(passed=4)
    assert Path("calls.txt").read_text(encoding="utf-8") == "called\n"
    made = sorted(p.name for p in Path("out").iterdir())
    assert made == ["hiring", "hiring-2", "hiring-3"]
    assert all((Path("out") / name / "report.html").is_file() for name in made)


def test_changed_data_or_another_folder_is_another_audit(project: pytest.Pytester) -> None:
    project.makepyfile(
        """
        import fairweigh
        from pathlib import Path


        def accuracy(result):
            return result.variants[0].overall["accuracy"].value


        def test_same(fairness):
            assert fairness.audit("audit.yaml") is fairness.audit("audit.yaml")
            assert fairness.audit("audit.yaml", overrides=["seed=1"]) is not fairness.audit("audit.yaml")


        def test_changed(fairness, tmp_path, monkeypatch):
            before = accuracy(fairness.audit("audit.yaml"))
            text = Path("people.csv").read_text()
            Path("people.csv").write_text(text + "Female,1,0,a\\n" * 100)
            assert accuracy(fairness.audit("audit.yaml")) < before
            config = Path("audit.yaml").read_text()
            monkeypatch.chdir(tmp_path)
            Path("people.csv").write_text(text)
            Path("audit.yaml").write_text(config)
            assert accuracy(fairness.audit("audit.yaml")) == before


        def test_audit_object(fairness):
            import pandas
            people = pandas.read_csv("people.csv")
            audit = fairweigh.Audit("t", people, decision="d", label="y", sensitive=["sex"])
            assert fairness.audit(audit) is fairness.audit(audit)
        """
    )
    project.makeini("[pytest]\nfairness_out = reports/fairness\n")
    done = project.runpytest_subprocess(*PLUGIN, "--strict-config", "--strict-markers")
    done.assert_outcomes(passed=3)
    assert (Path("reports") / "fairness" / "hiring" / "audit.json").is_file()
    # Another session writes its runs in their place.
    project.runpytest_subprocess(*PLUGIN, "-k", "same").assert_outcomes(passed=1, deselected=2)


def test_folder_that_is_no_run_is_left_alone(project: pytest.Pytester) -> None:
    project.makepyfile("def test_one(fairness):\n    fairness.audit('audit.yaml')\n")
    kept = Path("out") / "hiring" / "thesis.txt"
    kept.parent.mkdir(parents=True)
    kept.touch()
    done = project.runpytest_subprocess(*PLUGIN, "--fairness-out", "out")
    done.assert_outcomes(failed=1)
    done.stdout.fnmatch_lines(
        ["*InputError: *hiring: expected a run folder or nothing there, got something*"]
    )
    assert kept.is_file()


def test_session_that_does_not_use_it_is_left_alone(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import sys


        def test_nothing_was_imported():
            assert "fairweigh.pytest_plugin" in sys.modules
            assert not {"numpy", "pandas", "pyarrow", "pydantic", "fairweigh.testing"} & set(sys.modules)
        """
    )
    done = pytester.runpytest_subprocess(*PLUGIN, "--strict-config", "--strict-markers")
    done.assert_outcomes(passed=1)
    helped = pytester.runpytest_subprocess(*PLUGIN, "--help").stdout.str()
    assert "--fairness-out=DIR" in helped
    assert "fairness_out (string)" in helped


def test_plugin_is_light_and_the_assertion_needs_no_pytest(tmp_path: Path) -> None:
    assert not HEAVY & modules_after("import fairweigh.pytest_plugin", tmp_path)
    assert "pytest" not in modules_after("import fairweigh.testing; fairweigh.testing.assert_gate", tmp_path)
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    assert "fairweigh = fairweigh.pytest_plugin" in setup["options.entry_points"]["pytest11"]
    assert "pytest" not in setup["options"]["install_requires"]


# --- the assertion by itself ------------------------------------------------------------------------------


def test_predictions_are_judged_without_a_run(here: Path) -> None:
    assert_gate(people(), label="y", decision="d", **GATE, limit="<= 0.5")
    with pytest.raises(AssertionError, match="n = 100") as raised:
        assert_gate(people(), label="y", decision="d", **GATE, limit="<= 0.1")
    assert "audit predictions, 400 rows in memory" in str(raised.value)
    with pytest.raises(AssertionError, match="inconclusive"):
        assert_gate(people(), label="y", decision="d", **GATE, limit="<= 0.25")
    assert_gate(people(), label="y", decision="d", **GATE, limit="<= 0.25", allow_inconclusive=True)
    assert list(here.iterdir()) == []


def test_named_disparity_and_crossed_features_are_judged_too(here: Path) -> None:
    # 30 points of 100 positive rows and none of the negative ones: 15 of all rows.
    gate: dict[str, Any] = {"metric": "demographic_parity_difference", "decide": "point"}
    assert_gate(people(), decision="d", by="sex", **gate, limit="<= 0.151")
    with pytest.raises(AssertionError, match=r"15(\.0)?\spoints"):
        assert_gate(people(), decision="d", by="sex", **gate, limit="<= 0.149")
    assert_gate(people(), decision="d", by=["sex", "team"], **gate, limit="<= 0.5")
    gate = {"metric": "selection_rate", "by": "sex", "slice": {"sex": "Male"}, "limit": "<= 0.4"}
    with pytest.raises(AssertionError, match=r"sex=Male: 50\.0"):
        assert_gate(people(), decision="d", **gate, compare="value")


def test_group_without_positives_is_an_error_and_never_passes(here: Path) -> None:
    frame = people()
    frame.loc[frame["sex"] == "Male", "y"] = 0
    with pytest.raises(AssertionError, match=r"^! error: True positive rate by sex"):
        assert_gate(frame, label="y", decision="d", **GATE, limit="<= 0.5", allow_inconclusive=True)


def test_slices_named_like_control_characters_are_shown(here: Path) -> None:
    frame = people().assign(sex=lambda rows: rows["sex"] + "\n\x1b[31m")
    with pytest.raises(AssertionError) as raised:
        assert_gate(frame, label="y", decision="d", **GATE, limit="<= 0.1")
    assert "\x1b" not in str(raised.value)
    assert "Female␊␛[31m" in str(raised.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"by": None}, "predictions need by or slice"),
        ({"by": "age"}, "no column 'age'"),
        ({"decision": "e"}, "no column 'e'"),
        ({"metric": "tpr"}, "'tpr' is no known metric"),
        ({"limit": None}, "limit"),
        ({"limt": "<= 0.1"}, "'limt' is no known key; did you mean 'limit'"),
        ({"decision": None}, "true_positive_rate needs a decision"),
        ({"roles": {"lable": "y"}}, "'lable' is no known key"),
        ({"subject": [1]}, "expected a pandas, polars or pyarrow table, got list"),
        ({"subject": "nowhere"}, "nowhere/audit.json: cannot be read"),
    ],
)
def test_bad_input_is_one_line(here: Path, change: dict[str, Any], message: str) -> None:
    given = {"subject": people(), "label": "y", "decision": "d", **GATE, "limit": "<= 0.1", **change}
    with pytest.raises(InputError, match=message) as raised:
        assert_gate(given.pop("subject"), **{k: v for k, v in given.items() if v is not None})
    assert "\n" not in str(raised.value)
    assert list(here.iterdir()) == []
