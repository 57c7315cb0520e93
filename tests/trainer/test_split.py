"""What is held out."""

from __future__ import annotations

import pytest

from catalog.records import SetClip
from trainer.split import hold_out


def made(recordings: dict[str, list[float]]) -> list[SetClip]:
    return [
        SetClip(
            clip=f"{name}-{number}",
            recording=name,
            recording_sha256=name,
            speaker="ana",
            start=0,
            end=int(seconds * 1000),
            sample_rate=1000,
            file="",
            sha256="",
            peak=1.0,
        )
        for name, lengths in recordings.items()
        for number, seconds in enumerate(lengths)
    ]


def test_whole_recordings_are_held_out_where_there_are_several():
    clips = made({"long": [10.0] * 20, "a": [5.0, 5.0], "b": [6.0], "c": [7.0]})
    held = hold_out(clips, share=0.05, most_s=60, seed=1)
    taken = {clip.recording for clip in clips if clip.clip in held.clips}
    assert taken
    assert taken <= {"a", "b", "c"}
    for clip in clips:
        assert (clip.clip in held.clips) == (clip.recording in taken)


def test_single_clips_are_held_out_of_a_single_recording():
    clips = made({"only": [5.0] * 40})
    held = hold_out(clips, share=0.06, most_s=60, seed=1)
    assert len(held.clips) == 3
    assert "only one recording" in held.how


def test_no_recording_that_is_a_large_part_of_the_set_is_given_up():
    clips = made({"left": [5.0] * 10, "right": [5.0] * 10, "short": [5.0] * 3})
    held = hold_out(clips, share=0.06, most_s=60, seed=1)
    assert len(held.clips) == 2
    assert "no recording is short enough" in held.how


def test_a_set_of_two_clips_is_trained_on_whole_and_says_so():
    held = hold_out(made({"a": [5.0], "b": [5.0]}), share=0.06, most_s=60, seed=1)
    assert not held.clips
    assert "only 2 clips" in held.how


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_choice_depends_only_on_clips_and_seed(seed):
    clips = made({"only": [5.0] * 40})
    once = hold_out(clips, share=0.1, most_s=60, seed=seed)
    assert once == hold_out(list(reversed(clips)), share=0.1, most_s=60, seed=seed)


def test_the_held_out_part_is_bounded_in_seconds():
    clips = made({"only": [10.0] * 400})
    held = hold_out(clips, share=0.06, most_s=60, seed=1)
    assert len(held.clips) == 6
