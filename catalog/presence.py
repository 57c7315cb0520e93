"""Which clips are the present ones: those that no other has taken the place of, as the journal of edits says.

Separate because the clip table, the counts of a recording and the edits themselves must all mean the same by it.
The same holds for slicings: of a recording the last counts that was not undone.
"""

from __future__ import annotations

PRESENT = """(
    {id} NOT IN (SELECT clip FROM presence GROUP BY clip HAVING NOT arg_max(shown, action))
    AND {id} NOT IN (
        SELECT supersedes FROM clip WHERE supersedes IS NOT NULL AND supersedes NOT IN (SELECT clip FROM presence)
    )
)"""

PRESENT_SLICING = """(
    SELECT * FROM slicing
    WHERE action IS NULL OR action NOT IN (
        SELECT target FROM action WHERE target IS NOT NULL GROUP BY target HAVING arg_max(kind, seq) = 'undo'
    )
    QUALIFY row_number() OVER (PARTITION BY recording ORDER BY seq DESC) = 1
)"""
"""The slicing of each recording that counts, as a table."""


def present(name: str) -> str:
    """The SQL condition that the clip whose id is in the column `name` is a present one."""
    return PRESENT.format(id=name)
