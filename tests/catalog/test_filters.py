"""What `--where` and `--sort` may say, and what they may not."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from catalog.errors import BadRequest
from catalog.expressions import check_filter, check_sort
from catalog.library import Library
from catalog.records import Analysis
from catalog.store import Store

GOOD = [
    "snr_db > 20",
    "SNR_DB > 20 AND speaker = 'anna'",
    "duration_s BETWEEN 5 AND 15",
    "verdict IN ('accepted', 'undecided') OR verdict NOT IN ('rejected')",
    "path LIKE '%take_2%' AND path NOT ILIKE '%OLD%'",
    "path ~ '.*/2024/.*'",
    "speaker SIMILAR TO 'a.*'",
    "list_contains(reasons, 'noisy')",
    "len(reasons) = 0",
    "reasons[1] = 'noisy'",
    "reasons = ['noisy', 'hum']",
    "mos IS NULL OR mos IS NOT NULL",
    "snr_db IS DISTINCT FROM 3",
    "NOT short",
    "short",
    "true",
    '"end" - "start" > 48000',
    "(end_s - start_s) / 2 < 5.5e0",
    "abs(f0_high_hz - f0_low_hz) > 100",
    "snr_db::INTEGER > 3 AND CAST(mos AS VARCHAR) = '4'",
    "coalesce(mos, 0) >= 3",
    "CASE WHEN short THEN snr_db > 30 ELSE snr_db > 20 END",
    "lower(speaker) = 'anna' AND contains(path, 'x') AND starts_with(id, 'ab')",
    "suggestion = 'reject' AND suggestion_reasons[1] <> ''",
    "snr_db > 20 -- a remark",
    "snr_db > /* a remark */ 20",
    "speaker = 'it''s; DROP TABLE clip'",
    "greatest(snr_db, 10) = least(snr_db, 50)",
    "round(snr_db, 1) = 20.0",
    "duplicate_of IS NULL",
    "speaker = $$anna$$",
]

HOSTILE = [
    "",
    "   ",
    "-- nothing",
    "snr_db",
    "1",
    "'text'",
    "reasons",
    "NULL::INTEGER",
    "*",
    "snr_db > 20; DROP TABLE clip",
    "snr_db > 20; SELECT 1",
    "true; DELETE FROM clip",
    "true) OR (true",
    "true) UNION SELECT 1 WHERE (true",
    "true UNION SELECT 1",
    "true EXCEPT SELECT 1",
    "true GROUP BY 1",
    "true HAVING true",
    "true LIMIT 1",
    "true ORDER BY 1",
    "true QUALIFY true",
    "true WINDOW w AS ()",
    "true USING SAMPLE 1",
    "(SELECT true)",
    "EXISTS (SELECT 1 FROM recording)",
    "id IN (SELECT id FROM clip)",
    "id = ANY (SELECT id FROM clip)",
    "id IN (FROM clip SELECT id)",
    "(WITH x AS (SELECT 1) SELECT true FROM x)",
    "(FROM read_csv('/etc/passwd'))",
    "id IN (TABLE clip)",
    "id IN (VALUES ('a'))",
    "id = (DELETE FROM clip RETURNING id)",
    "nextval('action_seq') > 1",
    "getenv('HOME') = 'x'",
    "current_setting('home_directory') = 'x'",
    "set_config('threads', '1', true) = 'x'",
    "read_text('/etc/passwd') = 'x'",
    "read_blob('/etc/passwd') IS NULL",
    "read_csv('/etc/passwd') IS NULL",
    "read_parquet('x') IS NULL",
    "glob('/*') IS NULL",
    "query('SELECT 1') IS NULL",
    "query_table('clip') IS NULL",
    "pragma_table_info('clip') IS NULL",
    "duckdb_settings() IS NULL",
    "current_user = 'x'",
    "current_database() = 'x'",
    "version() = 'x'",
    "now() > '2020-01-01'",
    "random() > 0.5",
    "uuid() = id",
    "txid_current() > 1",
    "write_log('x') IS NULL",
    "json_execute_serialized_sql('x') IS NULL",
    "getvariable('x') = 1",
    "sleep_ms(10000) IS NULL",
    "repeat('x', 1000000000) = 'x'",
    "range(1000000000) IS NULL",
    "list_transform(reasons, lambda x: x || 'y') = []",
    "list_filter(reasons, lambda x: x = 'y') = []",
    "[x FOR x IN reasons] = []",
    "sum(snr_db) > 3",
    "count(*) > 3",
    "row_number() OVER () > 3",
    "max(snr_db) FILTER (WHERE true) > 3",
    "unnest([true, false])",
    "struct_pack(a := 1) IS NULL",
    "main.lower(path) = 'x' AND system.main.nextval('x') = 1",
    "snr_db > $1",
    "snr_db > ?",
    "COLUMNS('.*') IS NULL",
    "clip.id = 'x'",
    "catalog.main.clip.id = 'x'",
    "rowid > 3",
    "speaker COLLATE nocase = 'x'",
    "snr_db > 20 /*",
    "snr_db >",
    "snr_db > 20)",
    "((snr_db > 20)",
    "'unclosed",
    "mos::UUID IS NULL",
    "TRY(1) = 1",
    "snr_db > 20\x00",
    "true AND " * 600 + "true",
    "DROP TABLE clip",
    "ATTACH '/tmp/x'",
    "COPY clip TO '/tmp/x'",
    "INSTALL httpfs",
    "PRAGMA database_list",
    "SET threads = 1",
    "CALL pragma_version()",
]


@pytest.mark.parametrize("expression", GOOD)
def test_a_plain_condition_passes_and_runs(expression: str, store: Store) -> None:
    check_filter(expression)
    assert len(store.clip_table(where=expression)) == 0


@pytest.mark.parametrize("expression", HOSTILE)
def test_anything_else_is_refused_in_one_line(expression: str) -> None:
    with pytest.raises(BadRequest) as refusal:
        check_filter(expression)
    assert "\n" not in str(refusal.value)
    assert len(str(refusal.value)) < 700


def test_refused_expressions_leave_library_and_disk_as_they_were(
    library: Library, make_analysis: Callable[..., Analysis], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with Store(library) as store:
        store.take_in(make_analysis("one"))
    before = library.database.read_bytes()
    files = sorted(os.listdir(tmp_path))
    with Store(library) as store:
        for expression in HOSTILE:
            with pytest.raises(BadRequest):
                store.clip_table(where=expression)
            with pytest.raises(BadRequest):
                store.clip_table(sort=f"snr_db, {expression}; DROP TABLE clip")
        assert len(store.clip_table()) == 5
    assert library.database.read_bytes() == before
    assert sorted(os.listdir(tmp_path)) == files


def test_deep_nesting_is_understood_or_refused_but_never_fatal() -> None:
    check_filter("(" * 100 + "true" + ")" * 100)
    for nested in ("(" * 1900 + "true" + ")" * 1900, "NOT " * 900 + "true", "-" * 1500 + "1 > 0"):
        with contextlib.suppress(BadRequest):
            check_filter(nested)


@pytest.mark.parametrize(
    ("expression", "hint"),
    [
        ("snrdb > 20", r"Unknown name snrdb \(did you mean snr_db?"),
        ("speeker = 'anna'", "did you mean speaker?"),
        ("scores.snr_db > 20", r"Unknown name scores\.snr_db \(did you mean snr_db?"),
        ('"Duration" > 5', "did you mean duration_s?"),
        ("zzz > 5", "closest: .*curator clips --help lists all"),
        ("lowr(path) = 'x'", "did you mean lower?"),
        ("snr_db", "gives DOUBLE, not true or false"),
        ("snr_db > 20 ORDER BY 1", "not a filter"),
        ("(SELECT true)", "cannot hold a query"),
        ("snr_db > 20; SELECT 1", "more than one|cannot be read"),
    ],
)
def test_a_refusal_says_what_to_do(expression: str, hint: str) -> None:
    with pytest.raises(BadRequest, match=hint.replace("?", r"\?")):
        check_filter(expression)


@pytest.mark.parametrize(
    "expression",
    ["snr_db", "snr_db DESC", "snr_db DESC NULLS LAST, path", 'lower(speaker), "end" - "start" ASC', "short -- x"],
)
def test_a_plain_order_passes_and_runs(expression: str, store: Store) -> None:
    check_sort(expression)
    assert len(store.clip_table(sort=expression)) == 0


@pytest.mark.parametrize(
    "expression",
    [
        "1",
        "'x'",
        "ALL",
        "*",
        "snr_db LIMIT 1",
        "snr_db OFFSET 1",
        "snr_db; DROP TABLE clip",
        "(SELECT 1)",
        "random()",
        "nextval('x')",
        "sum(snr_db)",
        "snr_db) UNION (SELECT 1",
        "unknown",
        "",
        "snr_db DESC DESC",
        "snr_db UNION SELECT 1",
    ],
)
def test_any_other_order_is_refused_in_one_line(expression: str) -> None:
    with pytest.raises(BadRequest) as refusal:
        check_sort(expression)
    assert "\n" not in str(refusal.value)
