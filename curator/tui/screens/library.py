"""The first room: which recordings there are and how far each has been reviewed; adding more."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, ClassVar

from rich.text import Text
from textual import on
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from catalog.records import LeftOut
from curator.launch import start_add
from curator.tui.job_view import JobView
from curator.tui.messages import RecordingChosen, RecordingSought
from curator.tui.screens.add import AddForm, Addition
from curator.tui.screens.room import Room
from curator.tui.widgets.job_strip import progress_bar
from curator.tui.widgets.listing import ListColumn, Listing, Row
from curator.words import clock, count, file_name, one_line, place, rate

COLUMNS = (
    ListColumn("speaker", "speaker", 14),
    ListColumn("name", "recording", 0),
    ListColumn("length", "length", 8, right=True),
    ListColumn("rate", "rate", 9, right=True, from_width=100),
    ListColumn("channels", "ch", 2, right=True, from_width=100),
    ListColumn("clips", "clips", 6, right=True),
    ListColumn("accepted", "✓", 5, right=True),
    ListColumn("rejected", "✗", 5, right=True),
    ListColumn("open", "·", 5, right=True),
    ListColumn("decided", "decided", 12, from_width=110),
)
WELCOME = """\
From recordings to a voice, in six rooms (the numbers above are their keys):

  1  Library    bring recordings in; they are cut into clips and scored
  2  Review     listen, accept and reject by keyboard
  3  Sets       freeze what you accepted
  4  Training   make a voice of a set
  5  Models     the voices you have
  6  Convert    give a file another voice"""

CALL = Content.assemble("Press ", ("a", "bold $accent"), " to add your first recordings.")
COMING = Content("Adding your first recordings: each appears here as soon as it is analysed.")


class LibraryScreen(Room):
    """Recordings, one row each."""

    ROOM = "library"
    CSS_PATH = "library.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("a", "add", "Add recordings", tooltip="Bring in a folder or a file.", id="library.add"),
        Binding("enter", "review", "Review", tooltip="Review the clips of this recording.", id="library.review"),
        Binding(
            "f", "find", "Find", show=False, tooltip="Find a recording by some letters of its name.", id="library.find"
        ),
        Binding("x", "stop", "Stop adding", tooltip="Stop adding; what is done stays.", id="library.stop"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.rows: dict[str, dict[str, Any]] = {}
        self._adding = False

    def body(self) -> Iterable[Widget]:
        """The list, a word about the recording under the cursor, and a welcome while there is none."""
        with Vertical(id="body"):
            yield Static(id="library-totals", classes="line")
            yield Listing(COLUMNS, id="recordings")
            yield Static(id="library-facts")
            with Vertical(id="welcome"):
                yield Static(Content(WELCOME), id="welcome-words")
                yield Static(CALL, id="welcome-call")

    def load(self) -> None:
        """Read the recordings."""
        if self.home.ready:
            self.read("recordings", self.store.recording_rows, self._show)

    def _show(self, rows: list[dict[str, Any]]) -> None:
        self.rows = {str(row["id"]): row for row in rows}
        self.set_class(not rows, "-empty")
        self.set_class(bool(rows), "-some")
        self.query_one(Listing).fill({key: as_row(row) for key, row in self.rows.items()})
        if rows and self.focused is None:
            self.query_one(Listing).focus()
        self.query_one("#library-totals", Static).update(totals(rows))
        self.refresh_bindings()

    @on(Listing.Moved)
    def _moved(self, event: Listing.Moved) -> None:
        row = self.rows.get(event.row_key or "")
        facts = self.query_one("#library-facts", Static)
        if row is None:
            facts.update("")
            return
        facts.update(facts_of(row, None, self.library.root))
        recording, root = str(row["id"]), self.library.root
        self.read(
            "left out", lambda: self.store.left_out(recording), lambda parts: facts.update(facts_of(row, parts, root))
        )

    @on(Listing.Opened)
    def _opened(self) -> None:
        self.action_review()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer what can be done now."""
        if action == "review":
            return bool(self.rows)
        if action == "stop":
            return self.adding
        return True

    def jobs_moved(self, views: tuple[JobView, ...]) -> None:
        """Offer to stop only while something can be stopped, and say that the first recordings are on their way."""
        if self.adding != self._adding:
            self._adding = self.adding
            self.query_one("#welcome-call", Static).update(COMING if self._adding else CALL)
            self.refresh_bindings()

    def action_add(self) -> None:
        """Ask what to add, and begin."""
        speakers = sorted({str(row["speaker"]) for row in self.rows.values()})
        self.app.push_screen(AddForm(speakers), self._add)

    def _add(self, addition: Addition | None) -> None:
        if addition is None:
            return
        library, store = self.library, self.store

        def begin() -> Any:
            known = [recording.sha256 for recording in store.recordings()]
            return start_add(library, [Path(addition.path)], addition.speaker, known=known)

        self.home.start_job(begin)

    def action_find(self) -> None:
        """Find a recording."""
        self.post_message(RecordingSought())

    def action_stop(self) -> None:
        """Stop the adding that is under way."""
        for view in self.home.jobs:
            if view.kind == "add" and view.live:
                self.home.stop_job(view.id)

    def action_review(self) -> None:
        """Go to the clips of the recording under the cursor."""
        key = self.query_one(Listing).key
        if key is not None:
            self.post_message(RecordingChosen(key, file_name(str(self.rows[key]["path"]))))


