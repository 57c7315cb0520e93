"""The two decoders behind `catalog.audio`: libsndfile and ffmpeg, seen through one small interface.

Separate because this is where formats differ: how exact a seek is, how damage shows, what a header is worth.
"""

from __future__ import annotations

import contextlib
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from catalog.errors import BadAudio
from catalog.late import np

if TYPE_CHECKING:
    import numpy.typing as npt

Samples: TypeAlias = "npt.NDArray[np.float32]"
CHUNK = 1 << 16
SEEKABLE = ("PCM_", "FLOAT", "DOUBLE", "ULAW", "ALAW", "IMA_ADPCM", "MS_ADPCM", "VORBIS", "MPEG_", "OPUS")
"""libsndfile's codecs whose samples after a seek are those of the whole; gsm, for one, carries its state on."""
SETTLE_S = {"OPUS": 3.0}
SETTLE_OTHERWISE_S = 0.5
HEADER_MAY_BE_OFF_S = 0.1
KNOWN_LENGTH_BELOW = 1 << 40
UNKNOWN_SIZE_FROM = 0x7FFF0000
"""Writers that cannot go back leave a data size near 2 or 4 GiB in the header of a wav."""
SEEK_FROM_S = 60.0
LOST_AT_MOST_S = 600.0
TRUE_LENGTHS = frozenset(("mp4", "flac", "wav", "tta", "wv", "aiff", "caf", "au", "w64"))
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
        if stat.S_ISREG(status.st_mode):
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
    """libsndfile: its seeks are exact to the sample, though a lossy codec needs some time to settle after one."""

    def __init__(self, path: Path) -> None:
        import soundfile

        self._path = path
        self._file = file = soundfile.SoundFile(str(path))
        self.seeks = bool(file.seekable()) and file.subtype.startswith(SEEKABLE)
        known = 0 < file.frames < KNOWN_LENGTH_BELOW
        self.info = AudioInfo(
            file.samplerate, file.channels, _claimed(file) if known else None, f"{file.format}/{file.subtype}"
        )
        self.has_samples = len(file.read(1)) > 0

    def chunks(self, start: int) -> Iterator[Samples]:
        """See `Decoder.chunks`."""
        import soundfile

        rate, claimed = self.info.sample_rate, self.info.samples
        position = 0
        try:
            if not self.seeks or self._file.format == "OGG":
                # A vorbis file that was read from seeks to the wrong place; a fresh one does not.
                self._file.close()
                self._file = soundfile.SoundFile(str(self._path))
            if self.seeks:
                settle = round(SETTLE_S.get(self._file.subtype, SETTLE_OTHERWISE_S) * rate)
                position = self._file.seek(max(0, min(start, self._file.frames) - settle))
            while True:
                chunk = self._file.read(CHUNK, dtype="float32", always_2d=True)
                if not len(chunk):
                    break
                fresh = chunk[max(0, start - position) :]
                position += len(chunk)
                if len(fresh):
                    yield fresh
        except soundfile.SoundFileError:
            yield from self._beyond(max(start, position))
        if claimed and position < claimed - round(HEADER_MAY_BE_OFF_S * rate):
            raise Damaged(_cut_short(self._path, position, claimed, rate))

    def close(self) -> None:
        """Let the file go."""
        self._file.close()

    def _beyond(self, position: int) -> Iterator[Samples]:
        """What ffmpeg, which passes over damage, still gets out of the file from here on."""
        rate, claimed = self.info.sample_rate, self.info.samples
        with contextlib.ExitStack() as stack:
            other = _open_av(self._path, stack)
            if other is not None and other.info.channels == self.info.channels and other.info.sample_rate == rate:
                for chunk in other.chunks(position):
                    position += len(chunk)
                    yield chunk
        raise Damaged(_cut_short(self._path, position, claimed, rate))


