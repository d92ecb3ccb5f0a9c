"""Every Python example of the documentation runs, every audit.yaml in it is valid."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from fairweigh.audit.config import json_schema, read
from fairweigh.audit.verdict.policy import policy_schema, read_policy
from ruamel.yaml import YAML

ROOT = Path(__file__).parent.parent
# Those of examples/ci are for other programs (test_ci.py), those of examples/guest need it (test_guests.py).
EXAMPLES = sorted(p for p in (ROOT / "examples").rglob("*.yaml") if p.parent.name not in ("ci", "guest"))
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
TUTORIALS = ROOT / "docs" / "tutorials"
"""Their commands and programs are run in their order: test_tutorials.py."""


def blocks(language: str) -> list[Any]:
    found = []
    for page in PAGES:
        if language == "python" and page.parent == TUTORIALS:
            continue
        fence = rf'^```{language}(?: title="[^"]+")?\n(.*?)^```'
        texts = re.findall(fence, page.read_text(encoding="utf-8"), re.M | re.S)
        found += [pytest.param(text, id=f"{page.name}-{i}") for i, text in enumerate(texts)]
    return found


@pytest.mark.parametrize("code", blocks("python"))
def test_python_example_runs(code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    exec(compile(code, "example", "exec"), {"__name__": "example"})


def valid(content: dict[str, Any]) -> bool:
    """Whether an example is a configuration of an audit, or else a policy."""
    if "audit" in content:
        return bool(read(content).audit)
    return bool(read_policy(content).policy.gates)


@pytest.mark.parametrize("text", blocks("yaml"))
def test_yaml_example_is_a_valid_configuration_or_policy(text: str) -> None:
    assert valid(YAML(typ="safe", pure=True).load(text))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda p: p.name)
def test_shipped_example_is_a_valid_configuration_or_policy(path: Path) -> None:
    assert valid(YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8")))


@pytest.mark.parametrize(
    "text", [*blocks("yaml"), *(pytest.param(p.read_text(encoding="utf-8"), id=p.name) for p in EXAMPLES)]
)
def test_examples_keep_to_the_schema_that_editors_read(text: str) -> None:
    """What a program takes and its schema refuses is underlined in every editor."""
    content = json.loads(json.dumps(YAML(typ="safe", pure=True).load(text), default=str))
    schema = json_schema() if "audit" in content else policy_schema()
    found = jsonschema.Draft202012Validator(schema).iter_errors(content)
    assert [(list(error.absolute_path), error.message) for error in found] == []


def test_every_metric_is_in_the_documentation() -> None:
    from fairweigh.metrics.table import METRICS

    text = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    assert [name for name in METRICS if f"`{name}`" not in text] == []
