"""The CUDA paths, each beside what it replaces: made, loaded again, timed by the device's own events.

    python benchmarks/cuda.py [--minutes 7] [--device cpu --small]

Recipes of torchao (int8, int4, fp8), half precision and 2:4 on a classifier and on a language model of random
weights, 2:4 through torch's sparse kernels, how fast each writes, and vLLM and llm-compressor where they are
installed. What does not run here is a line of the table that says why. Without a device it says so and ends.
"""

from __future__ import annotations

import argparse
import gc
import importlib.util
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa

WORDS = [
    f"{a}{b}" for a in ("ba", "de", "fi", "go", "lu", "ma", "no", "pe") for b in ("la", "mi", "ru", "so")
]
LARGE: dict[str, int] = {"hidden": 2048, "inner": 5632, "layers": 12, "heads": 16, "groups": 4}
SMALL: dict[str, int] = {"hidden": 128, "inner": 256, "layers": 2, "heads": 4, "groups": 2}
CLASSIFIER: list[tuple[str, dict[str, Any]]] = [
    ("bf16", {}), ("fp16", {}), ("autocast", {}), ("int8-weight", {}), ("int8-torchao", {"compile": False}),
    ("int4-weight", {"group_size": 128}), ("fp8", {}), ("sparse-2-4", {}),
]  # fmt: skip
LANGUAGE: list[tuple[str, dict[str, Any]]] = [
    ("bf16", {}), ("int8-weight", {}), ("int4-weight", {"group_size": 128}), ("fp8", {}),
    ("prune-wanda", {"rows": 16}), ("prune-wanda", {"rows": 16, "pattern": "2:4"}),
    ("drop-layers", {"keep": 1}),
]  # fmt: skip
NOTHING = "no CUDA device is here, so that nothing was measured"


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--minutes", type=float, default=7.0, help="No part is begun after so long.")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--small", action="store_true", help="Models of a few thousand weights.")
    options = parser.parse_args(arguments)
    end = time.monotonic() + 60 * options.minutes
    if importlib.util.find_spec("torch") is None:
        print(NOTHING)
        return 0
    import torch

    if options.device.startswith("cuda") and not torch.cuda.is_available():
        print(NOTHING)
        return 0
    bench = Bench(options.device, SMALL if options.small else LARGE)
    print(f"{bench.told()}\n\n{Row.HEAD}")
    with tempfile.TemporaryDirectory() as name:
        for part in bench.parts(Path(name)):
            if time.monotonic() > end:
                print(Row("the rest", note=f"not begun after {options.minutes:g} min"))
                break
            for row in part():
                print(row, flush=True)
    return 0


class Row:
    """One line of the table."""

    HEAD = (
        "| what | p50 ms | ratio | null | first token ms | prefill tok/s | decode tok/s | stored MB | "
        "peak MB | |\n"
        "|---|--:|--:|---|--:|--:|--:|--:|--:|---|"
    )

    def __init__(self, what: str, note: str = "", **figures: Any) -> None:
        self.what, self.note, self.figures = what, " ".join(note.split())[:160], figures

    def __str__(self) -> str:
        keys = ("p50", "ratio", "null", "first", "prefill", "decode", "stored", "peak")
        cells = (self.figures.get(key) for key in keys)
        told = ("" if one is None else one if isinstance(one, str) else f"{one:,.4g}" for one in cells)
        return f"| {self.what} | {' | '.join(told)} | {self.note} |"


