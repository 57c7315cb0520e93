"""Metrics for TensorBoard, read back with its own reader."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from trainer.boards import FOLDER, beside


@pytest.fixture
def report() -> Any:
    told: list[tuple[int, dict[str, float]]] = []
    return SimpleNamespace(
        told=told,
        metric=lambda step, values: told.append((step, dict(values))),
        event=lambda *_, **__: None,
        progress=lambda *_, **__: None,
        warning=lambda *_: None,
        stop_requested=lambda: False,
    )


def scalars(run: Path, name: str) -> list[tuple[int, float]]:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    read = EventAccumulator(str(run / FOLDER))
    read.Reload()
    return [(point.step, round(point.value, 4)) for point in read.Scalars(name)]


def test_metrics_reach_the_report_and_the_board_and_a_resumed_run_takes_back_what_it_does_again(report, tmp_path):
    with beside(report, tmp_path) as told:
        for step in (10, 20, 30):
            told.metric(step, {"g/mel": step / 10})
    with beside(report, tmp_path) as told:
        told.metric(20, {"g/mel": 7.0, "held_out/mel": 0.5})
    assert [step for step, _ in report.told] == [10, 20, 30, 20]
    assert scalars(tmp_path, "g/mel") == [(10, 1.0), (20, 7.0)]
    assert scalars(tmp_path, "held_out/mel") == [(20, 0.5)]


def test_without_the_package_the_report_is_used_as_it_is(report, tmp_path, monkeypatch):
    monkeypatch.setattr("trainer.boards.find_spec", lambda _: None)
    with beside(report, tmp_path) as told:
        assert told is report
        told.metric(1, {"g/mel": 1.0})
    assert not (tmp_path / FOLDER).exists()
