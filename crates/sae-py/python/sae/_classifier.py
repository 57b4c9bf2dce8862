"""Stacked autoencoders with a softmax layer as a classifier."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Self

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.exceptions import NotFittedError
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_consistent_length, check_is_fitted, column_or_1d

from . import _parameters as parameters
from ._base import Autoencoder
from ._sae import Model

#: The label of rows whose class is not known.
UNLABELLED = -1


def _is_labelled(y: np.ndarray) -> np.ndarray:
    """Which rows have a class. Where all labels are -1 and one other number, both are classes: rows of one
    class make no classifier."""
    if y.dtype.kind not in "if":
        return np.ones(len(y), dtype=bool)
    labelled = y != UNLABELLED
    return labelled if len(np.unique(y[labelled])) > 1 else np.ones(len(y), dtype=bool)


def _as_written(names: list[str]) -> list[Any]:
    """The labels whose names these are: whole numbers, numbers, bools, or the names themselves."""
    if sorted(names) == ["False", "True"]:
        return [name == "True" for name in names]
    for kind in (int, float):
        try:
            labels = [kind(name) for name in names]
        except ValueError:
            continue
        if [str(label) for label in labels] == names:
            return labels
    return names


class StackedAutoencoderClassifier(ClassifierMixin, Autoencoder):
    """Stacked sparse autoencoders with a softmax layer, fine-tuned.

    Each autoencoder is trained on the codes of the one before, without labels; a softmax layer is trained on the
    last codes; then the cascaded encoders and it are trained as one network [1]_, [2]_. Rows with the label -1
    have no class and only take part in pretraining.

    Parameters
    ----------
    hidden : int or sequence of int, default=(100,)
        Hidden units of each autoencoder, the first nearest the input.
    rho, beta, weight_decay : float, default=0.05, 3.0, 1e-4
        Sparsity target ρ, its weight β and weight decay α of each autoencoder.
    encoder, decoder : str, default="sigmoid"
        Units of each autoencoder.
    head_weight_decay : float, default=1e-4
        Weight decay λ of the softmax layer.
    epochs, softmax_epochs, finetune_epochs : int, default=None
        The most epochs of each autoencoder, of the softmax layer and of fine-tuning; None as of
        :class:`SparseAutoencoder`.
    learning_rate, softmax_learning_rate, finetune_learning_rate : float, default=None
        Their learning rates; None is 1e-3, 1e-2 and 1e-3, with line searches 1.
    scaling, optimizer, batch_size, tol, early_stopping, validation_fraction, n_iter_no_change, gradient, \
random_state, n_jobs, callback, verbose, settings
        As of :class:`SparseAutoencoder`, for all stages.
    warm_start : bool, default=False
        Whether `fit` goes on with fine-tuning where the last one ended.

    Attributes
    ----------
    classes_ : ndarray
        The classes.
    components_, rho_hat_, loss_curve_, validation_curve_, history_, n_iter_, model_, n_features_in_, \
