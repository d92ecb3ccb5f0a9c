"""Language models behind an address: what is asked, what is read, what goes wrong and what is kept."""

from __future__ import annotations

import json
import math
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from ipaddress import ip_address
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from fairweigh.datasets.errors import InputError
from fairweigh.models import client
from fairweigh.models.language.engine import Prompt, Question, Sampling
from fairweigh.models.language.openai_chat import OpenAIEngine
from fairweigh.models.language.patience import Patience

from ..serving import serving
from .openai_like import openai_like, tokens_of, weigh

KEY = "sk-abcdef0123456789"


@pytest.fixture
def engine(tmp_path: Path) -> Callable[..., Any]:
    """Opens an engine that waits for nothing; ``waits`` has the seconds that it would have waited."""

    def opened(address: str, *, seed: int = 0, tries: int = 3, **keys: Any) -> Any:
        waits: list[float] = []
        keys = {"cache": tmp_path / "cache", "chat": "on", "concurrency": 2, **keys}
        patience = Patience(keys.pop("per_minute", None), tries=tries, sleep=waits.append)
        made: Any = OpenAIEngine(SimpleNamespace(endpoint=address, **keys), seed, patience)
        made.waits = waits
        return made

    return opened


def prompts(n: int) -> list[Prompt]:
    return [Prompt(f"row {i}") for i in range(n)]


def failing(times: int, *answer: Any) -> Callable[[dict[str, Any]], Any]:
    """Something that goes wrong with the first requests that have a prompt of ours."""
    left = [times]

    def wrong(body: dict[str, Any]) -> Any:
        if left[0]:
            left[0] -= 1
            return answer
        return None

    return wrong


def one(choice: dict[str, Any], **more: Any) -> tuple[int, dict[str, Any], dict[str, Any]]:
    return 200, {}, {"choices": [choice], **more}


def said(content: Any, **more: Any) -> tuple[int, dict[str, Any], dict[str, Any]]:
    message = {"content": content, **more.pop("message", {})}
    return one({"finish_reason": "stop", "message": message, **more})


def test_texts_come_in_order_with_their_seeds_and_turns(engine: Any) -> None:
    with openai_like() as (address, server):
        model = engine(address, system="Be brief.")
        texts = model.write(prompts(5), Sampling(7, 0.5, 0.9), [3, 1, 4, 1, 5])
        assert [t.text for t in texts] == [f"said row {i} {s}" for i, s in enumerate([3, 1, 4, 1, 5])]
        assert all(t.whole and t.tokens == 3 and not t.cut for t in texts)
        _, body = next(a for a in server.asked if a[1]["messages"][-1]["content"] == "row 2")
    assert body == {
        "model": "toy", "max_tokens": 7, "temperature": 0.5, "top_p": 0.9, "seed": 4,
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "row 2"}],
    }  # fmt: skip


def test_without_chat_a_system_turn_stands_in_front_of_the_text(engine: Any) -> None:
    with openai_like() as (address, server):
        model = engine(address, chat="off", score="generate")
        model.write([Prompt("A nurse", "Be brief.")], Sampling(1, 0.0), [2**31])
    path, body = server.asked[-1]
    assert path == "/v1/completions"
    assert body["prompt"] == "Be brief.\n\nA nurse"
    assert "top_p" not in body  # TGI takes no 1.
    assert body["seed"] == 1


def test_whether_there_is_a_chat_is_found_out_where_nobody_says(engine: Any) -> None:
    with openai_like() as (address, _):
        assert engine(address, chat="auto").chat
    with openai_like(chats=False) as (address, _):
        model = engine(address, chat=None)
        assert not model.chat
        assert "no chat template is used: nothing is served there" in model.describe()["notes"][0]
    with openai_like() as (address, _):
        model = engine(address, chat="auto", score="likelihood")
        assert (model.chat, model.scores) == (False, True)


@pytest.mark.parametrize("chat", ["on", "off"])
def test_the_next_word_is_read_from_the_likeliest_tokens(engine: Any, chat: str) -> None:
    with openai_like(told=6) as (address, server):
        model = engine(address, chat=chat)
        words = [" Paris", "Paris", "A", " doctor", "zebra"]
        found = model.next_tokens([Prompt("The capital is"), Prompt("It was a")], words)
        want = [server.tops(before, 6) for before in (" is", " a")]
    expected = [
        [tops.get(w.replace("Paris", " Paris").replace("  ", " "), -math.inf) for w in words] for tops in want
    ]
    assert np.allclose(found, expected, atol=1e-12)
    assert np.isneginf(found[:, 4]).all()
    told = model.describe()
    assert told["tokens_told"] == {"asked": 20, "least": 6}
    assert told["notes"][0].startswith(f"{int(np.isneginf(found).sum())} of 10 log-probabilities of words")


@pytest.mark.parametrize("least_new", [0, 1])
def test_given_answers_are_weighed_where_a_server_echoes(engine: Any, least_new: int) -> None:
    asked = [
        Question(Prompt("The nurse is"), (" a doctor", " the nurse.", " Paris")),
        Question(Prompt("A"), (" a",)),
    ]
    with openai_like(least_new=least_new) as (address, _):
        model = engine(address, chat="off")
        assert model.scores
        found = model.likelihoods(asked)
    for question, likelihood in zip(asked, found, strict=True):
        want = [weigh(question.prompt.text, answer) for answer in question.answers]
        assert np.allclose(likelihood.sums, [w[0] for w in want], atol=1e-12)
        assert likelihood.tokens.tolist() == [w[1] for w in want]
        assert not likelihood.cut


def test_a_token_across_the_end_of_a_prompt_belongs_to_the_answer(engine: Any) -> None:
    with openai_like() as (address, _):
        [found] = engine(address, chat="off").likelihoods([Question(Prompt("The nur"), ("se is",))])
    assert found.tokens.tolist() == [2]
    assert np.allclose(found.sums, weigh("The", " nurse is")[0])


def test_where_tokens_are_told_in_other_words_those_of_the_prompt_are_counted(engine: Any) -> None:
    def bytes_told(body: dict[str, Any]) -> Any:
        if "echo" not in body or "é" not in body["prompt"]:
            return None
        tokens = [t.replace("é", "bytes:\\xc3\\xa9") for t in tokens_of(body["prompt"])]
        values = [None, *(-float(i) for i in range(1, len(tokens)))]
        return one({"text": "", "logprobs": {"tokens": tokens, "token_logprobs": values}})

    with openai_like(wrong=bytes_told) as (address, server):
        model = engine(address, chat="off")
        [found] = model.likelihoods([Question(Prompt("Le café est"), (" déjà vu", " fermé"))])
    assert found.sums.tolist() == [-3.0 - 4.0, -3.0]
    assert found.tokens.tolist() == [2, 1]
    assert [body["prompt"] for _, body in server.asked].count("Le café est") <= 2


@pytest.mark.parametrize(
    ("keys", "says"),
    [
        ({"echoes": False}, "expected log-probabilities of all tokens of .*, got those of its end"),
        ({"wrong": lambda body: (400, {}, {"error": "Only no echo is supported"})}, "Only no echo"),
    ],
)  # fmt: skip
def test_a_server_that_cannot_weigh_answers_is_told(engine: Any, keys: Any, says: str) -> None:
    with openai_like(**keys) as (address, _):
        model = engine(address, chat="off")
        assert not model.scores
        with pytest.raises(InputError, match=rf"model.score: http.*cannot weigh .*\(.*{says}.*choice or"):
            model.likelihoods([])


def test_the_beginning_of_a_text_is_asked_for_a_prompt(engine: Any) -> None:
    with (
        openai_like() as (address, _),
        pytest.raises(InputError, match="first token of a text has no log-probability here"),
    ):
        engine(address, chat="off").likelihoods([Question(Prompt(""), ("A nurse",))])


def test_a_busy_or_broken_server_is_asked_again(engine: Any) -> None:
    answers = [(429, {"Retry-After": "7"}, b""), (500, {}, b"<html>"), (503, {}, b"")]
    for answer in answers:
        with openai_like(wrong=failing(1, *answer)) as (address, _):
            model = engine(address, concurrency=1)
            assert model.write([Prompt(f"p{answer[0]}")], Sampling(), [0])[0].text == f"said p{answer[0]} 0"
            assert model.describe()["tries_again"] == 1
            assert (7 <= model.waits[0] <= 7.5) if answer[0] == 429 else (0.5 <= model.waits[0] <= 1)


@pytest.mark.parametrize(
    "answer",
    [
        (200, {}, b'{"choices": [{"message": {"content": "hal'),
        (200, {}, {"choices": []}),
        (200, {}, {"choices": None}),
        (200, {}, {"error": {"message": "overloaded"}}),
        (200, {}, lambda handler: None),
        (408, {}, b""),
    ],
)
def test_what_may_be_otherwise_the_next_time_is_asked_again(engine: Any, answer: Any) -> None:
    with openai_like(wrong=failing(2, *answer)) as (address, _):
        assert engine(address).write(prompts(1), Sampling(), [0])[0].text == "said row 0 0"
    with (
        openai_like(wrong=lambda body: answer) as (address, _),
        pytest.raises(InputError, match=r"^model.endpoint: http.*/v1/chat/completions: .*, 3 times$"),
    ):
        engine(address, seed=1).write(prompts(1), Sampling(), [0])


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ((200, {}, b"<html><title>Log in"), r"expected JSON, got a page \(HTML\)"),
        ((200, {"Content-Type": "text/plain"}, b"fine"), "expected JSON, got 'fine'"),
        ((307, {"Location": "http://other.example/v1"}, b""), "redirects to http://other.example"),
        ((401, {}, {"error": {"message": "who?"}}), r"key was refused or is missing \(HTTP 401: who\?\)"),
        ((404, {}, {"error": {"message": "no model x"}}), r"nothing is served there \(HTTP 404: no mod"),
        ((400, {}, {"error": {"message": "bad role"}}), "HTTP 400: bad role$"),
        ((429, {"Retry-After": "9999"}, b""), "HTTP 429; it asks to wait 9,999 s"),
        ((200, {}, [1]), r"expected an answer with choices \(a JSON object\), got \[1\], 3 times"),
        (said(7), "expected a message with a text, got 7"),
        (one({"finish_reason": "stop"}), "expected a choice with a message or a text"),
    ],
)  # fmt: skip
def test_what_goes_wrong_is_one_line(engine: Any, answer: Any, says: str) -> None:
    with (
        openai_like(wrong=lambda body: answer) as (address, _),
        pytest.raises(InputError, match=rf"^model.endpoint: http://127.*completions: .*{says}") as told,
    ):
        engine(address).write(prompts(1), Sampling(), [0])
    assert "\n" not in str(told.value)


def test_a_server_that_says_nothing_is_not_waited_for(engine: Any) -> None:
    done = threading.Event()
    silent: Any = (200, {}, lambda handler: done.wait(5))
    with openai_like(wrong=lambda body: silent) as (address, _):
        began = time.monotonic()
        with pytest.raises(InputError, match=r"no whole answer within 0 s, 2 times$"):
            engine(address, timeout=0.2, tries=2).write(prompts(1), Sampling(), [0])
        assert time.monotonic() - began < 3
        done.set()


def test_an_answer_beyond_all_bounds_is_not_read(engine: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "MOST_BYTES", 2**16)
    with (
        openai_like(wrong=lambda body: (200, {}, b" " * 2**18)) as (address, _),
        pytest.raises(InputError, match="larger than 0 MiB; ask for fewer tokens"),
    ):
        engine(address).write(prompts(1), Sampling(), [0])


@pytest.mark.parametrize(
    ("answer", "text", "withheld", "whole"),
    [
        (said(None), "", "", True),
        (said(None, finish_reason="length"), "", "", False),
        (said("half", finish_reason="length"), "half", "", False),
        (said("", finish_reason="content_filter"), "", "filter", True),
        (said(None, message={"refusal": "I cannot."}), "I cannot.", "refusal", True),
        (said([{"type": "text", "text": "in "}, {"text": "parts"}]), "in parts", "", True),
        ((400, {}, {"error": {"code": "content_filter", "message": "filtered"}}), "", "filter", True),
    ],
)
def test_outcomes_are_no_errors(engine: Any, answer: Any, text: str, withheld: str, whole: bool) -> None:
    with openai_like(wrong=lambda body: answer) as (address, _):
        model = engine(address)
        [found] = model.write(prompts(1), Sampling(), [0])
        notes = model.describe().get("notes", [])
    assert (found.text, found.withheld, found.whole) == (text, withheld, whole)
    assert bool(withheld) == any("held back by a filter" in note for note in notes)


def told_of(token: str, *values: tuple[str, Any]) -> Any:
    tops = [{"token": t, "logprob": v} for t, v in values]
    return said(token, logprobs={"content": [{"token": token, "logprob": -0.5, "top_logprobs": tops}]})


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (said("A"), "expected log-probabilities of the first token, got logprobs: None"),
        (said("A", logprobs={}), "expected log-probabilities of the first token"),
        (said("A", logprobs={"content": []}), r"expected log-probabilities of the first token, got \[\]"),
        (told_of("A", ("A", 2.5)), "expected the log-probability of 'A', at most 0, got 2.5"),
        (told_of("A", ("A", None)), "expected the log-probability of 'A', at most 0, got None"),
        (told_of("A", ("A", -0.1), ("B", -0.1)), "add up to more than 1"),
        (said("No", logprobs={"content": [{"token": "Yes", "logprob": -1.0}]}), "token 'No', got of 'Yes'"),
    ],
)  # fmt: skip
def test_other_log_probabilities_than_asked_are_told(engine: Any, answer: Any, says: str) -> None:
    with openai_like(wrong=lambda body: answer) as (address, _), pytest.raises(InputError, match=says):
        engine(address).next_tokens(prompts(1), ["A", "B"])


def test_fewer_tokens_and_none_at_all_are_known_by_their_numbers(engine: Any) -> None:
    ended = said("", logprobs=None, finish_reason="stop")
    for answer, want in [(told_of("A"), [-0.5, -math.inf]), (ended, [-math.inf, -math.inf])]:
        with openai_like(wrong=lambda body, answer=answer: answer) as (address, _):
            found = engine(address, seed=len(want[1:]) + int(want[0] < -1)).next_tokens(
                prompts(1), ["A", "B"]
            )
        assert found.tolist() == [want]
    never = told_of("A", ("A", -0.1), ("B", -9999.0))
    with openai_like(wrong=lambda body: never) as (address, _):
        assert engine(address, seed=9).next_tokens(prompts(1), ["B"]).tolist() == [[-math.inf]]


def test_a_prompt_without_room_loses_its_beginning_and_is_counted(engine: Any) -> None:
    def small(body: dict[str, Any]) -> Any:
        text = body["messages"][-1]["content"] if "messages" in body else body["prompt"]
        if len(tokens_of(text)) > 8:
            n = len(tokens_of(text))
            return (
                400,
                {},
                {"error": {"type": "exceed_context_size_error", "n_prompt_tokens": n, "n_ctx": 10}},
            )
        return None

    long = " ".join(f"w{i}" for i in range(40))
    with openai_like(wrong=small) as (address, _):
        model = engine(address)
        [text, other] = model.write([Prompt(long), Prompt("short")], Sampling(2), [0, 0])
        assert text.cut
        assert text.text.endswith(" w38 w39 0")
        assert not other.cut
        assert model.truncated == 1
        bare = engine(address, chat="off", score=None)
        assert bare.likelihoods([Question(Prompt(long), (" a", " the doctor"))])[0].cut
        assert bare.truncated == 1
        with pytest.raises(InputError, match=r"HTTP 400: .*; without the prompt's text too"):
            bare.likelihoods([Question(Prompt("x"), (" a" * 40,))])


def test_what_a_server_does_not_take_is_not_sent(engine: Any) -> None:
    def picky(body: dict[str, Any]) -> Any:
        for name, told in {
            "max_tokens": "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead.",
            "seed": "seed: extra fields not permitted",
        }.items():
            if name in body:
                return 400, {}, {"error": {"message": told}}
        if body.get("top_logprobs", 0) > 5:
            return 422, {}, {"error": "Input validation error: `top_logprobs` must be <= 5"}
        return None

    with openai_like(wrong=picky) as (address, server):
        model = engine(address)
        assert model.write(prompts(4), Sampling(9), [1, 2, 3, 4])[3].text == "said row 3 None"
        assert server.asked[-1][1]["max_completion_tokens"] == 9
        assert model.next_tokens([Prompt("It is")], ["A"]).shape == (1, 1)
        assert server.asked[-1][1]["top_logprobs"] == 5
        notes = " ".join(model.describe()["notes"])
    assert "takes no seed" in notes
    assert "at most 5 log-probabilities" in notes


def test_a_run_that_was_stopped_goes_on_where_it_was(engine: Any) -> None:
    served = [0]

    def dying(body: dict[str, Any]) -> Any:
        served[0] += 1
        return (500, {}, b"") if served[0] > 6 else None

    with openai_like(wrong=dying) as (address, server):
        with pytest.raises(InputError, match=r"HTTP 500, 3 times"):
            engine(address, concurrency=1).write(prompts(10), Sampling(), range(10))
        server.wrong = lambda body: None
        before = len(server.asked)
        model = engine(address, concurrency=3)
        texts = model.write(prompts(10), Sampling(), range(10))
        assert [t.text for t in texts] == [f"said row {i} {i}" for i in range(10)]
        assert len(server.asked) - before == 4
        usage = model.describe()["usage"]
        assert usage["asked"] == {"answers": 4, "prompt_tokens": 8, "completion_tokens": 12}
        assert usage["from_cache"] == {"answers": 6, "prompt_tokens": 12, "completion_tokens": 18}
        # Another seed of the run, another model or other words are other requests.
        assert engine(address, seed=1).write(prompts(1), Sampling(), [0])
        assert len(server.asked) - before == 5


KILLED = """
import sys
from types import SimpleNamespace
from fairweigh.models.language.engine import Prompt, Sampling
from fairweigh.models.language.openai_chat import endpoint_engine

address, cache = sys.argv[1:]
engine = endpoint_engine(SimpleNamespace(endpoint=address, cache=cache, chat="on", concurrency=2), 0)
engine.write([Prompt(f"row {i}") for i in range(12)], Sampling(), range(12))
"""


def test_what_a_killed_process_was_answered_is_not_asked_again(engine: Any, tmp_path: Path) -> None:
    answered = threading.Semaphore(0)
    held = threading.Event()

    def some(body: dict[str, Any]) -> Any:
        if int(body["messages"][-1]["content"].split()[1]) < 6:
            answered.release()
            return None
        held.wait(30)
        return 503, {}, b""

    with openai_like(wrong=some) as (address, server):
        command = [sys.executable, "-c", KILLED, address, str(tmp_path / "cache")]
        with subprocess.Popen(command) as process:
            for _ in range(6):
                assert answered.acquire(timeout=60)
            while len(server.asked) < 8:
                # Both connections are held now, so that what was answered before is kept.
                time.sleep(0.01)
            process.kill()
        held.set()
        server.wrong = lambda body: None
        before = len(server.asked)
        texts = engine(address).write(prompts(12), Sampling(), range(12))
        assert [t.text for t in texts] == [f"said row {i} {i}" for i in range(12)]
        assert len(server.asked) - before == 6


def test_the_same_request_is_made_anew_and_kept_apart(engine: Any) -> None:
    answers = iter(["first", "second", "third"])
    with openai_like(wrong=lambda body: said(next(answers))) as (address, _):
        model = engine(address)
        assert [model.write(prompts(1), Sampling(), [0])[0].text for _ in range(2)] == ["first", "second"]
        again = engine(address)
        found = [again.write(prompts(1), Sampling(), [0])[0].text for _ in range(3)]
    assert found == ["first", "second", "third"]


def test_a_cache_that_cannot_be_read_is_told(engine: Any, tmp_path: Path) -> None:
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "answers.sqlite").write_bytes(b"no database at all" * 100)
    with (
        openai_like() as (address, _),
        pytest.raises(InputError, match=r"^model.cache: .*answers.sqlite: .*not a database; remove it"),
    ):
        engine(address)
    (tmp_path / "file").touch()
    with openai_like() as (address, _), pytest.raises(InputError, match=r"^model.cache: .*File exists"):
        engine(address, cache=tmp_path / "file")


def test_a_key_goes_to_the_server_and_nowhere_else(
    engine: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: Any, capfd: Any
) -> None:
    monkeypatch.setenv("SERVER_KEY", KEY)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-other")
    monkeypatch.setenv("OPENAI_ORG_ID", "org-other")
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "X-Other: other")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    with openai_like(wrong=lambda body: said(f"your key is {KEY}")) as (address, server):
        model = engine(address, key_env="SERVER_KEY")
        assert model.write(prompts(1), Sampling(), [0])[0].text == "your key is ***"
        server.wrong = lambda body: (400, {}, {"error": {"message": f"bad key {KEY}"}})
        with pytest.raises(InputError, match=r"bad key \*\*\*$"):
            model.write(prompts(2), Sampling(), [1, 2])
        engine(address, seed=1).server.listed()
        told = json.dumps(model.describe())
    assert server.headers[0]["Authorization"] == f"Bearer {KEY}"
    assert "Authorization" not in server.headers[-1]
    assert {name.lower() for headers in server.headers for name in headers} <= {
        "host", "accept", "accept-encoding", "user-agent", "authorization", "content-type", "content-length"
    }  # fmt: skip
    kept = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert KEY.encode() not in kept
    assert "row 0" not in kept.decode("latin-1")
    assert KEY not in told + caplog.text + "".join(capfd.readouterr())


def test_no_other_host_is_called(engine: Any) -> None:
    called: list[str] = []

    def other(method: str, path: str, content: bytes, headers: Any) -> Any:
        called.append(path)
        return said("elsewhere")

    with serving(other) as elsewhere:
        there = {"Location": f"{elsewhere}/v1/chat/completions"}
        for status in (301, 302, 307, 308):
            with (
                openai_like(wrong=lambda body, status=status: (status, there, b"")) as (address, _),
                pytest.raises(InputError, match=r"it redirects to http://127.0.0.1 \(HTTP 30"),
            ):
                engine(address).write(prompts(1), Sampling(), [0])
    assert called == []


class Quiet(HTTPServer):
    def handle_error(self, *_: Any) -> None:
        pass


def test_a_certificate_that_nobody_vouches_for_is_refused(engine: Any, tmp_path: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    made = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    made = made.not_valid_before(now - timedelta(1)).not_valid_after(now + timedelta(1))
    made = made.add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), False)
    pem, secret = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    (tmp_path / "key").write_bytes(key.private_bytes(pem, secret, serialization.NoEncryption()))
    (tmp_path / "cert").write_bytes(made.sign(key, hashes.SHA256()).public_bytes(pem))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "cert", tmp_path / "key")
    with Quiet(("127.0.0.1", 0), BaseHTTPRequestHandler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        with pytest.raises(InputError, match=r"no secure connection: .*certificate verify failed"):
            engine(f"https://127.0.0.1:{server.server_port}/v1")
        thread.join()


def test_a_server_that_changes_during_the_run_is_told(engine: Any) -> None:
    names = iter(["fp_1", "fp_2", "fp_1"])
    with openai_like(
        wrong=lambda body: (200, {}, {**said("x")[2], "system_fingerprint": next(names), "model": "toy-1"})
    ) as (address, _):
        model = engine(address)
        model.write(prompts(3), Sampling(), [0, 0, 0])
        told = model.describe()
    assert told["systems"] == ["fp_1", "fp_2"]
    assert told["answered_as"] == ["toy-1"]
    assert told["usage"]["asked"] == {"answers": 3, "uncounted": 3}
    assert told["notes"] == [
        "the server changed during the run: its answers name 2 values of system_fingerprint "
        "(fp_1: 2, fp_2: 1)"
    ]


def test_which_model_is_meant_is_asked_where_there_are_several(engine: Any) -> None:
    with openai_like(models=["one", "two"]) as (address, server):
        with pytest.raises(InputError, match=r"model.served_model: .* \('one', 'two'\)"):
            engine(address)
        assert engine(address, served_model="two").describe()["model"] == "two"
        engine(address, served_model="two").write(prompts(1), Sampling(), [0])
        assert server.asked[-1][1]["model"] == "two"
    with openai_like(models=[]) as (address, _), pytest.raises(InputError, match="none that it tells"):
        engine(address)


def test_no_more_requests_are_on_the_way_than_allowed(engine: Any) -> None:
    now, most, lock = [0], [0], threading.Lock()

    def counting(body: dict[str, Any]) -> Any:
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
        time.sleep(0.01)
        with lock:
            now[0] -= 1

    with openai_like(wrong=counting) as (address, _):
        engine(address, concurrency=3).write(prompts(24), Sampling(), range(24))
    assert 2 <= most[0] <= 3


def test_requests_keep_a_pace(engine: Any) -> None:
    with openai_like() as (address, _):
        model = engine(address, per_minute=60, concurrency=1)
        model.write(prompts(3), Sampling(), [0, 1, 2])
    # The list of models is a request too; nothing really waits here, so that each waits a second longer.
    assert [round(wait) for wait in model.waits] == [1, 2, 3]


def test_where_nobody_listens_it_is_said_at_once(engine: Any) -> None:
    with pytest.raises(
        InputError, match=r"model.endpoint: http://127.0.0.1:9/v1/models: no server answers: Conn"
    ):
        engine("http://127.0.0.1:9/v1")
    with pytest.raises(InputError, match=r"model.context: a server's context is its own"):
        engine("http://127.0.0.1:9/v1", context=512)
