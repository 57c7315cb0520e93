"""Speaker similarity: clips of other voices slipped into the recordings of a speaker, whole or for a few seconds.

Every voice of the folder with enough clips takes its turn; all other voices are the intruders, of the same and of the
other sex, recorded elsewhere, so a part of what is heard is the microphone. None of them taught the network. Clips are
consecutive sentences of 2 to 15 s. Peer: mean and deviation of the same mel levels, without any network.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks.truth import material
from benchmarks.truth.row import Row
from catalog import audio
from curator.comparing import likeness
from curator.scores.speaker import Voice, hear
from infer import speaker_network

RATE = 16_000
ENOUGH = 8
MOST = 40
OUTLIER = 4
NORMAL, NARROWEST = 1.4826, 0.02
Floats = npt.NDArray[np.float32]
Clips = dict[str, list[Floats]]


def rows(folder: Path, half: str) -> Iterator[Row]:
    """AUC of own against strange clips by their distance in spreads from the speaker's median, and what is flagged."""
    clips = _clips(folder)
    for sexes, words in (("same", "of the same sex"), ("other", "of the other sex"), ("any", "of either sex")):
        own, strange = _spreads(clips, _network, sexes)
        peer_own, peer_strange = _spreads(clips, _plain, sexes)
        name = f"clips of 2 to 15 s {words}, {len(clips)} voices"
        limit = (">=", 0.98) if sexes == "any" else None
        theirs = _auc(peer_own, peer_strange)
        yield Row("speaker_similarity", name, "AUC", _auc(own, strange), limit, "mel mean and deviation", theirs)
        if sexes == "any":
            for words, found in (("own", own), ("strange", strange)):
                share = float(np.mean(found < -OUTLIER))
                yield Row("speaker_similarity", name, f"share of {words} clips flagged at {OUTLIER} spreads", share)
    inserted, hits, asked = _inserted(clips)
    own, _ = _spreads(clips, _network, "any")
    name = "2 to 4 s of another voice inside a clip"
    yield Row("speaker_similarity", name, "AUC", _auc(own, inserted))
    yield Row("speaker_similarity", name, "share whose place is the other voice", hits / asked)


def _clips(folder: Path) -> Clips:
    """Sentences of each voice put together to clips, at 16 kHz, without the silence around them."""
    random = np.random.default_rng(0)
    found: Clips = {}
    for speaker in sorted(path.name for path in (folder / "speech_single").iterdir() if path.name != "misc"):
        found[speaker] = []
        held: list[Floats] = []
        wanted = random.uniform(2, 12)
        for path in material.sentences(folder, speaker):
            try:
                wave, rate = audio.read(path)
            except Exception:  # a text beside the recordings
                continue
            held.append(_trimmed(audio.resample(wave, rate, RATE)))
            if sum(map(len, held)) >= wanted * RATE:
                found[speaker].append(np.concatenate(held)[: 15 * RATE])
                held, wanted = [], random.uniform(2, 12)
            if len(found[speaker]) == MOST:
                break
    return {speaker: clips for speaker, clips in found.items() if clips}


def _trimmed(wave: Floats) -> Floats:
    power = np.convolve(wave**2, np.ones(RATE // 10) / (RATE // 10), mode="same")
    loud = np.flatnonzero(power > power.max() * 1e-3)
    return wave[max(0, loud[0] - RATE // 20) : loud[-1] + RATE // 20]


def _network(wave: Floats) -> Voice:
    voice = hear(material.unheard(wave, RATE))
    assert voice is not None
    return voice


def _plain(wave: Floats) -> Voice:
    """The peer: no network."""
    levels = speaker_network.levels(speaker_network.mel_power(wave))
    vector = np.concatenate([levels.mean(axis=0), levels.std(axis=0)])
    vector = vector - vector.mean()
    return Voice(np.zeros(1), np.ones(1), (vector / np.linalg.norm(vector))[None].astype(np.float32))


def _spreads(clips: Clips, vector: Callable[[Floats], Voice], sexes: str) -> tuple[Floats, Floats]:
    """How many spreads from the median of the speaker's clips his own and strange clips lie, over all speakers."""
    voices = {speaker: [vector(wave) for wave in waves] for speaker, waves in clips.items()}
    own, strange = [], []
    for speaker, each in voices.items():
        if len(each) >= ENOUGH:
            middle, spread, values = _own(each)
            own += [(value - middle) / spread for value in values]
            for other, theirs in voices.items():
                alike = other[-1] == speaker[-1]
                if other != speaker and sexes in ("any", "same" if alike else "other"):
                    strange += [(_slipped_in(each, voice) - middle) / spread for voice in theirs]
    return np.array(own, np.float32), np.array(strange, np.float32)


def _own(voices: Sequence[Voice]) -> tuple[float, float, list[float]]:
    values = [value for value in likeness(voices)[0] if value is not None]
    middle = float(np.median(values))
    return middle, max(NARROWEST, NORMAL * float(np.median(np.abs(np.array(values) - middle)))), values


def _slipped_in(voices: Sequence[Voice], stranger: Voice) -> float:
    value = likeness([*voices, stranger])[0][-1]
    assert value is not None
    return value


def _inserted(clips: Clips) -> tuple[Floats, int, int]:
    """Spreads of clips with some seconds of another voice in them, and how often the place lies in these."""
    random = np.random.default_rng(1)
    voices = {speaker: [_network(wave) for wave in waves] for speaker, waves in clips.items()}
    found, hits = [], 0
    for speaker in (each for each in clips if len(clips[each]) >= ENOUGH):
        middle, spread, _ = _own(voices[speaker])
        for other in (each for each in clips if each != speaker):
            for _ in range(3):
                host, guest = (clips[each][random.integers(len(clips[each]))] for each in (speaker, other))
                host, guest = host[: 10 * RATE], guest[: round(random.uniform(2, 4) * RATE)]
                guest = guest * (host.std() / guest.std())
                at = int(random.integers(len(host)))
                mixed = np.concatenate([host[:at], guest, host[at:]]).astype(np.float32)
                values, places = likeness([*voices[speaker], _network(mixed)])
                value, place = values[-1], places[-1]
                assert value is not None
                assert place is not None
                found.append((value - middle) / spread)
                hits += place[0] < (at + len(guest)) / RATE and place[1] > at / RATE
    return np.array(found, np.float32), hits, len(found)


def _auc(high: Floats, low: Floats) -> float:
    """The chance that one of `high` is above one of `low`."""
    order = np.argsort(np.concatenate([high, low]), kind="stable")
    rank = np.empty(len(order))
    rank[order] = np.arange(1, len(order) + 1)
    return float((rank[: len(high)].sum() - len(high) * (len(high) + 1) / 2) / (len(high) * len(low)))
