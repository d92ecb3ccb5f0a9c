"""Prompts that a language model goes on from, once or several times each."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pyarrow as pa

from ..answers import OUTCOMES, REFUSED, Refusals, outcomes
from ..base import Scored
from .asked import AskedModel, checked_form, column_texts
from .engine import Sampling


@dataclass
class Writer(AskedModel):
    """A language model that writes; what became of each text is told, and what it says is for a judge.

    Parameters
    ----------
    prompts : str
        Column of the prompts.
    named : sequence of str
        Columns that tell texts to one prompt apart, such as the sample's number: each has a seed of its own,
        which is the same for every model and whatever stands in the same batch.
    form : str
        What a prompt is put into, as ``{prompt}``.
    sampling : Sampling
    refusals : Refusals
    """

    prompts: str = "prompt"
    named: Sequence[str] = ()
    form: str = ""
    sampling: Sampling = field(default_factory=Sampling)
    refusals: Refusals = field(default_factory=Refusals)

    task = "generation"
    classes = OUTCOMES

    def __post_init__(self) -> None:
        self.form = checked_form(self.form or "{prompt}", ("prompt",))
        self.columns = list(dict.fromkeys([self.prompts, *self.named]))
        own = {} if self.form == "{prompt}" else {"prompt": self.form}
        how = self.sampling
        self.about = {
            "score": "generate", **own, "max_new_tokens": how.max_new_tokens,
            "temperature": how.temperature, "top_p": how.top_p,
        }  # fmt: skip

    def asked(self, batch: pa.RecordBatch) -> Scored:
        """Go on from the prompt of each row."""
        texts = [self.form.format(prompt=text) for text in column_texts(batch, self.prompts)]
        names = zip(*(column_texts(batch, name) for name in self.columns), strict=True)
        seeds = [self._seed(name) for name in names]
        written = self.engine.write([self.prompt(text) for text in texts], self.sampling, seeds)
        words = [one.text for one in written]
        found = outcomes(words, self.refusals)
        # What a server withholds, or declines apart from any text, is a refusal.
        found[[bool(one.withheld) for one in written]] = REFUSED
        return Scored(found, None, text=np.array(words, np.str_))

    def _seed(self, name: tuple[str, ...]) -> int:
        """A seed of the row's own: what a text is does not hang on the rows beside it."""
        spoken = "\x1f".join((str(self.seed), *name))
        return int.from_bytes(hashlib.sha256(spoken.encode()).digest()[:7], "big")

    def drawn_again(self) -> Writer:
        """The same model with other draws; itself where nothing is drawn."""
        return self if not self.sampling.temperature else replace(self, seed=self.seed + 1)
