"""A choice among variants on the rows that judge it, where a policy wants it made on other rows."""

from __future__ import annotations

import html
import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

import fairweigh
import numpy as np
import pyarrow as pa
import pytest
from fairweigh.audit.again.by_policy import judge_run
from fairweigh.audit.result.whole import AuditResult
from fairweigh.audit.verdict.binding import uncertified
from fairweigh.audit.verdict.frontier import frontier
from fairweigh.audit.verdict.standings import Judged
from fairweigh.reports.front.document import render_report
from fairweigh.reports.page.finding_words import gate_finding
from fairweigh.reports.page.html import render_annex
from fairweigh.reports.plain.junit import render_junit
from fairweigh.reports.plain.markdown import render_markdown
from fairweigh.reports.plain.sarif import render_sarif
from fairweigh.reports.plain.text import render_text
from fairweigh.reports.words.language import writing
from fairweigh.reports.words.spoken import plain

from ..reports.test_html import Page
from .paired_rows import plan

if TYPE_CHECKING:
    from ..conftest import Ended


N = 1500
ACCURACY = {"metric": "accuracy", "limit": ">= 0.6", "decide": "point"}
PARITY = {"metric": "selection_rate", "by": "g", "compare": "ratio", "limit": ">= 0.8", "decide": "point"}
POLICY = {"policy": "strict", "gates": [ACCURACY], "require_selection": True}


def scored() -> pa.Table:
    """Scored people; slice b has lower scores for the same label."""
    r = np.random.default_rng(0)
    g, y = r.choice(["a", "b"], N), r.integers(0, 2, N)
    s = np.clip(r.normal(0.35 + 0.3 * y, 0.15), 0, 1)
    ids = [f"r{i}" for i in range(N)]
    return pa.table({"id": ids, "g": g, "y": y, "s": np.where(g == "b", 0.75 * s, s)})


def config(mitigated: bool = True, objective: dict[str, Any] | None = None, **data: Any) -> Any:
    made: dict[str, Any] = {
        "audit": "repaired",
        "data": {"path": "d.parquet", "label": "y", "sensitive": ["g"], "id": "id", **data},
        "model": {"score": "s", "threshold": 0.5},
        "gates": [ACCURACY],
        "report": {"charts": False},
    }
    if mitigated:
        made["data"]["validation"] = {"share": 0.3}
        made["mitigations"] = [{"threshold": {"by": ["g"], "constraint": "demographic_parity"}}]
        made["gates"] = [ACCURACY, {**PARITY, "on": "mitigated"}]
    return made if objective is None else {**made, "objective": objective}


