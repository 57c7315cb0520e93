"""Fetching published base weights by name: a table of facts, a resumable download, a hash that must agree.

Apart from the code that uses the weights, because the commands name and fetch them without loading a network.
"""

from __future__ import annotations

import contextlib
import csv
import hashlib
import os
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from http.client import HTTPException, HTTPResponse
from importlib import resources
from pathlib import Path
from urllib.parse import quote, urlsplit

from catalog.errors import BadRequest, CuratorError, MissingWeights
from catalog.names import nearest

HUB = "https://huggingface.co"
URL_VARIABLE = "CURATOR_WEIGHTS_URL"
TIMEOUT_S = 30.0
TRIES = 4
_PIECE = 1 << 20

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Published:
    """One published weights file: what it is called here, where it lies and what its bytes must hash to."""

    name: str
    repository: str
    """On the hub, or the whole address of a folder elsewhere."""
    file: str
    sha256: str
    what: str


@lru_cache(maxsize=1)
def published() -> dict[str, Published]:
    """All weights that can be pulled, by name."""
    table = resources.files("infer") / "data" / "weights.csv"
    rows = list(csv.DictReader(table.read_text(encoding="utf-8").splitlines()))
    return {
        row["name"]: Published(row["name"], row["hub_repository"], row["file"], row["sha256"], row["what"])
        for row in rows
    }


def find(name: str) -> Published:
    """The entry called `name`; raises BadRequest with the nearest name."""
    entries = published()
    if name not in entries:
        known = nearest(name, entries, listed_by="curator models pull")
        raise BadRequest(f"{name}: no such published weights{known}")
    return entries[name]


def place(name: str, weights: Path) -> Path:
    """Where pulled weights lie in the folder `weights`, whether they are there or not."""
    return weights / find(name).file


def missing_weights(name: str, who: str) -> MissingWeights:
    """The error for weights that have not been pulled: who needs them and what to type."""
    return MissingWeights(f"{who} needs weights that are not here: curator models pull {name}")


def address(entry: Published, base_url: str | None = None) -> str:
    """The URL of an entry: under `base_url`, else under $CURATOR_WEIGHTS_URL, else on its hub or site."""
    own = entry.repository if "://" in entry.repository else f"{HUB}/{entry.repository}/resolve/main"
    base = base_url or os.environ.get(URL_VARIABLE) or own
    if urlsplit(base).scheme not in ("http", "https"):
        raise BadRequest(f"{base}: weights are fetched over http or https only")
    return f"{base.rstrip('/')}/{quote(entry.file)}"


def pull(name: str, weights: Path, base_url: str | None = None, progress: Progress | None = None) -> Path:
    """Fetch published weights into the folder `weights` and return their path.

    A download that broke off goes on where it stopped; the file takes its name only after its SHA-256 agreed.
    `progress` is called with bytes done and bytes in all (0 when unknown). Weights that are there and whole
    are not fetched again. Raises BadRequest for an unknown name and CuratorError, in one line, when the file
    cannot be had or is not the one that was published.
    """
    entry = find(name)
    url = address(entry, base_url)
    path = place(name, weights)
    if path.is_file() and _sha256(path) == entry.sha256:
        return path
    part = path.with_name(path.name + ".part")
    part.parent.mkdir(parents=True, exist_ok=True)
    _fetch(name, url, part, progress or (lambda done, total: None))
    if _sha256(part) != entry.sha256:
        part.unlink()
        raise CuratorError(f"{name}: what {url} sent is not the published file (SHA-256 differs); it was removed")
    os.replace(part, path)
    return path


def _fetch(name: str, url: str, part: Path, progress: Progress) -> None:
    """Download `url` into `part`, going on from what is there; a broken connection is taken up again."""
    for attempt in range(1, TRIES + 1):
        before = part.stat().st_size if part.exists() else 0
        try:
            if _fetch_once(url, part, progress):
                return
            reason: object = "the connection broke"
        except urllib.error.HTTPError as error:
            raise CuratorError(f"{name}: {url} answered {error.code} {error.reason}") from error
        except urllib.error.URLError as error:
            raise CuratorError(f"{name}: cannot reach {url}: {error.reason}") from error
        except (HTTPException, TimeoutError, ConnectionError) as error:
            reason = error
        except OSError as error:
            raise CuratorError(f"{name}: cannot write {part}: {error.strerror or error}") from error
        now = part.stat().st_size if part.exists() else 0
        if attempt == TRIES or now == before:
            raise CuratorError(f"{name}: {reason} after {now / 1e6:.1f} MB; pull again to go on from there")


def _fetch_once(url: str, part: Path, progress: Progress) -> bool:
    """One connection; True when the whole file is there."""
    have = part.stat().st_size if part.exists() else 0
    with _open(url, have) as answer:
        if answer is None:
            return True
        if answer.status != 206:
            have = 0
        length = answer.headers.get("Content-Length")
        total = have + int(length) if length else 0
        with part.open("ab" if have else "wb") as out:
            while piece := answer.read(_PIECE):
                out.write(piece)
                have += len(piece)
                progress(have, total)
    return total in (0, have)


@contextlib.contextmanager
def _open(url: str, have: int) -> Iterator[HTTPResponse | None]:
    """The answer to a request for the bytes from `have` on; None when the server has no more than those."""
    request = urllib.request.Request(url, headers={"User-Agent": "voice-curator"})
    if have:
        request.add_header("Range", f"bytes={have}-")
    try:
        answer = urllib.request.urlopen(request, timeout=TIMEOUT_S)
    except urllib.error.HTTPError as error:
        if have and error.code == 416:
            yield None
            return
        raise
    with answer:
        yield answer


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
