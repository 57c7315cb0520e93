"""The catalogue's database: the only module that imports duckdb.

It owns the file: opening, letting go, transactions, and DuckDB's errors in words. What is asked of the open database is
in `recordings`, `clips`, `journal` and `lineage`, one noun each.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import re
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

import duckdb

from catalog import (
    atomic,
    blames,
    clips,
    edits,
    filters,
    integrity,
    journal,
    judgement,
    lineage,
    migrations,
    recordings,
    remarks,
    reslicing,
    saved_filters,
    scorings,
    suggestions,
    voice_settings,
)
from catalog.edits import Edited
from catalog.errors import BadRequest, LibraryTooNew
from catalog.holding import Busy, Connection, Cursor, Hold
from catalog.journal import Undone
from catalog.judgement import Judgement
from catalog.late import pa
from catalog.library import Library
from catalog.recordings import Forgotten, TakenIn
from catalog.records import (
    Activity,
    Analysis,
    Blame,
    LeftOut,
    Recording,
    Rule,
    Scoring,
    SetClip,
    SetInfo,
    VerdictName,
)
from catalog.reslicing import Resliced, Scored, Sliced, Slicing
from catalog.saved_filters import SavedFilter
from catalog.suggestions import Suggestions

__all__ = ["Edited", "Forgotten", "Store", "TakenIn", "Undone", "check_filter", "check_sort"]

_SAFE = {
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "enable_external_access": "false",
    "python_enable_replacements": "false",
    "preserve_insertion_order": "true",
}
_SETTINGS = {**_SAFE, "storage_compatibility_version": "v1.5.0"}
Result = TypeVar("Result")
_HOLDER = re.compile(r"Conflicting lock is held in (.+?) \(PID (\d+)\)")
_FULL = ("no space left", "disk full", "file too large")
_TAKEN = ("could not set lock", "conflicting lock", "being used by another process", "cannot access the file")


class Store:
    """The catalogue of one library; safe to use from several threads, one Store a process and library.

    The file is opened by the first piece of work and let go `idle_s` after the last; while another process holds it,
    work waits for up to `wait_s` and then raises LibraryLocked. Any method may raise that, LibraryTooNew, or BadRequest
    for a file that is no catalogue.
    """

    def __init__(self, library: Library, *, wait_s: float = 10.0, idle_s: float = 0.5) -> None:
        self.library = library
        self._known_migrations = migrations.known_migrations()
        self._hold = Hold(library.database, self._connect, wait_s=wait_s, idle_s=idle_s)
        self._stacks = journal.Stacks()
        self._sheet = clips.Sheet()
        self._suggestions = Suggestions()
        self._clips_changed = 0
        self._judgements = 0

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Let the file go now; the store opens it again when it is used again."""
        self._hold.close()

    def changed_since(self, token: int | None) -> int:
        """A number that differs from `token` when another process may have changed the catalogue since.

        Looks at the file's times and size and never opens it; what this store changes itself does not count.
        """
        return self._hold.generation()

    # recordings

    def take_in(self, analysis: Analysis) -> TakenIn:
        """Append what is new of an analysis, in one transaction; taking the same in again changes nothing."""
        with self._changing_clips() as cursor:
            taken = recordings.take_in(cursor, analysis)
            scorings.add(cursor, analysis.scorings, only_new=True)
            return taken

    def seen_at(self, recording: str, path: str) -> bool:
        """Remember that a known recording's bytes lie at `path`; False when that was known."""
        with self._changing_clips() as cursor:
            return recordings.seen_at(cursor, recording, path)

    def known(self, sha256s: Sequence[str]) -> dict[str, Recording]:
        """Those of these file hashes that are recordings, by hash."""
        with self._reading() as cursor:
            return recordings.known(cursor, sha256s)

    def known_sums(self) -> list[str]:
        """The file hashes of all recordings."""
        return [recording.sha256 for recording in self.recordings()]

    def recordings(self) -> list[Recording]:
        """All recordings, by speaker and path."""
        with self._reading() as cursor:
            return recordings.recordings(cursor)

    def recording(self, recording: str) -> Recording:
        """The recording of this id or unique beginning of one; raises BadRequest."""
        with self._reading() as cursor:
            return recordings.find(cursor, recording)

    def recording_rows(self) -> list[dict[str, Any]]:
        """All recordings as the commands list them, with counts of their clips."""
        with self._reading() as cursor:
            return recordings.recording_rows(cursor)

    def left_out(self, recording: str) -> list[LeftOut]:
        """The ranges of a recording that are in no clip, with reasons, by its latest slicing."""
        with self._reading() as cursor:
            return recordings.left_out(cursor, recording)

    def activity(self, recording: str) -> Activity | None:
        """The voice activity that was kept for a recording."""
        with self._reading() as cursor:
            return recordings.activity(cursor, recording)

    def rescore(self, new: Sequence[Scoring]) -> int:
        """Append scorings; a score that they do not mention keeps its value. Returns how many were appended."""
        with self._changing_clips() as cursor:
            return scorings.add(cursor, new, only_new=False)

    def take_in_scores(self, recording: str, activity: Activity | None, new: Sequence[Scoring]) -> int:
        """Append the scores of a recording's clips and, where it was heard anew, its activity, in one transaction.

        Clips that have scores of the same versions are passed over; returns how many were not.
        """
        with self._changing_clips() as cursor:
            if activity:
                recordings.add_activity(cursor, recording, activity)
            return scorings.add(cursor, new, only_new=True)

    def features(self, name: str, version: int, speaker: str | None = None) -> pa.Table:
        """What a family of scores kept of the present clips of one speaker, or of all: `scorings.features`."""
        with self._reading() as cursor:
            return scorings.features(cursor, name, version, speaker)

    def feature_marks(self, name: str, version: int) -> dict[str, str]:
        """For each speaker a mark that changes when what `features` gives does."""
        with self._reading() as cursor:
            return scorings.feature_marks(cursor, name, version)

    def compared(self, name: str) -> dict[str, str]:
        """The mark with which each scope of a family's features was last compared."""
        with self._reading() as cursor:
            return scorings.compared(cursor, name)

    def add_comparison(self, name: str, marks: Mapping[str, str], new: Sequence[Scoring]) -> int:
        """Append the scores of a comparison and remember its marks, in one transaction; how many were appended."""
        with self._changing_clips() as cursor:
            scorings.add_comparison(cursor, name, marks)
            return scorings.add(cursor, new, only_new=False)

    def last_scores(self, clip_ids: Sequence[str]) -> dict[str, dict[str, Any]]:
        """The latest scores of these clips, by clip, with `versions` and `places` as JSON text."""
        with self._reading() as cursor:
            return scorings.last(cursor, clip_ids)

    def reslice(self, slicings: Sequence[Slicing]) -> Resliced:
        """Give recordings other clips, in one action that undo takes back; ranges that stay keep all they have."""
        with self._changing_clips() as cursor:
            return reslicing.reslice(cursor, slicings)

    def sliced(self) -> dict[str, Sliced]:
        """How the clips of each recording were cut, by recording."""
        with self._reading() as cursor:
            return reslicing.sliced(cursor)

    def heard(self) -> dict[str, str]:
        """The version of the latest voice activity of each recording that has one."""
        with self._reading() as cursor:
            return reslicing.heard(cursor)

    def scored(self, recording_ids: Sequence[str]) -> dict[str, list[Scored]]:
        """The present clips of recordings with the versions of what scored them, by recording."""
        with self._reading() as cursor:
            return reslicing.scored(cursor, recording_ids)

    def forget(self, recording: str) -> Forgotten:
        """Remove a recording with its stems, clips, scores and verdicts for good; raises BadRequest for an unknown one.

        The files of the stems are deleted, the recording's own is not.
        """
        with self._changing_clips() as cursor:
            forgotten = recordings.forget(cursor, recording)
        with self._reading() as cursor:
            cursor.execute("CHECKPOINT")
        for stem in map(Path, forgotten.stems):
            if stem.parent == self.library.media:
                stem.unlink(missing_ok=True)
        self._stacks = journal.Stacks()
        return forgotten

    # clips

    def clip_table(
        self,
        *,
        where: str | Sequence[str] | None = None,
        sort: str | None = None,
        limit: int | None = None,
        rules: Sequence[Rule] = (),
    ) -> pa.Table:
        """The present clips, as Arrow with the columns `filters.NAMES`, by speaker, path and start.

        `where` is one filter or several that must all hold; each is checked by itself, as is `sort`, and BadRequest
        says what is wrong. `rules` fill `suggestion`.
        """
        conditions = [where] if isinstance(where, str) else list(where or ())
        for condition in conditions:
            check_filter(condition)
        if sort is not None:
            check_sort(sort)
        with self._reading() as cursor, _expression_errors(" and ".join(filter(None, [*conditions, sort]))):
            sheet = self._sheet.table(cursor, *self._marks())
            suggested = self._suggestions.of(cursor, sheet, rules) if rules else None
            return clips.clip_table(cursor, sheet, where=conditions, sort=sort, limit=limit, suggested=suggested)

    def clip(self, clip: str, *, rules: Sequence[Rule] = ()) -> dict[str, Any]:
        """One clip by its id or a unique beginning of it, as `clips.rows` gives it; raises BadRequest."""
        with self._reading() as cursor:
            found = clips.find(cursor, clip)
            sheet = judgement.beside(clips.read(cursor, only=found), judgement.latest(cursor))
            outliers: suggestions.Limits = {}
            if any(rule.op == "outlier" for rule in rules):
                outliers = suggestions.limits(cursor, self._sheet.table(cursor, *self._marks()), rules)
            suggested = suggestions.suggest(cursor, sheet, rules, outliers)
            table = clips.clip_table(cursor, sheet, suggested=suggested)
        if not table.num_rows:
            raise BadRequest(f"The clip {found} was replaced by another one.")
        return clips.rows(table)[0]

    # verdicts

    def decide(self, clip_ids: Sequence[str], verdict: VerdictName, reasons: Sequence[str] = ()) -> int:
        """Give clips a verdict: one action, one transaction, on disk when this returns its number."""
        with self._writing() as cursor:
            return journal.decide(cursor, clip_ids, verdict, reasons)

    def undo(self) -> Undone | None:
        """Take the last action back, be it a verdict, an edit or a remark; None when there is nothing to take back."""
        return self._turn(journal.undo)

    def redo(self) -> Undone | None:
        """Do again what was undone last; None when nothing was, or something else was done since."""
        return self._turn(journal.redo)

    def _turn(self, turn: Callable[[Cursor, journal.Stacks], Undone | None]) -> Undone | None:
        with self._writing() as cursor:
            undone = turn(cursor, self._stacks)
        if undone and (undone.shown or undone.hidden):
            self._clips_changed += 1
        return undone

    def decide_each(self, verdicts: Mapping[str, VerdictName], reasons: Sequence[str] = ()) -> int:
        """Give each of these clips its own verdict: one action, taken back by one undo."""
        with self._writing() as cursor:
            return journal.decide_each(cursor, verdicts, reasons)

    # finding

    def judgement(self) -> Judgement | None:
        """What was learned from verdicts; it fills `accept_probability` and `doubt` of the clip table."""
        with self._reading() as cursor:
            return judgement.latest(cursor)

    def keep_judgement(self, learned: Judgement | None) -> None:
        """Let this count as learned from here on; None: nothing."""
        with self._writing() as cursor:
            judgement.forget(cursor) if learned is None else judgement.keep(cursor, learned)
        self._judgements += 1

    def saved_filters(self) -> list[SavedFilter]:
        """The filters that were kept under a name."""
        with self._reading() as cursor:
            return saved_filters.saved_filters(cursor)

    def save_filter(self, saved: SavedFilter) -> None:
        """Keep a filter and an order under a name; raises BadRequest for one that is none."""
        if saved.where.strip():
            check_filter(saved.where)
        if saved.sort.strip():
            check_sort(saved.sort)
        with self._writing() as cursor:
            saved_filters.save(cursor, saved)

    def remove_filter(self, name: str) -> None:
        """Keep a filter no longer; raises BadRequest when there is none of that name."""
        with self._writing() as cursor:
            saved_filters.remove(cursor, name)

    # edits and remarks

    def replace_clips(self, clip_ids: Sequence[str], spans: Sequence[tuple[int, int]], *, shortest: int = 0) -> Edited:
        """Put clips of other ranges, [start, end) in samples, in the place of clips of one recording; one action.

        They inherit verdict, note and tags, and have no scores yet. Raises BadRequest as `edits.replace` does.
        """
        with self._changing_clips() as cursor:
            return edits.replace(cursor, clip_ids, spans, shortest=shortest)

    def unscored(self) -> list[str]:
        """The present clips that an edit made and that have no scores yet, such as when the app ended too early."""
        with self._reading() as cursor:
            return edits.unscored(cursor)

    def remark(
        self,
        clip_ids: Sequence[str],
        *,
        note: str | None = None,
        add: Sequence[str] = (),
        remove: Sequence[str] = (),
    ) -> int | None:
        """Give clips a note or tags: one action; None when nothing would change. Raises BadRequest."""
        with self._writing() as cursor:
            return remarks.remark(cursor, clip_ids, note=note, add=add, remove=remove)

    def tags(self) -> list[str]:
        """The tags in use, the most frequent first."""
        with self._reading() as cursor:
            return remarks.tags(cursor)

    # lineage

    def add_set(self, info: SetInfo, clips: Sequence[SetClip]) -> bool:
        """Remember a frozen set; False when it was known."""
        with self._writing() as cursor:
            return lineage.add_set(cursor, info, clips)

    def sets(self) -> list[SetInfo]:
        """All frozen sets, oldest first."""
        with self._reading() as cursor:
            return lineage.sets(cursor)

    def add_run(self, run_id: str, model_name: str, set_id: str, request: Mapping[str, Any]) -> bool:
        """Remember that a training run was started; False when it was known."""
        with self._writing() as cursor:
            return lineage.add_run(cursor, run_id, model_name, set_id, request)

    def end_run(self, run_id: str, outcome: str, result: Mapping[str, Any]) -> bool:
        """Remember how a run ended; False when that end was known."""
        with self._writing() as cursor:
            return lineage.end_run(cursor, run_id, outcome, result)

    def add_blame(self, run_id: str, new: Sequence[Blame]) -> int:
        """Remember what a run says of the clips of its set; how many were not known."""
        with self._changing_clips() as cursor:
            return blames.add(cursor, run_id, new)

    def runs(self) -> list[dict[str, Any]]:
        """All runs, oldest first: id, model, set_id, set, request, started_at, outcome, result, ended_at."""
        with self._reading() as cursor:
            return lineage.runs(cursor)

    def add_model(self, card: Mapping[str, Any]) -> bool:
        """Remember a published model by its card; False when it was known."""
        with self._writing() as cursor:
            return lineage.add_model(cursor, card)

    def models(self) -> list[dict[str, Any]]:
        """The cards of all models that were ever published here, the latest of each name."""
        with self._reading() as cursor:
            return lineage.models(cursor)

    def add_conversion(self, record: Mapping[str, Any]) -> bool:
        """Remember a converted file (needs `id` and `model`); False when it was known."""
        with self._writing() as cursor:
            return lineage.add_conversion(cursor, record)

    def conversions(self) -> list[dict[str, Any]]:
        """All conversions, oldest first."""
        with self._reading() as cursor:
            return lineage.conversions(cursor)

    def keep_voice_settings(self, model: str, options: Mapping[str, Any] | None) -> None:
        """Keep the options of a conversion for a model; None keeps none any longer."""
        with self._writing() as cursor:
            voice_settings.keep(cursor, model, options)

    def voice_settings(self) -> dict[str, dict[str, Any]]:
        """The options kept for each model."""
        with self._reading() as cursor:
            return voice_settings.kept(cursor)

    def check(self) -> list[str]:
        """What does not fit together in the catalogue, a line each; empty when all is well."""
        with self._reading() as cursor:
            return integrity.check(cursor, self.library, self._known_migrations)

    # the file

    @contextlib.contextmanager
    def _reading(self) -> Iterator[Cursor]:
        with self._hold.reading() as cursor, _storage_errors(self.library, self._hold):
            yield cursor

    @contextlib.contextmanager
    def _writing(self) -> Iterator[Cursor]:
        with _storage_errors(self.library, self._hold), self._hold.writing() as cursor:
            yield cursor

    def _marks(self) -> tuple[object, object]:
        """What changes when the clips, apart from verdicts and remarks, must be read again, and when judged again."""
        generation = self._hold.generation()
        return (generation, self._clips_changed), (generation, self._judgements)

    @contextlib.contextmanager
    def _changing_clips(self) -> Iterator[Cursor]:
        """As `_writing`, for what changes more of a clip than its verdict."""
        try:
            with self._writing() as cursor:
                yield cursor
        finally:
            self._clips_changed += 1

    def _connect(self) -> Connection:
        """Open the file and bring its schema up to date; raises Busy when another process holds it."""
        if not self.library.exists:
            self._create()
        connection = _open(self.library.database)
        try:
            version, missing = self._pending(connection)
            if missing and version:
                connection.close()
                migrations.back_up(self.library.database, self.library.backups, version)
                connection = _open(self.library.database)
                version, missing = self._pending(connection)
            if missing:
                _with_cursor(connection, lambda cursor: migrations.apply(cursor, missing))
        except BaseException:
            connection.close()
            raise
        return connection

    def _create(self) -> None:
        """Make an empty catalogue beside its place and link it there, so that it is never found half made."""
        self.library.create()
        atomic.sweep(self.library.root)
        part = self.library.root / f".catalog.{os.getpid()}.{threading.get_ident()}.part.duckdb"
        try:
            with _storage_errors(self.library, self._hold), contextlib.closing(_open(part)) as connection:
                _with_cursor(connection, lambda cursor: migrations.apply(cursor, list(self._known_migrations)))
            try:
                os.link(part, self.library.database)
            except FileExistsError:
                pass
            except OSError:
                if not self.library.exists:
                    os.rename(part, self.library.database)
        finally:
            part.unlink(missing_ok=True)

    def _pending(self, connection: Connection) -> tuple[int, list[migrations.Migration]]:
        return _with_cursor(
            connection, lambda cursor: migrations.pending(cursor, self.library.root, self._known_migrations)
        )


