"""JSON and YAML that others wrote, as plain values: sizes and depths are bounded before they are expanded.

What is read here may come from a stranger: a model's folder, an artefact, the configuration in a pull request
that a hook checks. Every fault is a ``ValueError`` of one line.
"""

from __future__ import annotations

import json
import math
import os
import re
import select
import stat
import sys
from collections.abc import Iterator
from itertools import repeat
from pathlib import Path
from typing import IO, Any

import pydantic_core
from ruamel.yaml import YAML
from ruamel.yaml.composer import Composer
from ruamel.yaml.error import YAMLError
from ruamel.yaml.events import CollectionStartEvent
from ruamel.yaml.nodes import Node, ScalarNode

MOST_DEEP = 100
"""Levels of nesting; those of a configuration are about ten."""
MOST_YAML_BYTES = 1 << 20
MOST_YAML_NODES = 200_000
"""Values of a YAML file with every alias written out."""
MOST_DIGITS = 100
"""Of a whole number in YAML: Python writes none of thousands of digits, however it was read."""
MOST_JSON_BYTES = 256 << 20
"""Of one document: far above the audit.json of ten thousand slices."""
PIPE_SECONDS = 30
"""For which the command behind a pipe may think before it writes."""
DISTRIBUTION = r"^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,98}[A-Za-z0-9])?$"
VERSION = r"^[A-Za-z0-9][A-Za-z0-9.!+_-]{0,99}$"
"""What a package and its version are called: a command that names them holds nothing else."""
_MOST_OPEN = 1_000
_ESCAPE = re.compile(r"\\U([0-9a-fA-F]{8})")
_BRACKET = re.compile(r"[\[\]{}]")


def read_bounded(path: Path, most: int, *, regular: bool = True) -> bytes:
    """Read a file of at most so many bytes; what never ends (``/dev/zero``) is not read to its end.

    Parameters
    ----------
    regular : bool
        A folder, pipe, socket or device is refused, without waiting for its other end. A file that its user
        names, and no stranger's folder, may be a pipe that somebody writes: of ``<(command)`` in a shell.

    Raises
    ------
    ValueError
        It is larger, or is no regular file.
    OSError
        It cannot be read.
    """
    with opened_regular(path) if regular else _opened_written(path) as file:
        size = os.fstat(file.fileno()).st_size
        content = file.read(most + 1) if size <= most else None
    if content is None or len(content) > most:
        raise ValueError(f"expected at most {most:,} bytes, got {max(size, most + 1):,}")
    return content


def _opened_written(path: Path) -> IO[bytes]:
    """Open any file for reading; ValueError for a pipe that nobody writes, which would be waited for."""
    # Opened so, a pipe is there at once, and says when its other end is closed.
    number = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    if stat.S_ISFIFO(os.fstat(number).st_mode):
        asked = select.poll()
        asked.register(number, select.POLLIN)
        if not asked.poll(PIPE_SECONDS * 1000):
            os.close(number)
            raise ValueError("expected a file, got a pipe that nobody writes to")
    os.set_blocking(number, True)
    return os.fdopen(number, "rb")


def opened_regular(path: Path) -> IO[bytes]:
    """Open a regular file for reading, without waiting for the other end of what is none.

    Raises
    ------
    ValueError
        It is a folder, pipe, socket or device.
    OSError
        It cannot be opened.
    """
    # Without O_NONBLOCK opening a named pipe would wait for a writer.
    number = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    mode = os.fstat(number).st_mode
    if stat.S_ISREG(mode):
        return os.fdopen(number, "rb")
    os.close(number)
    raise ValueError(f"expected a regular file, got {kind_of(mode)}")


def kind_of(mode: int) -> str:
    """What a file of this mode is called, links included."""
    kinds = {
        stat.S_IFREG: "a regular file", stat.S_IFDIR: "a folder", stat.S_IFLNK: "a link",
        stat.S_IFIFO: "a named pipe", stat.S_IFSOCK: "a socket",
    }  # fmt: skip
    return kinds.get(stat.S_IFMT(mode), "a device")


def from_json(text: str | bytes) -> Any:
    """Parse one JSON value (RFC 8259).

    Raises
    ------
    ValueError
        Not UTF-8 or not JSON; nested too deeply; a number that is not finite or of thousands of digits; a key
        that stands twice in an object.
    """
    # Bounds the depth and the digits of integers before Python's own parser recurses.
    pydantic_core.from_json(text, allow_inf_nan=False)
    return json.loads(text, object_pairs_hook=_distinct, parse_float=_finite)


def read_json(path: Path, most: int = MOST_JSON_BYTES) -> Any:
    """Read a JSON file as `from_json` does."""
    return from_json(read_bounded(path, most))


