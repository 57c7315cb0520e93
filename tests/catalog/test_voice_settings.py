"""Settings kept for a model: replaced, dropped, and still there when the library is opened again."""

from __future__ import annotations

import pytest

from catalog.errors import BadRequest
from catalog.library import Library
from catalog.store import Store


def test_the_settings_of_a_model_are_those_kept_last(library: Library, store: Store) -> None:
    store.keep_voice_settings("alto", {"index_rate": 0.2, "effects": ["eq"]})
    store.keep_voice_settings("ténor [2]", {"transpose": "auto"})
    store.keep_voice_settings("alto", {"index_rate": 0.4})
    store.close()
    with Store(library) as again:
        assert again.voice_settings() == {"alto": {"index_rate": 0.4}, "ténor [2]": {"transpose": "auto"}}


def test_settings_that_are_dropped_are_gone_and_may_come_back(store: Store) -> None:
    store.keep_voice_settings("alto", {"index_rate": 0.2})
    store.keep_voice_settings("alto", None)
    assert store.voice_settings() == {}
    store.keep_voice_settings("alto", {"protect": 0.1})
    assert store.voice_settings() == {"alto": {"protect": 0.1}}


def test_settings_belong_to_a_model(store: Store) -> None:
    with pytest.raises(BadRequest, match="has a name"):
        store.keep_voice_settings(" ", {})
