"""``fairweigh init`` of tagged sentences: columns of tags say by themselves that the table is of entities."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fairweigh.audit.config import read
from fairweigh.audit.start.write import start
from ruamel.yaml import YAML

LINES = [
    "-DOCSTART- -X- O O", "",
    "# region = UK", "Peter NNP B-PER B-PER", "Blackburn NNP I-PER O", "met VBD O O", "",
    "# region = US", "EU NNP B-ORG B-ORG", "rejects VBZ O O", "",
]  # fmt: skip


def loaded(text: str) -> dict[str, Any]:
    return dict(YAML(typ="safe", pure=True).load(text))


def tweets(path: Path, times: int = 40) -> Path:
    path.write_text("\n".join(LINES * times) + "\n")
    return path


def reports(path: Path, rows: int = 60) -> Path:
    told = []
    for place in range(rows):
        row = {
            "id": f"r{place}", "report": place // 3, "sex": "FM"[place % 2], "words": ["Ada", "met", "Bo"],
            "ner_tags": ["I-PER", "O", "I-PER"], "predicted_tags": ["I-PER", "O", "O"],
        }  # fmt: skip
        told.append(json.dumps(row))
    path.write_text("\n".join(told) + "\n")
    return path


def test_a_file_of_tokens_and_tags_is_told_by_itself(here: Path) -> None:
    text = start(tweets(Path("t.conll")))
    content = loaded(text)
    assert content["task"] == "ner"
    assert content["data"] == {
        "path": "t.conll", "tokens": "1", "tags": "3", "document": "document", "scheme": "iob2",
        "sensitive": ["region"], "id": "sentence",
    }  # fmt: skip
    assert content["model"] == {"kind": "predictions", "tags": "4"}
    read(content)


def test_columns_of_a_table_have_their_names_and_scheme(here: Path) -> None:
    content = loaded(start(reports(Path("r.jsonl"))))
    assert content["data"] == {
        "path": "r.jsonl", "tokens": "words", "tags": "ner_tags", "document": "report", "scheme": "io",
        "sensitive": ["sex"], "id": "id",
    }  # fmt: skip
    assert content["model"] == {"kind": "predictions", "tags": "predicted_tags"}
    read(content)


def test_a_file_without_predictions_or_features_is_valid_too(here: Path) -> None:
    """Slices are of how long sentences are; who marks the entities is to be said."""
    lines = ["EU NNP B-NP B-ORG", *["rejects VBZ B-VP O"] * 3, "", *["Peter NNP B-NP B-PER"] * 2, ""]
    Path("c.conll").write_text("\n".join(lines * 40))
    text = start(Path("c.conll"))
    content = loaded(text)
    # Phrases stand in a column of their own, which is none of entities.
    assert content["data"]["tags"] == "4"
    assert content["data"]["sensitive"] == ["length"]
    assert content["model"] == {"kind": "transformers", "task": "token-classification", "path": "FOLDER"}
    assert "CHECK: who marks the entities" in text
    read(content)


def test_tags_in_text_are_found_and_those_of_another_scheme_told(here: Path) -> None:
    rows = ["text,tags,said,sex"] + ["Ada met Bo,B-PER O B-PER,B-PER O O,F", "Home again,O O,O I-PER,M"] * 40
    Path("t.csv").write_text("\n".join(rows) + "\n")
    content = loaded(start(Path("t.csv")))
    assert (content["data"]["tags"], content["model"]["tags"]) == ("tags", "said")
    assert "task: ner" not in start(_scheme(Path("s.csv"), "S-PER O O"))


def _scheme(path: Path, tags: str) -> Path:
    path.write_text("text,tags,y\n" + f"Ada met Bo,{tags},1\nBo met Ada,O O O,0\n" * 30)
    return path


def test_the_command_writes_and_runs_it(here: Path, cli: Callable[..., Any]) -> None:
    tweets(Path("t.conll"))
    words = ["--yes", "--task", "ner", "--tags", "3", "--predicted", "4", "--tokens", "1", "--document", "-"]
    ended = cli("init", "t.conll", *words, "--run")
    assert ended.code == 0, ended
    (run,) = Path("runs").iterdir()
    told = json.loads((run / "audit.json").read_text())
    found = told["variants"][0]["overall_view_counts"]["PER"]
    assert (found["tp"], found["fn"]) == (0, 40)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--task", "ner", "--tags", "1"], "--tags: expected the tags of its tokens, such as B-PER and O,"),
        (["--task", "ner", "--tokens", "region"], "--tokens: expected a list of words in each row"),
        (["--task", "ner", "--tags", "-"], "--tags: expected a column: the task ner needs its tags"),
        (["--task", "binary", "--tags", "3"], "--tags: belongs to task: ner, and the task is binary"),
        (["--task", "ner", "--label", "region"], "--label: belongs to task"),
        (["--task", "ner", "--predicted", "9"], "--predicted: no column '9'"),
    ],
)
def test_options_that_do_not_fit_are_told(
    here: Path, cli: Callable[..., Any], words: list[str], told: str
) -> None:
    ended = cli("init", str(tweets(Path("t.conll"))), "--yes", *words)
    assert ended.code == 2
    assert told in ended.err
