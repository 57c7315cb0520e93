"""The conversion job, `python -m infer JOBDIR`: files in, converted files out, one bad file never stops the rest.

Request: library, model, inputs, out, options. Result: outputs and failed, with what traces each output back to its
model; whoever asked for the job takes that into the catalogue. A song is taken apart first and mixed again after.
"""

from __future__ import annotations

import sys
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from catalog import audio, registry
from catalog.errors import BadRequest, CuratorError
from catalog.jobs import JobReport, run_job
from catalog.library import Library
from catalog.shortage import memory_out
from infer import effects, song
from infer.options import ConvertOptions
from infer.output import Target, settle, write
from infer.separator_file import load_separator
from infer.source import load
from infer.track import Track

if TYPE_CHECKING:
    from infer.convert import Conversion
    from infer.separation import Separator
    from infer.voice import Voice


class Stopped(Exception):
    """A clean end was asked for in the middle of a file."""


def work(request: dict[str, Any], report: JobReport) -> dict[str, Any]:
    """Convert all inputs of a request; raises CuratorError when none can even be tried."""
    from infer import f0
    from infer.voice import load_voice

    library = Library(Path(request["library"]))
    options = ConvertOptions.from_dict(request.get("options", {}))
    inputs = [Path(path) for path in request["inputs"]]
    if not inputs:
        raise BadRequest("no files to convert")
    targets = settle(inputs, Path(request["out"]), overwrite=options.overwrite)
    f0.choose(options.f0_method, library.weights)
    effects.check(options.effects)
    entry = registry.load(library, request["model"])
    report.event("phase", name="load")
    separator = load_separator(options.separator, library.weights) if options.song else None
    voice = load_voice(entry, library.weights, options.device)
    report.event("phase", name="convert")
    outputs: list[dict[str, Any]] = []
    failed: list[dict[str, str]] = []
    outcome = "done"
    for number, target in enumerate(targets, 1):
        told = Told(report, number, len(targets))
        try:
            outputs.append(convert_file(voice, target, options, library, told, separator))
        except Stopped:
            outcome = "stopped"
            break
        except CuratorError as error:
            failed.append({"path": str(target.input), "error": named(target.input, error)})
            report.event("failed", **failed[-1])
    return {
        "outcome": outcome,
        "model": entry.name,
        "model_id": entry.card["id"],
        "options": options.to_dict(),
        "outputs": outputs,
        "failed": failed,
    }


class Told:
    """Says how far one file of several is, and ends the work when that is asked for."""

    def __init__(self, report: JobReport, number: int, files: int) -> None:
        self._report = report
        self.folder = report.job.path
        self._name = f" {number}/{files}" if files > 1 else ""
        self.warnings: list[str] = []

    def progress(self, done: float, total: float, note: str) -> None:
        """Report seconds done; raises Stopped when a clean end was asked for."""
        if self._report.stop_requested():
            raise Stopped
        self._report.progress(done, total, "s", f"{note}{self._name}")

    def warn(self) -> None:
        """Pass on what was noted about the file."""
        for text in self.warnings:
            self._report.warning(text)


@dataclass(frozen=True)
class Made:
    """What became of one file, before it is written."""

    channels: tuple[Track, ...]
    rate: int
    seconds: float
    conversion: Conversion
    facts: dict[str, Any] = field(default_factory=dict)
    """What a song adds to what is said of an output."""


@dataclass
class Bench:
    """One file at work: a scratch folder, and everything that must be let go before the folder is removed."""

    voice: Voice
    library: Library
    told: Told
    folder: Path
    held: ExitStack

    def recording(self, target: Target, options: ConvertOptions) -> Made:
        """A recording of one voice."""
        source, seconds = load(target.input, self.folder, self.told.warnings)
        self.held.callback(source.close)
        track, rate, conversion = self._converted(source, seconds, options)
        return Made((track,), rate, seconds, conversion)

    def song(self, target: Target, options: ConvertOptions, separator: Separator) -> Made:
        """A song: its vocals converted and mixed back, the stems kept beside the output."""
        parts = song.take_apart(target.input, separator, self.folder, self.told.warnings, self.told.progress)
        self.held.callback(parts.close)
        source = song.lead(parts, self.folder)
        self.held.callback(source.close)
        track, _, conversion = self._converted(source, parts.seconds, replace(options, resample=parts.rate))
        channels, gain = song.remix(parts, track, self.folder, keep_backing=options.backing == "keep")
        for mixed in channels:
            self.held.callback(mixed.close)
        stems = song.write_stems(parts, track, target.output, options)
        facts = {"separator": separator.name, "voice_gain_db": round(gain, 2), "stems": stems}
        return Made(channels, parts.rate, parts.seconds, conversion, facts)

    def _converted(self, source: Track, seconds: float, options: ConvertOptions) -> tuple[Track, int, Conversion]:
        from infer.convert import Conversion

        conversion = Conversion(self.voice, options, self.folder, self.library.weights, progress=self.told.progress)
        self.held.callback(conversion.close)
        try:
            track, rate = conversion.run(source, seconds)
        except (MemoryError, RuntimeError) as error:
            if not memory_out(error):
                raise
            advice = "close other programs" if str(self.voice.device) == "cpu" else "convert on the cpu"
            raise CuratorError(f"{self.voice.device} has too little memory; {advice}") from error
        touched = effects.apply(track, rate, options.effects, self.folder)
        self.held.callback(touched.close)
        return touched, rate, conversion


def convert_file(
    voice: Voice,
    target: Target,
    options: ConvertOptions,
    library: Library,
    told: Told,
    separator: Separator | None = None,
) -> dict[str, Any]:
    """Convert one file, a song with `separator`, and say what became of it; raises CuratorError in one line."""
    if target.problem:
        raise BadRequest(target.problem)
    told.progress(0, 1, "reading")
    with ExitStack() as held:
        folder = Path(held.enter_context(tempfile.TemporaryDirectory(prefix="scratch-", dir=told.folder)))
        bench = Bench(voice, library, told, folder, held)
        made = bench.song(target, options, separator) if separator else bench.recording(target, options)
        write(made.channels, made.rate, target.output, options.subtype, limiter=options.limiter)
    told.warn()
    return {
        "input": str(target.input),
        "input_sha256": audio.sha256(target.input),
        "output": str(target.output),
        "sha256": audio.sha256(target.output),
        "seconds": round(made.seconds, 3),
        "sample_rate": made.rate,
        "samples": len(made.channels[0]),
        "f0_method": made.conversion.f0_method,
        "transpose": made.conversion.semitones,
        "versions": versions(),
        "warnings": told.warnings,
    } | made.facts


def named(path: Path, error: CuratorError) -> str:
    """The error's line, with the file in front when it does not name it."""
    text = str(error)
    return text if str(path) in text or path.name in text else f"{path}: {text}"


def versions() -> dict[str, str]:
    """Versions of what decides how an output sounds."""
    found = {}
    for package in ("voice-curator", "torch", "numpy", "soxr", "swift-f0", "faiss-cpu"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


if __name__ == "__main__":
    sys.exit(run_job(Path(sys.argv[1]), work))
