"""A run from a frozen set to a model that the converter can load."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from catalog import registry, sets
from catalog.jobs import Job, run_job
from catalog.library import Library
from catalog.records import SetClip
from infer.retrieval import open_index
from infer.weights import build, read_safetensors
from trainer import blame_file
from trainer.__main__ import main, work
from trainer.config import TrainRequest
from trainer.evaluate import Measurement


@pytest.fixture
def cheap_f0(monkeypatch: pytest.MonkeyPatch) -> None:
    """f0 that costs nothing and is known."""
    monkeypatch.setattr("infer.f0.extract", lambda wave, *_, **__: np.full(len(wave) // 160, 180.0))


def start(library: Library, request: TrainRequest, run_id: str = "train-1") -> Job:
    job = Job.create(library.runs, "train", request.to_dict(), job_id=run_id)
    run_job(job.path, work)
    return job


@pytest.fixture
def published(
    frozen: Callable[..., Library], toy_request: Callable[..., TrainRequest], cheap_f0: None
) -> tuple[Library, Job, dict[str, Any]]:
    """A toy model of two speakers' hums, published."""
    library = frozen({"one": (180.0, [1.5] * 4), "two": (200.0, [1.2])})
    job = start(library, toy_request(steps=8))
    result = job.outcome()
    return library, job, result


def test_a_run_publishes_a_model_with_a_card_that_tells_where_it_came_from(published):
    library, job, result = published
    entry = registry.load(library, "ana")
    card = entry.card
    info = sets.load(library, "hums").info
    assert card == result["card"]
    assert card["set"] == {"id": info.id, "name": "hums", "clips": 5, "seconds": pytest.approx(7.2)}
    assert card["run"]["id"] == job.id
    assert (card["run"]["preset"], card["run"]["steps"], card["run"]["seed"]) == ("small", 8, 1234)
    assert card["run"]["settings"]["batch_size"] == 2
    assert card["encoder"]["name"] == "phone"
    assert card["encoder"]["dim"] == 128
    assert (card["network"], card["f0"], card["numerics"], card["sample_rate"]) == (
        "source-filter", True, "classic", 24000
    )  # fmt: skip
    assert card["f0_stats"] == {"p5": 180.0, "p50": 180.0, "p95": 180.0}
    assert card["speakers"] == ["ana"]
    assert set(card["files"]) == {"model.safetensors", "index.faiss", "index.npy", "index_f0.npy"}
    assert card["metrics"]["held_out/mel"] > 0
    assert "held out" in card["metrics"]["held_out"]
    assert card["ledger"]["clips"]["trained"] + card["ledger"]["clips"]["held out"] == 5
    json.dumps(card, allow_nan=False)


def test_the_published_network_speaks(published):
    library, _, result = published
    network = build(read_safetensors(registry.load(library, "ana").weights))
    assert network.config.to_dict() == result["card"]["config"]
    wave = network.infer(
        torch.randn(1, 20, 128), torch.full((1, 20), 180.0), torch.zeros(1, 20), torch.tensor([0])
    )  # fmt: skip
    assert wave.shape == (1, 20 * 240)
    assert torch.isfinite(wave).all()


def test_a_large_preset_publishes_a_network_without_its_posterior_encoder(frozen, toy_request, cheap_f0):
    library = frozen()
    start(library, toy_request(steps=2, preset="32k")).outcome()
    entry = registry.load(library, "ana")
    assert (entry.card["network"], entry.card["version"]) == ("rvc", "v2")
    network = build(read_safetensors(entry.weights))
    assert network.enc_q is None
    wave = network.infer(
        torch.randn(1, 20, 128),
        torch.tensor([20]),
        torch.full((1, 20), 90),
        torch.full((1, 20), 180.0),
        torch.tensor([0]),
    )
    assert wave.shape == (1, 20 * 240)
    assert torch.isfinite(wave).all()


