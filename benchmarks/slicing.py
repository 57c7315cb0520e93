"""How well recordings are cut: `python benchmarks/slicing.py AUDIO_FOLDER`.

Two tables. First, cuts inside words on material whose word times are exact: single digits (folders
`speech_single/fsdd_*`) joined with random gaps over a room tone 45 dB below them; an edge counts as bad when it lies
more than 20 ms inside the file of a digit, or inside the part of that file that sounds. Ours beside silero's own
segments with its 15 s limit. Second, the long recordings (folder `long_raw`, with speech times in .json and .rttm):
lengths, and how much of the labelled speech is kept.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from catalog import audio
from catalog.records import Activity
from curator import vad
from curator.activity import ActivityMeter, Tracks
from curator.slicer import SlicingSettings, slice_activity

DIGITS = 400
INSIDE_S = 0.020
ROOM_DB = -45
Times = list[tuple[float, float]]


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    print(f"settings: {SlicingSettings().words()}\n")
    print("edges inside words (bad/edges), words whole in clips of 5-15 s, speech kept, longest clip")
    for speaker in sorted(folder.glob("speech_single/fsdd_*")):
        for gap_s in (0.05, 0.1, 0.4):
            wave, rate, files = digits(speaker, gap_s, trimmed=False)
            words = digits(speaker, gap_s, trimmed=True)[2]
            for name, clips in (("ours", ours(wave, rate)), ("silero", silero(wave, rate))):
                print(f"  {speaker.name[:12]} 0-{gap_s * 1e3:.0f} ms".ljust(24), name.ljust(7), end="")
                print(
                    f"{bad_edges(clips, files)} of files, {bad_edges(clips, words)} of words{words_kept(clips, words)}"
                )
    print("\nlong recordings")
    seconds = np.zeros(6)
    for path in sorted(folder.glob("long_raw/*.flac")):
        line, of_file = long_recording(path)
        seconds += of_file
        print(f"  {path.stem:<28}{line}")
    shares = seconds[1::2] / seconds[::2]
    print(f"  all: labelled speech kept: json {shares[0]:.2%}, rttm {shares[1]:.2%}, of it audible {shares[2]:.2%}")


def sounding_part(word: np.ndarray, rate: int) -> tuple[float, float]:
    """Where a digit is within 40 dB of its loudest 10 ms, in seconds; its file may hold silence around it."""
    hop = rate // 100
    power = np.mean(word[: len(word) // hop * hop].reshape(-1, hop) ** 2, axis=1)
    loud = np.flatnonzero(power > power.max() * 1e-4)
    return loud[0] / 100, (loud[-1] + 1) / 100


def digits(folder: Path, gap_s: float, *, trimmed: bool, seed: int = 0) -> tuple[np.ndarray, int, Times]:
    """Digits of one speaker in random order with random gaps, their rate, and the time of each file or digit."""
    random = np.random.default_rng([seed, round(gap_s * 1e3)])
    files = sorted(folder.glob("*.*"))
    parts, words, position = [np.zeros(8000, np.float32)], [], 1.0
    for index in random.integers(0, len(files), DIGITS):
        word, rate = audio.read(files[index])
        gap = np.zeros(round(random.uniform(0, gap_s) * rate), np.float32)
        begin, end = sounding_part(word, rate) if trimmed else (0.0, len(word) / rate)
        words.append((position + begin, position + end))
        parts += [word, gap]
        position += (len(word) + len(gap)) / rate
    wave = np.concatenate(parts)
    tone = random.normal(0, np.sqrt(np.mean(wave**2)) * 10 ** (ROOM_DB / 20), len(wave))
    return (wave + tone).astype(np.float32), rate, words


def measured(wave: np.ndarray, rate: int) -> Activity:
    """The activity of samples in memory."""
    meter = ActivityMeter(rate)
    meter.feed(wave)
    return meter.finish()[0]


def ours(wave: np.ndarray, rate: int) -> Times:
    """Clips of our slicer, in seconds."""
    clips = slice_activity("benchmark", measured(wave, rate), len(wave), rate).clips
    return [(clip.start / rate, clip.end / rate) for clip in clips]


def silero(wave: np.ndarray, rate: int) -> Times:
    """Segments of silero's own function with a limit of 15 s, in seconds."""
    from silero_vad import get_speech_timestamps, load_silero_vad

    found = get_speech_timestamps(
        audio.resample(wave, rate, vad.RATE), load_silero_vad(), sampling_rate=vad.RATE, max_speech_duration_s=15
    )
    return [(each["start"] / vad.RATE, each["end"] / vad.RATE) for each in found]


