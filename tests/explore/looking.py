"""What tests ask of an explorer that is open in a browser."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from playwright.sync_api._generated import Page

FIGURES = """told => {
  const { data, counts } = explorer, out = [];
  for (const one of told.variants) for (const [view, { name, metrics: shown }] of data.views.entries()) {
    const variant = data.variants.find(v => v.name === one.name);
    const of = (all, views) => name === null ? all : views[name];
    const every = [{ slice: {}, metrics: of(one.overall, one.overall_views) },
      ...one.slices.map(s => ({ slice: s.slice, metrics: of(s.metrics, s.views) }))];
    for (const { slice, metrics } of every) {
      const part = counts.partition(data.by.map((_, k) => k).filter(k => data.by[k] in slice));
      const wanted = part.by.map(k => slice[data.by[k]]).join();
      const i = part.keys.findIndex((_, i) => counts.names(part, i).join() === wanted);
      for (const metric of shown) {
        if (!(metric.name in metrics)) continue;
        const held = variant.held[view], cut = held ? held.cut : 0;
        const f = counts.shown(metric, variant, view, part, cut, data.weighted);
        const [low, high] = counts.limits(f, i), { value, low: from, high: to, n } = metrics[metric.name];
        const where = `${metric.name} ${JSON.stringify(slice)}`;
        out.push([value, f.value[i], from, low, to, high, n, f.n[i], where]);
      }
    }
  }
  // What is undefined is null in JSON.
  return out.map(row => row.map(v => Number.isNaN(v) ? null : v));
}"""
JUDGED = """({ name, threshold }) => {
  const { data, counts, judge } = explorer, variant = data.variants.find(v => v.name === name);
  return data.gates.filter(gate => gate.variant === name).map(gate => {
    if (gate.as_audited) return { id: gate.id, kept: gate.as_audited };
    const held = variant.held[gate.view], cut = data.scales[held.scale].indexOf(threshold);
    if (cut < 0) throw new Error(`no place at ${threshold}`);
    const found = judge(gate, variant, cut, data.weighted);
    const [low, high] = found.decided() || [null, null];
    const slice = found.slice === undefined ? [] : counts.names(found.part, found.slice);
    return { id: gate.id, verdict: found.verdict, value: found.value, low, high, slice };
  });
}"""


def show(page: Page, path: Path, fragment: str = "") -> None:
    """Open an explorer that was written to a file."""
    page.goto("about:blank")
    page.goto(path.as_uri() + fragment)
    page.wait_for_selector("html[data-ready]")


def rested(page: Page) -> None:
    """Wait for what follows when the slider rests."""
    page.wait_for_function("document.getElementById('foot').textContent !== ''")
    before = page.evaluate("Number(document.documentElement.dataset.settled || 0)")
    page.evaluate("explorer.draw()")
    page.wait_for_function(f"Number(document.documentElement.dataset.settled) > {before}")


def result(run: Path) -> Any:
    """What the audit said."""
    return json.loads((run / "audit.json").read_text(encoding="utf-8"))


def same_figures(page: Page, run: Path, *, weighted: bool = False) -> int:
    """Hold every figure at the audited thresholds against ``audit.json``; returns how many there are."""
    found = page.evaluate(FIGURES, result(run))
    for told, value, *limits, n, rows, where in found:
        wanted = pytest.approx(told, rel=1e-12) if weighted and told is not None else told
        assert value == wanted, (where, value, told)
        ends = [None if v is None else pytest.approx(v, rel=1e-5, abs=1e-9) for v in limits[::2]]
        assert limits[1::2] == ends, (where, limits)
        assert rows == n, (where, rows, n)
    return len(found)


def same_gates(found: list[Any], wanted: list[Any]) -> list[str]:
    """Hold gates that were counted anew against an audit's; returns the ids that were compared whole."""
    whole = []
    assert [gate["id"] for gate in found] == [told["id"] for told in wanted]
    for gate, told in zip(found, wanted, strict=True):
        if "kept" in gate:
            continue
        where = gate["id"], told["metric"], told["compare"]
        assert gate["verdict"] == told["verdict"], where
        if told["verdict"] == "error":
            continue
        # Of several slices the page names the one of the extreme p, the audit that of the extreme limit.
        if gate["slice"] != list(told["slice"].values()):
            continue
        whole.append(gate["id"])
        assert gate["value"] == pytest.approx(told["measured"], rel=1e-12, abs=1e-15), where
        if told["decide"] == "proven":
            ends = told["low"], told["high"]
            assert [gate["low"], gate["high"]] == pytest.approx(ends, abs=2e-6), where
    return whole
