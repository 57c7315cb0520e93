"""What a retrieval index finds of the true neighbours, and at what price: cells looked into against exact search.

    python -m benchmarks.index AUDIO --threads 2

AUDIO is a folder of recordings, one folder for each speaker (WAV or FLAC). The rows are the embedded encoder's features
of one speaker, the queries those of all others: what a conversion asks for. For each number of cells looked into it
prints recall@8 against exact search and milliseconds for 10 s of queries; then the number that is chosen at build time
from queries made of the rows themselves, with the recall that the card states and the recall on the other speakers;
then, over rows of growing number and width, the time of cells at the chosen number beside exact search in blocks.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from infer.retrieval import NEIGHBOURS, Features, build_index, cell_count, open_index, recall_of

QUERIES = 500
"""Content features of 10 s."""
LAYOUTS = ((2_000, 128), (10_000, 128), (10_000, 768), (50_000, 768), (100_000, 768))


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("audio", type=Path)
    options.add_argument("--threads", type=int, default=2)
    options.add_argument("--seconds", type=float, default=240.0, help="of each speaker at most")
    given = options.parse_args()
    import faiss

    faiss.omp_set_num_threads(given.threads)
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    speakers = {folder.name: folder for folder in sorted(given.audio.iterdir()) if folder.is_dir()}
    spoken = {name: features_of(folder, given.seconds) for name, folder in speakers.items()}
    spoken = {name: rows for name, rows in spoken.items() if len(rows) >= 1000}
    for name, features in spoken.items():
        others = np.concatenate([other for speaker, other in spoken.items() if speaker != name])
        on_speech(name, features, others)
    print(f"\n{'rows':>8} {'width':>6} {'cells':>6} {'looked into':>12} {'recall':>7} {'cells ms':>9} {'exact ms':>9}")
    everything = np.concatenate(list(spoken.values()))
    for rows, width in LAYOUTS:
        on_layout(everything, rows, width)


def features_of(folder: Path, most_s: float) -> Features:
    """Content features (N, dim) of a speaker's files, file by file as a training makes them."""
    from catalog import audio
    from infer.content import load_encoder
    from infer.highpass import highpass

    encoder = load_encoder("phone", folder)
    parts, seconds = [np.zeros((0, encoder.dim), np.float32)], 0.0
    for path in sorted([*folder.glob("*.flac"), *folder.glob("*.wav")]):
        wave, rate = audio.read(path)
        low = highpass(audio.resample(wave, rate, 16000)).astype(np.float32)
        seconds += len(low) / 16000
        parts.append(encoder.encode(low, encoder.measure(low)))
        if seconds > most_s:
            break
    return np.concatenate(parts)


def on_speech(name: str, rows: Features, others: Features) -> None:
    """Recall and time on real speech of others, for every number of cells."""
    import faiss

    queries = others[np.linspace(0, len(others) - 1, QUERIES).astype(int)]
    _, truth = faiss.knn(queries, rows, NEIGHBOURS)
    with tempfile.TemporaryDirectory() as folder:
        facts = build_index(rows, Path(folder) / "index.faiss")
        index: Any = open_index(Path(folder) / "index.faiss")._index
    print(f"\n{name}: {len(rows)} rows of {rows.shape[1]}, {facts.cells} cells")
    exact = milliseconds(lambda: faiss.knn(queries, rows, NEIGHBOURS))
    for cells in sorted({1, 2, 4, 8, 16, 32, facts.nprobe} & set(range(1, facts.cells + 1))):
        index.nprobe = cells
        recall = recall_of(index.search(queries, NEIGHBOURS)[1], truth)
        took = milliseconds(lambda: index.search(queries, NEIGHBOURS))
        print(f"{cells:5d} cells: recall {recall:.3f}, {took:6.1f} ms")
    index.nprobe = facts.nprobe
    recall = recall_of(index.search(queries, NEIGHBOURS)[1], truth)
    away = np.sqrt(np.square(rows[truth[:, 0]] - queries).sum(1))
    chance = np.random.default_rng(0)
    moved = rows[chance.integers(0, len(rows), QUERIES)] + rows.std(0) * chance.standard_normal(queries.shape)
    made = np.sqrt(faiss.knn(moved.astype(np.float32), rows, 1)[0])
    print(f"exact search: {exact:.1f} ms")
    print(f"from the nearest row: others' speech {np.median(away):.2f}, queries made of rows {np.median(made):.2f}")
    print(f"chosen: {facts.nprobe} cells, recall stated {facts.recall:.3f}, on the others' speech {recall:.3f}")


def on_layout(everything: Features, rows: int, width: int) -> None:
    """Time of cells and of exact search on features drawn around real ones, for a number of rows and a width."""
    import faiss

    chance = np.random.default_rng(0)
    turn = chance.standard_normal((everything.shape[1], width)).astype(np.float32) / np.sqrt(everything.shape[1])
    picked = everything[chance.integers(0, len(everything), rows + QUERIES)]
    data = (picked + 0.3 * everything.std(0) * chance.standard_normal(picked.shape)).astype(np.float32) @ turn
    data, queries = np.ascontiguousarray(data[:rows]), np.ascontiguousarray(data[rows:])
    index: Any = faiss.index_factory(width, f"IVF{cell_count(rows)},Flat")
    index.cp.min_points_per_centroid = 1
    index.cp.niter = 4
    index.train(data[: min(rows, 64 * cell_count(rows))])
    index.add(data)
    _, truth = faiss.knn(queries, data, NEIGHBOURS)
    nprobe, recall = 1, 0.0
    while recall < 0.98 and nprobe < index.nlist:
        nprobe = min(2 * nprobe, index.nlist)
        index.nprobe = nprobe
        recall = recall_of(index.search(queries, NEIGHBOURS)[1], truth)
    cells = milliseconds(lambda: index.search(queries, NEIGHBOURS))
    exact = milliseconds(lambda: faiss.knn(queries, data, NEIGHBOURS))
    print(f"{rows:8d} {width:6d} {index.nlist:6d} {nprobe:12d} {recall:7.3f} {cells:9.1f} {exact:9.1f}", flush=True)


def milliseconds(work: Callable[[], object]) -> float:
    """The best of three."""
    times = []
    for _ in range(3):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return 1000 * min(times)


if __name__ == "__main__":
    main()
