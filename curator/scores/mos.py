"""A predicted opinion score, where the model for it is installed."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from curator.scores.clip_audio import ClipAudio, Found, Placed

RATE = 16_000
WINDOW = 144_160
"""Samples of 9.01 s, the length that the network was trained on."""
STEP_S = 4.0
LEVEL_DBFS = -26.0
FRAME = RATE // 100
SHORTEST_S = 1.0
POLYNOMIAL = (-0.06766283, 1.11546468, 0.04602535)
"""From the network's overall output to a mean opinion score (DNS-Challenge, P.835)."""
MODEL = ("speechmos", "dnsmos_models", "sig_bak_ovr.onnx")

Floats = npt.NDArray[np.float32]


class Mos:
    """`mos`: mean opinion score that listeners would give, predicted by DNSMOS P.835 (Reddy et al. 2022), 1 to 5.

    The overall quality of the model in the package `speechmos` (the extra `mos`), over windows of 9.01 s every 4 s, the
    mean of them; shorter clips are repeated to fill one, as its authors do. The speech is first brought to -26 dBFS,
    because the model takes quiet for bad. The scale is compressed: clean studio speech gets some 3.2, and nothing gets
    more than 3.9; it knows nothing above 8 kHz nor of singing, so use it to rank clips of one library. NULL where the
    package is not installed, for clips with under 1 s of speech, and for silence. Worst is its lowest window.
    """

    name = "mos"
    columns = ("mos",)

    @property
    def version(self) -> int:
        """Another one once the model is installed, so that `curator rescore` then computes what was NULL."""
        return 2 if installed() else 1

    def compute(self, clip: ClipAudio) -> Mapping[str, Found]:
        """1 to 5."""
        if not installed() or np.count_nonzero(clip.speech) < SHORTEST_S * 100:
            return {}
        wave = clip.at_16k
        power = float(np.mean(wave.astype(np.float64) ** 2)) if len(wave) else 0.0
        if power <= 1e-10:
            return {}
        wave = np.clip(wave * _gain(clip, wave), -1, 1).astype(np.float32)
        starts = _starts(len(wave))
        whole = np.resize(wave, WINDOW) if len(wave) < WINDOW else wave
        found = [_overall(whole[start : start + WINDOW]) for start in starts]
        worst = starts[int(np.argmin(found))] / RATE
        place = (worst, min(worst + WINDOW / RATE, len(wave) / RATE))
        return {self.name: Placed(float(np.mean(found)), place)}


def installed() -> bool:
    """Whether the model is there."""
    return _model() is not None


def _starts(samples: int) -> list[int]:
    """Where the windows of a clip begin; the last reaches its end."""
    last = max(0, samples - WINDOW)
    starts = list(range(0, last + 1, round(STEP_S * RATE)))
    return starts if starts[-1] == last else [*starts, last]


def _gain(clip: ClipAudio, wave: Floats) -> float:
    """What brings the speech of a clip to the usual level."""
    count = min(len(clip.speech), len(wave) // FRAME)
    power = np.mean(wave[: count * FRAME].reshape(count, FRAME).astype(np.float64) ** 2, axis=1)
    spoken = power[clip.speech[:count]]
    return float(np.sqrt(10 ** (LEVEL_DBFS / 10) / max(spoken.mean() if len(spoken) else 0.0, 1e-10)))


def _overall(wave: Floats) -> float:
    raw = _session().run(None, {"input_1": wave[None]})[0][0][2]
    return float(np.clip(np.polyval(POLYNOMIAL, raw), 1, 5))


@lru_cache(maxsize=1)
def _model() -> Path | None:
    package = find_spec(MODEL[0])
    if package is None or not package.submodule_search_locations:
        return None
    path = Path(package.submodule_search_locations[0]).joinpath(*MODEL[1:])
    return path if path.is_file() else None


@lru_cache(maxsize=1)
def _session() -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(str(_model()), options, providers=["CPUExecutionProvider"])
