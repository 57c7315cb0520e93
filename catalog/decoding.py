"""The two decoders behind `catalog.audio`: libsndfile and ffmpeg, seen through one small interface.

Separate because this is where formats differ: how exact a seek is, how damage shows, what a header is worth.
"""

from __future__ import annotations

import contextlib
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from catalog.errors import BadAudio

Samples = npt.NDArray[np.float32]
CHUNK = 1 << 16
SETTLE_S = 0.5
HEADER_MAY_BE_OFF_S = 0.1
KNOWN_LENGTH_BELOW = 1 << 40
CONTAINERS = (
    "wav,w64,flac,mp3,ogg,aac,mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,asf,wv,tta,ac3,eac3,aiff,au,caf,ape,amr,gsm,g722,"
    "avi,mpegts,mpeg,dsf,voc,flv"
)


class Damaged(Exception):
    """The file stops making sense here; what came before is good."""


@dataclass(frozen=True)
class AudioInfo:
    """What a file is: rate in Hz, channels, the samples a channel that its header claims, container and codec."""

    sample_rate: int
    channels: int
    samples: int | None
    format: str


class Decoder(Protocol):
    """An open file: what it is, and its samples from any place on."""

    info: AudioInfo
    seeks: bool
    """Whether starting in the middle is cheap."""

    def chunks(self, start: int) -> Iterator[Samples]:
        """Yield float32 (n, channels) from sample `start` to the end; raises Damaged where decoding fails."""


@contextlib.contextmanager
def open_audio(path: Path) -> Iterator[Decoder]:
    """Open a file with the first decoder that gets samples out of it; raises BadAudio in one line."""
    _check_is_file(path)
    with contextlib.ExitStack() as stack:
        for opener in (_open_soundfile, _open_av):
            decoder = opener(path, stack)
            if decoder is not None:
                yield decoder
                return
    raise BadAudio(f"{path} is not audio that can be decoded, or holds no samples.")


def _check_is_file(path: Path) -> None:
    try:
        status = path.stat()
        with path.open("rb") as file:
            file.read(1)
    except FileNotFoundError:
        raise BadAudio(f"{path} does not exist.") from None
    except OSError as error:
        raise BadAudio(f"{path} cannot be read: {(error.strerror or str(error)).lower()}.") from error
    if not stat.S_ISREG(status.st_mode):
        raise BadAudio(f"{path} is not a file.")
    if status.st_size == 0:
        raise BadAudio(f"{path} is empty (0 bytes).")


class Cursor:
    """Reads ranges of one open file; goes on decoding where that is cheaper than seeking."""

    def __init__(self, decoder: Decoder) -> None:
        self._decoder = decoder
        self._chunks: Iterator[Samples] = iter(())
        self._held = np.zeros((0, decoder.info.channels), np.float32)
        self._at: int | None = None

    def read(self, start: int, end: int) -> Samples:
        """Samples [start, end), (n, channels); fewer where the file ends or is damaged."""
        far = self._decoder.seeks and self._at is not None and start - self._at > CHUNK
        if self._at is None or start < self._at or far:
            self._chunks = self._decoder.chunks(start)
            self._held = self._held[:0]
            self._at = start
        parts: list[Samples] = []
        while self._at < end:
            if not len(self._held):
                try:
                    self._held = next(self._chunks)
                except (StopIteration, Damaged):
                    break
            skip = min(max(0, start - self._at), len(self._held))
            self._held = self._held[skip:]
            self._at += skip
            part = self._held[: end - self._at] if self._at >= start else self._held[:0]
            self._held = self._held[len(part) :]
            self._at += len(part)
            parts.append(part)
        return np.concatenate(parts) if parts else np.zeros((0, self._decoder.info.channels), np.float32)


