"""Do altered copies of the clips make a better voice? The same short training without and with each kind of them.

    python -m benchmarks.augment FOLDER --others FOLDER --library DIR --seconds 60 --steps 300 --seeds 1,2

FOLDER holds recordings of one speaker, those of --others somebody else's. The small preset is trained so many steps on
some of the first, and then says, as a conversion would: recordings of the same speaker that it has not heard, the same
asked for a third of an octave higher, and the other speaker's. A seed draws the recordings, the networks and the crops.
Prints every training, for each kind the mean over the seeds, and how far the seeds are apart without copies.
"""

from __future__ import annotations

import argparse
import dataclasses
import statistics
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.overtraining import freeze_parts, request_of, row_of
from catalog import audio, sets
from catalog.jobs import Job, JobReport
from catalog.library import Library
from infer.content import load_encoder
from trainer.config import STRENGTHS, TrainRequest
from trainer.dataset import TrainClip
from trainer.device import choose_device
from trainer.evaluate import Measurement, Yardstick
from trainer.loop import train
from trainer.prepare import prepare
from trainer.run import ready
from trainer.team import ALONE
from trainer.training import Training

HIGHER_ST = 4.0
COLUMNS = ("mel", "f0_cents", "speaker", "phones")


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("folder", type=Path)
    options.add_argument("--others", type=Path, required=True, help="recordings of somebody else")
    options.add_argument("--library", type=Path, required=True, help="where to work")
    options.add_argument("--preset", default="small")
    options.add_argument("--seconds", type=float, default=60.0, help="of recordings that are trained on")
    options.add_argument("--held-out", type=float, default=15.0, help="seconds that the training itself measures on")
    options.add_argument("--unseen", type=float, default=30.0, help="seconds of each speaker that judge the voice")
    options.add_argument("--steps", type=int, default=300)
    options.add_argument("--seeds", default="1,2")
    options.add_argument("--kinds", default="none,pitch,formant,gain,noise,pitch+formant+gain+noise")
    given = options.parse_args()
    given.save_every, given.patience = given.steps, 0
    seeds = [int(seed) for seed in given.seeds.split(",")]
    print(f"{'copies':28} {'seed':>4} {'cpu s':>6}  " + "".join(
        f"{place} {name}".rjust(16) for place in ("unseen", "higher", "others") for name in COLUMNS[1:]
    ) + f"{'unseen mel':>16}")  # fmt: skip
    found: dict[str, list[list[float]]] = {}
    for seed in seeds:
        given.seed = seed
        for kinds in given.kinds.split(","):
            began = time.process_time()
            cells = measured(given, [] if kinds == "none" else kinds.split("+"))
            found.setdefault(kinds, []).append(cells)
            show(kinds, str(seed), time.process_time() - began, cells)
    for kinds, rows in found.items():
        show(kinds, "mean", 0.0, [statistics.fmean(column) for column in zip(*rows, strict=True)])
    if len(seeds) > 1:
        plain = [row[-1] for row in found[next(iter(found))]]
        print(f"between seeds the mel distance of the first row differs by {max(plain) - min(plain):.4f}")


def show(kinds: str, seed: str, spent: float, cells: Sequence[float]) -> None:
    """One line of the table."""
    print(f"{kinds:28} {seed:>4} {spent:6.0f}  " + "".join(f"{cell:16.4f}" for cell in cells), flush=True)


def measured(given: argparse.Namespace, kinds: Sequence[str]) -> list[float]:
    """Train once and measure three ways."""
    library = Library(given.library / f"{given.folder.name}-{given.seconds:g}-{given.seed}")
    freeze_parts(library, given)
    if not (library.sets / "others").exists():
        sets.freeze(library, "others", some_of(given.others, given.unseen))
    request = request_of(library, given)
    augment = {kind: STRENGTHS[kind][0] for kind in kinds}
    request = dataclasses.replace(request, settings={**request.settings, "augment": augment})
    report = JobReport.begin(Job.create(library.runs, "train", request.to_dict()).path)
    made = ready(library, TrainRequest.from_dict(request.to_dict()), report, choose_device("cpu", 1), ALONE)
    assert made is not None
    state, _ = train(made.training, report)
    cells: list[float] = []
    mel = 0.0
    for name, clips in judges(library, made.training, report).items():
        found = Yardstick(clips, made.training.train, made.training.mel).measure(state.generator)
        assert found is not None
        cells += figures(found)
        mel = found.mel if name == "unseen" else mel
    report.finish("stopped")
    return [*cells, mel]


def figures(found: Measurement) -> list[float]:
    """All but the mel distance, which says nothing where the voice or the pitch is to be another."""
    values = (found.f0_cents, found.speaker, found.phones)
    return [float("nan") if value is None else value for value in values]


def judges(library: Library, training: Training, report: JobReport) -> dict[str, tuple[TrainClip, ...]]:
    """Clips that the voice has not heard: the speaker's, the same higher, and somebody else's."""
    parts = {}
    for name in ("unseen", "others"):
        config = dataclasses.replace(training.config, held_out=0.0, augment={})
        parts[name] = prepare(
            library, name, sets.load(library, name).clips, config, encoder=load_encoder("phone", library.weights),
            f0_method="auto", device="cpu", seed=0, report=report,
        ).train  # fmt: skip
    factor = np.float32(2 ** (HIGHER_ST / 12))
    higher = tuple(dataclasses.replace(clip, f0=clip.f0 * factor) for clip in parts["unseen"])
    return {"unseen": parts["unseen"], "higher": higher, "others": parts["others"]}


def some_of(folder: Path, seconds: float) -> list[dict[str, object]]:
    """Recordings of a folder of so many seconds together."""
    rows: list[dict[str, object]] = []
    total = 0.0
    for path in sorted(audio.find_audio([folder])):
        row = row_of(path)
        rows.append(row)
        total += row["end"] / row["sample_rate"]
        if total >= seconds:
            break
    return rows


if __name__ == "__main__":
    main()
