"""Shrinkage LDA, solved by Cholesky's factors: scikit-learn's result in a small part of its time."""

from typing import Self

import numpy as np
import numpy.typing as npt
from scipy.linalg import solve
from sklearn.covariance import empirical_covariance, shrunk_covariance
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis


class ShrinkageLda(LinearDiscriminantAnalysis):  # type: ignore[misc]
    """Linear discriminant analysis of three or more classes, its covariance shrunk towards a sphere.

    scikit-learn solves for the weights by singular values, so that it can do without shrinkage. With some,
    the covariance is positive definite, and its Cholesky factors give the same weights.

    Parameters
    ----------
    shrinkage
        Weight of the sphere in the covariance, above 0 and at most 1.
    """

    def __init__(self, *, shrinkage: float = 0.5) -> None:
        super().__init__(solver="lsqr", shrinkage=shrinkage)

    def fit(self, x: npt.ArrayLike, y: npt.ArrayLike) -> Self:
        """Estimate means, the covariance that the classes share, and weights.

        Parameters
        ----------
        x
            [shape=(n, columns)] Features of the training clips.
        y
            [shape=(n,)] Labels, of at least three classes.

        Raises
        ------
        ValueError
            Where the shrinkage lies outside its range.
        """
        if not 0 < self.shrinkage <= 1:
            raise ValueError(f"shrinkage must be above 0 and at most 1, got {self.shrinkage}")
        x, y = np.asarray(x, dtype=np.float64), np.asarray(y)  # (n, columns), (n,)
        self.n_features_in_ = x.shape[1]
        self.classes_, counts = np.unique(y, return_counts=True)
        self.priors_ = counts / len(y)  # (classes,)
        self.means_ = np.stack([x[y == label].mean(axis=0) for label in self.classes_])  # (classes, columns)
        within = x - self.means_[np.searchsorted(self.classes_, y)]  # (n, columns)
        covariance = empirical_covariance(within, assume_centered=True)  # (columns, columns)
        self.covariance_ = shrunk_covariance(covariance, self.shrinkage)
        # Where no column varies, as in a degenerate inner fold, the sphere has no extent either.
        self.covariance_[np.diag_indices_from(self.covariance_)] += 1e-9
        self.coef_ = solve(self.covariance_, self.means_.T, assume_a="pos").T  # (classes, columns)
        self.intercept_ = -0.5 * (self.means_ * self.coef_).sum(axis=1) + np.log(self.priors_)  # (classes,)
        return self
