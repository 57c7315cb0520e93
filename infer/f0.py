"""Which f0 methods there are, what each needs, and f0 of audio by any of them on one grid.

The table at the top needs no heavy import, so the commands and the app can name the methods; an estimator's
library is loaded when the estimator first runs.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from catalog.errors import BadRequest
from catalog.names import nearest
from infer.f0_methods.framing import SAMPLE_RATE, fit
from infer.options import AUTO
from infer.pull import missing_weights, place

HOP = 160
F_MIN, F_MAX = 50.0, 1100.0
COARSE_CLASSES = 255
BLOCK_S, MARGIN_S = 60.0, 1.0

F0 = NDArray[np.float64]
_PLAIN = "pip install voice-curator"
_F0 = "pip install 'voice-curator[f0]'"
_PRAAT = "pip install 'voice-curator[praat]'"


@dataclass(frozen=True)
class F0Method:
    """One way to estimate f0: what it is called, what it needs and what it is good for."""

    name: str
    package: str
    """The module that must be installed."""
    install: str
    """How to get the package."""
    where: str
    """Module and function that estimate, such as "infer.f0_methods.world:harvest"."""
    summary: str
    weights: str | None = None
    """Name of the published weights it needs, as `curator models pull` knows them."""
    on_device: bool = False
    """Whether it runs on the GPU where there is one."""

    def missing(self, weights: Path | None = None) -> str | None:
        """What it lacks on this machine and how to get it, in one line; None when it is ready.

        `weights` is the library's folder of pulled weights.
        """
        if find_spec(self.package) is None:
            return f"f0 method {self.name} needs {self.package}: {self.install}"
        if self.weights and (weights is None or not place(self.weights, weights).is_file()):
            return f"f0 method {self.name} needs weights: curator models pull {self.weights}"
        return None


_METHODS = (
    F0Method(
        "swift",
        "swift_f0",
        _PLAIN,
        "infer.f0_methods.swift:swift",
        "small network: accurate and fast, the default",
    ),
    F0Method(
        "combined",
        "pyworld",
        _PLAIN,
        "infer.f0_methods.combined:combined",
        "swift, and dio for the soft ends of notes that it misses",
    ),
    F0Method(
        "rmvpe",
        "torch",
        _PLAIN,
        "infer.rmvpe:rmvpe",
        "large network for singing, also over music",
        weights="rmvpe",
        on_device=True,
    ),
    F0Method(
        "harvest",
        "pyworld",
        _PLAIN,
        "infer.f0_methods.world:harvest",
        "WORLD without a network: slow, shy of noise",
    ),
    F0Method(
        "dio",
        "pyworld",
        _PLAIN,
        "infer.f0_methods.world:dio",
        "WORLD without a network: fast, shy of noise",
    ),
    F0Method(
        "pm",
        "parselmouth",
        _PRAAT,
        "infer.f0_methods.praat:pm",
        "Praat's autocorrelation: fast, for clean voices",
    ),
    F0Method(
        "crepe",
        "torchcrepe",
        _F0,
        "infer.f0_methods.crepe:crepe",
        "network: slower than real time without a GPU",
        on_device=True,
    ),
    F0Method(
        "crepe-tiny",
        "torchcrepe",
        _F0,
        "infer.f0_methods.crepe:crepe_tiny",
        "small crepe: faster, octave errors on plain tones",
        on_device=True,
    ),
    F0Method(
        "fcpe",
        "torchfcpe",
        _F0,
        "infer.f0_methods.fcpe:fcpe",
        "network: good on noisy speech, hears pitch in noise",
        on_device=True,
    ),
)
F0_METHODS: dict[str, F0Method] = {method.name: method for method in _METHODS}
"""All methods by name, in the order in which "auto" prefers those that need no weights."""
AUTO_ORDER = ("swift", "harvest")


def available(weights: Path | None = None) -> list[str]:
    """Names of the methods that can run now; `weights` is the library's folder of pulled weights."""
    return [name for name, method in F0_METHODS.items() if method.missing(weights) is None]


