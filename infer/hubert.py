"""ContentVec: HuBERT's graph from torchaudio with the published weights, read from either of their two layouts.

Separate because only voices made for it need it. Method: Qian et al., ICML 2022; the graph: Hsu et al., 2021.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from catalog.errors import BadModel
from infer.content_encoder import Statistics
from infer.inert_pickle import read_tensors

HEAD_SIZE = 64
LAYERS = {768: 12, 256: 9}
"""The layer whose output is the feature, by the size of the feature; 256 goes through the file's last projection."""
BLOCK_S, MARGIN_S = 40, 2
_RATE, _HOP, _WINDOW = 16000, 320, 400

_FAIRSEQ = (
    (r"feature_extractor\.conv_layers\.0\.2\.", "feature_extractor.conv_layers.0.layer_norm."),
    (r"feature_extractor\.conv_layers\.(\d+)\.0\.", r"feature_extractor.conv_layers.\1.conv."),
    (r"layer_norm\.", "encoder.feature_projection.layer_norm."),
    (r"post_extract_proj\.", "encoder.feature_projection.projection."),
    (r"encoder\.pos_conv\.0\.", "encoder.transformer.pos_conv_embed.conv."),
    (r"encoder\.layer_norm\.", "encoder.transformer.layer_norm."),
    (r"encoder\.layers\.(\d+)\.self_attn\.", r"encoder.transformer.layers.\1.attention."),
    (r"encoder\.layers\.(\d+)\.self_attn_layer_norm\.", r"encoder.transformer.layers.\1.layer_norm."),
    (r"encoder\.layers\.(\d+)\.fc1\.", r"encoder.transformer.layers.\1.feed_forward.intermediate_dense."),
    (r"encoder\.layers\.(\d+)\.fc2\.", r"encoder.transformer.layers.\1.feed_forward.output_dense."),
    (r"encoder\.layers\.(\d+)\.final_layer_norm\.", r"encoder.transformer.layers.\1.final_layer_norm."),
)
"""Names as fairseq writes them -> names in torchaudio's graph; the first that matches at the start counts."""
_HUGGING_FACE = (
    (r"feature_projection\.", "encoder.feature_projection."),
    (r"encoder\.", "encoder.transformer."),
)
_NORMED = (("weight_g", "parametrizations.weight.original0"), ("weight_v", "parametrizations.weight.original1"))
_KEPT = ("feature_extractor.", "encoder.")


