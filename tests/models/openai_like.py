"""A server that speaks as OpenAI's do, over a language model whose every probability is known."""

from __future__ import annotations

import hashlib
import json
import math
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

from ..serving import serving

WORDS = ["A", "B", "C", " Paris", " London", " is", " the", ".", "A", " a", " nurse", " doctor"]
VOCABULARY = sorted(set(WORDS))
NEVER: Callable[[dict[str, Any]], Any] = lambda body: None  # noqa: E731 - a default


def tokens_of(text: str) -> list[str]:
    """Words with the space before them."""
    return re.findall(r" ?[^ ]+| +", text)


def log_probability(before: str, token: str) -> float:
    """Of a token after another: a softmax over the vocabulary, to which any other token is added."""
    vocabulary = VOCABULARY if token in VOCABULARY else [*VOCABULARY, token]
    return logit(before, token) - math.log(sum(math.exp(logit(before, t)) for t in vocabulary))


def logit(before: str, token: str) -> float:
    return hashlib.sha256(f"{before}|{token}".encode()).digest()[0] / 64


def weigh(prompt: str, answer: str) -> tuple[float, int]:
    """What an echo should give for an answer after a prompt."""
    tokens = tokens_of(prompt + answer)
    first = len(tokens_of(prompt))
    pairs = list(pairwise(tokens))[first - 1 :]
    return sum(log_probability(*pair) for pair in pairs), len(pairs)


class Server:
    """What is served, and what was asked; a test says what goes wrong."""

    def __init__(self, **changes: Any) -> None:
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.headers: list[dict[str, str]] = []
        self.wrong: Callable[[dict[str, Any]], Any] = changes.pop("wrong", NEVER)
        self.least_new = changes.pop("least_new", 0)
        self.echoes = changes.pop("echoes", True)
        self.chats = changes.pop("chats", True)
        self.told = changes.pop("told", 20)
        self.models = changes.pop("models", ["toy"])
        self._lock = threading.Lock()
        assert not changes

    def __call__(self, method: str, path: str, content: bytes, headers: dict[str, str]) -> Any:
        body = json.loads(content) if content else {}
        with self._lock:
            self.headers.append(headers)
            if method == "POST":
                self.asked.append((path, body))
        if path == "/v1/models":
            return 200, {}, {"object": "list", "data": [{"id": name, "created": 1} for name in self.models]}
        if (wrong := self.wrong(body)) is not None:
            return wrong
        if path == "/v1/chat/completions" and self.chats:
            return 200, {}, self.chat(body)
        if path == "/v1/completions":
            return self.completions(body)
        return 404, {}, {"error": {"message": "Not Found"}}

    def chat(self, body: dict[str, Any]) -> dict[str, Any]:
        text = body["messages"][-1]["content"]
        choice: dict[str, Any] = {"index": 0, "finish_reason": "stop"}
        written = f"said {text} {body.get('seed')}"
        if body.get("logprobs"):
            tops = self.tops(tokens_of(text)[-1], body["top_logprobs"])
            listed = [{"token": token, "logprob": value} for token, value in tops.items()]
            choice["logprobs"] = {"content": [{**listed[0], "top_logprobs": listed}]}
            written = str(listed[0]["token"])
        choice["message"] = {"role": "assistant", "content": written}
        return self.answer(choice, tokens_of(text), 3)

    def completions(self, body: dict[str, Any]) -> Any:
        tokens = tokens_of(body["prompt"])
        if body["max_tokens"] < self.least_new:
            return 400, {}, {"error": {"message": "max_tokens must be at least 1"}}
        choice: dict[str, Any] = {"index": 0, "finish_reason": "length"}
        new = list(self.tops(tokens[-1] if tokens else "", 1))[: body["max_tokens"]]
        said = [*tokens, *new] if body.get("echo") and self.echoes else new
        choice["text"] = "".join(said)
        if body.get("logprobs"):
            before = [None, *tokens, *new] if said != new else [tokens[-1], *new]
            values = [
                None if b is None else log_probability(b, t) for b, t in zip(before, said, strict=False)
            ]
            choice["logprobs"] = {
                "tokens": said, "token_logprobs": values, "text_offset": [0] * len(said),
                "top_logprobs": [None if b is None else self.tops(b, body["logprobs"]) for b in before],
            }  # fmt: skip
        return 200, {}, self.answer(choice, tokens, len(new))

    def tops(self, before: str, n: int) -> dict[str, float]:
        every = {token: log_probability(before, token) for token in VOCABULARY}
        return dict(sorted(every.items(), key=lambda item: -item[1])[: min(n, self.told)])

    def answer(self, choice: dict[str, Any], tokens: list[str], new: int) -> dict[str, Any]:
        return {
            "id": "x", "created": 1, "model": "toy-1", "system_fingerprint": "fp_1", "choices": [choice],
            "usage": {"prompt_tokens": len(tokens), "completion_tokens": new},
        }  # fmt: skip


@contextmanager
def openai_like(**changes: Any) -> Iterator[tuple[str, Server]]:
    """Serve it; yields its address and what was asked of it."""
    server = Server(**changes)
    with serving(server) as url:
        yield f"{url}/v1", server
