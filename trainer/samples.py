"""A fixed few clips, rendered at every save beside their recordings, for a person to hear how a voice comes along.

Separate from the measurements because files are for ears: which clips, under which names, and how many stay on disk.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from catalog import audio
from infer.network import Network
from trainer.dataset import TrainClip
from trainer.evaluate import MOST_CLIP_S, resting, speak

CLIPS = 3
MOST_SAVES = 24
"""Saves whose renderings stay on disk, spread over the run."""
_NAME = re.compile(r"step-(\d{8})-\d+\.flac")


def render(network: Network, clips: Sequence[TrainClip], folder: Path, step: int) -> list[dict[str, Any]]:
    """Write what the network makes of the first clips at a step, and their recordings where they are missing.

    Gives for each, as an event's fields: `path` and `original` (names in the folder), `clip` and `number`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    told = []
    with resting(network):
        for number, clip in enumerate(clips[:CLIPS], 1):
            made, real = speak(network, clip, seconds=MOST_CLIP_S)
            path, original = folder / f"step-{step:08d}-{number}.flac", folder / f"original-{number}.flac"
            _write(path, made, network.config.sample_rate)
            if not original.exists():
                _write(original, real, network.config.sample_rate)
            told.append({"path": path.name, "original": original.name, "clip": clip.clip, "number": number})
    return told


def thin(folder: Path, keep: Iterable[int]) -> None:
    """Remove renderings until those of `MOST_SAVES` saves are left, spread over the run; those of `keep` stay."""
    paths: dict[int, list[Path]] = {}
    for path in folder.glob("step-*.flac"):
        if match := _NAME.fullmatch(path.name):
            paths.setdefault(int(match[1]), []).append(path)
    for step in surplus(sorted(paths), set(keep), MOST_SAVES):
        for path in paths[step]:
            path.unlink(missing_ok=True)


def surplus(steps: Sequence[int], keep: set[int], most: int) -> list[int]:
    """Of rising steps those to let go of so that `most` are left: each time the one nearest to the step before it;
    never the first, the last or one of `keep`."""
    left, gone = list(steps), []
    while len(left) > most:
        free = [at for at in range(1, len(left) - 1) if left[at] not in keep]
        if not free:
            break
        closest = min(free, key=lambda at: left[at + 1] - left[at - 1])
        gone.append(left.pop(closest))
    return gone


def _write(path: Path, wave: torch.Tensor, sample_rate: int) -> None:
    audio.write_flac(path, np.clip(np.nan_to_num(wave.numpy()), -1, 1), sample_rate, bits=16)
