"""What each thing that the conversion does differently from RVC's is worth, on real recordings: off, and on.

    pip install --no-deps resemblyzer webrtcvad-wheels pocketsphinx
    python -m benchmarks.better AUDIO --library DIR [--steps N]

AUDIO is the folder of labelled recordings. A small-preset voice is trained on one speaker in DIR (what is there is used
again) and speaks half a minute of another, the same with a real noise over it at 15 dB, and a sung recording. For every
option of `curator convert` that is on by default, two lines: all defaults but this, and all defaults. Columns: the
cosine of speaker embeddings to the target (Resemblyzer), the median distance of f0 from the transposed source's over
the frames voiced in both, the share of those that are wrong by half an octave or more, the share of the source's speech
frames on which the embedded encoder hears the same phone, the share of its phones that pocketsphinx hears in order, and
the measure that the option is for.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks import voice as peers
from catalog import audio, registry
from catalog.library import Library
from infer import f0 as f0s
from infer.convert import Conversion
from infer.cuts import FRAME, Chunking, find_cuts
from infer.octaves import repair
from infer.options import CLASSIC, ConvertOptions
from infer.phone_encoder import PAUSE, PHONES, load_phone_encoder
from infer.retrieval import NEIGHBOURS, recall_of
from infer.track import Track
from infer.true_peak import limited, true_peak
from infer.voice import Voice, load_voice

RATE = 16000
SPEECH_S = 30
NOISE_DB = 15.0
MANY_CUTS = Chunking(pad=1, query=1, center=3, longest=4)
NO_CUTS = Chunking(pad=1, query=1, center=1e9, longest=1e9)
TARGET, SOURCE = "speech_single/kathleen_en_f", "long_raw/ravdess11_raw_clean.flac"
SUNG, NOISE = "singing/sms_vignesh.flac", "noise/sms-tools_rain.flac"
SEAM_S = 0.025
WRONG_ST = 6.0

Wave = np.ndarray[Any, np.dtype[np.float32]]


@dataclass
class Case:
    """A source, and what is known of it."""

    name: str
    wave: Wave
    """(N,) at 16 kHz."""
    clean: Wave
    """The same before noise was added."""
    semitones: float

    def __post_init__(self) -> None:
        self.f0 = f0s.extract(self.clean, "auto")
        self.heard: tuple[Any, list[str]] | None = None


@dataclass
class Bench:
    """What every line is made with."""

    voice: Voice
    folder: Path
    embed: Callable[[Path], Any]
    target: Any
    hear: Callable[[Wave], tuple[Any, list[str]]]

    def __post_init__(self) -> None:
        self.encoder = load_phone_encoder()

    def convert(self, wave: Wave, options: ConvertOptions, chunking: Chunking | None = None) -> Wave:
        """A wave at 16 kHz in the voice, at the voice's rate."""
        with tempfile.TemporaryDirectory(dir=self.folder) as name:
            source = Track(Path(name) / "source")
            source.append(wave)
            conversion = Conversion(self.voice, options, Path(name), chunking=chunking)
            track, _ = conversion.run(source)
            out = np.array(track.read(0, len(track)), np.float32)
            conversion.close()
            source.close()
        return out

    def frames(self, wave: Wave) -> Any:
        """The phone that the embedded encoder hears in each frame of a wave at 16 kHz."""
        return self.encoder.posteriors(torch.from_numpy(wave))[0].argmax(-1).numpy()

    def judge(self, case: Case, made: Wave) -> tuple[float, float, float, float, float]:
        """Similarity, f0 error in semitones, wrong octaves in percent, frames and phones understood in percent."""
        rate = self.voice.sample_rate
        audio.write_wav(self.folder / "made.wav", made / max(1.0, float(np.abs(made).max())), rate)
        embedding = self.embed(self.folder / "made.wav")
        similarity = float(embedding @ self.target / np.linalg.norm(embedding) / np.linalg.norm(self.target))
        narrow = audio.resample(made, rate, RATE)
        found = f0s.extract(narrow, "auto")
        count = min(len(found), len(case.f0))
        both = (found[:count] > 0) & (case.f0[:count] > 0)
        off = np.abs(12 * np.log2(found[:count][both] / case.f0[:count][both]) - case.semitones)
        case.heard = case.heard or self.hear(case.clean)
        (before, wanted), (after, heard) = case.heard, self.hear(narrow)
        count = min(len(before), len(after))
        speech = before[:count] != PHONES.index(PAUSE)
        same = 100 * float((before[:count] == after[:count])[speech].mean())
        return (
            similarity, float(np.median(off)), 100 * float((off > WRONG_ST).mean()), same,
            peers.in_order(wanted, heard),
        )  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("audio", type=Path)
    parser.add_argument("--library", type=Path, required=True, help="where to work; what is there is used again")
    parser.add_argument("--steps", type=int, default=500)
    parser.add_argument("--only", help="options, separated by commas")
    given = parser.parse_args()
    peers.prepare(given.library, given.audio / TARGET, given.steps)
    shelf = Library(given.library)
    voice = load_voice(registry.load(shelf, "voice"), shelf.weights, "cpu")
    embed = peers.embedder()
    target = np.mean([embed(path) for path in peers.held_sample(given.audio / TARGET)], axis=0)
    names = given.only.split(",") if given.only else list(CLASSIC)
    with tempfile.TemporaryDirectory() as name:
        bench = Bench(voice, Path(name), embed, target, peers.listener())
        for case in cases(given.audio):
            options = ConvertOptions(transpose=case.semitones)
            on = bench.convert(case.wave, options)
            judged = bench.judge(case, on)
            print(f"\n{case.name:<22}{'similar':>8}{'f0 st':>7}{'oct %':>7}{'frames':>8}{'phones':>8}  its own measure")
            classic = replace(options, **dict(CLASSIC))
            show("all off", bench.judge(case, bench.convert(case.wave, classic)), "")
            for option in names:
                off = replace(options, **{option: CLASSIC[option]})
                made = bench.convert(case.wave, off)
                show(f"{option} off", bench.judge(case, made), OWN[option](bench, case, off, made))
                show(f"{option} on", judged, OWN[option](bench, case, options, on))


