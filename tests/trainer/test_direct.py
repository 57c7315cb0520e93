"""The step along the path of a conversion."""

from __future__ import annotations

import pytest
import torch

from infer.synthesizer import Synthesizer, SynthesizerConfig
from trainer.direct import NOISE_SCALE, speak_slices, stft_loss
from trainer.step import Batch


@pytest.fixture
def network() -> Synthesizer:
    torch.manual_seed(0)
    return Synthesizer(
        SynthesizerConfig(
            sample_rate=24000,
            spec_channels=65,
            upsample_rates=(10, 6, 4),
            upsample_kernel_sizes=(20, 12, 8),
            inter_channels=8,
            hidden_channels=8,
            filter_channels=16,
            n_layers=1,
            resblock_kernel_sizes=(3,),
            resblock_dilation_sizes=((1,),),
            upsample_initial_channel=16,
            spk_embed_dim=2,
            gin_channels=4,
            phone_dim=4,
            posterior_layers=2,
        )
    ).eval()


def test_a_slice_of_the_whole_is_what_a_conversion_says(network, monkeypatch):
    frames = 20
    batch = Batch(
        phone=torch.randn(1, frames, 4),
        phone_lengths=torch.tensor([frames]),
        pitch=torch.full((1, frames), 60),
        f0=torch.zeros(1, frames),
        spec=torch.rand(1, 65, frames),
        spec_lengths=torch.tensor([frames]),
        wave=torch.zeros(1, 1, frames * 240),
        sid=torch.tensor([1]),
    )
    noise = torch.randn(1, 8, frames)
    source = torch.randn(1, frames * 240, 1)
    monkeypatch.setattr(torch, "randn_like", lambda _: noise)
    monkeypatch.setattr(torch, "randn", lambda *_, **__: source.squeeze(-1))
    spoken = speak_slices(network, batch, torch.tensor([0]), frames)
    converted = network.infer(
        batch.phone, batch.phone_lengths, batch.pitch, batch.f0, batch.sid,
        noise_z=noise, noise_src=source, noise_scale=NOISE_SCALE,
    )  # fmt: skip
    assert torch.allclose(spoken.squeeze(1), converted, atol=1e-6)


def test_the_stft_loss_is_zero_for_equal_waves_and_grows_with_the_difference():
    wave = torch.randn(2, 4096)
    near, far = wave + 0.1 * torch.randn_like(wave), wave + torch.randn_like(wave)
    assert stft_loss(wave, wave) == 0
    assert 0 < stft_loss(wave, near) < stft_loss(wave, far)


def test_the_stft_loss_sees_a_change_of_level():
    wave = torch.randn(1, 4096)
    assert stft_loss(wave, 0.5 * wave) == pytest.approx(0.5 + 0.693, abs=0.02)
