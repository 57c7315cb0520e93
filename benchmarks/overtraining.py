"""Does a training end where it should? A run that overtrains on purpose, the rule's pick, and the best there was.

    python -m benchmarks.overtraining FOLDER --library DIR --steps 2500 --patience 4 --seed 1

FOLDER holds recordings of one speaker. Some are trained on (so few that the small preset must learn them by heart),
some are held out as in any training and choose the step, and some are unseen by both: they judge the choice. The run is
made once with patience and once more from there to the last step without, which is the same run since it resumes
exactly. Prints the curve and how far the chosen step is from the best of the whole long run, on the held-out and on the
unseen recordings; then, from the same curve, what other patiences and a save half as often would have chosen.
"""

from __future__ import annotations

import argparse
import dataclasses
import random
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.eta import Stamped
from catalog import audio, sets
from catalog.jobs import Job, JobReport
from catalog.library import Library
from catalog.records import clip_id
from infer.content import load_encoder
from infer.network import Network
from trainer.config import TrainRequest
from trainer.device import choose_device
from trainer.evaluate import Measurement, Yardstick
from trainer.loop import train
from trainer.pace import Pace
from trainer.prepare import prepare
from trainer.run import ready
from trainer.stopping import CHOSEN_BY, Point, best, settled
from trainer.team import ALONE
from trainer.training import Training

SHORTEST_S = 1.0
COLUMNS = (CHOSEN_BY, "held_out/f0_cents", "held_out/speaker", "held_out/phones")


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("folder", type=Path)
    options.add_argument("--library", type=Path, required=True, help="where to work")
    options.add_argument("--preset", default="small")
    options.add_argument("--seconds", type=float, default=30.0, help="of recordings that are trained on")
    options.add_argument("--held-out", type=float, default=30.0, help="seconds of recordings that choose the step")
    options.add_argument("--unseen", type=float, default=30.0, help="seconds of recordings that judge the choice")
    options.add_argument("--steps", type=int, default=2500)
    options.add_argument("--save-every", type=int, default=100)
    options.add_argument("--patience", type=int, default=4)
    options.add_argument("--seed", type=int, default=1)
    given = options.parse_args()
    library = Library(given.library / f"{given.folder.name}-{given.seconds:g}-{given.seed}")
    freeze_parts(library, given)
    job = Job.create(library.runs, "train", request_of(library, given).to_dict())
    report = Stamped.begin(job.path)
    made = ready(library, TrainRequest.from_dict(job.request), report, choose_device("cpu", 1), ALONE)
    assert made is not None
    print(made.prepared.how_held_out, f"; run folder {job.path}")
    unseen, judged = unseen_clips(library, made.training, report), list[Measurement]()
    training = dataclasses.replace(
        made.training,
        pace=Pace(time.process_time),
        onlooker=lambda network, _: judged.append(measured(unseen, network)),
    )
    began = time.process_time()
    report.phase("train")
    ended, _ = train(training, report)
    spent = time.process_time() - began
    endless = dataclasses.replace(training, config=dataclasses.replace(training.config, patience=0))
    long, _ = train(endless, report)
    report.finish("stopped")
    whole = time.process_time() - began
    show(long.curve, judged, ended.step, given)
    print(f"processor seconds: {spent:.0f} until the rule ended it, {whole:.0f} for all {long.step} steps "
          "(the measuring of the unseen recordings included)")  # fmt: skip


def freeze_parts(library: Library, given: argparse.Namespace) -> None:
    """Two sets: `known`, which the trainer splits, and `unseen`."""
    paths = [path for path in sorted(audio.find_audio([given.folder])) if seconds_of(path) >= SHORTEST_S]
    random.Random(given.seed).shuffle(paths)
    known: list[Path] = []
    while sum(map(seconds_of, known)) < given.seconds + given.held_out:
        known.append(paths.pop())
    unseen: list[Path] = []
    while paths and sum(map(seconds_of, unseen)) < given.unseen:
        unseen.append(paths.pop())
    for name, part in (("known", known), ("unseen", unseen)):
        if not (library.sets / name).exists():
            sets.freeze(library, name, [row_of(path) for path in part])


def seconds_of(path: Path) -> float:
    """Length of a recording."""
    info = audio.probe(path)
    return info.samples / info.sample_rate


