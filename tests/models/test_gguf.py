"""GGUF models run by llama.cpp: SmolLM2 in four bits against its dequantised weights, and bad files."""

from __future__ import annotations

import json
import os
import re
import signal
import struct
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from fairweigh.datasets.errors import InputError
from fairweigh.models.language import gguf, gguf_file
from fairweigh.models.language.engine import Prompt, Question, Sampling

from ..smollm import PARAMETERS, SHA256

PROMPTS = (
    Prompt("What is the capital of France? Answer in one word."),
    Prompt("Is the sky green?", "Answer yes or no."),
    Prompt("The nurse and the surgeon met. Who was late? A: the nurse B: the surgeon. Answer A or B."),
)
WORDS = ("Paris", "No", "Yes", "A", "B")


@pytest.fixture(scope="module")
def engine(smollm_gguf: Path) -> Iterator[gguf.Gguf]:
    pytest.importorskip("xllamacpp")
    made = gguf.gguf_engine(SimpleNamespace(path=str(smollm_gguf), chat="auto"), 0)
    yield made
    made.close()


@pytest.fixture(scope="module")
def bare(smollm_gguf: Path) -> Iterator[gguf.Gguf]:
    """Without its chat template, and with a small context."""
    pytest.importorskip("xllamacpp")
    spec = SimpleNamespace(path=str(smollm_gguf), chat="off", context=48)
    made = gguf.gguf_engine(spec, 0)
    yield made
    made.close()


# --- what it says --------------------------------------------------------------------------------


def dequantised(folder: Path, prompts: tuple[Prompt, ...]) -> tuple[Any, np.ndarray[Any, Any]]:
    """The tokenizer, and log-probabilities of all tokens behind each prompt, by transformers in float32."""
    import torch
    import transformers

    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    model = transformers.AutoModelForCausalLM.from_pretrained(folder).eval()
    rows = []
    for prompt in prompts:
        turns = [{"role": "system", "content": prompt.system}] if prompt.system else []
        turns.append({"role": "user", "content": prompt.text})
        text = tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)
        with torch.inference_mode():
            logits = model(**tokenizer(text, return_tensors="pt", add_special_tokens=False)).logits[0, -1]
        rows.append(logits.log_softmax(-1).numpy())
    return tokenizer, np.array(rows, np.float64)


def test_quantised_weights_are_near_their_dequantised_copy_and_not_equal_to_it(
    engine: gguf.Gguf, smollm_folder: Path
) -> None:
    tokenizer, expected = dequantised(smollm_folder, PROMPTS)
    first = [tokenizer(word, add_special_tokens=False)["input_ids"][0] for word in WORDS]
    difference = np.abs(engine.next_tokens(PROMPTS, WORDS) - expected[:, first])
    # Measured over twelve prompts: up to .19 nats of the likeliest token, .34 of the twenty likeliest.
    assert 0.001 < difference.max() < 0.25


