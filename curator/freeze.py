"""The freeze job: write the chosen clips as a set, in its own process.

Separate from `catalog.sets`, which does the work, because this is only the job's shell: the rows were chosen by
whoever holds the catalogue, and this process never opens it.
"""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from catalog import sets
from catalog.jobs import JobReport, run_job
from catalog.library import Library


def freeze(request: dict[str, Any], report: JobReport) -> dict[str, Any]:
    """Write the set of a request and give its facts as the result.

    Raises BadRequest for a name that exists or an empty selection, CuratorError when the disk is full.
    """
    library = Library(Path(request["library"]))

    def progress(done: int, total: int) -> None:
        report.progress(done, total, "clips")

    info = sets.freeze(library, request["name"], request["clips"], progress=progress)
    return {"set": asdict(info)}


if __name__ == "__main__":
    sys.exit(run_job(Path(sys.argv[1]), freeze))
