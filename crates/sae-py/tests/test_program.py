"""Codes and weights equal those of the program `sae` to the last bit, and models go both ways."""

import numpy as np
import pandas as pd
import pytest

from sae import AutoencoderDetector, Model, SparseAutoencoder, StackedAutoencoderClassifier

CONFIG = """
seed = 5
classifier = {classifier}
report = false

[data]
source = "npy"
validation = {validation}

[data.files]
train = "train.npy"
test = "test.npy"
{labels}

[data.scaling]
kind = "min_max"

{layers}

[pretrain]
optimizer = "{optimizer}"
batch = {batch}
learning_rate = {rate}
epochs = 12
validation_patience = {patience}

[softmax]
batch = 32
epochs = 12
learning_rate = 0.02

[finetune]
batch = 32
epochs = 12
learning_rate = 0.003
"""
LAYER = "[[layers]]\nhidden = {}\nrho = 0.1\nbeta = 0.5\nweight_decay = 1e-4\n"


def trained(program, folder, rows, labels=None, *, hidden, optimizer="adam", batch="32", rate=0.01, early=False):
    """The model that the program makes of rows."""
    np.save(folder / "train.npy", rows)
    np.save(folder / "test.npy", rows[:20])
    files = ""
    if labels is not None:
        np.save(folder / "labels.npy", labels)
        np.save(folder / "test-labels.npy", labels[:20])
        files = 'train_labels = "labels.npy"\ntest_labels = "test-labels.npy"'
    (folder / "run.toml").write_text(
        CONFIG.format(
            classifier=str(labels is not None).lower(),
            validation=0.2 if early else 0.0,
            patience=3 if early else 0,
            labels=files,
            layers="\n".join(LAYER.format(size) for size in hidden),
            optimizer=optimizer,
            batch=batch,
            rate=rate,
        )
    )
    program("train", folder / "run.toml", "--out", folder / "run", "--quiet")
    return Model.load(str(folder / "run"))


def assert_same(one, other):
    one, other = one.weights(), other.weights()
    assert one.keys() == other.keys()
    for name in one:
        assert np.array_equal(one[name], other[name]), name


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    "optimizer, batch, rate, early",
    [("adam", 32, 0.01, False), ("adam", 32, 0.01, True), ("lbfgs", "full", 1.0, False)],
)
def test_an_autoencoder_has_the_bits_of_the_program(
    program, tmp_path, rows, threads, dtype, optimizer, batch, rate, early
):
    # Numbers in double precision that no single one equals.
    rows = rows if dtype is np.float32 else rows.astype(dtype) + 1e-10
    written = f'"{batch}"' if batch == "full" else batch
    expected = trained(
        program, tmp_path, rows, hidden=[7], optimizer=optimizer, batch=written, rate=rate, early=early
    )
    found = SparseAutoencoder(
        7, rho=0.1, beta=0.5, optimizer=optimizer, batch_size=batch, learning_rate=rate, epochs=12,
        early_stopping=early, validation_fraction=0.2, n_iter_no_change=3, random_state=5, n_jobs=threads,
    ).fit(rows)
    assert_same(found.model_, expected)
    program("encode", tmp_path / "run", tmp_path / "train.npy", "--out", tmp_path / "codes.npy")
    codes = found.transform(rows)
    assert np.array_equal(codes, np.load(tmp_path / "codes.npy"))
    program("decode", tmp_path / "run", tmp_path / "codes.npy", "--out", tmp_path / "again.npy")
    assert np.array_equal(found.inverse_transform(codes), np.load(tmp_path / "again.npy"))


