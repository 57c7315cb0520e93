"""Slower and faster speech at the same pitch: waveform similarity overlap-add (WSOLA).

Separate because it is signal processing that knows nothing of players. Method: Verhelst and Roelands, "An overlap-add
technique based on waveform similarity (WSOLA) for high quality time-scale modification of speech", ICASSP 1993: frames
of 30 ms overlap by half, each taken within 10 ms of where the speed would have it, at the place that best continues the
frame before it. The place is searched at about 8 kHz and then refined to the sample.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from catalog.late import np

if TYPE_CHECKING:
    from numpy.typing import NDArray

FRAME_S = 0.030
SEARCH_S = 0.010
SEARCH_RATE = 8000

Samples: TypeAlias = "NDArray[np.float32]"


def stretch(samples: Samples, rate: int, speed: float) -> Samples:
    """Mono `samples` (n,) at `rate` Hz played `speed` times as fast, about (n / speed,), the pitch unchanged."""
    hop = max(1, round(FRAME_S * rate / 2))
    if speed == 1.0 or samples.size < 4 * hop:
        return samples
    frame = 2 * hop
    reach = round(SEARCH_S * rate)
    window = np.hanning(frame + 1)[:frame].astype(np.float32)
    # With silence on both sides, every frame and every place searched lies inside.
    padded = np.pad(samples, (frame, 3 * frame + reach))
    step = max(1, rate // SEARCH_RATE)
    coarse = padded[: padded.size // step * step].reshape(-1, step).mean(axis=1)
    count = int(samples.size / speed / hop) + 1
    out = np.zeros((count + 1) * hop, np.float32)
    last = frame
    for number in range(count):
        wanted = frame + round(number * hop * speed)
        at = wanted if number == 0 else _best_place(padded, coarse, step, wanted, last + hop, reach, frame)
        at = min(at, padded.size - 2 * frame)
        out[number * hop : number * hop + frame] += window * padded[at : at + frame]
        last = at
    return out[: round(samples.size / speed)]


def _best_place(padded: Samples, coarse: Samples, step: int, wanted: int, natural: int, reach: int, frame: int) -> int:
    """The place within `reach` of `wanted` whose frame is most like the one at `natural`."""
    first, width = max(0, wanted - reach) // step, frame // step
    pattern = coarse[natural // step : natural // step + width]
    region = coarse[first : (wanted + reach) // step + width]
    if pattern.size < width or region.size <= width:
        return wanted
    rough = (first + _most_alike(region, pattern)) * step
    low = max(0, rough - step)
    return low + _most_alike(padded[low : rough + step + frame], padded[natural : natural + frame])


def _most_alike(region: Samples, pattern: Samples) -> int:
    """The place in `region` where `pattern` fits best, by the correlation over the region's own level."""
    match = np.correlate(region, pattern, "valid")
    power = np.cumsum(np.concatenate([[0.0], region.astype(np.float64) ** 2]))
    level = power[pattern.size :] - power[: -pattern.size]
    return int(np.argmax(match / np.sqrt(np.maximum(level[: match.size], 1e-9))))
