"""One process of a team, for the tests: trains what it finds in a folder and writes down what its leader was told.

RANK=0 WORLD_SIZE=2 MASTER_ADDR=127.0.0.1 MASTER_PORT=... python team_work.py FOLDER
"""

from __future__ import annotations

import json
import pickle
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from trainer.device import choose_device
from trainer.loop import train
from trainer.team import joined


class Told:
    """A report that keeps the metrics and asks to stop after some steps."""

    def __init__(self, stop_after: int | None) -> None:
        self.metrics: list[dict[str, Any]] = []
        self.asked, self.stop_after = 0, stop_after

    def metric(self, step: int, values: dict[str, float]) -> None:
        self.metrics.append({"step": step, **values})

    def stop_requested(self) -> bool:
        self.asked += 1
        return self.stop_after is not None and self.asked > self.stop_after

    def event(self, kind: str, /, **fields: object) -> None: ...
    def progress(self, *_: object, **__: object) -> None: ...
    def warning(self, text: str) -> None: ...


def main(folder: Path) -> None:
    choose_device("cpu", 1)
    with joined(cuda=False) as team:
        for path in sorted(folder.glob("*.training")):
            training = replace(pickle.loads(path.read_bytes()), team=team)
            said = []
            for stop_after in (3, None):
                told = Told(stop_after if team.leads else None)
                state, _ = train(training, told)
                said.append({"metrics": told.metrics, "step": state.step})
            total = float(sum(part.double().abs().sum() for part in state.generator.parameters()))
            found = {"runs": said, "weights": total, "leads": team.leads}
            path.with_name(f"{path.stem}.{team.rank}.json").write_text(json.dumps(found))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
