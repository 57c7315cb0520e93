"""Reading weights files: good ones round trip, bad and hostile ones are refused in one line and never run."""

from __future__ import annotations

import os
import pickle
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from catalog.errors import BadModel
from infer.source_filter import SourceFilter, SourceFilterConfig
from infer.synthesizer import Synthesizer, SynthesizerConfig, published_config
from infer.weights import (
    VoiceFile,
    build,
    read_base,
    read_pth,
    read_safetensors,
    write_pth,
    write_safetensors,
)


def tiny(**changes: Any) -> SynthesizerConfig:
    sizes: dict[str, Any] = {
        "inter_channels": 8, "hidden_channels": 8, "filter_channels": 16, "n_layers": 1,
        "upsample_initial_channel": 16, "spk_embed_dim": 2, "gin_channels": 4,
    }  # fmt: skip
    return replace(published_config("v2", "40k"), **{**sizes, **changes})


@pytest.fixture
def content() -> dict[str, Any]:
    """What a distributed file holds, as RVC writes it."""
    torch.manual_seed(0)
    network = Synthesizer(tiny(), posterior=False)
    weight = OrderedDict((key, value.half()) for key, value in network.state_dict().items())
    return {
        "weight": weight, "config": tiny().to_list(), "info": "20epoch", "sr": "40k", "f0": 1, "version": "v2",
    }  # fmt: skip


@pytest.fixture
def saved(tmp_path: Path) -> Callable[[Any], Path]:
    def save(value: Any) -> Path:
        path = tmp_path / "voice.pth"
        torch.save(value, path)
        return path

    return save


def refusal(path: Path, read: Callable[[Path], object] = read_pth) -> str:
    with pytest.raises(BadModel) as caught:
        read(path)
    message = str(caught.value)
    assert "\n" not in message
    assert path.name in message
    return message


def run(network: Synthesizer) -> torch.Tensor:
    frames, config = 6, network.config
    with torch.inference_mode():
        return network.infer(
            torch.ones(1, frames, config.phone_dim), torch.tensor([frames]), torch.full((1, frames), 60),
            torch.full((1, frames), 200.0), torch.tensor([0]), generator=torch.Generator().manual_seed(0),
        )  # fmt: skip


def test_a_published_layout_is_read(content: dict[str, Any], saved: Callable[[Any], Path]) -> None:
    file = read_pth(saved({**content, "author": "someone", "epoch": 20}))
    assert file.config == tiny()
    assert file.version == "v2"
    assert file.info == "20epoch"
    assert file.extras == {"author": "someone", "epoch": 20}
    assert all(tensor.dtype == torch.float32 for tensor in file.tensors.values())
    assert set(file.tensors) == set(content["weight"])


def test_the_speaker_count_of_the_tensor_beats_the_one_of_the_config(
    content: dict[str, Any], saved: Callable[[Any], Path]
) -> None:
    content["config"][-3] = 109
    assert read_pth(saved(content)).config.spk_embed_dim == 2


def test_new_weight_norm_names_are_read_as_the_old_ones(content: dict[str, Any], saved: Callable[[Any], Path]) -> None:
    renamed = {
        key.replace(".weight_g", ".parametrizations.weight.original0").replace(
            ".weight_v", ".parametrizations.weight.original1"
        ): value
        for key, value in content["weight"].items()
    }
    assert renamed.keys() != content["weight"].keys()
    assert set(read_pth(saved({**content, "weight": renamed})).tensors) == set(content["weight"])


def test_posterior_weights_in_a_file_are_left_out(content: dict[str, Any], saved: Callable[[Any], Path]) -> None:
    content["weight"]["enc_q.pre.weight"] = torch.zeros(3)
    assert not any(key.startswith("enc_q") for key in read_pth(saved(content)).tensors)


@pytest.mark.parametrize("changes", [{"f0": False}, {"phone_dim": 256}])
def test_voices_without_f0_and_of_v1_round_trip(tmp_path: Path, changes: dict[str, Any]) -> None:
    network = Synthesizer(tiny(**changes))
    version = "v1" if "phone_dim" in changes else "v2"
    path = tmp_path / "voice.pth"
    write_pth(path, network, version=version, info="3epoch", extras={"author": "x", "config": "kept out"})
    file = read_pth(path)
    assert file.config == network.config
    assert file.version == version
    assert file.extras == {"author": "x"}


