"""Which clips of its set a voice could not learn, or learned against the others: a suggestion to listen to them again.

Separate from the held-out measures, which judge the voice by clips; here clips are judged by the voice. When a run has
ended, the published network says a part of every clip of the set, held out or not, as a conversion would; what comes
out differently is compared with what does of the speaker's other clips. A clip that is noisy, of somebody else, or
wrongly pitched cannot be said from what the network is told of it as long as most clips are sound, and that is all
this rests on: no score of the app is looked at, and nothing is trained for it. Losses traced over the steps find the
same clips less surely, and gradients say little once a voice has learned (`benchmarks/blame.py` measures all three).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from catalog.records import Blame, Place
from infer.loudness import SPEECH_DBFS, frame_loudness
from infer.mel import MelSettings, mel_filters, mel_spectrogram
from infer.network import Network
from trainer.dataset import Floats, TrainClip
from trainer.evaluate import resting, speak
from trainer.outliers import Matrix, above, beyond, distances

HEARD_SHARE = 0.2
"""Of the seconds that a training compared, at most so many are said again; to say one costs a sixth of training it."""
LEAST_CLIP_S, MOST_CLIP_S = 1.0, 15.0
ENOUGH_CLIPS = 12
"""Clips of a speaker below which nothing is known of what is usual."""
FEW = 6.0
"""A few clips make usual spreads look small: with n of them a distance counts by 1 - FEW / n, so that at most two in a
hundred clips that differ by chance alone are told, however few there are."""
ENOUGH_FRAMES = 20
"""Spoken frames below which a clip is passed over, and voiced ones below which its colour and pitch are."""
SPEECH_DB, RANGE_DB, QUIETEST_DB = -25.0, 20.0, -50.0
"""Spoken are frames this loud against the recording's speech; in a soft clip those within the range of its loudest, as
far down as the quietest."""
BANDS = 10
LOOK_AGAIN = 3.5
"""Spreads from which on a clip is worth listening to again."""
MOST_SPREADS = 12.0
"""No single way of being strange counts more."""
SUSPECT = 2.0
"""Spreads of being badly said from which on the clip is also said an octave higher and lower."""
LOW_SHARE = 0.3
"""Of the mel bands those up to 1 kHz."""
OCTAVE_DB = 2.0
"""An octave that fits so much better is the right one."""
LEAST_SPREAD_ST = 0.7
"""A spread of pitch is not taken to be smaller, so that an even reader is not held against herself."""
FAR, UNLIKE, PITCH = "far", "unlike", "pitch"
SHARES = {FAR: 1.0, UNLIKE: 0.5, PITCH: 0.5}
"""How much each way of being strange counts: a strange colour or pitch may be expression."""
PLACE_FRAMES = 100
_DB = 20 / np.log(10)


@dataclass(frozen=True)
class Heard:
    """How the network says a part of a clip, against its recording; T frames of 10 ms."""

    clip: TrainClip
    first: int
    """Where in the clip the part begins, in frames."""
    apart: Floats
    """(T,) mean distance of the log-mel spectra in dB."""
    harmonics: Floats
    """(T,) the same over the lowest bands, which are narrow enough to tell harmonics apart."""
    colour: Matrix
    """(BANDS,) by how much the recording is louder in its voiced frames, in dB from low to high; NaN where hardly any
    are voiced."""
    spoken: NDArray[np.bool_]
    """(T,) whether the recording is as loud as speech."""
    f0: Floats
    """(T,) in Hz as the network was told, 0 where unvoiced."""

    @property
    def voiced(self) -> NDArray[np.bool_]:
        """(T,) the spoken frames with a pitch."""
        return self.spoken & (self.f0 > 0)


def blame(network: Network, clips: Sequence[TrainClip], mel: MelSettings, *, heard_s: float) -> list[Blame]:
    """What a network says of the clips of its set, those of each speaker against each other.

    `heard_s` are the seconds that the training compared, which bound the work. Clips with hardly any speech, and
    speakers with fewer than `ENOUGH_CLIPS`, are passed over.
    """
    seconds = float(np.clip(HEARD_SHARE * heard_s / max(1, len(clips)), LEAST_CLIP_S, MOST_CLIP_S))
    found: list[Blame] = []
    with resting(network):
        heard = [listen(network, clip, mel, seconds) for clip in clips if len(clip.audio) > mel.n_fft]
        heard = [each for each in heard if each.spoken.sum() >= ENOUGH_FRAMES]
        for speaker in sorted({each.clip.speaker for each in heard}):
            own = [each for each in heard if each.clip.speaker == speaker]
            if len(own) >= ENOUGH_CLIPS:
                found += judged(network, own, mel)
    return found


def listen(network: Network, clip: TrainClip, mel: MelSettings, seconds: float) -> Heard:
    """Let the network say the middle of a clip and compare."""
    frames = min(clip.frames, round(100 * seconds))
    first = (clip.frames - frames) // 4 * 2
    part = part_of(clip, first, frames, mel.hop)
    made, real = speak(network, part, seconds=float(frames))
    spectra = _DB * mel_spectrogram(torch.stack([real, made]), mel)
    loudness = frame_loudness(real[None], mel.sample_rate, 10 ** (SPEECH_DBFS / 10))[0]
    frames = min(spectra.shape[-1], len(loudness), len(part.f0))
    louder = (spectra[0] - spectra[1]).T[:frames].numpy()
    spoken, f0 = spoken_in(loudness[:frames].numpy()), np.asarray(part.f0[:frames], dtype=np.float32)
    apart, lowest = np.abs(louder), round(LOW_SHARE * mel.n_mels)
    colour = colour_of(louder, spoken & (f0 > 0))
    return Heard(part, first, apart.mean(axis=1), apart[:, :lowest].mean(axis=1), colour, spoken, f0)


def spoken_in(loudness: Floats) -> NDArray[np.bool_]:
    """(T,) whether each frame is speech, given its loudness in dB against the recording's speech."""
    softest = min(SPEECH_DB, float(np.percentile(loudness, 95)) - RANGE_DB)
    return np.asarray(loudness > max(QUIETEST_DB, softest))


