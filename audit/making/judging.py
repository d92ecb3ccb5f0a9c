"""What judges make of answers in an audit, and what predictions carry of the judges."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from ...models.judging import Reading
from ...tasks.judges import JUDGE, Audited, written
from ..result import JudgeInfo


@dataclass
class Judging:
    """The judges of an audit, and how they decided labelled answers.

    Attributes
    ----------
    reading : Reading
    told : list of JudgeInfo
    audited : list of Audited
        Of those that were audited; empty where the first was not.
    """

    reading: Reading
    told: list[JudgeInfo] = field(default_factory=list)
    audited: list[Audited] = field(default_factory=list)

    def beside(self, rows: int) -> dict[str, pa.Array]:
        """The column of predictions that says how the judges did; none where they were not audited."""
        if not self.audited:
            return {}
        text = pa.array([written(self.audited)], pa.string())
        return {JUDGE: pa.DictionaryArray.from_arrays(pa.array(np.zeros(rows, np.int32)), text)}
