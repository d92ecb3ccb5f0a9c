"""Size expressions of an exported program, weighed before sympy or Python evaluates them.

``2**2**2**2**99`` is twelve characters and no computer can hold it. Here every expression gets a bound on the
bits of its value and on its terms, were it multiplied out; nothing is evaluated.
"""

from __future__ import annotations

import ast
import math
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

MOST_BITS = 1024
MOST_TERMS = 2_000
MOST_LENGTH = 2_000
MOST_LITERAL = 1 << 33
"""Elements that a graph may ask for with numbers of its own: 32 GiB of float32."""
UNKNOWN_BITS = 64
_POWERS = ("Pow", "PowByNatural", "FloatPow", "pow")
_SHIFTS = ("LShift", "lshift")
_DIVISIONS = ("FloorDiv", "CleanDiv", "CeilDiv", "Mod", "PythonMod", "ModularIndexing", "IntTrueDiv",
              "FloatTrueDiv", "Rational", "Mul")  # fmt: skip
_SENTINELS = (2**63 - 1, -(2**63), 2**63)
"""No limit, as slices and ranges say it."""


class TooLargeError(ValueError):
    """A value that is beyond all sizes."""


@dataclass(frozen=True)
class Weight:
    """Bits of a value, and terms of a sum that its expression is when multiplied out."""

    bits: int
    terms: int = 1

    def checked(self) -> Weight:
        """Itself; TooLargeError where no size can be so large."""
        if self.bits > MOST_BITS or self.terms > MOST_TERMS:
            raise TooLargeError
        return self


def check_expression(text: str) -> None:
    """Weigh a size expression.

    Raises
    ------
    TooLargeError
        Its value could be beyond `MOST_BITS` bits, or it has more than `MOST_TERMS` terms.
    ValueError
        It is no expression.
    """
    if len(text) > MOST_LENGTH:
        raise TooLargeError
    try:
        _weigh(ast.parse(text.strip(), mode="eval").body)
    except (SyntaxError, RecursionError, MemoryError):
        raise ValueError(f"no size expression: {text[:80]!r}") from None


def _weigh(node: ast.expr) -> Weight:
    if isinstance(node, ast.Constant):
        return Weight(node.value.bit_length() if isinstance(node.value, int) else UNKNOWN_BITS).checked()
    if isinstance(node, ast.Name):
        return Weight(UNKNOWN_BITS)
    if isinstance(node, ast.BinOp):
        return _joined(type(node.op).__name__, [node.left, node.right])
    if isinstance(node, ast.Call):
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        if name == "Symbol":
            return Weight(UNKNOWN_BITS)
        return _joined(name, node.args)
    parts = [part for part in ast.iter_child_nodes(node) if isinstance(part, ast.expr)]
    return _joined("", parts)


def _joined(name: str, parts: list[ast.expr]) -> Weight:
    """The weight of an operation on some parts."""
    given = [_weigh(part) for part in parts]
    if name in _POWERS:
        exponent = _constant(parts[1]) if len(parts) == 2 else None
        if exponent is None or abs(exponent) > MOST_BITS:
            raise TooLargeError
        times = max(1, math.ceil(abs(exponent)))
        terms = given[0].terms
        # Terms of a power of a sum: so many ways to draw that often from the sum's terms.
        return Weight(given[0].bits * times, math.comb(terms + times - 1, times)).checked()
    if name in _SHIFTS:
        by = _constant(parts[1]) if len(parts) == 2 else None
        if by is None or not 0 <= by <= MOST_BITS:
            raise TooLargeError
        return Weight(given[0].bits + int(by), given[0].terms).checked()
    if name in ("Mult", "Div", *_DIVISIONS):
        return Weight(sum(w.bits for w in given), math.prod(w.terms for w in given)).checked()
    bits = max((w.bits for w in given), default=1) + len(given).bit_length()
    return Weight(bits, max(1, sum(w.terms for w in given))).checked()


def _constant(node: ast.expr) -> float | None:
    sign = 1
    while isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.USub, ast.UAdd)):
        sign, node = -sign if isinstance(node.op, ast.USub) else sign, node.operand
    if (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in ("Integer", "Float")
    ):
        node = node.args[0] if len(node.args) >= 1 else node
    if isinstance(node, ast.Constant) and isinstance(node.value, (int, float)):
        return sign * node.value
    return None


def check_graph(graph: Mapping[str, Any], given: int = UNKNOWN_BITS) -> None:
    """Weigh what a graph computes with sizes as it runs, node by node, and the sizes it asks for.

    Parameters
    ----------
    given : int
        Bits of the sizes that it is given: of a graph inside another they are computed there.

    Raises
    ------
    TooLargeError
        A size could be beyond `MOST_BITS` bits, or numbers in the graph beyond `MOST_LITERAL` elements.
    """
    known: dict[str, int] = defaultdict(lambda: given)
    for node in graph["nodes"]:
        target = str(node["target"])
        arguments = [part["arg"] for part in node["inputs"]]
        for argument in arguments:
            _check_literals(argument)
        if target.startswith(("_operator.", "torch.sym_", "math.")):
            bits = _result_bits(target.rpartition(".")[2], arguments, known)
            if bits > MOST_BITS:
                raise TooLargeError
            for output in node["outputs"]:
                for name in _names(output):
                    known[name] = bits


def _result_bits(operation: str, arguments: list[Any], known: Mapping[str, int]) -> int:
    bits = [_bits(argument, known) for argument in arguments]
    second = arguments[1] if len(arguments) == 2 and isinstance(arguments[1], dict) else {}
    if operation in ("pow", "lshift"):
        by = second.get("as_int", second.get("as_float"))
        if not isinstance(by, (int, float)) or not abs(by) <= MOST_BITS:
            raise TooLargeError
        return bits[0] + int(by) if operation == "lshift" else bits[0] * max(1, math.ceil(abs(by)))
    return sum(bits) if operation == "mul" else max(bits, default=1) + 1


def _bits(argument: Any, known: Mapping[str, int]) -> int:
    if not isinstance(argument, dict):
        return UNKNOWN_BITS
    if isinstance(argument.get("as_int"), int):
        return int(argument["as_int"]).bit_length()
    return max((known[name] for name in _names(argument)), default=UNKNOWN_BITS)


def _names(value: Any) -> Iterator[str]:
    """Names of sizes in an argument or an output."""
    if isinstance(value, dict):
        for key, part in value.items():
            if key == "as_name" and isinstance(part, str):
                yield part
            else:
                yield from _names(part)


def _check_literals(argument: Any) -> None:
    """Numbers that stand in a graph: one, or several whose product is a size."""
    if not isinstance(argument, dict):
        return
    one, several = argument.get("as_int"), argument.get("as_ints")
    asked = [one] if isinstance(one, int) else several if isinstance(several, list) else []
    sizes = [abs(v) for v in asked if isinstance(v, int) and v not in _SENTINELS]
    if math.prod(max(1, v) for v in sizes) > MOST_LITERAL:
        raise TooLargeError
