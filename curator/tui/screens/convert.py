"""The room in which a file gets another voice: the choices in one form, the results in a list."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.containers import Container, Horizontal, VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Button, Input, Select, Static

from catalog import registry
from catalog.errors import BadRequest, CuratorError
from curator.launch import start_convert
from curator.tui.screens.room import Room
from curator.tui.widgets.field import Field, PathSuggester, typed_path
from curator.tui.widgets.listing import ListColumn, Listing, Row
from curator.tui.words import clock, count, file_name, one_line, place
from infer.f0 import F0_METHODS
from infer.options import AUTO, ConvertOptions

COLUMNS = (
    ListColumn("input", "file", 0),
    ListColumn("model", "model", 14),
    ListColumn("transpose", "pitch", 5, right=True, from_width=56),
    ListColumn("length", "length", 7, right=True),
    ListColumn("when", "made", 16, from_width=64),
)
NUMBERS: tuple[tuple[str, str, str], ...] = (
    ("index_rate", "Index", "0 to 1: towards the voice's own sounds"),
    ("protect", "Protect", "0 to 0.5: lower keeps consonants"),
    ("rms_mix", "Loudness", "0 as the file, 1 as the model"),
)


class ConvertScreen(Room):
    """A form and its results."""

    ROOM = "convert"
    CSS_PATH = ["two_panes.tcss", "convert.tcss"]
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s,ctrl+j", "convert", "Convert", tooltip="Convert the file.", id="convert.start"),
        Binding("space", "play", "Hear", tooltip="Play the result; again stops it.", id="convert.play"),
        Binding("o", "original", "Original", tooltip="Play the file it was made of.", id="convert.original"),
        Binding("i", "form", "Form", tooltip="Go to the form; esc goes back to the list.", id="convert.form"),
        Binding("escape", "list", "Results", tooltip="Go to the results.", id="convert.list"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.results: dict[str, dict[str, Any]] = {}
        self.names: list[str] = []
        self.chosen: str | None = None

    def body(self) -> Iterable[Widget]:
        """The form and the results."""
        with Container(id="body"):
            with VerticalScroll(id="form", can_focus=False):
                yield from self._fields()
                yield Static(id="problem")
                with Horizontal(classes="buttons"):
                    yield Button("Convert", variant="primary", id="convert", compact=True)
            with Container(id="results-pane"):
                yield Static("Results", id="results-title", classes="line")
                yield Listing(COLUMNS, id="results")
                yield Static(id="result-path", classes="line")

    def _fields(self) -> Iterable[Field]:
        methods = [("best that is installed", AUTO), *((f"{m.name}: {m.summary}", m.name) for m in F0_METHODS.values())]
        defaults = ConvertOptions()
        file = Input(placeholder="a recording or a folder", suggester=PathSuggester(), id="file", compact=True)
        out = Input(placeholder="beside the file", suggester=PathSuggester(), id="out", compact=True)
        semitones = "semitones, or auto: the model's pitch"
        yield Field("Model", Select[str]([], prompt="no models yet", id="model", compact=True), size="long")
        yield Field("File", file, size="long")
        yield Field("Save as", out, size="long")
        yield Field(
            "Pitch by", Select(methods, value=AUTO, allow_blank=False, id="f0_method", compact=True), size="long"
        )
        yield Field("Transpose", Input("0", id="transpose", compact=True), semitones, size="short")
        for name, label, meaning in NUMBERS:
            yield Field(label, Input(str(getattr(defaults, name)), id=name, compact=True), meaning, size="short")

    def on_mount(self) -> None:
        """Begin where one begins."""
        self.query_one("#model", Select).focus()

    def load(self) -> None:
        """Read models and results."""
        if self.home.ready:
            self.read("results", self._read_all, self._show)

    def _read_all(self) -> tuple[list[str], list[dict[str, Any]]]:
        names = [str(card["name"]) for card in registry.list_models(self.library) if "error" not in card]
        return names, list(reversed(self.store.conversions()))

    def _show(self, found: tuple[list[str], list[dict[str, Any]]]) -> None:
        names, results = found
        if names != self.names:
            self.names = names
            select = self.query_one("#model", Select)
            wanted = self.chosen if self.chosen in names else names[0] if names else None
            select.set_options([(Content(one_line(name)), name) for name in names])
            if wanted is not None:
                select.value = wanted
        self.results = {str(record["id"]): record for record in results}
        self.query_one(Listing).fill({key: as_row(record) for key, record in self.results.items()})
        title = count(len(results), "result") if results else "No results yet: fill in the form, then Convert (^s)"
        self.query_one("#results-title", Static).update(title)
        self.refresh_bindings()

    def choose(self, name: str) -> None:
        """Put a model into the form."""
        self.chosen = name
        if name in self.names:
            self.query_one("#model", Select).value = name
        self.query_one("#file", Input).focus()

    @on(Listing.Moved)
    def _moved(self, event: Listing.Moved) -> None:
        record = self.results.get(event.row_key or "")
        words = place(str(record["output"]), self.library.root) if record else ""
        self.query_one("#result-path", Static).update(Content(words))

    @on(Listing.Opened)
    def _opened(self) -> None:
        self.action_play()

    @on(Button.Pressed, "#convert")
    def _pressed(self) -> None:
        self.action_convert()

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.action_convert()

    def action_convert(self) -> None:
        """Start converting, or say what is missing."""
        try:
            path, out, options = self._answer()
            model = str(self.query_one("#model", Select).value)
        except CuratorError as error:
            self.query_one("#problem", Static).update(Content(one_line(str(error))))
            return
        self.query_one("#problem", Static).update("")
        self.home.start_job(partial(start_convert, self.library, model, [path], out, options))
        self.query_one(Listing).focus()

    def _answer(self) -> tuple[Path, Path, ConvertOptions]:
        if not self.names or not isinstance(self.query_one("#model", Select).value, str):
            raise BadRequest("There is no model yet: train one in the training room (4)")
        text = self.query_one("#file", Input).value
        if not text.strip():
            raise BadRequest("Type the path of the file to convert; the right arrow completes it")
        path = typed_path(text)
        if not path.exists():
            raise BadRequest(f"{path}: no such file or folder")
        values: dict[str, Any] = {"f0_method": self.query_one("#f0_method", Select).value}
        transpose = self.query_one("#transpose", Input).value.strip() or "0"
        values["transpose"] = AUTO if transpose == AUTO else figure("transpose", transpose)
        for name, label, _ in NUMBERS:
            values[name] = figure(label.lower(), self.query_one(f"#{name}", Input).value)
        out = self.query_one("#out", Input).value
        model = str(self.query_one("#model", Select).value)
        return path, typed_path(out) if out.strip() else free_name(path, model), ConvertOptions.from_dict(values)

    def action_play(self) -> None:
        """Play the result under the cursor, or stop."""
        self._play("output")

    def action_original(self) -> None:
        """Play what the result was made of, or stop."""
        self._play("input")

    def _play(self, what: str) -> None:
        record = self.results.get(self.query_one(Listing).key or "")
        if self.home.player.playing:
            self.home.player.stop()
        elif record is not None:
            self.home.play(str(record[what]))

    def action_form(self) -> None:
        """Go to the form."""
        self.query_one("#file", Input).focus()

    def action_list(self) -> None:
        """Go to the results."""
        self.query_one(Listing).focus()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer to play only what is there."""
        in_list = isinstance(self.focused, Listing)
        if action in ("play", "original"):
            return in_list and bool(self.results)
        return not in_list if action == "list" else in_list if action == "form" else True


