"""What servers answer that speak as OpenAI's: texts, log-probabilities, tokens; held to what was asked."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, TypeGuard

import numpy as np

from ...datasets.errors import InputError
from ...plain import shown
from .engine import Floats, Text

LEAST = -9000.0
"""OpenAI writes -9999 for a probability of next to nothing."""
_SLACK = 1e-3
"""Rounding that log-probabilities may have; their probabilities may add up to so much more than 1."""


class OddError(InputError):
    """An answer that is not what was asked for."""


class BoundaryError(OddError):
    """Tokens that do not tell where a prompt ends."""


def choice_of(answer: Any) -> Mapping[str, Any]:
    """Return the first choice of an answer; OddError where it has none."""
    if isinstance(answer, Mapping):
        choices = answer.get("choices")
        if isinstance(choices, list) and choices and isinstance(choices[0], Mapping):
            return choices[0]
        if (said := answer.get("error")) is not None:
            # Some say no with the status of a success.
            said = said.get("message", said) if isinstance(said, Mapping) else said
            raise OddError(f"expected an answer with choices, got an error: {shown(said)}")
        raise OddError(f"expected an answer with choices, got {shown(choices)}")
    raise OddError(f"expected an answer with choices (a JSON object), got {shown(answer)}")


def needed(answer: Any) -> dict[str, Any]:
    """Return what is kept of an answer: its first choice and what it tells of model and tokens."""
    kept = {"choices": [dict(choice_of(answer))]}
    told = {name: answer[name] for name in ("model", "system_fingerprint", "usage") if answer.get(name)}
    return {**kept, **told}


def used(answer: Mapping[str, Any]) -> tuple[int, int] | None:
    """Tokens of prompt and of completion; None where an answer does not say."""
    usage = answer.get("usage")
    if not isinstance(usage, Mapping):
        return None
    counts = [usage.get("prompt_tokens"), usage.get("completion_tokens", 0)]
    if any(type(count) is not int or count < 0 for count in counts):
        return None
    return counts[0], counts[1]


def withheld(choice: Mapping[str, Any]) -> str:
    """Say why a model's own text is missing: ``refusal``, ``filter``, or nothing."""
    message = choice.get("message")
    if isinstance(message, Mapping) and message.get("refusal"):
        return "refusal"
    return "filter" if choice.get("finish_reason") == "content_filter" else ""


def written(answer: Mapping[str, Any], cut: bool) -> Text:
    """Read a text; what a filter or a refusal left is what there is, and is told beside it."""
    choice = choice_of(answer)
    tokens = used(answer)
    return Text(
        _text(choice),
        whole=choice.get("finish_reason") != "length",
        cut=cut,
        tokens=0 if tokens is None else tokens[1],
        withheld=withheld(choice),
    )


def _text(choice: Mapping[str, Any]) -> str:
    message = choice.get("message")
    if not isinstance(message, Mapping):
        found = choice.get("text")
        if not isinstance(found, str):
            raise OddError(f"expected a choice with a message or a text, got {shown(dict(choice))}")
        return found
    found = message.get("refusal") or message.get("content")
    if isinstance(found, list):
        found = "".join(
            part["text"] for part in found if isinstance(part, Mapping) and isinstance(part.get("text"), str)
        )
    if found is None:
        # A model that thought until its tokens were spent, or called a tool, has written no text.
        return ""
    if not isinstance(found, str):
        raise OddError(f"expected a message with a text, got {shown(found)}")
    return found


def first_tokens(answer: Mapping[str, Any]) -> dict[str, float]:
    """Read the log-probabilities of the first token, by the token's text; empty where nothing was written.

    Raises
    ------
    OddError
        They are missing, are no log-probabilities, or are those of another token.
    """
    choice = choice_of(answer)
    text = _text(choice)
    found = choice.get("logprobs")
    if withheld(choice) or (not text and _none(found)):
        return {}
    if not isinstance(found, Mapping):
        raise OddError(f"expected log-probabilities of the first token, got logprobs: {shown(found)}")
    token, told = _chat_form(found) if isinstance(found.get("content"), list) else _older_form(found)
    if text.strip() and token.strip().isascii() and not text.lstrip().startswith(token.strip()):
        raise OddError(
            f"expected log-probabilities of the text's first token {shown(text)}, got of {token!r}"
        )
    if sum(math.exp(value) for value in told.values()) > 1 + _SLACK * len(told):
        raise OddError("expected log-probabilities, got some whose probabilities add up to more than 1")
    return told


def _none(found: Any) -> bool:
    return not found or (isinstance(found, Mapping) and not found.get("content") and not found.get("tokens"))


