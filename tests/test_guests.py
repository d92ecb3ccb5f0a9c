"""Packages of others that add to fairweigh: found by entry point, recorded, and asked for by name."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fairweigh
import numpy as np
import pyarrow as pa
import pyarrow.csv as csv
import pyarrow.parquet as pq
import pytest
from fairweigh import InputError
from fairweigh.audit.again.finished import read_result
from sklearn.metrics import balanced_accuracy_score, mean_poisson_deviance

from .conftest import Ended

ROOT = Path(__file__).parent.parent
EXAMPLE = ROOT / "examples" / "guest"
NAME = "fairweigh-guest-example"
NEEDS = (
    "needs fairweigh-guest-example 1.0, which is not installed here: pip install fairweigh-guest-example==1.0"
)


# As the fixture brief_timings has it in this process.
COMMAND = """
from fairweigh.cli import main
if {audits}:
    from fairweigh.compression import cost
    cost.LEAST_ROUNDS, cost.FEWEST_ROUNDS, cost.MOST_REPEATS, cost.WARM_UP = 4, 3, 1, 1
    cost.SECONDS /= 100
main()
"""


def with_guests(*command: str, cwd: Path, sites: tuple[Path, ...]) -> Ended:
    """The command line in a process that finds the packages of some folders."""
    path = os.pathsep.join([*map(str, sites), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, "-c", COMMAND.format(audits=command[0] == "audit"), *command],
        cwd=cwd, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    return Ended(done.returncode, done.stdout, done.stderr)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the example, installed by pip from a copy of its sources."""
    folder = tmp_path_factory.mktemp("guest")
    shutil.copytree(EXAMPLE, folder / "source", ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    subprocess.run(
        [
            sys.executable, "-m", "pip", "install", "-q", "--no-index", "--no-deps", "--no-build-isolation",
            "--disable-pip-version-check", "--target", folder / "site", folder / "source",
        ],
        check=True,
    )  # fmt: skip
    return folder / "site"


def package(folder: Path, name: str, code: str, version: str = "1.0") -> Path:
    """A folder with a guest of one module, as pip leaves it."""
    module = name.replace("-", "_")
    about = folder / f"{module}-{version}.dist-info"
    about.mkdir(parents=True)
    (folder / f"{module}.py").write_text(code)
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    (about / "entry_points.txt").write_text(f"[fairweigh]\nit = {module}\n")
    return folder


Run = tuple[Path, dict[str, Any]]


def audited(folder: Path, file: str, site: Path) -> Run:
    ended = with_guests("audit", file, "-o", "run", "-q", cwd=folder, sites=(site,))
    assert ended.code in (0, 1, 3), ended
    assert ended.err == ""
    return folder / "run", json.loads((folder / "run" / "audit.json").read_text())


@pytest.fixture(scope="module")
def lending(site: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """An audit with the metric, the disparity, the recipe and the section."""
    folder = tmp_path_factory.mktemp("lending")
    shutil.copy(EXAMPLE / "audit.yaml", folder)
    return audited(folder, "audit.yaml", site)


@pytest.fixture(scope="module")
def claims(site: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """An audit of the task."""
    folder = tmp_path_factory.mktemp("claims")
    r = np.random.default_rng(0)
    mean = np.exp(r.normal(size=400) / 2)
    table = {"region": r.choice(["north", "south"], 400), "claims": r.poisson(mean), "expected": mean}
    csv.write_csv(pa.table(table), folder / "claims.csv")
    shutil.copy(EXAMPLE / "counts.yaml", folder)
    return audited(folder, "counts.yaml", site)


def slices(table: pa.Table, feature: str) -> dict[str, pa.Table]:
    frame = table.to_pandas()
    return {str(value): part for value, part in frame.groupby(feature, observed=True)}


def youden(label: Any, decision: Any) -> float:
    """Youden's index as scikit-learn has it: the balanced accuracy, with 0 for chance."""
    return float(balanced_accuracy_score(label, decision, adjusted=True))


def figures(variant: dict[str, Any], feature: str, metric: str) -> dict[str, float]:
    return {
        one["slice"][feature]: one["metrics"][metric]["value"]
        for one in variant["slices"]
        if list(one["slice"]) == [feature]
    }


# ---- what a guest adds works as what is there ---------------------------------------------------------


def test_metric_of_a_guest_is_that_of_scikit_learn_in_every_slice_and_variant(lending: Run) -> None:
    run, result = lending
    assert len(result["variants"]) == 2
    for variant in result["variants"]:
        table = pq.read_table(run / "predictions" / f"{variant['name']}.parquet")
        for feature in ("sex", "ethnicity"):
            expected = {k: youden(p.y_true, p.y_pred) for k, p in slices(table, feature).items()}
            assert figures(variant, feature, "youden_index") == pytest.approx(expected, abs=1e-12)
        whole = variant["overall"]["youden_index"]
        assert whole["value"] == pytest.approx(youden(table["y_true"], table["y_pred"]))
        assert whole["low"] < whole["value"] < whole["high"]


def test_disparity_and_gates_of_a_guest_are_judged_and_told(lending: Run) -> None:
    run, result = lending
    values = figures(result["variants"][0], "ethnicity", "youden_index").values()
    told = result["variants"][0]["disparities"]
    gap = next(d for d in told if d["name"] == "youden_gap_difference" and d["by"] == ["ethnicity"])
    assert gap["value"] == pytest.approx(max(values) - min(values))
    assert {gate["metric"] for gate in result["gates"]} == {"youden_index", "youden_gap_difference"}
    assert all(gate["verdict"] != "error" for gate in result["gates"])
    assert result["definitions"]["youden_index"]["source"].startswith("W. J. Youden 1950")
    changes = result["comparisons"][0]["changes"]
    change = next(c for c in changes if c["metric"] == "youden_index" and not c["slice"])
    both = [variant["overall"]["youden_index"]["value"] for variant in result["variants"]]
    assert change["value"] == pytest.approx(both[1] - both[0])
    assert "Youden&#39;s index" in (run / "report.html").read_text()


def test_recipe_of_a_guest_makes_an_artefact_with_what_it_promises(lending: Run) -> None:
    import skops.io

    run, result = lending
    variant = result["variants"][1]
    assert variant["recipe"]["steps"][0]["recipe"] == "round-coefficients"
    path = run / variant["recipe"]["artefact"]
    file = path / "model.skops"
    model = skops.io.load(file, trusted=skops.io.get_untrusted_types(file=file))
    last = model.steps[-1][1]
    assert (last.coef_ == np.round(last.coef_, 1)).all()
    assert json.loads((path / "variant.json").read_text())["guests"] == {"fairweigh-guest-example": "1.0"}


def test_section_of_a_guest_stands_in_the_report(lending: Run) -> None:
    run, result = lending
    page = (run / "annex.html").read_text()
    section = page[page.index('<h2 id="guest-extremes">') :]
    section = section[: section.index("</section>")]
    told = next(v for v in result["variants"] if v["name"] == result["front"]["verdict_of"])
    values = figures(told, "sex", "accuracy").values()
    for value in values:
        assert f"<bdi>{value:.3f}</bdi>" in section
    assert '<a href="#guest-extremes">' in page


def test_task_of_a_guest_gives_the_deviance_of_scikit_learn(claims: Run) -> None:
    run, result = claims
    assert result["task"] == "counts"
    (variant,) = result["variants"]
    table = pq.read_table(run / "predictions" / "original.parquet")
    expected = {k: mean_poisson_deviance(p.y_true, p.y_pred) for k, p in slices(table, "region").items()}
    assert figures(variant, "region", "mean_poisson_deviance") == pytest.approx(expected)
    assert result["gates"][0]["verdict"] in ("pass", "fail", "inconclusive")
    (section,) = [g for g in result["guests"][0]["adds"] if g.startswith("section")]
    assert section == "section extremes"


def test_task_of_a_guest_refuses_what_it_cannot_measure_in_one_line(site: Path, tmp_path: Path) -> None:
    table = {"region": ["a", "b"], "claims": [1, 2], "expected": [0.0, 2.0]}
    csv.write_csv(pa.table(table), tmp_path / "claims.csv")
    shutil.copy(EXAMPLE / "counts.yaml", tmp_path)
    ended = with_guests("audit", "counts.yaml", "-q", cwd=tmp_path, sites=(site,))
    assert ended.code == 2
    (line,) = ended.lines
    assert "expected predicted counts above 0 (task: counts), got 0" in line


def test_policy_asks_a_guests_metric_of_each_class_of_a_run_that_does_not_know_it(
    site: Path, tmp_path: Path
) -> None:
    r = np.random.default_rng(0)
    label = r.choice(["x", "y", "z"], 300)
    said = np.where(r.random(300) < 0.7, label, r.choice(["x", "y", "z"], 300))
    table = pa.table({"id": np.arange(300), "sex": r.choice(["F", "M"], 300), "t": label, "d": said})
    config = {"data": {"path": "d", "label": "t", "sensitive": ["sex"], "id": "id"}, "task": "multiclass"}
    more = {"audit": "classes", "model": {"decision": "d"}, "report": {"charts": False}}
    fairweigh.run({**config, **more}, tmp_path / "run", data=table)
    gate = {"metric": "youden_index", "class": "x"}
    gates = [{**gate, "limit": ">= 0.4"}, {**gate, "compare": "change", "limit": ">= -0.5"}]
    (tmp_path / "p.yaml").write_text(json.dumps({"gates": gates}))
    ended = with_guests(
        "gate", "run", "--policy", "p.yaml", "--baseline", "run", cwd=tmp_path, sites=(site,)
    )  # fmt: skip
    assert ended.code == 0, ended
    index = youden(label == "x", said == "x")
    assert f"measured {index:.3f}" in ended.out


@pytest.fixture(scope="module")
def ruled(site: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """An audit under the regime."""
    folder = tmp_path_factory.mktemp("ruled")
    shutil.copy(EXAMPLE / "regime.yaml", folder)
    return audited(folder, "regime.yaml", site)


def test_regime_of_a_guest_is_a_page_with_figures_that_are_verified(ruled: Run, site: Path) -> None:
    run, result = ruled
    assert result["guests"] == [{"name": NAME, "version": "1.0", "adds": ["regime house-rule"]}]
    found = json.loads((run / "regimes" / "house-rule.json").read_text())
    assert found["guests"] == {NAME: "1.0"}
    table = pq.read_table(run / "predictions" / "original.parquet")
    expected = {
        (feature, value, len(part), int(part.y_pred.sum()))
        for feature in ("sex", "ethnicity")
        for value, part in slices(table, feature).items()
    }
    groups = found["figures"]["groups"]
    assert {(g["feature"], g["value"], g["n"], g["selected"]) for g in groups} == expected
    page = (run / "regimes" / "house-rule.html").read_text()
    assert "No group is selected less often" in page
    assert (
        page.count('<span class="mark">below</span>')
        == sum(g["selected"] < 0.75 * g["n"] for g in groups)
        > 0
    )
    assert 'href="regimes/house-rule.html"' in (run / "report.html").read_text()
    ended = with_guests("verify", "run", cwd=run.parent, sites=(site,))
    assert ended.code == 0, ended
    assert "every page from the figures" in ended.out
    assert "  least, required: " in with_guests("regimes", cwd=run.parent, sites=(site,)).out


def test_regime_of_a_guest_is_asked_of_a_finished_run_which_then_names_it(
    site: Path, here: Path, make_config: Callable[..., Any], make_people: Callable[..., pa.Table],
    cli: Callable[..., Ended],
) -> None:  # fmt: skip
    fairweigh.run(make_config(), "run", data=make_people())
    asked = ("report", "run", "--regime", "house-rule")
    ended = with_guests(*asked, "--input", "least=0.9", cwd=here, sites=(site,))
    assert ended.code == 0, ended
    assert ended.out.splitlines()[-1] == "house-rule: run/regimes/house-rule.html"
    assert with_guests("verify", "run", cwd=here, sites=(site,)).code == 0
    ended = with_guests(*asked, cwd=here, sites=(site,))
    assert ended.code == 2
    (line,) = ended.lines
    assert "house-rule: the required input is missing: least (Selection rate that every group" in line
    for command in ("report", "verify"):
        ended = cli(command, "run")
        assert (ended.code, ended.lines) == (2, [f"fairweigh: run: {NEEDS}"])


BROKEN_REGIMES = """
from fairweigh.extend import Regime, RegimeInputs, add_regime

def add(name, pages):
    add_regime(Regime(name, "t", "s", RegimeInputs, "t", pages))

add("failing", lambda regime, result: 1 / 0)
add("elsewhere", lambda regime, result: {"report.html": "x"})
add("figures", lambda regime, result: {"regimes/figures.json": "x"})
"""


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("failing", "division by zero"),
        ("elsewhere", "expected pages regimes/elsewhere.html or regimes/elsewhere/..., got report.html"),
        ("figures", "expected pages regimes/figures.html or regimes/figures/..., got regimes/figures.json"),
    ],
)
def test_regime_that_fails_is_one_line_and_writes_nothing(
    name: str, told: str, here: Path, tmp_path: Path, make_config: Callable[..., Any],
    make_people: Callable[..., pa.Table],
) -> None:  # fmt: skip
    site = package(tmp_path / "site", "broken-regimes", BROKEN_REGIMES)
    fairweigh.run(make_config(), "run", data=make_people())
    ended = with_guests("report", "run", "--regime", name, cwd=here, sites=(site,))
    assert ended.code == 2
    assert ended.lines == [f"fairweigh: guest broken-regimes 1.0: the regime {name!r}: {told}"]
    assert not Path("run", "regimes").exists()


# ---- what a run says of its guests --------------------------------------------------------------------


def test_run_records_its_guests_and_is_verified_where_they_are(lending: Run, site: Path) -> None:
    run, result = lending
    adds = ["youden_gap_difference", "youden_index"]
    adds = [*(f"metric {name}" for name in adds), "recipe round-coefficients", "section extremes"]
    assert result["guests"] == [{"name": NAME, "version": "1.0", "adds": adds}]
    assert json.loads((run / "MANIFEST.json").read_text())["guests"] == {NAME: "1.0"}
    assert "fairweigh-guest-example" in (run / "annex.html").read_text().replace("<wbr>", "")
    ended = with_guests("verify", "run", cwd=run.parent, sites=(site,))
    assert ended.code == 0, ended
    assert "every page from the figures" in ended.out


@pytest.mark.parametrize("command", ["verify", "gate", "report", "compare"])
def test_run_without_its_guest_says_in_one_line_how_to_install_it(
    command: str, lending: Run, claims: Run, cli: Callable[..., Ended]
) -> None:
    for run in (lending[0], claims[0]):
        ended = cli(command, *[str(run)] * (2 if command == "compare" else 1))
        assert ended.code == 2
        assert ended.lines == [f"fairweigh: {run}: {NEEDS}"]
        assert not ended.out


def test_artefact_without_its_guest_says_how_to_install_it(lending: Run) -> None:
    run, result = lending
    with pytest.raises(InputError, match=re.escape(NEEDS)):
        fairweigh.load_variant(run / result["variants"][1]["recipe"]["artefact"])


def test_result_is_read_without_the_guest(lending: Run) -> None:
    result = fairweigh.load_result(lending[0])
    assert result.guest_versions == {"fairweigh-guest-example": "1.0"}


def test_run_that_names_nothing_of_a_guest_is_the_same_with_it(
    site: Path, here: Path, make_config: Callable[..., Any], write: Callable[..., None],
    make_people: Callable[..., pa.Table], cli: Callable[..., Ended],
) -> None:  # fmt: skip
    write(make_people(), make_config())
    with_guests("audit", "a.yaml", "-o", "with", "-q", cwd=here, sites=(site,))
    cli("audit", "a.yaml", "-o", "without", "-q")
    texts = [json.loads(Path(run, "audit.json").read_text()) for run in ("with", "without")]
    for text in texts:
        del text["created"], text["environment"]
    assert texts[0] == texts[1]
    assert "guests" not in json.loads(Path("with", "MANIFEST.json").read_text())


def test_guest_of_another_version_gives_the_figures_and_leaves_the_pages_unproven(
    lending: Run, site: Path, tmp_path: Path
) -> None:
    other = tmp_path / "site"
    shutil.copytree(site, other)
    about = other / "fairweigh_guest_example-1.0.dist-info"
    metadata = (about / "METADATA").read_text().replace("Version: 1.0", "Version: 1.1")
    (about / "METADATA").write_text(metadata)
    about.rename(other / "fairweigh_guest_example-1.1.dist-info")
    ended = with_guests("verify", str(lending[0]), cwd=tmp_path, sites=(other,))
    assert ended.code == 0, ended
    assert "written with fairweigh-guest-example 1.0, and this is 1.1" in ended.out


@pytest.mark.parametrize("name", ["x; curl evil", "--index-url=http://evil x", "x\ny", ""])
def test_what_is_no_name_of_a_package_is_told_to_nobody(name: str, lending: Run, tmp_path: Path) -> None:
    run, result = lending
    result = {**result, "guests": [{**result["guests"][0], "name": name}]}
    (tmp_path / "audit.json").write_text(json.dumps(result))
    with pytest.raises(InputError, match=r"not a result of schema 1\.0: guests\.0\.name"):
        read_result(tmp_path)
    assert run


# ---- guests that break --------------------------------------------------------------------------------


def check(tmp_path: Path, *sites: Path, file: Path = EXAMPLE / "audit.yaml") -> Ended:
    return with_guests("check", str(file), cwd=tmp_path, sites=sites)


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("import nowhere_to_be_found", "ModuleNotFoundError: No module named 'nowhere_to_be_found'"),
        ("raise SystemExit(1)", "SystemExit: 1"),
        ("1 / 0", "ZeroDivisionError: division by zero"),
    ],
)
def test_guest_that_breaks_on_import_is_one_line(code: str, told: str, tmp_path: Path) -> None:
    site = package(tmp_path / "site", "broken-guest", code)
    ended = check(tmp_path, site)
    assert ended.code == 2
    line = f"fairweigh: guest broken-guest 1.0: {told} (mend it, or: pip uninstall broken-guest)"
    assert ended.lines == [line]
    assert with_guests("--help", cwd=tmp_path, sites=(site,)).code == 0


