"""Whether a step of a chain is a recipe that there is, for this model, with parameters that it takes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from ...datasets.errors import told_of
from ...plain import shown
from ..unknown import unknown

if TYPE_CHECKING:
    from ...compression.registry import Recipe
    from ...models.base import Family


def finds(name: str, family: Family) -> Recipe:
    """The recipe of a name."""
    from ..recipes import find

    return find(name, family)


def check_step(
    place: str, name: str, params: Mapping[str, Any], family: Family, about: tuple[str, bool, bool]
) -> None:
    """ValueError for a recipe that does not exist for this model, or parameters that it does not take.

    ``about`` is the task, whether some of its classes are favourable, and whether it is a language model.
    """
    from ..recipes import for_task

    try:
        found = finds(name, family)
        for_task(found, about[0], language=about[2])
    except ValueError as error:
        raise ValueError(f"{place}: {error}") from None
    try:
        given = found.params.model_validate(params)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        key = ".".join(map(str, first["loc"]))
        if first["type"] == "extra_forbidden":
            known = list(found.params.model_fields)
            told = (
                unknown(key, known, "parameter") if known else f"the recipe takes no parameters, got {key!r}"
            )
        elif first["type"] == "missing":
            told = f"the parameter {key!r} is required"
        elif first["type"] == "value_error":
            told = first["msg"].removeprefix("Value error, ")
        else:
            told = f"{told_of(first['type'], first['msg'])}, got {shown(first['input'])}"
        named = f".{key}" if key and first["type"] not in ("extra_forbidden", "missing") else ""
        raise ValueError(f"{place}.{name}{named}: {told}") from None
    try:
        given.suits(*about[:2])
    except ValueError as error:
        raise ValueError(f"{place}.{name}.{error}") from None
