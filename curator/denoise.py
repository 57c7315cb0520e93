"""Denoising: the noise of a recording taken down where its own pauses say what the noise is.

Separate from stems, which write what this yields. No denoiser is let loose on a recording that it would harm: what can
be known of the noise beforehand (is there a pause to learn it from, is it loud) is looked at first, and the recording
is left as it is, with a reason, where the answer is no.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from catalog import audio
from catalog.errors import BadRequest, CuratorError
from curator.activity import ActivityMeter, Tracks
from curator.frames import edge, runs

Samples = npt.NDArray[np.float32]
ENOUGH_S = 0.5
RUN_S = 0.2
AT_MOST_S = 20.0
GATED_DB = -90.0
BLOCK_S = 60.0
CONTEXT_S = 1.0


class Unsuitable(CuratorError):
    """Denoising would harm this recording, and why."""


class Denoiser(Protocol):
    """Something that takes noise out of a recording."""

    def facts(self) -> Mapping[str, Any]:
        """What is kept with what it made."""

    def clean(self, path: Path, tracks: Tracks) -> Iterator[Samples]:
        """Blocks (n, channels) of the cleaned file, in time with it; raises Unsuitable before the first."""


@dataclass(frozen=True)
class SpectralGate:
    """noisereduce's stationary spectral gate (Sainburg, Zorea 2024) with the noise of the recording's own pauses.

    Never blind: without `y_noise` it takes speech for noise (SI-SDR 15 dB in, 1 dB out). Its settings were chosen by
    `benchmarks/denoise.py --tune`: the most gain among those that harm no mixture by more than 0.15 dB. What harms
    above all is smoothing its mask, which is its default. A recording is left as it is without half a second of pause,
    where its pauses were gated before, and where the noise lies more than `loud_db` under the voice, for there is
    little to gain.
    """

    prop_decrease: float = 0.7
    n_std_thresh: float = 2.5
    freq_mask_smooth_hz: float | None = None
    time_mask_smooth_ms: float | None = None
    window_s: float = 0.043
    loud_db: float = 30.0

    def facts(self) -> Mapping[str, Any]:
        """Name, version and settings."""
        from importlib import metadata

        _check_installed("noisereduce", "stems")
        return {"denoiser": "noisereduce", "version": metadata.version("noisereduce"), **asdict(self)}

    def clean(self, path: Path, tracks: Tracks) -> Iterator[Samples]:
        """As `Denoiser.clean`; blocks of a minute, each cleaned with a second of what lies around it."""
        _check_installed("noisereduce", "stems")
        noise = self.noise(path, tracks)
        reach = round(CONTEXT_S * tracks.rate)
        whole = round(BLOCK_S * tracks.rate)
        before = np.zeros((0, noise.shape[1]), np.float32)
        held = np.zeros((0, noise.shape[1]), np.float32)
        for block in audio.blocks(path, block_s=BLOCK_S, salvage=True):
            held = np.concatenate([held, block])
            while len(held) >= whole + reach:
                yield self._gated(before, held[:whole], held[whole : whole + reach], noise, tracks.rate)
                before, held = held[whole - reach : whole], held[whole:]
        if len(held):
            yield self._gated(before, held, held[:0], noise, tracks.rate)

    def noise(self, path: Path, tracks: Tracks) -> Samples:
        """The longest pauses of a recording one after the other, (n, channels); raises Unsuitable."""
        quiet = tracks.noise & (tracks.level > GATED_DB)
        pauses = [(last - first, first, last) for first, last in runs(quiet) if last - first >= RUN_S * 100]
        if sum(length for length, _, _ in pauses) < ENOUGH_S * 100:
            gated = np.count_nonzero(tracks.noise) >= ENOUGH_S * 100
            raise Unsuitable(
                "its pauses were silenced before" if gated else "no pause is long enough to learn the noise"
            )
        level = np.concatenate([tracks.level[first:last] for _, first, last in pauses])
        if (above := float(np.median(tracks.loudness) - np.median(level))) > self.loud_db:
            raise Unsuitable(f"its noise lies {above:.0f} dB under the voice: there is little to take out")
        parts, seconds = [], 0.0
        for _, first, last in sorted(pauses, reverse=True):
            parts.append(audio.read(path, edge(first, tracks.rate), edge(last, tracks.rate), mono=False)[0])
            seconds += (last - first) / 100
            if seconds >= AT_MOST_S:
                break
        return np.concatenate(parts)

    def _gated(self, before: Samples, block: Samples, after: Samples, noise: Samples, rate: int) -> Samples:
        from noisereduce import reduce_noise

        around = np.concatenate([before, block, after])
        size = 1 << round(np.log2(self.window_s * rate))
        cleaned = [
            reduce_noise(
                y=around[:, channel],
                sr=rate,
                y_noise=noise[:, channel],
                stationary=True,
                prop_decrease=self.prop_decrease,
                n_std_thresh_stationary=self.n_std_thresh,
                freq_mask_smooth_hz=self.freq_mask_smooth_hz,
                time_mask_smooth_ms=self.time_mask_smooth_ms,
                n_fft=size,
                chunk_size=len(around) + 1,
                padding=size,
            )
            for channel in range(around.shape[1])
        ]
        return np.asarray(np.stack(cleaned, axis=1)[len(before) : len(before) + len(block)], np.float32)


@dataclass(frozen=True)
class RecurrentNoise:
    """RNNoise (Valin 2018), a small recurrent network that hears 48 kHz in frames of 10 ms; nothing to set.

    It needs no pause to learn from, and takes anything for noise that is not speech: for speaking voices only. Its
    answer comes `late` samples after the question and is moved back.
    """

    late: int = 960
    loud_db: float = 25.0

    def facts(self) -> Mapping[str, Any]:
        """Name and version."""
        from importlib import metadata

        _check_installed("pyrnnoise", "rnnoise")
        return {"denoiser": "rnnoise", "version": metadata.version("pyrnnoise"), **asdict(self)}

    def clean(self, path: Path, tracks: Tracks) -> Iterator[Samples]:
        """As `Denoiser.clean`."""
        _check_installed("pyrnnoise", "rnnoise")
        quiet = tracks.level[tracks.noise]
        if (
            len(quiet) >= ENOUGH_S * 100
            and (above := float(np.median(tracks.loudness) - np.median(quiet))) > self.loud_db
        ):
            raise Unsuitable(f"its noise lies {above:.0f} dB under the voice: there is little to take out")
        return self._answers(path, tracks)

    def _answers(self, path: Path, tracks: Tracks) -> Iterator[Samples]:
        from pyrnnoise import rnnoise

        channels = audio.probe(path).channels
        back = audio.Resampler(rnnoise.SAMPLE_RATE, tracks.rate, channels)
        skip, given = self.late, 0
        for answer in self._heard(path, tracks.rate, channels):
            part = back.feed(answer[skip:])[: tracks.samples - given]
            skip = max(0, skip - len(answer))
            given += len(part)
            yield part
        rest = back.feed(np.zeros((0, channels), np.float32), last=True)[: tracks.samples - given]
        yield np.pad(rest, ((0, tracks.samples - given - len(rest)), (0, 0)))

    def _heard(self, path: Path, rate: int, channels: int) -> Iterator[Samples]:
        """What the network says to the whole file and to `late` samples of silence after it, at 48 kHz."""
        from pyrnnoise import rnnoise

        there = audio.Resampler(rate, rnnoise.SAMPLE_RATE, channels)
        states = [rnnoise.create() for _ in range(channels)]
        held = np.zeros((0, channels), np.float32)
        try:
            for block in audio.blocks(path, salvage=True):
                held = np.concatenate([held, there.feed(block)])
                whole = len(held) // rnnoise.FRAME_SIZE * rnnoise.FRAME_SIZE
                yield _frames(states, held[:whole])
                held = held[whole:]
            silence = np.zeros((self.late + rnnoise.FRAME_SIZE, channels), np.float32)
            held = np.concatenate([held, there.feed(held[:0], last=True), silence])
            yield _frames(states, held[: len(held) // rnnoise.FRAME_SIZE * rnnoise.FRAME_SIZE])
        finally:
            for state in states:
                rnnoise.destroy(state)


DENOISERS: Mapping[str, Denoiser] = {"noisereduce": SpectralGate(), "rnnoise": RecurrentNoise()}


def denoise_file(path: Path, denoiser: Denoiser) -> Iterator[Samples]:
    """Blocks (n, channels) of a file without its noise, sample by sample in time with it, at its own rate.

    Raises Unsuitable, with the reason in words, before the first block where denoising would harm; BadAudio when the
    file does not decode; BadRequest when the denoiser is not installed.
    """
    info = audio.probe(path)
    weights = audio.mono_weights(path) if info.channels > 1 else None
    meter = ActivityMeter(info.sample_rate)
    for block in audio.blocks(path, salvage=True):
        meter.feed(audio.to_mono(block, weights))
    activity, _ = meter.finish()
    yield from denoiser.clean(path, Tracks.of(activity, meter.samples, info.sample_rate))


def _frames(states: list[Any], wave: Samples) -> Samples:
    """Whole frames of 48 kHz audio (n, channels) through RNNoise, a state for each channel."""
    import ctypes

    from pyrnnoise import rnnoise

    pointer = ctypes.POINTER(ctypes.c_float)
    # RNNoise counts in 16-bit steps.
    asked = np.ascontiguousarray(wave.T * 32768.0, np.float32)
    heard = np.empty_like(asked)
    for state, question, answer in zip(states, asked, heard, strict=True):
        for first in range(0, len(question), rnnoise.FRAME_SIZE):
            frame = slice(first, first + rnnoise.FRAME_SIZE)
            rnnoise.lib.rnnoise_process_frame(
                state, answer[frame].ctypes.data_as(pointer), question[frame].ctypes.data_as(pointer)
            )
    return np.ascontiguousarray(heard.T / np.float32(32768.0))


def _check_installed(package: str, extra: str) -> None:
    """Raise BadRequest where an extra is missing."""
    if importlib.util.find_spec(package) is None:
        raise BadRequest(f"Denoising needs {package}, which is not installed: pip install 'voice-curator[{extra}]'")