def show(name: str, judged: tuple[float, ...], own: str) -> None:
    """One line."""
    similarity, off, wrong, frames, phones = judged
    print(f"{name:<22}{similarity:8.3f}{off:7.2f}{wrong:7.2f}{frames:8.1f}{phones:8.1f}  {own}", flush=True)


def cases(folder: Path) -> list[Case]:
    """What is converted."""
    speech = read(folder / SOURCE)[: SPEECH_S * RATE]
    sung = read(folder / SUNG)[: SPEECH_S * RATE]
    return [
        Case("speech, +12", speech, speech, 12),
        Case("speech in rain, +12", noisy(speech, read(folder / NOISE), NOISE_DB), speech, 12),
        Case("singing, 0", sung, sung, 0),
    ]


def read(path: Path) -> Wave:
    """A file at 16 kHz."""
    wave, rate = audio.read(path)
    return np.asarray(audio.resample(wave, rate, RATE), np.float32)


def noisy(wave: Wave, noise: Wave, snr_db: float) -> Wave:
    """`wave` with `noise` so far below its louder parts."""
    noise = np.resize(noise, len(wave))
    loud = np.percentile(np.square(wave).reshape(-1, 1)[: len(wave) // FRAME * FRAME].reshape(-1, FRAME).mean(1), 90)
    gain = np.sqrt(loud / 10 ** (snr_db / 10) / np.mean(np.square(noise)))
    return np.asarray(wave + gain * noise, np.float32)


# what each option is for


def seams(bench: Bench, case: Case, options: ConvertOptions, made: Wave) -> str:
    """How far the sound around many cuts lies from the conversion without cuts, against the level there."""
    whole = bench.convert(case.wave, options, NO_CUTS)
    cut = bench.convert(case.wave, options, MANY_CUTS)
    with tempfile.TemporaryDirectory(dir=bench.folder) as name:
        track = Track(Path(name) / "track", "float64")
        track.append(case.wave)
        fade = round(options.cross_fade / 20)
        places = np.array(find_cuts(track, MANY_CUTS, around=2 * fade)) / RATE
        track.close()
    rate = bench.voice.sample_rate
    spans = [slice(int((at - SEAM_S) * rate), int((at + SEAM_S) * rate)) for at in places]
    away = np.concatenate([(cut - whole)[span] for span in spans])
    there = np.concatenate([whole[span] for span in spans])
    level = db(np.mean(there**2)) - db(np.mean(whole**2))
    steps = [np.abs(np.diff(cut[round(at * rate) - 24 : round(at * rate) + 24], 2)).max() for at in places]
    usual = [np.abs(np.diff(cut[i : i + 48], 2)).max() for i in range(0, len(cut) - 48, 4801)]
    return (
        f"at {len(places)} cuts {db(np.mean(away**2)) - db(np.mean(there**2)):.1f} dB from uncut, "
        f"cut at {level:.1f} dB, worst step {np.max(steps) / np.quantile(usual, 0.99):.2f} of the usual"
    )


def neighbours(bench: Bench, case: Case, options: ConvertOptions, made: Wave) -> str:
    """Share of the true nearest rows found with one cell as RVC's files say, and with as many as are asked for; and
    frames without a number where a row is met exactly, by RVC's weights."""
    index = bench.voice.index
    assert index is not None
    features = bench.voice.encoder.encode(case.wave, bench.voice.encoder.measure(case.wave))
    truth = exhaustive(index, features)
    index.look_for(options.index_recall, features)
    before = index._index.nprobe
    if not options.index_recall:
        index._index.nprobe = 1
    cells = index._index.nprobe
    found = recall_of(index._index.search(features, NEIGHBOURS)[1], truth)
    rows = index._index.reconstruct_n(0, 1) if index._index.make_direct_map() is None else None
    lost = float(np.isnan(published_blend(index, rows)).any()) if not options.index_recall else float(
        np.isnan(index.blend(rows, 0.75)).any())  # fmt: skip
    index._index.nprobe = before
    return f"recall {100 * found:.1f} % in {cells} cells, a row met exactly {'is lost' if lost else 'stays whole'}"


def exhaustive(index: Any, features: Wave) -> Any:
    """The true nearest rows."""
    held = index._index.nprobe
    index._index.nprobe = index._index.nlist
    found = index._index.search(features, NEIGHBOURS)[1]
    index._index.nprobe = held
    return found


def published_blend(index: Any, features: Wave) -> Wave:
    """RVC's mean of neighbours: weights of 1 / score^2, summed without a look at zero."""
    scores, _, vectors = index.nearest(features)
    with np.errstate(divide="ignore", invalid="ignore"):
        weights = np.square(1 / scores)
        weights /= weights.sum(axis=1, keepdims=True)
        return np.asarray(np.sum(vectors * weights[..., None], axis=1), np.float32)


def pitch_of_neighbours(bench: Bench, case: Case, options: ConvertOptions, made: Wave) -> str:
    """How far the f0 of the rows leaned on lies from the f0 that is asked for."""
    index = bench.voice.index
    assert index is not None
    assert index.f0 is not None
    features = bench.voice.encoder.encode(case.wave, bench.voice.encoder.measure(case.wave))
    asked = case.f0[::2][: len(features)] * 2 ** (case.semitones / 12)
    features = features[: len(asked)]
    if options.index_pitch:
        _, rows, _ = index._nearest_in_pitch(features, asked, options.index_pitch)
    else:
        _, rows, _ = index.nearest(features)
    both = (asked[:, None] > 0) & (index.f0[rows] > 0)
    away = np.abs(12 * np.log2(np.where(both, index.f0[rows], 1) / np.where(both, asked[:, None], 1)))[both]
    unlike = (asked[:, None] > 0) != (index.f0[rows] > 0)
    return f"rows leaned on {np.median(away):.1f} st away, {100 * unlike.mean():.1f} % voiced for unvoiced or reverse"


def octaves(bench: Bench, case: Case, options: ConvertOptions, made: Wave) -> str:
    """Octave errors of each f0 method on this source against the default's f0 of it without noise."""
    shares = []
    for method in ("swift", "dio", "pm"):
        found = f0s.extract(case.wave, method)
        if options.repair_f0:
            found = repair(found, case.wave, f0s.HOP, f0s.F_MIN, f0s.F_MAX)
        both = (found > 0) & (case.f0 > 0)
        off = np.abs(12 * np.log2(found[both] / case.f0[both]))
        shares.append(f"{method} {100 * float((off > WRONG_ST).mean()):.2f} %")
    return "wrong octaves: " + ", ".join(shares)


def unvoiced(bench: Bench, case: Case, options: ConvertOptions, made: Wave) -> str:
    """Voiceless frames that sound: how far their level is from the source's, and whether the phone is the same."""
    narrow = audio.resample(made, bench.voice.sample_rate, RATE)
    count = min(len(narrow), len(case.wave)) // FRAME
    levels = [10 * np.log10(np.square(w[: count * FRAME]).reshape(count, FRAME).mean(1) + 1e-10)
              for w in (case.wave, narrow)]  # fmt: skip
    frames = min(count, len(case.f0))
    sounding = (case.f0[:frames] == 0) & (levels[0][:frames] > np.percentile(levels[0], 95) - 35)
    off = np.abs(levels[1] - levels[0])[:frames][sounding]
    assert case.heard is not None
    before, after = case.heard[0], bench.frames(narrow)
    ratio = min(len(before), len(after), frames // 2)
    mask = sounding[: 2 * ratio : 2] & (before[:ratio] != PHONES.index(PAUSE))
    same = 100 * float((before[:ratio] == after[:ratio])[mask].mean()) if mask.any() else float("nan")
    return f"voiceless frames: level off by {off.mean():.1f} dB, same phone {same:.1f} %"


def pauses(bench: Bench, case: Case, options: ConvertOptions, made: Wave) -> str:
    """The level of pauses: how it moves within them, beside the source's, and how far it lies above the source's."""
    size = RATE // 10
    narrow = audio.resample(made, bench.voice.sample_rate, RATE)
    count = min(len(narrow), len(case.wave)) // size
    quiet, levels = None, []
    for wave in (case.clean, case.wave, narrow):
        level = 10 * np.log10(np.square(wave[: count * size]).reshape(count, size).mean(1) + 1e-10)
        if quiet is None:
            low = level < np.percentile(level, 95) - 35
            quiet = low & np.roll(low, 1) & np.roll(low, -1)
        levels.append(level)
    if not quiet.any():
        return "no pauses"
    moves = [np.std(level[quiet]) for level in levels]
    rise = np.mean(levels[2][quiet] - levels[1][quiet])
    return f"{quiet.sum() / 10:.1f} s of pauses move by {moves[2]:.1f} dB (source {moves[1]:.1f}), {rise:+.1f} dB to it"


def peaks(bench: Bench, case: Case, options: ConvertOptions, made: Wave) -> str:
    """Raised until its highest sample is 3 dB over full scale: true peak after, and how much quieter it has become."""
    with tempfile.TemporaryDirectory(dir=bench.folder) as name:
        track = Track(Path(name) / "loud")
        loud = made * 10 ** (3 / 20) / np.abs(made).max()
        track.append(loud)
        rate = bench.voice.sample_rate
        if options.limiter == "true-peak":
            done = np.concatenate([block[:, 0] for block in limited([track], rate)])
        else:
            done = loud * 0.99 / np.abs(loud).max()
        out = Track(Path(name) / "done")
        out.append(done)
        peak = db(true_peak(out, rate) ** 2)
        track.close()
        out.close()
    return f"true peak {peak:+.2f} dBTP, {db(np.mean(done**2)) - db(np.mean(loud**2)):+.2f} dB in level"


def db(power: Any) -> float:
    """Power in dB."""
    return float(10 * np.log10(power + 1e-20))


OWN: dict[str, Callable[[Bench, Case, ConvertOptions, Wave], str]] = {
    "index_recall": neighbours,
    "index_pitch": pitch_of_neighbours,
    "repair_f0": octaves,
    "cross_fade": seams,
    "breaths": unvoiced,
    "pauses": pauses,
    "limiter": peaks,
}


if __name__ == "__main__":
    main()
