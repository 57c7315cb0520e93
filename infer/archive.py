"""A first look at a torch file from a stranger, before torch opens it.

Separate from what is in such files, since voices and separators are refused for the same reasons.
"""

from __future__ import annotations

import zipfile
from pathlib import Path

from catalog.errors import BadModel

LARGEST_FILE = 4 << 30
LARGEST_PICKLE = 16 << 20


def check_size(path: Path) -> None:
    """Refuse what is no file, or too large for any model; raises BadModel."""
    if not path.is_file():
        raise BadModel(f"there is no file {path}")
    if (size := path.stat().st_size) > LARGEST_FILE:
        raise BadModel(f"{path.name} has {size / 2**30:.1f} GiB; no model is larger than 4 GiB")


def check_archive(path: Path) -> None:
    """Refuse what cannot be a torch file, and archives that would unpack to more than they are; raises BadModel."""
    check_size(path)
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise BadModel(f"{path.name} is not a torch file, or its download was cut off") from error
    if any(entry.compress_type != zipfile.ZIP_STORED for entry in entries):
        raise BadModel(f"{path.name} is compressed inside, which torch files never are: refused")
    if sum(entry.file_size for entry in entries) > path.stat().st_size:
        raise BadModel(f"{path.name} claims to hold more than its own size: refused")
    pickles = [entry for entry in entries if entry.filename.endswith("data.pkl")]
    if len(pickles) != 1 or pickles[0].file_size > LARGEST_PICKLE:
        raise BadModel(f"{path.name} is not a torch file: it needs one small list of contents")
