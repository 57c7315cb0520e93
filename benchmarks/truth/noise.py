"""SNR and noise floor: real and made noise of known level under sentences with silent pauses; the peer is WADA-SNR."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import numpy as np

from benchmarks.truth import material
from benchmarks.truth.row import Row

LEVELS_DB = (0, 5, 10, 15, 20, 25, 30, 35)


def rows(folder: Path, half: str) -> Iterator[Row]:
    """Median error over voices and noises, for real noise and for white and pink; and of the floor."""
    real, made = [], []
    for speaker in material.SPEAKERS[half]:
        wave, rate = material.passage(folder, speaker)
        clean = material.whole(wave, rate)
        power = material.speech_power(clean)
        random = np.random.default_rng(0)
        for name in material.NOISES[half]:
            real += _errors(wave, rate, material.noise(folder, name, len(wave), rate), power)
        for colour in ("white", "pink"):
            made += _errors(wave, rate, material.coloured(random, len(wave), rate, colour), power)
    for name, found in (("real noises", real), ("white and pink noise", made)):
        yield from _figures(f"speech + {name}, 0 to 35 dB", found)


def _errors(wave: material.Floats, rate: int, noise: material.Floats, power: float) -> list[tuple[float, ...]]:
    """(level, error of SNR, error of the floor, error of WADA) for each level; NaN where NULL."""
    found = []
    for level in LEVELS_DB:
        gain = np.sqrt(power) * 10 ** (-level / 20)
        mixed = (wave + gain * noise).astype(np.float32)
        values = material.values("noise", material.whole(mixed, rate))
        snr, floor = (float(values.get(name) or np.nan) for name in ("snr_db", "noise_floor_dbfs"))
        found.append((level, snr - level, floor - 20 * np.log10(gain), wada_snr(mixed) - level))
    return found


def _figures(name: str, found: list[tuple[float, ...]]) -> Iterator[Row]:
    table = np.abs(np.array(found))
    known = ~np.isnan(table[:, 1])
    ours, wada = np.median(table[known, 1]), np.median(table[:, 3])
    yield Row("snr_db", name, "median error, dB", float(ours), ("<=", 1.5), "WADA-SNR", float(wada))
    worst = max(float(np.median(table[known & (table[:, 0] == level), 1])) for level in LEVELS_DB)
    theirs = max(float(np.median(table[table[:, 0] == level, 3])) for level in LEVELS_DB)
    yield Row("snr_db", name, "the same at the worst level, dB", worst, ("<=", 1.5), "WADA-SNR", theirs)
    yield Row("snr_db", name, "90th percentile of the error, dB", float(np.percentile(table[known, 1], 90)), None,
              "WADA-SNR", float(np.percentile(table[:, 3], 90)))  # fmt: skip
    yield Row("snr_db", name, "share with a value", float(known.mean()))
    yield Row("noise_floor_dbfs", name, "median error, dB", float(np.nanmedian(table[:, 2])), ("<=", 1.5))


def wada_snr(wave: material.Floats) -> float:
    """SNR in dB from the distribution of the amplitudes (Kim and Stern 2008): speech is gamma (0.4), noise Gaussian."""
    size = np.abs(wave[wave != 0].astype(np.float64))
    snr, measure = _wada_table()
    return float(np.interp(np.log(size.mean()) - np.log(size).mean(), measure, snr))


@lru_cache(maxsize=1)
def _wada_table() -> tuple[np.ndarray, np.ndarray]:
    """log E|x| - E log|x| against SNR, by simulation."""
    random = np.random.default_rng(0)
    count = 1_000_000
    speech = random.gamma(0.4, 1.0, count) * random.choice([-1.0, 1.0], count)
    speech /= np.sqrt(np.mean(speech**2))
    gauss = random.normal(0, 1, count)
    snr = np.arange(-20, 61, 1.0)
    measure = []
    for level in snr:
        size = np.abs(speech * 10 ** (level / 20) + gauss)
        measure.append(np.log(size.mean()) - np.log(size).mean())
    return snr, np.maximum.accumulate(np.array(measure))
