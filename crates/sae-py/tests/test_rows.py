"""Rows of every kind, and processes of every kind."""

import multiprocessing
import subprocess
import sys
import textwrap

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy import sparse
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from sae import AutoencoderDetector, SparseAutoencoder, StackedAutoencoderClassifier

SMALL = dict(hidden=5, beta=0.5, optimizer="adam", batch_size=32, epochs=4, random_state=3)


def test_rows_of_every_kind_give_the_same(rows, tmp_path):
    expected = SparseAutoencoder(**SMALL).fit(rows).transform(rows)
    np.save(tmp_path / "rows.npy", rows)
    for given in (
        rows.astype(np.float64),
        np.asfortranarray(rows),
        np.repeat(rows, 2, axis=0)[::2],
        rows.astype(">f4"),
        np.load(tmp_path / "rows.npy", mmap_mode="r"),
        rows.tolist(),
        np.frombuffer(b" " + rows.tobytes(), np.float32, offset=1).reshape(rows.shape),
        pd.DataFrame(rows).set_axis([str(k) for k in range(12)], axis=1),
        pl.DataFrame(rows, schema=[str(k) for k in range(12)]),
    ):
        estimator = SparseAutoencoder(**SMALL).fit(given)
        assert np.array_equal(estimator.transform(given), expected), type(given)
    whole = (100 * rows).astype(np.int16)
    estimator = SparseAutoencoder(**SMALL)
    assert np.array_equal(estimator.fit_transform(whole), estimator.fit_transform(whole.astype(float)))


def test_names_of_columns_are_kept(rows):
    for frame in (pd.DataFrame, pl.DataFrame):
        names = [f"c{k}" for k in range(12)]
        data = frame({name: rows[:, k] for k, name in enumerate(names)})
        estimator = SparseAutoencoder(**SMALL).fit(data)
        assert list(estimator.feature_names_in_) == names == estimator.model_.names
        assert list(estimator.get_feature_names_out()) == [f"sparseautoencoder{k}" for k in range(5)]
        with pytest.raises(ValueError, match="feature names"):
            estimator.transform(data[names[::-1]])
    codes = SparseAutoencoder(**SMALL).set_output(transform="pandas").fit_transform(data.to_pandas())
    assert list(codes.columns) == list(estimator.get_feature_names_out())


def test_sparse_rows_are_refused(rows):
    for matrix in (sparse.csr_matrix(rows), sparse.coo_array(rows)):
        for estimator in (SparseAutoencoder(), AutoencoderDetector(), StackedAutoencoderClassifier()):
            with pytest.raises(TypeError, match="[Ss]parse"):
                estimator.fit(matrix, np.arange(400) % 2)


def test_values_that_are_not_finite_are_refused(rows):
    wrong = rows.copy()
    wrong[3, 4] = np.nan
    with pytest.raises(ValueError, match="NaN"):
        SparseAutoencoder().fit(wrong)
    with pytest.raises(ValueError, match="infinity|too large"):
        SparseAutoencoder().fit(np.full((4, 3), 1e300))


def test_models_read_rows_only_where_they_lie_one_after_the_other(rows):
    model = SparseAutoencoder(**SMALL).fit(rows).model_
    for wrong in (np.asfortranarray(rows), rows[:, ::2], rows[::2]):
        with pytest.raises(ValueError, match="C-contiguous"):
            model.encode(wrong)


def test_more_threads_than_processors_are_never_started(rows):
    estimator = SparseAutoencoder(**SMALL).fit(rows)
    expected = estimator.transform(rows)
    for threads in (1, 2, 10**6):
        assert np.array_equal(estimator.model_.encode(rows, threads), expected)


def test_nothing_is_written_into_rows(rows):
    locked = rows.copy()
    locked.flags.writeable = False
    for scaling, decoder in (("min_max", "sigmoid"), ("none", "linear"), ("pca", "linear")):
        estimator = SparseAutoencoder(**SMALL, scaling=scaling, decoder=decoder).fit(locked)
        estimator.reconstruct(locked)
    assert np.array_equal(locked, rows)


def test_a_row_has_the_same_code_whatever_is_beside_it(rows):
    estimator = SparseAutoencoder(**SMALL).fit(rows)
    codes = estimator.transform(rows)
    order = np.random.default_rng(1).permutation(400)
    assert np.array_equal(estimator.transform(rows[order]), codes[order])
    for size in (1, 7, 399):
        parts = [estimator.transform(rows[first : first + size]) for first in range(0, 400, size)]
        assert np.array_equal(np.vstack(parts), codes)


def encoded(estimator, rows, queue):
    queue.put((estimator.transform(rows), estimator.fit(rows).transform(rows)))


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_other_processes_give_the_same(method, rows):
    estimator = SparseAutoencoder(**SMALL).fit(rows)
    # The parent's threads work before the fork, and are missing after it.
    expected = estimator.transform(rows)
    context = multiprocessing.get_context(method)
    queue = context.Queue()
    child = context.Process(target=encoded, args=(estimator, rows, queue))
    child.start()
    transformed, fitted = queue.get(timeout=60)
    child.join(60)
    assert child.exitcode == 0
    assert np.array_equal(transformed, expected) and np.array_equal(fitted, expected)
    assert np.array_equal(estimator.transform(rows), expected)


FORKED = """
    import os, numpy as np
    from sae import SparseAutoencoder
    rows = np.random.default_rng(1).uniform(size=(300, 20)).astype(np.float32)
    estimator = SparseAutoencoder(5, epochs=3).fit(rows)
    expected = estimator.transform(rows)
    child = os.fork()
    if child == 0:
        # A model that is never used here is given up, and one that is used works.
        same = np.array_equal(SparseAutoencoder.from_model(estimator.model_).transform(rows), expected)
        del estimator
        os._exit(0 if same else 3)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def test_a_fork_gives_models_up():
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(FORKED)], capture_output=True, text=True, timeout=60
    )
    assert done.stdout == "0\n", done.stderr


def test_pipelines_and_grids_work():
    X, y = load_digits(return_X_y=True)
    X, y = X[:600], y[:600]
    pipeline = make_pipeline(SparseAutoencoder(beta=0.1, epochs=50, random_state=1), LogisticRegression(max_iter=500))
    grid = GridSearchCV(pipeline, {"sparseautoencoder__hidden": [10, 30]}, cv=3, n_jobs=2).fit(X, y)
    assert grid.best_params_ == {"sparseautoencoder__hidden": 30} and grid.best_score_ > 0.8
    alone = GridSearchCV(pipeline, {"sparseautoencoder__hidden": [10, 30]}, cv=3).fit(X, y)
    assert np.array_equal(alone.cv_results_["mean_test_score"], grid.cv_results_["mean_test_score"])


def test_workers_of_joblib_share_the_processors(monkeypatch):
    from sae._parameters import threads

    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    assert threads(None) == 0 and threads(3) == 3 and threads(-1) >= 1
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    assert threads(None) == 2 and threads(1) == 1
