"""What the front page says: of which variant, of whose gap, and drawings that hold whole intervals.

Outside answers: rates counted with pandas from the rows themselves.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import fairweigh
import numpy as np
import pandas as pd
import pytest
from fairweigh.audit.result import AuditResult
from fairweigh.audit.verdict.front import finished
from fairweigh.reports.front.document import render_report
from fairweigh.reports.front.exchange import exchange
from fairweigh.reports.front.looked_up import Told
from fairweigh.reports.page.findings import findings
from fairweigh.reports.plain.markdown import render_markdown
from fairweigh.reports.plain.text import render_text
from fairweigh.reports.words.spoken import plain

REPAIR: dict[str, Any] = {
    "audit": "repaired",
    "data": {"name": "synthetic_lending", "split": "test"},
    "slices": {"by": ["ethnicity"], "min_size": 30},
    "model": {
        "estimator": "sklearn.linear_model.LogisticRegression", "threshold": 0.7,
        "train": {"name": "synthetic_lending", "split": "train", "validation": 0.2},
    },
    "mitigations": [
        {"name": "repair", "recipe": {"threshold": {"constraint": "equal_opportunity", "limit": "<= 0.05",
                                                    "common": True}}},
    ],
    "gates": [
        {"metric": "true_positive_rate", "by": "ethnicity", "compare": "difference", "limit": "<= 0.15",
         "on": "mitigated"},
    ],
}  # fmt: skip


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    r = np.random.default_rng(7)
    n = 4_000
    frame = pd.DataFrame({"id": range(n), "sex": r.choice(["F", "M"], n), "town": r.choice(["N", "S"], n)})
    frame["y"] = (r.random(n) < 0.5).astype(int)
    frame["p"] = (r.random(n) < np.where(frame.sex == "F", 0.45, 0.55)).astype(int)
    # What the later model does to towns, the first one does to the sexes.
    frame["q"] = (r.random(n) < np.where(frame.town == "N", 0.3, 0.6)).astype(int)
    return frame


@pytest.fixture(scope="module")
def result(rows: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> AuditResult:
    configuration = {
        "audit": "sentences",
        "data": {"label": "y", "id": "id", "sensitive": ["sex", "town"], "positive_is": "benefit"},
        "model": {"decision": "p"},
        "variants": [{"name": "later_model", "decision": "q"}],
        "gates": [
            {"metric": "selection_rate", "by": "sex", "compare": "ratio", "limit": ">= 0.5"},
            {"metric": "selection_rate", "by": "town", "compare": "ratio", "limit": ">= 0.4"},
            {"metric": "accuracy", "by": "sex", "compare": "difference", "limit": "<= 0.2"},
        ],
    }
    return fairweigh.run(configuration, tmp_path_factory.mktemp("sentences") / "run", data=rows)


def test_sentences_are_of_the_variant_of_the_verdict_on_every_page(result: AuditResult) -> None:
    ungated = finished(result.model_copy(update={"gates": []}))
    assert ungated.front is not None
    assert ungated.front.verdict_of == "original"
    later = ungated.model_copy(
        update={"front": ungated.front.model_copy(update={"verdict_of": "later_model", "beside": "original"})}
    )
    before, after = findings(ungated), findings(later)
    assert all("the original" in plain(one.lead) for one in before)
    assert len(after) >= 1
    assert all("later_model" in plain(one.lead) for one in after)
    said = plain(after[0].lead)
    page = re.sub(r"<[^>]+>", "", render_report(later))
    assert said in page
    assert said in render_text(later)
    assert plain(after[0].lead).rpartition(" later")[0] in render_markdown(later)


def test_the_largest_gated_gap_is_of_ratios_too_and_of_the_slice_that_is_furthest(
    result: AuditResult, rows: pd.DataFrame
) -> None:
    told = Told.of(result)
    assert told is not None
    found = exchange(told)
    assert found is not None
    fact = next(one for one in found.facts if plain(one.head) == "Largest gated gap")
    by_town = rows.groupby("town").q.mean()
    by_sex = rows.groupby("sex").p.mean()
    assert plain(fact.figure) == f"{abs(by_town['N'] - by_town['S']) * 100:.1f}\u00a0points"
    assert [plain(line) for line in fact.under] == [
        "Selection rate, N",
        f"was {abs(by_sex['F'] - by_sex['M']) * 100:.1f}: Selection rate, F",
    ]


def test_a_proposal_that_alone_was_asked_is_what_the_verdict_speaks_of(tmp_path: Path) -> None:
    audit = fairweigh.run(REPAIR, tmp_path / "run")
    assert audit.front is not None
    assert (audit.front.verdict_of, audit.front.beside) == ("repair", "original")
    page = render_report(audit)
    assert {"pass": "passes", "inconclusive": "is undecided", "fail": "does not pass"}[audit.verdict] in page
    assert "no verdict" not in page
    assert "the mitigated model that" in page


def test_small_multiples_hold_whole_intervals(result: AuditResult) -> None:
    page = render_report(result)
    drawn = [
        group
        for table in re.findall(r'<table class="multiples.*?</table>', page, re.S)
        for group in re.findall(r'<g class="limits.*?</g>', table, re.S)
    ]
    assert len(drawn) >= 8
    # A line and two caps: an end beyond the axis has none.
    assert {group.count("<line") for group in drawn} == {3}
