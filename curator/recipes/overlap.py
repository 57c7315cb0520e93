"""Train the network that hears a second voice: `python -m curator.recipes.overlap FOLDER OUT.npz`.

FOLDER holds one folder for each voice, with recordings of that voice alone, which the licence must allow; synthetic
voices (espeak-ng, the extra `demo`) are added. Mixtures are made of them with rooms, noise and filters; a frame counts
as overlap where both voices sound, the weaker no more than 15 dB below the stronger.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from catalog import audio
from curator.scores.overlap_network import BINS, DILATIONS, HOP, RATE, STRIDES, spectrum

Floats = npt.NDArray[np.float32]
SECONDS = 4
FRAMES = SECONDS * RATE // HOP
SYNTHETIC = (
    "f1",
    "f2",
    "f3",
    "f4",
    "f5",
    "m1",
    "m2",
    "m3",
    "m4",
    "m5",
    "m6",
    "m7",
    "m8",
    "croak",
    "whisperf",
    "klatt2",
)
CHANNELS = (12, 16, 24, 24)
HIDDEN = 40
NEAR_DB = 15.0


def main() -> None:
    """Read, mix, train, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--mixtures", type=int, default=3000)
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    random = np.random.default_rng(options.seed)
    voices = {folder.name: list(recordings(folder)) for folder in sorted(options.folder.iterdir()) if folder.is_dir()}
    voices |= dict(synthetic_voices(12))
    print({name: f"{sum(map(len, waves)) / RATE:.0f} s" for name, waves in voices.items()}, flush=True)
    made = [mixture(random, list(voices.values())) for _ in range(options.mixtures)]
    features = np.stack([spectrum(wave) for wave, _ in made]).astype(np.float16)
    labels = np.stack([label for _, label in made]).astype(np.float32)
    print(f"{len(made)} mixtures, overlap in {labels.mean():.1%} of the frames", flush=True)
    np.savez(options.out, **train(features, labels, options.epochs, options.seed))


def recordings(folder: Path) -> Iterator[Floats]:
    """All recordings of one voice at 16 kHz, peak 0.5."""
    for path in audio.find_audio([folder]):
        wave, rate = audio.read(path)
        wave = audio.resample(wave, rate, RATE)
        if len(wave) > RATE // 2:
            yield np.asarray(wave * (0.5 / max(np.abs(wave).max(), 1e-6)), np.float32)


def synthetic_voices(sentences: int) -> Iterator[tuple[str, list[Floats]]]:
    """Voices of espeak-ng, each saying a few sentences of its own in its own manner."""
    from trainer.recipes.phone_encoder.sentences import english
    from trainer.recipes.phone_encoder.speak import Espeak, Manner

    speaker = Espeak()
    for number, variant in enumerate(SYNTHETIC):
        waves = []
        for text in english(sentences, seed=100 + number):
            manner = Manner(rate=140 + 7 * (number % 9), pitch=30 + 5 * (number % 8), liveliness=50 + 4 * (number % 7))
            wave, rate = speaker.wave(text, f"en-us+{variant}", manner)
            waves.append(np.asarray(audio.resample(wave, rate, RATE) * (0.5 / np.abs(wave).max()), np.float32))
        yield f"espeak {variant}", waves


def mixture(random: np.random.Generator, voices: list[list[Floats]]) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """Four seconds of one voice, often with a second one over a part of it, and the frames where both sound."""
    first, second = random.choice(len(voices), 2, replace=False)
    a = stretch_of(random, voices[first])
    b = np.zeros_like(a)
    if random.random() < 0.65:
        b = stretch_of(random, voices[second]) * np.float32(10 ** (random.uniform(-12, 5) / 20))
        start, end = np.sort(random.integers(0, len(b), 2)) if random.random() < 0.7 else (0, len(b))
        b[:start] = b[end:] = 0
    room = response(random) if random.random() < 0.6 else None
    a, b = (filtered(random, wave, room) for wave in (a, b))
    label = sounding(a, b) & sounding(b, a)
    wave = a + b
    if random.random() < 0.8:
        wave = wave + noise(random, len(wave)) * np.sqrt(np.mean(wave**2)) * 10 ** (-random.uniform(5, 50) / 20)
    return np.asarray(wave, np.float32), label


