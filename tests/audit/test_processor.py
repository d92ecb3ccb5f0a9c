"""The processor of a run: what the system tells of it, beside what torch finds by asking it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from fairweigh.audit.figures.describe import environment
from fairweigh.audit.figures.processor import processor


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux tells the instructions")
def test_instructions_are_those_that_torch_finds() -> None:
    torch = pytest.importorskip("torch")
    found = environment(0, "").instructions
    asked = {
        "AVX2": torch.cpu._is_avx2_supported,
        "AVX-512": torch.cpu._is_avx512_supported,
        "AVX512-VNNI": torch.cpu._is_vnni_supported,
        "AVX512-BF16": torch.cpu._is_avx512_bf16_supported,
        "AMX-INT8": torch.cpu._is_amx_tile_supported,
    }
    assert {name: name in found for name in asked} == {name: ask() for name, ask in asked.items()}


def test_processors_of_x86_and_arm_are_read_as_the_kernel_writes_them(tmp_path: Path) -> None:
    """Lines of Linux 6 on a Xeon of the fourth generation and on a Graviton 3 (fewer flags)."""
    xeon, graviton = tmp_path / "xeon", tmp_path / "graviton"
    xeon.write_text(
        "processor\t: 0\nmodel name\t: Intel(R) Xeon(R) Platinum 8488C\n"
        "flags\t\t: fpu avx2 avx512f avx_vnni avx512_bf16 avx512_vnni amx_bf16 avx512_fp16 amx_int8\n\n"
        "processor\t: 1\nmodel name\t: another\nflags\t\t: fpu\n"
    )
    graviton.write_text("processor\t: 0\nFeatures\t: fp asimd asimddp sve i8mm bf16\nCPU part\t: 0xd40\n")
    assert processor(xeon) == (
        "Intel(R) Xeon(R) Platinum 8488C",
        ["AVX2", "AVX-512", "AVX-VNNI", "AVX512-VNNI", "AVX512-BF16", "AVX512-FP16", "AMX-INT8", "AMX-BF16"],
    )
    assert processor(graviton)[1] == ["ASIMD dot product", "I8MM", "BF16", "SVE"]


def test_where_the_system_tells_nothing_the_name_alone_is_known(tmp_path: Path) -> None:
    name, instructions = processor(tmp_path / "nothing")
    assert name
    assert instructions == []
