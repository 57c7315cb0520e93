"""The schema: made, brought up to date, and refused when it is newer."""

from __future__ import annotations

import threading
from collections.abc import Callable

import duckdb
import pytest

from catalog import migrations
from catalog.errors import BadRequest, LibraryTooNew
from catalog.library import Library
from catalog.migrations import Migration, known_migrations
from catalog.records import SCORE_NAMES, Analysis
from catalog.store import Store

LAST = len(known_migrations())
ADD_COLUMN = Migration(LAST + 1, f"{LAST + 1:04d}_note.sql", "ALTER TABLE clip ADD COLUMN note VARCHAR;")


@pytest.fixture
def library(new_library: Library) -> Library:
    """Here every catalogue is made anew, by the migrations that a test is about."""
    return new_library


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> tuple[Migration, ...]:
    """The program of a later day, which knows one more migration."""
    known = (*known_migrations(), ADD_COLUMN)
    monkeypatch.setattr(migrations, "known_migrations", lambda: known)
    return known


def columns(opened: Store, table: str) -> list[str]:
    with opened._reading() as cursor:
        rows = cursor.execute(f"SELECT column_name FROM duckdb_columns() WHERE table_name = '{table}'").fetchall()
    return [name for (name,) in rows]


def test_migrations_are_numbered_from_one_without_gaps() -> None:
    versions = [migration.version for migration in known_migrations()]
    assert versions == list(range(1, len(versions) + 1))


def test_every_score_name_has_a_column(store: Store) -> None:
    assert {*SCORE_NAMES, "seq", "clip", "scored_at", "versions", "places"} == set(columns(store, "scoring"))


def test_a_library_says_which_migrations_made_it(store: Store) -> None:
    with store._reading() as cursor:
        rows = cursor.execute("SELECT version, name, sha256 FROM schema_migration ORDER BY 1").fetchall()
    assert rows == [(each.version, each.name, each.sha256) for each in known_migrations()]


def test_an_older_library_is_copied_aside_and_brought_up_to_date(
    library: Library, make_analysis: Callable[..., Analysis], monkeypatch: pytest.MonkeyPatch
) -> None:
    with Store(library) as old:
        old.take_in(make_analysis("one"))
    before = library.database.read_bytes()
    known = (*known_migrations(), ADD_COLUMN)
    monkeypatch.setattr(migrations, "known_migrations", lambda: known)
    with Store(library) as new:
        assert "note" in columns(new, "clip")
        assert len(new.clip_table()) == 5
        assert new.check() == []
    (copy,) = library.backups.glob("*.duckdb")
    assert copy.read_bytes() == before
    with Store(library) as again:
        assert "note" in columns(again, "clip")
    assert len(list(library.backups.iterdir())) == 1


def test_a_migrated_library_is_the_same_as_a_fresh_one(
    library: Library, later: tuple[Migration, ...], tmp_path: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrations, "known_migrations", lambda: later[:-1])
    Store(library).recordings()
    monkeypatch.setattr(migrations, "known_migrations", lambda: later)
    fresh = Library(library.root.parent / "fresh")
    schemas = []
    for place in (library, fresh):
        with Store(place) as opened, opened._reading() as cursor:
            query = "SELECT table_name, column_name, data_type FROM duckdb_columns() WHERE NOT internal ORDER BY ALL"
            schemas.append(cursor.execute(query).fetchall())
    assert schemas[0] == schemas[1]


