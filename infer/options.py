"""How one conversion is to be done, as a frozen record, and the choices that need no network to name.

Separate and free of heavy imports because the commands and the app build these options before any work starts.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

from catalog.errors import BadRequest

AUTO: Literal["auto"] = "auto"
DEVICES = ("auto", "cpu", "cuda", "mps")
SUBTYPES = ("PCM_16", "PCM_24", "FLOAT")
BACKING = ("keep", "drop")
LOWEST_RESAMPLE = 16000


@dataclass(frozen=True)
class ConvertOptions:
    """Everything that changes how a conversion sounds; the defaults are those most voices are made for."""

    transpose: float | Literal["auto"] = 0.0
    """Semitones added to the f0 of the input; "auto" moves the input's median f0 to the model's."""
    f0_method: str = AUTO
    """Name of an f0 method (`infer.f0.F0_METHODS`); "auto" takes the best that is installed."""
    index_rate: float = 0.75
    """0 to 1: how far content features move towards the voice's own (retrieval); 0 leaves them alone."""
    protect: float = 0.33
    """0 to 0.5: how much of the retrieval reaches unvoiced frames; 0.5 treats them like the others."""
    rms_mix: float = 0.25
    """0 to 1: 0 gives the output the loudness contour of the input, 1 leaves the model's."""
    f0_file: str = ""
    """A text file of lines "seconds,Hz" whose contour takes the place of what was found, from its first time to its
    last; it is not transposed."""
    filter_radius: int = 3
    """Above 2, a harvest f0 passes a median filter over 3 frames; other methods are left alone."""
    resample: int = 0
    """Rate of the output in Hz, 16000 or more; 0 keeps the model's."""
    noise_scale: float = 0.66666
    """Spread of the noise the prior is sampled with; 0 always takes its mean."""
    speaker: int = 0
    """Row of the model's speaker table."""
    predict_f0: bool = False
    """Whether a so-vits-svc voice that can speaks with the f0 it proposes; for speech, never for singing."""
    seed: int = 0
    """The same seed, input and options give the same output on the same machine."""
    subtype: str = "PCM_24"
    """Sample format of the WAV that is written: PCM_16, PCM_24 or FLOAT."""
    overwrite: bool = False
    """Whether an output that already exists may be replaced."""
    device: str = AUTO
    """Where the network runs: cpu, cuda, mps, or auto for the fastest present."""
    effects: tuple[str, ...] = ()
    """Names of finishing touches (`infer.effects.EFFECTS`) that the converted voice gets."""
    song: bool = False
    """Whether the input is a whole song: its vocals are separated, converted and mixed back."""
    separator: str = "htdemucs"
    """Which separator takes a song apart: a published name or a model file."""
    backing: str = "keep"
    """What of the vocals stands away from the middle of a stereo song, mostly backing voices: keep or drop it."""

    def __post_init__(self) -> None:
        # from JSON they come as a list
        object.__setattr__(self, "effects", tuple(self.effects))
        problem = _problem(self)
        if problem:
            raise BadRequest(problem)

    @staticmethod
    def from_dict(values: Mapping[str, Any]) -> ConvertOptions:
        """Options from names and values; raises BadRequest for an unknown name or a value out of range."""
        known = [field.name for field in fields(ConvertOptions)]
        for name in values:
            if name not in known:
                raise BadRequest(f"{name}: no such conversion option{nearest(name, known)}")
        return ConvertOptions(**values)

    def to_dict(self) -> dict[str, Any]:
        """The options as plain values that JSON can hold."""
        return asdict(self)


def nearest(name: str, known: Iterable[str]) -> str:
    """Words that name the closest known name, or all of them: " (did you mean X?)", " (there are X, Y)"."""
    names = sorted(known)
    close = difflib.get_close_matches(name, names, n=1)
    if close:
        return f" (did you mean {close[0]}?)"
    return f" (there are {', '.join(names)})" if names else ""


def _problem(options: ConvertOptions) -> str | None:
    """What is wrong with the values, in words, or None."""
    if options.transpose != AUTO and not _within(options.transpose, -48, 48):
        return f"transpose {options.transpose}: give semitones from -48 to 48, or auto"
    for name, low, high in (("index_rate", 0, 1), ("protect", 0, 0.5), ("rms_mix", 0, 1), ("noise_scale", 0, 2)):
        value = getattr(options, name)
        if not _within(value, low, high):
            return f"{name} {value}: give a number from {low} to {high}"
    for name in ("filter_radius", "speaker", "seed", "resample"):
        value = getattr(options, name)
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            return f"{name} {value}: give a whole number, 0 or more"
    if options.resample and not LOWEST_RESAMPLE <= options.resample <= 192000:
        return f"resample {options.resample}: give a rate from {LOWEST_RESAMPLE} to 192000 Hz, or 0 for the model's"
    if options.device.split(":")[0] not in DEVICES:
        return f"device {options.device}: there are {', '.join(DEVICES)}"
    if options.backing not in BACKING:
        return f"backing {options.backing}: there are {', '.join(BACKING)}"
    if options.subtype not in SUBTYPES:
        return f"subtype {options.subtype}: there are {', '.join(SUBTYPES)}"
    return None


def _within(value: object, low: float, high: float) -> bool:
    """Whether `value` is a finite number in the range."""
    return isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high
