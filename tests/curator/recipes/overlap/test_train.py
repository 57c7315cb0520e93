from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

pytest.importorskip("torch")

from catalog import audio
from curator.recipes.overlap.__main__ import main
from curator.recipes.overlap.measures import auc
from curator.recipes.overlap.train import Examples, area, train
from curator.scores.overlap_spectrum import BINS


def examples(count: int, seed: int) -> Examples:
    """Half a second each: spectra in which overlap is a second bright line."""
    random = np.random.default_rng(seed)
    spectra = random.normal(-2, 0.3, (count, 24, BINS)).astype(np.float16)
    spectra[:, :, 40:48] += 3
    spectra[: count // 2, :, 90:98] += 3
    labels = np.zeros((count, 12), bool)
    labels[: count // 2] = True
    return Examples(spectra, labels, np.ones((count, 12), np.float16))


def test_the_training_learns_what_can_be_learnt_and_is_the_same_each_time() -> None:
    known, held = examples(320, 0), examples(32, 1)
    shape = {"width": 8, "channels": (8, 8, 8, 8)}
    first, second = (train(known, held, epochs=6, seed=2, **shape) for _ in range(2))
    assert area(first, held) > 0.9
    for one, other in zip(first.parameters(), second.parameters(), strict=True):
        np.testing.assert_array_equal(one.detach().numpy(), other.detach().numpy())


def test_auc_is_the_chance_that_a_true_frame_scores_higher() -> None:
    truth = np.array([False, False, True, True])
    assert auc(np.array([1, 2, 3, 4]), truth) == 1.0
    assert auc(np.array([4, 3, 2, 1]), truth) == 0.0
    assert auc(np.array([1, 1, 1, 1]), truth) == 0.5


def test_the_recipe_writes_weights_and_a_card(tmp_path: Path) -> None:
    time = np.arange(48_000) / 16_000
    for number, hz in enumerate((110, 150, 210)):
        folder = tmp_path / "material" / "voices" / f"voice{number}"
        folder.mkdir(parents=True)
        wave = sum(np.sin(2 * np.pi * hz * k * time) / k for k in range(1, 12)) * np.sin(2 * np.pi * 1.5 * time)
        audio.write_flac(folder / "a.flac", (0.1 * wave).astype(np.float32), 16_000)
    out = tmp_path / "net.npz"
    few = {"mixtures": 16, "epochs": 1, "songs": 1, "sentences": 0, "pieces": 1}
    asked = [str(tmp_path / "material"), str(out), *(f"--{name}={value}" for name, value in few.items())]
    result = CliRunner().invoke(main, asked, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    with np.load(out) as arrays:
        assert {"plane.0.weight", "mel.bias", "join.weight", "reach.4.weight", "mix.4.bias", "out.weight"} <= set(
            arrays
        )
    assert json.loads(out.with_suffix(".json").read_text(encoding="utf-8"))["mixtures"] == 16
    again = CliRunner().invoke(main, [*asked, f"--resume={out.with_suffix('.pt')}"], catch_exceptions=False)
    assert again.exit_code == 0, again.output


def test_a_folder_without_voices_is_refused_in_one_line(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, [str(tmp_path), str(tmp_path / "net.npz")])
    assert result.exit_code == 1
    assert result.output.strip().startswith(f"Error: {tmp_path / 'voices'}")
    assert len(result.output.strip().splitlines()) == 1
