"""Cutting a recording into clips at its quietest moments.

Separate because it is a pure function of what is stored about a recording: the same activity and settings give the
same clips on any machine, without decoding. A dynamic program chooses the cuts: their cost prefers pauses, then
what a small network takes for gaps between words; the lengths are a hard rule, not a preference.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from catalog.errors import BadRequest
from catalog.records import Activity, Clip, LeftOut, clip_id
from curator import boundaries
from curator.activity import Tracks
from curator.frames import FRAMES_A_SECOND, Floats, edge, runs, widened
from curator.voicing import VOICES, Voice

SILENCE, NO_SPEECH = "silence", "no speech"
NAME, VERSION = "dp", 6
EVERY = 10
"""One possible cut for each 100 ms of sound."""
BREATH = 5
"""Frames without sound that make a natural place to cut."""
PARTED = 80
"""Frames of pause from which room tone is left out between two clips; in a shorter pause both meet."""
LONGEST_TAIL = 50
QUIET_DB = 30.0
SILENT_DBFS, SILENT_FRAMES = -80.0, 30
"""What is quieter is digital silence, a few of the smallest steps of 16 bits; a clip may hold so many frames more of it
on either side."""
INSIDE = 8.0
"""What an edge inside a word costs: as much as a clip that is too short, of 3.5 s of speech."""
FAR = 20
"""Frames on either side without speech where a cut is between words for sure; the network knows gaps of up to 0.4 s."""

_LENGTHS = ("min", "max", "ideal", "pause", "join", "lead", "tail")

Doubles = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]


@dataclass(frozen=True)
class SlicingSettings:
    """What a clip may be, in seconds."""

    min_s: float = 5.0
    """Shorter speech is kept as a short clip."""
    max_s: float = 15.0
    """Never exceeded."""
    ideal_s: float = 10.0
    pause_s: float = 1.0
    """A longer pause ends a clip, and the speech before it is a short clip where it cannot fill one."""
    join_s: float = 1.0
    """Where longer than `pause_s`: speech that cannot fill a clip is joined with its neighbour over such a pause."""
    lead_s: float = 0.25
    """Room tone kept before speech."""
    tail_s: float = 0.35
    """Room tone kept after speech; longer than the lead because sounds die away slower than they begin."""
    voice: Voice = "auto"
    """What counts as voice: speech, singing, or speech and sustained notes."""

    def __post_init__(self) -> None:
        if not 0.5 <= self.min_s <= self.ideal_s <= self.max_s <= 60 or self.max_s < 2 * self.min_s:
            raise BadRequest("Clip lengths must be 0.5 s or more, and the longest at least twice the shortest.")
        if min(self.lead_s, self.tail_s) < 0 or not self.lead_s + self.tail_s <= self.pause_s <= self.join_s:
            raise BadRequest("The pause that ends a clip must hold the room tone that is kept around speech.")
        if self.join_s > max(self.min_s, self.pause_s):
            raise BadRequest("A pause inside a clip must be shorter than the shortest clip.")

    def words(self) -> str:
        """Name, version and parameters, as the catalogue keeps them."""
        return (
            f"{NAME}-{VERSION} min={self.min_s:g} max={self.max_s:g} ideal={self.ideal_s:g} pause={self.pause_s:g}"
            f" join={self.join_s:g} lead={self.lead_s:g} tail={self.tail_s:g} voice={self.voice}"
        )

    @staticmethod
    def of(words: str) -> SlicingSettings:
        """The settings that were written as `words`; what an earlier version did not write is as by default."""
        found = dict(part.split("=", 1) for part in words.split() if "=" in part)
        numbers = {f"{name}_s": float(found[name]) for name in _LENGTHS if name in found}
        voice: Voice = next((voice for voice in VOICES if voice == found.get("voice")), "auto")
        return SlicingSettings(**numbers, voice=voice)


@dataclass(frozen=True)
class Sliced:
    """The clips of a recording and what is in none; together they are the recording, to the sample."""

    clips: tuple[Clip, ...]
    left_out: tuple[LeftOut, ...]


def slice_activity(
    recording: str, activity: Activity, samples: int, rate: int, settings: SlicingSettings | None = None
) -> Sliced:
    """Cut a recording of `samples` at `rate` (Hz) by its stored activity."""
    settings = settings or SlicingSettings()
    return slice_tracks(recording, Tracks.of(activity, samples, rate, settings.voice), settings)


def slice_tracks(recording: str, tracks: Tracks, settings: SlicingSettings) -> Sliced:
    """Cut a recording by its tracks; clips come in order and never overlap."""
    spans = [span for island in _islands(tracks, settings) for span in _cut(tracks, island, settings)]
    spans = _with_silence(tracks, spans, round(settings.max_s * FRAMES_A_SECOND))
    shortest = round(settings.min_s * tracks.rate)
    clips = []
    for first, last in spans:
        start, end = edge(first, tracks.rate), min(edge(last, tracks.rate), tracks.samples)
        clips.append(Clip(clip_id(recording, start, end), recording, start, end, short=end - start < shortest))
    sliced = Sliced(tuple(clips), tuple(_left_out(tracks, clips)))
    check(sliced, tracks.samples)
    return sliced


def check(sliced: Sliced, samples: int) -> None:
    """Raise AssertionError unless clips and left-out ranges together are exactly the samples of the recording."""
    ranges = [(clip.start, clip.end) for clip in sliced.clips] + [(gap.start, gap.end) for gap in sliced.left_out]
    ranges.sort()
    position = 0
    for start, end in ranges:
        assert start == position, f"samples {position} to {start} are lost or doubled"
        assert end > start, f"the range at sample {start} is empty"
        position = end
    assert position == samples, f"samples {position} to {samples} are lost"


def _islands(tracks: Tracks, settings: SlicingSettings) -> list[tuple[int, int]]:
    """Stretches of speech, frames [first, last), parted by the pauses that always end a clip."""
    longest = round(settings.join_s * FRAMES_A_SECOND)
    islands: list[tuple[int, int]] = []
    for first, last in runs(tracks.speech):
        if islands and first - islands[-1][1] <= longest:
            islands[-1] = (islands[-1][0], last)
        else:
            islands.append((first, last))
    return islands


def _with_silence(tracks: Tracks, spans: list[tuple[int, int]], longest: int) -> list[tuple[int, int]]:
    """The spans with more of the digital silence beside them, as far as their lengths and neighbours allow.

    Nothing is heard of it, and what fades into it, or is labelled to reach into it, stays whole.
    """
    silent = tracks.level < SILENT_DBFS
    kept: list[tuple[int, int]] = []
    for number, (first, last) in enumerate(spans):
        before = max(first - SILENT_FRAMES, kept[-1][1] if kept else 0, last - longest)
        sounding = np.flatnonzero(~silent[before:first])
        first = before + int(sounding[-1]) + 1 if len(sounding) else min(before, first)
        following = spans[number + 1][0] if number + 1 < len(spans) else len(silent)
        after = min(last + SILENT_FRAMES, (last + following) // 2, first + longest)
        sounding = np.flatnonzero(~silent[last:after])
        kept.append((first, last + int(sounding[0]) if len(sounding) else max(after, last)))
    return kept


@dataclass(frozen=True)
class _Cuts:
    """Possible cuts of one island, in order; the first and the last are its ends."""

    begin: Indices
    """Frame at which a clip would begin that begins here."""
    end: Indices
    """Frame at which a clip would end that ends here."""
    cost: Doubles
    pause: Doubles
    """What the pause here costs the clip that holds it."""


def _cut(tracks: Tracks, island: tuple[int, int], settings: SlicingSettings) -> list[tuple[int, int]]:
    """The clips of one island, frames [first, last): the cheapest way through its possible cuts."""
    cuts = _possible_cuts(tracks, island, settings)
    shortest, longest, ideal = (round(s * FRAMES_A_SECOND) for s in (settings.min_s, settings.max_s, settings.ideal_s))
    spoken = np.concatenate([[0], np.cumsum(tracks.speech[island[0] : island[1]])])
    # Speech before a frame, counted from the island's first.
    before_begin = spoken[np.clip(cuts.begin - island[0], 0, len(spoken) - 1)]
    before_end = spoken[np.clip(cuts.end - island[0], 0, len(spoken) - 1)]
    edge_cost = 0.25 * cuts.cost**2
    best = np.full(len(cuts.cost), np.inf)
    best[0] = 0.0
    came = np.zeros(len(best), np.int64)
    pauses = np.cumsum(cuts.pause)
    # A clip that ends at j may begin at any cut from lowest[j] (its longest) up to j itself.
    lowest = np.searchsorted(cuts.begin, cuts.end - longest)
    for j in range(1, len(best)):
        i = slice(int(lowest[j]), j)
        length = cuts.end[j] - cuts.begin[i]
        speech = before_end[j] - before_begin[i]
        whole = 0.3 * (length - speech) + 0.02 * np.abs(length - ideal)
        price = np.where(length >= shortest, whole, 2.0 * speech + FRAMES_A_SECOND)
        total = best[i] + edge_cost[i] + price / FRAMES_A_SECOND + pauses[j - 1] - pauses[i]
        chosen = int(total.argmin())
        best[j] = total[chosen] + edge_cost[j]
        came[j] = i.start + chosen
    path = [len(best) - 1]
    while path[-1]:
        path.append(int(came[path[-1]]))
    path.reverse()
    return [(int(cuts.begin[i]), int(cuts.end[j])) for i, j in pairwise(path)]


def _possible_cuts(tracks: Tracks, island: tuple[int, int], settings: SlicingSettings) -> _Cuts:
    """One cut in each breath, one in each 100 ms of sound, and the island's two ends."""
    first, last = island
    lead, tail = round(settings.lead_s * FRAMES_A_SECOND), round(settings.tail_s * FRAMES_A_SECOND)
    cost = _cost(tracks, first, last)
    quiet = ~(tracks.speech & tracks.sound)[first:last]
    sounding = np.ones(last - first, bool)
    found: list[tuple[int, int, float, float]] = []
    parted = max(PARTED, lead + max(tail, LONGEST_TAIL))
    for a, b in runs(quiet):
        if b - a >= BREATH and a > 0 and b < last - first:
            sounding[a:b] = False
            if b - a > parted:
                begin, end = first + b - lead, _died_away(tracks, first + a, tail)
            else:
                begin = end = first + a + _cheapest(cost[a:b], tail / (lead + tail) if lead + tail else 0.5)
            over = (b - a) / FRAMES_A_SECOND - settings.pause_s
            found.append((begin, end, float(cost[a : b + 1].min()), 1 + 2 * over if over > 0 else 0.0))
    for a, b in runs(sounding):
        for start in range(max(a, 1), b, EVERY):
            at = start + int(cost[start : min(start + EVERY, b)].argmin())
            found.append((first + at, first + at, float(cost[at]), 0.0))
    found.sort()
    found.insert(0, (max(0, first - lead), first, 0.0, 0.0))
    found.append((last, min(len(tracks.level), _died_away(tracks, last, tail)), 0.0, 0.0))
    begins, ends, costs, pauses = (np.array(column) for column in zip(*found, strict=True))
    return _Cuts(begins, ends, costs, pauses)


