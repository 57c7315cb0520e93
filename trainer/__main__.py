"""The training job: `python -m trainer RUN_FOLDER`, from a frozen set to a model of the registry.

Started again in the same folder after a crash or a stop, it goes on from the newest checkpoint.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from catalog.errors import BadRequest
from catalog.jobs import JobReport, run_job
from catalog.library import Library
from catalog.names import check_name
from trainer.config import PRESETS, TrainRequest


def work(request_values: Mapping[str, Any], report: JobReport) -> dict[str, Any]:
    """Prepare, train, publish; gives the result of the job."""
    began = time.monotonic()
    request = TrainRequest.from_dict(request_values)
    library = Library(Path(request.library))
    check(library, request)
    report.event("cost", preset=request.preset, text=PRESETS[request.preset].cost)
    report.phase("prepare")
    from trainer.run import make_model

    return make_model(library, request, report, began)


def check(library: Library, request: TrainRequest) -> None:
    """Refuse in words, before anything heavy, what cannot end well."""
    check_name("model", request.model)
    if (library.models / request.model).exists() and not request.replace:
        raise BadRequest(f"A model named {request.model} already exists; choose another name or remove it first.")


def main(arguments: list[str]) -> int:
    """Run the job in the folder given."""
    if len(arguments) != 1:
        print("usage: python -m trainer RUN_FOLDER", file=sys.stderr)
        return 2
    return run_job(Path(arguments[0]), work)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
