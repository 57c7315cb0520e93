"""The executor for many machines: the same work as tasks on an existing Ray cluster.

Separate from the processes of this machine because Ray is an extra, imported here and nowhere else. What leaves a node
is what leaves a local worker, so the catalogue does not know where the work was done.
"""

from __future__ import annotations

import os
import socket
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import metadata
from typing import Any
from urllib.parse import urlsplit

from catalog.errors import BadRequest, CuratorError
from curator.executor import ATTEMPTS, GIVEN_UP, ONE_THREAD, Done, Item, Value, attempt

MOVES = 8
"""Nodes that may be lost under one item; that is hardly the item's doing, unlike the death of its process."""
ANSWER_S = 5.0
AHEAD = 2
"""Tasks handed over beyond the processors of the cluster, so that none waits for the next."""


@dataclass(frozen=True)
class RayExecutor:
    """Tasks of one processor and one thread each on the Ray cluster at `address`.

    `address` is what `ray.init` takes: `HOST:PORT` on a machine of the cluster, `ray://HOST:PORT` from outside, or
    `auto`. A task whose process dies is done once more, one whose node is lost is done again elsewhere.
    """

    address: str

    def map_unordered(
        self,
        function: Callable[[Item], Value],
        items: Sequence[Item],
        *,
        cost: Callable[[Item], float],
        stop: Callable[[], bool],
    ) -> Iterator[Done[Item, Value]]:
        """As `Executor.map_unordered`; the nodes must hold this program in the same version."""
        with _connected(self.address) as ray:
            remote = ray.remote(num_cpus=1, max_retries=0)(_on_a_node)
            work = _Work(ray, remote, function, deque(sorted(items, key=cost, reverse=True)))
            try:
                while work.todo or work.running:
                    if stop():
                        return
                    yield from work.step()
            finally:
                work.give_up()


class _Work:
    """What is still to do and what is under way on the cluster."""

    def __init__(self, ray: Any, remote: Any, function: Callable[[Any], Any], todo: deque[Any]) -> None:
        self.ray = ray
        self.remote = remote
        self.function = function
        self.todo = todo
        self.running: dict[Any, _Try] = {}

    def step(self) -> list[Done[Any, Any]]:
        """Hand over what there is room for, wait a moment, and return the items that are over."""
        while self.todo and len(self.running) < self._room():
            self._start(_Try(self.todo.popleft()))
        ready, _ = self.ray.wait(list(self.running), num_returns=1, timeout=0.1)
        return [done for reference in ready if (done := self._over(reference)) is not None]

    def _room(self) -> int:
        return int(self.ray.cluster_resources().get("CPU", 1)) + AHEAD

    def _start(self, tried: _Try) -> None:
        self.running[self.remote.remote(self.function, tried.item, program_version())] = tried

    def _over(self, reference: Any) -> Done[Any, Any] | None:
        """The item behind a reference; None when it is to be done again."""
        tried = self.running.pop(reference)
        errors = self.ray.exceptions
        try:
            value, error = self.ray.get(reference)
            return Done(tried.item, value, error)
        except errors.RayTaskError as error:
            # `_on_a_node` lets nothing out: this is a node that could not even load the function.
            line = (str(error).strip().splitlines() or ["no reason given"])[-1]
            return Done(
                tried.item, None, f"a node of the cluster cannot run it ({line}); is this program on every node?"
            )
        except (errors.WorkerCrashedError, errors.OutOfMemoryError):
            tried.deaths += 1
        except errors.RuntimeEnvSetupError as error:
            line = str(error).strip().splitlines()[-1]
            return Done(tried.item, None, f"a node of the cluster could not be prepared ({line})")
        except errors.RayError:
            tried.moves += 1
        if tried.deaths >= ATTEMPTS:
            return Done(tried.item, None, GIVEN_UP)
        if tried.moves >= MOVES:
            return Done(tried.item, None, f"{MOVES} nodes of the cluster were lost while they worked on it")
        self._start(tried)
        return None

    def give_up(self) -> None:
        """Cancel what is under way."""
        for reference in self.running:
            self.ray.cancel(reference, force=True)
        self.running.clear()


@dataclass
class _Try:
    """An item under way: how often its process died, and how often its node was lost."""

    item: Any
    deaths: int = 0
    moves: int = 0


def program_version() -> str:
    """The version of this program as installed."""
    return metadata.version("voice-curator")


def _on_a_node(function: Callable[[Any], Any], item: Any, version: str) -> tuple[Any, str | None]:
    """What runs on the cluster: as the local worker does, once the program is known to be the same."""
    if (here := program_version()) != version:
        return None, f"{socket.gethostname()} has version {here} of this program and the others {version}"
    return attempt(function, item)


@contextmanager
def _connected(address: str) -> Iterator[Any]:
    """Ray, connected to a cluster; raises BadRequest in one line when it is not installed or nothing answers."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray
    except ImportError:
        raise BadRequest("--ray needs Ray, which is not installed: pip install 'voice-curator[ray]'") from None
    _check_answers(address)
    try:
        ray.init(
            address=address,
            log_to_driver=False,
            configure_logging=False,
            runtime_env={"env_vars": ONE_THREAD},
        )
    except (ConnectionError, RuntimeError, ValueError, TimeoutError) as error:
        line = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise CuratorError(f"The Ray cluster at {address} cannot be used: {line}") from error
    try:
        yield ray
    finally:
        ray.shutdown()


def _check_answers(address: str) -> None:
    """Ray itself waits for minutes, or ends the process, where nothing listens."""
    if address == "auto":
        return
    parts = urlsplit(address if "://" in address else f"ray-head://{address}")
    try:
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if not host or not port:
        raise BadRequest(f"--ray {address}: give HOST:PORT, ray://HOST:PORT or auto.")
    try:
        socket.create_connection((host, port), timeout=ANSWER_S).close()
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise BadRequest(f"No Ray cluster answers at {address} ({reason}).") from error
