"""Forced alignment and soft labels, checked against speech whose phone times are known."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from catalog.errors import BadRequest
from trainer.recipes.phone_encoder.align import SENONES, Aligner, Teacher, read_table
from trainer.recipes.phone_encoder.labels import frame_labels, phone_numbers
from trainer.recipes.phone_encoder.speak import say_flite

pytest.importorskip("pocketsphinx", reason="the extra `align` listens")
needs_flite = pytest.mark.skipif(shutil.which("flite") is None, reason="flite is not installed")


@needs_flite
def test_alignment_agrees_with_the_synthesizer_on_most_frames() -> None:
    said = say_flite("The old merchant carried a heavy basket of yellow apples.", "slt")
    segments = Aligner().align(said.audio, said.text)
    assert segments is not None
    frames = len(said.audio) // 160
    exact, found = (phone_numbers(frame_labels(s, frames)) for s in (said.segments, segments))
    assert np.mean(exact == found) > 0.6


def test_an_unknown_word_gives_no_alignment() -> None:
    assert Aligner().align(np.zeros(16000, np.float32), "zzyzxq") is None
    assert Aligner().align(np.zeros(16000, np.float32), "...") is None


@needs_flite
def test_soft_labels_are_probabilities_that_tell_sounds_apart() -> None:
    said = say_flite("See the sea.", "slt")
    shares = Teacher().listen(said.audio, 120).astype(np.float32)
    assert shares.shape == (120, SENONES)
    heard = shares.sum(1) > 0
    np.testing.assert_allclose(shares[heard].sum(1), 1.0, atol=0.02)
    spoken = {
        segment.phone: shares[int(segment.start * 100) : int(segment.end * 100)].mean(0) for segment in said.segments
    }
    hiss, vowel = spoken["s"], spoken["iy"]
    assert float((hiss * vowel).sum() / np.linalg.norm(hiss) / np.linalg.norm(vowel)) < 0.5


def test_tables_name_path_text_and_speaker(tmp_path: Path) -> None:
    table = tmp_path / "speech.csv"
    table.write_text('path,text,speaker_id\na.wav,"Hello, you.",mine\nb.wav,,\n', encoding="utf-8")
    assert list(read_table(table)) == [(tmp_path / "a.wav", "Hello, you.", "mine"), (tmp_path / "b.wav", "", "one")]
    with pytest.raises(BadRequest, match="missing"):
        list(read_table(tmp_path / "none.csv"))
