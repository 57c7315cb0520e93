from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from catalog.errors import BadRequest, MissingWeights
from infer import f0
from infer.f0_methods.framing import regrid

RATE = 16000
WITHOUT_WEIGHTS = [name for name, method in f0.F0_METHODS.items() if method.weights is None]
QUICK = [name for name in WITHOUT_WEIGHTS if name != "crepe"]


def voice(hz: NDArray[np.float64]) -> NDArray[np.float64]:
    """A vowel-like sound with the given f0 in Hz for each sample; silent where it is 0."""
    phase = 2 * np.pi * np.cumsum(hz) / RATE
    sound = sum(np.sin(k * phase) / k for k in range(1, 9))
    return 0.15 * np.asarray(sound) * (hz > 0)


def cents(found: NDArray[np.float64], truth: NDArray[np.float64] | float) -> NDArray[np.float64]:
    return np.asarray(1200 * np.log2(found / truth))


@pytest.fixture(scope="module")
def glide() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Two seconds from 110 to 330 Hz with a pause in the middle, and its f0 every 10 ms."""
    hz = 110 * 3 ** (np.arange(2 * RATE) / (2 * RATE))
    hz[int(0.8 * RATE) : int(1.2 * RATE)] = 0
    return voice(hz), hz[::160]


@pytest.mark.parametrize("name", QUICK)
def test_every_method_follows_a_glide_and_its_pause(
    name: str, glide: tuple[NDArray[np.float64], NDArray[np.float64]]
) -> None:
    pytest.importorskip(f0.F0_METHODS[name].package)
    audio, truth = glide
    found = f0.extract(audio, name)
    assert len(found) == len(audio) // 160
    both = (found > 0) & (truth > 0)
    assert both.sum() > 0.85 * (truth > 0).sum()
    assert np.median(np.abs(cents(found[both], truth[both]))) < 25
    assert (found[90:110] > 0).mean() < (1.0 if name.startswith(("fcpe", "crepe")) else 0.1)


@pytest.mark.parametrize("name", ["swift", "combined", "harvest", "dio", "pm"])
@pytest.mark.parametrize("samples", [1, 159, 160, 500, 4001])
def test_every_length_gives_one_value_a_hop(name: str, samples: int) -> None:
    pytest.importorskip(f0.F0_METHODS[name].package)
    assert f0.extract(voice(np.full(samples, 200.0)), name).shape == (samples // 160,)


@pytest.mark.parametrize("name", ["swift", "combined", "harvest", "pm"])
def test_digital_silence_is_unvoiced(name: str) -> None:
    pytest.importorskip(f0.F0_METHODS[name].package)
    assert not f0.extract(np.zeros(RATE), name).any()


def test_a_quiet_voice_is_heard_as_well_as_a_loud_one() -> None:
    audio = voice(np.full(RATE, 220.0))
    loud, quiet = f0.extract(audio, "swift"), f0.extract(audio * 0.003, "swift")
    assert (loud > 0).mean() > 0.8
    assert (quiet > 0).mean() > (loud > 0).mean() - 0.1


def test_blocks_of_a_long_recording_agree_with_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    hz = 150 * 2 ** (np.sin(np.arange(6 * RATE) / RATE) / 2)
    audio = voice(hz)
    whole = f0.extract(audio, "swift")
    monkeypatch.setattr(f0, "BLOCK_S", 1.5)
    in_blocks = f0.extract(audio, "swift")
    assert len(in_blocks) == len(whole)
    both = (whole > 0) & (in_blocks > 0)
    assert both.mean() > 0.95
    assert np.abs(cents(in_blocks[both], whole[both])).max() < 10


def test_auto_takes_a_method_that_is_ready() -> None:
    assert f0.choose("auto") in f0.available()


def test_an_unknown_method_names_those_there_are() -> None:
    with pytest.raises(BadRequest, match="harvest"):
        f0.choose("harvst")
    with pytest.raises(BadRequest, match="swift"):
        f0.choose("zzz")


def test_a_method_without_its_package_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f0, "find_spec", lambda name: None if name == "parselmouth" else object())
    assert "pip install" in str(f0.F0_METHODS["pm"].missing())
    with pytest.raises(BadRequest, match=r"pip install .*ready: .*swift"):
        f0.choose("pm")


def test_a_method_without_its_weights_says_what_to_pull(tmp_path: Path) -> None:
    assert "rmvpe" not in f0.available(tmp_path)
    with pytest.raises(MissingWeights, match="curator models pull rmvpe"):
        f0.choose("rmvpe", tmp_path)


def test_coarse_pitch_spans_the_range_and_marks_unvoiced() -> None:
    classes = f0.coarse(np.array([0.0, 50.0, 1100.0, 5000.0]))
    assert classes.tolist() == [1, 1, 255, 255]
    rising = f0.coarse(np.linspace(51, 1099, 2000))
    assert (np.diff(rising) >= 0).all()
    assert len(set(rising.tolist())) > 240


def test_the_median_removes_single_jumps_only() -> None:
    contour = np.array([100.0, 100, 200, 100, 100, 150, 150, 150])
    assert f0.median3(contour).tolist() == [100, 100, 100, 100, 100, 150, 150, 150]


def test_only_harvest_is_smoothed_and_only_above_two() -> None:
    contour = np.array([100.0, 300, 100])
    assert f0.smooth(contour, "harvest", 3)[1] == 100
    assert f0.smooth(contour, "harvest", 2)[1] == 300
    assert f0.smooth(contour, "dio", 3)[1] == 300


def test_transposing_keeps_unvoiced_frames() -> None:
    assert f0.transpose(np.array([0.0, 220.0]), 12).tolist() == [0, 440]


def test_a_drawn_contour_replaces_its_stretch_only() -> None:
    drawn = f0.override(np.full(400, 100.0), np.array([[0.0, 200.0], [1.0, 300.0]]), 100)
    assert drawn[99] == 100
    assert drawn[100] == 200
    assert drawn[150] == pytest.approx(250)
    assert drawn[201] == 100


def test_regridding_never_bridges_a_pause() -> None:
    times = np.arange(6) * 0.016
    f0_values = np.array([100.0, 100, 0, 0, 200, 200])
    grid = np.arange(9) * 0.01
    found = regrid(f0_values, times, grid)
    assert found == pytest.approx([100, 100, 100, 0, 0, 0, 200, 200, 200])


def test_a_drawn_contour_stands_at_its_own_times_and_leaves_the_rest(tmp_path: Path) -> None:
    path = tmp_path / "f0.csv"
    path.write_text("0.10,200\n0.20,300\n\n0.25,0\n0.30,100\n")
    points = f0.read_points(path)
    drawn = f0.draw(np.full(80, 50.0), points, 10)
    assert drawn[:20].tolist() == [50.0] * 20
    assert drawn[20:31] == pytest.approx(np.linspace(200, 300, 11))
    assert drawn[31:40].tolist() == [0.0] * 9
    assert drawn[41:].tolist() == [50.0] * 39


@pytest.mark.parametrize(
    ("content", "words"),
    [("", "two lines"), ("0,200\nhigh", "line 2"), ("0,200\n0,210", "line 2: times must rise"),
     ("0,200\n1,9000", "line 2"), ("0,nan\n1,200", "line 1")],
)  # fmt: skip
def test_an_f0_file_that_is_none_is_refused_by_its_line(tmp_path: Path, content: str, words: str) -> None:
    path = tmp_path / "f0.csv"
    path.write_text(content)
    with pytest.raises(BadRequest, match=words):
        f0.read_points(path)
    with pytest.raises(BadRequest, match="no f0 file"):
        f0.read_points(tmp_path / "none.csv")


def test_combined_hears_the_soft_end_of_a_note_and_no_more_in_noise() -> None:
    hz = np.full(2 * RATE, 130.0)
    fading = voice(hz) * np.exp(-4 * np.arange(2 * RATE) / RATE)
    noise = 1e-4 * np.random.default_rng(0).standard_normal(2 * RATE)
    alone, both = (f0.extract(fading + noise, name) for name in ("swift", "combined"))
    assert np.array_equal(both[alone > 0], alone[alone > 0])
    assert (both > 0).sum() > (alone > 0).sum() + 20
    added = both[(both > 0) & (alone <= 0)]
    assert np.abs(cents(added, 130.0)).max() < 50
    assert not f0.extract(1e2 * noise, "combined").any()
