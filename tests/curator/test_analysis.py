from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from catalog import audio
from catalog.errors import BadAudio
from catalog.records import SCORE_NAMES, Analysis
from curator import analysis
from curator.analysis import analyse
from curator.slicer import slice_activity


def seconds(part: Analysis) -> tuple[int, int]:
    clips = sum(clip.end - clip.start for clip in part.clips)
    return clips, sum(gap.end - gap.start for gap in part.left_out)


def test_a_recording_becomes_clips_with_scores(tmp_path: Path, take) -> None:
    wave = take([0, 1, 7, 1.5, 6, 1], rate=22_050)
    audio.write_wav(tmp_path / "voice.wav", wave, 22_050)
    found = analyse(tmp_path / "voice.wav", "anna")
    assert (found.recording.speaker, found.recording.samples) == ("anna", len(wave))
    assert found.recording.sha256 == audio.sha256(tmp_path / "voice.wav")
    assert len(found.clips) == 2
    assert sum(seconds(found)) == len(wave)
    assert [scoring.clip for scoring in found.scorings] == [clip.id for clip in found.clips]
    for scoring in found.scorings:
        assert set(scoring.values) <= set(SCORE_NAMES)
        assert scoring.values["f0_median_hz"] == pytest.approx(220, rel=0.02)
        assert scoring.values["noise_floor_dbfs"] == pytest.approx(-60, abs=1.5)
        assert set(scoring.versions) >= {"noise", "pitch", "clipping", "loudness", "bandwidth", "silence"}


def test_the_same_file_gives_the_same_analysis(tmp_path: Path, take) -> None:
    audio.write_flac(tmp_path / "voice.flac", take([2, 1, 3]), 16_000)
    assert analyse(tmp_path / "voice.flac", "a") == analyse(tmp_path / "voice.flac", "a")


def test_slicing_again_from_what_is_stored_gives_the_same_clips(tmp_path: Path, take) -> None:
    audio.write_flac(tmp_path / "voice.flac", take([4, 0.5, 9, 2, 6, 0.3, 8]), 16_000)
    found = analyse(tmp_path / "voice.flac", "a")
    assert found.activity is not None
    again = slice_activity(found.recording.id, found.activity, found.recording.samples, 16_000)
    assert (again.clips, again.left_out) == (tuple(found.clips), tuple(found.left_out))


def test_a_file_too_long_for_memory_scores_alike(tmp_path: Path, take, monkeypatch: pytest.MonkeyPatch) -> None:
    audio.write_flac(tmp_path / "voice.flac", take([6, 1.5, 7, 1]), 16_000, bits=16)
    held = analyse(tmp_path / "voice.flac", "a")
    monkeypatch.setattr(analysis, "HELD_SAMPLES", 1000)
    assert analyse(tmp_path / "voice.flac", "a") == held


def test_silence_is_catalogued_without_a_clip(tmp_path: Path) -> None:
    audio.write_wav(tmp_path / "silence.wav", np.zeros(48_000, np.float32), 16_000)
    found = analyse(tmp_path / "silence.wav", "a")
    assert found.clips == ()
    assert [(gap.start, gap.end, gap.reason) for gap in found.left_out] == [(0, 48_000, "no speech")]


@pytest.mark.parametrize("length", [1, 100, 3200])
def test_a_scrap_of_sound_is_catalogued(tmp_path: Path, sing, length: int) -> None:
    audio.write_wav(tmp_path / "scrap.wav", sing(0.3)[:length], 16_000)
    found = analyse(tmp_path / "scrap.wav", "a")
    assert found.recording.samples == length
    assert sum(seconds(found)) == length


def test_a_voice_on_one_channel_keeps_its_level(tmp_path: Path, take) -> None:
    wave = take([0, 0.5, 6, 0.5], room_dbfs=-70)
    audio.write_wav(tmp_path / "mono.wav", wave, 16_000)
    audio.write_wav(tmp_path / "left.wav", np.stack([wave, np.zeros_like(wave)], axis=1), 16_000)
    mono, left = (analyse(tmp_path / name, "a").scorings[0].values for name in ("mono.wav", "left.wav"))
    assert left["loudness_lufs"] == pytest.approx(mono["loudness_lufs"], abs=0.1)


def test_what_decodes_of_a_cut_file_is_used_and_said(tmp_path: Path, take) -> None:
    whole = tmp_path / "whole.flac"
    audio.write_flac(whole, take([6, 1, 6, 1]), 16_000)
    data = whole.read_bytes()
    (tmp_path / "cut.flac").write_bytes(data[: len(data) // 2])
    warnings: list[str] = []
    found = analyse(tmp_path / "cut.flac", "a", warnings=warnings)
    assert 4 * 16_000 < found.recording.samples < 10 * 16_000
    assert sum(seconds(found)) == found.recording.samples
    assert len(warnings) == 1
    assert "cut.flac" in warnings[0]


def test_samples_that_are_not_numbers_are_refused_with_their_time(tmp_path: Path, take) -> None:
    wave = take([2])
    wave[16_000] = np.nan
    soundfile.write(tmp_path / "nan.wav", wave, 16_000, subtype="FLOAT")
    with pytest.raises(BadAudio, match=r"1\.000 s"):
        analyse(tmp_path / "nan.wav", "a")


@pytest.mark.parametrize("content", [b"", b"not audio at all"])
def test_a_file_that_is_no_audio_is_refused_in_one_line(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "broken.wav").write_bytes(content)
    with pytest.raises(BadAudio) as raised:
        analyse(tmp_path / "broken.wav", "a")
    assert "broken.wav" in str(raised.value)
    assert "\n" not in str(raised.value)
