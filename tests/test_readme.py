"""README and help agree: every command is documented, and nothing is documented that does not exist."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

from curator.cli.main import COMMANDS, cli

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")


def leaves() -> list[tuple[str, click.Command]]:
    """Every command that does something, by its full name."""
    context = click.Context(cli)
    found: list[tuple[str, click.Command]] = []
    for name in COMMANDS:
        command = cli.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            found += [(f"{name} {sub}", inner) for sub, inner in command.commands.items()]
        else:
            found.append((name, command))
    return found


@pytest.mark.parametrize(("name", "command"), leaves(), ids=[name for name, _ in leaves()])
def test_every_command_has_help_and_stands_in_the_readme(name: str, command: click.Command) -> None:
    assert command.help
    assert f"curator {name}" in README
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help or parameter.name == "help", f"{name} {parameter.name} has no help"


@pytest.mark.parametrize(("name", "command"), leaves(), ids=[name for name, _ in leaves()])
def test_every_long_option_stands_in_the_readme(name: str, command: click.Command) -> None:
    documented = {option for line in README.splitlines() if f"curator {name}" in line for option in options_in(line)}
    own = {option for parameter in command.params for option in parameter.opts if option.startswith("--")}
    assert own - {"--json", "--help"} <= documented, f"{name}: {own - documented}"


def test_the_readme_names_no_command_that_does_not_exist() -> None:
    names = {name for name, _ in leaves()} | set(COMMANDS)
    for first, second in re.findall(r"`curator ([a-z]+)(?: ([a-z]+))?", README):
        assert first in names or f"{first} {second}" in names, f"curator {first} {second}"


def test_the_readme_opens_with_the_two_commands() -> None:
    head = README.split("## ", 2)[1]
    assert "make demo" in head
    assert "make test" in head


def options_in(line: str) -> set[str]:
    return set(re.findall(r"--[a-z0-9-]+", line))
