"""The demo: the recordings it makes, and the whole way on two small ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from catalog import audio, registry
from catalog.library import Library
from curator.cli.main import cli
from curator.demo import recordings
from curator.demo.recordings import Scene, make
from curator.demo.walk import MODEL, walk

pytestmark = pytest.mark.usefixtures("say")
SMALL = (Scene("studio.wav", 6, noise_dbfs=-72), Scene("visitors.m4a", 5, noise_dbfs=-60, visitor=True, clipped=True))


def test_the_recordings_say_the_same_every_time(tmp_path: Path) -> None:
    for name in ("one", "two"):
        make(tmp_path / name, SMALL[:1])
    for file in ("alto/studio.wav", "bass.wav"):
        one, two = (soundfile.read(tmp_path / name / file)[0] for name in ("one", "two"))
        assert len(one) == pytest.approx(len(two), rel=0.002)
        assert np.sqrt(np.mean(one**2)) == pytest.approx(np.sqrt(np.mean(two**2)), rel=0.05)


def test_room_tone_has_the_level_it_is_given() -> None:
    tone = recordings.noise(np.random.default_rng(0), 44100, -50.0)
    assert 20 * np.log10(np.sqrt(np.mean(tone**2))) == pytest.approx(-50.0, abs=0.01)


def test_the_whole_way_ends_in_a_converted_file_and_is_not_walked_twice(
    library: Library, capsys: pytest.CaptureFixture[str]
) -> None:
    out = walk(cli, library, steps=2, scenes=SMALL)
    said = capsys.readouterr().out
    wave, rate = audio.read(out)
    source, source_rate = audio.read(library.root / "examples" / "bass.wav")
    assert len(wave) / rate == pytest.approx(len(source) / source_rate, abs=0.02)
    assert np.isfinite(wave).all()
    assert np.abs(wave).max() > 1e-4
    card = registry.load(library, MODEL).card
    assert card["id"] in said
    assert card["set"]["name"] in said
    runs = sorted(path.name for path in library.runs.iterdir())
    walk(cli, library, steps=2, scenes=SMALL)
    assert sorted(path.name for path in library.runs.iterdir()) == runs
