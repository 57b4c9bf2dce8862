"""Sparse and stacked autoencoders: exact, fast, repeatable.

Estimators that behave as scikit-learn's do, over the library that the program `sae` is made of:

- `SparseAutoencoder`: codes as features, or for compression;
- `StackedAutoencoderClassifier`: pretraining, a softmax layer, fine-tuning;
- `AutoencoderDetector`: outliers, and which of their inputs do not fit.

`Model` is what they lead to; its file is read by the program `sae`, and theirs by it.
"""

from ._autoencoder import SparseAutoencoder
from ._classifier import StackedAutoencoderClassifier
from ._detector import AutoencoderDetector
from ._sae import InputError, Model, SettingError, __version__
from .plot import plot_loss, plot_tiles

__all__ = [
    "AutoencoderDetector",
    "InputError",
    "Model",
    "SettingError",
    "SparseAutoencoder",
    "StackedAutoencoderClassifier",
    "__version__",
    "plot_loss",
    "plot_tiles",
]