def as_row(row: dict[str, Any]) -> Row:
    """A recording as a row of the list."""
    clips, accepted, rejected = (int(row.get(name) or 0) for name in ("clips", "accepted", "rejected"))
    share = (accepted + rejected) / clips if clips else 0.0
    return {
        "speaker": str(row["speaker"]),
        "name": file_name(str(row["path"])),
        "length": clock(row["duration_s"]),
        "rate": rate(row["sample_rate"]),
        "channels": str(row["channels"]),
        "clips": str(clips),
        "accepted": str(accepted or "–"),
        "rejected": str(rejected or "–"),
        "open": str(clips - accepted - rejected or "–"),
        "decided": Text(progress_bar(share, 12).plain),
    }


def totals(rows: list[dict[str, Any]]) -> Content:
    """The library in one line."""
    clips = sum(int(row.get("clips") or 0) for row in rows)
    accepted = sum(int(row.get("accepted") or 0) for row in rows)
    rejected = sum(int(row.get("rejected") or 0) for row in rows)
    length = clock(sum(float(row["duration_s"]) for row in rows))
    return Content.assemble(
        (count(len(rows), "recording"), "$foreground"),
        f"  {length}   ",
        (count(clips, "clip"), "$foreground"),
        "  ",
        (f"✓ {accepted:,}", "$success"),
        "  ",
        (f"✗ {rejected:,}", "$error"),
        f"  · {clips - accepted - rejected:,} to decide",
    )


def facts_of(row: dict[str, Any], left_out: list[LeftOut] | None, root: Path) -> Content:
    """Where a recording is, and where its seconds went."""
    path = Content.styled(place(str(row["path"]), root), "$foreground")
    if left_out is None:
        return Content("\n").join([path, Content("")])
    per_reason: dict[str, float] = {}
    for part in left_out:
        seconds = (part.end - part.start) / float(row["sample_rate"])
        per_reason[part.reason] = per_reason.get(part.reason, 0.0) + seconds
    out = sum(per_reason.values())
    reasons = ", ".join(f"{one_line(reason)} {clock(seconds)}" for reason, seconds in sorted(per_reason.items()))
    words = f"{clock(row['duration_s'])} = {clock(float(row['duration_s']) - out)} in clips + {clock(out)} left out"
    return Content("\n").join([path, Content(words + (f" ({reasons})" if reasons else ""))])
