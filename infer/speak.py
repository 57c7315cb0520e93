"""One piece of a recording through a voice's network, whichever kind it is.

Separate from the conversion, which cuts and joins pieces, and from the networks, which know tensors only: here a piece
becomes what its kind of network reads, and the network's answer becomes samples. Real time speaks through here too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import numpy as np
from numpy.typing import NDArray

from infer import f0 as f0s
from infer import refining
from infer.content_encoder import Statistics
from infer.cuts import FRAME, SAMPLE_RATE
from infer.f0_methods.framing import fit
from infer.loudness import frame_loudness, frame_rms
from infer.noise import Noise
from infer.options import ConvertOptions
from infer.piece import Piece
from infer.retrieval import protect_unvoiced
from infer.seams import Phases
from infer.source_filter_config import SourceFilterConfig
from infer.sovits_config import SoVitsConfig

if TYPE_CHECKING:
    import torch

    from infer.network import NetworkConfig
    from infer.source_filter import SourceFilter
    from infer.sovits import SoVitsSynthesizer
    from infer.synthesizer import Synthesizer
    from infer.voice import Voice

PROTECT_OFF = 0.5


def make_piece(
    voice: Voice,
    audio: NDArray[np.float32],
    f0: NDArray[np.float64] | None,
    statistics: Statistics | None,
    speech_power: float,
    options: ConvertOptions,
    *,
    first: int = 0,
    phases: Phases | None = None,
) -> Piece:
    """Content of `audio` (N,) at 16 kHz, which begins with frame `first` of its recording, moved towards the voice's
    own where it has an index; as many frames as all parts have."""
    raw = voice.encoder.encode(audio, statistics)
    blended = raw
    if voice.index is not None and options.index_rate > 0:
        voice.index.look_for(options.index_recall, raw)
        spoken = None if f0 is None or not options.index_pitch else fit(f0[::2], len(raw))
        blended = voice.index.blend(raw, options.index_rate, f0=spoken, pitch=options.index_pitch)
    features, before = np.repeat(blended, 2, axis=0), np.repeat(raw, 2, axis=0)
    frames = min(len(features), len(audio) // FRAME, len(features) if f0 is None else len(f0))
    features = features[:frames]
    if f0 is not None:
        f0 = f0[:frames]
        if options.protect < PROTECT_OFF:
            features = protect_unvoiced(features, before[:frames], f0, options.protect)
    return Piece(audio, features, f0, speech_power, first, phases)


def speak(
    voice: Voice, piece: Piece, options: ConvertOptions, noise: Noise, *, span: tuple[int, int] | None = None
) -> NDArray[np.float32]:
    """The piece in the voice: (T * hop,) samples, or those of the frames [start, stop) of `span` alone.

    All of the piece is context either way; a network that can works on no more than the span needs. Raises BadRequest
    for a refinement that the voice has no refiner for.
    """
    if not options.refine:
        return _spoken(voice, piece, options, noise, span)
    hop, frames = voice.synthesizer.config.hop, len(piece.features)
    start, stop = span or (0, frames)
    first, last = decoded((start, stop), frames, refining.refiner_of(voice, options.refine).config.reach)
    wave = _spoken(voice, piece, options, noise, (first, last))
    done = refining.refined(voice, piece, wave, first, noise, steps=options.refine, speaker=options.speaker)
    return done[(start - first) * hop : (stop - first) * hop]


def _spoken(
    voice: Voice, piece: Piece, options: ConvertOptions, noise: Noise, span: tuple[int, int] | None
) -> NDArray[np.float32]:
    """What the voice's network makes of the piece."""
    import torch

    config: NetworkConfig = voice.synthesizer.config
    with torch.inference_mode():
        if isinstance(config, SourceFilterConfig):
            return _shaped(voice, piece, options, noise, span)
        elif isinstance(config, SoVitsConfig):
            wave = _sovits(voice, piece, options, noise)
        else:
            return _synthesized(voice, piece, options, noise, span)
    start, stop = span or (0, len(piece.features))
    hop = voice.synthesizer.config.hop
    return wave[start * hop : stop * hop]


