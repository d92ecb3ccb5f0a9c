"""A torch module as what turns a batch of arrays into logits."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..datasets.errors import InputError
from .budget import memory_on, out_of_memory
from .compiled import compiled, forget_compiled
from .extras import quiet
from .foreign import STOPS, one_line
from .graphs import Ending
from .neural import Arrays
from .reads import KIND_NAMES, check_shape, fitted


class TorchRuntime:
    """A torch module in evaluation mode.

    Parameters
    ----------
    module : torch.nn.Module
        Returns logits or probabilities, a tuple that begins with them, or an object or dict with ``logits``.
    device : str
    by_name : bool
        Whether it takes its inputs by name (transformers) rather than one after the other.
    autocast : bool
        Run in mixed precision (bfloat16) with float32 weights.
    compiled : bool
        Serve it through torch.compile.
    output : str, optional
        Name of the output that is read, where the module returns several by name.

    Attributes
    ----------
    gives_labels : bool
        Whether the module has given whole numbers.
    one_hot : int
        How many labels these are told apart as, a column for each; 0 where they are read as they stand.
    by_token : bool
        Whether outputs are of each token: those of a row follow each other, token by token.
    """

    def __init__(
        self,
        module: Any,
        device: str,
        *,
        by_name: bool,
        autocast: bool = False,
        compiled: bool = False,
        output: str | None = None,
    ) -> None:
        self.module = module.to(device)
        # An exported program knows no training mode, and says so by raising.
        if type(module).__name__ != "GraphModule":
            module.eval()
        self.device = device
        self.by_name = by_name
        self.autocast = autocast
        self.compiled = compiled
        self.output = output
        self._call: Any = None
        self._whole = False
        self.gives_labels = False
        self.one_hot = 2
        self.by_token = False

    @property
    def dtype(self) -> str:
        """Type of the module's floating point weights."""
        return type_of(self.module)

    def outputs(self, arrays: Arrays) -> Any:
        """Run the module, as it is served, on a batch; returns the logits as a tensor."""
        if self._call is None:
            self._call = compiled(self.module) if self.compiled else self.module
        return self._logits(self._call, self.tensors(arrays))

    def tensors(self, arrays: Arrays) -> dict[str, Any]:
        """A batch as tensors on the runtime's device, those of an exported program as its inputs are."""
        import torch

        taken = ports_of(self.module)
        if len(taken) == len(arrays):
            each = zip(arrays.items(), taken, strict=True)
            arrays = {name: _fed(name, values, port) for (name, values), port in each}
        return {name: torch.from_numpy(values).to(self.device) for name, values in arrays.items()}

    def forward(self, tensors: dict[str, Any]) -> Any:
        """Run the module itself, uncompiled, on tensors of its device, as training and counting do."""
        return self._logits(self.module, tensors)

    def release(self) -> None:
        """Let a compiled module go; it is compiled again where it is called again."""
        if self.compiled and self._call is not None:
            self._call = None
            forget_compiled()

    @property
    def shared_threads(self) -> int:
        """Threads that batches may share out: of a transformers module on the CPU.

        torch.compile is not made for threads, and rows of a table are through before one has begun.
        """
        import torch

        alone = self.device != "cpu" or self.compiled or not self.by_name
        return 1 if alone else int(torch.get_num_threads())

    def sibling(self) -> TorchRuntime:
        """The same weights in a module of its own: one may write to itself as it runs."""
        own = copy.copy(self)
        own.module, own._call = _replica(self.module, {}), None
        return own

    def copied(self) -> TorchRuntime:
        """The same with a module that can be changed freely."""
        other = copy.copy(self)
        other.module, other._call = copy_of(self.module), None
        return other

    def ending(self, arrays: Arrays) -> Ending:
        """What makes the outputs: the operator behind whatever only shapes its result, seen as it runs."""
        import torch

        from .makers import Makers

        few = {name: values[:2] for name, values in arrays.items()}
        with torch.no_grad(), Makers() as makers:
            out = self._logits(self.module, self.tensors(few))
        return Ending(makers.of(out))

    def _logits(self, call: Any, tensors: dict[str, Any]) -> Any:
        import torch

        if self._casts_inside:
            try:
                with (
                    cast_by_layers(self.module),
                    torch.autocast(
                        self.device.partition(":")[0], dtype=torch.bfloat16, enabled=self.autocast
                    ),
                ):
                    return self._matrix(call(*tensors.values()), tensors)
            except RuntimeError as error:
                # Weights that are no layer's take what they are multiplied with in their own type alone.
                # torch calls a type by either word, by how many rows there are.
                if not any(word in str(error) for word in ("dtype", "scalar type")):
                    raise
                self._whole = True
        tensors = self._as_wanted(tensors)
        kind = self.device.partition(":")[0]
        with torch.autocast(kind, dtype=torch.bfloat16, enabled=self.autocast):
            out = call(**tensors) if self.by_name else call(*tensors.values())
        return self._matrix(out, tensors)

    def _matrix(self, out: Any, tensors: dict[str, Any]) -> Any:
        read = _read(out, self.output)
        if self.by_token:
            return read.reshape(len(read), -1)
        # A module that squeezes its outputs leaves no axis to a row that comes alone.
        alone = getattr(read, "shape", None) == () and all(len(given) == 1 for given in tensors.values())
        made = _matrix(read.reshape(1) if alone else read)
        if made.is_floating_point():
            return made
        self.gives_labels = True
        return _one_hot(made, self.one_hot) if self.one_hot else made.float()

    @property
    def _casts_inside(self) -> bool:
        """Whether a table's numbers are cast by each layer: codes may not fit into half precision."""
        plain = not (self.by_name or self._whole or type(self.module).__name__ == "GraphModule")
        return plain and self.dtype in ("bfloat16", "float16")

    def _as_wanted(self, tensors: dict[str, Any]) -> dict[str, Any]:
        """Floating inputs in the type that the module takes them in."""
        import torch

        if not any(tensor.is_floating_point() for tensor in tensors.values()):
            return tensors
        taken = ports_of(self.module)
        if len(taken) == len(tensors):
            each = zip(tensors.items(), taken, strict=True)
            # Whole numbers are made so where the rows are read, as far as these are whole.
            return {n: t.to(p.dtype) if p.dtype.is_floating_point else t for (n, t), p in each}
        wide = getattr(torch, self.dtype)
        return {n: t.to(wide) if t.is_floating_point() else t for n, t in tensors.items()}

    def __call__(self, arrays: Arrays) -> NDArray[np.float32]:
        """Run the module on a batch."""
        import torch

        try:
            # A compiler talks; filters of warnings are no matter for threads, which it has none of here.
            with torch.inference_mode(), quiet() if self.compiled else nullcontext(), self._memory():
                found: NDArray[np.float32] = self.outputs(arrays).float().cpu().numpy()
        except (InputError, *STOPS):
            raise
        except BaseException as error:
            if out_of_memory(error):
                if self.device.startswith("cuda"):
                    torch.cuda.empty_cache()
                raise
            # The module may be anybody's code and weights.
            raise InputError(
                f"model: it cannot score {self._rows_told(arrays)}: {type(error).__name__}: {one_line(error)}"
            ) from error
        return found

    def _rows_told(self, arrays: Arrays) -> str:
        """What is scored, for a message: torch speaks of sizes, and not of the key that says them."""
        first = next(iter(arrays.values()))
        if self.by_name or first.ndim < 3:
            return "the table"
        return f"rows of the shape {list(first.shape[1:])} (model.shape)"

    def _memory(self) -> AbstractContextManager[None]:
        """What an exported program may take: its graph is anybody's."""
        return memory_on(self.device) if type(self.module).__name__ == "GraphModule" else nullcontext()

    def describe(self) -> dict[str, Any]:
        """Return device, type of the weights, threads."""
        import torch

        told: dict[str, Any] = {"runtime": "torch", "device": self.device, "dtype": self.dtype}
        if self.device == "cpu":
            told["threads"] = torch.get_num_threads()
        if self.autocast:
            told["autocast"] = "bfloat16"
        if self.compiled:
            told["compile"] = True
        return told


