"""The recipe from end to end on a few sentences: material, training, export, and weights that load."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from infer.phone_encoder import CLASSES, EncoderShape, PhoneEncoder, load_phone_encoder, read_card
from trainer.recipes.phone_encoder import corpus
from trainer.recipes.phone_encoder.__main__ import main
from trainer.recipes.phone_encoder.labels import Utterance
from trainer.recipes.phone_encoder.train import CYCLES, Settings, learning_rate, train

TOY = EncoderShape(width=16, blocks=1)


def toy_material(seed: int = 0) -> corpus.Material:
    """Frames whose class is written in one mel band: learnable in a few steps."""
    chance = np.random.default_rng(seed)
    labels = np.repeat(chance.integers(0, CLASSES // 4, 400), 10).astype(np.int16)
    mel = 0.1 * chance.standard_normal((len(labels), EncoderShape().mels))
    mel[np.arange(len(labels)), labels] += 3.0
    return corpus.Material(mel.astype(np.float16), labels, None)


@pytest.mark.parametrize("bf16", [False, True])
def test_training_lowers_the_loss_and_exports_at_the_end_of_each_cycle(*, bf16: bool) -> None:
    said: list[str] = []
    kept: list[int] = []
    settings = Settings(steps=100, batch=2, crop=96, seed=3, bf16=bf16)
    train({"toy": toy_material()}, settings, lambda _, step: kept.append(step), note=said.append, shape=TOY)
    assert kept == [round(share * 100) for share in CYCLES]
    losses = [float(line.split("phone ")[1].split()[0]) for line in said]
    assert losses[-1] < losses[0]


def test_the_same_seed_trains_the_same_weights() -> None:
    def run() -> PhoneEncoder:
        settings = Settings(steps=3, batch=2, crop=64, seed=5)
        return train({"toy": toy_material()}, settings, lambda *_: None, note=lambda _: None, shape=TOY)

    first, second = run(), run()
    for a, b in zip(first.parameters(), second.parameters(), strict=True):
        assert torch.equal(a, b)


def test_the_rate_falls_to_nothing_at_each_restart() -> None:
    peak = 1e-3
    for end in CYCLES:
        assert learning_rate(end - 1e-4, peak) < 0.01 * peak
    assert max(learning_rate(share / 100, peak) for share in range(100)) <= peak * 1.03


def test_shifting_a_voice_moves_its_pitch_and_keeps_its_length() -> None:
    import pyworld

    time = np.arange(16000) / 16000
    buzz = sum(np.sin(2 * np.pi * 120 * k * time) / k for k in range(1, 30)).astype(np.float32) * 0.1
    moved = corpus.shift_voice(buzz, 1.5, 1.1)
    assert len(moved) == len(buzz)
    f0, _ = pyworld.dio(moved.astype(np.float64), 16000)
    assert np.median(f0[f0 > 0]) == pytest.approx(180.0, rel=0.03)


def test_copies_of_recordings_are_known_as_such_on_disk_too(tmp_path: Path) -> None:
    parts = []
    for seconds, text in ((0.5, "one"), (0.8, "two")):
        audio = np.random.default_rng(0).standard_normal(int(16000 * seconds)).astype(np.float32)
        parts += [(Utterance(audio * level, (), "someone", text), None) for level in (1.0, 0.5, 0.25)]
    made = corpus.gather(parts, taught=False, copies=2)
    corpus.save(made, tmp_path)
    found = corpus.load(tmp_path).versions
    assert found is not None
    short, long = ((int(16000 * seconds) - 400) // 160 + 1 for seconds in (0.5, 0.8))
    assert found.tolist() == [[0, short, 2 * short], [3 * short, 3 * short + long, 3 * short + 2 * long]]
    for first, second, third in found:
        assert np.allclose(made.mel[first : first + 48], made.mel[second : second + 48], atol=0.01)
        assert np.allclose(made.mel[first : first + 48], made.mel[third : third + 48], atol=0.01)
    corpus.save(corpus.gather(parts, taught=False), tmp_path / "plain")
    assert corpus.load(tmp_path / "plain").versions is None


def test_a_crowd_is_copied_once_and_phone_is_not_trained_on_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[Path, int]] = []
    trained: list[list[str]] = []

    def spoken(folder: Path, copies: int, _: object) -> Iterator[tuple[Utterance, None]]:
        asked.append((folder, copies))
        audio = np.random.default_rng(0).standard_normal(80000).astype(np.float32)
        yield from [(Utterance(audio, (), "someone", ""), None)] * (1 + copies)

    monkeypatch.setattr(corpus, "spoken_by_people", spoken)
    monkeypatch.setattr(
        corpus, "spoken_by_espeak", lambda *_: iter([(Utterance(np.zeros(9999, "f4"), (), "", ""), None)])
    )
    monkeypatch.setattr(corpus, "flite_program", lambda: None)
    monkeypatch.setattr(
        "trainer.recipes.phone_encoder.__main__.train", lambda found, *_, **__: trained.append([*found])
    )
    options = ["--out", str(tmp_path), "--real", str(tmp_path), "--crowd", str(tmp_path), "--no-teach"]
    run = CliRunner().invoke(main, options)
    assert run.exit_code == 0, run.output
    assert asked == [(tmp_path, corpus.Amount().real_copies), (tmp_path, 1)]
    assert trained == [["espeak", "real"]]
    assert (tmp_path / "material" / "crowd" / "versions.npy").exists()


def test_the_command_makes_weights_that_load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("espeakng_loader", reason="the extra `demo` speaks")
    monkeypatch.setattr(corpus, "_VARIANTS", "f3 m3")
    monkeypatch.setattr(corpus, "flite_program", lambda: None)
    options = ["--out", str(tmp_path), "--steps", "2", "--batch", "2", "--scale", "0.02", "--no-teach"]
    run = CliRunner().invoke(main, options)
    assert run.exit_code == 0, run.output
    encoder = load_phone_encoder(tmp_path / "phone_encoder.safetensors")
    assert encoder.encode(torch.randn(16000)).shape == (1, 49, 128)
    again = CliRunner().invoke(main, options)
    assert "making" in run.output
    assert "making" not in again.output


def test_a_voice_held_out_is_neither_said_nor_taken_from_what_was_made_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[list[str]] = []

    def sources(amount: object, people: object, seed: int, voices: list[str], *, teach: bool) -> dict[str, object]:
        asked.append(voices)
        return {"flite": toy_material}

    monkeypatch.setattr(corpus, "sources", sources)
    options = ["--out", str(tmp_path), "--steps", "1", "--batch", "2", "--no-teach"]
    for held_out in (["--hold-out", "slt,kal16"], []):
        run = CliRunner().invoke(main, [*options, *held_out])
        assert run.exit_code == 0, run.output
        assert "making flite" in run.output
        assert read_card(tmp_path / "phone_encoder.safetensors")["held_out_voices"] == (
            ["slt", "kal16"] if held_out else ["awb", "rms"]
        )
    assert asked == [["awb", "rms"], ["slt", "kal16"]]
    wrong = CliRunner().invoke(main, [*options, "--hold-out", "nobody"])
    assert wrong.exit_code != 0
    assert "no voice nobody" in wrong.output
