"""How long the review room takes to show the next clip, and 1,000 decisions in a row, on a library of 100,000 clips.

Run: python -m benchmarks.deciding [--clips N] [--library DIR] [--decisions N] [--size 144x40]. The library is made as
by `benchmarks/catalogue.py`, plus one recording that is a real file, whose clips are gone through. "Drawn" is the
moment when the app has written out a screen with the new clip's waveform and spectrogram and has nothing left to draw.
Times of the wall clock hold on a machine that does nothing else; processor time is given beside them. The memory is the
app's only when the material was there before: name a library and run it a second time.
"""

from __future__ import annotations

import argparse
import asyncio
import resource
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from textual._compositor import CompositorUpdate
from textual.events import Key

from benchmarks import catalogue
from catalog import audio
from catalog.library import Library
from catalog.records import Activity, Analysis, Clip, Recording, Scoring, clip_id
from catalog.store import Store
from curator.tui.app import CuratorApp
from curator.tui.messages import VerdictConfirmed
from curator.tui.screens.review import ReviewScreen
from curator.tui.widgets.spectrogram import SpectrogramView
from curator.tui.widgets.waveform import Waveform

RATE = 48000
HEARD_CLIPS = 120
CLIP_S = 10
MADE_S = 30
STEPS = 60
REST_S = 0.5