def choose(name: str, weights: Path | None = None) -> str:
    """The method meant by `name`, where "auto" is the best that needs nothing more.

    Raises BadRequest for an unknown method or one whose package is missing, MissingWeights for one whose
    weights have not been pulled.
    """
    if name == AUTO:
        ready = [method for method in AUTO_ORDER if F0_METHODS[method].missing(weights) is None]
        if not ready:
            raise BadRequest(f"no f0 method is installed: {_PLAIN}")
        return ready[0]
    if name not in F0_METHODS:
        raise BadRequest(f"{name}: no such f0 method{nearest(name, [AUTO, *F0_METHODS])}")
    lack = F0_METHODS[name].missing(weights)
    if lack is None:
        return name
    if find_spec(F0_METHODS[name].package) is not None:
        raise missing_weights(str(F0_METHODS[name].weights), f"f0 method {name}")
    raise BadRequest(f"{lack} (ready: {', '.join(available(weights))})")


def estimate(
    audio: NDArray[np.floating],
    method: str,
    *,
    hop: int = HOP,
    f_min: float = F_MIN,
    f_max: float = F_MAX,
    weights: Path | None = None,
    device: str = "cpu",
) -> F0:
    """f0 in Hz of audio (N,) at 16 kHz as one method gives it: every `hop` samples, 0 where unvoiced.

    The number of values is the method's own, N // hop or one more; `extract` gives a settled number.
    """
    known = F0_METHODS[choose(method, weights)]
    module, _, function = known.where.partition(":")
    run: Callable[..., F0] = getattr(importlib.import_module(module), function)
    more: dict[str, Any] = {"device": device} if known.on_device else {}
    if known.weights and weights is not None:
        more["weights"] = place(known.weights, weights)
    return run(audio, hop, f_min, f_max, **more)


def extract(
    audio: NDArray[np.floating],
    method: str = AUTO,
    *,
    hop: int = HOP,
    f_min: float = F_MIN,
    f_max: float = F_MAX,
    weights: Path | None = None,
    device: str = "cpu",
) -> F0:
    """f0 in Hz of audio (N,) at 16 kHz, exactly N // hop values, 0 where unvoiced.

    Long audio is worked on in blocks, so memory does not grow with it. `weights` is the folder of pulled
    weights. Raises BadRequest or MissingWeights when the method cannot run.
    """
    name = choose(method, weights)

    def one(block: NDArray[np.floating]) -> F0:
        return estimate(block, name, hop=hop, f_min=f_min, f_max=f_max, weights=weights, device=device)

    return in_blocks(lambda start, stop: audio[start:stop], len(audio), one, hop)


def in_blocks(
    read: Callable[[int, int], NDArray[np.floating]],
    samples: int,
    one: Callable[[NDArray[np.floating]], F0],
    hop: int = HOP,
    *,
    after_block: Callable[[int], None] = lambda frames: None,
) -> F0:
    """f0 of a recording too long for one piece: `one` on blocks of a minute with a second of margin on both sides.

    `read(start, stop)` gives samples of the recording at 16 kHz; the answer has samples // hop values.
    """
    total = samples // hop
    block, margin = int(BLOCK_S * SAMPLE_RATE) // hop, int(MARGIN_S * SAMPLE_RATE) // hop
    if total <= block + 2 * margin:
        return fit(one(read(0, samples)), total)
    f0 = np.zeros(total)
    for first in range(0, total, block):
        last = min(total, first + block)
        start = max(0, first - margin)
        stop = min(samples, (last + margin) * hop)
        piece = one(read(start * hop, stop))
        f0[first:last] = fit(piece[first - start :], last - first)
        after_block(last)
    return f0


def median3(f0: NDArray[np.floating]) -> F0:
    """f0 (T,) in Hz -> the median of each value and its two neighbours, with 0 beyond both ends, (T,): removes
    single-frame jumps."""
    padded = np.pad(np.asarray(f0, dtype=np.float64), 1)
    return np.asarray(np.median(np.stack([padded[:-2], padded[1:-1], padded[2:]]), axis=0))


