import stat

import pytest

from sklearn_ae.training.atomic import remove_leftovers, write_file


def test_what_is_there_is_replaced_or_left(tmp_path):
    file = tmp_path / "file"
    assert write_file(file, b"one")
    assert not write_file(file, b"two", replace=False)
    assert file.read_bytes() == b"one"
    assert write_file(file, b"two")
    assert file.read_bytes() == b"two"
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize("mode", [0o600, 0o640])
def test_a_file_keeps_its_permissions(tmp_path, mode):
    file = tmp_path / "file"
    file.write_bytes(b"one")
    file.chmod(mode)
    write_file(file, b"two")
    assert stat.S_IMODE(file.stat().st_mode) == mode


def test_what_a_killed_process_left_is_removed(tmp_path):
    file, other = tmp_path / "file", tmp_path / "files.0.tmp"
    for leftover in (tmp_path / "file.1234abcd.tmp", other):
        leftover.write_bytes(b"half")
    remove_leftovers(file)
    assert list(tmp_path.iterdir()) == [other]
