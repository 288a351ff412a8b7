"""Settings that every test shares."""

from __future__ import annotations

import os

# On Windows torch cannot be loaded any more once Qt has been.
import torch  # noqa: F401
from tqdm import tqdm

# tqdm's monitor thread and Qt's event loop crash each other.
tqdm.monitor_interval = 0
# Nobody's napari settings are read or changed.
os.environ["NAPARI_CONFIG"] = ""
