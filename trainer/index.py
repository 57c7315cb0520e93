"""The retrieval index of a model: the content features it was trained on, and which clip each row came from.

Separate from the converter's retrieval because only training knows the clips.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from catalog import atomic
from trainer.dataset import Floats, TrainClip

ROWS = "index_rows.json"


def rows_of(clips: Sequence[TrainClip]) -> Floats:
    """All content features at 50 Hz, clip after clip: (rows, dim)."""
    return np.concatenate([np.asarray(clip.content, dtype=np.float32) for clip in clips])


def write_index(clips: Sequence[TrainClip], folder: Path) -> int:
    """Write index.faiss, index.npy and the table from rows to clips into `folder`; gives the number of rows."""
    from infer.retrieval import build_index

    rows = rows_of(clips)
    build_index(rows, folder / "index.faiss")
    ends = np.cumsum([len(clip.content) for clip in clips])
    table = [{"clip": clip.clip, "end": int(end)} for clip, end in zip(clips, ends, strict=True)]
    atomic.write_json(folder / ROWS, {"rows": len(rows), "clips": table})
    return len(rows)
