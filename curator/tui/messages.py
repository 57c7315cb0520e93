"""Facts that more than one screen hears about, in the past tense."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from textual.message import Message

from catalog.errors import CuratorError
from curator.tui.job_view import Look


@dataclass
class Loaded(Message, bubble=False):
    """A reading thread finished; the screen uses it only while its generation is the newest of its kind."""

    what: str
    generation: int
    result: Any
    then: Callable[[Any], None]


@dataclass
class LoadFailed(Message, bubble=False):
    """A reading thread met an error that is meant to be read."""

    what: str
    generation: int
    error: CuratorError


@dataclass
class JobsLookedAt(Message):
    """The job folders were read."""

    look: Look

    def can_replace(self, message: Message) -> bool:
        """A newer look may stand for this one when this one found nothing that must be acted on."""
        return isinstance(message, JobsLookedAt) and not self.look.ended and not self.look.with_results


@dataclass
class VerdictConfirmed(Message, bubble=False):
    """A verdict is on disk."""

    clips: tuple[str, ...]
    verdict: str
    reasons: tuple[str, ...]
    action: int


@dataclass
class VerdictTakenBack(Message, bubble=False):
    """An undo or redo is on disk."""

    clips: tuple[str, ...]
    verdicts: tuple[str, ...]
    kind: str
    shown: tuple[str, ...] = ()
    """Clips that are present again."""
    hidden: tuple[str, ...] = ()
    """Clips that are present no longer."""


@dataclass
class ClipsEdited(Message, bubble=False):
    """An edit is on disk: some clips gave way to others."""

    hidden: tuple[str, ...]
    shown: tuple[str, ...]
    action: int


@dataclass
class ClipsRemarked(Message, bubble=False):
    """A note or tags are on disk."""

    clips: tuple[str, ...]
    action: int


@dataclass
class JobStarted(Message):
    """A piece of long work was started from this app."""

    job_id: str
    kind: str


@dataclass
class RecordingSought(Message):
    """A person wants to find a recording by some letters of its name."""


@dataclass
class RecordingChosen(Message):
    """A person wants to see the clips of a recording."""

    recording: str
    name: str
