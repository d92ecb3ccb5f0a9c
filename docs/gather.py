"""Gather what the site is built from into `build/docs`: ``python docs/gather.py``.

Pages of `docs/` come as they are, CONTRIBUTING.md and CHANGELOG.md beside them. A link to another file of the
repository leads to a copy of it, since a site knows no repository around it; the README is the front door.
"""

from __future__ import annotations

import re
import shutil
from os.path import relpath
from pathlib import Path

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
OUT = ROOT / "build" / "docs"
BESIDE = {"CONTRIBUTING.md": "contributing.md", "CHANGELOG.md": "changes.md", "README.md": "index.md"}
"""Files of the root that are pages of the site."""
COPIED = "files"
_FENCED = re.compile(r"(^```.*?^```$)", re.M | re.S)
_LINK = re.compile(r"(!?\[[^\]]*\]\()([^)#\s]+)((?:#[^)\s]*)?\))")


def gather(docs: Path = DOCS, out: Path = OUT) -> None:
    """Write the site's sources.

    Raises
    ------
    FileNotFoundError
        A page links to a file that is not in the repository.
    """
    shutil.rmtree(out, ignore_errors=True)
    shutil.copytree(docs, out, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    for name in ("CONTRIBUTING.md", "CHANGELOG.md"):
        shutil.copy(docs.parent / name, out / BESIDE[name])
    sources = {out / page.relative_to(docs): page for page in docs.rglob("*.md")}
    sources |= {out / BESIDE[name]: docs.parent / name for name in ("CONTRIBUTING.md", "CHANGELOG.md")}
    for page, source in sources.items():
        page.write_text(_led(source, page, docs, out), encoding="utf-8")


def _led(source: Path, page: Path, docs: Path, out: Path) -> str:
    """A page's text, whose links lead to pages and files of the site."""

    def led(link: re.Match[str]) -> str:
        if ":" in link[2]:
            return link[0]
        place = _place((source.parent / link[2]).resolve(), docs, out)
        address = Path(relpath(place, page.parent)).as_posix()
        told = f"{link[1]}{address}{link[3]}"
        # A picture leads to itself, to be read at its own size on a small screen.
        return f"[{told}]({address})" if told.startswith("!") else told

    parts = _FENCED.split(source.read_text(encoding="utf-8"))
    return "".join(part if part.startswith("```") else _LINK.sub(led, part) for part in parts)


def _place(target: Path, docs: Path, out: Path) -> Path:
    """Where a file of the repository is in the site; one that is no page is copied there."""
    inside = target.relative_to(docs.parent)
    if target.is_relative_to(docs):
        return out / target.relative_to(docs)
    if inside.as_posix() in BESIDE:
        return out / BESIDE[inside.as_posix()]
    copy = out / COPIED / inside
    copy.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(target, copy)
    return copy


if __name__ == "__main__":
    gather()
