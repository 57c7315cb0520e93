"""FCPE, a fast convolutional pitch estimator, through torchfcpe, weights inside its package."""

from __future__ import annotations

import contextlib
import io
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from infer.f0_methods.framing import SAMPLE_RATE

THRESHOLD = 0.006


@lru_cache(maxsize=1)
def _network(device: str) -> Any:
    # The library reports its loading on standard output, which may be a screen or a JSON document.
    with contextlib.redirect_stdout(io.StringIO()):
        from torchfcpe import spawn_bundled_infer_model

        return spawn_bundled_infer_model(device=device)


def fcpe(audio: NDArray[np.floating], hop: int, f_min: float, f_max: float, device: str) -> NDArray[np.float64]:
    """f0 in Hz of audio (N,) at 16 kHz every `hop` samples, 0 where unvoiced; N // hop + 1 values."""
    import torch

    frames = len(audio) // hop + 1
    wave = torch.from_numpy(np.asarray(audio, dtype=np.float32).copy())[None, :, None]
    with contextlib.redirect_stdout(io.StringIO()):
        found = _network(device).infer(
            wave.to(device),
            sr=SAMPLE_RATE,
            decoder_mode="local_argmax",
            threshold=THRESHOLD,
            interp_uv=False,
            output_interp_target_length=frames,
        )
    f0 = np.asarray(found[0, :, 0].cpu().numpy(), dtype=np.float64)
    return np.where((f0 >= f_min) & (f0 <= f_max), f0, 0.0)
