"""A server that speaks as OpenAI's do: asked through their client, over a connection that keeps our rules."""

from __future__ import annotations

import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from functools import partial
from typing import Any, TypeVar

from ...datasets.errors import InputError
from ...plain import from_json, shown
from ..client import Client, LaterError, RefusedError, SlowError, as_json
from ..extras import optional
from .answer_cache import AnswerCache, key_of
from .openai_answers import OddError, choice_of, needed, used
from .openai_said import FILTERED, NO_ROOM, NOT_TAKEN, NoRoomError, lasting, share_that_fits
from .patience import Patience, StoppedError

Found = TypeVar("Found")
Item = TypeVar("Item")

CHAT, COMPLETIONS = "chat/completions", "completions"
SHORTEST_KEY = 8
"""Characters of a key that is looked for in what a server writes: shorter ones are words of a text too."""


class _Connection:
    """What their client sends goes over ours: one address, no redirect, no proxy, bounded, our headers.

    Its own would tell the system, an organisation and a key that the environment may hold.
    """

    def __init__(self, client: Client) -> None:
        self._client = client

    def handle_request(self, request: Any) -> Any:
        made = optional("httpx2", "an endpoint of a language model", "endpoint").Response
        content = request.read() or None
        found = self._client.exchange(request.method, str(request.url), content)
        return made(200, headers={"Content-Type": "application/json"}, content=found)

    def close(self) -> None:
        pass

    def __enter__(self) -> _Connection:
        return self

    def __exit__(self, *why: object) -> None:
        pass


