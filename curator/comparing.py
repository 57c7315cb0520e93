"""Scores that need the other clips: likeness to the speaker's voice, and takes that were there before.

Separate from the scorers, which see one clip and keep a feature of it, because this runs where the catalogue is held,
after clips came in or were scored again: it reads the features, never a sound. Only speakers whose clips changed are
compared anew, only new clips are looked for, and a score is appended only where it moved.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from catalog.records import Place, Scoring
from curator.scores.duplicates import Duplicates
from curator.scores.fingerprint import Fingerprint, agreement
from curator.scores.speaker import Speaker, Voice

if TYPE_CHECKING:
    from catalog.store import Store

FEWEST = 3
"""Clips of a speaker below which there is no middle to be like."""
TRIMMED = 0.2
ROUNDS = 4
MOVED = 0.01
"""A similarity that moved less is not appended again."""
KEYS = 128
"""By which other clips are looked up."""
NEIGHBOURS = 6
ALL_PAIRS = 1 << 22
COMMON = 64
"""Of clips that share a key with more others than this, only so many are looked at."""
MOST = 16
CHUNK = 4096
SHARED = 2
LEAST_PAIRS = 10
LEAST_SHARE = 0.06
"""Agreeing pairs, and their share of the smaller fingerprint, from which on two clips hold the same take."""
STANDS_OUT = 2
"""How many times as many as at any other distance in time."""
EVERYTHING = ""

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]


def compare(store: Store) -> int:
    """Bring the scores that need other clips up to date; returns how many scores were appended."""
    return compare_voices(store) + find_repeats(store)


# the voice


def compare_voices(store: Store) -> int:
    """Append the similarity of each clip where it moved, for speakers whose clips changed since the last time."""
    known = store.compared(Speaker.name)
    due = {
        speaker: mark
        for speaker, mark in store.feature_marks(Speaker.name, Speaker.version).items()
        if known.get(speaker) != mark
    }
    if not due:
        return 0
    table = store.features(Speaker.name, Speaker.version, next(iter(due)) if len(due) == 1 else None)
    of_speaker: dict[str, list[int]] = {speaker: [] for speaker in due}
    for row, speaker in enumerate(table["speaker"].to_pylist()):
        if speaker in of_speaker:
            of_speaker[speaker].append(row)
    clips, data = table["clip"].to_pylist(), table["data"]
    before = store.last_scores([clips[row] for rows in of_speaker.values() for row in rows])
    new = []
    for rows in of_speaker.values():
        values, places = likeness([Voice.unpacked(data[row].as_py()) for row in rows])
        for row, value, place in zip(rows, values, places, strict=True):
            clip = clips[row]
            if _moved(before.get(clip, {}).get("speaker_similarity"), value):
                placed = {} if place is None else {"speaker_similarity": place}
                new.append(Scoring(clip, {"speaker_similarity": value}, {}, placed))
    return store.add_comparison(Speaker.name, due, new)


def likeness(voices: Sequence[Voice]) -> tuple[list[float | None], list[Place | None]]:
    """How like the others each clip of one speaker sounds, -1 to 1, and where it is least so.

    The middle is the mean of the other clips' vectors, the fifth that is least like it left out, so that a few clips of
    another voice do not draw it to them. A clip's likeness is the mean of two cosines: of the whole clip, and of its
    least similar 3 s (two neighbouring windows), so that a voice that changes inside a clip shows too.
    """
    if len(voices) < FEWEST:
        return [None] * len(voices), [None] * len(voices)
    whole = np.stack([_unit(voice.vectors.mean(axis=0)) for voice in voices])
    kept = _alike(whole)
    total = whole[kept].sum(axis=0)
    values: list[float | None] = []
    places: list[Place | None] = []
    for number, voice in enumerate(voices):
        middle = _unit(total - whole[number] if kept[number] else total)
        cosines = voice.vectors @ middle
        pairs = (cosines[1:] + cosines[:-1]) / 2 if len(cosines) > 1 else cosines
        least = int(pairs.argmin())
        values.append(float((whole[number] @ middle + pairs[least]) / 2))
        places.append((float(voice.starts[least]), float(voice.ends[min(least + 1, len(cosines) - 1)])))
    return values, places


def _alike(whole: Floats) -> npt.NDArray[np.bool_]:
    """The four fifths of the clips that are most alike."""
    kept = np.ones(len(whole), bool)
    for _ in range(ROUNDS):
        cosines = whole @ _unit(whole[kept].mean(axis=0))
        kept = cosines >= np.quantile(cosines, TRIMMED)
    return kept


def _unit(vector: Floats) -> Floats:
    return np.asarray(vector / max(float(np.linalg.norm(vector)), 1e-9), np.float32)


def _moved(before: Any, after: float | None) -> bool:
    if before is None or after is None:
        return before is not after
    return bool(abs(before - after) >= MOVED)


# repeats


def find_repeats(store: Store) -> int:
    """Append the earlier clip that each new clip repeats.

    New are clips that were never looked up, and those whose earlier clip is gone. Earlier are those that were looked up
    before; among new ones path and start decide, so that the order in which workers end changes nothing.
    """
    marks = store.feature_marks(Duplicates.name, Duplicates.version)
    mark = hashlib.sha256(json.dumps(marks).encode()).hexdigest()[:16]
    known = json.loads(store.compared(Duplicates.name).get(EVERYTHING, "{}"))
    if not marks or known.get("mark") == mark:
        return 0
    looked_up = known["seq"] if known.get("version") == Duplicates.version else 0
    table = store.features(Duplicates.name, Duplicates.version)
    clips, kept_at = table["clip"].to_pylist(), table["seq"].to_pylist()
    before = {clip: row["duplicate_of"] for clip, row in store.last_scores(clips).items()}
    here = set(clips)
    new = np.asarray(
        [at > looked_up or (before.get(clip) or clip) not in here for clip, at in zip(clips, kept_at, strict=True)]
    )
    order = np.argsort(new, kind="stable")
    data = table["data"].to_pylist()
    found = repeats([Fingerprint.unpacked(data[i]) for i in order], np.flatnonzero(new[order]))
    of = {clips[order[later]]: clips[order[earlier]] for later, earlier in found.items()}
    scorings = [
        Scoring(clip, {"duplicate_of": of.get(clip)}, {})
        for clip, is_new in zip(clips, new, strict=True)
        if is_new and before.get(clip) != of.get(clip)
    ]
    done = {"version": Duplicates.version, "seq": max(kept_at), "mark": mark}
    return store.add_comparison(Duplicates.name, {EVERYTHING: json.dumps(done)}, scorings)


def repeats(prints: Sequence[Fingerprint], new: Ints) -> dict[int, int]:
    """For each of the `new` that holds the take of an earlier one (a lower number): the most alike, itself no repeat.

    Clips that share two of their 128 keys are compared in full, a clip with 16 others at most, so the work grows with
    the number of clips and no faster.
    """
    best: dict[int, tuple[int, int]] = {}
    for later, earlier in _candidates(prints, new):
        pairs = _agreeing(prints[later], prints[earlier])
        if pairs > best.get(later, (0, 0))[0]:
            best[later] = (pairs, earlier)
    found: dict[int, int] = {}
    for later in sorted(best):
        earlier = best[later][1]
        found[later] = found.get(earlier, earlier)
    return found


def _agreeing(a: Fingerprint, b: Fingerprint) -> int:
    """How many pairs of peaks speak for one take; 0 when they are too few to say so."""
    pairs, elsewhere = agreement(a, b)
    enough = max(LEAST_PAIRS, LEAST_SHARE * min(len(a.pairs), len(b.pairs)), STANDS_OUT * elsewhere)
    return pairs if pairs >= enough else 0


def _candidates(prints: Sequence[Fingerprint], new: Ints) -> Iterator[tuple[int, int]]:
    """(later, earlier) of clips that share keys, the later new; in order of the later, most shared first."""
    count = len(prints)
    if not len(new):
        return
    asked = np.zeros(ALL_PAIRS, bool)
    asked[np.concatenate([prints[number].pairs for number in new])] = True
    chunks = [_keys(prints[at : at + CHUNK], at, asked) for at in range(0, count, CHUNK)]
    keys, owner = (np.concatenate(column) for column in zip(*chunks, strict=True))
    order = np.argsort(keys, kind="stable")
    keys, owner = keys[order], owner[order]
    is_new = np.zeros(count, bool)
    is_new[new] = True
    met = []
    for step in range(1, COMMON):
        same = keys[step:] == keys[:-step]
        if not same.any():
            break
        first, second = owner[:-step][same], owner[step:][same]
        earlier, later = np.minimum(first, second), np.maximum(first, second)
        wanted = (earlier != later) & is_new[later]
        met.append(later[wanted] * count + earlier[wanted])
    both, shared = np.unique(np.concatenate([np.zeros(0, np.int64), *met]), return_counts=True)
    both, shared = both[shared >= SHARED], shared[shared >= SHARED]
    both = both[np.lexsort((both % count, -shared, both // count))]
    rank = np.arange(len(both)) - np.searchsorted(both // count, both // count)
    for pair in both[rank < MOST]:
        yield int(pair // count), int(pair % count)


def _keys(
    prints: Sequence[Fingerprint], first: int, asked: npt.NDArray[np.bool_]
) -> tuple[npt.NDArray[np.uint64], Ints]:
    """Up to 128 keys of each clip, made of the pairs that are `asked`, and the clip's number, counted from `first`.

    A key is two pairs with one first peak, 36 bits: rarer than a pair, so that few clips share one by chance. Which of
    its keys a clip keeps has nothing to do with their sound, so two clips of one take keep the same.
    """
    owner = np.repeat(np.arange(len(prints), dtype=np.int64), [len(each.pairs) for each in prints])
    pairs = np.concatenate([np.zeros(0, np.uint32), *(each.pairs for each in prints)]).astype(np.uint64)
    frames = np.concatenate([np.zeros(0, np.uint16), *(each.frames for each in prints)]).astype(np.int64)
    wanted = asked[pairs]
    owner, pairs, frames = owner[wanted], pairs[wanted], frames[wanted]
    order = np.lexsort((pairs, frames, owner))
    owner, pairs, frames = owner[order], pairs[order], frames[order]
    peak = (owner << 24) | (frames << 8) | (pairs >> np.uint64(14)).astype(np.int64)
    keys, owners = [np.zeros(0, np.uint64)], [np.zeros(0, np.int64)]
    for step in range(1, NEIGHBOURS + 1):
        same = peak[step:] == peak[:-step]
        keys.append((pairs[:-step][same] << np.uint64(14)) | (pairs[step:][same] & np.uint64(0x3FFF)))
        owners.append(owner[:-step][same])
    key, owner = np.concatenate(keys), np.concatenate(owners)
    mixed = (key * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(16)
    order = np.lexsort((key, mixed, owner))
    key, owner = key[order], owner[order]
    different = np.concatenate([[True], (key[1:] != key[:-1]) | (owner[1:] != owner[:-1])])[: len(key)]
    key, owner = key[different], owner[different]
    rank = np.arange(len(key)) - np.searchsorted(owner, owner)
    return key[rank < KEYS], owner[rank < KEYS] + first
