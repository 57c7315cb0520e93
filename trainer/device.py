"""Where a training computes, in which precision, and what is said when its memory runs out.

Separate so that a device that is not there is refused in one line before any work is done.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from catalog.errors import BadRequest, CuratorError
from trainer.config import TrainConfig


def choose_device(name: str, threads: int = 0) -> torch.device:
    """The device meant by auto, cpu or cuda, set up for training; raises BadRequest when it is not there."""
    if threads:
        torch.set_num_threads(threads)
    if name == "cuda" and not torch.cuda.is_available():
        raise BadRequest("There is no usable CUDA GPU here: train with --device cpu, or see curator doctor")
    if name == "cpu" or not torch.cuda.is_available():
        # subnormal numbers near silence slow the CPU down many times
        torch.set_flush_denormal(True)
        return torch.device("cpu")
    torch.backends.cudnn.benchmark = True
    return torch.device("cuda")


def autocast_type(config: TrainConfig, device: torch.device) -> torch.dtype | None:
    """bfloat16 where it is asked for, or where the GPU computes it natively; None for float32."""
    if config.precision == "bf16":
        return torch.bfloat16
    if config.precision == "auto" and device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False):
        return torch.bfloat16
    return None


@contextmanager
def memory_in_words(config: TrainConfig, device: torch.device) -> Iterator[None]:
    """Turn running out of memory into a line that says what to try."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not isinstance(error, MemoryError | torch.OutOfMemoryError) and "not enough memory" not in str(error):
            raise
        where = "GPU memory" if device.type == "cuda" else "Memory"
        smaller = max(1, config.batch_size // 2)
        advice = f"train with batch_size {smaller}" if config.batch_size > 1 else "train a smaller preset"
        raise CuratorError(f"{where} ran out with batch_size {config.batch_size}: {advice}") from error
