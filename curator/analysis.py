"""From a file to everything the catalogue keeps of it: the work of one worker, without the catalogue.

Separate from the job that hands out files because it is a pure function: the same bytes and settings give the same
analysis, in any process on any machine.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from catalog import audio
from catalog.records import Activity, Analysis, Clip, Recording, Scoring
from curator.activity import ActivityMeter, Tracks
from curator.frames import Floats
from curator.pitch import Pitch
from curator.scores.clip_audio import ClipAudio
from curator.scores.registry import score
from curator.slicer import SlicingSettings, slice_tracks

HELD_SAMPLES = 64_000_000
"""Mono samples kept in memory (256 MB) so that clips need no second decoding; longer files are decoded twice."""


def analyse(
    path: Path | str,
    speaker: str,
    settings: SlicingSettings | None = None,
    *,
    parent: str | None = None,
    warnings: list[str] | None = None,
) -> Analysis:
    """Hash, decode, find the voice, slice and score one file.

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
    recording = Recording(
        id=digest[:16],
        sha256=digest,
        path=str(path),
        speaker=speaker,
        sample_rate=info.sample_rate,
        channels=info.channels,
        samples=samples,
        format=info.format,
        bytes=path.stat().st_size,
        parent=parent,
    )
    waves = _clip_waves(path, sliced.clips, wave)
    scorings = _scored(sliced.clips, waves, tracks, pitch)
    return Analysis(recording, activity, sliced.clips, sliced.left_out, scorings, settings.words())


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


def _scored(clips: Sequence[Clip], waves: Iterator[Floats], tracks: Tracks, pitch: Pitch) -> tuple[Scoring, ...]:
    return tuple(
        score(clip.id, ClipAudio(wave, tracks.rate, clip.start, tracks, pitch))
        for clip, wave in zip(clips, waves, strict=True)
    )
