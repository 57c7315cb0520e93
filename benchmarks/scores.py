"""What the scores say against what is known: `python benchmarks/scores.py AUDIO_FOLDER`.

SNR against noise added at known levels, clipping against drive of known strength, loudness against the standard's own
reference tone, f0 against tones of known pitch, bandwidth against low-pass filters, and overlap against RTTM labels
(folder `speech_multi_overlap`) and single voices (`speech_single`), over which it should stay silent.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from catalog import audio
from catalog.records import ScoreValue
from curator.activity import ActivityMeter, Tracks
from curator.recipes.overlap.measures import auc
from curator.scores.clip_audio import ClipAudio, Scorer
from curator.scores.registry import SCORERS, score

Floats = npt.NDArray[np.float32]


def main() -> None:
    """Print a table for each family."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    snr(folder)
    noisy_pairs(folder)
    clipping(folder)
    loudness()
    pitch()
    bandwidth(folder)
    overlap(folder)


def whole(wave: Floats, rate: int) -> ClipAudio:
    """Samples in memory as one clip that is its whole recording."""
    meter = ActivityMeter(rate)
    meter.feed(wave)
    activity, pitch_track = meter.finish()
    return ClipAudio(wave, rate, 0, Tracks.of(activity, len(wave), rate), pitch_track)


def scores_of(wave: Floats, rate: int) -> dict[str, ScoreValue]:
    """All scores of a whole recording."""
    return dict(score("benchmark", whole(wave, rate)).values)


def word(value: ScoreValue, places: int = 1) -> str:
    """A score for a table."""
    return f"{value:.{places}f}" if isinstance(value, float) else "NULL"


def passages(folder: Path, speaker: str, pause_s: float = 0.8, count: int = 6) -> tuple[Floats, int]:
    """Some recordings of a speaker one after another, with pauses of digital silence between them."""
    parts: list[Floats] = []
    rate = 0
    for path in sorted((folder / "speech_single" / speaker).iterdir())[:count]:
        wave, rate = audio.read(path)
        parts += [wave, np.zeros(round(pause_s * rate), np.float32)]
    return np.concatenate(parts), rate


def snr(folder: Path) -> None:
    """Noise of known level under speech whose pauses are silent; the level of the speech is over its speech frames."""
    print("\nSNR (dB): white and pink noise added to speech with silent pauses")
    for speaker in ("kathleen_en_f", "emodb03_de_m", "ravdess10_en_f"):
        wave, rate = passages(folder, speaker)
        clean = whole(wave, rate)
        power = np.mean(10 ** (clean.tracks.level[clean.tracks.probability >= 0.5] / 10))
        random = np.random.default_rng(0)
        for colour in ("white", "pink"):
            noise = coloured(random, len(wave), rate, colour)
            found = []
            for true in (0, 5, 10, 15, 20, 25, 30, 35, 40, 50):
                mixed = wave + noise * np.float32(np.sqrt(power) * 10 ** (-true / 20))
                found.append(f"{true}: {word(scores_of(mixed.astype(np.float32), rate)['snr_db'])}")
            print(f"  {speaker:<16}{colour:<6} {'  '.join(found)}")


def coloured(random: np.random.Generator, samples: int, rate: int, colour: str) -> Floats:
    """Noise of unit power; pink from 20 Hz on."""
    line = np.fft.rfft(random.normal(0, 1, samples))
    if colour == "pink":
        hz = np.fft.rfftfreq(samples, 1 / rate)
        line[1:] /= np.sqrt(hz[1:])
        line[hz < 20] = 0
    wave = np.fft.irfft(line, samples)
    return np.asarray(wave / wave.std(), np.float32)


def noisy_pairs(folder: Path) -> None:
    """Real noise under single sentences, which hold few pauses; each stands between 1 s of its noise."""
    print("\nSNR (dB): real noise of known level (single sentences without pauses: mostly NULL)")
    labels = json.loads((folder / "noisy_speech" / "labels.json").read_text())
    found = []
    for label in labels:
        if "snr_db" in label:
            values = scores_of(*audio.read(folder / label["noisy"]))
            found.append(f"{label['snr_db']} ({label['noise_class']}): {word(values['snr_db'])}")
    print("  " + "; ".join(found))