def check_filter(expression: str) -> None:
    """Refuse a `--where` that is not a plain true-or-false expression over a clip's fields; it is never run.

    Raises BadRequest with the reason and, for an unknown name, the nearest known one.
    """
    filters.check_text(expression)
    with _bench() as cursor:
        filters.check_where(_tree(cursor, filters.where_query(expression)), expression)
        with _expression_errors(expression):
            query = f"DESCRIBE SELECT (\n{expression}\n) AS outcome FROM clips"
            filters.check_type(cursor.execute(query).fetchall()[0][1], expression)
            cursor.execute(f"EXPLAIN SELECT 1 FROM clips WHERE (\n{expression}\n)").fetchall()


def check_sort(expression: str) -> None:
    """Refuse a `--sort` that is not a list of expressions over a clip's fields; raises BadRequest."""
    filters.check_text(expression)
    with _bench() as cursor:
        filters.check_sort(_tree(cursor, filters.sort_query(expression)), expression)
        with _expression_errors(expression):
            cursor.execute(f"EXPLAIN SELECT id FROM clips ORDER BY\n{expression}\n").fetchall()


def _tree(cursor: Cursor, query: str) -> dict[str, Any]:
    try:
        text = cursor.execute("SELECT json_serialize_sql(?::VARCHAR)", [query]).fetchall()[0][0]
        tree: dict[str, Any] = json.loads(text)
    except (duckdb.Error, RecursionError) as error:
        raise BadRequest("The expression is nested too deeply to be read.") from error
    return tree


