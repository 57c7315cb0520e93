"""Files and folders that appear whole or not at all."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from catalog import atomic
from catalog.errors import BadRequest


def test_a_file_is_replaced_only_on_a_clean_exit(tmp_path: Path) -> None:
    path = tmp_path / "facts.json"
    atomic.write_json(path, {"a": 1})
    with pytest.raises(ZeroDivisionError), atomic.new_file(path) as part:
        part.write_text("half" * (1 // 0))
    assert path.read_text() == '{\n "a": 1\n}\n'
    assert os.listdir(tmp_path) == ["facts.json"]


def test_a_folder_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), atomic.new_folder(tmp_path / "set") as part:
        (part / "clip").write_bytes((part / "none").read_bytes())
    assert os.listdir(tmp_path) == []
    with atomic.new_folder(tmp_path / "set") as part:
        (part / "clip").write_text("x")
    assert os.listdir(tmp_path) == ["set"]
    assert os.listdir(tmp_path / "set") == ["clip"]


@pytest.mark.skipif(os.name == "nt", reason="modes are POSIX")
def test_what_is_published_has_the_usual_modes(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        atomic.write_text(tmp_path / "file", "x")
        with atomic.new_folder(tmp_path / "folder"):
            pass
    finally:
        os.umask(before)
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o644
    assert (tmp_path / "folder").stat().st_mode & 0o777 == 0o755


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_a_full_disk_is_one_clear_line(code: int) -> None:
    with pytest.raises(BadRequest, match="The disk is full: the set X was not written"), atomic.in_words("the set X"):
        raise OSError(code, os.strerror(code))


def test_other_errors_pass_through() -> None:
    with pytest.raises(IsADirectoryError), atomic.in_words("the set X"):
        raise IsADirectoryError(errno.EISDIR, "is a directory")


def test_what_a_dead_process_left_is_swept_and_what_a_live_one_is_at_is_not(tmp_path: Path) -> None:
    dead = subprocess.Popen([sys.executable, "-c", "pass"])
    dead.wait()
    hour_ago = time.time() - 2 * atomic.ABANDONED_AFTER_S
    for name in (f".set.{dead.pid}.abc.part", f".set.{os.getpid()}.abc.part", ".set.part", "set"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "clip").write_text("x")
        os.utime(tmp_path / name, (hour_ago, hour_ago))
    (tmp_path / f".file.{dead.pid}.abc.part.json").write_text("young")
    with atomic.new_folder(tmp_path / "other"):
        pass
    kept = {f".set.{os.getpid()}.abc.part", ".set.part", "set", "other", f".file.{dead.pid}.abc.part.json"}
    assert set(os.listdir(tmp_path)) == kept
