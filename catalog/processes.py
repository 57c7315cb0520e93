"""Whether a process is alive and is still the one we mean, on Linux, macOS and Windows.

Separate because process ids are reused: a job's process is known by its id and its start time together.
"""

from __future__ import annotations

import os
import platform
import subprocess
from pathlib import Path


def start_mark(pid: int) -> str | None:
    """A text that differs between two processes that had the same id; None when no such process lives.

    A process that has ended but was not yet collected by its parent counts as ended.
    """
    if pid <= 0:
        return None
    system = platform.system()
    if system == "Windows":
        return _windows_mark(pid)
    if system == "Linux":
        return _linux_mark(pid)
    return _ps_mark(pid)


def is_alive(pid: int, mark: str | None) -> bool:
    """Whether the process that had this id and start mark is still running."""
    now = start_mark(pid)
    return now is not None and (mark is None or now == mark)


def _linux_mark(pid: int) -> str | None:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    fields = stat.rpartition(")")[2].split()
    if fields[0] in "ZX":
        return None
    return f"{fields[19]}@{_boot()}"


def _boot() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()[:8]
    except OSError:
        return "boot"


def _ps_mark(pid: int) -> str | None:
    answer = subprocess.run(
        ["ps", "-o", "stat=,lstart=", "-p", str(pid)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "LC_ALL": "C", "TZ": "UTC"},
    )
    state, _, started = answer.stdout.strip().partition(" ")
    if answer.returncode != 0 or not started or state.startswith("Z"):
        return None
    return started.strip()


def _windows_mark(pid: int) -> str | None:
    import ctypes

    kernel = ctypes.WinDLL("kernel32", use_last_error=True)  # type: ignore[attr-defined,unused-ignore]
    kernel.OpenProcess.restype = ctypes.c_void_p
    handle = kernel.OpenProcess(0x1000, False, pid)  # PROCESS_QUERY_LIMITED_INFORMATION
    if not handle:
        return None
    try:
        code = ctypes.c_ulong()
        times = [ctypes.c_ulonglong() for _ in range(4)]
        kernel.GetExitCodeProcess(ctypes.c_void_p(handle), ctypes.byref(code))
        known = kernel.GetProcessTimes(ctypes.c_void_p(handle), *(ctypes.byref(time) for time in times))
        still_active = 259
        return str(times[0].value) if known and code.value == still_active else None
    finally:
        kernel.CloseHandle(ctypes.c_void_p(handle))
