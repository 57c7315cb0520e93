from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from catalog import audio, sets
from catalog.library import Library
from catalog.records import clip_id
from tests.curator.cli.conftest import run

RATE = 16000


def spoken(path: Path, hz: float, seconds: float) -> Path:
    """Vowels of one height, one a second, each of another colour."""
    t = np.arange(round(seconds * RATE)) / RATE
    colour = 1 + np.floor(t) % 3
    wave = sum(np.sin(2 * np.pi * k * hz * t) / (1 + (k / 4 - colour) ** 2) for k in range(1, 12))
    noise = np.random.default_rng(0).standard_normal(len(t))
    soundfile.write(path, 0.1 * np.asarray(wave) * (t % 1 < 0.8) + 1e-4 * noise, RATE)
    return path


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A library with a set of two clips."""
    library = Library(tmp_path / "library")
    library.create()
    path = spoken(tmp_path / "takes.wav", 160.0, 8.0)
    recording = audio.sha256(path)[:16]
    rows = [
        {
            "id": clip_id(recording, start, start + 4 * RATE),
            "recording": recording,
            "path": str(path),
            "speaker": "alto",
            "start": start,
            "end": start + 4 * RATE,
            "scores": {},
        }
        for start in (0, 4 * RATE)
    ]
    sets.freeze(library, "first", rows)
    return library.root


def test_a_set_is_heard_as_a_voice_and_the_clips_it_leaned_on_are_named(place: Path, tmp_path: Path) -> None:
    source, out = spoken(tmp_path / "other.wav", 120.0, 2.0), tmp_path / "heard.wav"
    ended = run(place, "preview", "first", str(source), "--out", str(out), "--json")
    assert ended.code == 0, ended.err
    made = ended.json
    assert made["output"] == str(out)
    assert soundfile.info(out).frames == round(2.0 * soundfile.info(out).samplerate)
    assert made["transpose"] == 5, "from 120 to 160 Hz"
    clips = {clip.clip for clip in sets.load(Library(place), "first").clips}
    assert {leaned["clip"] for leaned in made["leaned_on"]} <= clips
    assert sum(leaned["share"] for leaned in made["leaned_on"]) == pytest.approx(1, abs=0.01)
    again = run(place, "preview", "first", str(source), "--out", str(out))
    assert again.code == 2
    assert "exists already" in again.err
    told = run(place, "preview", "first", str(source), "--out", str(out), "--overwrite", "--transpose", "0")
    assert told.code == 0, told.err
    assert "transposed +0 st" in told.out
    assert made["leaned_on"][0]["clip"] in told.out


def test_a_set_that_is_not_there_is_named_in_one_line(place: Path, tmp_path: Path) -> None:
    source = spoken(tmp_path / "other.wav", 120.0, 1.0)
    ended = run(place, "preview", "second", str(source), "--out", str(tmp_path / "out.wav"))
    assert ended.code == 2
    assert "second" in ended.err
    assert len(ended.err.strip().splitlines()) == 1
    assert not (tmp_path / "out.wav").exists()
