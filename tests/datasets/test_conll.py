"""Files of CoNLL's form as tables, a row for each sentence."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import pytest
from fairweigh.datasets.conll import read_conll
from fairweigh.datasets.errors import InputError
from fairweigh.datasets.read import column_names, read_table

DATA = Path(os.environ.get("FAIRWEIGH_DATA", ""))
TEXT = """-DOCSTART- -X- O

# region = UK
EU NNP B-ORG
rejects VBZ O

Peter NNP B-PER
\t
-DOCSTART- -X- O

# region = US
Blackburn NNP I-PER
"""


def written(folder: Path, text: str, name: str = "a.conll") -> Path:
    path = folder / name
    path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
    return path


def test_sentences_documents_and_what_comments_say(tmp_path: Path) -> None:
    path = written(tmp_path, TEXT, "a.conll.gz")
    rows = read_table(path).to_pydict()
    assert column_names(path) == list(rows)
    assert rows["1"] == [["EU", "rejects"], ["Peter"], ["Blackburn"]]
    assert rows["3"] == [["B-ORG", "O"], ["B-PER"], ["I-PER"]]
    assert rows["document"] == ["1", "1", "2"]
    assert rows["region"] == ["UK", None, "US"]
    assert (rows["sentence"], rows["length"]) == ([1, 2, 3], [2, 1, 1])


def test_a_token_that_is_a_hash_is_no_comment(tmp_path: Path) -> None:
    rows = read_conll(written(tmp_path, "#\tO\na = b\tO\n\n# x = y\tO\n"))
    assert rows.to_pydict()["1"] == [["#", "a = b"], ["# x = y"]]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a O\nb\n", "got 1 in line 2"),
        ("a\n\nb\n", "expected 2 columns, the token and its tags, in every line, got 1 in line 1"),
        ("\n\n", "got no sentence"),
        ("a\tO\nb c\n", "got 1 in line 2"),
    ],
)
def test_lines_of_another_form_are_told_by_their_number(tmp_path: Path, text: str, told: str) -> None:
    with pytest.raises(InputError, match=told):
        read_conll(written(tmp_path, text))


@pytest.mark.skipif(not (DATA / "wnut17").is_dir(), reason="needs wnut17 in $FAIRWEIGH_DATA")
@pytest.mark.parametrize(
    ("name", "sentences", "tokens"),
    [
        ("wnut17/wnut17train.conll", 3_394, 62_730),
        ("wnut17/emerging.dev.conll", 1_009, 15_733),
        ("broad_twitter_corpus/g.conll", 2_138, None),
        ("broad_twitter_corpus/f.conll", 2_000, None),
    ],
)
def test_published_files_have_as_many_sentences_and_tokens_as_published(
    name: str, sentences: int, tokens: int | None
) -> None:
    """The numbers of WNUT 2017's paper and of the Broad Twitter Corpus' parts."""
    found = read_conll(DATA / name)
    assert len(found) == sentences
    assert tokens in (None, sum(found["length"].to_pylist()))
