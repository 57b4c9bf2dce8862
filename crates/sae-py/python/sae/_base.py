"""What all estimators share: rows, training, the model, and what is known of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from numbers import Integral
from os import PathLike, fspath
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.exceptions import NotFittedError
from sklearn.utils.validation import check_array, check_is_fitted, validate_data

from . import _parameters as parameters
from ._progress import Progress
from ._sae import InputError, Model, State, Trained, train

#: Parameters that a model has been made with, and that training further cannot change.
FIXED = ("hidden", "encoder", "decoder", "tied", "top_k", "scaling", "gradient")
#: What a fit knows of its rows, and belongs to the model that was trained on them.
OF_FITS = ("n_features_in_", "feature_names_in_", "_drawn")


class Autoencoder(BaseEstimator):
    """Trains stacked autoencoders on rows and keeps their model."""

    model_: Model
    history_: list[dict[str, Any]]
    n_features_in_: int
    feature_names_in_: np.ndarray
    _state: State
    _fixed: dict[str, Any]
    _drawn: int
    _rho_hat: list[np.ndarray]

    def _rows(self, X: Any, *, reset: bool) -> np.ndarray:
        """The rows as the library reads them: C-contiguous, aligned and float32, which is not copied."""
        rows = validate_data(
            self, X, reset=reset, dtype=np.float32, order="C", ensure_min_samples=2 if reset else 1
        )
        return np.require(rows, requirements=["C", "A"])

    def _sizes(self) -> list[int]:
        """The hidden units of each autoencoder."""
        hidden = self.hidden.tolist() if isinstance(self.hidden, np.ndarray) else self.hidden
        if isinstance(hidden, Integral):
            hidden = (hidden,)
        elif not isinstance(hidden, (tuple, list)) or len(hidden) == 0:
            raise TypeError(f"hidden is {hidden!r}; expected a number of units, or one for each layer")
        return [parameters.whole("hidden", size) for size in hidden]

    def _seed(self, goes_on: bool) -> int:
        """The seed of a training. Where none is given, one that goes on has that of the one before: other validation
        rows would be rows that were trained on."""
        if not (goes_on and hasattr(self, "_drawn")) or isinstance(self.random_state, Integral):
            self._drawn = parameters.seed(self.random_state)
        return self._drawn

    def _settings(self, own: Mapping[str, Any], rows: int, goes_on: bool = False) -> dict[str, Any]:
        """The settings of pretraining on so many rows; `own` are the parameters, checked."""
        layer = {
            key: own[key]
            for key in (
                "rho", "beta", "weight_decay", "encoder", "decoder", "tied", "top_k", "corruption",
                "corruption_amount",
            )
            if key in own
        }
        schedule = parameters.Schedule(own["optimizer"], rows)
        batch = schedule.batch(own["batch_size"])
        return {
            "seed": self._seed(goes_on),
            "threads": parameters.threads(self.n_jobs),
            "gradient": own["gradient"],
            "classifier": False,
            # Rows that are given are as rows of a file: their range is looked at.
            "data.source": "npy",
            "data.scaling.kind": "none" if own["scaling"] is None else own["scaling"],
            "data.validation": own["validation_fraction"] if own["early_stopping"] else 0.0,
            "layers": [{"hidden": size, **layer} for size in self._sizes()],
            "pretrain.optimizer": schedule.optimizer,
            "pretrain.batch": batch,
            "pretrain.learning_rate": schedule.rate(own["learning_rate"], 1e-3),
            "pretrain.epochs": schedule.epochs(own["epochs"], batch),
            "pretrain.tolerance": own["tol"],
            "pretrain.validation_patience": own["n_iter_no_change"] if own["early_stopping"] else 0,
        }

    def _own(self) -> dict[str, Any]:
        """The parameters, each of its kind."""
        return parameters.checked(self.get_params(deep=False))

    def _goes_on(self) -> bool:
        """Whether there is a training to go on with; refuses one that these parameters do not belong to."""
        if not hasattr(self, "model_"):
            return False
        if not hasattr(self, "_state"):
            raise ValueError(
                "the model was loaded, without the memory of its training; expected an estimator that was fitted, "
                "or pickled, to go on with"
            )
        for name, before in self._fixed.items():
            now = self._fixed_parameters()[name]
            if now != before:
                raise ValueError(f"{name} is {now!r}; expected {before!r}, as of the training that is gone on with")
        return True

    def _fixed_parameters(self) -> dict[str, Any]:
        own = self.get_params(deep=False)
        fixed = {name: own[name] for name in FIXED if name in own} | {"hidden": self._sizes()}
        given = (self.settings or {}).items()
        return fixed | {
            "settings": {key: value for key, value in given if key.startswith(("layers.", "data.scaling."))}
        }

    @contextmanager
    def _whole(self) -> Iterator[None]:
        """Around a fit: where it leaves no new model, what is known of rows stays that of the old one's."""
        model = getattr(self, "model_", None)
        known = {name: getattr(self, name) for name in OF_FITS if hasattr(self, name)}
        try:
            yield
        finally:
            if model is not None and self.model_ is model:
                for name in OF_FITS:
                    self.__dict__.pop(name, None)
                self.__dict__.update(known)

    def _train(
        self,
        settings: dict[str, Any],
        rows: np.ndarray,
        classes: tuple[np.ndarray, list[str]] | None = None,
        before: tuple[Model, State] | None = None,
        more: bool = False,
    ) -> Trained:
        """Trains, and lets the callback hear of it."""
        given = self.settings or {}
        names = [str(name) for name in getattr(self, "feature_names_in_", [])]
        progress = Progress(self.callback, self.verbose)
        listens = self.callback is not None or self.verbose
        try:
            return train(
                parameters.assignments({**settings, **given}),
                rows,
                names,
                classes=classes,
                callback=progress if listens else None,
                before=before,
                more=more,
            )
        except InputError as error:
            raise parameters.refusal(error, given, self.optimizer == "auto") from None
        finally:
            progress.close()

    def _keep(self, trained: Trained, going_on: bool = False, **others: Any) -> None:
        """Keeps what training led to, with `others` that belong to it; raises what stopped it, unless that was
        StopIteration. Where there is no model, what was kept before stays."""
        if trained.model is not None:
            self.model_ = trained.model
            self._state = trained.state
            self._fixed = self._fixed_parameters()
            self._n_features_out = trained.model.hidden[-1]
            before = self.history_ if going_on else []
            self.history_ = before + trained.epochs
            # What went on may have seen but some of the rows that were pretrained on.
            if not (going_on and self._is_pretrained()):
                self._rho_hat = list(trained.rho_hat)
            for name, value in others.items():
                setattr(self, name, value)
        stopped_by = trained.stopped_by
        if stopped_by is not None and not isinstance(stopped_by, StopIteration):
            raise stopped_by

    def _is_pretrained(self) -> bool:
        """Whether what goes on is another stage than the autoencoders'."""
        return False

    def _curve(self, stage: str, figure: str) -> list[float]:
        return [epoch[figure] for epoch in self.history_ if epoch["stage"] == stage and figure in epoch]

    def _threads(self) -> int:
        return parameters.threads(self.n_jobs)

    def _last_stage(self) -> str:
        return f"autoencoder-{len(self.model_.hidden)}"

    @property
    def n_iter_(self) -> int:
        """Epochs, or iterations of a line search, of the last stage."""
        check_is_fitted(self, "history_")
        epochs = [epoch["epoch"] for epoch in self.history_ if epoch["stage"] == self._last_stage()]
        return max(epochs, default=0)

    @property
    def loss_curve_(self) -> list[float]:
        """J of every epoch of the last stage: the mean over its batches."""
        check_is_fitted(self, "history_")
        return self._curve(self._last_stage(), "objective")

    @property
    def validation_curve_(self) -> list[float]:
        """J on the validation rows after every epoch of the last stage; empty without early_stopping."""
        check_is_fitted(self, "history_")
        return self._curve(self._last_stage(), "validation_objective")

    @property
    def components_(self) -> np.ndarray:
        """What each hidden unit of the first layer looks for: the scaled input of unit norm that activates
        it most, [hidden, features]."""
        check_is_fitted(self, "model_")
        return self.model_.components(1, threads=self._threads())

    @property
    def rho_hat_(self) -> np.ndarray:
        """The mean activation of each hidden unit of the last layer over the training rows, [hidden]."""
        check_is_fitted(self, "model_")
        if not getattr(self, "_rho_hat", None):
            raise NotFittedError("rho_hat_ is not known: the model was loaded, or training was stopped")
        return self._rho_hat[-1]

    def save(self, path: str | PathLike[str]) -> None:
        """Write the model to one file, which the program `sae` and `from_model` read.

        Parameters
        ----------
        path : str or path-like
            The file, as a rule `model.safetensors`. An older one is replaced by a whole one, or stays.
        """
        check_is_fitted(self, "model_")
        self.model_.save(fspath(path))

    @classmethod
    def from_model(cls, model: Model | str | PathLike[str], **params: Any) -> Self:
        """A fitted estimator of a model that was trained elsewhere.

        Parameters
        ----------
        model : Model, str or path-like
            A model, its file, or the folder of a run that the program `sae` trained.
        **params
            Parameters of the estimator; the sizes of its layers are the model's.

        Returns
        -------
        estimator
            It encodes, scores and predicts as the program does, to the last bit.
        """
        if "hidden" in params:
            raise TypeError("hidden is given; expected other parameters: the sizes of the layers are the model's")
        if not isinstance(model, Model):
            model = Model.load(fspath(model))
        hidden = model.hidden
        estimator = cls(hidden=hidden[0] if len(hidden) == 1 else tuple(hidden), **params)
        estimator.model_ = model
        estimator.n_features_in_ = model.inputs
        if model.names:
            estimator.feature_names_in_ = np.asarray(model.names, dtype=object)
        estimator._n_features_out = hidden[-1]
        estimator.history_ = []
        estimator._adopt(model)
        return estimator

    def _adopt(self, model: Model) -> None:
        """Takes what else an estimator knows of a model."""

    def _encoded(self, X: Any) -> np.ndarray:
        check_is_fitted(self, "model_")
        return self.model_.encode(self._rows(X, reset=False), self._threads())

    def _reconstructed(self, X: Any) -> np.ndarray:
        check_is_fitted(self, "model_")
        return self.model_.reconstruct(self._rows(X, reset=False), self._threads())

    def _scores(self, X: Any) -> np.ndarray:
        check_is_fitted(self, "model_")
        return -self.model_.score(self._rows(X, reset=False), self._threads())

    def _codes(self, codes: Any) -> np.ndarray:
        """Codes as the library reads them."""
        codes = check_array(codes, dtype=np.float32, order="C")
        if codes.shape[1] != self.model_.hidden[-1]:
            raise InputError(
                f"the codes have {codes.shape[1]} values per row; expected {self.model_.hidden[-1]}, the "
                "hidden units"
            )
        return codes
