"""Training further, stopping, being told, and settings."""

import os
import pickle
import signal
import subprocess
import sys
import textwrap
import threading
import time
from fractions import Fraction

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from sae import AutoencoderDetector, SparseAutoencoder, StackedAutoencoderClassifier

SMALL = dict(hidden=5, beta=0.5, optimizer="adam", batch_size=32, epochs=10, random_state=3)


def weights(estimator):
    return np.concatenate([w.ravel() for w in estimator.model_.weights().values()])


def test_training_in_parts_is_training_at_once(rows):
    once = SparseAutoencoder(**SMALL).fit(rows)
    parts = SparseAutoencoder(**SMALL)
    for epoch in range(10):
        assert parts.partial_fit(rows).n_iter_ == epoch + 1
    warm = SparseAutoencoder(**SMALL, warm_start=True).set_params(epochs=4).fit(rows)
    warm.set_params(epochs=6).fit(rows)
    for other in (parts, warm):
        assert np.array_equal(weights(other), weights(once))
        assert other.loss_curve_ == once.loss_curve_
        assert np.array_equal(other.rho_hat_, once.rho_hat_)
    assert once.n_iter_ == 10 and once.loss_curve_[-1] < once.loss_curve_[0]


def test_what_is_pickled_is_trained_further(rows, tmp_path):
    half = SparseAutoencoder(**SMALL, warm_start=True).set_params(epochs=5).fit(rows)
    joblib.dump(half, tmp_path / "half.joblib")
    others = [pickle.loads(pickle.dumps(half)), joblib.load(tmp_path / "half.joblib")]
    half.fit(rows)
    for other in others:
        assert np.array_equal(weights(other.fit(rows)), weights(half))
    assert not hasattr(clone(half), "model_")


def test_line_searches_go_on_too(rows):
    parameters = SMALL | {"optimizer": "lbfgs", "batch_size": "auto"}
    warm = SparseAutoencoder(**parameters, warm_start=True).fit(rows)
    before = warm.loss_curve_[-1]
    assert warm.fit(rows).loss_curve_[-1] < before and warm.n_iter_ == 20
    with pytest.raises(AttributeError):
        warm.partial_fit
    assert not hasattr(warm, "partial_fit")
    # What L-BFGS has trained on all rows goes on with Adam on some.
    automatic = SparseAutoencoder(5, beta=0.5).fit(rows)
    before = automatic.score(rows)
    automatic.partial_fit(rows[:200])
    assert automatic.n_iter_ == 201 and abs(automatic.score(rows) / before - 1) < 0.1


def test_what_goes_on_without_a_seed_holds_back_the_same_rows(rows):
    parameters = SMALL | {"random_state": None, "warm_start": True, "early_stopping": True}
    drawn = SparseAutoencoder(**parameters).fit(rows)
    given = SparseAutoencoder(**parameters | {"random_state": drawn._drawn}).fit(rows)
    assert np.array_equal(weights(drawn), weights(given))
    assert np.array_equal(weights(drawn.fit(rows)), weights(given.fit(rows)))
    assert not np.array_equal(weights(SparseAutoencoder(**parameters).fit(rows)), weights(given))


def test_new_rows_keep_the_scaling(rows):
    estimator = SparseAutoencoder(**SMALL).partial_fit(rows[:200]).partial_fit(2 * rows[200:])
    first = SparseAutoencoder(**SMALL).partial_fit(rows[:200])
    zeros = np.zeros((1, 5), np.float32)
    # Whatever the weights, a decoder that gives 0 gives the least training value of each input.
    assert estimator.inverse_transform(zeros).shape == first.inverse_transform(zeros).shape
    assert estimator.reconstruct(rows).min() >= rows[:200].min() - 1e-6
    with pytest.raises(ValueError, match="features"):
        estimator.partial_fit(rows[:, :5])


