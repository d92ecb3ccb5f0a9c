"""What servers that speak as OpenAI's do say when they say no, and what of their models stays the same."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ...datasets.errors import InputError
from ...plain import from_json

NO_ROOM = re.compile(
    r"exceed_context_size|context_length_exceeded|context (size|length)|maximum context|too many tokens"
    r"|max_new_tokens` must be <=|longer than the (model's )?maximum",
    re.I,
)
FILTERED = re.compile(r"\bcontent_filter\b|content management policy", re.I)
NOT_TAKEN = (400, 422)
MOST_SAID, LONGEST = 20, 200
"""What a server says of itself is told, as far as it is short."""


class NoRoomError(InputError):
    """A prompt is longer than the model's context; ``share`` of it fits, as far as the server says."""

    def __init__(self, told: str, share: float) -> None:
        super().__init__(told)
        self.share = share


def share_that_fits(content: bytes, said: str, body: Mapping[str, Any]) -> float:
    """How much of a prompt fits, by the numbers that a server tells: a little less, as letters vary."""
    asked = limit = 0
    try:
        error = from_json(content).get("error")
        asked, limit = int(error["n_prompt_tokens"]), int(error["n_ctx"])
    except (AttributeError, KeyError, TypeError, ValueError):
        told = re.search(r"context length is (\d+)", said), re.search(r"(?:requested|has) (\d+)", said)
        if all(told):
            limit, asked = (int(found[1]) for found in told if found)
    new = body.get("max_tokens") or body.get("max_completion_tokens") or 0
    return min(max(0.95 * (limit - new) / asked, 0.1), 0.95) if asked and limit else 0.75


def lasting(told: Mapping[str, Any]) -> dict[str, Any]:
    """What a server says of a model, without what another request would find otherwise."""
    kept = {k: v for k, v in told.items() if k in ("root", "parent", "max_model_len", "owned_by")}
    meta = told.get("meta")
    if isinstance(meta, Mapping):
        kept |= dict(list(meta.items())[:MOST_SAID])
    return {
        k: v for k, v in kept.items() if isinstance(v, int) or (isinstance(v, str) and 0 < len(v) <= LONGEST)
    }
