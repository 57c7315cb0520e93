"""From a frozen set to features."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from catalog import audio, sets
from catalog.errors import BadRequest
from trainer import prepare as module
from trainer.config import TrainRequest
from trainer.prepare import f0_stats, prepare
from trainer.sources import Stopped


class Ear:
    """A content encoder that counts: content is the mean level of a frame over that of the whole recording."""

    name, dim = "ear", 2

    def __init__(self, version: str = "1", *, measures: bool = True) -> None:
        self.version = version
        self.measures = measures
        self.encoded = 0
        self.measured: list[int] = []

    def measure(self, wave: np.ndarray) -> Any:
        if self.measures and np.any(wave):
            self.measured.append(len(wave))
        return float(np.abs(wave).mean()) + 1e-9 if self.measures else None

    def encode(self, wave: np.ndarray, statistics: Any = None) -> np.ndarray:
        self.encoded += 1
        frames = np.lib.stride_tricks.sliding_window_view(np.abs(wave), 400)[::320]
        level = frames.mean(axis=1) / (statistics or 1.0)
        return np.stack([level, level**2], axis=1).astype(np.float32)


class Quiet:
    """A report that keeps warnings and can ask to stop."""

    def __init__(self, *, stop: bool = False) -> None:
        self.warnings: list[str] = []
        self.stop = stop

    def progress(self, done: float, total: float, unit: str, note: str = "") -> None:
        assert done <= total + 1e-6

    def warning(self, text: str) -> None:
        self.warnings.append(text)

    def stop_requested(self) -> bool:
        return self.stop


@pytest.fixture(autouse=True)
def hundred_hertz(monkeypatch: pytest.MonkeyPatch) -> None:
    """An f0 method that costs nothing."""
    monkeypatch.setattr("infer.f0.extract", lambda wave, *_, **__: np.full(len(wave) // 160, 100.0))


def run(library, clips: Sequence[Any] | None = None, ear: Ear | None = None, report: Quiet | None = None, **changes):
    config = TrainRequest(library="x", set_name="hums", model="m", settings=changes).config()
    return prepare(
        library,
        "hums",
        clips or sets.load(library, "hums").clips,
        config,
        encoder=ear or Ear(),
        f0_method="dio",
        device="cpu",
        seed=1,
        report=report or Quiet(),
    )


def test_every_clip_is_trained_on_held_out_or_dropped_with_a_reason(frozen):
    library = frozen({"a": (150.0, [1.5] * 5 + [0.02]), "b": (200.0, [1.0])})
    report = Quiet()
    ready = run(library, report=report)
    fates = {entry.clip: (entry.fate, entry.reason) for entry in ready.ledger.entries.values()}
    assert len(fates) == 7
    (dropped,) = [reason for fate, reason in fates.values() if fate == "dropped"]
    assert dropped == "20 ms is shorter than one content feature"
    assert len(report.warnings) == 1
    assert {clip.clip for clip in ready.train} == {clip for clip, (fate, _) in fates.items() if fate == "trained"}
    assert {clip.clip for clip in ready.held_out} == {clip for clip, (fate, _) in fates.items() if fate == "held out"}
    assert ready.ledger.seconds() == pytest.approx(8.52)


def test_all_of_a_clip_is_trained_on_to_its_last_sample(frozen):
    library = frozen({"a": (150.0, [1.2345, 1.5, 1.5])})
    ready = run(library, held_out=0.0)
    for clip in ready.train:
        assert clip.frames * 240 >= len(clip.audio) > (clip.frames - 1) * 240


def test_a_second_preparation_computes_nothing(frozen):
    library = frozen()
    first, second = Ear(), Ear()
    one = run(library, ear=first)
    two = run(library, ear=second)
    assert first.encoded == 5
    assert second.encoded == 0
    assert one.digest == two.digest
    assert all(np.array_equal(a.content, b.content) for a, b in zip(one.train, two.train, strict=True))


def test_another_version_of_the_encoder_computes_content_again_and_nothing_else(frozen, monkeypatch):
    library = frozen()
    before = run(library)
    ear = Ear("2")
    monkeypatch.setattr("infer.f0.extract", lambda *_, **__: pytest.fail("f0 was computed again"))
    after = run(library, ear=ear)
    assert ear.encoded == 5
    assert before.digest != after.digest


def test_statistics_are_measured_over_all_clips_of_a_recording(frozen):
    ear = Ear()
    run(frozen({"a": (150.0, [1.5] * 3), "b": (200.0, [1.0])}), ear=ear)
    assert sorted(ear.measured) == [16000, 3 * 24000]


def test_a_set_of_many_recordings_needs_few_files(frozen):
    library = frozen({f"r{number}": (150.0 + number, [0.5]) for number in range(12)})
    run(library)
    for store in (library.media / "features").iterdir():
        assert len(list(store.iterdir())) == 1


def test_a_stop_keeps_what_was_computed(frozen):
    library = frozen()
    with pytest.raises(Stopped):
        run(library, report=Quiet(stop=True))
    ear = Ear()
    run(library, ear=ear)
    assert ear.encoded == 5


def test_a_killed_preparation_loses_at_most_the_shard_at_hand(frozen, monkeypatch):
    library = frozen({"a": (150.0, [1.5] * 4)})
    monkeypatch.setattr(module, "SHARD_S", 2.0)
    ear = Ear()
    real = ear.encode

    def die_at_the_fourth(wave, statistics=None):
        if ear.encoded == 3:
            raise KeyboardInterrupt
        return real(wave, statistics)

    monkeypatch.setattr(ear, "encode", die_at_the_fourth)
    with pytest.raises(KeyboardInterrupt):
        run(library, ear=ear)
    again = Ear()
    run(library, ear=again)
    assert again.encoded == 2


def test_recordings_are_brought_to_one_level_and_keep_their_dynamics(frozen, library, monkeypatch):
    frozen({"a": (150.0, [1.5, 1.5]), "b": (150.0, [1.5, 1.5])})
    clips = sets.load(library, "hums").clips
    quiet = clips[2].recording
    plain = audio.read

    def quieter(path, *arguments, **options):
        wave, rate = plain(path, *arguments, **options)
        return (
            wave * 0.05 if any(clip.recording == quiet and clip.file in str(path) for clip in clips) else wave
        ), rate

    monkeypatch.setattr(module.audio, "read", quieter)
    ready = run(library, clips, held_out=0.0)
    levels = {clip.recording: [] for clip in ready.train}
    for clip in ready.train:
        levels[clip.recording].append(np.sqrt(np.mean(np.square(clip.audio * clip.gain))))
    (one, two) = (20 * np.log10(np.mean(level)) for level in levels.values())
    assert abs(one - two) < 2.0
    assert len({clip.gain for clip in ready.train}) == 2


def test_a_set_without_one_usable_clip_is_refused_in_words(frozen):
    library = frozen({"a": (150.0, [0.02, 0.02])})
    with pytest.raises(BadRequest, match=r"No clip of set hums can be trained on \(20 ms is shorter"):
        run(library)


def test_weights_of_the_set_reach_the_clips_and_what_a_run_is_bound_to(frozen):
    library = frozen({"a": (150.0, [1.5] * 3)})
    clips = sets.load(library, "hums").clips
    plain = run(library, clips, held_out=0.0)
    weighed = run(library, (replace(clips[0], weight=2.5), *clips[1:]), held_out=0.0)
    assert [clip.weight for clip in plain.train] == [1.0, 1.0, 1.0]
    assert [clip.weight for clip in weighed.train] == [2.5, 1.0, 1.0]
    assert plain.digest != weighed.digest
    assert weighed.ledger.summary() == plain.ledger.summary()


def test_f0_statistics_come_from_the_set(clips):
    stats = f0_stats(clips[:1])
    assert stats == {"p5": pytest.approx(124.95), "p50": pytest.approx(349.5), "p95": pytest.approx(574.05)}
    assert f0_stats(()) is None
