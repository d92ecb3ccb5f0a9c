"""Small files that claim or become too much are refused in one line; large ones are read."""

from __future__ import annotations

import gzip
import os
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fairweigh.datasets import bounds, ipc
from fairweigh.datasets.errors import InputError
from fairweigh.datasets.read import column_names, iter_batches, read_table


def refusal(path: Path, **options: Any) -> Any:
    with pytest.raises(InputError) as caught:
        for _ in iter_batches(path, **options):
            pass
    message = str(caught.value)
    assert "\n" not in message
    assert str(path) in message
    assert len(message) < len(str(path)) + 250
    return message


def constant(rows: int) -> pa.RecordBatch:
    sex = pa.DictionaryArray.from_arrays(pa.array(np.zeros(rows, np.int32)), pa.array(["a"]))
    return pa.record_batch({"sex": sex, "y": pa.array(np.zeros(rows, np.int8))})


def test_rows_that_are_all_alike_are_refused_in_parquet_and_arrow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bounds, "FREE_ROWS", 1_000)
    parquet, arrow, stream = (tmp_path / name for name in ("t.parquet", "t.arrow", "s.arrow"))
    batch = constant(2_000_000)
    pq.write_table(pa.table(batch), parquet)
    options = pa.ipc.IpcWriteOptions(compression="zstd")
    with pa.ipc.new_file(arrow, batch.schema, options=options) as writer:
        writer.write_batch(batch)
    with pa.ipc.new_stream(stream, batch.schema, options=options) as writer:
        writer.write_batch(batch)
    for path in (parquet, arrow, stream):
        assert "hold 2,000,000 rows, which must all be alike" in refusal(path)
    monkeypatch.setattr(bounds, "FREE_ROWS", 2_000_000)
    for path in (parquet, arrow, stream):
        assert read_table(path).num_rows == 2_000_000


def test_arrow_batch_that_grows_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ipc, "FREE_BYTES", 1 << 20)
    path = tmp_path / "t.feather"
    batch = pa.record_batch({"x": np.zeros(1_000_000)})
    with pa.ipc.new_file(path, batch.schema, options=pa.ipc.IpcWriteOptions(compression="zstd")) as writer:
        writer.write_batch(batch)
    assert "become 8,000,000 in one batch" in refusal(path)
    with pa.ipc.new_file(path, batch.schema) as writer:
        writer.write_batch(batch)
    assert read_table(path).num_rows == 1_000_000


def test_footer_that_declares_more_rows_than_there_are_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table({"a": np.arange(77_777)}), path)
    data = path.read_bytes()
    start = len(data) - 8 - int.from_bytes(data[-8:-4], "little")
    # Thrift's compact protocol writes the number as a zigzag varint: 2 * 77,777.
    number, more = bytes([0xA2, 0xBF, 0x09]), bytes([0xA2, 0xBF, 0x79])
    assert data.count(number, start) >= 2
    first = data.index(number, start)
    path.write_bytes(data[:first] + more + data[first + 3 :])
    assert "its footer says" in refusal(path)
    path.write_bytes(data[:start] + data[start:].replace(number, more))
    assert "footer says 995,281 rows and 77,777 came" in refusal(path)


@pytest.mark.parametrize("categorical", [(), ("sex",)])
@pytest.mark.parametrize("dictionary", [True, False])
def test_texts_of_megabytes_are_refused_before_rows_repeat_them(
    tmp_path: Path, categorical: tuple[Any], dictionary: bool
) -> None:
    path = tmp_path / "t.parquet"
    value = "x" * (5 << 20)
    sex = pa.DictionaryArray.from_arrays(pa.array(np.zeros(20, np.int32)), pa.array([value]))
    pq.write_table(
        pa.table({"sex": sex, "y": np.arange(20)}),
        path,
        compression="zstd",
        use_dictionary=dictionary,
        dictionary_pagesize_limit=1 << 30,
    )
    assert "column 'sex' holds a text of 5,242,880 bytes" in refusal(path, categorical=categorical)
    assert read_table(path, columns=["y"]).num_rows == 20


def test_long_texts_come_in_batches_of_few_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "BATCH_BYTES", 1 << 20)
    path = tmp_path / "t.parquet"
    texts = pa.DictionaryArray.from_arrays(pa.array(np.zeros(300, np.int32)), pa.array(["x" * 10_000]))
    pq.write_table(pa.table({"t": texts.cast(pa.string())}), path, compression="zstd")
    sizes = [batch.num_rows for batch in iter_batches(path)]
    assert sum(sizes) == 300
    assert max(sizes) == (1 << 20) // 10_000


def test_batches_of_a_parquet_file_do_not_hold_it_whole(tmp_path: Path) -> None:
    """A row group at a time, whatever the file holds: a fifth of it at most."""
    path = tmp_path / "rows.parquet"
    table = pa.table({"score": np.random.default_rng(0).random(1_000_000)})
    pq.write_table(table, path, row_group_size=50_000, compression="none", use_dictionary=False)
    before, most = pa.total_allocated_bytes(), 0
    for _ in iter_batches(path, batch_rows=50_000):
        most = max(most, pa.total_allocated_bytes() - before)
    assert most < path.stat().st_size / 5


@pytest.mark.parametrize("name", ["t.csv.gz", "t.jsonl.gz"])
def test_gzip_that_grows_without_end_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    path = tmp_path / name
    line = b"1,2\n" if "csv" in name else b'{"a": 1}\n'
    path.write_bytes(gzip.compress((b"a,b\n" if "csv" in name else b"") + line * 1_000_000))
    assert sum(batch.num_rows for batch in iter_batches(path)) == 1_000_000
    monkeypatch.setattr(bounds, "FREE_BYTES", 2 << 20)
    assert "bytes of gzip become more than" in refusal(path)


def test_gzip_line_without_end_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "t.csv.gz"
    path.write_bytes(gzip.compress(b"a,b\n1," + b"x" * (40 << 20)))
    assert "a row is longer than 4 MiB" in refusal(path)


def test_millions_of_columns_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text(",".join(f"c{i}" for i in range(30_000)) + "\n")
    assert "at most 20,000 columns, got 30,000" in refusal(path)


def test_pipes_and_devices_are_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "t.csv")
    (tmp_path / "u.csv").symlink_to("/dev/zero")
    for name in ("t.csv", "u.csv"):
        with pytest.raises(InputError, match="a pipe or a device"):
            column_names(tmp_path / name)
