"""Whether an error says that the disk is full or that the memory has run out, whoever raised it.

Separate because the system, torch, NumPy and C++ libraries say it in different types and words, and every job, command
and worker must tell a person the same. Goes by types and texts, so that no library is loaded to ask.
"""

from __future__ import annotations

import errno

DISK = frozenset((errno.ENOSPC, errno.EDQUOT, errno.EFBIG))
"""What the system calls a disk on which there is no room for more."""
_MEMORY = ("not enough memory", "out of memory", "cannot allocate memory", "bad_alloc", "unable to allocate")


def disk_full(error: BaseException) -> bool:
    """Whether there was no room on the disk, or none left of what this user may fill."""
    return isinstance(error, OSError) and error.errno in DISK


def memory_out(error: BaseException) -> bool:
    """Whether there was not enough memory, of the machine or of its GPU."""
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    said = str(error).lower()
    return isinstance(error, OSError | RuntimeError) and any(sign in said for sign in _MEMORY)


def in_one_line(error: BaseException) -> str | None:
    """What to tell a person about a shortage that nobody nearer could name; None for any other error."""
    if disk_full(error):
        return "The disk is full: free some space and start it again."
    if memory_out(error):
        return "Memory ran out: close other programs, give it shorter files or fewer workers, and start it again."
    return None
