"""The messages of the reports, as babel.cfg says and as the tables of metrics and methods hold them.

``python tests/reports/messages.py`` lists the ones that no Chinese catalogue has, and those that nothing
says any more.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from babel.messages.pofile import read_po
from jinja2 import Environment, nodes

ROOT = Path(__file__).parents[2]
LOCALES = ROOT / "reports" / "locale"
KEYWORDS = {
    **dict.fromkeys(("say", "tr", "later", "tell", "_", "gettext")),
    **dict.fromkeys(("say_n", "tr_n", "later_n", "tell_n", "ngettext"), (1, 2)),
    "plural": (2, 3),
}

ROOMS = re.findall(r"^\[python: (\w+)/", (ROOT / "reports" / "babel.cfg").read_text(), re.MULTILINE)
"""Where messages are said."""

Key = str | tuple[str, ...]


def extracted() -> dict[Key, list[str]]:
    """Return every message and the places where it stands."""
    with (ROOT / "reports" / "babel.cfg").open() as file:
        methods, options = parse_mapping_cfg(file)
    found: dict[Key, list[str]] = {}
    for name, line, message, _, _ in extract_from_dir(
        ROOT, methods, options, KEYWORDS, strip_comment_tags=True
    ):
        if message:
            found.setdefault(message, []).append(f"{name}:{line}")
    for message in tables():
        found.setdefault(message, []).append("tables")
    return found


def tables() -> Iterator[str]:
    """The words of the tables that the result copies: metrics, why undefined, disparities, methods."""
    from fairweigh.metrics.estimators import messages
    from fairweigh.metrics.figures import METHODS
    from fairweigh.tasks import TASKS

    tasks = [one for task in TASKS.values() for one in (task, task.of_class) if one is not None]
    metrics = [metric for task in tasks for metric in task.metrics.values()]
    for metric in metrics:
        yield from (metric.title, metric.meaning, metric.shows)
        words = metric.name.replace("_", " ")
        if words.casefold() != metric.title.casefold():
            # A reason may name the metric as the configuration does.
            yield words
        if any(word.isalpha() and word.islower() and len(word) > 2 for word in metric.formula.split()):
            yield metric.formula
    for task in tasks:
        yield task.named_by.title
        for row in task.disparities:
            yield from (row.title, row.shows)
        for index in task.indices:
            yield from (index.title, index.formula, index.meaning, index.shows)
    yield from messages([metric.estimator for metric in metrics])
    yield from METHODS.values()


Call = tuple[str, str, set[str]]
"""Where a message is said, one of its English forms, and the names of the parts that it is given."""


def calls() -> Iterator[Call]:
    """Every place in Python that says a constant message and names all its parts."""
    forms = {"say": 1, "tr": 1, "tell": 1, "say_n": 2, "tr_n": 2, "tell_n": 2}
    for path in sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
                continue
            given = {keyword.arg for keyword in node.keywords}
            for form in node.args[: forms.get(node.func.id, 0)]:
                if isinstance(form, ast.Constant) and isinstance(form.value, str) and None not in given:
                    place = f"{path.relative_to(ROOT)}:{node.lineno}"
                    yield place, form.value, {name for name in given if name}


def template_calls(environment: Environment) -> Iterator[Call]:
    """Every place in a template that says a message; Jinja gives the number of forms as ``num`` itself."""
    forms = {"_": 1, "gettext": 1, "ngettext": 2}
    folders = (ROOT / "reports" / "templates", ROOT / "regimes", ROOT / "explore")
    for path in sorted(path for folder in folders for path in folder.rglob("*.j2")):
        for node in environment.parse(path.read_text(encoding="utf-8")).find_all(nodes.Call):
            if isinstance(node.node, nodes.Name) and node.node.name in forms:
                given = {keyword.key for keyword in node.kwargs} | {"num"}
                for form in node.args[: forms[node.node.name]]:
                    if isinstance(form, nodes.Const):
                        yield f"{path.relative_to(ROOT)}:{node.lineno}", form.value, given


def catalogues(language: str) -> dict[str, Catalog]:
    """Read a language's catalogues by file name."""
    out = {}
    for path in sorted((LOCALES / language).glob("*.po")):
        with path.open("rb") as file:
            out[path.name] = read_po(file, locale=language, abort_invalid=True)
    return out


def entries(language: str) -> list[tuple[str, Message]]:
    """List the entries of a language's catalogues with the file that each stands in."""
    return [(name, entry) for name, found in catalogues(language).items() for entry in found if entry.id]


def key(entry: Message) -> Key:
    """Name an entry as ``extracted`` names its message."""
    return entry.id if isinstance(entry.id, str) else tuple(entry.id)


if __name__ == "__main__":
    there = {key(entry) for _, entry in entries("zh")}
    said = extracted()
    for message in [message for message in said if message not in there]:
        print("missing ", repr(message), said[message][0])
    for message in there - set(said):
        print("obsolete", repr(message))
    sys.exit(bool(there ^ set(said)))