def graph_names(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Tensors of either layout under the names of torchaudio's graph; what the graph does not have is left out."""
    fairseq = any(name.startswith("post_extract_proj.") for name in tensors)
    named = {}
    for name, value in tensors.items():
        new = name.removeprefix("hubert.")
        for pattern, replacement in _FAIRSEQ if fairseq else _HUGGING_FACE:
            new, count = re.subn(f"^{pattern}", replacement, new)
            if count:
                break
        for old, current in _NORMED:
            new = re.sub(rf"\.conv\.{old}$", f".conv.{current}", new)
        if new.startswith(_KEPT):
            named[new] = value.float()
    return named


def build(tensors: Mapping[str, Tensor]) -> nn.Module:
    """HuBERT's graph in the size of the given tensors (torchaudio's names), holding them; raises BadModel when they
    do not make one."""
    from torchaudio.models import wav2vec2_model

    try:
        wide, _ = tensors["encoder.feature_projection.projection.weight"].shape
        middle = len(tensors["encoder.transformer.layers.0.feed_forward.intermediate_dense.bias"])
        _, group, kernel = tensors["encoder.transformer.pos_conv_embed.conv.parametrizations.weight.original1"].shape
    except (KeyError, ValueError) as error:
        raise BadModel(f"these weights are not HuBERT's ({error} is missing or of another shape)") from error
    layers = len({name.split(".")[3] for name in tensors if name.startswith("encoder.transformer.layers.")})
    with torch.device("meta"):
        network: nn.Module = wav2vec2_model(
            extractor_mode="group_norm",
            extractor_conv_layer_config=None,
            extractor_conv_bias=False,
            encoder_embed_dim=wide,
            encoder_projection_dropout=0.0,
            encoder_pos_conv_kernel=kernel,
            encoder_pos_conv_groups=wide // group,
            encoder_num_layers=layers,
            encoder_num_heads=max(1, wide // HEAD_SIZE),
            encoder_attention_dropout=0.0,
            encoder_ff_interm_features=middle,
            encoder_ff_interm_dropout=0.0,
            encoder_dropout=0.0,
            encoder_layer_norm_first=False,
            encoder_layer_drop=0.0,
            aux_num_out=None,
        )
    expected = network.state_dict()
    wrong = [name for name, value in expected.items() if name not in tensors or tensors[name].shape != value.shape]
    if wrong:
        raise BadModel(f"these weights are not HuBERT's: {wrong[0]} is missing or of another size")
    network.load_state_dict({name: tensors[name] for name in expected}, assign=True)
    return network.eval()


def load_contentvec(path: Path, dim: int, device: str = "cpu") -> HubertContent:
    """ContentVec from a fairseq checkpoint (.pt) or Hugging Face's layout (.safetensors), giving features of `dim`.

    Nothing in the file is executed. Raises BadModel when it is damaged or not a HuBERT of the base size.
    """
    tensors = _read(path)
    try:
        network = build(graph_names(tensors))
    except BadModel as error:
        raise BadModel(f"{path.name}: {error}") from error
    wide = width_of(network)
    if dim == 768 and wide != dim:
        raise BadModel(f"{path.name} gives features of {wide} numbers; ContentVec gives {dim}")
    projection = None
    if dim != 768:
        weight, bias = tensors.get("final_proj.weight"), tensors.get("final_proj.bias")
        if weight is None or bias is None or weight.shape[0] != dim:
            raise BadModel(f"{path.name} has no last projection to {dim} numbers, which v1 voices need")
        projection = (weight.float().to(device), bias.float().to(device))
    name = "contentvec" if projection is None else f"contentvec-{dim}"
    return HubertContent(name, dim, network.to(device), LAYERS[dim], projection, device)


def width_of(network: nn.Module) -> int:
    """Size of the features that a graph of `build` gives."""
    return int(network.state_dict()["encoder.feature_projection.projection.bias"].shape[0])


def _read(path: Path) -> dict[str, Tensor]:
    if path.suffix != ".safetensors":
        return read_tensors(path, "model")
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except (SafetensorError, OSError, ValueError) as error:
        raise BadModel(f"{path.name} is damaged or cut off ({error})") from error


class HubertContent:
    """A content encoder over HuBERT's graph: the output of one layer, and for v1 voices its projection."""

    version = "1"

    def __init__(
        self,
        name: str,
        dim: int,
        network: nn.Module,
        layer: int,
        projection: tuple[Tensor, Tensor] | None,
        device: str,
    ) -> None:
        self.name, self.dim = name, dim
        self._network, self._layer = network, layer
        self._projection, self._device = projection, device

    def measure(self, audio: NDArray[np.float32]) -> Statistics | None:
        """None: these features are used as they come."""
        return None

    def encode(self, audio: NDArray[np.float32], statistics: Statistics | None = None) -> NDArray[np.float32]:
        """Features (T, dim) of audio (N,) at 16 kHz, T = (N - 400) // 320 + 1.

        More than 40 s is encoded in pieces with 2 s of context on both sides, because attention grows with the
        square of the length.
        """
        total = max(0, (len(audio) - _WINDOW) // _HOP + 1)
        block, margin = BLOCK_S * _RATE // _HOP, MARGIN_S * _RATE // _HOP
        pieces = [np.zeros((0, self.dim), np.float32)]
        for start in range(0, total, block):
            stop = min(start + block, total)
            left, right = max(0, start - margin), min(total, stop + margin)
            # the first layer normalises over time, so the samples after the last whole frame count too
            end = len(audio) if right == total else (right - 1) * _HOP + _WINDOW
            piece = self._whole(audio[left * _HOP : end])
            pieces.append(piece[start - left : stop - left])
        return np.concatenate(pieces)

    def _whole(self, audio: NDArray[np.float32]) -> NDArray[np.float32]:
        wave = torch.from_numpy(np.array(audio, dtype=np.float32))[None].to(self._device)
        with torch.inference_mode():
            outputs, _ = self._network.extract_features(wave, num_layers=self._layer)  # type: ignore[operator]
            features = outputs[self._layer - 1][0]
            if self._projection is not None:
                features = nn.functional.linear(features, *self._projection)
        found: NDArray[np.float32] = features.float().cpu().numpy()
        return found
