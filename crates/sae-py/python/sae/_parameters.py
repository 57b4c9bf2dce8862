"""From an estimator's parameters to the settings of the library (docs/config.md)."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from numbers import Integral, Real
from typing import Any

import numpy as np
from sklearn.utils import check_random_state

from ._sae import InputError, SettingError

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
    if isinstance(value, Integral):
        return repr(int(value))
    if isinstance(value, Real):
        return repr(float(value))
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
    if whole("n_jobs", n_jobs) == 0:
        raise ValueError("n_jobs is 0; expected None, a number of threads, or -1 for one for each processor")
    if n_jobs > 0:
        return int(n_jobs)
    return max(1, (os.cpu_count() or 1) + 1 + int(n_jobs))


def seed(random_state: Any) -> int:
    """The seed that `random_state` means: a whole number itself, else one that is drawn."""
    if isinstance(random_state, np.random.Generator):
        return int(random_state.integers(2**31 - 1))
    if isinstance(random_state, bool):
        raise TypeError(f"random_state is {random_state}; expected None, a generator or a number from 0 on")
    if isinstance(random_state, Integral):
        if random_state < 0:
            raise ValueError(f"random_state is {random_state}; expected None, a generator or a number from 0 on")
        return int(random_state)
    return int(check_random_state(random_state).randint(2**31 - 1))


def whole(name: str, value: Any) -> int:
    """A whole number; refuses what is none."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, Integral):
        raise TypeError(f"{name} is {value!r}; expected a whole number")
    return int(value)


def count(name: str, value: Any) -> int:
    """A whole number from 1 on."""
    if whole(name, value) < 1:
        raise ValueError(f"{name} is {value}; expected at least 1")
    return int(value)


def number(name: str, value: Any) -> float:
    """A number; refuses what is none."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, Real):
        raise TypeError(f"{name} is {value!r}; expected a number")
    return float(value)


def word(name: str, value: Any) -> str:
    """A string; refuses what is none."""
    if not isinstance(value, str):
        raise TypeError(f"{name} is {value!r}; expected a string")
    return value


def flag(name: str, value: Any) -> bool:
    """True or False; refuses what is neither."""
    if not isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{name} is {value!r}; expected True or False")
    return bool(value)


def batch(name: str, value: Any) -> int | str:
    """A number of rows, "full" or "auto"."""
    if isinstance(value, str):
        if value not in ("full", "auto"):
            raise ValueError(f'{name} is {value!r}; expected "auto", "full" or a number of rows')
        return value
    return count(name, value)


def call(name: str, value: Any) -> Any:
    """Something to call."""
    if not callable(value):
        raise TypeError(f"{name} is {value!r}; expected None or something to call with a dict of figures")
    return value


#: The tables of the configuration that `settings` may reach into, and keys at its top.
OPEN = ("layers.", "pretrain.", "softmax.", "finetune.", "head.", "objective.", "data.scaling.")
OPEN_KEYS = ("fused", "instruction_set")


def keys(name: str, value: Any) -> Mapping[str, Any]:
    """Settings of the library that have an effect here."""
    if not isinstance(value, Mapping):
        raise TypeError(f"{name} is {value!r}; expected a dict of keys of docs/config.md")
    for key in value:
        if not isinstance(key, str) or not (key.startswith(OPEN) or key in OPEN_KEYS):
            allowed = ", ".join(f"{prefix}*" for prefix in OPEN) + ", " + ", ".join(OPEN_KEYS)
            raise ValueError(f"{name} has the key {key!r}; expected one of {allowed}")
    return value


#: What parameters are, by their names; those in OPTIONAL may be None.
KINDS: dict[str, Callable[[str, Any], Any]] = {
    **dict.fromkeys(("rho", "beta", "weight_decay", "head_weight_decay", "corruption_amount"), number),
    **dict.fromkeys(("validation_fraction", "tol"), number),
    **dict.fromkeys(("learning_rate", "softmax_learning_rate", "finetune_learning_rate"), number),
    **dict.fromkeys(("encoder", "decoder", "corruption", "scaling", "optimizer", "gradient"), word),
    **dict.fromkeys(("top_k", "n_iter_no_change"), whole),
    **dict.fromkeys(("epochs", "softmax_epochs", "finetune_epochs"), count),
    **dict.fromkeys(("tied", "early_stopping", "warm_start", "verbose"), flag),
    "batch_size": batch,
    "callback": call,
    "settings": keys,
}
OPTIONAL = (
    "learning_rate", "softmax_learning_rate", "finetune_learning_rate", "epochs", "softmax_epochs",
    "finetune_epochs", "scaling", "callback", "settings",
)


def checked(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """An estimator's parameters, each of its kind; those that are no more than numbers of a range are the
    library's to check."""
    found = {}
    for name, value in parameters.items():
        kind = KINDS.get(name)
        is_left_out = value is None and name in OPTIONAL
        found[name] = value if kind is None or is_left_out else kind(name, value)
    if found["early_stopping"]:
        count("n_iter_no_change", found["n_iter_no_change"])
    if found["early_stopping"] and found["validation_fraction"] == 0:
        raise ValueError("validation_fraction is 0 with early_stopping; expected a share of the rows, in (0, 1)")
    return found


#: Parameters by the keys of the library's settings.
NAMES = {
    "seed": "random_state",
    "threads": "n_jobs",
    "data.scaling.kind": "scaling",
    "data.validation": "validation_fraction",
    "validation": "validation_fraction",
    "head.weight_decay": "head_weight_decay",
    **{
        f"layers.{name}": name
        for name in (
            "hidden", "rho", "beta", "weight_decay", "encoder", "decoder", "tied", "top_k", "corruption",
            "corruption_amount",
        )
    },
    **{
        f"{stage}.{key}": name
        for stage in ("pretrain", "softmax", "finetune")
        for key, name in (
            ("optimizer", "optimizer"), ("batch", "batch_size"), ("tolerance", "tol"),
            ("validation_patience", "n_iter_no_change"), ("epochs", f"{stage}_epochs"),
            ("learning_rate", f"{stage}_learning_rate"),
        )
    },
    "pretrain.epochs": "epochs",
    "pretrain.learning_rate": "learning_rate",
}


def name_of(key: str, settings: Mapping[str, Any]) -> str:
    """The parameter that a key of the library stands for; the key where it was given as one."""
    dotted = key.replace("[", ".").replace("]", "")
    if dotted in settings:
        return f"settings[{dotted!r}]"
    plain = ".".join(part for part in dotted.split(".") if not part.isdecimal())
    return NAMES.get(plain, key)


def refusal(error: InputError, settings: Mapping[str, Any], is_auto: bool) -> ValueError:
    """An error of the library in the words of the estimator, which was given these `settings`, and perhaps left
    the choice of the optimizer to us."""
    if not isinstance(error, SettingError):
        key, colon, rest = str(error).partition(": ")
        return InputError(f"{name_of(key, settings)}{colon}{rest}")
    key, found, expected = error.args
    message = f"{name_of(key, settings)} is {found}; expected {expected}"
    if is_auto and "lbfgs" in message:
        message += f' (optimizer="auto" is "lbfgs" for up to {FEW_ROWS} rows; expected optimizer="adam" for this)'
    return InputError(message)


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
