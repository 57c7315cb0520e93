"""The question before a grid: which transpositions and index rates are to be tried, and on which stretch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from textual.widgets import Input

from catalog.errors import BadRequest
from curator.tui.screens.ask import Form
from curator.tui.widgets.field import Field
from curator.tui.widgets.option_form import figure, written
from infer.options import AUTO, ConvertOptions

MOST = 16
SECONDS = 10.0
OCTAVE = 12.0


@dataclass(frozen=True)
class Grid:
    """Settings to be tried on one stretch of a file."""

    settings: tuple[ConvertOptions, ...]
    start_s: float | None
    """Where it begins; None for the liveliest stretch."""
    seconds: float


class GridForm(Form[Grid]):
    """Asks for values; every transposition is tried with every index rate, all else is as in the form."""

    TITLE_TEXT = "Try several settings"
    BUTTON = "Try"

    def __init__(self, options: ConvertOptions) -> None:
        super().__init__()
        self.options = options

    def words(self) -> str:
        """What happens then."""
        return "The same stretch of the file with each; b compares them by ear, t takes one over."

    def fields(self) -> Sequence[Field]:
        """Values and stretch."""
        start = Input(placeholder="liveliest", id="start", compact=True)
        start.add_class("-optional")
        transposes = Input(around(self.options.transpose), id="transposes", compact=True)
        return [
            Field("Transpose", transposes, "semitones, several"),
            Field("Index rate", Input(written(self.options.index_rate), id="rates", compact=True), "0 to 1, several"),
            Field("From", start, "seconds, or m:ss", size="short"),
            Field("Length", Input(f"{SECONDS:g}", id="seconds", compact=True), "seconds, up to 60", size="short"),
        ]

    def answer(self) -> Grid:
        """The settings, checked as the command checks them."""
        transposes = [value if value == AUTO else figure("transpose", value) for value in self._several("#transposes")]
        rates = [figure("index rate", value) for value in self._several("#rates")]
        if not 1 <= len(transposes) * len(rates) <= MOST:
            raise BadRequest(f"{len(transposes)} × {len(rates)} settings: give 1 to {MOST} in all")
        start = self.query_one("#start", Input).value.strip()
        seconds = figure("length", self.query_one("#seconds", Input).value)
        if not 1 <= seconds <= 60:
            raise BadRequest(f"length {seconds:g} s: give 1 to 60")
        settings = [
            replace(self.options, transpose=AUTO if semitones == AUTO else float(semitones), index_rate=rate)
            for semitones in transposes
            for rate in rates
        ]
        return Grid(tuple(settings), moment(start) if start else None, seconds)

    def _several(self, selector: str) -> list[str]:
        """The values of a line, each once, apart by spaces or by commas with a space."""
        return list(dict.fromkeys(self.query_one(selector, Input).value.replace(", ", " ").split()))


def around(transpose: float | str) -> str:
    """A transposition with its octaves, which keep a song's key."""
    if isinstance(transpose, str):
        return f"{transpose} 0"
    return " ".join(written(value) for value in (transpose, transpose - OCTAVE, transpose + OCTAVE))


def moment(text: str) -> float:
    """Seconds of "83", "83.5" or "1:23"; raises BadRequest."""
    minutes, colon, seconds = text.rpartition(":")
    total = figure("from", seconds) + (60 * figure("from", minutes) if colon else 0)
    if not 0 <= total < 1e6:
        raise BadRequest(f"from {text}: give a time in the file")
    return total
