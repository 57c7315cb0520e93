"""Synthesized speech: its phones lie where the sound is."""

from __future__ import annotations

import numpy as np
import pytest

from catalog.errors import BadRequest
from infer.phone_encoder import PHONES
from trainer.recipes.phone_encoder.speak import Espeak, Manner, flite_program, say_flite

pytest.importorskip("espeakng_loader", reason="the extra `demo` speaks")


@pytest.fixture(scope="module")
def espeak() -> Espeak:
    return Espeak()


def test_phones_cover_the_utterance_in_order(espeak: Espeak) -> None:
    said = espeak.say("The judge chose a yellow ship.", "en-us+f3")
    starts = [segment.start for segment in said.segments]
    assert starts == sorted(starts)
    assert said.segments[0].start == 0.0
    assert said.segments[-1].end == pytest.approx(len(said.audio) / 16000, abs=0.01)
    assert " ".join(s.phone or "" for s in said.segments if s.phone != "pau") == (
        "dh ah jh ah jh ch ow z ah y eh l ow sh ih p"
    )


def test_hisses_are_high_and_vowels_low_where_the_labels_say(espeak: Espeak) -> None:
    said = espeak.say("See the sauce. She saw seven ships. A sad song.", "en-us")

    def centroid(phones: set[str]) -> float:
        found = []
        for segment in said.segments:
            piece = said.audio[int(segment.start * 16000) : int(segment.end * 16000)]
            if segment.phone in phones and len(piece) > 400:
                power = np.abs(np.fft.rfft(piece)) ** 2
                found.append(float((power * np.linspace(0, 8000, len(power))).sum() / power.sum()))
        return float(np.median(found))

    assert centroid({"s", "sh"}) > 3000 > 1500 > centroid({"ao", "iy", "eh", "ae"})


def test_pauses_are_quiet(espeak: Espeak) -> None:
    said = espeak.say("One more word. Then another one.", "en-us")
    loud = float(np.sqrt(np.mean(said.audio**2)))
    pauses = [s for s in said.segments if s.phone == "pau" and s.end - s.start > 0.1]
    assert pauses
    for pause in pauses:
        middle = said.audio[int((pause.start + 0.03) * 16000) : int((pause.end - 0.03) * 16000)]
        assert float(np.sqrt(np.mean(middle**2))) < 0.1 * loud


def test_pace_shortens_and_an_unknown_voice_is_refused(espeak: Espeak) -> None:
    slow = espeak.say("The long road home.", "en-us", Manner(rate=110))
    fast = espeak.say("The long road home.", "en-us", Manner(rate=240))
    assert len(fast.audio) < 0.75 * len(slow.audio)
    with pytest.raises(BadRequest, match="no voice xx"):
        espeak.say("Hello.", "xx")


@pytest.mark.skipif(flite_program() is None, reason="flite is not installed")
def test_flite_prints_the_times_of_its_phones() -> None:
    said = say_flite("Please call the station.", "slt", f0=220.0)
    assert {segment.phone for segment in said.segments} <= set(PHONES)
    assert said.segments[-1].end == pytest.approx(len(said.audio) / 16000, abs=0.02)
