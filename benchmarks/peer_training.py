"""One training step beside RVC's own, in one run: same weights, same clips, same noise, single precision.

    git clone https://github.com/RVC-Project/Retrieval-based-Voice-Conversion-WebUI CHECKOUT
    python -m benchmarks.peer_training CHECKOUT --size 40k --batch 4 --frames 370 --threads 2

Each side lives in a process of its own (both call a package `infer`) and waits while the other computes. They take
turns of a few steps, of which the first, whose memory has lain idle, is not counted: in a training no step comes after
a pause. RVC's side calls its own networks, losses, gradient norms and optimizers in the order of its train.py;
ours is `trainer.step` in the environment that the program starts its trainings in: large pages of memory, which
GLIBC_TUNABLES=glibc.malloc.hugetlb=1 before the command gives to both. Prints wall and processor seconds of every
step, the medians, their ratio, and how far the losses of the first steps lie apart. `--bf16` lets our side compute in
bfloat16 beside, as a third process.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import torch
from torch import Tensor

SLICES = {"32k": 40, "40k": 32, "48k": 36}
EARLY = 3
"""Steps whose losses are compared: from untrained weights rounding grows from step to step, on one side as between
both."""
LOSSES = ("disc", "gen", "fm", "mel", "kl", "norm_d", "norm_g")

Step = Callable[[], dict[str, float]]


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("checkout", type=Path)
    options.add_argument("--size", default="40k", choices=list(SLICES))
    options.add_argument("--batch", type=int, default=4)
    options.add_argument("--frames", type=int, default=370)
    options.add_argument("--threads", type=int, default=2)
    options.add_argument("--rounds", type=int, default=5, help="turns of each side")
    options.add_argument("--steps", type=int, default=3, help="steps of a turn, the first of which warms up")
    options.add_argument("--bf16", action="store_true", help="our side in bfloat16 as well")
    options.add_argument("--side", choices=("peer", "ours", "ours bf16"), help=argparse.SUPPRESS)
    options.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    given = options.parse_args()
    if given.side:
        return run_side(given)
    with tempfile.TemporaryDirectory() as folder:
        prepare(Path(folder), given)
        names = ["peer", "ours", *(["ours bf16"] if given.bf16 else [])]
        sides = {name: start(name, given, folder) for name in names}
        steps: dict[str, list[dict[str, float]]] = {name: [] for name in names}
        for _ in range(given.rounds):
            for name, process in sides.items():
                for _ in range(given.steps):
                    steps[name].append(ask(process))
                    say(name, len(steps[name]) - 1, steps[name][-1])
        for process in sides.values():
            process.communicate()
    report(steps, given)
    return None


def prepare(folder: Path, given: argparse.Namespace) -> None:
    """One set of weights, clips and draws for all sides."""
    from infer.synthesizer import Synthesizer, published_config
    from trainer.discriminator import V2, MultiPeriodDiscriminator

    torch.manual_seed(0)
    config = published_config("v2", given.size)
    batch, frames = given.batch, given.frames
    weights = {"generator": Synthesizer(config).state_dict(), "judge": MultiPeriodDiscriminator(V2).state_dict()}
    torch.save(weights, folder / "weights.pt")
    time_axis = torch.arange(frames * config.hop) / config.sample_rate
    pitches = 150 + 40 * torch.arange(batch)[:, None]
    wave = sum(torch.sin(2 * torch.pi * pitches * k * time_axis) / k for k in range(1, 9)) * 0.1
    clips = {
        "phone": torch.randn(batch, frames, config.phone_dim),
        "lengths": torch.full((batch,), frames),
        "f0": pitches.expand(batch, frames).float().contiguous(),
        "pitch": torch.randint(1, 255, (batch, frames)),
        "wave": (wave + 0.01 * torch.randn(batch, frames * config.hop)).unsqueeze(1),
        "sid": torch.zeros(batch, dtype=torch.long),
        "noise_q": torch.randn(batch, config.inter_channels, frames),
        "noise_src": torch.randn(batch, SLICES[given.size] * config.hop, 1),
    }
    torch.save(clips, folder / "clips.pt")
    (folder / "config.json").write_text(json.dumps(config.to_list()))


def start(side: str, given: argparse.Namespace, folder: str) -> subprocess.Popen[str]:
    """One side in its own process, warmed up by nothing yet."""
    command = [sys.executable, str(Path(__file__).resolve()), str(given.checkout.resolve()), "--side", side]
    command += ["--size", given.size, "--batch", str(given.batch), "--frames", str(given.frames)]
    command += ["--threads", str(given.threads), "--folder", folder]
    place = given.checkout.resolve() if side == "peer" else Path(__file__).resolve().parents[1]
    # threads that wait for the other side's turn must not spin
    environment = {**os.environ, "PYTHONPATH": str(place), "OMP_WAIT_POLICY": "PASSIVE"}
    environment.pop("OMP_NUM_THREADS", None)
    if side != "peer":
        from curator.launch import LARGE_PAGES  # as the program starts its trainings

        environment = {**LARGE_PAGES, **environment}
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    process = subprocess.Popen(command, cwd=place, env=environment, **pipes)
    assert process.stdout is not None
    if process.stdout.readline().strip() != "ready":
        raise SystemExit(f"{side} did not start")
    return process


def ask(process: subprocess.Popen[str]) -> dict[str, float]:
    """Let a side make one step."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write("step\n")
    process.stdin.flush()
    found: dict[str, float] = json.loads(process.stdout.readline())
    return found