def test_a_migration_that_fails_changes_nothing(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    with Store(library) as old:
        old.recordings()
    broken = Migration(
        LAST + 1, f"{LAST + 1:04d}_broken.sql", "ALTER TABLE clip ADD COLUMN note VARCHAR; SELECT no_such_function();"
    )
    known = known_migrations()
    monkeypatch.setattr(migrations, "known_migrations", lambda: (*known, broken))
    with Store(library) as new, pytest.raises(duckdb.Error, match="no_such_function"):
        new.recordings()
    monkeypatch.setattr(migrations, "known_migrations", lambda: known)
    with Store(library) as old:
        assert "note" not in columns(old, "clip")


def test_a_newer_library_is_refused_in_words_and_left_as_it_is(
    library: Library, make_analysis: Callable[..., Analysis], monkeypatch: pytest.MonkeyPatch
) -> None:
    known = known_migrations()
    monkeypatch.setattr(migrations, "known_migrations", lambda: (*known, ADD_COLUMN))
    with Store(library) as newer:
        newer.take_in(make_analysis("one"))
    before = library.database.read_bytes()
    files = sorted(path.name for path in library.root.rglob("*"))
    monkeypatch.setattr(migrations, "known_migrations", lambda: known)
    with Store(library) as older:
        for work in (older.recordings, older.undo, lambda: older.take_in(make_analysis("two"))):
            with pytest.raises(LibraryTooNew, match="written by a later version") as refusal:
                work()
            assert "\n" not in str(refusal.value)
            assert "Nothing was changed" in str(refusal.value)
    assert library.database.read_bytes() == before
    assert sorted(path.name for path in library.root.rglob("*")) == files


def test_a_file_of_a_later_duckdb_is_too_new(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    Store(library).recordings()

    def connect(*_: object, **__: object) -> None:
        raise duckdb.IOException(
            "IO Error: Trying to read a database file with version number 69, but we can only read versions between 64"
            " and 68.\nThe database file was created with a newer version of DuckDB."
        )

    monkeypatch.setattr(duckdb, "connect", connect)
    with Store(library) as opened, pytest.raises(LibraryTooNew, match="later DuckDB") as refusal:
        opened.recordings()
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("content", [b"this is no database", b"", bytes(20000)])
def test_a_file_that_is_no_catalogue_is_refused_and_left_alone(library: Library, content: bytes) -> None:
    library.database.write_bytes(content)
    with Store(library) as opened, pytest.raises(BadRequest) as refusal:
        opened.recordings()
    assert str(library.database) in str(refusal.value)
    assert "\n" not in str(refusal.value)
    assert library.database.read_bytes() == content


def test_a_catalogue_is_never_found_half_made(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(migrations, "apply", die)
        with pytest.raises(KeyboardInterrupt):
            Store(library).recordings()
    assert not library.exists
    assert list(library.root.glob(".catalog*")) == []
    assert Store(library).recordings() == []


def test_two_that_make_the_same_library_at_once_both_find_it(library: Library) -> None:
    stores = [Store(library) for _ in range(4)]
    found: list[object] = []
    threads = [threading.Thread(target=lambda each=each: found.append(each.recordings())) for each in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for each in stores:
        each.close()
    assert found == [[]] * 4


def test_another_programs_database_is_refused(library: Library) -> None:
    with duckdb.connect(str(library.database)) as connection:
        connection.execute("CREATE TABLE theirs (x INTEGER)").fetchall()
    with Store(library) as opened, pytest.raises(BadRequest, match="not a catalogue of this program"):
        opened.recordings()


def test_a_journal_from_before_there_were_edits_is_kept_and_can_still_be_undone(
    library: Library, make_analysis: Callable[..., Analysis], monkeypatch: pytest.MonkeyPatch
) -> None:
    known = known_migrations()
    with monkeypatch.context() as past:
        past.setattr(migrations, "known_migrations", lambda: known[:2])
        old = Store(library)
        with old._writing() as cursor:
            cursor.execute("INSERT INTO action VALUES (1, 'decide', NULL, 1, now()::TIMESTAMP)")
            cursor.execute("INSERT INTO decision VALUES (1, 'c', 'accepted', [], 'undecided', [])")
        old.close()
    with Store(library) as now:
        undone = now.undo()
        assert undone is not None
        assert (undone.clips, undone.after) == (("c",), ("undecided",))
        with now._reading() as cursor, pytest.raises(duckdb.ConstraintException):
            cursor.execute("INSERT INTO action VALUES (9, 'other', NULL, 1, now()::TIMESTAMP)")
