"""Retrieval: an index over the content features of a voice, and moving features towards their neighbours in it.

The index is an inverted file of exact vectors (faiss IVF-Flat), the format that RVC tools read. How many of its
cells are looked into is set by measuring, because the usual single cell misses many true neighbours.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from catalog.errors import BadModel, BadRequest

NEIGHBOURS = 8
RECALL_WANTED = 0.98
_TRAINING_ROWS_A_CELL = 39
_MOST_TRAINING_ROWS_A_CELL = 256
_PROBE_QUERIES = 256
_ADD_ROWS = 8192

Features = NDArray[np.float32]


@dataclass(frozen=True)
class IndexFacts:
    """What was built and how well it finds neighbours."""

    rows: int
    dim: int
    cells: int
    nprobe: int
    """Cells looked into for each query."""
    recall: float
    """Share of the true 8 nearest neighbours that are found, measured on queries between the rows."""


class Retrieval:
    """An opened index, with the clip that each of its rows came from where that is known."""

    def __init__(self, index: Any, clips: NDArray[np.str_] | None = None, neighbours: int = NEIGHBOURS) -> None:
        self._index = index
        self.clips = clips
        self.neighbours = neighbours

    @property
    def rows(self) -> int:
        """How many vectors it holds."""
        return int(self._index.ntotal)

    @property
    def dim(self) -> int:
        """Size of a vector."""
        return int(self._index.d)

    @property
    def nprobe(self) -> int:
        """Cells looked into for each query."""
        return int(getattr(self._index, "nprobe", 1))

    def nearest(self, queries: Features) -> tuple[NDArray[np.float32], NDArray[np.int64], Features]:
        """For queries (T, dim) and k neighbours: squared distances (T, k), rows (T, k), -1 where there are none, and
        vectors (T, k, dim)."""
        wanted = np.ascontiguousarray(queries, dtype=np.float32)
        scores, rows, vectors = self._index.search_and_reconstruct(wanted, self.neighbours)
        return scores, rows, vectors

    def blend(self, features: Features, rate: float) -> Features:
        """Features (T, dim) moved by `rate` (0 to 1) to the mean of their nearest rows, 8 unless told otherwise.

        A row weighs 1 / distance^4, the weighting that voices were made with. A feature that is itself a row
        becomes that row; one without any neighbour in the cells looked into stays as it is.
        """
        if rate <= 0 or self.rows == 0 or len(features) == 0:
            return features
        scores, rows, vectors = self.nearest(features)
        found = rows >= 0
        exact = found & (scores <= 0)
        with np.errstate(divide="ignore"):
            weights = np.where(found, np.square(1 / scores), 0).astype(np.float32)
        # Where a row is met exactly its weight is infinite: it alone counts.
        weights = np.where(exact.any(axis=1, keepdims=True), exact, weights).astype(np.float32)
        total = weights.sum(axis=1, keepdims=True)
        lost = total[:, 0] <= 0
        weights /= np.where(total > 0, total, 1)
        vectors = np.where(found[:, :, None], vectors, 0)
        mixed = np.sum(vectors * weights[:, :, None], axis=1) * rate + (1 - rate) * features
        return np.where(lost[:, None], features, mixed).astype(np.float32)


def open_index(path: Path, rows: Path | None = None, *, neighbours: int = NEIGHBOURS) -> Retrieval:
    """Open an index file, and beside it the clip of each row when that file is there.

    Raises BadModel in one line when either is not what it should be.
    """
    index = _read(path)
    clips = None
    if rows is not None and rows.is_file():
        try:
            clips = np.load(rows, allow_pickle=False).astype(np.str_)
        except (OSError, ValueError) as error:
            raise BadModel(f"{rows.name} does not list the clips of an index") from error
        if len(clips) != index.ntotal:
            raise BadModel(f"{rows.name} lists {len(clips)} rows but {path.name} holds {index.ntotal}")
    return Retrieval(index, clips, neighbours)


def check_index(path: Path, dim: int) -> None:
    """Read the index of a stranger from end to end: raises BadModel in one line unless it holds finite vectors of
    `dim` numbers, each of which can be found again."""
    index = _read(path)
    if index.d != dim:
        raise BadModel(f"{path.name} holds features of {index.d} numbers; this voice has {dim}")
    parts = [index]
    if hasattr(index, "quantizer"):
        try:
            index.make_direct_map()
        except RuntimeError as error:
            raise BadModel(f"{path.name} numbers its vectors wrongly: it is damaged") from error
        parts.append(index.quantizer)
    for part in parts:
        for start in range(0, int(part.ntotal), _ADD_ROWS):
            rows = part.reconstruct_n(start, min(_ADD_ROWS, int(part.ntotal) - start))
            if not np.isfinite(rows).all():
                raise BadModel(f"{path.name} holds values that are not numbers (NaN or infinite)")


def _read(path: Path) -> Any:
    """A faiss index of plain vectors under Euclidean distance whose parts fit each other, as RVC tools write it."""
    import faiss

    try:
        index = faiss.read_index(str(path))
    except (RuntimeError, MemoryError) as error:
        raise BadModel(f"{path.name} is not a faiss index, or is cut off") from error
    if not isinstance(index, faiss.IndexIVFFlat | faiss.IndexFlat) or index.metric_type != faiss.METRIC_L2:
        raise BadModel(f"{path.name} is a faiss index of another kind than RVC's plain vectors")
    if isinstance(index, faiss.IndexIVFFlat):
        lists: Any = index.invlists
        held = sum(int(lists.list_size(cell)) for cell in range(index.nlist))
        if held != index.ntotal or index.quantizer.ntotal != index.nlist or not index.is_trained:
            raise BadModel(f"{path.name} claims {index.ntotal} vectors and holds {held}: it is damaged")
    return index


def build_index(
    features: Features,
    path: Path,
    *,
    clips: Sequence[str] | None = None,
    rows: Path | None = None,
    seed: int = 0,
) -> IndexFacts:
    """Build the index of features (N, dim) into `path`; with `clips` (N ids), write the row -> clip list to `rows`.

    All rows are kept, however many. Raises BadRequest when there are none, or when some are not numbers.
    """
    import faiss

    data = np.ascontiguousarray(features, dtype=np.float32)
    if data.ndim != 2 or len(data) == 0:
        raise BadRequest("there are no features to build an index of")
    if not np.isfinite(data).all():
        raise BadRequest("some content features are not numbers: the index was not built")
    if clips is not None and len(clips) != len(data):
        raise ValueError(f"{len(clips)} clip ids for {len(data)} rows")
    cells = cell_count(len(data))
    index: Any = faiss.index_factory(data.shape[1], f"IVF{cells},Flat")
    index.cp.seed = seed
    index.cp.min_points_per_centroid = 1
    order = np.random.default_rng(seed).permutation(len(data))[: cells * _MOST_TRAINING_ROWS_A_CELL]
    index.train(data[np.sort(order)])
    for start in range(0, len(data), _ADD_ROWS):
        index.add(data[start : start + _ADD_ROWS])
    recall = _set_nprobe(index, data, seed)
    faiss.write_index(index, str(path))
    if clips is not None and rows is not None:
        # as bytes: four times smaller than as text, and ids are plain letters and digits
        np.save(rows, np.array(clips, dtype=np.bytes_), allow_pickle=False)
    return IndexFacts(len(data), data.shape[1], cells, int(index.nprobe), recall)


def cell_count(rows: int) -> int:
    """Cells for so many rows: 16 sqrt(N), but at least 39 rows a cell, and at least one cell."""
    return max(1, min(int(16 * np.sqrt(rows)), rows // _TRAINING_ROWS_A_CELL))


def _set_nprobe(index: Any, data: Features, seed: int) -> float:
    """Look into as many cells as it takes to find 98 % of the true neighbours; gives the share found."""
    draws = np.random.default_rng(seed + 1)
    chosen = data[draws.integers(0, len(data), min(_PROBE_QUERIES, len(data)))]
    # Another speaker's features fall beside the rows, so the queries do too: rows moved by half the data's spread.
    moved = chosen + 0.5 * data.std(axis=0) * draws.standard_normal(chosen.shape)
    queries = moved.astype(np.float32)
    truth = _exact(data, queries)
    recall, nprobe = 0.0, 1
    while True:
        index.nprobe = nprobe
        _, found = index.search(queries, NEIGHBOURS)
        recall = recall_of(found, truth)
        if recall >= RECALL_WANTED or nprobe >= index.nlist:
            return recall
        nprobe = min(2 * nprobe, index.nlist)


def _exact(data: Features, queries: Features) -> NDArray[np.int64]:
    """Rows of the true neighbours by comparing with every row."""
    import faiss

    _, rows = faiss.knn(queries, data, min(NEIGHBOURS, len(data)))
    return np.asarray(rows)


def recall_of(found: NDArray[np.integer], truth: NDArray[np.integer]) -> float:
    """Share of `truth` (Q, k) that is in the same row of `found` (Q, 8)."""
    hits = (truth[:, :, None] == found[:, None, :]).any(axis=2)
    return float(hits.mean())


def protect_unvoiced(blended: Features, raw: Features, f0: NDArray[np.floating], protect: float) -> Features:
    """Blended features (T, dim), of which unvoiced frames (f0 below 1 Hz) keep only the share `protect`.

    The rest of such a frame comes from the features as they were before retrieval, so that consonants and breath
    are not drawn to vowels.
    """
    share = np.where(np.asarray(f0) < 1, protect, 1.0).astype(np.float32)[:, None]
    return np.asarray(blended * share + raw * (1 - share), dtype=np.float32)
