"""From a frozen set to clips that can be trained on: audio at the model's rate, f0 and content, each computed once.

Separate from the loop because it needs other libraries, can take minutes for a large set, and leaves its work in a
cache that the next run on the same clips finds. Every clip ends in the ledger.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from catalog import audio
from catalog.errors import BadAudio, BadRequest
from catalog.library import Library
from catalog.records import SetClip
from infer.content_encoder import ContentEncoder
from infer.loudness import SPEECH_DBFS, speech_power
from trainer.augment import with_copies
from trainer.config import TrainConfig
from trainer.dataset import Floats, TrainClip
from trainer.ledger import Ledger
from trainer.sources import RATE_16K, SHARD_S, Progress, Sources, Stopped
from trainer.split import hold_out, seconds_of

SHORTEST = 400
"""Samples at 16 kHz that one content feature looks at (25 ms)."""
HIGHPASS_HZ = 48
MOST_GAIN_DB = 30.0
HIGHEST_PEAK = 0.97


@dataclass(frozen=True)
class Prepared:
    """All that a training needs to know of its set."""

    train: tuple[TrainClip, ...]
    held_out: tuple[TrainClip, ...]
    how_held_out: str
    speakers: tuple[str, ...]
    """In the order of the speaker embedding's rows."""
    f0_method: str
    ledger: Ledger
    digest: str
    """Changes when any clip, feature or the split does."""


def prepare(
    library: Library,
    set_name: str,
    clips: Sequence[SetClip],
    config: TrainConfig,
    *,
    encoder: ContentEncoder,
    f0_method: str,
    device: str,
    seed: int,
    report: Progress,
) -> Prepared:
    """Make or find the features of all clips, choose what is held out, and account for every clip; with altered copies
    of what is trained on where the config asks for them.

    Raises BadRequest when no clip is left to train on, Stopped when a clean end is asked for.
    """
    from infer.f0 import choose

    sources = Sources(
        library.sets / set_name,
        library.media / "features",
        library.weights,
        config.sample_rate,
        encoder,
        choose(f0_method, library.weights),
        device,
    )
    keys, problems = make_features(sources, clips, report)
    ledger = Ledger()
    for clip in clips:
        if clip.clip in problems:
            ledger.enter(clip.clip, seconds_of(clip), "dropped", problems[clip.clip])
            report.warning(f"clip {clip.clip} is not trained on: {problems[clip.clip]}")
    usable = [clip for clip in clips if clip.clip in keys]
    if not usable:
        reason = f" ({next(iter(problems.values()))})" if problems else ""
        raise BadRequest(f"No clip of set {set_name} can be trained on{reason}")
    held = hold_out(usable, share=config.held_out, most_s=config.held_out_max_s, seed=seed)
    for clip in usable:
        ledger.enter(clip.clip, seconds_of(clip), "held out" if clip.clip in held.clips else "trained")
    ledger.reconcile([clip.clip for clip in clips], sum(map(seconds_of, clips)))
    speakers = tuple(sorted({clip.speaker for clip in clips}))
    ready = _ready(sources, usable, keys, speakers, config.hop)
    train = tuple(clip for clip in ready if clip.clip not in held.clips)
    if config.augment:
        train = with_copies(sources, train, {clip.clip: clip.sha256 for clip in usable}, config.augment, report)
    return Prepared(
        train=train,
        held_out=tuple(clip for clip in ready if clip.clip in held.clips),
        how_held_out=held.how,
        speakers=speakers,
        f0_method=sources.f0_method,
        ledger=ledger,
        digest=_digest(sources, usable, keys, held.clips),
    )


def make_features(
    sources: Sources, clips: Sequence[SetClip], report: Progress
) -> tuple[dict[str, str], dict[str, str]]:
    """Fill the caches; gives clip -> key of its content, and clip -> why it cannot be used."""
    groups: dict[str, list[SetClip]] = {}
    for clip in clips:
        groups.setdefault(clip.recording, []).append(clip)
    total, done = sum(map(seconds_of, clips)), 0.0
    keys: dict[str, str] = {}
    problems: dict[str, str] = {}
    pending = _Pending(sources)
    for group in groups.values():
        found, bad = _recording_features(sources, group, pending, report, done, total)
        keys |= found
        problems |= bad
        done += sum(map(seconds_of, group))
        report.progress(done, total, "s", "features")
    pending.flush()
    return keys, problems


def _recording_features(
    sources: Sources, group: Sequence[SetClip], pending: _Pending, report: Progress, done: float, total: float
) -> tuple[dict[str, str], dict[str, str]]:
    """The clips of one recording, whose content is normalised by statistics over all of them."""
    keys = {clip.clip: clip.sha256 for clip in group}
    if sources.measures:
        together = hashlib.sha256("".join(sorted(clip.sha256 for clip in group)).encode()).hexdigest()[:16]
        keys = {clip: f"{key}:{together}" for clip, key in keys.items()}
    wanting = [clip for clip in group if not _complete(sources, clip, keys[clip.clip])]
    if not wanting:
        return keys, {}
    problems: dict[str, str] = {}
    spoken: dict[str, Floats] = {}
    for clip in group:
        try:
            spoken[clip.clip] = _at_16k(sources.place(clip))
        except BadAudio as error:
            problems[clip.clip] = str(error)
    statistics = sources.encoder.measure(np.concatenate(list(spoken.values()))) if spoken else None
    for clip in wanting:
        if report.stop_requested():
            pending.flush()
            raise Stopped
        if clip.clip in spoken:
            reason = pending.add(clip, keys[clip.clip], spoken[clip.clip], statistics)
            if reason:
                problems[clip.clip] = reason
        done += seconds_of(clip)
        report.progress(done, total, "s", "features")
    return {clip: key for clip, key in keys.items() if clip not in problems}, problems


