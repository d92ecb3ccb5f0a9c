"""A model that somebody else's server runs, as a model of the audit: what is scored is what is served."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..datasets.columns import listed, word
from ..datasets.errors import InputError, number_of
from ..datasets.evaluation import EvaluationSet
from ..told import tell
from .address import served_at
from .asked import place_of, sampled
from .client import AT_ONCE, Client
from .graphs import Ending
from .heads import Head
from .inputs import TableInputs, unknown_columns
from .load_graph import graph_head, graph_inputs, named_inputs
from .neural import Arrays, Inputs, NeuralModel
from .outputs import Output, Reading, assembled, label_words
from .padding import padding_side
from .protocols import PROTOCOLS, SCORES, Answer, ServedColumns, ServedProtocol
from .reads import fixed_batch, joined_batches


class ServedRuntime:
    """A model behind an address.

    Parameters
    ----------
    protocol : ServedProtocol
    where : str
        What it is called in an error.
    named : str, optional
        The only output that is asked for.

    Attributes
    ----------
    given : list of Output
        Known once it has answered.
    reading : Reading or None
        Which outputs are read, and as what.
    """

    def __init__(self, protocol: ServedProtocol, where: str, named: str | None) -> None:
        self.protocol, self.where, self.named = protocol, where, named
        self.given: list[Output] = []
        self.reading: Reading | None = None
        self.fixed = fixed_batch(protocol.wanted)
        self.endings: defaultdict[str, Ending] = defaultdict(Ending)
        self._seconds: list[tuple[int, float]] = []
        self._strange: set[str] = set()

    def __call__(self, arrays: Arrays) -> NDArray[np.float64]:
        """Have a batch scored, with all digits that the server gives."""
        assert self.reading is not None
        scores, label = self.read(arrays, [self.reading.scores, self.reading.label])
        if label is not None:
            self._strange |= set(label_words(label)) - set(self.reading.classes)
        return assembled(self.reading, scores, label, _rows(arrays), self.where, np.float64)

    def read(self, arrays: Arrays, names: Sequence[str | None]) -> list[Any]:
        """Outputs by name for a batch, None for no name."""
        found = {answer.output.name: answer.values for answer in self.answers(arrays)}
        lacking = [name for name in names if name is not None and name not in found]
        if lacking:
            raise InputError(
                f"{self.where}: expected the output {lacking[0]!r}, as of the first rows, got "
                f"{listed(list(found))}"
            )
        return [None if name is None else found[name] for name in names]

    def answers(self, arrays: Arrays) -> list[Answer]:
        """All that the server answers for a batch, in pieces where it takes a fixed number of rows."""
        rows = _rows(arrays)
        if not self.fixed:
            return self._asked(arrays)
        parts: list[list[Answer]] = []
        for start in range(0, rows, self.fixed):
            place = np.minimum(np.arange(start, start + self.fixed), rows - 1)
            found = self._asked({name: values[place] for name, values in arrays.items()})
            parts.append([Answer(a.output, a.values[: rows - start]) for a in found])
        return [Answer(a[0].output, joined_batches([p.values for p in a])) for a in zip(*parts, strict=True)]

    def _asked(self, arrays: Arrays) -> list[Answer]:
        rows, began = _rows(arrays), time.perf_counter()
        found = self.protocol.infer(arrays, self.named)
        self._seconds.append((rows, time.perf_counter() - began))
        for answer in found:
            name, values = answer.output.name, answer.values
            if len(values) != rows:
                raise InputError(
                    f"{self.where}: expected {number_of(rows, 'row')} of {name}, as many as were asked, got "
                    f"{len(values):,}"
                )
            if answer.output.is_label:
                blank = sum(value is None for value in np.asarray(values).reshape(-1).tolist())
                if blank:
                    raise InputError(
                        f"{self.where}: {name} is null for {number_of(blank, 'row')} of {rows:,}"
                    )
        return found

    @property
    def shared_threads(self) -> int:
        """Requests on the way together."""
        return AT_ONCE

    def sibling(self) -> ServedRuntime:
        """The runtime itself, which any number of threads may call."""
        return self

    def describe(self) -> dict[str, Any]:
        """Return what the server says of itself, labels that its first rows had not, and how long it took."""
        told: dict[str, Any] = {"runtime": "served elsewhere", **self.protocol.describe()}
        if self._strange:
            told["labels_later"] = sorted(self._strange)[:20]
        most = max((rows for rows, _ in self._seconds), default=0)
        if most:
            p50, p95 = np.quantile([s for rows, s in self._seconds if rows == most], [0.5, 0.95]) * 1e3
            told["latency"] = tell(
                "p50 {p50} ms, p95 {p95} ms for {rows} rows in a request, with the network, {lanes} requests "
                "at once at most",
                p50=f"{p50:.3g}", p95=f"{p95:.3g}", rows=most, lanes=AT_ONCE,
            )  # fmt: skip
        return told


def of_endpoint(spec: Any, data: EvaluationSet) -> NeuralModel:
    """A served model of tables or texts; its outputs are read as those of a graph are.

    Raises
    ------
    InputError
        It does not answer, refuses, or answers with what is no score and no label of the rows.
    """
    client = Client(served_at(spec.endpoint, spec.protocol), spec.key_env)
    protocol: ServedProtocol = PROTOCOLS[spec.protocol](client)
    runtime = ServedRuntime(protocol, place_of(spec), spec.output_name)
    about = {"kind": "endpoint", "endpoint": client.address, "protocol": spec.protocol}
    model = NeuralModel(_inputs(spec, protocol, data), runtime, Head((), (), "softmax"), about=about)
    unknown_columns(model.columns, data.names, data.where)
    first = runtime.answers(sampled(model, spec, data))
    runtime.given = [answer.output for answer in first]
    for answer in first:
        if answer.output.type == SCORES:
            runtime.endings[answer.output.name] = Ending(classes=tuple(map(word, answer.values[0])))
    model.head = graph_head(model, runtime, runtime.endings, spec, data)
    padding_side(model, spec, data)
    return model


def _inputs(spec: Any, protocol: ServedProtocol, data: EvaluationSet) -> Inputs:
    """How rows become what the server takes: tokens, a tensor (of images too), or columns."""
    wanted: Mapping[str, Any] = protocol.wanted
    if spec.tokenizer is not None or spec.image is not None:
        return graph_inputs(spec, data, list(wanted), [port.shape for port in wanted.values()], each=False)
    texts = [name for name in (spec.text, spec.text_pair) if name is not None]
    features = texts or spec.features
    if spec.shape is not None:
        return TableInputs(features if features is not None else data.feature_names(), spec.shape)
    words = any(port.type == "tensor(string)" for port in wanted.values())
    if len(wanted) > 1 or (words and len(wanted) == len(features or ())):
        return ServedColumns(named_inputs(list(wanted), features, data))
    columns = features if features is not None else data.feature_names()
    return ServedColumns({name: name for name in columns})


def _rows(arrays: Arrays) -> int:
    return len(next(iter(arrays.values())))
