"""What makes training on a CPU fast: half precision where the CPU has it, and memory that is not given back."""

from __future__ import annotations

import ctypes
import platform

import torch

TRIM_THRESHOLD, TOP_PAD, MMAP_MAX = -1, -2, -4
"""Parameters of mallopt(3)."""
KEPT_BYTES = 2**31 - 1


def half_where_fast() -> torch.autocast:
    """Return a context in which networks run in bfloat16, on CPUs that do; on others it would be emulated, slowly."""
    return torch.autocast("cpu", torch.bfloat16, enabled=bool(torch.ops.mkldnn._is_mkldnn_bf16_supported()))


def keep_freed_memory() -> None:
    """Let this process keep the memory that it frees: a step's tensors are as large as the last one's.

    By default the C library gives every large block back, and each step pays for its pages again.
    Does nothing where the C library is not glibc.
    """
    if platform.libc_ver()[0] != "glibc":
        return
    library = ctypes.CDLL(None)
    library.mallopt(MMAP_MAX, 0)
    library.mallopt(TRIM_THRESHOLD, KEPT_BYTES)
    library.mallopt(TOP_PAD, 2**26)