def stretch_of(random: np.random.Generator, waves: list[Floats]) -> Floats:
    """Four seconds of a voice, utterances one after another, at a speed of its own (which also moves its pitch)."""
    speed = 2 ** random.uniform(-0.35, 0.35)
    wanted = SECONDS * RATE
    parts: list[Floats] = []
    while sum(map(len, parts)) < wanted:
        wave = waves[random.integers(len(waves))]
        wave = wave[random.integers(0, max(1, len(wave) - RATE)) :]
        parts.append(audio.resample(wave[: 2 * wanted], round(RATE * speed), RATE))
        parts.append(np.zeros(random.integers(1, RATE // 2), np.float32))
    return np.concatenate(parts)[:wanted]


def response(random: np.random.Generator) -> Floats:
    """A room: noise that dies away in 0.15 to 0.8 s after the direct sound."""
    length = random.uniform(0.15, 0.8)
    time = np.arange(int(length * RATE)) / RATE
    tail = random.normal(0, 1, len(time)) * 10 ** (-3 * time / length)
    tail *= 10 ** (-random.uniform(0, 12) / 20) / np.sqrt(np.sum(tail**2))
    tail[0] += 1
    return np.asarray(tail, np.float32)


def filtered(random: np.random.Generator, wave: Floats, room: Floats | None) -> Floats:
    """A voice in a room, through a microphone that tilts its spectrum."""
    from scipy.fft import next_fast_len

    spectrum_size = next_fast_len(len(wave) + (len(room) if room is not None else 0), real=True)
    line = np.fft.rfft(wave, spectrum_size)
    hz = np.fft.rfftfreq(spectrum_size, 1 / RATE)
    line *= (1 + hz / 300) ** (random.uniform(-6, 6) / 6) / (1 + (hz / random.uniform(3500, 20_000)) ** 4)
    if room is not None:
        line *= np.fft.rfft(room, spectrum_size)
    out = np.fft.irfft(line, spectrum_size)[: len(wave)]
    return np.asarray(out * (np.sqrt(np.mean(wave**2)) / max(np.sqrt(np.mean(out**2)), 1e-9)), np.float32)


def sounding(wave: Floats, other: Floats) -> npt.NDArray[np.bool_]:
    """Frames in which a voice sounds: near its own loudness, and not drowned by the other voice."""
    power, against = (np.mean(x.reshape(-1, HOP) ** 2, axis=1) + 1e-12 for x in (wave, other))
    own = power > np.percentile(power, 95) * 10**-3.0
    return np.asarray(own & (power > 1e-7) & (power > against * 10 ** (-NEAR_DB / 10)))


def noise(random: np.random.Generator, samples: int) -> Floats:
    """Noise of unit power, from white to brown."""
    line = np.fft.rfft(random.normal(0, 1, samples))
    line[1:] /= np.fft.rfftfreq(samples, 1 / RATE)[1:] ** random.uniform(0, 1)
    line[0] = 0
    wave = np.fft.irfft(line, samples)
    return np.asarray(wave / wave.std(), np.float32)


def train(features: npt.NDArray[np.float16], labels: Floats, epochs: int, seed: int) -> dict[str, Any]:
    """Fit the network on all but a tenth of the mixtures; returns its arrays and prints what the tenth says."""
    import torch
    from torch import nn

    torch.manual_seed(seed)
    model = network()
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=1e-2)
    held = len(features) // 10
    x, y = torch.from_numpy(features), torch.from_numpy(labels)
    batches = (len(x) - held) // 16
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, total_steps=epochs * batches)
    for epoch in range(epochs):
        order = held + torch.randperm(len(x) - held)
        total = 0.0
        model.train()
        for batch in range(batches):
            chosen = order[batch * 16 : batch * 16 + 16]
            loss = nn.functional.binary_cross_entropy_with_logits(model(x[chosen].float()), y[chosen])
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            schedule.step()
            total += float(loss)
        model.eval()
        with torch.inference_mode():
            score = torch.cat([model(x[at : at + 16].float()) for at in range(0, held, 16)])[:held]
        area = auc(score.numpy().ravel(), labels[:held].ravel() > 0.5)
        print(f"epoch {epoch + 1}: loss {total / batches:.4f}, held-out AUC {area:.4f}", flush=True)
    return {name: value.numpy().astype(np.float16) for name, value in model.state_dict().items()}


def network() -> Any:
    """The torch form of `curator.scores.overlap_network`: (batch, frames, bins) to logits (batch, frames)."""
    import torch
    from torch import nn

    class Network(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            sizes = (1, *CHANNELS)
            wide = (5, 3, 3, 3)
            self.plane = nn.ModuleList(
                nn.Conv2d(sizes[i], sizes[i + 1], (3, wide[i]), (1, STRIDES[i]), (1, wide[i] // 2)) for i in range(4)
            )
            flat = CHANNELS[-1] * (BINS // 2**4)
            self.line = nn.ModuleList(
                nn.Conv1d((flat, HIDDEN)[i > 0], HIDDEN, 5, padding=2 * dilation, dilation=dilation)
                for i, dilation in enumerate(DILATIONS)
            )
            self.out = nn.Conv1d(HIDDEN, 1, 1)
            self.drop = nn.Dropout(0.2)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            x = x[:, None]
            for layer in self.plane:
                x = torch.relu(layer(x))
            x = self.drop(x.transpose(2, 3).flatten(1, 2))
            for line in self.line:
                x = torch.relu(line(x))
            logits: torch.Tensor = self.out(x)[:, 0]
            return logits

    return Network()


def auc(score: npt.NDArray[Any], truth: npt.NDArray[np.bool_]) -> float:
    """Area under the ROC curve: the chance that a true frame scores above a false one."""
    from scipy.stats import rankdata

    ranks = rankdata(score)
    positives = int(truth.sum())
    area = (ranks[truth].sum() - positives * (positives + 1) / 2) / (positives * (len(truth) - positives))
    return float(area)


if __name__ == "__main__":
    main()
