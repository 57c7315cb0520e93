"""What the keys of review write: about the clips as earlier keys left them, reasons together with their rejections."""

from __future__ import annotations

import pytest

from catalog.errors import BadRequest, LibraryLocked
from catalog.library import Library
from catalog.store import Store, Undone
from curator import edits
from curator.tui.journaling import Decision, Journaling
from tests.curator.tui.conftest import row_of_clips


@pytest.fixture
def store(library: Library) -> Store:
    """A catalogue of three clips."""
    store = Store(library)
    store.take_in(row_of_clips(3))
    return store


def test_verdicts_reasons_and_remarks_go_to_the_clip_that_an_edit_put_in_the_place(store: Store) -> None:
    first, second, _ = store.clip_table(sort='"start"').to_pylist()
    journaling = Journaling(store)
    new = edits.nudge(store, first, "start", 0.05).shown[0].id
    rejected = journaling.decide(Decision([first["id"]], "rejected"))
    why = journaling.explain(rejected, "music")
    assert rejected.clips == why.clips == (new,)
    assert journaling.remark([first["id"]], add=["loud"])[0] == (new,)
    row = store.clip(new)
    assert (row["verdict"], row["reasons"], row["tags"]) == ("rejected", ["music"], ["loud"])
    decided, _ = journaling.decide_each({first["id"]: "accepted", second["id"]: "rejected"}, "compared")
    assert decided == {new: "accepted", second["id"]: "rejected"}


def test_undo_and_redo_turn_a_rejection_together_with_its_reason(store: Store) -> None:
    clip = store.clip_table(limit=1)["id"][0].as_py()
    journaling = Journaling(store)
    journaling.explain(journaling.decide(Decision([clip], "rejected")), "noise")
    assert len(journaling.turn("undo")) == 2
    assert store.clip(clip)["verdict"] == "undecided"
    assert len(journaling.turn("redo")) == 2
    assert store.clip(clip)["reasons"] == ["noise"]
    assert Journaling(store).turn("redo") == ()


def test_a_reason_whose_rejection_failed_is_refused(store: Store) -> None:
    with pytest.raises(BadRequest, match="nothing was rejected"):
        Journaling(store).explain(Decision(["gone"], "rejected"), "noise")


def test_when_the_rejection_cannot_be_turned_the_turned_reason_is_told(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip = store.clip_table(limit=1)["id"][0].as_py()
    journaling = Journaling(store)
    journaling.explain(journaling.decide(Decision([clip], "rejected")), "noise")
    undo, asked = Store.undo, []

    def once(self: Store) -> Undone | None:
        asked.append(self)
        if len(asked) > 1:
            raise LibraryLocked("held")
        return undo(self)

    monkeypatch.setattr(Store, "undo", once)
    assert len(journaling.turn("undo")) == 1
    row = store.clip(clip)
    assert (row["verdict"], row["reasons"]) == ("rejected", [])
