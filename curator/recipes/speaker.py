"""Train the network that tells voices apart: `python -m curator.recipes.speaker VOICES OUT.npz [--noise FOLDER]`.

VOICES is a folder in which every file is a speaker of its own, in mono; the licence must allow what you do with the
weights. The shipped ones were made from the 251 LibriSpeech speakers (train-clean-100, CC BY 4.0, one file each) of the
folder `audio_data` of the Resemblyzer repository, and from the ESC-10 sounds (CC BY 3.0) as noise. About ten minutes
of one core.

The teacher is the GE2E encoder of Resemblyzer (Wan et al. 2018; Apache-2.0, 1.4 million parameters, seven times the
work): `pip install --no-deps resemblyzer`, of which only the weights are read. Every recording is played at seven
speeds, each of which is a voice of its own; the pupil, hearing 1.5 to 3.6 s through noise, rooms and filters, is to put
it where the teacher puts the whole recording. Distances between the recordings of a batch and the speaker's name count
too.
"""

from __future__ import annotations

import argparse
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from catalog import audio
from catalog.errors import BadRequest
from infer import speaker_network as network

Floats = npt.NDArray[np.float32]
SPEEDS = (0.8, 0.87, 0.94, 1.0, 1.06, 1.14, 1.25)
CHANNELS = 160
BATCH = 64
LENGTHS = (96, 128, 160, 224)
RATE_OF_LEARNING = 2e-3
TEACHER_FRAMES, TEACHER_STEP = 160, 80
TEACHER_DBFS = -30.0


def main() -> None:
    """Read, ask the teacher, train, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("voices", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--noise", type=Path, help="a folder of sounds that are no voice")
    parser.add_argument("--steps", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    voices, taught = lessons(options.voices)
    noises = [power / power.mean() for power in powers(options.noise)] if options.noise else []
    print(f"{len(voices)} voices, {len(noises)} noises", flush=True)
    weights = train(voices, targets(taught), noises, options.steps, options.seed)
    np.savez(options.out, **weights)


def lessons(folder: Path) -> tuple[list[Floats], Floats]:
    """Of each recording at each speed the mel powers (frames, 48), and the teacher's vector, (voices, 256)."""
    ask = teacher()
    heard, taught = [], []
    for path in sorted(audio.find_audio([folder])):
        wave = _at_16k(path)
        for speed in SPEEDS:
            played = audio.resample(wave, round(network.RATE * speed), network.RATE)
            heard.append(network.mel_power(played))
            taught.append(ask(played))
    if not heard:
        raise BadRequest(f"{folder} holds no recordings.")
    return heard, np.stack(taught)


def powers(folder: Path) -> list[Floats]:
    """Mel powers of the sounds of a folder that are long enough."""
    found = [network.mel_power(_at_16k(path)) for path in sorted(audio.find_audio([folder]))]
    return [power for power in found if len(power) >= LENGTHS[0]]


def _at_16k(path: Path) -> Floats:
    wave, rate = audio.read(path)
    return audio.resample(wave, rate, network.RATE)


def teacher() -> Any:
    """The larger encoder: from 16 kHz mono audio (n,) to the mean of its vectors over windows of 1.6 s, (256,)."""
    import librosa
    import scipy.fft
    import torch

    found = find_spec("resemblyzer")
    if found is None or not found.submodule_search_locations:
        raise BadRequest("The teacher is missing: pip install --no-deps resemblyzer")
    file = Path(found.submodule_search_locations[0]) / "pretrained.pt"
    state = torch.load(file, map_location="cpu", weights_only=True)["model_state"]
    lstm, linear = torch.nn.LSTM(40, 256, 3, batch_first=True), torch.nn.Linear(256, 256)
    lstm.load_state_dict({name[5:]: value for name, value in state.items() if name.startswith("lstm.")})
    linear.load_state_dict({name[7:]: value for name, value in state.items() if name.startswith("linear.")})
    bank = librosa.filters.mel(sr=network.RATE, n_fft=400, n_mels=40).astype(np.float32)
    window = np.hanning(401)[:400].astype(np.float32)

    def ask(wave: Floats) -> Floats:
        level = 10 * np.log10(float(np.mean(wave**2)) + 1e-12)
        padded = np.pad(wave * max(1.0, 10 ** ((TEACHER_DBFS - level) / 20)), 200)
        cut = np.lib.stride_tricks.sliding_window_view(padded, 400)[::160]
        mel = (np.abs(scipy.fft.rfft(cut * window, axis=1)) ** 2 @ bank.T).astype(np.float32)
        mel = np.pad(mel, ((0, max(0, TEACHER_FRAMES - len(mel))), (0, 0)))
        starts = range(0, len(mel) - TEACHER_FRAMES + 1, TEACHER_STEP)
        with torch.inference_mode():
            _, (hidden, _) = lstm(torch.from_numpy(np.stack([mel[at : at + TEACHER_FRAMES] for at in starts])))
            vectors = torch.nn.functional.normalize(torch.relu(linear(hidden[-1])), dim=1)
        return np.asarray(vectors.mean(dim=0).numpy(), np.float32)

    return ask


def targets(taught: Floats) -> Floats:
    """The teacher's vectors about their mean in their 64 widest directions, of length one, (voices, 64)."""
    vectors = taught / np.linalg.norm(taught, axis=1, keepdims=True)
    vectors = vectors - vectors.mean(axis=0)
    _, _, directions = np.linalg.svd(vectors, full_matrices=False)
    turned = vectors @ directions[: network.SIZE].T
    return np.asarray(turned / np.linalg.norm(turned, axis=1, keepdims=True), np.float32)


