"""The kinds of network a voice can be: RVC's synthesizer, so-vits-svc's, and the small source-filter voice.

Separate so that files, voices and trainings name a kind in one place, and each kind knows nothing of the other.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from catalog.errors import BadModel
from infer.source_filter import SourceFilter
from infer.source_filter_config import KIND, SourceFilterConfig
from infer.sovits import SoVitsSynthesizer
from infer.sovits_config import KIND as SOVITS
from infer.sovits_config import SoVitsConfig
from infer.synthesizer import Synthesizer
from infer.synthesizer_config import SynthesizerConfig

Network = Synthesizer | SourceFilter | SoVitsSynthesizer
NetworkConfig = SynthesizerConfig | SourceFilterConfig | SoVitsConfig


def new_network(config: NetworkConfig, *, posterior: bool = True) -> Network:
    """A network of these sizes with weights drawn from torch's generator; RVC's posterior encoder only if asked for."""
    if isinstance(config, SourceFilterConfig):
        return SourceFilter(config)
    if isinstance(config, SoVitsConfig):
        return SoVitsSynthesizer(config)
    return Synthesizer(config, posterior=posterior)


def network_config(values: Mapping[str, Any]) -> NetworkConfig:
    """The sizes that a card or a weights file holds; without a kind they are RVC's. Raises BadModel for others."""
    kind = values.get("kind")
    if kind is None:
        return SynthesizerConfig.from_dict(values)
    if kind == SOVITS:
        return SoVitsConfig.from_dict(values)
    if kind != KIND:
        raise BadModel(f"the model is of the kind {kind!r}, which this version does not know; update the program")
    return SourceFilterConfig.from_dict(values)
