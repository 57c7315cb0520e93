"""The catalogue's database: the only module that opens the file.

It owns the file: opening, letting go, transactions, and the errors of both. What is asked of the open database is in
`recordings`, `scorings`, `clips`, `journal`, `lineage` and the like, one noun each; most methods of the store are one
of those functions with its cursor filled in.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import wraps
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

import duckdb

from catalog import (
    blames,
    clips,
    edits,
    integrity,
    journal,
    lineage,
    migrations,
    refusals,
    remarks,
    reslicing,
    scorings,
    suggestions,
)
from catalog import judgement as _judgement  # underscored where a method of the store has the plain name
from catalog import recordings as _recordings
from catalog import saved_filters as _saved_filters
from catalog import voice_settings as _voice_settings
from catalog.edits import Edited
from catalog.errors import BadRequest
from catalog.expressions import SAFE, check_filter, check_sort, errors_in_words
from catalog.holding import Connection, Cursor, Hold
from catalog.journal import Undone
from catalog.judgement import Judgement
from catalog.late import pa
from catalog.library import Library
from catalog.recordings import Forgotten, TakenIn
from catalog.records import Activity, Analysis, Rule, Scoring
from catalog.saved_filters import SavedFilter
from catalog.suggestions import Suggestions

__all__ = ["Edited", "Forgotten", "Store", "TakenIn", "Undone"]

_SETTINGS = {**SAFE, "storage_compatibility_version": "v1.5.0"}
Asked = ParamSpec("Asked")
Result = TypeVar("Result")
Work = Callable[Concatenate[Cursor, Asked], Result]
Method = Callable[Concatenate["Store", Asked], Result]
Held = contextlib.AbstractContextManager[Cursor]


def _reads(work: Work[Asked, Result]) -> Method[Asked, Result]:
    """The method of the store that asks `work`, whose docstring and arguments it has."""
    return _method(work, lambda store: store._reading())


def _writes(work: Work[Asked, Result]) -> Method[Asked, Result]:
    """As `_reads`, in one transaction that is on disk when the method returns."""
    return _method(work, lambda store: store._writing())


def _changes_clips(work: Work[Asked, Result]) -> Method[Asked, Result]:
    """As `_writes`, for what changes more of a clip than its verdict and remarks."""
    return _method(work, lambda store: store._changing_clips())


def _method(work: Work[Asked, Result], held: Callable[[Store], Held]) -> Method[Asked, Result]:
    @wraps(work)
    def method(store: Store, /, *args: Asked.args, **options: Asked.kwargs) -> Result:
        with held(store) as cursor:
            return work(cursor, *args, **options)

    return method


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
            taken = _recordings.take_in(cursor, analysis)
            scorings.add(cursor, analysis.scorings, only_new=True)
            return taken

    seen_at = _changes_clips(_recordings.seen_at)
    known = _reads(_recordings.known)
    recordings = _reads(_recordings.recordings)
    recording = _reads(_recordings.find)
    recording_rows = _reads(_recordings.recording_rows)
    left_out = _reads(_recordings.left_out)
    activity = _reads(_recordings.activity)

    def known_sums(self) -> list[str]:
        """The file hashes of all recordings."""
        return [recording.sha256 for recording in self.recordings()]

    def forget(self, recording: str) -> Forgotten:
        """Remove a recording with its stems, clips, scores and verdicts for good; raises BadRequest for an unknown one.

        The files of the stems are deleted, the recording's own is not.
        """
        with self._changing_clips() as cursor:
            forgotten = _recordings.forget(cursor, recording)
        with self._reading() as cursor:
            cursor.execute("CHECKPOINT")
        for stem in map(Path, forgotten.stems):
            if stem.parent == self.library.media:
                stem.unlink(missing_ok=True)
        self._stacks = journal.Stacks()
        return forgotten

    # scores and slicing

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
                _recordings.add_activity(cursor, recording, activity)
            return scorings.add(cursor, new, only_new=True)

    features = _reads(scorings.features)
    feature_marks = _reads(scorings.feature_marks)
    compared = _reads(scorings.compared)
    last_scores = _reads(scorings.last)

    def add_comparison(self, name: str, marks: Mapping[str, str], new: Sequence[Scoring]) -> int:
        """Append the scores of a comparison and remember its marks, in one transaction; how many were appended."""
        with self._changing_clips() as cursor:
            scorings.add_comparison(cursor, name, marks)
            return scorings.add(cursor, new, only_new=False)

    reslice = _changes_clips(reslicing.reslice)
    sliced = _reads(reslicing.sliced)
    heard = _reads(reslicing.heard)
    scored = _reads(reslicing.scored)

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
        with self._reading() as cursor, errors_in_words(" and ".join(filter(None, [*conditions, sort]))):
            sheet = self._sheet.table(cursor, *self._marks())
            suggested = self._suggestions.of(cursor, sheet, rules) if rules else None
            return clips.clip_table(cursor, sheet, where=conditions, sort=sort, limit=limit, suggested=suggested)

    def clip(self, clip: str, *, rules: Sequence[Rule] = ()) -> dict[str, Any]:
        """One clip by its id or a unique beginning of it, as `clips.rows` gives it; raises BadRequest."""
        with self._reading() as cursor:
            found = clips.find(cursor, clip)
            sheet = _judgement.beside(clips.read(cursor, only=found), _judgement.latest(cursor))
            outliers: suggestions.Limits = {}
            if any(rule.op == "outlier" for rule in rules):
                outliers = suggestions.limits(cursor, self._sheet.table(cursor, *self._marks()), rules)
            suggested = suggestions.suggest(cursor, sheet, rules, outliers)
            table = clips.clip_table(cursor, sheet, suggested=suggested)
        if not table.num_rows:
            raise BadRequest(f"The clip {found} was replaced by another one.")
        return clips.rows(table)[0]

    # verdicts, edits and remarks

    decide = _writes(journal.decide)
    decide_each = _writes(journal.decide_each)

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

    replace_clips = _changes_clips(edits.replace)
    in_place_of = _reads(edits.in_place_of)
    unscored = _reads(edits.unscored)
    remark = _writes(remarks.remark)
    tags = _reads(remarks.tags)

    # finding

    judgement = _reads(_judgement.latest)

    def keep_judgement(self, learned: Judgement | None) -> None:
        """Let this count as learned from here on; None: nothing."""
        with self._writing() as cursor:
            _judgement.forget(cursor) if learned is None else _judgement.keep(cursor, learned)
        self._judgements += 1

    saved_filters = _reads(_saved_filters.saved_filters)
    remove_filter = _writes(_saved_filters.remove)

    def save_filter(self, saved: SavedFilter) -> None:
        """Keep a filter and an order under a name; raises BadRequest for one that is none."""
        if saved.where.strip():
            check_filter(saved.where)
        if saved.sort.strip():
            check_sort(saved.sort)
        with self._writing() as cursor:
            _saved_filters.save(cursor, saved)

    # lineage

    add_set = _writes(lineage.add_set)
    sets = _reads(lineage.sets)
    add_run = _writes(lineage.add_run)
    end_run = _writes(lineage.end_run)
    add_blame = _changes_clips(blames.add)
    runs = _reads(lineage.runs)
    add_model = _writes(lineage.add_model)
    models = _reads(lineage.models)
    add_conversion = _writes(lineage.add_conversion)
    conversions = _reads(lineage.conversions)
    keep_voice_settings = _writes(_voice_settings.keep)
    voice_settings = _reads(_voice_settings.kept)

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
        with _storage_errors(self.library, self._hold):
            return migrations.connect(self.library, self._known_migrations, _open)


def _open(database: Path) -> Connection:
    try:
        connection: Connection = duckdb.connect(str(database), config=dict(_SETTINGS))
        return connection
    except duckdb.Error as error:
        raise refusals.of_opening(database, str(error), duckdb.__version__) from error


@contextlib.contextmanager
def _storage_errors(library: Library, hold: Hold) -> Iterator[None]:
    """DuckDB's errors about the disk and the file in words; errors in our own statements pass."""
    try:
        yield
    except duckdb.Error as error:
        if isinstance(error, duckdb.FatalException):
            hold.forsake()
        of_file = isinstance(error, (duckdb.IOException, duckdb.FatalException))
        refusal = refusals.of_storing(library.database, str(error), of_file=of_file)
        if refusal:
            raise refusal from error
        raise