def part_of(clip: TrainClip, first: int, frames: int, hop: int) -> TrainClip:
    """Some frames of a clip as a clip; `first` is even, since content has a row for two frames."""
    return replace(
        clip,
        frames=frames,
        audio=clip.audio[first * hop : (first + frames) * hop],
        content=clip.content[first // 2 : -(-(first + frames) // 2)],
        f0=clip.f0[first : first + frames],
    )


@dataclass(frozen=True)
class Compared:
    """The clips of one speaker against each other; n clips."""

    worse: Matrix
    """(n,) by how much the voice says each worse than clips like it, in dB."""
    colours: Matrix
    """(n, BANDS) by how much the colour of each differs from the middle one, in dB."""
    higher: Matrix
    """(n,) by how many semitones each is above the middle pitch."""
    ways: Mapping[str, Matrix]
    """(n,) spreads for each way of being strange."""
    strangeness: Matrix
    """(n,) all ways as one, as if they were independent."""


def compared(heard: Sequence[Heard]) -> Compared:
    """What is usual for these clips, and how far each is from it."""
    apart = np.array([each.apart[each.spoken].mean() for each in heard], np.float64)
    usual, far = beyond(apart, circumstances(heard))
    colours = _filled(np.array([each.colour for each in heard]))
    pitches = _filled(np.array([[pitch_of(each)] for each in heard]))[:, 0]
    ways = {FAR: far, UNLIKE: above(distances(colours)), PITCH: np.abs(above(pitches, LEAST_SPREAD_ST))}
    squared = [(share * np.clip(ways[name], 0, MOST_SPREADS)) ** 2 for name, share in SHARES.items()]
    strangeness = (1 - FEW / len(heard)) * np.sqrt(np.sum(squared, axis=0))
    return Compared(
        apart - usual, colours - np.median(colours, axis=0), pitches - np.median(pitches), ways, strangeness
    )


def judged(network: Network, heard: Sequence[Heard], mel: MelSettings) -> list[Blame]:
    """The clips of one speaker against each other, in their order, with reasons for the strange ones."""
    seen = compared(heard)
    found = []
    for number, each in enumerate(heard):
        strangeness = float(seen.strangeness[number])
        if strangeness < LOOK_AGAIN:
            found.append(Blame(each.clip.clip, strangeness, ""))
            continue
        words = {
            FAR: f"the voice says it {seen.worse[number]:.1f} dB worse than clips like it",
            UNLIKE: colour_words(seen.colours[number], mel),
            PITCH: pitch_words(float(seen.higher[number])),
        }
        ways = {name: float(spreads[number]) for name, spreads in seen.ways.items()}
        reasons = [words[name] for name in against(ways)]
        if ways[FAR] >= SUSPECT and (octave := octave_words(network, each, mel)):
            reasons = [octave, *reasons[:1]]
        found.append(Blame(each.clip.clip, strangeness, "; ".join(reasons), worst_place(each)))
    return found


def against(told: Mapping[str, float]) -> list[str]:
    """What speaks against a clip: the strongest way, and a second one that would do by itself."""
    strength = {name: share * told[name] for name, share in SHARES.items()}
    first, second, *_ = sorted(strength, key=lambda name: -strength[name])
    return [first, second] if strength[second] >= LOOK_AGAIN else [first]


def circumstances(heard: Sequence[Heard]) -> Matrix:
    """What makes a clip harder to say without being wrong, (clips, 3): how much is voiced, spoken, how long it is."""
    return np.array(
        [[each.voiced.sum() / each.spoken.sum(), each.spoken.mean(), np.log(len(each.spoken))] for each in heard]
    )


def colour_of(louder: Floats, voiced: NDArray[np.bool_]) -> Matrix:
    """The mean over the voiced frames of a difference (T, M), in `BANDS` bands; NaN where hardly any are voiced."""
    if voiced.sum() < ENOUGH_FRAMES:
        return np.full(BANDS, np.nan)
    mean = louder[voiced].mean(axis=0)
    return np.array([part.mean() for part in np.array_split(mean, BANDS)], np.float64)


def pitch_of(heard: Heard) -> float:
    """Median f0 in semitones against 100 Hz; NaN where hardly anything is voiced."""
    if heard.voiced.sum() < ENOUGH_FRAMES:
        return float("nan")
    return float(12 * np.log2(np.median(heard.f0[heard.voiced]) / 100))


def colour_words(off: Matrix, mel: MelSettings) -> str:
    """Where a clip's colour is strangest."""
    band = int(np.abs(off).argmax())
    filters = mel_filters(mel.sample_rate, mel.n_fft, mel.n_mels, mel.f_min, mel.f_max)
    middles = filters.argmax(axis=1) * mel.sample_rate / mel.n_fft
    own = np.array_split(middles, BANDS)[band]
    side = "stronger" if off[band] > 0 else "weaker"
    place = f"{own[0] / 1000:.1f}-{own[-1] / 1000:.1f} kHz"
    return f"it is {abs(off[band]):.0f} dB {side} at {place} than the voice says it"


def pitch_words(semitones: float) -> str:
    """How far a clip's pitch is from that of the others."""
    return f"its pitch is {abs(semitones):.0f} semitones {'above' if semitones > 0 else 'below'} the other clips'"


def octave_words(network: Network, heard: Heard, mel: MelSettings) -> str:
    """Whether the voice says the clip much better with its f0 track moved by an octave; nothing when not."""
    if heard.voiced.sum() < ENOUGH_FRAMES:
        return ""
    seconds = heard.clip.frames / 100
    for factor, words in ((0.5, "high"), (2.0, "low")):
        moved = replace(heard.clip, f0=np.asarray(heard.clip.f0 * factor, np.float32))
        other = listen(network, moved, mel, seconds)
        gain = float((heard.harmonics - other.harmonics)[heard.voiced].mean())
        if gain >= OCTAVE_DB:
            return f"its f0 was found an octave too {words}: an octave away fits {gain:.1f} dB better"
    return ""


def worst_place(heard: Heard) -> Place:
    """The second of the part that is said worst, in seconds from the clip's start."""
    size = min(PLACE_FRAMES, len(heard.spoken))
    weight = np.where(heard.spoken, heard.apart, 0.0)
    sums = np.convolve(weight, np.ones(size), "valid")
    start = heard.first + int(sums.argmax())
    return start / 100, (start + size) / 100


def _filled(rows: Matrix) -> Matrix:
    """Rows with the median of the others in the place of NaN; zeros where all are."""
    known = ~np.isnan(rows)
    middle = [np.median(column[own]) if own.any() else 0.0 for column, own in zip(rows.T, known.T, strict=True)]
    return np.where(known, rows, middle)
