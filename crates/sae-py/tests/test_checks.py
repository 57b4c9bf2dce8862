"""scikit-learn's own checks of estimators, none of which is expected to fail."""

import pytest
from sklearn.utils.estimator_checks import estimator_checks_generator

from sae import AutoencoderDetector, SparseAutoencoder, StackedAutoencoderClassifier

ESTIMATORS = [SparseAutoencoder(), StackedAutoencoderClassifier(), AutoencoderDetector()]


def checks():
    for estimator in ESTIMATORS:
        for checked, check in estimator_checks_generator(estimator, legacy=True):
            name = getattr(check, "func", check).__name__
            yield pytest.param(checked, check, id=f"{type(estimator).__name__}-{name}")


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.DataConversionWarning")
@pytest.mark.parametrize("estimator, check", list(checks()))
def test_check(estimator, check):
    check(estimator)
