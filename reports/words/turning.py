"""Items that a change turns: what they become, and what they no longer are, by task."""

from __future__ import annotations

from ...audit.result import Turned
from .formats import count
from .language import Sentence, say_n

Turns = tuple[Sentence, Sentence]
"""How many items turn into something, and how many out of it."""


def stereotyped(turned: Turned) -> Turns:
    """Of answers and pairs: what a stereotype says."""
    into = say_n(
        "{n} item turns into the stereotype", "{n} items turn into the stereotype",
        turned.into, n=count(turned.into),
    )  # fmt: skip
    out = say_n("{n} item turns out of it", "{n} items turn out of it", turned.out_of, n=count(turned.out_of))
    return into, out


def judged_positive(turned: Turned) -> Turns:
    """Of sampled answers: what the judge calls positive."""
    into = say_n(
        "{n} answer is judged positive that was not", "{n} answers are judged positive that were not",
        turned.into, n=count(turned.into),
    )  # fmt: skip
    out = say_n(
        "{n} answer no longer is", "{n} answers no longer are", turned.out_of, n=count(turned.out_of)
    )  # fmt: skip
    return into, out