def smooth(f0: NDArray[np.floating], method: str, filter_radius: int) -> F0:
    """f0 (T,) in Hz through `median3` where it is wanted, (T,): for harvest, whose single-frame jumps it removes, when
    the radius is above 2."""
    return median3(f0) if method == "harvest" and filter_radius > 2 else np.asarray(f0, dtype=np.float64)


def transpose(f0: NDArray[np.floating], semitones: float) -> F0:
    """f0 (T,) in Hz moved by `semitones`, (T,); unvoiced frames stay 0."""
    return np.asarray(np.asarray(f0, dtype=np.float64) * 2.0 ** (semitones / 12))


def coarse(f0: NDArray[np.floating]) -> NDArray[np.int64]:
    """The pitch class 1 to 255 of each f0 (Hz): evenly spaced in mel between 50 and 1100 Hz; unvoiced is 1.

    Mel after O'Shaughnessy, 1127 ln(1 + f / 700).
    """
    low, high = (1127 * np.log(1 + f / 700) for f in (F_MIN, F_MAX))
    mel = 1127 * np.log(1 + np.asarray(f0, dtype=np.float64) / 700)
    scaled = np.where(mel > 0, (mel - low) * (COARSE_CLASSES - 1) / (high - low) + 1, mel)
    return np.asarray(np.rint(np.clip(scaled, 1, COARSE_CLASSES)), dtype=np.int64)


def override(f0: NDArray[np.floating], points: NDArray[np.floating], start: int) -> F0:
    """`f0` with a drawn contour put in its place.

    `points` (K, 2) are times in s and Hz; between the first and the last point the contour is interpolated
    linearly and written from frame `start` on (100 frames a second).
    """
    first, last = float(points[:, 0].min()), float(points[:, 0].max())
    frames = np.round((last - first) * 100 + 1).astype(int)
    contour = np.interp(np.arange(frames), points[:, 0] * 100, points[:, 1])
    out = np.array(f0, dtype=np.float64)
    room = out[start : start + frames]
    room[:] = contour[: len(room)]
    return out


def draw(f0: NDArray[np.floating], points: NDArray[np.floating], start: int) -> F0:
    """`f0` with a drawn contour in its place, from the first of `points` to the last.

    `points` (K, 2) are times in s and Hz, ascending; straight lines between, and a stretch from a point of 0 Hz to the
    next is unvoiced. Frame `start` is at time 0 (100 frames a second).
    """
    out = np.array(f0, dtype=np.float64)
    times = (np.arange(len(out)) - start) / 100
    inside = (times >= points[0, 0]) & (times <= points[-1, 0])
    after = np.clip(np.searchsorted(points[:, 0], times[inside]), 1, len(points) - 1)
    silent = (points[after - 1, 1] <= 0) | (points[after, 1] <= 0)
    out[inside] = np.where(silent, 0.0, np.interp(times[inside], points[:, 0], points[:, 1]))
    return out


def read_points(path: Path) -> NDArray[np.float64]:
    """A drawn contour (K, 2) from a text file of lines "seconds,Hz"; raises BadRequest naming the first bad line."""
    try:
        lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise BadRequest(f"{path}: no f0 file that can be read: give lines of seconds,Hz") from error
    points: list[tuple[float, float]] = []
    for number, line in enumerate(lines, 1):
        if not line:
            continue
        try:
            at, hz = (float(value) for value in line.split(","))
        except ValueError:
            raise BadRequest(f"{path}, line {number}: {line[:40]!r} is not seconds,Hz") from None
        if not (np.isfinite(at) and (hz == 0 or F_MIN <= hz <= F_MAX)) or (points and at <= points[-1][0]):
            raise BadRequest(
                f"{path}, line {number}: times must rise, and Hz be 0 or from {F_MIN:g} to {F_MAX:g} ({line[:40]})"
            )
        points.append((at, hz))
    if len(points) < 2:
        raise BadRequest(f"{path}: an f0 file has two lines of seconds,Hz or more")
    return np.array(points)
