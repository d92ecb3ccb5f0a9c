"""Files of CoNLL's form: a token in a line, its tags behind it, and a blank line after each sentence.

Columns are called by their place: ``1`` is the token, ``2`` what follows it. White space parts them, or tabs
alone where the file has any. Lines of ``-DOCSTART-`` part documents, and comments before a sentence, such as
``# region = UK``, are columns of sentences, as CoNLL-U has them.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from .errors import InputError
from .files import open_content, reading

FORM = "CoNLL"
SENTENCE, DOCUMENT, LENGTH = "sentence", "document", "length"
"""Columns: the number of the sentence, its document where the file has some, and how many tokens it has."""
START, NEW_DOCUMENT = "-DOCSTART-", "newdoc id"
_COMMENT = re.compile(r"#\s*([^=\t]*[^=\s])\s* = \s*(.*\S)\s*")
Sentence = tuple[dict[str, str], list[list[str]]]
"""What comments say of it, and the parts of each of its lines."""


def read_conll(path: Path) -> pa.Table:
    """Read a file of tokens and tags, a row for each sentence.

    Returns
    -------
    pyarrow.Table
        A column of lists for each place in a line, ``sentence``, ``length``, and
        ``document`` and those of comments where the file has some.

    Raises
    ------
    InputError
        A line has not as many parts as the first, or there is no sentence.
    """
    with reading(path, FORM), open_content(path) as raw, io.TextIOWrapper(raw, "utf-8-sig") as text:
        lines = [line.rstrip("\r\n") for line in text]
    tabs = any("\t" in line.strip() for line in lines)
    found = list(_sentences(path, lines, "\t" if tabs else None))
    if not found:
        raise InputError(f"{path}: expected a token in each line and its tags behind it, got no sentence")
    width = len(found[0][1][0])
    columns = {
        str(place + 1): pa.array([[line[place] for line in rows] for _, rows in found], pa.list_(pa.string()))
        for place in range(width)
    }
    said = dict.fromkeys(key for comments, _ in found for key in comments)
    columns |= {key: pa.array([comments.get(key) for comments, _ in found], pa.string()) for key in said}
    columns[SENTENCE] = pa.array(range(1, len(found) + 1), pa.int64())
    columns[LENGTH] = pa.array([len(rows) for _, rows in found], pa.int64())
    return pa.table(columns)


def _sentences(path: Path, lines: list[str], mark: str | None) -> Iterator[Sentence]:
    """The sentences of a file."""
    rows: list[list[str]] = []
    said: dict[str, str] = {}
    width = documents = 0
    for number, line in enumerate([*lines, ""], 1):
        comment = None if rows or (mark and mark in line) else _COMMENT.fullmatch(line)
        if comment is not None:
            said[DOCUMENT if comment[1] == NEW_DOCUMENT else comment[1]] = comment[2]
        elif not line.strip():
            if rows:
                yield said, rows
                # What is said of a document holds for all of its sentences.
                rows, said = [], {DOCUMENT: said[DOCUMENT]} if DOCUMENT in said else {}
        elif line.split()[0] == START:
            documents += 1
            said[DOCUMENT] = str(documents)
        else:
            rows.append(line.split(mark))
            width = width or len(rows[0])
            if len(rows[-1]) != width or width < 2:
                raise InputError(
                    f"{path}: expected {max(width, 2)} columns, the token and its tags, in every line, got "
                    f"{len(rows[-1])} in line {number:,}"
                )
