"""The measuring command: its baseline, its table, and that the shipped weights beat the baseline where it counts."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from click.testing import CliRunner

from infer.phone_encoder import frame_count, load_phone_encoder, packaged_weights, read_card
from trainer.recipes.phone_encoder import evaluate
from trainer.recipes.phone_encoder.evaluate import Voices, agreement, cepstra, features_of, spoken_by, table
from trainer.recipes.phone_encoder.sentences import MEASURING

pytest.importorskip("espeakng_loader", reason="the extra `demo` speaks")


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def voices() -> Voices:
    from trainer.recipes.phone_encoder.speak import Espeak

    speaker = Espeak()
    return {voice: [speaker.say(text, voice) for text in MEASURING[:9]] for voice in ("en-us+f2", "en-us+m3")}


def test_cepstra_and_encoder_share_the_frames(voices: Voices) -> None:
    audio = voices["en-us+f2"][0].audio
    for feature in features_of(load_phone_encoder()):
        assert len(feature.extract(audio)) == frame_count(len(audio))
    assert cepstra(12)(audio).shape[1] == 36


def test_the_encoder_finds_the_same_phone_in_another_voice_more_often_than_cepstra(voices: Voices) -> None:
    found = {}
    for feature in features_of(load_phone_encoder()):
        first, second = (spoken_by(said, feature) for said in voices.values())
        found[feature.name] = (agreement(first, second)[0] + agreement(second, first)[0]) / 2
    assert found["encoder, per voice"] > found["cepstra, per voice"] + 0.1
    assert found["encoder, per voice"] > 0.5


def test_a_table_has_a_column_for_each_feature() -> None:
    lines = table({"one": {"figure": 0.5}, "two": {"figure": 12.0}}).splitlines()
    assert lines == ["| | one | two |", "|---|---|---|", "| figure | 0.5 | 12 |"]


def test_figures_go_into_the_card_beside_the_weights(tmp_path: Path) -> None:
    for suffix in (".safetensors", ".json"):
        shutil.copy(packaged_weights().with_suffix(suffix), tmp_path / f"phone_encoder{suffix}")
    weights = tmp_path / "phone_encoder.safetensors"
    found = {"features": {"one": {"same phone": 0.5, "times real time": 99.0}}, "frame_accuracy": {"people": 0.51234}}
    evaluate.write_figures(weights, found)
    card = read_card(weights)
    assert card["figures"] == {"one": {"same phone": 0.5}}
    assert card["frame_accuracy"] == {"people": 0.512}
    assert load_phone_encoder(weights).version == card["version"]


def test_the_command_measures_the_people_of_a_table(
    voices: Voices, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evaluate, "flite_program", lambda: None)
    monkeypatch.setattr(evaluate, "speed", lambda _: 1.0)
    rows = ["path,text,speaker_id"]
    for voice, said in voices.items():
        for index, utterance in enumerate(said[:2]):
            soundfile.write(tmp_path / f"{voice}{index}.wav", utterance.audio, 16000)
            rows.append(f'{voice}{index}.wav,"{utterance.text}",{voice}')
    (tmp_path / "rows.csv").write_text("\n".join(rows), encoding="utf-8")
    options = ["--table", str(tmp_path / "rows.csv"), "--parallel", ",".join(voices), "--json"]
    run = CliRunner().invoke(evaluate.main, options)
    assert run.exit_code == 0, run.output
    figures = json.loads(run.output)["features"]
    contrast = {name: row["en-us+f2, en-us+m3: sentence contrast"] for name, row in figures.items()}
    assert np.isfinite(list(contrast.values())).all()
    assert contrast["encoder, per voice"] < contrast["cepstra, per voice"]
