"""Encoder-decoder and masked language models beside plain calls of the library and the authors' rules."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from fairweigh.datasets.errors import InputError
from fairweigh.models.language.engine import Compared, Prompt, Question, Sampling
from fairweigh.models.language.masked import Masked, differing
from fairweigh.models.language.torch_engine import masked_engine, seq2seq_engine

from ..tiny import WORDS, save_tokenizer, sentences
from ..tiny_language import SMALL, save_language, spec_of

T5: dict[str, Any] = {
    "d_model": 32, "d_kv": 8, "d_ff": 48, "num_layers": 2, "num_heads": 4, "decoder_start_token_id": 0,
    "initializer_factor": 3.0,
}  # fmt: skip
BART: dict[str, Any] = {
    "d_model": 32, "encoder_layers": 2, "decoder_layers": 2, "encoder_attention_heads": 4,
    "decoder_attention_heads": 4, "encoder_ffn_dim": 48, "decoder_ffn_dim": 48, "max_position_embeddings": 64,
    "decoder_start_token_id": 2, "init_std": 0.3, "forced_eos_token_id": None,
}  # fmt: skip


@pytest.mark.parametrize(
    ("config", "model", "settings"),
    [("T5Config", "T5ForConditionalGeneration", T5), ("BartConfig", "BartForConditionalGeneration", BART)],
)
def test_encoder_decoders_weigh_and_write_as_plain_calls_do(
    config: str, model: str, settings: dict[str, Any], tmp_path: Path
) -> None:
    save_language(tmp_path, config, model, **settings)
    prompts, answers = sentences(9, 0, 12), sentences(27, 1, 4)
    questions = [Question(Prompt(p), tuple(answers[3 * i : 3 * i + 3])) for i, p in enumerate(prompts)]
    for tokens in (1, 1000):
        engine = seq2seq_engine(spec_of(tmp_path, batch_tokens=tokens), 0)
        found = engine.likelihoods(questions)
        texts = engine.write([q.prompt for q in questions], Sampling(8), [0] * 9)
        firsts = engine.next_tokens([q.prompt for q in questions], ["bala", "nola"])
        for i, question in enumerate(questions):
            ids = torch.tensor([engine.tokenizer(question.prompt.text)["input_ids"]])
            for j, answer in enumerate(question.answers):
                told = engine.tokenizer(answer)["input_ids"]
                decoder = torch.tensor([[engine.start, *told[:-1]]])
                with torch.no_grad():
                    logits = engine.module(input_ids=ids, decoder_input_ids=decoder).logits[0].log_softmax(-1)
                plain = sum(float(logits[k, token]) for k, token in enumerate(told))
                assert found[i].sums[j] == pytest.approx(plain, abs=1e-3, rel=1e-4)
                assert found[i].tokens[j] == len(told)
            first = engine.tokenizer("nola")["input_ids"][0]
            assert firsts[i, 1] == pytest.approx(float(logits[0, first]), abs=1e-3, rel=1e-4)
            made = engine.module.generate(
                ids, attention_mask=torch.ones_like(ids), max_new_tokens=8, do_sample=False, num_beams=1
            )
            assert texts[i].text == engine.tokenizer.decode(made[0][1:], skip_special_tokens=True)


def test_an_encoder_decoder_keeps_to_its_context(tmp_path: Path) -> None:
    save_language(tmp_path, "BartConfig", "BartForConditionalGeneration", **BART)
    engine = seq2seq_engine(spec_of(tmp_path), 0)
    long = Prompt(" ".join(sentences(10)))
    found = engine.likelihoods([Question(long, ("bala",)), Question(Prompt("bala"), ("bala",))])
    assert [one.cut for one in found] == [True, False]
    assert engine.truncated == 1
    with pytest.raises(InputError, match="max_new_tokens: expected at most 64, as the decoder has places"):
        engine.write([long], Sampling(65), [0])


@pytest.fixture(scope="module")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Masked:
    import transformers

    folder = tmp_path_factory.mktemp("bert")
    torch.manual_seed(0)
    config = transformers.BertConfig(
        vocab_size=5 + len(WORDS),
        intermediate_size=48,
        max_position_embeddings=64,
        initializer_range=0.3,
        **SMALL,
    )
    transformers.BertForMaskedLM(config).save_pretrained(folder)
    save_tokenizer(folder)
    return masked_engine(spec_of(folder, batch_tokens=100), 0)


def by_authors(engine: Masked, one: str, other: str) -> tuple[float, float]:
    """The rule of CrowS-Pairs' metric.py (Nangia et al. 2020), written down after it."""
    ids = [engine.tokenizer.encode(text, return_tensors="pt") for text in (one, other)]
    told = [[str(x) for x in each[0].tolist()] for each in ids]
    matcher = difflib.SequenceMatcher(None, told[0], told[1])
    spans: list[list[int]] = [[], []]
    for name, a, b, c, d in matcher.get_opcodes():
        if name == "equal":
            spans[0] += range(a, b)
            spans[1] += range(c, d)
    scores = [0.0, 0.0]
    for i in range(1, len(spans[0]) - 1):
        for side in (0, 1):
            place = spans[side][i]
            masked = ids[side].clone()
            masked[0][place] = engine.tokenizer.mask_token_id
            with torch.no_grad():
                found = engine.module(masked).logits[0][place].log_softmax(0)
            scores[side] += float(found[ids[side][0][place]])
    return scores[0], scores[1]