def _synthesized(
    voice: Voice, piece: Piece, options: ConvertOptions, noise: Noise, span: tuple[int, int] | None
) -> NDArray[np.float32]:
    """RVC's network."""
    import torch

    network, frames = cast("Synthesizer", voice.synthesizer), len(piece.features)
    before, around = network.reach
    first, last = (0, frames) if span is None else decoded(span, frames, around)
    # as many as still pass the flow
    flowing = frames if span is None else frames - max(first - before, 0)
    hop = network.config.hop
    noise_z = noise(network.config.inter_channels, flowing, piece.first + frames - flowing)
    noise_source = None if piece.f0 is None else noise(1, (last - first) * hop, (piece.first + first) * hop)
    wave = network.infer(
        _tensor(voice, piece.features),
        torch.tensor([frames], device=voice.device),
        None if piece.f0 is None else _tensor(voice, f0s.coarse(piece.f0)).long(),
        None if piece.f0 is None else _tensor(voice, piece.f0),
        torch.tensor([options.speaker], device=voice.device),
        noise_z=_tensor(voice, noise_z),
        noise_src=None if noise_source is None else _tensor(voice, noise_source[0])[..., None],
        noise_scale=options.noise_scale,
        skip_head=None if span is None else first,
        return_length=None if span is None else last - first,
        phase=piece.phase(first),
    )
    found = _samples(wave)
    return found if span is None else found[(span[0] - first) * hop : (span[1] - first) * hop]


def decoded(span: tuple[int, int], frames: int, reach: int) -> tuple[int, int]:
    """The frames that a decoder must hear for the samples of `span`."""
    return max(0, span[0] - reach), min(frames, span[1] + reach)


def _shaped(
    voice: Voice, piece: Piece, options: ConvertOptions, noise: Noise, span: tuple[int, int] | None
) -> NDArray[np.float32]:
    """A source-filter network, which is told how loud each frame is."""
    import torch

    from infer.excitation import BLOCKS

    network, frames = cast("SourceFilter", voice.synthesizer), len(piece.features)
    assert piece.f0 is not None
    hop, (start, stop) = network.config.hop, span or (0, frames)
    # what rings on into the span, and the frame that its last one leads to
    first, last = max(0, start - BLOCKS), min(frames, stop + 1)
    heard = slice(*decoded((first, last), frames, network.config.reach))
    loudness = frame_loudness(_tensor(voice, piece.audio), SAMPLE_RATE, piece.speech_power)[:, heard]
    speaker = torch.tensor([options.speaker], device=voice.device)
    filters = network.filters(_tensor(voice, piece.features[heard]), _tensor(voice, piece.f0[heard]), loudness, speaker)
    voiced, breath = (each[:, first - heard.start : last - heard.start] for each in filters)
    drawn = _tensor(voice, noise(1, (last - first) * hop, (piece.first + first) * hop)[0])
    [wave] = network.sound(voiced, breath, _tensor(voice, piece.f0[first:last]), [drawn], phase=piece.phase(first))
    return _samples(wave)[(start - first) * hop : (stop - first) * hop]


def _sovits(voice: Voice, piece: Piece, options: ConvertOptions, noise: Noise) -> NDArray[np.float32]:
    """A so-vits-svc network, which from 4.1 on may hear the RMS volume of the input."""
    import torch

    network, frames = cast("SoVitsSynthesizer", voice.synthesizer), len(piece.features)
    assert piece.f0 is not None
    hop = network.config.hop
    volume = _tensor(voice, frame_rms(piece.audio)[:frames]) if network.config.volume else None
    wave = network.infer(
        _tensor(voice, piece.features),
        torch.tensor([frames], device=voice.device),
        None,
        _tensor(voice, piece.f0),
        torch.tensor([options.speaker], device=voice.device),
        noise_z=_tensor(voice, noise(network.config.inter_channels, frames, piece.first)),
        noise_src=_tensor(voice, noise(1, frames * hop, piece.first * hop)[0])[..., None],
        noise_scale=options.noise_scale,
        volume=volume,
        predict_f0=options.predict_f0,
    )
    return _samples(wave)


def _tensor(voice: Voice, values: NDArray[np.generic]) -> torch.Tensor:
    """Values as float32 with a batch of one, on the voice's device."""
    import torch

    return torch.from_numpy(np.ascontiguousarray(values)).to(torch.float32).to(voice.device)[None]


def _samples(wave: torch.Tensor) -> NDArray[np.float32]:
    found: NDArray[np.float32] = wave[0].float().cpu().numpy()
    return found
