"""The Python package beside the program, PyTorch and scikit-learn: time, memory, and what codes and scores are worth.

    python benches/peers/python.py fit transform outliers codes

needs the wheel of `cargo xtask python`, `torch` for transform, and MNIST in SAE_MNIST_DIR for fit. Every figure is of
this machine in this run; times are medians of rounds in which all take turns, each in a process of its own.
"""

import gzip
import json
import os
import statistics
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path

import numpy as np

ROUNDS = int(os.environ.get("ROUNDS", "3"))
EPOCHS = 10
COMMON = """
    import json, os, sys, time
    import numpy as np
    def peak():
        with open("/proc/self/status") as status:
            return int(next(line for line in status if line.startswith("VmHWM")).split()[1]) / 1024
    def now():
        with open("/proc/self/status") as status:
            return int(next(line for line in status if line.startswith("VmRSS")).split()[1]) / 1024
"""


def in_process(code: str, *arguments: str) -> dict:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", textwrap.dedent(COMMON) + textwrap.dedent(code), *map(str, arguments)],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def in_turn(**contenders) -> dict:
    """Each contender's figures, medians over the rounds, and the median of its ratios to the first."""
    rounds = [{name: run() for name, run in contenders.items()} for _ in range(ROUNDS)]
    first = next(iter(contenders))
    medians = {}
    for name in contenders:
        figures = rounds[0][name]
        medians[name] = {key: statistics.median(r[name][key] for r in rounds) for key in figures}
        ratios = [r[name]["seconds"] / r[first]["seconds"] for r in rounds]
        medians[name]["ratio"] = f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
    return medians


OURS = """
    from sae import SparseAutoencoder
    X = np.load(sys.argv[1])
    before = now()
    estimator = SparseAutoencoder(200, rho=0.1, beta=3.0, weight_decay=1e-3, optimizer="adam", learning_rate=2e-3,
                                  batch_size=256, epochs=int(sys.argv[2]), random_state=1)
    began = time.perf_counter()
    estimator.fit(X)
    took = time.perf_counter() - began
    training = sum(epoch["seconds"] for epoch in estimator.history_)
    print(json.dumps({"seconds": took, "training": training, "peak": peak(), "before": before}))
"""
MLP = """
    from sklearn.neural_network import MLPRegressor
    from sklearn.preprocessing import minmax_scale
    X = minmax_scale(np.load(sys.argv[1]))
    mlp = MLPRegressor(hidden_layer_sizes=(200,), activation="logistic", alpha=1e-3, learning_rate_init=2e-3, batch_size=256,
                       max_iter=int(sys.argv[2]), random_state=1, n_iter_no_change=10**6, tol=0.0)
    began = time.perf_counter()
    mlp.fit(X, X)
    print(json.dumps({"seconds": time.perf_counter() - began, "peak": peak()}))
"""


def mnist() -> np.ndarray:
    folder = Path(os.environ["SAE_MNIST_DIR"])
    data = gzip.open(folder / "train-images-idx3-ubyte.gz").read()
    return (np.frombuffer(data, dtype=np.uint8)[16:].reshape(-1, 784) / 255).astype(np.float32)


def fit() -> None:
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        rows = mnist()
        np.save(folder / "rows.npy", rows)
        np.save(folder / "test.npy", rows[:10])
        (folder / "run.toml").write_text(
            f"""
            seed = 1
            classifier = false
            report = false
            data = {{source = "npy", scaling = {{kind = "min_max"}}, files = {{train = "rows.npy", test = "test.npy"}}}}
            layers = [{{hidden = 200, rho = 0.1, beta = 3.0, weight_decay = 1e-3}}]
            pretrain = {{learning_rate = 2e-3, batch = 256, epochs = {EPOCHS}}}
            """
        )

        def program() -> dict:
            command = [
                str(Path(sys.executable).with_name("sae")), "train", str(folder / "run.toml"), "--overwrite",
                "--quiet", "--out", str(folder / "run"),
            ]
            code = "import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True);" \
                "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024)"
            done = subprocess.run([sys.executable, "-c", code, *command], capture_output=True, text=True, check=True)
            summary = json.loads((folder / "run/summary.json").read_text())
            lines = (folder / "run/metrics.jsonl").read_text().splitlines()
            training = sum(json.loads(line)["seconds"] for line in lines)
            return {"seconds": summary["seconds"], "training": training, "peak": float(done.stdout.splitlines()[-1])}

        found = in_turn(
            program=program,
            sae=lambda: in_process(OURS, folder / "rows.npy", EPOCHS),
            mlp=lambda: in_process(MLP, folder / "rows.npy", EPOCHS),
        )
        array = rows.nbytes / 2**20
        allowed = 1.2 * array + found["program"]["peak"]
        print(f"fit of 784-200 on {len(rows)} rows, {EPOCHS} epochs; the array takes {array:.0f} MiB")
        for name, figures in found.items():
            print(" ", name, figures)
        print(f"  memory allowed: {allowed:.0f} MiB")


def made(code: str) -> str:
    return (
        """
    random = np.random.default_rng(1)
    X = random.random((int(sys.argv[1]), 784), dtype=np.float32)
    some = X[:2000]
    """
        + code
        + """
    apply(some)
    began = time.perf_counter()
    codes = apply(X)
    took = time.perf_counter() - began
    assert codes.shape == (len(X), 200)
    print(json.dumps({"seconds": took, "rows_per_second": len(X) / took}))
    """
    )