def test_a_written_pth_is_what_rvc_expects(tmp_path: Path) -> None:
    path = tmp_path / "voice.pth"
    write_pth(path, Synthesizer(tiny()), version="v2")
    content = torch.load(path, weights_only=True)
    assert len(content["config"]) == 18
    assert content["config"][-1] == 40000
    assert content["sr"] == "40k"
    assert content["f0"] == 1
    assert all(tensor.dtype == torch.float16 for tensor in content["weight"].values())
    assert not any(key.startswith("enc_q") for key in content["weight"])
    assert "dec.ups.0.weight_g" in content["weight"]
    assert os.listdir(tmp_path) == ["voice.pth"]


def test_safetensors_round_trip_exactly(tmp_path: Path) -> None:
    config = tiny(phone_dim=128)
    network = Synthesizer(config).eval()
    path = tmp_path / "model.safetensors"
    write_safetensors(path, network, half=False)
    file = read_safetensors(path)
    assert file.config == config
    assert torch.equal(run(build(file)), run(network))
    again = tmp_path / "again.safetensors"
    write_safetensors(again, VoiceFile(file.config, file.tensors, "v2", "7epoch", {"epoch": 7}))
    assert read_safetensors(again).extras == {"epoch": 7}
    assert again.stat().st_size < 0.65 * path.stat().st_size


def test_a_built_voice_needs_no_gradient_and_runs_folded(content: dict[str, Any], saved: Callable[[Any], Path]) -> None:
    network = build(read_pth(saved(content)))
    assert not network.training
    assert not any(part.requires_grad for part in network.parameters())
    before = run(network)
    torch.testing.assert_close(run(network.fold_weight_norm()), before, atol=1e-5, rtol=0)


class Malicious:
    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> Any:
        return os.system, (f"touch {self.mark}",)


def test_code_in_a_file_is_refused_and_never_runs(
    tmp_path: Path, content: dict[str, Any], saved: Callable[[Any], Path]
) -> None:
    mark = tmp_path / "it-ran"
    message = refusal(saved({**content, "info": Malicious(mark)}))
    assert "system" in message
    assert "refused" in message
    assert not mark.exists()


def test_a_bare_malicious_pickle_is_refused_and_never_runs(tmp_path: Path) -> None:
    mark, path = tmp_path / "it-ran", tmp_path / "voice.pth"
    path.write_bytes(pickle.dumps(Malicious(mark)))
    refusal(path)
    assert not mark.exists()


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.999])
def test_a_cut_off_file_is_refused(content: dict[str, Any], saved: Callable[[Any], Path], share: float) -> None:
    path = saved(content)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])
    assert "cut off" in refusal(path)


def test_text_nothing_and_an_absent_file_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "voice.pth"
    path.write_text("<html>404 not found</html>")
    refusal(path)
    path.write_bytes(b"")
    refusal(path)
    path.unlink()
    assert "no file" in refusal(path)


def test_a_compressed_archive_is_refused_before_it_unpacks(
    tmp_path: Path, content: dict[str, Any], saved: Callable[[Any], Path]
) -> None:
    path, packed = saved(content), tmp_path / "packed.pth"
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as target:
        for entry in source.infolist():
            target.writestr(entry.filename, source.read(entry))
    assert "compressed" in refusal(packed)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda weight: weight.pop("dec.conv_pre.weight"), "lack dec.conv_pre.weight"),
        (lambda weight: weight.pop("emb_g.weight"), "emb_g.weight"),
        (lambda weight: weight.update({"dec.conv_pre.weight": torch.zeros(2, 2)}), "2×2 and should be"),
        (lambda weight: weight.update({"dec.extra": torch.zeros(1)}), "dec.extra"),
        (lambda weight: weight["flow.flows.0.pre.bias"].fill_(float("nan")), "NaN"),
        (lambda weight: weight["dec.cond.bias"].fill_(float("inf")), "infinite"),
        (lambda weight: weight.update({"dec.cond.bias": torch.zeros(16, dtype=torch.int64)}), "int64"),
        (lambda weight: weight.update({"dec.cond.bias": "text"}), "not a named tensor"),
        (lambda weight: weight.update({7: torch.zeros(1)}), "not a named tensor"),
        (
            lambda weight: weight.update({"dec.cond.weight": torch.zeros(1).expand(16, 4, 10**12)}),
            "should be 16×4×1",
        ),
    ],
)
def test_weights_that_do_not_fit_are_refused_naming_the_tensor(
    content: dict[str, Any], saved: Callable[[Any], Path], change: Callable[[Any], object], words: str
) -> None:
    change(content["weight"])
    assert words in refusal(saved(content))


