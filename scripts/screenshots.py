"""Save every screen of the app as SVG, on a small library made for it: `python scripts/screenshots.py [FOLDER]`.

Separate from the tests' snapshots, which watch for change; these are for the README and the docs.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path

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
    "sets": ("3",),
    "training": ("4",),
    "models": ("5",),
    "convert": ("6", "escape"),
    "help": ("2", "question_mark"),
}


async def settle(pilot: Pilot[object]) -> None:
    """Wait until every reading is done and drawn."""
    for _ in range(4):
        await pilot.app.workers.wait_for_complete()
        await pilot.pause(0.15)


async def shoot(library: Library, out: Path, size: tuple[int, int], suffix: str = "") -> None:
    """Open the app once and save its screens."""
    app = CuratorApp(library)
    async with app.run_test(size=size) as pilot:
        await settle(pilot)
        for name, keys in SCREENS.items():
            await pilot.press(keys[0])
            await settle(pilot)
            await pilot.press(*keys[1:])
            await settle(pilot)
            (out / f"{name}{suffix}.svg").write_text(app.export_screenshot(title="curator"), encoding="utf-8")


async def shoot_first_run(out: Path, size: tuple[int, int], folder: Path, suffix: str = "") -> None:
    """The app on an empty library."""
    app = CuratorApp(Library(folder / "new library"))
    async with app.run_test(size=size) as pilot:
        await settle(pilot)
        (out / f"first-run{suffix}.svg").write_text(app.export_screenshot(title="curator"), encoding="utf-8")


def main() -> None:
    """Build the library in a temporary folder and save the screens."""
    out = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).resolve().parent.parent / "docs" / "screens")
    size = tuple(int(n) for n in sys.argv[2].split("x")) if len(sys.argv) > 2 else SIZE
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        library = Library(Path(folder) / "voices")
        build(library)
        asyncio.run(shoot(library, out, (size[0], size[1])))
        asyncio.run(shoot_first_run(out, (size[0], size[1]), Path(folder)))


if __name__ == "__main__":
    main()
