"""Several processes that train one model together: who this one is, what all agree on, and how they are started.

Separate so that everything else is written for one process: a team of one agrees with itself and averages nothing.
The leader (rank 0) alone reports, measures and writes; the others compute their share of every batch. Processes find
each other by the variables that torchrun sets. Method: synchronous data-parallel training with averaged gradients
(Li et al. 2020, PyTorch Distributed), over NCCL between GPUs and gloo between CPUs.
"""

from __future__ import annotations

import contextlib
import datetime
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from catalog.errors import BadRequest, CuratorError
from catalog.jobs import Job, JobReport, run_job

T = TypeVar("T")
PATIENCE = datetime.timedelta(hours=2)
"""How long the others wait while the leader makes features or measures."""


@dataclass(frozen=True)
class Team:
    """This process's place among those that train one model."""

    rank: int = 0
    size: int = 1

    @property
    def leads(self) -> bool:
        """Whether this process reports, measures and writes."""
        return self.rank == 0

    def check_share(self, batch_size: int) -> None:
        """Raise BadRequest unless a batch of so many rows can be shared equally."""
        if batch_size % self.size:
            raise BadRequest(
                f"A batch of {batch_size} cannot be shared equally by {self.size} processes: "
                f"train with --set batch_size={-(-batch_size // self.size) * self.size}"
            )

    def rows(self, batch_size: int) -> slice:
        """The rows of a batch that this process computes."""
        share = batch_size // self.size
        return slice(self.rank * share, (self.rank + 1) * share)

    def mean(self, value: Any) -> Any:
        """The mean of a tensor over all processes, on each of them; no gradient flows through it."""
        if self.size == 1:
            return value
        import torch.distributed as dist

        total = value.detach().clone()
        dist.all_reduce(total)
        return total / self.size

    def least(self, number: int) -> int:
        """The smallest of the numbers of all processes, on each of them."""
        if self.size == 1:
            return number
        import torch
        import torch.distributed as dist

        found = torch.tensor([number])
        dist.all_reduce(found, dist.ReduceOp.MIN)
        return int(found.item())

    def agree(self, asked: bool) -> bool:
        """What the leader says, on every process."""
        if self.size == 1:
            return asked
        import torch
        import torch.distributed as dist

        # on the CPU, over gloo, so that a GPU need not stop for it
        word = torch.tensor([int(asked)])
        dist.broadcast(word, src=0)
        return bool(word.item())

    def leader_first(self, work: Callable[[], T | None]) -> T | None:
        """What `work` gives, which the leader does alone first, so that the others find what it leaves on disk; None
        for all when it gives the leader nothing."""
        found = work() if self.leads else None
        if not self.agree(found is not None):
            return None
        return work() if found is None else found


ALONE = Team()


def is_member() -> bool:
    """Whether this process was started as one of several, by torchrun or alike."""
    return int(os.environ.get("WORLD_SIZE", "1")) > 1 and "RANK" in os.environ


@contextlib.contextmanager
def joined(cuda: bool) -> Iterator[Team]:
    """Be part of the team that the environment describes, or alone where it describes none."""
    if not is_member():
        yield ALONE
        return
    import torch.distributed as dist

    dist.init_process_group("cpu:gloo,cuda:nccl" if cuda else "gloo", timeout=PATIENCE)
    try:
        yield Team(dist.get_rank(), dist.get_world_size())
    except RuntimeError as error:
        if isinstance(error, CuratorError) or "Connection" not in str(error):
            raise
        raise CuratorError("Another process of this training died; log.txt in the run's folder says why") from error
    finally:
        dist.destroy_process_group()


@dataclass
class Silent:
    """What a process that does not lead reports to: it tells nobody, and stops when the leader does."""

    job: Job
    phases: list[str] = field(default_factory=list)

    def event(self, kind: str, /, **fields: object) -> None:
        """Say nothing."""

    def phase(self, name: str) -> None:
        """Say nothing."""

    def progress(self, done: float, total: float, unit: str, note: str = "", *, eta_s: float | None = None) -> None:
        """Say nothing."""

    def metric(self, step: int, values: Mapping[str, float]) -> None:
        """Say nothing."""

    def warning(self, text: str) -> None:
        """Say nothing."""

    def stop_requested(self) -> bool:
        """Only the leader is asked."""
        return False


def run_member(path: Path, work: Callable[[dict[str, Any], Any], object]) -> int:
    """Do the share of a process that does not lead, in the job folder of the leader; gives the exit code."""
    job = Job.open(path)
    # the leader is told to stop and tells the others between two steps
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, signal.SIG_IGN)
    try:
        work(job.request, Silent(job))
    except CuratorError as error:
        print(f"process {os.environ['RANK']}: {error}", file=sys.stderr)
        return 1
    return 0


def launch(path: Path, processes: int) -> int:
    """Start so many processes of `python -m trainer` on the job folder by torchrun, and wait; gives the exit code.

    The first of them owns the job. When one dies torchrun ends the others, and the job fails in words.
    """
    job = Job.open(path)
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(processes)]
    threads = max(1, (os.cpu_count() or 1) // processes)
    environment = {"OMP_NUM_THREADS": str(threads), **os.environ}
    before = {name: signal.signal(name, lambda *_: job.ask_stop()) for name in (signal.SIGTERM, signal.SIGINT)}
    command += ["--module", "trainer", str(path.resolve())]
    code = subprocess.run(command, env=environment, check=False).returncode
    for name, handler in before.items():
        signal.signal(name, handler)
    if code and job.result() is None:

        def fail(request: Mapping[str, Any], report: JobReport) -> None:
            raise CuratorError(
                f"One of {processes} processes of this training died; log.txt in the run's folder says why"
            )

        return run_job(path, fail)
    return code
