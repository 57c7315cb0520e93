"""Whole songs: `python -m benchmarks.song AUDIO [--seconds 20] [--library DIR --model NAME]`.

Takes the real mixes in AUDIO/music_mix apart with a separator of Demucs' architecture that is made here (small, fitted
for a minute on AUDIO's singers over AUDIO's music; `--published` takes the published sizes with random weights), gives
the vocals a voice, mixes them back through `curator convert --song`, and prints for each mix:

lag: samples by which the remix stands after the song, from a cross-correlation read sixteen times as finely; the worst
  of five-second stretches.
path: the same of the voice alone, where the voice that is put back is the vocals themselves after the way there and
  back through 16 kHz: what the conversion's own rates would shift.
voice ms: by how much the loudness of the converted voice follows that of the vocals, in milliseconds.
sum dB: what vocals and instrumental, as their files hold them, lack of the song, against the song.
gain dB: what brought the voice to the level of the vocals.

Last it asks a library without weights for a song, and prints the line it is answered with. Without a model a voice of
the small preset's kind with random weights speaks: its words mean nothing, its timing is a real one's.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

for library in ("OMP", "OPENBLAS", "MKL"):
    os.environ.setdefault(f"{library}_NUM_THREADS", "1")

import numpy as np  # noqa: E402

from catalog import audio, registry  # noqa: E402
from catalog.library import Library  # noqa: E402
from infer import song  # noqa: E402
from infer.excerpt import cut, liveliest  # noqa: E402
from infer.separator_file import load_separator  # noqa: E402
from infer.track import Track  # noqa: E402

RATE = 44_100
SOURCES = ["drums", "bass", "other", "vocals"]
SMALL: dict[str, Any] = {"channels": 16, "t_layers": 1, "t_heads": 4, "segment": Fraction(2, 1), "samplerate": RATE}
PUBLISHED: dict[str, Any] = {
    "bottom_channels": 512, "t_layers": 5, "t_heads": 8, "segment": Fraction(39, 5), "samplerate": RATE,
}  # fmt: skip
FINER = 16
STRETCH_S = 5.0
SEARCHED = 400
"""Samples either way in which a lag is looked for."""
ENVELOPE_MS = 1.0


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("audio", type=Path)
    parser.add_argument("--seconds", type=float, default=20.0, help="of each mix, its liveliest")
    parser.add_argument("--steps", type=int, default=60, help="of fitting the separator")
    parser.add_argument("--published", action="store_true", help="the published sizes, random weights")
    parser.add_argument("--library", type=Path)
    parser.add_argument("--model")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        separator = make_separator(given.audio, folder / "made.th", 0 if given.published else given.steps,
                                   PUBLISHED if given.published else SMALL)  # fmt: skip
        place = given.library or folder / "library"
        model = given.model or make_voice(Library(place))
        print(f"{'mix':40} {'Hz':>6} {'lag':>7} {'path':>7} {'voice ms':>9} {'sum dB':>8} {'gain dB':>8}")
        for path in mixes(given.audio):
            work = folder / path.stem
            work.mkdir()
            excerpt = work / "song.wav"
            cut(path, liveliest(path, given.seconds), given.seconds, excerpt)
            show(path.stem, excerpt, convert(place, model, excerpt, work, separator), separator)
        print(without_weights(folder / "empty", folder))


def mixes(folder: Path) -> list[Path]:
    """The recordings of music that hold voices and instruments."""
    return [path for path in audio.find_audio([folder / "music_mix"]) if "vocals" not in path.stem]


def make_separator(folder: Path, out: Path, steps: int, settings: dict[str, Any]) -> Path:
    """A Demucs fitted for `steps` on singers over music, as Demucs saves its own."""
    import torch
    from demucs.htdemucs import HTDemucs

    torch.manual_seed(0)
    network = HTDemucs(SOURCES, **settings).train()
    if steps:
        fit(network, folder, steps)
    state = {name: value.half() for name, value in network.state_dict().items()}
    torch.save({"klass": HTDemucs, "args": (), "kwargs": {"sources": SOURCES, **settings}, "state": state}, out)
    return out


def fit(network: Any, folder: Path, steps: int) -> None:
    """Bring the vocals nearer to singers who are mixed over music."""
    import torch

    optimizer = torch.optim.Adam(network.parameters(), 1e-3)
    size = int(network.segment * RATE)
    for voice, music in pairs(folder, size, steps):
        mix = torch.from_numpy(voice + music)[None]
        scale = mix.std() + 1e-6
        found = network(mix / scale)[0, SOURCES.index("vocals")] * scale
        loss = (found - torch.from_numpy(voice)).abs().mean() / scale
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    print(f"separator fitted for {steps} steps, last error {loss.item():.2f} of the mix' deviation", flush=True)
    network.eval()


def pairs(folder: Path, size: int, count: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """So many pairs (2, size) of a singer and music without one."""
    draws = np.random.default_rng(0)
    voices = [read(path) for path in audio.find_audio([folder / "singing"])]
    instrumental = ("147793", "Hungarian", "Kevin")
    music = [read(path) for path in audio.find_audio([folder / "music_mix"]) if path.name.startswith(instrumental)]
    for _ in range(count):
        pair = []
        for waves in (voices, music):
            wave = waves[draws.integers(len(waves))]
            start = int(draws.integers(max(1, wave.shape[1] - size)))
            part = wave[:, start : start + size]
            pair.append(np.pad(part, ((0, 0), (0, size - part.shape[1]))))
        yield pair[0], pair[1]


def read(path: Path) -> np.ndarray:
    """A file (2, n) at the separator's rate, at most a minute of it."""
    rate = audio.probe(path).sample_rate
    wave, rate = audio.read(path, 0, 60 * rate, mono=True)
    return np.repeat(audio.resample(wave, rate, RATE)[None], 2, axis=0)


