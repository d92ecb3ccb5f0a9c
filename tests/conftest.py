"""What the tests of the whole path share: small tables, configurations, and the command line in process."""

from __future__ import annotations

import copy
import json
import os
import signal
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import settings

from .pages import CHROMIUM
from .smollm import smollm_folder, smollm_gguf, smollm_int4

__all__ = ["smollm_folder", "smollm_gguf", "smollm_int4"]

if TYPE_CHECKING:
    from playwright.sync_api._generated import Browser

# Several tests run at once: one thread each, for them and for the processes that they start.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# torch compiles in this process, and starts none that first import it.
os.environ.setdefault("TORCHINDUCTOR_COMPILE_THREADS", "1")
# No test reaches for the model hub, and none waits for it.
os.environ.setdefault("HF_HUB_OFFLINE", "1")

# A merge check gives the same answer twice; at the desk every run looks at new examples. No test is timed.
settings.register_profile("merge-check", derandomize=True, deadline=None)
settings.register_profile("desk", deadline=None)
settings.load_profile("merge-check" if os.environ.get("CI") else "desk")


@pytest.fixture(autouse=True, scope="session")
def brief_timings() -> Iterator[None]:
    """Few rounds where no test reads how long something took; in this process only."""
    from fairweigh.compression import cost

    few = {"LEAST_ROUNDS": 4, "FEWEST_ROUNDS": 3, "MOST_REPEATS": 1, "WARM_UP": 1}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {**few, "SECONDS": cost.SECONDS / 100}.items():
            patch.setattr(cost, name, value)
        yield


@pytest.fixture(autouse=True, scope="session")
def kept_processes() -> Iterator[None]:
    """Audits share the process that imports a family's libraries, which takes seconds.

    It forks a clean child for every artefact, as ever. tests/compression/test_fresh.py has its own.
    """
    from fairweigh.compression import fresh

    unpatched: Any = fresh.FreshProcesses
    kept: dict[tuple[str, str, str], fresh.FreshProcesses] = {}

    class Kept(unpatched):
        def __enter__(self) -> Kept:
            key = (self.family, self.device, self.program)
            if key not in kept or kept[key]._server.poll() is not None:
                kept[key] = unpatched(*key).__enter__()
            self._server = kept[key]._server
            # An audit that ended early may have left answers unread: its numbers are no other's.
            kept[key]._asked += 1_000
            self._asked = kept[key]._asked
            return self

        def __exit__(self, *why: object) -> None:
            self._folder.cleanup()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fresh, "FreshProcesses", Kept)
        yield
    for processes in kept.values():
        processes.__exit__(None, None, None)


