"""What the package brings: types, pictures, documentation, the program."""

import subprocess
import sys

import doctest
import matplotlib
import numpy as np
import pytest
from sklearn.exceptions import NotFittedError

import sae
from sae import SparseAutoencoder, plot_loss, plot_tiles

matplotlib.use("Agg")


def test_the_program_is_the_same_version(program):
    assert program("--version").split() == ["sae", sae.__version__]


def test_stubs_say_what_is_there():
    done = subprocess.run(
        [sys.executable, "-m", "mypy.stubtest", "sae._sae", "--ignore-disjoint-bases"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_types_hold(tmp_path):
    options = ["--ignore-missing-imports", "--check-untyped-defs"]
    done = subprocess.run(
        [sys.executable, "-m", "mypy", *options, "--package", "sae"], capture_output=True, text=True, cwd=tmp_path
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("module", ["_autoencoder", "_classifier", "_detector"])
def test_examples_hold(module):
    found = doctest.testmod(getattr(sae, module))
    assert found.attempted > 0 and found.failed == 0


def test_every_parameter_and_method_is_documented():
    for estimator in (sae.SparseAutoencoder, sae.StackedAutoencoderClassifier, sae.AutoencoderDetector):
        for name in estimator().get_params():
            assert name in estimator.__doc__, f"{estimator.__name__}.{name}"
        for name in dir(estimator):
            member = getattr(estimator, name, None)
            if not name.startswith("_") and callable(member) and getattr(member, "__module__", "").startswith("sae"):
                assert member.__doc__, f"{estimator.__name__}.{name}"


def test_pictures_are_drawn(rows, tmp_path):
    square = np.hstack([rows, rows[:, :4]])
    estimator = SparseAutoencoder(6, epochs=5, early_stopping=True).fit(square)
    axes = plot_tiles(estimator)
    assert axes.images[0].get_array().shape == (2 * 5 + 1, 3 * 5 + 1)
    axes.figure.savefig(tmp_path / "tiles.png")
    assert plot_tiles(estimator, (2, 8), most=4).images[0].get_array().shape == (2 * 3 + 1, 2 * 9 + 1)
    curves = plot_loss(estimator).lines
    assert [list(line.get_ydata()) for line in curves] == [estimator.loss_curve_, estimator.validation_curve_]
    with pytest.raises(NotFittedError):
        plot_tiles(SparseAutoencoder())
    for wrong in (np.ones(4), np.ones((0, 4))):
        with pytest.raises(ValueError, match="expected \\[tiles, values\\]"):
            plot_tiles(wrong)
    with pytest.raises(ValueError, match="most is 0"):
        plot_tiles(estimator, most=0)
    for shape, message in (((3, 5), "has 15 values"), (None, "no square")):
        with pytest.raises(ValueError, match=message):
            plot_tiles(np.zeros((2, 12)), shape)
