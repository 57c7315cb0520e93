"""The drawn wave: shape, marks and seconds."""

from __future__ import annotations

import numpy as np
import pytest
from textual.app import App, ComposeResult

from curator.tui.envelope import measure
from curator.tui.widgets.waveform import CLIPPED, LOUD, NOTHING, QUIET, Waveform, paint, seconds_axis


def test_pixels_follow_the_wave_about_the_middle() -> None:
    ramp = np.linspace(0, 0.9, 16000, dtype=np.float32) * np.tile([1, -1], 8000).astype(np.float32)
    kinds = paint(measure(ramp, 16000, None, columns=40), 16)
    heights = (kinds != NOTHING).sum(0)
    assert heights[-1] == 16
    assert (np.diff(heights) >= 0).all()
    assert np.array_equal(kinds != NOTHING, (kinds != NOTHING)[::-1])


def test_pauses_and_clipping_are_kinds_of_their_own() -> None:
    samples = np.full(16000, 0.5, np.float32)
    samples[:4000] = 1.0
    speech = np.array([True] * 10 + [False] * 10)
    kinds = paint(measure(samples, 16000, speech, columns=20), 8)
    assert (kinds[3, :5] == CLIPPED).all()
    assert (kinds[3, 5:10] == LOUD).all()
    assert (kinds[3, 10:] == QUIET).all()


@pytest.mark.parametrize(("duration", "width"), [(7.9, 60), (14.9, 40), (0.4, 80), (3600, 200), (5, 3), (0, 10)])
def test_seconds_fill_exactly_the_width(duration: float, width: int) -> None:
    axis = seconds_axis(duration, width)
    assert len(axis) == width
    if duration > 1 and width > 10:
        assert axis.startswith("0")
        assert axis.count("s") >= 2


async def test_the_band_says_in_shapes_what_the_colours_say() -> None:
    samples = np.full(16000, 0.2, np.float32)
    samples[-1000:] = 1.0
    speech = np.array([True] * 10 + [False] * 10)

    class Bare(App[None]):
        def compose(self) -> ComposeResult:
            yield Waveform(id="wave")

    app = Bare()
    async with app.run_test(size=(40, 10)) as pilot:
        wave = app.query_one(Waveform)
        wave.envelope = measure(samples, 16000, speech)
        await pilot.pause()
        lines = [wave.render_line(y).text for y in range(wave.size.height)]
        assert lines[-2] == "━" * 20 + "·" * 17 + "!" * 3
        wave.played_s = 0.5
        await pilot.pause()
        assert wave.render_line(wave.size.height - 2).text[20] == "▲"
