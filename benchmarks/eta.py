"""Was the time left right? Every prediction of ended runs against what happened.

    python -m benchmarks.eta RUN_FOLDER...

A run's events hold each prediction with its time. Read are the steps from the last start of the training on; a
prediction is judged from the first minute on until a twentieth of the time is left, against the moment of the last
save. Prints the error of the prediction after the first minute and the middle and worst of all, as a share of the time
that was really left. A machine that is busy with other things moves under the prediction: measure it quiet, or on a run
of `benchmarks.overtraining`, which counts the time left in its own processor seconds and stamps every event with them
(`Stamped`).
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from catalog.jobs import Job, JobReport

AFTER_S = 60.0
LAST_SHARE = 0.05


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("runs", type=Path, nargs="+")
    print(f"{'run':32} {'clock':>9} {'seconds':>8} {'at 60 s: said':>14} {'really':>8} "
          f"{'error':>8} {'middle':>8} {'worst':>8}")  # fmt: skip
    for path in options.parse_args().runs:
        print(f"{path.name[:32]:32} {judged(Job.open(path).events()[0])}")


class Stamped(JobReport):
    """A report whose events say as well how many seconds of processor this process had used."""

    def event(self, kind: str, /, **fields: Any) -> None:
        """Append one event."""
        super().event(kind, **fields, processor_s=round(time.process_time(), 3))


def judged(events: Sequence[dict[str, Any]]) -> str:
    """One run in figures."""
    clock = "processor_s" if any("processor_s" in event for event in events) else "t"
    events = [event for event in events if clock in event]
    told = [at for at, event in enumerate(events) if is_told(event)]
    starts = [at for at, event in enumerate(events) if event["type"] in ("phase", "resumed")
              and event.get("name", "train") == "train" and at < max(told, default=0)]  # fmt: skip
    part = events[starts[-1] if starts else 0 :]
    progress = [event for event in part if is_told(event)]
    saves = [event for event in part if event["type"] == "checkpoint"]
    if not progress or not saves or saves[-1]["step"] < progress[-1]["total"]:
        return "did not reach its last step"
    began, end = part[0][clock], saves[-1][clock]
    late = [event for event in progress
            if event[clock] - began >= AFTER_S and end - event[clock] >= LAST_SHARE * (end - began)]  # fmt: skip
    if not late:
        return f"{end - began:8.1f} too short to judge"
    errors = [abs(event["eta_s"] / (end - event[clock]) - 1) for event in late]
    said, really = late[0]["eta_s"], end - late[0][clock]
    shares = "".join(f"{100 * error:7.1f}%" for error in (errors[0], statistics.median(errors), max(errors)))
    return f"{'wall' if clock == 't' else 'processor':>9} {end - began:8.1f} {said:14.1f} {really:8.1f} {shares}"


def is_told(event: dict[str, Any]) -> bool:
    """Whether an event predicts the time left of a training."""
    return bool(event["type"] == "progress" and event["unit"] == "steps" and event["eta_s"])


if __name__ == "__main__":
    main()
