"""Reading the file of a separation network: Demucs' own checkpoints and safetensors, neither of which is executed.

Separate from `infer.separation` because a file from a stranger is checked here before any of it reaches a module.
A published `.th` is a pickle that names its class and settings as objects; all of it is read with inert stand-ins, and
the network is built anew from the settings once they and the tensors' sizes have been found to fit.
"""

from __future__ import annotations

import importlib.util
import inspect
import json
import re
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from types import ModuleType
from typing import Any, BinaryIO

from catalog.errors import BadModel, BadRequest, MissingWeights
from infer import inert_pickle, pull
from infer.archive import check_archive, check_size
from infer.separation import Demucs

PUBLISHED: Mapping[str, tuple[str, ...] | None] = {"htdemucs": None, "htdemucs_ft": ("vocals",)}
"""Separators that can be pulled, and which of their stems are worth having: the fine-tuned one knows one well."""
VOCALS = "vocals"
_CLASS = "HTDemucs"
_LARGEST_NUMBER = 100_000
_LIMITS = {"depth": 8, "t_layers": 24, "dconv_depth": 8, "channels": 1024, "growth": 8, "nfft": 1 << 15}
_RATES = (8_000, 192_000)
_SEGMENT_S = (0.5, 60.0)


def load_separator(which: str | Path, weights: Path, *, device: str | None = None) -> Demucs:
    """The separator of a published name or of a model file; `weights` is the folder of pulled weights.

    On the GPU where there is one, unless `device` is given. Raises MissingWeights with what to type when the weights
    are not there, BadRequest when Demucs is not installed, BadModel for a file that is none.
    """
    path = find_separator(which, weights)
    name = str(which) if str(which) in PUBLISHED else path.name
    network = read_network(path)
    wanted = PUBLISHED.get(str(which)) or tuple(network.sources)
    return Demucs(name, network.to(device or _best_device()), wanted)


def find_separator(which: str | Path, weights: Path) -> Path:
    """The file of a separator, without reading it: cheap enough to ask before any work is begun."""
    if importlib.util.find_spec("demucs") is None:
        raise BadRequest("Separation needs Demucs, which is not installed: pip install 'voice-curator[stems]'")
    if str(which) in PUBLISHED:
        path = pull.place(str(which), weights)
        if not path.is_file():
            raise MissingWeights(
                f"Separation needs weights that are not here: curator models pull {which} (or --separator FILE)"
            )
        return path
    if not Path(which).is_file():
        names = ", ".join(PUBLISHED)
        raise BadRequest(f"{which}: neither a file nor a separator that can be pulled ({names})")
    return Path(which)


def read_network(path: Path) -> Any:
    """The HTDemucs of a `.th` or `.safetensors` file, in evaluation mode on the CPU; raises BadModel in one line."""
    package = _read_safetensors(path) if path.suffix == ".safetensors" else _read_th(path)
    try:
        return _built(*package)
    except BadModel as error:
        raise BadModel(f"{path.name}: {error}") from error


def _read_th(path: Path) -> tuple[str, Mapping[str, Any], Mapping[str, Any]]:
    """Class name, settings and tensors of a file that Demucs saved."""
    import torch

    check_archive(path)
    try:
        content = torch.load(path, map_location="cpu", weights_only=False, pickle_module=_reader())
    except Exception as error:  # a damaged pickle can raise anything, and all of it means the same to the reader
        line = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise BadModel(f"{path.name} is damaged or cut off ({line[:120]})") from error
    if not isinstance(content, dict) or not {"klass", "kwargs", "state"} <= set(content):
        raise BadModel(f"{path.name} is no Demucs model: it does not say its class, settings and weights")
    klass, args, kwargs, state = (content.get(key) for key in ("klass", "args", "kwargs", "state"))
    if args or not isinstance(kwargs, dict) or not isinstance(state, dict):
        raise BadModel(f"{path.name} is no Demucs model that can be read: its settings or weights are of another form")
    return klass.name if isinstance(klass, type) and issubclass(klass, _Named) else "unknown", kwargs, state


def _read_safetensors(path: Path) -> tuple[str, Mapping[str, Any], Mapping[str, Any]]:
    """Class name, settings and tensors of Demucs' newer form: JSON in the header."""
    from safetensors import SafetensorError, safe_open

    check_size(path)
    try:
        with safe_open(path, framework="pt", device="cpu") as opened:
            header = opened.metadata() or {}
            if "klass" not in header or "kwargs" not in header:
                raise BadModel(f"{path.name} is no Demucs model: its header does not say class and settings")
            kwargs = json.loads(header["kwargs"], object_hook=_fraction_of_json)
            tensors = {key: opened.get_tensor(key) for key in opened.keys()}  # noqa: SIM118
    except (SafetensorError, OSError, ValueError) as error:
        raise BadModel(f"{path.name} is cut off or not safetensors") from error
    if not isinstance(kwargs, dict):
        raise BadModel(f"{path.name} has settings of an unknown form")
    return header["klass"].rsplit(".", 1)[-1], kwargs, tensors


