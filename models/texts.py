"""Texts as a neural model takes them: the tokens of its tokenizer."""

from __future__ import annotations

import copy
import hashlib
import json
import time
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ..datasets.columns import plain
from ..datasets.errors import InputError
from .extras import optional, quiet
from .folder import local_folder, offline
from .foreign import foreign
from .neural import Arrays, Encoded
from .tokens import check_tokenizer

CACHED_TOKENS = 64_000_000
MOST_AT_ONCE = 256
TOKENISING_SECONDS, CHARACTERS_PER_SECOND = 10.0, 20_000.0
"""How long some texts may take, and how many characters have a second more; slow tokenizers take a tenth."""
UNLIMITED = 1_000_000
"""Tokenizers without a limit say that it is a number beyond all reason."""


@dataclass(frozen=True)
class Tokens:
    """Tokenised texts, end to end in one array per input name.

    Attributes
    ----------
    flat : dict of str to int array of shape (tokens,)
    starts : int array of shape (rows + 1,)
    pad : dict of str to int
        Value that fills each input beyond a text's end.
    left : bool
        Whether texts are padded on the left.
    truncated : int
        Texts cut at the model's limit.
    width : int
        Tokens that every text is padded to; 0: the longest beside it.
    """

    flat: dict[str, NDArray[np.int32]]
    starts: NDArray[np.int64]
    pad: dict[str, int]
    left: bool
    truncated: int
    width: int = 0

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Tokens of each text as the model meets it."""
        return np.maximum(np.diff(self.starts), self.width)

    def collate(self, rows: NDArray[np.intp]) -> Arrays:
        """Pad some texts to the longest of them."""
        lengths = np.diff(self.starts)[rows]
        width = max(int(lengths.max()), self.width)
        place = np.arange(width)[None, :] - (width - lengths[:, None] if self.left else 0)
        inside = (place >= 0) & (place < lengths[:, None])
        index = np.where(inside, self.starts[rows][:, None] + place, 0)
        return {
            name: np.where(inside, values[index], self.pad[name]).astype(np.int64)
            for name, values in self.flat.items()
        }


_CACHE: OrderedDict[tuple[str, ...], Tokens] = OrderedDict()


class TextInputs:
    """Texts, or pairs of texts, through a tokenizer; every text is tokenised once for all variants.

    Parameters
    ----------
    tokenizer : transformers tokenizer
    text, pair : str
        Columns.
    max_length : int, optional
        Tokens per text; longer ones are cut and counted. Default: the model's limit.
    width : int
        Tokens that a graph takes, no fewer and no more; 0: any number.
    """

    def __init__(
        self,
        tokenizer: Any,
        text: str,
        pair: str | None = None,
        max_length: int | None = None,
        width: int = 0,
    ) -> None:
        self.tokenizer = tokenizer
        self.text, self.pair, self.width = text, pair, width
        self.max_length = min(max_length or width, width) if width else max_length
        self.columns = [text, *([pair] if pair else [])]
        self._identity = f"{identity_of(tokenizer, self.max_length)} {width}"

    def padding(self, side: str) -> TextInputs:
        """The same texts padded on a side, ``left`` or ``right``."""
        if self.tokenizer.padding_side == side:
            return self
        tokenizer = copy.deepcopy(self.tokenizer)
        tokenizer.padding_side = side
        return TextInputs(tokenizer, self.text, self.pair, self.max_length, self.width)

    def encode(self, batch: pa.RecordBatch, ids: pa.Array | None) -> Encoded:
        """Tokenise the texts of a batch."""
        texts = [_texts(batch.column(name), name, ids) for name in self.columns]
        digest = hashlib.blake2b(f"{len(texts)} {len(texts[0])}".encode(), digest_size=16)
        for column in texts:
            for value in column:
                # Lengths keep texts apart that hold whatever would be put between them.
                written = value.encode()
                digest.update(len(written).to_bytes(8, "little"))
                digest.update(written)
        key = (self._identity, digest.hexdigest())
        found = _CACHE.get(key)
        if found is None:
            found = _CACHE[key] = self._tokens(texts)
            while sum(int(t.starts[-1]) for t in _CACHE.values()) > CACHED_TOKENS and len(_CACHE) > 1:
                _CACHE.popitem(last=False)
        _CACHE.move_to_end(key)
        return found

    def _tokens(self, texts: list[list[str]]) -> Tokens:
        # The tokenizer is a stranger's: an expression that backtracks without end makes it panic.
        with foreign(f"text column '{self.text}': the model's tokenizer cannot read it", loud=True):
            return self._tokenised(texts)

    def _tokenised(self, texts: list[list[str]]) -> Tokens:
        cut = {"truncation": True, "max_length": self.max_length} if self.max_length else {}
        made: dict[str, list[list[int]]] = {}
        truncated = 0
        for piece in pieces(texts):
            began = time.monotonic()
            with quiet():
                some = self.tokenizer(*piece, padding=False, return_attention_mask=True, verbose=False, **cut)
            check_time(time.monotonic() - began, piece)
            if some.encodings is not None:
                truncated += sum(bool(e.overflowing) for e in some.encodings)
            else:
                # A tokenizer in plain Python does not say what it cut; texts at the limit may have been.
                truncated += sum(len(row) >= (self.max_length or UNLIMITED) for row in some["input_ids"])
            for name, rows in some.items():
                made.setdefault(name, []).extend(rows)
        starts = np.zeros(len(texts[0]) + 1, np.int64)
        np.cumsum([len(row) for row in made["input_ids"]], out=starts[1:])
        flat = {
            name: np.fromiter(chain.from_iterable(rows), np.int32, int(starts[-1]))
            for name, rows in made.items()
        }
        pad = {
            "input_ids": self.tokenizer.pad_token_id or 0,
            "token_type_ids": getattr(self.tokenizer, "pad_token_type_id", 0),
        }
        return Tokens(
            flat, starts, {name: pad.get(name, 0) for name in flat},
            self.tokenizer.padding_side == "left", truncated, self.width,
        )  # fmt: skip

    def describe(self) -> dict[str, Any]:
        """Return columns and limit."""
        told: dict[str, Any] = {"text": self.text, "max_length": self.max_length}
        if self.width:
            told["padded_to"] = self.width
        if self.pair:
            told["text_pair"] = self.pair
        return told

    def identity(self) -> str:
        """Return a checksum of the tokenizer and its limit, and the columns."""
        return f"{self._identity} {self.text} {self.pair}"

    def save(self, folder: Path) -> dict[str, Any]:
        """Write the tokenizer; returns what `load_inputs` needs to read it again."""
        with quiet():
            self.tokenizer.save_pretrained(folder / "tokenizer")
        told = {"kind": "text", "text": self.text, "pair": self.pair, "max_length": self.max_length}
        # The library writes a side that its tokenizer was loaded with, and none that it was set to.
        told["side"] = self.tokenizer.padding_side
        return {**told, "width": self.width} if self.width else told


def _texts(column: pa.Array, name: str, ids: pa.Array | None) -> list[str]:
    plain(column, name)
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
        raise InputError(f"text column '{name}': expected text, got {column.type}")
    empty = pc.fill_null(pc.equal(pc.utf8_length(column), 0), True)
    count = pc.sum(empty).as_py()
    if count:
        which = f", such as id {ids.filter(empty)[0].as_py()!r}" if ids is not None else ""
        raise InputError(
            f"text column '{name}': {count} texts are missing or empty{which}; expected a text in every row "
            "(drop those rows, or set data.drop_missing for missing ones)"
        )
    values: list[str] = column.to_pylist()
    return values


def identity_of(tokenizer: Any, max_length: int | None) -> str:
    """What decides a text's tokens, which arrays are made of them, and how they are padded."""
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:
        written = repr(sorted(tokenizer.get_vocab().items()))
    else:
        made = json.loads(backend.to_str())
        # These two are left over from whatever was tokenised last.
        written = json.dumps({key: made[key] for key in made if key not in ("truncation", "padding")})
    names = " ".join(tokenizer.model_input_names)
    told = f"{written} {names} {max_length} {tokenizer.padding_side} {tokenizer.pad_token_id}"
    return hashlib.sha256(told.encode()).hexdigest()


