"""How one conversion is to be done, as a frozen record, and the choices that need no network to name.

Separate and free of heavy imports because the commands and the app build these options before any work starts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal

from catalog.errors import BadRequest
from catalog.names import nearest

AUTO: Literal["auto"] = "auto"
DEVICES = ("auto", "cpu", "cuda", "mps")
SUBTYPES = ("PCM_16", "PCM_24", "FLOAT")
BACKING = ("keep", "drop")
BREATHS = ("keep", "convert")
PAUSES = ("steady", "follow")
LIMITERS = ("true-peak", "scale")
LOWEST_RESAMPLE = 16000
ABOUT = "about"


@dataclass(frozen=True)
class About:
    """How an option is offered to a person: the command line and the app are written from this."""

    label: str
    """Two words at most."""
    meaning: str
    """What it does, in one line that follows its range."""
    flag: str = ""
    """Its name on the command line, where that is not its own with dashes."""
    metavar: str = ""
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()
    song: bool = False
    """Whether it says something about whole songs only."""

    @property
    def words(self) -> str:
        """The range, where there is one, and the meaning."""
        if self.low is None or self.high is None:
            return self.meaning
        return f"{self.low:g} to {self.high:g}: {self.meaning}"


def offered(default: Any, label: str, meaning: str, **more: Any) -> Any:
    """A field of `ConvertOptions` that people may set: its default, and the fields of its `About`.

    A number with `low` and `high` is held to that range, a text with `choices` to those.
    """
    return field(default=default, metadata={ABOUT: About(label, meaning, **more)})


@dataclass(frozen=True)
class ConvertOptions:
    """Everything that changes how a conversion sounds; the defaults are those most voices are made for.

    Fields made by `offered` appear on the command line and in the app's form by themselves.
    """

    transpose: float | Literal["auto"] = offered(
        0.0, "Transpose", "semitones, or auto: into the range the model speaks in", metavar="N"
    )
    """Semitones added to the f0 of the input; "auto" moves the input into the range the model speaks in."""
    f0_method: str = offered(
        AUTO, "Pitch by", "f0 method; curator doctor says which there are", flag="f0", metavar="METHOD"
    )
    """Name of an f0 method (`infer.f0.F0_METHODS`); "auto" takes the best that is installed."""
    index_rate: float = offered(
        0.75, "Index rate", "how far sounds move towards the voice's own", low=0, high=1, metavar="X"
    )
    """0 to 1: how far content features move towards the voice's own (retrieval); 0 leaves them alone."""
    protect: float = offered(
        0.33, "Protect", "how much of consonants and breath the index may change", low=0, high=0.5, metavar="X"
    )
    """0 to 0.5: how much of the retrieval reaches unvoiced frames; 0.5 treats them like the others."""
    index_recall: float = offered(
        0.98, "Recall", "share of the nearest sounds to find; 0 as the index file says", low=0, high=1, metavar="X"
    )
    """0 to 1: which share of the true neighbours retrieval must find; 0 looks where the index's file says."""
    index_pitch: float = offered(
        1.0, "By pitch", "how much the index prefers sounds of the same pitch", low=0, high=10, metavar="X"
    )
    """0 to 10: how much retrieval prefers what was spoken near the same pitch; 0 goes by the sound alone."""
    repair_f0: bool = offered(True, "Repair f0", "take back octave errors of the f0")
    """Whether octave errors of the f0 are taken back."""
    breaths: str = offered("keep", "Breaths", "keep those of the input, and its voiceless consonants", choices=BREATHS)
    """Breaths and voiceless consonants: keep those of the input, or convert them."""
    pauses: str = offered("steady", "Pauses", "loudness steady in pauses, or following every noise", choices=PAUSES)
    """Loudness in pauses: steady, or follow the input and raise what noise there is."""
    cross_fade: float = offered(
        40.0, "Cross-fade", "ms from one piece of a long input to the next, in a pause", low=0, high=200, metavar="MS"
    )
    """Milliseconds, 0 to 200, over which one piece of a long input goes over into the next; 0 cuts hard."""
    limiter: str = offered(
        "true-peak", "Limiter", "turn down the moments that are too loud, or scale the whole file", choices=LIMITERS
    )
    """What is too loud: true-peak turns down the moments around it, scale the whole file."""
    rms_mix: float = offered(
        0.25, "Loudness", "0 follows the input's loudness, 1 the model's", low=0, high=1, metavar="X"
    )
    """0 to 1: 0 gives the output the loudness contour of the input, 1 leaves the model's."""
    refine: int = offered(
        0,
        "Refine",
        "noise that the voice's refiner takes off, in steps; 100 is usual",
        low=0,
        high=1000,
        metavar="N",
    )
    """0 to 1000: how many of a thousand steps of noise are put on the voice's spectrogram and taken off again by its
    refiner (shallow diffusion), for voices that have one."""
    f0_file: str = offered(
        "", "f0 file", "lines of seconds,Hz: a drawn contour in place of what is found", metavar="FILE"
    )
    """A text file of lines "seconds,Hz" whose contour takes the place of what was found, from its first time to its
    last; it is not transposed."""
    filter_radius: int = offered(3, "Smoothing", "above 2, a harvest f0 passes a median of 3", metavar="N")
    """Above 2, a harvest f0 passes a median filter over 3 frames; other methods are left alone."""
    resample: int = offered(0, "Output rate", "Hz; 0 is the model's own", metavar="HZ")
    """Rate of the output in Hz, 16000 or more; 0 keeps the model's."""
    noise_scale: float = 0.66666
    """Spread of the noise the prior is sampled with; 0 always takes its mean."""
    speaker: int = 0
    """Row of the model's speaker table."""
    predict_f0: bool = offered(False, "Own melody", "a so-vits-svc voice speaks with the f0 it proposes; not for songs")
    """Whether a so-vits-svc voice that can speaks with the f0 it proposes; for speech, never for singing."""
    seed: int = 0
    """The same seed, input and options give the same output on the same machine."""
    subtype: str = "PCM_24"
    """Sample format of the WAV that is written: PCM_16, PCM_24 or FLOAT."""
    overwrite: bool = False
    """Whether an output that already exists may be replaced."""
    device: str = AUTO
    """Where the network runs: cpu, cuda, mps, or auto for the fastest present."""
    effects: tuple[str, ...] = offered((), "Effects", "finishing touches on the converted voice", metavar="NAMES")
    """Names of finishing touches (`infer.effects.EFFECTS`) that the converted voice gets."""
    song: bool = offered(False, "Song", "separate the vocals, convert them and mix them back")
    """Whether the input is a whole song: its vocals are separated, converted and mixed back."""
    separator: str = offered(
        "htdemucs",
        "Separator",
        "takes a song apart: htdemucs, htdemucs_ft (curator models pull NAME) or a Demucs file",
        metavar="NAME",
        song=True,
    )
    """Which separator takes a song apart: a published name or a model file."""
    backing: str = offered(
        "keep",
        "Backing",
        "what a song's vocals have away from the middle, mostly backing voices",
        choices=BACKING,
        song=True,
    )
    """What of the vocals stands away from the middle of a stereo song, mostly backing voices: keep or drop it."""

    def __post_init__(self) -> None:
        # from JSON they come as a list
        object.__setattr__(self, "effects", tuple(self.effects))
        problem = _problem(self)
        if problem:
            raise BadRequest(problem)

    @staticmethod
    def classic(**values: Any) -> ConvertOptions:
        """Options with everything off that RVC's own conversion does not have."""
        return ConvertOptions(**{**CLASSIC, **values})

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


