"""Names that people give and names that they type: which can be those of sets and models, and which ones were meant.

Separate because sets, models, runs, scores, settings and commands must refuse a name in the same words.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

from catalog.errors import BadRequest

LONGEST = 64
MOST_NAMED = 12
"""More names than this are not all said in one line."""
_FORBIDDEN = re.compile(r'[/\\:*?"<>|\x00-\x1f\x7f]')
_DEVICES = {"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10))}


def check_name(kind: str, name: str) -> str:
    """Return `name` when it can be the folder of a `kind` ("set", "model") on every system, else raise BadRequest."""
    problem = _problem(name)
    if problem:
        raise BadRequest(f"{name!r} cannot be the name of a {kind}: {problem}.")
    return name


def nearest(name: str, known: Iterable[str], *, listed_by: str = "") -> str:
    """What stands behind the news that there is no `name`, to be put before the end of the sentence.

    " (did you mean X?)" where `known` holds something alike; else " (there are X, Y)"; of more than `MOST_NAMED` only
    those that come closest and the command that lists all, if there is one: " (closest: X, Y; COMMAND lists all 30)".
    Empty where nothing is known.
    """
    by_letters = {each.casefold(): each for each in sorted(known)}
    close = difflib.get_close_matches(name.casefold(), by_letters, n=1)
    if close:
        return f" (did you mean {by_letters[close[0]]}?)"
    if not by_letters:
        return ""
    if len(by_letters) <= MOST_NAMED:
        return f" (there {'is' if len(by_letters) == 1 else 'are'} {', '.join(by_letters.values())})"
    closest = difflib.get_close_matches(name.casefold(), by_letters, n=3, cutoff=0)
    every = f"; {listed_by} lists all {len(by_letters)}" if listed_by else f", of {len(by_letters)}"
    return f" (closest: {', '.join(by_letters[each] for each in closest)}{every})"


def _problem(name: str) -> str | None:
    if not name or not name.strip():
        return "it is empty"
    if name != name.strip():
        return "it begins or ends with a space"
    if len(name) > LONGEST or len(name.encode()) > 200:
        return f"it is longer than {LONGEST} characters"
    if name.startswith((".", "-")):
        return "it begins with a dot or a dash"
    if name.endswith("."):
        return "it ends with a dot"
    if _FORBIDDEN.search(name):
        return 'it holds a character that a folder name cannot have (/ \\ : * ? " < > | or a control character)'
    if name.split(".")[0].lower() in _DEVICES:
        return "Windows keeps that name for a device"
    return None
