"""Reading and writing audio: what a file is, its samples in blocks or by range, its hash.

Separate because every part of the program must see the same samples of the same file. libsndfile (soundfile) reads
what it can, ffmpeg (PyAV) the rest; lengths are those that decode, never those that a header claims.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from catalog import atomic, decoding
from catalog.decoding import AudioInfo as AudioInfo
from catalog.errors import BadAudio, BadRequest
from catalog.late import np

if TYPE_CHECKING:
    import numpy.typing as npt

Samples: TypeAlias = "npt.NDArray[np.float32]"
_SUFFIXES = (
    "wav wave flac mp3 ogg oga opus aif aiff aifc au snd caf w64 rf64 m4a m4b aac mp4 mov mkv mka webm wma wv tta ac3"
    " spx 3gp amr avi"
)
AUDIO_SUFFIXES = frozenset(f".{suffix}" for suffix in _SUFFIXES.split())
SILENT_BELOW_DB = -60.0
CANCELS_BELOW_DB = -10.0
SALVAGED_FROM_S = 1.0
MEASURED_WHOLE_S = 120.0
MEASURED_AT_MOST_S = 600.0
MEASURED_WINDOWS = 64


def probe(path: Path | str) -> AudioInfo:
    """What the file says it is: rate (Hz), channels, and the samples a channel that its header claims, if any.

    Decodes the first samples, so a file that passes can be read. Raises BadAudio.
    """
    with decoding.open_audio(Path(path)) as decoder:
        return decoder.info


def blocks(
    path: Path | str,
    *,
    block_s: float = 30.0,
    start: int = 0,
    frames: int | None = None,
    salvage: bool = False,
    warnings: list[str] | None = None,
) -> Iterator[Samples]:
    """Yield float32 blocks (n, channels) at the file's own rate, from sample `start`, `frames` of them or all.

    Memory is bounded by the block, whatever the length of the file. Raises BadAudio when nothing decodes, when a sample
    is not a number (naming its time), and after the last good block when the file is damaged or truncated. With
    `salvage`, that last case ends quietly when at least a second was decoded, with a line appended to `warnings`.
    """
    path = Path(path)
    with decoding.open_audio(path) as decoder:
        rate = decoder.info.sample_rate
        wanted = max(1, round(block_s * rate))
        position = start
        try:
            for block in _regroup(decoder.chunks(start), wanted, frames):
                _check_numbers(path, block, position, rate)
                position += len(block)
                yield block
        except decoding.Damaged as damage:
            whole = start == 0 and frames is None
            if not salvage or position == 0 or (whole and position < SALVAGED_FROM_S * rate):
                raise BadAudio(str(damage)) from damage
            if warnings is not None:
                warnings.append(str(damage))


def _regroup(chunks: Iterator[Samples], wanted: int, frames: int | None) -> Iterator[Samples]:
    """Chunks of any size into blocks of `wanted` samples, `frames` in all; what is in hand comes before an error."""
    held: list[Samples] = []
    count = 0
    left = frames
    damage: decoding.Damaged | None = None
    while left is None or left > 0:
        try:
            chunk = next(chunks, None)
        except decoding.Damaged as error:
            damage, chunk = error, None
        if chunk is None:
            break
        chunk = chunk if left is None else chunk[:left]
        left = None if left is None else left - len(chunk)
        held.append(chunk)
        count += len(chunk)
        while count >= wanted:
            joined = np.concatenate(held)
            yield joined[:wanted]
            held = [joined[wanted:]]
            count -= wanted
    if count:
        yield np.concatenate(held)
    if damage:
        raise damage


def read(path: Path | str, start: int = 0, end: int | None = None, *, mono: bool = True) -> tuple[Samples, int]:
    """Samples [start, end) as float32, (n,) mono or (n, channels), and the rate (Hz); exact in every format.

    A range that reaches beyond the end, or into damage, gives what there is. Raises BadAudio when it gives nothing.
    """
    path = Path(path)
    if start < 0 or (end is not None and end < start):
        raise BadRequest(f"{path}: {start} to {end} is not a range of samples.")
    with decoding.open_audio(path) as decoder:
        info = decoder.info
        samples = decoding.Cursor(decoder).read(start, sys.maxsize if end is None else end)
    if not len(samples) and end != start:
        raise BadAudio(f"{path} ends before {start / info.sample_rate:.2f} s.")
    _check_numbers(path, samples, start, info.sample_rate)
    if mono:
        return to_mono(samples, mono_weights(path) if info.channels > 1 else None), info.sample_rate
    return samples, info.sample_rate


def ranges(path: Path | str, wanted: Sequence[tuple[int, int]]) -> Iterator[Samples]:
    """Yield each range [start, end) of a file as mono (n,), in the order given, opening the file once.

    As `read`, but ranges in rising order cost one pass even in formats that cannot seek. Raises BadAudio.
    """
    path = Path(path)
    with decoding.open_audio(path) as decoder:
        info = decoder.info
        weights = mono_weights(path) if info.channels > 1 else None
        cursor = decoding.Cursor(decoder)
        for start, end in wanted:
            samples = cursor.read(start, end)
            if not len(samples) and end > start:
                raise BadAudio(f"{path} ends before {start / info.sample_rate:.2f} s.")
            _check_numbers(path, samples, start, info.sample_rate)
            yield to_mono(samples, weights)


def to_mono(x: Samples, weights: npt.NDArray[np.float32] | None = None) -> Samples:
    """Mix (n, channels) to (n,): the mean of the channels that carry sound.

    A channel 60 dB below the loudest does not count, so a voice on one side keeps its level; where the mean would
    cancel (one channel is the other upside down) the loudest channel is taken alone. Give the `mono_weights` of the
    file to mix all its parts alike.
    """
    if x.ndim == 1:
        return x
    if x.shape[1] == 1:
        return np.ascontiguousarray(x[:, 0])
    return np.asarray(x @ (_weights(x) if weights is None else weights), dtype=np.float32)


def mono_weights(path: Path | str) -> npt.NDArray[np.float32]:
    """The weight of each channel in this file's mono mix, the same for all its parts; raises BadAudio.

    Measured over the whole of a file of up to two minutes, else over windows spread evenly over it.
    """
    stat = os.stat(path)
    return _file_weights(str(path), stat.st_size, stat.st_mtime_ns).copy()


@lru_cache(maxsize=256)
def _file_weights(path: str, size: int, changed: int) -> npt.NDArray[np.float32]:
    with decoding.open_audio(Path(path)) as decoder:
        info = decoder.info
        energy = np.zeros((info.channels, info.channels))
        for samples in _spread(decoder):
            wide = np.nan_to_num(samples.astype(np.float64), posinf=0.0, neginf=0.0)
            energy += wide.T @ wide
    return _weights_of(energy)


def _spread(decoder: decoding.Decoder) -> Iterator[Samples]:
    """Parts that stand for the whole file."""
    info = decoder.info
    cursor = decoding.Cursor(decoder)
    length = info.samples or 0
    if not decoder.seeks or length <= MEASURED_WHOLE_S * info.sample_rate:
        step = info.sample_rate
        for number in range(int(MEASURED_AT_MOST_S)):
            part = cursor.read(number * step, (number + 1) * step)
            if not len(part):
                return
            yield part
    else:
        window = info.sample_rate // 2
        for number in range(MEASURED_WINDOWS):
            place = (length - window) * number // (MEASURED_WINDOWS - 1)
            yield cursor.read(place, place + window)


def _weights(x: Samples) -> npt.NDArray[np.float32]:
    wide = x.astype(np.float64)
    return _weights_of(wide.T @ wide)


def _weights_of(product: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
    """Weights from the channels' inner products (channels, channels)."""
    energy = np.diagonal(product)
    heard = energy > energy.max() * 10 ** (SILENT_BELOW_DB / 10)
    if not heard.any():
        heard = np.ones(len(energy), dtype=bool)
    weights = heard / heard.sum()
    mixed = float(weights @ product @ weights)
    if mixed < 10 ** (CANCELS_BELOW_DB / 10) * float(energy[heard].mean()) / heard.sum():
        weights = np.eye(len(energy))[int(energy.argmax())]
    return np.asarray(weights, dtype=np.float32)