LONGEST = (
    "test_compressed_audit.py", "reports/test_pages.py", "test_ci.py", "test_house.py", "zoo/test_recipes.py",
    "test_chinese_report.py", "compression/test_cost.py", "compression/test_recipes_torch.py",
)  # fmt: skip


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest files come first: one that began last would leave the other worker idle."""
    home = Path(__file__).parent
    place = {home / name: number for number, name in enumerate(LONGEST)}
    items.sort(key=lambda item: place.get(item.path, len(LONGEST)))


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        return self.err.splitlines()


def people(n: int = 200, seed: int = 0, **columns: Any) -> pa.Table:
    """A table of generated people; a column given as None is left out."""
    r = np.random.default_rng(seed)
    drawn: dict[str, Any] = {
        "id": np.arange(n),
        "sex": r.choice(["Female", "Male"], n),
        "race": r.choice(["a", "b"], n),
        "age": r.integers(18, 80, n),
        "x": r.normal(size=n),
        "job": r.choice(["clerk", "nurse", "smith"], n),
        "y": r.integers(0, 2, n),
        "score": np.round(r.random(n), 6),
        "approved": r.integers(0, 2, n),
        "w": r.random(n) + 0.5,
    }
    drawn.update(columns)
    return pa.table({name: values for name, values in drawn.items() if values is not None})


def configured(**parts: Any) -> dict[str, Any]:
    """A configuration of `people` in d.parquet; a part is merged into data, replaces elsewhere."""
    content: dict[str, Any] = {
        "audit": "t",
        "data": {"path": "d.parquet", "label": "y", "sensitive": ["sex", "race"], "id": "id"},
        "slices": {"intersections": 1},
        "model": {"score": "score"},
        "metrics": ["accuracy", "selection_rate"],
        "report": {"charts": False},
    }
    for key, value in parts.items():
        if key == "data":
            merged = {**content["data"], **value}
            content["data"] = {k: v for k, v in merged.items() if v is not None}
        elif value is None:
            content.pop(key, None)
        else:
            content[key] = value
    return content


@pytest.fixture
def make_people() -> Callable[..., pa.Table]:
    return people


@pytest.fixture
def make_config() -> Callable[..., dict[str, Any]]:
    return lambda **parts: copy.deepcopy(configured(**parts))


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def cli(
    here: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Iterator[Callable[..., Ended]]:
    """The command line in this process: ``cli("audit", "a.yaml")``."""
    from fairweigh.cli import main

    terminate = signal.getsignal(signal.SIGTERM)

    def call(*args: str) -> Ended:
        capfd.readouterr()
        monkeypatch.setattr(sys, "argv", ["fairweigh", *args])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capfd.readouterr()
        return Ended(int(ended.value.code or 0), said.out, said.err)

    yield call
    signal.signal(signal.SIGTERM, terminate)


@pytest.fixture
def write(here: Path) -> Callable[..., None]:
    """Write a table to d.parquet (or ``name``) and a configuration to a.yaml."""

    def do(
        table: pa.Table | None = None, config: Mapping[str, Any] | None = None, name: str = "d.parquet"
    ) -> None:
        if table is not None:
            pq.write_table(table, name)
        if config is not None:
            # JSON is YAML.
            Path("a.yaml").write_text(json.dumps(config, ensure_ascii=False), encoding="utf-8")

    return do


@pytest.fixture
def refused(cli: Callable[..., Ended], here: Path) -> Callable[..., str]:
    """Audit a.yaml, which must be refused in one line and leave nothing; returns that line."""

    def do(*args: str) -> str:
        before = sorted(here.iterdir())
        ended = cli("audit", "a.yaml", "-q", *args)
        assert ended.code == 2, ended
        assert len(ended.lines) == 1, ended.err
        assert ended.err.startswith("fairweigh: ")
        assert "Traceback" not in ended.err
        assert not ended.out
        assert sorted(here.iterdir()) == before
        return ended.lines[0]

    return do


@pytest.fixture
def audited(cli: Callable[..., Ended], write: Callable[..., None]) -> Callable[..., Any]:
    """Run an audit through the command line and return its parsed audit.json."""

    def do(
        config: Mapping[str, Any], table: pa.Table | None = None, *args: str, codes: Any = (0, 1, 2, 3)
    ) -> Any:
        write(table, config)
        ended = cli("audit", "a.yaml", "-q", *args)
        assert ended.code in codes, ended
        assert ended.out == ""
        # What is said in spite of -q is why there is no verdict.
        assert not ended.err or (ended.code == 2 and "could not be evaluated" in ended.err), ended.err
        return json.loads(Path("runs", "t", "audit.json").read_text(encoding="utf-8"))

    return do


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium, of a file's own: Playwright's loop would otherwise run under the tests of the next one."""
    from playwright.sync_api import sync_playwright

    if CHROMIUM is None:
        pytest.skip("chromium is not installed")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def data_folder() -> Path:
    """The public evaluation files, where there are any."""
    folder = os.environ.get("FAIRWEIGH_DATA")
    if not folder:
        pytest.skip("FAIRWEIGH_DATA is not set")
    return Path(folder).absolute()


@pytest.fixture(autouse=True)
def _known_warnings() -> Iterator[None]:
    # skops and joblib probe for optional packages when they are first imported.
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=ImportWarning)
        yield
