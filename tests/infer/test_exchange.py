"""RVC voices in and out of the registry."""

from __future__ import annotations

import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from toy_voice import publish_small

from catalog import registry
from catalog.errors import BadModel, BadRequest
from catalog.library import Library
from infer.exchange import export_rvc, import_rvc
from infer.synthesizer import Synthesizer
from infer.synthesizer_config import SynthesizerConfig
from infer.weights import read_pth, read_safetensors, write_pth


def tiny(phone_dim: int = 768) -> Synthesizer:
    torch.manual_seed(0)
    return Synthesizer(
        SynthesizerConfig(
            sample_rate=40000,
            spec_channels=33,
            upsample_rates=(10, 10, 2, 2),
            upsample_kernel_sizes=(16, 16, 4, 4),
            inter_channels=8,
            hidden_channels=8,
            filter_channels=16,
            n_layers=1,
            upsample_initial_channel=32,
            gin_channels=8,
            spk_embed_dim=3,
            phone_dim=phone_dim,
            posterior_layers=2,
        ),
        posterior=False,
    )


@pytest.fixture
def voice(tmp_path: Path) -> Path:
    path = tmp_path / "singer.pth"
    write_pth(path, tiny(), version="v2", info="20epoch", extras={"author": "somebody"})
    return path


def test_what_goes_in_comes_out_exactly(library: Library, voice: Path, tmp_path: Path) -> None:
    card = import_rvc(library, voice, name="singer")
    assert card["sample_rate"] == 40000
    assert card["encoder"]["name"] == "contentvec"
    (out,) = export_rvc(library, "singer", tmp_path / "out")
    before, after = read_pth(voice), read_pth(out)
    assert after.config == before.config
    assert (after.version, after.info, after.extras) == (before.version, before.info, before.extras)
    assert list(after.tensors) == list(before.tensors)
    assert all(torch.equal(after.tensors[key], before.tensors[key]) for key in before.tensors)


def test_an_index_travels_with_its_voice_byte_for_byte(library: Library, voice: Path, tmp_path: Path) -> None:
    import faiss

    index = faiss.IndexFlatL2(768)
    index.add(np.eye(768, dtype=np.float32)[:10])
    faiss.write_index(index, str(tmp_path / "singer.index"))
    import_rvc(library, voice, name="singer", index=tmp_path / "singer.index")
    _, out = export_rvc(library, "singer", tmp_path / "out")
    assert out.read_bytes() == (tmp_path / "singer.index").read_bytes()


def test_an_index_of_another_size_is_refused_and_nothing_is_published(
    library: Library, voice: Path, tmp_path: Path
) -> None:
    import faiss

    faiss.write_index(faiss.IndexFlatL2(256), str(tmp_path / "other.index"))
    with pytest.raises(BadModel, match="256"):
        import_rvc(library, voice, name="singer", index=tmp_path / "other.index")
    assert registry.list_models(library) == []


def test_a_pickle_that_would_run_code_is_refused_without_running_it(library: Library, tmp_path: Path) -> None:
    bait = tmp_path / "ran"

    class Bomb:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            import os

            return os.system, (f"touch {bait}",)

    for name, protocol in (("plain.pth", 2), ("new.pth", 4)):
        (tmp_path / name).write_bytes(pickle.dumps({"weight": Bomb()}, protocol=protocol))
    torch.save({"weight": {}, "config": []}, tmp_path / "inside.pth")
    hostile = tmp_path / "zipped.pth"
    with zipfile.ZipFile(tmp_path / "inside.pth") as good, zipfile.ZipFile(hostile, "w") as bad:
        for entry in good.infolist():
            data = pickle.dumps(Bomb()) if entry.filename.endswith("data.pkl") else good.read(entry)
            bad.writestr(entry.filename, data)
    for name in ("plain.pth", "new.pth", "zipped.pth"):
        with pytest.raises(BadModel) as refused:
            import_rvc(library, tmp_path / name, name="bomb")
        assert "\n" not in str(refused.value)
    assert not bait.exists()
    assert registry.list_models(library) == []


def test_a_voice_on_an_encoder_that_rvc_lacks_is_not_exported(library: Library, tmp_path: Path) -> None:
    from infer.weights import write_safetensors

    network = tiny(phone_dim=128)

    def fill(folder: Path) -> dict[str, object]:
        write_safetensors(folder / "model.safetensors", network)
        card = {"version": "v2", "f0": True, "sample_rate": 40000, "config": network.config.to_dict()}
        return card | {"encoder": {"name": "phone", "version": "1", "dim": 128}}

    registry.publish(library, "own", build=fill)
    with pytest.raises(BadRequest, match="phone"):
        export_rvc(library, "own", tmp_path / "out")
    assert read_safetensors(library.models / "own" / "model.safetensors").config.phone_dim == 128


def test_a_small_voice_is_not_exported_and_told_which_presets_can_be(library: Library, tmp_path: Path) -> None:
    publish_small(library, "own")
    with pytest.raises(BadRequest, match=r"own is a source-filter .* --preset 32k, 40k or 48k .*contentvec") as refused:
        export_rvc(library, "own", tmp_path / "out")
    assert "\n" not in str(refused.value)
    assert not (tmp_path / "out").exists()


def test_an_export_never_overwrites(library: Library, voice: Path, tmp_path: Path) -> None:
    import_rvc(library, voice, name="singer")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "singer.pth").write_text("mine")
    with pytest.raises(BadRequest, match="exists"):
        export_rvc(library, "singer", tmp_path / "out")
    assert (tmp_path / "out" / "singer.pth").read_text() == "mine"
