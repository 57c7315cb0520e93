from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from catalog.errors import BadModel
from infer import hubert
from infer.hubert import HubertContent, build, graph_names, load_contentvec

WIDE, LAYERS = 64, 12
AUDIO = (0.1 * np.random.default_rng(0).standard_normal(8000)).astype(np.float32)


@pytest.fixture(scope="module")
def graph() -> nn.Module:
    """HuBERT's graph, narrow, with random weights."""
    from torchaudio.models import wav2vec2_model

    torch.manual_seed(0)
    return wav2vec2_model(
        "group_norm", None, False, WIDE, 0.0, 16, 4, LAYERS, 1, 0.0, 96, 0.0, 0.0, False, 0.0, None
    ).eval()  # fmt: skip


def as_fairseq(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The names a fairseq checkpoint has, with what else it holds."""
    rules = (
        (r"feature_extractor\.conv_layers\.0\.layer_norm\.", "feature_extractor.conv_layers.0.2."),
        (r"(feature_extractor\.conv_layers\.\d)\.conv\.", r"\1.0."),
        (r"encoder\.feature_projection\.layer_norm\.", "layer_norm."),
        (r"encoder\.feature_projection\.projection\.", "post_extract_proj."),
        (r"encoder\.transformer\.pos_conv_embed\.conv\.", "encoder.pos_conv.0."),
        (r"encoder\.transformer\.layer_norm\.", "encoder.layer_norm."),
        (r"encoder\.transformer\.layers\.(\d+)\.attention\.", r"encoder.layers.\1.self_attn."),
        (r"encoder\.transformer\.layers\.(\d+)\.layer_norm\.", r"encoder.layers.\1.self_attn_layer_norm."),
        (r"encoder\.transformer\.layers\.(\d+)\.feed_forward\.intermediate_dense\.", r"encoder.layers.\1.fc1."),
        (r"encoder\.transformer\.layers\.(\d+)\.feed_forward\.output_dense\.", r"encoder.layers.\1.fc2."),
        (r"encoder\.transformer\.layers\.", "encoder.layers."),
        (r"parametrizations\.weight\.original0", "weight_g"),
        (r"parametrizations\.weight\.original1", "weight_v"),
    )
    renamed = {}
    for name, value in tensors.items():
        for pattern, new in rules:
            name = re.sub(f"^{pattern}" if not pattern.startswith("param") else pattern, new, name)
        renamed[name] = value
    more = {"mask_emb": torch.zeros(WIDE), "label_embs_concat": torch.zeros(5, 8)}
    return renamed | more | {"final_proj.weight": torch.ones(256, WIDE) / 9, "final_proj.bias": torch.ones(256)}


def as_hugging_face(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The names the Hugging Face library writes."""
    renamed = {}
    for name, value in tensors.items():
        name = name.replace("encoder.transformer.", "encoder.")
        renamed[name.replace("encoder.feature_projection.", "feature_projection.")] = value
    return renamed | {"masked_spec_embed": torch.zeros(WIDE)}


def expected(graph: nn.Module, layer: int) -> np.ndarray:
    with torch.inference_mode():
        outputs, _ = graph.extract_features(torch.from_numpy(AUDIO)[None])
    return outputs[layer - 1][0].numpy()


@pytest.mark.parametrize("layout", [as_fairseq, as_hugging_face])
def test_both_layouts_give_the_same_features(graph: nn.Module, layout: object) -> None:
    tensors = layout(dict(graph.state_dict()))  # type: ignore[operator]
    network = build(graph_names(tensors))
    content = HubertContent("contentvec", WIDE, network, 12, None, "cpu")
    found = content.encode(AUDIO)
    assert found.shape == ((len(AUDIO) - 400) // 320 + 1, WIDE)
    assert np.allclose(found, expected(graph, 12), atol=1e-5)


def test_a_fairseq_file_in_half_precision_loads_with_its_foreign_objects(graph: nn.Module, tmp_path: Path) -> None:
    tensors = {name: value.half() for name, value in as_fairseq(dict(graph.state_dict())).items()}
    path = tmp_path / "hubert_base.pt"
    torch.save({"args": None, "cfg": Path("x"), "model": tensors}, path)
    encoder = load_contentvec(path, 256)
    assert (encoder.name, encoder.dim) == ("contentvec-256", 256)
    found = encoder.encode(AUDIO)
    by_hand = expected(graph, 9).sum(axis=1, keepdims=True) / 9 + 1
    assert found.shape[1] == 256
    assert np.allclose(found, by_hand, atol=0.05)
    assert encoder.measure(AUDIO) is None


def test_a_safetensors_file_is_read_and_says_what_it_lacks(graph: nn.Module, tmp_path: Path) -> None:
    path = tmp_path / "contentvec.safetensors"
    save_file({name: value.contiguous() for name, value in as_hugging_face(dict(graph.state_dict())).items()}, path)
    with pytest.raises(BadModel, match="64 numbers"):
        load_contentvec(path, 768)
    with pytest.raises(BadModel, match="last projection"):
        load_contentvec(path, 256)


def test_long_audio_in_pieces_matches_the_whole(graph: nn.Module, monkeypatch: pytest.MonkeyPatch) -> None:
    audio = (0.1 * np.random.default_rng(1).standard_normal(16000 * 4)).astype(np.float32)
    content = HubertContent("contentvec", WIDE, graph, 12, None, "cpu")
    whole = content.encode(audio)
    monkeypatch.setattr(hubert, "BLOCK_S", 2)
    monkeypatch.setattr(hubert, "MARGIN_S", 1)
    pieces = content.encode(audio)
    assert pieces.shape == whole.shape
    assert np.corrcoef(pieces.ravel(), whole.ravel())[0, 1] > 0.99


def test_weights_of_another_network_are_refused_by_file_name(tmp_path: Path) -> None:
    path = tmp_path / "hubert_base.pt"
    torch.save({"model": {"w": torch.zeros(3)}}, path)
    with pytest.raises(BadModel, match=r"hubert_base\.pt: .*not HuBERT"):
        load_contentvec(path, 768)


def test_a_missing_layer_is_named(graph: nn.Module) -> None:
    tensors = graph_names(as_fairseq(dict(graph.state_dict())))
    del tensors["encoder.transformer.layers.5.layer_norm.bias"]
    with pytest.raises(BadModel, match=r"layers\.5\.layer_norm\.bias"):
        build(tensors)
