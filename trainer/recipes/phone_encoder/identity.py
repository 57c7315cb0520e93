"""How much of the speaker is left in a content feature: probes that name the speaker of single frames.

Apart from the other measures because it splits by recording and normalises each half by itself: a mean taken over
both halves would tell the probe what it has to guess. Speakers are only compared where they say the same texts;
otherwise what is said gives them away, however little of the voice is left.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from trainer.recipes.phone_encoder.normalise import Features, Fit

SPLITS = 4
HIDDEN = 64
_MOST_FRAMES = 1500
_DECAY = 1e-3


@dataclass(frozen=True)
class Recording:
    """One recording of a speaker: raw features (T, F), which frames are speech (T,), and what is said."""

    features: Features
    speech: NDArray[np.bool_]
    text: str = ""


def speaker_accuracy(
    speakers: list[list[Recording]],
    *,
    hidden: int = 0,
    fit: Fit | None = None,
    splits: int = SPLITS,
) -> float:
    """Balanced accuracy of a probe of the speaker per frame, trained on half of the recordings, tested on the others.

    `hidden` 0 is a linear probe, more a layer of so many units before it. `fit` normalises the speech frames (N, F) of
    one half of one speaker as those of one recording of that length. The mean over `splits` random halvings; chance
    is 1 / number of speakers. Raises ValueError where a speaker has nothing to test.
    """
    texts = sorted({recording.text for recordings in speakers for recording in recordings})
    found = []
    for seed in range(splits):
        chance = np.random.default_rng(seed)
        # A text begins in the same half for all: if one speaker said it to learn from and another to be tested on,
        # the probe would learn who says which text, and be wrong more often than chance.
        begins = {texts[index]: place % 2 for place, index in enumerate(chance.permutation(len(texts)))}
        halves = [_halves(recordings, begins, chance) for recordings in speakers]
        if not all(len(half) for pair in halves for half in pair):
            raise ValueError("a speaker has no second recording of speech to test on")
        prepared = [[fit(half)(half) if fit else half for half in pair] for pair in halves]
        learn = _even([learnt for learnt, _ in prepared], chance)
        found.append(_probed(learn, [test for _, test in prepared], hidden, seed))
    return float(np.mean(found))


def _halves(
    recordings: list[Recording], begins: dict[str, int], chance: np.random.Generator
) -> tuple[Features, Features]:
    """The speech frames of two halves of the recordings; those of one text go to them in turn."""
    parts: tuple[list[Features], list[Features]] = ([], [])
    turns = dict(begins)
    for index in chance.permutation(len(recordings)):
        recording = recordings[index]
        parts[turns[recording.text]].append(recording.features[recording.speech])
        turns[recording.text] = 1 - turns[recording.text]
    empty = np.zeros((0, recordings[0].features.shape[1]), np.float32)
    first, second = (np.concatenate([empty, *part]).astype(np.float32) for part in parts)
    return first, second


def _even(speakers: list[Features], chance: np.random.Generator) -> list[Features]:
    """As many frames of each speaker, so that none is guessed more often for being longer."""
    count = min(_MOST_FRAMES, *(len(frames) for frames in speakers))
    return [frames[chance.permutation(len(frames))[:count]] for frames in speakers]


def _probed(learn: list[Features], test: list[Features], hidden: int, seed: int) -> float:
    x = torch.from_numpy(np.concatenate(learn))
    y = torch.cat([torch.full((len(frames),), speaker) for speaker, frames in enumerate(learn)])
    mean, spread = x.mean(0), x.std(0) + 1e-5
    probe = _network(x.shape[1], hidden, len(learn), seed)
    optimizer = torch.optim.LBFGS(probe.parameters(), max_iter=100)

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(probe((x - mean) / spread), y)
        loss = loss + _DECAY * torch.stack([p.square().sum() for p in probe.parameters() if p.dim() > 1]).sum()
        loss.backward()  # type: ignore[no-untyped-call]
        return loss

    optimizer.step(closure)  # type: ignore[no-untyped-call]
    with torch.no_grad():
        guesses = [probe((torch.from_numpy(frames) - mean) / spread).argmax(1) for frames in test]
    return float(np.mean([float((guess == speaker).float().mean()) for speaker, guess in enumerate(guesses)]))


def _network(size: int, hidden: int, speakers: int, seed: int) -> torch.nn.Sequential:
    layers = [torch.nn.Linear(size, hidden), torch.nn.GELU()] if hidden else []
    probe = torch.nn.Sequential(*layers, torch.nn.Linear(hidden or size, speakers))
    generator = torch.Generator().manual_seed(seed)
    for layer in probe:
        if isinstance(layer, torch.nn.Linear):
            torch.nn.init.normal_(layer.weight, std=layer.in_features**-0.5, generator=generator)
            torch.nn.init.zeros_(layer.bias)
    return probe
