"""Facts in two columns at any width."""

from __future__ import annotations

from curator.tui.widgets.facts import fact_lines


def test_long_values_go_on_under_their_beginning() -> None:
    lines = [
        line.plain for line in fact_lines([("id", "abc"), ("done to it", "one two three four five six seven")], 34)
    ]
    assert lines[0].split() == ["id", "abc"]
    assert lines[1].startswith("done to it  one two")
    assert all(line.startswith(" " * 12) for line in lines[2:])
    assert all(len(line) <= 34 for line in lines)
    assert " ".join(" ".join(lines[1:]).split()) == "done to it one two three four five six seven"


def test_a_break_in_a_value_does_not_break_the_columns() -> None:
    assert [line.plain.rstrip() for line in fact_lines([("speakers", "A\nda"), ("empty", "")], 60)] == [
        "speakers    A␤da",
        "empty",
    ]
