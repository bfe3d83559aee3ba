import os
import re
import signal

# One of scikit-learn's checks is skipped without it; SciPy reads it when imported.
os.environ.setdefault("SCIPY_ARRAY_API", "1")
# The suite runs in as many processes as there are cores. Threads in each of them would
# wait for those of the others, and double its time.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import matplotlib as mpl
import numpy as np
import pytest
import torch

mpl.use("Agg")


@pytest.fixture(scope="session", autouse=True)
def _one_thread():
    torch.set_num_threads(1)


@pytest.fixture
def curve():
    """Rows near a curve in six dimensions, which one straight component misses."""
    rng = np.random.RandomState(0)
    t = rng.uniform(-3, 3, size=(600, 1))
    X = np.hstack([t, t**2, np.sin(2 * t), np.cos(2 * t), np.tanh(t), t**3 / 9])
    return X + 0.05 * rng.standard_normal(X.shape)


@pytest.fixture
def noise():
    """Rows without any structure to find."""
    return np.random.RandomState(0).standard_normal((120, 6))


@pytest.fixture
def usual_handlers():
    """Signals as a program finds them, whatever runs the tests."""
    usual = {signal.SIGINT: signal.default_int_handler, signal.SIGTERM: signal.SIG_DFL}
    before = {number: signal.signal(number, usual[number]) for number in usual}
    yield usual
    for number, handler in before.items():
        signal.signal(number, handler)


def name_of(value):
    """Return a name for a parameter of a test that is the same in each process."""
    return re.sub(r"<function (\w+) at \w+>", r"\1", str(value))