_BENCH_LOCK = threading.Lock()


@lru_cache(maxsize=1)
def _bench_connection() -> Any:
    connection = duckdb.connect(":memory:", config={**_SAFE, "threads": "1"})
    connection.execute(clips.empty_table()).fetchall()
    atexit.register(connection.close)
    return connection


@contextlib.contextmanager
def _bench() -> Iterator[Cursor]:
    """An empty database in memory, where expressions are parsed and bound without touching the catalogue."""
    with _BENCH_LOCK:
        cursor = _bench_connection().cursor()
        try:
            yield cursor
        finally:
            cursor.close()


def _open(database: Path) -> Connection:
    try:
        connection: Connection = duckdb.connect(str(database), config=dict(_SETTINGS))
        return connection
    except duckdb.Error as error:
        text = str(error)
        holder = _HOLDER.search(text)
        if holder:
            raise Busy(f"process {holder[2]} ({holder[1]})") from error
        if any(sign in text.lower() for sign in _TAKEN):
            raise Busy("another process") from error
        raise _unusable(database, text) from error


def _unusable(database: Path, text: str) -> Exception:
    lowered = text.lower()
    if "version number" in lowered:
        return LibraryTooNew(
            f"The catalogue {database} was written by a later DuckDB than {duckdb.__version__}. Nothing was"
            " changed; update the program to open it."
        )
    if any(sign in lowered for sign in _FULL):
        return BadRequest(f"The disk is full: the catalogue {database} could not be opened.")
    if "permission denied" in lowered or "read-only" in lowered:
        return BadRequest(f"No permission to open the catalogue {database} for writing.")
    if "not a valid duckdb" in lowered or "corrupt" in lowered or "checksum" in lowered:
        return BadRequest(
            f"{database} is damaged or not a catalogue. A copy from before the last change of schema may lie in"
            f" {database.parent / 'backups'}."
        )
    return BadRequest(f"The catalogue {database} cannot be opened: {text.splitlines()[0]}")


