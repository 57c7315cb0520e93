"""`curator live`: speak with a voice, from the microphone to the speakers."""

from __future__ import annotations

import sys

import click

from catalog.errors import BadRequest
from catalog.library import Library
from curator.cli.convert import semitones
from curator.cli.output import DONE, emit, json_option, pass_library, say
from infer.options import ConvertOptions


@click.command()
@click.argument("model")
@click.option("--transpose", default="0", show_default=True, metavar="N", help="Semitones.")
@click.option("--index-rate", type=float, metavar="X", help="0 to 1: how far features move to the voice's own.")
@click.option("--block-ms", type=int, default=250, show_default=True, metavar="MS", help="Shorter answers sooner.")
@click.option("--seconds", type=float, metavar="S", help="Stop after so long instead of at control-C.")
@json_option
@pass_library
def live(
    library: Library,
    model: str,
    transpose: str,
    index_rate: float | None,
    block_ms: int,
    seconds: float | None,
    as_json: bool,
) -> int:
    """Speak with MODEL in real time. From the microphone to the speakers, until control-C.

    Says the latency, and how many blocks came too late to be heard whole.
    """
    import torch

    from catalog import registry
    from infer.live import LiveSettings, LiveVoice
    from infer.live_device import RATE, Between, converse, open_device
    from infer.source_filter_config import SourceFilterConfig
    from infer.voice import load_voice

    shift = semitones(transpose)
    if shift == "auto":
        raise BadRequest("--transpose auto needs the whole recording; give semitones")
    given = {} if index_rate is None else {"index_rate": index_rate}
    options = ConvertOptions.from_dict(given | {"transpose": shift})
    settings = LiveSettings(block_s=block_ms / 1000)
    device = open_device()
    voice = load_voice(registry.load(library, model), library.weights)
    if voice.device == "cpu" and isinstance(voice.synthesizer.config, SourceFilterConfig):
        # blocks are too small to share: threads that wait for each other cost more than they save
        torch.set_num_threads(1)
    stream = LiveVoice(voice, options, RATE, settings)

    def told(stream: LiveVoice, between: Between) -> None:
        figures = stream.figures
        late = f"{figures.late} of {figures.blocks} blocks late"
        latency = 1000 * (settings.latency_s + figures.seconds[-1])
        sys.stderr.write(f"\rlatency {latency:4.0f} ms, computing {1000 * figures.seconds[-1]:4.0f} ms, {late} ")
        sys.stderr.flush()

    if not as_json:
        say(f"Speaking as {model}: control-C ends it.")
    between = converse(stream, device, seconds=seconds, told=(lambda *_: None) if as_json else told)
    figures = stream.figures
    if as_json:
        emit(
            {
                "blocks": figures.blocks,
                "late": figures.late,
                "gaps": between.gaps,
                "latency_s": round(settings.latency_s + figures.quantile(0.5), 4),
                "compute_s": {"median": round(figures.quantile(0.5), 4), "worst": round(figures.quantile(1.0), 4)},
            }
        )
    return DONE