feature_names_in_
        As of :class:`SparseAutoencoder`; curves and iterations are those of fine-tuning.

    References
    ----------
    .. [1] G. Hinton and R. Salakhutdinov, "Reducing the dimensionality of data with neural networks",
       Science 313, 2006.
    .. [2] A. Ng et al., UFLDL tutorial, "Stacked autoencoders", Stanford, 2011.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sae import StackedAutoencoderClassifier
    >>> X, y = load_digits(return_X_y=True)
    >>> y[500:] = -1  # not known
    >>> classifier = StackedAutoencoderClassifier(hidden=(50,), random_state=1).fit(X, y)
    >>> classifier.predict_proba(X).shape
    (1797, 10)
    """

    classes_: np.ndarray

    def __init__(
        self,
        hidden: int | tuple[int, ...] = (100,),
        *,
        rho: float = 0.05,
        beta: float = 3.0,
        weight_decay: float = 1e-4,
        encoder: str = "sigmoid",
        decoder: str = "sigmoid",
        head_weight_decay: float = 1e-4,
        scaling: str | None = "min_max",
        optimizer: str = "auto",
        learning_rate: float | None = None,
        softmax_learning_rate: float | None = None,
        finetune_learning_rate: float | None = None,
        batch_size: int | str = "auto",
        epochs: int | None = None,
        softmax_epochs: int | None = None,
        finetune_epochs: int | None = None,
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
        self.head_weight_decay = head_weight_decay
        self.scaling = scaling
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.softmax_learning_rate = softmax_learning_rate
        self.finetune_learning_rate = finetune_learning_rate
        self.batch_size = batch_size
        self.epochs = epochs
        self.softmax_epochs = softmax_epochs
        self.finetune_epochs = finetune_epochs
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

    def _last_stage(self) -> str:
        return "finetune"

    def _is_pretrained(self) -> bool:
        return True

    def _supervised(self, own: Mapping[str, Any], rows: int) -> dict[str, Any]:
        """The settings of the stages that follow pretraining, on so many rows; `own` are the parameters."""
        schedule = parameters.Schedule(own["optimizer"], rows)
        batch = schedule.batch(own["batch_size"])
        settings: dict[str, Any] = {"classifier": True, "head.weight_decay": own["head_weight_decay"]}
        for stage, usual in (("softmax", 1e-2), ("finetune", 1e-3)):
            settings |= {
                f"{stage}.optimizer": schedule.optimizer,
                f"{stage}.batch": batch,
                f"{stage}.learning_rate": schedule.rate(own[f"{stage}_learning_rate"], usual),
                f"{stage}.epochs": schedule.epochs(own[f"{stage}_epochs"], batch),
                f"{stage}.tolerance": own["tol"],
                f"{stage}.validation_patience": own["n_iter_no_change"] if own["early_stopping"] else 0,
            }
        return settings

    def _classes(self, y: Any, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Which rows are labelled, the classes, and the class of each labelled row."""
        if y is None:
            raise ValueError("requires y to be passed, but the target y is None; expected the class of each row")
        y = column_or_1d(y, warn=True)
        check_consistent_length(rows, y)
        check_classification_targets(y)
        labelled = _is_labelled(y)
        classes, numbers = np.unique(y[labelled], return_inverse=True)
        if len(classes) < 2:
            alone = "no row has a label: all are -1" if classes[0] == UNLABELLED else f"all are {classes[0]}"
            raise ValueError(f"y has one class, {alone}; expected at least two classes")
        return labelled, classes, numbers.astype(np.uint32)

    def fit(self, X: Any, y: Any) -> Self:
        """Pretrain on all rows, train the softmax layer and fine-tune on the labelled ones.

        Ctrl-C ends training after the step under way: the estimator then has the model so far, and
        KeyboardInterrupt is raised again.

        Parameters
        ----------
        X : array-like or data frame of shape (n_samples, n_features)
            Rows.
        y : array-like of shape (n_samples,)
            The class of each: numbers, of which -1 says that it is not known, or strings, which all are classes.
            Where there is but one number besides -1, -1 is a class, too.

        Returns
        -------
        self
        """
        own = self._own()
        goes_on = own["warm_start"] and self._goes_on() and len(self.model_.classes) > 0
        with self._whole():
            rows = self._rows(X, reset=not goes_on)
            return self._fit(own, rows, y, goes_on)

    def _fit(self, own: dict[str, Any], rows: np.ndarray, y: Any, goes_on: bool) -> Self:
        labelled, classes, numbers = self._classes(y, rows)
        if goes_on and not np.array_equal(classes, self.classes_):
            raise ValueError(f"the classes are {classes}; expected {self.classes_}, as of the fit before")
        supervised = self._settings(own, len(rows), goes_on) | self._supervised(own, int(labelled.sum()))
        if goes_on:
            supervised["finetune.epochs"] += self.n_iter_
        elif not labelled.all():
            # With all settings, so that a wrong one is met before pretraining.
            pretrained = self._train(supervised | {"classifier": False}, rows)
            self._keep(pretrained, classes_=classes)
            if pretrained.stopped_by is not None:
                return self
        is_pretrained = goes_on or not labelled.all()
        before = (self.model_, self._state) if is_pretrained else None
        labelled_rows = rows if labelled.all() else np.ascontiguousarray(rows[labelled])
        names = [str(name) for name in classes]
        trained = self._train(supervised, labelled_rows, (numbers, names), before, more=goes_on)
        self._keep(trained, is_pretrained, classes_=classes)
        return self

    def _adopt(self, model: Model) -> None:
        names = model.classes
        if not names:
            raise ValueError("the model has no classifier; expected one that was trained with labels")
        self.classes_ = np.array(_as_written(names))

    def predict_proba(self, X: Any) -> np.ndarray:
        """The probability of each class.

        Parameters
        ----------
        X : array-like or data frame of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        probabilities : ndarray of shape (n_samples, n_classes), float32
            In the order of `classes_`.
        """
        check_is_fitted(self, "model_")
        if not self.model_.classes:
            raise NotFittedError("training was stopped before the softmax layer; there are codes only: encode")
        return self.model_.predict_proba(self._rows(X, reset=False), self._threads())

    def predict(self, X: Any) -> np.ndarray:
        """The most probable class.

        Parameters
        ----------
        X : array-like or data frame of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        classes : ndarray of shape (n_samples,)
            Of equally probable ones the first.
        """
        most_probable = np.argmax(self.predict_proba(X), axis=1)
        return self.classes_[most_probable]

    def encode(self, X: Any) -> np.ndarray:
        """Encode rows by the pretrained autoencoders.

        Parameters
        ----------
        X : array-like or data frame of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        codes : ndarray of shape (n_samples, hidden units of the last autoencoder), float32
            Their codes, before fine-tuning.
        """
        return self._encoded(X)
