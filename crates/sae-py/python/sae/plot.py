"""Pictures with matplotlib, which the extra `plot` of the package installs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ._parameters import count

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def _axes(ax: Axes | None) -> Axes:
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise ImportError("pictures need matplotlib: pip install matplotlib") from error
    return plt.subplots()[1] if ax is None else ax


def _shape(width: int, shape: tuple[int, int] | None) -> tuple[int, int]:
    """Height and width of a tile: a square's, where nothing else is said."""
    side = int(np.sqrt(width))
    if shape is None:
        if side * side != width:
            raise ValueError(f"{width} values make no square; expected shape=(height, width)")
        return side, side
    if shape[0] * shape[1] != width:
        raise ValueError(f"shape is {shape}, which has {shape[0] * shape[1]} values; expected {width}")
    return shape


def plot_tiles(
    estimator: Any,
    shape: tuple[int, int] | None = None,
    *,
    most: int | None = None,
    ax: Axes | None = None,
) -> Axes:
    """What hidden units look for, each as a tile.

    Parameters
    ----------
    estimator : fitted estimator or ndarray of shape (tiles, values)
        Its `components_` are drawn, or the rows of the array.
    shape : tuple of int, default=None
        Height and width of a tile; a square's where it is None.
    most : int, default=None
        How many tiles, the first; None for all.
    ax : matplotlib Axes, default=None
        Where to draw; a new figure where it is None.

    Returns
    -------
    ax : matplotlib Axes
        Each tile is divided by its largest absolute value: grey is 0.
    """
    # Not by getattr with a default, which an estimator that is not fitted would get.
    tiles = estimator.components_ if hasattr(estimator, "fit") else estimator
    tiles = np.asarray(tiles, dtype=float)
    if tiles.ndim != 2 or len(tiles) == 0:
        raise ValueError(f"the tiles have the shape {tiles.shape}; expected [tiles, values]")
    if most is not None:
        tiles = tiles[: count("most", most)]
    height, width = _shape(tiles.shape[1], shape)
    axes = _axes(ax)
    columns = int(np.ceil(np.sqrt(len(tiles))))
    rows = -(-len(tiles) // columns)
    sheet = np.full((rows * (height + 1) + 1, columns * (width + 1) + 1), np.nan)
    for place, tile in enumerate(tiles):
        top, left = (place // columns) * (height + 1) + 1, (place % columns) * (width + 1) + 1
        largest = np.abs(tile).max()
        sheet[top : top + height, left : left + width] = (tile / (largest or 1.0)).reshape(height, width)
    axes.imshow(sheet, cmap="gray", vmin=-1, vmax=1, interpolation="nearest")
    axes.set_axis_off()
    return axes


def plot_loss(estimator: Any, *, ax: Axes | None = None) -> Axes:
    """J of every epoch.

    Parameters
    ----------
    estimator : fitted estimator
        Its `loss_curve_` is drawn, and its `validation_curve_` where it has one.
    ax : matplotlib Axes, default=None
        Where to draw; a new figure where it is None.

    Returns
    -------
    ax : matplotlib Axes
    """
    axes = _axes(ax)
    for curve, label in (
        (estimator.loss_curve_, "training"),
        (estimator.validation_curve_, "validation"),
    ):
        if curve:
            axes.plot(range(1, len(curve) + 1), curve, label=label)
    axes.set_xlabel("epoch")
    axes.set_ylabel("J")
    axes.legend()
    return axes
