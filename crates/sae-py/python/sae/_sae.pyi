"""The extension: the library for Python."""

from collections.abc import Callable
from os import PathLike
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

__all__ = ["InputError", "Model", "SettingError", "State", "Trained", "__version__", "train"]
__version__: str

class InputError(ValueError):
    """What was given cannot be used."""

class SettingError(InputError):
    """A setting lies outside its range; args are its key, what was found, and what was expected."""

@final
class Model:
    """A trained model. Rows are C-contiguous float32 arrays of finite numbers, [rows, inputs], as they are before
    scaling; `threads` is 0 for one for each processor, of which no more are used."""

    @staticmethod
    def load(path: str | PathLike[str]) -> Model:
        """The model of a run's folder, or in a file."""
    def save(self, path: str | PathLike[str]) -> None:
        """Write the model to one file, whole or not at all."""
    @staticmethod
    def from_bytes(bytes: bytes) -> Model:
        """Read what to_bytes gave."""
    def to_bytes(self) -> bytes:
        """The bytes of a model file; the same model gives the same."""
    @property
    def inputs(self) -> int:
        """Number of values of a row."""
    @property
    def hidden(self) -> list[int]:
        """Number of hidden units of each autoencoder."""
    @property
    def classes(self) -> list[str]:
        """The names of the classes; none without a classifier."""
    @property
    def names(self) -> list[str]:
        """The names of the inputs; none where they have none."""
    def encode(self, rows: NDArray[np.float32], threads: int = 0) -> NDArray[np.float32]:
        """Codes, [rows, hidden]."""
    def decode(self, codes: NDArray[np.float32], threads: int = 0) -> NDArray[np.float32]:
        """The rows that codes stand for, [rows, inputs]."""
    def reconstruct(self, rows: NDArray[np.float32], threads: int = 0) -> NDArray[np.float32]:
        """What is left of rows once they were encoded and decoded, [rows, inputs]."""
    def predict_proba(self, rows: NDArray[np.float32], threads: int = 0) -> NDArray[np.float32]:
        """The probability of each class, [rows, classes]."""
    def score(self, rows: NDArray[np.float32], threads: int = 0) -> NDArray[np.float64]:
        """The root of the mean squared error of each row over its scaled inputs, [rows]."""
    def threshold(self, contamination: float) -> float:
        """The score that a share of the training rows exceeds."""
    def errors(self, rows: NDArray[np.float32], threads: int = 0) -> NDArray[np.float64]:
        """|x - z| of each input in its own units, [rows, inputs]."""
    def components(self, layer: int = 1, seed: int = 1, threads: int = 0) -> NDArray[np.float64]:
        """The scaled inputs of unit norm that activate the units of a layer most, [hidden, inputs]."""
    def weights(self) -> dict[str, NDArray[np.float32]]:
        """All weights by their names in the model's file."""

@final
class State:
    """From where a model can be trained further."""

    @staticmethod
    def from_bytes(bytes: bytes) -> State: ...
    def to_bytes(self) -> bytes: ...

@final
class Trained:
    """What training has led to."""

    @property
    def model(self) -> Model | None: ...
    @property
    def state(self) -> State: ...
    @property
    def epochs(self) -> list[dict[str, Any]]: ...
    @property
    def rho_hat(self) -> list[NDArray[np.float64]]: ...
    @property
    def stopped_by(self) -> BaseException | None: ...

def train(
    settings: list[str],
    rows: NDArray[np.float32],
    names: list[str],
    classes: tuple[NDArray[np.uint32], list[str]] | None = None,
    callback: Callable[[dict[str, Any]], Any] | None = None,
    before: tuple[Model, State] | None = None,
    more: bool = False,
) -> Trained: ...
