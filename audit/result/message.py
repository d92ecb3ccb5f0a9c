"""What the texts of a result were told from, as its file says it beside them."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Any

from pydantic import BaseModel, Field, TypeAdapter, ValidationError, model_validator

from ...told import Told, split
from .part import Part, absent


class Message(Part):
    """What a text was told from: with its parts put in, the message is the text."""

    message: str = Field(description="In English, with {names} where parts stand.")
    parts: dict[str, str | Message] = Field(
        default_factory=dict, exclude_if=absent,
        description="By name: what is put in, in every language as it stands, or told from a message itself.",
    )  # fmt: skip

    @model_validator(mode="after")
    def _whole(self) -> Message:
        if self.parts and set(self.parts) != set(split(self.message)[1::2]):
            raise ValueError(f"parts are not those that the message names, {self.message!r}"[:200])
        return self

    @classmethod
    def of(cls, told: Told) -> Message:
        """What a text was told from, as the file says it."""
        parts = {name: cls.of(p) if isinstance(p, Told) else p for name, p in told.parts.items()}
        return cls(message=told.message, parts=parts)

    @cached_property
    def length(self) -> int:
        """Letters of the text."""
        if not self.parts:
            return len(self.message)
        sizes = {n: p.length if isinstance(p, Message) else len(p) for n, p in self.parts.items()}
        return sum(sizes[p] if i % 2 else len(p) for i, p in enumerate(split(self.message)))

    def told(self) -> Told:
        """The text."""
        parts = {n: p.told() if isinstance(p, Message) else p for n, p in self.parts.items()}
        return Told(self.message, parts or None)


_MESSAGES = TypeAdapter(list[Message])


def told_by_text(content: dict[str, Any], letters: int) -> dict[str, Told]:
    """What a file's texts were told from, by text: the context in which a `Text` is read.

    Parameters
    ----------
    content : dict
        The file.
    letters : int
        Its size: all of the texts stand in it, so that there are not more letters in them.
    """
    try:
        messages = _MESSAGES.validate_python(content.get("told", []))
    except ValidationError:
        # What is wrong with it is said where the field is read.
        return {}
    if sum(message.length for message in messages) > letters:
        return {}
    return {text: text for text in (message.told() for message in messages)}


def messages_in(part: Part) -> list[Message]:
    """What the texts in a part of a result were told from, each once, in the order of the texts.

    Those without parts are messages themselves.
    """
    found: dict[str, Told] = {}
    for text in _told_in(part):
        found.setdefault(text, text)
    return [Message.of(found[text]) for text in sorted(found) if found[text].parts]


def _told_in(part: Part) -> Iterator[Told]:
    left: list[Any] = [part]
    while left:
        value = left.pop()
        if isinstance(value, Told):
            yield value
        elif isinstance(value, BaseModel):
            left += reversed([*vars(value).values(), *(value.model_extra or {}).values()])
        elif isinstance(value, dict):
            left += reversed(value.values())
        elif isinstance(value, list | tuple):
            left += reversed(value)
