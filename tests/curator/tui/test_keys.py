"""A person's own keys, in the app."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from pathlib import Path

import pytest
from textual.binding import Binding
from textual.widgets import Static

from catalog.errors import BadRequest
from catalog.library import Library
from catalog.store import Store
from curator import settings
from curator.tui import screens, widgets
from curator.tui.app import CuratorApp
from curator.tui.bindings import named_bindings
from curator.tui.rooms import room_classes
from curator.tui.theme import theme_for
from curator.tui.widgets.listing import Listing
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
    names = []
    for place in (CuratorApp, *room_classes()):
        for binding in place.BINDINGS:
            assert isinstance(binding, Binding)
            assert binding.id
            assert binding.tooltip
            names.append(binding.id)
    assert len(names) == len(set(names))
    assert set(names) <= set(named_bindings(CuratorApp))


def test_every_binding_with_a_name_can_be_given_another_key() -> None:
    named = named_bindings(CuratorApp)
    for package in (screens, widgets):
        for info in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
            for _, part in inspect.getmembers(importlib.import_module(info.name), inspect.isclass):
                for binding in part.__dict__.get("BINDINGS", ()):
                    if part.__module__ == info.name and isinstance(binding, Binding) and binding.id:
                        assert binding.id in named, f"{part.__name__}: {binding.id}"


async def test_a_key_is_given_in_the_app_kept_in_the_file_and_works_at_once(
    library: Library, tmp_path: Path, settle: Settle
) -> None:
    own = tmp_path / "settings.toml"
    with Store(library) as store:
        store.take_in(row_of_clips(3))
    app = CuratorApp(library, settings=own)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await pilot.press("2", "f2")
        await settle(pilot)
        listing = app.screen.query_one(Listing)
        listing.go_to("key:review.accept")
        await pilot.press("enter", "r")
        assert settings.read(own).keys == {}, "r is the key of something else here"
        await pilot.press("enter", "y")
        assert settings.read(own).keys == {"review.accept": "y"}
        await pilot.press("escape", "y")
        await settle(pilot)
        with Store(library) as store:
            assert store.clip_table(sort='"start"')["verdict"].to_pylist()[0] == "accepted"
        await pilot.press("f2")
        await settle(pilot)
        app.screen.query_one(Listing).go_to("key:review.accept")
        await pilot.press("delete")
        assert settings.read(own).keys == {}
        assert str(app.screen.query_one("#settings-meaning", Static).render()) == "Accept and go on"


async def test_a_theme_that_was_chosen_stays_and_one_that_was_not_is_not_written(
    library: Library, tmp_path: Path, settle: Settle
) -> None:
    own = tmp_path / "settings.toml"
    app = CuratorApp(library, settings=own)
    async with app.run_test(size=(100, 30)) as pilot:
        await settle(pilot)
        assert app.theme == "curator"
        assert not own.exists()
        app.theme = "nord"
        await settle(pilot)
    assert settings.read(own).text("theme") == "nord"
    again = CuratorApp(library, settings=own)
    async with again.run_test(size=(100, 30)) as pilot:
        await settle(pilot)
        assert again.theme == "nord"


@pytest.mark.parametrize(
    ("chosen", "colours", "theme"),
    [
        ("auto", "truecolor", "curator"),
        ("auto", "256", "curator"),
        ("auto", "standard", "ansi-dark"),
        ("auto", None, "ansi-dark"),
        ("gone", "256", "curator"),
        ("curator-light", "standard", "curator-light"),
    ],
)
def test_a_terminal_with_few_colours_gets_its_own(chosen: str, colours: str | None, theme: str) -> None:
    assert theme_for(chosen, ["curator", "curator-light", "ansi-dark"], colours) == theme


async def test_the_app_begins_in_the_room_that_a_person_wants(library: Library, tmp_path: Path, settle: Settle) -> None:
    own = tmp_path / "settings.toml"
    settings.write("start", "review", own)
    app = CuratorApp(library, settings=own)
    async with app.run_test(size=(100, 30)) as pilot:
        await settle(pilot)
        assert app.current_mode == "review"
        assert "Add recordings in the library (1)" in str(app.screen.query_one("#clip-heading", Static).render())


async def test_what_was_said_can_be_read_again_among_the_jobs(library: Library, settle: Settle) -> None:
    app = CuratorApp(library)
    async with app.run_test(size=(100, 30)) as pilot:
        await settle(pilot)
        app.complain(BadRequest("the [disk] is full: free some space"))
        await pilot.press("J")
        await settle(pilot)
        assert "the [disk] is full: free some space" in str(app.screen.query_one("#job-words").render())
