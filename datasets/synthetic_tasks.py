"""Synthetic predictions of three tasks with planted bias, whose true size is known in closed form.

- `opinions`: one of three classes. Of opinion ``k`` in dialect ``g``, ``z ~ Normal(MU[k] + bias * TONE[g],
  1)``; the model gives the posterior of classes as if nobody were shifted, and the likeliest class decides.
- `findings`: two labels of a picture. Of label ``l`` in sex ``g``, ``z ~ Normal(m[y], 1)`` with ``m[0] = -1``
  and ``m[1] = 1 + bias * FAINTER[l][g]``; the model gives the posterior as if nobody were shifted.
- `lists`: every query has one relevant item among `ITEMS`. It is first with probability ``FIRST - bias *
  (LATER[sex] + LATER[studio])``, else at one of the other ranks, each as likely as any other.

No row describes a person.
"""

from __future__ import annotations

import itertools
from dataclasses import asdict, dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy.special import ndtr, softmax

from .errors import InputError

Floats = NDArray[np.float64]

MAX_BIAS = 2.0

OPINIONS = ("negative", "neutral", "positive")
SHARES = (0.3, 0.3, 0.4)
"""Shares of the opinions, in every dialect."""
MU = (-2.0, 0.0, 2.0)
"""Mean of the latent of each opinion."""
TONE = {"dialect A": 0.0, "dialect B": -0.6}
"""What `bias` = 1 adds to the latent: dialect B sounds more negative than it is meant."""
DIALECTS = {"dialect A": 0.65, "dialect B": 0.35}

LABELS = {"edema": 0.3, "fracture": 0.15}
"""Labels, with the share of rows that has each."""
FAINTER = {"edema": {"F": 0.0, "M": 0.0}, "fracture": {"F": -0.8, "M": 0.0}}
"""What `bias` = 1 adds to the latent mean of those who have the label."""

ITEMS = 20
FIRST = 0.7
LATER = {"F": 0.15, "M": 0.0, "small": 0.2, "large": 0.0}
STUDIOS = {"large": 0.75, "small": 0.25}
"""Shares of the studios, among relevant and other items alike."""


def opinions(n: int = 4_000, seed: int = 0, *, bias: float = 1.0) -> pa.Table:
    """Draw texts' opinions with what a model says of them.

    Parameters
    ----------
    n
        Number of rows, at least 1.
    seed
        Seed of the generator; the same n, seed and bias give the same table.
    bias
        Size of the planted difference, from 0 (none) to 2; see `opinions_truth` for what it comes to.

    Returns
    -------
    pyarrow.Table
        ``id``; the sensitive ``dialect``; the label ``opinion``; ``p_negative``, ``p_neutral`` and
        ``p_positive``, which sum to one; and ``coarse``, the likeliest class of a model that sees the latent
        in whole steps only.

    Raises
    ------
    InputError
        `n` or `bias` is out of range.
    """
    rng = _generator(n, seed, bias)
    dialect = rng.choice(list(DIALECTS), n, p=list(DIALECTS.values()))
    opinion = rng.choice(len(OPINIONS), n, p=SHARES)
    z = np.array(MU)[opinion] + bias * _each(TONE, dialect) + rng.standard_normal(n)
    p = _posterior(z)
    names = np.array(OPINIONS)
    return pa.table(
        {"id": np.arange(n), "dialect": dialect, "opinion": names[opinion]}
        | {f"p_{name}": p[:, place] for place, name in enumerate(OPINIONS)}
        | {"coarse": names[_posterior(np.rint(z)).argmax(axis=1)]}
    )


def opinions_truth(bias: float = 1.0) -> dict[str, Floats]:
    """Return what the model of `opinions` makes of each opinion, in closed form.

    The posterior of two neighbours is even at ``c = (MU[k] + MU[j]) / 2 - log(SHARES[j] / SHARES[k]) /
    (MU[j] - MU[k])``, so that class ``j`` is said between two such cuts.

    Returns
    -------
    dict
        By dialect: float array of shape (classes, classes), row k the chances of each class being said of
        opinion k.
    """
    mu, share = np.array(MU), np.array(SHARES)
    cuts = (mu[1:] + mu[:-1]) / 2 - np.log(share[1:] / share[:-1]) / np.diff(mu)
    ends = np.concatenate([[-np.inf], cuts, [np.inf]])
    return {
        name: np.diff(ndtr(ends[None, :] - (mu + _checked(bias) * tone)[:, None]), axis=1)
        for name, tone in TONE.items()
    }


def findings(n: int = 4_000, seed: int = 0, *, bias: float = 1.0) -> pa.Table:
    """Draw findings of pictures with what a model says of them.

    Parameters
    ----------
    n, seed, bias
        As for `opinions`; see `findings_truth` for what ``bias`` comes to.

    Returns
    -------
    pyarrow.Table
        ``id`` and ``patient`` (two rows each); the sensitive ``sex``; the labels ``edema`` and ``fracture``
        (1 or 0), a probability ``p_LABEL`` of each, and a coarser one, ``coarse_LABEL``, of a model that sees
        the latent in whole steps only.
    """
    rng = _generator(n, seed, bias)
    patient = np.arange(n) // 2
    sex = rng.choice(["F", "M"], n)[patient]
    table: dict[str, NDArray[np.generic]] = {"id": np.arange(n), "patient": patient, "sex": sex}
    for name, share in LABELS.items():
        has = rng.random(n) < share
        z = np.where(has, 1 + bias * _each(FAINTER[name], sex), -1.0) + rng.standard_normal(n)
        table[name] = has.astype(np.int64)
        for told, seen in (("p", z), ("coarse", np.rint(z))):
            table[f"{told}_{name}"] = share / (share + (1 - share) * np.exp(-2 * seen))
    return pa.table(table)