def _with_cursor(connection: Connection, work: Callable[[Cursor], Result]) -> Result:
    cursor = connection.cursor()
    try:
        return work(cursor)
    finally:
        cursor.close()


@contextlib.contextmanager
def _storage_errors(library: Library, hold: Hold) -> Iterator[None]:
    """DuckDB's errors about the disk and the file in words; errors in our own statements pass."""
    try:
        yield
    except duckdb.Error as error:
        text = str(error).lower()
        if isinstance(error, duckdb.FatalException):
            hold.forsake()
        if any(sign in text for sign in _FULL):
            raise BadRequest(f"The disk is full: the catalogue {library.database} was not changed.") from error
        if isinstance(error, (duckdb.IOException, duckdb.FatalException)):
            raise BadRequest(f"The catalogue {library.database} failed: {str(error).splitlines()[0]}") from error
        raise


@contextlib.contextmanager
def _expression_errors(expression: str) -> Iterator[None]:
    """What DuckDB has against an expression that passed the check (types, conversions), as BadRequest."""
    try:
        yield
    except (duckdb.Error, RecursionError) as error:
        if not expression:
            raise
        reason = str(error).splitlines()[0].removeprefix("Binder Error: ").removeprefix("Conversion Error: ")
        raise BadRequest(f"This expression does not work: {' '.join(expression.split())[:80]} ({reason}).") from error
