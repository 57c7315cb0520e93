"""The source-filter voice: what holds whatever its weights are."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from catalog.errors import BadModel
from infer.network import network_config, new_network
from infer.source_filter import SourceFilter, SourceFilterConfig
from infer.synthesizer_config import published_config

CONFIG = SourceFilterConfig(24000, phone_dim=8, width=16, layers=2, kernel_size=3, bands=16, gin_channels=4)
FRAMES = 60


@pytest.fixture
def network() -> SourceFilter:
    torch.manual_seed(0)
    return SourceFilter(CONFIG).eval()


def said(f0: torch.Tensor, loudness: float = 0.0, seed: int = 0) -> tuple[torch.Tensor, ...]:
    """Random content at a constant loudness for the first speaker."""
    phone = torch.randn(1, f0.shape[1], 8, generator=torch.Generator().manual_seed(seed))
    return phone, f0, torch.full_like(f0, loudness), torch.zeros(1, dtype=torch.long)


def spoken(network: SourceFilter, *given: torch.Tensor, seed: int = 0) -> np.ndarray:
    with torch.no_grad():
        return network.infer(*given, generator=torch.Generator().manual_seed(seed))[0].numpy()


def repeats(wave: np.ndarray, period: float) -> float:
    """Correlation of a wave with itself one period later."""
    lag = round(period)
    return float(np.corrcoef(wave[:-lag], wave[lag:])[0, 1])


@pytest.mark.parametrize("hz", [70.0, 140.0, 280.0, 560.0])
def test_f0_is_right_whatever_the_weights(network: SourceFilter, hz: float) -> None:
    wave = spoken(network, *said(torch.full((1, FRAMES), hz)))
    assert len(wave) == FRAMES * 240
    spectrum = np.abs(np.fft.rfft(wave * np.hanning(len(wave)), 1 << 17)) ** 2
    bins = np.arange(len(spectrum)) * 24000 / (1 << 17)
    # the comb of harmonics that gathers most power, against all pitches within two octaves
    pitches = hz * 2 ** (np.arange(-240, 241) / 240)
    combs = [np.mean([spectrum[np.searchsorted(bins, k * pitch)] for k in range(1, 6)]) for pitch in pitches]
    assert abs(12 * np.log2(pitches[int(np.argmax(combs))] / hz)) < 0.1


def test_unvoiced_frames_are_never_pulses(network: SourceFilter) -> None:
    wave = spoken(network, *said(torch.zeros(1, 200)))
    assert max(abs(repeats(wave, period)) for period in (120, 240, 480)) < 0.1
    voiced = spoken(network, *said(torch.full((1, 200), 100.0)))
    assert repeats(voiced, 240) > 0.3


def test_louder_input_of_equal_timbre_moves_both_filters_by_its_decibels(network: SourceFilter) -> None:
    with torch.no_grad():
        network.emb_level.weight.zero_()
    f0 = torch.full((1, FRAMES), 120.0)
    soft, loud = (spoken(network, *said(f0, level)) for level in (-40.0, -20.0))
    assert loud == pytest.approx(10 * soft, rel=1e-3, abs=1e-6)


def test_a_pause_in_the_input_is_as_quiet_in_the_output(network: SourceFilter) -> None:
    phone, f0, loudness, sid = said(torch.zeros(1, FRAMES))
    loudness[:, 20:40] = -80.0
    wave = spoken(network, phone, f0, loudness, sid)
    spoken_level, pause_level = np.std(wave[: 18 * 240]), np.std(wave[24 * 240 : 38 * 240])
    assert pause_level < 1e-3 * spoken_level


def test_frames_beyond_its_reach_change_nothing(network: SourceFilter) -> None:
    given = said(torch.full((1, FRAMES), 120.0))
    changed = given[0].clone()
    changed[:, 30] += 1
    with torch.no_grad():
        before, after = network.filters(*given)[0], network.filters(changed, *given[1:])[0]
    moved = (before != after).any(-1)[0].nonzero().flatten().tolist()
    assert CONFIG.reach == 2
    assert moved == [28, 29, 30, 31, 32]


def test_a_batch_says_what_each_row_says_alone(network: SourceFilter) -> None:
    rows = [said(torch.full((1, FRAMES), hz), seed=seed) for seed, hz in enumerate((100.0, 0.0))]
    noise = torch.randn(2, FRAMES * 240, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        both = network.infer(*(torch.cat(parts) for parts in zip(*rows, strict=True)), noise=noise)
        for row, given in enumerate(rows):
            alone = network.infer(*given, noise=noise[row : row + 1])
            assert torch.allclose(both[row], alone[0], atol=1e-5)


def test_the_same_seed_gives_the_same_wave_and_another_seed_another(network: SourceFilter) -> None:
    given = said(torch.full((1, FRAMES), 120.0))
    assert np.array_equal(spoken(network, *given), spoken(network, *given))
    assert not np.array_equal(spoken(network, *given), spoken(network, *given, seed=1))


def test_sizes_travel_as_json_and_say_their_kind() -> None:
    travelled = json.loads(json.dumps(CONFIG.to_dict()))
    assert network_config(travelled) == CONFIG
    assert network_config(published_config("v2", "40k").to_dict()) == published_config("v2", "40k")
    assert isinstance(new_network(CONFIG), SourceFilter)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"kind": "wave-filter"}, "does not know"),
        ({"wings": 2}, "unknown fields: wings"),
        ({"width": 0}, "width = 0"),
        ({"kernel_size": 4}, "only odd"),
        ({"sample_rate": 22050}, "100 even frames"),
        ({"bands": True}, "bands = True"),
    ],
)
def test_sizes_that_no_network_has_are_refused_in_words(change: dict[str, object], words: str) -> None:
    with pytest.raises(BadModel, match=words):
        network_config({**CONFIG.to_dict(), **change})


def test_missing_sizes_are_refused_in_words() -> None:
    values = CONFIG.to_dict()
    del values["sample_rate"]
    with pytest.raises(BadModel, match="incomplete"):
        network_config(values)


def test_every_rate_with_even_frames_is_possible() -> None:
    for rate in (16000, 32000, 48000):
        wave = spoken(SourceFilter(replace(CONFIG, sample_rate=rate)), *said(torch.full((1, 20), 150.0)))
        assert len(wave) == 20 * rate // 100
        assert np.isfinite(wave).all()
