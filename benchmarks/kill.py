"""Kill the app with SIGKILL at random moments of a scripted review, and see that nothing confirmed is lost.

Run: python -m benchmarks.kill [--actions N] [--kills N] [--clips N] [--seed N]. A second process runs the real app on
a library made for it and presses random keys: verdicts with reasons, marks and bulk verdicts, nudges, splits, joins,
tags, undo and redo. What the screen has confirmed it writes to a journal of its own. After every kill the library is
opened again: each confirmed action must be there in the order of confirmation, at most those may follow that were on
their way, and undo must lead back through all of them.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from catalog import audio
from catalog.library import Library
from catalog.records import Activity, Analysis, Clip, Recording, Scoring, clip_id
from catalog.store import Store

RATE = 16000
CLIP_S = 4
KEYS: dict[str, int] = {
    "a": 30,
    "r": 14,
    "x": 4,
    "1": 6,
    "j": 20,
    "k": 8,
    "m": 8,
    "v": 4,
    "n": 6,
    "u": 14,
    "U": 6,
    "right_square_bracket": 5,
    "less_than_sign": 5,
    "shift+right": 6,
    "S": 4,
    "M": 4,
}
"""Keys with how often each is pressed; a tag is typed now and then besides."""


def make(library: Library, clips: int) -> None:
    """A library with one recording of `clips` clips of a quiet noise."""
    library.create()
    path = library.root / "take.wav"
    wave = (0.05 * np.random.default_rng(0).standard_normal(clips * CLIP_S * RATE)).astype(np.float32)
    audio.write_wav(path, wave, RATE, "PCM_16")
    digest = audio.sha256(path)
    recording = Recording(digest[:16], digest, str(path), "alto", RATE, 1, wave.size, "WAV/PCM_16", 1)
    spans = [(n * CLIP_S * RATE, (n + 1) * CLIP_S * RATE) for n in range(clips)]
    found = [Clip(clip_id(recording.id, a, b), recording.id, a, b) for a, b in spans]
    scorings = [Scoring(clip.id, {"snr_db": 20.0 + n % 30}, {"made": 1}) for n, clip in enumerate(found)]
    frames = clips * CLIP_S * 100
    activity = Activity("made", 0.032, b"\xff" * (frames * 10 // 32 + 1), 0.01, b"\xb0" * frames)
    with Store(library) as store:
        store.take_in(Analysis(recording, activity, found, [], scorings, "made"))


async def press(library: Library, confirmed: Path, seed: int, actions: int) -> None:
    """Run the app and press keys until so many actions are confirmed; each confirmation is written down at once."""
    from textual.message import Message

    from curator.tui import scoring_desk
    from curator.tui.app import CuratorApp
    from curator.tui.messages import ClipsEdited, ClipsRemarked, VerdictConfirmed, VerdictTakenBack
    from curator.tui.screens.review import ReviewScreen

    # Scores come from a process that has nothing to do with what is shown here and would take most of the time.
    scoring_desk.ScoringDesk._score = lambda self, ids: []  # type: ignore[method-assign]
    rng = random.Random(seed)
    written = os.open(confirmed, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    count = 0

    def hear(message: Message) -> None:
        nonlocal count
        if isinstance(message, VerdictConfirmed | ClipsEdited | ClipsRemarked | VerdictTakenBack):
            kind = message.kind if isinstance(message, VerdictTakenBack) else "do"
            number = None if isinstance(message, VerdictTakenBack) else message.action
            os.write(written, (json.dumps({"kind": kind, "action": number}) + "\n").encode())
            count += 1

    app = CuratorApp(library)
    async with app.run_test(size=(100, 30), message_hook=hear) as pilot:
        while not app.ready:
            await pilot.pause(0.01)
        await pilot.press("2")
        await pilot.pause()
        screen = app.screen
        assert isinstance(screen, ReviewScreen)
        while not screen.query_one("#clips").row_count:  # type: ignore[attr-defined]
            await pilot.pause(0.01)
        print("pressing", flush=True)
        names, weights = list(KEYS), list(KEYS.values())
        while count < actions:
            if rng.random() < 0.04:
                await pilot.press("t", *rng.choice(("loud", "breath", "keep")), "enter")
            else:
                await pilot.press(rng.choices(names, weights)[0])
            if app.screen is not screen:
                await pilot.press("y" if rng.random() < 0.5 else "escape")
            if app.current_mode != "review":
                await pilot.press("2")


def journal(library: Library) -> list[tuple[str, int]]:
    """What the catalogue holds: the kind and the target of every action, in order."""
    with Store(library) as store, store._reading() as cursor:
        rows = cursor.execute("SELECT kind, coalesce(target, seq) FROM action ORDER BY seq").fetchall()
    return [(kind if kind in ("undo", "redo") else "do", number) for kind, number in rows]


def check(library: Library, confirmed: Path) -> str:
    """Compare what was confirmed with what is there; returns what is wrong, or nothing."""
    said = [json.loads(line) for line in confirmed.read_text().splitlines() if line.endswith("}")]
    there = journal(library)
    if len(there) < len(said):
        return f"{len(said)} actions were confirmed, {len(there)} are there"
    for place, (line, (kind, number)) in enumerate(zip(said, there, strict=False)):
        if line["kind"] != kind or (kind == "do" and line["action"] != number):
            return f"action {place + 1} was confirmed as {line}, and is {kind} {number}"
    with Store(library) as store:
        problems = store.check()
    return problems[0] if problems else ""


def state(store: Store) -> list[tuple[Any, ...]]:
    """All that a person sees of the clips."""
    columns = ("id", "start", "end", "verdict", "reasons", "tags", "note")
    rows = store.clip_table(sort='"start", "end"').select(columns).to_pylist()
    return [tuple(str(row[name]) for name in columns) for row in rows]


def check_undo(library: Library, before: Sequence[tuple[Any, ...]]) -> str:
    """Undo everything, see that the library is as it was made, and do it all again; returns what is wrong."""
    with Store(library) as store:
        now = state(store)
        undone = 0
        while store.undo() is not None:
            undone += 1
        if state(store) != list(before):
            return f"after {undone} undos the clips are not as they were at first"
        for _ in range(undone):
            if store.redo() is None:
                return "what was undone cannot be done again"
        return "" if state(store) == now else "redoing everything gives other clips"


def run(folder: Path, actions: int, kills: int, clips: int, seed: int, *, quiet: bool = False) -> str:
    """The whole trial; returns what is wrong, or nothing."""
    rng = random.Random(seed)
    library, confirmed = Library(folder / "library"), folder / "confirmed.jsonl"
    make(library, clips)
    confirmed.touch()
    with Store(library) as store:
        before = state(store)
    killed = 0
    while True:
        done = len(confirmed.read_text().splitlines())
        if done >= actions:
            break
        wanted = actions if killed >= kills else min(actions, done + max(1, round(actions / (kills + 1))) * 4)
        process = _start(library, confirmed, rng.randrange(1 << 30), wanted - done)
        if killed < kills:
            _wait_for(confirmed, done + rng.uniform(0.3, 1.7) * actions / (kills + 1), process)
            time.sleep(rng.uniform(0, 0.05))
            process.send_signal(signal.SIGKILL)
            killed += 1
        process.wait()
        if process.stdout is not None:
            process.stdout.close()
        trouble = check(library, confirmed)
        if trouble:
            return f"after kill {killed}: {trouble}"
        on_disk = journal(library)
        # What was on its way when the process died is on disk and counts from here on.
        lines = [json.dumps({"kind": kind, "action": None if kind != "do" else number}) for kind, number in on_disk]
        confirmed.write_text("".join(line + "\n" for line in lines))
        if not quiet:
            print(f"kill {killed}: {len(on_disk)} actions on disk, {len(on_disk) - done} of them new")
    return check_undo(library, before)


def _start(library: Library, confirmed: Path, seed: int, actions: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, __file__, "--press", str(library.root), str(confirmed), str(seed), str(actions)]
    environment = {**os.environ, "CURATOR_SETTINGS": str(confirmed.parent / "none.toml")}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment)
    assert process.stdout is not None
    process.stdout.readline()
    return process


def _wait_for(confirmed: Path, lines: float, process: subprocess.Popen[bytes]) -> None:
    while process.poll() is None and confirmed.read_bytes().count(b"\n") < lines:
        time.sleep(0.005)


def main() -> None:
    """Read the arguments and run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--actions", type=int, default=200)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--clips", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--press", nargs=4, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.press:
        library, confirmed, seed, actions = arguments.press
        asyncio.run(press(Library(Path(library)), Path(confirmed), int(seed), int(actions)))
        return
    with tempfile.TemporaryDirectory() as folder:
        trouble = run(Path(folder), arguments.actions, arguments.kills, arguments.clips, arguments.seed)
    print(f"wrong: {trouble}" if trouble else "nothing that was confirmed is lost; undo and redo lead all the way")
    sys.exit(1 if trouble else 0)


if __name__ == "__main__":
    main()
