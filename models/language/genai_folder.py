"""What a folder of onnxruntime-genai says of itself: configuration, graph, tokenizer, chat template."""

from __future__ import annotations

import hashlib
import json
import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...datasets.errors import InputError
from ...datasets.read import sha256_file
from ..extras import optional
from ..foreign import foreign, one_line
from .byte_tokens import ByteTokens, is_byte_level
from .given import GENAI

MOST_BYTES = 64 << 20
"""Of a JSON file: a large tokenizer has a tenth."""
TOKENIZERS = ("tokenizer.json", "tokenizer.model", "vocab.json", "vocab.txt")
PACKED = ("MatMulNBits", "GatherBlockQuantized", "QMoE")
"""Operators that hold their weights in few bits, as ``bits`` tells."""
LIBRARY = "custom_ops_library"
CACHED = "past_key_values"
ANGLES = ("cos_cache", "sin_cache")
"""Tables that are computed, not learnt."""


@dataclass(frozen=True)
class GenaiFolder:
    """A folder of onnxruntime-genai.

    Attributes
    ----------
    path : Path
    config : dict
        Of ``genai_config.json`` the part ``model``.
    template : str or None
    """

    path: Path
    config: dict[str, Any]
    template: str | None

    @property
    def context(self) -> int:
        """Tokens that the model reads at most."""
        found = self.config.get("context_length")
        if not isinstance(found, int) or found < 1:
            raise InputError(f"model.path: {self.path / GENAI} tells no context_length")
        return found

    @property
    def graph(self) -> Path:
        """The decoder's graph."""
        name = self.config.get("decoder", {}).get("filename")
        if not isinstance(name, str) or Path(name).name != name or not (self.path / name).is_file():
            raise InputError(f"model.path: {self.path} has no graph {name!r}, which its {GENAI} names")
        return self.path / name

    @property
    def ends(self) -> frozenset[int]:
        """Tokens that end a text."""
        found = self.config.get("eos_token_id")
        return frozenset(
            int(one) for one in (found if isinstance(found, list) else [found]) if one is not None
        )

    @property
    def files(self) -> list[Path]:
        """Graph and weights."""
        return sorted(one for one in self.path.glob("*.onnx*") if one.is_file())

    @property
    def kv_bytes_per_token(self) -> int | None:
        """Bytes of keys and values that one more token takes; None where the configuration does not tell."""
        decoder = self.config.get("decoder", {})
        parts = [decoder.get(name) for name in ("num_hidden_layers", "num_key_value_heads", "head_size")]
        if not all(isinstance(part, int) for part in parts):
            return None
        layers, heads, size = (int(part) for part in parts if part is not None)
        return 2 * layers * heads * size * self._cached_bytes()

    def _cached_bytes(self) -> int:
        """Bytes of one key or value, as the graph takes it."""
        onnx = optional("onnx", "a model of onnxruntime-genai", "genai")
        for taken in self._read().graph.input:
            if taken.name.startswith(CACHED):
                return int(onnx.helper.tensor_dtype_to_np_dtype(taken.type.tensor_type.elem_type).itemsize)
        return 4

    def sha256(self) -> str:
        """Checksum of all that answers depend on: graph, weights, configuration, tokenizer, template."""
        others = [one for one in self.path.iterdir() if one.suffix in (".json", ".jinja", ".model", ".txt")]
        files = sorted({*self.files, *(one for one in others if one.is_file())})
        told = "\n".join(f"{sha256_file(one)} {one.name}" for one in files)
        return hashlib.sha256(told.encode()).hexdigest()

    def tokenizer_sha256(self) -> str:
        """Checksum of its tokenizer's files."""
        files = [self.path / name for name in TOKENIZERS if (self.path / name).is_file()]
        return hashlib.sha256("\n".join(sha256_file(one) for one in files).encode()).hexdigest()

    def tokens(self) -> list[str] | None:
        """All tokens by their numbers; None where it has no ``tokenizer.json`` that tells them."""
        file = self.path / TOKENIZERS[0]
        if not file.is_file():
            return None
        told = read_json(file)
        named = told.get("model", {}).get("vocab", {})
        pairs = named.items() if isinstance(named, dict) else ((one[0], i) for i, one in enumerate(named))
        by_number = {number: token for token, number in pairs}
        by_number |= {one["id"]: one["content"] for one in told.get("added_tokens", [])}
        return [by_number.get(number, "") for number in range(max(by_number, default=-1) + 1)]

    def byte_tokens(self) -> ByteTokens | None:
        """What its tokens say, where they stand for bytes; None of other tokenizers."""
        file = self.path / TOKENIZERS[0]
        told = read_json(file) if file.is_file() else {}
        named = told.get("model", {}).get("vocab", {})
        if not is_byte_level(told.get("decoder")) or not isinstance(named, dict):
            return None
        return ByteTokens(named, told.get("added_tokens", []))

    def told(self) -> dict[str, Any]:
        """What is told of it; ``matrices`` by bits and blocks, as ``int4 in blocks of 32: 152``."""
        packed = Counter(self._packed())
        kinds, parameters = sorted({kind for kind, _ in packed}), self.parameters()
        blocks = (f"{kind} in blocks of {size}: {n:,}" for (kind, size), n in sorted(packed.items()))
        return {
            "architecture": str(self.config.get("type", "")),
            "quantisation": ", ".join(kinds) or self._floats(),
            "matrices": "; ".join(blocks),
            **({} if parameters is None else {"parameters": parameters}),
            "stored_bytes": sum(one.stat().st_size for one in self.files),
            "tokenizer_sha256": self.tokenizer_sha256(),
        }

    def parameters(self) -> int | None:
        """How many weights its graph holds; None of experts, which are packed in ways of their own."""
        graph = self._read().graph
        sizes: dict[str, int] = {one.name: math.prod(one.dims) for one in graph.initializer}
        seen: set[str] = {name for name in sizes if name.startswith(ANGLES)}
        found = 0
        for node in graph.node:
            told = {one.name: int(one.i) for one in node.attribute}
            if node.op_type == "QMoE":
                return None
            if node.op_type == "MatMulNBits":
                # Scales and offsets are no weights; a matrix may be that of the embedding, too.
                found += 0 if node.input[1] in seen else told["K"] * told["N"]
                seen |= set(node.input[1:])
            elif node.op_type == "GatherBlockQuantized":
                data, scales = node.input[0], node.input[2]
                found += sizes[scales] * told["block_size"] if data in sizes and data not in seen else 0
                seen |= {data, *node.input[2:]}
        return found + sum(size for name, size in sizes.items() if name not in seen)

    def _read(self) -> Any:
        """The graph without its weights."""
        onnx = optional("onnx", "a model of onnxruntime-genai", "genai")
        with foreign(f"model.path: {self.graph} is no ONNX graph that can be read"):
            return onnx.load(str(self.graph), load_external_data=False)

    def _packed(self) -> Iterator[tuple[str, int]]:
        """Bits and block of each matrix that is stored in few bits."""
        for node in self._read().graph.node:
            if node.op_type in PACKED:
                told = {one.name: int(one.i) for one in node.attribute}
                yield f"int{told.get('bits', told.get('expert_weight_bits', 4))}", told.get("block_size", 0)

    def _floats(self) -> str:
        """The type of most weights."""
        onnx = optional("onnx", "a model of onnxruntime-genai", "genai")
        sizes: Counter[int] = Counter()
        for one in self._read().graph.initializer:
            sizes[one.data_type] += math.prod(one.dims)
        kind = max(sizes, key=lambda one: sizes[one], default=1)
        return str(onnx.helper.tensor_dtype_to_np_dtype(kind))


