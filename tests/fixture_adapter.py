"""Adapter between the reference fixtures' checker and the product code; each function only calls the product."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch


# --- network and training mathematics


def synth_load(pth: str) -> Any:
    from infer.weights import synthesizer_from_pth

    return synthesizer_from_pth(Path(pth)).fold_weight_norm()


def synth_infer(
    model: Any, phone: Any, lengths: Any, pitch: Any, f0: Any, sid: Any, noise_z: Any, noise_src: Any,
    skip_head: int | None = None, return_length: int | None = None,
) -> Any:  # fmt: skip
    def tensor(values: Any, kind: torch.dtype = torch.float32) -> torch.Tensor | None:
        return None if values is None else torch.as_tensor(np.asarray(values)).to(kind)

    with torch.inference_mode():
        return model.infer(
            tensor(phone), tensor(lengths, torch.long), tensor(pitch, torch.long), tensor(f0),
            tensor(sid, torch.long), noise_z=tensor(noise_z), noise_src=tensor(noise_src),
            skip_head=skip_head, return_length=return_length,
        ).numpy()  # fmt: skip
