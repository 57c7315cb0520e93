"""What there is to hear of the converter: converted files, tries of a grid and previews of sets, as one kind of thing.

Separate from the room, which lists and plays them: here is where each lies, what made it, and how that is said.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from rich.text import Text
from textual.content import Content

from catalog import sets
from catalog.errors import CuratorError
from catalog.jobs import Job, list_jobs
from catalog.library import Library
from catalog.store import Store
from curator.tui.job_view import JobView
from curator.tui.widgets.listing import Row
from curator.tui.widgets.option_form import settings_words
from curator.words import STATE_MARKS, clock, file_name, number, one_line, position

Kind = Literal["file", "try", "preview"]
MOST_JOBS = 20
"""So many grids and previews are listed, the newest."""
MOST_TOLD = 3
JOBS = ("convert", "grid", "preview")
"""The kinds of job whose results are listed."""


@dataclass(frozen=True)
class Result:
    """One sound that was made of a file."""

    key: str
    kind: Kind
    input: str
    output: str
    voice: str
    """The model, or for a preview the set."""
    options: Mapping[str, Any]
    seconds: float | None
    made_at: str
    starts_s: float = 0.0
    """Where in the input it begins."""
    moved: float | None = None
    """Semitones that were applied, where they are known."""
    facts: tuple[str, ...] = field(default=())
    """What else there is to say, each one line."""

    @property
    def job(self) -> str | None:
        """The job whose folder it lies in and that it may be removed with."""
        return self.key.partition("/")[0] if self.kind != "file" else None


def from_conversion(record: Mapping[str, Any]) -> Result:
    """A conversion of the catalogue."""
    return Result(
        str(record["id"]),
        "file",
        str(record.get("input", "")),
        str(record.get("output", "")),
        str(record.get("model", "")),
        record.get("options") or {},
        record.get("seconds"),
        str(record.get("converted_at", "")),
        moved=record.get("transpose"),
        facts=_song_facts(record),
    )


def _song_facts(record: Mapping[str, Any]) -> tuple[str, ...]:
    stems = record.get("stems") or {}
    if not stems:
        return ()
    gain = number(record.get("voice_gain_db"))
    return (f"a song: the voice {gain} dB to the level of the vocals; its stems are in {Path(stems['vocals']).parent}",)


def of_jobs(store: Store) -> list[Result]:
    """Tries and previews that lie in the folders of their jobs, the newest job first."""
    library = store.library
    found: list[Result] = []
    jobs = [job for job in list_jobs(library.jobs) if job.kind in ("grid", "preview")]
    for job in reversed(jobs[-MOST_JOBS:]):
        result = job.result()
        if result is not None and result.get("outcome") in ("done", "stopped"):
            found += tries(job, result) if job.kind == "grid" else [preview(store, job, result)]
    return found


def tries(job: Job, result: Mapping[str, Any]) -> list[Result]:
    """What a grid has made."""
    return [
        Result(
            f"{job.id}/{n}",
            "try",
            str(result["input"]),
            str(made["output"]),
            str(result["model"]),
            made["options"],
            float(result["seconds"]),
            job.created_at,
            float(result["start_s"]),
            made.get("transpose"),
        )
        for n, made in enumerate(result["tries"], 1)
        if "output" in made
    ]


def preview(store: Store, job: Job, result: Mapping[str, Any]) -> Result:
    """A set heard as a voice, with the clips that were leaned on."""
    shift = float(result["transpose"])
    return Result(
        f"{job.id}/1",
        "preview",
        str(result["input"]),
        str(result["output"]),
        str(result["set"]),
        {"transpose": shift},
        float(result["seconds"]),
        job.created_at,
        moved=shift,
        facts=leaned_on(store, result),
    )


def leaned_on(store: Store, result: Mapping[str, Any]) -> tuple[str, ...]:
    """How foreign the file is to the set, and the clips that a preview took most from, by where they come from."""
    lines = [f"distance to the set's sounds {number(result['distance'], 2)} (0 the same, 2 unrelated)"]
    names = {recording.id: file_name(recording.path) for recording in store.recordings()}
    try:
        clips = {clip.clip: clip for clip in sets.load(store.library, str(result["set"]), verify=False).clips}
    except CuratorError:
        clips = {}
    for leaned in list(result["leaned_on"])[:MOST_TOLD]:
        clip, share = clips.get(str(leaned["clip"])), 100 * float(leaned["share"])
        said = f"clip {leaned['clip']}"
        if clip is not None:
            said = f"{names.get(clip.recording, clip.speaker)} at {position(clip.start / clip.sample_rate)} ({said})"
        lines.append(f"leans {number(share, 0)} % on {said}")
    return tuple(lines)


def remove(library: Library, result: Result) -> None:
    """Remove the job of a try or a preview with all that lies in its folder."""
    if result.job is not None:
        shutil.rmtree(library.jobs / result.job, ignore_errors=True)


def row_of(result: Result, mark: str) -> Row:
    """A result as a row; `mark` stands before it."""
    shown = {"file": "", "try": "try: ", "preview": "preview: "}[result.kind]
    rest = [f"{label} {value}" for label, value in settings_words(result.options) if label != "transpose"]
    return {
        "mark": Text(mark, "bold"),
        "input": shown + file_name(result.input),
        "model": result.voice,
        "transpose": moved_words(result),
        "settings": ", ".join(rest),
        "length": clock(result.seconds),
        "when": result.made_at[:16].replace("T", " "),
    }


def row_of_job(view: JobView) -> Row:
    """A job that is at work or waits."""
    share = "" if view.share is None else f"{view.share * 100:.0f} %"
    state = "waiting" if view.state == "waiting" else view.phase or view.state
    left = f"{clock(view.eta_s)} left" if view.eta_s is not None and view.live else ""
    return {
        "mark": Text(STATE_MARKS[view.state]),
        "input": view.title,
        "model": state,
        "length": share,
        "settings": left,
    }


def moved_words(result: Result) -> str:
    """The transposition as it was applied, or as it was asked for."""
    value = result.options.get("transpose", 0.0) if result.moved is None else result.moved
    shown = value if isinstance(value, str) else f"{value:+g}" if value else "0"
    return shown.replace("-", "−")


def heard_words(name: str, result: Result | None, against: Result | None, sounding: bool) -> Content:
    """One side of a comparison: its letter, what it is, and its settings, of which those that the other side has
    otherwise stand out. None is the original."""
    mark = ("♪ " if sounding else "  ", "bold $success")
    letter = (f"{name}  ", "bold $accent")
    if result is None:
        return Content.assemble(mark, letter, ("the original", "$foreground"))
    others = dict(settings_words(against.options)) if against is not None else {}
    own = settings_words(result.options, others)
    if against is not None:
        others = dict(settings_words(against.options, dict(own)))
    parts: list[tuple[str, str] | str] = [mark, letter, (one_line(result.voice), "$foreground")]
    for label, value in own:
        colour = "bold $warning" if against is not None and others.get(label) != value else "$foreground"
        shown = f"{moved_words(result)} st" if label == "transpose" else value
        parts += ["  ", (f"{label} ", "$foreground 60%"), (shown, colour)]
    return Content.assemble(*parts)


def comparison(b: Result, a: Result | None, sounding: str, width: int) -> Content:
    """The result under the cursor (B) and what it is compared with (A, None: the original), line by line."""
    lines = [heard_words("B", b, a, sounding == "B"), heard_words("A", a, b, sounding == "A")]
    lines += [Content.styled("   " + one_line(fact), "$foreground 60%") for fact in b.facts]
    return Content("\n").join([line.truncate(max(20, width), ellipsis=True) for line in lines])


def listed(views: Sequence[JobView]) -> list[JobView]:
    """Of the jobs at work those whose results are listed, the newest last."""
    return [view for view in views if view.kind in JOBS and view.live]
