"""Exported programs (``.pt2``) checked as data before torch reads them: a model file is untrusted input.

torch unpickles example inputs that are not plain tensors, resolves the graph's function names by getattr
on ``torch`` and ``operator``, evaluates size expressions with sympy, and loads shared libraries from the
archive (torch/_export/serde/serialize.py, torch/export/pt2_archive/_package.py). So an archive may hold what
`torch.export.save` writes for a plain module, and nothing else, in sizes that its own bytes account for.
"""

from __future__ import annotations

import io
import math
import re
import zipfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from ..datasets.errors import InputError
from ..plain import from_json
from .archive import refuse_bomb
from .expressions import MOST_BITS, UNKNOWN_BITS, TooLargeError, check_expression, check_graph
from .extras import optional, quiet
from .foreign import foreign

_FILES = re.compile(
    r"[^/]+/(archive_format|archive_version|byteorder|version|\.data/\w+|models/model\.json"
    r"|data/weights/(weight_\d+|model_weights_config\.json)"
    r"|data/constants/(tensor_\d+|model_constants_config\.json)|data/sample_inputs/model\.pt)"
)
_TARGET = re.compile(
    r"torch\.ops\.(aten|prims)\.(?!__|from_file)\w+(\.(?!__)\w+)?|torch\.sym_\w+|math\.(trunc|ceil|floor)"
    r"|torch\.ops\.higher_order\.(wrap_with_set_grad_enabled|wrap_with_autocast|cond)"
    r"|_operator\.(eq|ne|le|ge|lt|gt|neg|pos|mul|add|sub|floordiv|truediv|mod|pow|and_|or_|lshift|rshift|getitem)"
)
_NAME = re.compile(
    r"(s|u|f|zuf|zf)\d+|Max|Min|Mod|PythonMod|Eq|Ne|Lt|Le|Gt|Ge|And|Or|Not|oo|int_oo|True|False|floor|ceiling"
    r"|(Floor|Clean|Ceil)Div|ModularIndexing|Where|(Ceil|Floor|Trunc|Round)ToInt|[LR]Shift|PowByNatural"
    r"|Float(Pow|TrueDiv)|IntTrueDiv|TruncToFloat|ToFloat|Identity|Symbol|Integer|Rational|Float|Add|Mul|Pow"
    r"|(Une|E)quality|(Strict)?(Less|Greater)Than|positive|negative|nonnegative|integer|real|finite|precision"
)
_SYMBOL = re.compile(r"'(\w+)'")
_WORDS = re.compile(r"[^\W\d]\w*")
_SIGNS = re.compile(r"([\s()+\-*/,<>=&|~%!\d]|(?<=\d)\.(?=\d))*")


def refuse_code(path: Path) -> None:
    """InputError where loading or running an archive would run code that it holds, or would never end."""
    with foreign(f"model.path: {path} is no exported program that can be read"):
        refuse_bomb(path)
        with zipfile.ZipFile(path) as archive:
            reason = next(_reasons(archive), None)
    if reason is not None:
        raise InputError(
            f"model.path: {path} holds {reason}, which can run any code when loaded; export the module again "
            "with plain tensors (torch.export.save)"
        )


def _reasons(archive: zipfile.ZipFile) -> Iterator[str]:
    """What speaks against an archive."""
    names = archive.namelist()
    # torch's reader finds names without regard to case, and the first of two.
    if len({name.casefold() for name in names}) < len(names):
        yield "two files of one name"
    for name in names:
        if not _FILES.fullmatch(name):
            yield f"the file {name!r} besides graph and tensors"
    for name in names:
        if name.endswith("_config.json"):
            entries = from_json(archive.read(name))["config"]
            if any(e.get("use_pickle") for e in entries.values()):
                yield "pickled tensors or objects"
            _check_sizes(entries, name.rpartition("/")[0], archive)
        elif name.endswith("/models/model.json"):
            yield from _in_graph(archive.read(name).decode())
        elif name.endswith("/data/sample_inputs/model.pt") and not _plain(archive.read(name)):
            yield "pickled objects in its example inputs"


def _plain(content: bytes) -> bool:
    torch = optional("torch", "a torch model")
    try:
        with quiet():
            torch.load(io.BytesIO(content), weights_only=True)
    except Exception:
        # Whatever makes this reader stop makes torch fall back to one that runs what it reads.
        return not content
    return True


def _in_graph(text: str) -> Iterator[str]:
    if "__enum__" in text or "defaultdict" in text:
        yield "the name of a module to import"
    program = from_json(text)
    top = program["graph_module"]["graph"]
    for key, value in _pairs(program):
        if key == "target" and not (isinstance(value, str) and _allowed(value)):
            yield f"a call of {str(value)[:80]!r}"
        if key == "expr_str" and not _harmless(str(value)):
            yield f"the expression {str(value)[:80]!r}"
        if key == "expr_str":
            _check(check_expression, str(value), f"the size {str(value)[:80]!r}")
        if key == "graph" and isinstance(value, dict) and "nodes" in value:
            # What a graph inside another is given was computed there.
            _check(
                partial(check_graph, given=UNKNOWN_BITS if value is top else MOST_BITS // 2), value, "a size"
            )


def _check(check: Callable[[Any], None], what: Any, told: str) -> None:
    try:
        check(what)
    except TooLargeError:
        raise ValueError(f"{told} in its graph could be beyond all sizes") from None


def _check_sizes(entries: dict[str, Any], folder: str, archive: zipfile.ZipFile) -> None:
    """ValueError for a tensor of more elements than its file has bytes."""
    for tensor, entry in entries.items():
        held = archive.getinfo(f"{folder}/{entry['path_name']}").file_size
        sizes = [size.get("as_int") for size in entry["tensor_meta"]["sizes"]]
        if not all(isinstance(size, int) for size in sizes) or math.prod(sizes) > held:
            raise ValueError(f"the tensor {tensor[:80]!r} of {sizes} elements in a file of {held:,} bytes")


def _allowed(target: str) -> bool:
    return _TARGET.fullmatch(target) is not None


def _harmless(expression: str) -> bool:
    """Whether a size expression is arithmetic of symbols: sympy reads it by evaluating it."""
    plain = _SYMBOL.sub(r"\1", expression)
    words = _WORDS.findall(plain)
    rest = _WORDS.sub(" ", plain)
    return all(_NAME.fullmatch(word) for word in words) and _SIGNS.fullmatch(rest) is not None


def _pairs(value: Any) -> Iterator[tuple[str, Any]]:
    """Every key of nested mappings with its value."""
    stack = [value]
    while stack:
        found = stack.pop()
        if isinstance(found, dict):
            yield from found.items()
            stack += found.values()
        elif isinstance(found, list):
            stack += found
