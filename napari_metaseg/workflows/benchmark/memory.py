"""The memory of this process."""

from __future__ import annotations

import sys


def peak_memory() -> float | None:
    """Return the high-water mark of this process's resident memory (MB) so far.

    It never falls: in a run of several methods it belongs to the hungriest until
    then, so a method's own need is measured by a run of that method alone. None where
    the system does not tell (Windows).
    """
    if sys.platform == "win32":
        return None
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # macOS counts bytes, Linux kibibytes.
    return peak / 1e6 if sys.platform == "darwin" else peak * 1024 / 1e6
