"""`curator models import`: what belongs together is asked for together, in one line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.curator.cli.conftest import Ended


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--clusters", "k.pt"), "--clusters belongs to a so-vits-svc voice: give its --config"),
        (("--diffusion", "d.pt"), "--diffusion belongs to a so-vits-svc voice: give its --config"),
        (("--config", "c.json", "--diffusion-config", "d.yaml"), "give it with --diffusion"),
        (("--config", "c.json", "--diffusion", "d.pt"), "c.json"),
    ],
)
def test_files_that_belong_to_others_are_asked_for(
    curator: Callable[..., Ended], tmp_path: Path, options: tuple[str, ...], words: str
) -> None:
    (tmp_path / "G_1.pth").write_bytes(b"")
    ended = curator("models", "import", str(tmp_path / "G_1.pth"), *options)
    assert ended.code == 2
    assert words in ended.err
    assert ended.err.count("\n") == 1