@pytest.mark.parametrize("as_words", [False, True])
def test_a_classifier_has_the_bits_of_the_program(program, tmp_path, rows, classes, as_words):
    expected = trained(program, tmp_path, rows, classes, hidden=[7, 5])
    labels = np.array(["a", "b", "c", "d"])[classes] if as_words else classes
    found = StackedAutoencoderClassifier(
        (7, 5), rho=0.1, beta=0.5, optimizer="adam", batch_size=32, learning_rate=0.01, epochs=12,
        softmax_epochs=12, softmax_learning_rate=0.02, finetune_epochs=12, finetune_learning_rate=0.003,
        random_state=5,
    ).fit(rows, labels)
    assert_same(found.model_, expected)
    program("predict", tmp_path / "run", tmp_path / "train.npy", "--out", tmp_path / "predicted.csv")
    table = pd.read_csv(tmp_path / "predicted.csv")
    assert np.array_equal(found.predict_proba(rows), table.iloc[:, 1:].to_numpy(dtype=np.float32))
    numbers = np.searchsorted(found.classes_, found.predict(rows))
    assert np.array_equal(numbers, table["class"])


def test_models_go_both_ways(program, tmp_path, rows, classes):
    frame = pd.DataFrame(rows, columns=[f"sensor {k}" for k in range(rows.shape[1])])
    frame.to_parquet(tmp_path / "rows.parquet")
    detector = AutoencoderDetector(4, epochs=20, random_state=1).fit(frame)
    file = tmp_path / "model.safetensors"
    detector.save(file)
    program("score", file, tmp_path / "rows.parquet", "--out", tmp_path / "scores.npy")
    scores = np.load(tmp_path / "scores.npy")
    assert np.array_equal(detector.score_samples(frame), -scores[:, 0])
    again = AutoencoderDetector.from_model(file)
    assert again.hidden == 4 and list(again.feature_names_in_) == list(frame.columns)
    assert np.array_equal(again.score_samples(frame), detector.score_samples(frame))
    assert abs(np.mean(again.predict(frame) == -1) - 0.1) < 0.01
    assert again.model_.to_bytes() == file.read_bytes()

    program_made = trained(program, tmp_path, rows, classes, hidden=[6])
    classifier = StackedAutoencoderClassifier.from_model(program_made)
    assert list(classifier.classes_) == [0, 1, 2, 3]
    assert classifier.predict_proba(rows).shape == (400, 4)
    encoder = SparseAutoencoder.from_model(tmp_path / "run")
    assert np.array_equal(encoder.transform(rows), classifier.encode(rows))


@pytest.mark.parametrize(
    "names", [[3, 10, 7], [0.0, 1.0, 2.0], [False, True], ["007", "010", "7"], ["--5", "a", "b"], ["1", "x", "y"]]
)
def test_classes_come_back_as_they_were(tmp_path, rows, names):
    labels = np.array(names)[np.arange(400) % len(names)]
    classifier = StackedAutoencoderClassifier((4,), epochs=3).fit(rows, labels)
    classifier.save(tmp_path / "model.safetensors")
    again = StackedAutoencoderClassifier.from_model(tmp_path / "model.safetensors")
    assert np.array_equal(again.classes_, classifier.classes_)
    assert again.classes_.dtype.kind == classifier.classes_.dtype.kind
    assert again.score(rows, labels) == classifier.score(rows, labels)


def test_thresholds_of_loaded_models_need_a_share(tmp_path, rows):
    AutoencoderDetector(epochs=3).fit(rows).save(tmp_path / "model.safetensors")
    for share in ("auto", 0.9, None):
        with pytest.raises(ValueError, match="^contamination is"):
            AutoencoderDetector.from_model(tmp_path / "model.safetensors", contamination=share)
    with pytest.raises(TypeError, match="^hidden is given"):
        AutoencoderDetector.from_model(tmp_path / "model.safetensors", hidden=3)


def test_damaged_models_are_refused(tmp_path, rows):
    file = tmp_path / "model.safetensors"
    SparseAutoencoder(3, epochs=2).fit(rows).save(file)
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)
    with pytest.raises(ValueError, match="model.safetensors"):
        Model.load(str(file))
    with pytest.raises(ValueError, match="no/such"):
        SparseAutoencoder.from_model("no/such")
