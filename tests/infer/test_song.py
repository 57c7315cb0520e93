from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray
from toy_voice import publish_toy, sung

from catalog.errors import BadRequest
from catalog.jobs import Job, run_job
from catalog.library import Library
from infer import __main__ as job_module
from infer import song
from infer.options import ConvertOptions
from infer.track import Track

RATE = 22050


@dataclass(frozen=True)
class Knowing:
    """A separator that knows what it is to find; its rate is the song's."""

    vocals: NDArray[np.float32]
    name: str = "knowing"
    stems: tuple[str, ...] = ("vocals", "other")
    sample_rate: int = RATE

    @property
    def channels(self) -> int:
        return int(self.vocals.shape[1])

    def separate(self, track: Callable[[], Iterable[NDArray[np.float32]]]) -> Iterator[dict[str, NDArray[np.float32]]]:
        start = 0
        for block in track():
            found = self.vocals[start : start + len(block)]
            yield {"vocals": found, "other": block - found}
            start += len(block)


@pytest.fixture
def band() -> NDArray[np.float32]:
    """Two chords, one a side."""
    t = np.arange(2 * RATE) / RATE
    return 0.1 * np.stack([np.sin(2 * np.pi * 330 * t), np.sin(2 * np.pi * 550 * t)], axis=1).astype(np.float32)


@pytest.fixture
def vocals() -> NDArray[np.float32]:
    """A voice in the middle, and a softer one on the left."""
    middle, left = sung(2.0, rate=RATE), 0.2 * sung(2.0, 330.0, rate=RATE)
    return np.stack([middle + left, middle], axis=1).astype(np.float32)


@pytest.fixture
def mix(tmp_path: Path, band: NDArray[np.float32], vocals: NDArray[np.float32]) -> Path:
    path = tmp_path / "song.wav"
    soundfile.write(path, 0.5 * (band + vocals), RATE, subtype="FLOAT")
    return path


def nothing_said(*_: object) -> None:
    """Progress that nobody follows."""


def apart(path: Path, vocals: NDArray[np.float32], folder: Path) -> song.Parts:
    return song.take_apart(path, Knowing(0.5 * vocals), folder, [], nothing_said)


def whole(tracks: tuple[Track, ...]) -> NDArray[np.floating]:
    return np.stack([track.read(0, len(track)) for track in tracks], axis=1)


def test_the_parts_sum_to_the_song_sample_by_sample(tmp_path: Path, mix: Path, vocals: NDArray[np.float32]) -> None:
    parts = apart(mix, vocals, tmp_path)
    heard = soundfile.read(mix, dtype="float32")[0]
    assert parts.samples == len(heard)
    assert np.abs(whole(parts.vocals) + whole(parts.instrumental) - heard).max() < 1e-6


def test_a_voice_that_changes_nothing_gives_the_song_back(
    tmp_path: Path, mix: Path, vocals: NDArray[np.float32]
) -> None:
    parts = apart(mix, vocals, tmp_path)
    same = Track(tmp_path / "same")
    same.append(whole(parts.vocals).mean(axis=1))
    mixed, gain = song.remix(parts, same, tmp_path, keep_backing=True)
    assert gain == pytest.approx(0, abs=0.01)
    assert np.abs(whole(mixed) - soundfile.read(mix)[0]).max() < 1e-5


@pytest.mark.parametrize("factor", [0.1, 3.0])
def test_the_voice_comes_back_at_the_level_of_the_vocals(
    tmp_path: Path, mix: Path, vocals: NDArray[np.float32], factor: float
) -> None:
    parts = apart(mix, vocals, tmp_path)
    other = Track(tmp_path / "other")
    other.append(factor * whole(parts.vocals).mean(axis=1))
    assert song.level_gain(parts, other) * factor == pytest.approx(1, rel=1e-3)


def test_a_voice_of_silence_is_not_turned_up(tmp_path: Path, mix: Path, vocals: NDArray[np.float32]) -> None:
    parts = apart(mix, vocals, tmp_path)
    silent = Track(tmp_path / "silent")
    silent.append(np.zeros(parts.samples, np.float32))
    assert song.level_gain(parts, silent) == 1


def test_backing_voices_stay_or_go_as_asked(tmp_path: Path, mix: Path, vocals: NDArray[np.float32]) -> None:
    parts = apart(mix, vocals, tmp_path)
    voice = Track(tmp_path / "voice")
    voice.append(whole(parts.vocals).mean(axis=1))
    kept, dropped = (
        whole(song.remix(parts, voice, folder(tmp_path / str(keep)), keep_backing=keep)[0]) for keep in (True, False)
    )
    side = 0.5 * (vocals[:, 0] - vocals[:, 1]) / 2
    assert np.abs((kept - dropped)[:, 0] - side).max() < 1e-5


def folder(path: Path) -> Path:
    path.mkdir()
    return path


def test_a_separator_without_vocals_is_refused(tmp_path: Path, mix: Path, vocals: NDArray[np.float32]) -> None:
    with pytest.raises(BadRequest, match="no vocals"):
        song.take_apart(mix, Knowing(vocals, stems=("drums",)), tmp_path, [], nothing_said)


def converted(
    library: Library, path: Path, out: Path, monkeypatch: pytest.MonkeyPatch, separator: Knowing, **options: Any
) -> dict[str, Any]:
    monkeypatch.setattr(job_module, "load_separator", lambda which, weights: separator)
    request = {
        "library": str(library.root), "model": "toy", "inputs": [str(path)], "out": str(out),
        "options": ConvertOptions(f0_method="swift", song=True, **options).to_dict(),
    }  # fmt: skip
    job = Job.create(library.jobs, "convert", json.loads(json.dumps(request)))
    assert run_job(job.path, job_module.work) == 0
    result = job.result()
    assert result is not None
    return result


def test_a_song_keeps_its_length_rate_and_channels_and_its_stems(
    library: Library, tmp_path: Path, mix: Path, vocals: NDArray[np.float32], monkeypatch: pytest.MonkeyPatch
) -> None:
    publish_toy(library)
    result = converted(library, mix, tmp_path / "out.wav", monkeypatch, Knowing(0.5 * vocals))
    [made] = result["outputs"]
    info = soundfile.info(made["output"])
    assert (info.frames, info.samplerate, info.channels) == (2 * RATE, RATE, 2)
    assert made["separator"] == "knowing"
    stems = {name: soundfile.read(path)[0] for name, path in made["stems"].items()}
    assert set(stems) == {"vocals", "instrumental", "converted"}
    heard = soundfile.read(mix)[0]
    assert np.abs(stems["vocals"] + stems["instrumental"] - heard).max() < 1e-5
    side = stems["vocals"] - stems["vocals"].mean(axis=1, keepdims=True)
    gain = 10 ** (made["voice_gain_db"] / 20)
    again = stems["instrumental"] + side + gain * stems["converted"][:, None]
    remix = soundfile.read(made["output"])[0]
    assert np.abs(remix - again * min(1, 0.99 / np.abs(again).max())).max() < 2e-3


def test_stems_that_are_there_are_not_replaced_untold(
    library: Library, tmp_path: Path, mix: Path, vocals: NDArray[np.float32], monkeypatch: pytest.MonkeyPatch
) -> None:
    publish_toy(library)
    kept = folder(tmp_path / "out stems") / "vocals.wav"
    kept.write_bytes(b"precious")
    result = converted(library, mix, tmp_path / "out.wav", monkeypatch, Knowing(0.5 * vocals))
    assert "exists already" in result["failed"][0]["error"]
    assert kept.read_bytes() == b"precious"
    assert not (tmp_path / "out.wav").exists()
