"""Whatever a file has become, it is read or refused in words, and nothing runs."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).with_name("fuzz_program.py")

KINDS = ("bytes", "cut", "length", "header", "structure", "arrays", "pickle")

N_FILES, N_AT_ONCE = 100_000, 20_000


def load_changed_files(folder, first, last):
    done = subprocess.run(
        [sys.executable, PROGRAM, folder, str(first), str(last)],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    *faults, totals = map(json.loads, done.stdout.splitlines())
    assert faults == []
    assert totals["n_files"] == last - first
    return totals


def test_changed_files_are_read_or_refused(tmp_path):
    totals = load_changed_files(tmp_path, 0, 200)
    assert all(totals[f"{kind} refused"] > 0 for kind in KINDS)
    # Changes of structure that a reader may well miss are among them.
    assert totals["structure read"] > 0


@pytest.mark.slow
@pytest.mark.parametrize("first", range(0, N_FILES, N_AT_ONCE))
def test_many_changed_files_are_read_or_refused(tmp_path, first):
    totals = load_changed_files(tmp_path, first, first + N_AT_ONCE)
    assert all(totals[f"{kind} refused"] > 0 for kind in KINDS)