def test_pairs_are_weighed_by_the_tokens_that_they_share(bert: Masked) -> None:
    pairs = [
        ("bala fimi goso lala", "bala demi goso lala"),
        ("nola", "bala fimi goso"),
        ("nola bala", "bala nola"),
    ]
    pairs += list(zip(sentences(6, 3, 12), sentences(6, 4, 12), strict=True))
    found = bert.sentences([Compared(pair) for pair in pairs])
    for row, pair in zip(found, pairs, strict=True):
        np.testing.assert_allclose(row, by_authors(bert, *pair), rtol=1e-4, atol=1e-4)
    assert found[1].tolist() == [0, 0]


def test_three_sentences_are_weighed_by_the_words_in_which_they_differ(bert: Masked) -> None:
    texts = ("bala fimi goso lala", "bala demi noso goso lala", "bala peru goso lala")
    found = bert.sentences([Compared(texts), Compared((*texts[:2], ""))])
    known = bert.tokenizer.convert_tokens_to_ids
    before, behind = known(["[CLS]", "bala"]), known(["goso", "lala", "[SEP]"])
    for place, words in enumerate((["fimi"], ["demi", "noso"], ["peru"])):
        chances = []
        for i, word in enumerate(words):
            ids = [*before, *known(words[:i]), known("[MASK]"), *behind]
            with torch.no_grad():
                told = bert.module(torch.tensor([ids])).logits[0][len(before) + i].softmax(0)
            chances.append(float(told[known(word)]))
        assert found[0, place] == pytest.approx(np.log(np.mean(chances)), abs=1e-4)
    np.testing.assert_allclose(found[1, :2], by_authors(bert, *texts[:2]), rtol=1e-4, atol=1e-4)
    assert np.isnan(found[1, 2])


def test_where_sentences_differ() -> None:
    texts = ["He is from Asia.", "He is from Ethiopia.", "He is from a green apple."]
    assert [text[a:b] for text, (a, b) in zip(texts, differing(texts), strict=True)] == [
        "Asia", "Ethiopia", "a green apple",
    ]  # fmt: skip
    # What one has twice is taken once.
    assert [t[a:b] for t, (a, b) in zip(["a a", "a a a"], differing(["a a", "a a a"]), strict=True)] == [
        "",
        " a",
    ]


def test_a_masked_model_neither_answers_nor_writes(bert: Masked) -> None:
    for ask in (
        lambda: bert.likelihoods([Question(Prompt("bala"), ("nola",))]),
        lambda: bert.next_tokens([Prompt("bala")], ["nola"]),
        lambda: bert.write([Prompt("bala")], Sampling(), [0]),
    ):
        with pytest.raises(InputError, match="weighs sentences of pairs alone"):
            ask()
    with pytest.raises(InputError, match=r"a sentence of .* tokens is longer than the model's context of 64"):
        bert.sentences([Compared((" ".join(["bala"] * 80), "bala"))])


def test_an_encoder_decoder_tells_letters_of_several_tokens_apart(tmp_path: Path) -> None:
    save_language(tmp_path, "T5Config", "T5ForConditionalGeneration", **T5)
    engine = seq2seq_engine(spec_of(tmp_path), 0)
    letters = (" A", " B", " C")
    prompt = Prompt("bala fimi")
    found = engine.next_tokens([prompt], letters)[0]
    assert len(set(found.tolist())) == 3
    np.testing.assert_allclose(
        found, engine.likelihoods([Question(prompt, letters)])[0].sums, rtol=1e-4, atol=1e-4
    )
