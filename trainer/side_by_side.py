"""The same work on several networks at once, each on a thread of its own.

Separate because it is about threads alone. A CPU that shares every layer of one network among its cores waits at the
end of each for the slowest; networks that do not depend on each other need to wait once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import torch
from torch import nn

MOST = 4
"""Threads up to which it is done; with more, the last networks would leave many of them idle."""

T = TypeVar("T")


def side_by_side(work: Callable[[nn.Module], T], networks: Sequence[nn.Module], device: torch.device) -> list[T]:
    """What `work` gives for each network, in their order; the same whatever the number of threads, but for rounding.

    Those that would be left over are done before, each by all threads. Work must not share what it changes.
    """
    threads = torch.get_num_threads()
    if device.type != "cpu" or not 1 < threads <= MOST:
        return [work(network) for network in networks]
    alone = len(networks) % threads
    found = [work(network) for network in networks[:alone]]
    try:
        with ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,)) as pool:
            found += pool.map(work, networks[alone:])
    finally:
        # the number that a thread sets is the one that threads born later begin with
        torch.set_num_threads(threads)
    return found
