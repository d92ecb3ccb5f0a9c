"""What pages say of a positive decision: favourable or a burden where that was said, else neither."""

from __future__ import annotations

import re

import pytest
from fairweigh.audit.figures.definitions import metric_definition
from fairweigh.audit.result import AuditResult
from fairweigh.reports.front.document import render_report
from fairweigh.reports.page.findings import findings
from fairweigh.reports.page.html import render_annex
from fairweigh.reports.plain.markdown import render_markdown
from fairweigh.reports.plain.text import render_text
from fairweigh.reports.words.meaning import worse_off
from fairweigh.reports.words.spoken import plain

from .test_html import Page

VALUED = re.compile(r"favou?rabl|worse off|(a|the) burden\b|burden (lifted|gained)", re.IGNORECASE)
VALUED_ZH = re.compile("有利|负担|处境更差")
SAID_NOT = ("benefit or a burden", "是利益还是负担")
"""What a run says where nobody said it; not a word that values."""


def meaning(result: AuditResult, said: str | None) -> AuditResult:
    return result.model_copy(update={"data": result.data.model_copy(update={"positive_is": said})})


def text_of(result: AuditResult, language: str = "en") -> str:
    """Words of the page and of its charts, without what our definitions cite."""
    page = render_annex(result, language=language)
    text = Page(page).text + " ".join(re.findall(r"<(?:desc|title)[^>]*>([^<]*)<", page))
    for neither in SAID_NOT:
        text = text.replace(neither, "")
    return text


@pytest.fixture(params=["compas", "compressed"])
def result(request: pytest.FixtureRequest) -> AuditResult:
    """Real counts of COMPAS, alone and with a ladder of lighter variants."""
    return request.getfixturevalue(request.param)


def test_where_it_is_not_said_no_decision_is_valued(result: AuditResult) -> None:
    unsaid = meaning(result, None)
    assert not VALUED.findall(text_of(unsaid))
    assert not VALUED_ZH.findall(text_of(unsaid, "zh"))
    assert not VALUED.findall(render_text(unsaid) + render_markdown(unsaid))


def test_a_benefit_is_favourable_and_goes_less_often_to_some(result: AuditResult) -> None:
    said = meaning(result, "benefit")
    text, chinese = text_of(said), text_of(said, "zh")
    assert "That is a benefit to the person: the decision is called favourable." in text
    assert "入选对本人是利益：这一决策称为有利决策。" in chinese
    assert not re.search(r"\bburden\b", text)
    assert "负担" not in chinese


def test_a_burden_is_never_called_favourable(result: AuditResult) -> None:
    said = meaning(result, "burden")
    text, chinese = text_of(said), text_of(said, "zh")
    assert "That is a burden to the person: whoever is selected is worse off." in text
    assert "入选对本人是负担：被选中者处境更差。" in chinese
    assert "favourable" not in text
    assert "有利" not in chinese


def test_flips_gain_and_lose_what_a_decision_is(compressed: AuditResult) -> None:
    pays = re.compile(r"times the rate of the others \(([^)]*)\)")
    told = {
        said: pays.search(Page(render_report(meaning(compressed, said))).text)
        for said in (None, "benefit", "burden")
    }
    assert re.fullmatch(r"\d+ are no longer selected, \d+ newly are", told[None][1])
    assert re.fullmatch(r"\d+ lose a favourable decision, \d+ gain one", told["benefit"][1])
    assert re.fullmatch(r"\d+ gain a burden, \d+ lose one", told["burden"][1])


def test_who_is_worse_off_by_a_false_positive_rate_hangs_on_what_a_decision_is(compas: AuditResult) -> None:
    # ProPublica: of those who did not reoffend, 44.8 % of African-American and 23.5 % of Caucasian people
    # were rated a risk.
    black, white = {"race": "African-American"}, {"race": "Caucasian"}
    pair = (black, 0.448), (white, 0.235)

    def told(said: str | None, metric: str = "false_positive_rate") -> str:
        known = {**compas.definitions, metric: metric_definition(metric)}
        return plain(
            worse_off(metric, *pair, meaning(compas.model_copy(update={"definitions": known}), said))
        )

    assert told(None) == ""
    assert told("burden") == "The burden falls more often on race=African-American."
    assert told("benefit") == "The favourable decision goes less often to race=Caucasian."
    # A false negative is not selected: the higher rate is the lesser burden.
    assert "on race=Caucasian." in told("burden", "false_negative_rate")
    assert "to race=African-American." in told("benefit", "true_negative_rate")
    # How often decisions are right does not hang on what they are.
    for said in (None, "burden", "benefit"):
        assert told(said, "accuracy") == "Decisions are right less often for race=Caucasian."
        assert told(said, "precision") == "Positive decisions are right less often for race=Caucasian."
    same = plain(worse_off("selection_rate", (black, 0.5), (white, 0.5), meaning(compas, "burden")))
    assert same == ""


def test_a_finding_says_on_whom_a_burden_falls(compas: AuditResult) -> None:
    leads = [plain(f.lead) for f in findings(meaning(compas, "burden"))]
    assert any("The burden falls more often on race=African-American." in lead for lead in leads)
    assert not any("burden" in plain(f.lead) for f in findings(meaning(compas, None)))
