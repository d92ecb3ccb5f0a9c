"""One spelling of a value, whichever file, table or library it comes from.

Booleans are ``true`` and ``false``; a whole number has no decimal point; a date is ``2026-03-02``, a moment
``2026-03-02 10:00:00``, in UTC and with a ``Z`` behind it where its time zone is known, and at midnight
without zone its date; a duration is ``1 days 02:00:00``; bytes are their UTF-8 text, else hexadecimal; a band
of `pandas.cut` is ``(0, 30]``. Other text stays as it is written: ``007``, ``1e3`` and ``1.50`` are words.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

_ODD = (
    r"^(?:True|TRUE|False|FALSE|-?(?:0|[1-9][0-9]*)\.0+|[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9].*|"
    r"[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]+|-?[0-9]+ days [+0-9:.]+|P(?:[0-9]+D)?(?:T[0-9HMS.]+)?)$"
)
"""Text that may be the spelling of something else than a word."""
_MOMENT = re.compile(
    r"(\d{4}-\d{2}-\d{2})[T ](\d{2}:\d{2})(:\d{2})?(\.\d{1,9})?\s?(Z|UTC|[+-]\d{2}(?::?\d{2})?)?"
)
_ISO_DURATION = re.compile(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d{1,6})?)S)?)?", re.ASCII)
_INTERVAL = "pandas.interval"
_BRACKETS = {"right": ("(", "]"), "left": ("[", ")"), "both": ("[", "]"), "neither": ("(", ")")}


def word(value: object) -> str:
    """Return a value as it is written in a slice: ``True`` is 'true', ``1.0`` is '1'."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 2**53 else str(value)
    if isinstance(value, Decimal):
        return _text(format(value, "f")) if value.is_finite() else str(value)
    if isinstance(value, timedelta):
        return _duration(value)
    if isinstance(value, (datetime, date, time)):
        return _text(value.isoformat(" ") if isinstance(value, datetime) else value.isoformat())
    if isinstance(value, bytes):
        return _bytes(value)
    return str(value)


def _text(value: str) -> str:
    if value in ("True", "TRUE", "False", "FALSE"):
        return value.lower()
    if re.fullmatch(r"-?(0|[1-9]\d*)\.0+", value, re.ASCII):
        whole = value.partition(".")[0]
        return "0" if whole == "-0" else whole
    if re.fullmatch(r"(-?\d+ days \+?)?\d\d:\d\d:\d\d(\.\d+)?", value, re.ASCII):
        return (value.rstrip("0").rstrip(".") if "." in value else value).removesuffix(" 00:00:00")
    if (found := _ISO_DURATION.fullmatch(value)) and any(found.groups()):
        days, hours, minutes, seconds = (float(part or 0) for part in found.groups())
        return _duration(timedelta(days, hours=hours, minutes=minutes, seconds=seconds))
    found = _MOMENT.fullmatch(value)
    return value if found is None else _moment(value, *found.groups())


def _moment(
    value: str, day: str, minute: str, second: str | None, fraction: str | None, zone: str | None
) -> str:
    second = second or ":00"
    fraction = (fraction or "").rstrip("0").rstrip(".")
    try:
        moment = datetime.fromisoformat(f"{day} {minute}{second}")
        if zone is not None:
            away = datetime.fromisoformat(
                f"{day} {minute}{second}{'Z' if zone == 'UTC' else zone}"
            ).utcoffset()
            moment -= away or timedelta(0)
    except (ValueError, OverflowError):
        return value
    if zone is not None:
        return f"{moment.isoformat(' ')}{fraction}Z"
    return f"{moment.isoformat(' ')}{fraction}".removesuffix(" 00:00:00")


def _duration(value: timedelta) -> str:
    """As pandas writes it: ``1 days 02:00:00``, whole days ``1 days``."""
    seconds = value.seconds
    nanoseconds = value.microseconds * 1000 + getattr(value, "nanoseconds", 0)
    fraction = f".{nanoseconds:09d}".rstrip("0").rstrip(".")
    clock = f"{seconds // 3600:02d}:{seconds % 3600 // 60:02d}:{seconds % 60:02d}"
    sign = "+" if value.days < 0 else ""
    return f"{value.days} days {sign}{clock}{fraction}".removesuffix(" 00:00:00")


def _bytes(value: bytes) -> str:
    try:
        text = value.decode()
    except UnicodeDecodeError:
        return value.hex()
    return text if text.isprintable() else value.hex()


