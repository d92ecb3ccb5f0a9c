"""Archives that unpack to beyond all proportion, and size expressions that no computer can hold."""

from __future__ import annotations

import io
import time
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.sparse
import skops.io
from fairweigh.datasets.errors import InputError
from fairweigh.models import archive as bounds
from fairweigh.models.archive import refuse_bomb
from fairweigh.models.estimator import from_skops
from fairweigh.models.expressions import TooLargeError, check_expression
from sklearn.linear_model import LogisticRegression

MEGABYTE = b"\0" * (1 << 20)


def bomb(path: Path, megabytes: int) -> Path:
    """An archive of a fitted model with an entry of zeros beside it."""
    rows = np.arange(40.0)[:, None]
    content = skops.io.dumps(LogisticRegression().fit(rows, rows[:, 0] > 20))
    path.write_bytes(content)
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive, archive.open("zeros.npy", "w") as file:
        for _ in range(megabytes):
            file.write(MEGABYTE)
    return path


def test_a_skops_file_that_unpacks_to_gigabytes_is_refused_at_once(tmp_path: Path) -> None:
    path = bomb(tmp_path / "m.skops", 400)
    assert path.stat().st_size < 1 << 20
    start = time.perf_counter()
    with pytest.raises(InputError, match=r"an archive of [\d,]+ bytes that unpacks to 419,\d+,\d+; expected"):
        from_skops(path, [])
    assert time.perf_counter() - start < 2
    assert hasattr(from_skops(bomb(tmp_path / "n.skops", 1), []), "coef_")


def test_an_archive_inside_an_archive_counts_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "ALWAYS", 8 << 20)
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("data.npy", MEGABYTE * 100)
    with zipfile.ZipFile(tmp_path / "m.zip", "w") as archive:
        archive.writestr("sparse.npz", inner.getvalue())
    with pytest.raises(ValueError, match="unpacks to 104,"):
        refuse_bomb(tmp_path / "m.zip")


def test_entries_that_lie_over_each_other_are_refused(tmp_path: Path) -> None:
    """As in D. Fifield 2019, 'A better zip bomb': many entries in the directory for the same bytes."""
    path = tmp_path / "m.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a", np.random.default_rng(0).bytes(100_000))
        one = archive.infolist()[0]
        for number in range(50):
            again = zipfile.ZipInfo(f"b{number}")
            for name in ("compress_type", "compress_size", "file_size", "CRC", "header_offset"):
                setattr(again, name, getattr(one, name))
            archive.filelist.append(again)
    with pytest.raises(ValueError, match="whose entries lie over each other"):
        refuse_bomb(path)


def test_an_archive_of_too_many_entries_or_too_much_text_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with zipfile.ZipFile(tmp_path / "m.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("schema.json", b" " * (65 << 20))
    with pytest.raises(ValueError, match="bytes of JSON, expected at most"):
        refuse_bomb(tmp_path / "m.zip")
    monkeypatch.setattr(bounds, "MOST_ENTRIES", 2)
    with zipfile.ZipFile(tmp_path / "n.zip", "w") as archive:
        for number in range(3):
            archive.writestr(str(number), b"")
    with pytest.raises(ValueError, match="an archive of 3 entries, expected at most 2"):
        refuse_bomb(tmp_path / "n.zip")


def test_a_schema_nested_beyond_reason_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "m.skops", "w") as archive:
        archive.writestr("schema.json", '{"content": ' + "[" * 100_000)
    with pytest.raises(InputError, match="is not a skops file that can be read") as error:
        from_skops(tmp_path / "m.skops", [])
    assert "\n" not in str(error.value)


def test_a_compressed_model_with_sparse_weights_loads(tmp_path: Path) -> None:
    rows = scipy.sparse.random(60, 30, 0.2, "csr", random_state=0)
    model = LogisticRegression().fit(rows, np.arange(60) % 2).sparsify()
    skops.io.dump(model, tmp_path / "m.skops", compression=zipfile.ZIP_DEFLATED)
    again = from_skops(tmp_path / "m.skops", ["scipy.sparse._csr.csr_matrix"])
    np.testing.assert_array_equal(again.predict(rows), model.predict(rows))


@pytest.mark.parametrize(
    "expression",
    [
        "2**2**2**2**99", "2**-99999999", "s0**s1", "(9**16)**16**3", "((((9**9)**9)**9)**9)",
        "1<<99999999999", "LShift(1, 99999999)", "PowByNatural(2, 99999999)", "Pow(2, Integer(99999999))",
        "FloatPow(2, 1024.5)",
        "Pow(Symbol('a') + Symbol('b') + Symbol('c') + Symbol('d') + Symbol('e'), 60)",
        "Integer(10)**Integer(10)**Integer(10)", "*".join(["s0"] * 20), "9" * 400, "1 + " * 800 + "1",
    ],
)  # fmt: skip
def test_a_size_that_no_computer_can_hold_is_weighed_and_not_evaluated(expression: Any) -> None:
    start = time.perf_counter()
    with pytest.raises(TooLargeError):
        check_expression(expression)
    assert time.perf_counter() - start < 1


@pytest.mark.parametrize(
    "expression",
    [
        "Symbol('s77', positive=True, integer=True)", "2*Symbol('s77')**2 + 3", "s0//2 + Mod(s1, 8)",
        "Max(1, s0)*16", "((s0 - 1)//2 + 1)**2", "s0 <= 9223372036854775806", "-s0 + 2**31", "s0 / 3.5",
    ],
)  # fmt: skip
def test_sizes_as_torch_writes_them_pass(expression: str) -> None:
    check_expression(expression)


@pytest.mark.parametrize("expression", ["", "s0 +", "(" * 300, "-" * 1900 + "1"])
def test_what_is_no_expression_is_refused(expression: Any) -> None:
    with pytest.raises(ValueError, match="no size expression"):
        check_expression(expression)
