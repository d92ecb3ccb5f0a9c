"""The weights of reweighing on Adult, beside those of AIF360."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from fairweigh.datasets import card as cards
from fairweigh.mitigation.recipes.reweighing import cell_weights

CELLS = {"privileged, favourable": 0.7931578640, "privileged, unfavourable": 1.0940092975,
         "unprivileged, favourable": 2.1821852220, "unprivileged, unfavourable": 0.8485285479}  # fmt: skip
"""Reweighing by sex on the 45,222 rows of Adult that AIF360 keeps."""


def check_weights() -> None:
    """Assert that AIF360 gives the cell weights that fairweigh gives, on Adult as AIF360 loads it."""
    from aif360.algorithms.preprocessing import Reweighing
    from aif360.datasets import StandardDataset

    rows = cards.load("adult", "all").drop_columns(["id", "split"])
    texts = ["workclass", "education", "marital-status", "occupation", "relationship", "native-country"]
    # As aif360.datasets.AdultDataset calls it; that class cannot read these files.
    theirs = StandardDataset(
        rows.to_pandas(), label_name="income", favorable_classes=[">50K"],
        protected_attribute_names=["race", "sex"], privileged_classes=[["White"], ["Male"]],
        categorical_features=texts, features_to_drop=["fnlwgt"],
    )  # fmt: skip
    fitted = Reweighing([{"sex": 0.0}], [{"sex": 1.0}]).fit(theirs)
    given = [fitted.w_p_fav, fitted.w_p_unfav, fitted.w_up_fav, fitted.w_up_unfav]
    whole = rows.drop_columns(["fnlwgt"]).drop_null()
    assert len(theirs.labels) == len(whole) == 45_222
    men = pa.compute.equal(whole["sex"], "Male").to_numpy()
    label = pa.compute.equal(whole["income"], ">50K").to_numpy()
    ours, _ = cell_weights(men.astype(np.intp), label)
    np.testing.assert_allclose(ours[[1, 1, 0, 0], [1, 0, 1, 0]], given, rtol=1e-12)
    np.testing.assert_allclose(given, list(CELLS.values()), atol=5e-11)
    print(f"Weights of reweighing by sex on the {len(whole):,} rows of Adult that AIF360 keeps, of both:\n")
    print("| cell | fairweigh | AIF360 |\n|---|--:|--:|")
    for name, (i, j), other in zip(CELLS, [(1, 1), (1, 0), (0, 1), (0, 0)], given, strict=True):
        print(f"| {name} | {ours[i, j]:.10f} | {other:.10f} |")
    print(flush=True)
