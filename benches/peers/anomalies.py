"""Finding what was never seen: one class is held out of training, and the scores of test images tell
it from the others. AUROC of `sae score`, of PCA's reconstruction error with as many components as the
autoencoder has hidden units, and of an isolation forest.

    python3 benches/peers/anomalies.py SAE MNIST_DIR [CLASS...]

SAE is the program, for example target/release/sae. Needs NumPy and scikit-learn.
"""

import gzip
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
from sklearn.decomposition import PCA
from sklearn.ensemble import IsolationForest
from sklearn.metrics import roc_auc_score

CONFIG = """
classifier = false
[data]
source = "npy"
validation = 0.05
[data.files]
train = "train.npy"
test = "test.npy"
[[layers]]
hidden = {hidden}
rho = 0.1
beta = {beta}
weight_decay = {decay}
[pretrain]
epochs = {epochs}
learning_rate = 2e-3
"""


def idx(path):
    opened = gzip.open(path) if path.suffix == ".gz" else open(path, "rb")
    with opened as file:
        data = file.read()
    rank = data[3]
    rows = int.from_bytes(data[4:8], "big")
    return np.frombuffer(data, np.uint8, offset=4 + 4 * rank).reshape(rows, -1)


def pair(folder, kind):
    def find(what):
        return next(p for p in sorted(folder.iterdir()) if p.name.startswith(kind) and what in p.name)

    return idx(find("images")), idx(find("labels")).ravel()


def scores(sae, train, test, settings):
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        np.save(folder / "train.npy", train)
        np.save(folder / "test.npy", test)
        (folder / "c.toml").write_text(CONFIG.format(**settings))
        run = [sae, "train", folder / "c.toml", "--out", folder / "run", "--quiet"]
        subprocess.run(run, check=True, stdout=subprocess.DEVNULL)
        out = folder / "scores.npy"
        score = [sae, "score", folder / "run", folder / "test.npy", "--out", out]
        subprocess.run(score, check=True)
        return np.load(out)[:, 0]


def compare(sae, name, images, labels, test, test_labels, held_out, settings):
    train = images[labels != held_out]
    odd = test_labels == held_out
    ours = roc_auc_score(odd, scores(sae, train, test, settings))
    x, t = train / 255.0, test / 255.0
    pca = PCA(settings["hidden"], random_state=1).fit(x)
    error = ((t - pca.inverse_transform(pca.transform(t))) ** 2).sum(axis=1)
    forest = IsolationForest(random_state=1, n_jobs=2).fit(x)
    others = roc_auc_score(odd, error), roc_auc_score(odd, -forest.score_samples(t))
    print(f"{name:<8} {held_out:>5} {ours:>8.3f} {others[0]:>8.3f} {others[1]:>8.3f}", flush=True)


def main():
    sae, mnist = pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2])
    classes = [int(c) for c in sys.argv[3:]] or [0, 1, 4, 8]
    print(f"{'data':<8} {'class':>5} {'sae':>8} {'PCA':>8} {'forest':>8}")
    images, labels = pair(mnist, "train")
    test, test_labels = pair(mnist, "t10k")
    settings = {"hidden": 64, "beta": 0.0, "decay": 1e-5, "epochs": 30}
    for held_out in classes:
        compare(sae, "MNIST", images, labels, test, test_labels, held_out, settings)
    with tempfile.TemporaryDirectory() as name:
        out = pathlib.Path(name) / "shapes"
        subprocess.run([sae, "data", "shapes", "--out", out], check=True, stdout=subprocess.DEVNULL)
        images, labels = pair(out, "train")
        test, test_labels = pair(out, "test")
        settings = {"hidden": 64, "beta": 0.0, "decay": 1e-5, "epochs": 30}
        for held_out in range(int(labels.max()) + 1):
            compare(sae, "shapes", images, labels, test, test_labels, held_out, settings)


main()
