"""Files are written whole or not at all."""

from __future__ import annotations

import os

import pytest

from gatewise.errors import FileError
from gatewise.files import atomic_write_bytes, atomic_write_text


def test_files_are_replaced_whole(tmp_path):
    path = tmp_path / "notes.txt"
    atomic_write_text(path, "Größe")
    atomic_write_text(path, "new")
    assert path.read_text() == "new"
    assert os.listdir(tmp_path) == ["notes.txt"]
    assert path.stat().st_mode & 0o777 == 0o666 & ~_umask()


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_an_interrupted_write_leaves_the_old_file(tmp_path, monkeypatch, error):
    path = tmp_path / "notes.txt"
    path.write_text("old")

    def fail(handle: int) -> None:
        raise error

    monkeypatch.setattr(os, "fsync", fail)
    expected = FileError if isinstance(error, OSError) else KeyboardInterrupt
    with pytest.raises(expected):
        atomic_write_bytes(path, b"new")
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["notes.txt"]


def test_a_file_that_cannot_be_written(tmp_path):
    with pytest.raises(FileError, match=r"cannot write .*nowhere.*No such file or directory"):
        atomic_write_text(tmp_path / "nowhere" / "notes.txt", "x")
    (tmp_path / "folder").mkdir()
    with pytest.raises(FileError, match=r"cannot write .*folder'"):
        atomic_write_text(tmp_path / "folder", "x")
    assert os.listdir(tmp_path) == ["folder"]
