"""Short names of weights and settings, so that old results are not taken for new."""

from __future__ import annotations

import hashlib
import json


def fingerprint(*parts: object) -> str:
    """Name JSON-ready values by the first 12 hex digits of their SHA-256."""
    text = json.dumps(parts, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]