def type_of(module: Any) -> str:
    """Type of a module's floating point weights; a quantised one calls itself what its kernels give."""
    floating = [p for p in module.parameters() if p.is_floating_point()]
    found = [p.dtype for p in floating if not type(p).__module__.startswith("torchao")]
    return str(found[0]).removeprefix("torch.") if found else "float32"


@contextmanager
def cast_by_layers(module: Any) -> Iterator[None]:
    """Let each layer cast the floating inputs that it is given to the type of its own weights."""
    import torch

    def cast(layer: Any, given: tuple[Any, ...]) -> tuple[Any, ...]:
        own = next((p.dtype for p in layer.parameters(recurse=False) if p.is_floating_point()), None)
        return tuple(
            v.to(own) if own is not None and isinstance(v, torch.Tensor) and v.is_floating_point() else v
            for v in given
        )

    layers = [m for m in module.modules() if next(m.parameters(recurse=False), None) is not None]
    # One that holds others cuts its input up first: codes may be among it.
    hooks = [m.register_forward_pre_hook(cast) for m in layers if next(m.children(), None) is None]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


@dataclass(frozen=True)
class Port:
    """An input that an exported program was made for.

    Attributes
    ----------
    dtype : torch.dtype
    shape : tuple of int
        -1 for any size.
    """

    dtype: Any
    shape: tuple[int, ...]


