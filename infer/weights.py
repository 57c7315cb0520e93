"""Weights files of voices: reading RVC's .pth without ever running what is in it, and safetensors both ways.

Separate from the network because a file from a stranger is checked here, against the sizes it claims, before any
of it reaches a module. Layout: `weight`, `config` (a list of 18), `info`, `sr`, `f0`, `version`, and extras beside.
"""

from __future__ import annotations

import contextlib
import json
import re
import struct
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from catalog.atomic import new_file
from catalog.errors import BadModel
from infer.archive import check_archive, check_size
from infer.network import Network, NetworkConfig, network_config, new_network
from infer.synthesizer import Synthesizer, SynthesizerConfig

_FLOATS = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
_NEW_NAMES = (
    (re.compile(r"\.parametrizations\.weight\.original0$"), ".weight_g"),
    (re.compile(r"\.parametrizations\.weight\.original1$"), ".weight_v"),
)
_PHONE_DIMS = {"v1": 256, "v2": 768}
_VOCODER = "HiFi-GAN"
_OWN_KEYS = ("weight", "config", "info", "sr", "f0", "version")


@dataclass(frozen=True)
class VoiceFile:
    """A checked weights file: float32 tensors that fit `config`, of RVC voices under RVC's names and without the
    posterior encoder."""

    config: NetworkConfig
    tensors: Mapping[str, Tensor]
    version: str
    info: str = ""
    extras: Mapping[str, Any] = field(default_factory=dict)
    """What else the file says, such as an author or an epoch; plain values only."""


def read_pth(path: Path) -> VoiceFile:
    """Read a distributed RVC model (v1 or v2, with or without f0, old or new weight-norm names).

    Raises BadModel in one line for a file that holds code, is cut off, is no model, or does not fit its config.
    """
    content = _load(path)
    if not isinstance(content.get("weight"), Mapping) or "config" not in content:
        kind = "a training checkpoint" if "model" in content else "another kind of file"
        raise BadModel(f"{path.name} is {kind}, not an RVC voice: it has no weight and config inside")
    with _named(path):
        tensors = _tensors(content["weight"])
        if (vocoder := content.get("vocoder", _VOCODER)) != _VOCODER:
            raise BadModel(f"the voice was made with the vocoder {vocoder}; only {_VOCODER} voices can be read")
        version, config = _version_and_config(content, tensors)
        kept = fit(tensors, config)
    plain = (str, int, float, bool)
    extras = {str(key): value for key, value in content.items() if key not in _OWN_KEYS and isinstance(value, plain)}
    return VoiceFile(config, kept, version, str(content.get("info", "")), extras)


def read_base(path: Path, config: SynthesizerConfig | None = None) -> dict[str, Tensor]:
    """Read the float32 tensors of a training checkpoint of either network (`model` inside, optimizer ignored);
    with `config` they must fit the whole generator of those sizes. Raises BadModel as `read_pth` does."""
    content = _load(path)
    inner = content.get("model", content.get("weight", content))
    if not isinstance(inner, Mapping):
        raise BadModel(f"{path.name} has no weights inside")
    with _named(path):
        tensors = _tensors(inner)
        return tensors if config is None else fit(tensors, config, posterior=True)


def fit(tensors: Mapping[str, Tensor], config: NetworkConfig, *, posterior: bool = False) -> dict[str, Tensor]:
    """Check names, shapes and values against the network of `config` and return float32 copies in its order;
    the posterior encoder is left out unless asked for. Raises BadModel naming the first tensor that is wrong."""
    with torch.device("meta"):
        shapes = {key: value.shape for key, value in new_network(config, posterior=posterior).state_dict().items()}
    return fit_shapes(tensors, shapes, optional_prefix="" if posterior else "enc_q.")


def fit_shapes(
    tensors: Mapping[str, Tensor], shapes: Mapping[str, torch.Size], *, optional_prefix: str = ""
) -> dict[str, Tensor]:
    """Check `tensors` against named shapes and return float32 copies; names under `optional_prefix` may be there
    and are left out. Raises BadModel for what is missing, left over, of another shape or not finite."""
    given = {key for key in tensors if not (optional_prefix and key.startswith(optional_prefix))}
    if missing := sorted(set(shapes) - given):
        raise BadModel(f"the weights lack {_some(missing)}")
    if extra := sorted(given - set(shapes)):
        raise BadModel(f"the weights hold {_some(extra)}, which no such network has")
    fitted: dict[str, Tensor] = {}
    for key, shape in shapes.items():
        tensor = tensors[key]
        if tensor.shape != shape:
            raise BadModel(f"{key} is {_size(tensor.shape)} and should be {_size(shape)}")
        if tensor.dtype not in _FLOATS or tensor.is_sparse or tensor.layout != torch.strided:
            raise BadModel(f"{key} holds {tensor.dtype}, not numbers with a fraction")
        copy = tensor.detach().to(torch.float32, copy=True).contiguous()
        if not bool(torch.isfinite(copy).all()):
            raise BadModel(f"{key} holds values that are not numbers (NaN or infinite); the training had broken down")
        fitted[key] = copy
    return fitted


def build(file: VoiceFile, device: torch.device | str = "cpu") -> Network:
    """The network of a checked file, in evaluation mode, weight norm not yet folded."""
    with torch.device("meta"):
        network = new_network(file.config, posterior=False)
    network.load_state_dict(dict(file.tensors), strict=True, assign=True)
    network.requires_grad_(False)
    return network.to(device).eval()


