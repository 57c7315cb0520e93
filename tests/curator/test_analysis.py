from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from catalog import audio
from catalog.errors import BadAudio
from catalog.records import SCORE_NAMES, Analysis, Scoring
from curator import analysis
from curator.analysis import analyse, analyse_again
from curator.slicer import SlicingSettings, slice_activity


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


def test_fast_soft_notes_are_kept_where_singing_was_said(tmp_path: Path, take) -> None:
    wave = np.concatenate([take([2.0]), 0.05 * take([0.12, 0.3] * 20, room_dbfs=-40)])
    audio.write_flac(tmp_path / "song.flac", wave, 16_000)
    kept = [
        sum(clip.end - clip.start for clip in analyse(tmp_path / "song.flac", "a", SlicingSettings(voice=voice)).clips)
        for voice in ("speech", "singing")
    ]
    assert kept[0] < 3 * 16_000
    assert kept[1] > 9 * 16_000


def test_clips_score_later_as_they_would_have_at_once(tmp_path: Path, take) -> None:
    audio.write_flac(tmp_path / "voice.flac", take([6, 1.5, 7, 1]), 16_000)
    found = analyse(tmp_path / "voice.flac", "a")
    holes = tuple(replace(each, values={}, places={}, features={}) for each in found.scorings)
    order = replace(found, scorings=holes, left_out=())
    again = analyse_again(order)
    assert again.activity is None
    assert [each.clip for each in again.scorings] == [each.clip for each in found.scorings]
    for first, second in zip(found.scorings, again.scorings, strict=True):
        assert second.versions == first.versions
        numbers = {name: value for name, value in first.values.items() if value is not None}
        assert second.values == pytest.approx(first.values | numbers, rel=0.02, abs=0.02, nan_ok=True)
    heard = analyse_again(replace(order, activity=None))
    assert (heard.activity, heard.scorings) == (found.activity, found.scorings)


def test_an_order_for_some_scores_computes_no_others(tmp_path: Path, take) -> None:
    audio.write_flac(tmp_path / "voice.flac", take([6]), 16_000)
    found = analyse(tmp_path / "voice.flac", "a")
    order = replace(found, scorings=(Scoring(found.clips[0].id, {}, {"loudness": 0}),))
    again = analyse_again(order).scorings[0]
    assert set(again.versions) == {"loudness", "hearing"}
    assert "f0_median_hz" not in again.values
    assert again.values["loudness_lufs"] == found.scorings[0].values["loudness_lufs"]


def test_another_file_in_the_place_of_a_recording_is_refused(tmp_path: Path, take) -> None:
    audio.write_flac(tmp_path / "voice.flac", take([2]), 16_000)
    found = analyse(tmp_path / "voice.flac", "a")
    audio.write_flac(tmp_path / "voice.flac", take([3]), 16_000)
    with pytest.raises(BadAudio, match="its content changed"):
        analyse_again(found)
    (tmp_path / "voice.flac").unlink()
    with pytest.raises(BadAudio, match="not there"):
        analyse_again(found)


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
