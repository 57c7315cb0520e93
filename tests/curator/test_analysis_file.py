from __future__ import annotations

from pathlib import Path

import pytest

from catalog import audio
from catalog.errors import BadRequest
from catalog.records import Analysis
from curator import analysis_file
from curator.analysis import analyse


@pytest.fixture
def analysis(tmp_path: Path, take) -> Analysis:
    audio.write_wav(tmp_path / "voice.wav", take([2, 0.5, 2]), 16_000)
    return analyse(tmp_path / "voice.wav", "anna")


def test_an_analysis_survives_the_way_through_files(tmp_path: Path, analysis: Analysis) -> None:
    path = analysis_file.write(tmp_path / "results", analysis)
    assert path.name == f"{analysis.recording.id}.json"
    assert analysis_file.read(path) == analysis


def test_a_result_that_is_still_being_written_is_not_found(tmp_path: Path, analysis: Analysis) -> None:
    path = analysis_file.write(tmp_path, analysis)
    (tmp_path / f".{path.stem}.part.json").write_text("{")
    assert analysis_file.found(tmp_path) == [path]


def test_removing_leaves_nothing_and_may_be_repeated(tmp_path: Path, analysis: Analysis) -> None:
    path = analysis_file.write(tmp_path / "results", analysis)
    analysis_file.remove(path)
    analysis_file.remove(path)
    assert list((tmp_path / "results").iterdir()) == []


@pytest.mark.parametrize("text", ["", "{}", '{"format": 1}', '{"format": 99}'])
def test_a_damaged_result_is_refused_in_words(tmp_path: Path, text: str) -> None:
    path = tmp_path / "damaged.json"
    path.write_text(text)
    with pytest.raises(BadRequest, match=r"damaged\.json"):
        analysis_file.read(path)
