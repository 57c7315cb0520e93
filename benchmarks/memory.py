"""The most memory that this process held; separate because getrusage also counts what a parent held before."""

from __future__ import annotations

from pathlib import Path


def peak_mb() -> float:
    """Peak resident memory of this process in MB, as Linux tells it (VmHWM); NaN elsewhere."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return float("nan")
    return next((float(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM:")), float("nan"))