class _Pending:
    """Features computed and not yet stored."""

    def __init__(self, sources: Sources) -> None:
        self.sources = sources
        self.seconds = 0.0
        self.audio: dict[str, NDArray[Any]] = {}
        self.f0: dict[str, NDArray[Any]] = {}
        self.content: dict[str, NDArray[Any]] = {}

    def add(self, clip: SetClip, key: str, spoken: Floats, statistics: Any) -> str | None:
        """Compute one clip; gives the reason when it cannot be used."""
        from infer.f0 import extract

        sources = self.sources
        if len(spoken) < SHORTEST:
            return f"{len(spoken) / RATE_16K * 1000:.0f} ms is shorter than one content feature"
        if key not in sources.content:
            content = sources.encoder.encode(spoken, statistics)
            if not np.isfinite(content).all():
                return "its content features are not numbers"
            self.content[key] = content.astype(np.float16)
        if clip.sha256 not in sources.f0:
            f0 = extract(spoken, sources.f0_method, weights=sources.weights, device=sources.device)
            self.f0[clip.sha256] = np.nan_to_num(f0).astype(np.float32)
        if clip.sha256 not in sources.audio:
            self.audio[clip.sha256] = _at_rate(sources.place(clip), sources.sample_rate)
        self.seconds += seconds_of(clip)
        if self.seconds >= SHARD_S:
            self.flush()
        return None

    def flush(self) -> None:
        """Store what is pending."""
        for store, arrays in (
            (self.sources.audio, self.audio),
            (self.sources.f0, self.f0),
            (self.sources.content, self.content),
        ):
            store.put(arrays)
            arrays.clear()
        self.seconds = 0.0


def _complete(sources: Sources, clip: SetClip, key: str) -> bool:
    return clip.sha256 in sources.audio and clip.sha256 in sources.f0 and key in sources.content


def _at_16k(path: Path) -> Floats:
    """Audio as the encoder and the f0 method hear it, in training as in conversion."""
    from infer.highpass import highpass

    wave, rate = audio.read(path)
    low = audio.resample(wave, rate, RATE_16K)
    return highpass(low).astype(np.float32) if len(low) > 1 else low


def _at_rate(path: Path, sample_rate: int) -> Floats:
    """Audio as the model is to speak it, without what lies below any voice."""
    from scipy.signal import butter, sosfiltfilt

    wave, rate = audio.read(path)
    wave = audio.resample(wave, rate, sample_rate)
    filters = butter(5, HIGHPASS_HZ, "high", fs=sample_rate, output="sos")
    return np.asarray(sosfiltfilt(filters, wave), dtype=np.float32)


def _ready(
    sources: Sources,
    clips: Sequence[SetClip],
    keys: Mapping[str, str],
    speakers: Sequence[str],
    hop: int,
) -> list[TrainClip]:
    gains = _gains(sources, clips)
    return [
        TrainClip(
            clip=clip.clip,
            recording=clip.recording,
            speaker=speakers.index(clip.speaker),
            frames=-(-len(sources.audio.get(clip.sha256)) // hop),
            audio=sources.audio.get(clip.sha256),
            gain=gains[clip.recording],
            content=sources.content.get(keys[clip.clip]),
            f0=sources.f0.get(clip.sha256),
            weight=clip.weight,
        )
        for clip in clips
    ]


def _gains(sources: Sources, clips: Sequence[SetClip]) -> dict[str, float]:
    """One factor a recording, so that all are about equally loud and none is clipped; dynamics inside stay."""
    levels: dict[str, list[Floats]] = {}
    peaks: dict[str, float] = {}
    size = sources.sample_rate // 20
    for clip in clips:
        wave = sources.audio.get(clip.sha256)
        whole = wave[: len(wave) // size * size].reshape(-1, size)
        levels.setdefault(clip.recording, []).append(np.square(whole).mean(axis=1))
        peaks[clip.recording] = max(peaks.get(clip.recording, 0.0), float(np.abs(wave).max(initial=0.0)))
    return {recording: _gain(np.concatenate(parts), peaks[recording]) for recording, parts in levels.items()}


def _gain(power: Floats, peak: float) -> float:
    speech = speech_power(power)
    if speech <= 0 or peak <= 0:
        return 1.0
    wanted = SPEECH_DBFS - 10 * np.log10(speech)
    factor = 10 ** (float(np.clip(wanted, -MOST_GAIN_DB, MOST_GAIN_DB)) / 20)
    return min(float(factor), HIGHEST_PEAK / peak)


def f0_stats(clips: Sequence[TrainClip]) -> dict[str, float] | None:
    """5th, 50th and 95th percentile of f0 over voiced frames in Hz; None when nothing is voiced."""
    voiced = np.concatenate([clip.f0[clip.f0 > 0] for clip in clips]) if clips else np.zeros(0)
    if not len(voiced):
        return None
    low, middle, high = np.percentile(voiced, [5, 50, 95])
    return {"p5": round(float(low), 2), "p50": round(float(middle), 2), "p95": round(float(high), 2)}


def _digest(sources: Sources, clips: Sequence[SetClip], keys: Mapping[str, str], held: frozenset[str]) -> str:
    digest = hashlib.sha256()
    for store in (sources.audio, sources.f0, sources.content):
        digest.update(store.folder.name.encode())
    for clip in clips:
        weight = "" if clip.weight == 1 else f":{clip.weight}"
        digest.update(f"{clip.clip}:{keys[clip.clip]}:{clip.speaker}:{clip.clip in held}{weight}\n".encode())
    return digest.hexdigest()
