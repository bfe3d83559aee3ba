"""Random cases in processes of their own: valid ones work, mistakes are refused."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from .parameter_values import ESTIMATORS

N_CASES, N_AT_ONCE = 600, 100


@pytest.mark.slow
@pytest.mark.parametrize("first", range(0, N_CASES, N_AT_ONCE))
@pytest.mark.parametrize("cls", ESTIMATORS)
def test_valid_cases_work_and_mistakes_are_refused_in_words(cls, first):
    script = Path(__file__).with_name("fuzz_cases.py")
    words = [cls.__name__, str(first), str(first + N_AT_ONCE)]
    done = subprocess.run(
        [sys.executable, script, *words],
        capture_output=True,
        text=True,
        check=False,
        timeout=900,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    lines = [json.loads(line) for line in done.stdout.splitlines() if line[0] == "{"]
    assert done.returncode == 0, (lines[-1:], done.stderr[-2000:])
    assert [line for line in lines if "fault" in line] == []