def clipping(folder: Path) -> None:
    """The share of clipped samples that each file was made with."""
    print("\nclipped_ratio: known share -> found")
    for label in json.loads((folder / "clipped" / "labels.json").read_text()):
        if "clipped_sample_fraction" in label:
            values = scores_of(*audio.read(folder / label["file"]))
            known = label["clipped_sample_fraction"]
            print(
                f"  {Path(label['file']).stem:<28}{label['kind']:<10} {known:.5f} -> {word(values['clipped_ratio'], 5)}"
            )
    clean = []
    for path in sorted(folder.glob("speech_single/*/*"))[::6]:
        wave, rate = audio.read(path)
        value = next(each for each in SCORERS if each.name == "clipping").compute(whole_silent(wave, rate))
        clean.append(value.get("clipped_ratio"))
    known_values = [value for value in clean if isinstance(value, float)]
    above = sum(value > 0.0005 for value in known_values)
    print(f"  {len(clean)} recordings as they are: {above} above 0.0005, {clean.count(None)} NULL")


def whole_silent(wave: Floats, rate: int) -> ClipAudio:
    """A clip for scores that ask nothing of the recording around it."""
    frames = len(wave) * 100 // rate + 1
    flat = np.zeros(frames, np.float32)
    return ClipAudio(wave, rate, 0, Tracks(flat, flat, len(wave), rate))


def loudness() -> None:
    """EBU Tech 3341: a 1 kHz tone of -23 dBFS in both channels is -23.0 LUFS, so in one channel -26.0."""
    print("\nloudness_lufs: 1 kHz at -23 dBFS (peak), mono: standard says -26.0")
    for rate in (16_000, 44_100, 48_000):
        time = np.arange(10 * rate) / rate
        tone = (10 ** (-23 / 20) * np.sin(2 * np.pi * 1000 * time)).astype(np.float32)
        values = next(each for each in SCORERS if each.name == "loudness").compute(whole_silent(tone, rate))
        print(f"  {rate} Hz: {word(values['loudness_lufs'], 2)}")


def pitch() -> None:
    """Harmonic tones with vibrato of 50 cents, and a glide over two octaves."""
    print("\nf0: median of tones with vibrato, and low/high of a glide from 110 to 440 Hz")
    rate = 16_000
    found = []
    for hz in (60, 100, 150, 220, 330, 500, 750, 1000):
        values = scores_of(tone_of(hz * np.ones(3 * rate), rate), rate)
        found.append(f"{hz}: {word(values['f0_median_hz'])}")
    print("  " + "  ".join(found))
    values = scores_of(tone_of(110 * 4 ** (np.arange(6 * rate) / (6 * rate)), rate), rate)
    expected = 12 * np.log2(4) * 0.9
    print(
        f"  glide: {word(values['f0_low_hz'])} to {word(values['f0_high_hz'])} Hz (5th and 95th percentile: 117.9 to "
        f"410.5), range {word(values['pitch_range_st'])} st ({expected:.1f})"
    )


def tone_of(hz: npt.NDArray[np.float64], rate: int) -> Floats:
    """Harmonics of a moving f0 with vibrato."""
    time = np.arange(len(hz)) / rate
    phase = 2 * np.pi * np.cumsum(hz * 2 ** (0.5 / 12 * np.sin(2 * np.pi * 5.5 * time))) / rate
    wave = sum(np.sin(k * phase) / k for k in range(1, 11) if k * hz.max() < rate / 2.2)
    return np.asarray(0.3 * wave / np.abs(wave).max(), np.float32)


def bandwidth(folder: Path) -> None:
    """48 kHz recordings brought down to a lower rate and up again."""
    print("\nbandwidth_hz: 48 kHz speech brought to a lower rate and back")
    for speaker in ("kathleen_en_f", "ravdess10_en_f", "ravdess15_en_m"):
        wave, rate = passages(folder, speaker, pause_s=0.2)
        found = [f"as it is: {word(scores_of(wave, rate)['bandwidth_hz'], 0)}"]
        for low in (32_000, 24_000, 16_000, 8000):
            back = audio.resample(audio.resample(wave, rate, low), low, rate)
            found.append(f"{low / 2:.0f}: {word(scores_of(back, rate)['bandwidth_hz'], 0)}")
        print(f"  {speaker:<16}{'  '.join(found)}")


