"""The library folder of one user: where each kind of file lives.

Plain paths, separate from the store so that jobs find their way without the database.
"""

from __future__ import annotations

import os
from pathlib import Path

from catalog.atomic import in_words
from catalog.errors import BadRequest


class Library:
    """One folder with everything of one user."""

    def __init__(self, root: Path) -> None:
        self.root = Path(os.path.abspath(Path(root).expanduser()))

    @classmethod
    def locate(cls, option: str | Path | None = None) -> Library:
        """The library that `option` names, else `$CURATOR_LIBRARY`, else the platform's user-data folder."""
        chosen = option or os.environ.get("CURATOR_LIBRARY")
        if chosen:
            return cls(Path(chosen))
        import platformdirs

        return cls(Path(platformdirs.user_data_dir("curator", appauthor=False)))

    def create(self) -> None:
        """Make the folder and its parts where they are missing; raises BadRequest when it cannot be made."""
        try:
            with in_words(f"the library {self.root}"):
                for folder in self.folders:
                    folder.mkdir(parents=True, exist_ok=True)
        except (FileExistsError, NotADirectoryError) as error:
            raise BadRequest(f"{self.root} cannot be a library: a file stands in its way.") from error

    @property
    def exists(self) -> bool:
        """Whether a catalogue has been made here."""
        return self.database.exists()

    @property
    def folders(self) -> tuple[Path, ...]:
        """Every folder a library has."""
        return (
            self.root,
            self.media,
            self.sets,
            self.runs,
            self.models,
            self.jobs,
            self.backups,
            self.weights,
        )

    @property
    def database(self) -> Path:
        """The catalogue's DuckDB file."""
        return self.root / "catalog.duckdb"

    @property
    def media(self) -> Path:
        """Derived audio of recordings: stems."""
        return self.root / "media"

    @property
    def sets(self) -> Path:
        """Frozen sets, a folder each."""
        return self.root / "sets"

    @property
    def runs(self) -> Path:
        """Training runs, a job folder each."""
        return self.root / "runs"

    @property
    def models(self) -> Path:
        """The model registry, a folder each."""
        return self.root / "models"

    @property
    def jobs(self) -> Path:
        """All other jobs, a folder each."""
        return self.root / "jobs"

    @property
    def backups(self) -> Path:
        """Copies of the catalogue from before each migration."""
        return self.root / "backups"

    @property
    def weights(self) -> Path:
        """Published base weights that were pulled."""
        return self.root / "weights"

    def __repr__(self) -> str:
        return f"Library({str(self.root)!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Library) and other.root == self.root

    def __hash__(self) -> int:
        return hash(self.root)
