"""What all estimators share: rows, training, the model, and what is known of it."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Integral
from os import PathLike, fspath
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.exceptions import NotFittedError
from sklearn.utils.validation import check_array, check_is_fitted, validate_data

from . import _parameters as parameters
from ._progress import Progress
from ._sae import InputError, Model, SettingError, State, Trained, train

#: Parameters by the keys of the library's settings.
NAMES = {
    "seed": "random_state",
    "threads": "n_jobs",
    "layers": "hidden",
    "layers.hidden": "hidden",
    "layers.rho": "rho",
    "layers.beta": "beta",
    "layers.weight_decay": "weight_decay",
    "layers.encoder": "encoder",
    "layers.decoder": "decoder",
    "layers.tied": "tied",
    "layers.top_k": "top_k",
    "layers.corruption": "corruption",
    "layers.corruption_amount": "corruption_amount",
    "data.scaling.kind": "scaling",
    "data.validation": "validation_fraction",
    "validation": "validation_fraction",
    "pretrain.optimizer": "optimizer",
    "pretrain.learning_rate": "learning_rate",
    "pretrain.batch": "batch_size",
    "pretrain.epochs": "epochs",
    "pretrain.tolerance": "tol",
    "pretrain.validation_patience": "n_iter_no_change",
    "gradient": "gradient",
    "head.weight_decay": "head_weight_decay",
    "softmax.epochs": "softmax_epochs",
    "softmax.learning_rate": "softmax_learning_rate",
    "finetune.epochs": "finetune_epochs",
    "finetune.learning_rate": "finetune_learning_rate",
}


class Autoencoder(BaseEstimator):
    """Trains stacked autoencoders on rows and keeps their model."""

    model_: Model
    history_: list[dict[str, Any]]
    n_features_in_: int
    feature_names_in_: np.ndarray
    _state: State
    _rho_hat: list[np.ndarray]

    def _rows(self, X: Any, *, reset: bool) -> np.ndarray:
        """The rows as the library reads them: C-contiguous and float32, which is not copied."""
        return validate_data(
            self, X, reset=reset, dtype=np.float32, order="C", ensure_min_samples=2 if reset else 1
        )

    def _sizes(self) -> list[int]:
        """The hidden units of each autoencoder."""
        hidden = self.hidden
        if isinstance(hidden, Integral) and not isinstance(hidden, bool):
            hidden = (hidden,)
        elif not isinstance(hidden, (tuple, list, np.ndarray)) or len(hidden) == 0:
            raise TypeError(f"hidden is {hidden!r}; expected a number of units, or one for each layer")
        for size in hidden:
            parameters.whole("hidden", size)
        return [int(size) for size in hidden]

    def _settings(self, rows: int, features: int, epochs: int | None) -> dict[str, Any]:
        """The settings of a training on so many rows; `epochs` those of each stage, where they are not the
        parameters'."""
        for name in ("rho", "beta", "weight_decay", "validation_fraction", "tol"):
            parameters.number(name, getattr(self, name))
        for name in ("encoder", "decoder", "optimizer", "gradient"):
            parameters.word(name, getattr(self, name))
        parameters.whole("n_iter_no_change", self.n_iter_no_change)
        layer = {
            key: getattr(self, key) for key in ("rho", "beta", "weight_decay", "encoder", "decoder")
        }
        for key in ("tied", "top_k", "corruption", "corruption_amount"):
            if hasattr(self, key):
                layer[key] = getattr(self, key)
        schedule = parameters.Schedule(self.optimizer, rows)
        batch = schedule.batch(self.batch_size)
        settings = {
            "seed": parameters.seed(self.random_state),
            "threads": parameters.threads(self.n_jobs),
            "gradient": self.gradient,
            "classifier": False,
            # Rows that are given are as rows of a file: their range is looked at.
            "data.source": "npy",
            "data.scaling.kind": "none" if self.scaling is None else self.scaling,
            "data.validation": self.validation_fraction if self.early_stopping else 0.0,
            "layers": [{"hidden": size, **layer} for size in self._sizes()],
            "pretrain.optimizer": schedule.optimizer,
            "pretrain.batch": batch,
            "pretrain.learning_rate": schedule.rate(self.learning_rate, 1e-3),
            "pretrain.epochs": schedule.epochs(self.epochs, batch) if epochs is None else epochs,
            "pretrain.tolerance": self.tol,
            "pretrain.validation_patience": self.n_iter_no_change if self.early_stopping else 0,
        }
        return settings

    def _train(
        self,
        settings: dict[str, Any],
        rows: np.ndarray,
        classes: tuple[np.ndarray, list[str]] | None = None,
        before: tuple[Model, State] | None = None,
        more: bool = False,
    ) -> Trained:
        """Trains, and lets the callback hear of it."""
        if self.settings is not None and not isinstance(self.settings, Mapping):
            raise TypeError(f"settings is {self.settings!r}; expected a dict of keys of docs/config.md")
        own = {**settings, **(self.settings or {})}
        names = [str(name) for name in getattr(self, "feature_names_in_", [])]
        progress = Progress(self.callback, bool(self.verbose))
        listens = self.callback is not None or self.verbose
        try:
            return train(
                parameters.assignments(own),
                rows,
                names,
                classes=classes,
                callback=progress if listens else None,
                before=before,
                more=more,
            )
        except SettingError as error:
            raise parameters.refusal(error, NAMES) from None
        finally:
            progress.close()

    def _keep(self, trained: Trained, going_on: bool = False) -> None:
        """Keeps what training led to; raises what stopped it, unless that was StopIteration."""
        if trained.model is not None:
            self.model_ = trained.model
            self._state = trained.state
            self._n_features_out = trained.model.hidden[-1]
            before = self.history_ if going_on else []
            self.history_ = before + trained.epochs
            # What went on may have seen but some of the rows that were pretrained on.
            if trained.rho_hat and not (going_on and self._is_pretrained()):
                self._rho_hat = list(trained.rho_hat)
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
        return self.model_.components(1)

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
            The file, by custom `.safetensors`. An older one is replaced by a whole one, or stays.
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

    def _codes(self, codes: Any) -> np.ndarray:
        """Codes as the library reads them."""
        codes = check_array(codes, dtype=np.float32, order="C")
        if codes.shape[1] != self.model_.hidden[-1]:
            raise InputError(
                f"the codes have {codes.shape[1]} values per row; expected {self.model_.hidden[-1]}, the "
                "hidden units"
            )
        return codes