def _died_away(tracks: Tracks, end: int, tail: int) -> int:
    """Where a clip ends whose speech ends at a frame: after the tail of the room, of which at most 0.5 s is kept."""
    after = tracks.heard[end : end + LONGEST_TAIL]
    return end + max(tail, len(after) if after.all() else int(after.argmin()))


def _cheapest(cost: Doubles, towards: float) -> int:
    """The cheapest place of a pause (mean of 50 ms); of those within 0.3 dB the one nearest to a share of the pause."""
    smooth = np.convolve(np.pad(cost, 2, mode="edge"), np.full(5, 0.2), mode="valid")
    places = np.flatnonzero(smooth <= smooth.min() + 0.03)
    return int(places[np.abs(places - towards * len(cost)).argmin()])


def _cost(tracks: Tracks, first: int, last: int) -> Doubles:
    """What a cut before each frame costs, 0 where it is surely between words; an edge pays a quarter of its square.

    By the probability that it lies inside a word (`curator.boundaries`), of which an edge pays eight times. Where the
    level above 2 kHz was not kept, by the 20 ms around it: half a point for the probability of speech and 4.5 for the
    energy; loud speech costs most.
    """
    if tracks.highs is not None:
        found = boundaries.inside(tracks, first, last).astype(np.float64)
        before = max(0, first - FAR)
        found[~widened(tracks.speech[before : last + FAR], FAR)[first - before : last - before]] = 0
        return np.asarray(np.sqrt(4.0 * INSIDE * found))
    span = slice(first, last)
    return 0.5 * tracks.probability[span] + 4.5 * _loud(tracks.level, tracks.loudness, tracks.floor, span)


