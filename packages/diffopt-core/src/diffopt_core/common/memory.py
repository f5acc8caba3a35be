"""Memory that is freed and needed again at the next step stays in the process."""

from __future__ import annotations

import ctypes
import os
import sys
from functools import lru_cache

#: Options of glibc's mallopt(3), and their values, bytes.
_OPTIONS = {-1: ("MALLOC_TRIM_THRESHOLD_", 1 << 30), -3: ("MALLOC_MMAP_THRESHOLD_", 1 << 30)}


@lru_cache
def keep_freed() -> None:
    """Freed blocks are not returned to the system. glibc returns those from a size on that depends on what was freed
    before, and gets them again with a fault for every page: 20,000 a step, a quarter of its time. A value that the user
    has set in the environment is kept; other C libraries are left alone."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt is not None and not any(name in os.environ for name, _ in _OPTIONS.values()):
        for option, (_, size) in _OPTIONS.items():
            mallopt(option, size)
