from __future__ import annotations

import numpy as np
import pytest
from toy_voice import publish_small, sung

from catalog import registry
from catalog.library import Library
from infer.noise import placed
from infer.options import ConvertOptions
from infer.piece import Piece
from infer.seams import Phases
from infer.speak import speak
from infer.voice import load_voice


@pytest.mark.parametrize("span", [(0, 150), (0, 20), (60, 61), (45, 110), (149, 150)])
def test_a_part_of_a_source_filter_piece_sounds_as_it_does_in_the_whole(
    library: Library, span: tuple[int, int]
) -> None:
    publish_small(library)
    voice = load_voice(registry.load(library, "small"), library.weights, "cpu")
    draws, hop = np.random.default_rng(0), voice.synthesizer.config.hop
    f0 = 150 * 2 ** (np.sin(np.arange(150) / 15) / 6)
    f0[40:70] = 0
    features = draws.standard_normal((150, 128)).astype(np.float32)
    phases = Phases(f0, hop, gliding=True)
    piece = Piece(sung(1.5), features, f0, 1e-2, phases=phases)
    whole = speak(voice, piece, ConvertOptions(), placed(0))
    part = speak(voice, piece, ConvertOptions(), placed(0), span=span)
    assert len(part) == (span[1] - span[0]) * hop
    assert np.abs(whole).max() > 1e-3
    assert np.abs(part - whole[span[0] * hop : span[1] * hop]).max() < 1e-3 * np.abs(whole).max()