SAME = """
from fairweigh.extend import *
add_metric(Metric({name!r}, "t", "f", "m", Share(lambda c: c.tp, lambda c: c.n)))
"""


def test_two_guests_of_one_name_are_one_line(site: Path, tmp_path: Path) -> None:
    other = package(tmp_path / "site", "later-guest", SAME.format(name="youden_index"))
    ended = check(tmp_path, site, other)
    assert ended.code == 2
    (line,) = ended.lines
    assert "guest later-guest 1.0: the metric 'youden_index' is there already" in line
    assert "from guest fairweigh-guest-example 1.0; expected another name" in line


RECIPE = "from fairweigh.extend import add_recipe\nadd_recipe('prune', family='sklearn')(lambda *_: None)"
TASK = (
    "from fairweigh.extend import *\nimport dataclasses\nadd_task(dataclasses.replace(REGRESSION, like='x'))"
)
REGIME = (
    "from fairweigh.extend import *\nadd_regime(Regime('credit', 't', 's', RegimeInputs, 't', lambda *_: {}))"
)
UNTYPED = REGIME.replace("credit", "own").replace("lambda *_: {}", "lambda *_: {}, figures=lambda *_: None")
LIKE = TASK.replace("like='x'", "name='other', like='x'")


@pytest.mark.parametrize(
    ("code", "told"),
    [
        (SAME.format(name="accuracy"), "the metric 'accuracy' is there already, from fairweigh itself"),
        (SAME.format(name="Youden!"), "metric: expected a name of small letters, digits and '_'"),
        (RECIPE, "the recipe 'prune' is there already, from fairweigh itself"),
        (RECIPE.replace("prune", "reweighing"), "the recipe 'reweighing' is there already, from fairweigh"),
        (REGIME, "the regime 'credit' is there already, from fairweigh itself"),
        (UNTYPED, "the regime 'own': expected figures and figures_type, or neither"),
        (TASK.replace("like='x'", "name='regression'"), "the task 'regression' is there already"),
        (LIKE, "the task 'other': like: expected one of binary, multiclass"),
    ],
)
def test_guest_that_takes_a_name_of_ours_or_none_is_one_line(code: str, told: str, tmp_path: Path) -> None:
    ended = check(tmp_path, package(tmp_path / "site", "bold-guest", code))
    assert ended.code == 2
    (line,) = ended.lines
    assert f"guest bold-guest 1.0: {told}" in line


