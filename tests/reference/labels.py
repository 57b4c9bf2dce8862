"""Multinomial logistic regression by scikit-learn, on numbers without a generator.

    python tests/reference/labels.py

prints the test accuracy and cross-entropy that `tests/labels.rs` expects of the softmax on inputs. The
objective is the mean cross-entropy plus DECAY / 2 times the squared norm of the weights, without the
biases; scikit-learn's C is 1 / (DECAY * rows) of it.
"""

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

INPUTS, CLASSES, DECAY = 6, 3, 0.001


def rows(first, count):
    """Inputs of two decimals in [0, 1], and the class that a noisy linear score prefers."""
    number = np.arange(first, first + count)[:, None]
    x = np.round(50 + 50 * np.sin(0.7 * (1.0 + number * INPUTS + np.arange(INPUTS)) ** 1.7)) / 100
    score = lambda c: x[:, c] + 0.5 * x[:, c + 3] + 0.1 * np.sin(2.9 * number[:, 0] + c)
    return x, np.argmax([score(c) for c in range(CLASSES)], axis=0)


x, y = rows(0, 120)
test_x, test_y = rows(1000, 80)
model = LogisticRegression(C=1 / (DECAY * len(x)), tol=1e-10, max_iter=10000).fit(x, y)
print("classes", np.bincount(y), np.bincount(test_y))
print("accuracy", model.score(test_x, test_y))
print("cross-entropy", log_loss(test_y, model.predict_proba(test_x)))
