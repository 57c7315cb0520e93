"""What the rules of a policy say about every clip: a suggestion, the scores it rests on, and the reasons in words.

Separate from the clip table because it depends on scores alone, never on verdicts: it is worked out once for a sheet
of clips and a policy, and again only when one of the two changes. Nothing is scored again for another policy.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence

from catalog.errors import BadRequest
from catalog.holding import Cursor, rows_of
from catalog.late import pa
from catalog.records import SCORES, Rule

COLUMNS = ("suggestion", "suggestion_reasons", "suggestion_scores")
ENOUGH_CLIPS = 8
"""Clips of a speaker below which nothing is known of the spread of a score."""
NARROWEST = 0.02
"""A spread is not taken to be smaller than this, so that a very even speaker is not held against himself."""
NORMAL = 1.4826
"""Median absolute deviations in one standard deviation of a normal distribution."""

MORE_DIGITS = 3
"""How often a reason is tried with one more decimal than is usual for its unit before the whole number is written."""

_UNITS = {score.name: score.unit for score in SCORES}
_DIGITS = {"dB": 1, "dBFS": 1, "dBTP": 1, "LUFS": 1, "Hz": 0, "s": 2, "semitones": 1, "cosine": 2, "1-5": 1}
Limits = Mapping[Rule, Mapping[str, float]]
"""For each rule about outliers the limit of every speaker who has one."""


class Suggestions:
    """The suggestions for the last sheet and policy that were asked for."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sheet: pa.Table | None = None
        self._rules: tuple[Rule, ...] = ()
        self._table: pa.Table | None = None

    def of(self, cursor: Cursor, sheet: pa.Table, rules: Sequence[Rule]) -> pa.Table:
        """The columns `COLUMNS` for a sheet, row by row."""
        with self._lock:
            if self._table is None or self._sheet is not sheet or self._rules != tuple(rules):
                self._table = suggest(cursor, sheet, rules, limits(cursor, sheet, rules))
                self._sheet, self._rules = sheet, tuple(rules)
            return self._table


def limits(cursor: Cursor, sheet: pa.Table, rules: Sequence[Rule]) -> Limits:
    """How low each speaker's clips may score before one is an outlier: the median less so many spreads."""
    asked = [rule for rule in rules if rule.op == "outlier"]
    found: dict[Rule, dict[str, float]] = {}
    if not asked:
        return found
    cursor.register("sheet", sheet)
    try:
        for rule in asked:
            rows = rows_of(
                cursor,
                f"SELECT speaker, median({_score(rule)}), mad({_score(rule)}) FROM sheet GROUP BY speaker"
                f" HAVING count({_score(rule)}) >= {ENOUGH_CLIPS}",
            )
            found[rule] = {
                speaker: middle - rule.limit * max(NARROWEST, NORMAL * spread) for speaker, middle, spread in rows
            }
    finally:
        cursor.unregister("sheet")
    return found


def suggest(cursor: Cursor, sheet: pa.Table, rules: Sequence[Rule], outliers: Limits) -> pa.Table:
    """The columns `COLUMNS`: reject when a rule speaks against the clip, accept when none does and one could be asked.

    Reasons and scores come in the order of the rules.
    """
    import pyarrow.compute as pc  # late, as in `clips`

    if not rules:
        return none(sheet.num_rows)
    asked = sheet.select(list(dict.fromkeys(["speaker", *(_score(rule) for rule in rules)])))
    for rule, by_speaker in outliers.items():
        speakers = pa.array(by_speaker, pa.string())
        line = pa.array(by_speaker.values(), pa.float64())
        found = pc.index_in(sheet["speaker"], value_set=speakers)
        asked = asked.append_column(_limit(rule), line.take(found))
    broken = [(_breaks(rule), _words(rule), rule.score) for rule in rules]
    cursor.register("asked", asked)
    try:
        return cursor.sql(f"""
            SELECT CASE WHEN len(suggestion_scores) > 0 THEN 'reject' WHEN known THEN 'accept' END AS suggestion,
                suggestion_reasons, suggestion_scores
            FROM (SELECT
                {_listed([(when, words) for when, words, _ in broken])} AS suggestion_reasons,
                {_listed([(when, _literal(name)) for when, _, name in broken])} AS suggestion_scores,
                {" OR ".join(f"{_score(rule)} IS NOT NULL" for rule in rules)} AS known
            FROM asked)""").to_arrow_table()
    finally:
        cursor.unregister("asked")


