"""The walk of the demo: the same commands a person would type, one after the other, and what came of them.

Separate from the command so that a test can walk it with a few training steps.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import click
import numpy as np

from catalog import audio
from catalog.errors import JobFailed
from catalog.library import Library
from catalog.store import Store
from curator.demo.recordings import SCENES, SOURCE, TARGET, Scene, make

SET, MODEL = "alto-1", "alto"
CONVERTED = "bass-as-alto.wav"


def walk(program: click.Command, library: Library, *, steps: int, scenes: Sequence[Scene] = SCENES) -> Path:
    """Go the whole way in `library` with the commands of `program`, and give the converted file.

    What is done already is not done again. Raises JobFailed when a command did not do its work.
    """
    began = time.monotonic()
    curator = partial(run, program, library)
    heading("Making example recordings")
    recordings, source = make(library.root / "examples", scenes)
    for path in [*recordings, source]:
        info = audio.probe(path)
        click.echo(f"  {path.relative_to(library.root)}  {info.sample_rate} Hz  {info.format}")
    heading("Catalogue, slice and score")
    curator("add", str(library.root / "examples" / TARGET), "--speaker", TARGET)
    heading("Review: take the suggestions (in the app: a to accept, r to reject)")
    if not decided(library):
        review(curator)
    heading("Freeze the accepted clips")
    if not (library.sets / SET).exists():
        curator("set", "create", SET)
    curator("report", SET, "--out", str(library.root / f"{SET}.html"))
    heading(f"Train a voice ({steps} steps of the small preset)")
    if not (library.models / MODEL).exists():
        curator("train", SET, "--name", MODEL, "--preset", "small", "--steps", str(steps))
    heading(f"Give {SOURCE} the voice of {TARGET}")
    out = library.root / "converted" / CONVERTED
    out.parent.mkdir(exist_ok=True)
    curator("convert", MODEL, str(source), "--out", str(out), "--transpose", "auto", "--overwrite")
    heading("What came of it")
    for line in compare(source, out, recordings[0]):
        click.echo(f"  {line}")
    trace(library)
    click.echo(f"\n  The whole way took {time.monotonic() - began:.0f} s. Everything is in {library.root}")
    return out


def heading(text: str) -> None:
    """Say what comes next."""
    click.secho(f"\n● {text}", bold=True)


def run(program: click.Command, library: Library, *arguments: str) -> None:
    """Run one command as a person would, showing it first; raises JobFailed when it did not do its work."""
    click.secho("  $ curator " + " ".join(short(library, argument) for argument in arguments), dim=True)
    code = program.main(["--library", str(library.root), *arguments], standalone_mode=False)
    if code:
        raise JobFailed(f"curator {arguments[0]} ended with exit code {code}")


def short(library: Library, argument: str) -> str:
    """An argument as shown: paths of the library relative to it, anything with blanks in quotes."""
    text = argument.replace(f"{library.root}/", "")
    return f'"{text}"' if " " in text else text


def review(curator: Callable[..., None]) -> None:
    """Decide as the policy suggests: what is flagged is rejected with its reason, the rest accepted."""
    curator("verdict", "reject", "--where", "overlap_ratio > 0.1", "--reason", "second voice")
    curator("verdict", "reject", "--where", "clipped_ratio > 0.0005", "--reason", "clipping")
    curator("verdict", "reject", "--where", "snr_db < 25", "--reason", "noise")
    curator("verdict", "accept", "--where", "verdict = 'undecided'")
    curator("undo")
    curator("verdict", "accept", "--where", "verdict = 'undecided'")


def decided(library: Library) -> bool:
    """Whether somebody has decided anything in this library before."""
    with Store(library) as store:
        return len(store.clip_table(where="verdict <> 'undecided'", limit=1)) > 0


def compare(source: Path, converted: Path, target: Path) -> list[str]:
    """Length, level, f0 and long-term spectrum of the source, the result and the target voice, in words."""
    lines = []
    spectra = {}
    for name, path in (("source", source), ("converted", converted), ("target", target)):
        wave, rate = audio.read(path)
        spectra[name] = long_term_spectrum(wave, rate)
        level = 20 * np.log10(np.sqrt(np.mean(wave**2)) + 1e-12)
        pitch = median_f0(wave, rate)
        lines.append(f"{name:<10} {len(wave) / rate:6.2f} s  {level:6.1f} dBFS  median f0 {pitch:5.0f} Hz")
    before = np.abs(spectra["source"] - spectra["target"]).mean()
    after = np.abs(spectra["converted"] - spectra["target"]).mean()
    lines.append(f"distance to the target's long-term spectrum: source {before:.1f} dB, converted {after:.1f} dB")
    return lines


def long_term_spectrum(wave: np.ndarray, rate: int) -> np.ndarray:
    """Mean level of the loud frames in third-octave bands from 100 Hz to 6.3 kHz, in dB about their mean."""
    size = 2048 * rate // 44100
    frames = np.lib.stride_tricks.sliding_window_view(wave, size)[:: size // 2] * np.hanning(size)
    power = np.abs(np.fft.rfft(frames, axis=1)) ** 2
    loud = power.sum(1) > 1e-2 * np.percentile(power.sum(1), 95)
    mean = power[loud].mean(0)
    frequency = np.fft.rfftfreq(size, 1 / rate)
    centres = 1000 * 2 ** (np.arange(-10, 9) / 3)
    bands = [mean[(frequency >= c / 2 ** (1 / 6)) & (frequency < c * 2 ** (1 / 6))].sum() for c in centres]
    levels = 10 * np.log10(np.array(bands) + 1e-12)
    return np.asarray(levels - levels.mean())


def median_f0(wave: np.ndarray, rate: int) -> float:
    """Median f0 over voiced frames in Hz; NaN when nothing is voiced."""
    from infer.f0 import extract

    f0 = extract(audio.resample(wave, rate, 16000), "auto")
    return float(np.median(f0[f0 > 0])) if (f0 > 0).any() else float("nan")


def trace(library: Library) -> None:
    """Say where the result comes from, all the way back to the recordings."""
    from catalog import registry, sets

    card = registry.load(library, MODEL).card
    manifest = sets.load(library, card["set"]["name"], verify=False)
    recordings = sorted({clip.recording for clip in manifest.clips})
    click.echo(f"  {CONVERTED} <- model {card['name']} ({card['id']}) <- run {card['run']['id']}")
    held = f"{manifest.info.id[:16]}, {manifest.info.clips} clips"
    click.echo(f"    <- set {manifest.info.name} ({held}) <- recordings {', '.join(recordings)}")
