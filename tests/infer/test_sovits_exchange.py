"""so-vits-svc files into the registry, and from there through a conversion."""

from __future__ import annotations

import json
import os
import pickle
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import faiss
import numpy as np
import pytest
import torch
from fixture_recipe import GENERATOR_RULES, fill
from fixture_voice import recorded
from numpy.typing import NDArray

from catalog import registry
from catalog.errors import BadModel, BadRequest
from catalog.library import Library
from infer.content_encoder import Statistics
from infer.convert import Conversion
from infer.options import ConvertOptions
from infer.refiner import Refiner
from infer.refiner_config import RefinerConfig
from infer.retrieval import build_index, open_index
from infer.sovits import SoVitsSynthesizer
from infer.sovits_config import SoVitsConfig
from infer.sovits_exchange import import_sovits
from infer.track import Track
from infer.voice import Voice
from infer.weights import build, read_safetensors

SIZES = SoVitsConfig(
    phone_dim=256, inter_channels=8, hidden_channels=8, filter_channels=16, n_layers=1, upsample_initial_channel=32,
    gin_channels=4, spk_embed_dim=2, volume=True,
)  # fmt: skip


@dataclass(frozen=True)
class Files:
    weights: Path
    config: Path
    clusters: Path


@pytest.fixture
def files(tmp_path: Path) -> Files:
    network = SoVitsSynthesizer(SIZES)
    fill(network, GENERATOR_RULES)
    state = network.state_dict() | {"enc_q.pre.weight": torch.zeros(3)}
    found = Files(tmp_path / "G_800.pth", tmp_path / "config.json", tmp_path / "kmeans.pt")
    torch.save({"model": state, "iteration": 800, "optimizer": None, "learning_rate": 1e-4}, found.weights)
    sizes = {key: value for key, value in SIZES.to_dict().items() if key not in ("sample_rate", "frame_hop")}
    model = sizes | {"n_speakers": 2, "ssl_dim": 256, "vol_embedding": True, "speech_encoder": "vec256l9"}
    document = {"model": model, "data": {"sampling_rate": 44100, "hop_length": 512}, "spk": {"alto": 0, "bass": 1}}
    found.config.write_text(json.dumps(document))
    centres = np.random.default_rng(0).standard_normal((20, 256)).astype(np.float32)
    table = {"n_features_in_": 256, "_n_threads": 4, "cluster_centers_": centres}
    torch.save({"alto": table}, found.clusters)
    return found


def test_a_voice_comes_in_with_its_speakers_and_exact_weights(library: Library, files: Files) -> None:
    card = import_sovits(library, files.weights, files.config, name="pair")
    assert (card["sample_rate"], card["encoder"]["name"]) == (44100, "contentvec-256")
    assert card["speakers"] == ["alto", "bass"]
    network = build(read_safetensors(registry.load(library, "pair").weights))
    assert isinstance(network, SoVitsSynthesizer)
    given = torch.load(files.weights, weights_only=True)["model"]
    held = network.state_dict()
    assert set(held) == set(given) - {"enc_q.pre.weight"}
    assert all(torch.equal(held[name], given[name].half().float()) for name in held)


def test_clusters_become_retrieval_of_the_nearest_centre(library: Library, files: Files) -> None:
    card = import_sovits(library, files.weights, files.config, name="pair", clusters=files.clusters)
    entry = registry.load(library, "pair")
    assert card["retrieval"] == {"neighbours": 1}
    file = entry.file("index.faiss")
    assert file is not None
    index = open_index(file, neighbours=1)
    centres = torch.load(files.clusters, weights_only=False)["alto"]["cluster_centers_"]
    queries = centres[[3, 7]] + 0.01
    assert np.allclose(index.blend(queries, 1.0), centres[[3, 7]], atol=1e-6)
    assert np.allclose(index.blend(queries, 0.5), centres[[3, 7]] + 0.005, atol=1e-6)


def test_an_index_of_features_becomes_retrieval_of_eight(library: Library, files: Files, tmp_path: Path) -> None:
    rows = np.random.default_rng(0).standard_normal((300, 256)).astype(np.float32)
    path = tmp_path / "feature_and_index.pkl"
    build_index(rows, tmp_path / "own.index")
    path.write_bytes(pickle.dumps({0: faiss.read_index(str(tmp_path / "own.index"))}))
    card = import_sovits(library, files.weights, files.config, name="pair", index=path)
    assert card["retrieval"] is None
    file = registry.load(library, "pair").file("index.faiss")
    assert file is not None
    index = open_index(file)
    assert (index.rows, index.neighbours) == (300, 8)
    assert np.allclose(index.blend(rows[[3, 7]], 1.0), rows[[3, 7]])
    with pytest.raises(BadRequest, match="not both"):
        import_sovits(library, files.weights, files.config, name="two", index=path, clusters=files.clusters)
    path.write_bytes(pickle.dumps({0: faiss.IndexFlatL2(7)}))
    with pytest.raises(BadModel, match="7 numbers"):
        import_sovits(library, files.weights, files.config, name="other", index=path)
    assert [model["name"] for model in registry.list_models(library)] == ["pair"]


@dataclass(frozen=True)
class Plain:
    name: str = "contentvec-256"
    version: str = "1"
    dim: int = 256

    def measure(self, audio: NDArray[np.float32]) -> Statistics | None:
        return None

    def encode(self, audio: NDArray[np.float32], statistics: Statistics | None = None) -> NDArray[np.float32]:
        frames = (len(audio) - 400) // 320 + 1
        return np.random.default_rng(0).standard_normal((frames, 256)).astype(np.float32)


