"""What a positive decision is to the person: said in the data or by the card, and what follows from it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fairweigh import Audit
from fairweigh.datasets.card import card, names

if TYPE_CHECKING:
    from .conftest import Ended


RUN = Path("runs/t")

# The example of New York City's Local Law 144 rules, 6 RCNY 5-300: people and selections by race.
RACE = {
    "Hispanic or Latino": (408, 204),
    "White": (797, 412),
    "Black or African American": (390, 170),
    "Asian": (616, 302),
}


@pytest.fixture
def counted(audited: Callable[..., Any], here: Path) -> Callable[..., Any]:
    """Audit the counts above; returns the result."""

    def do(**data: Any) -> Any:
        lines = ["race,decision,n"]
        for race, (n, selected) in RACE.items():
            lines += [f"{race},1,{selected}", f"{race},0,{n - selected}"]
        (here / "cells.csv").write_text("\n".join(lines) + "\n")
        source = {"path": "cells.csv", "count": "n", "sensitive": ["race"], **data}
        return audited({"audit": "t", "data": source, "model": {"decision": "decision"}})

    return do


def impact(result: Any) -> Any:
    return [d for d in result["variants"][0]["disparities"] if d["name"] == "impact_ratio"]


def test_the_lowest_rate_is_the_benchmark_of_a_burden(counted: Any) -> None:
    result = counted(positive_is="burden")
    assert result["data"]["positive_is"] == "burden"
    assert {d["reference"]["race"] for d in impact(result)} == {"Black or African American"}
    values = {d["slice"]["race"]: d["value"] for d in impact(result)}
    assert values["White"] == pytest.approx((412 / 797) / (170 / 390))
    assert min(values.values()) > 1


@pytest.mark.parametrize("said", [{}, {"positive_is": "benefit"}])
def test_the_highest_rate_is_the_benchmark_otherwise(counted: Any, said: dict[str, Any]) -> None:
    result = counted(**said)
    assert result["data"]["positive_is"] == said.get("positive_is")
    assert {d["reference"]["race"] for d in impact(result)} == {"White"}
    assert max(d["value"] for d in impact(result)) < 1


def test_a_rate_of_zero_is_the_benchmark_of_a_burden_and_fails_who_bears_more(
    audited: Callable[..., Any], here: Path
) -> None:
    """Nobody of a, half of c: no ratio exists, but the melded p of c <= 1.25 a does, and is as good as 0."""
    (here / "cells.csv").write_text("race,decision,n\na,0,100\nb,1,20\nb,0,80\nc,1,50\nc,0,50\n")
    data = {"path": "cells.csv", "count": "n", "sensitive": ["race"], "positive_is": "burden"}
    gate = {"metric": "selection_rate", "by": "race", "compare": "ratio", "limit": ">= 0.8"}
    result = audited({"audit": "t", "data": data, "model": {"decision": "decision"}, "gates": [gate]})
    assert {d["reference"]["race"] for d in impact(result)} == {"a"}
    assert {(d["value"], d["status"]) for d in impact(result)} == {(None, "undefined")}
    (found,) = result["gates"]
    assert (found["verdict"], found["slice"], found["measured"]) == ("fail", {"race": "c"}, None)
    # Clopper and Pearson at half the level: nobody of 100 is at most 8 %, half of 100 at least a third.
    assert found["low"] > 1.25


def test_a_run_with_a_burden_is_computed_again_from_its_predictions(
    counted: Any, cli: Callable[..., Ended]
) -> None:
    counted(positive_is="burden")
    assert cli("verify", str(RUN)).code == 0


def test_a_card_says_it_and_the_configuration_overrides_it(audited: Callable[..., Any]) -> None:
    content: dict[str, Any] = {"audit": "t", "data": {"name": "synthetic_lending", "split": "test"}}
    assert audited(content)["data"]["positive_is"] == "benefit"
    assert json.loads((RUN / "audit.json").read_text())["configuration"]["data"]["positive_is"] == "benefit"
    RUN.rename("runs/first")
    content["data"]["positive_is"] = "burden"
    assert audited(content)["data"]["positive_is"] == "burden"


@pytest.mark.parametrize(
    "other", [{"positive": 0, "negative": 1}, {"label": "approved", "positive": "yes", "negative": "no"}]
)
def test_what_a_card_says_holds_for_its_own_positive_class_alone(
    audited: Callable[..., Any], other: dict[str, Any]
) -> None:
    content = {"audit": "t", "data": {"name": "synthetic_lending", "split": "test", **other}}
    assert audited(content)["data"]["positive_is"] is None


def test_cards_say_it_where_it_is_clear() -> None:
    assert {name: card(name).positive_is for name in names()} == {
        "acs_income": "benefit",
        "adult": "benefit",
        "bank_marketing": None,
        "communities_crime": "burden",
        "compas": "burden",
        "credit_card_default": "burden",
        "german_credit": "benefit",
        "law_school": "benefit",
        "synthetic_lending": "benefit",
    }


def test_the_keyword_of_an_audit(here: Path, make_people: Callable[..., pa.Table]) -> None:
    rows = make_people()
    hired = Audit("t", rows, label="y", sensitive=["sex"], decision="approved", positive_is="burden")
    assert hired.run(RUN).data.positive_is == "burden"


def test_another_word_is_an_error_of_one_line(
    write: Callable[..., None],
    refused: Callable[..., str],
    make_people: Callable[..., pa.Table],
    make_config: Callable[..., dict[str, Any]],
) -> None:
    write(make_people(), make_config(data={"positive_is": "good"}))
    assert refused().endswith("data.positive_is: input should be 'benefit' or 'burden', got 'good'")


def test_init_asks_and_the_file_runs_as_it_stands_and_with_an_answer(
    cli: Callable[..., Ended], here: Path, make_people: Callable[..., pa.Table]
) -> None:
    pq.write_table(make_people(), "d.parquet")
    assert cli("init", "d.parquet", "-o", "audit.yaml").code == 0
    text = Path("audit.yaml").read_text()
    assert text.count("# positive_is: benefit ") == 1
    assert "favourable decision" not in text
    for name, said in (("unsaid", None), ("said", "burden")):
        Path("a.yaml").write_text(
            text.replace("# positive_is: benefit ", f"positive_is: {said} ") if said else text
        )
        assert cli("audit", "a.yaml", "-q", "-o", name).code in (0, 1, 3)
        assert json.loads(Path(name, "audit.json").read_text())["data"]["positive_is"] == said


def test_the_report_of_compas_speaks_of_a_burden_and_never_of_a_favourable_decision(
    data_folder: Path, cli: Callable[..., Ended], here: Path
) -> None:
    example = Path(__file__).parents[1] / "examples" / "compas.yaml"
    ended = cli("audit", str(example), "-o", "compas")
    # ProPublica's finding as gates: false positive and false negative rates by race differ by more than 0.1.
    assert ended.code == 1
    texts = [ended.out + ended.err, *(p.read_text() for p in Path("compas").glob("*.[hjm]*") if p.is_file())]
    assert len(texts) > 4
    assert not [text[:60] for text in texts if "favourable" in text]
    assert "The burden falls more often on race=African-American." in texts[0]
    result = json.loads(Path("compas/audit.json").read_text())
    ratios = {d["slice"]["race"]: d for d in impact(result) if d["by"] == ["race"]}
    # Medium or High: 79 of 377 of race Other, the lowest, and 2,174 of 3,696.
    assert {d["reference"]["race"] for d in ratios.values()} == {"Other"}
    assert ratios["African-American"]["value"] == pytest.approx((2174 / 3696) / (79 / 377))


def test_the_report_of_a_benefit_says_favourable(audited: Callable[..., Any]) -> None:
    audited({"audit": "t", "data": {"name": "synthetic_lending", "split": "test"},
             "model": {"decision": "approved", "positive": "yes"}})  # fmt: skip
    page, annex = ((RUN / name).read_text() for name in ("report.html", "annex.html"))
    assert "the decision is called favourable" in annex
    assert "The favourable decision goes less often to" in page
    for text in (page, annex):
        assert "burden" not in text


def test_the_schema_documents_it(cli: Callable[..., Ended]) -> None:
    described = json.loads(cli("schema").out)["$defs"]["Data"]["properties"]["positive_is"]
    assert {"benefit", "burden"} == set(described["anyOf"][0]["enum"])
    assert "a burden (a risk rating" in described["description"]
