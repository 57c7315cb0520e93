from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from catalog.errors import BadModel
from infer import rmvpe


def test_decoding_finds_the_centre_of_a_peak_within_a_cent() -> None:
    wanted = np.array([80.0, 220.0, 700.0])
    classes = (1200 * np.log2(wanted / 10) - rmvpe.FIRST_CENTS) / 20
    salience = np.exp(-0.5 * ((np.arange(rmvpe.CLASSES) - classes[:, None]) / 1.2) ** 2)
    assert np.abs(1200 * np.log2(rmvpe.decode(salience) / wanted)).max() < 1


def test_weak_salience_is_unvoiced() -> None:
    salience = np.full((3, rmvpe.CLASSES), 0.02)
    salience[1, 100] = 0.5
    assert (rmvpe.decode(salience) > 0).tolist() == [False, True, False]


def test_a_peak_at_either_end_of_the_range_decodes() -> None:
    salience = np.zeros((2, rmvpe.CLASSES))
    salience[0, 0] = salience[1, -1] = 1
    assert np.allclose(rmvpe.decode(salience), 10 * 2 ** ((rmvpe.FIRST_CENTS + np.array([0, 20 * 359])) / 1200))


def test_the_mel_of_a_tone_peaks_at_its_band() -> None:
    tone = torch.sin(2 * np.pi * 1000 * torch.arange(16000) / 16000)
    mel = rmvpe.log_mel(tone)
    assert mel.shape == (128, 101)
    to_mel = lambda hz: 2595 * np.log10(1 + hz / 700)  # noqa: E731
    share = (to_mel(1000) - to_mel(30)) / (to_mel(8000) - to_mel(30))
    assert abs(int(mel[:, 50].argmax()) - (share * 129 - 1)) <= 1


def test_the_network_keeps_the_number_of_frames_and_the_published_size() -> None:
    with torch.device("meta"):
        shapes = rmvpe.Rmvpe().state_dict()
    # one zero seen in every shape: no 360 MB of weights are needed to run the graph
    network = rmvpe.network(
        {name: torch.zeros((), dtype=value.dtype).expand(value.shape) for name, value in shapes.items()}
    )
    with torch.inference_mode():
        salience = network(torch.zeros(1, 128, 35))
    assert salience.shape == (1, 35, 360)
    assert torch.equal(salience, torch.full_like(salience, 0.5))
    assert sum(value.numel() for value in network.parameters()) == 90_423_165
    assert shapes["unet.encoder.layers.4.conv.3.conv.4.running_var"].shape == (256,)
    assert shapes["fc.0.gru.weight_ih_l0_reverse"].shape == (768, 384)


def test_weights_of_something_else_are_refused() -> None:
    with pytest.raises(BadModel, match="not RMVPE"):
        rmvpe.network({"a": torch.zeros(1)})


def test_a_file_that_is_no_weights_is_refused_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "rmvpe.pt"
    path.write_bytes(b"not weights")
    with pytest.raises(BadModel, match=r"rmvpe\.pt is damaged") as error:
        rmvpe.load(path, "cpu")
    assert "\n" not in str(error.value)
