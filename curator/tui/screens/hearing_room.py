"""Seeing and hearing in the review room: the pictures of the clip under the cursor, and every way to play it.

Separate from finding, which is in `clip_room`, and from deciding, which is in `review`: what is here changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from textual import on
from textual.binding import Binding
from textual.timer import Timer
from textual.widgets import Static
from textual.worker import get_current_worker

from catalog import clips
from catalog.errors import CuratorError
from curator.tui import listening
from curator.tui.clip_words import clip_heading, no_clip_words
from curator.tui.lens import ZOOM, Lens
from curator.tui.passage import Manner
from curator.tui.pictures import Picture, Pictures
from curator.tui.screens.clip_room import ClipRoom
from curator.tui.widgets.clip_table import ClipTable
from curator.tui.widgets.reason_bar import ReasonBar
from curator.tui.widgets.score_panel import ScorePanel
from curator.tui.widgets.sound_view import SoundView
from curator.tui.widgets.spectrogram import SpectrogramView
from curator.tui.widgets.waveform import Marked, Waveform

SETTLE_S = 0.04
AUTOPLAY_AFTER_S = 0.25
FOLLOW_EVERY_S = 0.05
NEIGHBOURS = (1, 2, -1, 3)
"""Rows from the cursor whose pictures are drawn beforehand, in this order."""
SPEEDS = (0.5, 1.0, 1.5)
STEP_COLUMNS = 1
LEAP_COLUMNS = 10
SIGHTS = ("both", "waveform", "spectrogram")

HEARING: tuple[Binding, ...] = (
    Binding("space", "play", "Play", tooltip="Play the clip; again stops it.", id="review.play"),
    Binding("p", "play_here", "From cursor", show=False, tooltip="Play from the cursor.", id="review.play_here"),
    Binding("w", "play_reason", "Why", show=False, tooltip="Play what speaks most against the clip.", id="review.why"),
    Binding("b", "compare", "A/B", show=False, tooltip="The speaker's cleanest clip; again this one.", id="review.ab"),
    Binding("B", "play_parent", "Parent", show=False, tooltip="The same place before separation.", id="review.parent"),
    Binding("R", "switch('loop')", "Loop", show=False, tooltip="Loop on and off.", id="review.loop"),
    Binding("P", "switch('skip')", "Pauses", show=False, tooltip="Pass over pauses, or not.", id="review.skip"),
    Binding("A", "switch('autoplay')", "Autoplay", show=False, tooltip="Play on moving, or not.", id="review.autoplay"),
    Binding("minus", "speed(-1)", "Slower", show=False, tooltip="Slower, same pitch.", id="review.slower"),
    Binding("plus,equals_sign", "speed(1)", "Faster", show=False, tooltip="Faster, same pitch.", id="review.faster"),
    Binding("left,h", "step(-1)", "Left", show=False, tooltip="Cursor to the left in the clip.", id="review.left"),
    Binding("right,l", "step(1)", "Right", show=False, tooltip="Cursor to the right in the clip.", id="review.right"),
    Binding("shift+left,H", "leap(-1)", "Far left", show=False, tooltip="Far to the left.", id="review.far_left"),
    Binding("shift+right", "leap(1)", "Far right", show=False, tooltip="Far to the right.", id="review.far_right"),
    Binding("z", "zoom(1)", "Closer", show=False, tooltip="Closer, about the cursor.", id="review.closer"),
    Binding("Z", "zoom(-1)", "Farther", show=False, tooltip="Farther.", id="review.farther"),
    Binding("0", "zoom(0)", "Whole", show=False, tooltip="The whole clip.", id="review.whole"),
    Binding("e", "sight", "Picture", show=False, tooltip="Waveform, spectrogram, or both.", id="review.picture"),
    Binding("F", "voice", "f0 range", show=False, tooltip="Spectrogram up to 1.4 kHz, or all.", id="review.voice"),
    Binding("W", "write_clip", "To file", show=False, tooltip="Write the clip as a WAV file.", id="review.write"),
)
"""The keys of seeing and hearing."""


class HearingRoom(ClipRoom):
    """A room that shows and plays the clip under the cursor.

    The screen that inherits it composes, besides what `ClipRoom` needs, a container `#clip` with `#clip-heading`, the
    pictures `#wave` and `#spectrogram`, the line `#hearing` and the scores `#scores`.
    """

    def __init__(self) -> None:
        super().__init__()
        self.lens = Lens()
        self.speed = 1.0
        self.loop = False
        self.skip = False
        self.autoplay = False
        self.sight = SIGHTS[0]
        self._picture: Picture | None = None
        self._pictures: Pictures | None = None
        self._shown_id = ""
        self._settle: Timer | None = None
        self._autoplay: Timer | None = None
        self._playhead: Timer | None = None
        self._offset_s = 0.0
        self._heard = False
        self._elsewhere = False
        """Whether what is playing is another clip or the recording before separation."""
        self._cleanest: dict[str, dict[str, Any] | None] = {}

    def on_mount(self) -> None:
        """Follow the sound, and begin as the person's settings say."""
        self.autoplay = self.home.settings.on("autoplay")
        self.skip = self.home.settings.on("skip_silence")
        self._playhead = self.set_interval(FOLLOW_EVERY_S, self._follow_sound, pause=True)

    @property
    def pictures(self) -> Pictures:
        """The pictures at hand."""
        self._pictures = self._pictures or Pictures(self.store)
        return self._pictures

    @property
    def current(self) -> dict[str, Any] | None:
        """The clip under the cursor."""
        return self.query_one(ClipTable).current

    # what is seen

    @on(ClipTable.Moved)
    def _moved(self, event: ClipTable.Moved) -> None:
        clip = event.clip
        identity = str(clip["id"]) if clip else ""
        if identity != self._shown_id:
            self.home.player.stop()
        self.draw_clip(clip)
        self.drop_readings("picture")
        if self._settle is not None:
            self._settle.stop()
        picture = self.pictures.ready(clip) if clip is not None else None
        if picture is None or clip is None:
            self._show_picture(clip, None)
            if clip is not None:
                self._settle = self.set_timer(SETTLE_S, partial(self._read_picture, clip))
        else:
            self._show_picture(clip, picture)
            self._settle = self.set_timer(SETTLE_S, self._prepare_neighbours)
        if identity != self._shown_id and self.autoplay and self._shown_id and clip is not None:
            self._play_soon()
        self._shown_id = identity

    def draw_clip(self, clip: dict[str, Any] | None) -> None:
        """Write the clip's heading and scores."""
        self.query_one(ScorePanel).show(clip, self.rules)
        narrowed = bool(self.where or self.scope)
        heading = no_clip_words(narrowed, adding=self.adding) if clip is None else clip_heading(clip)
        self.query_one("#clip-heading", Static).update(heading, layout=False)

    def _read_picture(self, clip: dict[str, Any]) -> None:
        self.read("picture", partial(self.pictures.of, clip), partial(self._picture_read, clip))

    def _picture_read(self, clip: dict[str, Any], picture: Picture) -> None:
        self._show_picture(clip, picture)
        self._prepare_neighbours()

    def _show_picture(self, clip: Mapping[str, Any] | None, picture: Picture | None) -> None:
        self._picture = picture
        wave, spectrogram = self.query_one(Waveform), self.query_one(SpectrogramView)
        wave.note = spectrogram.note = ""
        wave.envelope = picture.envelope if picture else None
        spectrogram.picture = picture.spectrogram if picture else None
        wave.marked = marks_of(clip, self.query_one(ScorePanel).complaints) if clip and picture else ()
        same = clip is not None and str(clip["id"]) == self._shown_id and picture is not None
        duration = picture.envelope.duration_s if picture else 0.0
        if not (same and abs(self.lens.duration_s - duration) < 1e-6):
            self.lens = Lens.on(duration)
        self._look_through()

    def _look_through(self) -> None:
        for view in self.query(SoundView):
            view.lens = self.lens
        self._draw_line()

    def _draw_line(self) -> None:
        how = listening.Listening(self.speed, self.loop, self.skip, self.autoplay)
        line = listening.line(how, self.lens, self._picture.spectrogram if self._picture else None)
        self.query_one("#hearing", Static).update(line, layout=False)

    def _prepare_neighbours(self) -> None:
        table = self.query_one(ClipTable)
        near = [table.clip_at(table.cursor_row + step) for step in NEIGHBOURS]
        wanted = [clip for clip in near if clip is not None and self.pictures.ready(clip) is None]
        if wanted:
            work = partial(self._prepare, self.pictures, wanted)
            self.run_worker(work, thread=True, group="neighbours", exclusive=True, exit_on_error=False)

    @staticmethod
    def _prepare(pictures: Pictures, wanted: list[dict[str, Any]]) -> None:
        worker = get_current_worker()
        for clip in wanted:
            if worker.is_cancelled:
                return
            try:
                pictures.of(clip)
            except CuratorError:
                continue

    def read_failed(self, what: str, error: CuratorError) -> None:
        """A clip that cannot be heard is said in its place."""
        if what == "picture":
            self.query_one(Waveform).note = str(error)
        else:
            super().read_failed(what, error)

    def action_step(self, columns: int) -> None:
        """Move the cursor by a column."""
        self._move_cursor(columns * STEP_COLUMNS)

    def action_leap(self, columns: int) -> None:
        """Move the cursor by ten columns."""
        self._move_cursor(columns * LEAP_COLUMNS)

    def _move_cursor(self, columns: int) -> None:
        width = max(1, self.query_one(Waveform).size.width or self.query_one(SpectrogramView).size.width)
        self.lens = self.lens.moved(self.lens.shown_s * columns / width)
        self._look_through()

    def action_zoom(self, closer: int) -> None:
        """Closer (1), farther (-1), or the whole clip (0)."""
        if closer:
            self.lens = self.lens.zoomed(ZOOM**closer)
        else:
            self.lens = Lens.on(self.lens.duration_s).to(self.lens.cursor_s)
        self._look_through()

    @on(SoundView.Wheeled)
    def _wheeled(self, event: SoundView.Wheeled) -> None:
        self.lens = self.lens.to(event.seconds)
        self.action_zoom(event.closer)

    def action_sight(self) -> None:
        """Show the next of: both pictures, the waveform, the spectrogram."""
        self.sight = SIGHTS[(SIGHTS.index(self.sight) + 1) % len(SIGHTS)]
        for name in SIGHTS:
            self.set_class(self.sight == name, f"-{name}")

    def action_voice(self) -> None:
        """The spectrogram's other range of frequencies."""
        view = self.query_one(SpectrogramView)
        view.voice = not view.voice

    # what is heard

    def action_play(self) -> None:
        """Play the clip under the cursor, or stop."""
        if self._stop():
            return
        self.play_range(0.0, self.lens.duration_s)

    def action_play_here(self) -> None:
        """Play from the cursor on."""
        self._stop()
        self.play_range(self.lens.cursor_s, self.lens.duration_s)

    def action_play_reason(self) -> None:
        """Play the place of the score that speaks most against the clip."""
        clip = self.current
        if clip is None:
            return
        self._stop()
        place = listening.worst_place(clip, self.query_one(ScorePanel).complaints)
        if place is None:
            self.query_one(ReasonBar).say("Nothing that speaks against this clip has a place of its own.")
            return
        self.lens = self.lens.to(place.start_s)
        self._look_through()
        self.query_one(ReasonBar).say(
            f"{place.words}, at its worst from {place.start_s:.1f} to {place.end_s:.1f} s", "♪"
        )
        self.play_range(*listening.widened(place, float(clip["duration_s"])))

    def action_compare(self) -> None:
        """Play the cleanest clip of the same speaker, then this one again, in turn."""
        clip = self.current
        if clip is None:
            return
        if self._elsewhere:
            self._stop()
            self.query_one(ReasonBar).say("A: this clip   b plays the cleanest one", "♪")
            self.play_range(0.0, self.lens.duration_s)
            return
        self._stop()
        speaker = str(clip["speaker"])
        if speaker in self._cleanest:
            self._play_cleanest(clip, self._cleanest[speaker])
        else:
            work = partial(listening.cleanest, self.store, speaker, self.rules)
            self.read("cleanest", work, partial(self._keep_cleanest, clip))

    def _keep_cleanest(self, clip: dict[str, Any], found: dict[str, Any] | None) -> None:
        self._cleanest[str(clip["speaker"])] = found
        self._play_cleanest(clip, found)

    def _play_cleanest(self, clip: dict[str, Any], found: dict[str, Any] | None) -> None:
        if found is None or found["id"] == clip["id"]:
            words = "This is the speaker's cleanest clip." if found else "No other clip of this speaker has an snr_db."
            self.query_one(ReasonBar).say(words)
            return
        self.query_one(ReasonBar).say(f"B: {listening.short_words(found)}   b plays this clip again", "♪")
        self._elsewhere = True
        self.home.play(str(found["path"]), int(found["start"]), int(found["end"]), Manner(self.speed))

    def action_play_parent(self) -> None:
        """Play the same seconds of the recording that this stem was made from, or of a stem of this recording."""
        clip = self.current
        if clip is not None:
            self._stop()
            work = partial(listening.other_version, self.store, str(clip["recording"]))
            self.read("parent", work, partial(self._play_other, clip))

    def _play_other(self, clip: dict[str, Any], found: listening.Version | None) -> None:
        if found is None:
            self.query_one(ReasonBar).say("This recording has no stems and is none.")
            return
        self.query_one(ReasonBar).say(f"{found.words}   space stops", "♪")
        self._elsewhere = True
        start, end = (round(float(clip[name]) * found.sample_rate) for name in ("start_s", "end_s"))
        self.home.play(found.path, start, end, Manner(self.speed))

    @on(SoundView.Sought)
    def _sought(self, event: SoundView.Sought) -> None:
        self.lens = self.lens.to(event.seconds)
        self._look_through()
        self.action_play_here()

    def play_range(self, start_s: float, end_s: float, *, once: bool = False) -> None:
        """Play some seconds of the clip under the cursor as the person wants to hear them."""
        clip = self.current
        if clip is None:
            return
        rate = int(clip["sample_rate"])
        end_s = end_s or float(clip["duration_s"])
        first = int(clip["start"]) + int(start_s * rate)
        last = min(int(clip["end"]), int(clip["start"]) + round(end_s * rate))
        if last <= first:
            return
        speech = self._picture.envelope if self._picture and self.skip else None
        without = listening.pauses(speech, start_s, end_s) if speech else ()
        self._offset_s, self._heard, self._elsewhere = start_s, False, False
        self.home.play(str(clip["path"]), first, last, Manner(self.speed, self.loop and not once, without))
        if self._playhead is not None:
            self._playhead.resume()

    def _stop(self) -> bool:
        """Be silent; whether anything was to be heard."""
        playing, self._elsewhere = self.home.player.playing, False
        self.home.player.stop()
        return playing

    def _play_soon(self) -> None:
        if self._autoplay is not None:
            self._autoplay.stop()
        self._autoplay = self.set_timer(AUTOPLAY_AFTER_S, partial(self.play_range, 0.0, 0.0, once=True))

    def _follow_sound(self) -> None:
        player = self.home.player
        if player.playing:
            self._heard = True
            played = None if self._elsewhere else self._offset_s + player.position_s
        elif self._heard:
            played = None
            if self._playhead is not None:
                self._playhead.pause()
        else:
            return
        for view in self.query(SoundView):
            view.played_s = played

    def action_switch(self, what: str) -> None:
        """Turn loop, skipping of pauses, or autoplay on or off."""
        setattr(self, what, not getattr(self, what))
        self._draw_line()

    def action_speed(self, by: int) -> None:
        """The next slower or faster speed; what is playing goes on from where it is."""
        at = SPEEDS.index(self.speed)
        self.speed = SPEEDS[min(len(SPEEDS) - 1, max(0, at + by))]
        self._draw_line()
        player = self.home.player
        if player.playing and not self._elsewhere:
            here = self._offset_s + player.position_s
            player.stop()
            self.play_range(here, self.lens.duration_s)

    def action_write_clip(self) -> None:
        """Write the clip to a file of its own, for a player elsewhere."""
        clip = self.current
        if clip is not None:
            work = partial(listening.write_clip, clip, self.library.root / "clips")
            self.read("write", work, lambda path: self.query_one(ReasonBar).say(f"Written: {path}", "✓", "$success"))


def marks_of(clip: Mapping[str, Any], complaints: Mapping[str, str]) -> tuple[Marked, ...]:
    """The places of a clip's scores, those that speak against it first; a second voice wherever one is heard."""
    found = []
    order = list(complaints)
    for score, (start_s, end_s) in clips.places(clip.get("places")).items():
        if score == "overlap_ratio" and (clip.get(score) or 0) > 0:
            found.append((len(order), Marked(start_s, end_s, "second voice", second_voice=True)))
        elif score in complaints:
            found.append((order.index(score), Marked(start_s, end_s, complaints[score].split(":")[0])))
    return tuple(mark for _, mark in sorted(found, key=lambda pair: pair[0]))
