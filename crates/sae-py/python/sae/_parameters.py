"""From an estimator's parameters to the settings of the library (docs/config.md)."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.utils import check_random_state

from ._sae import SettingError

LINE_SEARCHES = ("lbfgs", "cg")
#: Up to so many rows are few enough for L-BFGS, which looks at all of them in every iteration.
FEW_ROWS = 5000
#: Iterations of a line search, and steps of other optimizers, that are enough for small models.
ITERATIONS, STEPS = 200, 6000
BATCH = 256


def toml(value: Any) -> str:
    """A value as TOML writes it."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, (Integral, Real)):
        return repr(value)
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key} = {toml(item)}" for key, item in value.items()) + "}"
    if isinstance(value, Sequence):
        return "[" + ", ".join(map(toml, value)) + "]"
    raise TypeError(f"{value!r} is no value of a setting; expected a number, a string, a bool or a list")


def assignments(settings: Mapping[str, Any]) -> list[str]:
    """Settings as `key=value`, as `--set` of the command line takes them."""
    return [f"{key}={toml(value)}" for key, value in settings.items()]


def threads(n_jobs: int | None) -> int:
    """The number of threads that `n_jobs` means; 0 for one for each processor.

    As the libraries below NumPy do, None regards OMP_NUM_THREADS, by which joblib keeps its workers from
    taking each other's processors.
    """
    if n_jobs is None:
        said = os.environ.get("OMP_NUM_THREADS", "").split(",")[0]
        return int(said) if said.isdecimal() else 0
    whole("n_jobs", n_jobs)
    if n_jobs == 0:
        raise ValueError("n_jobs is 0; expected None, a number of threads, or -1 for one for each processor")
    if n_jobs > 0:
        return int(n_jobs)
    return max(1, (os.cpu_count() or 1) + 1 + int(n_jobs))


def seed(random_state: Any) -> int:
    """The seed that `random_state` means: a whole number itself, else one that is drawn."""
    if isinstance(random_state, Integral) and not isinstance(random_state, bool):
        if random_state < 0:
            raise ValueError(f"random_state is {random_state}; expected None, a generator or a number from 0 on")
        return int(random_state)
    return int(check_random_state(random_state).randint(2**31 - 1))


def whole(name: str, value: Any) -> None:
    """Refuses what is no whole number."""
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise TypeError(f"{name} is {value!r}; expected a whole number")


def number(name: str, value: Any) -> None:
    """Refuses what is no number."""
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(f"{name} is {value!r}; expected a number")


def word(name: str, value: Any) -> None:
    """Refuses what is no string."""
    if not isinstance(value, str):
        raise TypeError(f"{name} is {value!r}; expected a string")


def refusal(error: SettingError, names: Mapping[str, str]) -> Exception:
    """The error of a setting in the words of the estimator: `names` are its parameters, by keys."""
    key, found, expected = error.args
    plain = ".".join(part for part in key.replace("[", ".").replace("]", "").split(".") if not part.isdecimal())
    return ValueError(f"{names.get(plain, key)} is {found}; expected {expected}")


class Schedule:
    """How long and with what a stage is trained on so many rows."""

    def __init__(self, optimizer: str, rows: int) -> None:
        self.optimizer = optimizer
        if optimizer == "auto":
            self.optimizer = "lbfgs" if rows <= FEW_ROWS else "adam"
        self.rows = rows

    @property
    def searches(self) -> bool:
        return self.optimizer in LINE_SEARCHES

    def batch(self, batch_size: int | str) -> int | str:
        if batch_size != "auto":
            return batch_size
        return "full" if self.searches else BATCH

    def rate(self, learning_rate: float | None, usual: float) -> float:
        if learning_rate is not None:
            return learning_rate
        return 1.0 if self.searches else usual

    def epochs(self, epochs: int | None, batch: int | str) -> int:
        if epochs is not None:
            return epochs
        if self.searches:
            return ITERATIONS
        steps = 1 if batch == "full" else max(1, -(-self.rows // int(batch)))
        return min(500, max(10, STEPS // steps))
