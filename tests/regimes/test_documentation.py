"""The regimes that document a system: what they ask for, what they quote, what other readers make of it.

Outside answers: scikit-learn for the figures, huggingface_hub for the model card's metadata.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from ruamel.yaml import YAML
from sklearn.metrics import accuracy_score, recall_score

from .pages import tables, words

if TYPE_CHECKING:
    import pyarrow as pa

    from ..conftest import Ended


RUN = Path("runs/t")
EU = {
    "provider": "A provider <b>",
    "system": "A system",
    "system_version": 1.2,
    "intended_purpose": "To decide.",
    "classification": "Annex III, point 5(b)",
    "data_provenance": "Generated.",
    "metrics_appropriateness": "They show who is turned down.",
    "responsible": "The head of tests",
}
GENERAL = {
    "general_purpose": True,
    "training_compute": 4.2e25,
    "placed_on_market": "2025-05-01",
    "open_licence": True,
    "architecture": "decoder, 135 million parameters",
}
NIST = {"context": "Loans.", "metrics_rationale": "Denials harm.", "responsible": "The head of tests"}
CARD = {
    "model_name": "a model",
    "license": "apache-2.0",
    "intended_use": "To decide | and <b>.",
    "out_of_scope": "Hiring.",
    "limitations": "Many.",
    "dataset_id": "owner/people",
}
REGIMES: dict[str, Any] = {"eu-ai-act": EU, "nist-ai-rmf": NIST, "model-card": CARD}


@pytest.fixture
def people(make_people: Callable[..., pa.Table]) -> Any:
    return make_people(400, seed=3)


@pytest.fixture
def run(
    audited: Callable[..., Any], make_config: Callable[..., dict[str, Any]], people: pa.Table
) -> Callable[..., Path]:
    """An audit of 400 generated people under one regime."""

    def do(name: str, **changed: Any) -> Path:
        inputs = {k: v for k, v in {**REGIMES[name], **changed}.items() if v is not None}
        report = {"charts": False, "regimes": [{name: inputs}]}
        metrics = ["accuracy", "selection_rate", "true_positive_rate", "auc"]
        audited(make_config(report=report, metrics=metrics, slices={"intersections": 2}), people)
        return RUN / "regimes" / f"{name}.html"

    return do


def truth(people: Any, **part: Any) -> tuple[Any, Any]:
    """Label and decision of the people of a slice, counted by others' code."""
    frame = people.to_pandas()
    for column, value in part.items():
        frame = frame[frame[column] == value]
    return frame["y"], frame["score"] >= 0.5


@pytest.mark.parametrize("name", ["eu-ai-act", "nist-ai-rmf"])
def test_accuracy_of_groups_is_that_of_scikit_learn(run: Callable[..., Path], people: Any, name: str) -> None:
    page = run(name)
    rows = next(
        rows for _, rows in tables(page) if "Accuracy" in rows[0] and rows[1][0] in ("Female", "Male")
    )
    shown = {row[0]: dict(zip(rows[0], row, strict=True)) for row in rows[1:]}
    for sex in ("Female", "Male"):
        y, decided = truth(people, sex=sex)
        for title, figure in (("Accuracy", accuracy_score), ("True positive rate", recall_score)):
            assert shown[sex][title].startswith(f"{figure(y, decided) * 100:.1f} %")


@pytest.mark.parametrize("name", ["eu-ai-act", "nist-ai-rmf"])
def test_page_judges_nothing_and_tells_its_date(run: Callable[..., Path], name: str) -> None:
    page = run(name)
    assert "Legal status as of 2026-" in words(page)
    assert "a person judges that" in words(page)
    for claim in ("complies", "is compliant", "conforms", "certified"):
        assert claim not in page.read_text()


def test_annex_iv_has_its_parts_and_dates(run: Callable[..., Path]) -> None:
    text = words(run("eu-ai-act", data_gaps="None known."))
    for part in ("2(d)", "2(g)", "Annex IV, 3", "Annex IV, 4", "Annex IV, 6"):
        assert part in text
    # The application dates as amended in 2026.
    assert "2 December 2027" in text
    assert "2 August 2028" in text
    for article in ("10(2)(f)", "10(2)(g)", "10(2)(h)", "10(3)", "13(3)(b)", "15(3)"):
        assert article in text
    assert "None known." in text
    assert "Representativeness, Article 10(3) Not stated." in text
    assert "A provider &lt;b&gt;" in text


def test_obligations_of_general_purpose_models_stand_where_it_is_one(run: Callable[..., Path]) -> None:
    plain = words(run("eu-ai-act"))
    # The dates are told to everyone, the parts to providers of such models.
    for date in ("2 August 2025 (Article 113(b))", "2 August 2027 (Article 111(3))", "from 2 August 2026"):
        assert date in plain
    assert "53(1)(a)" not in plain


