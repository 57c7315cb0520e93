"""Refiners in files: safetensors of our own, and the diffusion models of so-vits-svc 4.1 with the .yaml beside them.

Separate from the network because a file from a stranger is checked here, against the sizes that it claims, before any
of it reaches a module. Nothing in the files is executed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from catalog.atomic import new_file
from catalog.errors import BadModel, BadRequest
from infer.archive import check_size
from infer.diffusion import TIMESTEPS, betas
from infer.refiner import HIGHEST, LOWEST, Refiner
from infer.refiner_config import SOVITS, RefinerConfig
from infer.weights import fit_shapes, read_base

_LAYER = re.compile(r"decoder\.denoise_fn\.residual_layers\.(\d+)\.dilated_conv\.weight")
_NETWORK = ("unit_embed.", "f0_embed.", "volume_embed.", "aug_shift_embed.", "spk_embed.", "decoder.denoise_fn.")
_LARGEST_YAML = 1 << 20
_ENCODERS = {"vec768l12": 768, "vec256l9": 256}


def write_refiner(path: Path, refiner: Refiner, *, half: bool = True) -> None:
    """Write a refiner without any code in the file; its config travels in the header."""
    kind = torch.float16 if half else torch.float32
    tensors = {name: value.detach().to("cpu", kind).contiguous() for name, value in refiner.state_dict().items()}
    with new_file(path) as part:
        save_file(tensors, part, metadata={"format": "pt", "config": json.dumps(refiner.config.to_dict())})


def read_refiner(path: Path, device: str = "cpu") -> Refiner:
    """Read what `write_refiner` wrote, ready for use; raises BadModel in one line."""
    check_size(path)
    try:
        with safe_open(path, framework="pt", device="cpu") as opened:
            config = RefinerConfig.from_dict(json.loads((opened.metadata() or {})["config"]))
            tensors = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
    except (SafetensorError, OSError, ValueError, KeyError, TypeError) as error:
        raise BadModel(f"{path.name} is damaged, or no refiner") from error
    try:
        return built(config, tensors, device)
    except BadModel as error:
        raise BadModel(f"{path.name}: {error}") from error


def built(config: RefinerConfig, tensors: Mapping[str, Tensor], device: str = "cpu") -> Refiner:
    """The refiner of these weights, in evaluation mode; raises BadModel for weights that do not fit it."""
    with torch.device("meta"):
        refiner = Refiner(config)
    fitted = fit_shapes(tensors, {name: value.shape for name, value in refiner.state_dict().items()})
    refiner.load_state_dict(fitted, strict=True, assign=True)
    return refiner.requires_grad_(False).to(device).eval()


def read_diffusion(path: Path, settings: Path | None = None) -> Refiner:
    """A diffusion model of so-vits-svc 4.1, model_*.pt, with the .yaml that it was trained with; without `settings`
    that is the only .yaml in its folder.

    Raises BadRequest where a file is not there, BadModel for files that are not that or do not fit each other.
    """
    said = _settings(_beside(path) if settings is None else settings)
    tensors = read_base(path)
    try:
        _check_schedule(tensors)
        config = _sizes(tensors, said)
        return built(config, {name: value for name, value in tensors.items() if name.startswith(_NETWORK)})
    except BadModel as error:
        raise BadModel(f"{path.name}: {error}") from error


def _beside(path: Path) -> Path:
    if not path.is_file():
        raise BadRequest(f"There is no file {path}")
    found = sorted([*path.parent.glob("*.yaml"), *path.parent.glob("*.yml")])
    if len(found) != 1:
        many = f"{len(found)} .yaml files" if found else "no .yaml file"
        raise BadRequest(f"There is {many} beside {path}: say which it was trained with by --diffusion-config")
    return found[0]


def _settings(path: Path) -> Mapping[str, Any]:
    """What a diffusion.yaml says, as plain values; tags that make objects are refused."""
    import yaml

    if not path.is_file():
        raise BadRequest(f"There is no file {path}")
    try:
        if path.stat().st_size > _LARGEST_YAML:
            raise ValueError
        said = yaml.safe_load(path.read_text(encoding="utf-8"))
        if said["model"]["type"] != "Diffusion" or not isinstance(said["data"], dict):
            raise ValueError
    except (yaml.YAMLError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise BadModel(f"{path.name} is not the settings of a so-vits-svc diffusion model") from error
    model, data = said["model"], said["data"]
    dim = _ENCODERS.get(str(data.get("encoder")))
    if dim is None or data.get("encoder_out_channels", dim) != dim:
        raise BadModel(
            f"{path.name}: the content encoder {data.get('encoder')} is not supported; {' and '.join(_ENCODERS)} are"
        )
    if model.get("timesteps", TIMESTEPS) != TIMESTEPS:
        raise BadModel(f"{path.name}: {model['timesteps']} timesteps are not supported, {TIMESTEPS} are")
    most = model.get("k_step_max") or TIMESTEPS
    return {"dim": dim, "most": most, "sample_rate": data.get("sampling_rate"), "hop": data.get("block_size")}


def _check_schedule(tensors: Mapping[str, Tensor]) -> None:
    """The steps of noise that were trained must be those that are taken off, and the range of the spectrogram too."""
    held = tensors.get("decoder.betas")
    if held is not None and (held.shape != (TIMESTEPS,) or not np.allclose(held.numpy(), betas(), rtol=1e-4)):
        raise BadModel("its steps of noise are not the usual ones from 0.0001 to 0.02")
    for name, value in (("decoder.spec_min", LOWEST), ("decoder.spec_max", HIGHEST)):
        if name in tensors and not bool((tensors[name] == value).all()):
            raise BadModel(f"its spectrogram has another range than {LOWEST:g} to {HIGHEST:g}")


def _sizes(tensors: Mapping[str, Tensor], said: Mapping[str, Any]) -> RefinerConfig:
    """The sizes that the tensors have; the checks that follow hold every other tensor against them."""
    enter = tensors.get("decoder.denoise_fn.input_projection.weight")
    unit, speakers = tensors.get("unit_embed.weight"), tensors.get("spk_embed.weight")
    if enter is None or unit is None or enter.dim() != 3 or unit.dim() != 2:
        raise BadModel("it has no unit_embed and decoder.denoise_fn inside, so it is no diffusion model of so-vits-svc")
    if unit.shape[1] != said["dim"]:
        raise BadModel(f"it reads features of {unit.shape[1]} numbers, its .yaml says {said['dim']}")
    layers = [int(found.group(1)) for name in tensors if (found := _LAYER.fullmatch(name))]
    return RefinerConfig(
        sample_rate=said["sample_rate"],
        hop=said["hop"],
        n_mels=enter.shape[1],
        phone_dim=unit.shape[1],
        layers=max(layers, default=-1) + 1,
        width=enter.shape[0],
        hidden=unit.shape[0],
        speakers=1 if speakers is None else speakers.shape[0],
        shifted="aug_shift_embed.weight" in tensors,
        most_steps=said["most"],
        layout=SOVITS,
    )
