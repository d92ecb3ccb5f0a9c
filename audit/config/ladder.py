"""The variants as the configuration writes them: names, parameters, chains, sweeps, starts."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

Step = dict[str, dict[str, Any]]
"""One step: {recipe: parameters}."""
ORIGINAL = "original"
"""What the model is called that variants are made from."""
RESERVED = (ORIGINAL, "compressed", "mitigated", "selection")


def ladder(given: Any, *, on: bool = False) -> list[dict[str, Any]]:
    """Bring a list of recipes to one form, a name and a list of steps each, sweeps expanded.

    Parameters
    ----------
    on : bool
        Whether an entry may say which variants it starts from.

    Raises
    ------
    ValueError
        An entry is none of the forms that the configuration knows.
    """
    if not isinstance(given, list):
        raise ValueError(f"expected a list of recipes, got {type(given).__name__}")
    return [variant for i, entry in enumerate(given) for variant in _entry(entry, f"[{i}]", on)]


def check_names(names: Sequence[str]) -> None:
    """ValueError where two variants have one name, or a name cannot be that of a file or means a group."""
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"two variants are called {name!r}; give one another name: {{name: ..., ...}}")
        if name in RESERVED or not re.fullmatch(r"[\w.+=-]+", name):
            raise ValueError(
                f"{name!r} cannot name a variant: expected letters, digits and . _ - + =, and none of "
                + ", ".join(RESERVED)
            )


def _entry(entry: Any, where: str, on: bool) -> Iterator[dict[str, Any]]:
    """The variants of one entry, with what they start from."""
    start = "original"
    if isinstance(entry, Mapping) and {"name", "steps"} <= set(entry) <= {"name", "steps", "on"}:
        # The form in which a configuration is written into a run.
        yield {"on": start, **entry}
        return
    if on and isinstance(entry, Mapping) and "on" in entry:
        start = str(entry["on"])
        entry = {k: v for k, v in entry.items() if k != "on"}
        entry = entry["recipe"] if set(entry) == {"recipe"} else entry
    for variant in _variants(entry, where):
        yield {**variant, "on": start}


def _variants(entry: Any, where: str) -> Iterator[dict[str, Any]]:
    name = None
    if isinstance(entry, Mapping) and "recipe" in entry:
        if set(entry) != {"name", "recipe"}:
            raise ValueError(f"{where}: expected the keys name and recipe, got {', '.join(map(str, entry))}")
        name, entry = str(entry["name"]), entry["recipe"]
    parts = entry if isinstance(entry, list) else [entry]
    if not parts:
        raise ValueError(f"{where}: expected at least one recipe in the chain, got none")
    choices = [list(_choices(part, where)) for part in parts]
    for steps in itertools.product(*choices):
        told = "+".join(text for _, text in steps)
        if name is not None and len(list(itertools.product(*choices))) > 1:
            told = name + "".join(
                f"-{text}" for (_, text), c in zip(steps, choices, strict=True) if len(c) > 1
            )
        elif name is not None:
            told = name
        yield {"name": told, "steps": [step for step, _ in steps]}


def _choices(part: Any, where: str) -> Iterator[tuple[Step, str]]:
    """Each way of one step, and what it is called."""
    if isinstance(part, str):
        yield {part: {}}, part
        return
    if not isinstance(part, Mapping) or len(part) != 1:
        raise ValueError(f"{where}: expected a recipe's name or {{name: {{param: value}}}}, got {part!r}")
    recipe, params = next(iter(part.items()))
    swept = recipe == "sweep"
    if swept:
        if not isinstance(params, Mapping) or len(params) != 1:
            raise ValueError(f"{where}.sweep: expected one recipe with lists of values, got {params!r}")
        recipe, params = next(iter(params.items()))
    params = {} if params is None else params
    if not isinstance(params, Mapping):
        raise ValueError(f"{where}.{recipe}: expected parameters as {{param: value}}, got {params!r}")
    if not swept:
        yield {recipe: dict(params)}, _called(recipe, params)
        return
    grid = {key: value if isinstance(value, list) else [value] for key, value in params.items()}
    if not all(grid.values()):
        raise ValueError(f"{where}.sweep.{recipe}: a list of values is empty")
    for values in itertools.product(*grid.values()):
        chosen = dict(zip(grid, values, strict=True))
        yield {recipe: chosen}, _called(recipe, chosen)


def _called(recipe: str, params: Mapping[str, Any]) -> str:
    """A readable name: the recipe with its plain parameters, such as ``prune-magnitude-0.5``."""
    words = [
        key if value is True else str(value)
        for key, value in params.items()
        if value is not False and not isinstance(value, (dict, list))
    ]
    return "-".join([str(recipe), *(re.sub(r"[^\w.]+", "_", word).strip("_") for word in words)])
