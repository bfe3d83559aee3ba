"""Rows and little trained estimators, which all displays draw."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.datasets import load_digits

from sklearn_ae import (
    VAE,
    AutoencoderTransformer,
    DenoisingAE,
    PretrainedClassifier,
    SparseAE,
)


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


@pytest.fixture
def texts():
    """Return a function that reads a legend."""
    return lambda legend: [text.get_text() for text in legend.get_texts()]


@pytest.fixture(scope="session")
def digits():
    """Flat images of 8 x 8."""
    return load_digits().data[:400]


@pytest.fixture(scope="session")
def images(digits):
    return digits.reshape(-1, 8, 8)


@pytest.fixture(scope="session")
def signals():
    """Waves of 70 values."""
    frequencies = np.random.RandomState(0).uniform(1, 3, (200, 1))
    return np.sin(np.linspace(0, 6, 70) * frequencies)


@pytest.fixture(scope="session")
def waves(signals):
    """Signals of two channels."""
    return np.stack([signals[:40], 2 * signals[:40]], axis=2)


@pytest.fixture(scope="session")
def plain(digits):
    return AutoencoderTransformer(4, max_iter=15, random_state=0).fit(digits)


@pytest.fixture(scope="session")
def vae(digits):
    return VAE(2, max_iter=15, random_state=0).fit(digits)


@pytest.fixture(scope="session")
def sparse(digits):
    return SparseAE(30, n_nonzero_coefs=5, max_iter=15, random_state=0).fit(digits)


@pytest.fixture(scope="session")
def denoising(digits):
    return DenoisingAE(8, max_iter=15, random_state=0).fit(digits)


@pytest.fixture(scope="session")
def sparse_throughout(digits):
    """An estimator of sparse rows, whose codes are sparse arrays too."""
    ae = SparseAE(30, sparse_output=True, max_iter=1, random_state=0)
    return ae.fit(sp.csr_array(digits))


@pytest.fixture(scope="session")
def classifier(plain, digits):
    y = load_digits().target[:400]
    return PretrainedClassifier(plain, max_iter=2, random_state=0).fit(digits, y)
