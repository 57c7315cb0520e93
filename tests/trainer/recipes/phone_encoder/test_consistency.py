"""Training on with two virtual voices of every sound: what is paired, what is lost by disagreeing, what it brings."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from infer.phone_encoder import CLASSES, EncoderShape, PhoneEncoder
from trainer.recipes.phone_encoder.align import SENONES
from trainer.recipes.phone_encoder.consistency import (
    ConsistencySettings,
    PairSampler,
    Views,
    consistency_losses,
    own_answers,
    train_on,
)
from trainer.recipes.phone_encoder.corpus import Material
from trainer.recipes.phone_encoder.labels import UNKNOWN

TOY = EncoderShape(width=16, blocks=1)
SETTINGS = ConsistencySettings(steps=2, crops=4, crop=64, seed=3)


def toy() -> PhoneEncoder:
    torch.manual_seed(1)
    return PhoneEncoder(TOY).eval()


def material(*, label: int = UNKNOWN, copies: bool = True) -> Material:
    """Three recordings of 200 frames, each with a copy that is 1 higher in every band; the band tells the place."""
    chance = np.random.default_rng(0)
    once = chance.standard_normal((3, 200, TOY.mels))
    mel = np.stack([once, once + 1.0], axis=1).reshape(-1, TOY.mels).astype(np.float16)
    starts = np.arange(6, dtype=np.int64).reshape(3, 2) * 200
    return Material(mel, np.full(len(mel), label, np.int16), None, starts if copies else None)


def test_two_views_are_the_same_sound_by_two_copies() -> None:
    views = PairSampler({"crowd": material()}, {}, SETTINGS).batch()
    assert views.mel.shape == (8, 64, TOY.mels)
    apart = (views.mel[:4] - views.mel[4:]).abs()
    for gap in apart.mean((1, 2)).tolist():
        assert gap == pytest.approx(1.0, abs=0.01) or gap == 0.0
    assert apart.max() > 0.5


def test_what_has_no_copies_is_seen_twice() -> None:
    views = PairSampler({"espeak": material(copies=False)}, {}, SETTINGS).batch()
    assert torch.equal(views.mel[:4], views.mel[4:])


def test_copies_of_one_sound_share_one_answer() -> None:
    spoken = material()
    together, alone = own_answers(toy(), spoken, block=128), own_answers(toy(), material(copies=False), block=1000)
    assert np.allclose(alone.astype(np.float32).sum(-1), 1.0, atol=0.01)
    for first, second in spoken.versions // 2 if spoken.versions is not None else ():
        assert np.array_equal(together[first : first + 99], together[second : second + 99])
        mean = (alone[first : first + 99].astype(np.float32) + alone[second : second + 99]) / 2
        assert np.allclose(together[first : first + 99], mean, atol=2e-3)


def made(labels: torch.Tensor, answers: torch.Tensor) -> Views:
    rows, frames = labels.shape
    mel = torch.randn(rows, 2 * frames, TOY.mels, generator=torch.Generator().manual_seed(0))
    return Views(mel, labels, torch.zeros(rows, frames, SENONES), answers)


def test_only_disagreeing_views_lose_by_consistency() -> None:
    labels, nothing = torch.full((2, 5), UNKNOWN), torch.zeros(2, 5, CLASSES)
    heard = torch.zeros(2, 5, SENONES)
    row = torch.randn(1, 5, CLASSES, generator=torch.Generator().manual_seed(1))
    same = consistency_losses(torch.cat([row, row]), heard, made(labels, nothing), SETTINGS)
    other = consistency_losses(torch.cat([row, row.roll(1, -1)]), heard, made(labels, nothing), SETTINGS)
    assert float(same["consistency"]) == pytest.approx(0.0, abs=1e-6)
    assert float(other["consistency"]) > 0.1
    assert float(same["phone"]) == float(same["teacher"]) == float(same["answer"]) == 0.0


def test_own_answers_count_only_where_there_is_no_label() -> None:
    labels = torch.tensor([[0, UNKNOWN], [0, UNKNOWN]])
    answers = torch.nn.functional.one_hot(torch.full((2, 2), 7), CLASSES).float()
    logits = torch.zeros(2, 2, CLASSES)
    heard = torch.zeros(2, 2, SENONES)
    before = consistency_losses(logits, heard, made(labels, answers), SETTINGS)["answer"]
    logits[:, 0, 7] = 9.0
    assert torch.equal(consistency_losses(logits, heard, made(labels, answers), SETTINGS)["answer"], before)
    logits[:, 1, 7] = 9.0
    assert float(consistency_losses(logits, heard, made(labels, answers), SETTINGS)["answer"]) < float(before) / 2


def disagreement(network: PhoneEncoder, spoken: Material) -> float:
    """How far apart the probabilities of a recording and its copy are, in the mean."""
    answers = own_answers(network, Material(spoken.mel, spoken.labels, None)).astype(np.float32)
    first, second = (answers[start // 2 : start // 2 + 99] for start in (0, 200))
    return float(np.abs(first - second).sum(-1).mean())


def test_the_loss_brings_copies_together_and_leaves_the_network_given_alone() -> None:
    network, said = toy(), list[str]()
    plain = material()
    labels = np.asarray(plain.mel.argmax(-1), np.int16)
    spoken = Material(plain.mel, labels, None, plain.versions)
    apart = []
    for weight in (0.0, 10.0):
        settings = ConsistencySettings(steps=100, crops=2, crop=32, consistency_weight=weight, seed=3)
        apart.append(disagreement(train_on(network, {"crowd": spoken}, settings, note=said.append), spoken))
    assert apart[1] < 0.8 * apart[0]
    assert len(said) == 2
    assert all(torch.equal(a, b) for a, b in zip(network.parameters(), toy().parameters(), strict=True))


def test_the_same_seed_trains_the_same_weights() -> None:
    first, second = (train_on(toy(), {"crowd": material()}, SETTINGS, note=lambda _: None) for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))
