"""Rendering a finished run again: the language and charts of its pages stay, and every regime ends well."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from fairweigh.audit.regimes.registry import names

if TYPE_CHECKING:
    import pyarrow as pa
    from fairweigh.result import Result

    from .conftest import Ended


CARD = {"model_name": "m", "license": "mit", "intended_use": "u", "out_of_scope": "o", "limitations": "l",
        "dataset_id": "a/b"}  # fmt: skip
INPUTS = {
    "credit": {"reference": "{sex: Male}", "air_limit": "0.8", "smd_limit": "0.3"},
    "eu-ai-act": dict.fromkeys(
        ("provider", "system", "system_version", "intended_purpose", "classification", "data_provenance",
         "metrics_appropriateness", "responsible"), "told",
    ),
    "four-fifths": {},
    "model-card": CARD,
    "nist-ai-rmf": dict.fromkeys(("context", "metrics_rationale", "responsible"), "told"),
    "nyc-ll144": {
        "rate": "selection", "tool": "t", "audit_date": "'2026-01-03'", "distribution_date": "'2026-01-02'",
        "data_source": "s", "data_type": "historical", "sex": "sex", "race": "race",
    },
}  # fmt: skip


@pytest.fixture
def people_run(
    here: Path, make_people: Callable[..., pa.Table], make_config: Callable[..., dict[str, Any]]
) -> Result:
    import fairweigh

    races = ["White", "Black or African American"] * 100
    rows = make_people(race=races)
    return fairweigh.run(make_config(), "run", data=rows)


def asked(name: str) -> list[Any]:
    return ["--regime", name, *(w for k, v in INPUTS[name].items() for w in ("--input", f"{k}={v}"))]


def language_of(page: str) -> Any:
    return Path(page).read_text().split('lang="')[1].split('"')[0]


def test_every_regime_of_this_version_is_tried() -> None:
    assert set(INPUTS) == set(names())


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("name", INPUTS)
def test_every_regime_ends_with_the_file_that_it_wrote(
    people_run: Result, cli: Callable[..., Ended], name: str, language: str
) -> None:
    ended = cli("report", "run", *asked(name), "--language", language)
    assert ended.code == 0, ended
    told = ended.out.splitlines()[-1]
    assert told.startswith(f"{name}: run/regimes/{name}")
    assert Path(told.partition(": ")[2]).is_file()
    assert cli("verify", "run", "-q").code == 0


def test_a_language_stays_until_another_is_asked_for(people_run: Result, cli: Callable[..., Ended]) -> None:
    assert cli("report", "run", "--language", "zh", "-q").code == 0
    assert cli("report", "run", *asked("four-fifths"), "-q").code == 0
    assert language_of("run/report.html") == language_of("run/regimes/four-fifths.html") == "zh-Hans"
    assert cli("report", "run", *asked("nist-ai-rmf"), "-q").code == 0
    assert cli("report", "run", "-q").code == 0
    assert language_of("run/report.html") == language_of("run/regimes/nist-ai-rmf.html") == "zh-Hans"
    assert cli("report", "run", "--language", "en", "-q").code == 0
    assert cli("report", "run", "-q").code == 0
    assert language_of("run/report.html") == language_of("run/regimes/four-fifths.html") == "en"
    assert cli("verify", "run", "-q").code == 0


def test_charts_stay_as_they_were_asked_for(people_run: Result, cli: Callable[..., Ended]) -> None:
    assert cli("report", "run", "--charts", "-q").code == 0
    drawn = Path("run/annex.html").read_text()
    assert cli("report", "run", *asked("four-fifths"), "-q").code == 0
    assert Path("run/annex.html").read_text().count("<svg") == drawn.count("<svg") > 0


def test_a_manifest_that_says_something_else_of_its_pages_is_one_line(
    people_run: Result, cli: Callable[..., Ended]
) -> None:
    path = Path("run/MANIFEST.json")
    for wrong in ("zh", {"language": 3}, {"charts": "no"}):
        content = json.loads(path.read_text())
        path.write_text(json.dumps({**content, "rendered": wrong}, indent=2, ensure_ascii=False) + "\n")
        ended = cli("report", "run")
        assert (ended.code, len(ended.lines)) == (2, 1)
        assert "rendered: expected a language" in ended.err
