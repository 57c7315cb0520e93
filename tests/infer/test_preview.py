from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import soundfile
from fixture_voice import stand_in, voice
from numpy.typing import NDArray

from catalog.audio import resample
from catalog.errors import BadRequest
from infer.content_encoder import Statistics
from infer.f0 import estimate
from infer.preview import preview
from infer.set_sounds import Passage
from infer.set_sounds import _listen as listen

RATE = 16000


@dataclass(frozen=True)
class StandIn:
    """A content encoder of plain formulas."""

    name: str = "stand-in"
    version: str = "1"
    dim: int = 768

    def measure(self, audio: NDArray[np.float32]) -> Statistics | None:
        return None

    def encode(self, audio: NDArray[np.float32], statistics: Statistics | None = None) -> NDArray[np.float32]:
        return stand_in(audio)


@pytest.fixture(scope="module")
def passages(tmp_path_factory: pytest.TempPathFactory) -> list[Passage]:
    folder = tmp_path_factory.mktemp("set")
    found = []
    for number in range(3):
        path = folder / f"{number}.flac"
        soundfile.write(path, voice(3.0, RATE, number), RATE)
        found.append(Passage(f"clip{number}", path))
    return found


def spoken(tmp_path: Path, samples: NDArray[np.floating], rate: int = RATE) -> Path:
    path = tmp_path / "in.wav"
    soundfile.write(path, samples, rate)
    return path


def test_a_set_speaking_one_of_its_own_clips_leans_on_that_clip(tmp_path: Path, passages: list[Passage]) -> None:
    heard = preview(passages, passages[1].path, StandIn(), f0_method="dio")
    assert next(iter(heard.leaned_on)) == "clip1"
    assert sum(heard.leaned_on.values()) == pytest.approx(1)
    foreign = np.random.default_rng(0).standard_normal(RATE) * 0.1
    assert heard.distance < preview(passages, spoken(tmp_path, foreign), StandIn(), f0_method="dio").distance


@pytest.mark.parametrize("transpose", [0.0, 7.0])
def test_the_preview_keeps_length_and_follows_f0(passages: list[Passage], transpose: float) -> None:
    heard = preview(passages, passages[0].path, StandIn(), transpose=transpose, f0_method="dio")
    before = voice(3.0, RATE, 0).astype(np.float32)
    assert (len(heard.samples), heard.sample_rate) == (len(before), RATE)
    was, now = estimate(before, "dio"), estimate(heard.samples, "harvest")
    both = (was > 0) & (now > 0)
    assert both.mean() > 0.4
    assert abs(np.median(12 * np.log2(now[both] / was[both])) - transpose) < 0.3


def test_left_alone_it_finds_the_pitch_of_the_set(tmp_path: Path, passages: list[Passage]) -> None:
    low = spoken(tmp_path, voice(2.0, RATE, 0), RATE // 2)
    wanted = 12 * np.log2(median_f0(*(item.path for item in passages)) / median_f0(low))
    assert preview(passages, low, StandIn(), f0_method="dio").transpose == pytest.approx(wanted, abs=0.6)


def median_f0(*paths: Path) -> float:
    found = []
    for path in paths:
        wave, rate = soundfile.read(path, dtype="float32")
        found.append(estimate(resample(wave, rate, RATE), "dio"))
    f0 = np.concatenate(found)
    return float(np.median(f0[f0 > 0]))


def test_nothing_to_speak_with_and_nothing_to_say_are_refused(tmp_path: Path, passages: list[Passage]) -> None:
    with pytest.raises(BadRequest, match="no clips"):
        preview([], passages[0].path, StandIn())
    with pytest.raises(BadRequest, match="silent"):
        preview(passages, spoken(tmp_path, np.zeros(RATE)), StandIn(), f0_method="dio")
    silent = [Passage("quiet", spoken(tmp_path, np.zeros(RATE)))]
    with pytest.raises(BadRequest, match="nothing but silence"):
        preview(silent, passages[0].path, StandIn(), f0_method="dio")


def test_what_was_heard_of_a_set_is_kept_and_nothing_else_is_taken_for_it(
    tmp_path: Path, passages: list[Passage], monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = tmp_path / "kept" / "set.npz"
    first = preview(passages, passages[0].path, StandIn(), f0_method="dio", kept=kept)
    heard: list[int] = []
    monkeypatch.setattr("infer.set_sounds._listen", lambda *_: heard.append(1) or listen(*_))
    again = preview(passages, passages[0].path, StandIn(), f0_method="dio", kept=kept)
    np.testing.assert_array_equal(again.samples, first.samples)
    assert not heard
    for damage in (kept.read_bytes()[:-40], b"", b"PK"):
        kept.write_bytes(damage)
        heard.clear()
        preview(passages, passages[0].path, StandIn(), f0_method="dio", kept=kept)
        assert heard == [1]
    preview(passages[:2], passages[0].path, StandIn(), f0_method="dio", kept=kept)
    assert heard == [1, 1]