ENCODE = {
    "sae": """
    from sae import SparseAutoencoder
    estimator = SparseAutoencoder(200, epochs=2, optimizer="adam", scaling=SCALING, random_state=1).fit(some)
    apply = estimator.transform
    """,
    "torch": """
    import torch
    w, b = torch.randn(784, 200), torch.randn(200)
    low, factor = torch.zeros(784), torch.ones(784)
    def apply(x):
        with torch.inference_mode():
            x = torch.from_numpy(x)
            if SCALING: x = (x - low) * factor
            return torch.sigmoid(torch.addmm(b, x, w)).numpy()
    """,
    "mlp": """
    from sklearn.neural_network import MLPRegressor
    from sklearn.preprocessing import MinMaxScaler
    from scipy.special import expit
    scaler = MinMaxScaler().fit(some)
    mlp = MLPRegressor(hidden_layer_sizes=(200,), activation="logistic", max_iter=2).fit(some, some)
    w, b = mlp.coefs_[0], mlp.intercepts_[0]
    def apply(x):
        x = scaler.transform(x) if SCALING else x
        return expit(x @ w + b)
    """,
}


def transform() -> None:
    rows = int(os.environ.get("ROWS", "1000000"))
    for scaling in ("min_max", None):
        runs = {
            name: (lambda code=code: in_process(made(code.replace("SCALING", repr(scaling))), rows))
            for name, code in ENCODE.items()
        }
        print(f"transform of {rows} x 784 by 200 units, scaling {scaling}")
        for name, figures in in_turn(**runs).items():
            print(" ", name, figures)


def outlier_tables():
    """Tables of scikit-learn with a class that is rare, some of it drawn, and readings of which some are wrong:
    (name, seed, rows, which are outliers)."""
    from sklearn.datasets import load_breast_cancer, load_digits, load_wine

    for name, load, odd in (
        ("breast cancer, malignant", load_breast_cancer, 0),
        ("wine, class 2", load_wine, 2),
        ("digits, fours", load_digits, 4),
    ):
        X, y = load(return_X_y=True)
        usual, rare = np.flatnonzero(y != odd), np.flatnonzero(y == odd)
        for seed in range(10):
            chosen = np.random.default_rng(seed).choice(rare, len(usual) // 10, replace=False) \
                if len(rare) > len(usual) // 10 else rare
            rows = np.concatenate([usual, chosen])
            yield name, seed, X[rows], np.isin(rows, chosen)
    table = np.genfromtxt("configs/table/pump-later.csv", delimiter=",", skip_header=1, dtype=str)
    for seed in range(10):
        yield "pump, broken relations", seed, table[:, :5].astype(float), table[:, 5] != "ok"


def outliers() -> None:
    from sklearn.decomposition import PCA
    from sklearn.ensemble import IsolationForest
    from sklearn.metrics import roc_auc_score
    from sklearn.neighbors import LocalOutlierFactor
    from sklearn.preprocessing import MinMaxScaler

    from sae import AutoencoderDetector

    def pca(X, seed):
        scaled = MinMaxScaler().fit_transform(X)
        model = PCA(max(1, X.shape[1] // 2), svd_solver="full").fit(scaled)
        return np.square(scaled - model.inverse_transform(model.transform(scaled))).sum(axis=1)

    methods = {
        "AutoencoderDetector()": lambda X, s: -AutoencoderDetector(random_state=s).fit(X).score_samples(X),
        # Decay so strong that little but the distance from the mean is left.
        "weight_decay=0.1": lambda X, s: -AutoencoderDetector(weight_decay=0.1, random_state=s)
        .fit(X).score_samples(X),
        "IsolationForest": lambda X, s: -IsolationForest(random_state=s).fit(X).score_samples(X),
        "LocalOutlierFactor": lambda X, s: -LocalOutlierFactor()
        .fit(MinMaxScaler().fit_transform(X)).negative_outlier_factor_,
        "PCA, half the inputs": pca,
    }
    found = {}
    for name, seed, X, odd in outlier_tables():
        for method, score in methods.items():
            found.setdefault((name, method), []).append(roc_auc_score(odd, score(X, seed)))
    print("AUROC of outliers, at most a tenth of the other rows, over 10 draws and seeds: mean and standard deviation")
    for (name, method), values in found.items():
        print(f"  {name:26} {method:24} {np.mean(values):.3f} ± {np.std(values):.3f}")


def codes() -> None:
    from sklearn.datasets import load_breast_cancer, load_digits, load_wine
    from sklearn.decomposition import PCA
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import RepeatedStratifiedKFold, cross_val_score
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import MinMaxScaler, StandardScaler

    from sae import SparseAutoencoder

    print("accuracy of logistic regression, five folds, three times: mean and standard deviation over folds")
    for name, load in (("digits", load_digits), ("breast cancer", load_breast_cancer), ("wine", load_wine)):
        X, y = load(return_X_y=True)
        few = max(2, X.shape[1] // 3)
        steps = {
            "inputs": [MinMaxScaler()],
            f"PCA, {few}": [MinMaxScaler(), PCA(few, svd_solver="full")],
            "PCA, all": [MinMaxScaler(), PCA(svd_solver="full")],
            "SparseAutoencoder()": [SparseAutoencoder(random_state=1)],
            f"SparseAutoencoder({few}, beta=0)": [SparseAutoencoder(few, beta=0.0, random_state=1)],
        }
        for label, before in steps.items():
            model = make_pipeline(*before, StandardScaler(), LogisticRegression(max_iter=5000))
            scores = cross_val_score(model, X, y, cv=RepeatedStratifiedKFold(n_splits=5, n_repeats=3, random_state=1))
            print(f"  {name:14} {label:30} {scores.mean():.4f} ± {scores.std():.4f}")


if __name__ == "__main__":
    for task in sys.argv[1:] or ["fit", "transform", "outliers", "codes"]:
        {"fit": fit, "transform": transform, "outliers": outliers, "codes": codes}[task]()