def heard(library: Library) -> Analysis:
    """A stereo recording of twenty minutes with voiced sound and pauses, behind `HEARD_CLIPS` clips."""
    path = library.root / "heard.wav"
    seconds = HEARD_CLIPS * CLIP_S
    if not path.exists():
        time_s = np.arange(MADE_S * RATE) / RATE
        phase = 2 * np.pi * np.cumsum(180 * 2 ** (0.3 * np.sin(0.9 * time_s))) / RATE
        wave = sum(np.sin(k * phase) / k for k in range(1, 12)) * (np.sin(2 * np.pi * 0.35 * time_s) > -0.5)
        wave = 0.1 * wave + 0.002 * np.random.default_rng(0).standard_normal(wave.size)
        wave = np.tile(wave.astype(np.float32), seconds // MADE_S)
        audio.write_wav(path, np.stack([wave, 0.8 * wave], axis=1), RATE, "PCM_24")
    digest = audio.sha256(path)
    samples = seconds * RATE
    recording = Recording(digest[:16], digest, str(path), "a heard voice", RATE, 2, samples, "WAV/PCM_24", 1)
    spans = [(n * CLIP_S * RATE, (n + 1) * CLIP_S * RATE) for n in range(HEARD_CLIPS)]
    clips = [Clip(clip_id(recording.id, a, b), recording.id, a, b) for a, b in spans]
    values = dict.fromkeys(catalogue.NUMBERS, 30.0)
    activity = Activity("made", 0.032, b"\xf0" * (seconds * 1000 // 32 + 1), 0.01, b"\xb0" * (seconds * 100))
    scorings = [Scoring(clip.id, values, {"made": 1}) for clip in clips]
    return Analysis(recording, activity, clips, [], scorings, "dp-1 min=5 max=15")


class Paper:
    """Takes the place of the terminal: what the app would write is made into text, counted, and thrown away."""

    def __init__(self, app: CuratorApp) -> None:
        self.drawn_at = 0.0
        self.drawn = 0
        self.characters = 0
        self._app = app
        self._display = app._display
        app._display = self.display  # type: ignore[method-assign]

    def display(self, screen: Any, renderable: Any) -> None:
        """What Textual calls for every update of the screen."""
        self._display(screen, renderable)
        if isinstance(renderable, CompositorUpdate):
            self.characters += len(renderable.render_segments(self._app.console))
            self.drawn += 1
            self.drawn_at = time.perf_counter()


async def until(condition: Any, patience_s: float = 60.0) -> None:
    """Let the app work until something holds."""
    limit = time.perf_counter() + patience_s
    while not condition():
        if time.perf_counter() > limit:
            raise TimeoutError("the app does not get there")
        await asyncio.sleep(0.004)


async def next_clip(paper: Paper, screen: ReviewScreen) -> float:
    """Press j and wait until the next clip is drawn; seconds from the key to the last of the drawing."""
    row = screen.query_one("#clips").cursor_row  # type: ignore[attr-defined]
    wave, picture = screen.query_one(Waveform), screen.query_one(SpectrogramView)
    before = paper.drawn
    began = time.perf_counter()
    screen.app.post_message(Key("j", "j"))

    def there() -> bool:
        clip = screen.current
        ready = screen.pictures.ready(clip) if clip is not None else None
        return (
            screen.query_one("#clips").cursor_row == row + 1  # type: ignore[attr-defined]
            and ready is not None
            and picture.picture is ready.spectrogram
            and wave.envelope is ready.envelope
            and paper.drawn > before
            and not screen._dirty_widgets
            and not screen._layout_required
        )

    await until(there)
    await asyncio.sleep(0)
    await asyncio.sleep(0.02)
    return paper.drawn_at - began


def summary(what: str, times: list[float], busy: float, own: list[float]) -> str:
    """A line with the median, the 95th percentile and the worst, in milliseconds, and the processor time.

    `busy` is of all threads together, `own` of the thread that draws: the least that a step can take.
    """
    ms = sorted(1000 * each for each in times)
    at_95 = ms[min(len(ms) - 1, int(0.95 * len(ms)))]
    spread = f"median {statistics.median(ms):6.1f} ms, 95 % {at_95:6.1f}, worst {ms[-1]:6.1f}"
    processor = (
        f"{1000 * busy / len(ms):.1f} a clip, {1000 * statistics.median(own):.1f} of it in the thread that draws"
    )
    return f"{what:<34} {spread}; processor {processor}"


async def measure(library: Library, size: tuple[int, int], decisions: int) -> None:
    """Open the app, go to the heard recording, and measure."""
    app = CuratorApp(library)
    paper = Paper(app)
    confirmed: list[tuple[str, str]] = []

    def hear(message: Any) -> None:
        if isinstance(message, VerdictConfirmed):
            confirmed.append((message.clips[0], message.verdict))

    async with app.run_test(size=size, message_hook=hear) as pilot:
        await until(lambda: app.ready)
        await pilot.press("2")
        screen = app.screen
        assert isinstance(screen, ReviewScreen)
        table: Any = screen.query_one("#clips")
        await until(lambda: table.row_count > 0)
        print(f"{table.row_count} clips in the table; terminal {size[0]}x{size[1]}")
        await until(lambda: screen.query_one(SpectrogramView).picture is not None)
        await asyncio.sleep(1)
        for what, rest in (("next clip, half a second on each", REST_S), ("next clip, the key held down", 0.0)):
            times, own, worked = [], [], time.process_time()
            for _ in range(STEPS if rest else STEPS // 2):
                began = time.thread_time()
                times.append(await next_clip(paper, screen))
                own.append(time.thread_time() - began)
                await asyncio.sleep(rest)
            print(summary(what, times, time.process_time() - worked, own), flush=True)
        await decide(app, screen, table, decisions, confirmed)
    print(f"memory at most {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")


async def decide(app: CuratorApp, screen: ReviewScreen, table: Any, decisions: int, confirmed: list[Any]) -> None:
    """Press a and r in a row as fast as the app takes them, and compare with what the catalogue holds."""
    table.move_cursor(row=HEARD_CLIPS + 10)
    await asyncio.sleep(1)
    ids = [table.clip_at(table.cursor_row + n)["id"] for n in range(decisions)]
    keys = ["a" if n % 3 else "r" for n in range(decisions)]
    began, worked = time.perf_counter(), time.process_time()
    for key in keys:
        app.post_message(Key(key, key))
    await until(lambda: len(confirmed) >= decisions, 3600)
    took, worked = time.perf_counter() - began, time.process_time() - worked
    expected = [(clip, "accepted" if key == "a" else "rejected") for clip, key in zip(ids, keys, strict=True)]
    with app.store._reading() as cursor:
        rows = cursor.execute(
            "SELECT clip, verdict FROM decision JOIN action ON action.seq = decision.action"
            " WHERE action.kind = 'decide' ORDER BY action.seq DESC LIMIT ?",
            [decisions],
        ).fetchall()
    right = confirmed[:decisions] == expected and rows[::-1] == expected
    each = 1000 * took / decisions
    print(
        f"{decisions} decisions in a row: {took:.1f} s, {each:.1f} ms each; processor {1000 * worked / decisions:.1f};",
        end=" ",
    )
    print("all kept, in order" if right else "WRONG: not what was pressed")
    if not right:
        raise SystemExit(1)


def main() -> None:
    """Read the arguments, make the library where there is none, and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=int, default=100_000)
    parser.add_argument("--library", type=Path)
    parser.add_argument("--decisions", type=int, default=1000)
    parser.add_argument("--size", default="144x40")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        library = Library(arguments.library or Path(folder) / "library")
        if not library.exists:
            library.create()
            with Store(library, idle_s=60) as store:
                catalogue.fill(store, arguments.clips)
        with Store(library, idle_s=60) as store:
            store.take_in(heard(library))
        width, height = (int(each) for each in arguments.size.split("x"))
        asyncio.run(measure(library, (width, height), arguments.decisions))


if __name__ == "__main__":
    main()
