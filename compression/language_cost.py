"""What a language model costs: time to the first token, tokens a second, bytes of keys and values.

Terms as llama-bench and vLLM's benchmarks have them: prefill is reading the prompt, decode is writing one
token after the other with the keys and values of all tokens before.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..datasets.errors import InputError
from ..models.extras import quiet
from ..models.foreign import one_line
from ..models.language.changeable import heard
from ..models.language.engine import Prompt, Sampling
from ..told import tell

NEW = 24
"""Tokens that are written."""
LEAST, MOST = 5, 21
"""Rounds."""
SECONDS = 3.0
"""No further round is begun after so long."""
PROMPTS = 16
"""Prompts of which the middle one by length is timed."""


def generation(
    arms: Sequence[Any], rows: pa.RecordBatch, seed: int, known: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Time how models write, interleaved: all of them in each round, in an order that is shuffled.

    Parameters
    ----------
    arms : original, copy or None, variant or None (the original itself)
        Language models; the copy's ratio is the null arm, what two equal models differ by on this machine.
    rows : pyarrow.RecordBatch
    known : mapping, optional
        What was found of the original: its null arm counts where there is no copy.

    Returns
    -------
    dict
        The keys of the result's ``Generation``.

    Raises
    ------
    ValueError
        A model wrote fewer than two tokens, so that there is none to time.
    """
    models = [model for model in arms if model is not None]
    prompt = _prompt(models[0], rows)
    draw = np.random.default_rng(seed)
    own = 0 if arms[2] is None else -1
    told: list[NDArray[np.float64]] = []
    with quiet():
        # Kernels are chosen and caches filled by the first call.
        written = [_timed(model, prompt, seed)[1] for model in models]
        if min(written) < 2:
            raise ValueError(
                f"it wrote {min(written)} token{'s' * (min(written) != 1)} to a prompt of the data"
            )
        began = time.perf_counter()
        turn = 0
        while len(told) < LEAST or (len(told) < MOST and time.perf_counter() - began < SECONDS):
            times = np.empty((len(models), 3))
            for place in draw.permutation(len(models)):
                times[place] = _round(models[place], prompt, seed, turn)
            told.append(times)
            turn += 2
    every = np.stack(told)
    first, each = every[:, :, 0], np.maximum(every[:, :, 1], 1e-9)
    ratio = each[:, own] / each[:, 0]
    null = None if arms[1] is None else each[:, 1] / each[:, 0]
    limits = (
        (known["null_low"], known["null_high"])
        if null is None and known is not None
        else tuple(np.quantile(ratio if null is None else null, [0.025, 0.975]))
    )
    tokens = prompt_tokens(models[own], _numbered(prompt, 0))
    seconds = float(np.median(first[:, own]))
    low, high = np.quantile(ratio, [0.025, 0.975])
    return {
        "prompt_tokens": tokens, "new_tokens": int(np.median(every[:, own, 2])), "rounds": len(told),
        "first_token_ms": seconds * 1e3,
        "prefill_tokens_per_second": None if tokens is None else tokens / seconds,
        "decode_tokens_per_second": float(1 / np.median(each[:, own])),
        "ratio": float(np.median(ratio)), "ratio_low": float(low), "ratio_high": float(high),
        "null_low": float(limits[0]), "null_high": float(limits[1]),
    }  # fmt: skip


def written(
    arms: Sequence[Any], rows: pa.RecordBatch, seed: int, original: Mapping[str, Any], notes: Sequence[str]
) -> dict[str, Any]:
    """`generation` with its note where that cannot be measured: a timer that fails is no fault of the audit.

    Parameters
    ----------
    original : mapping
        What is known of the original.
    notes : sequence of str
        What is told of the variant so far.
    """
    try:
        return {"generation": generation(arms, rows, seed, original.get("generation"))}
    except OSError:
        raise
    except Exception as error:
        # Runtimes are of many makers; what one of them cannot do is told, and the audit goes on.
        why = str(error) if isinstance(error, (InputError, ValueError)) else one_line(error)
        return {"notes": [*notes, tell("Writing: not measured: {why}", why=why)]}


def _prompt(model: Any, rows: pa.RecordBatch) -> Prompt:
    """Of some rows the prompt of middle length; where sentences alone are weighed, the sentence is one."""
    asked = heard(model, rows.slice(0, PROMPTS))
    found = [Prompt(one.prompt.text or one.answers[0].strip(), one.prompt.system) for one in asked]
    return sorted(found, key=lambda one: len(one.text))[len(found) // 2]


def _round(model: Any, prompt: Prompt, seed: int, turn: int) -> tuple[float, float, float]:
    """Seconds to the first token, seconds of each further one, and how many were written."""
    first, _ = _timed(model, _numbered(prompt, turn), seed, 1)
    whole, written = _timed(model, _numbered(prompt, turn + 1), seed)
    return first, max(whole - first, 0.0) / max(written - 1, 1), written


def _numbered(prompt: Prompt, turn: int) -> Prompt:
    """The prompt with a number before it: a runtime that keeps what it has read would read no second time."""
    return Prompt(f"({10 + turn % 90}) {prompt.text}", prompt.system)


def _timed(model: Any, prompt: Prompt, seed: int, most: int = NEW) -> tuple[float, int]:
    """Seconds, and the number of tokens, of one text."""
    start = time.perf_counter()
    written = model.engine.write([prompt], Sampling(most), [seed])
    # A text is in the host's memory, so that whatever a device did for it is done.
    return time.perf_counter() - start, written[0].tokens


def prompt_tokens(model: Any, prompt: Prompt) -> int | None:
    """How many tokens a prompt has; None where the runtime does not say."""
    words = getattr(model.engine, "words", None)
    return None if words is None else len(words.prompts([prompt], 1)[0][0])


WORD_BYTES = {"float64": 8, "float32": 4, "float16": 2, "bfloat16": 2, "int8": 1, "float8_e4m3fn": 1}


def kv_bytes_per_token(model: Any) -> int | None:
    """Bytes of keys and values that one more token takes: 2 x layers x key-value heads x head size x bytes.

    Layers that look at a window, or keep a state of fixed size, take no more beyond it; they are counted as
    they are while a text is shorter. None where the model does not say.
    """
    told = getattr(model.engine, "kv_bytes_per_token", None)
    if told is not None:
        return int(told)
    module = getattr(model.engine, "module", None)
    config = getattr(module, "config", None)
    if config is None:
        return None
    config = config.get_text_config(decoder=True) if hasattr(config, "get_text_config") else config
    if hasattr(config, "kv_lora_rank"):
        # Latent attention keeps one compressed vector, and the part of the keys that turns with the place.
        per_layer = int(config.kv_lora_rank) + int(getattr(config, "qk_rope_head_dim", 0))
    else:
        heads = _first(config, "num_attention_heads", "n_head", "num_heads", "decoder_attention_heads")
        groups = _first(config, "num_key_value_heads") or heads
        width = _first(config, "hidden_size", "n_embd", "d_model")
        size = _first(config, "head_dim", "d_kv") or (width // heads if width and heads else None)
        if not groups or not size:
            return None
        per_layer = 2 * groups * size
    layers = _first(config, "num_decoder_layers", "decoder_layers", "num_hidden_layers", "n_layer")
    if not layers:
        return None
    return layers * per_layer * WORD_BYTES.get(model.runtime.dtype, 2)


def _first(config: Any, *names: str) -> int | None:
    found = (getattr(config, name, None) for name in names)
    return next((int(value) for value in found if isinstance(value, int) and value > 0), None)
