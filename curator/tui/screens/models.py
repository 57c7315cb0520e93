"""The room of models: the voices that were trained or imported, each with its card."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.containers import Container, Vertical
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from catalog import registry
from curator.tui.screens.ask import Confirm
from curator.tui.screens.room import Room
from curator.tui.widgets.facts import Facts
from curator.tui.widgets.listing import ListColumn, Listing, Row
from curator.words import NONE, clock, count, day, number, one_line, rate

COLUMNS = (
    ListColumn("name", "model", 0),
    ListColumn("rate", "rate", 9, right=True),
    ListColumn("encoder", "encoder", 11),
    ListColumn("set", "set", 14),
    ListColumn("steps", "steps", 7, right=True),
    ListColumn("created", "made", 10),
)


class ModelsScreen(Room):
    """The registry, one row a model."""

    ROOM = "models"
    CSS_PATH = "two_panes.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("c,enter", "convert", "Convert with it", tooltip="Convert a file with it.", id="models.convert"),
        Binding("d", "remove", "Remove", tooltip="Remove the model, after a question.", id="models.remove"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.cards: dict[str, dict[str, Any]] = {}

    def body(self) -> Iterable[Widget]:
        """The list and the card of the model under the cursor."""
        yield Static(id="totals", classes="line")
        with Container(id="body"):
            yield Listing(COLUMNS, id="models")
            with Vertical(id="facts"):
                yield Facts(id="fact-words")

    def load(self) -> None:
        """Read the registry."""
        if self.home.ready:
            self.read("models", lambda: registry.list_models(self.library), self._show)

    def _show(self, cards: list[dict[str, Any]]) -> None:
        self.cards = {str(card["name"]): card for card in cards}
        self.query_one("#totals", Static).update(Content(count(len(cards), "model")))
        self.query_one(Listing).fill({name: as_row(card) for name, card in self.cards.items()})
        if not cards:
            self.query_one(Facts).say(
                Content("No models yet. Train one (4), or import one with: curator models import FILE")
            )
        self.refresh_bindings()

    @on(Listing.Moved)
    def _moved(self, event: Listing.Moved) -> None:
        card = self.cards.get(event.row_key or "")
        if card is not None and "error" in card:
            self.query_one(Facts).say(Content.styled(one_line(str(card["error"])), "$error"))
        elif card is not None:
            self.query_one(Facts).show(facts_of(card))

    @on(Listing.Opened)
    def _opened(self) -> None:
        self.action_convert()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer what can be done now."""
        if action in ("convert", "remove"):
            return bool(self.cards) or None
        return True

    def action_convert(self) -> None:
        """Go to the converting room with this model chosen."""
        from curator.tui.screens.convert import ConvertScreen

        name = self.query_one(Listing).key
        if name is None:
            return
        self.home.go("convert")
        room = self.home.room("convert")
        if isinstance(room, ConvertScreen):
            room.once_open(lambda: room.choose(name))

    def action_remove(self) -> None:
        """Ask, and remove."""
        name = self.query_one(Listing).key
        if name is None:
            return

        def answered(yes: bool | None) -> None:
            if yes:
                self.read("remove", lambda: registry.remove(self.library, name), lambda _: self._removed(name))

        question = f"Remove the model {name}? Its weights are deleted; the set and the run it came from stay."
        self.app.push_screen(Confirm(question, "Remove", "Keep"), answered)

    def _removed(self, name: str) -> None:
        self.home.say(f"Removed {name}")
        self.home.catalogue += 1


def as_row(card: Mapping[str, Any]) -> Row:
    """A card as a row; a damaged model says so."""
    if "error" in card:
        return {"name": f"{card['name']}  (damaged)"}
    steps = (card.get("run") or {}).get("steps")
    return {
        "name": str(card["name"]),
        "rate": rate(card.get("sample_rate")),
        "encoder": str((card.get("encoder") or {}).get("name") or NONE),
        "set": str((card.get("set") or {}).get("name") or NONE),
        "steps": f"{steps:,}" if isinstance(steps, int) else NONE,
        "created": day(str(card.get("created_at", ""))),
    }


def facts_of(card: Mapping[str, Any]) -> list[tuple[str, str]]:
    """A card's facts, with where the voice came from."""
    trained, run = card.get("set") or {}, card.get("run") or {}
    stats, encoder = card.get("f0_stats") or {}, card.get("encoder") or {}
    steps = f"{run['steps']:,} steps, preset {run.get('preset')}" if isinstance(run.get("steps"), int) else NONE
    if run.get("started_from"):
        steps += f", {run['started_from']}"
    made_of = (
        f"{trained.get('name')}: {trained.get('clips')} clips, {clock(trained.get('seconds'))}" if trained else NONE
    )
    pitch = NONE
    if stats.get("p5") and stats.get("p95"):
        pitch = f"{number(stats['p5'], 0)} to {number(stats['p95'], 0)} Hz, median {number(stats.get('p50'), 0)} Hz"
    facts = [
        ("model", str(card["name"])),
        ("id", str(card.get("id", NONE))),
        ("speakers", ", ".join(str(each) for each in card.get("speakers") or []) or NONE),
        ("rate", f"{rate(card.get('sample_rate'))}, {'with' if card.get('f0') else 'without'} pitch"),
        ("encoder", f"{encoder.get('name', NONE)}, {encoder.get('dim', NONE)} values a frame"),
        ("pitch", pitch),
        ("set", made_of),
        ("run", str(run.get("id") or NONE)),
        ("trained", steps),
        ("index", "yes" if any("index" in name for name in card.get("files") or {}) else "no"),
        ("licence", str(card.get("licence") or card.get("consent") or NONE)),
    ]
    metrics = [(name, value) for name, value in (card.get("metrics") or {}).items() if isinstance(value, int | float)]
    return facts + [("" if n else "measured", f"{name} {value:.4g}") for n, (name, value) in enumerate(metrics)]
