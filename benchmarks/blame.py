"""Whether a run finds the clips that a person should listen to again: python -m benchmarks.blame AUDIO [options]

AUDIO is the folder of the labelled recordings. About two hundred sentences of one real speaker, twenty of them spoilt
(`blame_material.py`: seven with noise, seven of somebody else, six wrongly pitched), are frozen and trained on as
`curator train` does it, and what the run says of its clips is held against what was planted. Printed are the area under
the ROC curve over all and by kind (each kind against the sound clips), the share of planted clips among as many
strangest ones, how many are told to a person, rightly and wrongly, and the processor seconds of training and of blame.

With --others two more ways are measured on the same run: the distance traced over its saves, and how far the gradient
of a clip points away from that of the held-out clips. About four minutes of one core.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import rankdata

from benchmarks.blame_material import SPEAKERS, Planted, plant
from catalog.jobs import Job, JobReport
from infer.source_filter import SourceFilter
from trainer.blame import circumstances, listen
from trainer.checkpoints import Checkpoints
from trainer.config import TrainRequest
from trainer.dataset import Crop, TrainClip, collate
from trainer.device import choose_device
from trainer.loop import train
from trainer.outliers import beyond
from trainer.publish import Made
from trainer.run import look_back, ready
from trainer.spectral import energy_distance, spoken
from trainer.state import TrainState
from trainer.team import ALONE
from trainer.training import Training

KINDS = ("noise", "speaker", "pitch")
TRACED_S = 2.0


def main() -> None:
    """Plant, train, and compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("audio", type=Path)
    parser.add_argument("--speaker", choices=list(SPEAKERS), default="kathleen")
    parser.add_argument("--seed", type=int, default=1, help="what is planted where, and the training's draws")
    parser.add_argument("--clips", type=int, default=200)
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--base", help="none to start from nothing; the preset's base otherwise")
    parser.add_argument("--others", action="store_true", help="two other ways on the same run")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        planted = plant(given.audio, Path(folder) / "library", given.speaker, seed=given.seed, most=given.clips)
        run(planted, given)


