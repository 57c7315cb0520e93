"""The scorers in use, and one pass of all of them over a clip.

Separate so that a new score is one new module and one name here.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence

from catalog.records import SCORE_NAMES, Place, ScoreValue, Scoring
from curator.scores.bandwidth import Bandwidth
from curator.scores.clip_audio import ClipAudio, Placed, Scorer
from curator.scores.clipping import Clipping
from curator.scores.duplicates import Duplicates
from curator.scores.hum import Hum
from curator.scores.loudness import Loudness
from curator.scores.mos import Mos
from curator.scores.music import Music
from curator.scores.noise import Noise
from curator.scores.overlap import Overlap
from curator.scores.pitch_range import PitchRange
from curator.scores.reverb import Reverb
from curator.scores.silence import Silence
from curator.scores.speaker import Speaker
from curator.scores.true_peak import TruePeak

SCORERS: tuple[Scorer, ...] = (
    Silence(),
    Noise(),
    Clipping(),
    TruePeak(),
    Loudness(),
    Bandwidth(),
    Hum(),
    Reverb(),
    Music(),
    PitchRange(),
    Overlap(),
    Speaker(),
    Duplicates(),
    Mos(),
)


def score(clip_id: str, clip: ClipAudio, scorers: Sequence[Scorer] = SCORERS) -> Scoring:
    """All scores of a clip, and where those that can say so are worst; what a scorer leaves out is NULL."""
    values: dict[str, ScoreValue] = {}
    places: dict[str, Place] = {}
    features: dict[str, str] = {}
    seconds = len(clip.wave) / clip.rate
    for scorer in scorers:
        found = dict(scorer.compute(clip))
        feature = found.pop(scorer.name, None)
        if isinstance(feature, bytes):
            features[scorer.name] = base64.b64encode(feature).decode()
        unknown = set(found) - set(scorer.columns) | set(scorer.columns) - set(SCORE_NAMES)
        assert not unknown, f"the scorer {scorer.name} gives {unknown}, which it does not declare"
        for name in scorer.columns:
            value = found.get(name)
            if isinstance(value, Placed):
                value, place = value
                if place is not None and value is not None and 0 <= place[0] < min(place[1], seconds):
                    places[name] = (place[0], min(place[1], seconds))
            assert not isinstance(value, bytes), f"the scorer {scorer.name} gives a feature that is not under its name"
            values[name] = value
    return Scoring(clip_id, values, {scorer.name: scorer.version for scorer in scorers}, places, features)
