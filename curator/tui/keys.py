"""A person's own keys: binding names and keys, read from a small TOML file.

Separate because a mistake in that file must be told in words and must never keep the app from opening.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterable
from pathlib import Path

from catalog.errors import BadRequest
from infer.options import nearest

VARIABLE = "CURATOR_KEYS"


def keys_file() -> Path:
    """The file that `$CURATOR_KEYS` names, else `keys.toml` in the platform's folder for settings."""
    chosen = os.environ.get(VARIABLE)
    if chosen:
        return Path(chosen).expanduser()
    import platformdirs

    return Path(platformdirs.user_config_dir("curator", appauthor=False)) / "keys.toml"


def read_keys(path: Path, known: Iterable[str]) -> dict[str, str]:
    """Binding name -> keys (comma separated), as Textual's keymap takes it; nothing when there is no file.

    Each line is `"review.accept" = "y"` or, under a heading `[review]`, `accept = "y"`. Raises BadRequest for a file
    that cannot be read and for a name that no binding has.
    """
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise BadRequest(f"{path}: your keys cannot be read ({error}); the usual ones are used") from error
    flat: dict[str, object] = {}
    for name, value in document.items():
        if isinstance(value, dict):
            flat |= {f"{name}.{inner}": keys for inner, keys in value.items()}
        else:
            flat[name] = value
    names = set(known)
    for name, keys in flat.items():
        if name not in names:
            raise BadRequest(f"{path}: there is no key called {name}{nearest(name, names)}; the usual keys are used")
        if not isinstance(keys, str) or not keys.strip():
            raise BadRequest(f'{path}: {name} needs a key in quotes, such as {name} = "y"; the usual keys are used')
    return {name: str(keys).replace(" ", "") for name, keys in flat.items()}