def test_log_probabilities_are_of_all_tokens_however_unlikely(
    engine: gguf.Gguf, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ("Paris", "zebra")
    whole = engine.next_tokens(PROMPTS[:1], words)
    assert whole[0, 1] < -9
    monkeypatch.setattr(gguf, "MOST_TOLD", engine.vocabulary)
    assert engine.next_tokens(PROMPTS[:1], words).tolist() == whole.tolist()
    assert engine.vocabulary == 49_152
    assert engine.next_tokens([], words).shape == (0, 2)


def test_the_same_seed_writes_the_same_text_beside_any_others(engine: gguf.Gguf) -> None:
    drawn = Sampling(12, temperature=1.0, top_p=0.9)
    together = engine.write([*PROMPTS, PROMPTS[0]], drawn, [7, 8, 9, 10])
    alone = [
        engine.write([prompt], drawn, [seed])[0] for prompt, seed in zip(PROMPTS, (7, 8, 9), strict=True)
    ]
    assert together[:3] == alone
    assert together[3].text != together[0].text
    assert all(text.whole or text.tokens == 12 for text in together)


def test_no_heat_writes_the_likeliest_token_each_time(engine: gguf.Gguf) -> None:
    cold = engine.write(PROMPTS[:2], Sampling(16), [1, 2])
    assert cold == engine.write(PROMPTS[:2], Sampling(16), [3, 4])
    # No mark of an end is in the text.
    assert (cold[0].text, cold[0].whole, cold[0].tokens) == ("The capital of France is Paris.", True, 7)
    assert not cold[1].whole
    assert cold[1].text.startswith("No")


def test_long_prompts_lose_their_beginning_and_are_counted(bare: gguf.Gguf) -> None:
    short, long = bare.write([Prompt("A cat"), Prompt("word " * 60 + "A cat")], Sampling(4), [1, 2])
    assert (short.cut, long.cut, bare.truncated) == (False, True, 1)
    bare.next_tokens([Prompt("word " * 60)], [" A"])
    assert bare.truncated == 2
    with pytest.raises(InputError, match=r"^model\.max_new_tokens: 48 leave no room .* context of 48$"):
        bare.write([Prompt("A")], Sampling(48), [1])


def test_an_empty_prompt_is_the_mark_of_a_beginning(bare: gguf.Gguf) -> None:
    assert np.isfinite(bare.next_tokens([Prompt("")], ["The"])).all()
    assert bare.write([Prompt("", "A cat"), Prompt("A cat\n\n")], Sampling(3), [1, 1])[0].text
    with pytest.raises(InputError, match=r"^model: the answer '' has no token of its own; expected a text$"):
        bare.next_tokens([Prompt("A")], [""])


def test_context_grows_where_a_prompt_needs_it(engine: gguf.Gguf, monkeypatch: pytest.MonkeyPatch) -> None:
    before, pid = engine.next_tokens(PROMPTS[:1], WORDS), engine._server.pid
    monkeypatch.setattr(engine._server, "context", 32)
    assert engine.next_tokens(PROMPTS[:1], WORDS).tolist() == before.tolist()
    assert engine._server.context == 64
    assert engine._server.pid != pid


def test_it_weighs_no_answers_and_says_so(engine: gguf.Gguf) -> None:
    assert not engine.scores
    with pytest.raises(InputError, match=r"^model\.score: llama\.cpp through xllamacpp cannot weigh"):
        engine.likelihoods([Question(Prompt("A"), (" b",))])


def test_the_files_own_metadata_say_what_it_is(engine: gguf.Gguf, bare: gguf.Gguf, smollm_gguf: Path) -> None:
    told = engine.describe()
    assert told["sha256"] == SHA256
    assert (told["architecture"], told["quantisation"], told["context"]) == ("llama", "Q4_1", 8192)
    assert told["tensors"].startswith("Q4_1: 210 (66,355,200 bytes); Q8_0: 1 (")
    assert told["parameters"] == PARAMETERS
    assert told["stored_bytes"] < smollm_gguf.stat().st_size < told["stored_bytes"] * 1.02
    assert (engine.chat, bare.chat) == (True, False)
    assert "template_sha256" in told
    assert "template_sha256" not in bare.describe()
    assert told["tokenizer_sha256"] == bare.describe()["tokenizer_sha256"]
    assert engine.identity() != bare.identity()
    # An outside reader: the package of llama.cpp's authors.
    reader = pytest.importorskip("gguf").GGUFReader(smollm_gguf)
    assert sum(int(tensor.n_bytes) for tensor in reader.tensors) == told["stored_bytes"]
    assert engine.file.template == reader.get_field("tokenizer.chat_template").contents()


# --- bad input -----------------------------------------------------------------------------------


def written(
    file: Path, architecture: str = "llama", template: str = "", part: tuple[int, int] = (0, 1)
) -> Path:
    """A small file of a model that no runtime could run."""
    package = pytest.importorskip("gguf")
    writer = package.GGUFWriter(file, architecture)
    writer.add_context_length(64)
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list(["a", "b"])
    if part[1] > 1:
        writer.add_uint16("split.no", part[0])
        writer.add_uint16("split.count", part[1])
        writer.add_int32("split.tensors.count", part[1])
    writer.add_tensor(f"t{part[0]}", np.ones((4, 32), np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return file


def test_parts_of_a_model_are_read_together(tmp_path: Path) -> None:
    files = [written(tmp_path / f"m-0000{i + 1}-of-00003.gguf", part=(i, 3)) for i in range(3)]
    read = gguf_file.read_gguf(files[0])
    assert (read.files, read.tensors) == (tuple(files), {"F32": (3, 384, 1536)})
    assert read.sha256() != gguf_file.read_gguf(written(tmp_path / "one.gguf")).sha256()
    with pytest.raises(InputError, match=r"m-00002-of-00003\.gguf is no first part; expected m-00001"):
        gguf_file.read_gguf(files[1])
    other = files[0].rename(tmp_path / "m.gguf")
    with pytest.raises(InputError, match=r"is one of 3 parts; expected a name such as MODEL-00001-of-00003"):
        gguf_file.read_gguf(other)
    other.rename(files[0])
    written(files[2], part=(1, 3))
    with pytest.raises(InputError, match=r"m-00003-of-00003\.gguf is no part 3 of 3 of a model$"):
        gguf_file.read_gguf(files[0])
    files[2].unlink()
    with pytest.raises(InputError, match=r"of its 3 parts there is no m-00003-of-00003\.gguf$"):
        gguf_file.read_gguf(files[0])


def header(tensors: int = 0, keys: int = 0, version: int = 3, rest: bytes = b"") -> bytes:
    return b"GGUF" + struct.pack("<IQQ", version, tensors, keys) + rest


def key(kind: int, value: bytes) -> bytes:
    return struct.pack("<Q", 1) + b"k" + struct.pack("<I", kind) + value


def tensor(*dims: int, kind: int = 0, offset: int = 0) -> bytes:
    sizes = struct.pack(f"<I{len(dims)}Q", len(dims), *dims)
    return struct.pack("<Q", 1) + b"t" + sizes + struct.pack("<IQ", kind, offset)


HUGE = 1 << 62


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "it ends within its header"),
        (b"hello" * 9, "it does not begin with GGUF"),
        (header(version=1), "version 1"),
        (b"GGUF" + struct.pack(">IQQ", 3, 0, 0), "its bytes are in big-endian order"),
        (header(HUGE), f"it tells of {HUGE:,} tensors and 0 values"),
        (header(keys=HUGE), f"it tells of 0 tensors and {HUGE:,} values"),
        (header(keys=1), "it ends within its header"),
        (header(keys=1, rest=struct.pack("<Q", HUGE)), f"a name of {HUGE:,} bytes"),
        (header(keys=1, rest=key(99, b"")), "a value of the unknown type 99"),
        (header(keys=1, rest=key(8, struct.pack("<Q", HUGE))), "it ends within its header"),
        (header(keys=1, rest=key(9, struct.pack("<IQ", 4, HUGE))), "an array longer than the file"),
        (header(keys=1, rest=key(9, struct.pack("<IQ", 8, HUGE))), "an array longer than the file"),
        (header(keys=1, rest=key(9, struct.pack("<IQ", 9, 1))), "an array of the unknown type 9"),
        (header(1, rest=tensor(*[2] * 5)), "tensor t: 5 dimensions"),
        (header(1, rest=tensor(2, kind=4000)), "tensor t: the unknown quantisation 4000"),
        (header(1, rest=tensor(HUGE, HUGE)), "it ends before its tensors, .*"),
        (header(1, rest=tensor(2, offset=HUGE)), "it ends before its tensors, .*"),
    ],
)  # fmt: skip
def test_a_broken_header_is_told_in_one_line(content: bytes, why: str, tmp_path: Path) -> None:
    file = tmp_path / "m.gguf"
    file.write_bytes(content)
    line = rf"^model\.path: {re.escape(str(file))} is no GGUF file that can be read: {why}$"
    with pytest.raises(InputError, match=line):
        gguf_file.read_gguf(file)


