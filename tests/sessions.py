"""A tutorial run as its reader runs it: its blocks from top to bottom in one folder.

Files whose name stands in the block's title are written, commands and Python are run, and what is quoted as
output is looked for in what the commands before it printed. In quoted output ``...`` stands for what is left
out, within a line or as a line of its own.
"""

from __future__ import annotations

import io
import os
import re
import shlex
import subprocess
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path

Command = Callable[..., tuple[int, str]]
"""Runs ``fairweigh`` with arguments; returns its exit code and what it printed."""
_BLOCK = re.compile(r'^```([a-z]*)(?: title="([^"\n]+)")?\n(.*?)^```$', re.M | re.S)
_FENCE = re.compile(r"^```", re.M)


@dataclass(frozen=True)
class Block:
    """A fenced block of a page."""

    language: str
    title: str
    text: str
    line: int


def blocks_of(text: str) -> list[Block]:
    """Return the fenced blocks of a page.

    Raises
    ------
    ValueError
        A fence is none that this reads, so that its block would be left out.
    """
    found = list(_BLOCK.finditer(text))
    if len(_FENCE.findall(text)) != 2 * len(found):
        raise ValueError('expected fences of the form ```language title="file" at the margin')
    return [Block(m[1], m[2] or "", m[3], text.count("\n", 0, m.start()) + 1) for m in found]


@dataclass
class Session:
    """What was printed last, in the working directory."""

    command: Command
    printed: list[str] = field(default_factory=list)
    code: int = 0

    def run(self, page: str) -> None:
        """Run the blocks of a page.

        Raises
        ------
        AssertionError
            A block cannot be run, a program fails that is not fairweigh, or what is quoted was not printed.
        """
        for block in blocks_of(page):
            self._one(block)

    def _one(self, block: Block) -> None:
        if block.title:
            Path(block.title).write_text(block.text, encoding="utf-8")
        elif block.language == "python":
            self.printed = self._by_python(block.text, "example").splitlines()
        elif block.language == "sh":
            self.printed = [told for line in commands(block.text) for told in self._said(line).splitlines()]
        elif block.language == "text":
            missing = not_printed(block.text, self.printed)
            assert not missing, f"line {block.line}: not printed: {missing!r}\n" + "\n".join(self.printed)
        else:
            raise AssertionError(f"line {block.line}: a block of {block.language!r} is not run")

    def _said(self, line: str) -> str:
        words = shlex.split(line)
        if line == "echo $?":
            return f"{self.code}\n"
        if words[0] == "fairweigh":
            self.code, said = self.command(*words[1:])
            return said
        if words[0] == "cd":
            os.chdir(words[1])
            return ""
        if words[0] == "python":
            return self._by_python(Path(words[1]).read_text(encoding="utf-8"), words[1])
        return self._by_shell(line)

    def _by_python(self, code: str, name: str) -> str:
        with redirect_stdout(io.StringIO()) as said:
            exec(compile(code, name, "exec"), {"__name__": "__main__"})
        self.code = 0
        return said.getvalue()

    def _by_shell(self, line: str) -> str:
        told = subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=False)
        self.code = told.returncode
        # Other programs than ours have no findings: a code beside 0 is a command that does not work.
        assert self.code == 0, f"{line}\n{told.stdout}{told.stderr}"
        return told.stdout + told.stderr


def commands(text: str) -> Iterator[str]:
    """The commands of a block, those of several lines as one."""
    for line in re.sub(r"\\\n\s*", " ", text).splitlines():
        if line.strip() and not line.lstrip().startswith("#"):
            yield line.strip()


def not_printed(quoted: str, printed: list[str]) -> str:
    """The first line of a quotation that the output does not have, in its order; empty where it has all."""
    at = 0
    # A space that does not break is one to a reader.
    printed = [line.replace("\N{NO-BREAK SPACE}", " ") for line in printed]
    for line in quoted.splitlines():
        if not line.strip(". "):
            continue
        parts = [re.escape(part.strip()) for part in line.split("...")]
        pattern = re.compile(".*?".join(parts))
        places = [i for i in range(at, len(printed)) if _whole(pattern, line, printed[i])]
        if not places:
            return line
        at = places[0] + 1
    return ""


def _whole(pattern: re.Pattern[str], quoted: str, line: str) -> bool:
    """Whether a quoted line is the printed one, but for what its dots leave out at either end."""
    line = line.strip()
    found = pattern.fullmatch(line) if not quoted.rstrip().endswith("...") else pattern.match(line)
    return found is not None
