"""The retrieval index of a model: the content features it was trained on, and which clip and f0 each row came from.

Separate from the converter's retrieval because only training knows the clips.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from infer.f0_methods.framing import fit
from infer.retrieval import INDEX_F0, IndexFacts, build_index
from trainer.dataset import Floats, TrainClip


def rows_of(clips: Sequence[TrainClip]) -> Floats:
    """All content features at 50 Hz, clip after clip: (rows, dim)."""
    return np.concatenate([np.asarray(clip.content, dtype=np.float32) for clip in clips])


def pitches_of(clips: Sequence[TrainClip]) -> Floats:
    """The f0 in Hz that each row of `rows_of` was spoken at, 0 where unvoiced: (rows,)."""
    return np.concatenate([fit(clip.f0[::2], len(clip.content)) for clip in clips]).astype(np.float32)


def write_index(clips: Sequence[TrainClip], folder: Path) -> IndexFacts:
    """Write index.faiss, and index.npy and index_f0.npy with the clip and the f0 of every row, into `folder`."""
    np.save(folder / INDEX_F0, pitches_of(clips), allow_pickle=False)
    owners = [clip.clip for clip in clips for _ in range(len(clip.content))]
    return build_index(rows_of(clips), folder / "index.faiss", clips=owners, rows=folder / "index.npy")