def run(planted: Planted, given: argparse.Namespace) -> None:
    """Train on the planted set, then say what was found."""
    request = TrainRequest(
        library=str(planted.library.root), set_name=planted.set_name, model="voice", steps=given.steps, seed=given.seed,
        device="cpu", base=given.base, settings={"threads": 1, "save_every": max(1, given.steps // 3), "patience": 0},
    )  # fmt: skip
    job = Job.create(planted.library.runs, "train", request.to_dict())
    report = Tracing(JobReport.begin(job.path)) if given.others else JobReport.begin(job.path)
    device = choose_device("cpu", 1)
    made = ready(planted.library, request, report, device, ALONE)
    assert isinstance(made, Made)
    training = with_wrong_tracks(made.training, planted)
    if isinstance(report, Tracing):
        report.training = training
    began = time.process_time()
    state, checkpoints = train(training, report)
    trained = time.process_time() - began - getattr(report, "spent", 0.0)
    began = time.process_time()
    found = look_back(training, state, checkpoints, report)
    spent = time.process_time() - began
    counts = {kind: sum(each == kind for each in planted.clips.values()) for kind in KINDS}
    print(f"{len(planted.clips)} clips of {given.speaker}, planted {counts}, {given.steps} steps, seed {given.seed}")
    print(f"training {trained:.0f} CPU s, blame {spent:.1f} CPU s ({spent / trained:.1%})\n")
    print(f"{'':34}{'all':>7}" + "".join(f"{kind:>9}" for kind in KINDS) + f"{'top':>8}")
    show("blame", {each.clip: each.strangeness for each in found}, planted)
    if isinstance(report, Tracing):
        show("distance traced over the saves", report.traces(), planted)
        for name, values in gradients(state, training).items():
            show(name, values, planted)
    told = [each for each in found if each.reason]
    right = [each for each in told if planted.clips[each.clip]]
    print(f"\ntold to a person: {len(right)} planted, {len(told) - len(right)} sound\n")
    for place, each in enumerate(found, 1):
        if planted.clips[each.clip] or each.reason:
            kind = planted.clips[each.clip] or "sound"
            print(f"{place:4} {each.strangeness:5.1f}  {kind:8} {planted.details[each.clip][:40]:42}{each.reason}")


def with_wrong_tracks(training: Training, planted: Planted) -> Training:
    """The training with the f0 tracks of some clips moved by an octave."""

    def moved(clip: TrainClip) -> TrainClip:
        factor = planted.f0_factor.get(clip.clip, 1.0)
        return replace(clip, f0=np.asarray(clip.f0 * factor, np.float32))

    return replace(training, train=tuple(map(moved, training.train)), held_out=tuple(map(moved, training.held_out)))


def show(name: str, strangeness: Mapping[str, float], planted: Planted) -> None:
    """One line of the table, over the clips that were judged."""
    clips = list(strangeness)
    values = np.array([strangeness[clip] for clip in clips])
    kinds = np.array([planted.clips[clip] for clip in clips])
    areas = [area(values, kinds != ""), *(area(values[keep], kinds[keep] == kind) for kind, keep in against(kinds))]
    count = int((kinds != "").sum())
    top = float((kinds[np.argsort(-values)[:count]] != "").mean())
    print(f"{name:34}{areas[0]:7.3f}" + "".join(f"{each:9.3f}" for each in areas[1:]) + f"{top:8.2f}")


def against(kinds: NDArray[Any]) -> list[tuple[str, NDArray[np.bool_]]]:
    """For each kind the clips that hold it or nothing."""
    return [(kind, (kinds == kind) | (kinds == "")) for kind in KINDS]


def area(values: NDArray[Any], bad: NDArray[np.bool_]) -> float:
    """Area under the ROC curve: the chance that a bad clip has the higher value; ties count half."""
    some, rest = int(bad.sum()), int((~bad).sum())
    if not some or not rest:
        return float("nan")
    return float((rankdata(values)[bad].sum() - some * (some + 1) / 2) / (some * rest))


class Tracing:
    """A report that, at every save, also measures how far each clip is from what the network says."""

    def __init__(self, report: JobReport) -> None:
        self.report = report
        self.training: Training | None = None
        self.state: TrainState | None = None
        self.saves: list[dict[str, float]] = []
        self.spent = 0.0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.report, name)

    def event(self, kind: str, /, **fields: Any) -> None:
        self.report.event(kind, **fields)
        if kind == "checkpoint" and self.training is not None:
            began = time.process_time()
            self.saves.append(self.measured(self.training, int(fields["step"])))
            self.spent += time.process_time() - began

    def measured(self, training: Training, step: int) -> dict[str, float]:
        """Spreads beyond what is usual, by clip."""
        state = TrainState.build(training.config, training.network, training.seed, training.device)
        Checkpoints(training.folder / "checkpoints", training.identity(), keep_last=1).resume(state)
        assert state.step == step
        clips = [*training.train, *training.held_out]
        heard = [listen(state.generator.eval(), clip, training.mel, TRACED_S) for clip in clips]
        far = beyond(np.array([each.apart[each.spoken].mean() for each in heard]), circumstances(heard))[1]
        return {clip.clip: float(value) for clip, value in zip(clips, far, strict=True)}

    def traces(self) -> dict[str, float]:
        """The mean over the saves."""
        return {clip: float(np.mean([save[clip] for save in self.saves])) for clip in self.saves[0]}


def gradients(state: TrainState, training: Training) -> dict[str, dict[str, float]]:
    """How far the gradient of each trained clip's loss points away from that of the held-out clips (TracIn, Pruthi et
    al. 2020, at the last step, for the last layer and the speaker's vector)."""
    network = state.generator
    assert isinstance(network, SourceFilter)
    parts = {"last layer": network.proj.weight, "speaker vector": network.emb_g.weight}
    own = {clip.clip: gradient(network, clip, list(parts.values())) for clip in (*training.train, *training.held_out)}
    told = {}
    for place, name in enumerate(parts):
        held = np.mean([own[clip.clip][place] for clip in training.held_out], axis=0)
        told[f"gradient against held out, {name}"] = {
            clip.clip: -float(own[clip.clip][place] @ held) for clip in training.train
        }
    return told


def gradient(network: SourceFilter, clip: TrainClip, weights: Sequence[torch.Tensor]) -> list[NDArray[np.float32]]:
    """Of the training's loss over the first four seconds of a clip, one flat array for each of `weights`."""
    config = network.config
    crops = collate([clip], [Crop(0, 0, 0)], context=min(clip.frames, 400), hop=config.hop)
    said = spoken(crops, config.sample_rate, "cpu")
    torch.manual_seed(0)
    voiced, breath = network.filters(said.phone, said.f0, said.loudness, said.sid)
    made = network.sound(voiced, breath, said.f0, [None, None])
    stft, mel = energy_distance(said.wave, made[0], made[1], sample_rate=config.sample_rate)
    return [part.numpy().ravel() for part in torch.autograd.grad(stft + mel, list(weights))]


if __name__ == "__main__":
    main()
