"""Altered copies of clips: consistent with themselves, cached, drawn in their place, and off unless asked for."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from catalog import audio
from catalog.errors import BadRequest
from tests.trainer.test_loop import toy_training
from tests.trainer.test_prepare import Ear, Quiet, run
from trainer.augment import COPIES, Alteration
from trainer.config import TrainRequest
from trainer.dataset import Position, batches, collate, epoch_crops, pool
from trainer.sources import Stopped

CUT = {"segment": 16, "context": 40}


@pytest.fixture(autouse=True)
def known_f0(monkeypatch: pytest.MonkeyPatch) -> None:
    """An f0 method that costs nothing."""
    monkeypatch.setattr("infer.f0.extract", lambda wave, *_, **__: np.full(len(wave) // 160, 150.0))


def test_without_being_asked_for_there_are_no_copies_and_runs_are_the_same_as_before(frozen):
    ready = run(frozen())
    assert all(clip.copies == () for clip in ready.train)
    assert pool(ready.train) == ready.train


def test_checkpoints_from_before_there_were_copies_can_be_gone_on_from(toy_request, hummed, tmp_path):
    plain = toy_training(toy_request().config(), hummed, tmp_path)
    assert "augment" not in plain.identity().to_text()
    altered = replace(plain, config=replace(plain.config, augment={"gain": 6.0}))
    assert "augment" in altered.identity().to_text()
    assert replace(plain, config=replace(plain.config, compile=True)).identity().to_text() == plain.identity().to_text()


def test_a_copy_sings_higher_or_lower_and_its_f0_and_content_go_with_it(frozen):
    ear = Ear()
    ready = run(frozen({"a": (150.0, [0.6, 0.6])}), ear=ear, held_out=0.0, augment={"pitch": 4.0})
    factors = set()
    for clip in ready.train:
        assert len(clip.copies) == COPIES
        for copy in clip.copies:
            factor = float(np.median(copy.f0 / clip.f0))
            factors.add(round(factor, 5))
            assert copy.f0 == pytest.approx(factor * clip.f0)
            assert 4 / 3 - 1e-3 <= abs(12 * np.log2(factor)) <= 4
            assert (len(copy.audio), copy.frames, copy.speaker) == (len(clip.audio), clip.frames, clip.speaker)
            assert strongest(copy.audio) == pytest.approx(factor * strongest(clip.audio), rel=0.05)
            assert not np.array_equal(copy.content, clip.content)
            assert len(copy.content) == pytest.approx(len(clip.content), abs=1)
    assert min(factors) < 1 < max(factors), "one copy is higher, the other lower"
    assert len(factors) == COPIES, "all clips of a recording are altered alike"
    assert ear.encoded == 2 * (1 + COPIES)


def strongest(wave: np.ndarray) -> float:
    """The fundamental of a hum, as the lag at which it is most like itself, in Hz."""
    part = np.asarray(wave[3000:9000], np.float64)
    likeness = np.correlate(part, part, "full")[len(part) :]
    return 24000 / (80 + likeness[80:300].argmax())


def test_throat_and_noise_change_what_is_heard_and_not_what_the_voice_learns_to_say(frozen):
    library = frozen({"a": (150.0, [0.6])})
    for augment in ({"formant": 3.0}, {"noise": 20.0}):
        for clip in run(library, held_out=0.0, augment=augment).train:
            for copy in clip.copies:
                assert np.array_equal(copy.audio, clip.audio)
                assert np.array_equal(copy.f0, clip.f0)
                assert copy.gain == clip.gain
                assert not np.array_equal(copy.content, clip.content)


def test_a_louder_copy_never_clips_and_costs_no_feature(frozen):
    ear = Ear(measures=False)
    ready = run(frozen({"a": (150.0, [0.6])}), ear=ear, held_out=0.0, augment={"gain": 18.0})
    (clip,) = ready.train
    assert sorted(copy.gain < clip.gain for copy in clip.copies) == [False, True]
    for copy in clip.copies:
        assert np.abs(copy.audio * np.float32(copy.gain)).max() <= max(0.971, np.abs(clip.audio * clip.gain).max())


def test_copies_are_made_once_and_found_again(frozen):
    library, augment = frozen({"a": (150.0, [0.6, 0.6])}), {"pitch": 3.0, "formant": 2.0, "noise": 25.0}
    first, second = Ear(), Ear()
    one = run(library, ear=first, augment=augment, held_out=0.0)
    two = run(library, ear=second, augment=augment, held_out=0.0)
    assert (first.encoded, second.encoded) == (2 + 2 * COPIES, 0)
    for a, b in zip(pool(one.train), pool(two.train), strict=True):
        assert np.array_equal(a.audio, b.audio)
        assert np.array_equal(a.content, b.content)
    third = Ear()
    run(library, ear=third, augment={**augment, "pitch": 2.0}, held_out=0.0)
    assert third.encoded == 2 * COPIES


def test_held_out_clips_are_never_altered(frozen):
    ready = run(frozen({"a": (150.0, [0.5] * 4), "b": (200.0, [0.4])}), augment={"gain": 6.0})
    assert ready.held_out
    assert all(clip.copies == () for clip in ready.held_out)
    assert all(len(clip.copies) == COPIES for clip in ready.train)


def test_a_stop_is_heard_between_two_copies(frozen):
    library = frozen({"a": (150.0, [0.6])})
    run(library, held_out=0.0)
    with pytest.raises(Stopped):
        run(library, held_out=0.0, augment={"pitch": 3.0}, report=Quiet(stop=True))


def test_an_epoch_draws_clips_and_copies_alike_and_hears_every_second_once(clips):
    doubled = tuple(replace(clip, copies=(replace(clip, gain=0.5), replace(clip, gain=2.0))) for clip in clips)
    plain = epoch_crops(clips, seed=3, epoch=1, **CUT)
    drawn = epoch_crops(doubled, seed=3, epoch=1, **CUT)
    owner = [0, 1, 2, 0, 0, 1, 1, 2, 2]
    assert [(owner[c.clip], c.segment, c.context) for c in drawn] == [(c.clip, c.segment, c.context) for c in plain]
    assert drawn == epoch_crops(doubled, seed=3, epoch=1, **CUT)
    counts = Counter(
        c.clip for epoch in range(60) for c in epoch_crops(doubled, seed=3, epoch=epoch, **CUT) if owner[c.clip] == 0
    )
    assert {clip: count / counts.total() for clip, count in counts.items()} == pytest.approx(
        {0: 1 / 3, 3: 1 / 3, 4: 1 / 3}, abs=0.05
    )
    crops, _ = next(batches(doubled, seed=3, batch_size=6, start=Position(), **CUT))
    read = collate(pool(doubled), crops, context=CUT["context"], hop=240)
    assert read.audio.shape[0] == 6


def test_an_alteration_is_a_pure_function_of_recording_copy_and_strengths():
    strengths = {"pitch": 3.0, "formant": 2.0, "gain": 6.0, "noise": 25.0}
    assert Alteration.of("r", 0, strengths) == Alteration.of("r", 0, strengths) != Alteration.of("q", 0, strengths)
    up, down = (Alteration.of("r", copy, strengths) for copy in range(2))
    for name in ("pitch", "formants", "gain"):
        assert (getattr(up, name) - 1) * (getattr(down, name) - 1) < 0
    assert 25 <= up.noise_db <= 35
    assert Alteration.of("r", 0, {}) == Alteration()


@pytest.mark.parametrize(
    ("augment", "words"),
    [
        ({"pich": 3}, "no augmentation called pich .did you mean pitch"),
        ({"pitch": 30}, "augment pitch .* is a number from 0.1 to 12, not 30"),
        ({"noise": "loud"}, "augment noise .* is a number from 5 to 60, not loud"),
    ],
)
def test_what_cannot_be_meant_is_refused_in_words(augment, words):
    with pytest.raises(BadRequest, match=words):
        TrainRequest(library="x", set_name="s", model="m", settings={"augment": augment})


def test_audio_in_noise_is_as_noisy_as_it_says(frozen, monkeypatch):
    heard = []
    ear = Ear()
    plain = ear.encode
    monkeypatch.setattr(ear, "encode", lambda wave, statistics=None: heard.append(wave) or plain(wave, statistics))
    ready = run(frozen({"a": (150.0, [0.6])}), ear=ear, held_out=0.0, augment={"noise": 20.0})
    (clip,) = ready.train
    clean = audio.resample(np.asarray(clip.audio), 24000, 16000)
    for copy, noisy in enumerate(heard[1:]):
        level = 20 * np.log10(np.std(clean) / np.std(noisy - clean))
        assert level == pytest.approx(Alteration.of(clip.recording, copy, {"noise": 20.0}).noise_db, abs=1.0)
