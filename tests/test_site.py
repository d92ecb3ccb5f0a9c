"""The documentation as a site: it builds strictly, no link is dead, and it asks the network for nothing."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import pytest
from ruamel.yaml import YAML

from .pages import CHROMIUM, needs_chromium
from .site_pages import dead, from_elsewhere

if TYPE_CHECKING:
    from playwright.sync_api._generated import Page, Route

ROOT = Path(__file__).parent.parent
SITE = "https://docs.invalid"
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


def build(folder: Path) -> subprocess.CompletedProcess[str]:
    """Build the site of a copy of the documentation, as `make docs` does."""
    shutil.copy(ROOT / "mkdocs.yml", folder)
    subprocess.run([sys.executable, folder / "docs" / "gather.py"], check=True)
    command = [sys.executable, "-m", "zensical", "build", "--strict", "--clean"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def copied(folder: Path) -> Path:
    """Copy what the site is built from."""
    shutil.copytree(ROOT / "docs", folder / "docs", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "examples", folder / "examples", ignore=shutil.ignore_patterns("build"))
    shutil.copytree(ROOT / "ci", folder / "ci")
    for page in ROOT.glob("*.md"):
        shutil.copy(page, folder)
    return folder


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = copied(tmp_path_factory.mktemp("site"))
    told = build(folder)
    assert told.returncode == 0, told.stdout + told.stderr
    return folder / "site"


def test_no_link_anchor_or_picture_of_the_site_is_dead(site: Path) -> None:
    assert len(list(site.rglob("*.html"))) > 30
    assert dead(site) == []


def test_no_page_of_the_site_loads_anything_from_elsewhere(site: Path) -> None:
    assert from_elsewhere(site) == []


def test_every_page_is_in_the_navigation() -> None:
    nav = YAML(typ="safe", pure=True).load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))["nav"]
    listed = re.findall(r"'([\w/-]+\.md)'", str(nav))
    docs = {path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs").rglob("*.md")}
    assert sorted(listed) == sorted(docs | {"contributing.md", "changes.md"})


def test_strict_build_refuses_a_dead_link_and_a_dead_anchor(tmp_path: Path) -> None:
    page = copied(tmp_path) / "docs" / "index.md"
    page.write_text("# Home\n\n[a](gate.md#no-such-part) [b](tutorials/none.md)\n", encoding="utf-8")
    told = build(tmp_path)
    assert told.returncode != 0
    plain = re.sub(r"\x1b\[[0-9;]*m", "", told.stdout + told.stderr)
    assert "anchor does not exist" in plain
    assert "page does not exist" in plain


def test_what_is_dead_or_from_elsewhere_is_found(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text(
        '<h1 id="top">A</h1><a href="#top"></a><a href="b.html#part"></a><a href="#none"></a>'
        '<a href="b.html#none"></a><a href="c.html"></a><img src="none.png"><a href="https://x.invalid/"></a>'
        '<script src="https://x.invalid/a.js"></script><link rel="stylesheet" href="//x.invalid/a.css">'
        "<style>@import 'https://x.invalid/b.css'; p { background: url(data:image/png;base64,AA) }</style>",
        encoding="utf-8",
    )
    (tmp_path / "b.html").write_text('<h2 id="part">B</h2>', encoding="utf-8")
    (tmp_path / "s.css").write_text('@font-face { src: url("https://x.invalid/f.woff2") }', encoding="utf-8")
    assert dead(tmp_path) == [f"a.html: {at}" for at in ("#none", "b.html#none", "c.html", "none.png")]
    assert sorted(from_elsewhere(tmp_path)) == [
        "a.html: //x.invalid/a.css",
        "a.html: https://x.invalid/a.js",
        "a.html: https://x.invalid/b.css",
        "s.css: https://x.invalid/f.woff2",
    ]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


def visited(page: Page, site: Path) -> list[str]:
    """Serve the site to a page; the list gets what the page asks of others."""
    elsewhere: list[str] = []

    def answer(route: Route) -> None:
        address = urlsplit(route.request.url)
        file = site / unquote(address.path).lstrip("/")
        if f"{address.scheme}://{address.netloc}" != SITE:
            elsewhere.append(route.request.url)
            route.abort()
        elif file.is_file():
            route.fulfill(path=file)
        else:
            elsewhere.append(f"not there: {route.request.url}")
            route.fulfill(status=404)

    page.route("**/*", answer)
    return elsewhere


@needs_chromium
def test_pages_ask_the_network_for_nothing_and_keep_to_the_window(browser: Any, site: Path) -> None:
    page = browser.new_page()
    elsewhere = visited(page, site)
    wide = []
    for path in sorted(site.rglob("*.html")):
        page.goto(f"{SITE}/{path.relative_to(site).as_posix()}")
        for width in (400, 1280):
            page.set_viewport_size({"width": width, "height": 900})
            if page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"):
                wide.append(f"{path.name} at {width}")
    page.close()
    assert (elsewhere, wide) == ([], [])


@needs_chromium
def test_search_finds_a_page_without_the_network(browser: Any, site: Path) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    elsewhere = visited(page, site)
    page.goto(f"{SITE}/index.html")
    page.keyboard.press("/")
    page.keyboard.type("passphrase")
    page.get_by_text("Signing", exact=False).last.wait_for()
    page.close()
    assert elsewhere == []


def anchors(text: str) -> set[str]:
    """The anchors that merge servers give to a page's headings."""
    found: set[str] = set()
    for heading in re.findall(r"^#{1,6} (.+)$", re.sub(r"^```.*?^```", "", text, flags=re.M | re.S), re.M):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "").strip().lower()
        slug = re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")
        more = 1
        while (name := slug if slug not in found else f"{slug}-{more}") in found:
            more += 1
        found.add(name)
    return found


def dead_in_repository(page: Path, text: str) -> list[str]:
    """Links of a page's text that lead to no file, or to no heading of one, in the repository."""
    missing = []
    for path, anchor in re.findall(r"\]\((?!\w+:)([^)#\s]*)#?([^)\s]*)\)", text):
        target = page.parent / path if path else page
        if not target.exists() or (
            anchor and target.suffix == ".md" and anchor not in anchors(target.read_text(encoding="utf-8"))
        ):
            missing.append(f"{path}#{anchor}")
    return missing


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_links_of_a_page_lead_somewhere_in_the_repository_too(page: Path) -> None:
    assert dead_in_repository(page, page.read_text(encoding="utf-8")) == []


def test_a_dead_link_of_the_repository_is_found() -> None:
    text = "[a](docs/gate.md#the-baseline) [b](docs/gate.md#none) [c](none.md) [d](https://x.invalid/#y)"
    assert dead_in_repository(ROOT / "README.md", text) == ["docs/gate.md#none", "none.md#"]
