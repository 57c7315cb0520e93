"""Learning from a person's verdicts which clips that person would accept, and finding out how right that would be.

Separate from the policy, whose limits hold for everybody: what is learned here holds for one library and never leaves
it. The model is a logistic regression with a Gaussian prior (Gelman et al. 2008, "A weakly informative default prior
distribution for logistic and other regression models") on scores turned into normal quantiles, so that a score with a
long tail weighs as much as one without. A score counts from the median of its speaker's clips: on labelled recordings
of three voices that carried over to recordings it had not seen, which plain values did not (area under the ROC curve
0.74 against 0.48, `benchmarks/session.py` has the material). It is fitted by Newton's method (iteratively reweighted
least squares).

The figures are cross-validated: every decision is judged by a model that saw neither it nor its recording (or, with
few recordings, its neighbours), because clips of one take are alike.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from statistics import NormalDist
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from catalog.errors import BadRequest
from catalog.judgement import Judgement, Weight, middles_of, numbers
from catalog.records import SCORE_NAMES

ENOUGH = 50
"""Decisions needed before anything is learned."""
ENOUGH_OF_EACH = 8
MOST = 3000
"""At most so many decisions are learned from, spread evenly over all of them; more would not change the curves."""
FOLDS = 5
BLOCK = 4
"""Clips in a row that are kept together when there are fewer than `FOLDS` recordings."""
PRIOR_SD = 0.5
"""Of every coefficient, in log-odds a standard deviation of the score."""
KNOTS = 33
CLEAR_PRECISION = 0.95
"""What the cross-validated precision must reach among the clips that count as clear."""
CLEAR_AT_LEAST = 0.90
"""What the same precision must reach at the lower end of its 90 % interval (Wilson 1927): a limit that was right by
luck on a few decisions is none. At least 25 decisions are needed to show it."""
WILSON_Z = 1.645
LEARNED = "learned"
"""The reason given to verdicts that came from here; they are not learned from again."""
COMPARED = "takes compared"
"""The reason given to verdicts by which one of several takes was kept: the others may be as good by every score."""
FEATURES: tuple[str, ...] = ("duration_s", *SCORE_NAMES)
Floats = NDArray[np.float64]
Middles = dict[str, Mapping[str, float]]


def learn(clips: pa.Table) -> Judgement:
    """What the verdicts in a clip table teach; raises BadRequest, with what is missing, when they are too few."""
    decided = clips.filter(by_hand(clips))
    accepted = _accepted(decided)
    check_enough(int(accepted.sum()), int((~accepted).sum()))
    if decided.num_rows > MOST:
        chosen = np.unique(np.linspace(0, decided.num_rows - 1, MOST).round().astype(np.int64))
        decided, accepted = decided.take(pa.array(chosen)), accepted[chosen]
    middles = _middles(clips)
    groups, kept_together = _groups(decided)
    judged = _cross_validated(decided, accepted, middles, groups)
    clear_accept = _clear_from(judged, accepted)
    clear_reject = _clear_from(1 - judged, ~accepted)
    weights, offset = _fit(decided, accepted, middles)
    figures = {
        **_figures(judged, accepted, clear_accept, clear_reject),
        "kept_together": kept_together,
    }
    return Judgement(offset, weights, clear_accept, None if clear_reject is None else 1 - clear_reject, figures)


def by_hand(clips: pa.Table) -> pa.ChunkedArray:
    """Which clips a person decided for what they are; `LEARNED` and `COMPARED` verdicts are no evidence for more."""
    learned = np.array([not {LEARNED, COMPARED}.isdisjoint(reasons or ()) for reasons in clips["reasons"].to_pylist()])
    decided = pc.is_in(clips["verdict"], pa.array(["accepted", "rejected"]))
    return pc.and_(decided, pa.array(~learned.astype(bool)))


def check_enough(accepted: int, rejected: int) -> None:
    """Refuse to learn from too little, saying what is missing."""
    missing = ENOUGH - accepted - rejected
    if missing > 0:
        raise BadRequest(
            f"Learning begins after {ENOUGH} decisions: {missing} more to go"
            f" ({accepted} accepted, {rejected} rejected so far)."
        )
    for count, word in ((accepted, "accepted"), (rejected, "rejected")):
        if count < ENOUGH_OF_EACH:
            raise BadRequest(
                f"Learning needs examples of both: {count} {word} so far, at least {ENOUGH_OF_EACH} are needed."
            )


def clear_clips(clips: pa.Table, judgement: Judgement) -> tuple[list[str], list[str]]:
    """The ids of the undecided clips of a table that are clearly to be accepted, and of those to be rejected."""
    probability = judgement.probability(clips)
    open_ = pc.equal(clips["verdict"], "undecided").to_numpy(zero_copy_only=False)
    with np.errstate(invalid="ignore"):
        accept = open_ & (probability >= (math.inf if judgement.clear_accept is None else judgement.clear_accept))
        reject = open_ & (probability <= (-math.inf if judgement.clear_reject is None else judgement.clear_reject))
    ids = clips["id"]
    return ids.filter(pa.array(accept)).to_pylist(), ids.filter(pa.array(reject & ~accept)).to_pylist()


def _accepted(decided: pa.Table) -> NDArray[np.bool_]:
    return np.asarray(pc.equal(decided["verdict"], "accepted").to_numpy(zero_copy_only=False), bool)


def _says_something(values: Floats) -> bool:
    known = values[~np.isnan(values)]
    return known.size >= ENOUGH_OF_EACH and bool(np.ptp(known) > 0)


# the model


class _Scale:
    """A score's way to normal quantiles, from the values it was made with: middle ranks, so that ties stay together."""

    def __init__(self, values: Floats) -> None:
        known = np.sort(values[~np.isnan(values)])
        places, counts = np.unique(known, return_counts=True)
        if places.size > KNOTS:
            chosen = np.unique(np.linspace(0, places.size - 1, KNOTS).round().astype(np.int64))
            ranks = (np.cumsum(counts) - counts / 2)[chosen]
            places = places[chosen]
        else:
            ranks = np.cumsum(counts) - counts / 2
        normal = NormalDist()
        self.knots = places
        self.quantiles = np.array([normal.inv_cdf(float(rank) / known.size) for rank in ranks])
        spread = self.of(known)
        self.quantiles = (self.quantiles - spread.mean()) / max(float(spread.std()), 1e-6)
        missing = np.isnan(values)
        self.tells_by_missing = ENOUGH_OF_EACH <= int(missing.sum()) <= values.size - ENOUGH_OF_EACH

    def of(self, values: Floats) -> Floats:
        """Standardised quantiles; the middle, 0, for NULL."""
        return np.where(np.isnan(values), 0.0, np.interp(values, self.knots, self.quantiles))


