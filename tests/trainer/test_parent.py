"""The run after the first one goes on from the last model of the voice, and says so."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from catalog import registry
from catalog.errors import BadRequest
from catalog.library import Library
from infer.weights import write_safetensors
from trainer.base import find_start, load_base
from trainer.checkpoints import Checkpoints, Identity
from trainer.config import TrainRequest
from trainer.parent import AUTO, LAST, PRESET, Parent, resolved
from trainer.run import sizes
from trainer.state import TrainState


def published(
    library: Library, request: TrainRequest, name: str, *, speaker: str = "ana", set_id: str = "older"
) -> TrainState:
    """A model in the registry as a run of this request would leave it."""
    config = request.config()
    network = sizes(config, 4, 1)
    state = TrainState.build(config, network, len(name), torch.device("cpu"))

    def build(folder: Path) -> dict[str, object]:
        write_safetensors(folder / registry.WEIGHTS, state.generator)
        return {
            "config": network.to_dict(),
            "network": "rvc" if config.method == "published" else "source-filter",
            "encoder": {"name": request.encoder},
            "set": {"id": set_id},
            "run": {"id": f"run-{name}"},
            "speakers": [speaker],
        }

    registry.publish(library, name, build=build)
    return state


@pytest.fixture
def ready(frozen: Callable[..., Library]) -> Library:
    return frozen({"one": (180.0, [1.0, 1.0])})


def test_without_an_earlier_model_the_presets_base_is_taken(ready: Library, toy_request) -> None:
    assert resolved(ready, toy_request(), AUTO).base is None
    with pytest.raises(BadRequest, match="no earlier model of ana"):
        resolved(ready, toy_request(), LAST)


def test_the_newest_model_of_the_same_voice_is_gone_on_from_when_the_set_has_changed(
    ready: Library, toy_request
) -> None:
    request = toy_request()
    published(ready, request, "ana-1")
    published(ready, request, "ben-1", speaker="ben")
    assert resolved(ready, request, AUTO).base == "ana-1"
    published(ready, request, "ana-2")
    assert resolved(ready, request, LAST).base == "ana-2"
    assert resolved(ready, request, PRESET).base is None
    assert resolved(ready, request, "none").base == "none"
    assert resolved(ready, request, "ana-1").base == "ana-1"


def test_a_model_of_the_very_set_is_not_trained_twice_as_long_unless_asked_for(ready: Library, toy_request) -> None:
    from catalog import sets

    published(ready, toy_request(), "ana-1", set_id=sets.load(ready, "hums").info.id)
    assert resolved(ready, toy_request(), AUTO).base is None
    assert resolved(ready, toy_request(), LAST).base == "ana-1"


def test_a_model_with_another_network_or_encoder_does_not_fit(ready: Library, toy_request) -> None:
    published(ready, toy_request(), "ana-1")
    wider = toy_request(settings={"network": {"width": 32, "layers": 1, "kernel_size": 3, "bands": 16}})
    assert resolved(ready, wider, AUTO).base is None
    assert resolved(ready, toy_request(preset="32k"), AUTO).base is None
    assert resolved(ready, toy_request(encoder="contentvec"), AUTO).base is None


def test_a_run_starts_with_the_weights_of_its_parent(ready: Library, toy_request) -> None:
    request = toy_request()
    given = published(ready, request, "ana-1")
    start = find_start("ana-1", request.config(), ready)
    assert (start.words, start.parent and start.parent.name) == ("from the model ana-1", "ana-1")
    own = TrainState.build(request.config(), sizes(request.config(), 4, 1), 99, torch.device("cpu"))
    assert start.generator is not None
    assert load_base(own, start.generator, start.rest) == []
    for name, value in given.generator.state_dict().items():
        torch.testing.assert_close(own.generator.state_dict()[name], value, atol=1e-3, rtol=1e-3)


def test_what_a_model_does_not_hold_comes_from_its_runs_checkpoint_while_that_is_there(
    ready: Library, toy_request
) -> None:
    request = toy_request(preset="32k")
    config = request.config()
    given = published(ready, request, "ana-1")
    own = TrainState.build(config, sizes(config, 4, 1), 99, torch.device("cpu"))
    start = find_start("ana-1", config, ready)
    assert start.generator is not None
    assert start.rest is None
    assert load_base(own, start.generator) == ["the posterior encoder", "the discriminator"]
    identity = Identity(config, sizes(config, 4, 1), 1, "data")
    Checkpoints(ready.runs / "run-ana-1" / "checkpoints", identity, keep_last=1).save(given)
    rest = Parent.of(ready, "ana-1").checkpoint
    assert rest is not None
    assert load_base(own, start.generator, rest) == []
    assert given.discriminator is not None
    assert own.discriminator is not None
    for mine, theirs in ((own.discriminator, given.discriminator), (own.generator.enc_q, given.generator.enc_q)):
        assert all(torch.equal(value, theirs.state_dict()[name]) for name, value in mine.state_dict().items())
