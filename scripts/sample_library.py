"""A small library made for looking at: synthetic voices with pauses, noise and clipping, decided, frozen, trained.

The audio, the clips, the verdicts and the set are real and go through the product's own code. Scores, losses and the
model's weights are made up here, because nothing is analysed or trained: this library is for screenshots and for tests
of the screens, and every number in it follows from a fixed seed.
"""

from __future__ import annotations

import hashlib
import json
import math
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
from numpy.typing import NDArray

from catalog import audio, registry, sets
from catalog.jobs import Job
from catalog.library import Library
from catalog.records import Activity, Analysis, Clip, LeftOut, Recording, Scoring, clip_id
from catalog.store import Store

MOMENT = "2026-11-20T09:30:00Z"
RATE = 16000
VAD_HOP_S = 0.032
SPEAKERS = ("alto", "baritone")
TAKES = (
    ("alto", "morning pages.wav", 96.0),
    ("alto", "scales [take 2] 🎤.wav", 74.0),
    ("alto", "the long letter, read twice in one breath.wav", 131.0),
    ("baritone", "kitchen table.wav", 58.0),
)
Floats = NDArray[np.float32]


def build(library: Library, *, run: bool = True) -> None:
    """Fill an empty library; `run` adds the set, the run, the model and the conversions."""
    library.create()
    moment = patch("catalog.lineage.now", lambda: _utc(MOMENT))
    with moment, Store(library) as store:
        for number, (speaker, name, seconds) in enumerate(TAKES):
            store.take_in(analysis_of(library.root / "takes" / speaker / name, speaker, seconds, number))
        decide(store)
        if run:
            add_set(library, store)
            add_run(library, store)
            add_model(library, store)
            add_conversions(library, store)
            add_grid(library)


def voice(seconds: float, seed: int) -> tuple[Floats, NDArray[np.bool_]]:
    """A humming voice of phrases and pauses, and where it speaks, one flag every `VAD_HOP_S`."""
    rng = np.random.default_rng(seed)
    samples = round(seconds * RATE)
    time = np.arange(samples) / RATE
    speaking = np.zeros(math.ceil(seconds / VAD_HOP_S), bool)
    at = 0.4
    while at < seconds - 0.8:
        length = rng.uniform(0.7, 2.6)
        speaking[round(at / VAD_HOP_S) : round(min(seconds - 0.3, at + length) / VAD_HOP_S)] = True
        at += length + rng.uniform(0.15, 0.7)
    gate = np.interp(time, np.arange(speaking.size) * VAD_HOP_S, speaking.astype(float))
    f0 = 190 * 2 ** (0.25 * np.sin(2 * np.pi * 0.31 * time + seed) + 0.1 * np.sin(2 * np.pi * 1.7 * time))
    cycle = 2 * np.pi * np.arange(4096) / 4096
    table = sum(np.sin(k * cycle) / k**1.3 for k in range(1, 9))
    tone = np.take(table, (np.cumsum(f0) * (4096 / RATE)).astype(np.int64) % 4096)
    beats = rng.uniform(0.15, 1.0, round(seconds * 5) + 2)
    syllables = np.interp(time * 5, np.arange(beats.size), beats) * np.interp(
        time % 0.2, [0, 0.05, 0.2], [0.3, 1, 0.35]
    )
    wave = 0.26 * gate * syllables * tone + 10 ** (-58 / 20) * rng.standard_normal(samples)
    loud = 1 + 2.2 * ((time % 37 > 34.5) & (gate > 0.5))
    return np.clip(wave * loud, -1, 1).astype(np.float32), speaking


def analysis_of(path: Path, speaker: str, seconds: float, seed: int) -> Analysis:
    """One recording with its file, its clips between pauses and scores that fit the story."""
    path.parent.mkdir(parents=True, exist_ok=True)
    wave, speaking = voice(seconds, seed)
    audio.write_wav(path, wave, RATE, "PCM_16")
    digest = hashlib.sha256(f"{speaker}/{path.name}".encode()).hexdigest()
    real = audio.sha256(path)
    recording = Recording(real[:16], real, str(path), speaker, RATE, 1, wave.size, "WAV/PCM_16", path.stat().st_size)
    bounds = cuts(speaking, seconds)
    clips = [Clip(clip_id(recording.id, start, end), recording.id, start, end) for start, end in bounds]
    rng = np.random.default_rng(int(digest[:8], 16))
    scorings = [Scoring(clip.id, scores(wave[clip.start : clip.end], rng, speaker), {"sample": 1}) for clip in clips]
    left_out = [
        LeftOut(a, b, "silence")
        for a, b in zip([0, *(end for _, end in bounds)], [*(start for start, _ in bounds), wave.size], strict=True)
        if b > a
    ]
    vad = (np.where(speaking, 0.96, 0.03) * 255).astype(np.uint8).tobytes()
    activity = Activity("sample", VAD_HOP_S, vad, VAD_HOP_S, b"\0" * len(vad))
    return Analysis(recording, activity, clips, left_out, scorings, "sample")


