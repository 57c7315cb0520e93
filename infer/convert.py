"""The conversion: a recording in, the same words and melody in another voice out, on one page.

The recording passes as tracks on disk from stage to stage, so memory is that of one piece whatever its length.
Order and numerics are those that RVC voices are made for; unlike there, the output keeps the input's length.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from catalog.audio import Resampler
from catalog.errors import BadRequest
from infer import breaths, melody, noise
from infer import f0 as f0s
from infer.content_encoder import Statistics
from infer.cuts import CLASSIC, FRAME, FRAME_RATE, SAMPLE_RATE, Chunking, find_cuts
from infer.highpass import highpass_blocks
from infer.loudness import QUIETEST_SPEECH, speech_power
from infer.options import ConvertOptions
from infer.piece import Piece
from infer.refining import refiner_of
from infer.seams import Phases, faded
from infer.source_filter_config import SourceFilterConfig
from infer.speak import make_piece, speak
from infer.track import Track, filled
from infer.volume import Contour, at, bounded, gain, steady

if TYPE_CHECKING:
    from infer.voice import Voice

INPUT_PEAK = 0.95
MEASURED_S = 300
"""At most so much of a recording, spread over it, is looked at to normalise its content."""
SMALL = Chunking(pad=1, query=2, center=10, longest=14)
"""Pieces for a processor: attention grows with the square of a piece, and small pieces stay in the cache."""


@dataclass
class Conversion:
    """One recording on its way through a voice.

    The last fields are there for comparing with other implementations: what noise is drawn, in the order it is asked
    for, and whether pieces are trimmed by the network's own frame count, which loses some milliseconds at each cut.
    """

    voice: Voice
    options: ConvertOptions
    folder: Path
    """For scratch files, which the caller removes."""
    weights: Path | None = None
    """The library's folder of pulled weights, for f0 methods that need some."""
    chunking: Chunking | None = None
    """None chooses by the voice's device."""
    progress: Callable[[float, float, str], None] = lambda done, total, note: None
    """Called with seconds done, seconds in all, and what is being done; may raise to stop."""
    draw: Callable[[tuple[int, ...]], NDArray[np.float32]] | None = None
    f0_points: NDArray[np.floating] | None = None
    """A drawn f0 contour (K, 2) of seconds and Hz that replaces the extracted one."""
    keep_length: bool = True
    limit_volume: bool = True
    semitones: float = field(default=0.0, init=False)
    """The transposition that was applied, once it is known."""
    f0_method: str | None = field(default=None, init=False)
    """The f0 method that was used, once it is known; None for a voice without f0."""
    _tracks: list[Track] = field(default_factory=list, init=False)
    _speech: float = field(default=QUIETEST_SPEECH, init=False)
    """Mean square of the louder parts of the recording: what a voice that is told loudness measures against."""

    def run(self, source: Track, seconds: float | None = None) -> tuple[Track, int]:
        """Convert a track at 16 kHz; gives the output and its rate in Hz.

        `seconds` is the exact length of the recording, when the track is a rounded version of it. Raises BadRequest
        for an empty recording or options that the voice cannot follow.
        """
        self._check(source)
        length = len(source) / SAMPLE_RATE if seconds is None else seconds
        clean = self._filter(source)
        pitch = self._pitch(clean)
        statistics = self._measure(clean)
        if isinstance(self.voice.synthesizer.config, SourceFilterConfig) or self.options.refine:
            self._speech = self._loud_parts(clean)
        raw = self._track("voice")
        for piece in faded(self._pieces(clean, pitch, statistics, round(length * self.voice.sample_rate))):
            raw.append(piece)
        return self._finish(clean, raw, length, pitch)

    def close(self) -> None:
        """Let go of the scratch files, so that their folder can be removed."""
        for track in self._tracks:
            track.close()

    # the stages

    def _track(self, name: str, precision: Literal["float32", "float64"] = "float32") -> Track:
        self._tracks.append(Track(self.folder / name, precision))
        return self._tracks[-1]

    def _check(self, source: Track) -> None:
        if len(source) == 0:
            raise BadRequest("the recording is empty")
        if self.options.speaker >= self.voice.speakers:
            raise BadRequest(f"speaker {self.options.speaker}: this model has speakers 0 to {self.voice.speakers - 1}")
        if self.options.refine:
            refiner_of(self.voice, self.options.refine)

    def _filter(self, source: Track) -> Track:
        """The recording below full scale and without what lies below 48 Hz."""
        clean = self._track("clean", "float64")
        scale = 1 / max(1.0, source.peak / INPUT_PEAK)
        for block in highpass_blocks(lambda start, stop: source.read(start, stop) * scale, len(source)):
            clean.append(block)
        return clean

    def _pitch(self, clean: Track) -> NDArray[np.float64] | None:
        """f0 (Hz) of the recording with its context, 100 a second, transposed; None for a voice without f0."""
        if not self.voice.synthesizer.config.f0:
            return None
        found = melody.find(
            clean, self._pad, self.options, self.voice.card, weights=self.weights, device=self.voice.device,
            progress=self.progress,
        )  # fmt: skip
        self.f0_method, self.semitones = found.method, found.semitones
        if self.f0_points is not None:
            return f0s.override(found.f0, self.f0_points, self._pad // FRAME)
        return found.f0

    def _measure(self, clean: Track) -> Statistics | None:
        """What normalises the content: measured once over the recording, so all pieces are treated alike."""
        limit = MEASURED_S * SAMPLE_RATE
        if len(clean) <= limit:
            return self.voice.encoder.measure(clean.read(0, len(clean)).astype(np.float32))
        part = 30 * SAMPLE_RATE
        starts = np.linspace(0, len(clean) - part, limit // part).astype(int)
        audio = np.concatenate([clean.read(start, start + part).astype(np.float32) for start in starts.tolist()])
        return self.voice.encoder.measure(audio)

    def _loud_parts(self, clean: Track) -> float:
        cell = SAMPLE_RATE // 20
        whole = (block[: len(block) // cell * cell] for _, block in clean.blocks())
        power = [np.square(block).reshape(-1, cell).mean(1) for block in whole]
        return max(speech_power(np.concatenate(power)), QUIETEST_SPEECH)

    @property
    def _chunking(self) -> Chunking:
        return self.chunking or (SMALL if self.voice.device == "cpu" else CLASSIC)

    @property
    def _pad(self) -> int:
        return round(self._chunking.pad * SAMPLE_RATE)

    @property
    def _fade(self) -> int:
        """Frames on either side of a cut over which its pieces are faded into each other."""
        return round(self.options.cross_fade / 1000 * FRAME_RATE / 2) if self.keep_length else 0

    def _pieces(
        self, clean: Track, pitch: NDArray[np.float64] | None, statistics: Statistics | None, wanted: int
    ) -> Iterator[tuple[NDArray[np.float32], int]]:
        """The recording piece by piece through the network, each with how many of its samples lie over the end of the
        piece before; `wanted` samples at the voice's rate in all."""
        pad, rate, fade = self._pad, self.voice.sample_rate, self._fade
        hop = self.voice.synthesizer.config.hop
        edges = [0, *find_cuts(clean, self._chunking, around=2 * fade), len(clean)]
        sound = noise.placed(self.options.seed) if self.draw is None else noise.in_order(self.draw)
        phases = self._phases(pitch)
        given = 0
        for start, stop in pairwise(edges):
            last = stop == len(clean)
            end = stop + pad if last else stop + pad + FRAME
            audio = clean.read_mirrored(start - pad, end)
            first = start // FRAME
            frames = None if pitch is None else pitch[first : None if last else (stop + 2 * pad) // FRAME]
            heard = make_piece(
                self.voice, audio.astype(np.float32), frames, statistics, self._speech, self.options,
                first=first, phases=phases,
            )  # fmt: skip
            before, after = (fade if start else 0), (0 if last else fade)
            length = (wanted if last else round(stop * rate / SAMPLE_RATE)) - given
            wave = self._spoken(heard, (before, length + after * hop), sound)
            given += length if self.keep_length else len(wave)
            yield wave, before * 2 * hop
            self.progress(stop / SAMPLE_RATE, len(clean) / SAMPLE_RATE, "converting")

    def _phases(self, pitch: NDArray[np.float64] | None) -> Phases | None:
        """Where in its period the voice is at each frame, so that pieces fit together; None where each starts anew."""
        if pitch is None or not self._fade:
            return None
        config = self.voice.synthesizer.config
        return Phases(pitch, config.hop, gliding=isinstance(config, SourceFilterConfig))

    def _spoken(self, heard: Piece, wanted: tuple[int, int], sound: noise.Noise) -> NDArray[np.float32]:
        """A piece in the voice without its context: so many frames before it and samples after its start as are
        `wanted`, or what the network's frames give."""
        hop, pad = self.voice.synthesizer.config.hop, round(self._chunking.pad * SAMPLE_RATE / FRAME)
        before, length = wanted
        if not self.keep_length:
            return speak(self.voice, heard, self.options, sound)[pad * hop : -pad * hop]
        stop = min(len(heard.features), pad + -(-length // hop))
        wave = speak(self.voice, heard, self.options, sound, span=(pad - before, stop))
        return filled(wave, before * hop + length)

    def _finish(self, clean: Track, raw: Track, length: float, pitch: NDArray[np.float64] | None) -> tuple[Track, int]:
        """The loudness contour of the input mixed in, its breaths kept, and the rate that was asked for."""
        rate = self.voice.sample_rate
        asked = self.options.resample or rate
        mixed = self._mix(clean, raw, None if pitch is None else pitch[self._pad // FRAME :])
        if asked == rate:
            return mixed, rate
        resampler = Resampler(rate, asked)
        out = self._track("resampled")
        wanted = round(length * asked) if self.keep_length else int(np.ceil(len(mixed) * asked / rate))
        for start, block in mixed.blocks():
            last = start + len(block) == len(mixed)
            done = resampler.feed(block.astype(np.float32), last=last)
            out.append(done[: wanted - len(out)])
        out.append(np.zeros(wanted - len(out), np.float32))
        return out, asked

    def _mix(self, clean: Track, raw: Track, pitch: NDArray[np.float64] | None) -> Track:
        mix, keep_breaths = self.options.rms_mix, self.options.breaths == "keep" and pitch is not None
        if mix >= 1 and not keep_breaths:
            return raw
        source, output = Contour(SAMPLE_RATE), Contour(self.voice.sample_rate)
        for track, contour in ((clean, source), (raw, output)):
            for _, block in track.blocks():
                contour.feed(block)
        wanted, present = source.rms(), output.rms()
        factors, levels = steady(wanted, present, mix)
        peaks = output.peaks() if self.limit_volume else None
        mixed = raw if mix >= 1 else self._track("mixed")
        for start, block in () if mix >= 1 else raw.blocks():
            span = (len(raw), start, start + len(block))
            if self.options.pauses == "steady":
                mixed.append(block * bounded(at(factors, *span), peaks, span))
            else:
                mixed.append(block * gain(wanted, present, mix, span, peaks))
        if not keep_breaths:
            return mixed
        assert pitch is not None
        breathing = self._track("breathing")
        breaths.keep(mixed, clean, pitch, levels, self.voice.sample_rate, breathing)
        return breathing
