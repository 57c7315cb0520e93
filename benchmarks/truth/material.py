"""Labelled material: the voices, noises and music of an audio folder in two halves, and what is made of them.

Separate because every table uses the same voices in the same halves: what a limit was chosen on is never what is
reported. Sentences are real recordings; everything added to them (noise, clipping, rooms) is known exactly.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from catalog import audio
from catalog.records import ScoreValue
from curator.activity import ActivityMeter, Tracks
from curator.scores.clip_audio import ClipAudio, Placed, Scorer
from curator.scores.registry import SCORERS

Floats = npt.NDArray[np.float32]

SPEAKERS = {
    "tuning": ("kathleen_en_f", "emodb03_de_m", "ravdess15_en_m", "fsdd_jackson_en_m"),
    "report": ("ravdess10_en_f", "emodb08_de_f", "fsdd_nicolas_en_m", "fsdd_theo_en_m"),
}
NOISES = {
    "tuning": (
        "esc10_rain_2-72970-A.ogg",
        "esc10_sea_waves_2-102852-A.ogg",
        "esc10_helicopter_2-188822-A.ogg",
        "esc10_chainsaw_1-64398-A.ogg",
        "esc10_fire_crackling_2-18766-A.ogg",
        "esc10_clock_tick_2-135728-A.ogg",
        "sms-tools_ocean.flac",
    ),
    "report": (
        "esc10_rain_2-73260-A.ogg",
        "esc10_sea_waves_2-137162-A.ogg",
        "esc10_helicopter_2-37806-A.ogg",
        "esc10_chainsaw_3-118658-A.ogg",
        "esc10_fire_crackling_2-28314-A.ogg",
        "esc10_clock_tick_4-179984-A.ogg",
        "sms-tools_rain.flac",
        "pyroomacoustics_doing_the_dishes.flac",
        "pyAudioAnalysis_recording1.flac",
    ),
}
"""Sounds that go on; cries, barks and sneezes are events, not the noise of a room."""


def scorer(name: str) -> Scorer:
    """The scorer in use of that family."""
    return next(each for each in SCORERS if each.name == name)


def values(name: str, clip: ClipAudio) -> dict[str, ScoreValue]:
    """What a family says of a clip, without its places."""
    found: Mapping[str, ScoreValue | Placed] = scorer(name).compute(clip)
    return {key: value.value if isinstance(value, Placed) else value for key, value in found.items()}


def number(name: str, column: str, clip: ClipAudio) -> float | None:
    """One score of a clip; None where it is NULL."""
    value = values(name, clip).get(column)
    return float(value) if isinstance(value, int | float) else None


def whole(wave: Floats, rate: int) -> ClipAudio:
    """Samples in memory as one clip that is its whole recording."""
    meter = ActivityMeter(rate)
    meter.feed(wave)
    activity, pitch_track = meter.finish()
    return ClipAudio(wave, rate, 0, Tracks.of(activity, len(wave), rate), pitch_track)


def unheard(wave: Floats, rate: int, like: ClipAudio | None = None) -> ClipAudio:
    """A clip with the tracks of another of the same length and rate, or with none: no network is run."""
    if like is not None:
        return ClipAudio(wave, rate, 0, like.tracks, like.recording_pitch)
    frames = len(wave) * 100 // rate + 1
    return ClipAudio(wave, rate, 0, Tracks(np.ones(frames, np.float32), np.zeros(frames, np.float32), len(wave), rate))


def clips_of(wave: Floats, rate: int, seconds: float = 8.0) -> Iterator[ClipAudio]:
    """Consecutive clips of a recording."""
    recording = whole(wave, rate)
    step = round(seconds * rate)
    for at in range(0, max(1, len(wave) - step + 1), step):
        yield ClipAudio(wave[at : at + step], rate, at, recording.tracks, recording.recording_pitch)


def sentences(folder: Path, speaker: str) -> list[Path]:
    """The files of one voice, in the order of their names."""
    return sorted(path for path in (folder / "speech_single" / speaker).iterdir() if path.is_file())


def passage(
    folder: Path, speaker: str, *, seconds: float = 12.0, pause_s: float = 0.8, skip: int = 0
) -> tuple[Floats, int]:
    """Sentences of one voice until the time is full, with pauses of digital silence around each; and the rate."""
    parts: list[Floats] = []
    rate, length = 0, 0
    for path in sentences(folder, speaker)[skip:]:
        wave, rate = _read(path)
        pause = np.zeros(round(pause_s * rate), np.float32)
        parts += [pause, wave] if not parts else [wave]
        parts.append(pause)
        length += len(wave) + len(pause)
        if length >= seconds * rate:
            break
    return np.concatenate(parts), rate


def noise(folder: Path, name: str, samples: int, rate: int) -> Floats:
    """So many samples of a noise at a rate, repeated where it is shorter; unit power above 60 Hz.

    Without what lies below, which is no sound in a headphone and can be most of a file's power (13 dB in one clock).
    """
    import scipy.signal

    wave, own = _read(folder / "noise" / name)
    wave = np.resize(audio.resample(wave, own, rate), samples)
    wave = scipy.signal.sosfilt(scipy.signal.butter(4, 60.0, "highpass", fs=rate, output="sos"), wave)
    return np.asarray(wave / max(float(np.sqrt(np.mean(wave**2))), 1e-9), np.float32)


def coloured(random: np.random.Generator, samples: int, rate: int, colour: str) -> Floats:
    """White noise, or pink from 20 Hz on; unit power."""
    line = np.fft.rfft(random.normal(0, 1, samples))
    if colour == "pink":
        hz = np.fft.rfftfreq(samples, 1 / rate)
        line[1:] /= np.sqrt(hz[1:])
        line[hz < 20] = 0
    wave = np.fft.irfft(line, samples)
    return np.asarray(wave / wave.std(), np.float32)


def coded(wave: Floats, rate: int, codec: str, bitrate: int) -> Floats:
    """The same samples after a lossy codec ("mp3", "aac"), its delay taken away; constant bit rate, mono."""
    import av

    encoder, container = {"mp3": ("libmp3lame", "mp3"), "aac": ("aac", "adts")}[codec]
    file = io.BytesIO()
    with av.open(file, "w", format=container) as output:
        stream = output.add_stream(encoder, rate=rate, layout="mono", bit_rate=bitrate)
        resampler = av.AudioResampler(format=stream.format, layout="mono", rate=rate)
        frame = av.AudioFrame.from_ndarray(np.asarray(wave, np.float32)[None], format="fltp", layout="mono")
        frame.sample_rate = rate
        for part in [*resampler.resample(frame), None]:
            output.mux(list(stream.encode(part)))
    file.seek(0)
    with av.open(file) as source:
        back = np.concatenate([frame.to_ndarray()[0] for frame in source.decode(audio=0)])
    delay = _delay(wave, back)
    return np.asarray(np.pad(back[delay:], (0, max(0, len(wave) - len(back) + delay)))[: len(wave)], np.float32)


def _delay(wave: Floats, back: Floats) -> int:
    """By how many samples a codec's output is late."""
    import scipy.signal

    count = min(len(wave), len(back))
    likeness = scipy.signal.correlate(back[:count], wave[:count], method="fft")
    return max(0, int(np.argmax(likeness)) - (count - 1))


def speech_power(clip: ClipAudio) -> float:
    """Mean power of the speech frames of a clean clip."""
    return float(np.mean(10 ** (clip.tracks.level[clip.frames][clip.speech].astype(np.float64) / 10)))


@lru_cache(maxsize=64)
def _read(path: Path) -> tuple[Floats, int]:
    return audio.read(path)
