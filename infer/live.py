"""A voice in real time: blocks of a microphone in, blocks of the voice out, each a fixed time later.

Separate from the conversion because it never knows what comes next: each block is spoken anew with what came before
as context, laid over the end of the last where both agree best, and faded across. Where the sound comes from and goes
to is nobody's concern here, so a simulated stream measures what a microphone would.
Method of joining: synchronised overlap-add (SOLA), Roucos and Wilgus 1985.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from catalog.audio import resample
from catalog.errors import BadRequest
from infer import f0 as f0s
from infer.content import PhoneContent, PhoneticContent
from infer.cuts import FRAME, SAMPLE_RATE
from infer.loudness import QUIETEST_SPEECH, speech_power
from infer.noise import in_order
from infer.options import AUTO, ConvertOptions
from infer.source_filter_config import SourceFilterConfig
from infer.speak import make_piece, speak

if TYPE_CHECKING:
    from infer.content_encoder import Statistics
    from infer.voice import Voice

HISTORY_S = 10.0
"""So much of what was heard last normalises the content and says how loud speech is."""
MEASURE_EVERY_S = 1.0
LONGEST_CONTEXT_S = 1.0
SEARCH_S = 0.01
_SHORTEST_BLOCK_S, _LONGEST_BLOCK_S = 0.05, 2.0
_POWER_CELL = SAMPLE_RATE // 20
_RINGING = 5
"""Frames over which a source-filter voice rings on."""

Block = NDArray[np.float32]


@dataclass(frozen=True)
class LiveSettings:
    """How the stream is cut."""

    block_s: float = 0.25
    """New sound a block: the larger part of the latency, and the time in which each must be ready."""
    context_s: float | None = None
    """What came before, heard again with each block; None: as far as the networks look back, at most 1 s."""
    ahead_s: float = 0.06
    """Sound after the part that is given out, so that its end is not the end of what is known."""
    fade_s: float = 0.04
    """Cross-fade from block to block."""
    reserve_s: float = 0.03
    """Sound that lies ready when playing begins, so that a block may take longer than the first one did."""

    def __post_init__(self) -> None:
        if not _SHORTEST_BLOCK_S <= self.block_s <= _LONGEST_BLOCK_S:
            raise BadRequest(
                f"block {1000 * self.block_s:g} ms: give {1000 * _SHORTEST_BLOCK_S:g} to {1000 * _LONGEST_BLOCK_S:g}"
            )

    @property
    def delay_s(self) -> float:
        """By how much what a block gives lies behind what it was given."""
        return self.fade_s + SEARCH_S + self.ahead_s

    @property
    def latency_s(self) -> float:
        """From a sound to its conversion, apart from the time the computing takes."""
        return self.block_s + self.delay_s + self.reserve_s


@dataclass
class LiveFigures:
    """What was measured while the stream ran."""

    blocks: int = 0
    late: int = 0
    """Blocks that took longer than they last: each is heard as a gap."""
    seconds: list[float] = field(default_factory=list)
    """Computing time of each block."""

    def add(self, seconds: float, allowed: float) -> None:
        """Count one block."""
        self.blocks += 1
        self.late += seconds > allowed
        self.seconds.append(seconds)

    def quantile(self, share: float) -> float:
        """Computing time (s) that this share of the blocks stayed below."""
        return float(np.quantile(self.seconds, share)) if self.seconds else 0.0


class LiveVoice:
    """One stream through one voice; `process` takes and gives blocks at `sample_rate`."""

    def __init__(
        self,
        voice: Voice,
        options: ConvertOptions,
        sample_rate: int,
        settings: LiveSettings | None = None,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        """Raises BadRequest for transpose auto: what is about to be said has no median yet."""
        if options.transpose == AUTO:
            raise BadRequest("transpose auto needs the whole recording; give semitones for a live voice")
        self.settings = settings or LiveSettings()
        self.figures = LiveFigures()
        self._voice, self._options, self._rate, self._clock = voice, options, sample_rate, clock
        self._method = f0s.choose(options.f0_method) if voice.synthesizer.config.f0 else None
        self.block = round(self.settings.block_s * sample_rate)
        """Samples that `process` takes and gives."""
        self.reserve = round(self.settings.reserve_s * sample_rate)
        """Samples of silence to be played before the first block."""
        self._fade = round(self.settings.fade_s * sample_rate)
        self._search = round(SEARCH_S * sample_rate)
        self._ahead = round(self.settings.ahead_s * sample_rate)
        context_s = looks_back(voice) if self.settings.context_s is None else self.settings.context_s
        held = round(context_s * sample_rate) + self.block + self._fade + self._search + self._ahead
        self._heard = np.zeros(held, np.float32)
        self._history = np.zeros(0, np.float32)
        self._statistics: Statistics | None = None
        self._power = QUIETEST_SPEECH
        self._since_measured = np.inf
        self._tail = np.zeros(self._fade, np.float32)
        self._noise = np.random.default_rng(options.seed)
        self._warm_up()
        self._noise = np.random.default_rng(options.seed)

    def _warm_up(self) -> None:
        """Speak into nowhere once: what loads and plans at its first use would make the first block late."""
        hiss = 0.01 * np.random.default_rng(0).standard_normal(len(self._heard)).astype(np.float32)
        slow = resample(hiss, self._rate, SAMPLE_RATE)
        self._statistics = self._voice.encoder.measure(slow)
        self._tail = self._spoken(slow)[: self._fade]
        self._join(self._spoken(slow))
        self._tail = np.zeros(self._fade, np.float32)
        self._statistics = None

    def process(self, block: Block) -> Block:
        """The next `block` samples in, as many out, `delay_s` behind."""
        if len(block) != self.block:
            raise ValueError(f"{len(block)} samples given, a block is {self.block}")
        began = self._clock()
        self._heard = np.concatenate([self._heard[len(block) :], block.astype(np.float32)])
        slow = resample(self._heard, self._rate, SAMPLE_RATE)
        self._measure(slow)
        out = self._join(self._spoken(slow))
        self.figures.add(self._clock() - began, self.settings.block_s)
        return out

    def _measure(self, slow: Block) -> None:
        """Once a second: what normalises the content, over the last seconds."""
        fresh = slow[-round(self.settings.block_s * SAMPLE_RATE) :]
        self._history = np.concatenate([self._history, fresh])[-round(HISTORY_S * SAMPLE_RATE) :]
        self._since_measured += self.settings.block_s
        if self._since_measured < MEASURE_EVERY_S or len(self._history) < 4 * FRAME:
            return
        self._since_measured = 0.0
        self._statistics = self._voice.encoder.measure(self._history)
        cells = self._history[: len(self._history) // _POWER_CELL * _POWER_CELL].reshape(-1, _POWER_CELL)
        self._power = max(speech_power(np.square(cells).mean(axis=1)), QUIETEST_SPEECH)

    def _spoken(self, slow: Block) -> Block:
        """What the voice makes of the new part: fade + block + search samples at the stream's rate."""
        f0 = None
        if self._method is not None:
            f0 = f0s.transpose(f0s.estimate(slow, self._method), float(self._options.transpose))
        # the encoder gives whole frames only: a mirrored end keeps the last ones
        padded = np.pad(slow, (0, 4 * FRAME), mode="reflect")
        piece = make_piece(self._voice, padded, f0, self._statistics, self._power, self._options)
        frames = len(piece.features)
        wanted = (self._fade + self.block + self._search + self._ahead) / self._rate
        start = max(0, frames - 4 - int(np.ceil(wanted * 100)) - 1)
        wave = speak(self._voice, piece, self._options, in_order(self._draw), span=(start, frames))
        fast = resample(wave, self._voice.sample_rate, self._rate)
        # the part that is given out begins this long before the end of what was heard
        first = len(self._heard) - self._ahead - self._search - self.block - self._fade
        offset = first - round(start / 100 * self._rate)
        part = fast[offset : offset + self._fade + self.block + self._search]
        return np.pad(part, (0, self._fade + self.block + self._search - len(part)))

    def _draw(self, shape: tuple[int, ...]) -> Block:
        return self._noise.standard_normal(shape, dtype=np.float32)

    def _join(self, part: Block) -> Block:
        """Lay `part` over the tail of the last block where they agree best; gives a block and keeps the next tail."""
        shift = best_shift(self._tail, part, self._search)
        part = part[shift : shift + self._fade + self.block]
        rising = np.sin(np.linspace(0, np.pi / 2, self._fade, dtype=np.float32)) ** 2
        joined = part.copy()
        joined[: self._fade] = self._tail * (1 - rising) + part[: self._fade] * rising
        self._tail = joined[self.block :].copy()
        return np.asarray(np.clip(joined[: self.block], -1, 1), np.float32)


def looks_back(voice: Voice) -> float:
    """Seconds before a sound that its conversion can depend on, at most `LONGEST_CONTEXT_S`: past that nothing changes
    where both networks have an end to what they hear, and little where they have none."""
    config, encoder = voice.synthesizer.config, voice.encoder
    if not isinstance(config, SourceFilterConfig) or not isinstance(encoder, PhoneContent | PhoneticContent):
        return LONGEST_CONTEXT_S
    return min(LONGEST_CONTEXT_S, encoder.reach_s + (config.reach + _RINGING) / 100)


def best_shift(tail: Block, part: Block, search: int) -> int:
    """The shift of 0 to `search` samples at which the start of `part` correlates best with `tail`."""
    from scipy.signal import correlate

    size = len(tail)
    if not size or not np.any(tail):
        return 0
    head = part[: size + search].astype(np.float64)
    products = correlate(head, tail.astype(np.float64), mode="valid", method="direct")
    energy = np.convolve(np.square(head), np.ones(size), mode="valid")
    return int(np.argmax(products / np.sqrt(energy + 1e-9)))
