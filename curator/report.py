"""A set's report: coverage, distributions and players in one HTML file that opens anywhere.

Separate from the commands because the app writes the same page. It needs nothing but the set itself: the scores
travel in its manifest, and the players carry their sound inside the page.
"""

from __future__ import annotations

import base64
import html
import io
import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from catalog import atomic, sets
from catalog.library import Library
from catalog.records import SCORES, ScoreName, SetClip

PLAYERS = 12
BINS = 24
STYLE = """
body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:62rem;padding:0 1rem}
body{color:#1d2330;background:#fbfbfc}h1{margin-bottom:0}h2{margin-top:2.5rem}
table{border-collapse:collapse}td,th{padding:.2rem .9rem .2rem 0;text-align:left}
.grid{display:grid;grid-template-columns:repeat(auto-fill,minmax(18rem,1fr));gap:1.2rem}
figure{margin:0;background:#fff;border:1px solid #e3e5ea;border-radius:6px;padding:.7rem}
figcaption{font-size:13px;color:#596174}svg{width:100%;height:90px}audio{height:2rem;width:100%}code{color:#596174}
@media(prefers-color-scheme:dark){body{background:#14171d;color:#e4e7ee}figure{background:#1b1f27;border-color:#303644}}
"""


def write_report(library: Library, name: str, out: Path) -> dict[str, Any]:
    """Write the page of set `name` to `out` and give the figures that are on it.

    Raises BadRequest when there is no such set.
    """
    manifest = sets.load(library, name, verify=False)
    facts = figures(manifest.info.name, manifest.clips)
    folder = sets.folder(library, name)
    parts = [
        f"<h1>{html.escape(name)}</h1>",
        f"<p>{facts['clips']} clips, {facts['seconds'] / 60:.1f} minutes, "
        f"{html.escape(', '.join(facts['speakers']))} · <code>{manifest.info.id}</code></p>",
        "<h2>Recordings</h2>",
        _recordings(facts["recordings"]),
        "<h2>Pitch coverage</h2>",
        _coverage(facts["pitch_coverage_s"]),
        "<h2>Distributions</h2><div class='grid'>",
        *(_distribution(score, manifest.clips) for score in SCORES if score.unit != "clip id"),
        "</div><h2>Listen</h2><div class='grid'>",
        *(_player(folder, clip) for clip in _spread(manifest.clips, PLAYERS)),
        "</div>",
    ]
    page = (
        f"<!doctype html><html lang='en'><meta charset='utf-8'><meta name='viewport' content='width=device-width'>"
        f"<title>{html.escape(name)}</title><style>{STYLE}</style><body>{''.join(parts)}</body></html>"
    )
    out.parent.mkdir(parents=True, exist_ok=True)
    with atomic.in_words(f"the report {out}"):
        atomic.write_text(out, page)
    return facts | {"out": str(out)}


def figures(name: str, clips: Sequence[SetClip]) -> dict[str, Any]:
    """What the report says in numbers: seconds by recording and speaker, and seconds by semitone of median f0."""
    recordings: dict[str, float] = defaultdict(float)
    coverage: dict[int, float] = defaultdict(float)
    for clip in clips:
        seconds = (clip.end - clip.start) / clip.sample_rate
        recordings[clip.recording] += seconds
        low, high = clip.scores.get("f0_low_hz"), clip.scores.get("f0_high_hz")
        if isinstance(low, float) and isinstance(high, float) and low > 0:
            notes = range(midi(low), midi(high) + 1)
            voiced = clip.scores.get("voiced_ratio")
            share = seconds * (voiced if isinstance(voiced, float) else 1.0) / len(notes)
            for note in notes:
                coverage[note] += share
    return {
        "name": name,
        "clips": len(clips),
        "seconds": sum(recordings.values()),
        "speakers": sorted({clip.speaker for clip in clips}),
        "recordings": dict(recordings),
        "pitch_coverage_s": {note_name(note): round(coverage[note], 2) for note in sorted(coverage)},
    }


def midi(hertz: float) -> int:
    """The nearest MIDI note of a frequency (A4 = 440 Hz = 69)."""
    return round(69 + 12 * math.log2(hertz / 440))