def test_callbacks_hear_of_every_epoch_and_may_end_training(rows):
    told = []
    full = SparseAutoencoder(**SMALL, callback=told.append).fit(rows)
    assert [epoch["epoch"] for epoch in told] == list(range(1, 11))
    assert told == full.history_ and told[0]["terms"]["sparsity"] > 0

    def stop(error):
        def callback(epoch):
            if epoch["epoch"] == 4:
                raise error
        return callback

    stopped = SparseAutoencoder(**SMALL, callback=stop(StopIteration())).fit(rows)
    assert stopped.n_iter_ == 4
    four = SparseAutoencoder(**SMALL).set_params(epochs=4).fit(rows)
    assert np.array_equal(weights(stopped), weights(four))
    failed = SparseAutoencoder(**SMALL, callback=stop(KeyError("mine")))
    with pytest.raises(KeyError, match="mine"):
        failed.fit(rows)
    assert np.array_equal(weights(failed), weights(four))


def test_early_stopping_gives_the_best_epoch(rows):
    estimator = SparseAutoencoder(
        **SMALL | {"epochs": 300, "hidden": 12, "learning_rate": 0.05}, early_stopping=True, n_iter_no_change=3
    ).fit(rows)
    curve = estimator.validation_curve_
    assert len(curve) == estimator.n_iter_ < 300
    assert int(np.argmin(curve)) == estimator.n_iter_ - 4


def test_rho_hat_is_the_mean_code(rows):
    estimator = SparseAutoencoder(**SMALL).fit(rows)
    assert np.allclose(estimator.rho_hat_, estimator.transform(rows).mean(axis=0), atol=1e-6)
    assert estimator.components_.shape == (5, 12)
    assert np.allclose(np.linalg.norm(estimator.components_, axis=1), 1)
    w1 = estimator.model_.weights()["autoencoders.0.encoder.weight"]
    assert np.allclose(estimator.components_, (w1 / np.linalg.norm(w1, axis=0)).T, atol=1e-6)


def test_rows_without_labels_take_part_in_pretraining(rows, classes):
    parameters = dict(
        hidden=(6, 4), beta=0.1, optimizer="adam", batch_size=32, epochs=10, softmax_epochs=60, finetune_epochs=60,
        softmax_learning_rate=0.05, finetune_learning_rate=0.02, random_state=2,
    )
    known = classes.copy()
    known[60:] = -1
    found = StackedAutoencoderClassifier(**parameters).fit(rows, known)
    assert list(found.classes_) == [0, 1, 2, 3] and found.score(rows, classes) > 0.5
    # Pretraining is that of all rows ...
    all_rows = StackedAutoencoderClassifier(**parameters).fit(rows, classes)
    pretrained = {k: v for k, v in found.model_.weights().items() if k.startswith("autoencoders")}
    for name, weight in pretrained.items():
        assert np.array_equal(weight, all_rows.model_.weights()[name]), name
    assert np.array_equal(found.rho_hat_, all_rows.rho_hat_)
    # ... and more epochs go on with fine-tuning.
    found.set_params(warm_start=True).fit(rows, known)
    assert found.n_iter_ == 120
    with pytest.raises(ValueError, match="classes"):
        found.fit(rows, classes % 2)


def test_two_classes_may_be_minus_one_and_one(rows, classes):
    signs = np.where(classes > 1, 1, -1)
    found = StackedAutoencoderClassifier((5,), beta=0.1).fit(rows, signs)
    assert set(found.predict(rows)) == {-1, 1} and found.score(rows, signs) > 0.9
    with pytest.raises(ValueError, match="one class"):
        StackedAutoencoderClassifier().fit(rows, np.zeros(400, int))


