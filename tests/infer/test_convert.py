from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from toy_voice import publish_small, publish_toy, sung

from catalog import registry
from catalog.audio import resample
from catalog.errors import BadModel, BadRequest
from catalog.library import Library
from infer import f0 as f0s
from infer.convert import Conversion
from infer.cuts import Chunking
from infer.options import ConvertOptions
from infer.track import Track
from infer.voice import Voice, load_voice, pick_device

RATE = 16000
SHORT = Chunking(pad=0.5, query=1, center=3, longest=4)
SWIFT = ConvertOptions(f0_method="swift")


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Library:
    library = Library(tmp_path_factory.mktemp("shelf"))
    library.create()
    publish_toy(library)
    publish_toy(library, "plain", f0=False, index=False)
    publish_toy(library, "wide", sample_rate=40000)
    publish_small(library)
    return library


@pytest.fixture(scope="module")
def voice(shelf: Library) -> Voice:
    return load_voice(registry.load(shelf, "toy"), shelf.weights, "cpu")


def converted(
    voice: Voice, audio: NDArray[np.float32], folder: Path, options: ConvertOptions = SWIFT, **more: Any
) -> tuple[NDArray[np.float32], Conversion]:
    folder.mkdir(parents=True, exist_ok=True)
    source = Track(folder / "source")
    source.append(audio)
    conversion = Conversion(voice, options, folder, **more)
    track, _ = conversion.run(source)
    return np.asarray(track.read(0, len(track))), conversion


@pytest.mark.parametrize("samples", [1, 7, 160, 161, 1000, 15999, 16000, 50003, 16000 * 11 + 77])
def test_the_output_is_as_long_as_the_input(voice: Voice, tmp_path: Path, samples: int) -> None:
    wave, _ = converted(voice, sung(12)[:samples], tmp_path, chunking=SHORT)
    assert len(wave) == samples
    assert np.isfinite(wave).all()


@pytest.mark.parametrize("resample", [0, 22050, 48000])
def test_the_output_keeps_its_length_at_every_rate(shelf: Library, tmp_path: Path, resample: int) -> None:
    wide = load_voice(registry.load(shelf, "wide"), shelf.weights, "cpu")
    options = replace(SWIFT, resample=resample)
    wave, _ = converted(wide, sung(5.003), tmp_path, options, chunking=SHORT)
    assert abs(len(wave) - 5.003 * (resample or 40000)) <= 1


def test_a_cut_does_not_shift_what_follows(voice: Voice, tmp_path: Path) -> None:
    """A network that gives back the f0 it is handed shows when each frame is spoken: the same with and without cuts."""
    pieces: list[int] = []

    class Echo:
        config = voice.synthesizer.config
        reach = (24, 5)

        def infer(self, phone: Any, lengths: Any, pitch: Any, f0: Any, sid: Any, **more: Any) -> Any:
            pieces.append(f0.shape[1])
            part = f0[:, more["skip_head"] :][:, : more["return_length"]]
            return part.repeat_interleave(self.config.hop, dim=1) / 1000

    echo = replace(voice, synthesizer=Echo())  # type: ignore[arg-type]
    options = replace(SWIFT, rms_mix=1.0)
    phase = 2 * np.pi * np.cumsum(110 * 2 ** (np.arange(12 * RATE) / (12 * RATE))) / RATE
    glide = (0.3 * np.sin(phase) + 0.1 * np.sin(2 * phase)).astype(np.float32)
    whole, _ = converted(echo, glide, tmp_path / "a", options, chunking=Chunking(0.5, 1, 30, 40))
    assert len(pieces) == 1
    cut, _ = converted(echo, glide, tmp_path / "b", options, chunking=SHORT)
    assert len(pieces) > 4
    assert np.allclose(whole, cut, atol=1e-6)
    assert whole[RATE] == pytest.approx(0.11 * 2 ** (1 / 12), rel=0.01)
    assert whole[11 * RATE] == pytest.approx(0.11 * 2 ** (11 / 12), rel=0.01)