def _chat_form(found: Mapping[str, Any]) -> tuple[str, dict[str, float]]:
    """``content: [{token, logprob, top_logprobs: [{token, logprob}]}]``, which llama.cpp gives everywhere."""
    first = found["content"][0] if found["content"] else None
    if not isinstance(first, Mapping) or not isinstance(first.get("token"), str):
        raise OddError(f"expected log-probabilities of the first token, got {shown(found['content'])}")
    told: dict[str, float] = {}
    others = first.get("top_logprobs")
    for one in [*(others if isinstance(others, list) else ()), first]:
        if not isinstance(one, Mapping) or not isinstance(one.get("token"), str):
            raise OddError(f"expected a token with its log-probability, got {shown(one)}")
        if one is first and first["token"] in told:
            continue
        _add(told, one["token"], one.get("logprob"))
    return first["token"], told


def _older_form(found: Mapping[str, Any]) -> tuple[str, dict[str, float]]:
    """``tokens: [...], token_logprobs: [...], top_logprobs: [{token: logprob}]``, as completions have it."""
    tokens, values, tops = found.get("tokens"), found.get("token_logprobs"), found.get("top_logprobs")
    if not _all_of(tokens, str) or not isinstance(values, list) or not tokens or not values:
        raise OddError(f"expected log-probabilities of the first token, got {shown(dict(found))}")
    told: dict[str, float] = {}
    top = tops[0] if isinstance(tops, list) and tops else {}
    for token, value in top.items() if isinstance(top, Mapping) else ():
        _add(told, str(token), value)
    if tokens[0] not in told:
        _add(told, tokens[0], values[0])
    return tokens[0], told


def _add(told: dict[str, float], token: str, value: Any) -> None:
    """Add a token; those of one text (parts of letters are told alike) add up."""
    told[token] = float(np.logaddexp(told.get(token, -math.inf), _logarithm(token, value)))


def _logarithm(token: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or value > _SLACK:
        raise OddError(f"expected the log-probability of {shown(token)}, at most 0, got {shown(value)}")
    return -math.inf if value <= LEAST else min(float(value), 0.0)


def _all_of(values: Any, kind: type) -> TypeGuard[list[Any]]:
    return isinstance(values, list) and all(isinstance(value, kind) for value in values)


def of_words(told: Mapping[str, float], words: Sequence[str]) -> Floats:
    """Log-probability of each word as the next token; ``-inf`` where no token that was told is the word.

    A token is the word as it stands, or else without a space in front of either.
    """
    bare: dict[str, float] = {}
    for token, value in told.items():
        name = token.lstrip(" ")
        bare[name] = float(np.logaddexp(bare.get(name, -math.inf), value))
    return np.array([told[w] if w in told else bare.get(w.lstrip(" "), -math.inf) for w in words], np.float64)


def echoed(
    tokens: Sequence[str], values: Sequence[Any], following: str, before: int | None = None
) -> tuple[float, int]:
    """Read how likely the end of an echoed text is: the sum of log-probabilities, and over how many tokens.

    A token that begins in the prompt and ends in what follows belongs to what follows.

    Parameters
    ----------
    before : int, optional
        Tokens of the prompt alone, which decide where its own do not tell.

    Raises
    ------
    BoundaryError
        Where the prompt ends cannot be read from the tokens.
    OddError
        They are not those of the text, or one has no log-probability.
    """
    first = _boundary(tokens, following) if before is None else before
    if first == 0 and values[0] is None:
        raise OddError("the first token of a text has no log-probability here; a prompt must stand before it")
    parts = [_logarithm(t, v) for t, v in zip(tokens[first:], values[first:], strict=True)]
    return sum(parts), len(parts)


def echoed_tokens(answer: Mapping[str, Any], text: str) -> tuple[list[str], list[Any]]:
    """Return the tokens of an echoed text and their log-probabilities, without what a server adds to it."""
    found = choice_of(answer).get("logprobs")
    found = found if isinstance(found, Mapping) else {}
    tokens, values = found.get("tokens"), found.get("token_logprobs")
    if not _all_of(tokens, str) or not isinstance(values, list) or len(values) != len(tokens):
        raise OddError("expected log-probabilities of all tokens of the prompt (echo), got none")
    told = used(answer)
    new = 0 if told is None else told[1]
    if new and not "".join(tokens).endswith(text):
        tokens, values = tokens[:-new], values[:-new]
    if not tokens or (told is not None and told[0] > len(tokens)):
        raise OddError("expected log-probabilities of all tokens of the prompt (echo), got those of its end")
    return tokens, values


def _boundary(tokens: Sequence[str], following: str) -> int:
    """Where the tokens of what follows begin, found from the end."""
    tail = ""
    for i in range(len(tokens) - 1, -1, -1):
        tail = tokens[i] + tail
        if len(tail) >= len(following):
            if tail.endswith(following):
                return i
            break
    # Parts of letters are told in other words than those of the text.
    raise BoundaryError(f"expected the tokens of the text that was sent, got {shown(list(tokens[-5:]))}")
