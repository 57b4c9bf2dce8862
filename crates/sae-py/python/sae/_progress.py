"""Who is told of the epochs of a training."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class Progress:
    """Shows each epoch on a bar of tqdm where that is installed, else as a line, and tells the caller's
    callback."""

    def __init__(self, callback: Callable[[dict[str, Any]], Any] | None, verbose: bool) -> None:
        self.callback = callback
        self.verbose = verbose
        self.bar: Any = None
        self.stage: str | None = None

    def __call__(self, epoch: dict[str, Any]) -> None:
        if self.verbose:
            self.show(epoch)
        if self.callback is not None:
            self.callback(epoch)

    def show(self, epoch: dict[str, Any]) -> None:
        figures = f"J {epoch['objective']:.6g}"
        if "validation_objective" in epoch:
            figures += f", validation J {epoch['validation_objective']:.6g}"
        try:
            from tqdm.auto import tqdm
        except ImportError:
            print(f"{epoch['stage']}: epoch {epoch['epoch']}, {figures}", flush=True)
            return
        if epoch["stage"] != self.stage:
            self.close()
            self.stage = epoch["stage"]
            self.bar = tqdm(desc=self.stage, unit=" epochs", initial=epoch["epoch"] - 1)
        self.bar.set_postfix_str(figures, refresh=False)
        self.bar.update()

    def close(self) -> None:
        if self.bar is not None:
            self.bar.close()
            self.bar = None