def test_module_that_is_no_guests_adds_nothing() -> None:
    from fairweigh.extend import Metric, Share, add_metric
    from fairweigh.tasks import METRICS

    share = Share(lambda c: c.tp, lambda c: c.n)
    with pytest.raises(InputError, match="is no guest's; expected a package with an entry point"):
        add_metric(Metric("of_nobody", "t", "f", "m", share))
    assert "of_nobody" not in METRICS


HOSTILE = """
from fairweigh.extend import GuestSection, GuestTable, add_section

@add_section("markup")
def markup(result, variant):
    table = GuestTable("<b>c</b>", ["<i>", "n"], [["<script>alert(1)</script>", 1234], ["x", None]])
    return GuestSection("<h1>heading</h1>", ["<img src=x onerror=alert(1)>", table])

@add_section("failing")
def failing(result, variant):
    return GuestSection("never seen", ["x", GuestTable("c", ["a", "b"], [["1"]])])
"""


def test_section_is_text_and_one_that_fails_says_so_in_its_place(
    here: Path, tmp_path: Path, make_config: Callable[..., Any], write: Callable[..., None],
    make_people: Callable[..., pa.Table],
) -> None:  # fmt: skip
    site = package(tmp_path / "site", "hostile-guest", HOSTILE)
    write(make_people(), make_config(report={"charts": False, "sections": ["markup", "failing"]}))
    ended = with_guests("audit", "a.yaml", "-o", "run", "-q", cwd=here, sites=(site,))
    assert ended.code == 0, ended
    # A line may break in a long text.
    page = Path("run", "annex.html").read_text().replace("<wbr>", "")
    section = page[page.index('<h2 id="guest-markup">') : page.index('<h2 id="data">')]
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in section
    assert "&lt;img src=x onerror=alert(1)&gt;" in section
    assert not re.search(r"<(script|img|h1|b|i)\b", section)
    assert "<bdi>1,234</bdi>" in section
    assert "<bdi>—</bdi>" in section
    assert "This section could not be written: ValueError: c: expected 2 cells in a row, got 1" in section
    assert with_guests("verify", "run", cwd=here, sites=(site,)).code == 0


def test_section_that_nobody_adds_is_refused(make_config: Callable[..., Any]) -> None:
    from fairweigh.audit.config import read

    with pytest.raises(InputError, match=r"report\.sections: 'extremes': no guest here adds sections"):
        read(make_config(report={"sections": ["extremes"]}))


# ---- what is written about guests ---------------------------------------------------------------------


def test_example_configurations_are_valid_with_the_example(site: Path, tmp_path: Path) -> None:
    for file in sorted(EXAMPLE.glob("*.yaml")):
        assert check(tmp_path, site, file=file).code == 0


@pytest.mark.parametrize("language", ["py", "toml", "yml"])
def test_documentation_quotes_the_example_as_it_is(language: str) -> None:
    text = (ROOT / "docs" / "guests.md").read_text(encoding="utf-8")
    quoted = re.findall(rf"^```{language}\n(.*?)^```", text, re.M | re.S)
    files = [
        p.read_text(encoding="utf-8") for p in EXAMPLE.rglob("*") if p.suffix in (".py", ".toml", ".yaml")
    ]
    assert quoted
    for part in quoted:
        assert any(part in file for file in files), part
