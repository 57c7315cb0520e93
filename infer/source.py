"""A recording of any format as the track that conversion starts from: mono, 16 kHz, on disk.

Separate because only this step touches the file a person gave.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from catalog import audio
from catalog.errors import BadAudio
from infer.cuts import SAMPLE_RATE
from infer.track import Track


def load(path: Path, folder: Path, warnings: list[str]) -> tuple[Track, float]:
    """Decode `path` into a track in `folder`; gives it and the exact length in seconds.

    What decodes of a damaged file is used, with a line about it in `warnings`. Raises BadAudio when nothing does.
    """
    info = audio.probe(path)
    weights = audio.mono_weights(path) if info.channels > 1 else None
    resampler = audio.Resampler(info.sample_rate, SAMPLE_RATE)
    track = Track(folder / "source", "float32")
    samples = 0
    for block in audio.blocks(path, salvage=True, warnings=warnings):
        samples += len(block)
        track.append(resampler.feed(audio.to_mono(block, weights)))
    track.append(resampler.feed(np.zeros(0, np.float32), last=True))
    if samples == 0 or len(track) == 0:
        track.close()
        raise BadAudio(f"{path} holds no audio")
    return track, samples / info.sample_rate
