"""`curator learn`: in words, as JSON, applied in one action, and forgotten."""

from __future__ import annotations

import json
from collections.abc import Callable

import numpy as np
import pytest
from click.testing import CliRunner

from catalog.library import Library
from catalog.store import Store
from curator.cli.learn import learn


@pytest.fixture
def decided(told_by_noise: Callable[..., Library]) -> Library:
    """Six recordings of forty clips; those above 25 dB are accepted, the others rejected, in the first four."""
    return told_by_noise(decided="path < '/voices/4'", seed=5)


def run(library: Library, *options: str) -> tuple[int, str]:
    result = CliRunner().invoke(learn, options, obj=str(library.root), standalone_mode=False)
    if result.exception:
        raise result.exception
    return result.return_value, result.stdout


def test_it_says_how_right_it_is_and_decides_nothing(decided: Library) -> None:
    code, text = run(decided)
    assert code == 0
    assert "Learned from 160 decisions" in text
    assert "precision" in text
    assert "snr_db" in text
    with Store(decided) as store:
        assert store.clip_table(where="verdict = 'undecided'").num_rows == 80
        assert store.clip_table(where="accept_probability IS NULL").num_rows == 0


def test_apply_decides_the_clear_ones_and_one_undo_takes_them_back(decided: Library) -> None:
    code, text = run(decided, "--apply", "--json")
    document = json.loads(text)
    accept, reject = document["clear"]["accept"], document["clear"]["reject"]
    assert code == 0
    assert document["applied"]
    assert len(accept) + len(reject) > 40
    with Store(decided) as store:
        rows = {row["id"]: row for row in store.clip_table().to_pylist()}
        assert all(rows[clip]["verdict"] == "accepted" and rows[clip]["reasons"] == ["learned"] for clip in accept)
        assert all(rows[clip]["verdict"] == "rejected" for clip in reject)
        assert np.mean([rows[clip]["snr_db"] > 25 for clip in accept]) > 0.9
        undone = store.undo()
        assert undone is not None
        assert set(undone.clips) == {*accept, *reject}
        assert store.clip_table(where="verdict = 'undecided'").num_rows == 80


def test_forget_leaves_nothing_that_counts(decided: Library) -> None:
    run(decided)
    assert "any more" in run(decided, "--forget")[1]
    with Store(decided) as store:
        assert store.judgement() is None
        assert store.clip_table(where="doubt IS NOT NULL").num_rows == 0
