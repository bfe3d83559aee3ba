import errno
import os
import time

import pytest
import torch

from sklearn_ae import CheckpointWarning
from sklearn_ae.training import atomic, checkpointing
from sklearn_ae.training.checkpointing import Checkpoint


def open_at(path, seed=7, every="auto", **identity):
    return Checkpoint(path, every, {"rows": "0", **identity}, "Fit", seed)


def state(n_done, stage="training", n_values=3):
    values = torch.full((n_values,), float(n_done))
    return {"stage": stage, "n_done": n_done, "values": values, "optimizer": {}}


@pytest.fixture
def file(tmp_path):
    return tmp_path / "fit.ckpt"


def test_a_new_checkpoint_knows_its_seed_and_no_run(file):
    assert open_at(file).seed == 7
    again = open_at(file, seed=8)
    assert again.seed == 7
    assert again.begin_run() is None


def test_runs_come_back_in_their_order(file):
    first = open_at(file, every=1)
    for n_done in (5, 6):
        first.begin_run()
        first.keep(state(n_done, "finished"))
    again = open_at(file)
    runs = [again.begin_run() for _ in range(3)]
    assert [run and run["n_done"] for run in runs] == [5, 6, None]
    assert ["optimizer" in run for run in runs[:2]] == [False, True]
    torch.testing.assert_close(runs[1]["values"], torch.full((3,), 6.0))


def n_done_on_disk(file):
    run = open_at(file).begin_run()
    return 0 if run is None else run["n_done"]


def test_an_integer_counts_epochs(file):
    checkpoint = open_at(file, every=3)
    checkpoint.begin_run()
    seen = []
    for n_done in range(1, 8):
        checkpoint.keep(state(n_done))
        seen.append(n_done_on_disk(file))
    assert seen == [0, 0, 3, 3, 3, 6, 6]


@pytest.fixture
def clock(monkeypatch):
    """A clock that stands still but while files are written, for half a second."""
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    write = checkpointing.write_file

    def slowly(*args):
        now[0] += 0.5
        return write(*args)

    monkeypatch.setattr(checkpointing, "write_file", slowly)
    return now


@pytest.mark.parametrize(
    ("every", "expected"),
    [(10.0, [10, 25, 40]), ("auto", [25]), (0.0, [*range(5, 55, 5)])],
)
def test_a_float_counts_seconds_and_auto_looks_at_the_cost(
    file, clock, every, expected
):
    checkpoint = open_at(file, every=every)
    checkpoint.begin_run()
    start, times = clock[0], []
    for n_done in range(1, 11):
        clock[0] = start + 5.0 * n_done
        checkpoint.keep(state(n_done))
        if clock[0] > start + 5.0 * n_done:  # it took time to write
            times.append(5 * n_done)
    assert times == expected


def test_what_is_kept_is_written_when_a_block_ends(file):
    checkpoint = open_at(file, every=100)
    checkpoint.begin_run()
    checkpoint.keep(state(4))
    with pytest.raises(ZeroDivisionError), checkpoint:
        raise ZeroDivisionError
    assert n_done_on_disk(file) == 4


def test_the_end_of_a_run_is_written_at_once(file):
    checkpoint = open_at(file, every=100)
    checkpoint.begin_run()
    checkpoint.keep(state(2, "finished"))
    assert n_done_on_disk(file) == 2


def test_a_state_that_could_not_be_written_is_no_state_of_the_next_run(
    file, monkeypatch
):
    checkpoint = open_at(file, every=1)
    checkpoint.begin_run()
    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", fail)
        with pytest.warns(CheckpointWarning, match="No space left on device"):
            checkpoint.keep(state(5, "finished"))
        checkpoint.write()  # which is said once
    checkpoint.begin_run()
    checkpoint.write()
    again = open_at(file)
    assert again.begin_run()["n_done"] == 5
    assert again.begin_run() is None


def fail(*args):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


# ------------------------------------------------------------------------ two processes


def test_of_two_programs_with_the_same_fit_the_one_that_is_ahead_stays(file):
    ahead, behind = open_at(file, every=1), open_at(file, every=1)
    for each in (ahead, behind):
        each.begin_run()
    ahead.keep(state(3))
    behind.keep(state(1))
    assert n_done_on_disk(file) == 3
    behind.keep(state(4))
    assert n_done_on_disk(file) == 4
    ahead.keep(state(4, "finished"))
    behind.keep(state(9))
    assert open_at(file).begin_run()["stage"] == "finished"


def test_the_second_of_two_programs_takes_the_seed_of_the_first(file, monkeypatch):
    open_at(file, seed=1)
    read, n_calls = checkpointing._read, []

    def read_a_moment_too_early(path):
        n_calls.append(path)
        return None if len(n_calls) == 1 else read(path)

    monkeypatch.setattr(checkpointing, "_read", read_a_moment_too_early)
    assert open_at(file, seed=2).seed == 1
    assert len(n_calls) == 2


def test_a_file_that_has_become_anothers_is_left_alone(file):
    mine = open_at(file, every=1)
    mine.begin_run()
    file.unlink()
    other = open_at(file, every=1, rows="1")
    other.begin_run()
    other.keep(state(5))
    content = file.read_bytes()
    with pytest.warns(CheckpointWarning, match="it holds another fit by now"):
        mine.keep(state(6))
    assert file.read_bytes() == content


def test_what_killed_processes_left_is_removed(file):
    leftover = file.with_name("fit.ckpt.abc.tmp")
    other = file.with_name("other.ckpt.abc.tmp")
    for each in (leftover, other):
        each.write_text("half")
    stream, unfinished = atomic._open_unfinished(file)
    with stream:
        open_at(file)
        assert sorted(file.parent.iterdir()) == sorted([file, other, unfinished])


def test_nothing_but_the_file_stays_in_the_folder(file):
    checkpoint = open_at(file, every=1)
    checkpoint.begin_run()
    checkpoint.keep(state(1))
    open_at(file)
    assert os.listdir(file.parent) == [file.name]


def test_file_systems_without_links_and_locks_do(file, monkeypatch):
    monkeypatch.setattr(os, "link", fail)
    monkeypatch.setattr(atomic, "fcntl", None)
    checkpoint = open_at(file, every=1)
    checkpoint.begin_run()
    checkpoint.keep(state(3))
    assert n_done_on_disk(file) == 3