def note_name(note: int) -> str:
    """A MIDI note in scientific pitch notation."""
    return f"{('C', 'C♯', 'D', 'D♯', 'E', 'F', 'F♯', 'G', 'G♯', 'A', 'A♯', 'B')[note % 12]}{note // 12 - 1}"


def _recordings(seconds: Mapping[str, float]) -> str:
    rows = "".join(
        f"<tr><td><code>{html.escape(recording)}</code></td><td>{value:.1f} s</td></tr>"
        for recording, value in sorted(seconds.items(), key=lambda item: -item[1])
    )
    return f"<table><tr><th>Recording</th><th>Accepted</th></tr>{rows}</table>"


def _coverage(seconds: Mapping[str, float]) -> str:
    if not seconds:
        return "<p>No pitch scores in this set.</p>"
    words = "seconds by note, spread evenly over each clip's 5th to 95th percentile of f0"
    return f"<figure>{_bars(list(seconds.values()), list(seconds))}<figcaption>{words}</figcaption></figure>"


def _distribution(score: ScoreName, clips: Sequence[SetClip]) -> str:
    values = sorted(
        value for clip in clips if isinstance(value := clip.scores.get(score.name), float) and math.isfinite(value)
    )
    if not values:
        return (
            f"<figure><b>{score.name}</b><figcaption>{html.escape(score.meaning)}: not computed</figcaption></figure>"
        )
    low, high = values[0], values[-1]
    width = (high - low) / BINS or 1.0
    counts = [0] * BINS
    for value in values:
        counts[min(BINS - 1, int((value - low) / width))] += 1
    labels = [f"{low + i * width:.3g} {score.unit}" for i in range(BINS)]
    median = values[len(values) // 2]
    words = f"{low:.3g} … median {median:.3g} … {high:.3g} {score.unit}, {len(values)} clips"
    caption = f"<figcaption>{html.escape(score.meaning)}<br>{html.escape(words)}</figcaption>"
    return f"<figure><b>{score.name}</b>{_bars(counts, labels)}{caption}</figure>"


def _bars(values: Sequence[float], labels: Sequence[str]) -> str:
    top = max(values) or 1.0
    bars = "".join(
        f"<rect x='{i}' y='{100 - 100 * value / top:.2f}' width='.85' height='{100 * value / top:.2f}' fill='#4c78c9'>"
        f"<title>{html.escape(label)}: {value:.3g}</title></rect>"
        for i, (value, label) in enumerate(zip(values, labels, strict=True))
    )
    return f"<svg viewBox='0 0 {len(values)} 100' preserveAspectRatio='none' role='img'>{bars}</svg>"


def _spread(clips: Sequence[SetClip], count: int) -> list[SetClip]:
    """Clips from the lowest to the highest voice, evenly spaced, so that a few players show the whole range."""

    def pitch(clip: SetClip) -> tuple[float, str]:
        value = clip.scores.get("f0_median_hz")
        return (value if isinstance(value, float) else 0.0, clip.clip)

    ordered = sorted(clips, key=pitch)
    if len(ordered) <= count:
        return ordered
    return [ordered[round(i * (len(ordered) - 1) / (count - 1))] for i in range(count)]


def _player(folder: Path, clip: SetClip) -> str:
    import soundfile

    audio, rate = soundfile.read(folder / clip.file, dtype="float32")
    buffer = io.BytesIO()
    soundfile.write(buffer, audio, rate, format="FLAC", subtype="PCM_16")
    data = base64.b64encode(buffer.getvalue()).decode("ascii")
    pitch = clip.scores.get("f0_median_hz")
    words = f"{(clip.end - clip.start) / clip.sample_rate:.1f} s" + (
        f", {pitch:.0f} Hz" if isinstance(pitch, float) else ""
    )
    return (
        f"<figure><audio controls preload='none' src='data:audio/flac;base64,{data}'></audio>"
        f"<figcaption><code>{clip.clip}</code> {html.escape(clip.speaker)}, {words}</figcaption></figure>"
    )