def test_no_file_and_no_language_model(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"^model\.path: there is no file "):
        gguf_file.read_gguf(tmp_path / "none.gguf")
    (tmp_path / "m.gguf").write_bytes(header())
    with pytest.raises(InputError, match=r"names no architecture; expected a GGUF of a language model$"):
        gguf_file.read_gguf(tmp_path / "m.gguf")


def test_what_llama_cpp_cannot_run_is_told_in_its_own_words(tmp_path: Path) -> None:
    pytest.importorskip("xllamacpp")
    strange = written(tmp_path / "strange.gguf", "lxama")
    with pytest.raises(InputError, match=r"strange\.gguf: unknown model architecture: 'lxama'$"):
        gguf.Gguf(str(strange))
    with pytest.raises(InputError, match=r"^model\.path: llama\.cpp cannot load .*known\.gguf: [^\n]+$"):
        gguf.Gguf(str(written(tmp_path / "known.gguf")))


def test_asked_for_what_the_file_has_not(tmp_path: Path) -> None:
    pytest.importorskip("xllamacpp")
    file = str(written(tmp_path / "m.gguf"))
    with pytest.raises(InputError, match=r"^model\.chat: on, but .* has no chat template; expected off$"):
        gguf.Gguf(file, "on")
    with pytest.raises(InputError, match=r"^model\.context: expected at most 64 tokens, .* got 100$"):
        gguf.Gguf(file, context=100)


