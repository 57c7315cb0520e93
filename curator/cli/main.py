"""The `curator` command: its global option, its commands by name, and the app when no command is given.

Commands are looked up by name and imported only when used, so that the app and `--help` start at once.
"""

from __future__ import annotations

import gc
import importlib

import click

from catalog.library import Library
from catalog.names import nearest
from curator.cli.output import guarded, pass_library

COMMANDS = {
    "add": "curator.cli.add:add",
    "reslice": "curator.cli.rescore:reslice",
    "rescore": "curator.cli.rescore:rescore",
    "recordings": "curator.cli.clips:recordings",
    "clips": "curator.cli.clips:clips",
    "verdict": "curator.cli.clips:verdict",
    "edit": "curator.cli.edits:edit_group",
    "tag": "curator.cli.edits:tag",
    "note": "curator.cli.edits:note",
    "undo": "curator.cli.edits:undo",
    "redo": "curator.cli.edits:redo",
    "policy": "curator.cli.policy:policy_group",
    "learn": "curator.cli.learn:learn",
    "serve": "curator.cli.serve:serve",
    "set": "curator.cli.sets:set_group",
    "report": "curator.cli.sets:report",
    "preview": "curator.cli.preview:preview",
    "train": "curator.cli.train:train",
    "runs": "curator.cli.runs:runs",
    "convert": "curator.cli.convert:convert",
    "live": "curator.cli.live:live",
    "models": "curator.cli.models:models",
    "doctor": "curator.cli.doctor:doctor",
    "demo": "curator.cli.demo:demo",
}


class LazyGroup(click.Group):
    """A group whose commands are imported when they are asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names in the order of the work."""
        return list(COMMANDS)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Refuse a command that there is not with the one that was meant."""
        if args[0] not in COMMANDS and not args[0].startswith("-"):
            raise click.UsageError(f"There is no command {args[0]}{nearest(args[0], COMMANDS)}.", ctx)
        return super().resolve_command(ctx, args)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name, or None."""
        if cmd_name not in COMMANDS:
            return None
        module, attribute = COMMANDS[cmd_name].split(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command


@click.group(cls=LazyGroup, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--library", metavar="DIR", help="The library folder (else $CURATOR_LIBRARY, else your user data folder)."
)
@click.version_option(package_name="voice-curator")
@click.pass_context
def cli(context: click.Context, library: str | None) -> None:
    """From raw recordings to a converted voice. Without a command, opens the app."""
    context.obj = library
    if context.invoked_subcommand is None:
        context.invoke(app)


@click.command()
@pass_library
def app(library: Library) -> None:
    """Open the app on the library."""
    gc.disable()
    from curator.tui.app import run

    run(library)


def main() -> None:
    """Entry point of the `curator` script."""
    guarded(lambda: cli(standalone_mode=False))
