"""Errors that a person is meant to read.

Separate so that every package can raise them without importing anything else. The tree:

    CuratorError                something went wrong and the message says what to do; exit code 2
    ├── BadAudio                one input file cannot be used; the rest of the work goes on
    ├── BadModel                a weights file is not what it claims to be, or is unsafe
    ├── BadRequest              a name, option or expression that makes no sense
    ├── MissingWeights          published weights that have not been pulled
    ├── LibraryLocked           another process holds the catalogue
    ├── LibraryTooNew           the catalogue was written by a later version
    └── JobFailed               a job ended without the result it was asked for
"""

from __future__ import annotations


class CuratorError(Exception):
    """Base of all errors whose message is one line for a person: what happened, to what, what to do."""


class BadAudio(CuratorError):
    """One audio file cannot be decoded or holds nothing usable."""


class BadModel(CuratorError):
    """A weights file is damaged, of another kind, or would run code if it were trusted."""


class BadRequest(CuratorError):
    """A name, an option or an expression that cannot be acted on."""


class MissingWeights(CuratorError):
    """Weights that must be pulled or given first."""


class LibraryLocked(CuratorError):
    """Another process held the catalogue for longer than the waiting time."""


class LibraryTooNew(CuratorError):
    """The catalogue's schema is newer than this program knows."""


class JobFailed(CuratorError):
    """A job ended without the result it was asked for."""
