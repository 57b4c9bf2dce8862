"""Scalings of inputs in NumPy, float64: fixtures for crates/sae-data/tests/scaling.rs.

Run from this folder to write scaling.npz again. Formulas: UFLDL, "Exercise: Sparse Autoencoder"
(normalizeData) and "Implementing PCA/Whitening".
"""

import numpy as np

rng = np.random.default_rng(20)
mixing = rng.normal(size=(6, 6))
train = rng.normal(size=(50, 6)) @ mixing + rng.normal(size=6)
train[:, 4] = 0.75  # an input that never varies
test = rng.normal(size=(7, 6)) @ mixing
arrays = {"train": train, "test": test}


def without_dc(x):
    return x - x.mean(axis=1, keepdims=True)


def min_max(per_input):
    axis = 0 if per_input else None
    low, high = train.min(axis=axis), train.max(axis=axis)
    span = np.where(high > low, high - low, 2.0)  # what never varies keeps its scale
    return (test - low) * (2.0 / span) - 1.0


def standardise(per_input):
    axis = 0 if per_input else None
    mean = train.mean(axis=0) if per_input else train.mean()
    if per_input:
        deviation = train.std(axis=axis)
        deviation = np.where(train.max(axis=0) > train.min(axis=0), deviation, 1.0)
    else:
        deviation = np.sqrt(((train - mean) ** 2).mean())
    return (test - mean) / deviation


def whiten(zca, epsilon, kept=6, dc=False):
    x, y = (without_dc(train), without_dc(test)) if dc else (train, test)
    mean = x.mean(axis=0)
    sigma = (x - mean).T @ (x - mean) / len(x)
    values, vectors = np.linalg.eigh(sigma)
    values, vectors = values[::-1].clip(0)[:kept], vectors[:, ::-1][:, :kept]
    signs = np.sign(vectors[np.abs(vectors).argmax(axis=0), np.arange(kept)])
    vectors = vectors * signs
    rotated = (y - mean) @ vectors / np.sqrt(values + epsilon)
    return rotated @ vectors.T if zca else rotated


def ufldl(x, y):
    """normalizeData fitted on x and applied to y; patches are rows here."""
    x, y = without_dc(x), without_dc(y)
    pstd = 3 * x.std(ddof=1)
    y = np.maximum(np.minimum(y, pstd), -pstd) / pstd
    return (y + 1) * 0.4 + 0.1


arrays["min_max_input"] = min_max(True)
arrays["min_max_all"] = min_max(False)
arrays["standardise_input"] = standardise(True)
arrays["standardise_all"] = standardise(False)
arrays["zca"] = whiten(True, 0.01)
arrays["pca"] = whiten(False, 0.01)
arrays["pca_3"] = whiten(False, 0.0, kept=3)
arrays["zca_dc"] = whiten(True, 0.01, dc=True)
arrays["ufldl"] = ufldl(train, test)

np.savez("scaling.npz", **arrays)
