"""The dialogue of ``fairweigh init``: options answer first, then somebody at a terminal, then proposals."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

from ...datasets.errors import InputError
from .answers import NOTHING, Answers
from .looked import Looked
from .of_task import BINARY, TASKS
from .questions import STEPS, Question
from .replies import needed, yes_or_no
from .scalars import comment, scalar
from .seen import Seen
from .settled import settled

MOST_LISTED = 60
"""Columns that are listed one by one on a terminal; the file lists all."""
NARROWEST = 60


class Terminal(Protocol):
    """Somebody who is asked."""

    def say(self, line: str) -> None:
        """Show a line."""

    def ask(self, prompt: str) -> str:
        """Return what was typed; EOFError and KeyboardInterrupt where nothing more comes."""
        ...


def answered(looked: Looked, options: Mapping[str, Sequence[str]], terminal: Terminal | None) -> Seen:
    """Return what a table is taken for, by options, by what somebody at a terminal says, and by itself.

    Parameters
    ----------
    options : mapping of str to sequence of str
        Replies by the key of their question; of ``bins`` each is ``NAME=EDGE,EDGE``, of ``merged`` y or n.
    terminal : Terminal or None
        None: nobody is asked.

    Raises
    ------
    InputError
        An option is not what was expected, or answers a question that does not arise.
    """
    given = _by_question(options)
    if terminal is not None:
        for line in overview(settled(looked)):
            terminal.say(line)
    said, used = NOTHING, {"merged"}
    for step in STEPS:
        for question in step(settled(looked, said, proxies=False)):
            replies = given.get(question.key)
            if replies is None and question.key.startswith("merged."):
                replies = given.get("merged")
            if replies is not None:
                used.add(question.key)
                said = _by_option(question, replies, said)
            elif terminal is not None and question.refused is None and not question.quiet:
                said = _by_dialogue(question, said, terminal, looked)
    if unused := sorted(set(given) - used):
        raise InputError(_never_asked(unused[0], looked))
    seen = settled(looked, said)
    _check_whole(seen)
    return seen


def _check_whole(seen: Seen) -> None:
    """InputError where a task that was asked for lacks a column; of two classes the file asks for it."""
    for role in TASKS[seen.task].roles if seen.task != BINARY else ():
        if not seen.columns.get(role) and (told := needed(role, seen)):
            raise InputError(f"--{role}: {told}")


def confirmed(terminal: Terminal, text: str) -> bool:
    """Whether somebody says yes; no is proposed."""
    while True:
        typed = terminal.ask(f"{text} y or n [n]: ").strip()
        try:
            return bool(typed) and yes_or_no([typed])
        except ValueError as error:
            terminal.say(f"  {error}")


def overview(seen: Seen) -> Iterator[str]:
    """Yield a table of the columns, numbered, with the role that each seems to have and why."""
    told = seen.found.told
    yield f"{len(seen.table):,} rows, {len(told):,} columns, and what they seem to be:"
    shown = {name: comment(scalar(name), 30) for name in list(told)[:MOST_LISTED]}
    wide, room = max(map(len, shown.values())), max(shutil.get_terminal_size().columns, NARROWEST)
    for i, (name, text) in enumerate(shown.items(), 1):
        role, why = told[name]
        yield comment_of(f"{i:>4}  {text:<{wide}}  {role:<12}  {why}", room)
    if len(told) > len(shown):
        yield f"and {len(told) - len(shown):,} more, which the file lists"


def comment_of(text: str, most: int) -> str:
    """Return a line that is shown as it is, its spaces kept, cut to a length."""
    return text if len(text) <= most else text[: most - 3] + "..."


def _by_question(options: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """The replies of options by the key of their question, those of bins by feature."""
    given = {key: list(replies) for key, replies in options.items() if key != "bins"}
    for text in options.get("bins", ()):
        name, mark, edges = text.rpartition("=")
        if not mark or not name:
            raise InputError(f"--bins: expected NAME=EDGE,EDGE such as age=30,45, got {_shown(text)}")
        given[f"bins.{name}"] = parts(edges)
    return given


def _by_option(question: Question, replies: Sequence[str], said: Answers) -> Answers:
    if question.refused is not None:
        raise InputError(f"{question.option}: {question.refused}; got {', '.join(map(_shown, replies))}")
    try:
        return question.put(said, question.read(replies))
    except ValueError as error:
        raise InputError(f"{question.option}: {error}") from None


def _by_dialogue(question: Question, said: Answers, terminal: Terminal, looked: Looked) -> Answers:
    """Ask until the reply is one that was expected."""
    for line in question.notes:
        terminal.say(f"  {line}")
    default = f" [{question.shown}]" if question.proposed is not None else ""
    while True:
        typed = terminal.ask(f"{question.text}{default}: ").strip()
        if not typed and question.proposed is not None:
            return question.put(said, question.proposed)
        try:
            return question.put(said, question.read(_replies(typed, question, looked)))
        except ValueError as error:
            terminal.say(f"  {error}")


def _replies(typed: str, question: Question, looked: Looked) -> list[str]:
    alone = typed in question.whole or not question.several
    found = ([typed] if typed else []) if alone else parts(typed)
    return [_column(one, looked) for one in found] if question.of_columns else found


def _column(reply: str, looked: Looked) -> str:
    """The column that was meant: by its name, else by its number in the table."""
    names = list(looked.looks)
    numbered = reply.isascii() and reply.isdigit() and 1 <= int(reply[:9]) <= len(names)
    return names[int(reply) - 1] if numbered and reply not in looked.looks else reply


def parts(text: str) -> list[str]:
    """Return what stands between commas."""
    return [part.strip() for part in text.split(",") if part.strip()]


def _never_asked(key: str, looked: Looked) -> str:
    _, _, name = key.partition(".")
    if name not in looked.looks:
        return f"--bins: no column {_shown(name)}"
    return f"--bins: {_shown(name)} is no sensitive feature of numbers"


def _shown(text: Any) -> str:
    return comment(repr(text), 40)