def overlap(folder: Path) -> None:
    """Frames against RTTM, and what single voices are flagged with."""
    from curator.scores.overlap_network import HOP, RATE, probabilities

    print("\noverlap: AUC over the 40 ms frames in which anybody speaks")
    every: list[tuple[Any, Any]] = []
    for path in sorted(folder.glob("speech_multi_overlap/*.rttm")):
        wave, rate = audio.read(path.with_suffix(".flac"))
        found = probabilities(audio.resample(wave, rate, RATE))
        voices = active(path, len(found), HOP / RATE)
        found, truth = found[voices > 0], voices[voices > 0] > 1
        if truth.any() and not truth.all():
            every.append((found, truth))
            print(f"  {path.stem:<30} overlap {truth.mean():6.1%}  AUC {auc(found, truth):.3f}")
    together = (np.concatenate([pair[i] for pair in every]) for i in (0, 1))
    print(f"  all together: AUC {auc(*together):.3f}")
    scorer = next((each for each in SCORERS if each.name == "overlap"), None)
    if scorer:
        clips_and_singles(folder, scorer)


def clips_and_singles(folder: Path, scorer: Scorer) -> None:
    """Clips of 8 s by their true share of overlap, and single voices."""
    by_truth: dict[str, list[float]] = {"none": [], "under 10 %": [], "10-30 %": [], "over 30 %": []}
    for path in sorted(folder.glob("speech_multi_overlap/*.rttm")):
        for clip, truth in eight_seconds(path):
            value = scorer.compute(clip).get("overlap_ratio")
            if isinstance(value, float):
                name = (
                    "none"
                    if truth < 0.005
                    else "under 10 %"
                    if truth < 0.1
                    else "10-30 %"
                    if truth < 0.3
                    else "over 30 %"
                )
                by_truth[name].append(value)
    for name, values in by_truth.items():
        flagged = sum(value > 0.1 for value in values)
        print(
            f"  clips of 8 s with overlap {name}: {flagged} of {len(values)} above 0.1, median {np.median(values):.3f}"
        )
    for speaker in sorted({path.parent for path in folder.glob("speech_single/*/*")}):
        wave, rate = passages(folder, speaker.name, pause_s=0.3, count=60)
        clip = whole(wave, rate)
        step = 8 * rate
        parts = [
            ClipAudio(wave[at : at + step], rate, at, clip.tracks, clip.recording_pitch)
            for at in range(0, len(wave) - step + 1, step)
        ]
        values = [v for v in (scorer.compute(part).get("overlap_ratio") for part in parts) if isinstance(v, float)]
        if values:
            flagged = sum(value > 0.1 for value in values)
            print(f"  single voice {speaker.name:<18} {flagged:>2} of {len(values):>2} clips of 8 s above 0.1")


def eight_seconds(path: Path) -> Iterator[tuple[ClipAudio, float]]:
    """Pieces of a labelled recording and the share of their labelled speech in which two speak."""
    wave, rate = audio.read(path.with_suffix(".flac"))
    clip = whole(wave, rate)
    voices = active(path, len(clip.tracks.level), 0.01)
    for at in range(0, len(wave) - 8 * rate + 1, 8 * rate):
        part = voices[at * 100 // rate : (at + 8 * rate) * 100 // rate]
        if (part > 0).mean() > 0.1:
            truth = float((part > 1).sum() / (part > 0).sum())
            yield ClipAudio(wave[at : at + 8 * rate], rate, at, clip.tracks, clip.recording_pitch), truth


def active(path: Path, frames: int, frame_s: float) -> npt.NDArray[np.int64]:
    """How many voices speak in each frame, by an RTTM file."""
    voices: dict[str, npt.NDArray[np.bool_]] = {}
    for row in (line.split() for line in path.read_text().splitlines() if line.strip()):
        start, length = float(row[3]), float(row[4])
        mask = voices.setdefault(row[7], np.zeros(frames, bool))
        mask[round(start / frame_s) : round((start + length) / frame_s)] = True
    return np.sum(list(voices.values()), axis=0)


if __name__ == "__main__":
    main()