class AvDecoder:
    """ffmpeg through PyAV: seeks where the container counts samples, else decodes from the start and discards."""

    def __init__(self, path: Path) -> None:
        self._path = path
        with _container(path) as container:
            stream = container.streams.audio[0]
            names = container.format.name.split(",")
            first = next(frame for frame in _frames(container, stream, []))
            rate = first.sample_rate
            seconds = float(stream.duration * stream.time_base) if stream.duration else None
            self._counts_samples = bool(stream.time_base) and stream.time_base * rate == 1
            self._name = "mp4" if "mp4" in names else names[0]
            self.seeks = self._name == "mp4" and self._counts_samples
            self.info = AudioInfo(
                rate,
                first.layout.nb_channels,
                round(seconds * rate) if seconds else None,
                f"{self._name}/{stream.codec_context.name}",
            )

    def chunks(self, start: int) -> Iterator[Samples]:
        """See `Decoder.chunks`."""
        rate, claimed = self.info.sample_rate, self.info.samples
        problems: list[str] = []
        position = 0
        with _container(self._path) as container:
            stream = container.streams.audio[0]
            if self.seeks and start > SEEK_FROM_S * rate:
                container.seek(start - rate, stream=stream, any_frame=False)
            for place, chunk in self._placed(container, stream, problems):
                position = place + len(chunk)
                fresh = chunk[max(0, start - place) :]
                if len(fresh):
                    yield fresh
        short = self._name in TRUE_LENGTHS and claimed and position < claimed - round(HEADER_MAY_BE_OFF_S * rate)
        if problems or short:
            raise Damaged(_cut_short(self._path, position, claimed, rate))

    def _placed(self, container: Any, stream: Any, problems: list[str]) -> Iterator[tuple[int, Samples]]:
        """Every frame with its place in samples; what was lost to damage is silence, where the container shows it."""
        convert = _Converter(self.info)
        position: int | None = None
        for frame in _frames(container, stream, problems):
            marked = frame.pts if self._counts_samples or self._name == "flac" else None
            if marked is not None and not self._counts_samples:
                marked = round(marked * float(stream.time_base) * self.info.sample_rate)
            if position is None:
                position = marked if marked is not None and self.seeks else 0
            if marked is not None and (problems or self._name == "flac"):
                lost = marked - position
                if 0 < lost < LOST_AT_MOST_S * self.info.sample_rate:
                    problems.append("a gap")
                    yield position, np.zeros((lost, self.info.channels), np.float32)
                    position += lost
            chunk = convert(frame)
            yield position, chunk
            position += len(chunk)


class _Converter:
    """Frames of any sample format into float32 (n, channels) of one rate and layout."""

    def __init__(self, info: AudioInfo) -> None:
        self._info = info
        self._from: tuple[str, str, int] | None = None
        self._resampler: Any = None
        self._layout: Any = None

    def __call__(self, frame: Any) -> Samples:
        """The samples of one frame."""
        import av

        self._layout = self._layout or frame.layout
        kind = (frame.format.name, frame.layout.name, frame.sample_rate)
        if kind != self._from:
            self._from = kind
            self._resampler = av.AudioResampler(format="flt", layout=self._layout, rate=self._info.sample_rate)
        parts = [even.to_ndarray().reshape(-1, self._info.channels) for even in self._resampler.resample(frame)]
        joined = np.concatenate(parts) if parts else np.zeros((0, self._info.channels), np.float32)
        return np.asarray(joined, dtype=np.float32)


def _frames(container: Any, stream: Any, problems: list[str]) -> Iterator[Any]:
    """Frames as they decode; packets that do not are passed over and noted."""
    import av

    try:
        for packet in container.demux(stream):
            try:
                yield from packet.decode()
            except av.error.FFmpegError as error:
                problems.append(str(error))
    except av.error.FFmpegError as error:
        problems.append(str(error))


def _container(path: Path) -> Any:
    import av

    options = {"protocol_whitelist": "file", "format_whitelist": CONTAINERS}
    return av.open(f"file:{path.absolute()}", options=options, metadata_errors="ignore")


def _claimed(file: Any) -> int:
    """The samples that the header claims: libsndfile quietly corrects a wav that was cut short, but logs it."""
    found = re.search(r"^data : (\d+) \(should be (\d+)\)", file.extra_info, re.MULTILINE)
    if found and 0 < int(found[2]) < int(found[1]) < UNKNOWN_SIZE_FROM:
        return int(file.frames * int(found[1]) / int(found[2]))
    return int(file.frames)


def _open_soundfile(path: Path, stack: contextlib.ExitStack) -> Decoder | None:
    import soundfile

    try:
        decoder = SoundFileDecoder(path)
        stack.callback(decoder.close)
        return decoder if decoder.has_samples else None
    except (soundfile.SoundFileError, TypeError, ValueError):
        return None


def _open_av(path: Path, stack: contextlib.ExitStack) -> Decoder | None:
    import av

    try:
        return AvDecoder(path)
    except (av.error.FFmpegError, StopIteration, ValueError, IndexError):
        return None


def _cut_short(path: Path, position: int, claimed: int | None, rate: int) -> str:
    if claimed and position < claimed:
        return f"{path} is damaged or cut short: {position / rate:.2f} s of {claimed / rate:.2f} s could be decoded."
    return f"{path} is damaged: parts of it could not be decoded ({position / rate:.2f} s in all)."
