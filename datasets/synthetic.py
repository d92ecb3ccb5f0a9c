"""A lending table with planted bias: every rate of every slice is known in closed form.

The model behind it is binormal. Within slice ``s`` (sex x ethnicity) of share ``w[s]``:

    repaid  y ~ Bernoulli(base[s])
    latent  z | y ~ Normal(m[y, s], 1)     with m[y, s] = MU[y] + bias * shift[y, s]
    approved  =  z > CUTOFF

so that, with Phi the standard normal distribution function,

    TPR[s] = Phi(m[1, s] - CUTOFF)     FPR[s] = Phi(m[0, s] - CUTOFF)
    AUC[s] = Phi((m[1, s] - m[0, s]) / sqrt(2))

The shifts are the planted harm (a repaying applicant of a shifted slice looks worse than they are), the base
rates differ as well, and `bias` scales both: at 0 every slice has the same true rates, at 1 the gaps are
those of the tables below.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy.special import expit, logit, ndtr

from .errors import InputError

Floats = NDArray[np.float64]

MU = (-0.75, 0.75)
"""Mean of the latent score of those who default and of those who repay."""
CUTOFF = 0.0
BASE_RATE = 0.70
TRAIN_SHARE = 0.6
MAX_BIAS = 3.0
"""Beyond it the base rates of the table would leave (0, 1)."""

SHARE = {
    "sex": {"Female": 0.48, "Male": 0.52},
    "ethnicity": {"Group A": 0.62, "Group B": 0.235, "Group C": 0.13, "Group D": 0.015},
}
"""Shares of the groups; sex and ethnicity are independent. Group D is small on purpose."""
BASE_SHIFT = {
    "Female": -0.02,
    "Male": 0.0,
    "Group A": 0.0,
    "Group B": -0.08,
    "Group C": -0.04,
    "Group D": -0.10,
}
"""What `bias` = 1 adds to the base rate."""
SHIFT = {
    "Female": (-0.05, -0.20),
    "Male": (0.0, 0.0),
    "Group A": (0.0, 0.0),
    "Group B": (-0.10, -0.40),
    "Group C": (0.15, -0.10),
    "Group D": (0.0, -0.50),
}
"""What `bias` = 1 adds to the latent mean of those who default and of those who repay."""
_POSTCODE = {"Group A": -0.6, "Group B": 1.0, "Group C": 0.5, "Group D": 1.2}


def lending(n: int = 20_000, seed: int = 0, *, bias: float = 1.0) -> pa.Table:
    """Draw loan applications with a lender's decisions on them.

    Parameters
    ----------
    n
        Number of rows, at least 1.
    seed
        Seed of the generator; the same n, seed and bias give the same table.
    bias
        Size of the planted differences, from 0 (none) to 3; see `lending_truth` for what it comes to.

    Returns
    -------
    pyarrow.Table
        ``id`` and ``split`` (train 60 %, test 40 %); the sensitive ``sex``, ``ethnicity`` and ``age`` (18 to
        80, of no influence); the features ``income``, ``debt_ratio``, ``years_employed``, ``loan_amount``
        (noisy functions of the latent score) and ``postcode_risk`` (a proxy of ethnicity); the label
        ``repaid`` (1 or 0); and the lender's ``credit_score`` (600 + 50 z), ``score`` (probability of
        repayment) and ``approved`` (yes or no). ``score`` is the posterior under the population's average
        parameters: calibrated at ``bias=0``, miscalibrated in the biased slices otherwise.

    Raises
    ------
    InputError
        `n` or `bias` is out of range.
    """
    if n < 1:
        raise InputError(f"n must be at least 1, got {n}")
    share, base, mean = _parameters(bias)
    rng = np.random.default_rng(seed)
    drawn = rng.choice(len(share), size=n, p=share)
    repaid = rng.random(n) < base[drawn]
    z = mean[repaid.astype(int), drawn] + rng.standard_normal(n)
    sex, ethnicity = (np.array(names)[drawn] for names in zip(*_slices(), strict=True))
    age = np.clip(np.rint(rng.normal(42.0, 14.0, n)), 18, 80).astype(np.int64)
    income = np.exp(10.3 + 0.30 * z + rng.normal(0.0, 0.30, n))
    debt_ratio = expit(-0.6 - 0.45 * z + rng.normal(0.0, 0.45, n))
    employed = np.clip(rng.gamma(2.0, 3.0, n) * np.exp(0.20 * z), 0.0, age - 16)
    loan = income * np.exp(rng.normal(-1.0, 0.5, n) - 0.10 * z)
    postcode = np.array([_POSTCODE[name] for name in SHARE["ethnicity"]])[drawn % len(_POSTCODE)]
    width = len(str(n - 1))
    return pa.table(
        {
            "id": [f"loan-{row:0{width}d}" for row in range(n)],
            "split": np.where(rng.random(n) < TRAIN_SHARE, "train", "test"),
            "sex": sex,
            "ethnicity": ethnicity,
            "age": age,
            "income": np.round(income, 2),
            "debt_ratio": np.round(debt_ratio, 4),
            "years_employed": np.round(employed, 1),
            "loan_amount": np.round(loan, 2),
            "postcode_risk": np.round(postcode + rng.normal(0.0, 0.8, n), 3),
            "repaid": repaid.astype(np.int64),
            "credit_score": 600.0 + 50.0 * z,
            "score": _posterior(z, share, base, mean),
            "approved": np.where(z > CUTOFF, "yes", "no"),
        }
    )


def lending_truth(bias: float = 1.0) -> dict[str, Any]:
    """Return the true rates behind `lending`, in closed form.

    With ``P = sum w base`` and ``N = sum w (1 - base)`` over the slices of a group, the group's rates are
    mixtures::

        TPR = sum w base TPR[s] / P        FPR = sum w (1 - base) FPR[s] / N
        base_rate = P / (P + N)            selection_rate = (P TPR + N FPR) / (P + N)
        precision = P TPR / (P TPR + N FPR)
        AUC = sum_i sum_j (w[i] base[i] / P) (w[j] (1 - base[j]) / N) Phi((m[1, i] - m[0, j]) / sqrt(2))

    Returns
    -------
    dict
        ``overall``: rates; ``sex`` and ``ethnicity``: group name to rates; ``sex_ethnicity``: (sex,
        ethnicity) to rates. Rates are ``share``, ``base_rate``, ``selection_rate``, ``true_positive_rate``,
        ``false_positive_rate``, ``precision`` and ``auc``. (``score``, ``credit_score`` and
        z rank alike and share one AUC.)

    References
    ----------
    Pepe (2003), The Statistical Evaluation of Medical Tests, section 4.4 (the binormal ROC curve).
    """
    share, base, mean = _parameters(bias)
    slices = _slices()

    def rates(picked: list[int]) -> dict[str, float]:
        return asdict(_rates(share[picked], base[picked], mean[:, picked]))

    return {
        "overall": rates(list(range(len(slices)))),
        "sex": {name: rates([i for i, s in enumerate(slices) if s[0] == name]) for name in SHARE["sex"]},
        "ethnicity": {
            name: rates([i for i, s in enumerate(slices) if s[1] == name]) for name in SHARE["ethnicity"]
        },
        "sex_ethnicity": {s: rates([i]) for i, s in enumerate(slices)},
    }


def _slices() -> list[tuple[str, str]]:
    return list(itertools.product(SHARE["sex"], SHARE["ethnicity"]))


def _parameters(bias: float) -> tuple[Floats, Floats, Floats]:
    """Return share (k,), base rate (k,) and latent mean (2, k) of the k slices."""
    if not 0 <= bias <= MAX_BIAS:
        raise InputError(f"bias must be in [0, {MAX_BIAS:g}], got {bias:g}")
    slices = _slices()
    share = np.array([SHARE["sex"][sex] * SHARE["ethnicity"][ethnicity] for sex, ethnicity in slices])
    base = np.array([BASE_RATE + bias * (BASE_SHIFT[s] + BASE_SHIFT[e]) for s, e in slices])
    mean = np.array([[MU[y] + bias * (SHIFT[s][y] + SHIFT[e][y]) for s, e in slices] for y in (0, 1)])
    return share / share.sum(), base, mean


@dataclass(frozen=True)
class Rates:
    """The true rates of a group, under the names that an audit has for them."""

    share: float
    base_rate: float
    selection_rate: float
    true_positive_rate: float
    false_positive_rate: float
    precision: float
    auc: float


def _rates(share: Floats, base: Floats, mean: Floats) -> Rates:
    positive, negative = share * base, share * (1 - base)
    p, n = float(positive.sum()), float(negative.sum())
    tp = float(positive @ ndtr(mean[1] - CUTOFF))
    fp = float(negative @ ndtr(mean[0] - CUTOFF))
    pairs = ndtr((mean[1][:, None] - mean[0][None, :]) / math.sqrt(2))
    return Rates(
        share=p + n,
        base_rate=p / (p + n),
        selection_rate=(tp + fp) / (p + n),
        true_positive_rate=tp / p,
        false_positive_rate=fp / n,
        precision=tp / (tp + fp),
        auc=float(positive @ pairs @ negative) / (p * n),
    )


def _posterior(z: Floats, share: Floats, base: Floats, mean: Floats) -> Floats:
    """Probability of repayment given z for the lender who believes that everyone is average."""
    rate = float(share @ base)
    low, high = float(share @ mean[0]), float(share @ mean[1])
    posterior: Floats = expit(logit(rate) + (high - low) * z - (high**2 - low**2) / 2)
    return posterior
