"""A voice says which clips of its set it could not have learned from."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from infer.mel import MelSettings
from infer.source_filter import SourceFilter, SourceFilterConfig
from tests.trainer.conftest import RATE, TOY_SOURCE_FILTER, hummed_clip
from trainer.blame import BANDS, ENOUGH_CLIPS, LOOK_AGAIN, Heard, blame, compared, part_of
from trainer.dataset import TrainClip

MEL = MelSettings(RATE, 1024, RATE // 100, 80)
HEARD_S = 200.0


@pytest.fixture(scope="module")
def voice() -> SourceFilter:
    torch.manual_seed(0)
    return SourceFilter(SourceFilterConfig(**{**TOY_SOURCE_FILTER, "sample_rate": RATE, "phone_dim": 4}))


@pytest.fixture(scope="module")
def clips() -> list[TrainClip]:
    """Twenty clips of 1.2 s of a made voice."""
    return [hummed_clip(f"hum{number}", 170.0 + 2 * number, number, 120) for number in range(20)]


def noisy(clip: TrainClip) -> TrainClip:
    noise = 0.1 * np.random.default_rng(1).standard_normal(len(clip.audio))
    return replace(clip, audio=(clip.audio + noise).astype(np.float32))


def test_a_noisy_clip_is_the_strangest_and_is_told_with_its_place(voice: SourceFilter, clips: list[TrainClip]) -> None:
    found = blame(voice, [noisy(clip) if clip.clip == "hum5" else clip for clip in clips], MEL, heard_s=HEARD_S)
    worst = max(found, key=lambda each: each.strangeness)
    assert len(found) == len(clips)
    assert worst.clip == "hum5"
    assert worst.strangeness > LOOK_AGAIN
    assert "than the voice says it" in worst.reason or "dB worse than clips like it" in worst.reason
    assert worst.place is not None
    start, end = worst.place
    assert 0 <= start < end <= 1.2
    others = [each for each in found if each is not worst]
    assert sum(bool(each.reason) for each in others) <= 1
    assert all(each.place is None for each in others if not each.reason)


@pytest.mark.parametrize(("factor", "word"), [(2.0, "high"), (0.5, "low")])
def test_an_f0_track_that_is_an_octave_off_is_called_that(
    voice: SourceFilter, clips: list[TrainClip], factor: float, word: str
) -> None:
    wrong = [replace(clip, f0=clip.f0 * np.float32(factor)) if clip.clip == "hum7" else clip for clip in clips]
    found = {each.clip: each for each in blame(voice, wrong, MEL, heard_s=HEARD_S)}
    assert f"its f0 was found an octave too {word}" in found["hum7"].reason


def test_each_speaker_is_compared_with_herself_and_few_clips_say_nothing(
    voice: SourceFilter, clips: list[TrainClip]
) -> None:
    few = [replace(clip, clip=f"other {clip.clip}", speaker=1) for clip in clips[: ENOUGH_CLIPS - 1]]
    found = blame(voice, [*clips, *map(noisy, few)], MEL, heard_s=HEARD_S)
    assert {each.clip for each in found} == {clip.clip for clip in clips}
    assert blame(voice, few, MEL, heard_s=HEARD_S) == []


def test_the_work_is_bounded_by_what_the_training_heard(
    voice: SourceFilter, clips: list[TrainClip], monkeypatch: pytest.MonkeyPatch
) -> None:
    from trainer import blame as room

    said: list[float] = []
    plain = room.listen

    def listen(network, clip, mel, seconds):
        heard = plain(network, clip, mel, seconds)
        said.append(heard.clip.seconds)
        return heard

    monkeypatch.setattr(room, "listen", listen)
    room.blame(voice, clips, MEL, heard_s=1.1 * len(clips) / room.HEARD_SHARE)
    assert said[: len(clips)] == pytest.approx([1.1] * len(clips))


def test_silence_and_snippets_are_passed_over(voice: SourceFilter, clips: list[TrainClip]) -> None:
    silent = replace(clips[0], clip="silent", audio=np.zeros_like(clips[0].audio))
    snippet = part_of(replace(clips[0], clip="snippet"), 0, 4, RATE // 100)
    found = blame(voice, [*clips, silent, snippet], MEL, heard_s=HEARD_S)
    assert {"silent", "snippet"}.isdisjoint({each.clip for each in found})


def test_a_soft_clip_is_judged_by_its_own_speech(voice: SourceFilter, clips: list[TrainClip]) -> None:
    soft = replace(clips[3], audio=clips[3].audio * np.float32(0.02))
    found = {each.clip for each in blame(voice, [*clips[:3], soft, *clips[4:]], MEL, heard_s=HEARD_S)}
    assert found == {clip.clip for clip in clips}


def test_a_part_of_a_clip_keeps_sound_content_and_f0_together(make_clip) -> None:
    clip = make_clip("a", 50)
    part = part_of(clip, 10, 21, 240)
    assert part.frames == 21
    assert part.f0[0] == clip.f0[10]
    assert part.audio[0] == clip.audio[2400]
    assert len(part.audio) == 21 * 240
    assert part.content[0, 0] == 5
    assert len(part.content) == 11


@pytest.mark.parametrize("count", [12, 16, 24, 60])
def test_clips_that_differ_by_chance_alone_are_hardly_ever_told(count: int) -> None:
    chance, told, clip = np.random.default_rng(1), 0, hummed_clip("hum", 170.0, 0, 60)
    rounds = 600 // count
    for _ in range(rounds):
        heard = [by_chance(chance, clip) for _ in range(count)]
        told += int((compared(heard).strangeness >= LOOK_AGAIN).sum())
    assert told / (rounds * count) < 0.03


def by_chance(chance: np.random.Generator, clip: TrainClip) -> Heard:
    """A clip whose distance, colour and pitch are drawn from normal distributions."""
    size = int(chance.integers(40, 60))
    apart = np.full(size, 5 + 0.5 * chance.standard_normal(), np.float32)
    f0 = np.full(size, 170 * 2 ** (chance.standard_normal() / 12), np.float32)
    f0[: int(chance.integers(5, 20))] = 0
    colour = chance.standard_normal(BANDS)
    return Heard(clip, 0, apart, np.zeros(size, np.float32), colour, chance.random(size) < 0.9, f0)
