"""What each thing that the conversion does differently from RVC's is worth, on real recordings: off, and on.

    pip install --no-deps resemblyzer webrtcvad-wheels pocketsphinx
    python -m benchmarks.better AUDIO --library DIR [--steps N]
    python -m benchmarks.better AUDIO --library DIR --refine 50,100,200

AUDIO is the folder of labelled recordings. A small-preset voice is trained on one speaker in DIR (what is there is
used again) and speaks half a minute of four others, the same with a real noise over it at 15 dB, and half a minute of
singing, each clip for itself and transposed into the voice's range. For every option of `curator convert` that is on
by default, two lines: all defaults but this, and all defaults. Columns, over all clips of a case: the cosine of
speaker embeddings to the target (Resemblyzer), the median distance of f0 from the transposed source's over the frames
voiced in both, the share of those that are wrong by half an octave or more, the share of the source's speech frames
on which the embedded encoder hears the same phone, the share of its phones that pocketsphinx hears in order (which
leaps by some percent when a sample changes), and the measure that the option is for. With `--refine` the voice is
trained with a refiner, and the lines are so many steps of it beside none, with the processor seconds a second of audio.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import voice as peers
from benchmarks.better_material import RATE, TARGET, WRONG_ST, Bench, Clip, Made, Wave, cases
from catalog import registry
from catalog.library import Library
from infer import f0 as f0s
from infer.cuts import FRAME, Chunking, find_cuts
from infer.octaves import repair
from infer.options import AUTO, CLASSIC, ConvertOptions
from infer.output import PEAK, scaled
from infer.phone_encoder import PAUSE, PHONES
from infer.retrieval import NEIGHBOURS, recall_of
from infer.track import Track
from infer.true_peak import limited, true_peak
from infer.voice import load_voice

MANY_CUTS = Chunking(pad=1, query=0.7, center=1.5, longest=2)
NO_CUTS = Chunking(pad=1, query=1, center=1e9, longest=1e9)
SEAM_S = 0.025


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("audio", type=Path)
    parser.add_argument("--library", type=Path, required=True, help="where to work; what is there is used again")
    parser.add_argument("--steps", type=int, default=500)
    parser.add_argument("--only", help="options, separated by commas")
    parser.add_argument("--cases", help="what is converted, by name, separated by commas")
    parser.add_argument("--refine", help="steps of a refiner instead, separated by commas")
    given = parser.parse_args()
    peers.prepare(given.library, given.audio / TARGET, given.steps, *(["--refiner"] if given.refine else []))
    shelf = Library(given.library)
    voice = load_voice(registry.load(shelf, "voice"), shelf.weights, "cpu")
    embed = peers.embedder()
    target = np.mean([embed(path) for path in peers.held_sample(given.audio / TARGET)], axis=0)
    names = given.only.split(",") if given.only else list(CLASSIC)
    with tempfile.TemporaryDirectory() as name:
        bench = Bench(voice, Path(name), embed, target, peers.listener())
        for said, clips in cases(given.audio).items():
            if given.cases and said not in given.cases.split(","):
                continue
            print(f"\n{said:<18}{'similar':>8}{'f0 st':>7}{'oct %':>7}{'frames':>8}{'phones':>8}  its own measure")
            options = ConvertOptions(transpose=AUTO)
            if given.refine:
                refined(bench, clips, options, [0, *map(int, given.refine.split(","))])
                continue
            on = [bench.convert(clip.wave, options) for clip in clips]
            judged = show("all on", bench, clips, on)
            classic = replace(options, **dict(CLASSIC))
            show("all off", bench, clips, [bench.convert(clip.wave, classic) for clip in clips])
            for option in names:
                off = replace(options, **{option: CLASSIC[option]})
                made = [bench.convert(clip.wave, off) for clip in clips]
                show(f"{option} off", bench, clips, made, own=OWN[option](bench, clips, off, made))
                print(f"{f'{option} on':<18}{judged}  {OWN[option](bench, clips, options, on)}", flush=True)


def refined(bench: Bench, clips: list[Clip], options: ConvertOptions, steps: list[int]) -> None:
    """A line for each number of steps of noise that the refiner takes off."""
    for each in steps:
        began = time.process_time()
        made = [bench.convert(clip.wave, replace(options, refine=each)) for clip in clips]
        cost = (time.process_time() - began) / sum(len(clip.wave) / RATE for clip in clips)
        show(f"refine {each}", bench, clips, made, own=f"{cost:.3f} s of processor a second")


def show(name: str, bench: Bench, clips: list[Clip], made: list[Made], own: str = "") -> str:
    """One line; gives its columns."""
    sums: dict[str, float] = defaultdict(float)
    for clip, each in zip(clips, made, strict=True):
        for key, value in bench.judge(clip, each).items():
            sums[key] += value
    line = (
        f"{sums['similarity'] / sums['seconds']:8.3f}{sums['off'] / sums['both']:7.2f}"
        f"{100 * sums['wrong'] / sums['both']:7.2f}{100 * sums['same'] / sums['speech']:8.1f}"
        f"{100 * sums['in order'] / sums['wanted']:8.1f}"
    )
    print(f"{name:<18}{line}  {own}", flush=True)
    return line


# what each option is for


def seams(bench: Bench, clips: list[Clip], options: ConvertOptions, made: list[Made]) -> str:
    """How far the sound around many cuts lies from the conversion without cuts, against the level there; and how loud
    it is there."""
    away, there, usual, count = [], [], [], 0
    rate = bench.voice.sample_rate
    for clip in clips:
        whole = bench.convert(clip.wave, options, NO_CUTS).wave
        cut = bench.convert(clip.wave, options, MANY_CUTS).wave
        with tempfile.TemporaryDirectory(dir=bench.folder) as name:
            track = Track(Path(name) / "track", "float64")
            track.append(clip.wave)
            places = np.array(find_cuts(track, MANY_CUTS, around=2 * round(options.cross_fade / 20))) / RATE
            track.close()
        for at in places:
            span = slice(int((at - SEAM_S) * rate), int((at + SEAM_S) * rate))
            away.append((cut - whole)[span])
            there.append(whole[span])
        usual.append(whole)
        count += len(places)
    level = power(there)
    return (
        f"at {count} cuts {db(power(away)) - db(level):.1f} dB from uncut, "
        f"where it is {db(level) - db(power(usual)):.1f} dB against the clip"
    )


def neighbours(bench: Bench, clips: list[Clip], options: ConvertOptions, made: list[Made]) -> str:
    """Share of the true nearest rows found with the one cell that RVC's files say, and with as many as it takes; and
    whether a frame that is itself a row stays a number, by RVC's weights and by ours."""
    index = bench.voice.index
    assert index is not None
    features = features_of(bench, clips)
    inside: Any = index._index
    kept, inside.nprobe = inside.nprobe, inside.nlist
    truth = inside.search(features, NEIGHBOURS)[1]
    inside.nprobe = kept
    index.look_for(options.index_recall, features)
    kept = inside.nprobe
    if not options.index_recall:
        inside.nprobe = 1
    inside.make_direct_map()
    row = inside.reconstruct_n(0, 1)
    blended = index.blend(row, 1.0) if options.index_recall else published_blend(index, row)
    said = f"recall {100 * recall_of(inside.search(features, NEIGHBOURS)[1], truth):.1f} % in {inside.nprobe} cells, "
    inside.nprobe = kept
    return said + ("a row met exactly stays itself" if np.isfinite(blended).all() else "a row met exactly becomes NaN")