def resample(x: Samples, sr_in: int, sr_out: int) -> Samples:
    """Resample (n,) or (n, channels) with soxr's HQ filter; float32."""
    if sr_in == sr_out or not len(x):
        return x.astype(np.float32, copy=False)
    import soxr

    return np.asarray(soxr.resample(x, sr_in, sr_out, quality="HQ"), dtype=np.float32)


class Resampler:
    """`resample` for a stream: feed blocks in order, the last one with `last=True`."""

    def __init__(self, sr_in: int, sr_out: int, channels: int = 1) -> None:
        import soxr

        same = sr_in == sr_out
        self._stream: Any = (
            None if same else soxr.ResampleStream(sr_in, sr_out, channels, dtype="float32", quality="HQ")
        )

    def feed(self, x: Samples, *, last: bool = False) -> Samples:
        """The next block in, what is ready out; shapes as in `resample`."""
        if self._stream is None:
            return x.astype(np.float32, copy=False)
        return np.asarray(self._stream.resample_chunk(np.ascontiguousarray(x, dtype=np.float32), last=last))


def write_flac(path: Path | str, x: Samples, sr: int, *, bits: Literal[16, 24] = 24) -> None:
    """Write (n,) or (n, channels) as FLAC, whole or not at all; BadRequest when the disk is full."""
    _write(Path(path), x, sr, "FLAC", f"PCM_{bits}")


