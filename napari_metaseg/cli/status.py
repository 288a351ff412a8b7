"""Exit statuses of the commands, besides 0."""

SOME_FAILED = 1
"""Some of several files failed."""

BAD_INPUT = 2
"""Nothing could be done; stderr has one sentence that says why."""

STOPPED = 130
"""Stopped by Ctrl+C, as shells number it."""