def say(side: str, turn: int, found: dict[str, float]) -> None:
    losses = ", ".join(f"{name} {found[name]:.5g}" for name in LOSSES)
    print(
        f"step {turn} {side:>9}: {found['wall']:6.2f} s, {found['processor']:6.2f} s of processor; {losses}", flush=True
    )


def report(steps: dict[str, list[dict[str, float]]], given: argparse.Namespace) -> None:
    """Medians without the first step of each turn, ratios, and the largest relative difference of an early loss."""
    print(f"v2 {given.size}, batch {given.batch}, {given.frames} frames, {given.threads} threads, medians:")
    middle = {
        side: {
            key: statistics.median(found[key] for number, found in enumerate(rows) if number % given.steps)
            for key in ("wall", "processor")
        }
        for side, rows in steps.items()
    }
    for side, found in middle.items():
        peak = steps[side][-1]["peak"]
        ratio = {key: middle["peer"][key] / found[key] for key in found}
        print(f"{side:>9}: {found['wall']:.2f} s a step, {found['processor']:.2f} s of processor, peak {peak:.1f} GiB; "
              f"{ratio['wall']:.2f} x the peer by the clock, {ratio['processor']:.2f} x of processor")  # fmt: skip
        if side != "peer":
            apart = {
                name: max(abs(a[name] / b[name] - 1) for a, b in zip(steps[side][:EARLY], steps["peer"], strict=False))
                for name in LOSSES
            }
            print(
                " " * 11
                + f"losses of the first {EARLY} steps apart by at most "
                + ", ".join(f"{name} {off:.1e}" for name, off in apart.items())
            )


