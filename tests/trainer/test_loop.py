"""Training from end to end with a toy network: resuming, stopping, breaking down."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from catalog.errors import BadRequest, CuratorError
from catalog.jobs import Job, run_job
from trainer.__main__ import work
from trainer.base import Start
from trainer.config import TrainConfig, TrainRequest
from trainer.dataset import TrainClip
from trainer.device import memory_in_words
from trainer.evaluate import Measurement
from trainer.loop import learning_rate, note, train
from trainer.pace import Pace
from trainer.run import sizes
from trainer.state import Best, TrainState
from trainer.stepper import Stepper
from trainer.training import Training


class Told:
    """A report that keeps what it is told and asks to stop after a number of checkpoints or progress events."""

    def __init__(self, stop_after: int | None = None) -> None:
        self.events: list[tuple[str, dict[str, Any]]] = []
        self.stop_after = stop_after
        self.steps = 0

    def event(self, kind: str, /, **fields: Any) -> None:
        self.events.append((kind, fields))

    def progress(self, done: float, total: float, unit: str, note: str = "", *, eta_s: float | None = None) -> None:
        self.event("progress", done=done, total=total, note=note, eta_s=eta_s)

    def metric(self, step: int, values: dict[str, float]) -> None:
        self.event("metric", step=step, values=dict(values))

    def warning(self, text: str) -> None:
        self.event("warning", text=text)

    def stop_requested(self) -> bool:
        self.steps += 1
        return self.stop_after is not None and self.steps > self.stop_after

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [fields for name, fields in self.events if name == kind]


@pytest.fixture
def training(tmp_path: Path, toy_request: Callable[..., TrainRequest], hummed: tuple[TrainClip, ...]) -> Training:
    """A toy training of the small preset, ten steps on three hummed clips, one of them held out."""
    return toy_training(toy_request(steps=10).config(), hummed, tmp_path / "run")


@pytest.fixture
def published(tmp_path: Path, toy_request: Callable[..., TrainRequest], hummed: tuple[TrainClip, ...]) -> Training:
    """The same by the published method; p_dropout makes every draw count."""
    config = toy_request(steps=10, preset="32k").config()
    config = replace(config, network={**config.network, "p_dropout": 0.1})
    return toy_training(config, hummed, tmp_path / "run")


def toy_training(config: TrainConfig, clips: tuple[TrainClip, ...], folder: Path) -> Training:
    return Training(config, sizes(config, 4, 1), 7, torch.device("cpu"), clips[:2], clips[2:], "data", folder)


def weights(state: TrainState) -> dict[str, torch.Tensor]:
    found = {}
    for part, learner in state.learners.items():
        values = learner.state_dict()
        if isinstance(learner, torch.optim.Optimizer):
            values = {f"{at}.{name}": value for at, kept in values["state"].items() for name, value in kept.items()}
        found |= {f"{part}.{name}": torch.as_tensor(value) for name, value in values.items()}
    return found


def assert_bitwise_equal(a: TrainState, b: TrainState) -> None:
    first, second = weights(a), weights(b)
    assert first.keys() == second.keys()
    assert [name for name in first if not torch.equal(first[name], second[name])] == []
    assert (a.step, a.position) == (b.step, b.position)


@pytest.mark.parametrize("kind", ["training", "published"])
def test_a_resumed_training_is_bitwise_equal_to_one_never_interrupted(request, tmp_path, kind):
    training = request.getfixturevalue(kind)
    whole, _ = train(training, Told())
    cut = replace(training, folder=tmp_path / "cut")
    stopped, _ = train(cut, Told(stop_after=3))
    assert stopped.step == 3
    stopped, _ = train(cut, Told(stop_after=4))
    assert stopped.step == 7
    resumed, _ = train(cut, Told())
    assert resumed.step == 10
    assert_bitwise_equal(whole, resumed)


@pytest.mark.parametrize(
    ("kind", "parts"),
    [
        ("training", {"emb_phone", "emb_level", "emb_g", "layers", "norm", "proj"}),
        ("published", {"enc_p", "enc_q", "flow", "dec", "emb_g"}),
    ],
)
def test_training_changes_every_part_that_a_voice_is_made_of(request, kind, parts):
    training = request.getfixturevalue(kind)
    before = TrainState.build(training.config, training.network, training.seed, training.device)
    start = {name: value.clone() for name, value in before.generator.state_dict().items()}
    after, _ = train(training, Told())
    moved = {
        name.split(".")[0]
        for name, value in after.generator.state_dict().items()
        if not torch.equal(value, start[name])
    }
    assert moved == parts


@pytest.mark.parametrize("kind", ["training", "published"])
def test_the_mel_loss_falls(request, kind):
    training = request.getfixturevalue(kind)
    config = replace(training.config, steps=30, log_every=1, save_every=30, learning_rate=8e-3, warmup_steps=0)
    told = Told()
    train(replace(training, config=config), told)
    losses = [fields["values"]["g/mel"] for fields in told.of("metric") if "g/mel" in fields["values"]]
    assert np.mean(losses[-5:]) < 0.8 * np.mean(losses[:5])


def test_saves_measure_held_out_clips_render_a_sample_and_know_the_best_step(training):
    told = Told()
    state, checkpoints = train(training, told)
    saved = told.of("checkpoint")
    assert [event["step"] for event in saved] == [4, 8, 10]
    best = min(saved, key=lambda event: event["held_out_mel"])
    assert state.best is not None
    assert (state.best.step, round(state.best.mel, 5)) == (best["step"], best["held_out_mel"])
    assert (checkpoints.folder / state.best.file).is_file()
    assert [event["step"] for event in told.of("sample")] == [4, 8, 10]
    for event in told.of("sample"):
        for name in (event["path"], event["original"]):
            assert (training.folder / "samples" / name).stat().st_size > 1000


@pytest.mark.parametrize("kind", ["training", "published"])
def test_only_the_last_checkpoints_and_the_best_stay_on_disk(request, kind):
    training = request.getfixturevalue(kind)
    config = replace(training.config, steps=4, save_every=1, keep_last=2)
    state, checkpoints = train(replace(training, config=config), Told())
    whole = ["step-00000003.pt", "step-00000004.pt"]
    assert state.best is not None
    best = [state.best.file] if kind == "training" else [state.best.file, f"best-{state.best.step:08d}.pt"]
    names = {path.name for path in checkpoints.folder.iterdir()}
    assert names == {*best, *whole, *(f"{name}.sha256" for name in whole)}
    checkpoints.settle(state)
    assert {path.name for path in checkpoints.folder.iterdir()} == set(best)


def test_a_run_is_ended_when_nothing_gets_better_and_resuming_it_makes_no_step_more(training, monkeypatch):
    distances = iter([2.0, 1.0, 1.5, 1.4, 1.3])
    monkeypatch.setattr(
        "trainer.saves.Yardstick.measure", lambda *_: Measurement(next(distances), 0.0, 0.0, clips=1, phones=0.5)
    )
    config = replace(training.config, steps=20, save_every=2, patience=3)
    told = Told()
    state, _ = train(replace(training, config=config), told)
    assert state.step == 8
    assert state.best is not None
    assert state.best.step == 2
    assert [(point.step, point.values["held_out/mel"]) for point in state.curve] == [
        (0, 2.0), (2, 1.0), (4, 1.5), (6, 1.4), (8, 1.3)
    ]  # fmt: skip
    again, _ = train(replace(training, config=config), Told())
    assert (again.step, again.curve) == (8, state.curve)
    assert replace(training, config=config).ended(again)


def test_a_run_that_ended_early_may_go_on_with_more_patience(training, monkeypatch):
    monkeypatch.setattr("trainer.saves.Yardstick.measure", lambda *_: Measurement(1.0, 0.0, 0.0, clips=1))
    config = replace(training.config, steps=10, save_every=2, patience=1)
    assert train(replace(training, config=config), Told())[0].step == 4
    assert train(replace(training, config=replace(config, patience=0)), Told())[0].step == 10


def test_the_curve_begins_before_the_first_step_and_has_every_measure(training):
    told = Told()
    state, _ = train(training, told)
    assert [point.step for point in state.curve] == [0, 4, 8, 10]
    assert {"held_out/mel", "held_out/f0_cents", "held_out/speaker", "held_out/phones"} <= set(state.curve[-1].values)
    measured = [event for event in told.of("metric") if "held_out/mel" in event["values"]]
    assert [event["step"] for event in measured] == [0, 4, 8, 10]
    assert -1 <= told.of("recorded")[0]["held_out/speaker"] <= 1


def test_the_time_left_counts_the_saves_and_ends_at_nothing(training, monkeypatch):
    monkeypatch.setattr("trainer.loop.PROGRESS_EVERY_S", 0.0)
    told = Told()
    train(training, told)
    left = [event["eta_s"] for event in told.of("progress")]
    assert len(left) == 10
    assert all(seconds > 0 for seconds in left)
    assert "best step" in told.of("progress")[-1]["note"]


def test_the_time_left_is_counted_by_the_clock_that_is_given(training, monkeypatch):
    monkeypatch.setattr("trainer.loop.PROGRESS_EVERY_S", 0.0)
    ticks, told = itertools.count(), Told()
    train(replace(training, pace=Pace(lambda: float(next(ticks))), held_out=()), told)
    # one look at the clock a step and a save: one second each; saves at 4, 8 and 10
    assert [event["eta_s"] for event in told.of("progress")] == [9 + 3, 8 + 3, 7 + 3, 6 + 3, 5 + 2, 6, 5, 4, 2, 1]


def test_an_onlooker_is_shown_the_generator_at_every_measurement_and_changes_nothing(training, tmp_path):
    plain, _ = train(replace(training, folder=tmp_path / "plain"), Told())
    seen = []
    watched, _ = train(
        replace(training, onlooker=lambda network, step: seen.append((step, network.emb_g.weight.sum().item()))), Told()
    )
    assert [step for step, _ in seen] == [point.step for point in watched.curve] == [0, 4, 8, 10]
    assert seen[-1][1] == watched.generator.emb_g.weight.sum().item() != seen[0][1]
    assert_bitwise_equal(plain, watched)


def test_without_held_out_clips_the_last_step_is_kept_as_the_best(training):
    state, checkpoints = train(replace(training, held_out=()), Told())
    assert state.best is not None
    assert (state.best.step, state.best.mel) == (10, None)
    assert (checkpoints.folder / state.best.file).is_file()


@pytest.mark.parametrize("damage", ["cut off", "one bit"])
def test_a_damaged_newest_checkpoint_is_passed_over_with_a_warning(training, damage):
    whole, checkpoints = train(training, Told())
    newest = checkpoints.newest()
    assert newest is not None
    content = bytearray(newest.read_bytes())
    content[len(content) // 2] ^= 1
    newest.write_bytes(content if damage == "one bit" else content[:1000])
    told = Told()
    resumed, _ = train(training, told)
    assert "damaged" in told.of("warning")[0]["text"]
    assert_bitwise_equal(whole, resumed)


@pytest.mark.parametrize(
    ("change", "words"),
    [({"data": "other"}, "other clips"), ({"seed": 8}, "another seed")],
)
def test_checkpoints_of_other_data_or_seeds_are_refused_in_words(training, change, words):
    train(training, Told(stop_after=3))
    with pytest.raises(BadRequest, match=words):
        train(replace(training, **change), Told())


def test_a_loss_that_is_not_a_number_ends_the_training_in_one_line(training):
    broken = tuple(replace(clip, gain=float("nan")) for clip in training.train)
    with pytest.raises(
        CuratorError, match=r"broke down at step 1: .* is not a number .*half the learning rate"
    ) as caught:
        train(replace(training, train=broken), Told())
    assert "\n" not in str(caught.value)


def test_a_loss_that_is_not_a_number_leaves_the_last_good_checkpoint(training):
    train(training, Told(stop_after=5))
    kept = sorted((training.folder / "checkpoints").iterdir())
    assert kept
    broken = replace(training, train=tuple(replace(clip, gain=float("inf")) for clip in training.train))
    with pytest.raises(CuratorError, match=r"step-00000005\.pt is from before"):
        train(broken, Told())
    assert sorted((training.folder / "checkpoints").iterdir()) == kept


def test_a_disk_too_small_for_the_checkpoints_is_said_before_the_first_step(training, monkeypatch):
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=1000))
    told = Told()
    with pytest.raises(BadRequest, match=r"needs 0\.\d GB for its checkpoints and 0\.0 GB are free"):
        train(training, told)
    assert not told.of("metric")


def test_a_base_is_said_to_lack_only_what_the_method_trains(training, published, tmp_path):
    notes = {}
    for kind in (training, published):
        given = TrainState.build(kind.config, kind.network, 1, kind.device).generator.state_dict()
        given = {name: value for name, value in given.items() if not name.startswith("enc_q.")}
        base, folder = tmp_path / f"{kind.config.method}.safetensors", tmp_path / kind.config.method
        save_file(given, base)
        told = Told()
        train(replace(kind, config=replace(kind.config, steps=1), start=Start("", base), folder=folder), told)
        notes[kind.config.method] = [event["text"] for event in told.of("note")]
    assert notes["spectral"] == []
    assert notes["published"] == [
        "published.safetensors does not give the posterior encoder, the discriminator: learned from scratch"
    ]


def test_running_out_of_memory_says_what_to_try(training):
    with (
        pytest.raises(CuratorError, match="GPU memory ran out with batch_size 2: train with batch_size 1"),
        memory_in_words(training.config.batch_size, torch.device("cuda")),
    ):
        raise torch.OutOfMemoryError("CUDA out of memory")


def test_memory_that_runs_out_in_the_middle_is_told_and_leaves_what_was_saved(training, monkeypatch):
    plain = Stepper.step

    def full(stepper, batch):
        if stepper.state.step == 6:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB\nand much more")
        return plain(stepper, batch)

    monkeypatch.setattr(Stepper, "step", full)
    with pytest.raises(CuratorError, match="Memory ran out with batch_size 2: train with batch_size 1") as caught:
        train(training, Told())
    assert "\n" not in str(caught.value)
    monkeypatch.setattr(Stepper, "step", plain)
    told = Told()
    assert train(training, told)[0].step == 10
    assert told.of("resumed") == [{"step": 4, "epoch": 0}]


def test_beside_the_progress_stand_epoch_best_step_and_the_load_of_the_gpu(training, monkeypatch):
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _: (14_200_000_000, 24_000_000_000))
    monkeypatch.setattr(torch.cuda, "utilization", lambda _: 93)
    state = TrainState.build(training.config, training.network, 1, training.device)
    state.best = Best(40, 0.5, "best")
    assert note(state, torch.device("cuda")) == "epoch 1, best step 40, GPU 93 %, 9.8 of 24.0 GB on the GPU"
    assert note(state, torch.device("cpu")) == "epoch 1, best step 40"


def test_the_learning_rate_rises_and_falls_as_configured(training):
    config = replace(training.config, learning_rate=1.0, warmup_steps=10, lr_final=0.1, lr_decay=1.0)
    state = TrainState.build(config, training.network, 1, training.device)
    rates = []
    for state.step in range(101):
        rates.append(learning_rate(config, state, 100))
    assert rates[0] == pytest.approx(0.1, rel=0.01)
    assert max(rates) == pytest.approx(0.98, abs=0.02)
    assert rates[100] == pytest.approx(0.1)


def test_epochs_become_steps_that_hear_every_second_as_often(training):
    config = replace(training.config, steps=None, epochs=4, batch_size=2, segment_frames=16)
    frames = sum(clip.frames for clip in training.train)
    assert replace(training, config=config).steps == -(-4 * frames // 32)


def test_a_killed_run_goes_on_from_its_checkpoint(frozen, toy_request):
    library = frozen()
    request = toy_request(steps=400, settings={"save_every": 5})
    job = Job.create(library.runs, "train", request.to_dict(), job_id="train-killed")
    process = subprocess.Popen([sys.executable, "-m", "trainer", str(job.path)], cwd=Path(__file__).parents[2])
    deadline = time.monotonic() + 120
    while not list(job.path.glob("checkpoints/step-*.pt")) and time.monotonic() < deadline:
        assert process.poll() is None
        time.sleep(0.05)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert job.state() == "crashed"
    job.ask_stop()
    assert run_job(job.path, work) == 0
    assert job.state() == "stopped"
    resumed = [event for event in job.events()[0] if event["type"] == "resumed"]
    assert resumed
    assert resumed[0]["step"] >= 5
