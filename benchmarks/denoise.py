"""Does `curator add --denoise` harm: `python -m benchmarks.denoise AUDIO_FOLDER`.

Scale-invariant signal-to-distortion ratio (Le Roux et al. 2019) against the clean recording, before and after. The
settings of the gate were chosen on one half of the noises, mixed with 10 s of clean long recordings at 0, 10 and 20 dB
(`--tune` prints that table); what is reported is the other half, on another voice, and the pairs of `noisy_speech`.
Beside it stand noisereduce as it comes, blind and with the same pauses, and RNNoise where it is installed.
"""

from __future__ import annotations

import argparse
import importlib.util
import itertools
import json
import os
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

for library in ("OMP", "OPENBLAS", "MKL"):
    os.environ.setdefault(f"{library}_NUM_THREADS", "1")

import numpy as np  # noqa: E402

from catalog import audio  # noqa: E402
from curator.activity import ActivityMeter, Tracks  # noqa: E402
from curator.denoise import DENOISERS, Samples, SpectralGate, Unsuitable, denoise_file  # noqa: E402

GATE = DENOISERS["noisereduce"]
SECONDS = 10


@dataclass(frozen=True)
class Pair:
    """A clean recording and the same with noise, both (n,)."""

    name: str
    clean: Samples
    noisy: Samples
    rate: int


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--tune", action="store_true", help="also compare settings on the other half of the noises")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "noisy.wav"
        if options.tune:
            tune(list(mixtures(options.folder, 0)), path)
        for title, pairs in (
            ("noises and a voice that the settings were not chosen on", list(mixtures(options.folder, 1))),
            ("pairs of noisy_speech", list(published(options.folder))),
        ):
            print(f"{title}: SI-SDR, dB")
            report(pairs, path)


def tune(pairs: list[Pair], path: Path) -> None:
    """Mean and worst change of settings over all pairs that have a pause."""
    assert isinstance(GATE, SpectralGate)
    print("settings on the noises they were chosen on: change of SI-SDR, dB")
    smoothings = {"none": (None, None), "over time": (None, 40.0), "as it comes": (500.0, 50.0)}
    for (smooth, (hz, ms)), share, spread in itertools.product(smoothings.items(), (0.5, 0.7, 0.9), (1.5, 2.0, 2.5)):
        gate = replace(GATE, prop_decrease=share, n_std_thresh=spread, freq_mask_smooth_hz=hz, time_mask_smooth_ms=ms)
        found = [(pair, ours(pair, gate, path)) for pair in pairs]
        changes = [after - sisdr(pair.clean, pair.noisy) for pair, after in found if after is not None]
        print(f"  smoothing {smooth}, decrease {share}, threshold {spread}: {summary(changes)}", flush=True)


def report(pairs: list[Pair], path: Path) -> None:
    """One line a pair, and the sums."""
    ways: dict[str, Callable[[Pair], float | None]] = {
        "ours": lambda pair: ours(pair, GATE, path),
        "noisereduce, blind": lambda pair: as_it_comes(pair, path, blind=True),
        "noisereduce, its pauses": lambda pair: as_it_comes(pair, path, blind=False),
    }
    if importlib.util.find_spec("pyrnnoise"):
        ways["rnnoise"] = lambda pair: ours(pair, DENOISERS["rnnoise"], path)
    changes: dict[str, list[float]] = {name: [] for name in ways}
    for pair in pairs:
        before = sisdr(pair.clean, pair.noisy)
        line = f"  {pair.name:<34}{before:6.1f} ->"
        for name, way in ways.items():
            after = way(pair)
            line += f"  {name} " + ("left as is" if after is None else f"{after:.1f}")
            if after is not None:
                changes[name].append(after - before)
        print(line, flush=True)
    for name, found in changes.items():
        print(f"  {name}: change where it was used {summary(found)}; left as they are: {len(pairs) - len(found)}")


def summary(changes: list[float]) -> str:
    """Mean, worst, and how many were harmed by more than a tenth of a dB."""
    if not changes:
        return "never"
    harmed = sum(change < -0.1 for change in changes)
    return f"{np.mean(changes):+.2f} on average, worst {min(changes):+.2f}, harmed {harmed} of {len(changes)}"


def ours(pair: Pair, denoiser: object, path: Path) -> float | None:
    """SI-SDR after a denoiser of ours; None where it left the recording as it is."""
    audio.write_wav(path, pair.noisy, pair.rate, "FLOAT")
    try:
        cleaned = np.concatenate(list(denoise_file(path, denoiser)))[:, 0]  # type: ignore[arg-type]
    except Unsuitable:
        return None
    assert len(cleaned) == len(pair.noisy)
    return sisdr(pair.clean, cleaned)


def as_it_comes(pair: Pair, path: Path, *, blind: bool) -> float | None:
    """SI-SDR after noisereduce with its own settings, with or without the noise of the pauses."""
    from noisereduce import reduce_noise

    assert isinstance(GATE, SpectralGate)
    noise = None
    if not blind:
        audio.write_wav(path, pair.noisy, pair.rate, "FLOAT")
        try:
            noise = GATE.noise(path, tracks(pair))[:, 0]
        except Unsuitable:
            return None
    return sisdr(pair.clean, reduce_noise(y=pair.noisy, sr=pair.rate, y_noise=noise, stationary=True))


def tracks(pair: Pair) -> Tracks:
    """What is known of the noisy recording."""
    meter = ActivityMeter(pair.rate)
    meter.feed(pair.noisy)
    activity, _ = meter.finish()
    return Tracks.of(activity, len(pair.noisy), pair.rate)


def mixtures(folder: Path, half: int) -> Iterator[Pair]:
    """Every second noise with a clean recording of one voice, at three ratios over the speech."""
    voice = ("kathleen", "ravdess11")[half]
    clean, rate = audio.read(folder / "long_raw" / f"{voice}_raw_clean.flac")
    noises = sorted(path for path in (folder / "noise").rglob("*") if path.suffix in (".wav", ".flac", ".ogg"))[half::2]
    for number, path in enumerate(noises):
        start = (7 * number + 3) * rate % (len(clean) - SECONDS * rate)
        part = clean[start : start + SECONDS * rate]
        loud = part[np.abs(part) > 0.1 * np.abs(part).max()]
        noise = np.resize(audio.resample(*audio.read(path), rate), len(part))
        for ratio in (0, 10, 20):
            gain = np.sqrt(np.mean(loud**2) / np.mean(noise**2) / 10 ** (ratio / 10))
            yield Pair(f"{path.stem[:26]} {ratio} dB", part, (part + gain * noise).astype(np.float32), rate)


def published(folder: Path) -> Iterator[Pair]:
    """The pairs with labels."""
    for label in json.loads((folder / "noisy_speech" / "labels.json").read_text()):
        if "clean" in label:
            clean, rate = audio.read(folder / label["clean"])
            noisy, _ = audio.read(folder / label["noisy"])
            yield Pair(f"{label['noise_class'][:26]} {label['snr_db']} dB", clean, noisy, rate)


def sisdr(clean: Samples, found: Samples) -> float:
    """Scale-invariant signal-to-distortion ratio, dB."""
    clean, found = clean - clean.mean(dtype=np.float64), found - found.mean(dtype=np.float64)
    target = (found @ clean) / (clean @ clean) * clean
    return float(10 * np.log10((target @ target) / ((found - target) @ (found - target))))


if __name__ == "__main__":
    main()