OFFERED: Mapping[str, About] = {
    each.name: each.metadata[ABOUT] for each in fields(ConvertOptions) if ABOUT in each.metadata
}
"""What people may set, by the name of the field, in the order in which it is shown."""


CLASSIC: Mapping[str, Any] = {
    "index_recall": 0.0,
    "index_pitch": 0.0,
    "repair_f0": False,
    "cross_fade": 0.0,
    "breaths": "convert",
    "pauses": "follow",
    "limiter": "scale",
}
"""What `ConvertOptions.classic` sets."""


def _problem(options: ConvertOptions) -> str | None:
    """What is wrong with the values, in words, or None."""
    if options.transpose != AUTO and not _within(options.transpose, -48, 48):
        return f"transpose {options.transpose}: give semitones from -48 to 48, or auto"
    if not _within(options.noise_scale, 0, 2):
        return f"noise_scale {options.noise_scale}: give a number from 0 to 2"
    for name, about in OFFERED.items():
        value = getattr(options, name)
        if about.low is not None and about.high is not None and not _within(value, about.low, about.high):
            return f"{name} {value}: give a number from {about.low:g} to {about.high:g}"
        if about.choices and value not in about.choices:
            return f"{name} {value}: there are {', '.join(about.choices)}"
        if isinstance(getattr(ConvertOptions, name), bool) and not isinstance(value, bool):
            return f"{name} {value}: it is either on (true) or off (false)"
    for name in ("filter_radius", "speaker", "seed", "resample", "refine"):
        value = getattr(options, name)
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            return f"{name} {value}: give a whole number, 0 or more"
    if options.resample and not LOWEST_RESAMPLE <= options.resample <= 192000:
        return f"resample {options.resample}: give a rate from {LOWEST_RESAMPLE} to 192000 Hz, or 0 for the model's"
    if options.device.split(":")[0] not in DEVICES:
        return f"device {options.device}: there are {', '.join(DEVICES)}"
    if options.subtype not in SUBTYPES:
        return f"subtype {options.subtype}: there are {', '.join(SUBTYPES)}"
    return None


def _within(value: object, low: float, high: float) -> bool:
    """Whether `value` is a finite number in the range."""
    return isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high
