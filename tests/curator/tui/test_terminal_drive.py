"""The real program in a real terminal: the main way by keys, under several kinds of terminal, through tmux."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from catalog.library import Library
from catalog.store import Store
from tests.curator.tui.conftest import row_of_clips

TMUX = shutil.which("tmux")
pytestmark = pytest.mark.skipif(TMUX is None, reason="no tmux here")
PATIENCE_S = 120.0
NAMES = ("plain.wav", "take [1] [bold].wav", "شريط صوتي 🎤.wav", "two\nlines.wav")


class Terminal:
    """A tmux server of its own, with the program in it."""

    def __init__(self, folder: Path, command: list[str], *, size: tuple[int, int], term: str) -> None:
        self.socket = str(folder / "tmux")
        environment = {**os.environ, "CURATOR_SETTINGS": str(folder / "settings.toml")}
        environment.pop("TMUX", None)
        environment |= {"COLUMNS": "60", "LINES": "20"}  # what another terminal's shell may have left behind
        words = ["env", f"TERM={term}", "COLORTERM=", *command]
        self.run(
            "-f", "/dev/null", "new-session", "-d", "-x", str(size[0]), "-y", str(size[1]), *words, env=environment
        )

    def run(self, *words: str, env: dict[str, str] | None = None) -> str:
        made = subprocess.run([str(TMUX), "-S", self.socket, *words], capture_output=True, text=True, env=env)
        return made.stdout

    def press(self, *keys: str) -> None:
        self.run("send-keys", *keys)

    def screen(self) -> str:
        return self.run("capture-pane", "-p")

    def until(self, seen: Callable[[str], bool]) -> str:
        """The screen as soon as something is on it; the program runs in another process, so this looks again."""
        limit = time.monotonic() + PATIENCE_S
        while time.monotonic() < limit:
            screen = self.screen()
            if seen(screen):
                return screen
            time.sleep(0.1)
        raise AssertionError(f"not seen:\n{self.screen()}")

    def end(self) -> None:
        self.run("kill-server")


@pytest.fixture
def opened(library: Library, tmp_path: Path) -> Iterator[Callable[..., Terminal]]:
    """Opens the program on a library of four recordings with names that are hard to draw."""
    with Store(library) as store:
        for name in NAMES:
            store.take_in(row_of_clips(2, path=f"/voices/{name}", speaker="alto"))
    terminals: list[Terminal] = []

    def open_(size: tuple[int, int], term: str) -> Terminal:
        command = [sys.executable, "-m", "curator", "--library", str(library.root)]
        terminals.append(Terminal(tmp_path, command, size=size, term=term))
        return terminals[-1]

    yield open_
    for terminal in terminals:
        terminal.end()


def test_the_main_way_by_keys(opened: Callable[..., Terminal], library: Library) -> None:
    terminal = opened((80, 24), "tmux-256color")
    terminal.until(lambda screen: "plain.wav" in screen and "Add recordings" in screen)
    terminal.press("2")
    terminal.until(lambda screen: "8 clips" in screen and "Accept" in screen)
    terminal.press("a", "r", "1")
    terminal.until(lambda screen: "✓ 1" in screen and "✗ 1" in screen)
    terminal.press("u")
    terminal.until(lambda screen: "Undone" in screen)
    terminal.press("?")
    terminal.until(lambda screen: "Play the clip" in screen)
    terminal.press("Escape")
    terminal.until(lambda screen: "Play the clip" not in screen)
    terminal.press("q")
    terminal.until(lambda screen: "Accept" not in screen)
    with Store(library) as store:
        assert sorted(store.clip_table()["verdict"].to_pylist()) == ["accepted", *["undecided"] * 7]


KINDS = [("xterm", (80, 24)), ("linux", (80, 24)), ("tmux-256color", (250, 70))]


@pytest.mark.parametrize(("term", "size"), KINDS, ids=[term for term, _ in KINDS])
def test_every_terminal_shows_the_same_words(opened: Callable[..., Terminal], term: str, size: tuple[int, int]) -> None:
    terminal = opened(size, term)
    # the pane below the table names a recording, too, and may be drawn first
    screen = terminal.until(lambda screen: "two␤lines.wav" in screen and "Add recordings" in screen)
    assert "take [1] [bold].wav" in screen
    assert "8 to decide" in screen
    terminal.press("2")
    screen = terminal.until(
        lambda screen: "8 clips" in screen and "snr" in screen and "Accept" in "".join(screen.splitlines()[-2:])
    )
    assert all(len(line) <= size[0] for line in screen.splitlines())
