"""The report: how long it takes to make and to show, and how much of it a reader meets.

First large audits: about 100 slices, 15 metrics and 10 variants, with every chart; then one model with 10,000
slices. Everything is drawn, so the figures are those of the real path from predictions to page.

Then how long reports are, on a desk's screen, a telephone's and paper: those of the finished runs that are
given, such as the examples' (``report.py runs/adult``), and that of a messy table with unbinned ages.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import fairweigh
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from fairweigh.audit.config import Config
from fairweigh.audit.figures.coverage import coverage
from fairweigh.audit.figures.definitions import definitions, priorities
from fairweigh.audit.figures.describe import environment
from fairweigh.audit.result import AuditResult, Cost, DataInfo, Recipe, Step
from fairweigh.audit.verdict.judge import Entry, judge
from fairweigh.metrics.figures import METHODS
from fairweigh.pdf import write_pdf
from fairweigh.reports.page.html import render_annex

METRICS = (
    "selection_rate", "base_rate", "accuracy", "error_rate", "true_positive_rate", "true_negative_rate",
    "false_positive_rate", "false_negative_rate", "precision", "negative_predictive_value", "f1",
    "balanced_accuracy", "auc", "brier_score", "calibration_bias",
)  # fmt: skip
LIMIT_MB, LIMIT_S, LIMIT_PAINT_S = 2.0, 5.0, 1.0
COLD = """
import sys, time
from fairweigh.audit.again.finished import read_result
from pathlib import Path
result = read_result(Path(sys.argv[1]))
start = time.perf_counter()
from fairweigh.reports.front.document import render_report
Path(sys.argv[2]).write_text(render_report(result), encoding="utf-8")
print(time.perf_counter() - start)
"""
"""A report as a process of its own renders it: what it imports counts, reading the run does not."""
WORDS = """() => {
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    let words = 0;
    for (let text; text = texts.nextNode();)
        if (!text.parentElement.closest('svg, script, .unseen') && text.parentElement.checkVisibility())
            words += text.data.split(/\\s+/).filter(word => /[\\p{L}\\p{N}]/u.test(word)).length;
    return words;
}"""
"""Words of a page as it opens: what is folded is not counted, nor what stands in charts."""


def drawn(rows: int, values: tuple[int, int], variants: int, folder: Path) -> list[str]:
    """Write predictions of a model and of variants that decide a little otherwise; return their names."""
    draw = np.random.default_rng(0)
    label = draw.random(rows) < 0.4
    score = np.clip(draw.beta(2, 4, rows) + 0.25 * label, 0, 1)
    slices = {name: draw.integers(0, n, rows) for name, n in zip("ab", values, strict=True)}
    columns = {
        name: pa.array([f"{name}{code:03d}" for code in codes.tolist()]).dictionary_encode()
        for name, codes in slices.items()
    }
    names = ["original", *(f"variant-{k}" for k in range(1, variants))]
    for name in names:
        moved = score if name == "original" else np.clip(score + draw.normal(0, 0.02, rows), 0, 1)
        table = {
            "id": np.arange(rows), **columns, "y_true": label.astype(np.int8),
            "y_pred": (moved >= 0.5).astype(np.int8), "score": moved,
        }  # fmt: skip
        pq.write_table(pa.table(table), folder / f"{name}.parquet")
    return names


def audited(rows: int, values: tuple[int, int], variants: int) -> AuditResult:
    """Compute a whole result from drawn predictions."""
    planned = [{"name": f"variant-{k}", "recipe": "float16"} for k in range(1, variants)]
    config = Config.model_validate(
        {
            "audit": "large",
            "data": {"path": "large.parquet", "label": "y", "sensitive": ["a", "b"], "id": "id"},
            "model": {"kind": "sklearn", "path": "large.skops"},
            "metrics": list(METRICS),
            "compressions": planned,
            "gates": [
                {"metric": "true_positive_rate", "by": name, "compare": "difference", "limit": "<= 0.1"}
                for name in ("a", "b")
            ],
        }
    )
    cost = Cost(
        stored_bytes=1000, dense_bytes=1000, sparse_bytes=1000, sparse_theoretical=False, parameters=10,
        nonzero=10,
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        names = drawn(rows, values, variants, folder)
        recipe = Recipe(steps=[Step(recipe="float16")])
        entries = [
            Entry(name, {"kind": "sklearn", "threshold": 0.5})
            if name == "original"
            else Entry(name, {"threshold": 0.5}, "compressed", recipe, cost, parent="original")
            for name in names
        ]
        entries[0] = Entry("original", entries[0].model, cost=cost)
        found = judge(config, ["a", "b"], {}, entries, folder)
    return AuditResult(
        audit="large", title="A large audit", created="2026-11-25T00:00:00+00:00", verdict=found.verdict,
        environment=environment(0, "benchmarks/report.py"), configuration=config.model_dump(mode="json"),
        data=DataInfo(
            name="large", title="Drawn rows", rows=rows, sha256="0" * 64, source="drawn", synthetic=True,
            label="y", positive=["1"], sensitive=["a", "b"],
        ),
        variants=found.variants, coverage=coverage(found.variants[0].slices), comparisons=found.comparisons,
        identified=found.identified, gates=found.gates, frontier=found.frontier,
        definitions=definitions(found.plan, found.measured, found.gates), priorities=priorities(),
        methods=dict(METHODS),
    )  # fmt: skip


@contextmanager
def timed(told: list[float]) -> Iterator[None]:
    start = time.perf_counter()
    yield
    told.append(time.perf_counter() - start)


def painted(text: str) -> str:
    """Time from the start of navigation to the first contentful paint: the median of five loads."""
    chromium = shutil.which("chromium")
    if chromium is None:
        return "no chromium"
    from playwright.sync_api import sync_playwright

    entry = """() => new Promise(told => new PerformanceObserver(
        list => told(list.getEntriesByName('first-contentful-paint')[0].startTime)
    ).observe({type: 'paint', buffered: true}))"""
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        path = Path(folder, "report.html")
        path.write_text(text, encoding="utf-8")
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        told = []
        for _ in range(5):
            page = browser.new_page(viewport={"width": 1280, "height": 900})
            page.goto(path.as_uri())
            told.append(page.evaluate(entry) / 1e3)
            page.close()
        browser.close()
    return f"{np.median(told):.2f} s"


def messy(folder: Path) -> Path:
    """Audit a table as people have it: ages in years, sexes in several spellings, regions with few rows."""
    draw = np.random.default_rng(1)
    rows = 4_000
    label = draw.random(rows) < 0.3
    sexes = ["F", "M", "female", "Male", " f", "", "unknown"]
    regions = [f"region_{chr(65 + k)}-{k * 7}" for k in range(14)]
    table = pa.table(
        {
            "granted": (draw.random(rows) < 0.2 + 0.4 * label).astype(np.int8),
            "repaid": label.astype(np.int8),
            "age": draw.integers(17, 91, rows),
            "sex": draw.choice(sexes, rows, p=[0.3, 0.3, 0.12, 0.12, 0.06, 0.05, 0.05]),
            "region": draw.choice(regions, rows, p=np.arange(1, 15) / 105),
        }
    )
    config: dict[str, Any] = {
        "audit": "messy",
        "data": {"path": "messy.csv", "label": "repaid", "sensitive": ["age", "sex", "region"]},
        "model": {"decision": "granted"},
        "slices": {"intersections": 2, "min_size": 30},
        "gates": [
            {"metric": "true_positive_rate", "by": by, "compare": "difference", "limit": "<= 0.1"}
            for by in ("age", "sex", "region")
        ],
    }
    fairweigh.run(config, folder / "messy", data=table, tell=lambda line: None)
    return folder / "messy"


def lengths(path: Path) -> dict[str, int]:
    """Heights of a page (px) at two widths, its words, and its printed pages and bytes."""
    from playwright.sync_api import sync_playwright

    found = {}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        for width in (1280, 400):
            page = browser.new_page(viewport={"width": width, "height": 900})
            page.goto(path.as_uri())
            found[f"height {width}"] = page.evaluate("document.documentElement.scrollHeight")
            found["words"] = page.evaluate(WORDS)
            page.close()
        browser.close()
    printed = path.with_suffix(".pdf")
    write_pdf(path.read_text(encoding="utf-8"), printed)
    content = printed.read_bytes()
    return {**found, "pages": len(re.findall(rb"/Type\s*/Page\b", content)), "bytes": len(content)}


def read_by_people(runs: list[Path]) -> None:
    """Print how long the reports of finished runs are."""
    heads = "rendered cold | first paint | height at 1280 | at 400 | words | printed pages | PDF | HTML"
    print(f"\n| report | {heads} |")
    print("|:--|--:|--:|--:|--:|--:|--:|--:|--:|")
    with tempfile.TemporaryDirectory() as place:
        for run in [*runs, messy(Path(place))]:
            path = Path(place, f"{run.name}.html")
            command = [sys.executable, "-c", COLD, str(run), str(path)]
            told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
            text = path.read_text(encoding="utf-8")
            found = lengths(path)
            print(
                f"| {run.name} | {float(told):.1f} s | {painted(text)} | {found['height 1280']:,} px "
                f"| {found['height 400']:,} px | {found['words']:,} | {found['pages']} "
                f"| {found['bytes'] / 1e6:.2f} MB | {len(text.encode()) / 1e6:.2f} MB |",
                flush=True,
            )


def large() -> None:
    """Print what large audits' reports take."""
    print("| slices | metrics | variants | figures computed | first page | later page | size | first paint |")
    print("|--:|--:|--:|--:|--:|--:|--:|--:|")
    for rows, values, variants in ((60_000, (10, 9), 10), (400_000, (100, 99), 1)):
        told: list[float] = []
        with timed(told):
            result = audited(rows, values, variants)
        for _ in range(2):
            with timed(told):
                text = render_annex(result)
        size = len(text.encode()) / 1e6
        slices = len(result.variants[0].slices)
        computed, first, later = told
        print(
            f"| {slices:,} | {len(METRICS)} | {variants} | {computed:.1f} s | {first:.1f} s | {later:.1f} s "
            f"| {size:.2f} MB | {painted(text)} |"
        )
        sys.stdout.flush()
    limits = f"{LIMIT_S:.0f} s, {LIMIT_MB:.0f} MB, {LIMIT_PAINT_S:.0f} s to the first paint"
    print(f"\nAllowed for the first line: {limits}.")


def main() -> None:
    large()
    if shutil.which("chromium") is None:
        print("\nNo chromium: how long reports are was not measured.")
        return
    read_by_people([Path(run) for run in sys.argv[1:]])


if __name__ == "__main__":
    main()