def train(voices: list[Floats], wanted: Floats, noises: list[Floats], steps: int, seed: int) -> dict[str, Any]:
    """The weights, as `speaker_network` reads them."""
    import torch
    from torch.nn import functional

    torch.manual_seed(seed)
    random = np.random.default_rng(seed)
    pupil = _pupil()
    goal = torch.from_numpy(wanted)
    names = torch.nn.Parameter(goal.clone())
    rates = [{"params": pupil.parameters(), "weight_decay": 1e-3}, {"params": [names], "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(rates, lr=RATE_OF_LEARNING)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE_OF_LEARNING, total_steps=steps, pct_start=0.1)
    for step in range(steps):
        chosen = random.integers(len(voices), size=BATCH)
        heard = torch.from_numpy(batch(random, [voices[i] for i in chosen], noises))
        found, target = functional.normalize(pupil(heard), dim=1), goal[chosen]
        apart = ((found @ found.T - target @ target.T) ** 2).mean()
        margin = 0.15 * functional.one_hot(torch.from_numpy(chosen), len(voices))
        named = functional.cross_entropy(
            20 * (found @ functional.normalize(names, dim=1).T - margin), torch.from_numpy(chosen)
        )
        loss = (1 - (found * target).sum(1)).mean() + 2 * apart + 0.1 * named
        optimizer.zero_grad()
        torch.autograd.backward([loss])
        optimizer.step()
        schedule.step()
        if step % 200 == 199:
            print(f"step {step + 1}: loss {loss.item():.3f}", flush=True)
    return _folded(pupil.eval())


def batch(random: np.random.Generator, voices: list[Floats], noises: list[Floats]) -> Floats:
    """A passage of each voice, all of one length, through noise, rooms and filters, as levels (voices, frames, 48)."""
    length = int(random.choice(LENGTHS))
    return np.stack([network.levels(worn(random, passage(random, voice, length), noises)) for voice in voices])


def passage(random: np.random.Generator, power: Floats, length: int) -> Floats:
    """So many frames from anywhere in a recording, which is repeated where it is shorter."""
    at = int(random.integers(max(1, len(power) - length)))
    return np.resize(power[at : at + length], (length, power.shape[1]))


def worn(random: np.random.Generator, power: Floats, noises: list[Floats]) -> Floats:
    """Mel powers (frames, 48) as if there had been noise, a room, another microphone or a narrow band."""
    if noises and random.random() < 0.35:
        noise = passage(random, noises[random.integers(len(noises))], len(power))
        power = power + noise * power.mean() * 10 ** (-random.uniform(5, 30) / 10)
    if random.random() < 0.3:
        decay = 10 ** (-6 * network.HOP / network.RATE / random.uniform(0.2, 0.8))
        tail = 10 ** (-random.uniform(3, 15) / 10) * decay ** np.arange(1, 20)
        whole = np.pad(power, ((19, 0), (0, 0)))
        power = power + sum(tail[k - 1] * whole[19 - k : 19 - k + len(power)] for k in range(1, 20))
    if random.random() < 0.6:
        lift = np.interp(np.arange(network.BANDS), np.linspace(0, network.BANDS - 1, 6), random.normal(0, 4, 6))
        power = np.asarray(power * 10 ** (lift / 10), np.float32)
    if random.random() < 0.15:
        power = power.copy()
        power[:, int(random.integers(26, 46)) :] *= 1e-5
    return np.asarray(power, np.float32)


def _pupil() -> Any:
    import torch
    from torch.nn import functional

    class Pupil(torch.nn.Module):
        """The network of `speaker_network`, with the normalisation that training needs."""

        def __init__(self) -> None:
            super().__init__()
            sizes = [network.BANDS] + [CHANNELS] * len(network.LAYERS)
            self.conv = torch.nn.ModuleList(
                torch.nn.Conv1d(
                    sizes[i],
                    sizes[i + 1],
                    taps,
                    stride=network.STRIDE if i == 0 else 1,
                    padding=dilation * (taps // 2),
                    dilation=dilation,
                )
                for i, (taps, dilation) in enumerate(network.LAYERS)
            )
            self.even = torch.nn.ModuleList(torch.nn.BatchNorm1d(CHANNELS) for _ in network.LAYERS)
            self.wide, self.wide_even = torch.nn.Conv1d(CHANNELS, 2 * CHANNELS, 1), torch.nn.BatchNorm1d(2 * CHANNELS)
            self.out = torch.nn.Linear(4 * CHANNELS, network.SIZE)

        def forward(self, levels: Any) -> Any:
            """From (voices, frames, 48) to (voices, 64)."""
            x = levels.transpose(1, 2)
            for number, (conv, even) in enumerate(zip(self.conv, self.even, strict=True)):
                y = functional.relu(even(conv(x)))
                x = y if number == 0 else x + y
            x = functional.relu(self.wide_even(self.wide(x)))
            return self.out(torch.cat([x.mean(2), (x.var(2, unbiased=False) + 1e-5).sqrt()], 1))

    return Pupil()


def _folded(pupil: Any) -> dict[str, Any]:
    """The trained weights in half precision, normalisation multiplied into the convolutions."""
    weights = {"out.weight": pupil.out.weight, "out.bias": pupil.out.bias}
    layers = [(f"conv.{number}", *both) for number, both in enumerate(zip(pupil.conv, pupil.even, strict=True))]
    for name, conv, even in [*layers, ("wide", pupil.wide, pupil.wide_even)]:
        gain = even.weight / (even.running_var + even.eps).sqrt()
        weight = conv.weight * gain[:, None, None]
        weights[f"{name}.weight"] = weight[:, :, 0] if name == "wide" else weight
        weights[f"{name}.bias"] = (conv.bias - even.running_mean) * gain + even.bias
    return {name: value.detach().numpy().astype(np.float16) for name, value in weights.items()}


if __name__ == "__main__":
    main()