INTERRUPTED = """
    import os, signal, sys, threading, time
    import numpy as np
    from sae import SparseAutoencoder, StackedAutoencoderClassifier
    X = np.random.default_rng(1).uniform(size=(4000, 60)).astype(np.float32)
    y = (X[:, 0] > 0.5).astype(int)
    kind = sys.argv[1]
    if kind == "classifier":
        estimator = StackedAutoencoderClassifier((30,), optimizer="adam", epochs=3, softmax_epochs=10**6)
    else:
        estimator = SparseAutoencoder(30, optimizer=kind, epochs=10**6)
    threading.Timer(1.0, os.kill, (os.getpid(), signal.SIGINT)).start()
    began = time.time()
    try:
        estimator.fit(X) if kind != "classifier" else estimator.fit(X, y)
    except KeyboardInterrupt:
        took = time.time() - began
        assert took < 5, took
        encode = estimator.encode if kind == "classifier" else estimator.transform
        assert encode(X).shape == (4000, 30)
        if kind == "classifier":
            assert estimator.predict(X).shape == (4000,)
        print("interrupted with a model")
"""


@pytest.mark.parametrize("kind", ["adam", "lbfgs", "classifier"])
def test_ctrl_c_keeps_the_model_so_far(kind):
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(INTERRUPTED), kind], capture_output=True, text=True, timeout=60
    )
    assert done.stdout == "interrupted with a model\n", done.stderr


def test_other_threads_go_on_while_training():
    rows = np.random.default_rng(1).uniform(size=(5000, 100)).astype(np.float32)
    training = threading.Thread(target=lambda: SparseAutoencoder(50, optimizer="adam", epochs=60).fit(rows))
    training.start()
    ticks, began = 0, time.time()
    while training.is_alive():
        time.sleep(0.001)
        ticks += 1
    assert ticks > 100 * (time.time() - began)


def test_other_models_work_while_one_is_trained(rows):
    other = SparseAutoencoder(**SMALL, n_jobs=1).fit(rows)
    expected = other.transform(rows)
    heard = []
    callback = lambda epoch: heard.append(other.transform(rows))
    # Both have one thread, and the training waits for its callback.
    training = threading.Thread(target=lambda: SparseAutoencoder(**SMALL, n_jobs=1, callback=callback).fit(rows))
    training.daemon = True
    training.start()
    training.join(60)
    assert not training.is_alive()
    assert len(heard) == 10 and all(np.array_equal(codes, expected) for codes in heard)


@pytest.mark.parametrize(
    "change, error, message",
    [
        ({"rho": 0.0}, ValueError, r"^rho is 0; expected a number in \(0, 1\)"),
        ({"hidden": 0}, ValueError, "^hidden is 0; expected at least 1"),
        ({"hidden": 2.5}, TypeError, "^hidden is 2.5; expected a whole number"),
        ({"hidden": "many"}, TypeError, "^hidden is 'many'; expected a whole number"),
        ({"beta": "3"}, TypeError, "^beta is '3'; expected a number"),
        ({"tied": None}, TypeError, "^tied is None; expected True or False"),
        ({"warm_start": "yes"}, TypeError, "^warm_start is 'yes'; expected True or False"),
        ({"top_k": None}, TypeError, "^top_k is None"),
        ({"encoder": "gelu"}, ValueError, "^encoder: .*gelu"),
        ({"optimizer": "adagrad"}, ValueError, "^optimizer: .*adagrad"),
        ({"learning_rate": -1.0}, ValueError, "^learning_rate is -1"),
        ({"batch_size": 0, "epochs": None}, ValueError, "^batch_size is 0"),
        ({"batch_size": "all"}, ValueError, "^batch_size is 'all'"),
        ({"batch_size": None}, TypeError, "^batch_size is None"),
        ({"epochs": 0}, ValueError, "^epochs is 0"),
        ({"epochs": 2.5}, TypeError, "^epochs is 2.5"),
        ({"scaling": "max"}, ValueError, "^scaling: .*max"),
        ({"scaling": "standardise"}, ValueError, "^decoder is"),
        ({"random_state": -1}, ValueError, "^random_state is -1"),
        ({"random_state": True}, TypeError, "^random_state is True"),
        ({"n_jobs": 0}, ValueError, "^n_jobs is 0"),
        ({"callback": 5}, TypeError, "^callback is 5"),
        ({"early_stopping": True, "validation_fraction": 1.0}, ValueError, "^validation_fraction is 1"),
        ({"early_stopping": True, "validation_fraction": 0}, ValueError, "^validation_fraction is 0"),
        ({"early_stopping": True, "n_iter_no_change": 0}, ValueError, "^n_iter_no_change is 0"),
        (
            {"optimizer": "auto", "batch_size": "auto", "settings": {"pretrain.schedule": "cosine"}},
            ValueError,
            'expected optimizer="adam"',
        ),
        ({"settings": {"pretrain.epoch": 3}}, ValueError, "did you mean `epochs`"),
        ({"settings": {"pretrain.momentum": 3}}, ValueError, r"^settings\['pretrain.momentum'\] is 3"),
        ({"settings": {"report": True}}, ValueError, "^settings has the key 'report'"),
        ({"settings": 3}, TypeError, "^settings is 3"),
    ],
)
def test_wrong_parameters_are_named(rows, change, error, message):
    with pytest.raises(error, match=message):
        SparseAutoencoder(**SMALL | change).fit(rows)


