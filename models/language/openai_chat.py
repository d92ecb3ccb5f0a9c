"""Language models behind an address that speaks as OpenAI's: vLLM, llama.cpp's server, TGI, vendors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeVar

import numpy as np

from ...datasets.errors import InputError
from ...told import tell, tell_n
from ..address import served_at
from .answer_cache import AnswerCache
from .engine import Floats, Likelihood, Prompt, Question, Sampling, Text
from .openai_answers import BoundaryError, echoed, echoed_tokens, first_tokens, of_words, written
from .openai_said import MOST_SAID, NoRoomError
from .openai_server import CHAT, COMPLETIONS, OpenAIServer, served_model
from .patience import Patience

Found = TypeVar("Found")

AT_ONCE, SECONDS = 8, 120.0
MOST_TOLD = 20
"""Likeliest tokens that are asked for: OpenAI and vLLM tell no more."""
MOST_CUTS = 12
SEEDS = 2**31 - 1
"""Seeds are told from 0 to below it: some servers take no larger ones."""
_PROBED = "The capital of France is Paris."


class OpenAIEngine:
    """A language model that somebody else's server runs.

    Parameters
    ----------
    spec : object
        What the configuration says: ``endpoint``, and what it may say besides.
    seed : int
        Of the run: answers that the cache has of another seed are asked for again.
    patience : Patience, optional

    Attributes
    ----------
    scores : bool
        The server echoes a prompt with log-probabilities, and no template stands between.
    chat : bool
    truncated : int
    """

    served = True

    def __init__(self, spec: Any, seed: int, patience: Patience | None = None) -> None:
        if getattr(spec, "context", None) is not None:
            raise InputError("model.context: a server's context is its own; leave it out")
        self.address = served_at(spec.endpoint, "openai")
        self._system = getattr(spec, "system", None) or ""
        self.server = OpenAIServer(
            self.address,
            getattr(spec, "key_env", None),
            seconds=getattr(spec, "timeout", None) or SECONDS,
            at_once=getattr(spec, "concurrency", None) or AT_ONCE,
            patience=patience or Patience(getattr(spec, "requests_per_minute", None)),
            cache=AnswerCache(getattr(spec, "cache", None)),
            salt={"seed": seed},
        )
        self.model, self._said = served_model(self.server, getattr(spec, "served_model", None))
        self.server.salt["said"] = self._said
        self.truncated, self._unseen, self._words, self._withheld = 0, 0, 0, 0
        self._lengths: dict[str, int] = {}
        self._least_told: int | None = None
        wanted = getattr(spec, "score", None)
        self.chat, self._why_chat = self._chat(getattr(spec, "chat", None) or "auto", wanted)
        self.scores, self._why_not = False, ""
        self._echo_tokens = 0
        if wanted in (None, "likelihood"):
            self.scores, self._why_not = self._echoes()

    def _chat(self, asked: str, wanted: str | None) -> tuple[bool, str]:
        """Whether the chat template is used, and why where nobody says."""
        if asked != "auto":
            return asked == "on", ""
        if wanted == "likelihood":
            return False, tell("likelihoods are asked of texts, which go through no chat template")
        body = self._body(Prompt(_PROBED), chat=True) | {"max_tokens": 1}
        why = self.server.can(CHAT, body, partial(written, cut=False))
        return not why, why

    def _echoes(self) -> tuple[bool, str]:
        """Whether the server tells the log-probabilities of a prompt, and why not."""
        if self.chat:
            return False, "its chat template stands between prompt and answer; chat: off asks for bare texts"
        why = ""
        for tokens in (0, 1):
            # Some write one token at least.
            self._echo_tokens = tokens
            why = self.server.can(COMPLETIONS, self._echo(_PROBED), partial(echoed_tokens, text=_PROBED))
            if not why:
                return True, ""
        return False, why

    def _body(self, prompt: Prompt, chat: bool | None = None) -> dict[str, Any]:
        system = prompt.system or self._system
        if self.chat if chat is None else chat:
            turns = [{"role": "system", "content": system}] if system else []
            return {"model": self.model, "messages": [*turns, {"role": "user", "content": prompt.text}]}
        return {"model": self.model, "prompt": f"{system}\n\n{prompt.text}" if system else prompt.text}

    def _echo(self, text: str) -> dict[str, Any]:
        return {
            "model": self.model, "prompt": text, "echo": True, "logprobs": 1, "temperature": 0,
            "max_tokens": self._echo_tokens,
        }  # fmt: skip

    @property
    def _route(self) -> str:
        return CHAT if self.chat else COMPLETIONS

    def write(self, prompts: Sequence[Prompt], sampling: Sampling, seeds: Sequence[int]) -> list[Text]:
        """Go on from each prompt."""
        how: dict[str, Any] = {"max_tokens": sampling.max_new_tokens, "temperature": sampling.temperature}
        if sampling.top_p < 1:
            # TGI takes no 1.
            how["top_p"] = sampling.top_p

        def one(asked: tuple[Prompt, int]) -> Text:
            prompt, seed = asked
            more = {**how, "seed": seed % SEEDS}
            return self._fitting(
                prompt,
                lambda p, cut: self.server.answer(
                    self._route, self._body(p) | more, partial(written, cut=cut)
                ),
            )

        texts = self.server.each(one, list(zip(prompts, seeds, strict=True)))
        self.truncated += sum(text.cut for text in texts)
        self._withheld += sum(bool(text.withheld) for text in texts)
        return texts

    def next_tokens(self, prompts: Sequence[Prompt], words: Sequence[str]) -> Floats:
        """Log-probability of each word as the next token, ``-inf`` where it is none that the server tells."""
        how: dict[str, Any] = {"max_tokens": 1, "temperature": 0, "logprobs": MOST_TOLD}
        if self.chat:
            how |= {"logprobs": True, "top_logprobs": MOST_TOLD}

        def one(prompt: Prompt) -> tuple[dict[str, float], bool]:
            return self._fitting(
                prompt,
                lambda p, cut: self.server.answer(
                    self._route, self._body(p) | how, lambda answer: (first_tokens(answer), cut)
                ),
            )

        found = self.server.each(one, prompts)
        self.truncated += sum(cut for _, cut in found)
        told = [len(tokens) for tokens, _ in found if tokens]
        self._least_told = min([*told, *([self._least_told] if self._least_told else [])], default=None)
        values = np.array([of_words(tokens, words) for tokens, _ in found]).reshape(len(prompts), len(words))
        self._unseen += int(np.isneginf(values).sum())
        self._words += values.size
        return values

    def likelihoods(self, questions: Sequence[Question]) -> list[Likelihood]:
        """Weigh the answers of each question, by an echo of prompt and answer."""
        if not self.scores:
            raise InputError(
                f"model.score: {self.address} cannot weigh given answers ({self._why_not}); expected score: "
                "choice or generate"
            )
        pairs = [(q.prompt, answer) for q in questions for answer in q.answers]
        found = iter(self.server.each(self._weighed, pairs))
        weighed = []
        for question in questions:
            parts = [next(found) for _ in question.answers]
            sums, tokens, cut = zip(*parts, strict=True) if parts else ((), (), ())
            self.truncated += any(cut)
            weighed.append(Likelihood(np.array(sums, np.float64), np.array(tokens, np.int64), any(cut)))
        return weighed

    def _weighed(self, pair: tuple[Prompt, str]) -> tuple[float, int, bool]:
        prompt, answer = pair

        def one(shorter: Prompt, cut: bool) -> tuple[float, int, bool]:
            before = self._body(shorter)["prompt"]
            tokens, values = self._echoed(before + answer)
            with self.server.client.told(f"{self.address}/{COMPLETIONS}"):
                try:
                    return (*echoed(tokens, values, answer), cut)
                except BoundaryError:
                    if not before:
                        return (*echoed(tokens, values, answer, 0), cut)
                    return (*echoed(tokens, values, answer, self._length(before)), cut)

        return self._fitting(prompt, one)

    def _length(self, text: str) -> int:
        """Tokens of a prompt, counted where those of its answers do not tell where it ends."""
        if text not in self._lengths:
            self._lengths[text] = len(self._echoed(text)[0])
        return self._lengths[text]

    def _echoed(self, text: str) -> tuple[list[str], list[Any]]:
        return self.server.answer(COMPLETIONS, self._echo(text), partial(echoed_tokens, text=text))

    def _fitting(self, prompt: Prompt, ask: Callable[[Prompt, bool], Found]) -> Found:
        """Ask with a prompt that loses its beginning until the server has room for it."""
        text = prompt.text
        for cuts in range(MOST_CUTS + 1):
            try:
                return ask(Prompt(text, prompt.system), bool(cuts))
            except NoRoomError as error:
                keep = int(len(text) * error.share)
                if not keep or cuts == MOST_CUTS:
                    raise InputError(f"{error}; without the prompt's text too") from None
                text = text[-keep:]
        raise AssertionError

    def describe(self) -> dict[str, Any]:
        """What the report says: address, model and system as the server tells them, and what was asked."""
        server = self.server
        told: dict[str, Any] = {
            "kind": "endpoint", "protocol": "openai", "endpoint": self.address, "runtime": "served elsewhere",
            "model": self.model, **{f"model_{name}": value for name, value in self._said.items()},
            "answered_as": sorted(server.models)[:MOST_SAID],
            "systems": sorted(server.fingerprints)[:MOST_SAID],
            "chat": self.chat, "scores": self.scores, "truncated": self.truncated,
            "usage": {"asked": dict(server.asked), "from_cache": dict(server.kept)},
            "tries_again": server.patience.tries_again,
        }  # fmt: skip
        if server.seconds:
            p50, p95 = np.quantile(server.seconds, [0.5, 0.95])
            told["latency"] = tell(
                "p50 {p50} s, p95 {p95} s for a request, with the network; at most {requests} requests at a "
                "time",
                p50=f"{p50:.3g}", p95=f"{p95:.3g}", requests=server.at_once,
            )  # fmt: skip
        if self._least_told is not None:
            told["tokens_told"] = {"asked": MOST_TOLD, "least": self._least_told}
        if notes := list(self._notes()):
            told["notes"] = notes
        return told

    def _notes(self) -> Any:
        server = self.server
        if self._why_chat:
            yield tell("no chat template is used: {said}", said=self._why_chat)
        for name, found in (("model", server.models), ("system_fingerprint", server.fingerprints)):
            if len(found) > 1:
                names = ", ".join(f"{value}: {n:,}" for value, n in found.most_common(5))
                yield tell(
                    "the server changed during the run: its answers name {n} values of {field} ({names})",
                    n=len(found), field=name, names=names,
                )  # fmt: skip
        if "seed" in server.adapted:
            yield tell("the server takes no seed: the same request may find another text")
        if "top_logprobs" in server.adapted:
            yield tell("the server tells at most {n} log-probabilities of a token", n=5)
        if self._unseen:
            yield tell(
                "{n} of {all} log-probabilities of words are not known: none of the tokens that the server "
                "told was the word; they count as minus infinity",
                n=f"{self._unseen:,}", all=f"{self._words:,}",
            )  # fmt: skip
        if self._withheld:
            yield tell_n(
                "{n} text is a refusal or was held back by a filter, as the server says",
                "{n} texts are refusals or were held back by a filter, as the server says",
                self._withheld, n=f"{self._withheld:,}",
            )  # fmt: skip

    def identity(self) -> dict[str, Any] | None:
        """None: what runs behind an address may change; its answers are kept one by one."""
        return None


def endpoint_engine(spec: Any, seed: int) -> OpenAIEngine:
    """Open a language model behind an address.

    Raises
    ------
    InputError
        Nothing answers there, the key is refused, or it is not said which of several models is meant.
    """
    return OpenAIEngine(spec, seed)