class OpenAIServer:
    """A server, its patience, and what it has answered.

    Parameters
    ----------
    address : str
        Up to what stands before ``/chat/completions``.
    key_env : str, optional
        Variable of the environment with the key.
    seconds : float
        For a whole answer.
    at_once : int
        Requests on the way together.
    patience : Patience
    cache : AnswerCache
    salt : mapping
        What answers depend on besides the request.

    Attributes
    ----------
    asked : Counter
        Answers, and tokens of prompts and texts, of this run; ``uncounted`` answers did not tell theirs.
    kept : Counter
        The same of answers that the cache had.
    models, fingerprints : Counter
        Names of models and of their systems that answered.
    seconds : list of float
        That each answer of this run took.
    adapted : list of str
        What the server does not take, and is not sent therefore.
    """

    def __init__(
        self,
        address: str,
        key_env: str | None,
        *,
        seconds: float,
        at_once: int,
        patience: Patience,
        cache: AnswerCache,
        salt: Mapping[str, Any],
    ) -> None:
        smaller = "ask for fewer tokens (model.max_new_tokens)"
        self.client = Client(address, key_env, seconds=seconds, at_once=at_once, smaller=smaller)
        self.at_once, self.patience, self.cache = at_once, patience, cache
        self.salt: dict[str, Any] = {"address": address, **salt}
        self._api = self._opened(address)
        self._lock = threading.Lock()
        self.asked: Counter[str] = Counter()
        self.kept: Counter[str] = Counter()
        self.models: Counter[str] = Counter()
        self.fingerprints: Counter[str] = Counter()
        self.seconds: list[float] = []
        self.adapted: list[str] = []
        self._turns: Counter[str] = Counter()

    def _opened(self, address: str) -> Any:
        feature = "an endpoint of a language model"
        openai = optional("openai", feature, "endpoint")
        http = optional("httpx2", feature, "endpoint").Client(
            transport=_Connection(self.client), trust_env=False, follow_redirects=False
        )
        # The key is put in where the request leaves: what this client knows, it may tell.
        return openai.OpenAI(api_key="-", base_url=address, max_retries=0, http_client=http)

    def listed(self) -> list[dict[str, Any]]:
        """Models that the server says it has; none where it does not say.

        Raises
        ------
        InputError
            It does not answer, or refuses the key.
        """
        try:
            found = self._sent("models", self._api.models.with_raw_response.list)
        except RefusedError as error:
            if error.status in (401, 403):
                raise self._at("models", error) from None
            return []
        models = found.get("data") if isinstance(found, dict) else None
        return [one for one in models or () if isinstance(one, dict) and isinstance(one.get("id"), str)]

    def answer(self, route: str, body: Mapping[str, Any], read: Callable[[dict[str, Any]], Found]) -> Found:
        """Return what `read` makes of an answer, from the cache or from the server.

        It is kept as soon as it could be read. A request that this run has made before is made anew, and its
        second answer kept as that: only so is seen what a server answers otherwise when it is asked again.

        Raises
        ------
        NoRoomError
            The prompt is too long.
        InputError
            Anything else that is no answer, with the address.
        """
        body = self.adapt(body)
        key = self._turn(key_of({**self.salt, "route": route, "request": body}))
        kept = self.cache.get(key)
        if kept is not None:
            with self.client.told(self.client.address):
                found = read(kept)
            self._count(self.kept, kept)
            return found
        try:
            answer, found = self._asked(route, body, read)
        except RefusedError as error:
            return self._refused(error, route, body, read)
        self.cache.put(key, answer)
        return found

    def _turn(self, key: str) -> str:
        """The key of a request that this run makes for the n-th time."""
        with self._lock:
            turn = self._turns[key]
            self._turns[key] += 1
        return key if not turn else key_of({"key": key, "turn": turn})

    def can(self, route: str, body: Mapping[str, Any], read: Callable[[dict[str, Any]], object]) -> str:
        """Ask whether the server answers such a request so that it can be read; empty if so, else why not.

        Raises
        ------
        InputError
            It does not answer at all, or refuses the key.
        """
        why = []

        def tried(answer: dict[str, Any]) -> None:
            try:
                read(answer)
            except OddError as error:
                why.append(str(error))

        try:
            self._asked(route, self.adapt(body), tried)
        except RefusedError as error:
            if error.status in (401, 403):
                raise self._at(route, error) from None
            return self.client.without_key(str(error))
        return why[0] if why else ""

    def _asked(
        self, route: str, body: Mapping[str, Any], read: Callable[[dict[str, Any]], Found]
    ) -> tuple[dict[str, Any], Found]:
        """Ask the server itself; what it answers is counted, and told as the cache keeps it."""
        create = (self._api.chat if route == CHAT else self._api).completions.with_raw_response.create

        def good(found: Any) -> tuple[dict[str, Any], Found]:
            try:
                choice_of(found)
            except OddError as error:
                # Nothing at all may be something the next time; an answer of another kind stays one.
                raise LaterError(str(error)) from None
            answer = needed(found)
            return answer, read(answer)

        sent: tuple[dict[str, Any], Found] = self._sent(route, partial(create, **body), good)
        self._count(self.asked, sent[0])
        return sent

    def _sent(
        self, route: str, send: Callable[[], Any], good: Callable[[Any], Any] = lambda found: found
    ) -> Any:
        """Send a request patiently; RefusedError comes as it is, all others with the address."""

        def once() -> Any:
            began = time.perf_counter()
            try:
                content: bytes = send().http_response.content
            except SlowError as error:
                raise LaterError(str(error)) from None
            except RefusedError as error:
                if error.status == 408 or error.status >= 500:
                    raise LaterError(str(error)) from None
                raise
            self.seconds.append(time.perf_counter() - began)
            return good(self._parsed(content))

        try:
            return self.patience(once)
        except (RefusedError, StoppedError):
            raise
        except InputError as error:
            raise self._at(route, error) from None

    def _parsed(self, content: bytes) -> Any:
        try:
            found = as_json(content)
        except InputError as error:
            if content.lstrip()[:1] == b"{":
                # What begins as JSON and is none has broken off.
                raise LaterError(str(error)) from None
            raise
        text = content.decode()
        clean = self.client.without_key(text) if self.client.key_length >= SHORTEST_KEY else text
        return found if clean == text else from_json(clean)

    def _at(self, route: str, error: InputError) -> InputError:
        try:
            with self.client.told(f"{self.client.address}/{route}"):
                raise error
        except InputError as told:
            return told

    def _refused(
        self,
        error: RefusedError,
        route: str,
        body: Mapping[str, Any],
        read: Callable[[dict[str, Any]], Found],
    ) -> Found:
        """What a server says no to may be asked otherwise, or is an outcome; if not, it is told."""
        said = error.content.decode("utf-8", "replace")
        if error.status in (*NOT_TAKEN, 413) and NO_ROOM.search(said):
            raise NoRoomError(str(self._at(route, error)), share_that_fits(error.content, said, body))
        if error.status in NOT_TAKEN and FILTERED.search(said):
            part = {"message": {"content": ""}} if route == CHAT else {"text": ""}
            answer = {"choices": [{"finish_reason": "content_filter", **part}]}
            self._count(self.asked, answer)
            return read(answer)
        if error.status in NOT_TAKEN and self._without(said, body):
            return self.answer(route, body, read)
        raise self._at(route, error)

    def adapt(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Return a request as this server takes it."""
        made = dict(body)
        if "max_tokens" in self.adapted and "max_tokens" in made and "messages" in made:
            made["max_completion_tokens"] = made.pop("max_tokens")
        if "seed" in self.adapted:
            made.pop("seed", None)
        if "top_logprobs" in self.adapted:
            for name in ("top_logprobs", "logprobs"):
                if type(made.get(name)) is int:
                    made[name] = min(made[name], 5)
        return made

    def _without(self, said: str, body: Mapping[str, Any]) -> bool:
        """Whether the request is another without what the server names as not taken."""
        names = ["max_tokens"] * ("max_completion_tokens" in said)
        names += ["top_logprobs"] * bool(re.search(r"logprobs|top_n_tokens", said))
        names += ["seed"] * bool(re.search(r"\bseed\b", said))
        for name in names:
            with self._lock:
                known = name in self.adapted
                if not known:
                    self.adapted.append(name)
            # Also where another request has found out meanwhile.
            if self.adapt(body) != body:
                return True
            if not known:
                with self._lock:
                    self.adapted.remove(name)
        return False

    def _count(self, counter: Counter[str], answer: Mapping[str, Any]) -> None:
        tokens = used(answer)
        with self._lock:
            counter["answers"] += 1
            if tokens is None:
                counter["uncounted"] += 1
            else:
                counter["prompt_tokens"] += tokens[0]
                counter["completion_tokens"] += tokens[1]
            for name, told in (("model", self.models), ("system_fingerprint", self.fingerprints)):
                if isinstance(answer.get(name), str):
                    told[answer[name]] += 1

    def each(self, run: Callable[[Item], Found], items: Sequence[Item]) -> list[Found]:
        """Run what asks for each item, several at once; in their order.

        The first that fails stops the others; what was answered by then is kept.
        """
        self.patience.start()
        with ThreadPoolExecutor(self.at_once) as pool:
            futures = [pool.submit(run, item) for item in items]
            try:
                wait(futures, return_when=FIRST_EXCEPTION)
            except BaseException:
                self.patience.stop()
                pool.shutdown(cancel_futures=True)
                raise
            failed = [f.exception() for f in futures if f.done() and f.exception() is not None]
            if failed:
                self.patience.stop()
                pool.shutdown(cancel_futures=True)
                raise next((e for e in failed if not isinstance(e, StoppedError)), failed[0])  # type: ignore[misc]
            return [future.result() for future in futures]


def served_model(server: OpenAIServer, name: str | None) -> tuple[str, dict[str, Any]]:
    """Return the model that is asked for, and what the server says of it.

    Raises
    ------
    InputError
        None is named, and the server does not have exactly one.
    """
    listed = server.listed()
    if name is None:
        if len(listed) != 1:
            names = ", ".join(shown(one["id"]) for one in listed[:10]) or "none that it tells"
            raise InputError(
                f"model.served_model: expected the name of one of the server's models ({names}), as it does "
                "not have exactly one"
            )
        return listed[0]["id"], lasting(listed[0])
    found = next((one for one in listed if one["id"] == name), {})
    return name, lasting(found)