def cuts(speaking: NDArray[np.bool_], seconds: float) -> list[tuple[int, int]]:
    """Clip borders in samples, 5 to 12 s apart, inside pauses."""
    pauses = [i * VAD_HOP_S for i in range(1, speaking.size) if speaking[i - 1] and not speaking[i]]
    bounds, start = [], 0.35
    for pause in pauses:
        if pause - start >= 6.0:
            bounds.append((round(start * RATE), round(min(pause + 0.1, start + 14.5, seconds) * RATE)))
            start = pause + 0.12
    return bounds


def scores(clip: Floats, rng: np.random.Generator, speaker: str) -> dict[str, float]:
    """Scores of one clip: level and clipping as they are, the rest drawn around plausible values."""
    noisy, second = rng.random() < 0.18, rng.random() < 0.12
    peak = float(np.abs(clip).max())
    low = 150 + 20 * rng.random() + (0 if speaker == "alto" else -60)
    span = 6 + 8 * rng.random()
    return {
        "snr_db": 14 + 5 * rng.random() if noisy else 34 + 9 * rng.random(),
        "noise_floor_dbfs": -48 - 2 * rng.random() if noisy else -66 - 8 * rng.random(),
        "silence_ratio": 0.12 + 0.2 * rng.random(),
        "longest_pause_s": 0.3 + 0.5 * rng.random(),
        "overlap_ratio": 0.22 + 0.3 * rng.random() if second else 0.03 * rng.random(),
        "f0_low_hz": low,
        "f0_median_hz": low * 2 ** (span / 24),
        "f0_high_hz": low * 2 ** (span / 12),
        "pitch_range_st": span,
        "voiced_ratio": 0.7 + 0.2 * rng.random(),
        "clipped_ratio": float(np.mean(np.abs(clip) >= 0.999)),
        "peak_dbfs": 20 * math.log10(max(peak, 1e-6)),
        "loudness_lufs": 20 * math.log10(float(np.sqrt(np.mean(clip**2))) + 1e-9) - 1.5,
        "bandwidth_hz": 7000 + 700 * rng.random(),
        "hum_db": 3 * rng.random(),
    }


