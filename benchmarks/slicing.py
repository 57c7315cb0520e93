"""How well recordings are cut: `python -m benchmarks.slicing AUDIO_FOLDER` (three CPU minutes).

On labelled material (`benchmarks.slicing_material`), ours beside the cutters that voice tools use: silero's own
segments with a limit of 15 s, and a cutter by level like RVC's. An edge is bad when it lies more than 20 ms inside a
word; a word is whole when one clip holds all of it but 20 ms. `--half tune` shows the half on which constants were
chosen. Exit code 1 when ours misses what is promised.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from benchmarks import slicing_material as material
from benchmarks.slicing_material import Floats, Labelled, Times
from catalog import audio
from catalog.records import Activity
from curator import vad
from curator.activity import ActivityMeter, Tracks
from curator.frames import FRAME_S, runs
from curator.slicer import SlicingSettings, slice_activity, slice_tracks
from curator.voicing import Voice

INSIDE_S = 0.020
APART_S = 0.2
"""A word stands apart, and its edges are compared, where the gap beside it is this long."""
ENOUGH = 20
"""Words that stand apart, below which no median is given."""
RANGE_S = 5.0, 15.0


@dataclass
class Tally:
    """What a method did to some material."""

    edges: int = 0
    bad: int = 0
    words: int = 0
    whole: int = 0
    spoken_s: float = 0.0
    kept_s: float = 0.0
    clips: int = 0
    in_range: int = 0
    short: int = 0
    longest_s: float = 0.0
    onsets: list[float] = field(default_factory=list)
    offsets: list[float] = field(default_factory=list)

    def add(self, words: Times, clips: Times, spans: Times, short: int = 0) -> None:
        """Count one wave: its labels, the clips, and where the method hears speech, all in seconds."""
        lengths = [round(end - start, 3) for start, end in clips]
        self.edges += 2 * len(clips)
        self.bad += bad_edges(clips, words)
        self.words += len(words)
        self.whole += sum(any(a - INSIDE_S <= start and end <= b + INSIDE_S for a, b in clips) for start, end in words)
        self.spoken_s += sum(end - start for start, end in words)
        self.kept_s += overlap_s(words, clips)
        self.clips += len(clips)
        self.in_range += sum(RANGE_S[0] <= length <= RANGE_S[1] for length in lengths)
        self.short += short
        self.longest_s = max([self.longest_s, *lengths])
        self.onsets += _apart(words, spans, onset=True)
        self.offsets += _apart(words, spans, onset=False)

    def apart(self) -> tuple[list[float], list[float]]:
        """The errors of onsets and of offsets, in seconds, late is positive."""
        return self.onsets, self.offsets

    def line(self) -> str:
        """The figures in one line."""
        bad = f"{self.bad}/{self.edges} = {self.bad / max(self.edges, 1):.1%}"
        late = [
            f"{1e3 * float(np.median(errors)):+4.0f} ms" if len(errors) >= ENOUGH else "   –" for errors in self.apart()
        ]
        return (
            f"bad edges {bad:>16}  whole {self.whole / max(self.words, 1):6.1%}"
            f"  5-15 s {self.in_range:>3} of {self.clips:<4} short {self.short:>3}  longest {self.longest_s:5.1f} s"
            f"  onset {late[0]}  offset {late[1]}"
        )


def bad_edges(clips: Times, words: Times) -> int:
    """How many edges of clips lie more than 20 ms inside a word; words in order, clips in any."""
    starts, ends = (np.array(side) for side in zip(*words, strict=True))
    edges = np.array([edge for clip in clips for edge in clip])
    before = np.searchsorted(starts + INSIDE_S, edges) - 1
    return int(np.count_nonzero((before >= 0) & (edges < ends[np.maximum(before, 0)] - INSIDE_S)))


def overlap_s(speech: Times, clips: Times) -> float:
    """Seconds of `speech` that lie in `clips`, which do not overlap each other."""
    return sum(max(0.0, min(b, d) - max(a, c)) for a, b in speech for c, d in clips)


def _apart(words: Times, spans: Times, *, onset: bool) -> list[float]:
    """By how much the nearest edge of what was heard is late (s), for each word that stands apart on that side."""
    side = 0 if onset else 1
    heard = np.array([span[side] for span in spans])
    errors = []
    for number, word in enumerate(words):
        if onset:
            gap = word[0] - words[number - 1][1] if number else np.inf
        else:
            gap = words[number + 1][0] - word[1] if number + 1 < len(words) else np.inf
        if gap >= APART_S and len(heard):
            late = heard - word[side]
            errors.append(float(late[np.abs(late).argmin()]))
    return errors


def measured(wave: Floats, rate: int) -> Activity:
    """The activity of samples in memory."""
    meter = ActivityMeter(rate)
    meter.feed(wave)
    return meter.finish()[0]


def ours(wave: Floats, rate: int, voice: Voice = "auto") -> tuple[Times, Times, int]:
    """Clips of our slicer and the speech it hears, in seconds, and how many clips are marked short."""
    tracks = Tracks.of(measured(wave, rate), len(wave), rate, voice)
    clips = slice_tracks("benchmark", tracks, SlicingSettings(voice=voice)).clips
    spans = [(first * FRAME_S, last * FRAME_S) for first, last in runs(tracks.speech)]
    return [(clip.start / rate, clip.end / rate) for clip in clips], spans, sum(clip.short for clip in clips)


def silero(wave: Floats, rate: int) -> tuple[Times, Times, int]:
    """Segments of silero's own function with a limit of 15 s, in seconds."""
    from silero_vad import get_speech_timestamps, load_silero_vad

    found = get_speech_timestamps(
        audio.resample(wave, rate, vad.RATE), load_silero_vad(), sampling_rate=vad.RATE, max_speech_duration_s=15
    )
    segments = [(each["start"] / vad.RATE, each["end"] / vad.RATE) for each in found]
    return segments, segments, 0