def _loud(level: Floats, loudness: Floats, floor: Floats, span: slice) -> Doubles:
    """The level (dB) around the beginning of each frame as a share of the way to the median level of the speech around.

    The way begins 45 dB below that, or at the noise where that is louder.
    """
    power = 10 ** (level[max(0, span.start - 1) : span.stop].astype(np.float64) / 10)
    if span.start == 0:
        power = np.concatenate([power[:1], power])
    around = 10 * np.log10((power[1:] + power[:-1]) / 2)
    high = loudness[span].astype(np.float64)
    low = np.clip(floor[span].astype(np.float64), high - 45, high - 10)
    return np.asarray(np.clip((around - low) / (high - low), 0, 1))


def _left_out(tracks: Tracks, clips: Sequence[Clip]) -> list[LeftOut]:
    """The ranges between clips, each with its reason: 30 dB below the speech is silence, the rest sound without it."""
    gaps, position = [], 0
    for clip in clips:
        if clip.start > position:
            gaps.append((position, clip.start))
        position = clip.end
    if position < tracks.samples:
        gaps.append((position, tracks.samples))
    return [LeftOut(start, end, _reason(tracks, start, end) if clips else NO_SPEECH) for start, end in gaps]


def _reason(tracks: Tracks, start: int, end: int) -> str:
    first = start * FRAMES_A_SECOND // tracks.rate
    last = max(first + 1, end * FRAMES_A_SECOND // tracks.rate)
    loud = tracks.level[first:last] > tracks.loudness[first:last] - QUIET_DB
    return NO_SPEECH if loud.mean() > 0.1 else SILENCE
