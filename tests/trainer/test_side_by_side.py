"""Work on several networks at once: the order of what it gives, and the threads that it leaves behind."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
import torch
from torch import nn

from trainer.side_by_side import MOST, side_by_side

CPU = torch.device("cpu")


@pytest.fixture
def networks() -> Iterator[list[nn.Module]]:
    before = torch.get_num_threads()
    torch.manual_seed(0)
    yield [nn.Linear(4, 4) for _ in range(5)]
    torch.set_num_threads(before)


def learn(network: nn.Module) -> float:
    loss = network(torch.ones(2, 4)).square().mean()
    loss.backward()
    return float(loss.detach())


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_what_it_gives_and_leaves_on_the_networks_is_what_one_after_the_other_does(
    networks: list[nn.Module], threads: int
) -> None:
    torch.set_num_threads(threads)
    found = side_by_side(learn, networks, CPU)
    gradients = [part.grad.clone() for network in networks for part in network.parameters() if part.grad is not None]
    for network in networks:
        network.zero_grad()
    assert found == [learn(network) for network in networks]
    expected = [part.grad for network in networks for part in network.parameters()]
    assert len(gradients) == len(expected)
    assert all(torch.equal(one, two) for one, two in zip(gradients, expected, strict=True) if two is not None)


def test_those_left_over_have_all_threads_and_the_others_one_each(networks: list[nn.Module]) -> None:
    torch.set_num_threads(2)
    meeting = threading.Barrier(2, timeout=20)

    def work(network: nn.Module) -> tuple[bool, int]:
        main = threading.current_thread() is threading.main_thread()
        if not main:
            meeting.wait()
        return main, torch.get_num_threads()

    assert side_by_side(work, networks, CPU) == [(True, 2), *[(False, 1)] * 4]
    assert torch.get_num_threads() == 2


def test_many_threads_share_one_network_after_the_other(networks: list[nn.Module]) -> None:
    torch.set_num_threads(MOST + 1)
    main = threading.current_thread()
    assert all(side_by_side(lambda _: threading.current_thread() is main, networks, CPU))


def test_an_error_of_one_network_is_the_error_of_all(networks: list[nn.Module]) -> None:
    torch.set_num_threads(2)

    def work(network: nn.Module) -> None:
        if network is networks[-1]:
            raise RuntimeError("not enough memory")

    with pytest.raises(RuntimeError, match="not enough memory"):
        side_by_side(work, networks, CPU)
    assert torch.get_num_threads() == 2
