"""How right and how fast the installed f0 methods are, on sounds whose f0 is known exactly.

    python -m benchmarks.f0 --seconds 20 --snr 20
    python -m benchmarks.f0 --audio AUDIO --snrs 20,10,0

Tones, vibrato and glides in three timbres from 60 to 1000 Hz, with pauses, clean and in white noise at the given SNR.
A voiced frame counts as right within 50 cents; a miss counts as wrong. "gross" is the share more than 20 % off among
frames called voiced, "false" the share of pause frames called voiced. Speed is audio seconds a second, the best of
three, after a first run that loads the method.

With `--audio`, the folder of labelled recordings, real voices in real noises instead: seven speakers and two singers in
rain, waves, a helicopter and dishes. Right is what swift, pm and dio say alike, within 50 cents, of the
recording before the noise came over it; pauses are where all of them hear none. NAME+ is the method with its octave
errors taken back (`infer.octaves`).
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from catalog import audio
from infer import f0
from infer.octaves import repair

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


JUDGES = ("swift", "pm", "dio")
VOICES = (
    "long_raw/ravdess11_raw_clean.flac", "long_raw/kathleen_raw_clean.flac", "long_raw/fsdd_jackson_raw_clean.flac",
    "speech_single/emodb08_de_f/*", "speech_single/emodb03_de_m/*", "speech_single/ravdess10_en_f/*",
    "speech_single/ravdess15_en_m/*", "singing/sms_vignesh.flac", "singing/sms_singing-female.flac",
)  # fmt: skip
NOISES = ("sms-tools_rain.flac", "sms-tools_ocean.flac", "esc10_helicopter_2-37806-A.ogg",
          "pyroomacoustics_doing_the_dishes.flac")  # fmt: skip


def read(paths: list[Path], seconds: float) -> Wave:
    """Files end to end at 16 kHz, up to a length."""
    parts: list[Wave] = []
    while paths and sum(map(len, parts)) < seconds * RATE:
        wave, rate = audio.read(paths[0])
        parts.append(np.asarray(audio.resample(wave, rate, RATE), np.float64))
        paths = paths[1:]
    return np.concatenate(parts)[: round(seconds * RATE)]


def agreed(wave: Wave) -> Wave:
    """f0 on which all judges agree, 0 where all hear none, and NaN elsewhere."""
    heard = np.stack([f0.extract(wave, name) for name in JUDGES])
    voiced = (heard > 0).all(axis=0)
    middle = np.median(heard, axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        alike = (np.abs(1200 * np.log2(heard / middle)) < 50).all(axis=0)
    return np.where(voiced & alike, middle, np.where((heard == 0).all(axis=0), 0.0, np.nan))


def under(wave: Wave, noise: Wave, snr_db: float) -> Wave:
    """`wave` in `noise` at an SNR (dB) against its louder frames."""
    frames = np.square(wave[: len(wave) // f0.HOP * f0.HOP]).reshape(-1, f0.HOP).mean(axis=1)
    power = frames[frames > np.percentile(frames, 95) / 1000].mean()
    noise = np.resize(noise, len(wave))
    return wave + noise * np.sqrt(power / 10 ** (snr_db / 10) / np.mean(np.square(noise)))


def judge_real(found: Wave, truth: Wave) -> Wave:
    """Counts: voiced frames, right within 50 cents, called voiced, of these wrong by over 20 %, pause frames, of these
    called voiced."""
    voiced, pause = truth > 0, truth == 0
    called = voiced & (found > 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        off = np.abs(1200 * np.log2(found / truth))
    wrong = np.abs(found[called] / truth[called] - 1) > 0.2
    return np.array([voiced.sum(), (off[voiced] < 50).sum(), called.sum(), wrong.sum(), pause.sum(),
                     (found[pause] > 0).sum()], dtype=float)  # fmt: skip


def real(options: argparse.Namespace, names: list[str]) -> None:
    """The table of real voices in real noises."""
    folder: Path = options.audio
    voices = [read(sorted(folder.glob(pattern)), options.seconds) for pattern in VOICES]
    truths = [agreed(wave) for wave in voices]
    chosen = [name for name in NOISES if not options.without or options.without not in name]
    noises = [read([folder / "noise" / name], options.seconds) for name in chosen]
    levels = [None, *map(float, options.snrs.split(","))]
    print("right within 50 cents / gross / false voiced, %")
    print(f"{'method':<12}" + "".join(f"{'clean' if level is None else f'{level:g} dB':>20}" for level in levels))
    for name in names:
        counts = {plus: np.zeros((len(levels), 6)) for plus in ("", "+")}
        spent = heard = 0.0
        for number, level in enumerate(levels):
            for place, (wave, truth) in enumerate(zip(voices, truths, strict=True)):
                for noise in noises[place % 2 :: 2] if level is not None else noises[:1]:
                    given = wave if level is None else under(wave, noise, level)
                    began = time.process_time()
                    found = f0.extract(given, name, weights=options.weights)
                    spent, heard = spent + time.process_time() - began, heard + len(given) / RATE
                    counts[""][number] += judge_real(found, truth)
                    counts["+"][number] += judge_real(repair(found, given, f0.HOP, f0.F_MIN, f0.F_MAX), truth)
        for plus, rows in counts.items():
            cells = [f"{100 * r[1] / r[0]:5.1f} /{100 * r[3] / r[2]:5.2f} /{100 * r[5] / r[4]:5.1f}" for r in rows]
            print(f"{name + plus:<12}" + "".join(f"{cell:>20}" for cell in cells)
                  + f"  {1000 * spent / heard:.0f} ms of processor a second", flush=True)  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=20, help="length of the material in each range")
    parser.add_argument("--snr", type=float, default=20, help="of the noisy half, in dB")
    parser.add_argument("--weights", type=Path, help="folder of pulled weights, for the methods that need some")
    parser.add_argument("--only", help="methods, separated by commas")
    parser.add_argument("--audio", type=Path, help="the folder of labelled recordings: real voices in real noises")
    parser.add_argument("--without", help="leave out the noises whose name holds this, such as helicopter")
    parser.add_argument("--snrs", default="20,10,0", help="in dB, separated by commas")
    options = parser.parse_args()
    ready = f0.available(options.weights)
    names = [name for name in (options.only.split(",") if options.only else ready) if name in ready]
    if options.audio:
        real(options, names)
        return
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
