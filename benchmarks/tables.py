"""Tables that the benchmarks share: random predictions with string slice columns."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

RACES = np.array(["White", "Black or African American", "Asian", "American Indian", "Other"], dtype=object)
REGIONS = np.array(["North", "East", "South", "West"], dtype=object)


def predictions(rows: int, seed: int = 0, *, score: bool = True) -> pa.Table:
    """Draw predictions with two string columns (5 x 4 values), label, decision and score."""
    draw = np.random.default_rng(seed)
    race = draw.choice(5, rows, p=[0.6, 0.2, 0.1, 0.02, 0.08])
    region = draw.integers(0, 4, rows)
    label = draw.random(rows) < 0.3
    values = np.clip(draw.beta(2, 4, rows) + 0.2 * label, 0, 1)
    columns = {
        "id": np.arange(rows),
        "race": pa.DictionaryArray.from_arrays(race.astype(np.int32), pa.array(RACES)).cast(pa.string()),
        "region": pa.DictionaryArray.from_arrays(region.astype(np.int32), pa.array(REGIONS)).cast(
            pa.string()
        ),
        "y": label.astype(np.int8),
        "approved": (values >= 0.45).astype(np.int8),
    }
    if score:
        columns["score"] = values
    return pa.table(columns)
