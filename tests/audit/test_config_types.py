"""A number in a configuration is neither ``true``, which Python takes for 1, nor a text that reads so."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from fairweigh.audit.config import Section, as_yaml, override, read
from fairweigh.audit.regimes import base, registry
from fairweigh.compression import registry as recipes
from fairweigh.datasets.errors import InputError
from pydantic import BaseModel, ValidationError

NUMBERS = {"number", "integer"}


def kinds(base: type[BaseModel]) -> Iterator[type[BaseModel]]:
    for kind in base.__subclasses__():
        yield kind
        yield from kinds(kind)


def with_in_place_of_a_number(given: Any, schema: dict[str, Any], definitions: dict[str, Any]) -> Any:
    """A value of a schema whose numbers are all `given`; None where no number alone belongs."""
    if "$ref" in schema:
        return None  # A section of its own, which is tried by itself.
    if "anyOf" in schema:
        branches = schema["anyOf"]
        if {"string", "boolean"} & {branch.get("type") for branch in branches}:
            return None
        found = (with_in_place_of_a_number(given, branch, definitions) for branch in branches)
        return next((value for value in found if value is not None), None)
    if schema.get("type") in NUMBERS:
        return given
    below = schema.get("items" if schema.get("type") == "array" else "additionalProperties")
    inner = with_in_place_of_a_number(given, below, definitions) if isinstance(below, dict) else None
    if inner is None:
        return None
    return [inner] if schema["type"] == "array" else {"k": inner}


def numeric() -> Iterator[tuple[type[BaseModel], str, dict[str, Any]]]:
    importlib.import_module("fairweigh.audit.recipes")
    for name in registry.names():
        registry.find(name)
    importlib.import_module("fairweigh.audit.verdict.policy")
    for kind in (*kinds(Section), *kinds(recipes.Params), *kinds(base.Inputs)):
        schema = kind.model_json_schema(by_alias=True)
        for key, value in schema.get("properties", {}).items():
            if with_in_place_of_a_number(1, value, {}) is not None:
                yield kind, key, value


FIELDS = list(numeric())


def test_every_kind_of_section_has_its_numbers_tried() -> None:
    assert len(FIELDS) > 50
    known = {
        "threshold",
        "last_rank",
        "seed",
        "min_size",
        "bins",
        "weights",
        "shape",
        "amount",
        "exclude_below",
    }
    assert known <= {key for _, key, _ in FIELDS}


@pytest.mark.parametrize("given", [True, "1", "0.5"])
@pytest.mark.parametrize(
    ("kind", "key", "schema"), FIELDS, ids=[f"{kind.__name__}.{key}" for kind, key, _ in FIELDS]
)
def test_no_number_is_read_from_a_boolean_or_a_text(
    kind: Any, key: Any, schema: dict[str, Any], given: bool | str
) -> None:
    with pytest.raises(ValidationError) as caught:
        kind.model_validate({key: with_in_place_of_a_number(given, schema, {})})
    told = [error["type"] for error in caught.value.errors() if error["loc"][0] == key]
    assert told
    assert set(told) <= {"int_type", "float_type", "literal_error"}


@pytest.mark.parametrize(
    ("parts", "told"),
    [
        ({"model": {"score": "score", "threshold": True}}, ("model.threshold", "number", "True")),
        ({"model": {"score": "score", "threshold": "0.5"}}, ("model.threshold", "number", "'0.5'")),
        ({"seed": True}, ("seed", "integer", "True")),
        ({"slices": {"min_size": True}}, ("slices.min_size", "integer", "True")),
        ({"report": {"charts": "no"}}, ("report.charts", "boolean", "'no'")),
    ],
)
def test_what_came_is_told_in_one_line(
    make_config: Callable[..., dict[str, Any]], parts: dict[str, Any], told: tuple[str, str, str]
) -> None:
    with pytest.raises(InputError) as caught:
        read(make_config(**parts))
    key, kind, came = told
    assert str(caught.value) == f"{key}: input should be a valid {kind}, got {came}"


def test_an_option_gives_a_number_that_yaml_reads_as_one() -> None:
    content: dict[str, Any] = {}
    for setting in ("model.threshold=0.5", "model.lr=1e-5", "seed=3", "report.charts=false"):
        override(content, setting, "--set")
    assert content == {"model": {"threshold": 0.5, "lr": 1e-5}, "seed": 3, "report": {"charts": False}}


def test_numbers_and_sequences_from_python_are_as_those_of_a_file(
    make_config: Callable[..., dict[str, Any]],
) -> None:
    given = make_config(
        data={"sensitive": ("sex", "race"), "bins": {"x": np.array([0, 1])}}, seed=np.int64(3),
        slices={"reference": {"race": np.int64(3), "sex": np.bool_(True)}},
    )  # fmt: skip
    plain = make_config(
        data={"sensitive": ["sex", "race"], "bins": {"x": [0, 1]}}, seed=3,
        slices={"reference": {"race": 3, "sex": True}},
    )  # fmt: skip
    assert as_yaml(given) == plain
    assert read(given) == read(plain)
    # A whole number of numpy was read as 3.0, which is no slice's name.
    assert read(given).slices.reference == {"race": 3, "sex": True}
    assert type(read(given).slices.reference["race"]) is int
