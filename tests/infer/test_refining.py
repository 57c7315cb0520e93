"""A refiner beside a voice: in a conversion, from and to files, and what is said where there is none."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from numpy.typing import NDArray
from toy_voice import publish_small, publish_toy, sung

from catalog import registry
from catalog.errors import BadModel, BadRequest
from catalog.library import Library
from infer.convert import Conversion
from infer.cuts import Chunking
from infer.diffusion import betas
from infer.options import ConvertOptions
from infer.refiner import Refiner
from infer.refiner_config import FILE, SOVITS, RefinerConfig
from infer.refiner_file import read_diffusion, read_refiner, write_refiner
from infer.refining import eased
from infer.track import Track
from infer.voice import Voice, load_voice

OWN = RefinerConfig(24000, 240, n_mels=80, phone_dim=128, layers=2, width=8, hidden=4, most_steps=200)
THEIRS = RefinerConfig(
    44100, 512, n_mels=128, phone_dim=256, layers=2, width=8, hidden=4, speakers=2, shifted=True, layout=SOVITS
)
PLAIN = ConvertOptions(f0_method="dio", breaths="convert")
SHORT = Chunking(pad=0.5, query=0.5, center=2, longest=3)


def drawn(config: RefinerConfig) -> Refiner:
    """A refiner of random weights that does something."""
    torch.manual_seed(0)
    refiner = Refiner(config)
    for parameter in refiner.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    return refiner


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Library:
    library = Library(tmp_path_factory.mktemp("shelf"))
    library.create()
    publish_small(library)
    publish_toy(library)
    return library


@pytest.fixture
def voice(shelf: Library, tmp_path: Path) -> Voice:
    write_refiner(tmp_path / FILE, drawn(OWN), half=False)
    return replace(load_voice(registry.load(shelf, "small"), shelf.weights, "cpu"), refiner_file=tmp_path / FILE)


def convert(
    voice: Voice, folder: Path, options: ConvertOptions, chunking: Chunking | None = None
) -> NDArray[np.floating]:
    folder.mkdir()
    source = Track(folder / "source")
    source.append(sung(4.5))
    conversion = Conversion(voice, options, folder, chunking=chunking)
    track, _ = conversion.run(source)
    return np.asarray(track.read(0, len(track)))


def test_off_is_as_if_there_were_no_refiner(voice: Voice, tmp_path: Path) -> None:
    without = convert(replace(voice, refiner_file=None), tmp_path / "without", PLAIN)
    np.testing.assert_array_equal(convert(voice, tmp_path / "off", PLAIN), without)
    assert "refiner" not in voice.__dict__, "read though nobody asked for it"


def test_more_noise_moves_the_sound_more_and_the_same_seed_the_same_way(voice: Voice, tmp_path: Path) -> None:
    plain = convert(voice, tmp_path / "plain", PLAIN)
    little, much, again, other = (
        convert(voice, tmp_path / name, replace(PLAIN, refine=steps, seed=seed))
        for name, steps, seed in (("a", 5, 0), ("b", 150, 0), ("c", 150, 0), ("d", 150, 1))
    )
    assert len(plain) == len(little) == len(much)
    assert 0 < np.abs(little - plain).mean() < np.abs(much - plain).mean()
    np.testing.assert_array_equal(much, again)
    assert np.abs(much - other).max() > 0
    level = 20 * np.log10(np.std(much) / np.std(plain))
    assert abs(level) <= 12.1


def test_pieces_are_refined_as_the_whole_is(voice: Voice, tmp_path: Path) -> None:
    """The noise belongs to a place, and the network hears as far beyond a piece as it can: no cut is left."""
    options = replace(PLAIN, refine=100)
    whole = convert(voice, tmp_path / "whole", options, Chunking(pad=0.5, query=1, center=99, longest=99))
    cut = convert(voice, tmp_path / "cut", options, SHORT)
    plain = convert(voice, tmp_path / "plain", PLAIN, SHORT)
    assert np.abs(cut - whole).mean() < 0.02 * np.abs(whole - plain).mean()


def test_a_gain_keeps_its_level_and_slope_and_loses_its_flicker() -> None:
    bands, frames = torch.meshgrid(torch.arange(40.0), torch.arange(60.0), indexing="ij")
    slope = (0.02 * bands - 0.01 * frames)[None]
    flicker = torch.from_numpy(np.random.default_rng(0).standard_normal((1, 40, 60))).float()
    inner = (slice(None), slice(4, -4), slice(4, -4))
    torch.testing.assert_close(eased(slope)[inner], slope[inner], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(eased(slope + flicker)[inner].mean(), slope[inner].mean(), rtol=0, atol=0.05)
    assert float(eased(flicker)[inner].std()) < 0.2


def test_what_cannot_be_refined_is_said_in_one_line(shelf: Library, voice: Voice, tmp_path: Path) -> None:
    toy = load_voice(registry.load(shelf, "toy"), shelf.weights, "cpu")
    with pytest.raises(BadRequest, match="toy has no refiner: train one with curator train --refiner"):
        convert(toy, tmp_path / "none", replace(PLAIN, refine=100))
    with pytest.raises(BadRequest, match="trained up to 200 steps"):
        convert(voice, tmp_path / "far", replace(PLAIN, refine=201))
    with pytest.raises(BadModel, match=r"made for 24000 Hz .* the voice for 16000 Hz"):
        convert(replace(toy, refiner_file=voice.refiner_file), tmp_path / "other", replace(PLAIN, refine=9))
    with pytest.raises(BadRequest, match="refine 1001"):
        ConvertOptions(refine=1001)


def test_a_refiner_in_a_file_comes_back_as_it_was(tmp_path: Path) -> None:
    refiner = drawn(OWN)
    write_refiner(tmp_path / "whole", refiner, half=False)
    back = read_refiner(tmp_path / "whole")
    assert back.config == OWN
    for name, value in refiner.state_dict().items():
        torch.testing.assert_close(back.state_dict()[name], value, rtol=0, atol=0)
    (tmp_path / "cut").write_bytes((tmp_path / "whole").read_bytes()[:-100])
    with pytest.raises(BadModel, match="cut is damaged"):
        read_refiner(tmp_path / "cut")


# so-vits-svc 4.1's own files


@pytest.fixture
def theirs(tmp_path: Path) -> Path:
    """A diffusion model as so-vits-svc saves it, its settings beside it."""
    folder = tmp_path / "diffusion"
    folder.mkdir()
    kept = np.cumprod(1 - betas())
    buffers = {
        "decoder.betas": torch.from_numpy(betas()).float(),
        "decoder.alphas_cumprod": torch.from_numpy(kept).float(),
        "decoder.spec_min": torch.full((1, 1, 1), -12.0),
        "decoder.spec_max": torch.full((1, 1, 1), 2.0),
    }
    state = {**drawn(THEIRS).state_dict(), **buffers}
    torch.save({"global_step": 2000, "model": state, "optimizer": None}, folder / "model_2000.pt")
    said = {
        "data": {"sampling_rate": 44100, "block_size": 512, "encoder": "vec256l9", "encoder_out_channels": 256},
        "model": {"type": "Diffusion", "n_layers": 2, "timesteps": 1000, "k_step_max": 100, "n_spk": 2},
        "spk": {"alto": 0, "bass": 1},
    }
    (folder / "diffusion.yaml").write_text(yaml.safe_dump(said))
    return folder / "model_2000.pt"


def test_a_diffusion_model_of_so_vits_is_read_with_its_settings(theirs: Path) -> None:
    refiner = read_diffusion(theirs)
    assert refiner.config == replace(THEIRS, most_steps=100)
    for name, value in drawn(THEIRS).state_dict().items():
        torch.testing.assert_close(refiner.state_dict()[name], value, rtol=0, atol=0)
    named = shutil.move(theirs.parent / "diffusion.yaml", theirs.parent.parent / "settings.yaml")
    assert read_diffusion(theirs, Path(named)).config == refiner.config
    with pytest.raises(BadRequest, match=r"no \.yaml file beside .*--diffusion-config"):
        read_diffusion(theirs)


def _without(name: str) -> Callable[[dict[str, Any]], None]:
    return lambda state: state.pop(name)


def _with(name: str, value: torch.Tensor) -> Callable[[dict[str, Any]], None]:
    return lambda state: state.update({name: value})


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (_without("unit_embed.weight"), "no diffusion model"),
        (_without("decoder.denoise_fn.residual_layers.0.output_projection.bias"), "lack"),
        (_with("decoder.denoise_fn.extra", torch.zeros(2)), "hold"),
        (_with("f0_embed.weight", torch.zeros(3, 1)), "should be"),
        (_with("f0_embed.weight", torch.full((4, 1), torch.nan)), "not numbers"),
        (_with("unit_embed.weight", torch.zeros(4, 768)), "its .yaml says 256"),
        (_with("decoder.betas", torch.linspace(1e-4, 0.06, 1000)), "steps of noise"),
        (_with("decoder.spec_min", torch.full((1, 1, 128), -5.0)), "another range"),
        (_with("decoder.denoise_fn.residual_layers.99.dilated_conv.weight", torch.zeros(16, 8, 3)), "from 1 to 64"),
    ],
)
def test_a_diffusion_model_that_is_none_is_refused(
    theirs: Path, change: Callable[[dict[str, Any]], None], words: str
) -> None:
    content = torch.load(theirs, weights_only=True)
    change(content["model"])
    torch.save(content, theirs)
    with pytest.raises(BadModel, match=words) as refused:
        read_diffusion(theirs)
    assert "model_2000.pt" in str(refused.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("model: [", "not the settings"),
        ("- 1", "not the settings"),
        ("model: {type: Diffusion}", "not the settings"),
        ("model: !!python/object/apply:os.system ['touch owned']\ndata: {}", "not the settings"),
        ("model: {type: DiffusionNew}\ndata: {encoder: vec256l9}", "not the settings"),
        ("model: {type: Diffusion}\ndata: {encoder: whisper-ppg}", "whisper-ppg is not supported"),
        ("model: {type: Diffusion, timesteps: 500}\ndata: {encoder: vec256l9}", "500 timesteps"),
        ("model: {type: Diffusion}\ndata: {encoder: vec256l9, block_size: 512}", "sample_rate = None"),
        ("model: {type: Diffusion}\ndata: {encoder: vec256l9, sampling_rate: 44100, block_size: 0}", "hop = 0"),
        (
            "model: {type: Diffusion, k_step_max: many}\n"
            "data: {encoder: vec256l9, sampling_rate: 44100, block_size: 512}",
            "most_steps = 'many'",
        ),
    ],
)
def test_settings_that_are_none_are_refused_and_never_executed(
    theirs: Path, monkeypatch: pytest.MonkeyPatch, text: str, words: str
) -> None:
    monkeypatch.chdir(theirs.parent)
    (theirs.parent / "diffusion.yaml").write_text(text)
    with pytest.raises(BadModel, match=words):
        read_diffusion(theirs)
    assert not (theirs.parent / "owned").exists()
