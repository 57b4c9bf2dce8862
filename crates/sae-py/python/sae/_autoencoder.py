"""A sparse autoencoder as a transformer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Self

import numpy as np
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from ._base import Autoencoder
from ._parameters import LINE_SEARCHES, whole


def _takes_steps(estimator: SparseAutoencoder) -> bool:
    if estimator.optimizer in LINE_SEARCHES:
        raise AttributeError(
            f"partial_fit needs an optimizer that takes steps, as 'adam'; {estimator.optimizer!r} looks at all "
            "rows in every iteration"
        )
    return True


class SparseAutoencoder(ClassNamePrefixFeaturesOutMixin, TransformerMixin, Autoencoder):
    """Sparse autoencoder: codes of rows, and rows of codes.

    The encoder y = φ(x W1 + b) and the decoder z = φ(y W2 + c) minimise, as a mean over rows,
    ½‖x − z‖² + ½ α (‖W1‖² + ‖W2‖²) + β Σ KL(ρ ‖ ρ̂), where ρ̂ is the mean activation of each hidden unit [1]_.

    Parameters
    ----------
    hidden : int, default=100
        Number of hidden units: values of a code.
    rho : float, default=0.05
        Sparsity target ρ, in (0, 1): the share of rows for which a unit is to be active.
    beta : float, default=3.0
        Weight β of sparsity, 0 for none.
    weight_decay : float, default=1e-4
        Weight decay α of W1 and W2.
    encoder, decoder : {"sigmoid", "tanh", "linear", "satlin", "relu"}, default="sigmoid"
        Units φ. Those of the decoder must reach the scaled inputs: [0, 1] with `scaling="min_max"`.
    tied : bool, default=False
        Whether W2 is W1 transposed.
    top_k : int, default=0
        How many activations of each row are kept, with `beta=0`; 0 for all.
    corruption : {"none", "masking", "gaussian", "salt_and_pepper"}, default="none"
        What is done to inputs in training, so that the autoencoder learns to undo it [2]_.
    corruption_amount : float, default=0.3
        The share of inputs, or the standard deviation of the noise.
    scaling : {"min_max", "standardise", "zca", "pca", "none"} or None, default="min_max"
        How inputs are scaled, as fitted on the training rows; undone on what is decoded. "standardise", "zca"
        and "pca" need `decoder="linear"`.
    optimizer : {"auto", "adam", "adamw", "sgd", "rmsprop", "lbfgs", "cg"}, default="auto"
        "auto" is L-BFGS for up to 5000 rows, else Adam.
    learning_rate : float, default=None
        None is 1e-3; of "lbfgs" and "cg", whose line search tries it first, 1.
    batch_size : int, "full" or "auto", default="auto"
        Rows of a step. "auto" is 256; of "lbfgs" and "cg" all.
    epochs : int, default=None
        The most passes over the rows; of "lbfgs" and "cg" the most iterations. None is as many as take some 6000
        steps, from 10 to 500, or 200 iterations.
    tol : float, default=0.0
        Relative change of J that counts as standing still; three such epochs end training. 0 for no such rule.
    early_stopping : bool, default=False
        Whether J on rows that are set aside ends training, which then gives the best epoch's model.
    validation_fraction : float, default=0.1
        The share that is set aside.
    n_iter_no_change : int, default=10
        Epochs for which that J may fail to fall.
    gradient : {"delta", "autodiff"}, default="delta"
        Hand-derived rules in fused kernels, or automatic differentiation, which is slower.
    warm_start : bool, default=False
        Whether `fit` goes on where the last one ended, with the same scaling and the optimizer's memory: two fits
        of 5 epochs are one of 10, to the last bit, but that "lbfgs" and "cg" begin their memory anew, schedules go
        by the epochs of all fits, and `early_stopping` takes the best among the new epochs.
    random_state : int, RandomState, Generator or None, default=None
        The seed. The same data, parameters and seed give the same bits, however many threads work; a number is
        the `seed` of the program `sae`, which gives them, too.
    n_jobs : int, default=None
        Threads: None for one for each processor (or what OMP_NUM_THREADS says), -1 for all.
    callback : callable, default=None
        Called with a dict of the figures of each epoch. What it raises ends training after the next step, and
        `fit`; StopIteration ends training only.
    verbose : bool, default=False
        Whether epochs are shown: on a bar of tqdm where that is installed.
    settings : dict, default=None
        Any other setting of training, by its key of docs/config.md: `{"pretrain.gradient_clip": 1.0}`.

    Attributes
    ----------
    components_ : ndarray of shape (hidden, n_features)
        The scaled input of unit norm that activates each unit most: a tile, where rows are images.
    rho_hat_ : ndarray of shape (hidden,)
        ρ̂ over all training rows.
    loss_curve_, validation_curve_ : list of float
        J of every epoch.
    history_ : list of dict
        All figures of every epoch.
    n_iter_ : int
        Epochs or iterations that were run.
    model_ : Model
        The trained model, with its weights.
    n_features_in_ : int
        Number of inputs.
    feature_names_in_ : ndarray of str
        Names of the inputs, where the rows came with names.

    References
    ----------
    .. [1] A. Ng, "Sparse autoencoder", CS294A lecture notes, Stanford, 2011.
    .. [2] P. Vincent et al., "Stacked denoising autoencoders", JMLR 11, 2010.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sae import SparseAutoencoder
    >>> X, _ = load_digits(return_X_y=True)
    >>> autoencoder = SparseAutoencoder(hidden=25, random_state=1).fit(X)
    >>> autoencoder.transform(X).shape
    (1797, 25)
    """

    def __init__(
        self,
        hidden: int = 100,
        *,
        rho: float = 0.05,
        beta: float = 3.0,
        weight_decay: float = 1e-4,
        encoder: str = "sigmoid",
        decoder: str = "sigmoid",
        tied: bool = False,
        top_k: int = 0,
        corruption: str = "none",
        corruption_amount: float = 0.3,
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
        warm_start: bool = False,
        random_state: Any = None,
        n_jobs: int | None = None,
        callback: Callable[[dict[str, Any]], Any] | None = None,
        verbose: bool = False,
        settings: Mapping[str, Any] | None = None,
    ) -> None:
        self.hidden = hidden
        self.rho = rho
        self.beta = beta
        self.weight_decay = weight_decay
        self.encoder = encoder
        self.decoder = decoder
        self.tied = tied
        self.top_k = top_k
        self.corruption = corruption
        self.corruption_amount = corruption_amount
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
        self.warm_start = warm_start
        self.random_state = random_state
        self.n_jobs = n_jobs
        self.callback = callback
        self.verbose = verbose
        self.settings = settings

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags

    def _sizes(self) -> list[int]:
        return [whole("hidden", self.hidden)]

    def fit(self, X: Any, y: Any = None) -> Self:
        """Train on rows.

        Ctrl-C ends training after the step under way: the estimator then has the model so far, and
        KeyboardInterrupt is raised again.

        Parameters
        ----------
        X : array-like or data frame of shape (n_samples, n_features)
            Rows. A C-contiguous float32 array is read where it lies; anything else is converted once.
        y : None
            Ignored.

        Returns
        -------
        self
        """
        own = self._own()
        goes_on = own["warm_start"] and self._goes_on()
        with self._whole():
            rows = self._rows(X, reset=not goes_on)
            settings = self._settings(own, len(rows), goes_on)
            if goes_on:
                settings["pretrain.epochs"] += self.n_iter_
            return self._fit(settings, rows, goes_on)

    def _fit(self, settings: dict[str, Any], rows: np.ndarray, goes_on: bool) -> Self:
        before = (self.model_, self._state) if goes_on else None
        self._keep(self._train(settings, rows, before=before, more=goes_on), goes_on)
        return self

    @available_if(_takes_steps)
    def partial_fit(self, X: Any, y: Any = None) -> Self:
        """Train for one epoch on some rows, from where training is.

        The first rows decide the scaling. There is no early stopping. Calling it ten times with the same rows is
        `fit` with `epochs=10`, to the last bit.

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
        own = self._own()
        goes_on = self._goes_on()
        own |= {
            "optimizer": "adam" if own["optimizer"] == "auto" else own["optimizer"],
            "epochs": self.n_iter_ + 1 if goes_on else 1,
            "early_stopping": False,
        }
        with self._whole():
            rows = self._rows(X, reset=not goes_on)
            return self._fit(self._settings(own, len(rows), goes_on), rows, goes_on)

    def transform(self, X: Any) -> np.ndarray:
        """Encode rows.

        Parameters
        ----------
        X : array-like or data frame of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        codes : ndarray of shape (n_samples, hidden), float32
            The same for a row whatever rows are beside it.
        """
        return self._encoded(X)

    def inverse_transform(self, X: Any) -> np.ndarray:
        """Decode codes.

        Parameters
        ----------
        X : array-like of shape (n_samples, hidden)
            Codes.

        Returns
        -------
        rows : ndarray of shape (n_samples, n_features), float32
            The rows that the codes stand for, in the units of the training rows.
        """
        check_is_fitted(self, "model_")
        return self.model_.decode(self._codes(X), self._threads())

    def reconstruct(self, X: Any) -> np.ndarray:
        """Encode and decode rows.

        Parameters
        ----------
        X : array-like or data frame of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        rows : ndarray of shape (n_samples, n_features), float32
            What is left of them.
        """
        return self._reconstructed(X)

    def score_samples(self, X: Any) -> np.ndarray:
        """How well each row is reconstructed.

        Parameters
        ----------
        X : array-like or data frame of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        scores : ndarray of shape (n_samples,)
            Minus the root of the mean squared error over its scaled inputs; 0 is perfect.
        """
        return self._scores(X)

    def score(self, X: Any, y: Any = None) -> float:
        """How well rows are reconstructed.

        Parameters
        ----------
        X : array-like or data frame of shape (n_samples, n_features)
            Rows.
        y : None
            Ignored.

        Returns
        -------
        score : float
            Minus the root of the mean squared error over all rows and scaled inputs; larger is better.
        """
        return -float(np.sqrt(np.mean(self.score_samples(X) ** 2)))
