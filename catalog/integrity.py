"""What does not fit together in a catalogue, in words.

Separate because the catalogue has no foreign keys: these queries, run by `curator doctor` and the tests, take their
place.
"""

from __future__ import annotations

from catalog.holding import Cursor, rows_of
from catalog.library import Library
from catalog.migrations import Migration

_REFERENCES = (
    ("clip", "recording", "recording", "id", "clips belong to no recording"),
    ("location", "recording", "recording", "id", "places belong to no recording"),
    ("activity", "recording", "recording", "id", "voice activities belong to no recording"),
    ("slicing", "recording", "recording", "id", "slicings belong to no recording"),
    ("slicing", "action", "action", "seq", "slicings belong to no action"),
    ("left_out", "recording", "recording", "id", "left-out ranges belong to no recording"),
    ("scoring", "clip", "clip", "id", "scorings belong to no clip"),
    ("feature", "clip", "clip", "id", "features belong to no clip"),
    ("decision", "clip", "clip", "id", "decisions belong to no clip"),
    ("decision", "action", "action", "seq", "decisions belong to no action"),
    ("presence", "clip", "clip", "id", "edits belong to no clip"),
    ("presence", "action", "action", "seq", "edits belong to no action"),
    ("remark", "clip", "clip", "id", "notes and tags belong to no clip"),
    ("remark", "action", "action", "seq", "notes and tags belong to no action"),
    ("action", "target", "action", "seq", "actions take back an action that is not there"),
    ("clip", "supersedes", "clip", "id", "clips replace a clip that is not there"),
    ("recording", "parent", "recording", "id", "stems belong to no recording"),
    ("set_clip", "set_name", "frozen_set", "name", "set entries belong to no set"),
    ("run", "set_id", "frozen_set", "id", "runs were trained on a set that is not there"),
    ("run_end", "run", "run", "id", "ends belong to no run"),
    ("blame", "run", "run", "id", "blame belongs to no run"),
    ("blame", "clip", "clip", "id", "blame belongs to no clip"),
)


def check(cursor: Cursor, library: Library, known: tuple[Migration, ...]) -> list[str]:
    """Dangling references, clips beyond their recording, missing files and altered schema files, a line each."""
    problems = []
    for table, column, target, key, words in _REFERENCES:
        query = (
            f"SELECT count(*) FROM {table} WHERE {column} IS NOT NULL AND {column} NOT IN (SELECT {key} FROM {target})"
        )
        count = int(rows_of(cursor, query)[0][0])
        if count:
            problems.append(f"{count} {words}.")
    beyond = "SELECT c.id FROM clip c JOIN recording r ON r.id = c.recording WHERE c.end_sample > r.samples ORDER BY 1"
    problems += [f"The clip {clip} reaches beyond its recording." for (clip,) in rows_of(cursor, beyond)]
    nowhere = "SELECT id FROM recording WHERE id NOT IN (SELECT recording FROM location) ORDER BY 1"
    problems += [f"The recording {recording} has no place." for (recording,) in rows_of(cursor, nowhere)]
    for (name,) in rows_of(cursor, "SELECT name FROM frozen_set ORDER BY 1"):
        if not (library.sets / name / "manifest.json").is_file():
            problems.append(f"The set {name} has no manifest in {library.sets / name}.")
    recorded = dict(rows_of(cursor, "SELECT version, sha256 FROM schema_migration"))
    for migration in known:
        if recorded.get(migration.version) not in (None, migration.sha256):
            problems.append(f"The schema file {migration.name} differs from the one this library was made with.")
    return problems