def figure(name: str, text: str) -> float:
    """A number that was typed; raises BadRequest."""
    try:
        return float(text.strip().replace(",", ".").replace("−", "-"))
    except ValueError:
        raise BadRequest(f"{name} {text or '(empty)'}: give a number") from None


def free_name(path: Path, model: str) -> Path:
    """A name beside the input that no file has yet; for a folder, a folder beside it."""
    stem, suffix = (path.name, "") if path.is_dir() else (path.stem, ".wav")
    for number in range(1, 1000):
        again = f" {number}" if number > 1 else ""
        candidate = path.parent / f"{stem} - {model}{again}{suffix}"
        if not candidate.exists():
            return candidate
    raise BadRequest(f"{path.parent} holds a thousand results of {path.name}; give a name to save as")


def as_row(record: Mapping[str, Any]) -> Row:
    """A conversion as a row."""
    options = record.get("options") or {}
    transpose = options.get("transpose", 0)
    shown = transpose if isinstance(transpose, str) else f"{transpose:+g}" if transpose else "0"
    return {
        "input": file_name(str(record.get("input", ""))),
        "model": str(record.get("model", "")),
        "transpose": shown.replace("-", "−"),
        "length": clock(record.get("seconds")),
        "when": str(record.get("converted_at", ""))[:16].replace("T", " "),
    }
