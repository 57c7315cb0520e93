"""The training job: `python -m trainer RUN_FOLDER`, from a frozen set to a model of the registry.

Started again in the same folder after a crash or a stop, it goes on from the newest checkpoint. A request for several
processes starts them by torchrun; `torchrun ... -m trainer RUN_FOLDER` on one or more machines that see the same
library does the same.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from catalog.errors import BadRequest, CuratorError
from catalog.jobs import Job, JobReport, run_job
from catalog.library import Library
from catalog.names import check_name
from trainer.config import TrainRequest
from trainer.team import is_member, launch, run_member


def work(request_values: Mapping[str, Any], report: JobReport) -> dict[str, Any]:
    """Prepare, train, publish; gives the result of the job."""
    began = time.monotonic()
    request = TrainRequest.from_dict(request_values)
    library = Library(Path(request.library))
    check(library, request)
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
    folder = Path(arguments[0])
    try:
        if is_member() and os.environ["RANK"] != "0":
            return run_member(folder, work)
        processes = 1 if is_member() else int(Job.open(folder).request.get("processes", 1))
        return launch(folder, processes) if processes > 1 else run_job(folder, work)
    except CuratorError as error:
        print(error, file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
