"""Each architecture with the recipes that its kind makes hard; every recipe on each of them is `make zoo`."""

from __future__ import annotations

import re

import pytest

from .attempt import attempt, recipes
from .zoo import ZOO, needs

HARD = [(name, recipe) for name, kind in ZOO.items() for recipe in kind.hard]
RAW = re.compile(r"\w*(Error|Exception)\b|<class |object at 0x|Traceback|^\w+: skl2onnx cannot convert")
"""What a program says to its author and not to its user: names of exceptions, classes as Python has them."""


@pytest.mark.parametrize(("name", "recipe"), HARD)
def test_a_recipe_does_what_it_says_or_is_refused_in_a_line_of_words(name: str, recipe: str) -> None:
    if lacking := needs(ZOO[name]):
        pytest.skip(f"{lacking} is not installed")
    assert recipe in recipes(ZOO[name])
    found = attempt(name, recipe)
    assert (found.broke, found.faults) == ("", ())
    assert "\n" not in found.why
    assert not RAW.search(found.why), found.why


def test_every_architecture_has_recipes_that_are_hard() -> None:
    """Those in ONNX are audited as they are: no recipe changes them."""
    assert {kind.name for kind in ZOO.values() if not kind.hard} == {k for k in ZOO if k.endswith(", ONNX")}
