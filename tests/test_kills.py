"""Fits that are killed at any moment lose nothing."""

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

PROGRAM = Path(__file__).with_name("kill_program.py")


@pytest.mark.slow
def test_fits_that_were_killed_at_random_moments_end_bit_by_bit_the_same(tmp_path):
    command = [sys.executable, str(PROGRAM), str(tmp_path)]
    ended = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    kills = [json.loads(line) for line in ended.stdout.splitlines()]
    assert [kill for kill in kills if not kill["is_equal"]] == []
    assert [kill["left"] for kill in kills] == [["fit.ckpt"]] * len(kills)
    assert set(Counter(kill["case"] for kill in kills).values()) == {9}
    assert len(kills) == 72
    assert sum(kill["in_write"] for kill in kills) >= 20
    # Kills came before the first epoch, and in different ones.
    assert len({str(kill["at"]) for kill in kills}) > 15