def run_side(given: argparse.Namespace) -> None:
    """Build one side, then make a step for every line that comes in."""
    torch.set_num_threads(given.threads)
    config = json.loads((given.folder / "config.json").read_text())
    weights = torch.load(given.folder / "weights.pt", weights_only=True)
    clips = torch.load(given.folder / "clips.pt", weights_only=True)
    build = peer if given.side == "peer" else ours
    step = build(given, config, weights, clips)
    print("ready", flush=True)
    for _ in sys.stdin:
        wall, processor = time.perf_counter(), time.process_time()
        losses = step()
        found = {"wall": time.perf_counter() - wall, "processor": time.process_time() - processor, **losses}
        found["peak"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        print(json.dumps(found), flush=True)


def peer(given: argparse.Namespace, config: list[Any], weights: Any, clips: dict[str, Tensor]) -> Step:
    """RVC's step: the calls of its train.py in their order, its random draws replaced by the given ones."""
    # the checkout's package has no __init__ and would lose against ours
    package = ModuleType("infer")
    package.__path__ = [str(Path.cwd() / "infer")]
    sys.modules["infer"] = package
    from torch.nn import functional as F

    commons, models = (importlib.import_module(f"infer.module.{name}") for name in ("commons", "models"))
    terms, mels_of = (importlib.import_module(f"train.{name}") for name in ("losses", "mel_processing"))
    rate = config[-1]
    hop, n_fft = rate // 100, 2 * (config[0] - 1)
    mels = {"32k": 80, "40k": 125, "48k": 128}[given.size]
    segment = SLICES[given.size] * hop
    settings = [config[0], SLICES[given.size], *config[2:]]
    net_g = models.SynthesizerTrnMs768NSFsid(*settings, is_half=False)
    net_d = models.MultiPeriodDiscriminatorV2(False)
    net_g.load_state_dict(weights["generator"], strict=True)
    net_d.load_state_dict(weights["judge"], strict=True)
    learn: dict[str, Any] = {"lr": 1e-4, "betas": (0.8, 0.99), "eps": 1e-9}
    optim_g, optim_d = torch.optim.AdamW(net_g.parameters(), **learn), torch.optim.AdamW(net_d.parameters(), **learn)
    spec = mels_of.spectrogram_torch(clips["wave"].squeeze(1), n_fft, rate, hop, n_fft)
    draws = {clips[name].numel(): clips[name] for name in ("noise_q", "noise_src")}
    torch.randn_like = lambda x: draws[x.numel()].view_as(x)  # type: ignore[assignment]
    torch.rand = torch.zeros  # type: ignore[assignment]

    def step() -> dict[str, float]:
        y_hat, ids_slice, _, z_mask, (_, z_p, m_p, logs_p, _, logs_q) = net_g(
            clips["phone"], clips["lengths"], clips["pitch"], clips["f0"], spec, clips["lengths"], clips["sid"]
        )
        mel = mels_of.spec_to_mel_torch(spec, n_fft, mels, rate, 0.0, None)
        y_mel = commons.slice_segments(mel, ids_slice, segment // hop)
        y_hat_mel = mels_of.mel_spectrogram_torch(y_hat.float().squeeze(1), n_fft, mels, rate, hop, n_fft, 0.0, None)
        wave = commons.slice_segments(clips["wave"], ids_slice * hop, segment)
        real, fake, _, _ = net_d(wave, y_hat.detach())
        loss_disc, _, _ = terms.discriminator_loss(real, fake)
        optim_d.zero_grad()
        loss_disc.backward()
        norm_d = commons.clip_grad_value_(net_d.parameters(), None)
        optim_d.step()
        _, fake, maps_real, maps_fake = net_d(wave, y_hat)
        loss_mel = F.l1_loss(y_mel, y_hat_mel) * 45
        loss_kl = terms.kl_loss(z_p, logs_q, m_p, logs_p, z_mask) * 1.0
        loss_fm = terms.feature_loss(maps_real, maps_fake)
        loss_gen, _ = terms.generator_loss(fake)
        optim_g.zero_grad()
        (loss_gen + loss_fm + loss_mel + loss_kl).backward()
        norm_g = commons.clip_grad_value_(net_g.parameters(), None)
        optim_g.step()
        values = (loss_disc, loss_gen, loss_fm, loss_mel, loss_kl, norm_d, norm_g)
        return dict(zip(LOSSES, map(float, values), strict=True))

    return step


def ours(given: argparse.Namespace, config: list[Any], weights: Any, clips: dict[str, Tensor]) -> Step:
    """Our step on the same clips, set up for the processor as a training is."""
    from infer.mel import RVC_2026, MelSettings, spectrogram
    from infer.synthesizer import Synthesizer, SynthesizerConfig
    from trainer.device import choose_device
    from trainer.discriminator import V2, MultiPeriodDiscriminator
    from trainer.step import Batch, Draws, StepSettings, make_optimizer, train_step

    choose_device("cpu", given.threads)
    network, judge = Synthesizer(SynthesizerConfig.from_list(config)), MultiPeriodDiscriminator(V2)
    network.load_state_dict(weights["generator"])
    judge.load_state_dict(weights["judge"])
    state = SimpleNamespace(
        generator=network, discriminator=judge, optimizer_g=make_optimizer(network), optimizer_d=make_optimizer(judge)
    )
    mel = MelSettings.published(network.config.sample_rate, network.config.hop, RVC_2026)
    wave = clips["wave"]
    spec = spectrogram(wave.squeeze(1), mel.n_fft, mel.hop, mel.win, power_floor=mel.numerics.power_floor)
    batch = Batch(
        phone=clips["phone"], phone_lengths=clips["lengths"], pitch=clips["pitch"], f0=clips["f0"], spec=spec,
        spec_lengths=clips["lengths"], wave=wave, sid=clips["sid"],
    )  # fmt: skip
    draws = Draws(torch.zeros(given.batch, dtype=torch.long), clips["noise_q"], clips["noise_src"])
    settings = StepSettings(mel, SLICES[given.size], autocast=torch.bfloat16 if "bf16" in given.side else None)

    def step() -> dict[str, float]:
        values = train_step(state, batch, draws, settings).values()
        named = ("d/loss", "g/adv", "g/fm", "g/mel", "g/kl", "d/grad_norm", "g/grad_norm")
        return dict(zip(LOSSES, (values[name] for name in named), strict=True))

    return step


if __name__ == "__main__":
    main()
