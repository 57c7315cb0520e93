"""What was learned from a person's verdicts, as a record that can be applied to clips: one curve a score, added up.

Separate from learning, which is the app's: the catalogue only keeps the record and works out what it says of each clip,
so that filters and orders can ask for it. The form is an additive model on the log-odds of "accepted" (Hastie and
Tibshirani, Generalized Additive Models, 1990), here piecewise linear, so that what each score adds can be told.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from catalog.errors import BadRequest
from catalog.holding import Cursor, rows_of
from catalog.late import np, pa
from catalog.recordings import next_seq, now

if TYPE_CHECKING:
    from numpy.typing import NDArray

VERSION = 1
ALWAYS_KNOWN = frozenset(("duration_s", "duplicate_of"))
"""What every clip has, scored or not; by these alone none is judged."""
Floats: TypeAlias = "NDArray[np.float64]"


@dataclass(frozen=True)
class Weight:
    """What one score adds to the log-odds that a person accepts the clip.

    A score counts from the middle of its speaker's clips, so that what was learned from one voice holds for others.
    """

    score: str
    knots: tuple[float, ...]
    """Distances from the middle, rising; between them the effect is linear, beyond them it is that of the last one."""
    effects: tuple[float, ...]
    missing: float
    """The effect of the score being NULL: 0 unless the decisions showed that it says something."""
    middles: Mapping[str, float]
    """Speaker -> median of the score over the speaker's clips; empty for a score that counts from 0."""
    share: float
    """How much this score moves the decided clips: its mean distance from its own mean effect, in log-odds."""

    def distance(self, values: Floats, speakers: Sequence[str]) -> Floats:
        """How far values are from their speaker's middle; NaN for NULL and for a speaker who was not there."""
        return values - middles_of(self.middles, speakers) if self.middles else values

    def effect(self, distances: Floats) -> Floats:
        """The effect of each distance; NaN stands for NULL."""
        added = np.interp(distances, self.knots, self.effects)
        return np.where(np.isnan(distances), self.missing, added)


@dataclass(frozen=True)
class Judgement:
    """A learned way to judge clips, with how well it did on decisions that it had not seen."""

    offset: float
    weights: tuple[Weight, ...]
    clear_accept: float | None
    """The probability from which on clips are clearly to be accepted; None when no such one could be shown."""
    clear_reject: float | None
    """The probability up to which clips are clearly to be rejected; None when no such one could be shown."""
    figures: Mapping[str, Any] = field(default_factory=dict)
    """Counts and cross-validated figures, as `curator.learning` describes them."""

    def probability(self, table: pa.Table) -> Floats:
        """For every clip of a table the probability of being accepted.

        NaN where the clip has none of the scores, or a speaker who had no clips when this was learned.
        """
        total = np.full(table.num_rows, self.offset)
        known = np.zeros(table.num_rows, bool)
        speakers = table["speaker"].to_pylist() if any(weight.middles for weight in self.weights) else []
        for weight in self.weights:
            distances = weight.distance(numbers(table, weight.score), speakers)
            total += weight.effect(distances)
            if weight.score not in ALWAYS_KNOWN:
                known |= ~np.isnan(distances)
        probability = 1 / (1 + np.exp(-np.clip(total, -30, 30)))
        return np.where(known, probability, np.nan)

    def effects(self, clip: Mapping[str, Any]) -> list[tuple[str, float]]:
        """What each score adds for one clip, in log-odds, the weightiest first."""
        each = []
        for weight in self.weights:
            value = clip.get(weight.score)
            if weight.score == "duplicate_of":
                value = float(value is not None)
            number = np.array([np.nan if value is None else float(value)])
            distance = weight.distance(number, [str(clip.get("speaker", ""))])
            each.append((weight.score, float(weight.effect(distance)[0])))
        return sorted(each, key=lambda pair: -abs(pair[1]))

    def chance(self, clip: Mapping[str, Any]) -> float | None:
        """The probability that one clip is accepted; None where `probability` gives NaN."""
        speaker = str(clip.get("speaker", ""))
        known = any(
            clip.get(weight.score) is not None and (not weight.middles or speaker in weight.middles)
            for weight in self.weights
            if weight.score not in ALWAYS_KNOWN
        )
        total = self.offset + sum(effect for _, effect in self.effects(clip))
        return float(1 / (1 + np.exp(-np.clip(total, -30, 30)))) if known else None

    def to_json(self) -> str:
        """As text, to be kept."""
        weights = [vars(weight) for weight in self.weights]
        return json.dumps(
            {
                "version": VERSION,
                "offset": self.offset,
                "weights": weights,
                "clear_accept": self.clear_accept,
                "clear_reject": self.clear_reject,
                "figures": dict(self.figures),
            }
        )

    @classmethod
    def from_json(cls, text: str) -> Judgement | None:
        """The judgement that a text holds; None for one of a version that this program does not know."""
        document = json.loads(text)
        if document.get("version") != VERSION:
            return None
        weights = tuple(
            Weight(**{**each, "knots": tuple(each["knots"]), "effects": tuple(each["effects"])})
            for each in document["weights"]
        )
        clear = document["clear_accept"], document["clear_reject"]
        return cls(document["offset"], weights, *clear, document["figures"])


def middles_of(middles: Mapping[str, float], speakers: Sequence[str]) -> Floats:
    """The middle of each speaker, NaN where there is none."""
    return np.array([middles.get(speaker, np.nan) for speaker in speakers], np.float64)


def numbers(table: pa.Table, score: str) -> Floats:
    """A score of every clip as numbers, NaN for NULL; `duplicate_of` is 1 where it names a clip and 0 where not."""
    column = table.column(score)
    if score == "duplicate_of":
        return np.asarray(column.is_valid().to_numpy(), np.float64)
    return np.asarray(column.cast(pa.float64()).to_numpy(), np.float64)


def beside(sheet: pa.Table, judgement: Judgement | None) -> pa.Table:
    """Clips with `accept_probability` and `doubt` (1 at even odds, 0 when sure); NULL where nothing was learned."""
    if judgement is None:
        nothing = pa.nulls(sheet.num_rows, pa.float64())
        return sheet.append_column("accept_probability", nothing).append_column("doubt", nothing)
    probability = judgement.probability(sheet)
    doubt = 1 - np.abs(2 * probability - 1)
    for name, values in (("accept_probability", probability), ("doubt", doubt)):
        sheet = sheet.append_column(name, pa.array(values, pa.float64(), from_pandas=True))
    return sheet


def keep(cursor: Cursor, judgement: Judgement) -> None:
    """Append a judgement; the latest one counts. Raises BadRequest for one that holds no finite numbers."""
    values = [judgement.offset, *(value for weight in judgement.weights for value in (*weight.effects, weight.missing))]
    if not np.isfinite(values).all():
        raise BadRequest("What was learned holds numbers that are none, so it was not kept.")
    cursor.execute(
        "INSERT INTO judgement VALUES (?, ?, ?)", [next_seq(cursor, "judgement"), judgement.to_json(), now()]
    )


def forget(cursor: Cursor) -> None:
    """Append that nothing counts as learned from here on."""
    cursor.execute("INSERT INTO judgement VALUES (?, NULL, ?)", [next_seq(cursor, "judgement"), now()])


def latest(cursor: Cursor) -> Judgement | None:
    """The judgement that counts, or None."""
    found = rows_of(cursor, "SELECT document FROM judgement ORDER BY seq DESC LIMIT 1")
    return Judgement.from_json(found[0][0]) if found and found[0][0] else None
