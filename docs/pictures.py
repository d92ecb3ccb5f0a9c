"""Make the pictures of the documentation anew: ``make pictures``.

Follows the tutorials of `docs/tutorials` in a folder that is thrown away (`tests/sessions.py`) and takes
pictures of what they leave, with Chromium. Times in them are those of this machine.
``python -m docs.pictures FOLDER`` takes them in a folder where the tutorials were followed before.
"""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import chdir
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from markdown import markdown
from PIL import Image
from playwright.sync_api import FloatRect, ViewportSize, sync_playwright

from tests.sessions import Session

if TYPE_CHECKING:
    from playwright.sync_api._generated import Page

DOCS = Path(__file__).parent
FIRST = "first-audit"
OTHERS = ("before-a-merge", "compressing-a-model", "repairing-a-gap", "filing-a-report")
WINDOW: ViewportSize = {"width": 1280, "height": 900}
SHARP = 1.5
"""Pixels of a picture for one of the window, since pages show it smaller than it is."""
COLOURS = 96
MARGIN = 12
COMMENT_STYLE = """
body { margin: 0; background: #fff; color: #1f2328; font: 15px/1.5 system-ui, sans-serif }
main { width: 940px; padding: 4px 20px 8px; border: 1px solid #d0d7de; border-radius: 6px; margin: 12px }
h2 { font-size: 22px; border-bottom: 1px solid #d0d7de; padding-bottom: 6px; margin: 12px 0 }
table { border-collapse: collapse; font-size: 13px }
td, th { border: 1px solid #d0d7de; padding: 5px 10px; text-align: left }
"""
MOVED = """async () => {
    const drawn = () => new Promise((done) => setTimeout(done, 60))
    const [sex, ethnicity] = document.querySelectorAll("#features input")
    ethnicity.click()
    sex.click()
    const slider = document.querySelector("#slider")
    let low = 0, high = Number(slider.max)
    while (low < high) {
        slider.value = Math.floor((low + high) / 2)
        slider.dispatchEvent(new Event("input"))
        await drawn()
        if (parseFloat(document.querySelector("#at").textContent) < 0.5) low = Number(slider.value) + 1
        else high = Number(slider.value)
    }
    slider.value = low
    slider.dispatchEvent(new Event("input"))
}"""
"""The explorer by the second feature, with its slider at 0.5."""


@dataclass(frozen=True)
class Picture:
    """Where a picture goes, of which page that a tutorial left, and which part of it."""

    file: str
    page: str
    part: str
    script: str = "() => {}"
    whole: bool = False
    """From the top and over the whole width of the window down to the end of the part."""


PICTURES = (
    Picture("report.png", "runs/scored/report.html", ".front", whole=True),
    Picture("tutorials/first-audit.png", "runs/scored/report.html", ".front"),
    Picture("tutorials/explorer.png", "explorer.html", "body", MOVED),
    Picture("tutorials/before-a-merge.png", "comment.html", "main"),
    Picture("compression.png", "runs/compressed/report.html", "#variants"),
    Picture("tutorials/compressing-a-model.png", "runs/compressed/report.html", ".front"),
    Picture("tutorials/repairing-a-gap.png", "runs/repaired/report.html", "#variants"),
    Picture("tutorials/filing-a-report.png", "runs/scored/report.html", ".signoff"),
)


def fairweigh(*args: str) -> tuple[int, str]:
    """Run the command line."""
    told = subprocess.run(
        [sys.executable, "-m", "fairweigh", *args], capture_output=True, text=True, check=False
    )
    return told.returncode, told.stdout + told.stderr


def followed(checkout: Path) -> Path:
    """Follow the tutorials in an empty checkout and return the folder that they work in."""
    for name in ("ci", "examples"):
        (checkout / name).symlink_to(DOCS.parent / name)
    # The programs of the environment, as where it is activated.
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    with chdir(checkout):
        for name in (FIRST, *OTHERS):
            print(name, flush=True)
            page = (DOCS / "tutorials" / f"{name}.md").read_text(encoding="utf-8")
            Session(fairweigh).run(page)
        work = Path.cwd()
    comment = (work / "comment.md").read_text(encoding="utf-8")
    page = f"<style>{COMMENT_STYLE}</style><main>{markdown(comment, extensions=['tables'])}</main>"
    (work / "comment.html").write_text(f'<!doctype html><meta charset="utf-8">{page}', encoding="utf-8")
    return work


def take(page: Page, work: Path, picture: Picture) -> None:
    """Take one picture."""
    page.goto((work / picture.page).as_uri())
    page.evaluate(picture.script)
    page.wait_for_timeout(500)
    box = page.locator(picture.part).first.bounding_box()
    assert box is not None, f"{picture.page}: nothing is {picture.part}"
    clip = _with_margin(box)
    if picture.whole:
        clip = {"x": 0, "y": 0, "width": WINDOW["width"], "height": clip["y"] + clip["height"]}
    drawn = Image.open(io.BytesIO(page.screenshot(full_page=True, clip=clip)))
    file = DOCS / picture.file
    # By k-means, since the few pixels of a red word would else take a colour of the many.
    few = drawn.convert("RGB").quantize(COLOURS, kmeans=2, dither=Image.Dither.NONE)
    few.save(file, optimize=True)
    print(
        f"{file.relative_to(DOCS.parent)}: {drawn.width} x {drawn.height}, {file.stat().st_size // 1000} kB"
    )


def _with_margin(box: FloatRect) -> FloatRect:
    left, top = max(box["x"] - MARGIN, 0), max(box["y"] - MARGIN, 0)
    right = min(box["x"] + box["width"] + MARGIN, WINDOW["width"])
    return {"x": left, "y": top, "width": right - left, "height": box["y"] + box["height"] + MARGIN - top}


def main() -> None:
    """Make all pictures."""
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        work = Path(sys.argv[1]) if len(sys.argv) > 1 else followed(Path(folder))
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--hide-scrollbars"]
        )
        page = browser.new_page(viewport=WINDOW, device_scale_factor=SHARP, color_scheme="light")
        for picture in PICTURES:
            take(page, work, picture)
        browser.close()


if __name__ == "__main__":
    main()
