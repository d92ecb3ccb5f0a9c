"""What a configuration says of entities: names that are filled into templates, attributes of single ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import Field, field_validator

from .section import Section, Word


def listed(given: Any) -> Any:
    """Values by column, one of which may stand without its list."""
    if not isinstance(given, Mapping):
        return given
    return {key: value if isinstance(value, list) else [value] for key, value in given.items()}


class Filled(Section):
    """Names filled into templates, whose sentences differ in the name alone; each name is a cluster."""

    names: str = Field(description="A table of names.")
    name: str = Field("name", description="Its column of the names.")
    by: list[str] = Field(min_length=1, description="Its columns that the sentences are sliced by.")
    templates: list[str] | str = Field(
        description="Sentences with {name} in the place of the name, or a text file with a line for each.",
        min_length=1,
    )
    type: str = Field("PER", description="Type of the entity that a name is.", min_length=1)
    where: dict[str, list[Word]] = Field(
        default_factory=dict, description="Names that are taken: by column, the values that they have."
    )

    @field_validator("by", mode="before", json_schema_input_type=list[str] | str)
    @classmethod
    def _one_by(cls, given: Any) -> Any:
        return [given] if isinstance(given, str) else given

    @field_validator("where", mode="before", json_schema_input_type=dict[str, list[Word] | Word])
    @classmethod
    def _one_value(cls, given: Any) -> Any:
        return listed(given)


def or_names(schema: dict[str, Any]) -> None:
    """Say in the JSON Schema that names may stand in the place of twins."""
    schema["anyOf"].append(Filled.model_json_schema())


def with_attributes(given: Any) -> Any:
    """Attributes of entities are sensitive features; entities of a row depend on each other."""
    named = given.get("entity_attributes") if isinstance(given, Mapping) else None
    if not isinstance(named, Mapping) or not named:
        return given
    sensitive = given.get("sensitive") or []
    if not isinstance(sensitive, list):
        return given
    made = {**given, "sensitive": [*sensitive, *(name for name in named if name not in sensitive)]}
    entities = given.get("tags") or given.get("spans")
    if entities and given.get("id") and not given.get("document") and not given.get("cluster"):
        made["document"] = given["id"]
    return made


def with_names(given: Any) -> Any:
    """Names that are filled into templates are the rows: their columns have the roles."""
    swapped = given.get("counterfactual") if isinstance(given, Mapping) else None
    if not isinstance(swapped, Mapping) or "names" not in swapped:
        return given
    rest = {key: value for key, value in given.items() if key not in ("counterfactual", "path")}
    if given.get("path") is not None or given.get("name") is not None:
        raise ValueError("counterfactual.names: the sentences are made of names; leave path and name out")
    by = swapped.get("by")
    roles = {
        "path": swapped["names"], "id": "id", "tokens": "tokens", "tags": "tags", "document": "name",
        "sensitive": [by] if isinstance(by, str) else by,
    }  # fmt: skip
    return {**roles, **rest, "filled": swapped}