def make_voice(library: Library) -> str:
    """Publish a voice of the small preset's kind with random weights; gives its name."""
    import torch

    from infer.content import load_encoder
    from infer.source_filter import SourceFilter, SourceFilterConfig
    from infer.weights import write_safetensors

    torch.manual_seed(0)
    network = SourceFilter(SourceFilterConfig(24_000))
    encoder = load_encoder("phone", library.weights)

    def build(folder: Path) -> dict[str, Any]:
        write_safetensors(folder / "model.safetensors", network, half=False)
        facts = {"name": encoder.name, "version": encoder.version, "dim": encoder.dim}
        return {"version": "small", "f0": True, "sample_rate": 24_000, "config": network.config.to_dict(),
                "encoder": facts, "f0_stats": {"p5": 150.0, "p50": 220.0, "p95": 330.0}}  # fmt: skip

    library.create()
    registry.publish(library, "random", build=build)
    return "random"


def curator(place: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run one command on a library."""
    command = [sys.executable, "-m", "curator", "--library", str(place), *arguments]
    return subprocess.run(command, capture_output=True, text=True)


def convert(place: Path, model: str, excerpt: Path, work: Path, separator: Path) -> dict[str, Any]:
    """The song in the voice, as the command gives it."""
    ran = curator(place, "convert", model, str(excerpt), "--out", str(work / "out.wav"), "--song", "--separator",
                  str(separator), "--overwrite", "--json")  # fmt: skip
    result = json.loads(ran.stdout)
    if not result.get("outputs"):
        sys.exit(f"{excerpt}: {ran.stderr or ran.stdout}")
    made: dict[str, Any] = result["outputs"][0]
    return made


def show(name: str, excerpt: Path, made: dict[str, Any], separator: Path) -> None:
    """One line of the table."""
    original, rate = audio.read(excerpt, mono=False)
    remix = audio.read(Path(made["output"]), mono=False)[0]
    stems = {stem: audio.read(Path(path), mono=False)[0] for stem, path in made["stems"].items()}
    lag = worst_lag(original.mean(axis=1), remix.mean(axis=1), rate)
    path = path_lag(excerpt, separator, rate)
    late = 1000 * envelope_lag(stems["vocals"].mean(axis=1), stems["converted"].mean(axis=1), rate)
    residual = stems["vocals"] + stems["instrumental"] - original
    lacking = 10 * np.log10(np.mean(residual**2) / np.mean(original**2) + 1e-30)
    print(f"{name[:40]:40} {rate:6d} {lag:7.3f} {path:7.3f} {late:9.1f} {lacking:8.1f} {made['voice_gain_db']:8.1f}",
          flush=True)  # fmt: skip


def path_lag(excerpt: Path, separator: Path, rate: int) -> float:
    """The lag of the vocals in a remix whose voice is the vocals, brought to the conversion's rate and back."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        taker = load_separator(str(separator), folder)
        parts = song.take_apart(excerpt, taker, folder, [], lambda *_: None)
        heard = song.lead(parts, folder)
        voice = Track(folder / "voice")
        voice.append(audio.resample(np.asarray(heard.read(0, len(heard)), np.float32), 16_000, rate))
        mixed, _ = song.remix(parts, voice, folder, keep_backing=False)
        whole = [np.stack([track.read(0, len(track)) for track in tracks]).mean(axis=0)
                 for tracks in (mixed, parts.instrumental, parts.vocals)]  # fmt: skip
        for track in (heard, voice, *mixed):
            track.close()
        parts.close()
    return worst_lag(whole[2], whole[0] - whole[1], rate)


def worst_lag(first: np.ndarray, second: np.ndarray, rate: int) -> float:
    """The lag in samples of `second` after `first`, the farthest from 0 of stretches that hold sound."""
    size = round(STRETCH_S * rate)
    found = [0.0]
    for start in range(0, max(1, len(first) - size + 1), size):
        a, b = first[start : start + size], second[start : start + size]
        if np.mean(a**2) > 1e-3 * np.mean(first**2):
            found.append(lag_of(a, b))
    return max(found, key=abs)


def lag_of(a: np.ndarray, b: np.ndarray) -> float:
    """Samples by which `b` stands after `a`: the peak of their cross-correlation, read `FINER` times as finely."""
    size = 1 << int(np.ceil(np.log2(2 * len(a))))
    spectrum = np.fft.rfft(b, size) * np.conj(np.fft.rfft(a, size))
    # zeros behind the highest frequency: the same correlation, read between its samples
    fine = np.fft.irfft(spectrum, FINER * size)
    near = np.arange(-SEARCHED * FINER, SEARCHED * FINER + 1)
    return float(near[np.argmax(fine[near])] / FINER)


def envelope_lag(vocals: np.ndarray, voice: np.ndarray, rate: int) -> float:
    """Seconds by which the loudness of the voice follows that of the vocals."""
    cell = max(1, round(ENVELOPE_MS / 1000 * rate))
    levels = []
    for wave in (vocals, voice):
        cells = np.sqrt(np.square(wave[: len(wave) // cell * cell]).reshape(-1, cell).mean(axis=1))
        smooth = np.convolve(cells, np.hanning(21) / np.hanning(21).sum(), "same")
        levels.append(np.log(smooth + 1e-4) - np.log(smooth + 1e-4).mean())
    size = min(map(len, levels))
    return lag_of(levels[0][:size], levels[1][:size]) * cell / rate


def without_weights(place: Path, folder: Path) -> str:
    """What a library without weights answers to a song."""
    make_voice(Library(place))
    audio.write_wav(folder / "any.wav", np.zeros(RATE, np.float32), RATE)
    asked = curator(place, "convert", "random", str(folder / "any.wav"), "--out", str(folder / "no.wav"), "--song")
    lines = asked.stderr.strip().splitlines()
    return f"without weights, exit {asked.returncode}, {len(lines)} line: {' '.join(lines)}"


if __name__ == "__main__":
    main()