def test_wrong_parameters_of_later_stages_are_named(rows, classes):
    for change, message in (
        ({"finetune_epochs": 0}, "^finetune_epochs is 0"),
        ({"softmax_learning_rate": -1.0}, "^softmax_learning_rate is -1"),
        ({"head_weight_decay": -1.0}, "^head_weight_decay is -1"),
        ({"tol": -1.0}, "^tol is -1"),
    ):
        with pytest.raises(ValueError, match=message):
            StackedAutoencoderClassifier((4,), epochs=2, **change).fit(rows, classes)
        # Before pretraining, where that is a training of its own.
        known = np.where(np.arange(400) < 60, classes, -1)
        alone = StackedAutoencoderClassifier((4,), epochs=2, **change)
        with pytest.raises(ValueError, match=message):
            alone.fit(rows, known)
        assert not hasattr(alone, "model_")
    with pytest.raises(ValueError, match="no row has a label"):
        StackedAutoencoderClassifier().fit(rows, np.full(400, -1))


def test_numbers_of_every_kind_are_numbers(rows):
    plain = SparseAutoencoder(**SMALL).set_params(beta=0.5, rho=0.1).fit(rows)
    numbers = {"hidden": np.int64(5), "beta": np.float64(0.5), "rho": Fraction(1, 10), "epochs": np.int32(10)}
    other = SparseAutoencoder(**SMALL).set_params(**numbers).fit(rows)
    assert np.array_equal(weights(plain), weights(other))
    generated = [SparseAutoencoder(**SMALL | {"random_state": np.random.default_rng(1)}).fit(rows) for _ in "ab"]
    assert np.array_equal(weights(generated[0]), weights(generated[1]))


def test_what_goes_on_cannot_become_another_model(rows, tmp_path):
    estimator = SparseAutoencoder(**SMALL, warm_start=True).fit(rows)
    layers = {"settings": {"layers.0.encoder": "tanh"}}
    for change in ({"hidden": 7}, {"scaling": "none"}, {"encoder": "tanh"}, {"gradient": "autodiff"}, layers):
        (name, value), = change.items()
        with pytest.raises(ValueError, match=f"^{name} is .*expected"):
            estimator.set_params(**change).fit(rows)
        estimator.set_params(**{name: getattr(SparseAutoencoder(**SMALL), name)})
    estimator.save(tmp_path / "model.safetensors")
    loaded = SparseAutoencoder.from_model(tmp_path / "model.safetensors", warm_start=True)
    for train in (loaded.fit, loaded.partial_fit):
        with pytest.raises(ValueError, match="memory of its training"):
            train(rows)


