"""Runtimes: what turns a batch of arrays into logits, on torch or on onnxruntime."""

from __future__ import annotations

import copy
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..datasets.errors import InputError, number_of
from .budget import bounded_memory, out_of_memory, scoring
from .compiled import compiled, forget_compiled
from .extras import optional, quiet
from .foreign import STOPS, foreign, one_line
from .graphs import Ending, looked_through
from .neural import Arrays
from .outputs import Output, Reading
from .reads import GraphReader, by_input, in_pieces

LOOP_SECONDS = 30.0
"""How long an ONNX graph with loops may work on one batch: nothing else says when it ends."""
GRAPH_SECONDS = 600.0
"""How long one without may: its nodes are counted, and may be a million."""


def device_for(wanted: str) -> str:
    """Resolve ``auto``, and refuse a device that this machine has not."""
    torch = optional("torch", "a torch model")
    if wanted == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if wanted.startswith("cuda") and not torch.cuda.is_available():
        raise InputError(f"model.device: {wanted!r}, but this machine has no CUDA device")
    try:
        torch.device(wanted)
    except RuntimeError:
        raise InputError(f"model.device: expected auto, cpu, cuda or cuda:N, got {wanted!r}") from None
    if wanted.startswith("cuda:") and int(wanted.partition(":")[2]) >= torch.cuda.device_count():
        count = torch.cuda.device_count()
        raise InputError(f"model.device: {wanted!r}, but this machine has {number_of(count, 'CUDA device')}")
    return wanted


def seeded(seed: int) -> None:
    """Make torch repeat itself: one seed, and deterministic kernels where there are some."""
    torch = optional("torch", "a torch model")
    torch.manual_seed(seed)
    # cuBLAS only repeats itself with a workspace of fixed size.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    # What is named for it says the same to torch's compiler, and takes a second to import that.
    torch.set_deterministic_debug_mode("warn")


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
        """A batch as tensors on the runtime's device."""
        import torch

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
        if type(self.module).__name__ == "GraphModule":
            wanted = _wanted_types(self.module)
            if len(wanted) == len(tensors):
                return {n: t.to(w) for (n, t), w in zip(tensors.items(), wanted, strict=True)}
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
                f"model: it cannot score the table: {type(error).__name__}: {one_line(error)}"
            ) from error
        return found

    def _memory(self) -> AbstractContextManager[None]:
        """What an exported program may take: its graph is anybody's."""
        return _memory(self.device) if type(self.module).__name__ == "GraphModule" else nullcontext()

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


def _wanted_types(module: Any) -> list[Any]:
    """Types of the inputs that an exported program was made for."""
    known = [n.meta.get("val") for n in module.graph.nodes if n.op == "placeholder"]
    return [value.dtype for value in known if value is not None]


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


class OnnxRuntime(GraphReader):
    """An ONNX file in onnxruntime.

    Parameters
    ----------
    path : Path
    device : str
        ``cpu`` or ``cuda``.
    reading : Reading, optional
        Which outputs are read, and as what; default the first as scores.
    """

    def __init__(self, path: Path, device: str = "cpu", reading: Reading | None = None) -> None:
        ort = optional("onnxruntime", "an ONNX model", "onnx")
        options = ort.SessionOptions()
        # What goes wrong is told by what is raised.
        options.log_severity_level = 4
        # Threads that spin while they wait would slow whatever else runs in this process.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.intra_op_num_threads = len(os.sched_getaffinity(0))
        providers = ["CPUExecutionProvider"]
        if device.startswith("cuda"):
            if "CUDAExecutionProvider" not in ort.get_available_providers():
                raise InputError(f"model.device: {device!r}, but onnxruntime has no CUDA provider here")
            providers.insert(0, "CUDAExecutionProvider")
        self.graph = looked_through(path)
        # onnxruntime raises classes of its own for each kind of damage.
        with foreign(f"model.path: {path} is no ONNX model that can be read"), _memory(device):
            self.session = ort.InferenceSession(str(path), options, providers=providers)
        self.path, self.device, self.reading = path, device, reading
        self.exported: Any = None
        self.wanted = {i.name: i for i in self.session.get_inputs()}
        self.given = [Output(o.name, o.type) for o in self.session.get_outputs()]
        if not self.given:
            raise InputError(f"model.path: {path} has no outputs")
        self.fixed = fixed_batch(self.wanted)
        self.threads = options.intra_op_num_threads

    def everything(self, arrays: Arrays) -> list[Any]:
        """All outputs for a batch."""
        feed = {n: self._fed(n, values) for n, values in by_input(arrays, self.wanted, self.path).items()}
        return in_pieces(self.run, feed, self.fixed)

    def _fed(self, name: str, values: NDArray[Any]) -> NDArray[Any]:
        """Values as an input of the graph wants them; one line where they cannot be."""
        wanted = self.wanted[name]
        return fitted(values, wanted.type, wanted.shape, f"model.path: {self.path}: its input {name!r}")

    def run(self, feed: Arrays) -> list[Any]:
        """Run the graph on arrays of its own types; returns all of its outputs.

        Raises
        ------
        InputError
            It cannot, or has not ended in `LOOP_SECONDS` or `GRAPH_SECONDS`.
        """
        import onnxruntime as ort

        asked = ort.RunOptions()
        asked.log_severity_level = 4
        loops = self.graph.loops
        with scoring(
            self.path, len(next(iter(feed.values()), ())),
            seconds=LOOP_SECONDS if loops else GRAPH_SECONDS, stop=lambda: setattr(asked, "terminate", True),
            what="a loop in it" if loops else "its graph", bounded=not self.device.startswith("cuda"),
        ):  # fmt: skip
            return list(self.session.run(None, feed, asked))

    @property
    def shared_threads(self) -> int:
        """One: a session has threads of its own, which serve one batch."""
        return 1

    def sibling(self) -> OnnxRuntime:
        """The session itself, which any number of threads may call."""
        return self

    def describe(self) -> dict[str, Any]:
        """Return runtime, device, threads."""
        return {"runtime": "onnxruntime", "device": self.device, "threads": self.threads}


