"""Models of transformers that tag tokens: the tags are those of a pass over each sentence by itself."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from fairweigh.audit.config import model_spec
from fairweigh.datasets.errors import InputError
from fairweigh.datasets.evaluation import EvaluationSet
from fairweigh.datasets.tags import entities
from fairweigh.models.extras import quiet
from fairweigh.models.load import neural
from fairweigh.spans import written

from ..tiny import WORDS, save_bert, save_tokenizer

NAMES = ["O", "B-PER", "I-PER", "B-LOC", "I-LOC"]


def save_tagger(folder: Path, names: list[str] = NAMES, seed: int = 0, longest: int = 64) -> Path:
    """A BERT tagger of two layers, its weights large enough to decide."""
    import torch
    import transformers

    save_tokenizer(folder, longest)
    config = transformers.BertConfig(
        vocab_size=5 + len(WORDS), hidden_size=32, num_hidden_layers=2, num_attention_heads=4,
        intermediate_size=64, max_position_embeddings=longest, initializer_range=0.5,
        id2label=dict(enumerate(names)), label2id={name: place for place, name in enumerate(names)},
    )  # fmt: skip
    torch.manual_seed(seed)
    with quiet():
        transformers.BertForTokenClassification(config).save_pretrained(folder)
    return folder


def rows(n: int = 60, longest: int = 12, seed: int = 0) -> pa.Table:
    r = np.random.default_rng(seed)
    tokens = [[str(w) for w in r.choice(WORDS, size=int(r.integers(1, longest + 1)))] for _ in range(n)]
    # A token of two sub-words, and one that the tokenizer does not know.
    tokens[0] = ["balami", "xyz", "dela"]
    tags = [[str(t) for t in r.choice(["O", "B-PER", "B-LOC"], size=len(one))] for one in tokens]
    return pa.table({"tokens": tokens, "tags": tags, "sex": r.choice(["F", "M"], n), "id": list(range(n))})


def opened(table: pa.Table, **more: Any) -> EvaluationSet:
    roles: dict[str, Any] = {"tags": "tags", "tokens": "tokens", "task": "ner", **more}
    return EvaluationSet(table, ["sex"], **roles)


def loaded(folder: Path, data: EvaluationSet, **keys: Any) -> Any:
    spec = model_spec({"path": str(folder), "task": "token-classification", "device": "cpu", **keys})
    return neural("transformers", spec, data, 0)


def said(model: Any, table: pa.Table) -> list[str]:
    return [str(text) for text in model.score(table.to_batches()[0], table["id"].combine_chunks()).decision]


def one_by_one(folder: Path, table: pa.Table, matching: Any = "strict") -> list[str]:
    """The entities of the tags of each token's first sub-word, sentence by sentence."""
    import torch
    import transformers

    with quiet():
        module = transformers.BertForTokenClassification.from_pretrained(folder).eval()
        tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    out = []
    for tokens in table["tokens"].to_pylist():
        read = tokenizer(tokens, is_split_into_words=True, return_tensors="pt")
        with torch.no_grad():
            classes = module(**read).logits[0].argmax(-1).tolist()
        first: dict[int, str] = {}
        for word, place in zip(read.word_ids(0), classes, strict=True):
            if word is not None:
                first.setdefault(word, module.config.id2label[place])
        tags = [first.get(place, "O") for place in range(len(tokens))]
        out.append(written(entities(tags, "iob2", matching)[0]))
    return out


@pytest.mark.parametrize("batch_tokens", [1, 64, 2048])
@pytest.mark.parametrize("matching", ["strict", "conll"])
def test_entities_are_those_of_each_sentence_by_itself(
    tmp_path: Path, batch_tokens: int, matching: str
) -> None:
    table, folder = rows(), save_tagger(tmp_path / "m")
    found = said(loaded(folder, opened(table, matching=matching), batch_tokens=batch_tokens), table)
    assert found == one_by_one(folder, table, matching)
    assert len({*found}) > 10