def test_an_absurd_config_is_refused_without_building_it(content: dict[str, Any], saved: Callable[[Any], Path]) -> None:
    content["config"][2] = 10**9
    assert "inter_channels" in refusal(saved(content))
    content["config"] = [1, 2, 3]
    assert "list of 18" in refusal(saved(content))


def test_a_version_that_contradicts_the_features_is_refused(
    content: dict[str, Any], saved: Callable[[Any], Path]
) -> None:
    assert "768" in refusal(saved({**content, "version": "v1"}))


@pytest.mark.parametrize(("phone_dim", "version"), [(256, "v1"), (768, "v2")])
def test_a_file_without_a_version_is_known_by_its_features(
    saved: Callable[[Any], Path], phone_dim: int, version: str
) -> None:
    network = Synthesizer(tiny(phone_dim=phone_dim), posterior=False)
    file = read_pth(saved({"weight": network.state_dict(), "config": network.config.to_list()}))
    assert (file.version, file.config.phone_dim, file.config.f0) == (version, phone_dim, True)


def test_another_vocoder_is_refused_by_name(content: dict[str, Any], saved: Callable[[Any], Path]) -> None:
    assert "RefineGAN" in refusal(saved({**content, "vocoder": "RefineGAN"}))
    assert read_pth(saved({**content, "vocoder": "HiFi-GAN"})).extras["vocoder"] == "HiFi-GAN"


def test_a_training_checkpoint_is_named_as_such_and_read_as_a_base(saved: Callable[[Any], Path]) -> None:
    network = Synthesizer(tiny())
    path = saved({"model": network.state_dict(), "iteration": 3, "optimizer": {}, "learning_rate": 1e-4})
    assert "training checkpoint" in refusal(path)
    tensors = read_base(path, tiny())
    assert torch.equal(tensors["enc_q.proj.weight"], network.state_dict()["enc_q.proj.weight"])
    assert "should be" in refusal(path, lambda path: read_base(path, tiny(gin_channels=8)))


def test_damaged_safetensors_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    write_safetensors(path, Synthesizer(tiny()))
    whole = path.read_bytes()
    for damaged in (whole[: len(whole) // 2], b"", b"\xff" * 64, b"text"):
        path.write_bytes(damaged)
        refusal(path, read_safetensors)
    path.write_bytes(whole.replace(b'\\"inter_channels\\": 8', b'\\"inter_channels\\": 6'))
    refusal(path, read_safetensors)


def test_a_source_filter_voice_travels_as_safetensors(tmp_path: Path) -> None:
    network = SourceFilter(SourceFilterConfig(24000, phone_dim=8, width=8, layers=1, bands=8, gin_channels=4))
    path = tmp_path / "model.safetensors"
    write_safetensors(path, network, half=False)
    found = build(read_safetensors(path))
    assert isinstance(found, SourceFilter)
    assert found.config == network.config
    assert all(torch.equal(value, network.state_dict()[name]) for name, value in found.state_dict().items())
    said = torch.randn(1, 10, 8), torch.full((1, 10), 150.0), torch.zeros(1, 10), torch.tensor([0])
    noise = torch.randn(1, 2400)
    assert torch.equal(found.infer(*said, noise=noise), network.infer(*said, noise=noise))


def test_a_source_filter_file_of_other_sizes_than_it_claims_is_refused(tmp_path: Path) -> None:
    network = SourceFilter(SourceFilterConfig(24000, phone_dim=8, width=8, layers=1, bands=8, gin_channels=4))
    path = tmp_path / "model.safetensors"
    write_safetensors(path, network)
    path.write_bytes(path.read_bytes().replace(b'\\"bands\\": 8', b'\\"bands\\": 9'))
    assert "proj" in refusal(path, read_safetensors)
