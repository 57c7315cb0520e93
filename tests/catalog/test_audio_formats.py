"""Every file of a folder of odd and broken recordings, where one is given by $CURATOR_TEST_AUDIO.

The folder holds `formats/EXPECT.json`: file -> decodable, seconds, sample_rate, channels.
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from catalog import audio
from catalog.errors import BadAudio

ROOT = Path(os.environ.get("CURATOR_TEST_AUDIO") or "none")
EXPECTED: dict[str, dict[str, Any]] = (
    json.loads((ROOT / "formats" / "EXPECT.json").read_text(encoding="utf-8"))
    if (ROOT / "formats" / "EXPECT.json").is_file()
    else {}
)
SHORT_OF_A_SECOND = {
    "formats/bad_truncated.wav",
    "formats/bad_truncated.flac",
    "formats/bad_truncated.mp3",
}
NOT_NUMBERS = {"formats/float_nan.wav", "formats/float_inf.wav"}
ENCODER_PADDING_S = 0.06

pytestmark = pytest.mark.skipif(not EXPECTED, reason="$CURATOR_TEST_AUDIO names no folder with formats/EXPECT.json")


def decode(name: str) -> tuple[audio.AudioInfo, float]:
    """What a file is, and how many seconds of it decode."""
    info = audio.probe(ROOT / name)
    return info, sum(map(len, audio.blocks(ROOT / name, salvage=True))) / info.sample_rate


@pytest.mark.parametrize("name", [name for name, facts in EXPECTED.items() if facts["decodable"]])
def test_what_can_be_decoded_has_the_right_length_rate_and_channels(name: str) -> None:
    facts = EXPECTED[name]
    began = time.monotonic()
    if name in NOT_NUMBERS | SHORT_OF_A_SECOND:
        with pytest.raises(BadAudio, match=r"not numbers|cut short"):
            decode(name)
        return
    info, seconds = decode(name)
    if facts["seconds"] is not None:
        assert seconds == pytest.approx(facts["seconds"], abs=ENCODER_PADDING_S)
        assert info.sample_rate == facts["sample_rate"]
        assert info.channels == facts["channels"]
    assert seconds > 0
    assert time.monotonic() - began < 10


@pytest.mark.parametrize("name", [name for name, facts in EXPECTED.items() if not facts["decodable"]])
def test_what_cannot_is_refused_in_one_line(name: str) -> None:
    with pytest.raises(BadAudio) as refusal:
        decode(name)
    assert "\n" not in str(refusal.value)
    assert name.split("/")[-1] in str(refusal.value)


@pytest.mark.parametrize("name", [name for name in EXPECTED if name not in NOT_NUMBERS | SHORT_OF_A_SECOND])
def test_a_part_is_the_same_part_of_the_whole(name: str) -> None:
    try:
        whole = np.concatenate(list(audio.blocks(ROOT / name, salvage=True)))
    except BadAudio:
        assert not EXPECTED[name]["decodable"]
        return
    start, end = len(whole) // 3, 2 * len(whole) // 3 + 1
    part, _ = audio.read(ROOT / name, start, end, mono=False)
    np.testing.assert_allclose(part, whole[start:end], rtol=0, atol=1e-6)