def by_level(wave: Floats, rate: int) -> tuple[Times, Times, int]:
    """A cutter by level as RVC prepares its recordings, in seconds.

    By its description: levels of 15 ms under -42 dBFS for 0.4 s or more are a silence, 1.5 s or more after the last
    cut; it is cut at its quietest, at most 0.5 s of it kept on either side; what is left is chopped into pieces of
    3.7 s that overlap by 0.3 s.
    """
    hop, least, interval, kept, piece, step = round(0.015 * rate), 100, 27, 33, 3.7, 3.4
    level = 10 * np.log10(np.mean(wave[: len(wave) // hop * hop].reshape(-1, hop) ** 2, axis=1) + 1e-12)
    parts, begin = [], 0
    for first, last in runs(level < -42):
        if last - first < interval or (first - begin < least and first > 0):
            continue
        left = first + int(level[first : min(first + kept, last)].argmin())
        right = last - 1 - int(level[max(last - kept, first) : last][::-1].argmin())
        if first > 0:
            parts.append((begin, left if last - first > kept else (left + right) // 2))
        begin = right if last - first > kept or first == 0 else (left + right) // 2
    parts.append((begin, len(level)))
    chopped: Times = []
    for a, b in ((a * hop / rate, b * hop / rate) for a, b in parts if b > a):
        while b - a > piece + 0.3:
            chopped.append((a, a + piece))
            a += step
        chopped.append((a, b))
    return chopped, [(a * hop / rate, b * hop / rate) for a, b in parts], 0


METHODS: dict[str, Callable[[Floats, int], tuple[Times, Times, int]]] = {
    "ours": ours,
    "silero": silero,
    "by level": by_level,
}


Say = Callable[[str], None]


def digits(folder: Path, half: str, say: Say = print, draws: int = material.DRAWS) -> dict[tuple[str, str], Tally]:
    """Say the table of joined digits; what each method did by condition and method."""
    say("digits joined with random gaps, three speakers")
    tallies: dict[tuple[str, str], Tally] = {}
    for each in material.digits(folder, half, draws):
        condition = each.name.split(" ", 1)[1]
        for name, method in METHODS.items():
            tallies.setdefault((condition, name), Tally()).add(each.words, *method(each.wave, each.rate))
    for (condition, name), tally in sorted(tallies.items(), key=lambda item: item[0][0]):
        say(f"  {condition:<22}{name:<9}{tally.line()}")
    return tallies


def sentences(folder: Path, half: str, say: Say = print) -> tuple[Tally, Tally, Tally, Tally]:
    """Say the table of the long recordings; ours over all of them, of what sounds in the labels, of what is no digital
    near-silence (-80 dBFS), of all of it, and of all of it in both halves."""
    say("\nlong recordings: share of the labelled time kept, of it what sounds, and clips of 5-15 s or marked short")
    whole, audible, labelled, both = Tally(), Tally(), Tally(), Tally()
    other = material.HALVES[1 - material.HALVES.index(half)]
    for each, rest in zip(material.sentences(folder, half), material.sentences(folder, other), strict=True):
        clips, spans, short = ours(each.wave, each.rate)
        sounding = material.sounding(folder, each)
        one = Tally()
        for tally, words in (
            *((one, sounding), (whole, sounding)),
            *((audible, material.audible(each)), (labelled, each.words), (both, sorted(each.words + rest.words))),
        ):
            tally.add(words, clips, spans, short)
        say(
            f"  {each.name:<26} labelled {overlap_s(each.words, clips) / sum(b - a for a, b in each.words):7.2%}"
            f"  sounding {one.kept_s / one.spoken_s:7.2%}  clips {one.clips:>3}  5-15 s {one.in_range:>3}"
            f"  short {short:>3}  longest {one.longest_s:5.2f} s"
        )
    shares = (f"{tally.kept_s / tally.spoken_s:.2%}" for tally in (labelled, audible, whole))
    say("  all: labelled {}, above -80 dBFS {}, sounding {}".format(*shares))
    say(f"  both halves: labelled {both.kept_s / both.spoken_s:.2%}, {both.spoken_s - both.kept_s:.1f} s not kept")
    lost, faint = labelled.spoken_s - labelled.kept_s, labelled.spoken_s - audible.spoken_s
    say(f"  labelled time: {labelled.spoken_s:.1f} s, below -80 dBFS {faint:.1f} s; not kept {lost:.1f} s, of it")
    say(f"  below -80 dBFS {lost - audible.spoken_s + audible.kept_s:.1f} s")
    return whole, audible, labelled, both


def singing(folder: Path, half: str, say: Say = print) -> dict[str, float]:
    """Say the share of voiced frames kept in clips and heard as voice, by method; the shares in clips."""
    say("\nsinging: voiced frames kept in clips, and heard as voice")
    kept: dict[str, float] = {}
    found = material.singing(folder, half)
    methods = {f"ours, {voice}": _as(voice) for voice in ("auto", "singing", "speech")}
    for name, method in (methods | {"silero": silero, "by level": by_level}).items():
        shares = []
        for each in found:
            clips, spans, _ = method(each.wave, each.rate)
            shares.append((overlap_s(each.words, _joined(clips)), overlap_s(each.words, spans)))
        spoken = sum(b - a for each in found for a, b in each.words)
        kept[name] = sum(share for share, _ in shares) / spoken
        worst = min(zip(shares, found, strict=True), key=lambda pair: pair[0][0] / _seconds(pair[1]))
        say(
            f"  {name:<15} {kept[name]:7.2%}  {sum(share for _, share in shares) / spoken:7.2%}"
            f"   worst {worst[0][0] / _seconds(worst[1]):7.2%} ({worst[1].name})"
        )
    return kept


def _as(voice: Voice) -> Callable[[Floats, int], tuple[Times, Times, int]]:
    return lambda wave, rate: ours(wave, rate, voice)


def _seconds(labelled: Labelled) -> float:
    return sum(end - start for start, end in labelled.words)


def _joined(clips: Iterable[tuple[float, float]]) -> Times:
    """Clips without their overlaps."""
    joined: Times = []
    for start, end in sorted(clips):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined


def without_voice(folder: Path, half: str) -> None:
    """Print how much of noises and of instrumental music is kept."""
    print("\nno voice: seconds kept")
    for kind, waves in material.without_voice(folder, half).items():
        seconds = sum(len(wave) / rate for wave, rate in waves)
        kept = []
        for voice in ("auto", "singing", "speech"):
            clips = [ours(wave, rate, voice)[0] for wave, rate in waves]
            kept.append(f"{voice} {sum(b - a for each in clips for a, b in each):5.1f}")
        print(f"  {kind:<7} {seconds:5.0f} s: {', '.join(kept)}")


def again(folder: Path) -> None:
    """Print what slicing again from what is stored costs, and that it is the same twice."""
    wave, rate = audio.read(sorted(folder.glob("long_raw/kathleen_raw_clean.flac"))[0])
    activity = measured(wave, rate)
    began = time.process_time()
    first = [slice_activity("benchmark", activity, len(wave), rate, SlicingSettings(min_s=s)) for s in (3, 4, 5)]
    took = (time.process_time() - began) / 3
    assert first[-1] == slice_activity("benchmark", activity, len(wave), rate)
    print(f"\nslicing {len(wave) / rate:.0f} s again from what is stored: {took:.3f} s of CPU time")


def main() -> int:
    """Print all tables; 1 when ours misses what is promised."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--half", choices=material.HALVES, default="report")
    parser.add_argument("--draws", type=int, default=material.DRAWS, help="how often the digits are joined anew")
    arguments = parser.parse_args()
    folder, half = arguments.folder, arguments.half
    print(f"settings: {SlicingSettings().words()}; half: {half}\n")
    spoken = {
        condition: tally
        for (condition, name), tally in digits(folder, half, print, arguments.draws).items()
        if name == "ours"
    }
    kept, _, _, both = sentences(folder, half)
    sung = singing(folder, half)
    without_voice(folder, half)
    again(folder)
    held = [
        all(tally.bad <= 0.05 * tally.edges for tally in spoken.values()),
        all(tally.whole >= 0.99 * tally.words for tally in spoken.values()),
        all(abs(np.median(late)) <= 0.02 for tally in spoken.values() for late in tally.apart() if len(late) >= ENOUGH),
        all(tally.in_range + tally.short == tally.clips for tally in (*spoken.values(), kept)),
        kept.kept_s >= 0.99 * kept.spoken_s,
        both.kept_s >= 0.99 * both.spoken_s,
        sung["ours, auto"] >= 0.97,
    ]
    return 0 if all(held) else 1


if __name__ == "__main__":
    sys.exit(main())
