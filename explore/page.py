"""The page as one HTML file: its counts, its words in a language, style and script; it asks for nothing."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .._version import __version__
from ..audit.result import AuditResult
from ..datasets.errors import InputError
from ..reports.page.html import environment
from ..reports.words.language import TAGS, writing
from .cuts import PLACES
from .payload import payload
from .words import words

TEMPLATES = Path(__file__).parent / "templates"
SCRIPTS = (
    "exact.js", "normal.js", "count.js", "change.js", "judge.js", "write.js", "state.js", "threshold.js",
    "slices.js", "listed.js", "overview.js", "view.js",
)  # fmt: skip
MOST_BYTES = 2_000_000
"""Of a page: one that is mailed and opened on a telephone."""
FEWEST_PLACES = 25


def page(run: Path, result: AuditResult, language: str) -> str:
    """Write the page, with fewer steps of the slider where all of them would make it too large.

    Raises
    ------
    InputError
        With the fewest steps it is too large.
    """
    places = PLACES
    with writing(language):
        while True:
            text = rendered(payload(run, result, places), language)
            size = len(text.encode())
            if size <= MOST_BYTES:
                return text
            if places <= FEWEST_PLACES:
                raise InputError(
                    f"{run}: the explorer of so many slices and variants takes {size:,} bytes, at most "
                    f"{MOST_BYTES:,}; audit fewer features (slices.by)"
                )
            places //= 2


def rendered(data: Mapping[str, Any], language: str) -> str:
    """Write the page of some counts, in the language that is written now."""
    style = (TEMPLATES / "explore.css").read_text(encoding="utf-8")
    script = "\n".join((TEMPLATES / name).read_text(encoding="utf-8") for name in SCRIPTS)
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    packed = gzip.compress(text.encode("utf-8", "surrogatepass"), mtime=0)
    return environment(TEMPLATES).get_template("explore.html.j2").render(
        title=data["title"], slides=bool(data["scales"]), synthetic=data["synthetic"],
        language=TAGS[language], version=__version__,
        policy=policy(style, script), style=style, script=script,
        data=base64.b64encode(packed).decode(), words=words(),
    )  # fmt: skip


def policy(style: str, script: str) -> str:
    """What the page may do: run this script and take this style, and ask for nothing anywhere."""
    return (
        f"default-src 'none'; script-src {_hash(script)}; style-src {_hash(style)}; base-uri 'none'; "
        "form-action 'none'"
    )


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
