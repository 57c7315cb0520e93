"""The drawn spectrogram: the right place for a tone, its f0, and shades where there are few colours."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from textual.app import App, ComposeResult

from curator.tui.lens import Lens
from curator.tui.spectrogram import band_of, measure
from curator.tui.widgets.spectrogram import STEPS, SpectrogramView, f0_pixels, paint, palette

RATE = 16000


def tone(hertz: float, seconds: float = 2.0) -> NDArray[np.float32]:
    time = np.arange(round(seconds * RATE)) / RATE
    return np.asarray(0.3 * sum(np.sin(2 * np.pi * hertz * k * time) / k for k in (1, 2, 3)), np.float32)


class Bare(App[None]):
    def compose(self) -> ComposeResult:
        yield SpectrogramView(id="spectrogram")


def test_a_pure_tone_is_one_bright_line_at_its_height() -> None:
    wave = 0.3 * np.sin(2 * np.pi * 2000 * np.arange(2 * RATE) / RATE).astype(np.float32)
    picture = measure(wave, RATE)
    pixels = paint(picture.full, picture.hop_s, Lens.on(2.0), 60, 24)
    assert pixels.shape == (24, 60)
    brightest = pixels[:, 5:-5].argmax(axis=0)
    share = float(band_of(np.array([2000.0], np.float32), picture.top_hz, voice=False)[0])
    assert np.abs(brightest - (23 - int(share * 24))).max() <= 1
    assert pixels[:, 30].min() < 40


def test_sound_stands_in_the_columns_of_its_time_at_every_zoom() -> None:
    wave = np.concatenate([np.zeros(RATE, np.float32), tone(200, 1.0)])
    picture = measure(wave, RATE)
    whole = paint(picture.full, picture.hop_s, Lens.on(2.0), 40, 8)
    assert whole[:, :19].max() < 60 < whole[:, 21:].max()
    close = Lens(2.0, 0.5, 1.0, 0.5)
    assert paint(picture.full, picture.hop_s, close, 40, 8)[:, :38].max() < 60


def test_the_curve_of_f0_runs_where_its_axis_says_and_stops_with_the_voice() -> None:
    wave = np.concatenate([tone(110, 1.0), np.zeros(RATE, np.float32)])
    picture = measure(wave, RATE)
    rows = f0_pixels(picture, Lens.on(2.0), 40, 50)
    share = float(band_of(np.array([110.0], np.float32), picture.top_hz, voice=True)[0])
    assert set(rows[1:18].tolist()) <= {49 - int(share * 50), 50 - int(share * 50)}
    assert (rows[22:] == -1).all()


@pytest.mark.parametrize("dark", [True, False])
def test_louder_is_farther_from_the_background(dark: bool) -> None:
    background = (20, 24, 29) if dark else (247, 246, 242)
    colours = [sum(colour.triplet or ()) for colour in palette(background, dark)]
    assert len(colours) == STEPS
    assert (np.diff(colours)[4:] * (1 if dark else -1) >= 0).mean() > 0.9


async def test_a_screen_of_few_colours_gets_shades_and_a_curve_of_letters() -> None:
    app = Bare()
    async with app.run_test(size=(60, 12)) as pilot:
        app.theme = "ansi-dark"
        view = app.query_one(SpectrogramView)
        view.picture = measure(np.concatenate([tone(150), np.zeros(RATE, np.float32)]), RATE)
        view.lens = Lens.on(3.0)
        await pilot.pause()
        rows = [view.render_line(y).text for y in range(view.size.height)]
        assert all(len(row) == 60 for row in rows)
        assert any("oooooo" in row for row in rows)
        assert set("".join(rows)) <= set(" ·░▒▓█o┊0123456789k")
        app.theme = "textual-dark"
        await pilot.pause()
        assert any("▀" in view.render_line(y).text for y in range(view.size.height))


async def test_the_cursor_and_the_playing_position_are_strokes_at_their_seconds() -> None:
    app = Bare()
    async with app.run_test(size=(60, 12)) as pilot:
        view = app.query_one(SpectrogramView)
        view.picture = measure(tone(150, 3.0), RATE)
        view.lens = Lens.on(3.0).to(1.51)
        view.played_s = 2.26
        await pilot.pause()
        row = view.render_line(5).text
        assert (row[30], row[45]) == ("┊", "│")