def from_yaml(text: str) -> Any:
    """Parse YAML safely; ValueError, or ruamel's YAMLError with the place, for what is none.

    Aliases are counted as often as they are used, so that a few lines cannot stand for billions of values.
    """
    if len(text) > MOST_YAML_BYTES:
        raise ValueError(f"expected at most {MOST_YAML_BYTES:,} characters, got {len(text):,}")
    if _most_open(text) > _MOST_OPEN:
        raise ValueError(f"nested more than {MOST_DEEP} levels deep")
    _check_escapes(text)
    yaml = YAML(typ="safe", pure=True)
    yaml.Composer = _Shallow
    node = yaml.compose(text)
    if node is None:
        return None
    _sized(node, {})
    try:
        # From the nodes: to parse the text again takes as long as the first time.
        return yaml.constructor.construct_document(node)
    except YAMLError:
        raise
    except (ValueError, TypeError, OverflowError, AttributeError):
        raise ValueError(_unreadable(node)) from None


class _Shallow(Composer):
    """Composes no more levels than a file may have: each is a level of Python's stack too."""

    levels = 0

    def __init__(self, loader: Any = None) -> None:
        super().__init__(loader)
        # YAML lets a name be given anew, and a warning is no line of ours.
        self.warn_double_anchors = False

    def compose_node(self, parent: Any, index: Any) -> Any:
        inside = int(self.parser.check_event(CollectionStartEvent))
        self.levels += inside
        if self.levels > MOST_DEEP:
            raise ValueError(f"nested more than {MOST_DEEP} levels deep")
        node = super().compose_node(parent, index)
        self.levels -= inside
        return node


def _check_escapes(text: str) -> None:
    for number in map(int, _ESCAPE.findall(text), repeat(16)):
        if number > sys.maxunicode:
            raise ValueError(f"the escape \\U{number:08x} is no character")


def _unreadable(node: Node) -> str:
    """The first scalar that is not of the form of its tag, such as ``!!int abc`` or an hour of 99."""
    todo, seen = [node], set()
    while todo:
        one = todo.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        todo += reversed(list(_children(one)))
        if isinstance(one, ScalarNode):
            try:
                YAML(typ="safe", pure=True).constructor.construct_object(one)
            except (ValueError, TypeError, OverflowError, AttributeError):
                kind = str(one.tag).rpartition(":")[2]
                return f"line {one.start_mark.line + 1}: {shown(one.value)} is no value of the kind {kind}"
    return "a value that cannot be read"


def _most_open(text: str) -> int:
    """Brackets open at once, in comments and quoted text too: the scanner's time grows with their square."""
    depth = most = 0
    for found in _BRACKET.finditer(text):
        depth = max(0, depth + (1 if found[0] in "[{" else -1))
        most = max(most, depth)
    return most


def _sized(node: Node, known: dict[int, tuple[int, int] | None]) -> tuple[int, int]:
    """Values and levels of a node with every alias written out; refused: too many, one inside itself."""
    line = node.start_mark.line + 1
    if id(node) in known:
        size = known[id(node)]
        if size is None:
            raise ValueError(f"line {line}: an alias stands inside what it is a name for")
        return size
    if str(node.tag).endswith(":int") and len(node.value) > MOST_DIGITS:
        raise ValueError(f"line {line}: a number of {len(node.value):,} characters")
    known[id(node)] = None
    values, levels = 1, 0
    for child in _children(node):
        below = _sized(child, known)
        values, levels = values + below[0], max(levels, below[1] + 1)
    if values > MOST_YAML_NODES:
        raise ValueError(f"line {line}: more than {MOST_YAML_NODES:,} values")
    if levels > MOST_DEEP:
        raise ValueError(f"line {line}: nested more than {MOST_DEEP} levels deep")
    known[id(node)] = values, levels
    return values, levels


def _children(node: Node) -> Iterator[Node]:
    for part in node.value if isinstance(node.value, list) else ():
        yield from part if isinstance(part, tuple) else (part,)


def repeated_key(pairs: list[tuple[str, Any]]) -> str | None:
    """Return a key of an object that stands in it more than once."""
    seen: set[str] = set()
    for name, _ in pairs:
        if name in seen:
            return name
        seen.add(name)
    return None


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    twice = repeated_key(pairs)
    if twice is not None:
        raise ValueError(f"the key {shown(twice)} stands twice in one object")
    return dict(pairs)


def _finite(digits: str) -> float:
    value = float(digits)
    if math.isinf(value):
        raise ValueError(f"the number {shown(digits)} is beyond what a float holds")
    return value


def shown(value: object) -> str:
    """A value as an error shows it: its repr, cut to a line's length."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
