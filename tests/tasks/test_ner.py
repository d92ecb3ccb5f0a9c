"""Entities of sentences: against the rules of seqeval, counts of spaCy, and what must hold of any tags."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from fairweigh.datasets.conll import read_conll
from fairweigh.datasets.errors import InputError
from fairweigh.datasets.tags import entities
from fairweigh.spans import read
from fairweigh.verification import verify
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from .runs import audited, gap, slice_of, values

BTC = Path(os.environ.get("FAIRWEIGH_DATA", "")) / "broad_twitter_corpus"
SPACY = Path(__file__).with_name("spacy_on_btc_g.txt")
"""Entities that spaCy's en_core_web_sm 3.8.0 (its ner alone) marks in the first 600 sentences of part g,
given their tokens: PERSON is PER, ORG is ORG, GPE, LOC and FAC are LOC. Line: sentence, entities."""
DATA = {"tags": "tags", "tokens": "tokens", "sensitive": ["group"], "id": "id"}
MODEL = {"tags": "said"}
KINDS = ("PER", "LOC")


def counted(true: Any, said: Any) -> dict[str, list[int]]:
    """Found, invented and missed entities by type, as the rules say: the same tokens and the same type."""
    found: dict[str, list[int]] = {}
    for one, other in zip(true, said, strict=True):
        sides = [set(entities(tags, "iob2", "strict")[0]) for tags in (one, other)]
        parts = (sides[0] & sides[1], sides[1] - sides[0], sides[0] - sides[1])
        for place, part in enumerate(parts):
            for kind, n in Counter(span.type for span in part).items():
                found.setdefault(kind, [0, 0, 0])[place] += n
    return found


def shares(tp: int, fp: int, fn: int) -> dict[str, float | None]:
    parts = {"precision": (tp, tp + fp), "recall": (tp, tp + fn), "f1": (2 * tp, 2 * tp + fp + fn)}
    return {f"entity_{name}": a / b if b else None for name, (a, b) in parts.items()}


def rows(n: int = 400, seed: int = 0) -> pd.DataFrame:
    """Sentences of nine tokens with a person and a place, persons of group b missed more often."""
    draw = np.random.default_rng(seed)
    out = []
    for place in range(n):
        group = "ab"[place % 2]
        true = ["O"] * 9
        true[1:3] = ["B-PER", "I-PER"]
        if draw.random() < 0.5:
            true[5] = "B-LOC"
        said, light = list(true), list(true)
        if draw.random() < (0.1 if group == "a" else 0.5):
            said[1:3] = light[1:3] = ["O", "B-PER"] if draw.random() < 0.5 else ["O", "O"]
        if draw.random() < 0.2:
            said[7] = light[7] = "B-LOC"
        if draw.random() < 0.1:
            light[1:3] = ["B-LOC", "I-LOC"]
        tokens = [f"w{i}" for i in range(9)]
        out.append((place, place // 4, group, tokens, true, said, light))
    return pd.DataFrame(out, columns=["id", "text", "group", "tokens", "tags", "said", "light"])


GATES = [
    {"metric": "entity_recall", "class": "PER", "by": "group", "compare": "difference", "limit": "<= 0.1"},
    {"metric": "entity_recall", "class": "each", "by": "group", "compare": "difference", "limit": "<= 0.1"},
    {"metric": "entity_f1", "limit": ">= 0.5"},
    {"metric": "entity_recall", "class": "PER", "compare": "change", "limit": "<= 0.02", "on": "light"},
]


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> tuple[pd.DataFrame, Any, Path]:
    data, folder = rows(), tmp_path_factory.mktemp("run")
    result = audited(
        folder, data, data={**DATA, "document": "text"}, model=MODEL,
        variants=[{"name": "same", "tags": "said"}, {"name": "light", "tags": "light"}], gates=GATES,
    )  # fmt: skip
    return data, result, folder


def test_figures_of_all_types_and_of_each_follow_from_what_is_found_missed_and_invented(found: Any) -> None:
    data, result, _ = found
    assert (result["task"], result["classes"]) == ("ner", ["LOC", "PER"])
    whole = result["variants"][0]
    parts = [(data, whole["overall"], whole["overall_views"], whole["overall_view_counts"], whole["counts"])]
    for group, part in data.groupby("group"):
        own = slice_of(whole, group=str(group))
        parts.append((part, own["metrics"], own["views"], own["view_counts"], own["counts"]))
        assert own["n"] == len(part)
    for part, figures, views, counts, pooled in parts:
        each = counted(part.tags, part.said)
        total = [sum(cells) for cells in zip(*each.values(), strict=True)]
        assert [pooled[key] for key in ("tp", "fp", "fn", "tn")] == [*total, None]
        expected: dict[str, Any] = shares(*total)
        for name in list(expected):
            expected[f"macro_{name}"] = np.mean([shares(*cells)[name] for cells in each.values()])
        expected["sentence_match"] = np.mean([a == b for a, b in zip(part.tags, part.said, strict=True)])
        assert values(figures) == pytest.approx(expected, abs=1e-12)
        for kind, cells in each.items():
            assert [counts[kind][key] for key in ("tp", "fp", "fn")] == cells
            assert values(views[kind]) == pytest.approx(shares(*cells), abs=1e-12)


def test_the_type_whose_persons_are_missed_decides(found: Any) -> None:
    _, result, _ = found
    assert [gate["verdict"] for gate in result["gates"] if gate["variant"] == "original"] == [
        "fail", "fail", "pass"
    ]  # fmt: skip
    assert result["gates"][1]["view"] == "PER"
    assert gap(result["variants"][0], "entity_recall", "PER", group="b")["value"] < -0.3


def test_changes_are_of_the_same_entities(found: Any) -> None:
    """An entity that both mark cancels out: the change is known far better than either recall."""
    data, result, _ = found
    item = next(c for c in result["comparisons"] if c["after"] == "light")
    (change,) = [c for c in item["changes"]
                 if (c["metric"], c.get("view"), c["slice"]) == ("entity_recall", "PER", {})]  # fmt: skip
    sides = [counted(data.tags, data[name])["PER"] for name in ("said", "light")]
    before, after = (shares(*cells)["entity_recall"] or 0 for cells in sides)
    assert change["value"] == pytest.approx(after - before, abs=1e-12)
    alone = result["variants"][0]["overall_views"]["PER"]["entity_recall"]
    assert change["low"] <= change["value"] <= change["high"]
    assert change["high"] - change["low"] < alone["high"] - alone["low"]
    assert item["overall"]["flips"] == sum(a != b for a, b in zip(data.said, data.light, strict=True))
    same = next(c for c in result["comparisons"] if c["after"] == "same")
    assert {c["value"] for c in same["changes"]} == {0.0}


def test_a_run_is_recomputed_from_its_predictions(found: Any) -> None:
    _, _, folder = found
    assert verify(folder / "run").figures == []


def test_sentences_of_a_document_are_no_independent_evidence(tmp_path: Path) -> None:
    """Each sentence four times over: limits are those of the sentences once, where the document says so."""
    once = rows(200)
    four = once.loc[once.index.repeat(4)].assign(id=range(800), text=np.repeat(range(200), 4))
    alone = audited(tmp_path, once, data=DATA, model=MODEL)["variants"][0]["overall"]
    naive = audited(tmp_path, four, data=DATA, model=MODEL)["variants"][0]["overall"]
    told = audited(tmp_path, four, data={**DATA, "document": "text"}, model=MODEL)["variants"][0]["overall"]
    for name, figure in alone.items():
        width = figure["high"] - figure["low"]
        assert told[name]["high"] - told[name]["low"] == pytest.approx(width, rel=0.1)
        assert naive[name]["high"] - naive[name]["low"] < 0.7 * width


def test_sentences_without_entities_change_no_figure_of_entities(tmp_path: Path) -> None:
    data = rows(200)
    bare = data.assign(id=range(200, 400), text=range(200, 400))
    for name in ("tags", "said"):
        bare[name] = [["O"] * 9] * 200
    settings = {"data": {**DATA, "document": "text"}, "model": MODEL}
    one = audited(tmp_path, data, **settings)["variants"][0]
    other = audited(tmp_path, pd.concat([data, bare]), **settings)["variants"][0]
    for kind in KINDS:
        for name, figure in one["overall_views"][kind].items():
            more = other["overall_views"][kind][name]
            assert more["value"] == figure["value"]
            assert (more["low"], more["high"]) == pytest.approx((figure["low"], figure["high"]), rel=0.02)


@pytest.mark.parametrize("document", [None, "text"])
def test_a_slice_without_entities_has_no_figure_of_them(tmp_path: Path, document: str | None) -> None:
    data = rows(120)
    bare = data.group == "b"
    for name in ("tags", "said", "light"):
        data[name] = [["O"] * 9 if none else tags for none, tags in zip(bare, data[name], strict=True)]
    result = audited(
        tmp_path, data, data={**DATA, **({"document": document} if document else {})}, model=MODEL,
        variants=[{"name": "light", "tags": "light"}], gates=GATES[:3],
    )  # fmt: skip
    own = slice_of(result["variants"][0], group="b")
    assert {f["status"] for name, f in own["metrics"].items() if name != "sentence_match"} == {"undefined"}
    assert (own["n"], own["metrics"]["sentence_match"]["value"]) == (60, 1)
    assert result["gates"][0]["verdict"] == "error"


TAGS = st.sampled_from(["O", "O", "B-A", "I-A", "B-B", "I-B"])
ROW = st.integers(1, 6).flatmap(
    lambda n: st.tuples(st.sampled_from("ab"), *[st.lists(TAGS, min_size=n, max_size=n)] * 2)
)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(ROW, min_size=4, max_size=25))
def test_any_tags_have_the_counts_of_the_rules(tmp_path: Path, cells: Any) -> None:
    data: Any = pd.DataFrame([("a", ["B-A"], ["B-A"]), *cells], columns=["group", "tags", "said"])
    result = audited(tmp_path, data, data={"tags": "tags", "sensitive": ["group"]}, model=MODEL)
    each = counted(data.tags, data.said)
    counts = result["variants"][0]["overall_view_counts"]
    assert {kind: [c[key] for key in ("tp", "fp", "fn")] for kind, c in counts.items()} == each
    for kind, numbers in each.items():
        assert values(result["variants"][0]["overall_views"][kind]) == pytest.approx(shares(*numbers))


@pytest.mark.skipif(not BTC.is_dir(), reason="needs broad_twitter_corpus in $FAIRWEIGH_DATA")
def test_spacy_on_tweets_of_news_has_its_published_counts(tmp_path: Path) -> None:
    """PER 172/100/357, LOC 165/48/198, ORG 94/183/142: found, invented and missed, counted elsewhere."""
    table = read_conll(BTC / "g.conll").slice(0, 600)
    said = [["O"] * len(tags) for tags in table["2"].to_pylist()]
    for line in SPACY.read_text().splitlines():
        place, _, text = line.partition(" ")
        for span in read(text):
            size = span.end - span.start
            said[int(place)][span.start : span.end] = [f"B-{span.type}", *[f"I-{span.type}"] * (size - 1)]
    data = pd.DataFrame({"tokens": table["1"].to_pylist(), "tags": table["2"].to_pylist(), "said": said})
    data["part"] = "g"
    result = audited(
        tmp_path, data, data={"tags": "tags", "tokens": "tokens", "sensitive": ["part"]}, model=MODEL
    )
    counts = result["variants"][0]["overall_view_counts"]
    assert {kind: tuple(c[key] for key in ("tp", "fp", "fn")) for kind, c in counts.items()} == {
        "PER": (172, 100, 357), "LOC": (165, 48, 198), "ORG": (94, 183, 142)
    }  # fmt: skip


def test_tags_of_io_that_are_equal_to_the_truth_are_all_right(tmp_path: Path) -> None:
    """seqeval has no such scheme, and gives F1 0 for these in its strict mode."""
    data = pd.DataFrame({"group": ["a", "b"] * 30, "tags": [["I-PER", "I-PER", "O", "I-LOC"]] * 60})
    settings: Any = {"model": {"tags": "said"}, "data": {"tags": "tags", "sensitive": ["group"]}}
    data["said"] = data.tags
    for scheme, matching in (("io", "strict"), ("iob1", "strict"), ("iob2", "conll")):
        more = {"scheme": scheme, "matching": matching}
        if scheme == "iob2":
            data = data.assign(tags=pd.Series([["B-PER", "I-PER", "O", "B-LOC"]] * 60))
        run = audited(tmp_path, data, **{**settings, "data": {**settings["data"], **more}})
        assert run["variants"][0]["overall"]["entity_f1"]["value"] == 1


def test_tags_that_the_scheme_does_not_allow_are_counted_and_told(tmp_path: Path) -> None:
    data = rows(100)
    data["said"] = [["O", "I-PER", "I-PER", *["O"] * 6] for _ in range(100)]
    strict = audited(tmp_path, data, data=DATA, model=MODEL)
    assert strict["variants"][0]["overall_view_counts"]["PER"]["tp"] == 0
    told = "200 tags of column said do not follow the scheme iob2"
    assert any(told in text for text in strict["data"]["warnings"])
    loose = audited(tmp_path, data, data={**DATA, "matching": "conll"}, model=MODEL)
    assert loose["variants"][0]["overall_view_counts"]["PER"]["tp"] == 100


def changed(column: str, place: int, value: Any) -> pd.DataFrame:
    data = rows(40)
    data[column] = [value if i == place else old for i, old in enumerate(data[column])]
    return data


@pytest.mark.parametrize(
    ("data", "more", "told"),
    [
        (changed("tags", 7, ["O"] * 8), {}, "got 8 beside 9 in row 8"),
        (changed("tokens", 7, []), {}, "expected as many as in .*, got 9 beside 0 in row 8"),
        (changed("said", 7, ["O"] * 10), {}, "got 10 beside 9 in the row of id 7"),
        (changed("said", 7, None), {}, "got none in the row of id 7"),
        (changed("tags", 7, ["S-PER"] + ["O"] * 8), {}, "'S-PER', a tag of BIOES in row 8"),
        (changed("said", 7, ["L-PER"] + ["O"] * 8), {}, "'L-PER', a tag of BILOU in the row of id 7"),
        (rows(40), {"scheme": "io"}, "expected tags of the scheme io .*got 'B-PER'.* in row 1"),
        (changed("tags", 3, ["B-each"] + ["O"] * 8), {}, "no class or label may be called 'each'"),
        (rows(40).assign(tags=3), {}, "expected a list for each row, or text, got int64"),
        (rows(40).assign(tags=pd.Series([[1] * 9] * 40)), {}, "expected lists of words such as B-PER"),
        (rows(40).assign(tags=pd.Series([["I-PER"] + ["O"] * 8] * 40)), {}, "expected data.scheme: io or"),
        (rows(40), {"tags": "tag"}, "data.tags: no column 'tag'.*did you mean 'tags'"),
        (rows(40), {"tokens": "words"}, "data.tokens: no column 'words'"),
        (rows(40), {"label": "group"}, "data.label: belongs to task: binary"),
        (rows(40), {"document": "text", "cluster": "id"}, "leave one of them out"),
        (rows(40), {"document": "page"}, "data.document: no column 'page'"),
    ],
)  # fmt: skip
def test_rows_that_are_no_tagged_sentences_are_told(
    tmp_path: Path, data: pd.DataFrame, more: dict[str, Any], told: str
) -> None:
    with pytest.raises(InputError, match=told):
        audited(tmp_path, data, task="ner", data={**DATA, **more}, model=MODEL)


@pytest.mark.parametrize(
    ("model", "told"),
    [
        ({"tags": "say"}, "model.tags: no column 'say'"),
        ({"decision": "said"}, "model.decision: belongs to task"),
        ({"path": "m.skops"}, "of kind predictions, transformers, spacy or variant, got sklearn"),
        (None, "of kind predictions, transformers, spacy or variant, got none"),
    ],
)
def test_models_that_mark_no_entities_are_told(tmp_path: Path, model: Any, told: str) -> None:
    with pytest.raises(InputError, match=told):
        audited(tmp_path, rows(40), task="ner", data=DATA, model=model)


def test_figures_that_need_true_negatives_are_no_metrics_of_entities(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="accuracy is no metric of the task ner"):
        audited(tmp_path, rows(40), data=DATA, model=MODEL, metrics=["accuracy"])


def test_figures_that_are_named_are_those_of_all_and_of_each_type(tmp_path: Path) -> None:
    found = audited(tmp_path, rows(80), data=DATA, model=MODEL, metrics=["entity_recall"])["variants"][0]
    assert list(found["overall"]) == list(found["overall_views"]["PER"]) == ["entity_recall"]