def findings_truth(bias: float = 1.0) -> dict[str, dict[str, float]]:
    """Return the true positive rate of each label in each sex, in closed form.

    The posterior is one half at ``c = log((1 - share) / share) / 2``, so that the rate is ``Phi(m[1] - c)``.

    Returns
    -------
    dict
        By label, by sex: the rate.
    """
    _checked(bias)
    return {
        name: {
            sex: float(ndtr(1 + bias * shift - np.log((1 - share) / share) / 2))
            for sex, shift in FAINTER[name].items()
        }
        for name, share in LABELS.items()
    }


def lists(queries: int = 800, seed: int = 0, *, bias: float = 1.0) -> pa.Table:
    """Draw ranked lists of films, one of which is relevant.

    Parameters
    ----------
    queries
        Number of lists, at least 1.
    seed, bias
        As for `opinions`; see `lists_truth` for what ``bias`` comes to.

    Returns
    -------
    pyarrow.Table
        A row for each user and film, in no order: ``user``, ``film``; the sensitive ``sex`` of the user and
        ``studio`` of the film; ``liked`` (1 or 0); ``score``, higher is earlier; and ``coarse``, the score in
        steps of two ranks, so that neighbours tie.
    """
    rng = _generator(queries, seed, bias)
    sex = rng.choice(["F", "M"], queries)
    studio = rng.choice(list(STUDIOS), (queries, ITEMS), p=list(STUDIOS.values()))
    first = rng.random(queries) < FIRST - bias * (_each(LATER, sex) + _each(LATER, studio[:, 0]))
    place = np.where(first, 1, rng.integers(2, ITEMS + 1, queries))
    rank = np.empty((queries, ITEMS), np.int64)
    for row, relevant in zip(rank, place, strict=True):
        row[0] = relevant
        row[1:] = rng.permutation(np.delete(np.arange(1, ITEMS + 1), relevant - 1))
    film = rng.permuted(np.tile(np.arange(ITEMS), (queries, 1)), axis=1)
    order = rng.permuted(np.tile(np.arange(ITEMS), (queries, 1)), axis=1)
    user = np.repeat(np.arange(queries), ITEMS)
    held = {"film": film, "studio": studio, "liked": np.eye(1, ITEMS, dtype=np.int64).repeat(queries, 0)}
    held |= {"score": ITEMS - rank, "coarse": (ITEMS - rank) // 2}
    return pa.table(
        {"user": user, "sex": sex[user]}
        | {name: np.take_along_axis(values, order, axis=1).ravel() for name, values in held.items()}
    )


@dataclass(frozen=True)
class ListFigures:
    """The true figures of ranked lists, under the names that an audit has for them."""

    ndcg: dict[str, float]
    exposure_per_relevance: dict[str, float]


def lists_truth(bias: float = 1.0, last_rank: int = 10) -> dict[str, dict[str, float]]:
    """Return mean NDCG by sex and exposure per relevant item by studio, in closed form.

    With ``e[r] = 1 / log2(1 + r)`` up to the last rank that counts, and q the chance of being first, the
    relevant item's expected exposure is ``q e[1] + (1 - q) mean(e[2:])``, which is its query's NDCG, since
    the best list has 1. What is left of the sum of e is shared by the other items, whatever their studio.

    Returns
    -------
    dict
        ``ndcg`` by sex, and ``exposure_per_relevance`` by studio.
    """
    _checked(bias)
    ranks = np.arange(1, ITEMS + 1)
    e = np.where(ranks <= last_rank, 1 / np.log2(1 + ranks), 0.0)

    def shown(sex: str, studio: str) -> float:
        q = FIRST - bias * (LATER[sex] + LATER[studio])
        return float(q * e[0] + (1 - q) * e[1:].mean())

    own = {(sex, studio): shown(sex, studio) for sex, studio in itertools.product("FM", STUDIOS)}
    ndcg = {sex: sum(w * own[sex, studio] for studio, w in STUDIOS.items()) for sex in "FM"}
    left = float(e.sum()) - sum(ndcg.values()) / 2
    return asdict(ListFigures(ndcg, {s: (own["F", s] + own["M", s]) / 2 + left for s in STUDIOS}))


def _generator(n: int, seed: int, bias: float) -> np.random.Generator:
    if n < 1:
        raise InputError(f"expected at least 1 row or query, got {n}")
    _checked(bias)
    return np.random.default_rng(seed)


def _checked(bias: float) -> float:
    if not 0 <= bias <= MAX_BIAS:
        raise InputError(f"bias must be in [0, {MAX_BIAS:g}], got {bias:g}")
    return bias


def _each(of: dict[str, float], names: NDArray[np.str_]) -> Floats:
    return np.array([of[name] for name in names.tolist()])


def _posterior(z: Floats) -> Floats:
    """Probability of each opinion given z, where nobody is shifted; shape (rows, classes)."""
    return np.asarray(softmax(np.log(SHARES) - (z[:, None] - np.array(MU)) ** 2 / 2, axis=1))