def test_evidence_is_told_by_article_and_annex(run: Callable[..., Path], cli: Callable[..., Ended]) -> None:
    page = run("eu-ai-act", **GENERAL)
    text = words(page)
    for part in ("53(1)(a)", "53(1)(b)", "Annex XII", "53(1)(c)", "55(1)(a)", "Annex XI, section 2, 1"):
        assert part in text
    assert "4.2 × 10²⁵" in text
    assert "Article 51(2) presumes high-impact capabilities" in text
    assert "its provider has until 2 August 2027" in text
    assert "does not hold for one with systemic risk" in text
    assert "Systemic risk, Article 51 Not stated." in text
    rows = next(rows for _, rows in tables(page) if "Evidence of this run" in rows[0])
    assert {row[0]: row[2] for row in rows[1:]}["53(1)(d)"] == "none"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"general_purpose": False, "training_compute": 1e23}, "training_compute is of general-purpose"),
        ({"general_purpose": True, "training_compute": -1}, "training_compute: input should be greater"),
        ({"general_purpose": True, "placed_on_market": "soon"}, "placed_on_market: "),
        ({"general_purpose": "perhaps"}, "general_purpose: "),
    ],
)
def test_what_is_said_of_such_a_model_is_checked(
    given: dict[str, Any], said: str, run: Callable[..., Path], cli: Callable[..., Ended]
) -> None:
    run("eu-ai-act")
    inputs = [word for k, v in {**EU, **given}.items() for word in ("--input", f"{k}={v!r}")]
    ended = cli("report", str(RUN), "--regime", "eu-ai-act", *inputs)
    assert (ended.code, len(ended.lines)) == (2, 1)
    assert said in ended.err


@pytest.mark.parametrize("name", REGIMES)
def test_each_required_input_is_asked_for_by_name(
    name: Any,
    audited: Callable[..., Any],
    make_config: Callable[..., dict[str, Any]],
    people: pa.Table,
    cli: Callable[..., Ended],
) -> None:
    audited(make_config(), people)
    for key in REGIMES[name]:
        rest = [f"{k}={v!r}" for k, v in REGIMES[name].items() if k != key]
        given = [word for setting in rest for word in ("--input", setting)]
        ended = cli("report", str(RUN), "--regime", name, *given)
        assert (ended.code, len(ended.lines)) == (2, 1)
        assert f"{name}: the required input is missing: {key} (" in ended.err
    assert not (RUN / "regimes").exists()


@pytest.mark.parametrize("name", REGIMES)
def test_run_with_a_documentation_verifies(
    run: Callable[..., Path], cli: Callable[..., Ended], name: str
) -> None:
    run(name)
    assert cli("verify", str(RUN)).code == 0
    assert cli("report", str(RUN), "--language", "zh").code == 0
    assert cli("verify", str(RUN)).code == 0


def test_a_model_card_is_english_beside_a_chinese_report(
    run: Callable[..., Path], cli: Callable[..., Ended]
) -> None:
    """The Hub's headings are; a card of two languages is none."""
    run("model-card")
    card = (RUN / "regimes/model-card/README.md").read_bytes()
    assert cli("report", str(RUN), "--language", "zh").code == 0
    assert 'lang="zh-Hans"' in (RUN / "report.html").read_text(encoding="utf-8")
    assert (RUN / "regimes/model-card/README.md").read_bytes() == card
    assert not re.search("[\u4e00-\u9fff]", card.decode())


def test_model_card_is_read_by_the_hub_s_own_reader(run: Callable[..., Path], people: Any) -> None:
    from huggingface_hub import ModelCard, parse_eval_result_entries

    run("model-card", language=["en"], tags=["tabular"])
    folder = RUN / "regimes/model-card"
    card: Any = ModelCard((folder / "README.md").read_text(encoding="utf-8"))
    assert (card.data.license, card.data.language, card.data.tags) == ("apache-2.0", ["en"], ["tabular"])
    assert card.data.model_name == "a model"
    y, decided = truth(people)
    found = {item.metric_type: item for item in card.data.eval_results}
    assert found["accuracy"].metric_value == pytest.approx(accuracy_score(y, decided))
    assert found["recall"].metric_value == pytest.approx(recall_score(y, decided))
    assert {item.dataset_type for item in found.values()} == {"owner/people"}
    entries = parse_eval_result_entries(YAML(typ="safe").load(folder / "eval_results.yaml"))
    assert entries[0].dataset_id == "owner/people"
    assert {e.value for e in entries} == {item.metric_value for item in found.values()}


def test_model_card_has_unitary_and_intersectional_results(run: Callable[..., Path]) -> None:
    run("model-card")
    text = (RUN / "regimes/model-card/README.md").read_text(encoding="utf-8")
    assert "To decide &#124; and &#60;b&#62;." in text
    unitary, crossed = re.split("### Intersectional results", text.split("### Unitary results")[1])
    assert "| sex=Female |" in unitary
    assert "sex=Female &" not in unitary
    assert "| sex=Female & race=a |" in crossed.replace("&#38;", "&")


def test_card_of_a_name_that_is_no_identifier_is_refused(
    cli: Callable[..., Ended],
    audited: Callable[..., Any],
    make_config: Callable[..., dict[str, Any]],
    people: pa.Table,
) -> None:
    audited(make_config(), people)
    given = [
        word for k, v in {**CARD, "dataset_id": "not a name"}.items() for word in ("--input", f"{k}={v!r}")
    ]
    ended = cli("report", str(RUN), "--regime", "model-card", *given)
    assert (ended.code, len(ended.lines)) == (2, 1)
    assert "model-card: dataset_id: " in ended.err
    assert "'not a name'" in ended.err
