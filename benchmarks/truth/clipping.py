"""Clipping of known share: hard and soft, as it is and after an mp3 of 128 kbit/s, against the same voices unclipped.

`python -m benchmarks.truth.clipping AUDIO_FOLDER` fits the weights of `curator.scores.rounded_tops` on the tuning half.
Hard: samples above a ceiling cut off. Soft: a tanh; its clipped samples are those within 5 % of where it saturates.
Sentences that share one peak because their publisher normalised them get gains of their own first.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.truth import material
from benchmarks.truth.row import Row
from catalog import audio
from curator.policy import default_rules

SHARES = (0.0005, 0.001, 0.003, 0.01, 0.03, 0.1)
LIMIT = next(rule.limit for rule in default_rules() if rule.score == "clipped_ratio")
LOWEST_MP3_RATE = 16_000


@dataclass(frozen=True)
class Case:
    """A passage, whether and how it was clipped, and by which share of its samples."""

    wave: material.Floats
    rate: int
    kind: str
    share: float
    mp3: bool


def rows(folder: Path, half: str) -> Iterator[Row]:
    """F1 of finding clipped clips, all shares together and the smallest; the share found; alarms; a peer's rule."""
    found = [(case, _share(case), at_full_scale(case.wave)) for case in cases(folder, half)]
    for mp3, must in ((False, 0.95), (True, 0.85)):
        clean = [entry for entry in found if entry[0].mp3 == mp3 and entry[0].kind == "clean"]
        after = ", then mp3 at 128 kbit/s" if mp3 else ""
        for kind in ("hard", "soft"):
            clipped = [entry for entry in found if entry[0].mp3 == mp3 and entry[0].kind == kind]
            for name, some in (
                ("0.05 to 10 %", clipped),
                ("0.05 %", [entry for entry in clipped if entry[0].share == SHARES[0]]),
            ):
                scores = [f1([e[i] > LIMIT for e in some], [e[i] > LIMIT for e in clean]) for i in (1, 2)]
                what = f"{kind} clipping of {name}{after}"
                yield Row("clipped_ratio", what, "F1", scores[0], (">=", must), "samples at full scale", scores[1])
            near = [abs(np.log2(max(entry[1], 1e-6) / entry[0].share)) for entry in clipped]
            yield Row("clipped_ratio", f"{kind} clipping{after}", "median factor off", float(2 ** np.median(near)))
        alarms = float(np.mean([entry[1] > LIMIT for entry in clean]))
        yield Row("clipped_ratio", f"unclipped voices{after}", "share with an alarm", alarms, ("<=", 0.1))


def f1(clipped: list[bool], clean: list[bool]) -> float:
    """Harmonic mean of precision and recall where clipped and clean clips are equally frequent."""
    recall, false = float(np.mean(clipped)), float(np.mean(clean))
    return 2 * recall / (1 + recall + false)


def at_full_scale(wave: material.Floats) -> float:
    """The usual rule: share of samples at 0.999 of full scale or above."""
    return float(np.mean(np.abs(wave) >= 0.999))


def cases(folder: Path, half: str) -> Iterator[Case]:
    """Every passage unclipped and clipped both ways by every share, raw (16 bits) and after an mp3."""
    random = np.random.default_rng(0)
    for wave, rate in passages(folder, half):
        for kind in ("clean", "hard", "soft"):
            for share in (0.0,) if kind == "clean" else SHARES:
                clipped = clip(wave, share, kind) * random.choice([1.0, 0.7, 0.4])
                stored = np.clip(np.round(clipped * 32768), -32768, 32767) / 32768
                yield Case(stored.astype(np.float32), rate, kind, share, False)
                if rate >= LOWEST_MP3_RATE:
                    lossy = material.coded((0.9 * clipped).astype(np.float32), rate, "mp3", 128_000)
                    yield Case(lossy, rate, kind, share, True)


def clip(wave: material.Floats, share: float, kind: str) -> material.Floats:
    """A passage driven so far that this share of its samples is clipped; peak 1."""
    if kind == "clean":
        return np.asarray(0.95 * wave / np.abs(wave).max(), np.float32)
    ceiling = np.quantile(np.abs(wave), 1 - share)
    if kind == "hard":
        return np.asarray(np.clip(wave / ceiling, -1, 1), np.float32)
    return np.asarray(np.tanh(np.arctanh(0.95) * wave / ceiling), np.float32)


def passages(folder: Path, half: str) -> Iterator[tuple[material.Floats, int]]:
    """Spoken passages with a gain of its own for every sentence, single sentences of other voices, and singing."""
    random = np.random.default_rng(1)
    for speaker in material.SPEAKERS[half]:
        for skip in range(0, min(40, len(material.sentences(folder, speaker)) - 8), 8):
            parts = []
            for path in material.sentences(folder, speaker)[skip : skip + (16 if "fsdd" in speaker else 4)]:
                part, rate = audio.read(path)
                parts.append(part * np.float32(10 ** (random.uniform(-3, 0) / 20)))
            yield np.concatenate(parts), rate
    every = sorted((folder / "singing").glob("*.*")) + sorted((folder / "speech_single" / "misc").iterdir())
    for path in every[::2] if half == "tuning" else every[1::2]:
        wave, rate = audio.read(path)
        for at in range(0, max(1, min(len(wave) - 2 * rate, 48 * rate)), 8 * rate):
            yield wave[at : at + 8 * rate], rate
    notes = sorted((folder / "singing" / "vocobox_martin_notes").iterdir())
    notes = notes[::2] if half == "tuning" else notes[1::2]
    for first in range(0, len(notes), 4):
        read = [audio.read(path) for path in notes[first : first + 4]]
        gains = 10 ** (random.uniform(-3, 0, len(read)) / 20)
        yield np.concatenate([wave * np.float32(gain) for (wave, _), gain in zip(read, gains, strict=True)]), read[0][1]


def _share(case: Case) -> float:
    return material.number("clipping", "clipped_ratio", material.unheard(case.wave, case.rate)) or 0.0


def fit(folder: Path) -> None:
    """Print the weights and the bias of a logistic regression; alarms weigh as much as misses."""
    import scipy.optimize

    from curator.scores.rounded_tops import ceiling

    pairs = [(ceiling(case.wave, case.rate), case.kind != "clean") for case in cases(folder, "tuning")]
    x = np.array([found.measures for found, _ in pairs if found])
    clipped = np.array([truth for found, truth in pairs if found], np.float64)
    mean, spread = x.mean(axis=0), x.std(axis=0)
    scaled = np.column_stack([(x - mean) / spread, np.ones(len(x))])
    weight = np.where(clipped > 0, 0.5 / clipped.sum(), 0.5 / (1 - clipped).sum())

    def loss(beta: np.ndarray) -> float:
        score = scaled @ beta
        return float(weight @ (np.logaddexp(0, score) - clipped * score) + 1e-3 * beta[:-1] @ beta[:-1])

    beta = scipy.optimize.minimize(loss, np.zeros(scaled.shape[1])).x
    weights = beta[:-1] / spread
    score = x @ weights + beta[-1] - weights @ mean
    print("weights", np.round(weights, 2).tolist(), "bias", round(float(beta[-1] - weights @ mean), 2))
    for limit in (-0.5, 0.0, 0.5, 1.0, 1.5):
        recall, false = np.mean(score[clipped > 0] > limit), np.mean(score[clipped == 0] > limit)
        print(f"above {limit}: {recall:.3f} of the clipped, {false:.3f} of the clean")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    fit(parser.parse_args().folder)
