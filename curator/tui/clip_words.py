"""What the review room says about the clips it shows and about the one under the cursor, as text for a line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from textual.content import Content

from catalog.journal import Undone
from curator.words import MARKS, count, file_name, number, one_line, position

COLOURS = {"accepted": "$success", "rejected": "$error", "undecided": "$foreground 60%"}
SORTS = (
    ("", "as recorded"),
    ("suggestion DESC NULLS LAST", "suggested drops first"),
    ("snr_db", "noisiest first"),
    ("overlap_ratio DESC NULLS LAST", "most second voice first"),
    ("clipped_ratio DESC NULLS LAST", "most clipped first"),
    ("silence_ratio DESC NULLS LAST", "most silence first"),
    ("f0_median_hz", "lowest voice first"),
    ("f0_median_hz DESC NULLS LAST", "highest voice first"),
    ("loudness_lufs", "quietest first"),
    ("duration_s", "shortest first"),
    ("blame DESC NULLS LAST", "what trainings found strangest first"),
)
"""Orders that are offered, each with what it is called."""


def status_line(counts: Mapping[str, int], scope: str, where: str, sort: str, problem: str) -> Content:
    """How many clips are shown, how they stand, what chooses and orders them; before all that, what is wrong."""
    total = sum(counts.values())
    parts: list[tuple[str, str] | str] = [("! " + one_line(problem), "$error"), "   "] if problem else []
    parts += [
        (count(total, "clip"), "$foreground"),
        "  ",
        (f"✓ {counts.get('accepted', 0):,}", "$success"),
        "  ",
        (f"✗ {counts.get('rejected', 0):,}", "$error"),
        f"  · {counts.get('undecided', 0):,}",
    ]
    if scope:
        parts += ["   in ", (scope, "$foreground")]
    if where:
        parts += ["   filter ", (one_line(where), "$accent")]
    if sort:
        parts += ["   order ", (one_line(sort), "$accent")]
    return Content.assemble(*parts)


def no_clip_words(narrowed: bool, *, adding: bool) -> Content:
    """What stands in the place of a clip where there is none, and the way out."""
    if narrowed:
        return Content("No clip is like that; esc takes the filter away.")
    if adding:
        return Content("The clips of your recordings appear here as soon as each is analysed.")
    return Content("No clips yet. Add recordings in the library (1): they are cut into clips.")


def clip_heading(clip: Mapping[str, Any]) -> Content:
    """Which clip this is and how it stands, and below it what the rules suggest."""
    verdict = str(clip["verdict"])
    reasons = one_line(", ".join(clip.get("reasons") or ()))
    first = Content.assemble(
        (f"{MARKS[verdict]} {verdict}", COLOURS[verdict]),
        (f" ({reasons})" if reasons else "", "$foreground 60%"),
        f"  {position(clip['start_s'])}–{position(clip['end_s'])}  ",
        (f"{number(clip['duration_s'], 1)} s", "bold"),
        ("  short" if clip.get("short") else "", "$warning"),
        ("".join(f"  #{one_line(tag)}" for tag in clip.get("tags") or ()), "$accent"),
        ("  " + file_name(str(clip["path"])), ""),
        (f"  {one_line(str(clip['speaker']))}", "$foreground 60%"),
    )
    note = one_line(str(clip.get("note") or ""))
    second = suggestion_line(clip)
    return Content("\n").join([first, Content.assemble((f"✎ {note}  ", "$accent"), second) if note else second])


def turned_words(undone: Undone) -> tuple[str, str, str]:
    """What an undo or a redo changed, with its sign and colour."""
    done = "Undone" if undone.kind == "undo" else "Done again"
    if undone.shown or undone.hidden:
        back, gone = count(len(undone.shown), "clip"), count(len(undone.hidden), "clip")
        return f"{done}: {back} in the place of {gone}", "✂", "$accent"
    if undone.clips:
        after = undone.after[0] if len(set(undone.after)) == 1 else "as before"
        return f"{done}: {count(len(undone.clips), 'clip')} {after}", MARKS.get(after, "·"), COLOURS.get(after, "")
    return f"{done}: note and tags of {count(len(undone.remarked), 'clip')}", "✎", "$accent"


def suggestion_line(clip: Mapping[str, Any]) -> Content:
    """What the rules say about a clip, with their reasons; before it what a training says of it, and how likely the
    person would accept it."""
    chance = clip.get("accept_probability")
    parts: list[tuple[str, str] | str] = []
    if clip.get("blame_reason"):
        parts += [("look again", "$warning"), (f"  {one_line(str(clip['blame_reason']))}  ", "$foreground 60%")]
    if chance is not None:
        colour = "$success" if chance > 0.5 else "$error"
        parts += [("you would accept ", "$foreground 60%"), (f"{chance * 100:.0f} %", colour), "  "]
    return Content.assemble(*parts) + rules_line(clip) if parts else rules_line(clip)


def rules_line(clip: Mapping[str, Any]) -> Content:
    """What the rules say about a clip, with their reasons."""
    reasons = one_line("; ".join(clip.get("suggestion_reasons") or ()))
    if clip.get("being_scored"):
        return Content.styled("this clip is new and is being scored", "$foreground 60%")
    if clip.get("suggestion") == "reject":
        return Content.assemble(("suggested: drop", "$error"), (f"  {reasons}", "$foreground 60%"))
    if clip.get("suggestion") == "accept":
        return Content.assemble(("suggested: keep", "$success"), ("  nothing speaks against it", "$foreground 60%"))
    return Content.styled("no suggestion: this clip has no scores", "$foreground 60%")