def spelled(values: pa.Array) -> pa.Array:
    """Return distinct values in the one spelling, as ``string``; null and NaN are null."""
    kind = values.type
    if pa.types.is_dictionary(kind):
        return spelled(values.dictionary).take(values.indices)
    if pa.types.is_integer(kind):
        return values.cast(pa.string())
    if pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        values, kind = values.cast(pa.string()), pa.string()
    if pa.types.is_string(kind):
        odd = pc.fill_null(pc.match_substring_regex(values, _ODD), False)
        if not pc.any(odd).as_py():
            return values
        changed = [word(v) for v in values.filter(odd).to_pylist()]
        return pc.replace_with_mask(values, odd, pa.array(changed, pa.string()))
    if pa.types.is_timestamp(kind):
        return spelled(_moments(values))
    if pa.types.is_float32(kind) or pa.types.is_float16(kind):
        # 0.1 in single precision is written 0.1: in double precision it would be 0.10000000149011612.
        values = pa.array([_short(v) for v in values.to_numpy(zero_copy_only=False)], pa.float64())
    if pa.types.is_fixed_size_binary(kind):
        # Bytes of one length are no text: a key or a checksum.
        return pa.array([None if v is None else v.hex() for v in values.to_pylist()], pa.string())
    return pa.array([None if v is None or v != v else word(v) for v in values.to_pylist()], pa.string())


def _short(value: np.floating[Any]) -> float:
    """A number of fewer digits as the shortest that means it; 65504 of half precision is not 65500."""
    exact = isinstance(value, np.float16) and value.is_integer()
    return float(value) if exact else float(str(value))


def _moments(values: pa.Array) -> pa.Array:
    """Moments as ISO text, in UTC and so marked where their zone is known; Python's own end at year 9999."""
    naive = values.cast(pa.timestamp(values.type.unit))
    text = naive.cast(pa.string())
    return pc.binary_join_element_wise(text, "Z", "") if values.type.tz else text


def as_ids(column: pa.Array | pa.ChunkedArray) -> pa.Array:
    """Return ids as they came: text unchanged, whole numbers as such, all else in the one spelling."""
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    if pa.types.is_dictionary(column.type):
        return as_ids(column.dictionary).take(column.indices)
    if pa.types.is_string(column.type) or pa.types.is_integer(column.type):
        return column
    if pa.types.is_large_string(column.type) or pa.types.is_string_view(column.type):
        return column.cast(pa.string())
    return spelled(column)


def without_extensions(batch: pa.RecordBatch | pa.Table) -> pa.RecordBatch | pa.Table:
    """Columns of types that their library adds to Arrow as what they stand for: a band or a UUID is a word.

    A file's reader knows such a type only if its library was imported before; its mark is in the schema.
    """
    for place, field in enumerate(batch.schema):
        column = batch.column(place)
        made = [_plain(part, field) for part in (getattr(column, "chunks", None) or [column])]
        if made[0].type == field.type:
            continue
        new = pa.chunked_array(made) if isinstance(batch, pa.Table) else made[0]
        batch = batch.set_column(place, pa.field(field.name, made[0].type), new)
    return batch


def _plain(values: pa.Array, field: pa.Field) -> pa.Array:
    kind = values.type
    if isinstance(values, pa.ChunkedArray):
        values = values.combine_chunks()
    if pa.types.is_dictionary(kind) and isinstance(kind.value_type, pa.BaseExtensionType):
        return pa.DictionaryArray.from_arrays(values.indices, _plain(values.dictionary, field))
    marks = field.metadata or {}
    name = getattr(kind, "extension_name", (marks.get(b"ARROW:extension:name") or b"").decode())
    if name == _INTERVAL:
        said = json.loads(marks.get(b"ARROW:extension:metadata") or "{}")
        closed = getattr(kind, "closed", said.get("closed", "right"))
        return _bands(getattr(values, "storage", values).to_pylist(), closed)
    if name == "arrow.uuid":
        stored = getattr(values, "storage", values).to_pylist()
        return pa.array([None if v is None else str(UUID(bytes=v)) for v in stored], pa.string())
    return values.storage if isinstance(values, pa.ExtensionArray) else values


def _bands(edges: Sequence[dict[str, Any] | None], closed: str) -> pa.Array:
    opening, closing = _BRACKETS.get(closed, ("(", "]"))
    texts = [None if e is None else f"{opening}{e['left']}, {e['right']}{closing}" for e in edges]
    return pa.array(texts, pa.string())
