"""The conversion job, `python -m infer JOBDIR`: files in, converted files out, one bad file never stops the rest.

Request: library, model, inputs, out, options. Result: outputs and failed, with what traces each output back to its
model; whoever asked for the job takes that into the catalogue.
"""

from __future__ import annotations

import sys
import tempfile
from contextlib import ExitStack
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from catalog import audio, registry
from catalog.errors import BadRequest, CuratorError
from catalog.jobs import JobReport, run_job
from catalog.library import Library
from infer.options import ConvertOptions
from infer.output import Target, settle, write

if TYPE_CHECKING:
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
    entry = registry.load(library, request["model"])
    report.event("phase", name="load")
    voice = load_voice(entry, library.weights, options.device)
    report.event("phase", name="convert")
    outputs: list[dict[str, Any]] = []
    failed: list[dict[str, str]] = []
    outcome = "done"
    for number, target in enumerate(targets, 1):
        try:
            outputs.append(convert_file(voice, target, options, library, Told(report, number, len(targets))))
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


def convert_file(voice: Voice, target: Target, options: ConvertOptions, library: Library, told: Told) -> dict[str, Any]:
    """Convert one file and say what became of it; raises CuratorError in one line."""
    import torch

    from infer.convert import Conversion
    from infer.source import load

    if target.problem:
        raise BadRequest(target.problem)
    told.progress(0, 1, "reading")
    with ExitStack() as held:
        folder = Path(held.enter_context(tempfile.TemporaryDirectory(prefix="scratch-", dir=told.folder)))
        source, seconds = load(target.input, folder, told.warnings)
        held.callback(source.close)
        conversion = Conversion(voice, options, folder, library.weights, progress=told.progress)
        held.callback(conversion.close)
        try:
            track, rate = conversion.run(source, seconds)
        except torch.OutOfMemoryError as error:
            raise CuratorError(f"{target.input}: {voice.device} has too little memory; convert on the cpu") from error
        write(track, rate, target.output, options.subtype)
    told.warn()
    return {
        "input": str(target.input),
        "input_sha256": audio.sha256(target.input),
        "output": str(target.output),
        "sha256": audio.sha256(target.output),
        "seconds": round(seconds, 3),
        "sample_rate": rate,
        "samples": len(track),
        "f0_method": conversion.f0_method,
        "transpose": conversion.semitones,
        "versions": versions(),
        "warnings": told.warnings,
    }


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
