"""Other tasks: a class or label against the others, and figures as audited where nothing can be counted.

Outside answers: ``audit.json`` of the run, and of an audit at the threshold that the slider was moved to.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import fairweigh
import numpy as np
import pyarrow as pa
import pytest
from fairweigh.datasets.synthetic_entities import reports

from ..pages import needs_chromium
from .conftest import people
from .looking import JUDGED, rested, result, same_figures, same_gates, show

if TYPE_CHECKING:
    from playwright.sync_api._generated import Page

pytestmark = needs_chromium
Written = Callable[..., Path]

CLASSES = ("bad", "fair", "good")


def audited(folder: Path, table: pa.Table, **settings: Any) -> Path:
    data = {"path": "people", "sensitive": ["sex", "race"], "id": "id", **settings.pop("data")}
    more = {"slices": {"intersections": 2, "min_size": 30}, "report": {"charts": False}}
    fairweigh.run({"audit": "t", "data": data, **(more | settings)}, folder, data=table)
    return folder


def opinions() -> pa.Table:
    """Three classes with a probability of each, and what a blunter model says."""
    table = people()
    draw = np.random.default_rng(8)
    score = table["score"].to_numpy()
    logits = np.stack([1 - 2 * score, np.full(len(score), 0.2), 2 * score - 1], 1) * 3
    odds = np.exp(logits + draw.normal(0, 0.7, logits.shape))
    p = (odds / odds.sum(1, keepdims=True)).round(6)
    truth = np.array(CLASSES)[(odds + draw.gumbel(0, 0.4, odds.shape)).argmax(1)]
    columns = {"opinion": truth, "said": np.array(CLASSES)[p.argmax(1)]}
    columns["blunt"] = np.array(CLASSES)[(odds + draw.normal(0, 1, odds.shape)).argmax(1)]
    for k, name in enumerate(CLASSES):
        columns[f"p_{name}"] = p[:, k]
    for name, values in columns.items():
        table = table.append_column(name, pa.array(values))
    return table


CLASS_GATES = [
    {"metric": "accuracy", "limit": ">= 0.5"},
    {"metric": "macro_f1", "by": "sex", "compare": "difference", "limit": "<= 0.1"},
    {"metric": "true_positive_rate", "class": "good", "by": "race", "compare": "difference",
     "limit": "<= 0.2"},
    {"metric": "selection_rate", "class": "favourable", "by": "sex", "compare": "ratio", "limit": ">= 0.7"},
    {"metric": "precision", "class": "each", "by": "sex", "compare": "difference", "limit": "<= 0.2"},
    {"metric": "demographic_parity_difference", "class": "bad", "by": "race", "limit": "<= 0.4"},
    {"metric": "selection_rate", "class": "good", "compare": "change", "limit": ">= -0.1", "on": "blunt"},
    {"metric": "true_positive_rate", "class": "good", "by": "sex", "compare": "change", "limit": "<= 0.2",
     "on": "blunt"},
]  # fmt: skip


def test_each_of_several_classes_is_seen_against_the_others(
    tmp_path: Path, written: Written, page: Page
) -> None:
    run = audited(
        tmp_path / "run", opinions(), task="multiclass", gates=CLASS_GATES,
        data={"label": "opinion", "weight": "w", "favourable": ["fair", "good"]},
        model={"decision": "said", "probabilities": {name: f"p_{name}" for name in CLASSES}},
        variants=[{"name": "blunt", "decision": "blunt"}],
    )  # fmt: skip
    show(page, written(run))
    assert page.locator("#classes").is_visible()
    told = page.locator("#class option").all_inner_texts()
    assert told == ["all together", *CLASSES, "the favourable classes"]
    assert same_figures(page, run, weighted=True) > 500
    assert page.evaluate("explorer.check") == {"n": 8, "all": 14, "wrong": 0}
    # The likeliest class is decided for: no slider, and nothing of one.
    for gone in ("#sliding", "#curves", "#threshold-copy"):
        assert page.locator(gone).is_hidden(), gone
    page.locator("#class").select_option(label="good")
    page.locator("#features input").last.check()
    page.locator("#b").select_option("blunt")
    rested(page)
    assert "of good by" in page.locator("#slices").inner_text()
    assert 'class: "good"' in page.locator("#gate-yaml").inner_text()
    assert page.locator("#rows tr").count() == 10


def labelled() -> pa.Table:
    table = people()
    draw = np.random.default_rng(4)
    score = table["score"].to_numpy()
    for name, shift in (("edema", 0.0), ("fracture", 0.15)):
        p = np.clip(score + shift + draw.normal(0, 0.1, len(score)), 0, 1).round(4)
        table = table.append_column(f"p_{name}", pa.array(p))
        table = table.append_column(name, pa.array((draw.random(len(score)) < p).astype(int)))
    return table


LABEL_GATES = [
    {"metric": "micro_f1", "limit": ">= 0.4"},
    {"metric": "true_positive_rate", "class": "edema", "by": "race", "compare": "difference",
     "limit": "<= 0.2"},
    {"metric": "precision", "class": "edema", "limit": ">= 0.5"},
    {"metric": "f1", "class": "fracture", "by": "sex", "compare": "difference", "limit": "<= 0.1"},
    {"metric": "equalized_odds_difference", "class": "fracture", "by": "sex", "limit": "<= 0.3"},
]  # fmt: skip


def test_each_of_several_labels_has_a_slider_of_its_own(tmp_path: Path, written: Written, page: Page) -> None:
    def at(threshold: float) -> Path:
        return audited(
            tmp_path / str(threshold), labelled(), task="multilabel", gates=LABEL_GATES,
            data={"labels": ["edema", "fracture"]},
            model={"probabilities": {"edema": "p_edema", "fracture": "p_fracture"}, "threshold": threshold},
        )  # fmt: skip

    run = at(0.5)
    show(page, written(run))
    assert same_figures(page, run) > 200
    assert page.evaluate("explorer.check") == {"n": 4, "all": 5, "wrong": 0}
    found = page.evaluate(JUDGED, {"name": "original", "threshold": 0.7})
    assert [gate.get("kept") for gate in found] == ["whole", None, None, None, None]
    assert len(same_gates(found, result(at(0.7))["gates"])) == 4
    page.locator("#class").select_option(label="fracture")
    page.locator("#slider").press("ArrowRight")
    page.wait_for_function("document.getElementById('at').textContent === '0.505'")
    # The other label stays where it was audited.
    assert page.evaluate(
        "explorer.state.cutFor(explorer.data.gates[1]) === explorer.data.variants[0].held[1].cut"
    )


def test_numbers_and_ranks_are_shown_as_audited(tmp_path: Path, written: Written, page: Page) -> None:
    table = people()
    draw = np.random.default_rng(1)
    income = np.exp(draw.normal(9, 1, table.num_rows))
    for name, noise in (("income", 0.0), ("guess", 0.3), ("blunt", 0.6)):
        table = table.append_column(name, pa.array(income * np.exp(draw.normal(0, noise, len(income)))))
    gates = [
        {"metric": "mean_error", "by": "sex", "compare": "difference", "limit": "<= 4000"},
        {"metric": "mean_absolute_error", "compare": "change", "limit": "<= 100", "on": "blunt"},
    ]
    run = audited(
        tmp_path / "run", table, task="regression", data={"label": "income"}, model={"prediction": "guess"},
        variants=[{"name": "blunt", "prediction": "blunt"}], gates=gates,
    )  # fmt: skip
    show(page, written(run))
    assert same_figures(page, run) > 200
    assert "has no threshold" in page.locator("#gates").inner_text()
    assert page.locator("#sliding").is_hidden()
    assert page.locator("#limit").is_hidden()
    assert page.locator("#slices").inner_text() == "Mean error by sex"
    # The audit's own verdicts stand beside its slices, in the units of the outcome.
    (told,) = [g for g in result(run)["gates"] if g["variant"] == "original"]
    assert told["verdict"] in page.locator("#rows .judged").first.inner_text()
    page.locator("#metric").select_option("mean_absolute_error")
    page.locator("#features input").last.check()
    page.locator("#b").select_option("blunt")
    rested(page)
    gaps = page.evaluate(
        "[...document.querySelectorAll('#rows tr')].filter(r => !r.querySelector('th small'))"
        ".map(r => r.children[5].textContent.replace('\u2212', '-').replace(/[,+]/g, ''))"
    )
    sizes = [abs(float(gap)) for gap in gaps if gap != "reference"]
    assert len(sizes) > 5
    assert sizes == sorted(sizes, reverse=True)


def test_types_of_entities_are_views_with_the_verdicts_of_their_own_gates(
    tmp_path: Path, written: Written, page: Page
) -> None:
    gates = [
        {"metric": "entity_recall", "class": "each", "by": "region", "compare": "difference",
         "limit": "<= 0.1"},
    ]  # fmt: skip
    run = audited(
        tmp_path / "run", reports(120, seed=3), task="ner", gates=gates,
        data={"tokens": "tokens", "tags": "tags", "sensitive": ["region"], "document": "report"},
        model={"tags": "predicted"}, variants=[{"name": "lighter", "tags": "lighter"}],
    )  # fmt: skip
    show(page, written(run), "#class=PER")
    assert page.locator("#slices").inner_text() == "Entity recall of PER by region"
    (told,) = [g for g in result(run)["gates"] if g["variant"] == "original"]
    (of_type,) = [s["verdict"] for s in told["slices"] if (s.get("view") or told["view"]) == "PER"]
    assert page.locator("#rows .judged").all_inner_texts().count("") == 1
    assert of_type in page.locator("#rows").inner_text()
    assert same_figures(page, run) > 5
    # What is asked of each type says nothing of all of them together.
    page.locator("#class").select_option(index=0)
    rested(page)
    assert set(page.locator("#rows .judged").all_inner_texts()) == {""}


def test_a_bias_is_sorted_by_its_distance_from_none(tmp_path: Path, written: Written, page: Page) -> None:
    """An axis reaches below 0, and few clusters are told."""
    wins = {"one": 14, "two": 2, "three": 18}
    lines = [
        f"{i},a {i} b,a {i} c,stereo,{kind},[],a,[],{int(k < wins[kind])},{int(k >= wins[kind])}\n"
        for i, (kind, k) in enumerate((kind, k) for kind in wins for k in range(25))
    ]
    head = ",sent_more,sent_less,stereo_antistereo,bias_type,annotations,anon_writer,anon_annotators,m,l\n"
    (tmp_path / "pairs.csv").write_text(head + "".join(lines), encoding="utf-8")
    run = tmp_path / "run"
    config = {
        "audit": "t", "suite": "crows-pairs", "slices": {"min_size": 5}, "report": {"charts": False},
        "data": {"path": str(tmp_path / "pairs.csv"), "sensitive": ["bias_type"]},
        "model": {"kind": "predictions", "more": "m", "less": "l"},
    }  # fmt: skip
    fairweigh.run(config, run)
    show(page, written(run), "#metric=stereotype_preference")
    names = page.locator("#rows th").all_inner_texts()
    assert [name.split()[0] for name in names] == ["two", "three", "one"]
    assert all("few clusters" in name for name in names)
    ticks = page.locator("#ticks text").all_text_contents()
    assert any(tick.startswith("\u2212") for tick in ticks)


def test_slices_that_were_not_audited_are_told(tmp_path: Path, written: Written, page: Page) -> None:
    table = people().append_column("value", pa.array(np.random.default_rng(0).normal(0, 1, 3000)))
    run = audited(
        tmp_path / "run", table, task="regression", data={"label": "value"}, model={"prediction": "score"},
    )  # fmt: skip
    show(page, written(run), "#slices=sex&slices=race")
    assert page.locator("#rows tr").count() == 10
    shallow = audited(
        tmp_path / "shallow", table, task="regression", data={"label": "value"},
        model={"prediction": "score"}, slices={"intersections": 1, "min_size": 30},
    )  # fmt: skip
    show(page, written(shallow), "#slices=sex&slices=race")
    assert "was not audited for these slices" in page.locator("#legend").inner_text()


def test_labels_alone_are_shown(tmp_path: Path, written: Written, page: Page) -> None:
    run = audited(tmp_path / "run", people(), data={"label": "y"})
    show(page, written(run))
    assert page.locator("#metric option").all_inner_texts() == ["Base rate"]
    assert same_figures(page, run) > 5


@pytest.mark.parametrize("model", [{"decision": "d"}, {"score": "score"}])
def test_decisions_or_scores_alone(
    tmp_path: Path, written: Written, page: Page, model: dict[str, Any]
) -> None:
    table = people()
    table = table.append_column("d", pa.array((table["score"].to_numpy() > 0.6).astype(int)))
    run = audited(tmp_path / "run", table, data={}, model=model)
    show(page, written(run))
    assert same_figures(page, run) > 5
    assert page.locator("#sliding").is_visible() == ("score" in model)
