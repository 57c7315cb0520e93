"""The metrics of a run for TensorBoard, beside the run's own events, where the extra `tensorboard` is installed.

Separate because nothing else needs that package; only scalars are written, a few megabytes for a long run.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from trainer.loop import Report

FOLDER = "tensorboard"


@contextmanager
def beside(report: Report, run: Path) -> Iterator[Report]:
    """A report that writes each metric into RUN/tensorboard as well; the report itself without the package."""
    if find_spec("tensorboard") is None:
        yield report
        return
    boarded = _Boarded(report, run / FOLDER)
    try:
        yield boarded
    finally:
        boarded.close()


class _Boarded:
    """What `Report` asks for, with a copy of the metrics."""

    def __init__(self, report: Report, folder: Path) -> None:
        self._report = report
        self._folder = folder
        self._writer: Any = None
        self.event = report.event
        self.progress = report.progress
        self.warning = report.warning
        self.stop_requested = report.stop_requested

    def metric(self, step: int, values: Mapping[str, float]) -> None:
        """Tell the report and write; what a run says again after it was cut off takes the place of what it said."""
        self._report.metric(step, values)
        if self._writer is None:
            from torch.utils.tensorboard import SummaryWriter

            self._writer = SummaryWriter(str(self._folder), purge_step=step)
        for name, value in values.items():
            self._writer.add_scalar(name, value, step)

    def close(self) -> None:
        """Write what is pending."""
        if self._writer is not None:
            self._writer.close()
