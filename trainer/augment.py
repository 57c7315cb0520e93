"""Altered copies of the clips that are trained on: the voice higher and lower, softer and louder, and what is said
heard through another throat or with a little noise.

Separate from `prepare`, whose features every training needs. A copy is made before the training, cached like a clip
and drawn in its place, so that no step waits for it and order and crops stay a pure function of (seed, epoch, clip).
What is said in a copy is heard anew from what it sounds like, and its f0 is moved along. Pitch and level change what
the voice learns to say; formants and noise only what the content encoder hears, since a voice from another throat would
be another voice (after the information perturbation of Choi et al. 2021). All clips of a recording are altered alike,
since an encoder may normalise over a recording.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from catalog import audio
from trainer.config import FORMANT, GAIN, NOISE, PITCH
from trainer.dataset import Floats, TrainClip
from trainer.psola import reshaped
from trainer.sources import RATE_16K, SHARD_S, Progress, Sources, Stopped

VERSION = 1
"""To be raised when the code changes what a copy sounds like."""
COPIES = 2
"""Of each clip; an epoch draws each crop from the clip or one of its copies, with equal chances."""
HIGHEST_PEAK = 0.97
LEAST_SHARE = 1 / 3
"""Of the most that was asked for, a copy is moved by at least so much."""
NOISE_RANGE_DB = 10.0


@dataclass(frozen=True)
class Alteration:
    """What is done to one copy of a recording."""

    pitch: float = 1.0
    """Factor on f0."""
    formants: float = 1.0
    """Factor on the formants, as the content encoder hears them."""
    gain: float = 1.0
    noise_db: float | None = None
    """Level of the clip over white noise, as the content encoder hears it."""

    @staticmethod
    def of(recording: str, copy: int, strengths: Mapping[str, float]) -> Alteration:
        """The alteration of copy number `copy` of a recording: a pure function of these, the first of two copies moved
        one way and the second the other."""
        digest = hashlib.sha256(f"copy:{recording}:{copy // 2}".encode()).digest()
        shares = [int.from_bytes(digest[at : at + 4], "little") / 2**32 for at in (0, 4, 8, 12)]
        ways = [1 if (digest[16 + at] + copy) % 2 else -1 for at in range(3)]
        moved = [way * (LEAST_SHARE + (1 - LEAST_SHARE) * share) for way, share in zip(ways, shares[:3], strict=True)]
        return Alteration(
            pitch=2 ** (moved[0] * strengths.get(PITCH, 0.0) / 12),
            formants=2 ** (moved[1] * strengths.get(FORMANT, 0.0) / 12),
            gain=10 ** (moved[2] * strengths.get(GAIN, 0.0) / 20),
            noise_db=strengths[NOISE] + NOISE_RANGE_DB * shares[3] if NOISE in strengths else None,
        )

    def name(self, f0_method: str) -> str:
        """What tells the features of such a copy from others in the cache."""
        noise = "" if self.noise_db is None else f"-n{self.noise_db:.3f}"
        return f"v{VERSION}-{f0_method}-p{self.pitch:.6f}-f{self.formants:.6f}{noise}"


def with_copies(
    sources: Sources,
    clips: Sequence[TrainClip],
    files: Mapping[str, str],
    strengths: Mapping[str, float],
    report: Progress,
) -> tuple[TrainClip, ...]:
    """The clips, each with its altered copies; `files` gives the hash of each clip's file, `strengths` is
    `TrainConfig.augment`. Raises Stopped when a clean end is asked for."""
    maker = _Maker(sources, files, report, COPIES * sum(clip.seconds for clip in clips))
    recordings: dict[str, list[TrainClip]] = {}
    for clip in clips:
        recordings.setdefault(clip.recording, []).append(clip)
    plans = [
        (group, Alteration.of(recording, copy, strengths))
        for recording, group in recordings.items()
        for copy in range(COPIES)
    ]
    for group, alteration in plans:
        maker.make(group, alteration)
    maker.flush()
    copies: dict[str, list[TrainClip]] = {}
    for group, alteration in plans:
        for clip in group:
            copies.setdefault(clip.clip, []).append(maker.copy(clip, alteration, group))
    return tuple(replace(clip, copies=tuple(copies[clip.clip])) for clip in clips)


class _Maker:
    """Makes copies, or finds them in the cache."""

    def __init__(self, sources: Sources, files: Mapping[str, str], report: Progress, total: float) -> None:
        self.sources, self.files, self.report = sources, files, report
        self.total, self.done, self.pending = total, 0.0, 0.0
        self.audio: dict[str, Floats] = {}
        self.content: dict[str, Any] = {}

    def make(self, group: Sequence[TrainClip], alteration: Alteration) -> None:
        """Fill the caches with one copy of all trained clips of a recording."""
        keys = self.keys(group, alteration)
        sounds = {clip.clip: clip.audio for clip in group}
        if alteration.pitch != 1:
            sounds = {clip.clip: self._sung(clip, keys[clip.clip][0], alteration) for clip in group}
        if not all(key in self.sources.content for _, key in keys.values()):
            heard = {clip.clip: self._heard(clip, sounds[clip.clip], alteration) for clip in group}
            statistics = self.sources.encoder.measure(np.concatenate(list(heard.values())))
            for clip in group:
                encoded = self.sources.encoder.encode(heard[clip.clip], statistics)
                self.content[keys[clip.clip][1]] = np.nan_to_num(encoded).astype(np.float16)
        seconds = sum(clip.seconds for clip in group)
        self.done += seconds
        self.pending += seconds
        self.report.progress(self.done, self.total, "s", "altered copies")
        if self.pending >= SHARD_S:
            self.flush()

    def _sung(self, clip: TrainClip, key: str, alteration: Alteration) -> Floats:
        """The clip at another pitch, at the model's rate."""
        if self.report.stop_requested():
            self.flush()
            raise Stopped
        if key in self.sources.audio:
            return np.asarray(self.sources.audio.get(key), np.float32)
        wave = np.asarray(clip.audio, np.float32)
        self.audio[key] = reshaped(wave, self.sources.sample_rate, clip.f0, pitch=alteration.pitch)
        return self.audio[key]

    def _heard(self, clip: TrainClip, wave: Floats, alteration: Alteration) -> Floats:
        """What the content encoder hears of a copy, at 16 kHz."""
        from infer.highpass import highpass

        low = audio.resample(np.asarray(wave, np.float32), self.sources.sample_rate, RATE_16K)
        heard: Floats = highpass(low).astype(np.float32)
        if alteration.formants != 1:
            heard = reshaped(heard, RATE_16K, clip.f0 * np.float32(alteration.pitch), formants=alteration.formants)
        if alteration.noise_db is not None:
            digest = hashlib.sha256(f"{self.files[clip.clip]}:{alteration}".encode()).digest()
            noise = np.random.default_rng(list(digest)).standard_normal(len(heard), np.float32)
            level = float(np.sqrt(np.mean(heard**2))) * 10 ** (-alteration.noise_db / 20)
            heard = np.asarray(heard + level * noise, np.float32)
        return heard

    def keys(self, group: Sequence[TrainClip], alteration: Alteration) -> dict[str, tuple[str, str]]:
        """Clip -> the keys of a copy's audio and of its content."""
        name = alteration.name(self.sources.f0_method)
        sound = replace(alteration, formants=1.0, noise_db=None).name(self.sources.f0_method)
        rate, together = self.sources.sample_rate, ""
        if self.sources.measures:
            files = "".join(sorted(self.files[clip.clip] for clip in group))
            together = ":" + hashlib.sha256(files.encode()).hexdigest()[:16]
        return {
            clip.clip: (f"{self.files[clip.clip]}:{sound}", f"{self.files[clip.clip]}{together}:{name}-{rate}")
            for clip in group
        }

    def flush(self) -> None:
        """Store what is pending."""
        for store, arrays in ((self.sources.audio, self.audio), (self.sources.content, self.content)):
            store.put(arrays)
            arrays.clear()
        self.pending = 0.0

    def copy(self, clip: TrainClip, alteration: Alteration, group: Sequence[TrainClip]) -> TrainClip:
        """A copy as it is trained on."""
        sound, content = self.keys(group, alteration)[clip.clip]
        wave = clip.audio if alteration.pitch == 1 else self.sources.audio.get(sound)
        peak = float(np.abs(wave).max(initial=1e-9))
        return replace(
            clip,
            audio=wave,
            gain=min(clip.gain * alteration.gain, max(clip.gain, HIGHEST_PEAK / peak)),
            content=self.sources.content.get(content),
            f0=clip.f0 * np.float32(alteration.pitch),
        )
