"""How fast the app opens and finds on a library of 100,000 clips, and how much memory it takes.

Run: python -m benchmarks.review [--clips N] [--library DIR] [--runs N]. The library is made as by `catalogue.py`. The
app runs as a person runs it, in a terminal of its own; "usable" is the moment when the terminal has got the screen with
the catalogue's rows on it. The bare program of the same framework draws one line and a footer, and is started in turn
with the app, so that both meet the same machine. The filter is timed inside the app, from the last key to the table
that it gives. The next clip and decisions in a row are measured by `deciding.py`.
"""

from __future__ import annotations

import argparse
import asyncio
import fcntl
import os
import pty
import resource
import select
import signal
import statistics
import struct
import sys
import tempfile
import termios
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks import catalogue
from catalog.library import Library
from catalog.store import Store

SIZE = (120, 40)
LIMIT_S = 60.0
BARE = """
from textual.app import App
from textual.widgets import Footer, Static
class Bare(App):
    BINDINGS = [("q", "quit", "Quit")]
    def compose(self):
        yield Static("take_ ready")
        yield Footer()
Bare().run()
"""
ROWS_SEEN = b"take_"
CLIPS_SEEN = b"Accept"


class Terminal:
    """A program in a terminal of its own."""

    def __init__(self, command: Sequence[str]) -> None:
        self.began = time.perf_counter()
        self.pid, self.handle = pty.fork()
        if not self.pid:
            os.environ |= {"TERM": "xterm-256color", "COLORTERM": "truecolor"}
            os.execvp(command[0], list(command))
        fcntl.ioctl(self.handle, termios.TIOCSWINSZ, struct.pack("HHHH", SIZE[1], SIZE[0], 0, 0))
        self.text = b""

    def until(self, seen: Callable[[bytes], bool]) -> float:
        """Read until something is on the screen; seconds since the last `press`, or since the start."""
        self.text = b""
        limit = time.perf_counter() + LIMIT_S
        while not seen(self.text):
            ready, _, _ = select.select([self.handle], [], [], 0.5)
            if ready:
                self.text += os.read(self.handle, 1 << 16)
            elif time.perf_counter() > limit:
                raise TimeoutError(f"the program does not get there; it drew {self.text[-300:]!r}")
        return time.perf_counter() - self.began

    def press(self, keys: str) -> None:
        """Press keys; times count from here."""
        self.began = time.perf_counter()
        os.write(self.handle, keys.encode())

    def memory_mb(self) -> float:
        """The most memory that the process held so far (VmHWM), in MB."""
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith("VmHWM"):
                return int(line.split()[1]) / 1024
        return float("nan")

    def end(self) -> float:
        """Quit and wait; processor seconds of the whole run."""
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        os.write(self.handle, b"q")
        limit = time.perf_counter() + 10
        while time.perf_counter() < limit:
            try:
                if select.select([self.handle], [], [], 0.1)[0] and not os.read(self.handle, 1 << 16):
                    break
            except OSError:
                break
        done, _ = os.waitpid(self.pid, os.WNOHANG)
        if not done:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        os.close(self.handle)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def line(what: str, times: Sequence[float], bound: str) -> None:
    """The median, the best and the worst of some seconds, in milliseconds, and what must hold."""
    ms = sorted(1000 * each for each in times)
    print(f"{what:<46}{statistics.median(ms):8.0f} ms  (best {ms[0]:.0f}, worst {ms[-1]:.0f})   {bound}", flush=True)