def write_wav(path: Path | str, x: Samples, sr: int, subtype: Literal["PCM_24", "FLOAT", "PCM_16"] = "PCM_24") -> None:
    """Write (n,) or (n, channels) as WAV, whole or not at all; BadRequest when the disk is full."""
    _write(Path(path), x, sr, "WAV", subtype)


def _write(path: Path, x: Samples, sr: int, container: str, subtype: str) -> None:
    import soundfile

    if not np.isfinite(x).all():
        raise BadAudio(f"{path} was not written: it would hold samples that are not numbers.")
    with atomic.in_words(str(path)), atomic.new_file(path) as part:
        # Encoded in memory, since libsndfile does not tell of a full disk.
        encoded = io.BytesIO()
        soundfile.write(encoded, x, sr, format=container, subtype=subtype)
        part.write_bytes(encoded.getbuffer())


@contextlib.contextmanager
def new_audio(
    path: Path | str, sr: int, *, channels: int = 1, container: str = "WAV", subtype: str = "PCM_24"
) -> Iterator[Callable[[Samples], None]]:
    """Give a function that appends blocks (n,) or (n, channels) to a new file, whole or not at all.

    For audio that does not fit into memory; BadRequest when the disk is full.
    """
    import soundfile

    path = Path(path)
    with atomic.in_words(str(path)), atomic.new_file(path) as part, part.open("w+b", buffering=0) as raw:
        target = _Complaining(raw)
        with soundfile.SoundFile(target, "w", sr, channels, subtype, format=container) as file:

            def append(block: Samples) -> None:
                if not np.isfinite(block).all():
                    raise BadAudio(f"{path} was not written: it would hold samples that are not numbers.")
                file.write(block)
                target.complain()

            yield append
        target.complain()


class _Complaining:
    """A file for libsndfile, which swallows what goes wrong while writing; `complain` raises it."""

    def __init__(self, raw: Any) -> None:
        self._raw = raw
        self._error: OSError | None = None
        self.read = raw.read
        self.seek = raw.seek
        self.tell = raw.tell

    def write(self, data: bytes) -> int:
        """Write all of it, or remember why not and pretend."""
        try:
            view = memoryview(data)
            while view and self._error is None:
                view = view[self._raw.write(view) :]
        except OSError as error:
            self._error = error
        return len(data)

    def complain(self) -> None:
        """Raise what went wrong, if anything did."""
        if self._error is not None:
            raise self._error


def sha256(path: Path | str) -> str:
    """The SHA-256 of a file's bytes in hex; raises BadAudio when it cannot be read."""
    try:
        with Path(path).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise BadAudio(f"{path} cannot be read: {error.strerror or error}.") from error


def find_audio(paths: Sequence[Path | str], *, problems: list[tuple[Path, str]] | None = None) -> Iterator[Path]:
    """Every audio file under these paths, each once: folders recursively and sorted, files whatever their name.

    Hidden files and folders are passed over. A path that is missing or may not be read is appended to `problems` with
    the reason; without that list it raises BadRequest.
    """

    def trouble(path: Path, reason: str) -> None:
        if problems is None:
            raise BadRequest(f"{path}: {reason}")
        problems.append((path, reason))

    seen: set[str] = set()
    for path in map(Path, paths):
        for found in _files_under(Path(os.path.abspath(path.expanduser())), trouble):
            key = os.path.realpath(found)
            if key not in seen:
                seen.add(key)
                yield found


def _files_under(path: Path, trouble: Any) -> Iterator[Path]:
    if not path.exists():
        trouble(path, "there is no such file or folder")
    elif not path.is_dir():
        yield path
    else:
        walk = os.walk(path, onerror=lambda error: trouble(Path(error.filename), f"cannot be read: {error.strerror}"))
        for folder, folders, names in walk:
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            for name in sorted(names):
                if Path(name).suffix.lower() in AUDIO_SUFFIXES and not name.startswith("."):
                    yield Path(folder) / name


def _check_numbers(path: Path, block: Samples, position: int, rate: int) -> None:
    bad = ~np.isfinite(block).all(axis=1)
    if bad.any():
        first = position + int(bad.argmax())
        raise BadAudio(
            f"{path} holds samples that are not numbers (NaN or infinite), the first at {first / rate:.3f} s."
        )
