"""Similarities and factors in 8 and 4 bits: what is rounded, what is stored, and what ranks by it."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any

import fairweigh
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import scipy.sparse
from fairweigh.compression.rounded import Rounded, fitted_arrays, read, still
from fairweigh.datasets.errors import InputError
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeRegressor

EXAMPLE = Path(__file__).parents[2] / "examples" / "recommend"
PEOPLE, FILMS = 150, 120
DATA = {"query": "user", "item": "film", "relevance": "liked", "last_rank": 10, "sensitive": ["sex"]}


def pairs(seed: int = 0) -> pd.DataFrame:
    """Every person and film: whether it was seen, or will be liked; tastes are of rank 4."""
    draw = np.random.default_rng(seed)
    sex = draw.choice(["F", "M"], PEOPLE)
    taste = draw.normal(size=(PEOPLE, 4)) + 0.5 * (sex == "F")[:, None]
    wish = taste @ draw.normal(size=(4, FILMS)) + draw.normal(0, 1, (PEOPLE, FILMS))
    good = wish > np.quantile(wish, 0.8)
    seen = good & (draw.random(wish.shape) < 0.5)
    user, film = np.indices(wish.shape).reshape(2, -1)
    return pd.DataFrame({
        "user": user, "film": film, "who": user, "what": film, "seen": seen.ravel().astype(int),
        "liked": (good & ~seen).ravel().astype(int), "sex": sex[user],
    })  # fmt: skip


MODELS: dict[str, tuple[str, dict[str, Any]]] = {
    "similarities": ("Neighbours", {}), "sparse similarities": ("Neighbours", {"sparse": True}),
    "factors": ("Factors", {}),
}  # fmt: skip


@pytest.fixture(autouse=True)
def example(monkeypatch: pytest.MonkeyPatch) -> None:
    """Artefacts are loaded in processes of their own, which import the recommenders by their name."""
    monkeypatch.syspath_prepend(str(EXAMPLE))


def fitted(kind: str) -> Any:
    name, params = MODELS[kind]
    rows = pairs()
    model = getattr(importlib.import_module("recommenders"), name)(**params)
    return model.fit(rows[["who", "what"]], rows.seen)


def audited(folder: Path, model: Any, *recipes: Any, spec: Any = None) -> Any:
    content: dict[str, Any] = {
        "audit": "films", "data": {"path": "in memory", **DATA}, "task": "ranking",
        "model": {"features": ["who", "what"]}, "compressions": list(recipes), "report": {"charts": False},
        "metrics": ["ndcg"],
    }  # fmt: skip
    given = {} if model is None else {"model": model}
    content["model"] |= spec or {}
    if spec and "kind" in spec:
        content["model"] = spec
    return fairweigh.run(
        content, folder / "run", **given, data=pairs().query("seen == 0").drop(columns="seen")
    )


@pytest.mark.parametrize("kind", MODELS)
def test_a_recommender_is_rounded_stored_smaller_and_ranks_by_what_is_stored(
    kind: str, tmp_path: Path
) -> None:
    model = fitted(kind)
    result = audited(
        tmp_path, model, {"name": "eight", "recipe": "round-arrays"},
        {"name": "four", "recipe": {"round-arrays": {"bits": 4}}},
    )  # fmt: skip
    sizes = [variant.cost.storage for variant in result.variants]
    assert sizes[0] == 1
    assert sizes[2] < sizes[1] < {"similarities": 0.35, "sparse similarities": 0.9, "factors": 0.9}[kind]
    frames = [
        pq.read_table(tmp_path / "run" / "predictions" / f"{name}.parquet").to_pandas()
        for name in ("original", "eight", "four")
    ]
    rows = pairs().query("seen == 0")[["who", "what"]]
    for variant, bits in zip(result.variants[1:], (8, 4), strict=True):
        arrays = {name: Rounded.of(one, bits, "row") for name, one in fitted_arrays(model).items()}
        assert variant.recipe.steps[0].changed == "; ".join(
            f"{one.size:,} numbers of {name} to {bits} bits, on {len(one.step)} grids"
            for name, one in arrays.items()
        )
        assert "equal to the last bit" in variant.recipe.reload
        # Rounded by hand and held in arrays of floats, the model ranks as the artefact does.
        by_hand = fitted(kind)
        for name, one in arrays.items():
            setattr(by_hand, name, one.array)
        frame = frames[[8, 4].index(bits) + 1]
        score = pd.Series(by_hand.predict(rows))
        ranks = (-score).groupby(rows["who"].to_numpy()).rank(method="first").to_numpy()
        np.testing.assert_array_equal(frame["rank"], ranks)
    moved = [(frame["rank"] != frames[0]["rank"]).mean() for frame in frames[1:]]
    assert 0 < moved[0] < moved[1]


def test_a_rounded_artefact_is_audited_again_and_loaded_with_what_it_trusts(tmp_path: Path) -> None:
    result = audited(tmp_path, fitted("factors"), {"round-arrays": {"bits": 4}})
    place = tmp_path / "run" / "artefacts" / "round-arrays-4"
    told = json.loads((place / "variant.json").read_text())
    assert told["runtime"] == {"kind": "rounded"}
    again = audited(
        tmp_path / "again", None, spec={"kind": "variant", "path": str(place), "trusted": told["types"]}
    )
    assert again.variants[0].overall["ndcg"].value == result.variants[1].overall["ndcg"].value
    with pytest.raises(InputError, match=r"recommenders\.Factors"):
        audited(tmp_path / "not", None, spec={"kind": "variant", "path": str(place)})


def test_coefficients_behind_an_encoder_are_rounded_and_what_a_later_step_changes_is_not_told(
    tmp_path: Path,
) -> None:
    draw = np.random.default_rng(0)
    frame = pd.DataFrame(draw.normal(size=(300, 40)), columns=[f"x{i}" for i in range(40)])
    frame["y"] = frame @ np.arange(40) + draw.normal(0, 0.1, 300)
    frame["group"] = draw.choice(["a", "b"], 300)
    model = make_pipeline(StandardScaler(), Ridge()).fit(frame.iloc[:, :40], frame.y)
    content = {
        "audit": "numbers", "task": "regression", "report": {"charts": False},
        "data": {"path": "in memory", "label": "y", "sensitive": ["group"]},
        "compressions": [
            {"name": "four", "recipe": {"round-arrays": {"bits": 4}}},
            {"name": "chain", "recipe": [{"round-arrays": {"bits": 4}}, {"prune": {"amount": 0.9}}]},
        ],
    }  # fmt: skip
    result = fairweigh.run(content, tmp_path / "run", model=model, data=frame)
    steps = [variant.recipe.steps[0].changed for variant in result.variants[1:]]
    assert steps == ["40 numbers of coef_ to 4 bits, on 1 grid"] * 2
    kinds = [
        json.loads((tmp_path / "run" / "artefacts" / name / "variant.json").read_text())["runtime"]["kind"]
        for name in ("four", "chain")
    ]
    assert kinds == ["rounded", "sklearn"]


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"arrays": ["seen_"]}, "round-arrays.arrays: expected some of 'similar_', got 'seen_'"),
        ({"bits": 5}, "bits"),
        ({"arrays": []}, "expected one or more different names"),
    ],
)
def test_what_cannot_be_asked_for_is_one_line(params: dict[str, Any], said: str, tmp_path: Path) -> None:
    try:
        result = audited(tmp_path, fitted("similarities"), {"round-arrays": params})
    except InputError as error:
        told = str(error)
    else:
        told = str(result.failed[0].why)
    assert said in told
    assert "\n" not in told


def test_a_model_without_arrays_and_numbers_that_are_none_are_refused() -> None:
    assert not fitted_arrays(DecisionTreeRegressor().fit([[0.0], [1.0]], [0.0, 1.0]))
    with pytest.raises(ValueError, match="not finite"):
        Rounded.of(np.array([[1.0, np.nan]]), 8, "row")
    with pytest.raises(ValueError, match="too large"):
        Rounded.of(np.array([[1e300, -1e300]]), 8, "row")


def test_a_ranker_is_not_given_the_ids_of_its_lists(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="column 'user' names what is ranked, or for whom") as told:
        audited(tmp_path, fitted("factors"), spec={"features": ["user", "film"]})
    assert "\n" not in str(told.value)


# ---- the arrays themselves -----------------------------------------------------------------------------

NUMBERS = arrays(
    st.sampled_from([np.float32, np.float64]), st.tuples(st.integers(1, 7), st.integers(1, 9)),
    elements=st.floats(-1e6, 1e6, width=32),
)  # fmt: skip


@given(NUMBERS, st.sampled_from([4, 8]), st.sampled_from(["row", "array"]))
def test_numbers_move_by_half_a_step_at_most_and_zeros_do_not(values: Any, bits: Any, grid: Any) -> None:
    found = Rounded.of(values, bits, grid)
    step = np.broadcast_to(found.step, (len(values),))[:, None]
    # The place of 0 is rounded too, by up to half a step more.
    assert (np.abs(found.array - values) <= step * 1.001).all()
    assert (found.array[values == 0] == 0).all()
    assert found.array.dtype == values.dtype
    assert len(found.codes) == -(-values.size * bits // 8)


@given(NUMBERS, st.sampled_from([4, 8]), st.sampled_from(["row", "array"]), st.sampled_from(["csr", "csc"]))
def test_sparse_numbers_are_those_of_the_dense_array_and_both_are_read_again(
    values: Any, bits: Any, grid: Any, kind: str
) -> None:
    values[values < np.median(values)] = 0
    dense = Rounded.of(values if kind == "csr" else values.T.copy(), bits, grid)
    sparse = Rounded.of(getattr(scipy.sparse, f"{kind}_matrix")(values), bits, grid)
    np.testing.assert_array_equal(sparse.array.toarray(), dense.array if kind == "csr" else dense.array.T)
    for one in (dense, sparse):
        again = read(one.spec())
        assert not (again.array != one.array).sum()


def test_one_grid_is_what_others_round_similarities_to() -> None:
    similar = np.random.default_rng(0).random((20, 30))
    step = similar.max() / 15
    np.testing.assert_allclose(
        Rounded.of(similar, 4, "array").array, np.rint(similar / step) * step, rtol=1e-6
    )


@pytest.mark.parametrize(
    "change",
    [
        {"bits": 3}, {"shape": [3, 5]}, {"shape": [2**40, 2**40]}, {"dtype": "object"},
        {"codes": np.zeros(1)},
        {"step": np.array([np.inf], np.float32)}, {"zero": np.zeros(9, np.uint8)}, {"codes": "abc"},
        {"more": 1},
    ],
)  # fmt: skip
def test_an_array_that_does_not_hold_together_is_not_read(change: dict[str, Any]) -> None:
    told = Rounded.of(np.arange(12.0).reshape(3, 4), 8, "array").spec()
    with pytest.raises(ValueError, match="expected"):
        read(told | change)


@pytest.mark.parametrize("change", [{"bits": 4}, {"shape": [2, 3]}, {"step": np.ones(2, np.float32)}, {}])
def test_sparse_codes_that_do_not_hold_together_are_not_read(change: dict[str, Any]) -> None:
    matrix = scipy.sparse.csr_matrix(np.array([[0, 255.0], [510.0, 0], [0, 0]]))
    told = Rounded.of(matrix, 8, "row").spec()
    assert not (read(told).array != matrix).nnz
    if not change:
        told["codes"].indices[0] = 7
    with pytest.raises(ValueError, match=r"expected|indices must be"):
        read(told | change)


def test_only_what_is_still_held_is_told() -> None:
    model = LogisticRegression().fit([[0.0, 1], [1, 0], [2, 5]], [0, 1, 1])
    found = Rounded.of(model.coef_, 4, "row")
    model.coef_ = found.array
    assert still(model, {"coef_": found}) == {"coef_": found}
    model.coef_ = model.coef_ + 1
    assert still(model, {"coef_": found}) == {}