def test_rows_of_the_index_know_the_clip_they_came_from(published):
    library, _, result = published
    path = registry.load(library, "ana").path
    index = open_index(path / "index.faiss", path / "index.npy")
    trained = {
        entry["clip"]
        for entry in json.loads((library.runs / "train-1" / "ledger.json").read_text())["entries"]
        if entry["fate"] == "trained"
    }
    assert index.clips is not None
    assert set(index.clips) == trained
    assert index.rows == result["card"]["index"]["rows"] == len(index.clips)
    assert result["card"]["index"]["set"] == result["card"]["set"]["id"]


def test_the_screen_hears_phases_losses_rate_samples_and_checkpoints(published):
    _, job, _ = published
    events = job.events()[0]
    phases = [event["name"] for event in events if event["type"] == "phase"]
    assert phases == ["prepare", "train", "listen again", "publish"]
    metrics = [event for event in events if event["type"] == "metric" and "g/mel" in event["values"]]
    assert [event["step"] for event in metrics] == [1, 2, 4, 6, 8]
    last = [event for event in events if event["type"] == "progress"][-1]
    assert (last["done"], last["total"], last["unit"]) == (8, 8, "steps")
    assert last["rate"] is not None
    assert [event["step"] for event in events if event["type"] == "checkpoint"] == [4, 8]
    samples = [event for event in events if event["type"] == "sample"]
    assert {event["step"] for event in samples} == {4, 8}
    assert all((job.path / "samples" / event[key]).is_file() for event in samples for key in ("path", "original"))


def test_a_run_says_what_it_will_cost_before_it_prepares_and_the_next_of_its_kind_says_what_that_took(
    frozen, toy_request, cheap_f0
):
    library = frozen()
    job = start(library, toy_request(steps=24, settings={"save_every": 24}))
    events = job.events()[0]
    kinds = [event["type"] for event in events]
    said = events[kinds.index("cost")]
    assert kinds.index("cost") < kinds.index("progress")
    assert (said["measured"], said["steps"], said["saves"]) == (True, 24, 1)
    assert "24 steps and 1 save in" in said["text"]
    took = job.outcome()["cost"]
    assert took["step_s"] > 0
    second = start(library, toy_request(model="ana2", steps=25, settings={"save_every": 25}), "train-2")
    again = next(event for event in second.events()[0] if event["type"] == "cost")
    assert (again["measured"], again["steps"], again["step_s"]) == (False, 25, took["step_s"])


def test_a_run_of_a_few_steps_begins_at_once(published):
    assert "cost" not in {event["type"] for event in published[1].events()[0]}
    assert "cost" not in published[2]


def test_a_stopped_run_keeps_a_checkpoint_and_goes_on_to_a_model(frozen, toy_request, cheap_f0, monkeypatch):
    from trainer.stepper import Stepper

    library = frozen()
    job = Job.create(library.runs, "train", toy_request(steps=8).to_dict(), job_id="train-2")
    plain = Stepper.step

    def ask_at_the_third(stepper, batch):
        if stepper.state.step == 2:
            job.ask_stop()
        return plain(stepper, batch)

    monkeypatch.setattr(Stepper, "step", ask_at_the_third)
    assert run_job(job.path, work) == 0
    assert job.state() == "stopped"
    assert (job.result() or {})["step"] == 3
    monkeypatch.setattr(Stepper, "step", plain)
    assert run_job(job.path, work) == 0
    assert job.state() == "done"
    assert registry.load(library, "ana").card["run"]["steps"] == 8