def _fit(clips: pa.Table, accepted: NDArray[np.bool_], middles: Middles) -> tuple[tuple[Weight, ...], float]:
    """The curves and the offset that these verdicts make likely."""
    distances = {name: _distances(clips, name, middles) for name in FEATURES}
    scales = {name: _Scale(values) for name, values in distances.items() if _says_something(values)}
    columns, owners = [np.ones(clips.num_rows)], [""]
    for name, scale in scales.items():
        values = distances[name]
        columns.append(scale.of(values))
        owners.append(name)
        if scale.tells_by_missing:
            columns.append(np.isnan(values).astype(np.float64))
            owners.append("?" + name)
    coefficients = dict(zip(owners, _regress(np.stack(columns, axis=1), accepted), strict=True))
    weights = []
    for name, scale in scales.items():
        effects, missing = coefficients[name] * scale.quantiles, coefficients.get("?" + name, 0.0)
        knots = tuple(scale.knots.tolist())
        weight = Weight(name, knots, tuple(effects.tolist()), float(missing), middles.get(name, {}), 0.0)
        felt = weight.effect(distances[name])
        weights.append(replace(weight, share=float(np.abs(felt - felt.mean()).mean())))
    return tuple(sorted(weights, key=lambda weight: -weight.share)), float(coefficients[""])


def _middles(clips: pa.Table) -> Middles:
    """For each score but `duplicate_of` the median of every speaker's clips, decided or not."""
    speakers = clips["speaker"].combine_chunks().dictionary_encode()
    names, place = speakers.dictionary.to_pylist(), speakers.indices.to_numpy()
    middles: Middles = {}
    for score in FEATURES:
        if score != "duplicate_of":
            values = numbers(clips, score)
            per_speaker = {name: values[(place == number) & ~np.isnan(values)] for number, name in enumerate(names)}
            middles[score] = {name: float(np.median(each)) for name, each in per_speaker.items() if each.size}
    return middles


def _distances(clips: pa.Table, score: str, middles: Middles) -> Floats:
    values = numbers(clips, score)
    return values - middles_of(middles[score], clips["speaker"].to_pylist()) if score in middles else values


def _regress(features: Floats, accepted: NDArray[np.bool_], rounds: int = 30) -> Floats:
    """Coefficients of the logistic regression with a Gaussian prior on all but the first, which is the offset."""
    precision = np.full(features.shape[1], 1 / PRIOR_SD**2)
    precision[0] = 1e-4
    coefficients = np.zeros(features.shape[1])
    for _ in range(rounds):
        likely = 1 / (1 + np.exp(-np.clip(features @ coefficients, -30, 30)))
        slope = features.T @ (accepted - likely) - precision * coefficients
        bend = (features.T * (likely * (1 - likely))) @ features + np.diag(precision)
        step = np.linalg.solve(bend, slope)
        coefficients = coefficients + step * min(1.0, 4.0 / max(float(np.abs(step).max()), 1e-12))
        if np.abs(step).max() < 1e-6:
            break
    return coefficients