def bad_edges(clips: Times, words: Times) -> str:
    """How many clip edges lie inside a word."""
    edges = [edge for clip in clips for edge in clip]
    bad = sum(any(start + INSIDE_S < edge < end - INSIDE_S for start, end in words) for edge in edges)
    return f"{bad:>4}/{len(edges):<3} = {bad / len(edges):5.1%}"


def words_kept(clips: Times, words: Times) -> str:
    """Whole words, what was kept, and the longest clip."""
    good = [(start, end) for start, end in clips if 5 <= round(end - start, 3) <= 15]
    whole = sum(any(a - INSIDE_S <= start and end <= b + INSIDE_S for a, b in good) for start, end in words)
    return (
        f"  whole {whole / len(words):6.1%}"
        f"  kept {kept(words, clips):6.1%}  longest {max(end - start for start, end in clips):5.1f} s"
    )


def kept(speech: Times, clips: Times) -> float:
    """Share of the labelled speech that lies in clips."""
    inside = sum(max(0.0, min(b, d) - max(a, c)) for a, b in speech for c, d in clips)
    return inside / sum(b - a for a, b in speech)


def long_recording(path: Path) -> tuple[str, list[float]]:
    """A line about a labelled recording, and seconds labelled and kept; asserts that nothing is lost."""
    wave, rate = audio.read(path)
    activity = measured(wave, rate)
    began = time.perf_counter()
    sliced = slice_activity(path.stem, activity, len(wave), rate)
    took = time.perf_counter() - began
    seconds = sum(clip.end - clip.start for clip in sliced.clips)
    assert seconds + sum(gap.end - gap.start for gap in sliced.left_out) == len(wave)
    clips = [(clip.start / rate, clip.end / rate) for clip in sliced.clips]
    lengths = np.array([end - start for start, end in clips])
    spoken = json_times(path.with_suffix(".json"))
    labels = (spoken, rttm_times(path.with_suffix(".rttm")), sounding(spoken, Tracks.of(activity, len(wave), rate)))
    totals = [sum(end - start for start, end in times) for times in labels]
    shares = [kept(times, clips) for times in labels]
    line = (
        f"{len(clips):>3} clips, {sum(clip.short for clip in sliced.clips):>2} short, longest {lengths.max():5.2f} s, "
        f"in clips {seconds / len(wave):5.1%}; labelled speech kept: json {shares[0]:6.2%}, rttm {shares[1]:6.2%}, "
        f"of it audible {shares[2]:6.2%}; sliced in {took:.2f} s"
    )
    return line, [x for total, share in zip(totals, shares, strict=True) for x in (total, total * share)]


def json_times(path: Path) -> Times:
    """Labelled speech of the speaker."""
    return [(part["speech_start"], part["speech_end"]) for part in json.loads(path.read_text())["segments"]]


def rttm_times(path: Path) -> Times:
    """Labelled speech of every speaker."""
    rows: Sequence[list[str]] = [line.split() for line in path.read_text().splitlines() if line.strip()]
    return [(float(row[3]), float(row[3]) + float(row[4])) for row in rows]


def sounding(speech: Times, tracks: Tracks) -> Times:
    """The 10 ms of labelled speech no more than 35 dB below the speech around: labels reach into silence."""
    frames = [frame for start, end in speech for frame in range(round(start * 100), round(end * 100))]
    loud = tracks.level > tracks.loudness - 35
    return [(frame / 100, (frame + 1) / 100) for frame in frames if loud[frame]]


if __name__ == "__main__":
    main()
