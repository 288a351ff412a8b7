"""Errors that speak to the person at the bench."""

from __future__ import annotations


class UserError(ValueError):
    """Bad input: one sentence that says what is wrong and what to do."""


class DeviceError(UserError):
    """The chosen compute device cannot be used here."""
