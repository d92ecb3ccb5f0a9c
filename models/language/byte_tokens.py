"""Texts from tokens of byte-level vocabularies, whose letters each stand for a byte (Radford et al. 2019).

onnxruntime-genai's tokenizer ends a text at the first bytes that are no UTF-8, as a model may write them, and
leaves out the rest; here they become replacement characters and the text goes on, as with transformers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ...datasets.errors import InputError


class ByteTokens:
    """The tokens of a ``tokenizer.json`` whose decoder is of bytes.

    Parameters
    ----------
    vocabulary : mapping of str to int
    added : list of dict
        Tokens beside it, as the file lists them; special ones are no text.
    """

    def __init__(self, vocabulary: Mapping[str, int], added: Sequence[Mapping[str, Any]]) -> None:
        letters = _letters()
        self._bytes = {
            number: b"".join(letters.get(letter, letter.encode()) for letter in token)
            for token, number in vocabulary.items()
        }
        for one in added:
            self._bytes[one["id"]] = b"" if one.get("special") else str(one["content"]).encode()

    def text(self, ids: Sequence[int]) -> str:
        """What tokens say, without special ones."""
        try:
            found = b"".join(self._bytes[token] for token in ids)
        except KeyError as error:
            raise InputError(f"model: it wrote token {error.args[0]}, which its tokenizer lacks") from None
        return found.decode("utf-8", "replace")


def is_byte_level(decoder: Any) -> bool:
    """Whether the decoder of a ``tokenizer.json`` is of bytes, alone or among others."""
    if not isinstance(decoder, dict):
        return False
    if decoder.get("type") == "Sequence":
        return any(is_byte_level(one) for one in decoder.get("decoders", ()))
    return decoder.get("type") == "ByteLevel"


def _letters() -> dict[str, bytes]:
    """The letter of each byte: itself where it is printed, else the next one from U+0100 on."""
    printed = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    others = [byte for byte in range(256) if byte not in printed]
    found = {chr(byte): bytes([byte]) for byte in printed}
    return found | {chr(256 + place): bytes([byte]) for place, byte in enumerate(others)}
