"""How well scores tell true frames from false ones. Separate because benchmarks ask for it without the training."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt


def auc(score: npt.NDArray[Any], truth: npt.NDArray[np.bool_]) -> float:
    """Area under the ROC curve: the chance that a true frame scores above a false one, ties counting half."""
    from scipy.stats import rankdata

    ranks = rankdata(score)
    positives = int(truth.sum())
    area = (ranks[truth].sum() - positives * (positives + 1) / 2) / (positives * (len(truth) - positives))
    return float(area)