def test_the_same_seed_gives_the_same_samples_and_another_does_not(voice: Voice, tmp_path: Path) -> None:
    audio = sung(2)
    first, _ = converted(voice, audio, tmp_path / "a")
    again, _ = converted(voice, audio, tmp_path / "b")
    other, _ = converted(voice, audio, tmp_path / "c", replace(SWIFT, seed=1))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_transposing_moves_the_f0_that_the_network_is_given(voice: Voice, tmp_path: Path) -> None:
    given: list[NDArray[np.float64]] = []

    class Listening:
        config = voice.synthesizer.config
        reach = voice.synthesizer.reach  # type: ignore[union-attr]

        def infer(self, phone: Any, lengths: Any, pitch: Any, f0: Any, sid: Any, **more: Any) -> Any:
            given.append(f0[0].numpy())
            return voice.synthesizer.infer(phone, lengths, pitch, f0, sid, **more)

    listening: Any = replace(voice, synthesizer=Listening())  # type: ignore[arg-type]
    for number, semitones in enumerate((0, 12, "auto")):
        _, conversion = converted(listening, sung(2), tmp_path / str(number), replace(SWIFT, transpose=semitones))
        assert conversion.f0_method == "swift"
    middles = [np.median(f0[f0 > 0]) for f0 in given]
    assert middles[0] == pytest.approx(110, rel=0.01)
    assert middles[1] == pytest.approx(220, rel=0.01)
    assert middles[2] == pytest.approx(220, rel=0.01)
    assert conversion.semitones == 12


def test_auto_transposition_needs_the_models_own_pitch(voice: Voice, tmp_path: Path) -> None:
    unknown = replace(voice, card={})
    with pytest.raises(BadRequest, match="give semitones"):
        converted(unknown, sung(1), tmp_path, replace(SWIFT, transpose="auto"))


def test_the_index_moves_features_and_protection_shields_unvoiced_frames(voice: Voice, tmp_path: Path) -> None:
    plain, _ = converted(voice, sung(2), tmp_path / "a", replace(SWIFT, index_rate=0.0))
    moved, _ = converted(voice, sung(2), tmp_path / "b", replace(SWIFT, index_rate=1.0, protect=0.5))
    shielded, _ = converted(voice, sung(2), tmp_path / "c", replace(SWIFT, index_rate=1.0, protect=0.0))
    assert np.abs(moved - plain).max() > 1e-5
    assert np.abs(moved - shielded).max() > 1e-6


def test_loudness_follows_the_input_when_asked(voice: Voice, tmp_path: Path) -> None:
    audio = sung(8) * np.repeat([1.0, 0.1], 4 * RATE).astype(np.float32)
    wave, _ = converted(voice, audio, tmp_path, replace(SWIFT, rms_mix=0.0))
    level = lambda x: float(np.sqrt(np.mean(np.square(x))))  # noqa: E731
    ratio = level(wave[: 3 * RATE]) / level(wave[5 * RATE :])
    assert 6 < ratio < 14
    assert np.abs(wave).max() <= 1


def test_a_voice_without_f0_needs_no_f0_method(shelf: Library, tmp_path: Path) -> None:
    plain = load_voice(registry.load(shelf, "plain"), shelf.weights, "cpu")
    wave, conversion = converted(plain, sung(2), tmp_path)
    assert len(wave) == 2 * RATE
    assert conversion.f0_method is None


def test_digital_silence_comes_out_silent(voice: Voice, tmp_path: Path) -> None:
    wave, _ = converted(voice, np.zeros(2 * RATE, np.float32), tmp_path)
    assert len(wave) == 2 * RATE
    assert np.abs(wave).max() < 1e-6


def test_audio_beyond_full_scale_is_brought_down_first(voice: Voice, tmp_path: Path) -> None:
    loud, _ = converted(voice, sung(2) * 20, tmp_path / "a")
    level, _ = converted(voice, sung(2) / np.abs(sung(2)).max() * 0.95, tmp_path / "b")
    assert np.allclose(loud, level, atol=1e-3)


def test_a_speaker_that_the_model_does_not_have_is_refused(voice: Voice, tmp_path: Path) -> None:
    with pytest.raises(BadRequest, match="speakers 0 to 1"):
        converted(voice, sung(1), tmp_path, replace(SWIFT, speaker=2))


def test_an_empty_recording_is_refused(voice: Voice, tmp_path: Path) -> None:
    with pytest.raises(BadRequest, match="empty"):
        converted(voice, np.zeros(0, np.float32), tmp_path)


def test_progress_may_stop_the_work(voice: Voice, tmp_path: Path) -> None:
    told: list[float] = []

    def stop(done: float, total: float, note: str) -> None:
        told.append(done)
        if len(told) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        converted(voice, sung(12), tmp_path, chunking=SHORT, progress=stop)
    assert 0 < told[-1] < 12


