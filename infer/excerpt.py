"""A stretch of a file to try things on: the liveliest one, and cutting it out with everything it has.

Separate from reading a recording for conversion because an excerpt keeps the file's own rate and channels: it may be of
a whole song.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from catalog import audio

CELL_S = 0.1
SOUNDING = 10 ** (-25 / 10)
"""A cell within 25 dB of the louder ones (95th percentile) counts as sound."""


def liveliest(path: Path, seconds: float) -> float:
    """Where in seconds the stretch of this length begins that holds the most sound, the earliest of several.

    Raises BadAudio when nothing of the file decodes.
    """
    rate = audio.probe(path).sample_rate
    cell = max(1, round(CELL_S * rate))
    power, rest = [], np.zeros(0, np.float32)
    for block in audio.blocks(path, salvage=True, warnings=[]):
        mono = np.concatenate([rest, block.mean(axis=1, dtype=np.float32)])
        whole = len(mono) // cell * cell
        power.append(np.square(mono[:whole], dtype=np.float64).reshape(-1, cell).mean(axis=1))
        rest = mono[whole:]
    cells = np.concatenate(power) if power else np.zeros(0)
    size = round(seconds / CELL_S)
    if len(cells) <= size or not cells.any():
        return 0.0
    sounding = (cells > SOUNDING * np.percentile(cells, 95)).astype(np.int64)
    held = np.concatenate([[0], np.cumsum(sounding)])
    return float(np.argmax(held[size:] - held[:-size]) * cell / rate)


def cut(path: Path, start_s: float, seconds: float, out: Path) -> float:
    """Write that stretch of a file, as far as it goes, as a WAV with all its channels; gives its length in seconds.

    Raises BadAudio when there is nothing at that place.
    """
    rate = audio.probe(path).sample_rate
    start = round(start_s * rate)
    samples, rate = audio.read(path, start, start + round(seconds * rate), mono=False)
    audio.write_wav(out, samples, rate)
    return len(samples) / rate
