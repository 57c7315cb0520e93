"""What ran out is told in words, whoever noticed."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from catalog.jobs import Job, run_job
from catalog.library import Library
from catalog.shortage import in_one_line


class OutOfMemoryError(RuntimeError):
    """Called as torch calls its own."""


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "The disk is full"),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), "The disk is full"),
        (MemoryError(), "Memory ran out"),
        (OSError(errno.ENOMEM, "Cannot allocate memory"), "Memory ran out"),
        (OutOfMemoryError("CUDA error"), "Memory ran out"),
        (
            RuntimeError("[enforce fail] DefaultCPUAllocator: not enough memory: you tried to allocate"),
            "Memory ran out",
        ),
        (RuntimeError("std::bad_alloc"), "Memory ran out"),
    ],
)
def test_every_shortage_is_told_in_one_line(error: Exception, words: str) -> None:
    said = in_one_line(error)
    assert said is not None
    assert said.startswith(words)
    assert "\n" not in said


def test_other_errors_are_not_taken_for_one() -> None:
    assert in_one_line(ValueError("out of memory is what this parses")) is None
    assert in_one_line(FileNotFoundError(errno.ENOENT, "No such file")) is None
    assert in_one_line(RuntimeError("shapes differ")) is None


def test_a_job_that_ran_out_of_memory_says_so_and_keeps_its_traceback(library: Library, tmp_path: Path) -> None:
    job = Job.create(library.jobs, "convert", {})

    def work(request: object, report: object) -> None:
        raise MemoryError

    assert run_job(job.path, work) == 1
    assert str((job.result() or {})["error"]).startswith("Memory ran out")
    assert "MemoryError" in (job.path / "log.txt").read_text()