def features_of(bench: Bench, clips: list[Clip]) -> Wave:
    """Content of all clips."""
    encoder = bench.voice.encoder
    return np.concatenate([encoder.encode(clip.wave, encoder.measure(clip.wave)) for clip in clips])


def published_blend(index: Any, features: Wave) -> Wave:
    """RVC's mean of neighbours: weights of 1 / score^2, summed without a look at zero."""
    scores, _, vectors = index.nearest(features)
    with np.errstate(divide="ignore", invalid="ignore"):
        weights = np.square(1 / scores)
        weights /= weights.sum(axis=1, keepdims=True)
        return np.asarray(np.sum(vectors * weights[..., None], axis=1), np.float32)


def pitch_of_neighbours(bench: Bench, clips: list[Clip], options: ConvertOptions, made: list[Made]) -> str:
    """How far the f0 of the rows leaned on lies from the f0 that is asked for."""
    index = bench.voice.index
    assert index is not None
    assert index.f0 is not None
    away, unlike = [], []
    for clip, each in zip(clips, made, strict=True):
        features = features_of(bench, [clip])
        asked = clip.f0[::2][: len(features)] * 2 ** (each.semitones / 12)
        features = features[: len(asked)]
        if options.index_pitch:
            _, rows, _ = index._nearest_in_pitch(features, asked, options.index_pitch)
        else:
            _, rows, _ = index.nearest(features)
        spoken, wanted = index.f0[rows], np.broadcast_to(asked[:, None], rows.shape)
        both = (spoken > 0) & (wanted > 0)
        away.append(np.abs(12 * np.log2(spoken[both] / wanted[both])))
        unlike.append(((spoken > 0) != (wanted > 0)).ravel())
    return (
        f"rows leaned on {np.median(np.concatenate(away)):.1f} st away, "
        f"{100 * np.concatenate(unlike).mean():.1f} % voiced for unvoiced or reverse"
    )


