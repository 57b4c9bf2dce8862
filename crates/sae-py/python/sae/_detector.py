"""An autoencoder as a detector of outliers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from numbers import Real
from typing import Any, Self

import numpy as np
from sklearn.base import OutlierMixin
from sklearn.utils.validation import check_is_fitted

from ._base import Autoencoder

#: Median absolute deviations of normal numbers, in standard deviations.
MAD = 1.4826
#: Mean absolute deviations of normal numbers, in standard deviations.
MEAN_DEVIATION = 1.2533
#: What is lost of numbers around 1 in single precision, in a chain of some operations.
ROUNDING = 1e-6
#: Beyond so many standard deviations, as a rule, a number is an outlier (Iglewicz and Hoaglin 1993).
FAR = 3.5


class AutoencoderDetector(OutlierMixin, Autoencoder):
    """Outliers by how badly an autoencoder reconstructs them.

    An autoencoder with fewer hidden units than inputs keeps what rows have in common. A row that breaks the
    relations between its inputs is reconstructed badly, even where each of its values is usual [1]_.

    Parameters
    ----------
    hidden : int, sequence of int or None, default=None
        Hidden units of each autoencoder, the first nearest the input. None is half the inputs.
    contamination : float or "auto", default=0.1
        The share of the training rows that are outliers, in (0, 0.5]: the threshold is the score that this
        share exceeds. "auto" looks at the scores themselves: a row is an outlier where the logarithm of its
        error is more than 3.5 robust standard deviations above the median [2]_.
    rho, beta : float, default=0.05, 0.0
        Sparsity target and weight; few units need no sparsity.
    weight_decay : float, default=1e-5
        Weight decay α.
    encoder, decoder : str, default="sigmoid", "linear"
        Units.
    scaling, optimizer, learning_rate, batch_size, epochs, tol, early_stopping, validation_fraction, \