# how right it would have been


def _groups(decided: pa.Table) -> tuple[NDArray[np.int64], str]:
    """For every clip the group that is judged together, and what a group is, for people."""
    recordings = decided["recording"].combine_chunks().dictionary_encode()
    group = np.asarray(recordings.indices.to_numpy(), np.int64)
    if len(recordings.dictionary) >= FOLDS:
        return group, "recording"
    starts = np.asarray(decided["start_s"].to_numpy(), np.float64)
    place = np.empty(group.size, np.int64)
    place[np.lexsort((starts, group))] = np.arange(group.size)
    return place // BLOCK, f"{BLOCK} neighbouring clips"


def _cross_validated(
    decided: pa.Table, accepted: NDArray[np.bool_], middles: Middles, groups: NDArray[np.int64]
) -> Floats:
    """For every clip the probability of being accepted, by a model that saw nothing of its group."""
    judged = np.full(decided.num_rows, float(accepted.mean()))
    fold = _folds(groups, accepted)
    for number in range(FOLDS):
        held = fold == number
        seen = accepted[~held]
        if not held.any() or seen.all() or not seen.any():
            continue
        weights, offset = _fit(decided.filter(pa.array(~held)), seen, middles)
        likely = Judgement(offset, weights, None, None).probability(decided.filter(pa.array(held)))
        judged[held] = np.where(np.isnan(likely), float(seen.mean()), likely)
    return judged


def _folds(groups: NDArray[np.int64], accepted: NDArray[np.bool_]) -> NDArray[np.int64]:
    """A fold for every clip: groups stay whole, the largest are dealt first, each to the fold that lacks it most."""
    names, place = np.unique(groups, return_inverse=True)
    per_group = np.stack([np.bincount(place, weights=accepted), np.bincount(place, weights=~accepted)], axis=1)
    load = np.zeros((FOLDS, 2))
    fold_of = np.zeros(names.size, np.int64)
    scale = per_group.sum(axis=0).clip(1)
    for group in np.argsort(-per_group.sum(axis=1), kind="stable"):
        fold_of[group] = int(np.argmin(((load + per_group[group]) / scale).max(axis=1)))
        load[fold_of[group]] += per_group[group]
    return fold_of[place]


def _clear_from(judged: Floats, right: NDArray[np.bool_]) -> float | None:
    """The smallest probability from which on the judgement was right often enough, or None."""
    order = np.argsort(-judged, kind="stable")
    hits: NDArray[np.int64] = np.asarray(np.cumsum(right[order]), np.int64)
    counts = np.arange(1, judged.size + 1)
    value = judged[order]
    last_of_its_value = np.append(value[:-1] != value[1:], True)
    sure = _lower_end(hits, counts) >= CLEAR_AT_LEAST
    good = last_of_its_value & (hits / counts >= CLEAR_PRECISION) & sure & (value > 0.5)
    found = np.flatnonzero(good)
    return float(value[found[-1]]) if found.size else None


def _lower_end(hits: NDArray[np.int64], counts: NDArray[np.int64]) -> Floats:
    """The lower end of the Wilson interval of a share."""
    z2 = WILSON_Z**2
    share = hits / counts
    spread = WILSON_Z * np.sqrt(share * (1 - share) / counts + z2 / (4 * counts**2))
    return np.asarray((share + z2 / (2 * counts) - spread) / (1 + z2 / counts), np.float64)


def _figures(
    judged: Floats, accepted: NDArray[np.bool_], clear_accept: float | None, clear_reject: float | None
) -> dict[str, Any]:
    """Counts, and precision and recall of both verdicts at even odds and among the clear ones."""
    says = judged >= 0.5
    brier = float(np.mean((judged - accepted) ** 2))
    figures: dict[str, Any] = {
        "decisions": int(accepted.size),
        "accepted": int(accepted.sum()),
        "rejected": int((~accepted).sum()),
        "right": int((says == accepted).sum()),
        "brier": brier,
        "brier_of_guessing": float(accepted.mean() * (1 - accepted.mean())),
        "accept": _retrieval(says, accepted),
        "reject": _retrieval(~says, ~accepted),
        "clear_accept": _retrieval(judged >= (2.0 if clear_accept is None else clear_accept), accepted),
        "clear_reject": _retrieval(1 - judged >= (2.0 if clear_reject is None else clear_reject), ~accepted),
    }
    return figures


def _retrieval(said: NDArray[np.bool_], true: NDArray[np.bool_]) -> dict[str, Any]:
    """How many were said, how many of them rightly, and precision and recall (None where they divide by nothing)."""
    right = int((said & true).sum())
    return {
        "said": int(said.sum()),
        "right": right,
        "precision": right / int(said.sum()) if said.any() else None,
        "recall": right / int(true.sum()) if true.any() else None,
    }
