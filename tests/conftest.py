"""Settings that every test shares."""

from __future__ import annotations

import os
import tempfile

# On Windows torch cannot be loaded any more once Qt has been.
import torch  # noqa: F401
from hypothesis import settings
from tqdm import tqdm

# tqdm's monitor thread and Qt's event loop crash each other.
tqdm.monitor_interval = 0
# A busy machine is no failure: speed is measured by benchmarks, not by tests.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")
# Nobody's napari settings are read or changed.
os.environ["NAPARI_CONFIG"] = ""
# Nor are anybody's own initializations and tasks.
os.environ["NAPARI_METASEG_HOME"] = os.path.join(
    tempfile.gettempdir(), f"napari-metaseg-{os.getpid()}"
)