def test_a_model_of_another_encoder_version_is_refused(shelf: Library) -> None:
    entry = registry.load(shelf, "toy")
    card = {**entry.card, "encoder": {**entry.card["encoder"], "version": "0-old"}}
    with pytest.raises(BadModel, match="0-old"):
        load_voice(replace(entry, card=card), shelf.weights, "cpu")


def test_a_device_that_is_not_here_is_refused() -> None:
    import torch

    if torch.backends.mps.is_available():
        pytest.skip("this machine has it")
    with pytest.raises(BadRequest, match="mps"):
        pick_device("mps")


@pytest.fixture(scope="module")
def small(shelf: Library) -> Voice:
    return load_voice(registry.load(shelf, "small"), shelf.weights, "cpu")


def test_a_source_filter_voice_sings_the_transposed_melody_whatever_it_learned(small: Voice, tmp_path: Path) -> None:
    audio = sung(4, hz=150)
    before = f0s.extract(audio, "swift")
    for semitones in (0, 12, -12):
        options = replace(SWIFT, transpose=semitones)
        wave, _ = converted(small, audio, tmp_path / str(semitones), options, chunking=SHORT)
        assert len(wave) == 4 * 24000
        after = f0s.extract(resample(wave.astype(np.float32), 24000, RATE), "swift")
        heard, asked = np.median(after[after > 0]), np.median(before[before > 0])
        assert 12 * np.log2(heard / asked) == pytest.approx(semitones, abs=0.2)
        assert np.mean((after > 0) & (before[: len(after)] == 0)) < 0.03


def test_a_source_filter_voice_keeps_pauses_and_follows_the_level_of_the_input(small: Voice, tmp_path: Path) -> None:
    audio = sung(4, hz=150)
    loud, _ = converted(small, audio, tmp_path / "loud")
    soft, _ = converted(small, audio / 10, tmp_path / "soft")
    unmixed, _ = converted(small, audio / 10, tmp_path / "unmixed", replace(SWIFT, rms_mix=1.0))
    # with the loudness of the input mixed in by three quarters, 20 dB less come out 15 dB softer
    assert 20 * np.log10(np.std(loud) / np.std(soft)) == pytest.approx(15, abs=1)
    assert 20 * np.log10(np.std(loud[:24000]) / np.std(loud[40000:46000])) > 30
    own = converted(small, audio, tmp_path / "own", replace(SWIFT, rms_mix=1.0))[0]
    assert 20 * np.log10(np.std(own) / np.std(unmixed)) == pytest.approx(0, abs=0.5)


def test_silence_through_a_source_filter_voice_is_silence(small: Voice, tmp_path: Path) -> None:
    wave, _ = converted(small, np.zeros(2 * RATE, np.float32), tmp_path)
    assert len(wave) == 2 * 24000
    assert np.abs(wave).max() < 1e-3


@pytest.mark.parametrize("samples", [3 * RATE + 20, 3 * RATE + 300, 3 * RATE + 1000, 9 * RATE + 500])
def test_a_recording_that_ends_right_after_a_cut_keeps_its_length(voice: Voice, tmp_path: Path, samples: int) -> None:
    tight = Chunking(pad=0.5, query=1, center=3, longest=2)
    options = replace(SWIFT, cross_fade=200.0)
    wave, _ = converted(voice, 0.1 * np.ones(samples, np.float32), tmp_path, options, chunking=tight)
    assert len(wave) == samples


@pytest.mark.parametrize(("name", "better"), [("toy", 1), ("small", 4)])
def test_a_cut_through_a_held_note_is_not_heard(shelf: Library, tmp_path: Path, name: str, better: float) -> None:
    """The same noise, the source in phase and a fade: near the cuts the sound is that of the uncut conversion."""
    singer = load_voice(registry.load(shelf, name), shelf.weights, "cpu")
    rate = singer.sample_rate
    t = np.arange(9 * RATE) / RATE
    note = sum(np.sin(2 * np.pi * k * 150 * t) / k for k in range(1, 6))
    audio = np.asarray(0.1 * note, np.float32)
    apart = []
    for fade in (40.0, 0.0):
        options = replace(SWIFT, cross_fade=fade, rms_mix=1.0, breaths="convert")
        whole, _ = converted(singer, audio, tmp_path / f"w{fade}", options, chunking=Chunking(1, 1, 30, 40))
        cut, _ = converted(singer, audio, tmp_path / f"c{fade}", options, chunking=Chunking(1, 1, 3, 4))
        middle = slice(rate, -rate)
        apart.append(float(np.std((cut - whole)[middle]) / np.std(whole[middle])))
    assert apart[0] < 0.05
    assert apart[1] > better * apart[0]
