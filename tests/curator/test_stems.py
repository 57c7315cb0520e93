from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import toy_separator

from catalog import audio
from catalog.errors import BadRequest, MissingWeights
from catalog.jobs import Job, JobReport
from catalog.library import Library
from catalog.store import Store
from curator import stems
from curator.denoise import DENOISERS, SpectralGate
from curator.executor import Done
from curator.ingest import Task, add, analyse_task
from curator.intake import take_in_finished
from curator.slicer import SlicingSettings
from curator.stems import StemSettings, derive

pytest.importorskip("demucs", reason="the extra `stems` separates")

RATE = 22_050


class Here:
    """An executor in this process."""

    def map_unordered(self, function: Any, items: Any, *, cost: Any, stop: Any) -> Any:
        for item in items:
            yield Done(item, function(item))


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return toy_separator.write_th(tmp_path_factory.mktemp("model") / "toy.th")


@pytest.fixture
def mix(tmp_path: Path, take) -> Path:
    """A stereo recording of 1.2 s."""
    wave = take([1.2], rate=RATE)
    audio.write_flac(tmp_path / "mix.flac", np.stack([wave, 0.5 * wave], axis=1), RATE)
    return tmp_path / "mix.flac"


@pytest.fixture
def separating(library: Library, model: Path) -> StemSettings:
    return StemSettings(str(library.media), str(library.weights), separator=str(model))


@pytest.fixture
def denoising(library: Library) -> StemSettings:
    return StemSettings(str(library.media), str(library.weights), denoiser="noisereduce")


def test_a_stem_lies_beside_the_catalogue_as_long_as_its_parent(
    mix: Path, separating: StemSettings, library: Library
) -> None:
    warnings: list[str] = []
    stem = derive(mix, audio.sha256(mix), separating, warnings)
    assert stem.path is not None
    assert stem.path.parent == library.media
    assert list(library.media.iterdir()) == [stem.path]
    wave, rate = audio.read(stem.path, mono=False)
    assert (wave.shape, rate) == (audio.read(mix, mono=False)[0].shape, RATE)
    assert stem.derivation["separate"]["stem"] == "vocals"
    assert stem.derivation["separate"]["sha256"] == audio.sha256(Path(str(separating.separator)))
    assert warnings == []


def test_the_same_recording_and_settings_give_the_same_bytes(mix: Path, separating: StemSettings) -> None:
    digest = audio.sha256(mix)
    first = derive(mix, digest, separating, []).path
    assert first is not None
    before = audio.sha256(first)
    assert derive(mix, digest, separating, []).path == first
    assert audio.sha256(first) == before


def test_a_stem_that_would_clip_is_turned_down(tmp_path: Path) -> None:
    loud = np.linspace(-1.7, 1.7, RATE, dtype=np.float32)[:, None]
    stems._spooled(tmp_path / "loud.w64", iter([loud]), RATE)
    assert stems._write(tmp_path / "loud.w64", tmp_path / "loud.flac") == RATE
    written, _ = audio.read(tmp_path / "loud.flac")
    np.testing.assert_allclose(written, loud[:, 0] * (0.999 / 1.7), atol=1e-6)


def request(settings: StemSettings, path: Path, store: Store) -> dict[str, Any]:
    return {
        "paths": [str(path)],
        "speaker": "alto",
        "known": settings.had(store.recordings()),
        "catalogued": store.known_sums(),
        "stems": vars(settings),
    }


def added(store: Store, library: Library, settings: StemSettings, path: Path, name: str) -> dict[str, Any]:
    job = Job.create(library.jobs, "add", request(settings, path, store), job_id=name)
    report = JobReport.begin(job.path)
    result = add(job.request, report, Here())
    report.finish("done", **{key: value for key, value in result.items() if key != "outcome"})
    return take_in_finished(store, job).report()


