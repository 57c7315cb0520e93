from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

from catalog.errors import BadRequest, CuratorError
from infer import pull as module
from infer.pull import Published, address, find, missing_weights, place, published, pull

BODY = np.random.default_rng(0).bytes(3_000_000)
ENTRY = Published("tiny", "someone/weights", "deep/tiny file.pt", hashlib.sha256(BODY).hexdigest(), "for tests")


class Server(BaseHTTPRequestHandler):
    """Serves BODY with ranges; can break off, ignore ranges or send something else."""

    asked: ClassVar[list[tuple[str, str | None]]] = []
    break_after: ClassVar[int | None] = None
    ranges: ClassVar[bool] = True
    body: ClassVar[bytes] = BODY

    def do_GET(self) -> None:
        wanted = self.headers.get("Range")
        self.asked.append((self.path, wanted))
        start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted and self.ranges else 0
        if start >= len(self.body):
            self.send_error(416)
            return
        self.send_response(206 if wanted and self.ranges else 200)
        self.send_header("Content-Length", str(len(self.body) - start))
        self.end_headers()
        stop = len(self.body) if Server.break_after is None else start + Server.break_after
        Server.break_after = None
        self.wfile.write(self.body[start:stop])

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def base(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setattr(module, "published", lambda: {"tiny": ENTRY})
    Server.asked, Server.break_after, Server.ranges, Server.body = [], None, True, BODY
    server = ThreadingHTTPServer(("127.0.0.1", 0), Server)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_a_pull_reports_progress_and_gives_the_published_bytes(base: str, tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    path = pull("tiny", tmp_path, base, progress=lambda done, total: told.append((done, total)))
    assert path == place("tiny", tmp_path) == tmp_path / "deep" / "tiny file.pt"
    assert path.read_bytes() == BODY
    assert told[-1] == (len(BODY), len(BODY))
    assert Server.asked == [("/deep/tiny%20file.pt", None)]


def test_what_is_there_is_not_fetched_again(base: str, tmp_path: Path) -> None:
    pull("tiny", tmp_path, base)
    Server.asked.clear()
    pull("tiny", tmp_path, base)
    assert Server.asked == []


def test_a_broken_download_goes_on_where_it_stopped(base: str, tmp_path: Path) -> None:
    Server.break_after = 1_200_000
    path = pull("tiny", tmp_path, base)
    assert path.read_bytes() == BODY
    assert [wanted for _, wanted in Server.asked] == [None, "bytes=1200000-"]


def test_a_part_left_by_an_earlier_run_is_used(base: str, tmp_path: Path) -> None:
    part = tmp_path / "deep" / "tiny file.pt.part"
    part.parent.mkdir()
    part.write_bytes(BODY[:2_500_000])
    assert pull("tiny", tmp_path, base).read_bytes() == BODY
    assert Server.asked[0][1] == "bytes=2500000-"
    assert not part.exists()


def test_a_part_that_is_already_whole_needs_no_more_bytes(base: str, tmp_path: Path) -> None:
    part = tmp_path / "deep" / "tiny file.pt.part"
    part.parent.mkdir()
    part.write_bytes(BODY)
    assert pull("tiny", tmp_path, base).read_bytes() == BODY


def test_a_server_without_ranges_is_read_from_the_start(base: str, tmp_path: Path) -> None:
    Server.ranges, Server.break_after = False, 1_000_000
    assert pull("tiny", tmp_path, base).read_bytes() == BODY


def test_a_file_with_another_hash_is_removed_and_named(base: str, tmp_path: Path) -> None:
    Server.body = BODY[:-1] + b"x"
    with pytest.raises(CuratorError, match=r"tiny: .*SHA-256 differs") as error:
        pull("tiny", tmp_path, base)
    assert "\n" not in str(error.value)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_no_network_is_one_line_and_leaves_nothing_named(base: str, tmp_path: Path) -> None:
    with pytest.raises(CuratorError, match="cannot reach") as error:
        pull("tiny", tmp_path, "http://127.0.0.1:9")
    assert "\n" not in str(error.value)
    assert not place("tiny", tmp_path).exists()


def test_an_answer_that_is_an_error_is_one_line(base: str, tmp_path: Path) -> None:
    Server.body = b""
    with pytest.raises(CuratorError, match="answered 416"):
        pull("tiny", tmp_path, base)


def test_the_address_can_be_moved_by_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CURATOR_WEIGHTS_URL", raising=False)
    assert address(ENTRY) == "https://huggingface.co/someone/weights/resolve/main/deep/tiny%20file.pt"
    monkeypatch.setenv("CURATOR_WEIGHTS_URL", "http://mirror.local/w/")
    assert address(ENTRY) == "http://mirror.local/w/deep/tiny%20file.pt"
    with pytest.raises(BadRequest, match="http"):
        address(ENTRY, "file:///etc")


def test_every_published_entry_is_pinned_and_has_its_own_place(tmp_path: Path) -> None:
    entries = published()
    assert {"contentvec", "rmvpe", "rvc-v2-40k-f0-generator"} <= set(entries)
    assert all(len(bytes.fromhex(entry.sha256)) == 32 for entry in entries.values())
    assert len({place(name, tmp_path) for name in entries}) == len(entries)
    assert all(place(name, tmp_path).resolve().is_relative_to(tmp_path.resolve()) for name in entries)


def test_an_unknown_name_names_the_nearest() -> None:
    with pytest.raises(BadRequest, match="did you mean contentvec"):
        find("contentvek")


def test_weights_that_are_missing_say_what_to_type() -> None:
    assert "encoder x needs weights" in str(missing_weights("contentvec", "encoder x"))
    assert str(missing_weights("contentvec", "encoder x")).endswith("curator models pull contentvec")
