"""Compiled passes: the same losses, or the plain ones and one line that says why."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from tests.trainer.conftest import TOYS
from tests.trainer.test_loop import Told, assert_bitwise_equal, toy_training
from trainer import compiling
from trainer.compiling import compile_passes
from trainer.config import TrainRequest
from trainer.dataset import TrainClip
from trainer.discriminator import DiscriminatorConfig
from trainer.loop import train
from trainer.run import sizes
from trainer.state import DISCRIMINATORS, TrainState
from trainer.training import Training

Make = Callable[..., Training]


@pytest.fixture
def make(
    tmp_path: Path,
    toy_request: Callable[..., TrainRequest],
    hummed: tuple[TrainClip, ...],
    monkeypatch: pytest.MonkeyPatch,
) -> Make:
    """A toy training of a few steps without measurements."""

    # every discriminator is compiled for itself: two kinds are enough
    monkeypatch.setitem(DISCRIMINATORS, "small", DiscriminatorConfig((2,), 16))

    def training(preset: str, name: str, **changes: object) -> Training:
        small = {"upsample_rates": [24, 10], "upsample_kernel_sizes": [48, 20], "posterior_layers": 1}
        settings = {"network": {**TOYS[preset]["network"], **small}} if preset == "32k" else {}
        config = toy_request(steps=3, preset=preset, settings=settings).config()
        config = replace(config, log_every=1, **changes)
        return replace(toy_training(config, hummed, tmp_path / name), held_out=())

    return training


def losses(told: Told) -> list[dict[str, float]]:
    return [event["values"] for event in told.of("metric")]


@pytest.mark.parametrize("preset", ["small", "32k"])
def test_compiled_steps_give_the_losses_of_plain_ones(make: Make, preset: str, monkeypatch: pytest.MonkeyPatch) -> None:
    compiled: list[str] = []

    def backend(graph: torch.fx.GraphModule, examples: object) -> Callable[..., object]:
        compiled.append(graph.print_readable(print_output=False))
        return graph.forward

    monkeypatch.setattr(compiling, "BACKEND", backend)
    plain, told = Told(), Told()
    train(make(preset, "plain"), plain)
    train(make(preset, "compiled", compile=True), told)
    assert compiled, "the passes went through the compiler"
    assert told.of("warning") == []
    for one, other in zip(losses(plain), losses(told), strict=True):
        assert one == pytest.approx(other, rel=1e-4)


def test_a_compiler_that_fails_costs_one_line_and_no_bit(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(graph: object, examples: object) -> None:
        raise RuntimeError("no C++ compiler was found\nwith much more to say")

    monkeypatch.setattr(compiling, "BACKEND", broken)
    told = Told()
    plain, _ = train(make("small", "plain"), Told())
    tried, _ = train(make("small", "tried", compile=True), told)
    (warning,) = [event["text"] for event in told.of("warning")]
    assert warning.startswith("The networks are not compiled, and the training is none the worse for it: ")
    assert "no C++ compiler was found" in warning
    assert "\n" not in warning
    assert_bitwise_equal(plain, tried)


def test_memory_that_runs_out_is_not_taken_for_a_compiler_that_fails(make: Make) -> None:
    training = make("small", "full")
    state = TrainState.build(training.config, sizes(training.config, 4, 1), 1, training.device)

    def attempt() -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    with pytest.raises(torch.OutOfMemoryError):
        compile_passes(state, attempt)
    assert "filters" not in vars(state.generator), "the plain pass is back"


def test_a_run_may_go_on_compiled_or_not(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiling, "BACKEND", "eager")
    train(make("small", "run"), Told(stop_after=2))
    state, _ = train(make("small", "run", compile=True), Told())
    assert state.step == 3