@pytest.fixture(scope="module")
def chosen_on_the_same(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run whose repaired variant was chosen on the rows that judge it."""
    folder = tmp_path_factory.mktemp("runs") / "same"
    fairweigh.run(config(), folder, data=scored())
    return folder


@pytest.fixture(scope="module")
def chosen_apart(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "apart"
    fairweigh.run(config(selection={"share": 0.3}), folder, data=scored())
    return folder


@pytest.fixture(scope="module")
def refused_run(chosen_on_the_same: Path) -> AuditResult:
    return judge_run(chosen_on_the_same, POLICY)


def test_a_choice_on_the_rows_that_judge_it_is_an_error_where_the_policy_wants_other_rows(
    chosen_on_the_same: Path, refused_run: AuditResult
) -> None:
    audited = fairweigh.load_result(chosen_on_the_same)
    assert (audited.verdict, audited.frontier.certified) == ("pass", False)
    assert judge_run(chosen_on_the_same, {**POLICY, "require_selection": False}).verdict == "pass"
    assert refused_run.verdict == "error"
    (error,) = [gate for gate in refused_run.gates if gate.verdict == "error"]
    name = refused_run.frontier.recommended
    assert (error.id, error.variant, error.binding) == ("certified", name, True)
    assert error.why == (
        f"Of 2 variants {name} was chosen on the rows that judge it, and a choice on other rows is required; "
        "set data.selection."
    )


def test_a_choice_on_rows_of_its_own_is_none(chosen_apart: Path) -> None:
    judged = judge_run(chosen_apart, POLICY)
    assert judged.frontier.certified is True
    assert judged.verdict == "pass"
    assert "certified" not in {gate.id for gate in judged.gates}


def test_where_no_variants_compete_there_is_no_choice(tmp_path: Path) -> None:
    fairweigh.run(config(mitigated=False), tmp_path / "plain", data=scored())
    assert judge_run(tmp_path / "plain", POLICY).verdict == "pass"


def test_the_original_that_stays_was_chosen_too() -> None:
    """Of an original and a variant one is released; which one was decided on the rows that judge it."""
    from fairweigh.audit.config import Objective

    from .test_frontier import GATES, ladder

    same = ladder({"original": ("pass", None), "int8": ("pass", "fail")})
    (told,) = uncertified(frontier(Objective(), GATES, same), plan())
    assert (told.variant, told.verdict) == ("original", "error")
    none = ladder({"original": ("fail", None), "int8": ("fail", "fail")})
    assert uncertified(frontier(Objective(), GATES, none), plan()) == []
    alone = Judged(same.variants[:1], same.gates[:1], [], 1000)
    assert uncertified(frontier(Objective(), GATES, alone), plan()) == []


def test_every_output_says_so(refused_run: AuditResult) -> None:
    name = refused_run.frontier.recommended
    why = f"Of 2 variants {name} was chosen on the rows that judge it"
    cases = ElementTree.fromstring(render_junit(refused_run)).iter("testcase")
    (case,) = [case for case in cases if case.get("name").startswith("certified")]
    assert [child.tag for child in case] == ["error"]
    assert why in case[0].get("message")
    results = json.loads(render_sarif(refused_run, {}))["runs"][0]["results"]
    assert [(r["ruleId"], r["level"]) for r in results] == [("certified", "error")]
    page = Page(render_report(refused_run, charts=False)).text
    # Markdown writes an underscore of a name as its number.
    for text in (page, html.unescape(render_markdown(refused_run)), render_text(refused_run)):
        assert "Choice of the variant" in text
        assert f"The choice of {name} is not certified." in text.replace("**", "")
        assert why in text
        assert "chosen on other rows" in text


def test_the_report_says_so_in_chinese(refused_run: AuditResult) -> None:
    (error,) = [gate for gate in refused_run.gates if gate.id == "certified"]
    with writing("zh"):
        finding = gate_finding(error, refused_run)
        assert plain(finding.lead) == f"{error.variant} 的选择未获确认。"
        assert plain(finding.rest).endswith("而这里要求用其他样本进行选择；请设置 data.selection。")
    page = render_annex(refused_run, charts=False, language="zh")
    assert "变体的选择" in page
    assert "用其他样本选出" in page
    assert "chosen on other rows" not in page


def test_a_configuration_that_wants_other_rows_has_to_set_them_aside(
    cli: Callable[..., Ended], write: Callable[..., None], here: Path
) -> None:
    wanted = {"require_selection": True}
    write(scored(), config(objective=wanted))
    ended = cli("audit", "a.yaml", "-q")
    assert (ended.code, len(ended.lines)) == (2, 1)
    assert "objective.require_selection" in ended.err
    assert "expected data.selection, got none" in ended.err
    assert sorted(path.name for path in here.iterdir()) == ["a.yaml", "d.parquet"]
    for whole in (
        config(objective=wanted, selection={"share": 0.3}),
        config(mitigated=False, objective=wanted),
    ):
        write(None, whole)
        assert cli("check", "a.yaml").code == 0


def test_a_policy_on_the_command_line_ends_with_the_code_of_an_error(
    chosen_on_the_same: Path, cli: Callable[..., Ended], here: Path
) -> None:
    (here / "p.yaml").write_text(json.dumps(POLICY))
    ended = cli("gate", str(chosen_on_the_same), "--policy", "p.yaml")
    assert ended.code == 2
    assert "set data.selection" in ended.out