def pieces(texts: list[list[str]]) -> Iterator[list[list[str]]]:
    """Texts to tokenise at once: few at first, as a stranger's tokenizer may take hours for many.

    What it does with one text ends: a match that backtracks too often is a panic of its library's.
    """
    start, size = 0, 1
    while start < len(texts[0]) or not start:
        yield [column[start : start + size] for column in texts]
        start, size = start + size, min(2 * size, MOST_AT_ONCE)


def check_time(seconds: float, texts: list[list[str]]) -> None:
    """ValueError where a tokenizer took beyond reason for some texts."""
    characters = sum(len(text) for column in texts for text in column)
    most = TOKENISING_SECONDS + characters / CHARACTERS_PER_SECOND
    if seconds > most:
        raise ValueError(
            f"it took {seconds:,.1f} s for {len(texts[0]):,} texts of {characters:,} characters together, "
            f"expected at most {most:,.1f} s"
        )


def length_limit(tokenizer: Any, config: Any, given: int | None) -> int | None:
    """The most tokens that a text may have: of the tokenizer, the positions, and the configuration."""
    known = [tokenizer.model_max_length, getattr(config, "max_position_embeddings", None), given]
    if getattr(config, "model_type", "") in ("roberta", "xlm-roberta", "camembert"):
        # These count positions from the padding index on: two of them are never used.
        known[1] = known[1] - 2 if known[1] else None
    limits = [int(v) for v in known if v and 0 < v < UNLIMITED]
    return min(limits) if limits else None


def tokenizer_from(path: str, key: str = "model.path") -> Any:
    """Load a tokenizer from a folder or hub name, which ``key`` gives; InputError where there is none."""
    transformers = optional("transformers", "a text model")
    folder = local_folder(path, key)
    # A folder may hold anything; what the library says of it differs by file and version.
    with foreign(f"{key}: {path} has no tokenizer that can be read", loud=True), offline(), quiet():
        check_tokenizer(folder)
        found = transformers.AutoTokenizer.from_pretrained(
            str(folder), trust_remote_code=False, local_files_only=True
        )
    files = {"tokenizer.json", *getattr(found, "vocab_files_names", {}).values()}
    if not any((folder / name).is_file() for name in files):
        # The library would make one up that knows no word.
        raise InputError(f"{key}: {path} has no tokenizer: expected a file {' or '.join(sorted(files))}")
    return found
