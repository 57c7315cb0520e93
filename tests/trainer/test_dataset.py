"""The stream of crops."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import islice

import numpy as np
import pytest

from trainer.dataset import (
    MARGIN_FRAMES,
    Crop,
    Position,
    TrainClip,
    batches,
    collate,
    crops_of,
    crops_per_epoch,
    epoch_crops,
)

CUT = {"segment": 16, "context": 40}
KNOWN = [
    *[(2, 0, 0), (0, 356, 352), (0, 420, 400), (0, 36, 7), (1, 60, 38), (0, 100, 87)],
    *[(1, 0, 0), (0, 292, 273), (0, 0, 0), (0, 228, 198), (0, 164, 151)],
]
"""The crops that seed 7 gave in epoch 3 before clips had weights."""


def take(clips: tuple[TrainClip, ...], start: Position, count: int, seed: int = 3) -> list:
    return list(islice(batches(clips, seed=seed, batch_size=5, start=start, **CUT), count))


def test_the_stream_goes_on_from_any_position_as_if_never_interrupted(clips):
    whole = take(clips, Position(), 30)
    for cut in (1, 7, 19):
        rest = take(clips, whole[cut - 1][1], 30 - cut)
        assert rest == whole[cut:]


def test_another_seed_or_epoch_gives_other_crops(clips):
    first = epoch_crops(clips, seed=1, epoch=0, **CUT)
    assert first == epoch_crops(clips, seed=1, epoch=0, **CUT)
    assert first != epoch_crops(clips, seed=1, epoch=1, **CUT)
    assert first != epoch_crops(clips, seed=2, epoch=0, **CUT)


def test_crops_of_a_clip_do_not_depend_on_the_other_clips(clips):
    alone = crops_of(0, clips[1].clip, clips[1].frames, seed=1, epoch=4, **CUT)
    among = [crop for crop in epoch_crops(clips, seed=1, epoch=4, **CUT) if crop.clip == 1]
    assert sorted((c.segment, c.context) for c in alone) == sorted((c.segment, c.context) for c in among)


def test_a_clip_is_drawn_in_proportion_to_its_seconds(make_clip):
    clips = tuple(make_clip(f"c{frames}", frames) for frames in (8, 40, 100, 700))
    counts = Counter(crop.clip for epoch in range(400) for crop in epoch_crops(clips, seed=0, epoch=epoch, **CUT))
    total = sum(clip.frames for clip in clips)
    for number, clip in enumerate(clips):
        assert counts[number] / counts.total() == pytest.approx(clip.frames / total, rel=0.12)


def test_a_clip_is_drawn_exactly_as_often_as_it_weighs(make_clip):
    weights = {"rare": 0.25, "plain": 1.0, "dear": 2.5, "short": 3.0}
    clips = tuple(replace(make_clip(key, 13 if key == "short" else 330), weight=weights[key]) for key in weights)
    epochs = 600
    counts = Counter(crop.clip for epoch in range(epochs) for crop in epoch_crops(clips, seed=0, epoch=epoch, **CUT))
    for number, clip in enumerate(clips):
        assert counts[number] / epochs == pytest.approx(clip.weight * clip.frames / CUT["segment"], rel=0.01, abs=0.08)
    assert counts.total() / epochs == pytest.approx(crops_per_epoch(clips, CUT["segment"]), rel=0.01)


def test_a_weight_of_two_hears_every_second_twice_and_of_a_half_in_every_second_epoch(make_clip):
    for weight, epochs in ((2.0, 1), (0.5, 400)):
        clip, heard = make_clip("c", 640), np.zeros(640)
        for epoch in range(epochs):
            for crop in crops_of(0, clip.clip, clip.frames, seed=2, epoch=epoch, weight=weight, **CUT):
                heard[crop.segment : crop.segment + CUT["segment"]] += 1
        inner = heard[CUT["segment"] : -CUT["segment"]] / epochs
        assert inner == pytest.approx(np.full(len(inner), weight), abs=0.0 if epochs == 1 else 0.1)


def test_weights_leave_the_crops_of_the_other_clips_as_they_are(clips):
    weighed = (replace(clips[0], weight=3.0), *clips[1:])
    for number in (1, 2):
        plain, among = (
            sorted((c.segment, c.context) for c in epoch_crops(part, seed=1, epoch=2, **CUT) if c.clip == number)
            for part in (clips, weighed)
        )
        assert plain == among


def test_the_crops_of_clips_that_weigh_one_are_those_of_earlier_versions(clips):
    crops = [(c.clip, c.segment, c.context) for c in epoch_crops(clips, seed=7, epoch=3, segment=64, context=96)]
    assert crops == KNOWN


def test_every_frame_of_every_clip_is_trained_on_within_a_few_epochs(clips):
    for number, clip in enumerate(clips):
        heard = np.zeros(clip.frames, dtype=bool)
        for epoch in range(40):
            for crop in crops_of(number, clip.clip, clip.frames, seed=0, epoch=epoch, **CUT):
                heard[crop.segment : crop.segment + CUT["segment"]] = True
        assert heard.all()


def test_segments_lie_inside_their_context_and_contexts_inside_their_clip(clips):
    for epoch in range(20):
        for crop in epoch_crops(clips, seed=5, epoch=epoch, **CUT):
            frames = clips[crop.clip].frames
            assert 0 <= crop.context <= crop.segment
            assert crop.segment + CUT["segment"] <= crop.context + CUT["context"]
            assert crop.context + min(CUT["context"], frames) <= max(frames, CUT["context"])


def test_a_crop_holds_what_lies_at_its_place(clips):
    got = collate(clips, [Crop(0, 110, 101)], context=40, hop=240)
    frames = np.arange(101, 141)
    assert np.array_equal(got.f0[0], 100 + frames)
    assert np.array_equal(got.phone[0, :, 0], frames // 2)
    first = (101 - MARGIN_FRAMES) * 240
    assert np.array_equal(got.audio[0], clips[0].audio[first : first + (40 + 2 * MARGIN_FRAMES) * 240])
    assert got.starts[0] == 9
    assert got.lengths[0] == 40


def test_a_clip_shorter_than_a_segment_is_filled_up_and_says_how_much_is_real(clips):
    got = collate(clips, [Crop(2, 0, 0)], context=40, hop=240)
    assert got.lengths[0] == 20
    assert np.array_equal(got.f0[0, 20:], np.zeros(20))
    inside = got.audio[0, MARGIN_FRAMES * 240 :]
    assert np.array_equal(inside[: 20 * 240], clips[2].audio)
    assert not inside[20 * 240 :].any()


def test_the_margin_before_a_clip_mirrors_its_beginning(clips):
    got = collate(clips, [Crop(0, 0, 0)], context=40, hop=240)
    margin = MARGIN_FRAMES * 240
    assert np.array_equal(got.audio[0, :margin], clips[0].audio[1 : margin + 1][::-1])


def test_an_epoch_hears_every_second_once_and_none_twice_but_for_the_ends_of_a_clip(make_clip):
    clips = tuple(make_clip(f"c{frames}", frames) for frames in (70, 333, 512, 1201))
    segment, ends = CUT["segment"], 0.0
    for epoch in range(50):
        heard = [np.zeros(clip.frames, dtype=int) for clip in clips]
        for crop in epoch_crops(clips, seed=2, epoch=epoch, **CUT):
            heard[crop.clip][crop.segment : crop.segment + segment] += 1
        for counts in heard:
            # away from the ends: once, exactly
            assert (counts[segment:-segment] == 1).all()
            assert abs(counts.sum() - len(counts)) <= segment
            ends += counts.sum() - len(counts)
    # what the ends are heard too often in one epoch they are heard too rarely in another
    assert abs(ends) / 50 < 0.01 * sum(clip.frames for clip in clips)