def start(library: Library, runs: int) -> None:
    """From the command to the first usable screen, beside the bare program, and to the review room and its memory."""
    app = [sys.executable, "-m", "curator", "--library", str(library.root)]
    bare = [sys.executable, "-c", BARE]
    usable, plain, review, memory, work = [], [], [], [], []
    for _ in range(runs + 1):
        terminal = Terminal(bare)
        plain.append(terminal.until(lambda text: ROWS_SEEN in text))
        plain_work = terminal.end()
        terminal = Terminal(app)
        usable.append(terminal.until(lambda text: ROWS_SEEN in text))
        terminal.press("2")
        review.append(terminal.until(lambda text: CLIPS_SEEN in text and ROWS_SEEN in text))
        terminal.press("jjjjG")
        time.sleep(0.5)
        memory.append(terminal.memory_mb())
        work.append(terminal.end() - plain_work)
    line("bare start of a Textual program", plain[1:], "")
    line("command to first usable screen", usable[1:], "to hold: < 1500 ms")
    ratios = sorted(a / b for a, b in zip(usable[1:], plain[1:], strict=True))
    print(f"{'  times the bare start, run by run':<46}{statistics.median(ratios):8.2f}     to hold: < 3")
    line("from there to the clips of the review room", review[1:], "")
    print(f"{'most memory, after going through the rooms':<46}{max(memory):8.0f} MB  to hold: < 500 MB", flush=True)


async def find(library: Library, runs: int) -> None:
    """Inside the app: a filter over all scores, orders, and learning, to the table that is shown."""
    from curator.tui.app import CuratorApp
    from curator.tui.screens.review import ReviewScreen
    from curator.tui.widgets.clip_table import ClipTable

    app = CuratorApp(library)
    async with app.run_test(size=SIZE) as pilot:
        while not app.ready:
            await pilot.pause(0.05)
        await pilot.press("2")
        screen = app.screen
        assert isinstance(screen, ReviewScreen)
        table = screen.query_one(ClipTable)
        while table.clips is None:
            await asyncio.sleep(0.01)

        async def shown(where: str, sort: str) -> float:
            await pilot.pause(0.3)
            before, began, worked = table.clips, time.perf_counter(), time.process_time()
            screen.where, screen.sort = where, sort
            screen.load_now()
            while table.clips is before:
                await asyncio.sleep(0.001)
            busy.append(time.process_time() - worked)
            return time.perf_counter() - began

        busy: list[float] = []
        await shown("", "")
        busy.clear()
        every = " AND ".join(f"{name} >= {n % 3}" for n, name in enumerate(catalogue.NUMBERS))
        line("filter over all scores, to the table", [await shown(every, "") for _ in range(runs)], "to hold: < 150 ms")
        print(f"{'  of which processor, all threads':<46}{1000 * statistics.median(busy):8.0f} ms", flush=True)
        line("one filter, snr_db > 90", [await shown("snr_db > 90", "") for _ in range(runs)], "")
        line("all clips by a score", [await shown("", "snr_db DESC NULLS LAST") for _ in range(runs)], "")
        line("no filter, no order", [await shown("", "") for _ in range(runs)], "")


def learn(library: Library) -> None:
    """Learning from the decisions of the whole library, in processor time."""
    from curator.learning import clear_clips
    from curator.learning import learn as learned_from

    with Store(library, idle_s=60) as store:
        clips = store.clip_table()
        for what, work in (
            ("learning from its decisions", lambda: learned_from(clips)),
            ("judging all clips", lambda: clear_clips(clips, learned_from(clips))),
        ):
            began, worked = time.perf_counter(), time.process_time()
            work()
            took, busy = time.perf_counter() - began, time.process_time() - worked
            print(f"{what:<46}{1000 * took:8.0f} ms  (processor {1000 * busy:.0f})", flush=True)


def main() -> None:
    """Read the arguments and run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=int, default=100_000)
    parser.add_argument("--library", type=Path)
    parser.add_argument("--runs", type=int, default=7)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["CURATOR_SETTINGS"] = str(Path(folder) / "settings.toml")
        library = Library(arguments.library or Path(folder) / "library")
        if not library.exists:
            with Store(library, idle_s=60) as store:
                catalogue.fill(store, arguments.clips)
        print(f"load of the machine in the last minute: {os.getloadavg()[0]:.1f}")
        start(library, arguments.runs)
        asyncio.run(find(library, arguments.runs))
        learn(library)


if __name__ == "__main__":
    main()
