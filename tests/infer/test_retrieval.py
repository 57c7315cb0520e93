from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from catalog.errors import BadModel, BadRequest
from infer.retrieval import build_index, cell_count, check_index, open_index, protect_unvoiced, recall_of

RNG = np.random.default_rng(0)
ROWS = (RNG.standard_normal((60, 1, 16)) * 3 + RNG.standard_normal((60, 40, 16))).reshape(-1, 16).astype(np.float32)


@pytest.fixture(scope="module")
def index_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("index") / "index.faiss"
    build_index(ROWS, path, clips=[f"clip{n // 40}" for n in range(len(ROWS))], rows=path.with_name("index.npy"))
    return path


def test_the_recall_that_is_stated_is_reached(tmp_path: Path) -> None:
    facts = build_index(ROWS, tmp_path / "index.faiss")
    assert facts.recall >= 0.98
    found = open_index(tmp_path / "index.faiss")
    assert (found.rows, found.dim, found.nprobe) == (len(ROWS), 16, facts.nprobe)
    queries = ROWS[:200] + RNG.standard_normal((200, 16)).astype(np.float32)
    truth = np.argsort(((queries[:, None] - ROWS[None]) ** 2).sum(2), axis=1)[:, :8]
    _, rows, _ = found.nearest(queries)
    assert recall_of(rows, truth) > 0.95


def test_more_cells_are_looked_into_where_one_would_miss_neighbours(tmp_path: Path) -> None:
    rows = RNG.standard_normal((3000, 16)).astype(np.float32)
    facts = build_index(rows, tmp_path / "index.faiss")
    found = open_index(tmp_path / "index.faiss")
    queries = RNG.standard_normal((200, 16)).astype(np.float32)
    truth = np.argsort(((queries[:, None] - rows[None]) ** 2).sum(2), axis=1)[:, :8]
    enough = recall_of(found.nearest(queries)[1], truth)
    found._index.nprobe = 1
    assert facts.nprobe > 1
    assert recall_of(found.nearest(queries)[1], truth) < 0.6 < 0.95 < enough


def test_an_exact_match_becomes_that_row_instead_of_nan(index_path: Path) -> None:
    blended = open_index(index_path).blend(ROWS[:50].copy(), 1.0)
    assert np.allclose(blended, ROWS[:50], atol=1e-6)


def test_a_blend_weighs_rows_by_the_fourth_power_of_distance(index_path: Path) -> None:
    queries = ROWS[:20] + 0.5
    found = open_index(index_path)
    scores, _, vectors = found.nearest(queries)
    weights = 1 / scores.astype(np.float64) ** 2
    expected = (vectors * (weights / weights.sum(1, keepdims=True))[:, :, None]).sum(1)
    assert np.allclose(found.blend(queries, 0.75), 0.75 * expected + 0.25 * queries, atol=1e-4)


def test_rate_zero_changes_nothing(index_path: Path) -> None:
    queries = ROWS[:5] + 1
    assert np.array_equal(open_index(index_path).blend(queries, 0), queries)


def test_fewer_rows_than_neighbours_still_blend(tmp_path: Path) -> None:
    build_index(ROWS[:3], tmp_path / "few.faiss")
    blended = open_index(tmp_path / "few.faiss").blend(ROWS[100:104], 1.0)
    assert np.isfinite(blended).all()
    assert blended.min() >= ROWS[:3].min() - 1e-4
    assert blended.max() <= ROWS[:3].max() + 1e-4


def test_every_row_knows_its_clip(index_path: Path) -> None:
    found = open_index(index_path, index_path.with_name("index.npy"))
    _, rows, _ = found.nearest(ROWS[[0, 79, 2399]])
    assert found.clips is not None
    assert found.clips[rows[:, 0]].tolist() == ["clip0", "clip1", "clip59"]


def test_a_list_of_clips_of_another_index_is_refused(index_path: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "index.npy", np.array(["a", "b"]))
    with pytest.raises(BadModel, match="2 rows"):
        open_index(index_path, tmp_path / "index.npy")


def test_a_file_that_is_no_index_is_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "x.faiss").write_bytes(b"no index at all")
    with pytest.raises(BadModel, match=r"x\.faiss"):
        open_index(tmp_path / "x.faiss")


def test_the_index_of_a_stranger_is_read_from_end_to_end(index_path: Path) -> None:
    check_index(index_path, 16)
    with pytest.raises(BadModel, match="16 numbers; this voice has 768"):
        check_index(index_path, 768)


