"""What a person hears of a training."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch

from catalog import audio
from trainer.run import sizes
from trainer.samples import CLIPS, MOST_SAVES, render, surplus, thin
from trainer.state import TrainState


@pytest.fixture
def network(toy_request):
    config = toy_request().config()
    return TrainState.build(config, sizes(config, 4, 1), 1, torch.device("cpu")).generator


@pytest.fixture
def folder(tmp_path):
    place = tmp_path / "samples"
    place.mkdir()
    return place


def test_each_save_gives_the_same_clips_beside_their_recordings(network, hummed, folder):
    told = [render(network, hummed * 2, folder, step) for step in (200, 400)]
    assert [len(each) for each in told] == [CLIPS, CLIPS]
    assert [sample["clip"] for sample in told[0]] == [sample["clip"] for sample in told[1]] == ["hum0", "hum1", "hum2"]
    for sample in (*told[0], *told[1]):
        for name in (sample["path"], sample["original"]):
            info = audio.probe(folder / name)
            assert (info.sample_rate, info.samples) == (24000, 24000)
    original, _ = audio.read(folder / told[0][1]["original"])
    assert original == pytest.approx(hummed[1].audio, abs=1e-3)
    assert len(list(folder.iterdir())) == 3 * CLIPS


def test_a_long_run_keeps_renderings_of_its_whole_way_and_of_the_best(folder):
    steps = [200 * number for number in range(1, MOST_SAVES + 40)]
    for step in steps:
        (folder / f"step-{step:08d}-1.flac").touch()
        thin(folder, keep=[1000])
    left = sorted(int(path.name[5:13]) for path in folder.iterdir())
    assert len(left) == MOST_SAVES
    assert {200, 1000, steps[-1]} <= set(left)
    widest = max(b - a for a, b in pairwise(left))
    assert widest <= 4 * (steps[-1] / MOST_SAVES)


def test_what_is_kept_wins_over_how_many_there_may_be():
    assert surplus([1, 2, 3, 4], {2, 3}, 2) == []
    assert surplus([1, 2, 10, 20], set(), 3) == [2]
