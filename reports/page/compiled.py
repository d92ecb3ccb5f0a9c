"""Templates that stay compiled from one process to the next, as Python keeps its own modules.

Compiling them takes longer than writing most pages does.
"""

from __future__ import annotations

import sys
from contextlib import suppress
from importlib.util import cache_from_source
from pathlib import Path

from jinja2 import Environment, FileSystemBytecodeCache, nodes
from jinja2.bccache import Bucket
from jinja2.compiler import CodeGenerator, Frame


class _NothingOfOurs(CodeGenerator):
    """Compiles what stands in a template and nothing of what our filters and messages are.

    What it makes depends on the template alone: it serves every language, and no later version of a filter.
    """

    def _output_child_to_const(
        self, node: nodes.Expr, frame: Frame, finalize: CodeGenerator._FinalizeInfo
    ) -> str:
        if not isinstance(node, nodes.TemplateData):
            raise nodes.Impossible
        return super()._output_child_to_const(node, frame, finalize)


class _Beside(FileSystemBytecodeCache):
    """Keeps compiled templates where Python would; where it cannot, the next process compiles again."""

    def load_bytecode(self, bucket: Bucket) -> None:
        with suppress(OSError):
            super().load_bytecode(bucket)

    def dump_bytecode(self, bucket: Bucket) -> None:
        with suppress(OSError):
            Path(self.directory).mkdir(parents=True, exist_ok=True)
            super().dump_bytecode(bucket)


class Compiled(Environment):
    """An environment of templates that are compiled once and for all languages."""

    code_generator_class = _NothingOfOurs

    def __init__(self, templates: Path, **options: object) -> None:
        kept = (
            None
            if sys.dont_write_bytecode
            else _Beside(str(Path(cache_from_source(str(templates / "_"))).parent))
        )
        super().__init__(bytecode_cache=kept, optimized=False, **options)  # type: ignore[arg-type]
