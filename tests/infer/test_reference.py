"""The conversion against numbers made with RVC of 2024 on the same inputs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from fixture_recipe import GENERATOR_RULES, parameter
from fixture_voice import recorded, stand_in
from numpy.typing import NDArray

from infer import f0
from infer.convert import Conversion
from infer.cuts import Chunking
from infer.highpass import highpass
from infer.options import ConvertOptions
from infer.rmvpe import log_mel
from infer.synthesizer import Synthesizer, published_config
from infer.track import Track
from infer.voice import Voice

REFERENCE = np.load(Path(__file__).parents[1] / "reference" / "conversion.npz")


@pytest.mark.parametrize("method", ["harvest", "dio", "pm"])
def test_f0_is_the_references(method: str) -> None:
    pytest.importorskip(f0.F0_METHODS[method].package)
    found = f0.estimate(recorded(4, 3), method)
    assert np.abs(found - REFERENCE[f"f0_{method}"]).max() < 1e-6


def test_f0_of_filtered_and_mirrored_audio_is_the_references() -> None:
    audio = np.pad(highpass(recorded(4, 3)), 16000, mode="reflect")
    found = f0.smooth(f0.estimate(audio, "harvest"), "harvest", 3)
    assert np.abs(found - REFERENCE["f0_harvest_padded"]).max() < 1e-5


def test_a_drawn_contour_lies_where_the_reference_puts_it() -> None:
    pytest.importorskip("parselmouth")
    audio = np.pad(highpass(recorded(4, 3)), 16000, mode="reflect")
    points = np.array([[0.5, 200], [1.0, 300], [2.25, 250]])
    found = f0.override(f0.estimate(audio, "pm"), points, 100)
    assert np.abs(found - REFERENCE["f0_drawn"]).max() < 1e-5


def test_coarse_pitch_is_the_references() -> None:
    assert np.array_equal(f0.coarse(REFERENCE["coarse_f0"]), REFERENCE["coarse"])


def test_the_mel_of_rmvpe_is_the_references() -> None:
    found = log_mel(torch.from_numpy(recorded(1.5, 4))).numpy()
    assert np.abs(found[::4, ::3] - REFERENCE["mel"]).max() < 1e-3


class StandIn:
    """A content encoder that needs no weights."""

    name, version, dim = "stand-in", "1", 768

    def measure(self, audio: Any) -> None:
        return None

    def encode(self, audio: NDArray[np.float32], statistics: Any = None) -> NDArray[np.float32]:
        return stand_in(audio)


def reference_voice() -> Voice:
    config = replace(
        published_config("v2", "40k"),
        inter_channels=32,
        hidden_channels=32,
        filter_channels=64,
        n_layers=2,
        upsample_initial_channel=64,
        spk_embed_dim=4,
        gin_channels=64,
    )
    network = Synthesizer(config, posterior=False)
    tensors = {
        # published files hold half precision
        name: torch.from_numpy(parameter(name, tuple(value.shape), GENERATOR_RULES).astype(np.float16)).float()
        for name, value in network.state_dict().items()
    }
    network.load_state_dict(tensors)
    return Voice(network.fold_weight_norm().eval(), StandIn())


def test_twenty_seconds_through_the_whole_conversion_are_the_references(tmp_path: Path) -> None:
    """Cut in four, f0 by harvest, four semitones up, the input's loudness, resampled from 40 to 48 kHz."""
    options = ConvertOptions.classic(
        transpose=4, f0_method="harvest", index_rate=0, protect=0.5, rms_mix=0, resample=48000, speaker=1
    )
    drawn = iter(range(1000, 2000))

    def noise(shape: tuple[int, ...]) -> NDArray[np.float32]:
        return np.random.RandomState(next(drawn)).standard_normal(shape).astype(np.float32)

    source = Track(tmp_path / "source")
    source.append(recorded(20, 11))
    conversion = Conversion(
        reference_voice(),
        options,
        tmp_path,
        chunking=Chunking(1, 2, 6, 8),
        draw=noise,
        keep_length=False,
        limit_volume=False,
    )
    track, rate = conversion.run(source)
    wave = track.read(0, len(track))
    assert (len(track), rate) == (int(REFERENCE["wave_length"]), 48000)
    assert np.abs(wave[::32] * 32768 - REFERENCE["wave"]).max() < 4
