"""A set that stays on the device gives the same crops."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from infer.f0 import coarse
from trainer.dataset import Crop, TrainClip, collate, epoch_crops
from trainer.resident import Resident, fits, size

WHERE = {"context": 40, "hop": 240}


@pytest.fixture
def uneven(clips: tuple[TrainClip, ...]) -> tuple[TrainClip, ...]:
    """Clips with a gain, unvoiced frames, an f0 shorter than the clip and audio that ends within a frame."""
    first = replace(clips[0], gain=0.5, f0=np.where(np.arange(480) % 7, clips[0].f0[:480], 0).astype(np.float32))
    return (first, replace(clips[1], audio=clips[1].audio[:-100], speaker=1), clips[2])


def test_a_resident_set_gives_the_crops_that_reading_gives(uneven: tuple[TrainClip, ...]) -> None:
    resident = Resident(uneven, torch.device("cpu"))
    crops = epoch_crops(uneven, seed=1, epoch=0, segment=16, context=40)
    assert {crop.clip for crop in crops} == {0, 1, 2}
    for rows in (slice(None), slice(4, 9)):
        read, found = collate(uneven, crops, **WHERE, rows=rows), resident.read(crops, **WHERE, rows=rows)
        for name in ("phone", "f0", "lengths", "audio", "starts", "speaker"):
            assert np.array_equal(getattr(found, name).numpy(), getattr(read, name)), name
        assert np.array_equal(found.pitch.numpy(), coarse(read.f0))
        assert found.mean_frames == read.mean_frames


def test_the_margin_of_a_clip_of_a_few_samples_is_silent_where_the_clip_cannot_be_mirrored(
    clips: tuple[TrainClip, ...],
) -> None:
    short = (replace(clips[2], frames=2, audio=clips[2].audio[:480], f0=clips[2].f0[:2], content=clips[2].content[:1]),)
    crops = [Crop(0, 0, 0)]
    read = collate(short, crops, **WHERE)
    assert np.array_equal(Resident(short, torch.device("cpu")).read(crops, **WHERE).audio.numpy(), read.audio)


def test_a_set_stays_on_a_gpu_only_where_it_takes_a_small_part_of_the_free_memory(
    clips: tuple[TrainClip, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    needed = size(clips)
    for free, stays in ((5 * needed, True), (3 * needed, False)):
        monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device, free=free: (free, 10 * free))
        assert fits(clips, torch.device("cuda")) is stays
    assert not fits(clips, torch.device("cpu"))
