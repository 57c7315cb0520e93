"""How long one training step takes, for the published sizes and for smaller ones.

    python -m benchmarks.training_step --size 40k --batch 4 --frames 370 --threads 2
    python -m benchmarks.training_step --small --batch 4 --frames 128

Prints the median over steps; the processor time says more than the wall clock on a machine
that others use too. The clips are noise: time does not depend on what they hold.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import time
from types import SimpleNamespace
from typing import Any

import torch

from infer.mel import MelSettings
from infer.synthesizer import Synthesizer, SynthesizerConfig, published_config, slice_starts
from trainer.discriminator import V2, DiscriminatorConfig, MultiPeriodDiscriminator
from trainer.step import Batch, Draws, StepSettings, make_optimizer, train_step

SLICES = {32000: 40, 40000: 32, 48000: 36}


def small_config(rate: int, inter: int, hidden: int, start: int, layers: int, posterior: int) -> SynthesizerConfig:
    stages = {24000: (10, 6, 2, 2), 32000: (10, 8, 2, 2)}[rate]
    return SynthesizerConfig(
        sample_rate=rate,
        spec_channels=513,
        upsample_rates=stages,
        upsample_kernel_sizes=tuple(2 * stage for stage in stages),
        inter_channels=inter,
        hidden_channels=hidden,
        filter_channels=4 * hidden,
        n_layers=layers,
        upsample_initial_channel=start,
        spk_embed_dim=1,
        gin_channels=64,
        phone_dim=128,
        posterior_layers=posterior,
    )


def measure(
    config: SynthesizerConfig,
    judge: DiscriminatorConfig,
    *,
    batch: int,
    frames: int,
    slice_frames: int,
    steps: int,
    autocast: torch.dtype | None = None,
) -> dict[str, Any]:
    """Median wall and processor seconds a step, and the networks' parameters in millions."""
    torch.manual_seed(0)
    networks = Synthesizer(config), MultiPeriodDiscriminator(judge)
    state = SimpleNamespace(
        generator=networks[0],
        discriminator=networks[1],
        optimizer_g=make_optimizer(networks[0]),
        optimizer_d=make_optimizer(networks[1]),
    )
    settings = StepSettings(MelSettings.published(config.sample_rate, config.hop), slice_frames, autocast=autocast)
    lengths = torch.full((batch,), frames)
    clips = Batch(
        phone=torch.randn(batch, frames, config.phone_dim),
        phone_lengths=lengths,
        pitch=torch.randint(1, 255, (batch, frames)),
        f0=torch.rand(batch, frames) * 300 + 100,
        spec=torch.rand(batch, config.spec_channels, frames),
        spec_lengths=lengths,
        wave=torch.randn(batch, 1, frames * config.hop) * 0.1,
        sid=torch.zeros(batch, dtype=torch.long),
    )
    times, processors = [], []
    for _ in range(steps + 1):
        draws = Draws(slice_starts(torch.rand(batch), lengths, slice_frames))
        started, used = time.perf_counter(), time.process_time()
        train_step(state, clips, draws, settings)
        times.append(time.perf_counter() - started)
        processors.append(time.process_time() - used)
    millions = [sum(part.numel() for part in network.parameters()) / 1e6 for network in networks]
    return {
        "seconds": statistics.median(times[1:]),
        "processor": statistics.median(processors[1:]),
        "generator": millions[0],
        "discriminator": millions[1],
    }


SMALL = (
    # rate, inter, hidden, decoder start, prior layers, posterior layers, periods, divisor, slice frames
    (24000, 64, 64, 128, 3, 8, (2, 3, 5, 7, 11), 16, 32),
    (24000, 96, 96, 128, 3, 8, (2, 3, 5, 7, 11), 16, 32),
    (24000, 96, 96, 192, 4, 8, (2, 3, 5, 7, 11), 16, 32),
    (24000, 96, 96, 192, 4, 8, (2, 3, 5, 7, 11), 8, 32),
    (24000, 96, 96, 256, 4, 8, (2, 3, 5, 7, 11), 8, 32),
    (32000, 64, 64, 128, 3, 8, (2, 3, 5, 7, 11), 16, 32),
    (32000, 96, 96, 192, 4, 8, (2, 3, 5, 7, 11), 16, 32),
    (32000, 96, 96, 192, 4, 8, (2, 3, 5, 7, 11, 17, 23, 37), 8, 32),
)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--size", default="40k", choices=("32k", "40k", "48k"))
    options.add_argument("--small", action="store_true", help="several small sizes instead")
    options.add_argument("--batch", type=int, default=4)
    options.add_argument("--frames", type=int, default=370)
    options.add_argument("--threads", type=int, default=2)
    options.add_argument("--steps", type=int, default=3)
    options.add_argument("--bf16", action="store_true")
    given = options.parse_args()
    torch.set_num_threads(given.threads)
    autocast = torch.bfloat16 if given.bf16 else None
    if given.small:
        for rate, inter, hidden, start, layers, posterior, periods, divisor, slice_frames in SMALL:
            config = small_config(rate, inter, hidden, start, layers, posterior)
            found = measure(
                config,
                DiscriminatorConfig(periods, divisor),
                batch=given.batch,
                frames=given.frames,
                slice_frames=slice_frames,
                steps=given.steps,
                autocast=autocast,
            )
            print(
                f"{rate} Hz, inter {inter}, decoder {start}, layers {layers}+{posterior}, {len(periods)} periods / "
                f"{divisor}: {1000 * found['seconds']:.0f} ms "
                f"({1000 * found['processor']:.0f} ms of processor), generator {found['generator']:.2f} M, "
                f"discriminator {found['discriminator']:.2f} M",
                flush=True,
            )
        return
    config = published_config("v2", given.size)
    found = measure(
        config,
        V2,
        batch=given.batch,
        frames=given.frames,
        slice_frames=SLICES[config.sample_rate],
        steps=given.steps,
        autocast=autocast,
    )
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(
        f"v2 {given.size}, batch {given.batch}: {found['seconds']:.2f} s a step "
        f"({found['processor']:.2f} s of processor), peak {peak:.1f} GiB"
    )


if __name__ == "__main__":
    main()
