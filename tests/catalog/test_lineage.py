"""What the catalogue remembers of sets, runs, models and conversions."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest

from catalog.errors import BadRequest
from catalog.records import Analysis
from catalog.store import Store
from tests.catalog.conftest import a_set

MakeAnalysis = Callable[..., Analysis]


def test_sets_runs_models_and_conversions_are_remembered_once(store: Store, make_analysis: MakeAnalysis) -> None:
    analysis = make_analysis("one")
    store.take_in(analysis)
    info, entries = a_set(analysis)
    assert store.add_set(info, entries)
    assert not store.add_set(info, entries)
    assert store.sets() == [info]
    with pytest.raises(BadRequest, match="Another set named first"):
        store.add_set(dataclasses.replace(info, id="t" * 64), entries)

    assert store.add_run("run-1", "anna", info.id, {"preset": "small", "out": Path("x")})
    assert not store.add_run("run-1", "anna", info.id, {})
    (run,) = store.runs()
    assert (run["id"], run["model"], run["set"], run["outcome"], run["result"]) == (
        "run-1",
        "anna",
        "first",
        None,
        None,
    )
    assert run["request"] == {"preset": "small", "out": "x"}
    assert store.end_run("run-1", "stopped", {"steps": 10})
    assert store.end_run("run-1", "done", {"steps": 20})
    assert not store.end_run("run-1", "done", {"steps": 20})
    (run,) = store.runs()
    assert (run["outcome"], run["result"]) == ("done", {"steps": 20})
    with pytest.raises(BadRequest, match="no run"):
        store.end_run("run-9", "done", {})

    card = {"name": "anna", "id": "abc", "run": {"id": "run-1"}}
    assert store.add_model(card)
    assert not store.add_model(card)
    assert store.add_model({**card, "id": "def"})
    assert [model["id"] for model in store.models()] == ["def"]

    record = {"id": "c1", "model": "anna", "input": "a.wav", "output": "b.wav"}
    assert store.add_conversion(record)
    assert not store.add_conversion(record)
    (conversion,) = store.conversions()
    assert conversion["output"] == "b.wav"


def test_two_sets_of_the_same_clips_do_not_double_a_run(store: Store, make_analysis: MakeAnalysis) -> None:
    analysis = make_analysis("one")
    store.take_in(analysis)
    for name in ("first", "second"):
        store.add_set(*a_set(analysis, name))
    store.add_run("run-1", "anna", "s" * 64, {})
    assert [run["set"] for run in store.runs()] == ["first"]
