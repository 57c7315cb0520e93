"""Voice that the speech network does not know: sung notes, found by their pitch.

Separate from the pitch tracker, which measures, and from the activity, which is what is stored: these rules say from
the stored voicing and level alone what counts as a voice, so a recording can be heard as speech or as singing without
decoding it again. The network was trained on speech and misses most singing (silero-vad issue 565).
"""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np

from curator.frames import Bools, Floats, runs, widened
from curator.pitch import HOP_S, VOICED, Pitch

Voice = Literal["auto", "speech", "singing"]
VOICES: tuple[Voice, ...] = get_args(Voice)
SURE = 0.9
"""Probability of voice that a note is given."""
DOUBTFUL = 0.25
"""Least probability of a loud voiced frame: not enough for voice, too much for room noise."""
DOUBTFUL_WITHIN_DB = 15.0
MISSED, LEAST_MISSED_S = 0.35, 1.0
UNKNOWN = 0.1
"""Share of the loud voiced sound that the network misses, above which it does not know the voice."""
STRANGE, SUNG = 0.9, 0.55
"""Where the network misses more than 0.9 of the loud voiced sound, there is singing if the pitch of 0.55 of that is
beyond doubt. One singer at a time has 0.7 to 1.0, also in a room of 1 s or 10 dB over noise; instruments, of which
several sound at once, have 0.25 to 0.45. Speech in a room has 0.35 to 0.7, but there the network misses less."""
SUSTAINED = 0.8
SUSTAINED_S = 0.25
SUSTAINED_WITHIN_DB = 25.0
SHORTEST_NOTE_S = 0.06
NOTE_WITHIN_DB = 35.0
SOFT, SUSPECTED, SUSPICION_S = 0.6, 0.1, 1.5
"""Probability of voice that soft speech is given; what the network says of it at least; how far its best lies apart."""
SOFT_S, SOFT_VOICING, FAIRLY = 0.08, 0.7, 0.3
HUM_BELOW_HZ, HUM_STEADY_ST, HUM_S = 130.0, 0.05, 0.25


def stored(pitch: Pitch) -> bytes:
    """How sure it is that each frame of `pitch` is voiced, x 255; a low tone that never moves is mains hum and is 0."""
    confidence = pitch.confidence.copy()
    for first, last in runs(confidence >= VOICED):
        hz = pitch.hz[first:last]
        if (last - first) * HOP_S >= HUM_S and np.median(hz) < HUM_BELOW_HZ:
            steps = 12 * np.log2(np.maximum(hz, 1.0))
            if steps.std() < HUM_STEADY_ST:
                confidence[first:last] = 0
    return np.round(np.clip(confidence, 0, 1) * 255).astype(np.uint8).tobytes()


def probability(network: Floats, voicing: Floats, level: Floats, frame_s: float, voice: Voice) -> Floats:
    """The probability of a voice in each frame of `frame_s`: the network's, and what pitch adds to it.

    `network` and `voicing` are 0 to 1 and `level` in dBFS, all (frames,). As speech, pitch adds nothing. As singing,
    every `note` is a voice, and what else is loud and voiced is doubtful. By itself ("auto"), so is a recording heard
    whose loud voiced sound the network mostly misses, unless it is `_instruments`; in any other, `sustained` notes and
    `soft` speech are a voice.
    """
    if voice == "speech" or not len(level):
        return network
    level = level - np.percentile(level, 95)
    loud = (voicing >= VOICED) & (level > -DOUBTFUL_WITHIN_DB)
    found = np.where(loud, np.float32(DOUBTFUL), np.float32(0))
    singing = not (_known(network, loud, frame_s) or _instruments(network, voicing, loud))
    if singing or voice == "singing":
        found[note(voicing, level, frame_s)] = SURE
    else:
        found[soft(network, voicing, frame_s)] = SOFT
        found[sustained(voicing, level, frame_s)] = SURE
    return np.asarray(np.maximum(network, found), np.float32)


def _known(network: Floats, loud: Bools, frame_s: float) -> bool:
    """Whether the network takes the loud voiced sound of a recording for speech.

    Of speech it misses 0 to 5 % of that, of singing most. It is recurrent and can also lose a voice that it knows: with
    some speakers, in noise or in a room, it hears no speech for minutes on end, and then misses 50 % and more.
    """
    missed = np.count_nonzero(loud & (network < MISSED))
    return bool(missed * frame_s < LEAST_MISSED_S or missed <= UNKNOWN * np.count_nonzero(loud))


def _instruments(network: Floats, voicing: Floats, loud: Bools) -> bool:
    """Whether the loud voiced sound of a recording is no speech at all to the network and of many pitches at once."""
    strange = (network[loud] < MISSED).mean() > STRANGE
    return bool(strange and (voicing[loud] >= SUSTAINED).mean() < SUNG)


def sustained(voicing: Floats, level: Floats, frame_s: float) -> Bools:
    """Frames of notes that no speech holds: voiced without doubt for 0.25 s or more.

    `level` is in dB over the loudest sound of the recording; a note is at most 25 dB below that.
    """
    found = np.zeros(len(level), bool)
    for first, last in runs((level > -SUSTAINED_WITHIN_DB) & (voicing >= VOICED)):
        if last - first >= SUSTAINED_S / frame_s and (voicing[first:last] >= SUSTAINED).mean() >= 0.6:
            found[first:last] = True
    return found


def soft(network: Floats, voicing: Floats, frame_s: float) -> Bools:
    """Frames of speech that the network only suspects, as it does where a voice is suddenly 30 dB quieter than before.

    Some chance of speech (0.1) in a stretch that is clearly voiced for 80 ms and more, and a fair chance (0.3) in such
    a stretch no more than 1.5 s away; noises and distant music that are voiced have hardly any.
    """
    clear, fair = np.zeros(len(network), bool), np.zeros(len(network), bool)
    for first, last in runs(voicing >= VOICED):
        if last - first >= SOFT_S / frame_s and voicing[first:last].mean() >= SOFT_VOICING:
            clear[first:last] = True
            fair[first:last] = network[first:last].max() >= FAIRLY
    return clear & (network >= SUSPECTED) & widened(fair, round(SUSPICION_S / frame_s))


def note(voicing: Floats, level: Floats, frame_s: float) -> Bools:
    """Frames voiced for 60 ms or more, at most 35 dB below the loudest sound: fast, high and soft notes too."""
    found = np.zeros(len(level), bool)
    for first, last in runs((level > -NOTE_WITHIN_DB) & (voicing >= VOICED)):
        found[first:last] = last - first >= SHORTEST_NOTE_S / frame_s
    return found