@pytest.mark.parametrize("predict", [False, True])
def test_the_conversion_speaks_it_at_the_inputs_length(
    library: Library, files: Files, tmp_path: Path, predict: bool
) -> None:
    import_sovits(library, files.weights, files.config, name="pair")
    network = build(read_safetensors(registry.load(library, "pair").weights)).fold_weight_norm()
    source = Track(tmp_path / "source")
    source.append(recorded(2.0, 0))
    options = ConvertOptions(f0_method="swift", predict_f0=predict)
    conversion = Conversion(Voice(network, Plain()), options, tmp_path)
    track, rate = conversion.run(source)
    assert (rate, len(track)) == (44100, 88200)
    samples = track.read(0, len(track))
    assert np.isfinite(samples).all()
    assert np.abs(samples).max() > 1e-4
    conversion.close()


def diffusion(folder: Path, **changes: Any) -> Path:
    """A diffusion model for such a voice as so-vits-svc 4.1 saves it, its settings beside it."""
    folder.mkdir()
    sizes = RefinerConfig(44100, 512, n_mels=128, phone_dim=256, layers=1, width=8, hidden=4, shifted=True)
    torch.manual_seed(0)
    refiner = Refiner(sizes)
    torch.nn.init.normal_(refiner.decoder["denoise_fn"].output_projection.weight, std=0.1)  # type: ignore[arg-type, union-attr]
    torch.save({"global_step": 1, "model": refiner.state_dict()}, folder / "model_1.pt")
    data = {"sampling_rate": 44100, "block_size": 512, "encoder": "vec256l9"} | changes
    (folder / "config.yaml").write_text(json.dumps({"data": data, "model": {"type": "Diffusion", "k_step_max": 300}}))
    return folder / "model_1.pt"


def test_its_diffusion_model_comes_in_beside_it_and_refines(library: Library, files: Files, tmp_path: Path) -> None:
    card = import_sovits(library, files.weights, files.config, name="pair", diffusion=diffusion(tmp_path / "d"))
    assert (card["refiner"]["file"], card["refiner"]["most_steps"]) == ("model_1.pt", 300)
    entry = registry.load(library, "pair")
    network = build(read_safetensors(entry.weights)).fold_weight_norm()
    voice = Voice(network, Plain(), refiner_file=entry.file("refiner.safetensors"))
    made = {}
    for steps in (0, 100):
        (tmp_path / str(steps)).mkdir()
        source = Track(tmp_path / str(steps) / "source")
        source.append(recorded(2.0, 0))
        conversion = Conversion(voice, ConvertOptions(f0_method="dio", refine=steps), tmp_path / str(steps))
        track, _ = conversion.run(source)
        made[steps] = np.array(track.read(0, len(track)))
        conversion.close()
    assert len(made[0]) == len(made[100]) == 88200
    assert np.isfinite(made[100]).all()
    assert np.abs(made[100] - made[0]).max() > 1e-4


def test_a_diffusion_model_of_another_voice_is_refused(library: Library, files: Files, tmp_path: Path) -> None:
    other = diffusion(tmp_path / "d", sampling_rate=48000)
    with pytest.raises(BadModel, match=r"model_1\.pt is made for 48000 Hz"):
        import_sovits(library, files.weights, files.config, name="pair", diffusion=other)
    assert registry.list_models(library) == []


class Calls:
    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> Any:
        return os.system, (f"touch {self.mark}",)


def text(path: Path) -> None:
    path.write_text("no such thing")


def half(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:3000])


def hostile(path: Path) -> None:
    torch.save({"model": Calls(path.with_name("it-ran")), "alto": Calls(path.with_name("it-ran"))}, path)


def not_numbers(path: Path) -> None:
    content = torch.load(path, weights_only=False)
    if "model" in content:
        content["model"]["emb_g.weight"][0] = float("nan")
    else:
        content["alto"]["cluster_centers_"][0] = float("nan")
    torch.save(content, path)


def smaller(path: Path) -> None:
    content = torch.load(path, weights_only=False)
    if "model" in content:
        content["model"]["pre.weight"] = torch.zeros(2, 2, 5)
    else:
        content["alto"]["cluster_centers_"] = np.zeros((3, 7), np.float32)
    torch.save(content, path)


def lacking(path: Path) -> None:
    content = torch.load(path, weights_only=False)
    if "model" in content:
        del content["model"]["emb_uv.weight"]
    else:
        content["stranger"] = content.pop("alto")
    torch.save(content, path)


@pytest.mark.parametrize("which", ["weights", "clusters"])
@pytest.mark.parametrize("spoil", [text, half, hostile, not_numbers, smaller, lacking])
def test_a_spoilt_file_is_refused_in_one_line_and_nothing_is_published(
    library: Library, files: Files, which: str, spoil: Callable[[Path], None]
) -> None:
    path: Path = getattr(files, which)
    spoil(path)
    with pytest.raises(BadModel) as caught:
        import_sovits(library, files.weights, files.config, name="pair", clusters=files.clusters)
    assert "\n" not in str(caught.value)
    assert path.name in str(caught.value)
    assert registry.list_models(library) == []
    assert not path.with_name("it-ran").exists()


def test_weights_of_other_sizes_than_the_config_says_are_refused(library: Library, files: Files) -> None:
    document = json.loads(files.config.read_text())
    document["model"]["gin_channels"] = replace(SIZES).gin_channels * 2
    files.config.write_text(json.dumps(document))
    with pytest.raises(BadModel, match=r"G_800\.pth.*config\.json"):
        import_sovits(library, files.weights, files.config, name="pair")