def read_genai(path: str) -> GenaiFolder:
    """Read what a folder says of itself.

    Raises
    ------
    InputError
        It is none of onnxruntime-genai, or it would load a library of its own.
    """
    folder = Path(path)
    if not (folder / GENAI).is_file():
        raise InputError(f"model.path: there is no {GENAI} in {path}; expected a folder of onnxruntime-genai")
    told = read_json(folder / GENAI)
    config = told.get("model")
    if not isinstance(config, dict) or not isinstance(config.get("decoder"), dict):
        raise InputError(f"model.path: {folder / GENAI} tells of no decoder; expected a language model")
    if LIBRARY in json.dumps(told):
        raise InputError(
            f"model.path: {folder / GENAI} names a {LIBRARY}, a program that would be run; none is"
        )
    if not any((folder / name).is_file() for name in TOKENIZERS):
        raise InputError(f"model.path: {path} has no tokenizer; expected {TOKENIZERS[0]}")
    return GenaiFolder(folder, config, _template(folder))


def _template(folder: Path) -> str | None:
    """The chat template, in a file of its own or in the tokenizer's configuration."""
    file = folder / "chat_template.jinja"
    if file.is_file():
        return _text(file) or None
    settings = folder / "tokenizer_config.json"
    found = read_json(settings).get("chat_template") if settings.is_file() else None
    return found if isinstance(found, str) and found else None


def read_json(file: Path) -> dict[str, Any]:
    """A JSON file that holds an object.

    Raises
    ------
    InputError
        It is none.
    """
    try:
        told = json.loads(_text(file))
    except (ValueError, RecursionError) as error:
        raise InputError(f"model.path: {file} is no JSON: {one_line(error)}") from None
    if not isinstance(told, dict):
        raise InputError(f"model.path: {file}: expected an object")
    return told


def _text(file: Path) -> str:
    if file.stat().st_size > MOST_BYTES:
        raise InputError(
            f"model.path: {file} has {file.stat().st_size:,} bytes; expected at most {MOST_BYTES:,}"
        )
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"model.path: {file}: {one_line(error)}") from None