def test_a_long_sentence_is_read_in_windows_that_overlap(tmp_path: Path) -> None:
    """What a token's window says is the model's answer to that window, the one with most around the token."""
    folder = save_tagger(tmp_path / "m", longest=16)
    table = rows(4, longest=60, seed=1)
    model = loaded(folder, opened(table))
    found = said(model, table)
    assert model.describe()["windows"] > 0
    short = pa.table({name: table[name] for name in table.column_names}).filter(
        pa.array([len(tokens) <= 14 for tokens in table["tokens"].to_pylist()])
    )
    assert len(found) == 4
    for text, tokens in zip(found, table["tokens"].to_pylist(), strict=True):
        ends = [int(part.split(":")[1].split(" ")[0]) for part in text.split("; ") if part != "O"]
        assert all(end <= len(tokens) for end in ends)
        if len(tokens) > 40:
            # Tokens beyond the first window are marked too.
            assert max(ends, default=0) > 16
    if len(short):
        assert said(model, short) == one_by_one(folder, short)


def test_types_are_those_of_the_data_and_others_are_left_out(tmp_path: Path) -> None:
    table, folder = rows(), save_tagger(tmp_path / "m")
    data = opened(table)
    model = loaded(folder, data, types={"PER": "person"})
    found = said(model, table)
    whole = one_by_one(folder, table)
    for text, all_of in zip(found, whole, strict=True):
        kept = [part.replace("PER", "person") for part in all_of.split("; ") if part.endswith("PER")]
        assert text == ("; ".join(kept) or "O")
    assert model.describe()["types"] == {"PER": "person"}
    assert any("were left out: LOC" in note for note in data.notes)


def test_tags_without_a_beginning_are_those_of_io(tmp_path: Path) -> None:
    table = rows()
    folder = save_tagger(tmp_path / "m", ["O", "I-PER", "I-LOC"])
    assert any("PER" in text for text in said(loaded(folder, opened(table)), table))


@pytest.mark.parametrize(
    ("names", "told"),
    [(["LABEL_0", "LABEL_1"], "are no tags"), (["O", "B-PER", "S-PER"], "'S-PER', a tag of BIOES")],
)
def test_classes_that_are_no_tags_are_told(tmp_path: Path, names: list[str], told: str) -> None:
    with pytest.raises(InputError, match=told):
        loaded(save_tagger(tmp_path / "m", names), opened(rows()))


def test_models_and_tasks_that_do_not_go_together_are_told(tmp_path: Path) -> None:
    table = rows().append_column("text", pa.array(["bala"] * 60))
    texts = save_bert(tmp_path / "t")
    spec = model_spec({"path": str(texts), "text": "text"})
    with pytest.raises(InputError, match="the task ner asks for token-classification, got text-class"):
        neural("transformers", spec, opened(table), 0)
    with pytest.raises(InputError, match="is a BertForSequenceClassification, which classifies whole texts"):
        loaded(texts, opened(table))
    with pytest.raises(InputError, match="a model that is run here needs the column of the tokens"):
        loaded(save_tagger(tmp_path / "m"), opened(table, tokens=None))


def test_an_audit_of_a_folder_and_of_a_variant(here: Path, audited: Any, make_config: Any) -> None:
    import fairweigh

    table = rows(120)
    save_tagger(here / "m")
    save_tagger(here / "light", seed=1)
    result = fairweigh.run(
        {
            "audit": "tags", "task": "ner", "report": {"charts": False},
            "data": {"path": "in memory", "tags": "tags", "tokens": "tokens", "sensitive": ["sex"],
                     "id": "id"},
            "model": {"kind": "transformers", "task": "token-classification", "path": "m"},
            "variants": [{"name": "light", "path": "light"}],
        },
        "run", data=table,
    )  # fmt: skip
    told = json.loads(Path("run/audit.json").read_text())
    assert [v["name"] for v in told["variants"]] == ["original", "light"]
    assert told["variants"][0]["model"]["architecture"] == "BertForTokenClassification"
    assert result.task == "ner"
    from fairweigh.verification import verify

    assert verify(Path("run")).figures == []
