"""`curator add`: recordings in, scored clips out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from catalog.library import Library
from curator.cli.output import DONE, NOTHING, PARTLY, STOPPED, emit, json_option, open_store, pass_library, say
from curator.cli.taking_in import take_in_as_it_goes
from curator.words import clock, count

if TYPE_CHECKING:
    from curator.stems import StemSettings


@click.command()
@click.argument("paths", nargs=-1, required=True, metavar="PATH...", type=click.Path(path_type=Path))
@click.option("--speaker", required=True, metavar="NAME", help="Whose voice this is.")
@click.option("--workers", type=click.IntRange(1), metavar="N", help="Processes to use (one a core by default).")
@click.option(
    "--ray", metavar="ADDRESS", help="Work on a Ray cluster (HOST:PORT, ray://HOST:PORT or auto) instead of here."
)
@click.option("--separate", is_flag=True, help="Take the vocals out of a mix and slice those.")
@click.option(
    "--separator", metavar="NAME|FILE", help="With --separate: htdemucs (default), htdemucs_ft or a model file."
)
@click.option("--denoise", is_flag=True, help="Take steady noise out, learnt from each recording's own pauses.")
@click.option(
    "--denoiser",
    type=click.Choice(("noisereduce", "rnnoise")),
    help="With --denoise: noisereduce (default), or rnnoise, for speech only.",
)
@click.option("--singing", is_flag=True, help="Every note is a voice: high, fast and soft ones too.")
@json_option
@pass_library
def add(
    library: Library,
    paths: tuple[Path, ...],
    speaker: str,
    workers: int | None,
    ray: str | None,
    separate: bool,
    separator: str | None,
    denoise: bool,
    denoiser: str | None,
    singing: bool,
    as_json: bool,
) -> int:
    """Catalogue, slice and score recordings. What is already there is skipped.

    PATH is a file or a folder, which is searched with its subfolders. With --separate or --denoise a stem is written
    beside the catalogue and sliced in the recording's place; the recording itself is never changed.
    """
    from curator.launch import start_add

    if ray and workers:
        raise click.UsageError("--workers is for this machine; a cluster uses the processors that it has.")
    if (separator and not separate) or (denoiser and not denoise):
        raise click.UsageError("--separator goes with --separate, and --denoiser with --denoise.")
    stems = stem_settings(
        library, (separator or "htdemucs") if separate else None, (denoiser or "noisereduce") if denoise else None
    )
    with open_store(library) as store:
        catalogued = store.known_sums()
        known = catalogued if stems is None else stems.had(store.recordings())
        job = start_add(
            library,
            paths,
            speaker,
            known=known,
            catalogued=catalogued,
            workers=workers,
            ray=ray,
            stems=stems,
            singing=singing,
        )
        report = take_in_as_it_goes(store, job, "Adding").report()
    if as_json:
        emit(report)
    else:
        click.echo(in_words(report))
    if report["stopped"]:
        say(STOPPED)
    if report["failed"] or report["stopped"]:
        return PARTLY if report["recordings"] or report["stems"] or report["skipped"] else NOTHING
    return DONE


def stem_settings(library: Library, separator: str | None, denoiser: str | None) -> StemSettings | None:
    """What to derive, if anything; raises before any work is begun when something that it needs is not there."""
    if separator is None and denoiser is None:
        return None
    from curator.stems import StemSettings

    if separator is not None and Path(separator).exists():
        separator = str(Path(separator).resolve())
    settings = StemSettings(str(library.media), str(library.weights), separator, denoiser)
    settings.derivation()
    return settings


def in_words(report: dict[str, Any]) -> str:
    """The report of an add in one line."""
    kept = f"{count(report['recordings'], 'recording')} ({clock(report['seconds_in'])}) added, "
    kept += f"{count(report['clips'], 'clip')} ({clock(report['seconds_clips'])})"
    kept += f" from {count(report['stems'], 'stem')}" if report["stems"] else ""
    skipped = f", {report['skipped']} already there" if report["skipped"] else ""
    failed = f", {len(report['failed'])} failed" if report["failed"] else ""
    return kept + skipped + failed
