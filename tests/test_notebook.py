"""A result in a real notebook: executed by nbclient, rendered by nbconvert, looked at by Chromium."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import pytest

if TYPE_CHECKING:
    from playwright.sync_api._generated import Browser

CODE = """
import fairweigh
from fairweigh.datasets.synthetic import lending
result = fairweigh.Audit(
    "lending", lending(n=2_000, seed=1), label="repaid", sensitive=["sex", "ethnicity"],
    model={"decision": "approved", "positive": "yes"}, report={"charts": False},
    gates=[
        {"metric": "true_positive_rate", "by": "sex", "compare": "difference", "limit": "<= 0.1"},
        {"metric": "accuracy", "limit": ">= 0.9"},
    ],
).run()
result
"""


pytestmark = pytest.mark.filterwarnings(
    # Of tornado, zmq and traitlets under a running loop; none of them is ours.
    "ignore::DeprecationWarning", "ignore::PendingDeprecationWarning", "ignore::ResourceWarning",
    "ignore::RuntimeWarning", "ignore::pytest.PytestUnraisableExceptionWarning",
)  # fmt: skip


@pytest.fixture(scope="module")
def executed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Path]:
    nbformat = pytest.importorskip("nbformat")
    nbclient = pytest.importorskip("nbclient")
    folder = tmp_path_factory.mktemp("notebook")
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(CODE)])
    book.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbclient.NotebookClient(book, timeout=300, resources={"metadata": {"path": str(folder)}}).execute()
    return book, folder


def test_notebook_gets_html_markdown_and_one_line(executed: Any) -> None:
    book, folder = executed
    (output,) = book.cells[0].outputs
    assert output.output_type == "execute_result"
    assert set(output.data) == {"text/html", "text/markdown", "text/plain"}
    assert output.data["text/plain"].startswith("Result(audit='lending', verdict='fail'")
    assert "✕ fail" in output.data["text/html"]
    assert (folder / "runs" / "lending" / "report.html").is_file()


@pytest.mark.parametrize("width", [400, 1280])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_notebook_reads_in_light_and_dark(executed: Any, browser: Browser, theme: str, width: int) -> None:
    nbconvert = pytest.importorskip("nbconvert")
    book, folder = executed
    page_file = folder / f"book-{theme}-{width}.html"
    body, _ = nbconvert.HTMLExporter(theme=theme).from_notebook_node(book)
    page_file.write_text(body, encoding="utf-8")
    context = browser.new_context(viewport={"width": width, "height": 900})
    page = context.new_page()
    page.route("http*://**", lambda route: route.abort())
    page.goto(page_file.as_uri())
    shown = page.locator(".fairweigh-result")
    assert shown.count() == 1
    assert "fail" in shown.locator(".fw-verdict").inner_text()
    assert page.evaluate(CONTRAST) >= 4.5
    fits = "(one => one.scrollWidth <= one.clientWidth)(document.querySelector('.fairweigh-result'))"
    assert page.evaluate(fits)
    # The leading gate's chart, with intervals, what is allowed, and its values in words.
    assert shown.locator("table.chart svg.row .limits").count() >= 1
    assert shown.locator("table.chart svg.row .band").count() >= 2
    assert shown.locator("table.chart tr[title^='Female: ']").count() == 1
    link = shown.locator("a", has_text="Open the report").evaluate("one => one.href")
    assert Path(unquote(urlsplit(link).path)) == folder / "runs" / "lending" / "report.html"
    if os.environ.get("FAIRWEIGH_SHOTS"):
        shown.screenshot(path=str(Path(os.environ["FAIRWEIGH_SHOTS"]) / f"{theme}-{width}.png"))
    context.close()


CONTRAST = """() => {
  // The least contrast (WCAG 2.2, relative luminance) of any text in the summary with what lies behind it.
  const parse = c => { const m = c.match(/[\\d.]+/g).map(Number); return m.length > 3 ? m : [...m, 1]; };
  const over = (a, b) => [0, 1, 2].map(i => a[i] * a[3] + b[i] * (1 - a[3])).concat(1);
  const light = c => { const v = c.slice(0, 3).map(x => { x /= 255;
    return x <= 0.04045 ? x / 12.92 : ((x + 0.055) / 1.055) ** 2.4; });
    return 0.2126 * v[0] + 0.7152 * v[1] + 0.0722 * v[2]; };
  const behind = e => { const own = parse(getComputedStyle(e).backgroundColor);
    if (own[3] === 1 || !e.parentElement) return own[3] ? own : [255, 255, 255, 1];
    return over(own, behind(e.parentElement)); };
  const faded = e => e ? Number(getComputedStyle(e).opacity) * faded(e.parentElement) : 1;
  let least = 21;
  const root = document.querySelector('.fairweigh-result');
  const walk = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const e = walk.currentNode.parentElement;
    if (!walk.currentNode.data.trim() || e.tagName === 'STYLE') continue;
    const back = behind(e), ink = parse(getComputedStyle(e).color);
    ink[3] *= faded(e);
    const [a, b] = [light(over(ink, back)), light(back)].sort((x, y) => y - x);
    least = Math.min(least, (a + 0.05) / (b + 0.05));
  }
  return least;
}"""
