"""Runtimes: what turns a batch of arrays into logits, on torch or on onnxruntime."""

from __future__ import annotations

import copy
import os
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..datasets.errors import InputError
from .budget import bounded_memory, stopped_after
from .compiled import compiled, forget_compiled
from .extras import optional, quiet
from .foreign import STOPS, foreign, one_line
from .graphs import looked_through
from .neural import Arrays, out_of_memory

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
    return wanted


def seeded(seed: int) -> None:
    """Make torch repeat itself: one seed, and deterministic kernels where there are some."""
    torch = optional("torch", "a torch model")
    torch.manual_seed(seed)
    # cuBLAS only repeats itself with a workspace of fixed size.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(True, warn_only=True)


class TorchRuntime:
    """A torch module in evaluation mode.

    Parameters
    ----------
    module : torch.nn.Module
        Returns logits, a tuple that begins with them, or an object with ``logits``.
    device : str
    by_name : bool
        Whether it takes its inputs by name (transformers) rather than one after the other.
    autocast : bool
        Run in mixed precision (bfloat16) with float32 weights.
    compiled : bool
        Serve it through torch.compile.
    """

    def __init__(
        self, module: Any, device: str, *, by_name: bool, autocast: bool = False, compiled: bool = False
    ) -> None:
        self.module = module.to(device)
        # An exported program knows no training mode, and says so by raising.
        if type(module).__name__ != "GraphModule":
            module.eval()
        self.device = device
        self.by_name = by_name
        self.autocast = autocast
        self.compiled = compiled
        self._call: Any = None

    @property
    def dtype(self) -> str:
        """Type of the module's floating point weights."""
        found = [p.dtype for p in self.module.parameters() if p.is_floating_point()]
        return str(found[0]).removeprefix("torch.") if found else "float32"

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

    def _logits(self, call: Any, tensors: dict[str, Any]) -> Any:
        import torch

        if any(tensor.is_floating_point() for tensor in tensors.values()):
            wide = getattr(torch, self.dtype)
            tensors = {n: t.to(wide) if t.is_floating_point() else t for n, t in tensors.items()}
        kind = self.device.partition(":")[0]
        with torch.autocast(kind, dtype=torch.bfloat16, enabled=self.autocast):
            out = call(**tensors) if self.by_name else call(*tensors.values())
        out = getattr(out, "logits", out)
        out = out[0] if isinstance(out, (tuple, list)) else out
        if not isinstance(out, torch.Tensor) or out.ndim not in (1, 2):
            shape = tuple(out.shape) if isinstance(out, torch.Tensor) else type(out).__name__
            raise InputError(f"model: expected logits of shape (rows, outputs), got {shape}")
        return out[:, None] if out.ndim == 1 else out

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


class OnnxRuntime:
    """An ONNX file in onnxruntime.

    Parameters
    ----------
    path : Path
    device : str
        ``cpu`` or ``cuda``.
    """

    def __init__(self, path: Path, device: str = "cpu") -> None:
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
        self.path, self.device = path, device
        self.exported: Any = None
        self.wanted = {i.name: i for i in self.session.get_inputs()}
        self.threads = options.intra_op_num_threads

    def __call__(self, arrays: Arrays) -> NDArray[np.float32]:
        """Run the model on a batch."""
        given = dict(arrays)
        if len(self.wanted) == 1 and len(given) == 1:
            given = {next(iter(self.wanted)): next(iter(given.values()))}
        lacking = [name for name in self.wanted if name not in given]
        if lacking:
            raise InputError(
                f"model.path: {self.path} wants the inputs {', '.join(lacking)}, which the rows do not give"
            )
        feed = {
            name: _as(values, self.wanted[name].type) for name, values in given.items() if name in self.wanted
        }
        found = np.asarray(self.run(feed)[0], np.float32)
        return found[:, None] if found.ndim == 1 else found

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
        seconds = LOOP_SECONDS if self.graph.loops else GRAPH_SECONDS
        with stopped_after(seconds, lambda: setattr(asked, "terminate", True)) as late:
            try:
                with _memory(self.device):
                    return list(self.session.run(None, feed, asked))
            except STOPS:
                raise
            except BaseException as error:
                if late():
                    what = "a loop in it" if self.graph.loops else "its graph"
                    raise InputError(
                        f"model.path: {self.path}: {what} has not ended after {seconds:g} s on "
                        f"{len(next(iter(feed.values()), ()))} rows (where it is slow and no more, lower "
                        "model.batch_rows)"
                    ) from None
                if out_of_memory(error):
                    raise
                raise InputError(f"model: it cannot score the table: {one_line(error)}") from None

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


def _as(values: NDArray[Any], wanted: str) -> NDArray[Any]:
    kinds = {"tensor(float)": np.float32, "tensor(float16)": np.float16, "tensor(int64)": np.int64,
             "tensor(int32)": np.int32, "tensor(double)": np.float64, "tensor(bool)": np.bool_}  # fmt: skip
    return values.astype(kinds.get(wanted, values.dtype), copy=False)
