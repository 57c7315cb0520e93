from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from toy_voice import publish_small, publish_toy, sung

from catalog import registry
from catalog.audio import resample
from catalog.errors import BadRequest
from catalog.library import Library
from infer import live as module
from infer.live import LONGEST_CONTEXT_S, LiveSettings, LiveVoice, best_shift, looks_back
from infer.options import ConvertOptions
from infer.voice import Voice, load_voice

RATE = 32000
OPTIONS = ConvertOptions(f0_method="swift")


@pytest.fixture
def voice(library: Library) -> Voice:
    publish_toy(library)
    return load_voice(registry.load(library, "toy"), library.weights, "cpu")


def streamed(live: LiveVoice, wave: NDArray[np.float32]) -> NDArray[np.float32]:
    whole = len(wave) // live.block * live.block
    return np.concatenate([live.process(block) for block in wave[:whole].reshape(-1, live.block)])


def test_what_goes_through_unchanged_comes_out_unchanged_the_stated_time_later(
    voice: Voice, monkeypatch: pytest.MonkeyPatch
) -> None:
    def untouched(voice: Voice, piece: Any, options: Any, noise: Any, *, span: tuple[int, int]) -> NDArray[np.float32]:
        wave = resample(piece.audio, 16000, voice.sample_rate)
        hop = voice.synthesizer.config.hop
        return wave[span[0] * hop : span[1] * hop]

    monkeypatch.setattr(module, "speak", untouched)
    live = LiveVoice(voice, OPTIONS, RATE, LiveSettings(block_s=0.2))
    wave = np.convolve(np.random.default_rng(0).standard_normal(3 * RATE), np.ones(40) / 40, "same").astype(np.float32)
    heard = streamed(live, wave * 0.3)
    late = round(live.settings.delay_s * RATE)
    found = [
        np.corrcoef(heard[RATE : 2 * RATE], 0.3 * wave[RATE - late + off : 2 * RATE - late + off])[0, 1]
        for off in range(-2, round(0.012 * RATE))
    ]
    assert max(found) > 0.99


def test_no_more_is_heard_again_than_can_change_what_is_said(
    library: Library, voice: Voice, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish_small(library)
    small = load_voice(registry.load(library, "small"), library.weights, "cpu")
    assert looks_back(small) < LONGEST_CONTEXT_S
    assert looks_back(voice) == LONGEST_CONTEXT_S, "attention has no end"
    monkeypatch.setattr(module.f0s, "estimate", lambda wave, method: np.full(len(wave) // 160, 150.0))
    # whole frames of the encoder more, so that both hear the same ones
    contexts = (None, looks_back(small) + 0.4)
    settings = [LiveSettings(block_s=0.2, context_s=context) for context in contexts]
    heard = [streamed(LiveVoice(small, OPTIONS, RATE, each), sung(2.0, rate=RATE)) for each in settings]
    assert np.abs(heard[0]).max() > 0.01
    assert np.abs(heard[0] - heard[1]).max() < 1e-3 * np.abs(heard[0]).max()
    shorter = LiveSettings(block_s=0.2, context_s=looks_back(small) - 0.4)
    other = streamed(LiveVoice(small, OPTIONS, RATE, shorter), sung(2.0, rate=RATE))
    assert np.abs(other - heard[1]).max() > 1e-2 * np.abs(heard[0]).max()


def test_a_block_gives_as_many_samples_and_the_same_stream_the_same_sound(voice: Voice) -> None:
    wave = sung(1.2, rate=RATE)
    first, again = (streamed(LiveVoice(voice, OPTIONS, RATE), wave) for _ in range(2))
    assert len(first) == len(wave) // 8000 * 8000
    assert np.array_equal(first, again)
    assert np.isfinite(first).all()
    assert np.abs(first).max() <= 1


def test_late_blocks_are_counted_by_the_clock(voice: Voice) -> None:
    ticks = iter([0.0, 0.1, 1.0, 1.9, 2.0, 2.2])
    live = LiveVoice(voice, OPTIONS, RATE, LiveSettings(block_s=0.25), clock=lambda: next(ticks))
    streamed(live, sung(0.75, rate=RATE))
    assert (live.figures.blocks, live.figures.late) == (3, 1)
    assert live.figures.quantile(0.5) == pytest.approx(0.2)
    assert live.figures.quantile(1.0) == pytest.approx(0.9)


def test_the_best_place_to_join_is_where_the_sounds_agree() -> None:
    wave = np.random.default_rng(1).standard_normal(500).astype(np.float32)
    assert best_shift(wave[37:137], wave, 60) == 37
    assert best_shift(np.zeros(100, np.float32), wave, 60) == 0


def test_settings_that_cannot_be_are_refused(voice: Voice, tmp_path: Path) -> None:
    with pytest.raises(BadRequest, match="block 10 ms"):
        LiveSettings(block_s=0.01)
    with pytest.raises(BadRequest, match="transpose auto"):
        LiveVoice(voice, ConvertOptions(transpose="auto"), RATE)
    with pytest.raises(ValueError, match="a block is 8000"):
        LiveVoice(voice, OPTIONS, RATE).process(np.zeros(3, np.float32))
