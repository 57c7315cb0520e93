"""`curator doctor`: what this machine has, and what each missing thing costs."""

from __future__ import annotations

import importlib.util
import platform
import shutil
from dataclasses import asdict, dataclass

import click

from catalog.errors import CuratorError
from catalog.library import Library
from curator.cli.output import DONE, emit, json_option, pass_library


@dataclass(frozen=True)
class Finding:
    """One thing looked at: whether it is there, what was seen, and what its absence costs."""

    name: str
    ok: bool
    seen: str
    cost: str = ""


@click.command()
@json_option
@pass_library
def doctor(library: Library, as_json: bool) -> int:
    """Say what this machine has and what each missing thing costs."""
    findings = examine(library)
    if as_json:
        emit([asdict(finding) for finding in findings])
        return DONE
    width = max(len(finding.name) for finding in findings)
    for finding in findings:
        mark = "✓" if finding.ok else "·"
        cost = f" – {finding.cost}" if finding.cost and not finding.ok else ""
        click.echo(f"{mark} {finding.name:<{width}}  {finding.seen}{cost}")
    return DONE


def examine(library: Library) -> list[Finding]:
    """Everything that can be missing, in the order in which people meet it."""
    return [
        *machine(library),
        catalogue(library),
        *codecs(),
        audio_device(),
        *f0_methods(library),
        *encoders(library),
        *stems(library),
        cluster(),
    ]


def machine(library: Library) -> list[Finding]:
    """Python, processor, GPU and disk."""
    import torch

    where = library.root
    while not where.exists():
        where = where.parent
    free = shutil.disk_usage(where).free / 1e9
    gpu = torch.cuda.is_available()
    seen = torch.cuda.get_device_name(0) if gpu else "none that torch can use"
    return [
        Finding("python", True, f"{platform.python_version()} on {platform.system()} {platform.machine()}"),
        Finding("torch", True, f"{torch.__version__}, {torch.get_num_threads()} threads"),
        Finding("GPU", gpu, seen, "training the 32k, 40k and 48k presets takes days on a processor; small works"),
        Finding("disk", free > 5, f"{free:.0f} GB free at {where}", "a standard training run needs a few GB"),
    ]


def catalogue(library: Library) -> Finding:
    """Whether the catalogue opens and hangs together."""
    if not library.database.exists():
        return Finding("library", True, f"{library.root} (new)")
    from catalog.store import Store

    try:
        with Store(library, wait_s=2) as store:
            problems = store.check()
    except CuratorError as error:
        return Finding("library", False, str(error), "nothing can be read or decided until then")
    return Finding(
        "library", not problems, f"{library.root}: {'; '.join(problems) or 'consistent'}", "restore a backup"
    )


def codecs() -> list[Finding]:
    """Which audio formats open."""
    import av
    import soundfile

    return [
        Finding("codecs", True, f"libsndfile {soundfile.__libsndfile_version__}: wav flac mp3 ogg opus aiff"),
        Finding("codecs (ffmpeg)", True, f"PyAV {av.__version__}: m4a aac mp4 webm"),
    ]


def audio_device() -> Finding:
    """Whether clips can be heard on this machine."""
    cost = "clips cannot be heard here; everything else works"
    try:
        import miniaudio

        devices = [device["name"] for device in miniaudio.Devices().get_playbacks()]
    except Exception as error:  # the library raises its own kinds, and any of them means no sound
        return Finding("audio device", False, f"none ({error})", cost)
    real = [name for name in devices if "Discard all samples" not in name]
    return Finding("audio device", bool(real), ", ".join(real) or "none", cost)


def f0_methods(library: Library) -> list[Finding]:
    """Which f0 methods can run."""
    from infer.f0 import F0_METHODS

    lacks = {name: method.missing(library.weights) for name, method in F0_METHODS.items()}
    return [
        Finding(f"f0 {name}", lacks[name] is None, method.summary, remedy(lacks[name], f"f0 method {name}"))
        for name, method in F0_METHODS.items()
    ]


def encoders(library: Library) -> list[Finding]:
    """Which content encoders can run, what predicts opinions, and what speaks for the demo."""
    from curator.scores import mos
    from infer.content import CONTENT_ENCODERS

    found = []
    for name, kind in CONTENT_ENCODERS.items():
        missing = kind.missing(library.weights)
        found.append(Finding(f"encoder {name}", missing is None, kind.summary, remedy(missing, f"encoder {name}")))
    speaks = importlib.util.find_spec("espeakng_loader") is not None
    judges = mos.installed()
    return [
        *found,
        Finding("opinion score", judges, "DNSMOS", "the score mos stays empty; pip install 'voice-curator[mos]'"),
        Finding("demo speech", speaks, "espeak-ng", "curator demo needs: pip install 'voice-curator[demo]'"),
    ]


def stems(library: Library) -> list[Finding]:
    """Which separators and denoisers can run."""
    from infer.separator_file import PUBLISHED, find_separator

    found = []
    for name in PUBLISHED:
        cost = ""
        try:
            find_separator(name, library.weights)
        except CuratorError as error:
            cost = remedy(str(error), "Separation")
        found.append(Finding(f"separator {name}", not cost, "Demucs v4, for add --separate and convert --song", cost))
    for name, package, extra in (("noisereduce", "noisereduce", "stems"), ("rnnoise", "pyrnnoise", "rnnoise")):
        there = importlib.util.find_spec(package) is not None
        cost = f"curator add --denoise needs: pip install 'voice-curator[{extra}]'"
        found.append(Finding(f"denoiser {name}", there, "for add --denoise", cost))
    return found


def cluster() -> Finding:
    """Whether work can be given to a Ray cluster."""
    there = importlib.util.find_spec("ray") is not None
    return Finding("cluster", there, "Ray, for add --ray", "needs: pip install 'voice-curator[ray]'")


def remedy(missing: str | None, subject: str) -> str:
    """What is missing, without the subject that the line has named already."""
    return (missing or "").removeprefix(f"{subject} ")