def decide(store: Store) -> None:
    """Accept and reject the first recordings' clips as a person would who follows most suggestions."""
    rows = store.clip_table(sort="path, start").to_pylist()
    for row in rows[: len(rows) * 5 // 8]:
        if row["overlap_ratio"] > 0.1:
            store.decide([row["id"]], "rejected", ["second voice"])
        elif row["snr_db"] < 20:
            store.decide([row["id"]], "rejected", ["noise"])
        else:
            store.decide([row["id"]], "accepted")


def add_set(library: Library, store: Store) -> None:
    """Freeze what is accepted, and give it a date that never changes."""
    rows = store.clip_table(where="verdict = 'accepted' AND speaker = 'alto'").to_pylist()
    with patch("catalog.sets.datetime", _Clock):
        sets.freeze(library, "alto-first", rows)
    manifest = sets.load(library, "alto-first", verify=False)
    store.add_set(manifest.info, manifest.clips)


def add_run(library: Library, store: Store) -> None:
    """Two runs: one that is done, with its losses, and one that was stopped half-way."""
    for run_id, model, steps, asked in (("train-1", "alto", 600, 600), ("train-2", "alto-longer", 840, 2000)):
        request = {"library": str(library.root), "set_name": "alto-first", "model": model, "preset": "small"}
        job = Job.create(library.runs, "train", {**request, "steps": asked}, job_id=run_id)
        lines = [{"t": 0, "type": "phase", "name": "prepare"}, {"t": 0, "type": "phase", "name": "train"}]
        lines += [
            {"t": step, "type": "metric", "step": step, "values": losses(step)} for step in range(10, steps + 1, 10)
        ]
        lines += [
            {"t": step, "type": "metric", "step": step, "values": measures(step)} for step in range(0, steps + 1, 150)
        ]
        lines += [{"t": steps, "type": "progress", "done": steps, "total": asked, "unit": "steps", "rate": 1.9}]
        (job.path / "events.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
        outcome = "done" if steps == asked else "stopped"
        (job.path / "result.json").write_text(json.dumps({"outcome": outcome, "step": steps, "steps": asked}))
        info = sets.load(library, "alto-first", verify=False).info
        store.add_run(run_id, model, info.id, job.request)
        store.end_run(run_id, outcome, {"outcome": outcome})


def losses(step: int) -> dict[str, float]:
    """Losses of a training that goes well."""
    wobble = math.sin(step * 1.7) * 0.5 + math.sin(step * 0.37) * 0.5
    return {
        "g/mel": 19 + 34 * math.exp(-step / 170) + 0.8 * wobble,
        "g/kl": 1.1 + 2.6 * math.exp(-step / 90) + 0.1 * wobble,
        "g/fm": 1.6 + 2.0 * (1 - math.exp(-step / 240)) + 0.15 * wobble,
        "g/adv": 2.2 + 0.4 * math.exp(-step / 300) + 0.12 * wobble,
        "d/loss": 3.6 - 1.1 * (1 - math.exp(-step / 200)) + 0.15 * wobble,
    }


def measures(step: int) -> dict[str, float]:
    """What is measured on held-out clips at a save."""
    left = math.exp(-step / 260)
    return {
        "held_out/mel": 0.62 + 0.9 * left,
        "held_out/f0_cents": 11 + 30 * left,
        "held_out/speaker": 0.86 - 0.4 * left,
        "held_out/phones": 0.71 - 0.3 * left,
    }


def add_model(library: Library, store: Store) -> None:
    """The model of the run that is done: a card that is complete and weights that are a few bytes."""
    info = sets.load(library, "alto-first", verify=False).info

    def files(folder: Path) -> dict[str, Any]:
        (folder / "model.safetensors").write_bytes(b"sample")
        (folder / "index.faiss").write_bytes(b"sample")
        return {
            "version": "v2",
            "f0": True,
            "sample_rate": 24000,
            "encoder": {"name": "phone", "version": 1, "dim": 64},
            "set": {"id": info.id, "name": info.name, "clips": info.clips, "seconds": info.seconds},
            "run": {"id": "train-1", "preset": "small", "steps": 600, "epochs": 14, "seed": 1234},
            "metrics": {"held_out/mel": 0.71},
            "f0_stats": {"p5": 158.0, "p50": 204.0, "p95": 262.0},
            "speakers": ["alto"],
            "licence": "own voice, for own use",
        }

    with patch("catalog.registry.datetime", _Clock):
        store.add_model(registry.publish(library, "alto", build=files))


def add_conversions(library: Library, store: Store) -> None:
    """Two files that were given the voice."""
    for number, (name, transpose) in enumerate((("kitchen table.wav", 5.0), ("voicemail [1].wav", 0.0))):
        store.add_conversion(
            {
                "id": f"conversion-{number}",
                "model": "alto",
                "input": str(library.root / "takes" / "baritone" / name),
                "output": str(library.root / "converted" / name.replace(".wav", " - alto.wav")),
                "seconds": 58.0 - 21 * number,
                "options": {"transpose": transpose},
            }
        )


def add_grid(library: Library) -> None:
    """Three index rates that were tried on ten seconds of a file a minute later."""
    folder = library.jobs / "grid-sample"
    folder.mkdir()
    source = str(library.root / "takes" / "baritone" / "kitchen table.wav")
    tries = [
        {
            "options": {"transpose": 5.0, "index_rate": rate},
            "output": str(folder / f"try {number}.wav"),
            "transpose": 5.0,
        }
        for number, rate in enumerate((0.0, 0.5, 1.0), 1)
    ]
    request = {"model": "alto", "input": source, "options": [each["options"] for each in tries]}
    frozen = {"version": 1, "kind": "grid", "created_at": MOMENT.replace("09:30", "09:31"), "request": request}
    result = {"outcome": "done", "model": "alto", "input": source, "start_s": 21.4, "seconds": 10.0, "tries": tries}
    (folder / "request.json").write_text(json.dumps(frozen))
    (folder / "result.json").write_text(json.dumps(result))


def _utc(text: str) -> Any:
    from datetime import UTC, datetime

    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)


class _Clock:
    """Stands for `datetime` where a date would change from day to day."""

    @staticmethod
    def now(zone: object = None) -> Any:
        """Always the same moment."""
        return _utc(MOMENT)
