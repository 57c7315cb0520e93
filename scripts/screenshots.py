"""Save every screen of the app as SVG, on a small library made for it: `python scripts/screenshots.py [FOLDER]`.

Separate from the tests' snapshots, which watch for change; these are for the README and the docs.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path
from typing import Any
from unittest.mock import patch

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from sample_library import build
from textual.pilot import Pilot

from catalog.library import Library
from curator.tui.app import CuratorApp

SIZE = (144, 40)
SCREENS: dict[str, tuple[str, ...]] = {
    "library": ("1", "down"),
    "review": ("2", "n", "down", "down"),
    "filter": ("2", "slash", *"snr_db>20 and over"),
    "views": ("escape", "o"),
    "settings": ("escape", "f2"),
    "sets": ("escape", "3"),
    "training": ("4",),
    "models": ("5",),
    "convert": ("6", "escape", "m", "down"),
    "help": ("2", "question_mark"),
}


async def settle(pilot: Pilot[Any]) -> None:
    """Wait until every reading is done and drawn."""
    quiet = 0
    while quiet < 4:
        await pilot.pause(0.03)
        app = pilot.app
        busy = not app.ready or app.writer.waiting or any(worker.is_running for worker in app.workers)
        quiet = 0 if busy else quiet + 1
    await pilot.pause()


async def shoot(library: Library, out: Path, size: tuple[int, int], suffix: str = "") -> None:
    """Open the app once and save its screens."""
    app = CuratorApp(library)
    app.settings_file = Path("~/.config/curator/settings.toml")
    async with app.run_test(size=size) as pilot:
        await settle(pilot)
        for name, keys in SCREENS.items():
            for key in keys:
                await pilot.press(key)
                await settle(pilot)
            (out / f"{name}{suffix}.svg").write_text(app.export_screenshot(title="curator"), encoding="utf-8")


async def shoot_first_run(out: Path, size: tuple[int, int], folder: Path, suffix: str = "") -> None:
    """The app on an empty library."""
    app = CuratorApp(Library(folder / "new library"))
    async with app.run_test(size=size) as pilot:
        await settle(pilot)
        (out / f"first-run{suffix}.svg").write_text(app.export_screenshot(title="curator"), encoding="utf-8")


async def save_all(out: Path, folder: Path, size: tuple[int, int]) -> None:
    """Build the library in a folder and save all screens."""
    settings = folder / "settings.toml"
    library = Library(folder / "voices")
    build(library)
    with (
        patch("curator.settings.settings_file", lambda: settings),
        patch("curator.tui.screens.clip_room.TYPING_S", 0.001),
        patch("textual.widgets.Input.cursor_blink", False),
    ):
        await shoot(library, out, size)
        await shoot_first_run(out, size, folder)


def main() -> None:
    """Build the library in a temporary folder and save the screens."""
    out = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).resolve().parent.parent / "docs" / "screens")
    size = tuple(int(n) for n in sys.argv[2].split("x")) if len(sys.argv) > 2 else SIZE
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(save_all(out, Path(folder), (size[0], size[1])))


if __name__ == "__main__":
    main()
