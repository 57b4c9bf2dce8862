"""An independent float64 evaluation of the sparse autoencoder's objective with NumPy.

    python tests/reference/objective.py

writes the fixtures beside this file: weights in two orientations and as UFLDL's flat vector, data,
and what the objective, its terms, rho_hat and the gradient's norm are in each convention. The tests
read the fixtures; nobody needs Python to run them. The gradient is checked here by central
differences before anything is written.
"""

import json
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
R, N, H = 50, 12, 7
ALPHA, BETA, RHO = 0.003, 2.5, 0.08

# Numbers without a generator: they are the same with any version of NumPy.
wave = lambda *shape, f, a: a * np.sin(f * (1.0 + np.arange(np.prod(shape)))).reshape(shape)
X = 0.5 + 0.5 * np.sin(0.7 * (1.0 + np.arange(R * N)) ** 1.3).reshape(R, N)
THETA = [
    wave(N, H, f=1.1, a=0.6),
    wave(H, f=2.3, a=0.4),
    wave(H, N, f=0.9, a=0.5),
    wave(N, f=1.7, a=0.3),
]

sigmoid = lambda p: 1.0 / (1.0 + np.exp(-p))


def forward(theta):
    w1, b, w2, c = theta
    y = sigmoid(X @ w1 + b)
    return y, sigmoid(y @ w2 + c)


def terms(theta):
    w1, _, w2, _ = theta
    y, z = forward(theta)
    rho_hat = y.mean(axis=0)
    kl = RHO * np.log(RHO / rho_hat) + (1 - RHO) * np.log((1 - RHO) / (1 - rho_hat))
    return [
        0.5 * ((X - z) ** 2).sum() / R,
        0.5 * ALPHA * ((w1**2).sum() + (w2**2).sum()),
        BETA * kl.sum(),
    ]


def cross_entropy(theta):
    z = forward(theta)[1]
    return -(X * np.log(z) + (1 - X) * np.log(1 - z)).sum() / R


def objective(theta, entropy):
    parts = terms(theta)
    return sum([cross_entropy(theta), *parts[1:]] if entropy else parts)


def gradient(theta, entropy):
    w1, _, w2, _ = theta
    y, z = forward(theta)
    rho_hat = y.mean(axis=0)
    delta3 = (z - X) * (1 if entropy else z * (1 - z))
    g = BETA * (-RHO / rho_hat + (1 - RHO) / (1 - rho_hat))
    delta2 = (delta3 @ w2.T + g) * y * (1 - y)
    return [
        X.T @ delta2 / R + ALPHA * w1,
        delta2.mean(axis=0),
        y.T @ delta3 / R + ALPHA * w2,
        delta3.mean(axis=0),
    ]


def check_gradient(entropy):
    slopes = gradient(THETA, entropy)
    for k, values in enumerate(THETA):
        for i in range(0, values.size, 5):
            def at(step):
                moved = [t.copy() for t in THETA]
                moved[k].flat[i] += step
                return objective(moved, entropy)
            difference = (at(1e-5) - at(-1e-5)) / 2e-5
            assert abs(difference - slopes[k].flat[i]) < 1e-9, (k, i)


def main():
    check_gradient(entropy=False)
    check_gradient(entropy=True)
    w1, b, w2, c = THETA
    parts = terms(THETA)
    norm = lambda entropy: np.sqrt(sum((g**2).sum() for g in gradient(THETA, entropy)))
    conventions = {}
    for name, factor in [("mean", 1), ("note", R), ("ufldl", 1), ("matlab", 2 / N), ("r", 1)]:
        conventions[name] = {
            "objective": factor * sum(parts),
            "reconstruction": factor * parts[0],
            "weight_decay": factor * parts[1],
            "sparsity": factor * parts[2],
            "gradient_norm": factor * norm(entropy=False),
            "settings": {"weight_decay": factor * ALPHA, "beta": factor * BETA, "rho": RHO},
        }
    expected = {
        "rho_hat": list(forward(THETA)[0].mean(axis=0)),
        "conventions": conventions,
        "cross_entropy": {
            "objective": objective(THETA, entropy=True),
            "reconstruction_cross_entropy": cross_entropy(THETA),
            "weight_decay": parts[1],
            "sparsity": parts[2],
            "gradient_norm": norm(entropy=True),
        },
    }
    # MATLAB's mse is the mean over all elements: the factor above, written out once.
    mse = ((X - forward(THETA)[1]) ** 2).mean()
    assert abs(conventions["matlab"]["reconstruction"] - mse) < 1e-15

    np.save(HERE / "data.npy", X)
    np.savez(HERE / "weights.npz", W1=w1, b=b, W2=w2, c=c)
    np.savez(HERE / "weights_out_in.npz", W1=w1.T, b=b, W2=w2.T, c=c)
    column_order = [w1.T.ravel(order="F"), w2.T.ravel(order="F"), b, c]
    np.save(HERE / "theta.npy", np.concatenate(column_order))
    (HERE / "objective.json").write_text(json.dumps(expected, indent=1) + "\n")


main()
