"""The grid job, `python -m infer.grid_job JOBDIR`: one stretch of a file with several settings, to choose by ear.

Request: library, model, input, start_s (null: the liveliest stretch), seconds, and options, a list. Result: the stretch
as it was (`original`) and a list of `tries`, each with its options and its file. Everything lies in the job's own
folder, and nothing of it enters the catalogue: what is chosen is converted whole afterwards.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from catalog import audio, registry
from catalog.errors import BadRequest, CuratorError
from catalog.jobs import JobReport, run_job
from catalog.library import Library
from infer.__main__ import Stopped, Told, convert_file, named
from infer.excerpt import cut, liveliest
from infer.options import ConvertOptions
from infer.output import Target
from infer.separator_file import load_separator

if TYPE_CHECKING:
    from infer.separation import Samples, Separator

MOST_TRIES = 16
LONGEST_S = 60.0


class Remembering:
    """A separator that takes a track apart once and gives the same parts whenever it is asked again."""

    def __init__(self, separator: Separator) -> None:
        self._separator = separator
        self._parts: list[dict[str, Samples]] | None = None
        self.name = separator.name
        self.stems = separator.stems
        self.sample_rate = separator.sample_rate
        self.channels = separator.channels

    def separate(self, track: Callable[[], Iterable[Samples]]) -> Iterator[dict[str, Samples]]:
        """As `Separator.separate`, for one and the same track."""
        if self._parts is None:
            self._parts = list(self._separator.separate(track))
        else:
            # whoever asks counts its samples as they are read
            for _ in track():
                pass
        yield from self._parts


def work(request: dict[str, Any], report: JobReport) -> dict[str, Any]:
    """Convert one stretch with each of the settings; raises CuratorError when none can even be tried."""
    from infer.voice import load_voice

    library, source = Library(Path(request["library"])), Path(request["input"])
    settings = [ConvertOptions.from_dict(each) for each in request["options"]]
    seconds = float(request["seconds"])
    if not 1 <= len(settings) <= MOST_TRIES:
        raise BadRequest(f"{len(settings)} settings at once: give 1 to {MOST_TRIES}")
    if not 1 <= seconds <= LONGEST_S:
        raise BadRequest(f"{seconds:g} s: give 1 to {LONGEST_S:g}")
    report.phase("load")
    audio.probe(source)
    start_s = liveliest(source, seconds) if request["start_s"] is None else float(request["start_s"])
    original = report.job.path / "original.wav"
    length = cut(source, start_s, seconds, original)
    entry = registry.load(library, request["model"])
    separator = load_separator(settings[0].separator, library.weights) if settings[0].song else None
    taker = None if separator is None else Remembering(separator)
    voice = load_voice(entry, library.weights, settings[0].device)
    report.phase("convert")
    tries: list[dict[str, Any]] = []
    outcome = "done"
    for number, options in enumerate(settings, 1):
        target = Target(original, report.job.path / f"try {number}.wav")
        try:
            made = convert_file(voice, target, options, library, Told(report, number, len(settings)), taker)
            tries.append({"options": options.to_dict(), "output": made["output"], "transpose": made["transpose"]})
        except Stopped:
            outcome = "stopped"
            break
        except CuratorError as error:
            tries.append({"options": options.to_dict(), "error": named(original, error)})
            report.event("failed", path=str(source), error=tries[-1]["error"])
    return {
        "outcome": outcome,
        "model": entry.name,
        "model_id": entry.card["id"],
        "input": str(source),
        "original": str(original),
        "start_s": round(start_s, 3),
        "seconds": round(length, 3),
        "tries": tries,
    }


if __name__ == "__main__":
    sys.exit(run_job(Path(sys.argv[1]), work))
