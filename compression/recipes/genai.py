"""A language model in four bits, served by onnxruntime-genai."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import weakref
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from ...datasets.errors import InputError
from ...models.extras import optional, quiet
from ...models.language.load import engine_of
from ...models.language.saved import engine_settings, spec_of
from ...told import tell
from ..language_artefact import Exported
from ..registry import Context, Done, Params, in_float32, plural, recipe, unpacked

NAME = "onnx-int4"
BUILDER = "onnxruntime_genai.models.builder"
SECONDS = 3600
"""That an export may take."""


class OnnxInt4(Params):
    """int4 weights in blocks of one scale each."""

    block_size: Literal[16, 32, 64, 128] = Field(32, description="Weights that share a scale.")


@recipe(NAME, OnnxInt4, tasks=(), language=True)
def onnx_int4(model: Any, params: OnnxInt4, context: Context) -> Done:
    """Export a causal language model with onnxruntime-genai's own builder, weights in four bits."""
    optional(BUILDER.partition(".")[0], NAME, "genai")
    optional("onnx", NAME, "onnx")
    in_float32(model, NAME)
    unpacked(model, NAME)
    engine = model.engine
    if engine.kind != "causal-lm":
        raise InputError(
            f"{NAME}: onnxruntime-genai runs causal language models, got one of kind {engine.kind}"
        )
    folder = Path(tempfile.mkdtemp(prefix="fairweigh-"))
    weakref.finalize(model, shutil.rmtree, folder, ignore_errors=True)
    plain, made = folder / "float32", folder / "int4"
    with quiet():
        engine.module.save_pretrained(plain)
        engine.tokenizer.save_pretrained(plain)
    context.progress("exporting with onnxruntime-genai", 0, None)
    _build(plain, made, folder / "cache", params)
    shutil.rmtree(plain)
    said = {**engine_settings(engine), "kind": "genai"}
    exported: Any = engine_of(spec_of(said, made, "cpu"), context.seed)
    exported.exported = Exported("genai", made, said)
    model.engine = exported
    return Done(
        recount=_recount,
        notes=[tell("Activations, keys and values stay in float32; the head may be left in more bits.")],
    )


def _build(plain: Path, made: Path, cache: Path, params: OnnxInt4) -> None:
    """Run the package's own builder in a process of its own, as it prints and keeps a cache."""
    command = [
        sys.executable, "-m", BUILDER, "-i", str(plain), "-o", str(made), "-p", "int4", "-e", "cpu",
        "-c", str(cache), "--extra_options", f"int4_block_size={params.block_size}",
    ]  # fmt: skip
    try:
        ended = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
    except subprocess.TimeoutExpired:
        raise InputError(f"{NAME}: the builder of onnxruntime-genai took over {SECONDS:,} s") from None
    if ended.returncode:
        last = next((line for line in reversed(ended.stderr.splitlines()) if line.strip()), "no word")
        raise InputError(f"{NAME}: onnxruntime-genai cannot build this model: {last.strip()[:300]}")


def _recount(made: Any) -> str:
    """Matrices that the graph of an artefact holds in few bits."""
    library = optional("onnx", NAME)
    folder = Path(str(made.engine.path))
    found: list[int] = []
    for path in sorted(folder.glob("*.onnx")):
        graph = library.load(str(path), load_external_data=False).graph
        for node in graph.node:
            if node.op_type in ("MatMulNBits", "GatherBlockQuantized"):
                found += [int(a.i) for a in node.attribute if a.name == "bits"] or [4]
    kinds = sorted(set(found))
    if not kinds:
        return tell("served by onnxruntime-genai, no matrix of it in few bits")
    return tell(
        "{what} in {bits} bits, served by onnxruntime-genai",
        what=plural(len(found), "{n} matrix", "{n} matrices"),
        bits=", ".join(map(str, kinds)),
    )