def _built(name: str, settings: Mapping[str, Any], state: Mapping[str, Any]) -> Any:
    """The network of these settings with these tensors."""
    import torch

    from infer.weights import fit_shapes

    if name != _CLASS:
        raise BadModel(f"it holds a network of the kind {name}; only {_CLASS} (Demucs v4) can be read")
    from demucs.htdemucs import HTDemucs

    known = inspect.signature(HTDemucs).parameters
    kwargs = {key: _checked(key, value) for key, value in settings.items() if key in known}
    _check_sense(kwargs)
    if not all(isinstance(value, torch.Tensor) for value in state.values()):
        raise BadModel("its weights are quantised or of another form")
    try:
        with torch.device("meta"):
            network = HTDemucs(**kwargs)
    except Exception as error:  # settings that contradict each other raise whatever the module trips over
        line = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise BadModel(f"its settings make no network ({line[:120]})") from error
    shapes = {key: value.shape for key, value in network.state_dict().items()}
    network.load_state_dict(fit_shapes(state, shapes), strict=True, assign=True)
    return network.requires_grad_(False).eval()


def _checked(key: str, value: Any) -> Any:
    """A plain setting of sane size; raises BadModel."""
    if isinstance(value, list | tuple):
        if len(value) > 64:
            raise BadModel(f"its setting {key} has {len(value)} entries")
        return [_checked(key, each) for each in value]
    plain = value is None or isinstance(value, str | bool | int | float | Fraction)
    if not plain or (not isinstance(value, str | bool | None) and not abs(value) <= _LIMITS.get(key, _LARGEST_NUMBER)):
        raise BadModel(f"its setting {key} is not one that Demucs has")
    return value


def _check_sense(settings: Mapping[str, Any]) -> None:
    """What the rest of the program relies on."""
    sources = settings.get("sources")
    if not isinstance(sources, list) or not all(isinstance(name, str) and name for name in sources):
        raise BadModel("it does not name what it separates")
    if not 1 <= len(set(sources)) == len(sources) <= 16:
        raise BadModel("it names what it separates twice, or far too much of it")
    rate, segment = settings.get("samplerate", 44_100), settings.get("segment", 10)
    if settings.get("audio_channels", 2) not in (1, 2) or not _RATES[0] <= rate <= _RATES[1]:
        raise BadModel("it hears other than one or two channels at 8 to 192 kHz")
    if not _SEGMENT_S[0] <= segment <= _SEGMENT_S[1]:
        raise BadModel("its segments are not between half a second and a minute")


class _Named(inert_pickle.Inert):
    """An inert stand-in that remembers what the pickle called it."""

    name = ""


class _Unpickler(inert_pickle.Unpickler):
    """The inert reader, which here also tells the name of a class of Demucs and reads fractions."""

    def find_class(self, module: str, name: str) -> Any:
        """The builder a pickle asks for, or an inert stand-in."""
        if (module, name) == ("fractions", "Fraction"):
            return _fraction
        if module.split(".")[0] == "demucs":
            return type("_Named", (_Named,), {"name": name})
        return super().find_class(module, name)


def _reader() -> ModuleType:
    """A module of the shape that `torch.load` expects of its `pickle_module`."""

    def load(file: BinaryIO, **options: Any) -> Any:
        return _Unpickler(file, **options).load()

    reader = ModuleType("inert_demucs_pickle")
    reader.Unpickler = _Unpickler  # type: ignore[attr-defined]
    reader.load = load  # type: ignore[attr-defined]
    return reader


def _fraction(*parts: object) -> Fraction:
    """A fraction of small whole numbers and nothing else: an exponent could fill the memory."""
    text = "/".join(map(str, parts))
    if not re.fullmatch(r"-?\d{1,9}(/\d{1,9})?", text) or text.endswith("/0"):
        raise BadModel("a setting is not a number")
    return Fraction(text)


def _fraction_of_json(node: dict[str, Any]) -> Any:
    return _fraction(node.get("numerator"), node.get("denominator")) if node.get("_type") == "fraction" else node


def _best_device() -> str:
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"
