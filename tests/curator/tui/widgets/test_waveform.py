"""The drawn wave: shape, marks and seconds."""

from __future__ import annotations

import numpy as np
import pytest
from textual.app import App, ComposeResult

from curator.tui.envelope import Envelope, measure
from curator.tui.lens import Lens
from curator.tui.widgets.waveform import CLIPPED, LOUD, NOTHING, QUIET, Marked, Waveform, bracket, paint, seconds_axis


def test_pixels_follow_the_wave_about_the_middle() -> None:
    ramp = np.linspace(0, 0.9, 16000, dtype=np.float32) * np.tile([1, -1], 8000).astype(np.float32)
    outline = measure(ramp, 16000, None, columns=40)
    kinds = paint(outline, 16, outline.peak)
    heights = (kinds != NOTHING).sum(0)
    assert heights[-1] == 16
    assert (np.diff(heights) >= 0).all()
    assert np.array_equal(kinds != NOTHING, (kinds != NOTHING)[::-1])


def test_pauses_and_clipping_are_kinds_of_their_own() -> None:
    samples = np.full(16000, 0.5, np.float32)
    samples[:4000] = 1.0
    speech = np.array([True] * 10 + [False] * 10)
    kinds = paint(measure(samples, 16000, speech, columns=20), 8, 1.0)
    assert (kinds[3, :5] == CLIPPED).all()
    assert (kinds[3, 5:10] == LOUD).all()
    assert (kinds[3, 10:] == QUIET).all()


@pytest.mark.parametrize(("duration", "width"), [(7.9, 60), (14.9, 40), (0.4, 80), (3600, 200), (5, 3), (0, 10)])
def test_seconds_fill_exactly_the_width(duration: float, width: int) -> None:
    axis = seconds_axis(Lens.on(duration), width)
    assert len(axis) == width
    if duration > 1 and width > 10:
        assert axis.startswith("0")
        assert axis.count("s") >= 2


def a_clip() -> Envelope:
    """A second of sound: speech in its first half, clipped at its very end."""
    samples = np.full(16000, 0.2, np.float32)
    samples[-1000:] = 1.0
    return measure(samples, 16000, np.array([True] * 10 + [False] * 10))


def rows_of(wave: Waveform) -> list[str]:
    return [wave.render_line(y).text for y in range(wave.size.height)]


class Bare(App[None]):
    def compose(self) -> ComposeResult:
        yield Waveform(id="wave")


async def test_the_band_says_in_shapes_what_the_colours_say() -> None:
    app = Bare()
    async with app.run_test(size=(40, 10)) as pilot:
        wave = app.query_one(Waveform)
        wave.envelope = a_clip()
        wave.lens = Lens.on(1.0).to(0.26)
        await pilot.pause()
        assert rows_of(wave)[-2] == "━" * 10 + "┃" + "━" * 9 + "·" * 17 + "!" * 3
        wave.played_s = 0.5
        await pilot.pause()
        assert rows_of(wave)[-2][20] == "▲"


async def test_second_voices_stand_in_the_band_and_other_places_under_it_with_their_words() -> None:
    app = Bare()
    async with app.run_test(size=(40, 10)) as pilot:
        wave = app.query_one(Waveform)
        wave.envelope = a_clip()
        wave.lens = Lens.on(1.0)
        wave.marked = (Marked(0.1, 0.2, "second voice", second_voice=True), Marked(0.5, 0.75, "noise"))
        await pilot.pause()
        assert rows_of(wave)[-2][4:8] == "≈≈≈≈"
        assert rows_of(wave)[-1][20:30] == "└─noise──┘"


async def test_closer_shows_the_same_moments_in_more_columns() -> None:
    app = Bare()
    async with app.run_test(size=(40, 10)) as pilot:
        wave = app.query_one(Waveform)
        wave.envelope = a_clip()
        wave.lens = Lens.on(1.0).to(1.0).zoomed(4)
        await pilot.pause()
        band = rows_of(wave)[-2]
        assert band[-2:] == "!┃"
        assert band.count("!") in (9, 10)
        assert band[0] == "·"
        assert "0.8s" in rows_of(wave)[-1]


@pytest.mark.parametrize(("width", "text"), [(1, "┴"), (2, "└┘"), (5, "└noi┘"), (9, "└─noise─┘")])
def test_a_bracket_fills_its_range(width: int, text: str) -> None:
    assert bracket("noise", width) == text
