"""What the synthesizers say: repeatable, varied, and never what is kept for measuring."""

from __future__ import annotations

from trainer.recipes.phone_encoder.sentences import LANGUAGES, MEASURING, english, other


def test_the_same_seed_gives_the_same_sentences() -> None:
    assert list(english(20, 3)) == list(english(20, 3))
    assert list(english(20, 3)) != list(english(20, 4))


def test_every_frame_is_filled() -> None:
    said = list(english(500, 0))
    assert not any("{" in text or "}" in text for text in said)
    assert len(set(said)) > 480


def test_measuring_sentences_are_never_said_in_training() -> None:
    assert not set(MEASURING) & set(english(3000, 0))
    assert len(set(MEASURING)) == len(MEASURING)


def test_other_languages_speak() -> None:
    for language in LANGUAGES:
        assert all(len(text) > 20 for text in other(language, 5, 0))
