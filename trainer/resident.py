"""The whole set as tensors on the device, cut into crops there: a GPU then waits for no reading and no copying.

Separate from `dataset`, which says what a crop is: this only reads the same crops from another place. Half an hour at
40 kHz with 768 features is 0.4 GB.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from infer.f0 import coarse
from trainer.dataset import EVERY_ROW, MARGIN_FRAMES, Crop, TensorCrops, TrainClip, real_frames

MOST_OF_FREE = 0.25
"""Share of the free GPU memory that a set may take."""


def size(clips: Sequence[TrainClip]) -> int:
    """Bytes that the clips take as tensors."""
    return sum(4 * len(clip.audio) + clip.content.nbytes + 5 * len(clip.f0) for clip in clips)


def fits(clips: Sequence[TrainClip], device: torch.device) -> bool:
    """Whether the clips take so little of a GPU's free memory that they may stay there; never on a CPU."""
    if device.type != "cuda":
        return False
    return size(clips) <= MOST_OF_FREE * torch.cuda.mem_get_info(device)[0]


class Resident:
    """Clips one after another in a few long tensors."""

    def __init__(self, clips: Sequence[TrainClip], device: torch.device) -> None:
        self.clips, self.device = clips, device
        self.audio, self.audio_at = self._joined([clip.audio * np.float32(clip.gain) for clip in clips])
        self.content, self.content_at = self._joined([clip.content for clip in clips])
        self.f0, self.f0_at = self._joined([clip.f0 for clip in clips])
        self.pitch, _ = self._joined([coarse(clip.f0).astype(np.uint8) for clip in clips])

    def _joined(self, arrays: Sequence[np.ndarray]) -> tuple[Tensor, list[tuple[int, int]]]:
        """The arrays as one tensor, and where each begins and how long it is."""
        lengths = [len(array) for array in arrays]
        starts = np.concatenate([[0], np.cumsum(lengths)[:-1]]).astype(int).tolist()
        return torch.from_numpy(np.concatenate(arrays)).to(self.device), list(zip(starts, lengths, strict=True))

    def read(self, crops: Sequence[Crop], *, context: int, hop: int, rows: slice = EVERY_ROW) -> TensorCrops:
        """What `dataset.collate` reads, on the device."""
        own = crops[rows]
        first = self._column([crop.context for crop in own])
        steps = torch.arange(context, device=self.device)
        content, _ = self._rows(self.content, self.content_at, own, (first + steps) // 2)
        f0, voiced = self._rows(self.f0, self.f0_at, own, first + steps)
        pitch, _ = self._rows(self.pitch, self.f0_at, own, first + steps)
        samples = torch.arange((context + 2 * MARGIN_FRAMES) * hop, device=self.device)
        # before its first sample a clip is mirrored
        audio, heard = self._rows(self.audio, self.audio_at, own, ((first - MARGIN_FRAMES) * hop + samples).abs())
        lengths = real_frames(self.clips, crops, context)
        return TensorCrops(
            phone=content.float(),
            f0=f0 * voiced,
            pitch=torch.where(voiced, pitch.long(), 1),
            lengths=self._column(lengths[rows].tolist())[:, 0],
            audio=audio * heard,
            starts=self._column([crop.segment - crop.context for crop in own])[:, 0],
            speaker=self._column([self.clips[crop.clip].speaker for crop in own])[:, 0],
            mean_frames=float(lengths.mean()),
        )

    def _rows(
        self, joined: Tensor, places: Sequence[tuple[int, int]], crops: Sequence[Crop], index: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Rows of each crop's own clip by index (B, N), the last one held, and which indices the clip has."""
        start = self._column([places[crop.clip][0] for crop in crops])
        length = self._column([places[crop.clip][1] for crop in crops])
        return joined[start + torch.minimum(index, length - 1)], index < length

    def _column(self, numbers: Sequence[int]) -> Tensor:
        """(B, 1) on the device."""
        column = torch.tensor(numbers, dtype=torch.long).unsqueeze(1)
        if self.device.type == "cuda":
            column = column.pin_memory()
        return column.to(self.device, non_blocking=True)