def test_adding_with_separation_catalogues_both_and_slices_the_stem(
    mix: Path, separating: StemSettings, library: Library
) -> None:
    with Store(library) as store:
        first = added(store, library, separating, mix, "one")
        assert (first["recordings"], first["stems"], first["skipped"]) == (1, 1, 0)
        assert first["seconds_in"] == pytest.approx(1.2)
        parent, stem = sorted(store.recordings(), key=lambda each: each.parent is not None)
        assert stem.parent == parent.id
        assert (stem.samples, stem.sample_rate) == (parent.samples, parent.sample_rate)
        assert [gap.reason for gap in store.left_out(parent.id)] == [stems.IN_STEM]
        assert store.activity(stem.id) is not None
        assert store.check() == []
        again = added(store, library, separating, mix, "two")
        assert (again["recordings"], again["stems"], again["skipped"]) == (0, 0, 1)


def test_a_recording_that_was_there_before_keeps_its_clips(
    mix: Path, separating: StemSettings, library: Library
) -> None:
    with Store(library) as store:
        plain = analyse_task(Task(str(mix), audio.sha256(mix), 1, "alto", SlicingSettings())).analysis
        assert plain is not None
        store.take_in(plain)
        before = store.left_out(plain.recording.id)
        report = added(store, library, separating, mix, "one")
        assert (report["recordings"], report["stems"]) == (0, 1)
        assert store.left_out(plain.recording.id) == before
        assert len(store.recordings()) == 2


def test_a_recording_that_is_not_denoised_is_added_as_it_is_and_not_asked_again(
    tmp_path: Path, denoising: StemSettings, library: Library, take
) -> None:
    pytest.importorskip("noisereduce", reason="the extra `stems` denoises")
    path = tmp_path / "short.wav"
    audio.write_wav(path, take([1.0]), 16_000)
    with Store(library) as store:
        first = added(store, library, denoising, path, "one")
        assert (first["recordings"], first["stems"]) == (1, 0)
        (recording,) = store.recordings()
        assert "pause" in str(recording.derivation["not_denoised"])
        again = added(store, library, denoising, path, "two")
        assert (again["recordings"], again["skipped"]) == (0, 1)
        later = added(store, library, replace(denoising, denoiser="noisereduce"), path, "three")
        assert later["skipped"] == 1


def test_a_vocal_stem_is_denoised_in_the_same_pass(
    mix: Path, separating: StemSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Halving(SpectralGate):
        def clean(self, path: Path, tracks: Any) -> Any:
            yield from (block / 2 for block in audio.blocks(path))

    digest = audio.sha256(mix)
    alone = derive(mix, digest, separating, []).path
    monkeypatch.setitem(DENOISERS, "noisereduce", Halving())  # type: ignore[arg-type]
    both = derive(mix, digest, replace(separating, denoiser="noisereduce"), [])
    assert alone is not None
    assert both.path is not None
    assert {"separate", "denoise"} <= set(both.derivation)
    np.testing.assert_allclose(audio.read(both.path)[0], audio.read(alone)[0] / 2, atol=1e-6)


def test_a_separator_without_vocals_is_refused(tmp_path: Path, mix: Path, separating: StemSettings) -> None:
    sources = ["drums", "bass", "other", "rest"]
    path = toy_separator.write_th(tmp_path / "none.th", kwargs={**toy_separator.SETTINGS, "sources": sources})
    with pytest.raises(BadRequest, match="no vocals"):
        derive(mix, audio.sha256(mix), replace(separating, separator=str(path)), [])


def test_missing_weights_are_told_before_any_work(library: Library) -> None:
    with pytest.raises(MissingWeights, match="curator models pull htdemucs"):
        StemSettings(str(library.media), str(library.weights), separator="htdemucs").derivation()


def test_a_machine_that_does_not_see_the_library_says_so(mix: Path, separating: StemSettings) -> None:
    with pytest.raises(BadRequest, match="all machines share"):
        derive(mix, audio.sha256(mix), replace(separating, media="/nowhere/media"), [])
