"""Recipes over language models: each does what its paper or library does, and its artefact says so."""

from __future__ import annotations

import copy
import importlib.util
import re
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import torch
from fairweigh.compression import weights
from fairweigh.compression.artefact import load as load_artefact
from fairweigh.compression.language_cost import generation, kv_bytes_per_token
from fairweigh.compression.make import make
from fairweigh.compression.recipes import names
from fairweigh.compression.registry import Context, in_float32
from fairweigh.datasets.errors import InputError
from fairweigh.models.answers import Refusals
from fairweigh.models.extras import quiet
from fairweigh.models.language.engine import Sampling, Text
from fairweigh.models.language.load import engine_of
from fairweigh.models.language.preferring import Preferring
from fairweigh.models.language.saved import NoRows
from fairweigh.models.language.writer import Writer

from ..asked_language import chooser, made, questions, save, to_learn
from ..tiny import edit_json, sentences
from ..tiny_language import SMALL, TEMPLATE, save_language, spec_of


@pytest.fixture(scope="module")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return chooser(save(tmp_path_factory.mktemp("llama"), tokenizer={"template": TEMPLATE}))


@pytest.fixture(scope="module")
def gpt2(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return chooser(save(tmp_path_factory.mktemp("gpt2"), "gpt2"))


@pytest.fixture
def models(llama: Any, gpt2: Any) -> dict[str, Any]:
    return {"llama": llama, "gpt2": gpt2}


RECIPES: dict[str, tuple[str, dict[str, Any], str]] = {
    "magnitude": ("prune-magnitude", {"amount": 0.4}, "40.0% of 23,040 weights in 21 tensors to zero"),
    "wanda": (
        "prune-wanda",
        {"amount": 0.25},
        "25.0% of 23,040 weights in 21 matrices to zero, of each output",
    ),
    "2:4": ("sparse-2-4", {}, "two of every four weights of 22 matrices to zero"),
    "wanda-2:4": (
        "prune-wanda",
        {"pattern": "2:4"},
        "50.0% of 23,040 weights in 21 matrices to zero, two of every",
    ),
    "dynamic": ("int8-dynamic", {}, "Linear layers to int8, one scale per layer"),
    "tables": ("int8-dynamic", {"embeddings": True}, "1 embedding table to int8"),
    "weight": ("int8-weight", {}, "Linear layers to int8 weights of torchao"),
    "bf16": ("bf16", {}, "weights and the activations to bfloat16"),
    "layers": ("drop-layers", {"keep": 2}, "layers 1, 3 of 3 kept"),
    "heads": ("prune-heads", {"keep": 2}, "2 of 4 heads kept in 3 attention layers"),
    "structured": ("prune-structured", {"amount": 0.5}, "50% of the units of 3 layers removed"),
    "shared": ("share-weights", {"clusters": 8}, "to at most 8 values each"),
}


@pytest.mark.parametrize("name", RECIPES)
def test_an_artefact_says_what_it_holds_and_answers_alike_when_it_is_loaded(
    name: str, llama: Any, tmp_path: Path
) -> None:
    recipe, params, words = RECIPES[name]
    before = copy.deepcopy(llama.engine.module.state_dict())
    found = made(llama, tmp_path / "a", (recipe, params))
    assert words in found.steps[0]["changed"]
    again = load_artefact(tmp_path / "a")
    rows = questions(20, seed=5)
    np.testing.assert_array_equal(again.score(rows, None).decision, found.model.score(rows, None).decision)
    asked = again.prompt("bala")
    one, other = (m.engine.next_tokens([asked], [" bala", " demi"]) for m in (again, found.model))
    np.testing.assert_array_equal(one, other)
    assert (again.form, again.way, again.engine.chat) == (llama.form, llama.way, True)
    # A recipe works on a copy.
    assert all(torch.equal(tensor, before[key]) for key, tensor in llama.engine.module.state_dict().items())


@pytest.mark.parametrize("kind", ["llama", "gpt2"])
@pytest.mark.parametrize("pattern", ["rows", "2:4"])
def test_wanda_prunes_what_the_paper_says(
    kind: str, pattern: str, models: dict[str, Any], tmp_path: Path
) -> None:
    """Sun et al. 2024, algorithm 1, written token by token and weight by weight."""
    model, amount = models[kind], 0.5
    params = {"pattern": pattern} if pattern == "2:4" else {"amount": amount}
    found = made(model, tmp_path / "a", ("prune-wanda", params))
    expected = by_hand(model, amount, pattern)
    got = weights.dense(found.model.runtime.module)
    assert len(expected) == (21 if kind == "llama" else 12)
    for name, tensor in expected.items():
        zero = np.asarray(got[name] == 0)
        assert np.mean(zero != (tensor == 0)) < 2e-3, name
        np.testing.assert_array_equal(got[name].numpy()[~zero], dict(plain(model))[name][~zero])


def plain(model: Any) -> list[tuple[str, np.ndarray]]:
    return [(name, value.numpy()) for name, value in model.engine.module.state_dict().items()]


def by_hand(model: Any, amount: float, pattern: str) -> dict[str, np.ndarray]:
    """Weights after pruning, block by block, each by the inputs that the pruned ones before give."""
    module = copy.deepcopy(model.engine.module)
    texts = to_learn().batch.column("text").to_pylist()
    blocks = next(part for name, part in module.named_modules() if name.endswith((".layers", ".h")))
    prefix = next(name for name, part in module.named_modules() if part is blocks)
    done: dict[str, np.ndarray] = {}
    for number, block in enumerate(blocks):
        inside = {
            name: part for name, part in block.named_modules()
            if type(part).__name__ in ("Linear", "Conv1D")
        }  # fmt: skip
        came: dict[str, list[np.ndarray]] = {name: [] for name in inside}
        hooks = [
            part.register_forward_pre_hook(
                lambda _, given, held=came[name]: held.extend(given[0][0].double().numpy())
            )
            for name, part in inside.items()
        ]
        with torch.no_grad(), quiet():
            for text in texts:
                module(torch.tensor([model.engine.tokenizer(text)["input_ids"]]))
        for hook in hooks:
            hook.remove()
        for name, part in inside.items():
            norms = np.sqrt(sum(token**2 for token in came[name]))
            turned = type(part).__name__ == "Conv1D"
            matrix = part.weight.detach().numpy().copy()
            for row in matrix.T if turned else matrix:
                score = np.abs(row) * norms
                if pattern == "2:4":
                    for start in range(0, len(row), 4):
                        row[start + np.argsort(score[start : start + 4], kind="stable")[:2]] = 0
                else:
                    row[np.argsort(score, kind="stable")[: int(len(row) * amount)]] = 0
            done[f"{prefix}.{number}.{name}.weight"] = matrix
            with torch.no_grad():
                part.weight.copy_(torch.from_numpy(matrix))
    return done


def test_what_pads_a_text_weighs_nothing(llama: Any, tmp_path: Path) -> None:
    """The reference runs one text at a time; here, batches of one row are the same as batches of eight."""
    from fairweigh.compression.recipes import wanda

    together = weights.dense(made(llama, tmp_path / "a", ("prune-wanda", {})).model.runtime.module)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(wanda, "BATCH", 1)
        alone = weights.dense(made(llama, tmp_path / "b", ("prune-wanda", {})).model.runtime.module)
    assert np.mean([float(((together[n] == 0) != (alone[n] == 0)).float().mean()) for n in alone]) < 1e-3


def test_fine_tuning_makes_the_loss_of_transformers_smaller_and_keeps_zeros(
    llama: Any, tmp_path: Path
) -> None:
    pruned = made(llama, tmp_path / "a", ("prune-magnitude", {"amount": 0.5}))
    tuned = made(
        llama, tmp_path / "b",
        ("prune-magnitude", {"amount": 0.5, "finetune": {"steps": 25, "lr": 5e-3, "batch": 8}}),
    )  # fmt: skip
    assert tuned.trained_on == "24 texts of elsewhere"
    assert "fine-tuned for 25 steps of 8 rows" in tuned.steps[0]["changed"]
    assert loss_of(tuned.model) < 0.8 * loss_of(pruned.model)
    one, other = (weights.dense(found.model.runtime.module) for found in (pruned, tuned))
    name = "model.layers.0.mlp.up_proj.weight"
    np.testing.assert_array_equal(one[name] == 0, other[name] == 0)


def loss_of(model: Any) -> float:
    """Mean loss of the texts, by transformers' own forward pass with labels."""
    total = []
    for text in to_learn().batch.column("text").to_pylist():
        ids = torch.tensor([model.engine.tokenizer(text)["input_ids"]])
        with torch.no_grad():
            total.append(float(model.engine.module(ids, labels=ids).loss))
    return float(np.mean(total))


def apart(model: Any, teacher: Any) -> float:
    """Mean Kullback-Leibler divergence of the next word, teacher to model, over all places of the texts."""
    total = []
    for text in to_learn().batch.column("text").to_pylist():
        ids = torch.tensor([model.engine.tokenizer(text)["input_ids"]])
        with torch.no_grad():
            one, other = (m.engine.module(ids).logits[0].log_softmax(-1) for m in (model, teacher))
        total += ((other.exp() * (other - one)).sum(-1)).tolist()
    return float(np.mean(total))


def test_a_student_comes_nearer_to_its_teacher(llama: Any, tmp_path: Path) -> None:
    dropped = made(llama, tmp_path / "a", ("drop-layers", {"keep": 2}))
    student = made(llama, tmp_path / "b", ("distill", {"layers": 2, "steps": 40, "lr": 3e-3, "batch": 8}))
    assert "nats from the teacher" in student.steps[0]["changed"]
    assert student.model.runtime.module.config.num_hidden_layers == 2
    assert apart(student.model, llama) < 0.7 * apart(dropped.model, llama)
    before = made(llama, tmp_path / "c", ("drop-layers", {"keep": 2}), ("distill", LORA))
    assert apart(before.model, llama) < 0.9 * apart(dropped.model, llama)
    assert "by a LoRA adapter of rank 4, merged" in before.steps[1]["changed"]
    # Merged: what is stored has the shapes that the steps before gave it.
    assert not [name for name in weights.parameters(before.model.runtime.module) if "lora" in name]


LORA: dict[str, Any] = {"lora": {"rank": 4}, "steps": 40, "lr": 3e-3, "batch": 8}


def test_a_merged_adapter_is_what_peft_merges(llama: Any, tmp_path: Path) -> None:
    peft = pytest.importorskip("peft")
    folder = adapter(llama.engine.path, tmp_path / "lora")
    found = made(llama, tmp_path / "a", ("merge-adapter", {"path": str(folder)}))
    with quiet():
        served = peft.PeftModel.from_pretrained(copy.deepcopy(llama.engine.module), str(folder))
    ids = torch.arange(20)[None]
    with torch.no_grad():
        expected = served.eval()(ids).logits
        got = found.model.engine.module(ids).logits
        before = llama.engine.module(ids).logits
    assert float((got - expected).abs().max()) < 1e-4
    assert float((got - before).abs().max()) > 1e-2
    assert found.steps[0]["changed"].startswith("a LoRA adapter of rank 2 merged into 6 tensors of ")


def adapter(base: str, folder: Path) -> Path:
    """A LoRA adapter of the queries and values, its weights drawn."""
    import peft
    import transformers

    torch.manual_seed(1)
    with quiet():
        module = transformers.AutoModelForCausalLM.from_pretrained(base)
        config = peft.LoraConfig(r=2, target_modules=["q_proj", "v_proj"], init_lora_weights=False)
        peft.get_peft_model(module, config).save_pretrained(str(folder))
    edit_json(folder / "adapter_config.json", base_model_name_or_path=str(base))
    return folder


def test_an_adapter_of_another_model_or_of_none_is_refused(llama: Any, gpt2: Any, tmp_path: Path) -> None:
    pytest.importorskip("peft")
    folder = adapter(llama.engine.path, tmp_path / "lora")
    for named, words in (
        (str(gpt2.engine.path), "expected one of the audited model"),
        ("/nowhere/at/all", "expected one of the audited model"),
        (None, "names no model that it belongs to"),
    ):
        edit_json(folder / "adapter_config.json", base_model_name_or_path=named)
        with pytest.raises(InputError, match=words) as told:
            made(llama, tmp_path / "a", ("merge-adapter", {"path": str(folder)}))
        assert "\n" not in str(told.value)
    with pytest.raises(InputError, match="expected the folder of an adapter"):
        made(llama, tmp_path / "a", ("merge-adapter", {"path": str(tmp_path)}))


@pytest.mark.parametrize(
    ("steps", "words"),
    [
        ([("int4-weight", {})], "int4-weight: its kernels need a CUDA device"),
        ([("fp8", {})], "fp8: its kernels need a CUDA device"),
        ([("onnx-int8", {})], "onnx-int8: is not made for language models; for these there are awq, bf16, "),
        ([("awq", {})], "awq: llm-compressor's AWQ needs a CUDA device"),
        ([("autocast", {})], "is not made for language models"),
        ([("distill", {"lora": {}})], "the model would be its own teacher"),
        ([("distill", {})], "expected layers, width or factory"),
        ([("int8-weight", {}), ("prune-wanda", {})], "quantised already"),
        ([("bf16", {}), ("prune-wanda", {})], "expected a model in float32"),
        ([("int8-weight", {"compile": True})], "compile: language models are served uncompiled"),
        ([("drop-layers", {"keep": 3})], "expected fewer than the model's 3 layers"),
    ],
)
def test_what_cannot_be_done_is_told_in_one_line(steps: Any, words: str, llama: Any, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=words) as told:
        made(llama, tmp_path / "a", *steps)
    assert "\n" not in str(told.value)
    assert not (tmp_path / "a").exists()


def test_recipes_of_language_models_are_for_no_others(tmp_path: Path) -> None:
    from fairweigh.audit.recipes import find as any_room
    from fairweigh.compression.recipes import find
    from fairweigh.compression.registry import for_task

    assert "onnx-int4" in names("torch")
    with pytest.raises(InputError, match="is made for language models, and for no others"):
        for_task(find("onnx-int4", "torch"), "binary")
    calibration = any_room("calibration", "torch")
    with pytest.raises(InputError, match="for these there is no recipe of mitigation"):
        for_task(calibration, "choice", language=True)


def test_a_masked_model_does_not_learn_next_words(tmp_path: Path) -> None:
    sizes = {**SMALL, "intermediate_size": 48, "max_position_embeddings": 128}
    folder = save_language(tmp_path / "m", "BertConfig", "BertForMaskedLM", **sizes)
    data: Any = NoRows(["more_text", "less_text"], "t")
    engine = engine_of(spec_of(folder, kind="masked-lm", resolved="masked-lm"), 0)
    rows = pa.record_batch({"more_text": sentences(4, 1), "less_text": sentences(4, 2)})
    model = Preferring(engine, data, [])
    context = Context(0, rows, to_learn, original=model)
    pruned = make(model, [("prune-wanda", {"rows": 4})], context, tmp_path / "a")
    assert pruned.steps[0]["changed"].startswith("50.0% of ")
    steps: list[tuple[str, dict[str, Any]]] = [
        ("prune-magnitude", {"finetune": {"steps": 1}}),
        ("distill", {"layers": 1, "steps": 1, "labels": 0.5}),
    ]
    for step in steps:
        with pytest.raises(InputError, match="learns by filling gaps and not by the next word"):
            make(model, [step], context, tmp_path / "b")


def test_gptq_without_its_package_is_told_in_one_line(
    llama: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fairweigh.compression.recipes.llm_compressor.find_spec", lambda name: None)
    with pytest.raises(InputError, match="gptq: needs the package llmcompressor: pip install llmcompressor"):
        made(llama, tmp_path / "a", ("gptq", {}))


def test_gptq_is_served_as_it_was_packed(llama: Any, tmp_path: Path) -> None:
    pytest.importorskip("llmcompressor", reason="llm-compressor is not installed")
    found = made(llama, tmp_path / "a", ("gptq", {"group_size": 16, "rows": 8}))
    assert found.steps[0]["changed"] == "21 matrices in 4 bits by GPTQ, stored as compressed-tensors"
    again = load_artefact(tmp_path / "a")
    rows = questions(20, seed=5)
    np.testing.assert_array_equal(again.score(rows, None).decision, found.model.score(rows, None).decision)


def test_int4_of_onnxruntime_genai_is_served_by_it(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime_genai", reason="onnxruntime-genai is not installed")
    # Its kernel of attention wants heads of at least 16 numbers.
    llama = chooser(save(tmp_path / "m", num_hidden_layers=2, hidden_size=64, intermediate_size=96))
    found = made(llama, tmp_path / "a", ("onnx-int4", {"block_size": 16}))
    assert re.fullmatch(r"\d+ matrices in 4 bits, served by onnxruntime-genai", found.steps[0]["changed"])
    again = load_artefact(tmp_path / "a")
    rows = questions(10, seed=5)
    np.testing.assert_array_equal(again.score(rows, None).decision, found.model.score(rows, None).decision)
    assert again.family is None
    with pytest.raises(InputError, match="the model was exported by the step before; put that step last"):
        in_float32(found.model, "bf16")


@pytest.mark.parametrize("task", ["pairs", "generation"])
def test_artefacts_of_other_tasks_ask_as_the_model_did(task: str, llama: Any, tmp_path: Path) -> None:
    data: Any = NoRows(["more_text", "less_text", "prompt", "sample"], "t")
    rows = pa.record_batch(
        {"more_text": sentences(6, 1), "less_text": sentences(6, 2), "prompt": sentences(6, 3),
         "sample": [str(i) for i in range(6)]}
    )  # fmt: skip
    model: Any = (
        Preferring(llama.engine, data, [], mean=True)
        if task == "pairs"
        else Writer(llama.engine, data, [], 3, named=["sample"], sampling=Sampling(6, 1.0, 0.9))
    )
    context = Context(0, rows, to_learn, original=model)
    found = make(model, [("prune-magnitude", {"amount": 0.2})], context, tmp_path / "a")
    again, here = load_artefact(tmp_path / "a").score(rows, None), found.model.score(rows, None)
    np.testing.assert_array_equal(again.decision, here.decision)
    if task == "generation":
        np.testing.assert_array_equal(again.text, here.text)
        assert len(set(here.text.tolist())) > 1
    # What is asked is what recipes run the module on.
    read = [llama.engine.tokenizer.decode(row) for row in model.inputs.encode(rows, None).rows]
    column = rows.column("more_text" if task == "pairs" else "prompt").to_pylist()
    assert all(text in whole for text, whole in zip(column, read, strict=True))


def test_a_pattern_that_may_not_end_is_refused_in_an_artefact(llama: Any, tmp_path: Path) -> None:
    data: Any = NoRows(["prompt"], "t")
    model = Writer(llama.engine, data, [], refusals=Refusals(("(a+)+b",)))
    with pytest.raises(InputError, match="expected plain phrases, got"):
        make(model, [("bf16", {})], Context(0, pa.record_batch({"prompt": sentences(2)})), tmp_path / "a")


def test_an_artefact_ends_texts_where_its_folder_said(tmp_path: Path) -> None:
    folder = save(tmp_path / "m")
    edit_json(folder / "generation_config.json", eos_token_id=[2, 7, 9])
    model: Any = chooser(folder)
    assert model.engine.ends == {2, 7, 9}
    found = made(model, tmp_path / "a", ("prune-magnitude", {}))
    assert found.model.engine.ends == {2, 7, 9}
    student = made(model, tmp_path / "b", ("distill", {"layers": 2, "steps": 1}))
    assert student.model.engine.ends == {2, 7, 9}


@pytest.mark.parametrize("kind", ["llama", "gpt2"])
def test_bytes_of_keys_and_values_are_those_of_the_librarys_cache(
    kind: str, models: dict[str, Any], tmp_path: Path
) -> None:
    for model in (models[kind], made(models[kind], tmp_path / "a", ("bf16", {})).model):
        sizes = []
        for length in (5, 12):
            with torch.no_grad():
                cache = model.engine.module(torch.arange(length)[None], use_cache=True).past_key_values
            sizes.append(sum(layer.keys.nbytes + layer.values.nbytes for layer in cache.layers))
        assert kv_bytes_per_token(model) == (sizes[1] - sizes[0]) / 7


class Slow:
    """An engine whose first token takes ``first`` seconds of a clock of ours, and each other one ``each``."""

    chat = scores = False
    truncated = 0

    def __init__(self, clock: list[float], first: float, each: float, tokens: int = 24) -> None:
        self.clock, self.first, self.each, self.tokens = clock, first, each, tokens
        self.prompts: list[str] = []

    def write(self, prompts: Any, sampling: Any, seeds: Any) -> list[Text]:
        written = min(self.tokens, sampling.max_new_tokens)
        self.clock[0] += self.first + self.each * (written - 1)
        self.prompts += [one.text for one in prompts]
        return [Text("x", tokens=written)]


def slow(model: Any, engine: Any) -> Any:
    other = copy.copy(model)
    other.engine, other.way = engine, "generate"
    return other


def test_speeds_are_those_of_a_clock(llama: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr("fairweigh.compression.language_cost.time.perf_counter", lambda: clock[0])
    arms = [slow(llama, Slow(clock, first, each)) for first, each in ((1.0, 0.1), (1.0, 0.11), (0.5, 0.05))]
    found = generation(arms, questions(8), 0)
    assert found["first_token_ms"] == pytest.approx(500)
    assert found["decode_tokens_per_second"] == pytest.approx(20)
    assert found["ratio"] == pytest.approx(0.5)
    assert (found["null_low"], found["null_high"]) == (pytest.approx(1.1), pytest.approx(1.1))
    assert found["prompt_tokens"] is None
    assert found["prefill_tokens_per_second"] is None
    # No runtime reads a prompt that it has in its memory.
    timed = arms[0].engine.prompts[1:]
    assert len(set(timed)) == len(timed)
    with pytest.raises(ValueError, match="it wrote 1 token to a prompt of the data"):
        generation([slow(llama, Slow(clock, 1, 1, 1)), None, None], questions(8), 0)


def test_the_script_of_the_gpu_paths_says_where_there_is_no_gpu(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = Path(__file__).parents[2] / "benchmarks" / "cuda.py"
    found = importlib.util.spec_from_file_location("benchmark_of_cuda", file)
    assert found is not None
    assert found.loader is not None
    script = importlib.util.module_from_spec(found)
    found.loader.exec_module(script)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert script.main([]) == 0
    assert capsys.readouterr().out == "no CUDA device is here, so that nothing was measured\n"