n_iter_no_change, gradient, random_state, n_jobs, callback, verbose, settings
        As of :class:`SparseAutoencoder`.

    Attributes
    ----------
    offset_ : float
        `decision_function` is `score_samples` minus it.
    components_, rho_hat_, loss_curve_, history_, n_iter_, model_, n_features_in_, feature_names_in_
        As of :class:`SparseAutoencoder`.

    References
    ----------
    .. [1] S. Hawkins et al., "Outlier detection using replicator neural networks", DaWaK 2002.
    .. [2] B. Iglewicz and D. Hoaglin, "How to detect and handle outliers", ASQC, 1993.

    Examples
    --------
    >>> import numpy as np
    >>> from sae import AutoencoderDetector
    >>> x = np.random.default_rng(1).uniform(size=(500, 1))
    >>> X = np.hstack([x, x**2, 1 - x])
    >>> detector = AutoencoderDetector(hidden=1, contamination=0.01, random_state=1).fit(X)
    >>> detector.predict([[0.5, 0.25, 0.5], [0.5, 0.9, 0.5]])
    array([ 1, -1])
    """

    def __init__(
        self,
        hidden: int | tuple[int, ...] | None = None,
        *,
        contamination: float | str = 0.1,
        rho: float = 0.05,
        beta: float = 0.0,
        weight_decay: float = 1e-5,
        encoder: str = "sigmoid",
        decoder: str = "linear",
        scaling: str | None = "min_max",
        optimizer: str = "auto",
        learning_rate: float | None = None,
        batch_size: int | str = "auto",
        epochs: int | None = None,
        tol: float = 0.0,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 10,
        gradient: str = "delta",
        random_state: Any = None,
        n_jobs: int | None = None,
        callback: Callable[[dict[str, Any]], Any] | None = None,
        verbose: bool = False,
        settings: Mapping[str, Any] | None = None,
    ) -> None:
        self.hidden = hidden
        self.contamination = contamination
        self.rho = rho
        self.beta = beta
        self.weight_decay = weight_decay
        self.encoder = encoder
        self.decoder = decoder
        self.scaling = scaling
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.batch_size = batch_size
        self.epochs = epochs
        self.tol = tol
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.gradient = gradient
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.callback = callback
        self.verbose = verbose
        self.settings = settings

    def _sizes(self) -> list[int]:
        if self.hidden is None:
            return [max(1, self.n_features_in_ // 2)]
        return super()._sizes()

    def _offset(self, scores: np.ndarray) -> float:
        """The score below which rows are outliers."""
        share = self.contamination
        if isinstance(share, str) and share == "auto":
            # Smaller errors than rounding leaves say nothing.
            errors = np.log(np.maximum(-scores, ROUNDING))
            middle = np.median(errors)
            deviations = np.abs(errors - middle)
            # Where more than half of the rows are alike, the mean deviation stands in, as the reference says.
            spread = MAD * np.median(deviations) or MEAN_DEVIATION * np.mean(deviations)
            return -float(np.exp(middle + FAR * spread)) * (1 + ROUNDING)
        if isinstance(share, (bool, np.bool_)) or not isinstance(share, Real) or not 0 < share <= 0.5:
            raise ValueError(f"contamination is {share!r}; expected \"auto\" or a share in (0, 0.5]")
        return float(np.percentile(scores, 100.0 * share))

    def _adopt(self, model) -> None:
        # A model remembers the distribution of its training rows' scores, in steps of a thousandth.
        self._offset(np.zeros(1))
        if self.contamination == "auto":
            raise ValueError('contamination is "auto", which needs the training rows; expected a share in (0, 0.5]')
        self.offset_ = -model.threshold(self.contamination)

    def fit(self, X: Any, y: Any = None) -> Self:
        """Train on rows, of which some may be outliers, and set the threshold.

        Parameters
        ----------
        X : array-like or data frame of shape (n_samples, n_features)
            Rows.
        y : None
            Ignored.

        Returns
        -------
        self
        """
        # Before hours of training.
        self._offset(np.zeros(1))
        own = self._own()
        with self._whole():
            rows = self._rows(X, reset=True)
            trained = self._train(self._settings(own, len(rows)), rows)
            others: dict[str, Any] = {}
            if trained.model is not None:
                others["offset_"] = self._offset(-trained.model.score(rows, self._threads()))
            self._keep(trained, **others)
        return self

    def score_samples(self, X: Any) -> np.ndarray:
        """How usual rows are.

        Parameters
        ----------
        X : array-like or data frame of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        scores : ndarray of shape (n_samples,)
            Minus the root of the mean squared error over scaled inputs; lower is more unusual.
        """
        return self._scores(X)

    def decision_function(self, X: Any) -> np.ndarray:
        """How usual rows are, against the threshold.

        Parameters
        ----------
        X : array-like or data frame of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        scores : ndarray of shape (n_samples,)
            Negative for outliers.
        """
        check_is_fitted(self, "model_")
        return self.score_samples(X) - self.offset_

    def predict(self, X: Any) -> np.ndarray:
        """Which rows are outliers.

        Parameters
        ----------
        X : array-like or data frame of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        verdicts : ndarray of shape (n_samples,)
            -1 for outliers, 1 for others.
        """
        return np.where(self.decision_function(X) < 0, -1, 1)

    def feature_errors(self, X: Any) -> np.ndarray:
        """Which inputs do not fit the others.

        Parameters
        ----------
        X : array-like or data frame of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        errors : ndarray of shape (n_samples, n_features)
            |x - z| of each input, in its own units.
        """
        check_is_fitted(self, "model_")
        return self.model_.errors(self._rows(X, reset=False), self._threads())

    def reconstruct(self, X: Any) -> np.ndarray:
        """What rows would be if they were usual.

        Parameters
        ----------
        X : array-like or data frame of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        rows : ndarray of shape (n_samples, n_features), float32
            Their reconstructions.
        """
        return self._reconstructed(X)
