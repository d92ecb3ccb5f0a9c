"""Rankings, against scikit-learn and sums by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from fairweigh.datasets.errors import InputError
from fairweigh.verification import verify
from numpy.typing import NDArray
from sklearn.metrics import ndcg_score

from .runs import audited, gap, slice_of, values

DATA: dict[str, Any] = {
    "query": "user", "item": "film", "relevance": "liked", "last_rank": 10,
    "sensitive": ["sex", "studio"],
}  # fmt: skip
MODEL = {"score": "s", "scale": "rank"}


def rows(users: int = 150, seed: int = 0) -> pd.DataFrame:
    """Lists of 20 films: those of small studios stand low, and women's lists are worse."""
    draw = np.random.default_rng(seed)
    out = []
    for user in range(users):
        sex = draw.choice(["F", "M"], p=[0.4, 0.6])
        for film in draw.choice(200, 20, replace=False):
            studio = "small" if film % 3 == 0 else "large"
            liked = int(draw.random() < 0.25)
            score = draw.normal(0, 1) + liked * (1.5 if sex == "M" else 0.5) - 0.8 * (studio == "small")
            out.append((f"u{user}", f"f{film}", sex, studio, liked, score))
    return pd.DataFrame(out, columns=["user", "film", "sex", "studio", "liked", "s"])


def ranks(frame: pd.DataFrame) -> pd.Series[Any]:
    return frame.groupby("user").s.rank(ascending=False, method="first").astype(int)


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> tuple[pd.DataFrame, Any]:
    data = rows()
    data["light"] = data.s.round(0)
    return data, audited(
        tmp_path_factory.mktemp("run"), data, data=DATA, model=MODEL,
        variants=[{"name": "same", "score": "s"}, {"name": "light", "score": "light"}],
        gates=[
            {"metric": "ndcg", "by": "sex", "compare": "difference", "limit": "<= 0.05"},
            {"metric": "exposure_per_relevance", "by": "studio", "compare": "ratio", "limit": ">= 0.9"},
        ],
    )  # fmt: skip


def gains(frame: Any) -> NDArray[Any]:
    of = (ndcg_score([one.liked], [one.s], k=10) for _, one in frame.groupby("user") if one.liked.any())
    return np.array(list(of))


def test_ndcg_of_queries_is_that_of_scikit_learn(found: Any) -> None:
    data, result = found
    original = result["variants"][0]
    assert original["overall"]["ndcg"]["value"] == pytest.approx(gains(data).mean(), abs=1e-12)
    assert original["overall"]["ndcg"]["n"] == len(gains(data))
    for sex, part in data.groupby("sex"):
        own = slice_of(original, sex=sex)["metrics"]["ndcg"]
        assert own["value"] == pytest.approx(gains(part).mean(), abs=1e-12)


def test_exposure_of_items_is_the_sum_by_hand(found: Any) -> None:
    data, result = found
    rank = ranks(data)
    data = data.assign(exposure=np.where(rank <= 10, 1 / np.log2(1 + rank), 0), top=rank <= 10)
    for studio, part in data.groupby("studio"):
        own = values(slice_of(result["variants"][0], studio=studio)["metrics"])
        assert own["mean_exposure"] == pytest.approx(part.exposure.mean(), abs=1e-12)
        assert own["exposure_per_relevance"] == pytest.approx(
            part.exposure.sum() / part.liked.sum(), abs=1e-12
        )
        assert own["top_share_ratio"] == pytest.approx(part.top.mean() / 0.5, abs=1e-12)
        assert own["ndcg"] is None


def test_what_was_planted_is_found(found: Any) -> None:
    _, result = found
    one = gap(result["variants"][0], "ndcg", sex="F")
    assert one["high"] < 0
    assert [g["verdict"] for g in result["gates"][:2]] == ["fail", "fail"]


def test_a_query_is_the_unit_that_varies(found: Any) -> None:
    """Student's limits of the mean over queries, within the width that bounded means have more."""
    data, result = found
    own, of = result["variants"][0]["overall"]["ndcg"], gains(data)
    half = 1.976 * of.std(ddof=1) / np.sqrt(len(of))
    assert (own["high"] - own["low"]) / 2 == pytest.approx(half, rel=0.1)


def test_changes_are_those_of_the_same_lists(found: Any) -> None:
    data, result = found
    light = next(c for c in result["comparisons"] if c["after"] == "light")
    change = next(c for c in light["changes"] if c["metric"] == "ndcg" and not c["slice"])
    # Of equal scores the first row is first, as in the audit; scikit-learn shares their places out.
    order = data.assign(s=-ranks(data.assign(s=data.light)))
    assert change["value"] == pytest.approx((gains(order) - gains(data)).mean(), abs=1e-12)
    same = next(c for c in result["comparisons"] if c["after"] == "same")
    assert {c["value"] for c in same["changes"] if c["value"] is not None} == {0.0}


def test_ranks_are_as_good_as_the_scores_that_give_them(tmp_path: Path, found: Any) -> None:
    data, result = found
    ranked = audited(tmp_path, data.assign(place=ranks(data)), data=DATA, model={"rank": "place"})
    assert values(ranked["variants"][0]["overall"]) == values(result["variants"][0]["overall"])
    assert verify(tmp_path / "run").figures == []


