"""The facts of a library as frozen records, and the names of all scores.

Separate from the store so that jobs, which never open the database, speak in the same words.
Time is integer samples at the recording's own rate; seconds are derived for people.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

VerdictName = Literal["accepted", "rejected", "undecided"]
ScoreValue = float | str | None
Place = tuple[float, float]
"""A time range inside a clip: [start, end) in seconds from the clip's start."""


@dataclass(frozen=True)
class ScoreName:
    """One score of a clip: its column, its unit and what it means in one line."""

    name: str
    unit: str
    meaning: str


SCORES: tuple[ScoreName, ...] = (
    ScoreName("snr_db", "dB", "speech level over the noise of the pauses"),
    ScoreName("noise_floor_dbfs", "dBFS", "level of the noise in the pauses"),
    ScoreName("silence_ratio", "share", "share of the clip without speech"),
    ScoreName("longest_pause_s", "s", "longest stretch without speech inside the clip"),
    ScoreName("overlap_ratio", "share", "share of the speech in which a second voice is heard"),
    ScoreName("f0_low_hz", "Hz", "5th percentile of f0 over voiced frames"),
    ScoreName("f0_median_hz", "Hz", "median f0 over voiced frames"),
    ScoreName("f0_high_hz", "Hz", "95th percentile of f0 over voiced frames"),
    ScoreName("pitch_range_st", "semitones", "distance between the 5th and the 95th percentile of f0"),
    ScoreName("voiced_ratio", "share", "share of the speech that is voiced"),
    ScoreName("clipped_ratio", "share", "share of samples flattened at the clipping level"),
    ScoreName("peak_dbfs", "dBFS", "highest sample of the clip"),
    ScoreName("true_peak_dbtp", "dBTP", "highest value between the samples (ITU-R BS.1770-4)"),
    ScoreName("loudness_lufs", "LUFS", "integrated loudness (ITU-R BS.1770-4)"),
    ScoreName("bandwidth_hz", "Hz", "frequency up to which the voice has content"),
    ScoreName("hum_db", "dB", "mains hum over its surroundings"),
    ScoreName("reverb_rt60_s", "s", "estimated reverberation time"),
    ScoreName("music_ratio", "share", "share of the clip with music behind the voice"),
    ScoreName("speaker_similarity", "cosine", "likeness to the speaker's other clips"),
    ScoreName("duplicate_of", "clip id", "earlier clip that this one repeats"),
    ScoreName("mos", "1-5", "predicted mean opinion score"),
)
SCORE_NAMES: tuple[str, ...] = tuple(score.name for score in SCORES)


@dataclass(frozen=True)
class Recording:
    """One source file, known by the SHA-256 of its bytes; `id` is the first 16 hex digits of it."""

    id: str
    sha256: str
    path: str
    """Where the file was last seen, absolute."""
    speaker: str
    sample_rate: int
    channels: int
    samples: int
    """Length in samples a channel, as decoded (not as the header claims)."""
    format: str
    """Container and codec in words, such as "WAV/PCM_16" or "m4a/aac"."""
    bytes: int
    parent: str | None = None
    """For a stem: the recording it was derived from."""
    derivation: Mapping[str, object] = field(default_factory=dict)
    """For a stem: the settings that made it."""

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return self.samples / self.sample_rate


@dataclass(frozen=True)
class Clip:
    """A time range of a recording, [start, end) in samples at the recording's own rate."""

    id: str
    recording: str
    start: int
    end: int
    short: bool = False
    """Speech that could not fill the minimum length; kept, never lost."""
    supersedes: str | None = None


@dataclass(frozen=True)
class LeftOut:
    """A range of a recording that is in no clip, and why: "silence", "no speech" and the like."""

    start: int
    end: int
    reason: str


@dataclass(frozen=True)
class Scoring:
    """All scores of one clip from one scoring pass; a score that could not be computed is None."""

    clip: str
    values: Mapping[str, ScoreValue]
    """Keyed by names of `SCORES`; a missing key is NULL."""
    versions: Mapping[str, int]
    """Scorer module -> version of the code that computed its scores."""
    places: Mapping[str, Place] = field(default_factory=dict)
    """Where in the clip a score is worst, for the scores that can say so; keyed by names of `SCORES`."""
    features: Mapping[str, str] = field(default_factory=dict)
    """Scorer module -> what it keeps of the clip for comparing it with others, bytes in base64 (a scoring is JSON)."""


@dataclass(frozen=True)
class Activity:
    """Voice-activity probabilities and level of a whole recording, kept so that slicing again costs nothing."""

    version: str
    vad_hop_s: float
    vad: bytes
    """uint8, probability x 255, one per hop."""
    energy_hop_s: float
    energy: bytes
    """uint8, dBFS + 120 doubled (0.5 dB steps from -120 to +7.5), one per hop."""
    voicing_hop_s: float = 0.0
    voicing: bytes = b""
    """uint8, how sure it is that a frame is voiced x 255, one per hop; empty where it was not kept."""
    highs: bytes = b""
    """uint8, level above 2 kHz in the form of `energy` and on its hop; empty where it was not kept."""


NOT_SLICED = "none"
"""Stands for the slicer of a recording whose stem is sliced instead."""


@dataclass(frozen=True)
class Analysis:
    """All that one recording gives: what a worker returns and the catalogue takes in, in one transaction."""

    recording: Recording
    activity: Activity | None
    clips: Sequence[Clip]
    left_out: Sequence[LeftOut]
    scorings: Sequence[Scoring]
    slicer: str
    """Name, version and parameters of the slicer, such as "dp-1 min=5 max=15"."""


@dataclass(frozen=True)
class Rule:
    """One line of a policy: the score, the limit that speaks against a clip, and the reason in words.

    `<` and `>` compare with the limit; `outlier` asks for a value more than so many spreads below the median of the
    speaker's clips; `known` asks only that the score says anything (`duplicate_of`), and its limit means nothing.
    """

    score: str
    op: Literal["<", ">", "outlier", "known"]
    limit: float
    reason: str


@dataclass(frozen=True)
class Blame:
    """What a training says of one clip of its set, as a suggestion to look at it again."""

    clip: str
    strangeness: float
    """How many usual spreads the clip lies beyond the clips like it, in what speaks the most against it."""
    reason: str
    """What speaks against the clip, in words; empty where nothing does."""
    place: Place | None = None


@dataclass(frozen=True)
class SetInfo:
    """An immutable, content-hashed list of accepted clips."""

    id: str
    name: str
    clips: int
    seconds: float
    speakers: tuple[str, ...]
    created_at: str


@dataclass(frozen=True)
class SetClip:
    """One clip of a set as its manifest lists it."""

    clip: str
    recording: str
    recording_sha256: str
    speaker: str
    start: int
    end: int
    sample_rate: int
    file: str
    """FLAC file relative to the set's folder."""
    sha256: str
    """Of the FLAC file."""
    peak: float
    scores: Mapping[str, ScoreValue] = field(default_factory=dict)
    weight: float = 1.0
    """How many times as often as a plain second a training draws a second of it."""


def clip_id(recording: str, start: int, end: int) -> str:
    """The id of a clip: the same range of the same recording always has the same id."""
    import hashlib

    return hashlib.sha256(f"{recording}:{start}:{end}".encode()).hexdigest()[:16]
