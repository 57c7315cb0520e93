"""Clipping of known share: hard and soft, as it is and after an mp3 of 128 kbit/s, against the same voices unclipped.

`python -m benchmarks.truth.clipping AUDIO_FOLDER --others VOICES` fits the weights of `curator.scores.rounded_tops` on
the smallest clippings of the tuning half and of other voices, a folder each (45 of LibriSpeech and four times four
sung notes of the vocobox data set, none of them in either half).
Hard: samples above a ceiling cut off. Soft: a tanh; its clipped samples are those within 5 % of where it saturates.
Sentences that share one peak because their publisher normalised them get gains of their own first.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks.truth import material
from benchmarks.truth.row import Row
from catalog import audio
from curator.policy import default_rules
from curator.scores.rounded_tops import each_tops

SHARES = (0.0005, 0.001, 0.003, 0.01, 0.03, 0.1)
LIMIT = next(rule.limit for rule in default_rules() if rule.score == "clipped_ratio")
LOWEST_MP3_RATE = 16_000
CLIPPED = ("hard", "soft")
TURNS = 6
Doubles = npt.NDArray[np.float64]
Passage = tuple[material.Floats, int]
"""Samples and their rate."""


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
    found = [(case, _share(case), at_full_scale(case.wave)) for case in cases(passages(folder, half))]
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
        limited = [entry for entry in found if entry[0].mp3 == mp3 and entry[0].kind == "limited"]
        for name, some in (("unclipped voices", clean), ("unclipped voices through a limiter, 6 dB louder", limited)):
            alarms = float(np.mean([entry[1] > LIMIT for entry in some]))
            yield Row("clipped_ratio", f"{name}{after}", "share with an alarm", alarms, ("<=", 0.1))


def f1(clipped: list[bool], clean: list[bool]) -> float:
    """Harmonic mean of precision and recall where clipped and clean clips are equally frequent."""
    recall, false = float(np.mean(clipped)), float(np.mean(clean))
    return 2 * recall / (1 + recall + false)


def at_full_scale(wave: material.Floats) -> float:
    """The usual rule: share of samples at 0.999 of full scale or above."""
    return float(np.mean(np.abs(wave) >= 0.999))


def cases(some: Iterator[Passage], shares: Sequence[float] = SHARES) -> Iterator[Case]:
    """Every passage unclipped, limited and clipped both ways by every share, raw (16 bits) and after an mp3."""
    random = np.random.default_rng(0)
    for wave, rate in some:
        for kind in ("clean", "hard", "soft", "limited"):
            for share in shares if kind in CLIPPED else (0.0,):
                clipped = clip(wave, rate, share, kind) * random.choice([1.0, 0.7, 0.4])
                stored = np.clip(np.round(clipped * 32768), -32768, 32767) / 32768
                yield Case(stored.astype(np.float32), rate, kind, share, False)
                if rate >= LOWEST_MP3_RATE:
                    lossy = material.coded((0.9 * clipped).astype(np.float32), rate, "mp3", 128_000)
                    yield Case(lossy, rate, kind, share, True)


def clip(wave: material.Floats, rate: int, share: float, kind: str) -> material.Floats:
    """A passage driven so far that this share of its samples is clipped, or not clipped; peak 1 or less."""
    if kind == "clean":
        return np.asarray(0.95 * wave / np.abs(wave).max(), np.float32)
    if kind == "limited":
        return limited(wave, rate)
    ceiling = np.quantile(np.abs(wave), 1 - share)
    if kind == "hard":
        return np.asarray(np.clip(wave / ceiling, -1, 1), np.float32)
    return np.asarray(np.tanh(np.arctanh(0.95) * wave / ceiling), np.float32)


def limited(wave: material.Floats, rate: int) -> material.Floats:
    """A passage 6 dB louder through a limiter that looks 5 ms ahead: its peaks are held at one height, none is cut."""
    import scipy.ndimage

    driven = wave / np.abs(wave).max() * 10 ** (6 / 20)
    ahead = int(0.005 * rate) | 1
    gain = scipy.ndimage.minimum_filter1d(1 / np.maximum(np.abs(driven), 1), 2 * ahead + 1)
    return np.asarray(0.95 * driven * scipy.ndimage.uniform_filter1d(gain, ahead), np.float32)


def passages(folder: Path, half: str) -> Iterator[Passage]:
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


def others(folder: Path) -> Iterator[Passage]:
    """Up to 10 s of the first recordings of every voice in a folder, with a gain of its own for every recording."""
    random = np.random.default_rng(3)
    for voice in sorted(path for path in folder.iterdir() if path.is_dir()):
        read = [audio.read(path) for path in sorted(voice.iterdir())[:4]]
        gains = 10 ** (random.uniform(-3, 0, len(read)) / 20)
        wave = np.concatenate([each * np.float32(gain) for (each, _), gain in zip(read, gains, strict=True)])
        yield wave[: 10 * read[0][1]], read[0][1]


def fit(folder: Path, voices: Path | None) -> None:
    """Print the weights and the bias of a logistic regression on the likeliest ceiling of every case.

    Which ceiling that is depends on the weights, so both are found in turn. Alarms weigh as much as misses.
    """
    found = []
    for some in (passages(folder, "tuning"), others(voices) if voices else iter(())):
        for case in cases(some, SHARES[:1]):
            every = [tops.measures[tops.stopped] for tops in each_tops(case.wave, case.rate)]
            if sum(map(len, every)):
                found.append((np.concatenate(every), case.kind in CLIPPED))
    clipped = np.array([truth for _, truth in found], np.float64)
    weights = np.array([0.0, 1.0, 0.0, 10.0, 10.0, 10.0])
    for _ in range(TURNS):
        likeliest = np.array([measures[np.argmax(measures @ weights)] for measures, _ in found])
        weights, bias = regression(likeliest, clipped)
    score = np.array([(measures @ weights).max() + bias for measures, _ in found])
    print("weights", np.round(weights, 2).tolist(), "bias", round(bias, 2))
    for limit in (-0.5, 0.0, 0.5, 1.0, 1.5, 2.0):
        recall, false = np.mean(score[clipped > 0] > limit), np.mean(score[clipped == 0] > limit)
        print(f"above {limit}: {recall:.3f} of the clipped, {false:.3f} of the clean")


def regression(x: Doubles, truth: Doubles) -> tuple[Doubles, float]:
    """Weights (measures,) and bias of the log odds that a case (measures,) is true, both kinds weighing the same."""
    import scipy.optimize

    mean, spread = x.mean(axis=0), x.std(axis=0)
    scaled = np.column_stack([(x - mean) / spread, np.ones(len(x))])
    weight = np.where(truth > 0, 0.5 / truth.sum(), 0.5 / (1 - truth).sum())

    def loss(beta: Doubles) -> float:
        score = scaled @ beta
        return float(weight @ (np.logaddexp(0, score) - truth * score) + 1e-3 * beta[:-1] @ beta[:-1])

    beta = scipy.optimize.minimize(loss, np.zeros(scaled.shape[1])).x
    weights = beta[:-1] / spread
    return weights, float(beta[-1] - weights @ mean)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--others", type=Path)
    wanted = parser.parse_args()
    fit(wanted.folder, wanted.others)
