"""``python -m napari_metaseg`` is the command ``napari-metaseg``."""

from __future__ import annotations

import sys

from .cli import main

if __name__ == "__main__":
    sys.exit(main())
