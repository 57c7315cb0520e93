"""The names people give to sets and models, checked before they become folders.

Separate because sets, models and the command line must refuse the same names with the same words.
"""

from __future__ import annotations

import re

from catalog.errors import BadRequest

LONGEST = 64
_FORBIDDEN = re.compile(r'[/\\:*?"<>|\x00-\x1f\x7f]')
_DEVICES = {"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10))}


def check_name(kind: str, name: str) -> str:
    """Return `name` when it can be the folder of a `kind` ("set", "model") on every system, else raise BadRequest."""
    problem = _problem(name)
    if problem:
        raise BadRequest(f"{name!r} cannot be the name of a {kind}: {problem}.")
    return name


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
