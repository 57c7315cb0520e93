"""A person's settings: one TOML file with what the app and the commands do by default, and the person's own keys.

Separate from the screens because the commands read the same file. A mistake in it is told in words and never keeps
anything from starting; writing one value leaves every other line, with its comments, as it was.
"""

from __future__ import annotations

import json
import os
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from catalog.atomic import write_text
from catalog.errors import BadRequest
from catalog.names import nearest

VARIABLE = "CURATOR_SETTINGS"
KEYS = "keys"
HEAD = """\
# Settings of curator. The app changes them too: key F2, which also says where this file is.
"""
Value = str | bool


@dataclass(frozen=True)
class Setting:
    """One setting: its name in the file, its usual value, and what it is for in one line."""

    name: str
    usual: Value
    meaning: str
    choices: tuple[str, ...] = ()
    """Empty for switches, and for texts that something else checks."""


SETTINGS: tuple[Setting, ...] = (
    Setting("theme", "auto", "colours; auto takes the terminal's own where it has only sixteen"),
    Setting("start", "library", "the room that opens first", ("library", "review")),
    Setting("learn", True, "learn from your decisions, once there are fifty, which clips you would accept"),
    Setting("autoplay", False, "play each clip as the cursor reaches it"),
    Setting("skip_silence", False, "leave pauses out when playing"),
)
BY_NAME: Mapping[str, Setting] = {setting.name: setting for setting in SETTINGS}


def settings_file() -> Path:
    """The file that `$CURATOR_SETTINGS` names, else `settings.toml` in the platform's folder for settings."""
    chosen = os.environ.get(VARIABLE)
    if chosen:
        return Path(chosen).expanduser()
    import platformdirs

    return Path(platformdirs.user_config_dir("curator", appauthor=False)) / "settings.toml"


@dataclass(frozen=True)
class Settings:
    """What a settings file says, with the usual values where it says nothing."""

    values: Mapping[str, Value]
    keys: Mapping[str, str]
    """Binding name -> keys, comma separated; the names are checked by whoever knows the bindings."""
    problems: tuple[str, ...] = ()
    """What is wrong in the file, a line each; where something is wrong the usual value holds."""

    def text(self, name: str) -> str:
        """The value of a setting that is a word."""
        return str(self.values[name])

    def on(self, name: str) -> bool:
        """Whether a switch is on."""
        return bool(self.values[name])


def usual() -> Settings:
    """The settings of somebody who has no file."""
    return Settings({setting.name: setting.usual for setting in SETTINGS}, {})


def read(path: Path | None = None) -> Settings:
    """The settings of a file, which need not exist; never raises, see `Settings.problems`."""
    path = path or settings_file()
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return usual()
    except (OSError, ValueError) as error:
        return Settings(
            usual().values, {}, (f"{path}: the settings cannot be read ({error}); the usual ones are used",)
        )
    values, problems = dict(usual().values), []
    for name, value in document.items():
        if name == KEYS:
            continue
        try:
            values[name] = checked(name, value)
        except BadRequest as error:
            problems.append(f"{path}: {error}; the usual value is used")
    keys, wrong = _keys(document.get(KEYS, {}))
    return Settings(values, keys, (*problems, *(f"{path}: {each}" for each in wrong)))


def checked(name: str, value: object) -> Value:
    """A value that this setting may have; raises BadRequest, naming the setting and what it may be."""
    setting = BY_NAME.get(name)
    if setting is None:
        raise BadRequest(f"there is no setting called {name}{nearest(name, BY_NAME)}")
    if isinstance(setting.usual, bool):
        if not isinstance(value, bool):
            raise BadRequest(f"{name} is true or false, not {value!r}")
        return value
    if not isinstance(value, str) or (setting.choices and value not in setting.choices):
        raise BadRequest(f"{name} is {' or '.join(setting.choices) or 'a word in quotes'}, not {value!r}")
    return value


def _keys(table: object) -> tuple[dict[str, str], list[str]]:
    """Keys by binding name, written as `"review.accept" = "y"` or, under `[keys.review]`, `accept = "y"`."""
    if not isinstance(table, dict):
        return {}, ["keys is a table: [keys]"]
    flat: dict[str, object] = {}
    for name, value in table.items():
        if isinstance(value, dict):
            flat |= {f"{name}.{inner}": keys for inner, keys in value.items()}
        else:
            flat[name] = value
    keys, wrong = {}, []
    for name, value in flat.items():
        if isinstance(value, str) and value.strip():
            keys[name] = value.replace(" ", "")
        else:
            wrong.append(f'{name} needs a key in quotes, such as {name} = "y"; the usual key is used')
    return keys, wrong


def check_keys(keys: Mapping[str, str], known: Iterable[str]) -> tuple[dict[str, str], list[str]]:
    """Those of these keys whose binding exists, and what is wrong with the others."""
    names = set(known)
    wrong = [f"there is no key called {name}{nearest(name, names)}" for name in keys if name not in names]
    return {name: value for name, value in keys.items() if name in names}, wrong


def write(name: str, value: Value, path: Path | None = None) -> None:
    """Put one setting into the file, which is made when there is none. Raises BadRequest when it cannot be written."""
    _put(name, checked(name, value), None, path or settings_file())


def write_key(binding: str, keys: str | None, path: Path | None = None) -> None:
    """Give a binding other keys, or with None its usual ones again. Raises BadRequest when it cannot be written."""
    _put(binding, keys, KEYS, path or settings_file())


def _put(name: str, value: Value | None, section: str | None, path: Path) -> None:
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        text = HEAD
    except (OSError, ValueError) as error:
        raise BadRequest(f"{path}: the settings cannot be read ({error})") from error
    new = put(text, name, value, section)
    try:
        tomllib.loads(new)
    except tomllib.TOMLDecodeError as error:
        raise BadRequest(f"{path}: the settings are not TOML ({error}); mend the file by hand first") from error
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(path, new)
    except OSError as error:
        raise BadRequest(f"{path}: the settings cannot be written ({error.strerror or error})") from error


def put(text: str, name: str, value: Value | None, section: str | None = None) -> str:
    """A TOML text with one value of one section (None: before the first) set, or with None taken out."""
    lines = text.splitlines()
    written = f"{_name(name)} = {json.dumps(value, ensure_ascii=False)}"
    headings = [i for i, line in enumerate(lines) if line.lstrip().startswith("[")]
    if section is None:
        first, last = 0, headings[0] if headings else len(lines)
    else:
        begin = next((i for i in headings if lines[i].split("#")[0].strip() == f"[{section}]"), None)
        if begin is None:
            return text if value is None else "\n".join([*lines, "", f"[{section}]", written]).lstrip("\n") + "\n"
        first, last = begin + 1, next((i for i in headings if i > begin), len(lines))
    own = re.compile(rf"\s*[\"']?{re.escape(name)}[\"']?\s*=")
    found = next((i for i in range(first, last) if own.match(lines[i])), None)
    if found is None and value is not None:
        while last > first and not lines[last - 1].strip():
            last -= 1
        lines.insert(last, written)
    elif found is not None:
        comment = re.search(r"(\s+#[^\"']*)$", lines[found])
        lines[found : found + 1] = [] if value is None else [written + (comment[1] if comment else "")]
    return "\n".join(lines) + "\n"


def _name(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else json.dumps(name)