def _memory(device: str) -> AbstractContextManager[None]:
    """Bound what a graph takes on the CPU; a GPU's drivers reserve far more than they use."""
    return nullcontext() if device.startswith("cuda") else bounded_memory()


def fitted(values: NDArray[Any], wanted: str, shape: Sequence[Any], where: str) -> NDArray[Any]:
    """Values in the type of an input, where they have its shape.

    Parameters
    ----------
    wanted : str
        The type in the words of onnxruntime.
    shape : sequence
        Its sizes; a name or -1 is any.
    where : str
        What the input is called.

    Raises
    ------
    InputError
        They have another shape, or would be changed by the type.
    """
    if shape and not _fits(values.shape[1:], shape[1:]):
        told = ", ".join(str(size) if isinstance(size, int) and size > 0 else "any" for size in shape)
        have = "".join(f", {size}" for size in values.shape[1:])
        raise InputError(
            f"{where} has the shape ({told}), the rows give (any{have}); see model.features and model.shape"
        )
    return _as(values, wanted, where)


def _fits(have: Sequence[int], wanted: Sequence[Any]) -> bool:
    """Whether the axes behind the rows are those that an input wants; a name or -1 wants any."""
    free = [not isinstance(size, int) or size < 1 for size in wanted]
    return len(have) == len(wanted) and all(
        any_size or size == given for any_size, size, given in zip(free, wanted, have, strict=True)
    )


def fixed_batch(wanted: Mapping[str, Any]) -> int:
    """Rows of a batch where a graph was exported for one size alone; else 0."""
    first = {i.shape[0] for i in wanted.values() if i.shape}
    sizes = {size for size in first if isinstance(size, int) and size > 0}
    return sizes.pop() if len(sizes) == 1 else 0


KINDS = {
    "tensor(float)": np.float32, "tensor(float16)": np.float16, "tensor(double)": np.float64,
    "tensor(int64)": np.int64, "tensor(int32)": np.int32, "tensor(int8)": np.int8, "tensor(int16)": np.int16,
    "tensor(uint8)": np.uint8, "tensor(bool)": np.bool_,
}  # fmt: skip
"""Types of a graph's inputs that rows can be given as."""


def _as(values: NDArray[Any], wanted: str, where: str) -> NDArray[Any]:
    """Values in the type of an input; InputError where that would change them or cannot be."""
    if wanted == "tensor(string)":
        return np.asarray(values, object)
    if wanted not in KINDS:
        raise InputError(f"{where} takes a {wanted}, which rows of a table cannot give")
    if values.dtype == object:
        raise InputError(f"{where} takes a {wanted}, the rows give text")
    kind = np.dtype(KINDS[wanted])
    made = values.astype(kind, copy=False)
    if kind.kind in "iub" and values.dtype.kind == "f" and (made != values).any():
        raise InputError(
            f"{where} takes whole numbers ({wanted}), the rows give others, such as "
            f"{values[made != values][0]:g}"
        )
    return made
