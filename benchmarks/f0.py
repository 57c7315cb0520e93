"""How right and how fast the installed f0 methods are, on sounds whose f0 is known exactly.

    python benchmarks/f0.py --seconds 20 --snr 20

Tones, vibrato and glides in three timbres from 60 to 1000 Hz, with pauses, clean and in white noise at the given SNR.
A voiced frame counts as right within 50 cents; a miss counts as wrong. "gross" is the share more than 20 % off among
frames called voiced, "false" the share of pause frames called voiced. Speed is audio seconds a second, the best of
three, after a first run that loads the method.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from infer import f0

RATE = f0.HOP * 100
Wave = NDArray[np.float64]
TIMBRES = {
    "soft": (1.0, 0.3, 0.1),
    "voice": (0.6, 1.0, 0.7, 0.5, 0.3, 0.2, 0.1),
    "bright": tuple(1 / k for k in range(1, 16)),
}


def contour(kind: str, hz: float, seconds: float) -> Wave:
    """f0 in Hz for each sample: with a pause in the last fifth of every two seconds."""
    t = np.arange(round(seconds * RATE)) / RATE
    if kind == "vibrato":
        curve = hz * 2 ** (50 / 1200 * np.sin(2 * np.pi * 5.5 * t))
    elif kind == "glide":
        curve = hz * 2 ** (1 / 8 * np.sin(2 * np.pi * t / 4))
    else:
        curve = np.full(len(t), hz)
    return np.where(t % 2 < 1.6, curve, 0)


def sound(curve: Wave, timbre: tuple[float, ...]) -> Wave:
    """Harmonics of a contour below half the rate, faded at the pauses."""
    phase = 2 * np.pi * np.cumsum(curve) / RATE
    wave = np.zeros(len(curve))
    for number, gain in enumerate(timbre, 1):
        wave += gain * np.sin(number * phase) * (number * curve < 0.45 * RATE)
    fade = np.convolve(curve > 0, np.hanning(321) / np.hanning(321).sum(), mode="same")
    return 0.2 * wave * fade * (curve > 0) / np.sqrt(np.sum(np.square(timbre)))


def material(low: float, high: float, seconds: float) -> tuple[Wave, Wave]:
    """A recording in one range of pitch, and its f0 every 10 ms."""
    kinds, each = ("tone", "vibrato", "glide"), seconds / 9
    parts = []
    for index, kind in enumerate(kinds):
        for number, timbre in enumerate(TIMBRES.values()):
            hz = low * (high / low) ** ((3 * index + number) / 8)
            curve = contour(kind, hz, max(2.0, each))
            parts.append((sound(curve, timbre), curve))
    wave, curve = (np.concatenate(column) for column in zip(*parts, strict=True))
    return wave, curve[:: f0.HOP]


def add_noise(wave: Wave, snr_db: float | None) -> Wave:
    """White noise at an SNR (dB) against the sounding parts; nothing for None."""
    if snr_db is None:
        return wave
    power = float(np.mean(np.square(wave[np.abs(wave) > 0])))
    spread = np.sqrt(power / 10 ** (snr_db / 10))
    return wave + np.random.default_rng(0).standard_normal(len(wave)) * spread


def judge(found: Wave, truth: Wave) -> tuple[float, float, float]:
    """Shares in percent: right within 50 cents, gross among voiced, false in pauses; edges of 30 ms do not count."""
    size = min(len(found), len(truth))
    found, truth = found[:size], truth[:size]
    steady = np.convolve(truth > 0, np.ones(7), mode="same")
    voiced, pause = steady == 7, steady == 0
    with np.errstate(divide="ignore", invalid="ignore"):
        off = np.abs(1200 * np.log2(found / truth))
    called = voiced & (found > 0)
    right = float(np.mean((off < 50)[voiced]))
    gross = float(np.mean((np.abs(found / np.where(truth > 0, truth, 1) - 1) > 0.2)[called])) if called.any() else 0.0
    return 100 * right, 100 * gross, 100 * float(np.mean(found[pause] > 0))


def speed(method: str, wave: Wave, weights: Path | None) -> float:
    """Seconds of audio a second."""
    times = []
    for _ in range(3):
        start = time.perf_counter()
        f0.extract(wave, method, weights=weights)
        times.append(time.perf_counter() - start)
    return len(wave) / RATE / min(times)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=20, help="length of the material in each range")
    parser.add_argument("--snr", type=float, default=20, help="of the noisy half, in dB")
    parser.add_argument("--weights", type=Path, help="folder of pulled weights, for the methods that need some")
    parser.add_argument("--only", help="methods, separated by commas")
    options = parser.parse_args()
    ready = f0.available(options.weights)
    names = [name for name in (options.only.split(",") if options.only else ready) if name in ready]
    ranges = {"60-150": (60, 150), "200-400": (200, 400), "600-1000": (600, 1000)}
    cases = {name: material(low, high, options.seconds) for name, (low, high) in ranges.items()}
    print(f"right within 50 cents / gross / false voiced, %; clean and at {options.snr:g} dB SNR")
    head = " ".join(f"{f'{name} Hz':>20} {'noisy':>20}" for name in cases)
    print(f"{'method':<11}{head} {'x real time':>12}")
    for name in names:
        cells = []
        for wave, truth in cases.values():
            for snr in (None, options.snr):
                shares = judge(f0.extract(add_noise(wave, snr), name, weights=options.weights), truth)
                cells.append(f"{shares[0]:5.1f} /{shares[1]:5.1f} /{shares[2]:5.1f}")
        rate = speed(name, cases["200-400"][0], options.weights)
        print(f"{name:<11}{' '.join(f'{cell:>20}' for cell in cells)} {rate:>12.1f}", flush=True)
    for name, method in f0.F0_METHODS.items():
        if name not in ready:
            print(f"{name:<11}{method.missing(options.weights)}")


if __name__ == "__main__":
    main()