class SoundFileDecoder:
    """libsndfile: its seeks are exact to the sample, except opus right after a seek."""

    def __init__(self, path: Path, file: Any) -> None:
        self._path = path
        self._file = file
        self.seeks = bool(file.seekable())
        known = 0 < file.frames < KNOWN_LENGTH_BELOW
        self.info = AudioInfo(
            file.samplerate, file.channels, file.frames if known else None, f"{file.format}/{file.subtype}"
        )

    def chunks(self, start: int) -> Iterator[Samples]:
        """See `Decoder.chunks`."""
        import soundfile

        rate, claimed = self.info.sample_rate, self.info.samples
        position = 0
        try:
            if start and self.seeks:
                position = self._file.seek(max(0, min(start, claimed or start) - round(SETTLE_S * rate)))
            while True:
                chunk = self._file.read(CHUNK, dtype="float32", always_2d=True)
                if not len(chunk):
                    break
                fresh = chunk[max(0, start - position) :]
                position += len(chunk)
                if len(fresh):
                    yield fresh
        except soundfile.SoundFileError as error:
            raise Damaged(_cut_short(self._path, position, claimed, rate)) from error
        if claimed and position < claimed - round(HEADER_MAY_BE_OFF_S * rate):
            raise Damaged(_cut_short(self._path, position, claimed, rate))


class AvDecoder:
    """ffmpeg through PyAV: seeks where the container counts samples, else decodes from the start and discards."""

    def __init__(self, path: Path, container: Any) -> None:
        self._path = path
        self._container = container
        self._stream = container.streams.audio[0]
        self.seeks = False
        first = next(self._frames())
        stream = self._stream
        samples = None
        if stream.duration and stream.time_base:
            samples = round(float(stream.duration * stream.time_base) * first.sample_rate)
        kind = container.format.name.split(",")
        name = "mp4" if "mp4" in kind else kind[0]
        codec = stream.codec_context.name
        self.info = AudioInfo(first.sample_rate, first.layout.nb_channels, samples, f"{name}/{codec}")

    def chunks(self, start: int) -> Iterator[Samples]:
        """See `Decoder.chunks`."""
        import av

        rate = self.info.sample_rate
        self._container.seek(0, stream=self._stream, any_frame=False)
        convert = av.AudioResampler(format="flt", layout=self._layout(), rate=rate)
        position = 0
        for frame in self._frames():
            for even in convert.resample(frame):
                chunk = even.to_ndarray().reshape(-1, self.info.channels)
                fresh = chunk[max(0, start - position) :]
                position += len(chunk)
                if len(fresh):
                    yield fresh.astype(np.float32, copy=False)
        if self._broken:
            raise Damaged(_cut_short(self._path, position, self.info.samples, rate))

    def _layout(self) -> Any:
        return self._stream.codec_context.layout

    def _frames(self) -> Iterator[Any]:
        """Frames as they decode; packets that do not are passed over and remembered."""
        import av

        self._broken = False
        try:
            for packet in self._container.demux(self._stream):
                try:
                    yield from packet.decode()
                except av.error.FFmpegError:
                    self._broken = True
        except av.error.FFmpegError:
            self._broken = True


def _open_soundfile(path: Path, stack: contextlib.ExitStack) -> Decoder | None:
    import soundfile

    try:
        file = stack.enter_context(soundfile.SoundFile(str(path)))
        first = file.read(1, always_2d=True)
        if not len(first):
            return None
        if file.seekable():
            file.seek(0)
        else:
            file = stack.enter_context(soundfile.SoundFile(str(path)))
    except (soundfile.SoundFileError, TypeError, ValueError):
        return None
    return SoundFileDecoder(path, file)


def _open_av(path: Path, stack: contextlib.ExitStack) -> Decoder | None:
    import av

    options = {"protocol_whitelist": "file", "format_whitelist": CONTAINERS}
    try:
        container = stack.enter_context(av.open(f"file:{path.absolute()}", options=options, metadata_errors="ignore"))
        return AvDecoder(path, container) if container.streams.audio else None
    except (av.error.FFmpegError, StopIteration, ValueError, IndexError):
        return None


def _cut_short(path: Path, position: int, claimed: int | None, rate: int) -> str:
    of = f" of {claimed / rate:.2f} s" if claimed and claimed > position else ""
    return f"{path} is damaged or cut short: {position / rate:.2f} s{of} could be decoded."
