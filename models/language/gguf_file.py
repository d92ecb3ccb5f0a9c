"""What a GGUF file says of itself: read here, within its bounds, before llama.cpp is handed it.

The layout is https://github.com/ggml-org/ggml/blob/master/docs/gguf.md, versions 2 and 3. A header is a
stranger's: every count and length in it is held against what the file has, and nothing is kept of long arrays
but a checksum.
"""

from __future__ import annotations

import hashlib
import mmap
import re
import struct
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...datasets.errors import InputError
from ..extras import optional

Value = str | int | float | bool | None

MOST_NAME = 65_535
MOST_TEXT = 1 << 20
"""Bytes of a text that is kept, such as a chat template; tokens are only hashed."""
MOST_KEYS, MOST_TENSORS = 1 << 16, 1 << 20
PART = re.compile(r"(.*)-(\d{5})-of-(\d{5})\.gguf")
_SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_TEXT, _ARRAY = 8, 9
_TOKENIZER = "tokenizer.ggml."
_TOKENS = "tokenizer.ggml.tokens"
_TEMPLATE = "tokenizer.chat_template"
_HEADS = {
    "layers": "block_count", "width": "embedding_length", "heads": "attention.head_count",
    "groups": "attention.head_count_kv", "keys": "attention.key_length", "values": "attention.value_length",
}  # fmt: skip
"""What tells how much of a token is kept, behind the architecture's name."""


