"""The explorer of a large run: its size, and how long a move of the slider takes until new figures are seen.

16 variants x 100 slices (10 x 10 values of two features), 100,000 rows, gates over both, over their crossing
and on the change of each variant.
Measured in Chromium: from the event of the slider to the end of the frame that shows the new figures.
"""

from __future__ import annotations

import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import fairweigh
import numpy as np
import pyarrow as pa
from fairweigh.audit.again.finished import checked
from fairweigh.explore.page import MOST_BYTES, page

VARIANTS, VALUES, ROWS, LIMIT_MS = 16, 10, 100_000, 100
GATES: list[dict[str, Any]] = [
    {"metric": "accuracy", "limit": ">= 0.6"},
    {"metric": "true_positive_rate", "by": "a", "compare": "difference", "limit": "<= 0.1"},
    {"metric": "false_positive_rate", "by": "b", "compare": "difference", "limit": "<= 0.1"},
    {"metric": "true_positive_rate", "by": ["a", "b"], "compare": "difference", "limit": "<= 0.15"},
    {"metric": "demographic_parity_difference", "by": ["a", "b"], "limit": "<= 0.15"},
]
CHANGES: list[dict[str, Any]] = [
    {"metric": "accuracy", "compare": "change", "limit": ">= -0.02"},
    {"metric": "true_positive_rate", "compare": "change", "by": ["a", "b"], "limit": "<= 0.05"},
]
"""Of every variant but the original."""

MOVES = """async () => {
  const slider = document.getElementById("slider"), drawn = [], seen = [];
  document.getElementById("a").selectedIndex = 1;
  document.getElementById("a").dispatchEvent(new Event("change"));
  document.getElementById("b").selectedIndex = 2;
  document.getElementById("b").dispatchEvent(new Event("change"));
  for (const box of document.querySelectorAll("#features input")) if (!box.checked) box.click();
  await new Promise(done => setTimeout(done, 1500));
  for (let k = 0; k < 40; k++) {
    const start = performance.now();
    slider.value = 60 + 2 * k;
    slider.dispatchEvent(new Event("input"));
    // The page draws in the next frame; a task after it runs when that frame is done.
    await new Promise(done => requestAnimationFrame(() => {
      const channel = new MessageChannel();
      channel.port1.onmessage = done;
      channel.port2.postMessage(0);
    }));
    seen.push(performance.now() - start);
    await new Promise(done => setTimeout(done, 30));
    drawn.push(explorer.draw());
  }
  return { drawn, seen, rows: document.querySelectorAll("#rows tr").length, check: explorer.check };
}"""


def people() -> pa.Table:
    """Draw rows with a score of each variant."""
    draw = np.random.default_rng(0)
    label = draw.random(ROWS) < 0.4
    score = np.clip(draw.beta(2, 4, ROWS) + 0.25 * label, 0, 1)
    columns: dict[str, Any] = {name: draw.integers(0, VALUES, ROWS).astype(str) for name in "ab"}
    columns |= {"id": np.arange(ROWS), "y": label.astype(np.int8), "score": score}
    for k in range(1, VARIANTS):
        moved = np.clip(score + draw.normal(0, 0.02, ROWS), 0, 1)
        columns |= {f"score{k}": moved, f"d{k}": (moved >= 0.5).astype(np.int8)}
    return pa.table(columns)


def audited(folder: Path) -> Path:
    settings = {
        "audit": "explored",
        "data": {"path": "people", "label": "y", "sensitive": ["a", "b"], "id": "id"},
        "slices": {"intersections": 2},
        "model": {"score": "score", "threshold": 0.5},
        "variants": [
            {"name": f"v{k}", "score": f"score{k}", "decision": f"d{k}"} for k in range(1, VARIANTS)
        ],
        "metrics": ["accuracy", "selection_rate", "true_positive_rate", "false_positive_rate", "precision"],
        "gates": GATES + [gate | {"on": f"v{k}"} for k in range(1, VARIANTS) for gate in CHANGES],
        "report": {"charts": False},
    }
    fairweigh.run(settings, folder / "run", data=people())
    return folder / "run"


def main() -> None:
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        run = audited(folder)
        start = time.perf_counter()
        text = page(run, checked(run), "en")
        counted = time.perf_counter() - start
        path = folder / "explorer.html"
        path.write_text(text, encoding="utf-8")
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=shutil.which("chromium"), args=["--no-sandbox"]
            )
            tab = browser.new_page(viewport={"width": 1280, "height": 900})
            start = time.perf_counter()
            tab.goto(path.as_uri())
            tab.wait_for_selector("html[data-ready]", timeout=120_000)
            opened = time.perf_counter() - start
            found = tab.evaluate(MOVES)
            browser.close()
    seen, drawn = sorted(found["seen"]), sorted(found["drawn"])
    print(f"{VARIANTS} variants x {found['rows']} slices, {ROWS:,} rows, {len(GATES + CHANGES)} gates each")
    print(f"page               {len(text.encode()) / 1e6:7.2f} MB   at most {MOST_BYTES / 1e6:.0f}")
    print(f"counted in         {counted:7.2f} s")
    print(f"opened in          {opened:7.2f} s    checks {found['check']}")
    print(f"figures            {statistics.median(drawn):7.1f} ms   median; slowest {drawn[-1]:.1f}")
    told = f"median; slowest {seen[-1]:.1f}; at most {LIMIT_MS}"
    print(f"slider to figures  {statistics.median(seen):7.1f} ms   {told}")
    sys.exit(
        len(text.encode()) > MOST_BYTES or statistics.median(seen) > LIMIT_MS or found["check"]["wrong"] > 0
    )


if __name__ == "__main__":
    main()