def distributed(network: Network, *, half: bool = True) -> dict[str, Tensor]:
    """The tensors that are distributed, on the CPU: no posterior encoder, weight norm not folded, fp16."""
    kind = torch.float16 if half else torch.float32
    state = network.state_dict()
    return {
        key: value.detach().to("cpu", kind).contiguous() for key, value in state.items() if not key.startswith("enc_q.")
    }


def write_pth(
    path: Path, network: Synthesizer, *, version: str, info: str = "", extras: Mapping[str, Any] | None = None
) -> None:
    """Write the file that RVC and its relatives load; extras become top-level keys, never entries of `config`."""
    content: dict[str, Any] = {
        "weight": distributed(network),
        "config": network.config.to_list(),
        "info": info,
        "sr": f"{network.config.sample_rate // 1000}k",
        "f0": int(network.config.f0),
        "version": version,
        **{key: value for key, value in (extras or {}).items() if key not in _OWN_KEYS},
    }
    with new_file(path) as part:
        torch.save(content, part)


def write_safetensors(path: Path, file: VoiceFile | Network, *, version: str = "v2", half: bool = True) -> None:
    """Write a voice without any code in the file; config, version and info travel in its header."""
    if not isinstance(file, VoiceFile):
        file = VoiceFile(file.config, distributed(file, half=half), version)
    kind = torch.float16 if half else torch.float32
    tensors = {key: value.detach().to("cpu", kind).contiguous() for key, value in file.tensors.items()}
    header = {
        "format": "pt",
        "config": json.dumps(file.config.to_dict()),
        "version": file.version,
        "info": file.info,
        "extras": json.dumps(dict(file.extras)),
    }
    with new_file(path) as part:
        save_file(tensors, part, metadata=header)


def read_safetensors(path: Path) -> VoiceFile:
    """Read what `write_safetensors` wrote; raises BadModel as `read_pth` does."""
    check_size(path)
    with _named(path):
        try:
            with safe_open(path, framework="pt", device="cpu") as opened:
                header = opened.metadata() or {}
                if "config" not in header:
                    raise BadModel("the file has no config in its header, so it is not a voice of this program")
                config = network_config(json.loads(header["config"]))
                tensors = {key: opened.get_tensor(key) for key in opened.keys()}  # noqa: SIM118
                extras = json.loads(header.get("extras", "{}"))
        except (SafetensorError, OSError, ValueError, struct.error) as error:
            raise BadModel(f"the file is cut off or not safetensors ({_line(error)})") from error
        fitted = fit(tensors, config)
    return VoiceFile(config, fitted, header.get("version", "v2"), header.get("info", ""), extras)


def _load(path: Path) -> dict[str, Any]:
    """The outer dict of a torch file, unpickled with only tensors and plain containers allowed."""
    check_archive(path)
    try:
        # what torch remarks about odd files is said better by the refusal, or does not matter
        with warnings.catch_warnings(action="ignore"):
            content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises half a dozen kinds here, all meaning the same to the reader
        raise BadModel(_why_not(path, error)) from error
    if not isinstance(content, dict):
        raise BadModel(f"{path.name} holds no dictionary of weights")
    return content


def _why_not(path: Path, error: Exception) -> str:
    text = str(error)
    if found := re.search(r"GLOBAL ([\w.]+)|(?:Unsupported global|class) [`'\"]?([\w.]+)", text):
        name = found.group(1) or found.group(2)
        return f"{path.name} holds code ({name}), not only weights: refused without running it"
    if "weights_only" in text or "WeightsUnpickler" in text or "Unsupported" in text:
        return f"{path.name} holds more than weights: refused without running it"
    return f"{path.name} is damaged or cut off ({_line(error)})"


def _tensors(weight: Mapping[Any, Any]) -> dict[str, Tensor]:
    """Names to tensors, new weight-norm names turned into the old ones."""
    tensors: dict[str, Tensor] = {}
    for key, value in weight.items():
        if not isinstance(key, str) or not isinstance(value, Tensor):
            raise BadModel("the weights hold something that is not a named tensor")
        name = key
        for pattern, old in _NEW_NAMES:
            name = pattern.sub(old, name)
        tensors[name] = value
    return tensors


def _version_and_config(content: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> tuple[str, SynthesizerConfig]:
    """The sizes of a file, where its tensors overrule what its config often has wrong: speakers and phone size."""
    speakers, phone = tensors.get("emb_g.weight"), tensors.get("enc_p.emb_phone.weight")
    if speakers is None or phone is None or speakers.dim() != 2 or phone.dim() != 2:
        raise BadModel("the weights lack emb_g.weight or enc_p.emb_phone.weight, so this is no RVC voice")
    # the oldest files say no version
    version = str(content.get("version") or ("v1" if phone.shape[1] == _PHONE_DIMS["v1"] else "v2"))
    if phone.shape[1] != _PHONE_DIMS.get(version, phone.shape[1]):
        raise BadModel(f"the file says {version} but its features have {phone.shape[1]} numbers")
    config = SynthesizerConfig.from_list(
        content["config"],
        phone_dim=phone.shape[1],
        f0=bool(content.get("f0", 1)),
        speakers=speakers.shape[0],
    )
    return version, config


@contextlib.contextmanager
def _named(path: Path) -> Iterator[None]:
    """Put the file's name in front of what is wrong with its inside."""
    try:
        yield
    except BadModel as error:
        raise BadModel(f"{path.name}: {error}") from error


def _some(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"


def _size(shape: torch.Size) -> str:
    return "×".join(str(length) for length in shape) or "one number"


def _line(error: Exception) -> str:
    return str(error).strip().splitlines()[0][:120] if str(error).strip() else type(error).__name__