def row_of(path: Path) -> dict[str, Any]:
    """A whole recording as an accepted clip."""
    info, digest = audio.probe(path), audio.sha256(path)[:16]
    facts = {"start": 0, "end": info.samples, "sample_rate": info.sample_rate, "verdict": "accepted", "scores": {}}
    return {"id": clip_id(digest, 0, info.samples), "recording": digest, "path": str(path), "speaker": "voice"} | facts


def request_of(library: Library, given: argparse.Namespace) -> TrainRequest:
    """The small preset, saving often, with the asked share held out."""
    settings = {
        "save_every": given.save_every,
        "held_out": given.held_out / (given.seconds + given.held_out),
        "held_out_max_s": given.held_out,
        "threads": 1,
    }
    return TrainRequest(
        library=str(library.root), set_name="known", model="voice", preset=given.preset, steps=given.steps,
        seed=given.seed, device="cpu", patience=given.patience, settings=settings,
    )  # fmt: skip


def unseen_clips(library: Library, training: Training, report: JobReport) -> Yardstick:
    """What measures on the unseen recordings."""
    prepared = prepare(
        library, "unseen", sets.load(library, "unseen").clips, dataclasses.replace(training.config, held_out=0.0),
        encoder=load_encoder("phone", library.weights), f0_method="auto", device="cpu", seed=0, report=report,
    )  # fmt: skip
    return Yardstick(prepared.train, training.train, training.mel)


def measured(unseen: Yardstick, network: Network) -> Measurement:
    """What the network does on the unseen recordings."""
    found = unseen.measure(network)
    assert found is not None
    return found


def show(curve: Sequence[Point], judged: Sequence[Measurement], ended: int, given: argparse.Namespace) -> None:
    """The curve, and what each rule would have chosen."""
    unseen = {point.step: found.to_dict() for point, found in zip(curve, judged, strict=True)}
    print(f"{'step':>6}" + "".join(f"{name.split('/')[1]:>10}" for name in COLUMNS) + "   unseen:"
          + "".join(f"{name.split('/')[1]:>10}" for name in COLUMNS))  # fmt: skip
    top, finest = best(curve), min(unseen, key=lambda step: unseen[step][CHOSEN_BY])
    assert top is not None
    for point in curve:
        marks = [word for step, word in ((top.step, "best held out"), (finest, "best unseen"), (ended, "rule ended"))
                 if step == point.step]  # fmt: skip
        cells = [values.get(name, float("nan")) for values in (point.values, unseen[point.step]) for name in COLUMNS]
        line = "".join(f"{cell:10.4f}" for cell in cells[: len(COLUMNS)]) + " " * 10
        print(f"{point.step:6d}{line}" + "".join(f"{cell:10.4f}" for cell in cells[len(COLUMNS) :]), ", ".join(marks))
    reached = [point for point in curve if point.step <= ended]
    pick = best(reached)
    assert pick is not None
    last = unseen[curve[-1].step][CHOSEN_BY]
    print(f"\nthe rule ended the run at step {ended} and picks step {pick.step}; best of all {curve[-1].step} steps: "
          f"{top.step} held out, {finest} unseen")  # fmt: skip
    print(f"mel distance of the pick over the best of the long run: held out +{over(pick.values, top.values):.2f} %, "
          f"unseen +{over(unseen[pick.step], unseen[finest]):.2f} %; the last step's, unseen: "
          f"+{100 * (last / unseen[finest][CHOSEN_BY] - 1):.2f} %")  # fmt: skip
    print(f"{'patience':>9} {'saves each':>11} {'ends':>6} {'picks':>6} {'held out +%':>12} {'unseen +%':>10}")
    for every in (1, 2):
        for patience in (1, 2, 3, 4, 5, 6, 8, 10, 15):
            points = curve[::every]
            end = next((at for at in range(1, len(points) + 1) if settled(points[:at], patience)), len(points))
            chosen = best(points[:end])
            assert chosen is not None
            print(f"{patience:9d} {every * given.save_every:11d} {points[end - 1].step:6d} {chosen.step:6d} "
                  f"{over(chosen.values, top.values):12.2f} "
                  f"{over(unseen[chosen.step], unseen[finest]):10.2f}")  # fmt: skip


def over(found: Any, finest: Any) -> float:
    """By how many percent a measurement's mel distance is larger."""
    return 100 * (found[CHOSEN_BY] / finest[CHOSEN_BY] - 1)


if __name__ == "__main__":
    main()
