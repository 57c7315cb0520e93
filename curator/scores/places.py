"""Where in a clip a score is worst: from frames, or samples, to a range of seconds that a person can listen to.

Separate because every score that says where answers in the same form: seconds from the clip's start, inside the clip.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from catalog.records import Place

LISTEN_S = 1.0
"""Long enough to hear what is wrong, short enough to hear it at once."""


def worst(badness: npt.ArrayLike, step_s: float, *, window_s: float = LISTEN_S) -> Place | None:
    """The window with the most badness, (start, end) in seconds; None where there is no badness at all.

    `badness` (frames,) is how much each frame of `step_s` seconds from the clip's start on speaks against it, 0 or
    more; frames that say nothing are 0 or NaN. Of equal windows the first counts, its bad part in the middle.
    """
    weight = np.nan_to_num(np.asarray(badness, np.float64), nan=0.0, posinf=0.0, neginf=0.0)
    if not len(weight) or weight.max() <= 0:
        return None
    width = min(len(weight), max(1, round(window_s / step_s)))
    total = np.concatenate([[0.0], np.cumsum(np.maximum(weight, 0))])
    sums = total[width:] - total[:-width]
    first = int(np.argmax(sums >= sums.max() * (1 - 1e-9)))
    bad = first + np.flatnonzero(weight[first : first + width] > 0)
    middle = (bad[0] + bad[-1] + 1) / 2
    first = int(np.clip(round(middle - width / 2), 0, len(weight) - width))
    return first * step_s, (first + width) * step_s


def within(start_s: float, end_s: float, duration_s: float, *, at_least_s: float = LISTEN_S) -> Place | None:
    """A known range, such as the longest pause, widened about its middle to `at_least_s` and cut to the clip."""
    if not (0 <= start_s <= end_s) or start_s >= duration_s:
        return None
    spare = max(0.0, at_least_s - (end_s - start_s)) / 2
    start = max(0.0, min(start_s - spare, duration_s - at_least_s))
    return start, min(duration_s, max(end_s + spare, start + at_least_s))
