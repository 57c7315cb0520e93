"""so-vits-svc voices against numbers of an independent implementation, and their config.json."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from fixture_recipe import GENERATOR_RULES, fill, normal

from catalog.errors import BadModel, BadRequest
from infer import sovits
from infer.sovits import SoVitsSynthesizer, coarse, network_tensors, without_gaps
from infer.sovits_config import SoVitsConfig, read_config

REFERENCE = np.load(Path(__file__).parents[1] / "reference" / "sovits.npz")
FRAMES = 60
SIZES: dict[str, Any] = {
    "phone_dim": 20,
    "inter_channels": 16,
    "hidden_channels": 16,
    "filter_channels": 24,
    "n_layers": 2,
    "resblock_kernel_sizes": (3, 7),
    "resblock_dilation_sizes": ((1, 3, 5), (1, 3, 5)),
    "upsample_initial_channel": 64,
    "gin_channels": 12,
    "spk_embed_dim": 5,
}


def network(**changes: Any) -> SoVitsSynthesizer:
    made = SoVitsSynthesizer(SoVitsConfig(**(SIZES | changes))).eval()
    fill(made, GENERATOR_RULES)
    return made


def drawn(name: str, *shape: int) -> torch.Tensor:
    return torch.from_numpy(normal(name, shape).astype(np.float32))


@pytest.fixture
def overtone_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    start, real = drawn("start", 1, 1, 9).abs() % 1, torch.rand

    def rand(*shape: int, **options: Any) -> torch.Tensor:
        return start.clone() if math.prod(shape) == 9 else real(*shape, **options)

    monkeypatch.setattr(sovits.torch, "rand", rand)


@pytest.mark.usefixtures("overtone_starts")
@pytest.mark.parametrize(("key", "predict"), [("wave", False), ("wave_predicted", True)])
@pytest.mark.parametrize("folded", [False, True])
def test_it_says_what_the_independent_implementation_says(key: str, predict: bool, folded: bool) -> None:
    voice = network().fold_weight_norm() if folded else network()
    with torch.inference_mode():
        wave = voice.speak(
            drawn("content", 1, 20, FRAMES),
            150 + 60 * drawn("f0", 1, FRAMES).abs(),
            (drawn("voiced", 1, FRAMES) > -0.5).float(),
            torch.tensor([3]),
            predict_f0=predict,
            noise_z=drawn("noise z", 1, 16, FRAMES),
            noise_src=drawn("noise source", 1, FRAMES * 512, 9),
        )
    difference = np.abs(wave[0, ::4].numpy() - REFERENCE[key])
    assert difference[:500].max() < 1e-4
    # the other implementation sums its phase in single precision, which the ninth partial shows with time
    assert difference.max() < 5e-3


def test_the_two_contours_differ_so_that_the_comparison_means_something() -> None:
    assert np.abs(REFERENCE["wave"] - REFERENCE["wave_predicted"]).max() > 0.01


def test_at_a_hundred_frames_a_second_every_frame_gives_a_hundredth_of_a_second() -> None:
    voice = network()
    for frames in (1, 37, 100):
        with torch.inference_mode():
            wave = voice.infer(
                drawn("phone", 1, frames, 20), torch.tensor([frames]), None, torch.full((1, frames), 220.0),
                torch.tensor([0]), noise_z=drawn("z", 1, 16, frames), noise_src=drawn("n", 1, frames * 441, 1),
            )  # fmt: skip
        assert wave.shape == (1, frames * 441)
        assert torch.isfinite(wave).all()


def test_a_voice_of_4_1_hears_how_loud_the_input_is() -> None:
    voice = network(volume=True)
    quiet, loud = (say(voice, torch.full((1, 20), level)) for level in (0.01, 0.5))
    assert (quiet - loud).abs().max() > 1e-3
    with pytest.raises(ValueError, match="loudness"):
        say(voice, None)


def say(voice: SoVitsSynthesizer, volume: torch.Tensor | None) -> torch.Tensor:
    torch.manual_seed(0)
    with torch.inference_mode():
        return voice.infer(
            drawn("phone", 1, 20, 20), torch.tensor([20]), None, torch.full((1, 20), 220.0), torch.tensor([0]),
            noise_z=drawn("z", 1, 16, 20), noise_src=drawn("n", 1, 20 * 441, 1), volume=volume,
        )  # fmt: skip


def test_a_voice_trained_without_a_contour_of_its_own_says_so() -> None:
    voice = network(predicts_f0=False)
    assert voice.f0_decoder is None
    with pytest.raises(BadModel, match="without a prediction of f0"), torch.inference_mode():
        voice.infer(drawn("p", 1, 9, 20), torch.tensor([9]), None, torch.full((1, 9), 99.0), torch.tensor([0]),
                    predict_f0=True)  # fmt: skip


def test_gaps_of_f0_are_bridged_by_straight_lines_and_the_ends_held() -> None:
    whole, voiced = without_gaps(torch.tensor([[0.0, 100.0, 0.0, 0.0, 160.0, 0.0]]))
    assert torch.allclose(whole, torch.tensor([[100.0, 100.0, 120.0, 140.0, 160.0, 160.0]]))
    assert voiced.tolist() == [[0, 1, 0, 0, 1, 0]]
    assert without_gaps(torch.zeros(1, 3))[0].tolist() == [[0, 0, 0]]


def test_coarse_pitch_stays_in_its_table() -> None:
    assert coarse(torch.tensor([0.0, 50.0, 1100.0, 9000.0])).tolist() == [1, 1, 255, 255]


def test_training_only_and_doubled_tensors_fall_away() -> None:
    given = {name: torch.zeros(1) for name in ("enc_q.pre.weight", "flow.wn.cond_layer.bias", "emb_g.weight")}
    assert list(network_tensors(given)) == ["emb_g.weight"]


def config_json(**model: Any) -> dict[str, Any]:
    sizes = SoVitsConfig(**SIZES).to_dict() | {"n_speakers": 5, "ssl_dim": 256, "resblock": "1"}
    wanted = {key: value for key, value in sizes.items() if key not in ("sample_rate", "frame_hop", "phone_dim")}
    return {
        "model": wanted | model,
        "data": {"sampling_rate": 44100, "hop_length": 512},
        "spk": {"alto": 0, "tenor": 1},
    }


def written(path: Path, content: Any) -> Path:
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


def test_a_config_of_4_0_is_read_with_its_speakers(tmp_path: Path) -> None:
    found = read_config(written(tmp_path / "config.json", config_json()))
    assert found.encoder == "contentvec-256"
    assert found.speakers == {"alto": 0, "tenor": 1}
    assert (found.config.hop, found.config.frame_hop, found.config.volume) == (441, 512, False)
    assert SoVitsConfig.from_dict(json.loads(json.dumps(found.config.to_dict()))) == found.config


def test_a_config_of_4_1_names_its_encoder_and_its_loudness(tmp_path: Path) -> None:
    model = {"speech_encoder": "vec768l12", "ssl_dim": 768, "vol_embedding": True, "n_flow_layer": 3,
             "use_automatic_f0_prediction": False}  # fmt: skip
    found = read_config(written(tmp_path / "config.json", config_json(**model)))
    assert (found.encoder, found.config.phone_dim) == ("contentvec", 768)
    assert (found.config.volume, found.config.flow_layers, found.config.predicts_f0) == (True, 3, False)


@pytest.mark.parametrize(
    ("model", "words"),
    [
        ({"vocoder_name": "nsf-snake-hifigan"}, "nsf-snake-hifigan"),
        ({"type_": "ms-istft"}, "ms-istft"),
        ({"use_transformer_flow": True}, "transformer flow"),
        ({"use_depthwise_conv": True}, "depthwise"),
        ({"resblock": "2"}, "kind 2"),
        ({"speech_encoder": "whisper-ppg"}, "whisper-ppg"),
        ({"speech_encoder": "vec768l12"}, "256 numbers"),
        ({"hidden_channels": 10**9}, "hidden_channels"),
        ({"n_heads": 3}, "heads"),
        ({"upsample_rates": [8, 8, 2, 2]}, "hop"),
        ({"upsample_kernel_sizes": [16, 16, 4, 4, 5]}, "kernel"),
        ({"upsample_kernel_sizes": [16, 16, 4, 4, "4"]}, "something else"),
        ({"resblock_kernel_sizes": [3]}, "different number"),
        ({"resblock_kernel_sizes": [3] * 99}, "more than 8"),
        ({"n_speakers": True}, "spk_embed_dim"),
    ],
)
def test_a_variant_that_cannot_be_built_is_refused_in_words(tmp_path: Path, model: dict[str, Any], words: str) -> None:
    with pytest.raises(BadModel, match=words):
        read_config(written(tmp_path / "config.json", config_json(**model)))


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", '{"model": 1, "data": 2}', "[" * 20000, '{"model": {}, "data": {}}']
)
def test_a_file_that_is_no_config_is_refused(tmp_path: Path, content: str) -> None:
    with pytest.raises(BadModel, match=r"config\.json"):
        read_config(written(tmp_path / "config.json", content))


def test_speakers_that_are_no_table_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadModel, match="speakers"):
        read_config(written(tmp_path / "config.json", config_json() | {"spk": {"alto": "zero"}}))
    with pytest.raises(BadRequest, match="no file"):
        read_config(tmp_path / "absent.json")
