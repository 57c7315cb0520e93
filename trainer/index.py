"""The retrieval index of a model: the content features it was trained on, and which clip each row came from.

Separate from the converter's retrieval because only training knows the clips.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from infer.retrieval import IndexFacts, build_index
from trainer.dataset import Floats, TrainClip


def rows_of(clips: Sequence[TrainClip]) -> Floats:
    """All content features at 50 Hz, clip after clip: (rows, dim)."""
    return np.concatenate([np.asarray(clip.content, dtype=np.float32) for clip in clips])


def write_index(clips: Sequence[TrainClip], folder: Path) -> IndexFacts:
    """Write index.faiss, and index.npy with the clip of every row, into `folder`."""
    owners = [clip.clip for clip in clips for _ in range(len(clip.content))]
    return build_index(rows_of(clips), folder / "index.faiss", clips=owners, rows=folder / "index.npy")