def ports_of(module: Any) -> list[Port]:
    """Inputs that an exported program was made for; none of another module."""
    if type(module).__name__ != "GraphModule":
        return []
    known = [n.meta.get("val") for n in module.graph.nodes if n.op == "placeholder"]
    return [
        Port(value.dtype, tuple(size if isinstance(size, int) else -1 for size in value.shape))
        for value in known
        if hasattr(value, "dtype")
    ]


def _fed(name: str, values: NDArray[Any], port: Port) -> NDArray[Any]:
    """Values as an input of a program wants them; one line where they cannot be."""
    where = f"model: the input {name!r} of the exported program"
    kind = KIND_NAMES.get(str(port.dtype).removeprefix("torch."))
    if kind is None:
        # NumPy has no such type; torch casts to it.
        check_shape(values, port.shape, where)
        return values
    return fitted(values, kind, port.shape, where)


def _read(out: Any, name: str | None) -> Any:
    """The output of a module that is read: the one of a name, else logits, else the first."""
    named = dict(out) if isinstance(out, Mapping) else None
    if name is not None:
        found = named.get(name) if named is not None else getattr(out, name, None)
        if found is None:
            has = ", ".join(named) if named is not None else f"a {type(out).__name__} without names"
            raise InputError(f"model.output_name: the module gives no {name!r}; it gives {has}")
        return found
    if named is not None and "logits" not in named:
        if len(named) != 1:
            raise InputError(
                f"model.output_name: the module gives several outputs, expected one of {', '.join(named)}"
            )
        return next(iter(named.values()))
    out = named["logits"] if named is not None else getattr(out, "logits", out)
    return out[0] if isinstance(out, (tuple, list)) and out else out


def _matrix(out: Any) -> Any:
    """A tensor of shape (rows, outputs); further axes of length one are left out."""
    import torch

    if not isinstance(out, torch.Tensor) or out.ndim < 1 or sum(n != 1 for n in out.shape[1:]) > 1:
        shape = tuple(out.shape) if isinstance(out, torch.Tensor) else type(out).__name__
        raise InputError(f"model: expected outputs of shape (rows, outputs), got {shape}")
    return out if out.ndim == 2 else out.reshape(out.shape[0], -1)


def _one_hot(labels: Any, count: int) -> Any:
    """Labels of rows, whole numbers from 0 on, as one column for each of them."""
    import torch

    wrong = labels[(labels < 0) | (labels >= count)]
    if labels.shape[1] != 1 or len(wrong):
        got = (
            f"labels such as {wrong[0].item()}" if len(wrong) else f"{labels.shape[1]} whole numbers per row"
        )
        expected = "the labels 0 and 1" if count == 2 else f"labels from 0 to {count - 1}"
        raise InputError(f"model: expected {expected}, or scores; the module gives {got}")
    return torch.cat([labels == number for number in range(count)], dim=1).float()


def _replica(module: Any, known: dict[int, Any]) -> Any:
    """Modules anew with the same tensors, as torch's own DataParallel makes them for its threads."""
    if id(module) not in known:
        made = known[id(module)] = object.__new__(type(module))
        made.__dict__ = module.__dict__.copy()
        for kind in ("_parameters", "_buffers"):
            made.__dict__[kind] = dict(module.__dict__[kind])
        made.__dict__["_modules"] = {
            name: None if child is None else _replica(child, known)
            for name, child in module.__dict__["_modules"].items()
        }
    return known[id(module)]


def copy_of(module: Any) -> Any:
    """A copy of a module; what old-style normalisations compute is cut off from its gradients before.

    No copy could be made otherwise.
    """
    import torch

    for part in module.modules():
        for key, value in list(vars(part).items()):
            if isinstance(value, torch.Tensor) and value.grad_fn is not None:
                setattr(part, key, value.detach())
    with quiet():
        return copy.deepcopy(module)
