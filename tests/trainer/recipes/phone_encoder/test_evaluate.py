"""The measuring command: its baseline, its table, and that the shipped weights beat the baseline where it counts."""

from __future__ import annotations

import json
import shutil
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

from infer.phone_encoder import frame_count, load_phone_encoder, packaged_weights, read_card
from infer.phonetic import FILE, load_phonetic
from trainer.recipes.phone_encoder import evaluate
from trainer.recipes.phone_encoder.evaluate import (
    agreement,
    cepstra,
    features_of,
    spoken_by,
    synthetic_figures,
    table,
)
from trainer.recipes.phone_encoder.identity import speaker_accuracy
from trainer.recipes.phone_encoder.sentences import MEASURING
from trainer.recipes.phone_encoder.voices import Voices, alike, flite_voices, given_sentences

pytest.importorskip("espeakng_loader", reason="the extra `demo` speaks")


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


def test_figures_go_into_the_card_beside_the_weights_they_are_of(tmp_path: Path) -> None:
    for place in (packaged_weights(), packaged_weights().with_name(FILE)):
        for suffix in (".safetensors", ".json"):
            shutil.copy(place.with_suffix(suffix), tmp_path)
    weights = tmp_path / "phone_encoder.safetensors"
    columns = {
        name: {"same phone": value, "times real time": 99.0} for name, value in (("one", 0.5), ("phonetic", 0.6))
    }
    found = {"features": columns, "frame_accuracy": {"people": 0.51234}}
    evaluate.write_figures(weights, found)
    card = read_card(weights)
    assert card["figures"] == {"one": {"same phone": 0.5}}
    assert card["frame_accuracy"] == {"people": 0.512}
    assert load_phone_encoder(weights).version == card["version"]
    beside = read_card(tmp_path / FILE)
    assert beside["figures"] == {"phonetic": {"same phone": 0.6}}
    assert load_phonetic(tmp_path / FILE).version == beside["version"]


def test_the_command_measures_the_people_of_a_table(
    voices: Voices, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evaluate, "flite_program", lambda: None)
    monkeypatch.setattr(evaluate, "speed", lambda _: 1.0)
    compared = [f for f in features_of(load_phone_encoder()) if f.name.endswith("per voice")]
    monkeypatch.setattr(evaluate, "features_of", lambda *_: compared)
    monkeypatch.setattr(evaluate, "speaker_accuracy", partial(speaker_accuracy, splits=1))
    monkeypatch.setattr("trainer.recipes.phone_encoder.identity._MOST_FRAMES", 300)
    rows = ["path,text,speaker_id"]
    for voice, said in voices.items():
        for index, utterance in enumerate(said[:4]):
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
    for row in figures.values():
        assert 0.4 < row["en-us+f2, en-us+m3: speaker, deeper probe (chance 0.50)"] <= 1


def test_synthesized_voices_are_measured_in_distance_agreement_and_speaker(
    voices: Voices, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evaluate, "speaker_accuracy", partial(speaker_accuracy, splits=1))
    monkeypatch.setattr("trainer.recipes.phone_encoder.identity._MOST_FRAMES", 300)
    monkeypatch.setattr("trainer.recipes.phone_encoder.voices.say_flite", lambda text, voice: next(said[voice]))
    said = {voice: iter(utterances) for voice, utterances in voices.items()}
    monkeypatch.setattr("trainer.recipes.phone_encoder.sentences.MEASURING", MEASURING[:9])
    parallel = flite_voices(list(voices))["synthesizers"]
    compared = features_of(load_phone_encoder(), phonetic=load_phonetic())
    features = [f for f in compared if not f.name.startswith("phone ")]
    figures = {f.name: synthetic_figures(f, "all", parallel) for f in features}
    ours, theirs = figures["encoder, per voice"], figures["cepstra, per voice"]
    assert ours["all: distance dB"] < theirs["all: distance dB"] - 0.3
    assert ours["all: same phone"] > theirs["all: same phone"] + 0.1
    assert ours["all: speaker (chance 0.50)"] < figures["encoder, raw"]["all: speaker (chance 0.50)"]
    deeper, hiding = "all: speaker, deeper probe (chance 0.50)", figures["phonetic"]
    assert hiding[deeper] < ours[deeper] - 0.05
    assert hiding["all: same phone"] > theirs["all: same phone"] + 0.1


def test_voices_asked_for_are_measured_and_the_others_say_how_features_go_together(
    voices: Voices, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = iter(voices.values())
    known, apart = [], []
    monkeypatch.setattr(evaluate, "flite_program", lambda: "flite")
    monkeypatch.setattr(evaluate, "speed", lambda _: 1.0)
    monkeypatch.setattr(evaluate, "say_all", lambda voice: known.append(voice) or next(said)[:2])
    monkeypatch.setattr(evaluate, "flite_voices", lambda names, _: apart.append(names) or {})
    run = CliRunner().invoke(evaluate.main, ["--voices", "slt,kal16", "--json"])
    assert run.exit_code == 0, run.output
    assert (apart, known) == ([["slt", "kal16"]], ["awb", "rms"])
    assert "encoder, recoloured" in json.loads(run.output)["features"]
    wrong = CliRunner().invoke(evaluate.main, ["--voices", "nobody"])
    assert wrong.exit_code == 1
    assert "no voice nobody" in wrong.output


def test_sentences_are_read_from_a_table(tmp_path: Path) -> None:
    path = tmp_path / "sentences.csv"
    path.write_text("id,text\n" + "".join(f"{i},Line {i}.\n" for i in range(60)), encoding="utf-8")
    assert given_sentences(path) == [f"Line {i}." for i in range(48)]
    path.write_text("id,text\n1,One.\n", encoding="utf-8")
    run = CliRunner().invoke(evaluate.main, ["--sentences", str(path)])
    assert run.exit_code == 1
    assert "holds 1 sentences" in run.output


def test_people_are_grouped_by_what_they_say(tmp_path: Path) -> None:
    rows = ["path,text,speaker"]
    for speaker, texts in {"alto": "ab", "tenor": "cd", "bass": "ba", "reader": "ef", "child": "dc"}.items():
        for text in texts:
            soundfile.write(tmp_path / f"{speaker}{text}.wav", np.zeros(1600), 16000)
            rows.append(f"{speaker}{text}.wav,{text},{speaker}")
    (tmp_path / "rows.csv").write_text("\n".join(rows), encoding="utf-8")
    groups = alike(tmp_path / "rows.csv", ["alto", "tenor", "bass", "reader", "child"])
    assert [list(group) for group in groups] == [["alto", "bass"], ["tenor", "child"]]
