"""Random cases in processes of their own: each ends as it must."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from .parameter_values import ESTIMATORS

N_CASES, N_AT_ONCE = 600, 150


def run_cases(cls, first, last):
    """Return what the cases of a range of seeds print, as dictionaries."""
    script = Path(__file__).with_name("fuzz_cases.py")
    done = subprocess.run(
        [sys.executable, script, cls.__name__, str(first), str(last)],
        capture_output=True,
        text=True,
        check=False,
        timeout=900,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    lines = [json.loads(line) for line in done.stdout.splitlines() if line[0] == "{"]
    assert done.returncode == 0, (lines[-1:], done.stderr[-2000:])
    return [line for line in lines if "kind" in line]


@pytest.mark.slow
@pytest.mark.parametrize("first", range(0, N_CASES, N_AT_ONCE))
@pytest.mark.parametrize("cls", ESTIMATORS)
def test_valid_cases_are_fitted_and_invalid_ones_refused(cls, first):
    cases = run_cases(cls, first, first + N_AT_ONCE)
    assert [case for case in cases if "fault" in case] == []
    kinds = [case["kind"] for case in cases]
    assert len(kinds) == N_AT_ONCE
    # Of both there are many.
    assert N_AT_ONCE / 3 < kinds.count("valid") < N_AT_ONCE * 0.8
