"""Language models of transformers beside plain calls of the library, one at a time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from fairweigh.datasets.errors import InputError
from fairweigh.models.language.causal import Causal
from fairweigh.models.language.engine import Prompt, Question, Sampling
from fairweigh.models.language.tokenised import alike
from fairweigh.models.language.torch_engine import causal_engine
from fairweigh.models.language.writing import gumbel, next_of

from ..tiny import edit_json, sentences
from ..tiny_language import SMALL, STRONG, TEMPLATE, save_language, save_llama, spec_of

ARCHITECTURES: dict[str, tuple[str, str, dict[str, Any], str]] = {
    "llama": (
        "LlamaConfig", "LlamaForCausalLM", {**SMALL, "intermediate_size": 48, "num_key_value_heads": 2},
        "packed",
    ),
    "gpt2": ("GPT2Config", "GPT2LMHeadModel", {"n_embd": 32, "n_layer": 2, "n_head": 4}, "packed"),
    "neox": ("GPTNeoXConfig", "GPTNeoXForCausalLM", {**SMALL, "intermediate_size": 48}, "packed"),
    "opt": (
        "OPTConfig", "OPTForCausalLM", {**SMALL, "ffn_dim": 48, "word_embed_proj_dim": 32}, "packed",
    ),
    # A window of 12 tokens: longer rows are read without masks of our own.
    "mistral": (
        "MistralConfig", "MistralForCausalLM",
        {**SMALL, "intermediate_size": 48, "num_key_value_heads": 2, "sliding_window": 12}, "packed",
    ),
    "gemma2": (
        "Gemma2Config", "Gemma2ForCausalLM",
        {**SMALL, "intermediate_size": 48, "num_key_value_heads": 2, "head_dim": 8, "sliding_window": 12},
        "packed",
    ),
    # Distances between tokens are counted along the row: answers cannot stand side by side.
    "bloom": ("BloomConfig", "BloomForCausalLM", {"hidden_size": 32, "n_layer": 2, "n_head": 4}, "padded"),
    # A state that is carried along takes no mask.
    "mamba": (
        "MambaConfig", "MambaForCausalLM", {"hidden_size": 32, "num_hidden_layers": 2, "state_size": 8},
        "padded",
    ),
}  # fmt: skip


def asked(n: int = 12, seed: int = 0, beginning: str = "") -> list[Question]:
    """Questions of several lengths with two to four answers each."""
    draw = np.random.default_rng(seed)
    prompts, answers = sentences(n, seed, 20), sentences(4 * n, seed + 1, 4)
    return [
        Question(
            Prompt(beginning + prompts[i]),
            tuple(f" {answer}" for answer in answers[4 * i : 4 * i + int(draw.integers(2, 5))]),
        )
        for i in range(n)
    ]


def plainly(model: Any, question: Question) -> list[float]:
    """Log-likelihood of each answer: a call of the module for each, without batch, mask and cache."""
    tokenizer, found = model.tokenizer, []
    before = tokenizer(question.prompt.text)["input_ids"] or [tokenizer.bos_token_id]
    for answer in question.answers:
        behind = tokenizer(answer, add_special_tokens=False)["input_ids"]
        with torch.no_grad():
            logits = model.module(torch.tensor([before + behind])).logits[0].float().log_softmax(-1)
        found.append(sum(float(logits[len(before) + i - 1, t]) for i, t in enumerate(behind)))
    return found


@pytest.fixture(scope="module")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_llama(tmp_path_factory.mktemp("llama"))


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_answers_and_texts_are_those_of_plain_calls(name: str, tmp_path: Path) -> None:
    config, model, settings, way = ARCHITECTURES[name]
    more = {} if name in ("bloom", "mamba") else {"max_position_embeddings": 128}
    save_language(tmp_path, config, model, **{"initializer_range": STRONG, **more, **settings})
    engine = causal_engine(spec_of(tmp_path, batch_tokens=256), 0)
    assert engine.way == way
    # All begin alike, so that this is read once, or not.
    for beginning in ("", "balami goso lala " * 6):
        questions = asked(beginning=beginning)
        # What answers begin with alike is read once too; one of them may be the beginning of others.
        questions += [Question(Prompt("fimi"), (" bala nola", " bala nola lala", " bala nola pela bala"))]
        found = engine.likelihoods(questions)
        for one, question in zip(found, questions, strict=True):
            np.testing.assert_allclose(one.sums, plainly(engine, question), rtol=1e-4, atol=1e-4)
            counts = [len(engine.tokenizer(a)["input_ids"]) for a in question.answers]
            assert one.tokens.tolist() == counts
            assert not one.cut
        texts = engine.write([q.prompt for q in questions[:6]], Sampling(12), [0] * 6)
        for text, question in zip(texts, questions, strict=False):
            ids = torch.tensor([engine.tokenizer(question.prompt.text)["input_ids"]])
            made = engine.module.generate(
                ids, attention_mask=torch.ones_like(ids), max_new_tokens=12, do_sample=False, pad_token_id=0
            )
            assert text.text == engine.tokenizer.decode(made[0][ids.shape[1] :], skip_special_tokens=True)


def test_what_shares_a_batch_changes_no_answer_and_no_text(llama: Path) -> None:
    questions = asked(10, beginning="fila fimi firu ")
    prompts, seeds = [q.prompt for q in questions], list(range(10))
    found, texts, words = [], [], []
    for tokens in (1, 200, 4096):
        engine = causal_engine(spec_of(llama, batch_tokens=tokens), 0)
        found.append(np.concatenate([one.sums for one in engine.likelihoods(questions)]))
        texts.append([t.text for t in engine.write(prompts, Sampling(16, 1.0, 0.9), seeds)])
        words.append(engine.next_tokens(prompts, [" ba", " de"]))
    for i in (1, 2):
        np.testing.assert_allclose(found[i], found[0], rtol=1e-5, atol=1e-4)
        np.testing.assert_allclose(words[i], words[0], rtol=1e-5, atol=1e-4)
        assert texts[i] == texts[0]
    alone = engine.write([prompts[3]], Sampling(16, 1.0, 0.9), [3])[0].text
    assert alone == texts[0][3]
    # Seed and prompt make the text: of the same two the same, of others another.
    again = engine.write([prompts[3], prompts[3], prompts[4]], Sampling(16, 1.0, 0.9), [3, 4, 3])
    assert again[0].text == alone
    assert len({one.text for one in again}) == 3
    first = engine.likelihoods([Question(prompts[0], (" ba", " de"))])[0]
    lone = [len(engine.tokenizer(w)["input_ids"]) == 1 for w in (" ba", " de")]
    np.testing.assert_allclose(words[0][0][lone], first.sums[lone], rtol=1e-4, atol=1e-4)


def test_letters_of_several_tokens_are_told_apart_by_those_in_which_they_differ(llama: Path) -> None:
    engine = causal_engine(spec_of(llama), 0)
    letters = [" A", " B", " C"]
    tokens = [engine.tokenizer(letter)["input_ids"] for letter in letters]
    assert [len(one) for one in tokens] == [2, 2, 2]
    assert len({one[0] for one in tokens}) == 1
    prompts = [Prompt("bala fimi"), Prompt("fila")]
    for prompt, found in zip(prompts, engine.next_tokens(prompts, letters), strict=True):
        ids = torch.tensor([[*engine.tokenizer(prompt.text)["input_ids"], tokens[0][0]]])
        with torch.no_grad():
            plain = engine.module(input_ids=ids).logits[0, -1].log_softmax(-1)
        np.testing.assert_allclose(found, [float(plain[one[1]]) for one in tokens], rtol=1e-4, atol=1e-4)


def test_letters_that_are_the_same_token_are_refused() -> None:
    assert alike([[7, 1], [7, 2], [7, 3, 4]]) == 1
    assert alike([[5, 1]]) == 0
    with pytest.raises(InputError, match=r"^model\.score: choice, but .* one token for several letters; "):
        alike([[3], [4], [3]])


def test_a_token_across_the_boundary_counts_to_every_answer(llama: Path) -> None:
    engine = causal_engine(spec_of(llama), 0)
    tokenizer = engine.tokenizer
    # " de" is one token, and so is the space alone: behind it "de" is another.
    asked_for = Question(Prompt("bala fimi "), ("dela", "?"))
    one = engine.words.questions([asked_for])[0]
    whole = [tokenizer(asked_for.prompt.text + answer)["input_ids"] for answer in asked_for.answers]
    assert [one.prompt + answer for answer in one.answers] == whole
    assert one.prompt == tokenizer("bala fimi")["input_ids"]
    # Where nothing is merged, the space stays with the prompt that ends in it.
    kept = engine.words.questions([Question(Prompt("bala fimi "), ("?", "!"))])[0]
    assert kept.prompt == tokenizer("bala fimi ")["input_ids"]


def test_a_prompt_that_is_too_long_loses_its_beginning_and_is_counted(llama: Path) -> None:
    engine = causal_engine(spec_of(llama, context=40), 0)
    long, short = Prompt(" ".join(sentences(12))), Prompt("bala")
    found = engine.likelihoods([Question(long, (" bala", " delami")), Question(short, (" bala",))])
    assert [one.cut for one in found] == [True, False]
    ids = engine.tokenizer(long.text)["input_ids"]
    answers = [engine.tokenizer(text)["input_ids"] for text in (" bala", " delami")]
    room = 40 - max(map(len, answers)) + 1
    kept = ids[-room:]
    with torch.no_grad():
        logits = engine.module(torch.tensor([kept + answers[1]])).logits[0].log_softmax(-1)
    told = sum(float(logits[room + i - 1, token]) for i, token in enumerate(answers[1]))
    assert found[0].sums[1] == pytest.approx(told, abs=1e-4)
    texts = engine.write([long, short], Sampling(8), [0, 0])
    assert [text.cut for text in texts] == [True, False]
    assert engine.truncated == 2
    with pytest.raises(InputError, match=r"an answer of .* tokens is longer than the model's context of 40"):
        engine.likelihoods([Question(short, (long.text,))])
    with pytest.raises(InputError, match="max_new_tokens: 40 leave no room for a prompt"):
        engine.write([short], Sampling(40), [0])
    with pytest.raises(InputError, match="expected at most 128 tokens, as the model has, got 4,096"):
        causal_engine(spec_of(llama, context=4096), 0)
    with pytest.raises(InputError, match="the answer '' has no token of its own"):
        engine.likelihoods([Question(short, ("",))])


def test_the_mark_of_a_beginning_stays_where_a_prompt_is_cut(tmp_path: Path) -> None:
    save_llama(tmp_path, tokenizer={"begins": True})
    engine = causal_engine(spec_of(tmp_path, context=40), 0)
    asked_for = [Question(Prompt(text), (" bala",)) for text in ("", "bala", " ".join(sentences(12)))]
    read = engine.words.questions(asked_for)
    assert [one.prompt[0] for one in read] == [1, 1, 1]
    assert read[0].prompt == [1]
    assert [one.prompt.count(1) for one in read] == [1, 1, 1]
    assert len(read[2].prompt) + len(read[2].answers[0]) == 41


def test_chat_goes_through_the_template(tmp_path: Path) -> None:
    save_llama(tmp_path, tokenizer={"template": TEMPLATE, "pad": False})
    engine = causal_engine(spec_of(tmp_path), 0)
    assert engine.chat
    told = engine.describe()
    assert len(told["template_sha256"]) == 64
    asked_for = Question(Prompt("bala?", "delami"), ("bala", "fimi"))
    written = "<|system|>delami<|end|><|user|>bala?<|end|><|assistant|>"
    assert engine.words.questions([asked_for])[0].prompt == engine.tokenizer(written)["input_ids"]
    plain = causal_engine(spec_of(tmp_path, chat="off"), 0)
    assert not plain.chat
    assert "template_sha256" not in plain.describe()
    assert plain.words.questions([asked_for])[0].prompt == engine.tokenizer("delami\n\nbala?")["input_ids"]
    assert plain.identity() != engine.identity()
    in_front = Question(Prompt("delami\n\nbala?"), asked_for.answers)
    found = plain.likelihoods([asked_for])[0].sums
    np.testing.assert_allclose(found, plainly(plain, in_front), rtol=1e-4, atol=1e-4)


def test_what_a_template_makes_does_not_follow_the_calendar(tmp_path: Path) -> None:
    dated = "\n {{ strftime_now('%d %b %Y') }}: {{ messages[0]['content'] }}{{ enable_thinking }}"
    save_llama(tmp_path, tokenizer={"template": dated})
    engine = causal_engine(spec_of(tmp_path), 0)
    read = engine.words.prompts([Prompt("bala")], 0)[0][0]
    assert engine.tokenizer.decode(read) == "\n 26 Jul 2024: balaFalse"


def test_a_template_that_throws_is_told_in_one_line(tmp_path: Path) -> None:
    save_llama(tmp_path, tokenizer={"template": "{{ raise_exception('no system turn') }}"})
    engine = causal_engine(spec_of(tmp_path), 0)
    with pytest.raises(InputError, match=r"^model.chat: the model's chat template cannot .*no system turn$"):
        engine.write([Prompt("a", "b")], Sampling(4), [0])


def test_what_cannot_be_asked_is_told_in_one_line(llama: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"model.chat: on, but the model's tokenizer has no chat template"):
        causal_engine(spec_of(llama, chat="on"), 0)
    other = save_language(
        tmp_path / "gpt2", "GPT2Config", "GPT2ForSequenceClassification", n_embd=32, n_layer=2, n_head=4
    )
    with pytest.raises(InputError, match=r"which classifies whole texts; expected a model of kind causal-lm"):
        causal_engine(spec_of(other), 0)
    masked = save_language(tmp_path / "bert", "BertConfig", "BertForMaskedLM", **SMALL, intermediate_size=48)
    with pytest.raises(InputError, match=r"fills gaps in a text; expected .*, or kind: masked-lm"):
        causal_engine(spec_of(masked), 0)
    small = save_llama(tmp_path / "small", vocab_size=200)
    with pytest.raises(InputError, match=r"tokenizer has tokens up to [0-9]+, but the model knows 200"):
        causal_engine(spec_of(small), 0)
    module = causal_engine(spec_of(llama), 0)
    with torch.no_grad():
        module.module.lm_head.weight[7] = float("nan")
    broken = Causal(module.module, module.tokenizer, module.source, module.sha256, spec_of(llama))
    with pytest.raises(InputError, match=r"^model: expected finite logits, got NaN or infinity$"):
        broken.likelihoods(asked(2))
    with pytest.raises(InputError, match=r"^model: expected finite logits, got NaN or infinity$"):
        broken.next_tokens([Prompt("bala")], [" a"])


def test_a_text_ends_where_the_model_ends_it(tmp_path: Path) -> None:
    save_llama(tmp_path)
    first = causal_engine(spec_of(tmp_path), 0)
    long = first.write([Prompt("bala fimi"), Prompt("no")], Sampling(10), [0, 0])
    ids = first.tokenizer("bala fimi")["input_ids"]
    made = first.module.generate(torch.tensor([ids]), max_new_tokens=10, do_sample=False, pad_token_id=0)
    third = int(made[0][len(ids) + 2])
    # Both of the model's own ends count, that of its configuration for texts and that of its tokenizer.
    edit_json(tmp_path / "generation_config.json", eos_token_id=[2, third])
    short = causal_engine(spec_of(tmp_path), 0).write(
        [Prompt("bala fimi"), Prompt("no")], Sampling(10), [0, 0]
    )
    assert not long[0].whole
    assert long[0].tokens == 10
    assert short[0].whole
    assert short[0].tokens <= 2
    assert long[0].text.startswith(short[0].text)


def test_noise_is_gumbel_and_alike_distributions_draw_alike() -> None:
    keys = torch.arange(4000)
    noise = gumbel(keys, 3, 5)
    # Mean and variance of the standard Gumbel distribution: Euler's constant, and pi squared over 6.
    assert float(noise.mean()) == pytest.approx(np.euler_gamma, abs=0.03)
    assert float(noise.var()) == pytest.approx(np.pi**2 / 6, rel=0.04)
    torch.testing.assert_close(gumbel(keys[7:8], 3, 5)[0], noise[7])
    chances = torch.tensor([0.5, 0.25, 0.15, 0.07, 0.03])
    drawn = next_of(chances.log().expand(4000, 5), Sampling(1, 1.0), keys, 0)
    shares = torch.bincount(drawn, minlength=5) / 4000
    torch.testing.assert_close(shares, chances, atol=0.025, rtol=0)
    # Total variation .05: other tokens in at most 2 * .05 / 1.05 of the draws.
    moved = torch.tensor([0.45, 0.25, 0.15, 0.07, 0.08])
    again = next_of(moved.log().expand(4000, 5), Sampling(1, 1.0), keys, 0)
    assert float((again != drawn).double().mean()) < 0.1 / 1.05 + 0.015
    # The likeliest two hold .75, the third completes .8: the last two are never drawn.
    nucleus = next_of(chances.log().expand(4000, 5), Sampling(1, 1.0, 0.8), keys, 1)
    assert set(nucleus.tolist()) == {0, 1, 2}


def test_a_real_model_is_weighed_as_alone_and_answers(smollm_folder: Path) -> None:
    engine = causal_engine(spec_of(smollm_folder), 0)
    question = Question(
        Prompt("The grandson lost the keys. Who did?"), ("The grandfather", "The grandson", "Both")
    )
    found = engine.likelihoods([question])[0]
    read = engine.words.questions([question])[0]
    assert engine.tokenizer.decode(read.prompt).endswith("Who did?<|im_end|>\n<|im_start|>assistant\n")
    for answer, told in zip(read.answers, found.sums, strict=True):
        with torch.no_grad():
            logits = engine.module(torch.tensor([read.prompt + answer])).logits[0].log_softmax(-1)
        plain = sum(float(logits[len(read.prompt) + i - 1, token]) for i, token in enumerate(answer))
        assert told == pytest.approx(plain, rel=1e-5, abs=2e-4)
    text = engine.write([Prompt("What is the capital of France? Answer in one word.")], Sampling(8), [0])[0]
    assert "Paris" in text.text
    assert text.whole
    assert engine.way == engine.writing_way == "packed"
