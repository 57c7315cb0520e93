"""Where a training computes, in which precision, and what is said when its memory runs out.

Separate so that a device that is not there is refused in one line before any work is done.
"""

from __future__ import annotations

import ctypes
import gc
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import torch

from catalog.errors import BadRequest, CuratorError
from catalog.shortage import memory_out
from trainer.config import TrainConfig

_TRIM_THRESHOLD, _MMAP_MAX, _ARENA_MAX = -1, -4, -8
"""Options of glibc's mallopt(3)."""


def choose_device(name: str, threads: int = 0) -> torch.device:
    """The device meant by auto, cpu or cuda, set up for training; raises BadRequest when it is not there."""
    if threads:
        torch.set_num_threads(threads)
    if name == "cuda" and not torch.cuda.is_available():
        raise BadRequest("There is no usable CUDA GPU here: train with --device cpu, or see curator doctor")
    if name == "cpu" or not torch.cuda.is_available():
        # subnormal numbers near silence slow the CPU down many times
        torch.set_flush_denormal(True)
        keep_memory()
        return torch.device("cpu")
    torch.backends.cudnn.benchmark = True
    if "LOCAL_RANK" in os.environ:
        # of several processes each takes the GPU of its number
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]) % torch.cuda.device_count())
    return torch.device("cuda")


def keep_memory() -> None:
    """Let the C library keep what it frees for what comes next.

    Activations are hundreds of megabytes that come and go every step; glibc returns such blocks to the system, which
    has to clear each page again: a tenth of a step of the published networks.
    """
    if not sys.platform.startswith("linux"):
        return
    try:
        set_option = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return
    # arenas of other threads hold blocks of up to 64 MB only and give their memory back
    set_option(_ARENA_MAX, 1)
    set_option(_MMAP_MAX, 0)
    set_option(_TRIM_THRESHOLD, -1)


def give_back_memory() -> None:
    """Return to the system what is free by now, so that a trial does not add to the peak of what follows it."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
    if sys.platform.startswith("linux"):
        with suppress(OSError, AttributeError):  # another C library than glibc
            ctypes.CDLL(None).malloc_trim(0)


def autocast_type(config: TrainConfig, device: torch.device) -> torch.dtype | None:
    """bfloat16 or float16 where it is asked for; else bfloat16 where the GPU computes it natively, float16 where it has
    units for that at least (compute capability 7), and None, for float32, on older ones and on the CPU."""
    if config.precision != "auto":
        return {"bf16": torch.bfloat16, "fp16": torch.float16, "fp32": None}[config.precision]
    if device.type != "cuda":
        return None
    if torch.cuda.is_bf16_supported(including_emulation=False):
        return torch.bfloat16
    return torch.float16 if torch.cuda.get_device_capability(device) >= (7, 0) else None


def _batch(rows: int) -> str:
    return f"batch_size {rows}"


@contextmanager
def memory_in_words(rows: int, device: torch.device, setting: Callable[[int], str] = _batch) -> Iterator[None]:
    """Turn running out of memory with batches of `rows` into a line that says what to try.

    `setting` is what a person gives for so many rows.
    """
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not memory_out(error):
            raise
        where = "GPU memory" if device.type == "cuda" else "Memory"
        advice = f"train with {setting(max(1, rows // 2))}" if rows > 1 else "train a smaller one"
        raise CuratorError(f"{where} ran out with {setting(rows)}: {advice}") from error


def gpu_words(device: torch.device) -> list[str]:
    """The GPU's load and memory in words; empty without a GPU, and without the load where the driver does not tell."""
    if device.type != "cuda":
        return []
    free, total = torch.cuda.mem_get_info(device)
    words = [f"{(total - free) / 1e9:.1f} of {total / 1e9:.1f} GB on the GPU"]
    try:
        return [f"GPU {torch.cuda.utilization(device)} %", *words]
    except (ImportError, RuntimeError):
        return words


def peak_memory(device: torch.device) -> int | None:
    """Most bytes that this process held so far: on the GPU where it trains there, else in main memory; None where the
    system does not tell."""
    if device.type == "cuda":
        return int(torch.cuda.max_memory_reserved(device))
    if sys.platform == "win32":
        return None
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak
