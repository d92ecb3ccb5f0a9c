"""What a language model calls its tokens, and its chat template: two variants of one model share both."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...datasets.errors import InputError
from .changeable import heard

PROBES = 32
"""Prompts whose tokens are compared."""
SHOWN = 40
"""Characters of a token, and of a template, in a message."""


@dataclass(frozen=True)
class Vocabulary:
    """The tokens of a model by their numbers, and its chat template.

    Attributes
    ----------
    tokens : mapping of int to str
        As the tokenizer's own file writes them.
    template : str or None
    """

    tokens: Mapping[int, str]
    template: str | None

    def sha256(self) -> str:
        """Checksum of tokens and numbers."""
        written = "\n".join(f"{number}\t{token}" for number, token in sorted(self.tokens.items()))
        return hashlib.sha256(written.encode("utf-8", "surrogatepass")).hexdigest()


def vocabulary_of(engine: Any) -> Vocabulary | None:
    """The vocabulary of an engine; None where it does not tell it, as one behind an address."""
    told = getattr(engine, "vocabulary_told", None)
    if told is not None:
        tokens, template = told()
        return Vocabulary(dict(enumerate(tokens)), template)
    tokenizer: Any = getattr(engine, "tokenizer", None)
    if not hasattr(tokenizer, "get_vocab"):
        return None
    template = getattr(tokenizer, "chat_template", None)
    by_number = {number: token for token, number in tokenizer.get_vocab().items()}
    return Vocabulary(by_number, template if isinstance(template, str) else None)


def check_alike(mine: Any, theirs: Any, rows: Any) -> None:
    """Hold a language model's tokenizer and chat template to those of the original.

    Parameters
    ----------
    mine, theirs : language models
        The original, and the variant.
    rows : pyarrow.RecordBatch or None
        Some of the audited rows.

    Raises
    ------
    InputError
        They differ: says in what.
    """
    one, other = vocabulary_of(mine.engine), vocabulary_of(theirs.engine)
    if one is None or other is None:
        return
    _check_tokens(one.tokens, other.tokens)
    if bool(mine.engine.chat) != bool(theirs.engine.chat):
        on, off = ("on", "off") if theirs.engine.chat else ("off", "on")
        raise InputError(
            f"its prompts are put otherwise: chat is {on}, and {off} for the original; set chat, or give it "
            "the original's chat template"
        )
    if mine.engine.chat:
        _check_template(one.template, other.template)
    own, others = (getattr(model.engine, "words", None) for model in (mine, theirs))
    if rows is not None and own is not None and others is not None:
        _check_prompts(own, others, heard(mine, rows.slice(0, PROBES)))


def _check_tokens(mine: Mapping[int, str], theirs: Mapping[int, str]) -> None:
    """The same tokens by the same numbers; numbers that only one has are padding where the other has none."""
    differ = [number for number in sorted(mine.keys() & theirs.keys()) if mine[number] != theirs[number]]
    if differ:
        place = differ[0]
        raise InputError(
            f"its vocabulary differs: expected the original's token {place} {_cut(mine[place])}, got "
            f"{_cut(theirs[place])} ({len(differ):,} of {len(mine):,} differ)"
        )
    lacking = sorted(mine.keys() - theirs.keys())
    if lacking:
        raise InputError(
            f"its vocabulary differs: it lacks {len(lacking):,} of the original's {len(mine):,} tokens, such "
            f"as {lacking[0]} {_cut(mine[lacking[0]])}"
        )
    more = [n for n in sorted(theirs.keys() - mine.keys()) if not _is_padding(theirs[n])]
    if more:
        raise InputError(
            f"its vocabulary differs: it has {len(more):,} tokens that the original has not, such as "
            f"{more[0]} {_cut(theirs[more[0]])}"
        )


def _is_padding(token: str) -> bool:
    """Whether a token only fills a table up to a round size, as converters and trainers call them."""
    plain = token.strip("<>[]|").lower()
    return any(plain.startswith(word) for word in ("pad", "unused", "dummy", "extra_id", "reserved"))


def _check_template(mine: str | None, theirs: str | None) -> None:
    one, other = ((text or "").strip() for text in (mine, theirs))
    if one == other:
        return
    at = next(
        (i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other))
    )
    raise InputError(
        f"its chat template differs from the original's at character {at + 1}: expected {_cut(one[at:])}, "
        f"got {_cut(other[at:])}"
    )


def _check_prompts(mine: Any, theirs: Any, asked: Sequence[Any]) -> None:
    """The same prompts become the same tokens."""
    for question, one, other in zip(asked, mine.questions(asked), theirs.questions(asked), strict=True):
        if (one.prompt, one.answers) != (other.prompt, other.answers):
            text = _cut(question.prompt.text or question.answers[0])
            raise InputError(
                f"its tokenizer differs: of the prompt {text} the original makes {len(one.prompt):,} "
                f"tokens, got {len(other.prompt):,}, not all of them the same"
            )


def _cut(text: str) -> str:
    return repr(text if len(text) <= SHOWN else f"{text[:SHOWN]}...")
