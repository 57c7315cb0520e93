"""The packed store of features."""

from __future__ import annotations

import numpy as np
import pytest

from trainer.cache import PackedStore


def test_arrays_come_back_as_they_were_stored_from_one_mapped_file_a_shard(tmp_path):
    store = PackedStore(tmp_path / "content")
    arrays = {key: np.random.default_rng(n).random((n, 3)).astype(np.float16) for n, key in enumerate("abc", 1)}
    store.put(arrays)
    again = PackedStore(tmp_path / "content")
    for key, array in arrays.items():
        assert key in again
        assert np.array_equal(again.get(key), array)
        assert isinstance(again.get(key).base, np.memmap)
    assert len(list((tmp_path / "content").iterdir())) == 1


def test_a_store_that_grew_in_another_process_is_read_whole(tmp_path):
    first, second = PackedStore(tmp_path / "f0"), PackedStore(tmp_path / "f0")
    first.put({"a": np.arange(3)})
    second.put({"b": np.arange(4)})
    assert "a" in second
    assert np.array_equal(PackedStore(tmp_path / "f0").get("b"), np.arange(4))


def test_a_shard_that_was_cut_off_is_not_seen(tmp_path):
    store = PackedStore(tmp_path / "audio")
    store.put({"a": np.arange(3)})
    (tmp_path / "audio" / ".torn.part").mkdir()
    (tmp_path / "audio" / ".torn.part" / "data.npy").write_bytes(b"half")
    again = PackedStore(tmp_path / "audio")
    assert "a" in again


def test_an_unknown_key_is_a_key_error(tmp_path):
    with pytest.raises(KeyError):
        PackedStore(tmp_path / "none").get("a")