def none(count: int) -> pa.Table:
    """The columns `COLUMNS` where there are no rules."""
    empty = pa.ListArray.from_arrays(pa.array([0] * (count + 1), pa.int32()), pa.array([], pa.string()))
    return pa.table(dict(zip(COLUMNS, (pa.nulls(count, pa.string()), empty, empty), strict=True)))


def written(score: str, value: float) -> str:
    """A value or limit of a score with its unit, as the reasons write it."""
    unit = _UNITS.get(score, "")
    if unit == "share":
        return f"{100 * value:g} %"
    name = "" if unit == "1-5" else unit
    return f"{value:.2f}" if unit == "cosine" else f"{value:.6g} {name}".rstrip()


def _listed(parts: Sequence[tuple[str, str]]) -> str:
    """SQL for the list of those texts whose condition holds."""
    cases = ", ".join(f"CASE WHEN {when} THEN {text} END" for when, text in parts)
    return f"list_filter([{cases}]::VARCHAR[], lambda text: text IS NOT NULL)"


def _breaks(rule: Rule) -> str:
    """SQL that holds where a rule speaks against a clip."""
    name = _score(rule)
    if rule.op == "known":
        return f"{name} IS NOT NULL"
    if rule.op == "outlier":
        return f'{name} < "{_limit(rule)}"'
    return f"{name} {rule.op} {float(rule.limit)!r}"


def _words(rule: Rule) -> str:
    """SQL for the reason: what it is, the value with its unit, and the limit it is held to.

    Where rounding would put the value on the other side of the limit, more digits are written.
    """
    name, unit = _score(rule), _UNITS[rule.score]
    reason = _literal(rule.reason)
    if rule.op == "known":
        return f"{reason} || ' ' || left({name}::VARCHAR, 8)"
    fewest = 2 if rule.score == "clipped_ratio" else _DIGITS.get(unit, 0)
    cases = [_compared(rule, f"{{:.{digits}f}}") for digits in range(fewest, fewest + MORE_DIGITS)]
    told = " ".join(f"WHEN {kept} THEN {text}" for kept, text in cases)
    return f"{reason} || ': ' || CASE {told} ELSE {_compared(rule, '{}')[1]} END"


def _compared(rule: Rule, form: str) -> tuple[str, str]:
    """SQL for whether value and limit written in a form are still in their order, and for the two as text."""
    unit = _UNITS[rule.score]
    factor = 100 if unit == "share" else 1
    value = f"format('{form}', {factor} * {_score(rule)})"
    name_of_unit = {"share": " %", "cosine": "", "1-5": ""}.get(unit, f" {unit}")
    if rule.op == "outlier":
        limit = f"format('{form}', {factor} * \"{_limit(rule)}\")"
        told = f"{_literal(f'{name_of_unit}, under ')} || {limit} || ', the limit of this speaker'"
        return f"{value}::DOUBLE < {limit}::DOUBLE", f"{value} || {told}"
    side = "under" if rule.op == "<" else "over"
    told = _literal(f"{name_of_unit}, {side} {written(rule.score, rule.limit)}")
    return f"{value}::DOUBLE {rule.op} {factor * float(rule.limit)!r}", f"{value} || {told}"


def _limit(rule: Rule) -> str:
    return f"limit of {rule.score}"


def _score(rule: Rule) -> str:
    text = rule.op == "known"
    if rule.score not in _UNITS or rule.op not in ("<", ">", "outlier", "known"):
        raise BadRequest(f"A rule cannot ask {rule.score} {rule.op} {rule.limit}.")
    if text != (_UNITS[rule.score] == "clip id"):
        raise BadRequest(f"The score {rule.score} cannot be asked with {rule.op}.")
    return rule.score


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
