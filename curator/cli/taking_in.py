"""Following a job that reads recordings, and taking in what it has finished while it goes on.

Separate from `output`, which knows no catalogue, and from the commands that share it: `add`, `reslice`, `rescore`.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from curator.cli.output import follow, say
from curator.words import one_line

if TYPE_CHECKING:
    from catalog.jobs import Job
    from catalog.store import Store
    from curator.intake import Taken

TAKE_IN_EVERY_S = 2.0
"""Each time costs a look at all that the job has done so far."""


def take_in_as_it_goes(store: Store, job: Job, title: str) -> Taken:
    """Follow a job to its end under a `title`, a line for each file that failed; all that it gave is taken in then."""
    from curator.intake import take_in_finished

    taken_at = 0.0

    def on_event(event: dict[str, Any]) -> None:
        nonlocal taken_at
        if event["type"] in ("recording", "known") and time.monotonic() > taken_at + TAKE_IN_EVERY_S:
            take_in_finished(store, job)
            taken_at = time.monotonic()
        elif event["type"] == "failed":
            say(f"curator: {one_line(event['error'])}")

    follow(job, title, on_event)
    return take_in_finished(store, job)