def test_a_run_that_gets_no_better_publishes_its_best_save_and_tells_the_curve(
    frozen, toy_request, cheap_f0, monkeypatch
):
    distances = iter([2.0, 1.0, 1.5, 1.4])
    monkeypatch.setattr(
        "trainer.saves.Yardstick.measure", lambda *_: Measurement(next(distances), 0.0, 0.0, clips=1, speaker=0.5)
    )
    monkeypatch.setattr("trainer.run.tell_cost", lambda *_: None)  # which measures as well
    library = frozen()
    result = start(library, toy_request(steps=40, patience=2)).outcome()
    card = registry.load(library, "ana").card
    assert (result["step"], result["steps"]) == (12, 40)
    assert (card["run"]["steps"], card["run"]["best_step"]) == (12, 4)
    assert "ended at step 12, the best is step 4 with a mel distance of 1.000" in card["run"]["ended"]
    assert card["metrics"]["held_out/mel"] == 1.0
    assert card["metrics"]["held_out/speaker"] == 0.5
    assert [(point["step"], point["held_out/mel"]) for point in card["metrics"]["curve"]] == [
        (0, 2.0), (4, 1.0), (8, 1.5), (12, 1.4)
    ]  # fmt: skip
    kept = library.runs / "train-1" / "checkpoints"
    assert [path.name for path in kept.iterdir()] == ["best-00000004.safetensors"]
    published, best = (
        build(read_safetensors(path))
        for path in (registry.load(library, "ana").weights, kept / "best-00000004.safetensors")
    )
    for one, other in zip(published.parameters(), best.parameters(), strict=True):
        assert torch.equal(one, other)


def test_a_name_that_is_taken_is_refused_before_any_work(published, toy_request):
    library, _, _ = published
    job = start(library, toy_request(), "train-3")
    assert "already exists" in (job.result() or {})["error"]
    assert not (job.path / "checkpoints").exists()


def test_a_second_run_finds_all_features_in_the_cache(published, toy_request, monkeypatch):
    library, _, _ = published
    monkeypatch.setattr("trainer.prepare._at_16k", lambda _: pytest.fail("audio was read again"))
    job = start(library, toy_request(model="ana2", steps=2), "train-4")
    assert job.state() == "done"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"encoder": "contentvec"}, "curator models pull contentvec"),
        ({"f0_method": "rmvpe"}, "curator models pull rmvpe"),
        ({"base": "rvc-v2-40k-f0"}, "curator models pull rvc-v2-40k-f0-generator"),
        ({"base": "nothing-like-it"}, "no base weights called nothing-like-it"),
    ],
)
def test_what_is_missing_is_named_in_one_line_with_what_to_do(frozen, toy_request, changes, words):
    job = start(frozen(), toy_request(**changes))
    error = (job.result() or {})["error"]
    assert words in error
    assert "\n" not in error


def test_a_set_that_does_not_exist_is_named(library, toy_request):
    job = start(library, toy_request())
    assert "no set named hums" in (job.result() or {})["error"]


def test_a_set_whose_audio_was_changed_is_refused(frozen, toy_request):
    library = frozen()
    clip: SetClip = sets.load(library, "hums").clips[0]
    path = library.sets / "hums" / clip.file
    path.write_bytes(path.read_bytes()[:-50])
    job = start(library, toy_request())
    assert "was changed after it was frozen" in (job.result() or {})["error"]


def test_the_command_needs_a_folder(capsys):
    assert main([]) == 2
    assert "usage" in capsys.readouterr().err


def test_a_run_says_which_clips_to_listen_to_again_and_a_later_one_goes_on_from_its_model(
    frozen, toy_request, cheap_f0
):
    library = frozen({"one": (180.0, [1.2] * 6), "two": (190.0, [1.2] * 6)})
    job = Job.create(library.runs, "train", toy_request(steps=4).to_dict(), job_id="train-1")
    assert run_job(job.path, work) == 0
    found = blame_file.read(job.path)
    assert {each.clip for each in found} == {clip.clip for clip in sets.load(library, "hums").clips}
    first = registry.load(library, "ana").card
    assert first["look_again"] == blame_file.worst(found)
    assert first["run"]["parent"] is None
    request = toy_request(steps=4, model="ana-2", base="ana")
    job = Job.create(library.runs, "train", request.to_dict(), job_id="train-2")
    assert run_job(job.path, work) == 0
    second = registry.load(library, "ana-2").card
    assert second["run"]["parent"] == {"name": "ana", "id": first["id"]}
    assert second["run"]["started_from"] == "from the model ana"
    assert second["metrics"]["curve"][0]["held_out/mel"] == pytest.approx(first["metrics"]["held_out/mel"], rel=0.02)
