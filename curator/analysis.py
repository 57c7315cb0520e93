"""From a file to everything the catalogue keeps of it: the work of one worker, without the catalogue.

Separate from the jobs that hand out files because these are pure functions: the same bytes and settings give the same
analysis, in any process on any machine, and a clip that is scored later scores as it would have at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from catalog import audio
from catalog.errors import BadAudio
from catalog.records import Activity, Analysis, Clip, Recording, Scoring
from curator.activity import ActivityMeter, Tracks, hearing
from curator.frames import Floats
from curator.pitch import Pitch
from curator.scores.clip_audio import ClipAudio, Scorer
from curator.scores.registry import SCORERS, score
from curator.slicer import SlicingSettings, slice_tracks

HEARING = "hearing"
"""Stands among the versions of a clip's scores for how its recording was heard."""
HELD_SAMPLES = 64_000_000
"""Mono samples kept in memory (256 MB) so that clips need no second decoding; longer files are decoded twice."""


def analyse(
    path: Path | str,
    speaker: str,
    settings: SlicingSettings | None = None,
    *,
    parent: str | None = None,
    derivation: Mapping[str, object] | None = None,
    warnings: list[str] | None = None,
) -> Analysis:
    """Hash, decode, find the voice, slice and score one file; a stem is told its `parent` and `derivation`.

    What decodes of a damaged file is used when it is a second or more, with a line appended to `warnings`. Raises
    BadAudio in one line for a file that gives nothing.
    """
    path = Path(path)
    settings = settings or SlicingSettings()
    digest = audio.sha256(path)
    info = audio.probe(path)
    activity, pitch, samples, wave = _hear(path, info, warnings)
    tracks = Tracks.of(activity, samples, info.sample_rate, settings.voice)
    sliced = slice_tracks(digest[:16], tracks, settings)
    recording = replace(recording_of(path, digest, speaker, info, samples), parent=parent, derivation=derivation or {})
    waves = _clip_waves(path, sliced.clips, wave)
    scorings = _scored([(clip, SCORERS) for clip in sliced.clips], waves, tracks, pitch)
    return Analysis(recording, activity, sliced.clips, sliced.left_out, scorings, settings.words())


def recording_of(path: Path, digest: str, speaker: str, info: audio.AudioInfo, samples: int) -> Recording:
    """A file as the catalogue keeps it: `digest` is its SHA-256, `samples` its length as decoded."""
    return Recording(
        id=digest[:16],
        sha256=digest,
        path=str(path),
        speaker=speaker,
        sample_rate=info.sample_rate,
        channels=info.channels,
        samples=samples,
        format=info.format,
        bytes=path.stat().st_size,
    )


def analyse_again(order: Analysis, *, warnings: list[str] | None = None) -> Analysis:
    """Carry out an order: compute scores of clips that are known, with the file decoded once.

    An order is an analysis with holes: its scorings name what to compute by their versions and hold no values. Where
    its activity is None the recording is heard anew. The result holds the activity only then, and the scorings filled.
    Raises BadAudio where the file is gone or is another one by now.
    """
    recording, path = order.recording, Path(order.recording.path)
    if not path.exists():
        raise BadAudio(f"{path} is not there any more; add it from where it is now, and it is known again.")
    if audio.sha256(path) != recording.sha256:
        raise BadAudio(f"{path} is another file than the one that was added: its content changed.")
    activity, pitch, wave = order.activity, None, None
    if activity is None:
        activity, pitch, _, wave = _hear(path, audio.probe(path), warnings)
    voice = SlicingSettings.of(order.slicer).voice
    tracks = Tracks.of(activity, recording.samples, recording.sample_rate, voice)
    wanted = {scoring.clip: [each for each in SCORERS if each.name in scoring.versions] for scoring in order.scorings}
    pairs = [(clip, wanted[clip.id]) for clip in sorted(order.clips, key=lambda clip: (clip.start, clip.end))]
    scorings = _scored(pairs, _clip_waves(path, [clip for clip, _ in pairs], wave), tracks, pitch)
    return replace(order, activity=None if order.activity else activity, clips=(), scorings=scorings)


def _hear(path: Path, info: audio.AudioInfo, warnings: list[str] | None) -> tuple[Activity, Pitch, int, Floats | None]:
    """Decode once: the activity, the pitch, the length, and the mono samples where they fit in memory."""
    weights = audio.mono_weights(path) if info.channels > 1 else None
    meter = ActivityMeter(info.sample_rate)
    held: list[Floats] | None = []
    for block in audio.blocks(path, salvage=True, warnings=warnings):
        mono = audio.to_mono(block, weights)
        meter.feed(mono)
        if held is not None:
            held.append(mono)
        if meter.samples > HELD_SAMPLES:
            held = None
    activity, pitch = meter.finish()
    return activity, pitch, meter.samples, np.concatenate(held) if held else None


def _clip_waves(path: Path, clips: Sequence[Clip], wave: Floats | None) -> Iterator[Floats]:
    """The samples of each clip, from memory or by decoding again."""
    if wave is None:
        return audio.ranges(path, [(clip.start, clip.end) for clip in clips])
    return (wave[clip.start : clip.end] for clip in clips)


def _scored(
    clips: Sequence[tuple[Clip, Sequence[Scorer]]], waves: Iterator[Floats], tracks: Tracks, pitch: Pitch | None
) -> tuple[Scoring, ...]:
    """Each clip by its scorers, with how the recording was heard among the versions."""
    scorings = (
        score(clip.id, ClipAudio(wave, tracks.rate, clip.start, tracks, pitch), scorers)
        for (clip, scorers), wave in zip(clips, waves, strict=True)
    )
    return tuple(replace(each, versions={**each.versions, HEARING: hearing(tracks.voice)}) for each in scorings)