@dataclass(frozen=True)
class GgufFile:
    """A GGUF model, all of its parts.

    Attributes
    ----------
    files : tuple of Path
    values : dict
        Its metadata: numbers, texts and truth values; of an array its type, length and checksum.
    tensors : dict
        By quantisation, such as ``Q4_1``: how many tensors, their weights and their bytes.
    """

    files: tuple[Path, ...]
    values: dict[str, Value]
    tensors: dict[str, tuple[int, int, int]]

    @property
    def architecture(self) -> str:
        """As llama.cpp calls it."""
        return str(self.values["general.architecture"])

    @property
    def context(self) -> int | None:
        """Tokens that the model was trained to read; None where it does not say."""
        return self.number(f"{self.architecture}.context_length")

    @property
    def template(self) -> str | None:
        """Its chat template."""
        found = self.values.get(_TEMPLATE)
        return found if isinstance(found, str) and found else None

    @property
    def parameters(self) -> int:
        """How many weights it has."""
        return sum(weights for _, weights, _ in self.tensors.values())

    @property
    def stored_bytes(self) -> int:
        """Bytes of its weights."""
        return sum(size for _, _, size in self.tensors.values())

    @property
    def quantisation(self) -> str:
        """The file's own word for its type; that of most of its bytes where it has none."""
        kind = self.number("general.file_type")
        names = {int(one): one.name for one in optional("gguf", "a GGUF model", "gguf").LlamaFileType}
        if kind is not None and kind in names and names[kind] != "GUESSED":
            return str(names[kind]).removeprefix("MOSTLY_").removeprefix("ALL_")
        return max(self.tensors, key=lambda name: self.tensors[name][2])

    def number(self, key: str) -> int | None:
        """A whole number of the metadata; None where there is none."""
        found = self.values.get(key)
        return int(found) if isinstance(found, int) and not isinstance(found, bool) else None

    @property
    def vocabulary(self) -> int:
        """How many tokens its tokenizer has."""
        told = str(self.values.get(_TOKENS, "")).split(" ")
        return int(told[2]) if len(told) == 4 else 0

    def tokens(self) -> list[str]:
        """All tokens by their numbers, as its tokenizer writes them."""
        return _part(self.files[0], keep=_TOKENS).kept

    def values_in_a_cache(self) -> int | None:
        """Keys and values that one token has in all layers; None where the heads are not told as numbers."""
        told = {name: self.number(f"{self.architecture}.{key}") for name, key in _HEADS.items()}
        layers, heads, width = told["layers"], told["heads"], told["width"]
        if not layers or not heads or not width:
            return None
        keys, values = (told[name] or width // heads for name in ("keys", "values"))
        return layers * (told["groups"] or heads) * (keys + values)

    def sha256(self) -> str:
        """Checksum of the file; of several parts, of their checksums one a line."""
        sums = []
        for file in self.files:
            with file.open("rb") as opened:
                sums.append(hashlib.file_digest(opened, "sha256").hexdigest())
        return sums[0] if len(sums) == 1 else hashlib.sha256("\n".join(sums).encode()).hexdigest()

    def tokenizer_sha256(self) -> str:
        """Checksum of all that its tokenizer is made of: tokens, merges, marks."""
        own = {key: value for key, value in self.values.items() if key.startswith(_TOKENIZER)}
        return hashlib.sha256(repr(sorted(own.items())).encode()).hexdigest()

    def template_sha256(self) -> str | None:
        """Checksum of its chat template; None without one."""
        return None if self.template is None else hashlib.sha256(self.template.encode()).hexdigest()

    def told(self) -> dict[str, Any]:
        """What is told of it; tensors by quantisation, as ``Q4_1: 210 (66,355,200 bytes)``."""
        largest = sorted(self.tensors.items(), key=lambda item: -item[1][2])
        return {
            "architecture": self.architecture,
            "quantisation": self.quantisation,
            "tensors": "; ".join(f"{name}: {n:,} ({size:,} bytes)" for name, (n, _, size) in largest),
            "parameters": self.parameters,
            "stored_bytes": self.stored_bytes,
            "tokenizer_sha256": self.tokenizer_sha256(),
        }


def read_gguf(path: str | Path) -> GgufFile:
    """Read what a GGUF file, or the first of several parts, says of itself.

    Raises
    ------
    InputError
        It is none, is broken or cut off, or one of its parts is missing.
    """
    file = Path(path)
    if not file.is_file():
        raise InputError(f"model.path: there is no file {path}")
    first = _part(file)
    files = _parts(file, first)
    read = [first, *(_part(other) for other in files[1:])]
    for number, (part, other) in enumerate(zip(read, files, strict=True)):
        if part.values.get("split.no", number) != number or _count(part) != len(files):
            raise InputError(f"model.path: {other} is no part {number + 1} of {len(files)} of a model")
    tensors = _added([part.tensors for part in read])
    found = sum(n for n, _, _ in tensors.values())
    told = first.values.get("split.tensors.count")
    if len(files) > 1 and told is not None and told != found:
        raise InputError(f"model.path: {path}: its parts hold {found:,} tensors; expected {told:,}")
    if not isinstance(first.values.get("general.architecture"), str):
        raise InputError(f"model.path: {path} names no architecture; expected a GGUF of a language model")
    if not found or not any(key.startswith(_TOKENIZER) for key in first.values):
        what = "tensors" if not found else "tokenizer"
        raise InputError(f"model.path: {path} has no {what}; expected a GGUF of a language model")
    return GgufFile(tuple(files), first.values, tensors)


@dataclass
class _Part:
    values: dict[str, Value] = field(default_factory=dict)
    kept: list[str] = field(default_factory=list)
    tensors: dict[str, tuple[int, int, int]] = field(default_factory=dict)


def _count(part: _Part) -> int:
    found = part.values.get("split.count")
    return found if isinstance(found, int) and found > 1 else 1


def _parts(file: Path, first: _Part) -> list[Path]:
    """All files of a model, by the first one's name."""
    count = _count(first)
    if count == 1:
        return [file]
    named = PART.fullmatch(file.name)
    if named is None or int(named[3]) != count:
        raise InputError(
            f"model.path: {file} is one of {count} parts; expected a name such as "
            f"MODEL-00001-of-{count:05}.gguf"
        )
    files = [file.with_name(f"{named[1]}-{i:05}-of-{named[3]}.gguf") for i in range(1, count + 1)]
    if file != files[0]:
        raise InputError(f"model.path: {file.name} is no first part; expected {files[0].name}")
    missing = [other.name for other in files if not other.is_file()]
    if missing:
        raise InputError(f"model.path: {file.name}: of its {count} parts there is no {missing[0]}")
    return files


def _added(parts: Sequence[dict[str, tuple[int, int, int]]]) -> dict[str, tuple[int, int, int]]:
    """Tensors of all parts, by quantisation."""
    found: dict[str, tuple[int, int, int]] = {}
    for part in parts:
        for name, (n, weights, size) in part.items():
            before = found.get(name, (0, 0, 0))
            found[name] = (before[0] + n, before[1] + weights, before[2] + size)
    return found


class _BrokenError(Exception):
    """A header is none, or its file ends too early."""


class _Reader:
    """Numbers and texts of a file, one after the other; its end is an error."""

    def __init__(self, data: mmap.mmap) -> None:
        self.data, self.at, self.size = data, 0, len(data)
        self.kept: list[str] | None = None

    def take(self, size: int) -> bytes:
        if size > self.size - self.at:
            raise _BrokenError("it ends within its header")
        self.at += size
        return self.data[self.at - size : self.at]

    def number(self, form: str) -> Any:
        return struct.unpack(f"<{form}", self.take(struct.calcsize(f"<{form}")))[0]

    def name(self) -> str:
        size = self.number("Q")
        if size > MOST_NAME:
            raise _BrokenError(f"a name of {size:,} bytes")
        return self.take(size).decode("utf-8", "replace")

    def value(self) -> Value:
        kind = self.number("I")
        if kind in _SCALARS:
            found: Value = self.number(_SCALARS[kind])
            return found
        if kind == _ARRAY:
            return self._array()
        if kind != _TEXT:
            raise _BrokenError(f"a value of the unknown type {kind}")
        text = self.take(self.number("Q"))
        if len(text) > MOST_TEXT:
            raise _BrokenError(f"a text of {len(text):,} bytes")
        return text.decode("utf-8", "replace")

    def _array(self) -> str:
        """Type, length and checksum of an array."""
        kind, count = self.number("I"), self.number("Q")
        begin = self.at
        if kind in _SCALARS:
            size = struct.calcsize(f"<{_SCALARS[kind]}")
            # Held against the file before it is multiplied out.
            if count > (self.size - self.at) // size:
                raise _BrokenError("an array longer than the file")
            self.at += count * size
        elif kind == _TEXT:
            if count > (self.size - self.at) // 8:
                raise _BrokenError("an array longer than the file")
            for _ in range(count):
                self._one(self.number("Q"))
        else:
            raise _BrokenError(f"an array of the unknown type {kind}")
        with memoryview(self.data)[begin : self.at] as seen:
            return f"{kind} x {count} {hashlib.sha256(seen).hexdigest()}"

    def _one(self, size: int) -> None:
        """Pass over a text of an array, or keep it."""
        text = self.take(size)
        if self.kept is not None:
            self.kept.append(text.decode("utf-8", "replace"))


def _part(file: Path, keep: str = "") -> _Part:
    """Read the header of a file, and all texts of the one array that is to be kept."""
    try:
        with file.open("rb") as opened:
            if file.stat().st_size < 24:
                raise _BrokenError("it ends within its header")
            with mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as data:
                return _header(_Reader(data), keep)
    except _BrokenError as error:
        raise InputError(f"model.path: {file} is no GGUF file that can be read: {error}") from None
    except OSError as error:
        raise InputError(f"model.path: {file}: {error.strerror}") from None


def _header(reader: _Reader, keep: str) -> _Part:
    if reader.take(4) != b"GGUF":
        raise _BrokenError("it does not begin with GGUF")
    version = reader.number("I")
    if version not in (2, 3):
        swapped = int.from_bytes(version.to_bytes(4, "little"), "big")
        raise _BrokenError("its bytes are in big-endian order" if swapped in (2, 3) else f"version {version}")
    tensors, keys = reader.number("Q"), reader.number("Q")
    if tensors > MOST_TENSORS or keys > MOST_KEYS:
        raise _BrokenError(f"it tells of {tensors:,} tensors and {keys:,} values")
    part = _Part()
    for _ in range(keys):
        name = reader.name()
        reader.kept = part.kept if name == keep else None
        part.values[name] = reader.value()
    part.tensors = _tensors(reader, tensors, part.values.get("general.alignment", 32))
    return part


def _tensors(reader: _Reader, count: int, alignment: Value) -> dict[str, tuple[int, int, int]]:
    """Read the list of tensors, whose bytes are to lie in the file."""
    gguf = optional("gguf", "a GGUF model", "gguf")
    n: Counter[str] = Counter()
    weights: Counter[str] = Counter()
    sizes: Counter[str] = Counter()
    end = 0
    for _ in range(count):
        name, rank = reader.name(), reader.number("I")
        if rank > 4:
            raise _BrokenError(f"tensor {name[:60]}: {rank} dimensions")
        size = 1
        for _ in range(rank):
            size *= reader.number("Q")
        kind, offset = reader.number("I"), reader.number("Q")
        try:
            quantised = gguf.GGMLQuantizationType(kind)
        except ValueError:
            raise _BrokenError(f"tensor {name[:60]}: the unknown quantisation {kind}") from None
        block, stored = gguf.GGML_QUANT_SIZES[quantised]
        stored = -(-size // block) * stored
        n[quantised.name] += 1
        weights[quantised.name] += size
        sizes[quantised.name] += stored
        end = max(end, offset + stored)
    step = alignment if isinstance(alignment, int) and alignment > 0 else 32
    begin = -(-reader.at // step) * step
    if end and begin + end > reader.size:
        raise _BrokenError(f"it ends before its tensors, {reader.size:,} bytes of {begin + end:,}")
    return {name: (n[name], weights[name], sizes[name]) for name in n}