class Bench:
    """What is measured, on a device, with models of a size."""

    def __init__(self, device: str, size: dict[str, int]) -> None:
        self.device, self.size, self.cuda = device, size, device.startswith("cuda")

    def told(self) -> str:
        """What it runs on."""
        import torch
        import transformers

        name = torch.cuda.get_device_name(self.device) if self.cuda else "a processor"
        return f"{name}, torch {torch.__version__}, transformers {transformers.__version__}"

    def parts(self, folder: Path) -> Iterator[Callable[[], Iterator[Row]]]:
        """The parts, each of which may fail by itself."""
        yield self.clock
        yield self.sparse_kernels
        yield lambda: self.recipes("BERT", self.classifier(folder / "bert"), folder, CLASSIFIER)
        yield lambda: self.recipes("Llama", self.language(folder / "llama"), folder, LANGUAGE)
        yield lambda: self.compressors(folder)
        yield lambda: self.vllm(folder / "llama")

    def clock(self) -> Iterator[Row]:
        """Events of the device against the wall, over the same products."""
        import torch
        from fairweigh.compression.cost import _clock

        side = 4096 if self.size is LARGE else 256
        matrix = torch.randn(side, side, device=self.device)
        call = lambda: [matrix @ matrix for _ in range(8)]  # noqa: E731
        by_events = _clock(SimpleNamespace(device=self.device))
        found: dict[str, list[float]] = {"events": [], "wall": []}
        for _ in range(12):
            found["events"].append(by_events(call))
            start = time.perf_counter()
            call()
            self._wait()
            found["wall"].append(time.perf_counter() - start)
        one, other = (statistics.median(found[name][2:]) for name in ("events", "wall"))
        yield Row("events against the wall", p50=1e3 * one, ratio=one / other, note="8 products in float32")

    def sparse_kernels(self) -> Iterator[Row]:
        """Two of four weights through torch's sparse kernels, against the dense product."""
        import torch

        name = "2:4 in torch's sparse kernel"
        if not self.cuda:
            yield Row(name, note="needs a CUDA device")
            return
        try:
            side = self.size["hidden"] * 2
            dense = torch.randn(side, side, device=self.device, dtype=torch.float16)
            fours = dense.view(-1, 4)
            fours.scatter_(1, fours.abs().argsort(1)[:, :2], 0.0)
            rows = torch.randn(2048, side, device=self.device, dtype=torch.float16)
            packed = torch.sparse.to_sparse_semi_structured(dense)
            times = [
                self._median(lambda w=weight: torch.nn.functional.linear(rows, w))
                for weight in (dense, packed)
            ]
            same = torch.allclose(
                rows @ dense.t(), torch.nn.functional.linear(rows, packed), rtol=1e-2, atol=1
            )
            yield Row(name, p50=1e3 * times[1], ratio=times[1] / times[0], note=f"the same product: {same}")
        except Exception as error:
            yield Row(name, note=_why(error))

    def recipes(
        self, title: str, made: tuple[Any, pa.RecordBatch, Any], folder: Path, recipes: list[Any]
    ) -> Iterator[Row]:
        """Each recipe: made, loaded from its artefact, timed beside the original and a second copy of it."""
        from fairweigh.compression import cost, weights
        from fairweigh.compression.artefact import load, save
        from fairweigh.compression.language_cost import generation
        from fairweigh.compression.make import make
        from fairweigh.compression.registry import Context
        from fairweigh.models.language.changeable import is_language

        original, rows, learn = made
        save(original, [], folder / title)
        copy = load(folder / title, self.device)
        batches = cost.Batches.of(original, rows)
        own = cost.timings(original, copy, None, batches, 0)
        writes = is_language(original)
        whole = generation((original, copy, None), rows, 0) if writes else None
        stored = (folder / title / "model.safetensors").stat().st_size
        yield self._row(f"{title}, float32", own[-1], whole, stored, "")
        for number, (recipe, params) in enumerate(recipes):
            name = f"{title}, {recipe}{' ' + json.dumps(params) if params else ''}"
            try:
                self._fresh()
                context = Context(0, rows.slice(0, 8), learn, original=original, untouched=True)
                found = make(original, [(recipe, params)], context, folder / f"{title}{number}")
                times = cost.timings(original, copy, found.model, batches, 0)
                told = generation((original, copy, found.model), rows, 0) if writes else None
                size = cost.storage(found.model, found.folder)["stored_bytes"]
                held = weights.resident_bytes(found.model.runtime.module)
                yield self._row(
                    name, times[-1], told, size, f"{found.steps[0]['changed']}; {held / 1e6:,.0f} MB held"
                )
                del found
            except Exception as error:
                # Each path is its own; what one cannot do here is its line of the table.
                yield Row(name, note=_why(error))

    def _row(self, name: str, timed: Any, told: Any, stored: int, note: str) -> Row:
        import torch

        figures = {"p50": timed["p50_ms"], "ratio": timed["ratio"], "stored": stored / 1e6}
        figures["null"] = f"{timed['null_low']:.2f} to {timed['null_high']:.2f}"
        if told is not None:
            figures |= {"first": told["first_token_ms"], "decode": told["decode_tokens_per_second"]}
            figures["prefill"] = told["prefill_tokens_per_second"]
        if self.cuda:
            figures["peak"] = torch.cuda.max_memory_allocated() / 1e6
        return Row(name, note, **figures)

    def classifier(self, folder: Path) -> tuple[Any, pa.RecordBatch, Any]:
        """A BERT with texts of equal length."""
        import transformers
        from fairweigh.audit.config import model_spec
        from fairweigh.datasets.evaluation import EvaluationSet
        from fairweigh.models.load import neural

        size = self.size
        config = transformers.BertConfig(
            vocab_size=_tokenizer(folder), hidden_size=size["hidden"] // 2, num_attention_heads=size["heads"],
            num_hidden_layers=size["layers"] // 2, intermediate_size=size["inner"] // 2 // 128 * 128 or 128,
        )  # fmt: skip
        transformers.BertForSequenceClassification(config).save_pretrained(folder)
        texts = _texts(64)
        table = pa.table({"text": texts, "y": [i % 2 for i in range(64)], "sex": ["a", "b"] * 32})
        spec = model_spec(
            {"kind": "transformers", "path": str(folder), "text": "text", "device": self.device}
        )
        model = neural("transformers", spec, EvaluationSet(table, ["sex"], label="y"), 0)
        return model, table.select(["text"]).combine_chunks().to_batches()[0], None

    def language(self, folder: Path) -> tuple[Any, pa.RecordBatch, Any]:
        """A Llama that is asked questions, and texts to calibrate with."""
        import transformers
        from fairweigh.datasets.choice import ANSWERS, CONTEXT, OPTIONS, QUESTION
        from fairweigh.datasets.training import TrainingRows
        from fairweigh.models.language.chooser import Chooser
        from fairweigh.models.language.load import engine_of
        from fairweigh.models.language.saved import NoRows

        size = self.size
        config = transformers.LlamaConfig(
            vocab_size=_tokenizer(folder), hidden_size=size["hidden"], intermediate_size=size["inner"],
            num_hidden_layers=size["layers"], num_attention_heads=size["heads"],
            num_key_value_heads=size["groups"], max_position_embeddings=1024, eos_token_id=None,
        )  # fmt: skip
        transformers.LlamaForCausalLM(config).save_pretrained(folder)
        spec = SimpleNamespace(
            path=str(folder), kind="causal-lm", resolved="causal-lm", chat="off", context=None,
            batch_tokens=8192, device=self.device, dtype=None,
        )  # fmt: skip
        columns = [CONTEXT, QUESTION, ANSWERS, OPTIONS]
        data: Any = NoRows(columns, "benchmark")
        model = Chooser(engine_of(spec, 0), data, columns)
        answers = WORDS[:3]
        options = json.dumps(dict(zip(answers, ("target", "non-target", "unknown"), strict=True)))
        rows = {name: ["x"] * 32 for name in columns}
        rows |= {CONTEXT: _texts(32), ANSWERS: [json.dumps(answers)] * 32, OPTIONS: [options] * 32}
        learn = TrainingRows(pa.record_batch({"text": _texts(16, 1)}), None, None, "16 texts")
        return model, pa.table(rows).combine_chunks().to_batches()[0], lambda: learn

    def compressors(self, folder: Path) -> Iterator[Row]:
        """GPTQ and AWQ through llm-compressor."""
        for recipe in ("gptq", "awq"):
            if importlib.util.find_spec("llmcompressor") is None:
                yield Row(recipe, note="llm-compressor is not installed")
                continue
            yield from self.recipes(
                "Llama", self.language(folder / f"for-{recipe}"), folder / recipe, [(recipe, {})]
            )

    def vllm(self, folder: Path) -> Iterator[Row]:
        """Tokens a second of vLLM, in this process."""
        if importlib.util.find_spec("vllm") is None or not self.cuda:
            yield Row("vLLM", note="is not installed, or there is no CUDA device")
            return
        try:
            import vllm

            self._fresh()
            model = vllm.LLM(str(folder), gpu_memory_utilization=0.5, max_model_len=1024, enforce_eager=True)
            how = vllm.SamplingParams(temperature=0, max_tokens=64, ignore_eos=True)
            model.generate(_texts(1), how, use_tqdm=False)
            start = time.perf_counter()
            out = model.generate(_texts(64, 2), how, use_tqdm=False)
            tokens = sum(len(one.outputs[0].token_ids) for one in out)
            yield Row("vLLM, 64 prompts at once", decode=tokens / (time.perf_counter() - start))
        except Exception as error:
            yield Row("vLLM", note=_why(error))

    def _median(self, call: Callable[[], Any]) -> float:
        times = []
        for _ in range(12):
            self._wait()
            start = time.perf_counter()
            call()
            self._wait()
            times.append(time.perf_counter() - start)
        return statistics.median(times[2:])

    def _wait(self) -> None:
        import torch

        if self.cuda:
            torch.cuda.synchronize()

    def _fresh(self) -> None:
        import torch

        gc.collect()
        if self.cuda:
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats()


def _why(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


def _texts(n: int, seed: int = 0) -> list[str]:
    draw = np.random.default_rng(seed)
    return [" ".join(draw.choice(WORDS, size=120)) for _ in range(n)]


def _tokenizer(folder: Path) -> int:
    """A tokenizer of a token for each word; returns how many rows an embedding table is to have."""
    import tokenizers
    import transformers

    marks = ["<pad>", "<unk>", "<s>", "</s>"]
    model = tokenizers.models.WordLevel(
        {word: i for i, word in enumerate([*marks, *WORDS])}, unk_token="<unk>"
    )
    made = tokenizers.Tokenizer(model)
    made.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    folder.mkdir(parents=True, exist_ok=True)
    transformers.PreTrainedTokenizerFast(
        tokenizer_object=made, pad_token="<pad>", unk_token="<unk>", bos_token="<s>", eos_token="</s>"
    ).save_pretrained(folder)
    return 256


if __name__ == "__main__":
    sys.exit(main())
