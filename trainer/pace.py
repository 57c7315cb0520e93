"""How long a training will still take: steps and saves timed apart, because a save lasts as long as many steps.

Separate because a rate over the last seconds swings with every save, and a person plans an evening by this number.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable

WARM_UP = 3
"""First steps after a start, which load, allocate and choose algorithms, are not counted once there are others."""
ENOUGH = 20
"""Steps from which on the pace says something of other runs."""
REMEMBERED = 400
"""Steps whose mean is the pace."""


class Pace:
    """Told when a step or a save ends; `clock` gives seconds that never go back."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._at = clock()
        self._counted = 0
        self._warm: deque[float] = deque(maxlen=WARM_UP)
        self._steps: deque[float] = deque(maxlen=REMEMBERED)
        self._total = 0.0
        self._looking = 0.0
        self._saving: deque[float] = deque(maxlen=3)

    def begin(self) -> None:
        """What was done until now is none of it."""
        self._at = self._clock()

    def looked(self) -> None:
        """The measurement before the first step has ended: what a save takes until there was one."""
        self._looking = self._since()

    def stepped(self) -> None:
        """A step has ended."""
        spent = self._since()
        if len(self._warm) < WARM_UP:
            self._warm.append(spent)
            return
        if len(self._steps) == REMEMBERED:
            self._total -= self._steps[0]
        self._steps.append(spent)
        self._total += spent
        self._counted += 1

    def saved(self) -> None:
        """A save has ended."""
        self._saving.append(self._since())

    @property
    def step_s(self) -> float | None:
        """Seconds a step; None before the first."""
        if self._steps:
            return self._total / len(self._steps)
        return min(self._warm) if self._warm else None

    @property
    def settled(self) -> bool:
        """Whether enough steps were timed for others to plan by."""
        return self._counted >= ENOUGH

    @property
    def save_s(self) -> float:
        """Seconds a save."""
        return sum(self._saving) / len(self._saving) if self._saving else self._looking

    def left(self, step: int, steps: int, save_every: int) -> float | None:
        """Seconds from the end of `step`, before its save if it has one, to the end of the last save; None before the
        first step."""
        if self.step_s is None:
            return None
        saves = steps // save_every - (step - 1) // save_every + (steps % save_every > 0)
        return (steps - step) * self.step_s + saves * self.save_s

    def _since(self) -> float:
        before, self._at = self._at, self._clock()
        return self._at - before
