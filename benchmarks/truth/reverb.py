"""Reverberation: dry voices in rooms of known RT60, quiet and with noise."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks.truth import material
from benchmarks.truth.rooms import rooms
from benchmarks.truth.row import Row
from catalog import audio

RATE = 16_000
SNRS_DB = (60, 30, 20)
Place = tuple[str, np.ndarray, float]


def rows(folder: Path, half: str) -> Iterator[Row]:
    """Rank correlation with RT60 over all voices and rooms, the error in seconds, and what dry voices read."""
    import scipy.stats

    places = list(rooms(folder, half, RATE))
    for snr in SNRS_DB:
        pairs = np.array([pair for pair in _pairs(folder, half, places, snr) if not np.isnan(pair[1])])
        name = f"{len(places)} rooms of 0.2 to 1.7 s, SNR {snr} dB"
        rank = float(scipy.stats.spearmanr(pairs[:, 0], pairs[:, 1])[0])
        yield Row("reverb_rt60_s", name, "Spearman with RT60", rank, (">=", 0.9))
        wrong = np.abs(pairs[:, 1] / pairs[:, 0] - 1)
        yield Row("reverb_rt60_s", name, "median error, share of RT60", float(np.median(wrong)))
    dry = [seconds for _, seconds in _pairs(folder, half, [("dry", np.ones(1), 0.0)], 60)]
    yield Row("reverb_rt60_s", "the same voices as recorded", "median, s", float(np.nanmedian(dry)), ("<=", 0.35))


def _pairs(
    folder: Path, half: str, places: list[tuple[str, np.ndarray, float]], snr: int
) -> Iterator[tuple[float, float]]:
    """RT60 of the room and what the score says, for every voice; NaN where NULL."""
    import scipy.signal

    random = np.random.default_rng(0)
    for speaker in material.SPEAKERS[half]:
        for skip in (0, 10):
            wave, own = material.passage(folder, speaker, seconds=10, pause_s=0.3, skip=skip)
            dry = audio.resample(wave, own, RATE)
            for _, response, seconds in places:
                wet = scipy.signal.oaconvolve(dry, response)[: len(dry)]
                wet *= 0.5 / np.abs(wet).max()
                wet += random.normal(0, np.sqrt(np.mean(wet**2)) * 10 ** (-snr / 20), len(wet))
                heard = audio.resample(wet.astype(np.float32), RATE, min(own, RATE))
                found = material.number("reverb", "reverb_rt60_s", material.unheard(heard, min(own, RATE)))
                yield seconds, np.nan if found is None else found
