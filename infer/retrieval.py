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
INDEX_F0 = "index_f0.npy"
"""The file of a model that gives the f0 of each row of its index."""
RECALL_WANTED = 0.98
_TRAINING_ROWS_A_CELL = 39
_MOST_TRAINING_ROWS_A_CELL = 256
_PROBE_QUERIES = 256
_WIDER = 4
_UNLIKE_OCTAVES = 1.0
"""What is voiced and what is not lie as far apart in pitch as so many octaves."""
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

    def __init__(
        self,
        index: Any,
        clips: NDArray[np.str_] | None = None,
        neighbours: int = NEIGHBOURS,
        f0: NDArray[np.float32] | None = None,
    ) -> None:
        self._index = index
        self.clips = clips
        self.neighbours = neighbours
        self.f0 = f0
        """f0 in Hz that each row was spoken at, 0 where unvoiced; None where it is not known."""
        self._given = self.nprobe
        self._recall = 0.0

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

    def look_for(self, recall: float, queries: Features) -> None:
        """Look into as many cells as it takes to find the share `recall` of the true neighbours of features (T, dim)
        such as will be asked for; 0 looks into as many as the index's file says.

        Measured once: the same recall asked for again keeps the answer.
        """
        if recall == self._recall or not hasattr(self._index, "nprobe") or not len(queries):
            return
        self._index.nprobe, self._recall = self._given, recall
        if recall <= 0:
            return
        chosen = queries[np.linspace(0, len(queries) - 1, min(_PROBE_QUERIES, len(queries))).astype(int)]
        self._index.nprobe = int(self._index.nlist)
        _, truth = self._index.search(np.ascontiguousarray(chosen, dtype=np.float32), min(self.neighbours, self.rows))
        _widen(self._index, chosen, truth, recall, self._given)

    def nearest(
        self, queries: Features, count: int | None = None
    ) -> tuple[NDArray[np.float32], NDArray[np.int64], Features]:
        """For queries (T, dim) and k neighbours: squared distances (T, k), rows (T, k), -1 where there are none, and
        vectors (T, k, dim)."""
        wanted = np.ascontiguousarray(queries, dtype=np.float32)
        scores, rows, vectors = self._index.search_and_reconstruct(wanted, count or self.neighbours)
        return scores, rows, vectors

    def _nearest_in_pitch(
        self, queries: Features, f0: NDArray[np.floating], weight: float
    ) -> tuple[NDArray[np.float32], NDArray[np.int64], Features]:
        """As `nearest`, but rows spoken at another pitch count as further away: squared distance times
        1 + weight * octaves^2."""
        assert self.f0 is not None
        scores, rows, vectors = self.nearest(queries, _WIDER * self.neighbours)
        away = _octaves(np.asarray(f0, np.float32)[:, None], self.f0[np.maximum(rows, 0)])
        scores = np.where(rows >= 0, scores * (1 + weight * np.square(away)), np.inf)
        best = np.argsort(scores, axis=1, kind="stable")[:, : self.neighbours]
        lines = np.arange(len(best))[:, None]
        return scores[lines, best], rows[lines, best], vectors[lines, best]

    def blend(
        self, features: Features, rate: float, *, f0: NDArray[np.floating] | None = None, pitch: float = 0.0
    ) -> Features:
        """Features (T, dim) moved by `rate` (0 to 1) to the mean of their nearest rows, 8 unless told otherwise.

        A row weighs 1 / distance^4, the weighting that voices were made with. A feature that is itself a row
        becomes that row; one without any neighbour in the cells looked into stays as it is. With `pitch` above 0 and
        the f0 in Hz (T,) that each feature will be spoken at, rows spoken near it are preferred, if the index knows.
        """
        if rate <= 0 or self.rows == 0 or len(features) == 0:
            return features
        if pitch > 0 and f0 is not None and self.f0 is not None:
            scores, rows, vectors = self._nearest_in_pitch(features, f0, pitch)
        else:
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


def _octaves(first: NDArray[np.float32], second: NDArray[np.float32]) -> NDArray[np.float32]:
    """How far apart in octaves two f0 in Hz are, where 0 is unvoiced."""
    both, neither = (first > 0) & (second > 0), (first <= 0) & (second <= 0)
    apart = np.abs(np.log2(np.where(both, first, 1)) - np.log2(np.where(both, second, 1)))
    return np.asarray(np.where(both, apart, np.where(neither, 0, _UNLIKE_OCTAVES)), np.float32)


def open_index(
    path: Path, rows: Path | None = None, *, neighbours: int = NEIGHBOURS, f0: Path | None = None
) -> Retrieval:
    """Open an index file, and beside it the clip and the f0 of each row when those files are there.

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
    return Retrieval(index, clips, neighbours, None if f0 is None else _pitches(f0, int(index.ntotal)))


def _pitches(path: Path, rows: int) -> NDArray[np.float32]:
    """The f0 of so many rows."""
    try:
        found = np.load(path, allow_pickle=False).astype(np.float32)
    except (OSError, ValueError) as error:
        raise BadModel(f"{path.name} does not list the f0 of an index") from error
    if found.shape != (rows,) or not np.isfinite(found).all():
        raise BadModel(f"{path.name} does not give one f0 for each of {rows} rows")
    return np.asarray(found)


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
    # Another speaker's features fall beside the rows, so the queries do too: rows moved by the data's spread lie as far
    # from the nearest row as real ones do (benchmarks/index.py).
    moved = chosen + data.std(axis=0) * draws.standard_normal(chosen.shape)
    queries = moved.astype(np.float32)
    return _widen(index, queries, _exact(data, queries), RECALL_WANTED, 1)


def _widen(index: Any, queries: Features, truth: NDArray[np.int64], wanted: float, nprobe: int) -> float:
    """Look into `nprobe` cells and twice as many again until the share `wanted` of `truth` (Q, k) is found; gives the
    share found."""
    while True:
        index.nprobe = nprobe
        _, found = index.search(np.ascontiguousarray(queries, dtype=np.float32), truth.shape[1])
        recall = recall_of(found, truth)
        if recall >= wanted or nprobe >= index.nlist:
            return recall
        nprobe = min(2 * nprobe, int(index.nlist))


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
