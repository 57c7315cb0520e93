"""The question that brings recordings in: which folder or file, and whose voice it is."""

from __future__ import annotations

import itertools
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from textual.suggester import SuggestFromList
from textual.widgets import Input

from catalog.audio import AUDIO_SUFFIXES
from catalog.errors import BadRequest
from curator.tui.screens.ask import Form
from curator.tui.widgets.field import Field, PathSuggester, typed_path

MOST_LOOKED_AT = 2000


@dataclass(frozen=True)
class Addition:
    """What is to be added."""

    path: Path
    speaker: str


class AddForm(Form[Addition]):
    """Asks for a path and a speaker."""

    TITLE_TEXT = "Add recordings"
    BUTTON = "Add"

    def __init__(self, speakers: Sequence[str] = ()) -> None:
        super().__init__()
        self.speakers = list(speakers)

    def words(self) -> str:
        """What happens then."""
        return (
            "A folder is searched with its subfolders. The files stay where they are and are never changed;"
            " what is already in the library is skipped."
        )

    def fields(self) -> Sequence[Field]:
        """Path and speaker."""
        path = Input(
            placeholder="~/recordings", suggester=PathSuggester(), value=folder_at_hand(), id="path", compact=True
        )
        known = SuggestFromList(self.speakers, case_sensitive=False)
        name = Input(placeholder="name", suggester=known, id="speaker", compact=True)
        return [Field("Path", path, size="long"), Field("Speaker", name, "whose voice this is")]

    def answer(self) -> Addition:
        """The path, which must exist, and the name."""
        text = self.query_one("#path", Input).value
        if not text.strip():
            raise BadRequest("Type the path of a folder or of an audio file; the right arrow completes it")
        path = typed_path(text)
        if not path.exists():
            raise BadRequest(f"{path}: no such file or folder")
        speaker = self.query_one("#speaker", Input).value.strip()
        if not speaker:
            raise BadRequest("Say whose voice it is: a model is trained on one speaker's clips")
        return Addition(path, speaker)


def folder_at_hand() -> str:
    """The folder in which the app was started when recordings lie in it, else nothing."""
    here = Path.cwd()
    try:
        with os.scandir(here) as entries:
            names = (entry.name for entry in itertools.islice(entries, MOST_LOOKED_AT))
            found = any(Path(name).suffix.lower() in AUDIO_SUFFIXES for name in names)
    except OSError:
        return ""
    return str(here) if found else ""
