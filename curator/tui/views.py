"""Views of the review room: a filter and an order under a name, each the answer to a question about the clips.

Separate from the screen because an order such as "worst first" follows from the rules alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from catalog.records import Rule
from catalog.saved_filters import SavedFilter

FAR = -9.0
"""Where a clip stands that a rule cannot judge: behind every clip that it can."""


@dataclass(frozen=True)
class View:
    """What it is called, what it is for in a few words, and which clips it shows in which order."""

    name: str
    meaning: str
    where: str
    sort: str


def views(rules: Sequence[Rule], *, learned: bool, saved: Sequence[SavedFilter] = ()) -> list[View]:
    """The views of the app, then the person's own."""
    doubtful = "doubt DESC NULLS LAST" if learned else f"abs({against(rules)})"
    doubtful_words = "what you taught is least sure of" if learned else "nearest to a limit; better after 50 decisions"
    own = [View("Everything", "by recording, in the order of time", "", "")]
    own += [
        View("To decide", "without a verdict yet", "verdict = 'undecided'", ""),
        View("Worst first", "what speaks the most against a clip", "verdict = 'undecided'", worst_first(rules)),
        View("Most doubtful first", doubtful_words, "verdict = 'undecided'", doubtful),
    ]
    if learned:
        least = "accept_probability NULLS LAST"
        own.append(View("Least likely first", "what you would most surely reject", "verdict = 'undecided'", least))
    own += [
        View("Suggested drops", "a limit is passed", "suggestion = 'reject' and verdict = 'undecided'", ""),
        View("To look at again", "what a training found strange", "blame_reason IS NOT NULL", BY_BLAME),
        View("Duplicates", "takes that repeat each other, together", "duplicate_group IS NOT NULL", BY_GROUP),
        View("Accepted", "what a set would hold", "verdict = 'accepted'", ""),
        View("Rejected", "with their reasons", "verdict = 'rejected'", ""),
    ]
    return own + [View(each.name, "saved", each.where, each.sort) for each in saved]


BY_BLAME = "blame DESC"
BY_GROUP = 'duplicate_group, path, "start"'


def against(rules: Sequence[Rule]) -> str:
    """An expression for how far the worst score of a clip is beyond its limit: above 0 beyond it, in shares of it."""
    parts = []
    for rule in rules:
        if rule.op not in ("<", ">"):
            continue
        distance = f"{rule.score} - {rule.limit!r}" if rule.op == ">" else f"{rule.limit!r} - {rule.score}"
        parts.append(f"coalesce(({distance}) / {abs(rule.limit) or 1.0!r}, {FAR})")
    return f"greatest({', '.join(parts)})" if len(parts) > 1 else parts[0] if parts else "0 * duration_s"


def worst_first(rules: Sequence[Rule]) -> str:
    """An order: the clips that their worst score speaks against the most first."""
    return f"{against(rules)} DESC"
