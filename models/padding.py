"""Padding: texts score beside longer ones as they do alone."""

from __future__ import annotations

import copy
from types import SimpleNamespace
from typing import Any

import numpy as np

from ..datasets.errors import InputError
from ..datasets.evaluation import EvaluationSet
from ..plain import read_json
from .asked import SAMPLE, first_rows
from .extras import quiet
from .folder import CONFIG, local_folder
from .foreign import foreign
from .inputs import unknown_columns
from .neural import NeuralModel
from .texts import TextInputs

PROBE, ALIKE = 6, 1e-3
"""Texts that are scored alone and together, and by how much of the largest logit these may lie apart."""


def padded_alike(config: Any, tokenizer: Any, batch_rows: int) -> Any:
    """The tokenizer, padding as the model expects it: some find the end of a text by the padding's token.

    Raises
    ------
    InputError
        Neither names such a token and texts are scored together, or the tokenizer does not know the model's.
    """
    inner = config.get_text_config()
    pad, wanted = tokenizer.pad_token_id, getattr(config, "pad_token_id", None)
    wanted = getattr(inner, "pad_token_id", None) if wanted is None else wanted
    if wanted is None:
        if pad is None and batch_rows > 1:
            raise InputError(
                "model: neither its tokenizer nor its config.json names a padding token; name one (pad_token "
                "in tokenizer_config.json, pad_token_id in config.json), or set model.batch_rows: 1"
            )
        config.pad_token_id = inner.pad_token_id = pad
    elif pad != wanted:
        token = tokenizer.convert_ids_to_tokens(wanted) if 0 <= wanted < len(tokenizer) else None
        if token is None:
            raise InputError(
                f"model: its config.json pads with the token {wanted}, which its tokenizer does not know"
            )
        tokenizer = copy.deepcopy(tokenizer)
        tokenizer.pad_token = token
    return tokenizer


def configured(folder: str) -> Any:
    """What a config.json beside a tokenizer says of the padding; nothing where there is none."""
    path = local_folder(folder, "model.tokenizer") / CONFIG
    found: Any = None
    if path.is_file():
        with foreign(f"model.tokenizer: {path} cannot be read"):
            found = read_json(path)
    pad = found.get("pad_token_id") if isinstance(found, dict) else None
    made = SimpleNamespace(pad_token_id=pad if isinstance(pad, int) else None)
    made.get_text_config = lambda: made
    return made


def padding_side(model: NeuralModel, spec: Any, data: EvaluationSet) -> None:
    """Pad on the side on which texts score beside longer ones as alone: the left moves positions.

    Raises
    ------
    InputError
        On neither side they do, though the model has all digits.
    """
    inputs = model.inputs
    if not isinstance(inputs, TextInputs) or spec.batch_rows == 1:
        return
    unknown_columns(model.columns, data.names, data.where)
    rows, ids = first_rows(data, model.columns, SAMPLE)
    lengths = inputs.encode(rows, ids).lengths
    # Of the first texts some of all lengths, the shortest and the longest among them.
    chosen = np.argsort(lengths, kind="stable")[
        np.unique(np.linspace(0, len(lengths) - 1, PROBE).astype(int))
    ]
    if lengths[chosen[0]] == lengths[chosen[-1]]:
        return
    alone: Any = None
    apart: dict[str, float] = {}
    for side in ("right", "left"):
        model.inputs = inputs.padding(side)
        encoded = model.inputs.encode(rows, ids)
        with quiet():
            if alone is None:
                alone = np.concatenate(
                    [model.run_batch(encoded, chosen[i : i + 1]) for i in range(len(chosen))]
                )
            if not np.isfinite(alone).all():
                return  # No side mends that: the rows are told where they are scored.
            together = model.run_batch(encoded, chosen)
        apart[side] = float(np.abs(together - alone).max())
        least = 0.0 if model.head.numbers else 1.0
        if apart[side] <= ALIKE * max(least, float(np.abs(alone).max())):
            return
    if getattr(model.runtime, "dtype", "float32") != "float32" or model.source is None:
        # Of few digits, or quantised by the batch: what is left is the noise of either side.
        model.inputs = inputs.padding(min(apart, key=lambda side: apart[side]))
        return
    model.inputs = inputs.padding(inputs.tokenizer.padding_side)
    raise InputError(
        "model: texts score otherwise beside longer ones (logits move by "
        f"{min(apart.values()):.2g}, padded on either side), so that a decision would depend on its "
        "neighbours; set model.batch_rows: 1"
    )
