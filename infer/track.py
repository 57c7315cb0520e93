"""A recording of any length as plain numbers in a scratch file: appended to once, then read by range.

Separate because every stage of a conversion reads a part of what the stage before wrote, and a three-hour recording
must not have to fit in memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from catalog import atomic

BLOCK = 1 << 20


class Track:
    """Mono samples in a file that is removed with its folder; `precision` is that of the numbers stored."""

    def __init__(self, path: Path, precision: Literal["float32", "float64"] = "float32") -> None:
        self._dtype = np.dtype(precision)
        self._file = path.open("w+b")
        self._name = path.name
        self._length = 0
        self.peak = 0.0
        """The highest absolute sample."""

    def __len__(self) -> int:
        return self._length

    def append(self, block: NDArray[np.floating]) -> None:
        """Add samples (n,) at the end; raises BadRequest when the disk is full."""
        if not len(block):
            return
        self.peak = max(self.peak, float(np.abs(block).max()))
        with atomic.in_words("a scratch file of the conversion"):
            self._file.seek(self._length * self._dtype.itemsize)
            self._file.write(np.ascontiguousarray(block, dtype=self._dtype).tobytes())
        self._length += len(block)

    def read(self, start: int, stop: int) -> NDArray[np.floating]:
        """Samples [start, stop), both within the track: (stop - start,)."""
        self._file.seek(start * self._dtype.itemsize)
        found: NDArray[np.floating] = np.frombuffer(
            self._file.read((stop - start) * self._dtype.itemsize), dtype=self._dtype
        )
        return found

    def read_mirrored(self, start: int, stop: int) -> NDArray[np.floating]:
        """Samples [start, stop), where the track goes on beyond both ends as its mirror image: (stop - start,)."""
        inner = self.read(max(0, min(start, self._length)), max(0, min(stop, self._length)))
        parts = [inner]
        if start < 0:
            parts.insert(0, self._mirror(np.arange(start, min(stop, 0))))
        if stop > self._length:
            parts.append(self._mirror(np.arange(max(start, self._length), stop)))
        return np.concatenate(parts)

    def _mirror(self, positions: NDArray[np.integer]) -> NDArray[np.floating]:
        period = max(1, 2 * (self._length - 1))
        inside = positions % period
        inside = np.minimum(inside, period - inside) if self._length > 1 else inside * 0
        first, last = int(inside.min()), int(inside.max())
        return np.asarray(self.read(first, last + 1)[inside - first])

    def blocks(self) -> Iterator[tuple[int, NDArray[np.floating]]]:
        """All samples in consecutive blocks, each with the position of its first."""
        for start in range(0, self._length, BLOCK):
            yield start, self.read(start, min(self._length, start + BLOCK))

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()


def filled(wave: NDArray[np.float32], length: int) -> NDArray[np.float32]:
    """`wave` (n,) cut, or filled up with silence, to (length,)."""
    return np.pad(wave[:length], (0, max(0, length - len(wave))))
