"""Of whom a finding says that they are worse off, and how far the labels lie apart beside it.

Outside answers: shares counted with pandas from the rows themselves.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import fairweigh
import numpy as np
import pandas as pd
import pytest
from fairweigh.audit.result import AuditResult
from fairweigh.reports.front.looked_up import Told
from fairweigh.reports.front.matrix import matrix
from fairweigh.reports.page.findings import findings
from fairweigh.reports.words.language import writing
from fairweigh.reports.words.lookup import own_words
from fairweigh.reports.words.meaning import worse_slice
from fairweigh.reports.words.spoken import plain

F, M = {"sex": "F"}, {"sex": "M"}


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    r = np.random.default_rng(11)
    n = 6_000
    frame = pd.DataFrame({"sex": r.choice(["F", "M"], n), "one": "only"})
    frame["town"] = r.choice(["N", "S"], n, p=[0.3, 0.7])
    # The labels lie further apart than the decisions do, and towns meet the sexes with a gap of their own.
    frame["y"] = (r.random(n) < np.where(frame.sex == "F", 0.3, 0.6)).astype(int)
    low = np.where(frame.sex == "F", 0.40, 0.55) - np.where(frame.town == "N", 0.15, 0.0)
    frame["p"] = (r.random(n) < low).astype(int)
    return frame


def audited(rows: pd.DataFrame, folder: Path, gates: list[dict[str, Any]]) -> AuditResult:
    configuration = {
        "audit": "worse",
        "data": {"label": "y", "sensitive": ["sex", "town", "one"], "positive_is": "benefit"},
        "slices": {"intersections": 2},
        "model": {"decision": "p"},
        "gates": gates,
        "report": {"labels": {"sex=F": "women", "sex=M": "men"}, "unit": "people"},
    }
    return fairweigh.run(configuration, folder / "run", data=rows)


def told(result: AuditResult) -> list[tuple[str, str]]:
    with writing("en", own_words(result)):
        return [(plain(one.lead), plain(one.rest)) for one in findings(result)]


def test_each_feature_and_then_the_crossing_has_its_largest_selection_gap(
    rows: pd.DataFrame, tmp_path: Path
) -> None:
    limit = {"metric": "selection_rate", "by": "sex", "compare": "difference", "limit": "<= 0.01"}
    gate, town, crossing = told(audited(rows, tmp_path, [limit]))
    selected, labels = rows.groupby("sex").p.mean(), rows.groupby("sex").y.mean()
    assert abs(labels["F"] - labels["M"]) > abs(selected["F"] - selected["M"])
    positive = {f"{labels[sex] * 100:.0f}" for sex in "FM"}
    assert "goes less often to women" in gate[0]
    assert "The labels lie further apart: " in gate[0]
    assert positive <= set(gate[0].replace(":", "").split())
    assert "town=N" in town[0]
    assert "labels" not in town[0]
    # A crossing with a feature of one value is no other than the other feature.
    assert "one=only" not in crossing[0]
    assert "women of town=N" in crossing[0]


def test_a_gate_of_two_figures_tells_the_one_that_lies_furthest_apart_and_repeats_none(
    rows: pd.DataFrame, tmp_path: Path
) -> None:
    odds = {"metric": "equalized_odds_difference", "by": "sex", "limit": "<= 0.01"}
    (lead, rest), *_ = told(audited(rows, tmp_path, [odds]))
    assert lead.startswith("Of 100 ")
    assert "with the " in lead
    assert "goes less often to women" in lead
    assert rest.startswith("The equalized odds difference, ")
    assert "+" not in rest
    rates = rows.groupby(["y", "sex"]).p.mean()
    figure = 1 if abs(rates[1, "F"] - rates[1, "M"]) > abs(rates[0, "F"] - rates[0, "M"]) else 0
    assert f"with the {['negative', 'positive'][figure]} label" in lead
    name = ["false_positive_rate", "true_positive_rate"][figure]
    single = {"metric": name, "by": "sex", "compare": "difference", "limit": "<= 0.01"}
    again = told(audited(rows, tmp_path / "again", [single, odds]))
    assert not any("equalized odds" in rest for _, rest in again)


def test_a_cell_names_who_is_worse_off(rows: pd.DataFrame, tmp_path: Path) -> None:
    result = audited(rows, tmp_path, [])
    told = Told.of(result)
    assert told is not None
    names = [one.metric for one in told.front.criteria]
    of_sex = next(row for one, row in zip(told.features, matrix(told).rows, strict=True) if one.by == ["sex"])
    squares = dict(zip(names, of_sex.squares, strict=True))
    selected = rows.groupby("sex").p.mean()
    square = squares["selection_rate"]
    assert (plain(square.who), square.value) == ("F", f"\u2212{(selected['M'] - selected['F']) * 100:.1f}")
    right = (rows.p == rows.y).groupby(rows.sex).mean()
    worst = right.idxmin()
    square = squares["accuracy"]
    assert (plain(square.who), square.value) == (worst, f"\u2212{(right.max() - right.min()) * 100:.1f}")
    # To be selected is a burden now: it falls on the men.
    burden = result.model_copy(update={"data": result.data.model_copy(update={"positive_is": "burden"})})
    told = Told.of(burden)
    assert told is not None
    first = matrix(told).rows[0].squares[0]
    assert (plain(first.who), first.value[0]) == ("M", "+")


def test_an_error_is_worse_for_whom_it_befalls_and_a_decision_by_what_it_means(compas: AuditResult) -> None:
    def of(metric: str, means: str | None) -> object:
        data = compas.data.model_copy(update={"positive_is": means})
        return worse_slice(metric, (F, 0.4), (M, 0.6), compas.model_copy(update={"data": data}))

    assert of("accuracy", None) == F
    assert of("precision", "burden") == F
    assert of("selection_rate", "benefit") == F
    assert of("selection_rate", "burden") == M
    assert of("selection_rate", None) is None
    assert of("base_rate", "benefit") is None
