"""Two recommenders with the interface of scikit-learn: by similar films, and by factors."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.decomposition import TruncatedSVD


def views(rows: Any, seen: Any) -> Any:
    """Who has seen which film, of pairs of a person and a film: float array of shape (people, films)."""
    people, films = np.asarray(rows, np.int64).T
    found = np.zeros((people.max() + 1, films.max() + 1))
    found[people, films] = seen
    return found


class Neighbours(RegressorMixin, BaseEstimator):
    """Scores a film by its cosines ``similar_`` to those that a person has seen."""

    def __init__(self, sparse: bool = False) -> None:
        self.sparse = sparse

    def fit(self, rows: Any, seen: Any) -> Neighbours:
        """Learn from pairs of a person and a film, all of them."""
        known = views(rows, seen)
        both = known.T @ known
        length = np.sqrt(np.diag(both)) + 1e-12
        similar = both / np.outer(length, length)
        np.fill_diagonal(similar, 0)
        self.similar_ = scipy.sparse.csr_matrix(similar) if self.sparse else similar
        self.seen_ = known.astype(bool)
        return self

    def predict(self, rows: Any) -> Any:
        """Scores of pairs of a person and a film."""
        people, films = np.asarray(rows, np.int64).T
        return np.asarray(self.seen_ @ self.similar_)[people, films]


class Factors(RegressorMixin, BaseEstimator):
    """Scores a film by the product of its factors ``films_`` and the person's ``people_``."""

    def fit(self, rows: Any, seen: Any) -> Factors:
        """Learn from pairs of a person and a film, all of them."""
        known = views(rows, seen)
        made = TruncatedSVD(8, random_state=0).fit(known)
        self.people_, self.films_ = made.transform(known), made.components_.T.copy()
        return self

    def predict(self, rows: Any) -> Any:
        """Scores of pairs of a person and a film."""
        people, films = np.asarray(rows, np.int64).T
        return (self.people_[people] * self.films_[films]).sum(1)
