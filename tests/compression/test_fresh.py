"""Artefacts in fresh processes: the same scores, the memory they take, and what ends there."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from fairweigh.compression.artefact import how_to_load
from fairweigh.compression.fresh import FreshProcesses
from fairweigh.compression.make import Made
from fairweigh.datasets.errors import InputError
from fairweigh.models.neural import NeuralModel

from ..tiny import batch, numbers, texts


@pytest.fixture(scope="module")
def processes() -> Iterator[FreshProcesses]:
    with FreshProcesses("transformers") as made:
        yield made


def test_scores_of_a_fresh_process_are_equal_to_the_last_bit(
    bert: NeuralModel, made: Callable[..., Made], processes: FreshProcesses
) -> None:
    rows = batch(texts(60), bert)
    for recipe in ("int8-dynamic", "int8-weight", "bf16"):
        found = made(bert, (recipe, {}))
        there = processes.collect(processes.start(found.folder, rows, "cpu"))
        here = found.model.score(rows, None)
        np.testing.assert_array_equal(there["score"], here.score)
        np.testing.assert_array_equal(there["decision"], here.decision)
        assert there["peak_bytes"] > 50e6
        # A third of a megabyte of weights, and what a first model makes torch and transformers set up.
        assert there["process_bytes"] < 150e6


def test_a_process_of_its_own_answers_as_a_forked_child(
    table_model: NeuralModel, made: Callable[..., Made], processes: FreshProcesses, tmp_path: Path
) -> None:
    """An artefact on a CUDA device has one: what libraries ask of such a device forbids forking."""
    import json

    import pyarrow as pa
    from fairweigh.compression import fresh

    rows = batch(numbers(60), table_model)
    found = made(table_model, ("bf16", {}))
    forked = processes.collect(processes.start(found.folder, rows, *how_to_load(found.model)))
    with pa.ipc.new_file(str(tmp_path / "rows.arrow"), rows.schema) as writer:
        writer.write_batch(rows)
    device, factories = how_to_load(found.model)
    job = {
        "number": 1, "artefact": str(found.folder), "folder": str(tmp_path), "device": device,
        "factories": list(factories), "trusted": [], "modules": [], "path": sys.path,
    }  # fmt: skip
    apart = fresh.Apart("torch")
    told = apart.ask(json.dumps(job) + "\n")
    assert "error" not in told
    assert told["peak_bytes"] > 50e6
    with np.load(tmp_path / "scored.npz") as alone:
        np.testing.assert_array_equal(alone["score"], forked["score"])
        np.testing.assert_array_equal(alone["decision"], forked["decision"])
    job["artefact"] = str(tmp_path / "nothing")
    assert "nothing" in apart.ask(json.dumps(job) + "\n")["error"]
    assert apart.ask("no job\n") == {"error": "it was ended by signal 0 or code 1"}
    ready = list(apart._ready)
    assert ready
    assert all(process.poll() is None for process in ready)
    apart.end()
    assert all(process.poll() is not None for process in ready)


def test_an_onnx_artefact_is_scored_there_too(
    shallow: NeuralModel, made: Callable[..., Made], processes: FreshProcesses
) -> None:
    rows = batch(texts(60), shallow)
    found = made(shallow, ("onnx-int8", {}))
    there = processes.collect(processes.start(found.folder, rows, "cpu"))
    np.testing.assert_array_equal(there["score"], found.model.score(rows, None).score)


def test_openvino_itself_is_no_part_of_a_model(
    table_model: NeuralModel, made: Callable[..., Made], processes: FreshProcesses
) -> None:
    """The library, tens of megabytes, is there before a model of 5 KB of weights is loaded."""
    rows = batch(numbers(20), table_model)
    found = made(table_model, ("openvino", {}))
    library = type(found.model.runtime.compiled).__module__
    bare, there = (
        processes.collect(processes.start(found.folder, rows, *how_to_load(found.model), modules=names))
        for names in ((), (library,))
    )
    np.testing.assert_array_equal(there["score"], found.model.score(rows, None).score)
    assert there["process_bytes"] < bare["process_bytes"] - 5e6


def test_a_process_grows_by_the_weights_it_loads(tmp_path: Path, processes: FreshProcesses) -> None:
    """A model of 64 MiB of weights, whose size is known from its shapes."""
    import dataclasses

    import torch
    from fairweigh.compression import artefact
    from fairweigh.models.heads.binary import head
    from fairweigh.models.inputs import TableInputs
    from fairweigh.models.neural import NeuralModel
    from fairweigh.models.sources import ExportedSource
    from fairweigh.models.torch_runtime import TorchRuntime

    wide = torch.nn.Sequential(
        torch.nn.Linear(4, 4096), torch.nn.Linear(4096, 4096), torch.nn.Linear(4096, 2)
    )
    free = ({0: torch.export.Dim.DYNAMIC},)
    path = tmp_path / "m.pt2"
    torch.export.save(torch.export.export(wide, (torch.zeros(3, 4),), dynamic_shapes=free), str(path))
    source = ExportedSource(path)
    runtime = TorchRuntime(source.skeleton(), "cpu", by_name=False)
    model = NeuralModel(TableInputs(["a", "b", "c", "d"]), runtime, head([], 2, None, []), source=source)
    artefact.save(dataclasses.replace(model), [], tmp_path / "a")
    there = processes.collect(processes.start(tmp_path / "a", batch(numbers(20), model), "cpu"))
    # The graph's own copy of the weights is read, and dropped.
    assert 64 * 2**20 <= there["process_bytes"] <= 2.5 * 64 * 2**20
    np.testing.assert_array_equal(there["score"], model.score(batch(numbers(20), model), None).score)


def test_what_goes_wrong_there_is_told_here_and_the_next_one_goes_on(
    bert: NeuralModel, made: Callable[..., Made], processes: FreshProcesses, tmp_path: Path
) -> None:
    rows = batch(texts(20), bert)
    with pytest.raises(InputError, match=r"in a fresh process: .*variant.json: cannot be read"):
        processes.collect(processes.start(tmp_path / "nowhere", rows, "cpu"))
    found = made(bert, ("bf16", {}))
    with pytest.raises(InputError, match=r"in a fresh process: .*text"):
        processes.collect(processes.start(found.folder, rows.rename_columns(["other"]), "cpu"))
    assert len(processes.collect(processes.start(found.folder, rows, "cpu"))["score"]) == 20


def test_a_child_that_is_ended_by_a_signal_is_told(
    table_model: NeuralModel,
    made: Callable[..., Made],
    processes: FreshProcesses,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A factory that ends its own process, as the kernel does when memory is out."""
    found = made(table_model, ("bf16", {}))
    (tmp_path / "ends_itself.py").write_text(
        "import os, signal\n\n\ndef make():\n    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    from ..tiny import edit_json

    edit_json(found.folder / "variant.json", source={"kind": "factory", "factory": "ends_itself:make"})
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    rows = batch(numbers(20), table_model)
    with (
        FreshProcesses("torch") as own,
        pytest.raises(InputError, match="it was ended by signal 9 or code 0"),
    ):
        own.collect(own.start(found.folder, rows, "cpu", ("ends_itself:make",)))


def test_a_factory_of_the_working_directory_is_found_there(
    here: Path, made: Callable[..., Made], tmp_path: Path
) -> None:
    from ..tiny import FEATURES, load, write_mlp

    name = write_mlp(here, "factory_of_here")
    model = load("torch", numbers(), factory=name, features=FEATURES)
    found = made(model, ("int8-dynamic", {}))
    with FreshProcesses("torch") as own:
        asked = own.start(found.folder, batch(numbers(20), model), *how_to_load(found.model))
        there = own.collect(asked)
    np.testing.assert_array_equal(there["score"], found.model.score(batch(numbers(20), model), None).score)
