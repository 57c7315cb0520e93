"""Scoring of edited clips in a process of its own, which stays ready so that a nudged edge is scored at once.

Separate from the analysis of whole recordings because here the recording's activity is known and only a few seconds are
decoded; the scorers are the same. The process reads one request a line and answers with one line, and ends when whoever
started it is gone. It never opens the catalogue.
"""

from __future__ import annotations

import base64
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from catalog import audio
from catalog.errors import BadRequest, CuratorError
from catalog.records import Activity, Clip, Recording, Scoring

READY = "ready"


def score_clips(recording: Recording, activity: Activity | None, clips: Sequence[Clip]) -> list[Scoring]:
    """All scores of some clips of a recording, from its file and its stored activity.

    Raises BadAudio when the file cannot be read, BadRequest when no activity was stored.
    """
    from curator.activity import Tracks
    from curator.scores.clip_audio import ClipAudio
    from curator.scores.registry import score

    if activity is None:
        raise BadRequest(f"{recording.path}: no voice activity is stored, so its clips cannot be scored; add it again.")
    tracks = Tracks.of(activity, recording.samples, recording.sample_rate)
    ordered = sorted(clips, key=lambda clip: (clip.start, clip.end))
    waves = audio.ranges(Path(recording.path), [(clip.start, clip.end) for clip in ordered])
    return [
        score(clip.id, ClipAudio(wave, tracks.rate, clip.start, tracks))
        for clip, wave in zip(ordered, waves, strict=True)
    ]


def request_line(recording: Recording, activity: Activity | None, clips: Sequence[Clip]) -> str:
    """A request as the process reads it, without the line's end."""
    heard = None if activity is None else {name: _text(value) for name, value in asdict(activity).items()}
    return json.dumps(
        {"recording": asdict(recording), "activity": heard, "clips": [asdict(clip) for clip in clips]}, default=dict
    )


def answer_line(line: str) -> str:
    """What the process answers to a request, without the line's end: scorings, or an error in words."""
    try:
        request = json.loads(line)
        heard = request["activity"]
        activity = None if heard is None else Activity(**{name: _value(value) for name, value in heard.items()})
        clips = [Clip(**clip) for clip in request["clips"]]
        scorings = score_clips(Recording(**request["recording"]), activity, clips)
    except CuratorError as error:
        return json.dumps({"error": str(error)})
    return json.dumps({"scorings": [asdict(scoring) for scoring in scorings]})


def read_answer(line: str) -> list[Scoring]:
    """The scorings of an answer; raises BadRequest with the words of an error."""
    answer: Mapping[str, Any] = json.loads(line)
    if "error" in answer:
        raise BadRequest(str(answer["error"]))
    return [
        Scoring(**{**each, "places": {name: tuple(place) for name, place in each.get("places", {}).items()}})
        for each in answer["scorings"]
    ]


def _text(value: Any) -> Any:
    return {"base64": base64.b64encode(value).decode()} if isinstance(value, bytes) else value


def _value(value: Any) -> Any:
    return base64.b64decode(value["base64"]) if isinstance(value, dict) else value


def main() -> None:
    """Answer requests until the input ends; nothing but answers goes to standard output."""
    answers, sys.stdout = sys.stdout, sys.stderr
    # The scorers are loaded before the first request, so that it does not wait for them.
    from curator.scores import clip_audio, registry

    assert clip_audio
    assert registry
    print(READY, file=answers, flush=True)
    for line in sys.stdin:
        print(answer_line(line), file=answers, flush=True)


if __name__ == "__main__":
    main()