def test_lists_that_lost_rows_are_told_in_the_report(tmp_path: Path) -> None:
    """The ranks that are left count as they stand; a list that was cut at its end is none to be told of."""
    data = rows(30)
    data["r"] = ranks(data)
    cut = data[data.r <= 12]
    for lost, told in ((cut.user == "nobody", 0), ((cut.user == "u4") & (cut.r == 1), 1)):
        result = audited(tmp_path, cut[~lost], data=DATA, model={"rank": "r"})
        warnings = [text for text in result["data"]["warnings"] if "without a gap" in text]
        assert len(warnings) == told
        assert verify(tmp_path / "run").pages == []
    assert "no row of 'u4' has rank 1. Rows are missing; the others keep their ranks." in warnings[0]
    assert "without a gap" in (tmp_path / "run" / "report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("role", "given", "told"),
    [
        ("weight", [1, 1, 2, 0], "holds 2 and 0 in the query 'u1'"),
        ("weight", [0, 1, 1, 3], r"holds 0 and 1 in the query 'u0' \(and in 1 more query\)"),
        ("cluster", ["x", "x", "y", None], "holds y and none in the query 'u1'"),
        ("cluster", [1, 2, 3, 3], "holds 1 and 2 in the query 'u0'"),
    ],
)
def test_a_query_has_one_weight_and_one_cluster(tmp_path: Path, role: str, given: Any, told: str) -> None:
    """Of several the first row's would count, so that figures would depend on the order of the rows."""
    data = pd.DataFrame({"user": ["u0", "u0", "u1", "u1"], "film": list("abab"), "sex": list("ffmm")})
    data = data.assign(liked=[1, 0, 1, 0], s=[0.5, 0.2, 0.1, 0.7], of=pd.Series(given))
    roles = {**DATA, "sensitive": ["sex"], role: "of"}
    with pytest.raises(InputError, match=f"{role} column 'of' {told}; expected one {role} for all rows"):
        audited(tmp_path, data, data=roles, model=MODEL)
    data["of"] = data["of"].groupby(data.user).transform("max")
    assert audited(tmp_path, data, data=roles, model=MODEL)["variants"][0]["overall"]["ndcg"]["value"]


def test_what_the_ranks_of_a_variant_lack_is_told_of_the_variant(tmp_path: Path) -> None:
    data = rows(30)
    data["r"] = ranks(data)
    data["late"] = data.r + (data.user == "u3")
    result = audited(
        tmp_path, data, data=DATA, model={"rank": "r"},
        variants=[{"name": "same", "rank": "r"}, {"name": "late", "rank": "late"}],
    )  # fmt: skip
    told = [text for text in result["data"]["warnings"] if "without a gap" in text]
    assert len(told) == 1
    assert told[0].startswith("Variant late: The ranks of 1 query in column 'late' do not run from 1")


def test_rows_that_share_a_rank_are_named_and_a_pair_that_stands_twice_as_with_scores(tmp_path: Path) -> None:
    data = rows(5)
    data["r"] = ranks(data)
    data.loc[(data.user == "u3") & (data.r == 2), "r"] = 1
    told = r"rank column 'r': 2 rows of 1 query share their rank .*\(in 'u3' 2 rows have rank 1\)"
    with pytest.raises(InputError, match=told):
        audited(tmp_path, data, data=DATA, model={"rank": "r"})
    twice = pd.concat([data, data.iloc[:1]])
    for model in ({"rank": "r"}, MODEL):
        with pytest.raises(InputError, match=r"1 pair of query and item .* occurs more than once"):
            audited(tmp_path, twice, data=DATA, model=model)


@pytest.mark.filterwarnings("error")
def test_lists_without_any_relevant_item_are_told_and_audited(tmp_path: Path) -> None:
    data = rows(40).assign(liked=0)
    data["light"] = data.s.round(0)
    result = audited(tmp_path, data, data=DATA, model=MODEL, variants=[{"name": "light", "score": "light"}])
    overall = result["variants"][0]["overall"]
    assert overall["ndcg"] is None or overall["ndcg"]["value"] is None
    assert overall["mean_exposure"]["value"] > 0
    told = "No query has a relevant item (column liked is 0 in every row)"
    assert [text.startswith(told) for text in result["data"]["warnings"]].count(True) == 1
    assert verify(tmp_path / "run").figures == []


def test_the_share_of_all_rows_is_one_and_does_not_vary(found: Any) -> None:
    _, result = found
    for variant in result["variants"]:
        own = variant["overall"]["exposure_share"]
        assert (own["value"], own["low"], own["high"]) == (1, 1, 1)
    for compared in result["comparisons"]:
        change = next(c for c in compared["changes"] if c["metric"] == "exposure_share" and not c["slice"])
        assert (change["value"], change["low"], change["high"]) == (0, 0, 0)


def test_a_figure_that_lacks_relevances_says_so_in_the_words_of_a_ranking(tmp_path: Path) -> None:
    roles = {key: value for key, value in DATA.items() if key != "relevance"}
    with pytest.raises(InputError, match="metrics: ndcg needs a relevance, which the run has not"):
        audited(tmp_path, rows(20), data=roles, model=MODEL, metrics=["ndcg"])
    result = audited(tmp_path, rows(20), data=roles, model=MODEL)
    assert "needs a relevance, which the data do not carry" in [one["why"] for one in result["not_measured"]]