def test_weights_that_are_no_numbers_are_found(smollm_gguf: Path, tmp_path: Path) -> None:
    pytest.importorskip("xllamacpp")
    content = bytearray(smollm_gguf.read_bytes())
    content[-2_000_000:] = b"\xff" * 2_000_000
    (tmp_path / "nan.gguf").write_bytes(content)
    with pytest.raises(InputError, match=r"nan\.gguf: found tensors with invalid data$"):
        gguf.Gguf(str(tmp_path / "nan.gguf"))


def test_what_stops_llama_cpp_stops_its_process_alone(smollm_gguf: Path) -> None:
    pytest.importorskip("xllamacpp")
    engine = gguf.Gguf(str(smollm_gguf), context=64)
    os.kill(engine._server.pid, signal.SIGABRT)
    with pytest.raises(InputError, match=r"^model: llama\.cpp gave no answer: its process .* SIGABRT"):
        engine.next_tokens(PROMPTS[:1], WORDS)


def test_its_process_ends_with_the_engine(smollm_gguf: Path) -> None:
    pytest.importorskip("xllamacpp")
    engine = gguf.Gguf(str(smollm_gguf), context=64)
    process = engine._server._process
    del engine
    assert process.returncode == 0


def test_a_broken_file_ends_an_audit_with_one_line(here: Path, cli: Any) -> None:
    question = {
        "example_id": 0, "question_index": "1", "question_polarity": "neg", "context_condition": "ambig",
        "category": "Age", "context": "A boy and an old man met.", "question": "Who was late?",
        "ans0": "The boy", "ans1": "The old man", "ans2": "Unknown", "label": 2,
        "answer_info": {"ans0": ["boy", "nonOld"], "ans1": ["old man", "old"], "ans2": ["x", "unknown"]},
        "additional_metadata": {"stereotyped_groups": ["old"]},
    }  # fmt: skip
    (here / "Age.jsonl").write_text(json.dumps(question) + "\n")
    (here / "m.gguf").write_bytes(b"GGUF")
    config = {"audit": "t", "suite": "bbq", "data": {"path": "Age.jsonl"}, "model": {"path": "m.gguf"}}
    (here / "a.yaml").write_text(json.dumps(config))
    ended = cli("audit", "a.yaml", "-q")
    assert ended.code == 2
    assert len(ended.lines) == 1
    assert "m.gguf is no GGUF file that can be read: it ends within its header" in ended.err