def test_a_failed_fit_leaves_what_was_there(rows, classes):
    classifier = StackedAutoencoderClassifier((4,), epochs=5).fit(rows, classes % 2)
    before = classifier.predict(rows)
    with pytest.raises(ValueError, match="^rho is 9"):
        classifier.set_params(rho=9).fit(rows, np.array(["b", "a"])[classes % 2])
    assert np.array_equal(classifier.predict(rows), before)
    detector = AutoencoderDetector(epochs=5).fit(rows)
    offset = detector.offset_
    with pytest.raises(ValueError, match="^rho is 9"):
        detector.set_params(rho=9).fit(100 * rows)
    assert detector.offset_ == offset
    # And what it knows of rows, whatever the others were like.
    for estimator in (detector, SparseAutoencoder(**SMALL).fit(rows)):
        before = estimator.model_
        with pytest.raises(ValueError, match="^rho is 9"):
            estimator.set_params(rho=9).fit(pd.DataFrame(rows[:, :4]).add_prefix("c"))
        assert estimator.model_ is before and estimator.n_features_in_ == 12
        assert not hasattr(estimator, "feature_names_in_") and len(estimator.score_samples(rows)) == 400


def test_what_is_stopped_early_is_stopped(rows, classes):
    def stop(epoch):
        if epoch["epoch"] == 2:
            raise StopIteration

    some = np.where(np.arange(400) < 30, classes, -1)
    for labels in (some, classes):
        classifier = StackedAutoencoderClassifier((4,), optimizer="adam", epochs=5, callback=stop).fit(rows, labels)
        assert [epoch["stage"] for epoch in classifier.history_] == ["autoencoder-1"] * 2
        assert classifier.encode(rows).shape == (400, 4)
        with pytest.raises(NotFittedError, match="before the softmax layer"):
            classifier.predict(rows)
        with pytest.raises(NotFittedError, match="rho_hat_ is not known"):
            classifier.rho_hat_


def test_settings_reach_the_library(rows):
    plain = SparseAutoencoder(**SMALL).fit(rows)
    settings = {"pretrain.schedule": "cosine", "pretrain.schedule_last": 1e-6}
    other = SparseAutoencoder(**SMALL, settings=settings).fit(rows)
    rates = [epoch["learning_rate"] for epoch in other.history_]
    assert rates[0] == pytest.approx(1e-3) and rates[-1] < 1e-4
    assert not np.array_equal(weights(plain), weights(other))


def test_detectors_say_what_does_not_fit():
    x = np.random.default_rng(1).uniform(size=(600, 1))
    rows = np.hstack([x, x**2, 1 - x])
    wrong = np.array([[0.5, 0.9, 0.5]])
    for contamination in (0.01, "auto"):
        detector = AutoencoderDetector(1, contamination=contamination, random_state=1).fit(rows)
        assert list(detector.predict(np.vstack([rows[:1], wrong]))) == [1, -1]
        assert np.mean(detector.predict(rows) == -1) < 0.02
        assert np.argmax(detector.feature_errors(wrong)) == 1
        z = detector.reconstruct(wrong)
        assert np.allclose(detector.feature_errors(wrong), np.abs(wrong - z), atol=1e-6)
    # Rows that are alike are never outliers, whatever rounding says.
    same = np.vstack([np.ones((60, 3)), np.random.default_rng(1).uniform(size=(40, 3))])
    for seed in range(5):
        detector = AutoencoderDetector(contamination="auto", epochs=50, random_state=seed)
        assert (detector.fit(same[:60]).predict(same[:60]) == 1).all()
        assert (detector.fit(same).predict(same[:60]) == 1).all()
    for share in (0, 0.6, True, "some"):
        with pytest.raises(ValueError, match="contamination"):
            AutoencoderDetector(contamination=share).fit(rows)


def test_nothing_is_known_before_fit(rows):
    for estimator in (SparseAutoencoder(), AutoencoderDetector(), StackedAutoencoderClassifier()):
        for name in ("components_", "rho_hat_", "loss_curve_", "n_iter_"):
            with pytest.raises(NotFittedError):
                getattr(estimator, name)
