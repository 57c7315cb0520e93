"""A person's own keys, in the app."""

from __future__ import annotations

from pathlib import Path

from catalog.library import Library
from catalog.store import Store
from curator.tui.app import CuratorApp
from curator.tui.screens.help import binding_ids
from tests.curator.tui.conftest import Settle, row_of_clips


async def test_another_key_decides_when_a_person_says_so(library: Library, tmp_path: Path, settle: Settle) -> None:
    own = tmp_path / "settings.toml"
    own.write_text('[keys.review]\naccept = "y"\n')
    with Store(library) as store:
        store.take_in(row_of_clips(3))
    app = CuratorApp(library, settings=own)
    async with app.run_test(size=(100, 30)) as pilot:
        await settle(pilot)
        await pilot.press("2")
        await settle(pilot)
        await pilot.press("a", "y")
        await settle(pilot)
    with Store(library) as store:
        assert store.clip_table(sort='"start"')["verdict"].to_pylist() == ["accepted", "undecided", "undecided"]


async def test_a_mistake_in_the_keys_does_not_keep_the_app_from_opening(
    library: Library, tmp_path: Path, settle: Settle
) -> None:
    own = tmp_path / "settings.toml"
    own.write_text('[keys.review]\nacept = "y"\n')
    app = CuratorApp(library, settings=own)
    async with app.run_test(size=(100, 30), notifications=True) as pilot:
        await settle(pilot)
        assert any("did you mean review.accept" in note.message for note in app._notifications)


def test_every_binding_that_is_shown_has_a_name_and_says_what_it_does() -> None:
    from textual.binding import Binding

    names = []
    for place in (CuratorApp, *CuratorApp.MODES.values()):
        for binding in place.BINDINGS:
            assert isinstance(binding, Binding)
            assert binding.id
            assert binding.tooltip
            names.append(binding.id)
    assert len(names) == len(set(names))
    assert set(names) <= binding_ids(CuratorApp(Library(Path("/nowhere"))))
