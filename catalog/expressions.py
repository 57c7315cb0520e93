"""Expressions that people give, checked before they meet the catalogue.

Separate from `filters`, which knows what is allowed, because here DuckDB itself reads and types an expression: in an
empty database in memory, so that nothing that is asked can touch a library. With the store the only module that imports
duckdb.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import threading
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import duckdb

from catalog import clips, filters, refusals
from catalog.errors import BadRequest
from catalog.holding import Cursor

SAFE = {
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "enable_external_access": "false",
    "python_enable_replacements": "false",
    "preserve_insertion_order": "true",
}
"""Settings under which DuckDB reads and writes no other file and loads no extension."""


def check_filter(expression: str) -> None:
    """Refuse a `--where` that is not a plain true-or-false expression over a clip's fields; it is never run.

    Raises BadRequest with the reason and, for an unknown name, the nearest known one.
    """
    filters.check_text(expression)
    with _bench() as cursor:
        filters.check_where(_tree(cursor, filters.where_query(expression)), expression)
        with errors_in_words(expression):
            query = f"DESCRIBE SELECT (\n{expression}\n) AS outcome FROM clips"
            filters.check_type(cursor.execute(query).fetchall()[0][1], expression)
            cursor.execute(f"EXPLAIN SELECT 1 FROM clips WHERE (\n{expression}\n)").fetchall()


def check_sort(expression: str) -> None:
    """Refuse a `--sort` that is not a list of expressions over a clip's fields; raises BadRequest."""
    filters.check_text(expression)
    with _bench() as cursor:
        filters.check_sort(_tree(cursor, filters.sort_query(expression)), expression)
        with errors_in_words(expression):
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
    connection = duckdb.connect(":memory:", config={**SAFE, "threads": "1"})
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


@contextlib.contextmanager
def errors_in_words(expression: str) -> Iterator[None]:
    """What DuckDB has against an expression that passed the check (types, conversions), as BadRequest."""
    try:
        yield
    except (duckdb.Error, RecursionError) as error:
        if not expression:
            raise
        raise refusals.of_expression(expression, str(error)) from error