@pytest.mark.parametrize(
    ("place", "value"),
    [(0, b"IxHN"), (4, b"\xff\xff\xff\x7f"), (8, b"\xff\xff\xff\x7f"), (40, b"\xff\xff\xff\x7f"),
     (120, b"\xff" * 8), (-12 * 16 * 4, b"\xff" * 8), (-8, b"\xff" * 8)],
)  # fmt: skip
def test_a_damaged_index_is_refused_in_one_line(tmp_path: Path, index_path: Path, place: int, value: bytes) -> None:
    content = bytearray(index_path.read_bytes())
    place %= len(content)
    content[place : place + len(value)] = value
    (tmp_path / "voice.index").write_bytes(content)
    with pytest.raises(BadModel, match=r"^voice\.index [^\n]*$"):
        check_index(tmp_path / "voice.index", 16)


@pytest.mark.parametrize("kind", ["HNSW8", "PQ4x4", "IVF4,PQ4x4"])
def test_an_index_of_another_kind_is_refused(tmp_path: Path, kind: str) -> None:
    faiss = pytest.importorskip("faiss")
    other = faiss.index_factory(16, kind)
    other.train(ROWS[:300])
    other.add(ROWS[:300])
    faiss.write_index(other, str(tmp_path / "voice.index"))
    with pytest.raises(BadModel, match="another kind"):
        check_index(tmp_path / "voice.index", 16)


def test_features_that_are_not_numbers_are_refused(tmp_path: Path) -> None:
    rows = ROWS.copy()
    rows[7, 3] = np.nan
    with pytest.raises(BadRequest, match="not numbers"):
        build_index(rows, tmp_path / "index.faiss")
    with pytest.raises(BadRequest, match="no features"):
        build_index(rows[:0], tmp_path / "index.faiss")


@pytest.mark.parametrize(("rows", "cells"), [(1, 1), (38, 1), (100, 2), (10_000, 256), (1_000_000, 16_000)])
def test_cells_follow_the_number_of_rows(rows: int, cells: int) -> None:
    assert cell_count(rows) == cells


def test_the_same_features_give_the_same_index(tmp_path: Path) -> None:
    for name in ("a", "b"):
        build_index(ROWS, tmp_path / name, seed=3)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_protection_keeps_unvoiced_frames_as_they_were() -> None:
    blended, raw = np.full((3, 2), 10, np.float32), np.zeros((3, 2), np.float32)
    mixed = protect_unvoiced(blended, raw, np.array([0.0, 220.0, 0.5]), 0.33)
    assert np.allclose(mixed[:, 0], [3.3, 10, 3.3])


def test_an_index_that_looks_into_one_cell_is_made_to_find_the_neighbours(tmp_path: Path, index_path: Path) -> None:
    faiss = pytest.importorskip("faiss")
    narrow: Any = faiss.read_index(str(index_path))
    narrow.nprobe = 1
    faiss.write_index(narrow, str(tmp_path / "narrow.index"))
    index = open_index(tmp_path / "narrow.index")
    queries = (ROWS[::3] + 0.3 * np.random.default_rng(5).standard_normal(ROWS[::3].shape)).astype(np.float32)
    truth = faiss.knn(queries, ROWS, 8)[1]
    few = recall_of(index.nearest(queries)[1], truth)
    index.look_for(0.995, queries)
    assert few < 0.96 < 0.99 < recall_of(index.nearest(queries)[1], truth)
    index.look_for(0.0, queries)
    assert recall_of(index.nearest(queries)[1], truth) == few


def test_rows_spoken_at_the_same_pitch_are_preferred(tmp_path: Path) -> None:
    spoken = np.where(np.arange(len(ROWS)) % 2, 120.0, 240.0).astype(np.float32)
    twice = np.repeat(ROWS[:1200], 2, axis=0) + np.tile([[0.0], [0.01]], (1200, 1)).astype(np.float32)
    build_index(twice, tmp_path / "index.faiss")
    np.save(tmp_path / "index_f0.npy", spoken)
    index = open_index(tmp_path / "index.faiss", f0=tmp_path / "index_f0.npy", neighbours=1)
    for asked, parity in ((235.0, 0), (118.0, 1)):
        made = index.blend(ROWS[:50] + 0.005, 1.0, f0=np.full(50, asked), pitch=10.0)
        assert np.allclose(made, twice[parity:100:2], atol=1e-5)
    plain = index.blend(ROWS[:50] + 0.001, 1.0, f0=np.full(50, 118.0), pitch=0.0)
    assert np.allclose(plain, twice[:100:2], atol=1e-5)


@pytest.mark.parametrize("values", [np.zeros(3), np.full(2400, np.nan), np.array(["a"])])
def test_an_f0_list_of_another_index_is_refused(index_path: Path, tmp_path: Path, values: np.ndarray) -> None:
    np.save(tmp_path / "index_f0.npy", values)
    with pytest.raises(BadModel, match=r"index_f0\.npy"):
        open_index(index_path, f0=tmp_path / "index_f0.npy")
