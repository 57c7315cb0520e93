"""How facts are written for people: lengths, times, numbers, file names and keys.

Separate so that every screen and every command writes the same fact the same way, and so that a file name can never
act as markup, break a line or turn the direction of the text around it.
"""

from __future__ import annotations

import contextlib
import unicodedata
from pathlib import Path, PurePath

NONE = "–"
MARKS = {"accepted": "✓", "rejected": "✗", "undecided": "·"}
STATE_MARKS = {
    "waiting": "○",
    "running": "▶",
    "stopping": "◼",
    "done": "✓",
    "failed": "✗",
    "stopped": "◼",
    "crashed": "✗",
}
_SPELLED = {
    "slash": "/",
    "space": "space",
    "escape": "esc",
    "pagedown": "pgdn",
    "pageup": "pgup",
    "plus": "+",
    "minus": "-",
}
_TURNING = frozenset("\u200e\u200f\u061c\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def one_line(text: str) -> str:
    """Text that stays on its line: breaks become ␤, direction marks vanish, other control characters show as �."""
    kept = []
    for character in text.replace("\r\n", "\n"):
        if character in "\n\r\u2028\u2029\x0b\x0c\x85":
            kept.append("␤")
        elif character == "\t":
            kept.append(" ")
        elif character in _TURNING:
            continue
        elif unicodedata.category(character) in ("Cc", "Cs"):
            kept.append("�")
        else:
            kept.append(character)
    return "".join(kept)


def file_name(path: str) -> str:
    """The last part of a path, on one line."""
    return one_line(PurePath(path.replace("\\", "/")).name or path)


def place(path: str, root: Path) -> str:
    """A path as short as it stays clear: inside the library from there on, inside the home folder from ~ on."""
    for base, shown in ((root, ""), (Path.home(), "~/")):
        try:
            return one_line(shown + PurePath(path).relative_to(base).as_posix())
        except ValueError:
            continue
    return one_line(path)


def clock(seconds: float | None) -> str:
    """A length as m:ss, or h:mm:ss from an hour on."""
    if seconds is None:
        return NONE
    whole = max(0, round(seconds))
    hours, rest = divmod(whole, 3600)
    if hours:
        return f"{hours}:{rest // 60:02d}:{rest % 60:02d}"
    return f"{rest // 60}:{rest % 60:02d}"


def position(seconds: float) -> str:
    """A place inside a recording, to a tenth of a second: m:ss.s."""
    tenths = max(0, round(seconds * 10))
    minutes, rest = divmod(tenths, 600)
    return f"{minutes}:{rest // 10:02d}.{rest % 10}"


def count(number: int, noun: str, plural: str | None = None) -> str:
    """A number with its noun in the right form: "1 clip", "1,200 clips"."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def number(value: float | None, digits: int = 1) -> str:
    """A measured number with a real minus sign, or a dash where there is none."""
    if value is None:
        return NONE
    text = f"{value:.{digits}f}"
    if float(text) == 0:
        text = text.lstrip("-")
    return text.replace("-", "−")


def rate(hertz: float | None) -> str:
    """A sampling rate in kHz: 44.1 kHz, 48 kHz."""
    return NONE if hertz is None else f"{hertz / 1000:g} kHz"


def day(timestamp: str) -> str:
    """The date of an ISO timestamp, without its time."""
    return timestamp[:10]


def short_id(identity: str) -> str:
    """As much of a content hash as people compare."""
    return identity[:16]


def spelled(key: str) -> str:
    """A key as it is printed on the keyboard."""
    if key in _SPELLED:
        return _SPELLED[key]
    for name in (key.replace("_", " "), key.replace("_", "-", 1).replace("_", " ")):
        with contextlib.suppress(KeyError):
            character = unicodedata.lookup(name)
            return character if character.isprintable() and not character.isspace() else key
    return key.replace("ctrl+", "^")
