"""Phones and their times: what espeak-ng's symbols mean, and which class each frame gets."""

from __future__ import annotations

import numpy as np
import pytest

from infer.phone_encoder import CLASSES, PHONES
from trainer.recipes.phone_encoder.labels import UNKNOWN, Segment, frame_labels, phone_numbers, phones_of_ipa, spread


@pytest.mark.parametrize(
    ("symbol", "english", "phones"),
    [
        ("ˈiː", True, ("iy",)),
        ("ˌɔːɹ", True, ("ao", "r")),
        ("ɚ", True, ("er",)),
        ("a", True, ("ae",)),
        ("a", False, ("aa",)),
        ("ɑ̃", False, ()),
        ("yː", False, ()),
        ("t̪", False, ("t",)),
    ],
)
def test_ipa_becomes_phones_of_our_set(symbol: str, english: bool, phones: tuple[str, ...]) -> None:
    assert phones_of_ipa(symbol, english=english) == phones
    assert set(phones) <= set(PHONES)


def test_frames_are_labelled_by_their_centre_and_third() -> None:
    labels = frame_labels([Segment("pau", 0.0, 0.1), Segment("s", 0.1, 0.4), Segment(None, 0.4, 0.5)], 60)
    s = PHONES.index("s")
    centres = (np.arange(60) * 160 + 200) / 16000
    assert set(labels[centres < 0.1]) == {CLASSES - 1}
    assert list(dict.fromkeys(labels[(centres >= 0.1) & (centres < 0.4)])) == [3 * s, 3 * s + 1, 3 * s + 2]
    assert set(labels[centres >= 0.4]) == {UNKNOWN}


def test_thirds_fold_back_to_phones() -> None:
    labels = frame_labels([Segment("aa", 0.0, 0.3), Segment("zh", 0.3, 0.6), Segment("pau", 0.6, 0.7)], 80)
    assert set(phone_numbers(labels)) == {PHONES.index("aa"), PHONES.index("zh"), PHONES.index("pau"), UNKNOWN}


def test_a_symbol_of_two_phones_is_split_in_the_middle() -> None:
    first, second = spread(("ih", "r"), 1.0, 1.2)
    assert (first.phone, second.phone) == ("ih", "r")
    assert first.end == second.start == pytest.approx(1.1)
    assert spread((), 0.0, 1.0) == [Segment(None, 0.0, 1.0)]
