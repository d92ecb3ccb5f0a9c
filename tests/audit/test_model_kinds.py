"""Each kind of model is a type of its own: in the JSON Schema, in what it takes, and in what it refuses."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from fairweigh.audit.config import json_schema, model_spec, read
from fairweigh.audit.config.keys import KEPT, LATER
from fairweigh.audit.config.language import LanguageSpec
from fairweigh.audit.config.model import SPECS
from fairweigh.audit.config.model_base import kind_of
from fairweigh.datasets.errors import InputError
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from pydantic import ValidationError

SCHEMA = json_schema()
TOLD: dict[str, Any] = {
    "sklearn": [{"path": "m.skops"}, {"estimator": "a.B", "train": {"path": "t.csv"}}],
    "predictions": [{"score": "s"}, {"decision": "d", "path": "p.csv"}, {"rank": "r"}, {"prediction": "p"}],
    "callable": [{"function": "a:b"}],
    "transformers": [{"path": "m", "text": "t"}, {"path": "m", "task": "image-classification", "image": "i"}],
    "torch": [
        {"path": "m.pt2"}, {"factory": "a:b"}, {"factory": "a:b", "path": "w.safetensors"},
        {"factory": "a:b", "image": "i", "shape": [3, 8, 8]},
        {"path": "m.pt2", "image": "i", "processor": "f"},
    ],
    "onnx": [
        {"path": "m.onnx"}, {"path": "m.onnx", "text": "t", "tokenizer": "f"},
        {"path": "m.onnx", "image": "i", "pixels": {"mean": [0.5], "divide_by": 1.0}},
    ],
    "openvino": [{"path": "m.xml"}],
    "litert": [{"path": "m.tflite"}],
    "endpoint": [{"endpoint": "https://h/v2/models/m", "protocol": "open-inference"}],
    "variant": [{"kind": "variant", "path": "runs/t/artefacts/int8"}],
}  # fmt: skip
EACH = [(kind, model) for kind, models in TOLD.items() for model in models]


def types_of(content: Mapping[Any, Any] | dict[Any, Any]) -> Any:
    """The types of the JSON Schema that a content is one of."""
    branches = next(b["oneOf"] for b in SCHEMA["properties"]["model"]["anyOf"] if "oneOf" in b)
    names = [branch["$ref"].removeprefix("#/$defs/") for branch in branches]
    parts = {name: {"$ref": f"#/$defs/{name}", "$defs": SCHEMA["$defs"]} for name in names}
    return [name for name in names if Draft202012Validator(parts[name]).is_valid(content)]


@pytest.mark.parametrize(("kind", "model"), EACH)
def test_a_model_is_of_one_type_of_the_json_schema(kind: Any, model: Mapping[Any, Any]) -> None:
    name = SPECS[kind].__name__
    assert types_of(model) == [name]
    assert types_of({**model, "kind": kind}) == [name]
    assert type(model_spec(model)).__name__ == name


@pytest.mark.parametrize("kind", TOLD)
def test_the_type_of_a_kind_has_its_keys_alone(kind: Any) -> None:
    described = SCHEMA["$defs"][SPECS[kind].__name__]
    assert described["additionalProperties"] is False
    for key in described["properties"]:
        assert key in KEPT
    foreign = {key for key in KEPT if key not in described["properties"]}
    assert {"text", "score", "estimator", "endpoint"} - set(described["properties"]) <= foreign
    model = TOLD[kind][0] | {"kind": kind}
    for key in foreign:
        assert types_of({**model, key: "x"}) == []


VALUES: dict[str, list[Any]] = {
    "kind": [*SPECS, None], "path": ["m.skops", "m.onnx", "m.pt2", "m.xml", "m.tflite", "p.csv"],
    "score": ["s"], "decision": ["d"], "function": ["a:b"], "endpoint": ["https://h/v2/models/m"],
    "protocol": ["open-inference"], "text": ["t"], "image": ["i"], "factory": ["a:b"], "tokenizer": ["f"],
    "estimator": ["a.B"], "train": [{"path": "t.csv"}], "features": [["x"]], "threshold": [0.5],
    "rank": ["r"], "device": ["cpu"], "task": ["image-classification"], "trusted": [["a.B"]],
}  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(model=st.fixed_dictionaries({}, optional={k: st.sampled_from(v) for k, v in VALUES.items()}))
def test_what_is_read_is_of_the_type_that_the_json_schema_gives_it(model: Mapping[Any, Any]) -> None:
    try:
        found = model_spec(model)
    except ValidationError:
        # What two keys must have in common is no part of a schema.
        assert types_of(model) in ([], [SPECS[kind_of(model)].__name__])
    else:
        assert types_of(model) == [type(found).__name__]
        assert found.resolved == kind_of(model)


@pytest.mark.parametrize(
    ("model", "told"),
    [
        (
            {"score": "s", "trusted": ["x"]},
            "model.trusted: a model of kind predictions has no trusted; it belongs to kind: sklearn or "
            "variant",
        ),
        (
            {"path": "m.skops", "device": "cpu", "dtype": "float16"},
            "model.device: a model of kind sklearn has no device, dtype; they belong to kind: transformers, "
            "torch, onnx, openvino, litert, causal-lm, seq2seq or masked-lm",
        ),
        (
            {"path": "m.pt2", "score": "s", "key_env": "K"},
            "model.score: a model of kind torch has no key_env, score; they belong to kind: endpoint",
        ),
        (
            {"path": "m.onnx", "positive": 1, "ouput": "label"},
            "model.ouput: 'ouput' is no known key; did you mean 'output'?",
        ),
        ({"scor": "s", "positive": 1}, "model.scor: 'scor' is no known key; did you mean 'score'?"),
        ({"kind": "onnx"}, "model.path: a model of kind onnx needs one: file of the graph"),
        ({"kind": "onnx", "path": None}, "model.path: a model of kind onnx needs one: file of the graph"),
        ({"kind": "tf"}, f"model.kind: expected one of {', '.join(SPECS)}; got 'tf'"),
        ({"kind": 3}, f"model.kind: expected one of {', '.join(SPECS)}; got 3"),
        ("m.skops", "model: expected keys with their values (key: value), got 'm.skops'"),
        ({"score": "s", "threshold": "0.5"}, "model.threshold: input should be a valid number, got '0.5'"),
        ({"kind": "endpoint", "endpoint": 3}, "model.endpoint: input should be a valid string, got 3"),
        (
            {"path": "m.onnx", "train": {"nme": "a"}},
            "model.train.nme: 'nme' is no known key; did you mean 'name'?",
        ),
    ],
)  # fmt: skip
def test_a_key_of_another_kind_is_told_from_one_that_nobody_knows(
    model: dict[str, Any] | str, told: Any, make_config: Callable[..., dict[str, Any]]
) -> None:
    with pytest.raises(InputError) as caught:
        read(make_config(model=model))
    assert str(caught.value) == told


def test_a_given_variant_is_told_what_its_kind_has_no_key_for(
    make_config: Callable[..., dict[str, Any]],
) -> None:
    with pytest.raises(InputError) as caught:
        read(make_config(variants=[{"name": "v", "path": "m.onnx", "trusted": ["x"]}]))
    told = "trusted: a model of kind onnx has no trusted; it belongs to kind: sklearn or variant"
    assert str(caught.value) == f"variants[0]: {told}"


@pytest.mark.parametrize(("kind", "model"), EACH)
def test_a_run_keeps_every_key_of_every_kind_in_one_order(
    kind: Any, model: Any, make_config: Callable[..., dict[str, Any]]
) -> None:
    kept = read(make_config(model=model, metrics=None)).model_dump(mode="json")["model"]
    assert list(kept) == [key for key in KEPT if key not in LATER or model.get(key)]
    assert {key for key, value in kept.items() if value != KEPT[key]} == set(model)
    again = model_spec(kept)
    assert (type(again), json.dumps(again.model_dump(mode="json"))) == (SPECS[kind], json.dumps(kept))


def test_what_an_earlier_state_kept_stays_as_it_stands() -> None:
    kept = model_spec({"score": "s"}).model_dump(mode="json") | {"dtype": "float32"}
    assert model_spec(kept).model_dump(mode="json") == kept


def test_the_keys_that_are_kept_are_those_of_all_kinds() -> None:
    assert {key for spec in SPECS.values() for key in spec.model_fields} == set(KEPT)
    for spec in SPECS.values():
        for key, field in spec.model_fields.items():
            # How a language model is asked is always written down, and so is the size of its batches.
            own = issubclass(spec, LanguageSpec) and key in ("score", "batch_tokens")
            default = field.get_default(call_default_factory=True)
            assert own or field.is_required() or default == KEPT[key]


MANY = {f"k{i}": f"p{i}" for i in range(101)}


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ({"model": {"probabilities": MANY}}, r"model\.probabilities: .*at most 100 classes or .*, got 101"),
        ({"model": {"decisions": MANY}}, r"model\.decisions: .*at most 100 classes or labels, got 101"),
        (
            {"model": {"score": "s"}, "variants": [{"name": "v", "probabilities": MANY}]},
            r"variants\[0\]\.probabilities: .*at most 100 classes or labels, got 101",
        ),
        (
            {"model": {"path": "m", "task": "image-classification", "image": "i", "text": "t"}},
            "model.*text: a model for image-classification does not read it",
        ),
        (
            {"model": {"path": "m", "image": "i", "text": "t"}},
            "model.*image: a model for text-classification does not read it",
        ),
    ],
)  # fmt: skip
def test_columns_by_the_hundred_and_of_other_models_are_one_line(parts: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        read({"audit": "x", "data": {"path": "d.csv", "label": "y", "sensitive": ["s"]}, **parts})


def test_one_number_is_one_for_every_channel() -> None:
    model = {"path": "m.pt2", "image": "i", "pixels": {"mean": 0.5, "std": 2}}
    assert types_of(model) == ["TorchSpec"]
    made: Any = model_spec(model)
    assert (made.pixels.mean, made.pixels.std) == ([0.5], [2.0])
