"""Whatever hypothesis puts together, it works or is refused in words.

What a case is, and what must come of it, is in fuzz_cases.py. Here hypothesis draws, so
that it shrinks a case that fails to a simple one.
"""

import signal
import sys
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent))

from fuzz_cases import run_case
from parameter_values import ESTIMATORS

LIMIT_S = 20


class Draws:
    """Draw as ``numpy.random.RandomState`` does, choices by hypothesis.

    Numbers in tables depend on a seed alone: there is nothing to shrink in noise.
    """

    def __init__(self, draw):
        self._draw = draw
        self._numbers = np.random.RandomState(draw(st.integers(0, 2**32 - 1)))

    def randint(self, low, high=None, size=None):
        if size is not None:
            return self._numbers.randint(low, high, size)
        low, high = (0, low) if high is None else (low, high)
        return self._draw(st.integers(low, high - 1))

    def choice(self, values, size=None, replace=True):
        one = st.sampled_from(list(values))
        if size is None:
            return self._draw(one)
        return self._draw(
            st.lists(one, min_size=size, max_size=size, unique=not replace)
        )

    def __getattr__(self, name):
        return getattr(self._numbers, name)


@contextmanager
def time_limit():
    """Raise an error in what takes longer than a case may."""

    def interrupt(number, frame):
        raise TimeoutError(f"more than {LIMIT_S} s")

    before = signal.signal(signal.SIGALRM, interrupt)
    signal.alarm(LIMIT_S)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def run_cases(cls, n_cases, **options):
    """Let hypothesis draw cases of an estimator, and return how many came right."""
    n_right = 0

    @settings(
        max_examples=n_cases,
        deadline=None,
        database=None,
        print_blob=True,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
        **options,
    )
    @given(st.data())
    def run(data):
        nonlocal n_right
        with time_limit():
            fault = run_case(cls, Draws(data.draw))
        assert fault is None, fault
        n_right += 1

    run()
    return n_right


@pytest.mark.parametrize("cls", ESTIMATORS)
def test_a_few_cases_work_or_are_refused_in_words(cls):
    assert run_cases(cls, 6, derandomize=True) >= 6


@pytest.mark.slow
@pytest.mark.parametrize("cls", ESTIMATORS)
def test_thousands_of_cases_work_or_are_refused_in_words(cls):
    assert run_cases(cls, 2000) >= 2000