def octaves(bench: Bench, clips: list[Clip], options: ConvertOptions, made: list[Made]) -> str:
    """Octave errors of f0 methods against Praat's f0 of the source without noise."""
    shares = []
    for method in ("swift", "dio", "crepe-tiny"):
        wrong = total = 0
        for clip in clips:
            found = f0s.extract(clip.wave, method)
            if options.repair_f0:
                found = repair(found, clip.wave, f0s.HOP, f0s.F_MIN, f0s.F_MAX)
            both = (found > 0) & (clip.f0 > 0)
            wrong += int((np.abs(12 * np.log2(found[both] / clip.f0[both])) > WRONG_ST).sum())
            total += int(both.sum())
        shares.append(f"{method} {100 * wrong / max(1, total):.2f} %")
    return "wrong octaves: " + ", ".join(shares)


def unvoiced(bench: Bench, clips: list[Clip], options: ConvertOptions, made: list[Made]) -> str:
    """Voiceless frames that sound: how far their level is from the source's, and whether the phone is the same."""
    off, same = [], []
    for clip, each in zip(clips, made, strict=True):
        assert clip.heard is not None
        count = min(len(each.narrow) // FRAME, len(clip.f0))
        levels = [10 * np.log10(np.square(wave[: count * FRAME]).reshape(count, FRAME).mean(1) + 1e-10)
                  for wave in (clip.wave, each.narrow)]  # fmt: skip
        sounding = (clip.f0[:count] == 0) & (levels[0] > np.percentile(levels[0], 95) - 35)
        off.append(np.abs(levels[1] - levels[0])[sounding])
        before, after = clip.heard[0], bench.frames(each.narrow)
        frames = min(len(before), len(after), count // 2)
        mask = sounding[: 2 * frames : 2] & (before[:frames] != PHONES.index(PAUSE))
        same.append((before[:frames] == after[:frames])[mask])
    return (
        f"voiceless frames: level off by {np.concatenate(off).mean():.1f} dB, "
        f"same phone {100 * np.concatenate(same).mean():.1f} %"
    )


def pauses(bench: Bench, clips: list[Clip], options: ConvertOptions, made: list[Made]) -> str:
    """The level of pauses: how it moves within them, beside the source's, and how far it lies above the source's."""
    size, found = RATE // 20, []
    for clip, each in zip(clips, made, strict=True):
        count = min(len(each.narrow), len(clip.wave)) // size
        levels = np.stack([
            10 * np.log10(np.square(wave[: count * size]).reshape(count, size).mean(1) + 1e-10)
            for wave in (clip.clean, clip.wave, each.narrow)
        ])  # fmt: skip
        low = levels[0] < np.percentile(levels[0], 95) - 30
        low &= np.roll(low, 1) & np.roll(low, -1)
        if low.sum() > 4:
            found.append([low.sum(), *levels[1:, low].std(axis=1), (levels[2] - levels[1])[low].mean()])
    if not found:
        return "no pauses"
    table = np.array(found)
    source, moves, rise = np.average(table[:, 1:], axis=0, weights=table[:, 0])
    return (
        f"{table[:, 0].sum() / 20:.1f} s of pauses move by {moves:.1f} dB (source {source:.1f}), {rise:+.1f} dB to it"
    )


def peaks(bench: Bench, clips: list[Clip], options: ConvertOptions, made: list[Made]) -> str:
    """Raised until the highest sample is 3 dB over full scale: true peak after, and how much quieter it has become."""
    highest, lost, rate = [], [], bench.voice.sample_rate
    for each in made:
        with tempfile.TemporaryDirectory(dir=bench.folder) as name:
            track, out = Track(Path(name) / "loud"), Track(Path(name) / "done")
            loud = each.wave * 10 ** (3 / 20) / np.abs(each.wave).max()
            track.append(loud)
            for block in limited([track], rate) if options.limiter == "true-peak" else scaled([track], PEAK):
                out.append(block[:, 0])
            highest.append(db(true_peak(out, rate) ** 2))
            lost.append(db(power([out.read(0, len(out))])) - db(power([loud])))
            track.close()
            out.close()
    return f"3 dB over: true peak {np.max(highest):+.2f} dBTP, {np.mean(lost):+.2f} dB in level"


def power(waves: list[Any]) -> float:
    """Mean square of waves."""
    return float(np.mean(np.square(np.concatenate(waves), dtype=np.float64)))


def db(mean_square: Any) -> float:
    """Power in dB."""
    return float(10 * np.log10(mean_square + 1e-20))


OWN: dict[str, Callable[[Bench, list[Clip], ConvertOptions, list[Made]], str]] = {
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
