from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import toy_separator
from numpy.typing import NDArray

from catalog import audio
from infer.separation import Demucs, separate_file

pytest.importorskip("demucs", reason="the extra `stems` separates")

Samples = NDArray[np.float32]
STEMS = ("drums", "bass", "other", "vocals")


@pytest.fixture(scope="module")
def demucs() -> Demucs:
    return Demucs("toy", toy_separator.network(), STEMS)


def noise(samples: int, channels: int = 2) -> Samples:
    return (0.1 * np.random.default_rng(0).standard_normal((samples, channels)) + 0.01).astype(np.float32)


def joined(blocks: Iterable[dict[str, Samples]]) -> dict[str, Samples]:
    parts = list(blocks)
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


@pytest.mark.parametrize("samples", [3_000, 22_050, 22_051, 50_000], ids=["shorter", "exact", "longer", "several"])
def test_stems_are_those_of_the_published_way_of_applying_the_network(demucs: Demucs, samples: int) -> None:
    import torch
    from demucs.apply import apply_model

    mix = noise(samples)
    found = joined(demucs.separate(lambda: np.array_split(mix, 7)))
    wave = torch.from_numpy(mix.T.copy())
    mono = wave.mean(0)
    with torch.no_grad():
        whole = apply_model(demucs.network, ((wave - mono.mean()) / mono.std())[None], shifts=0, overlap=0.25)[0]
    expected = whole * mono.std() + mono.mean()
    for name, stem in zip(STEMS, expected, strict=True):
        assert found[name].shape == mix.shape
        assert np.abs(found[name] - stem.numpy().T).max() < 1e-6


def test_the_size_of_the_blocks_changes_nothing(demucs: Demucs) -> None:
    mix = noise(40_000)
    one = joined(demucs.separate(lambda: [mix]))
    many = joined(demucs.separate(lambda: np.array_split(mix, 40)))
    for name in STEMS:
        np.testing.assert_allclose(one[name], many[name], atol=1e-6)


def test_no_more_of_a_track_is_held_than_its_segments_need(demucs: Demucs) -> None:
    passes: list[int] = []

    def track() -> Iterator[Samples]:
        passes.append(0)
        for part in np.array_split(noise(200_000), 100):
            passes[-1] += len(part)
            yield part

    given = 0
    for block in demucs.separate(track):
        if len(passes) == 2:
            assert passes[1] <= given + demucs.segment + 2_000
        given += len(block["vocals"])
        if given > 60_000:
            break
    assert passes[1] < 200_000


def test_a_track_of_no_samples_gives_no_block(demucs: Demucs) -> None:
    assert list(demucs.separate(lambda: [np.zeros((0, 2), np.float32)])) == []


@dataclass(frozen=True)
class Echo:
    """A separator that gives back what it hears."""

    name: str = "echo"
    stems: tuple[str, ...] = ("vocals",)
    sample_rate: int = 44_100
    channels: int = 2

    def separate(self, track: Callable[[], Iterable[Samples]]) -> Iterator[dict[str, Samples]]:
        for block in track():
            yield {"vocals": block}


@pytest.mark.parametrize(("rate", "channels"), [(48_000, 1), (44_100, 2), (22_050, 2), (32_000, 3)])
def test_a_stem_lies_sample_by_sample_over_its_file(tmp_path: Path, rate: int, channels: int) -> None:
    time = np.arange(round(2.345 * rate)) / rate
    wave = np.sin(2 * np.pi * (300 + 900 * time) * time).astype(np.float32)
    mix = np.stack([(0.3 + 0.1 * channel) * wave for channel in range(channels)], axis=1)
    audio.write_wav(tmp_path / "mix.wav", mix, rate, "FLOAT")
    found = joined(separate_file(tmp_path / "mix.wav", Echo()))["vocals"]
    expected = mix if channels == 2 else mix.mean(axis=1, keepdims=True)
    assert found.shape == expected.shape
    inner = slice(rate // 20, -rate // 20)
    assert np.abs(found[inner] - expected[inner]).max() < 1e-3
