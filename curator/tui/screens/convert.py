"""The room in which files get another voice: the choices in one form, beside the queue and the results.

Here is the form and what is done with it; the list and hearing are in the room below it (`comparing_room`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.containers import Container, Horizontal, VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Button, Input, Select, Static

from catalog import registry, sets
from catalog.errors import BadRequest, CuratorError
from catalog.jobs import Job
from curator.inputs import recordings_of
from curator.launch import start_convert, start_grid, start_preview
from curator.tui.results import Result, from_conversion, of_jobs
from curator.tui.screens.comparing_room import COLUMNS, ComparingRoom
from curator.tui.screens.grid_form import Grid, GridForm
from curator.tui.widgets.field import Field, PathSuggester, typed_path
from curator.tui.widgets.listing import Listing
from curator.tui.widgets.option_form import OptionForm
from curator.words import one_line
from infer.options import OFFERED, ConvertOptions
from infer.presets import PRESETS

DEFAULTS, KEPT = "defaults", "kept"


class ConvertScreen(ComparingRoom):
    """A form above or beside its queue and its results."""

    ROOM = "convert"
    CSS_PATH = ["two_panes.tcss", "convert.tcss"]
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "ctrl+s,ctrl+j",
            "convert",
            "Convert",
            tooltip="Convert the file, after those in the queue.",
            id="convert.start",
        ),
        Binding("f7", "grid", "Try several", tooltip="Several settings on ten seconds of the file.", id="convert.grid"),
        Binding("f6", "preview", "Preview", tooltip="The file with the model's set, untrained.", id="convert.preview"),
        Binding("f5", "keep", "Keep", tooltip="Keep these settings for this model.", id="convert.keep"),
        Binding("t", "take", "Take over", tooltip="Put its settings into the form.", id="convert.take"),
        Binding("i", "form", "Form", tooltip="Go to the form; esc goes back to the list.", id="convert.form"),
        Binding("escape", "list", "Results", tooltip="Go to the results.", id="convert.list"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []
        self.sets: dict[str, str] = {}
        """The set that each model was trained on."""
        self.kept: dict[str, dict[str, Any]] = {}
        self.chosen: str | None = None
        self._awaited: str | None = None

    def body(self) -> Iterable[Widget]:
        """The form and the results."""
        with Container(id="body"):
            with Container(id="form-pane"):
                with VerticalScroll(id="form", can_focus=False):
                    yield from self._fields()
                    yield OptionForm(id="options")
                    with Horizontal(classes="buttons"):
                        yield Button("Convert", variant="primary", id="convert", compact=True)
                        yield Button("Try several", id="grid", compact=True)
                yield Static(id="problem")
                yield Static(id="meaning")
            with Container(id="results-pane"):
                yield Static("Results", id="results-title", classes="line")
                yield Listing(COLUMNS, id="results")
                yield Static(id="heard")

    def _fields(self) -> Iterable[Field]:
        file = Input(placeholder="a recording, a song, a folder", suggester=PathSuggester(), id="file", compact=True)
        out = Input(placeholder="beside the file", suggester=PathSuggester(), id="out", compact=True)
        yield Field("Model", Select[str]([], prompt="no models yet", id="model", compact=True), size="long")
        yield Field("File", file, size="long")
        yield Field("Save as", out, size="long")
        yield Field("Begin with", Select(self._starts(), prompt="your own", id="preset", compact=True), size="long")

    def _starts(self) -> list[tuple[str, str]]:
        """Settings to begin with: what is kept for the model, the presets, the defaults."""
        kept = [("kept for this model", KEPT)] if self.chosen in self.kept else []
        presets = [(f"{each.name}: {each.summary}", each.name) for each in PRESETS.values()]
        return [*kept, *presets, ("defaults", DEFAULTS)]

    def _start(self, name: str) -> Mapping[str, Any]:
        """The options of one of those."""
        if name == KEPT:
            return self.kept.get(self.chosen or "", {})
        return PRESETS[name].values if name in PRESETS else {}

    def on_mount(self) -> None:
        """Begin where one begins."""
        self.query_one("#model", Select).focus()

    def commands(self) -> Iterable[tuple[str, str, Callable[[], object]]]:
        """What the palette offers here."""
        yield "Try several settings", "On ten seconds of the file", self.action_grid
        yield "Keep these settings", "For this model", self.action_keep
        yield "Preview the set", "The file with the sounds of the model's set", self.action_preview

    # reading

    def load(self) -> None:
        """Read models, results and kept settings."""
        if self.home.ready:
            self.read("results", self._read_all, self._show)

    def _read_all(self) -> tuple[list[dict[str, Any]], list[Result], dict[str, dict[str, Any]]]:
        cards = [card for card in registry.list_models(self.library) if "error" not in card]
        made = [from_conversion(record) for record in reversed(self.store.conversions())]
        found = sorted([*made, *of_jobs(self.store)], key=lambda result: result.made_at, reverse=True)
        return cards, found, self.store.voice_settings()

    def _show(self, found: tuple[list[dict[str, Any]], list[Result], dict[str, dict[str, Any]]]) -> None:
        cards, results, self.kept = found
        self.sets = {str(card["name"]): str((card.get("set") or {}).get("name") or "") for card in cards}
        names = list(self.sets)
        if names != self.names:
            self.names = names
            select = self.query_one("#model", Select)
            wanted = self.chosen if self.chosen in names else names[0] if names else None
            with self.prevent(Select.Changed):
                select.set_options([(Content(one_line(name)), name) for name in names])
                if wanted is not None:
                    select.value = wanted
            self._choose(wanted)
        self.results = {result.key: result for result in results}
        self.fill_list()
        self._go_to_awaited()
        self.refresh_bindings()

    def _go_to_awaited(self) -> None:
        """Put the cursor on what was just asked for and is there now; a preview is heard at once."""
        first = next((result for result in self.results.values() if result.job and result.job == self._awaited), None)
        if first is not None:
            self._awaited = None
            self.query_one(Listing).go_to(first.key)
            if first.kind == "preview" and self.is_current:
                self.play(first, first, first.starts_s)

    # the form

    def choose(self, name: str) -> None:
        """Put a model into the form."""
        self.chosen = name
        if name in self.names:
            self.query_one("#model", Select).value = name
            self._choose(name)
        self.query_one("#file", Input).focus()

    @on(Select.Changed, "#model")
    def _model_chosen(self, event: Select.Changed) -> None:
        event.stop()
        if isinstance(event.value, str) and event.value != self.chosen:
            self._choose(event.value)

    def _choose(self, name: str | None) -> None:
        """The settings that are kept for a model come with it, or the defaults."""
        self.chosen = name
        with self.prevent(Select.Changed):
            self.query_one("#preset", Select).set_options(self._starts())
        self.query_one(OptionForm).fill(self.kept.get(name or "", {}))

    @on(Select.Changed, "#preset")
    def _preset_chosen(self, event: Select.Changed) -> None:
        event.stop()
        if isinstance(event.value, str):
            song = self.query_one(OptionForm).song
            self.query_one(OptionForm).fill({"song": song, **self._start(event.value)})

    @on(OptionForm.Changed)
    def _options_changed(self, event: OptionForm.Changed) -> None:
        """Say which of the settings to begin with these are, if any."""
        event.stop()
        try:
            now = ConvertOptions.from_dict({**self.query_one(OptionForm).values(), "song": False})
        except CuratorError:
            now = None
        fits = (name for _, name in self._starts() if now == _speech(self._start(name)))
        with self.prevent(Select.Changed):
            self.query_one("#preset", Select).value = next(fits, Select.NULL)

    @on(Button.Pressed, "#convert, #grid")
    def _pressed(self, event: Button.Pressed) -> None:
        self.action_grid() if event.button.id == "grid" else self.action_convert()

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.action_convert()

    def _answered(self, ask: Callable[[], Any]) -> Any:
        """What the form says, or None after its problem was shown."""
        try:
            found = ask()
        except CuratorError as error:
            self._say_problem(str(error))
            return None
        self._say_problem("")
        return found

    def _say_problem(self, words: str) -> None:
        problem = self.query_one("#problem", Static)
        problem.set_class(bool(words), "-some")
        problem.update(Content(one_line(words)))

    def on_descendant_focus(self) -> None:
        """Say in full what the option means that is being set."""
        self.query_one("#heard").set_class(not isinstance(self.focused, Listing), "-in-form")
        name = str(self.focused.id if self.focused is not None else None)
        self.query_one("#meaning", Static).update(Content(OFFERED[name].words if name in OFFERED else ""))

    def _model(self) -> str:
        if self.chosen is None:
            raise BadRequest("There is no model yet: train one in the training room (4)")
        return self.chosen

    def _path(self) -> Path:
        text = self.query_one("#file", Input).value
        if not text.strip():
            raise BadRequest("Type the path of the file to convert; the right arrow completes it")
        return typed_path(text)

    def _file(self) -> Path:
        """The one file that is meant, the first of several."""
        path = self._path()
        found = next(recordings_of([path]), path)
        if not found.is_file():
            raise BadRequest(f"{path}: no such file")
        return found

    def _options(self) -> ConvertOptions:
        from infer import effects
        from infer.f0 import read_points
        from infer.separator_file import find_separator

        options = ConvertOptions.from_dict(self.query_one(OptionForm).values())
        effects.check(options.effects)
        if options.f0_file:
            read_points(Path(options.f0_file))
        if options.song:
            find_separator(options.separator, self.library.weights)
        return options

    def action_convert(self) -> None:
        """Put it into the queue, or say what is missing."""
        answer = self._answered(lambda: (self._model(), *self._inputs(), self._options()))
        if answer is not None:
            self.home.start_job(partial(start_convert, self.library, *answer, queued=True))
            self.query_one(Listing).focus()

    def _inputs(self) -> tuple[list[Path], Path]:
        """The files and where their results go."""
        path, out = self._path(), self.query_one("#out", Input).value
        inputs = list(recordings_of([path]))
        if not inputs or not inputs[0].exists():
            raise BadRequest(f"{path}: no such file, or no recordings in it")
        return inputs, typed_path(out) if out.strip() else free_name(path, self._model(), len(inputs))

    def action_grid(self) -> None:
        """Ask which settings to try."""
        answer = self._answered(lambda: (self._model(), self._file(), self._options()))
        if answer is None:
            return
        model, path, options = answer

        def asked(grid: Grid | None) -> None:
            if grid is not None:
                begin = partial(start_grid, self.library, model, path, grid.settings)
                self.home.start_job(partial(begin, start_s=grid.start_s, seconds=grid.seconds), self._await)
                self.query_one(Listing).focus()

        self.app.push_screen(GridForm(options), asked)

    def action_preview(self) -> None:
        """Hear the file with the sounds of the set that the model was trained on, else of the newest set."""
        path = self._answered(self._file)
        if path is not None:
            self.home.start_job(partial(self._preview, path, self.sets.get(self.chosen or "", "")), self._await)

    def _preview(self, path: Path, wanted: str) -> Job:
        known = [info.name for info in sets.list_sets(self.library)]
        if not known:
            raise BadRequest("There is no set to preview yet: freeze one in the room of sets (3)")
        return start_preview(self.library, wanted if wanted in known else known[-1], path, None)

    def _await(self, job: Job) -> None:
        self._awaited = job.id

    def action_keep(self) -> None:
        """Keep the settings of the form for the model."""
        answer = self._answered(lambda: (self._model(), self._options()))
        if answer is None:
            return
        model, options = answer
        values = {name: value for name, value in options.to_dict().items() if name in OFFERED}
        changed = {name: value for name, value in values.items() if value != getattr(ConvertOptions, name)}
        self.home.write_then(
            lambda store: store.keep_voice_settings(model, changed or None),
            lambda _: self.home.say(f"These settings come with {model} from now on"),
        )

    def action_take(self) -> None:
        """Put the result's model, file and settings into the form."""
        result = self.under_cursor()
        if result is None or result.kind == "preview":
            return
        if result.voice in self.names:
            self.choose(result.voice)
        self.query_one("#file", Input).value = result.input
        self.query_one(OptionForm).fill(result.options)
        self.query_one("#file", Input).focus()
        self.home.say("Its settings are in the form: ^s converts, F5 keeps them for the model")

    def action_form(self) -> None:
        """Go to the form."""
        self.query_one("#file", Input).focus()

    def action_list(self) -> None:
        """Go to the results."""
        self.query_one(Listing).focus()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer in the list what the row under the cursor has, in the form what can be done with it."""
        in_list = self.is_mounted and isinstance(self.focused, Listing)
        if action == "take":
            result = self.under_cursor() if in_list else None
            return result is not None and result.kind != "preview"
        if action in ("list", "keep", "grid", "preview"):
            return not in_list
        return in_list if action == "form" else super().check_action(action, parameters)


def _speech(values: Mapping[str, Any]) -> ConvertOptions:
    """Options of a preset as they are compared: whether it is a song is another question."""
    return ConvertOptions.from_dict({**values, "song": False})


def free_name(path: Path, model: str, files: int = 1) -> Path:
    """A name beside the input that no file has yet; for a folder or several files, a folder beside it."""
    many = path.is_dir() or files > 1
    stem, suffix = (path.name if path.is_dir() else path.parent.name, "") if many else (path.stem, ".wav")
    parent = path.parent if path.is_dir() or not many else path.parent.parent
    for number in range(1, 1000):
        again = f" {number}" if number > 1 else ""
        candidate = parent / f"{stem} - {model}{again}{suffix}"
        if not candidate.exists():
            return candidate
    raise BadRequest(f"{parent} holds a thousand results of {path.name}; give a name to save as")
