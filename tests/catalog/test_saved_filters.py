"""Filters under a name: kept, replaced, removed, and never anything that is not a filter."""

from __future__ import annotations

import pytest

from catalog.errors import BadRequest
from catalog.saved_filters import SavedFilter
from catalog.store import Store


def test_a_filter_is_kept_under_its_name_and_replaced_by_the_next_of_that_name(store: Store) -> None:
    store.save_filter(SavedFilter("quiet [ones]", "loudness_lufs < -40", ""))
    store.save_filter(SavedFilter("Again", "", "snr_db DESC"))
    store.save_filter(SavedFilter("  quiet   [ones] ", "loudness_lufs < -35", "path"))
    assert store.saved_filters() == [
        SavedFilter("Again", "", "snr_db DESC"),
        SavedFilter("quiet [ones]", "loudness_lufs < -35", "path"),
    ]


def test_a_removed_filter_is_gone_and_may_come_back(store: Store) -> None:
    store.save_filter(SavedFilter("one", "snr_db > 3", ""))
    store.remove_filter("one")
    assert store.saved_filters() == []
    with pytest.raises(BadRequest, match="no saved filter called one"):
        store.remove_filter("one")
    store.save_filter(SavedFilter("one", "snr_db > 4", ""))
    assert [each.where for each in store.saved_filters()] == ["snr_db > 4"]


@pytest.mark.parametrize(
    ("saved", "said"),
    [
        (SavedFilter("one", "snr_db >", ""), "cannot be read"),
        (SavedFilter("one", "", "nothing_known"), "Unknown name"),
        (SavedFilter("one", " ", ""), "no filter and no order"),
        (SavedFilter(" ", "snr_db > 3", ""), "needs a name"),
        (SavedFilter("x" * 61, "snr_db > 3", ""), "needs a name"),
    ],
)
def test_what_is_no_filter_or_has_no_name_is_refused(store: Store, saved: SavedFilter, said: str) -> None:
    with pytest.raises(BadRequest, match=said):
        store.save_filter(saved)
    assert store.saved_filters() == []
