from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray
from toy_voice import publish_toy, sung

from catalog.jobs import Job, run_job
from catalog.library import Library
from infer import grid_job
from infer.options import ConvertOptions

RATE = 16000


class Counting:
    """A separator that finds half of everything to be vocals, and counts how often it was asked."""

    name, stems, sample_rate, channels = "counting", ("vocals",), RATE, 1

    def __init__(self) -> None:
        self.asked = 0

    def separate(self, track: Callable[[], Iterable[NDArray[np.float32]]]) -> Iterator[dict[str, NDArray[np.float32]]]:
        self.asked += 1
        for block in track():
            yield {"vocals": block / 2}


@pytest.fixture
def take(tmp_path: Path) -> Path:
    path = tmp_path / "take.wav"
    soundfile.write(path, np.concatenate([np.zeros(3 * RATE), sung(2.0)]), RATE)
    return path


def ran(library: Library, take: Path, settings: list[ConvertOptions], **request: Any) -> tuple[int, dict[str, Any]]:
    asked = {
        "library": str(library.root),
        "model": "toy",
        "input": str(take),
        "start_s": None,
        "seconds": 1.5,
        **request,
    }
    asked["options"] = [options.to_dict() for options in settings]
    job = Job.create(library.jobs, "grid", json.loads(json.dumps(asked)))
    code = run_job(job.path, grid_job.work)
    return code, job.result() or {}


def test_each_setting_is_heard_on_the_liveliest_stretch(library: Library, take: Path) -> None:
    publish_toy(library)
    settings = [ConvertOptions(f0_method="swift", transpose=semitones) for semitones in (0.0, 12.0)]
    code, result = ran(library, take, settings)
    assert code == 0
    assert 2.9 <= result["start_s"] <= 3.6
    assert [each["transpose"] for each in result["tries"]] == [0, 12]
    sounds = [soundfile.read(each["output"])[0] for each in result["tries"]]
    assert {len(sound) for sound in sounds} == {round(1.5 * RATE)}
    assert np.abs(sounds[0] - sounds[1]).max() > 1e-3
    assert [ConvertOptions.from_dict(each["options"]) for each in result["tries"]] == settings
    assert soundfile.info(result["original"]).frames == round(1.5 * RATE)


def test_a_song_is_taken_apart_once_for_all_settings(
    library: Library, take: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish_toy(library)
    separator = Counting()
    monkeypatch.setattr(grid_job, "load_separator", lambda which, weights: separator)
    settings = [ConvertOptions(f0_method="swift", song=True, index_rate=rate) for rate in (0.0, 0.5, 1.0)]
    code, result = ran(library, take, settings)
    assert code == 0
    assert separator.asked == 1
    assert [soundfile.info(each["output"]).frames for each in result["tries"]] == [round(1.5 * RATE)] * 3


@pytest.mark.parametrize(
    ("settings", "request_", "said"),
    [
        ([], {}, "0 settings at once"),
        ([ConvertOptions()] * 17, {}, "17 settings at once"),
        ([ConvertOptions()], {"seconds": 600}, "600 s"),
        ([ConvertOptions()], {"start_s": 99.0}, "ends before 99"),
        ([ConvertOptions()], {"model": "nobody"}, "no model named nobody"),
    ],
)
def test_what_cannot_be_tried_is_said_in_one_line(
    library: Library, take: Path, settings: list[ConvertOptions], request_: dict[str, Any], said: str
) -> None:
    code, result = ran(library, take, settings, **request_)
    assert code == 1
    assert said in result["error"]
    assert "\n" not in result["error"]
