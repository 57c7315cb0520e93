"""Which scores speak against a clip, in words: suggestions, never verdicts.

Separate from the scores, which only measure, and free of heavy imports, because the table and the app ask for it. The
limits lie in `policy.toml` beside this file; a library's own `policy.toml` says which use it is for and what differs.
Changing either computes no score again.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Any, Literal, cast

from catalog.atomic import in_words, write_text
from catalog.errors import BadRequest
from catalog.library import Library
from catalog.names import nearest
from catalog.records import SCORES, Rule
from curator.settings import put

FILE = "policy.toml"
OFF = "off"
HEAD = "# What this library asks of its clips, where it differs from the usual; see `curator policy show`.\n"
_TEXTS = {score.name for score in SCORES if score.unit == "clip id"}


@dataclass(frozen=True)
class Policy:
    """What the clips of a library are for, and the rules that follow from it."""

    use: str
    rules: tuple[Rule, ...]
    own: frozenset[str] = frozenset()
    """Scores whose rule the library itself sets."""


def default_rules(use: str | None = None) -> tuple[Rule, ...]:
    """The usual rules for what clips are for: speaking, singing or tts. Raises BadRequest for another word."""
    return policy_of(None, use).rules


def policy_of(library: Library | None, use: str | None = None) -> Policy:
    """The policy of a library, for the use it names or another one.

    Raises BadRequest for an unknown use and for a file that cannot be read as a policy.
    """
    usual = _usual()
    own = {} if library is None else _read(library.root / FILE)
    chosen = str(use or own.get("use") or usual["use"])
    if chosen not in uses():
        raise BadRequest(f"There is no policy for {chosen}; choose one of {', '.join(uses())}.")
    changed = own.get(chosen, {})
    if not isinstance(changed, dict):
        raise BadRequest(f"The policy for {chosen} is a table of scores: [{chosen}].")
    texts = {**usual[chosen], **{str(score): str(text) for score, text in changed.items()}}
    reasons = {**usual["reasons"], **{str(k): str(v) for k, v in own.get("reasons", {}).items()}}
    rules = tuple(_rule(score, text, reasons) for score, text in texts.items() if text != OFF)
    return Policy(chosen, rules, frozenset(changed))


def uses() -> tuple[str, ...]:
    """What clips may be for."""
    return tuple(name for name, table in _usual().items() if isinstance(table, dict) and name != "reasons")


def set_use(library: Library, use: str) -> None:
    """Say what the library is for; raises BadRequest for an unknown use or a file that cannot be written."""
    policy_of(library, use)
    _write(library, "use", use, None)


def set_rule(library: Library, use: str, score: str, text: str | None) -> None:
    """Give a score its own rule for a use: "< 20", "outlier 4", "off"; None: the usual one again. Raises BadRequest."""
    policy_of(library, use)
    if text is None:
        if score not in policy_of(library, use).own:
            return
    elif text != OFF:
        _rule(score, text, {})
    else:
        _known(score)
    _write(library, score, text, use)


def text_of(rule: Rule) -> str:
    """A rule as the file writes it."""
    return "known" if rule.op == "known" else f"{rule.op} {rule.limit:g}"


def _rule(score: str, text: str, reasons: Mapping[str, str]) -> Rule:
    _known(score)
    op, _, limit = text.strip().partition(" ") if text.strip()[:1].isalpha() else (text.strip()[:1], "", text[1:])
    if op == "known" and not limit.strip() and score in _TEXTS:
        return Rule(score, "known", 0.0, reasons.get(score, score))
    if op in ("<", ">", "outlier") and score not in _TEXTS:
        try:
            return Rule(score, cast(Literal["<", ">", "outlier"], op), float(limit), reasons.get(score, score))
        except ValueError:
            pass
    say = "known, off" if score in _TEXTS else "< LIMIT, > LIMIT, outlier K, off"
    raise BadRequest(f"The rule {text!r} for {score} cannot be read; it is one of: {say}.")


def _known(score: str) -> None:
    names = [each.name for each in SCORES]
    if score not in names:
        raise BadRequest(f"There is no score called {score}{nearest(score, names)}.")


@lru_cache(maxsize=1)
def _usual() -> dict[str, Any]:
    return tomllib.loads(resources.files("curator").joinpath(FILE).read_text(encoding="utf-8"))


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise BadRequest(f"{path} cannot be read as a policy ({error}); mend or remove it.") from error


def _write(library: Library, name: str, value: str | None, section: str | None) -> None:
    path = library.root / FILE
    _read(path)
    text = path.read_text(encoding="utf-8") if path.exists() else HEAD
    with in_words(f"the policy {path}"):
        library.root.mkdir(parents=True, exist_ok=True)
        write_text(path, put(text, name, value, section))
