"""What tests share: data, and the program that comes with the package."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest


@pytest.fixture(scope="session")
def program():
    """Runs `sae`, and gives what it printed."""
    beside = Path(sys.executable).with_name("sae")
    found = os.environ.get("SAE_PROGRAM") or (str(beside) if beside.exists() else shutil.which("sae"))
    assert found, "the package has no program `sae`"

    def run(*arguments):
        result = subprocess.run([found, *map(str, arguments)], capture_output=True, text=True)
        assert result.returncode == 0, result.stderr
        return result.stdout

    return run


@pytest.fixture(scope="session")
def rows():
    """400 rows of 12 inputs that follow from three numbers each, as float32."""
    random = np.random.default_rng(1)
    hidden = random.uniform(size=(400, 3))
    mixed = np.tanh(hidden @ random.normal(size=(3, 12))) + 0.01 * random.normal(size=(400, 12))
    return np.ascontiguousarray(mixed, dtype=np.float32)


@pytest.fixture(scope="session")
def classes(rows):
    above = rows > np.median(rows, axis=0)
    return above[:, 0].astype(int) + 2 * above[:, 1]
